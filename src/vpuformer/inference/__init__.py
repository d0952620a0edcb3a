"""The act of segmenting: an image is encoded once, and queries about it are answered."""
