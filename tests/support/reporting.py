"""What was made, made up: documents as results files have them, and such files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from prodia_compose.record import ledger

HEADER = {
    "schema": "prodia-compose/batch-header@1",
    "host": "inference.prodia.com",
    "sandbox": False,
    "shard": None,
    "version": "0.1.0",
}


def row(name: str, status: str = "done", number: int = 1, **others: Any) -> dict[str, Any]:
    """Return a row's end; one that is done has a picture that is called as it."""
    is_done = status == "done"
    error = {"kind": status, "exit_code": 5, "message": f"it is {status}", "path": None}
    return {
        "schema": "prodia-compose/row@1",
        "id": name,
        "row": number,
        "status": status,
        "ok": is_done,
        "model": "flux-2-pro",
        "job": {"type": "x", "config": {"prompt": "a red wall", "images": ["in.png"]}},
        "images": [{"position": 1, "path": "in.png", "label": None}],
        "prompt": "a red wall",
        "errors": [] if is_done else [error],
        "outputs": [{"path": f"{name}.png"}] if is_done else [],
        "price_usd": 0.03 if is_done else None,
        "reserved_usd": 0.04,
        "elapsed_s": 8.25,
        "sandbox": False,
        "record_id": name,
        "at": "2026-12-02T01:00:00.000Z",
        **others,
    }


def start(name: str, **others: Any) -> dict[str, Any]:
    """Return a row's start."""
    known = {"request_key": None, "record_id": name, "reserved_usd": 0.04}
    return {
        "schema": "prodia-compose/row-start@1",
        "id": name,
        **known,
        "at": "2026-12-02T01:00:00.000Z",
        **others,
    }


def written(path: Path | str, rows: Sequence[dict[str, Any]], **header: Any) -> str:
    """Write a results file and the pictures that its rows name beside it; return its name."""
    path = Path(path)
    lines = [{**HEADER, **header}, *rows]
    path.write_text("".join(f"{json.dumps(one, separators=(',', ':'))}\n" for one in lines))
    named = (
        one["path"] for each in rows for one in (*each.get("images", ()), *each.get("outputs", ()))
    )
    for number, name in enumerate(sorted(set(named)), 1):
        place = path.parent / name
        if place.suffix == ".png" and not place.exists() and place.parent.is_dir():
            Image.new("RGB", (60, 40), (40 * number % 256, 90, 160)).save(place)
    return str(path)


def no_record() -> ledger.Ledger:
    """Return a record that holds nothing."""
    return ledger.open_record({"PRODIA_COMPOSE_RECORD": "off"})
