"""The network on a page that needs no server: JavaScript that answers prompts as `vpuformer.inference` does."""
