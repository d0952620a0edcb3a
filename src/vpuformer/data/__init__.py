"""Images with their objects: data sets on disk, the field's benchmarks, and what training makes of them."""
