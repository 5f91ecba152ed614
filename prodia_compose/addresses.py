"""What reads as an address rather than a path, how either may be told, and which can be read."""

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

DASHBOARD: Final = "the Prodia dashboard (https://app.prodia.com/api)"
"""Where an account's jobs and balance are. Source: the readme of the vendor's own client."""

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://|(data|file|https?):", re.IGNORECASE)

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{2,5}$")

_UNESCAPED = r"(?!\[)[^/?#@:]*:(?!\d*[/?#])[^/?#@]*[/?#].*"
"""A user and a password with a `/`, `?` or `#` in it: what follows the colon is no port."""

# A password may hold an @; a slash that was forgotten makes it no less of a password.
_USER = rf"^(https?:/*|[^:/]+://)(?:{_UNESCAPED}|[^/?#]*)@"


def scheme(path: str) -> str | None:
    """Return the scheme of what reads as an address, in lower case; None for a path."""
    match = _ADDRESS.match(path)
    return (match[1] or match[2]).lower() if match else None


def is_url(path: str) -> bool:
    """Return whether this is an address that can be downloaded."""
    return re.match(r"https?://", path, re.IGNORECASE) is not None


def names_file(text: str) -> bool:
    """Return whether words are rather the name of a file, there or not, than anything else."""
    if text == "-" or os.path.lexists(text) or is_url(text):
        return True
    return len(text.split()) < 5 and ("/" in text or _SUFFIX.search(text) is not None)


def shown(path: str) -> str:
    """Return a path or address as it may be told: without password and query, which can be keys."""
    kind = scheme(path)
    if kind is None:
        return path
    if kind == "data":
        return f"{path.partition(',')[0][:40]},..."
    bare = re.sub(_USER, r"\1", path, flags=re.IGNORECASE | re.DOTALL)
    return re.sub(r"\?[^#]+", "?...", bare, count=1)


def absolute(path: str) -> str:
    """Return a path from the root, any `..` in it as typed; as it is where this folder is gone."""
    try:
        return str(Path(path).absolute())
    except OSError:
        return path


def why_unreadable(path: str) -> str | None:
    """Say why an address, or a `~`, of which there is no file cannot be read; None for others."""
    if path.startswith("~"):
        return "no such file; ~ is not expanded here, so write the whole path, or $HOME"
    kind = scheme(path)
    if kind is None:
        return None
    if kind == "file":
        plain = unquote(re.sub(r"file:(//(localhost)?(?=/))?", "", path, flags=re.IGNORECASE))
        return f"write the path of a file as it is: {plain}"
    if kind in ("http", "https"):
        return f"no such file; an address begins with {kind}://"
    return f"{kind} addresses are not supported; use http or https, or download it first"
