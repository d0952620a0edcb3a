"""Storage of annotations: one SQLite file, or another database."""
