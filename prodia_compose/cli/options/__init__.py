"""What can be typed: the rooms' options, given to Typer and read in our words."""
