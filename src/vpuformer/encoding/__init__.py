"""Prompts in pixels as the vectors, maps and tokens that the network reads."""
