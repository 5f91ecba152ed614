"""A file that is whole or absent, and what could not be placed."""
