"""What reads as an address rather than a path, how either may be told, and which can be read."""

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from prodia_compose.progress import visible

DASHBOARD: Final = "the Prodia dashboard (https://app.prodia.com/api)"
"""Where an account's jobs and balance are. Source: the readme of the vendor's own client."""

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://|(data|file|https?):", re.IGNORECASE)

_URL = re.compile(r"https?://", re.IGNORECASE)

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
    return _URL.match(path) is not None


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


def named(key: str, name: str) -> dict[str, object]:
    """Return a file's name, or path, for JSON; if it is not UTF-8, escaped with its bytes beside it.

    Args:
        key: The field's name; that of the bytes, in Base64, is `KEY_b64`.
        name: As Python has it, its undecodable bytes as half characters.
    """
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:
        return {key: name}  # written down under another locale than this one
    try:
        return {key: raw.decode()}
    except UnicodeDecodeError:
        return {key: visible(name), f"{key}_b64": base64.b64encode(raw).decode("ascii")}


def name_in(document: Mapping[str, object], key: str) -> str:
    """Return a name, or path, as `named` put it into JSON.

    Raises:
        ValueError: There is none.
    """
    name, raw = document.get(key), document.get(f"{key}_b64")
    if isinstance(raw, str):
        return os.fsdecode(base64.b64decode(raw, validate=True))
    if not isinstance(name, str):
        raise ValueError(f"no {key}")  # noqa: TRY004 - what was read is wrong, whatever its kind
    return name


def why_unreadable(path: str) -> tuple[str, ...] | None:
    """Say why an address, or a `~`, of which there is no file cannot be read, and what to do.

    None for others.
    """
    if path.startswith("~"):
        return "no such file: ~ is not expanded here", "write the whole path, or $HOME"
    kind = scheme(path)
    if kind is None:
        return None
    if kind == "file":
        plain = unquote(re.sub(r"file:(//(localhost)?(?=/))?", "", path, flags=re.IGNORECASE))
        return (f"write the path of a file as it is: {plain}",)
    if kind in ("http", "https"):
        return "no such file", f"an address begins with {kind}://"
    return f"{kind} addresses are not supported", "use http or https, or download it first"
