"""One request and its answer on the wire."""
