"""A page that needs no server: JavaScript answers prompts as `vpuformer.inference` does."""
