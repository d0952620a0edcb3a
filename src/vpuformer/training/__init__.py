"""Training: recipes, losses, the simulated interaction on one batch, and the loop around it."""
