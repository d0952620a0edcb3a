"""What is kept of an annotation: one SQLite file."""
