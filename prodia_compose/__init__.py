"""Combine several pictures into one with a sentence, through Prodia's hosted models."""

__version__ = "0.2.0"
"""The version of the package, which `pyproject.toml` takes from here: metadata take 15 ms to read."""
