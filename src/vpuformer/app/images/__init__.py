"""Images on their way to the page."""
