"""The JSON documents of `jobs --json`: fields are added and never renamed."""

import base64
from collections.abc import Iterable
from dataclasses import asdict

from prodia_compose import reporting
from prodia_compose.ledger.entries import Entry, File
from prodia_compose.ledger.rows import stamp
from prodia_compose.ledger.spending import Spending

__all__ = ["jobs", "spend"]

Document = dict[str, object]


def jobs(entries: Iterable[Entry]) -> Document:
    """Return `prodia-compose/jobs@1`: jobs in the order given, times in UTC."""
    return {"schema": "prodia-compose/jobs@1", "jobs": [_job(entry) for entry in entries]}


def spend(spent: Spending) -> Document:
    """Return `prodia-compose/spend@1`: sums by local day and model, and over all; null is unknown."""
    return {
        "schema": "prodia-compose/spend@1",
        "since": None if spent.since is None else stamp(spent.since),
        "spend": [
            {"day": line.day.isoformat(), "model": line.model, **asdict(line.amounts)}
            for line in spent.lines
        ],
        "total": asdict(spent.total),
    }


def _job(entry: Entry) -> Document:
    return {
        "id": entry.id,
        "state": entry.state,
        "reached": entry.reached,
        "running": entry.is_running,
        "exit_code": entry.exit_code,
        "may_be_billed": entry.may_be_billed,
        "begun_at": stamp(entry.begun_at),
        "changed_at": stamp(entry.changed_at),
        "host": entry.host,
        "model": entry.model,
        "job_type": entry.job_type,
        "config": _encodable(entry.config),
        "inputs": [_file(one) for one in entry.inputs],
        "output": _named("name", entry.output),
        "outputs": [_file(one) for one in entry.outputs],
        "rescued": [_named("path", path) for path in entry.rescued],
        "job_id": entry.job_id,
        "request_id": entry.request_id,
        "price_usd": entry.price_usd,
        "estimate_usd": entry.estimate_usd,
        "estimate_min_usd": entry.estimate_min_usd,
        "digest": entry.digest,
        "pid": entry.pid,
        "tool_version": entry.tool_version,
    }


def _file(one: File) -> Document:
    return {**_named("name", one.name), "sha256": one.sha256}


def _named(key: str, name: str) -> Document:
    """Return a name's fields: shown, and its bytes if they are not UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "surrogateescape")
        return {
            key: reporting.visible(name),
            f"{key}_b64": base64.b64encode(raw).decode("ascii"),
        }
    return {key: name}


def _encodable(value: object) -> object:
    """Return a JSON value with half characters, which UTF-8 cannot write, escaped."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    if isinstance(value, dict):
        return {str(_encodable(key)): _encodable(item) for key, item in value.items()}
    return value
