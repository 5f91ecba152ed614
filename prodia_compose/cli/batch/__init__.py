"""What is told of a batch."""
