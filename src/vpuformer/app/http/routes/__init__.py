"""What the server answers, one file a subject. Functions that are not `async` run in threads."""
