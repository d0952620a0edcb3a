"""Images with their objects: data sets on disk, benchmarks, and training samples."""
