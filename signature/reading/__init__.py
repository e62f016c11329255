"""One module per format: a file in, facts on each of its signatures out."""
