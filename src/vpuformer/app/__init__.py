"""The browser app: a page that takes prompts on images, and the server that answers them.

Layers, each of which imports only those after it: `http` (the server), `annotation` (steps and their answers),
`images` (pixels for the page), `store` (the database), `schemas` (JSON messages) and `step_schemas` (the steps in
them). `page` is what the browser loads.
"""
