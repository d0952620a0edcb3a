"""Objects, their steps and the answers to them."""
