"""What became of a batch's rows: written as they go, read again, and what is due by that."""
