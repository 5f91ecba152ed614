"""Pixels: decoded, made smaller, made 8-bit."""
