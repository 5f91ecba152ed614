"""Making a picture again: what is written down for that, where, and how it is read."""
