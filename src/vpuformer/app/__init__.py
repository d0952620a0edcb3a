"""The browser app: a page that shows images and takes prompts, and the server that answers and stores them.

Layers, each of which imports only those after it: `http` (the server), `annotation` (steps and their answers),
`images` (pixels for the page), `store` (the database) and `schemas` (JSON messages). `page` is what the browser loads.
"""
