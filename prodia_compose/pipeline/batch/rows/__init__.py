"""What was written, in a manifest or as a list, turned into rows: a request each."""
