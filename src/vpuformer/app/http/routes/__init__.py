"""Routes of the server, one file a subject. Functions that are not `async` run in threads."""
