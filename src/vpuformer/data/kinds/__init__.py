"""One reader for each kind of data set."""
