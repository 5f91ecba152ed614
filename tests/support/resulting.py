"""Results files for the tests of batches: what a run wrote, and processes that write more.

Run as a program, it is a run of a batch: it holds the results named by its first argument,
starts the rows of the others, tells so, and waits.
"""

import hashlib
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from prodia_compose import addresses
from prodia_compose.pipeline.batch.results.file import Results
from prodia_compose.pipeline.batch.results.lines import Header

HEADER = Header(host="inference.prodia.com", is_sandbox=False, shard=None, version="0.1.0")

KEY, OTHER_KEY = "a" * 64, "b" * 64


def end(name: str, status: str = "done", *, path: Path | str = "a.jpg", **others: Any) -> Any:
    """Return the document of a row's end; of one that is done, its picture's facts."""
    outputs = []
    if status == "done":
        place = Path(path)
        data = place.read_bytes() if place.is_file() else b"gone"
        facts = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        outputs = [{**addresses.named("path", str(path)), "format": "jpeg", **facts}]
    failed = [{"kind": status, "exit_code": 5, "message": f"it is {status}"}]
    return {
        "schema": "prodia-compose/row@1",
        **addresses.named("id", name),
        "row": 1,
        "status": status,
        "errors": [] if status == "done" else failed,
        "record_id": None,
        "request_key": KEY,
        "reserved_usd": 0.04,
        "at": "2026-12-02T01:00:00.000Z",
        "meta": None,
        "images": [{"position": 1, "path": "/in/a.jpg"}],
        "output": outputs[0] if outputs else None,
        "outputs": outputs,
        "price_usd": 0.039 if status == "done" else None,
        **others,
    }


def begin(results: Results, name: str, *, record_id: str | None = None, **others: Any) -> None:
    """Write that a row is about to be sent."""
    others.setdefault("reserved_usd", Decimal("0.04"))
    known = {"request_key": KEY, "record_id": record_id, **others}
    results.start(name, **known)


def opened(path: Path | str, *ids: str, header: Header = HEADER) -> Results:
    """Return a run's results file, of a batch of these rows."""
    return Results(str(path), header, ids=ids)


def documents(path: Path) -> list[Any]:
    """Return the lines of a results file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


if __name__ == "__main__":
    with opened(sys.argv[1], *sys.argv[2:]) as held:
        for name_ in sys.argv[2:]:
            begin(held, name_)
        sys.stdout.write("held\n")
        sys.stdout.flush()
        sys.stdin.readline()
