"""From prompts in pixels to the vectors, maps and tokens that the network reads."""
