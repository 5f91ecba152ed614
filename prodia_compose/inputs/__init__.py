"""What was named, turned into inputs in order."""
