"""What can be typed: declared for Typer, read in our words, made into a request."""
