"""Combine several pictures into one with a sentence, through Prodia's hosted models."""

__all__ = ["version"]


def version() -> str:
    """Return the installed version, as `pyproject.toml` states it."""
    from importlib import metadata  # noqa: PLC0415 - 15 ms that only --version and requests pay

    return metadata.version("prodia-compose")
