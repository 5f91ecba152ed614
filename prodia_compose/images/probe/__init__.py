"""What a file is, from its header alone."""
