"""Recipes, losses, the simulated interaction of one batch, and the loop around it."""
