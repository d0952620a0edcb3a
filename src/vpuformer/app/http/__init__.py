"""The web server: routes, access and errors."""
