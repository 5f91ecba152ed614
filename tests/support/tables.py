"""The longer tables of the tests, kept as data: a JSON array each, one row a line."""

import json
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent.parent / "data"


def rows(name: str) -> list[Any]:
    """Return the rows of the table `room/name` under tests/data."""
    found: list[Any] = json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))
    return found
