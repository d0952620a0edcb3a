"""Training: recipes, losses, the simulated interaction on a batch, and the loop."""
