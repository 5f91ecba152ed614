"""Tables of cases that stand in `tests/data`."""

import json
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parents[1] / "data"


def rows(name: str) -> list[Any]:
    """Return the rows of `tests/data/NAME.jsonl`, each a line of JSON; `# ` begins a remark."""
    lines = (_DATA / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line and not line.startswith("# ")]
