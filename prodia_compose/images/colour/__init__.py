"""Colours to sRGB."""
