"""What is told of it: JSON, tables, text."""
