"""Tables of what tests are about, `tests/data/<room>/<name>.json`, and the bytes JSON stands for."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent.parent / "data"


def table(name: str) -> Any:
    """Return a table; a low surrogate alone in it stands for a byte that is no text."""
    return json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))


def rows(name: str) -> list[Any]:
    """Return a table that is a list of rows."""
    found: list[Any] = table(name)
    return found


def raw(named: Mapping[str, str], key: str = "path") -> bytes:
    """Return the bytes of a name in one of the program's documents."""
    encoded = named.get(f"{key}_b64")
    return named[key].encode() if encoded is None else base64.b64decode(encoded, validate=True)
