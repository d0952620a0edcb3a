"""The server: routes, access and errors."""
