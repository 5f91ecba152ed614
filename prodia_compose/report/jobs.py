"""The JSON documents of `jobs --json`: fields are added and never renamed."""

from collections.abc import Iterable
from dataclasses import asdict

from prodia_compose import errors
from prodia_compose.record.entries import Entry, File
from prodia_compose.record.rows import stamp
from prodia_compose.record.spending import Spending
from prodia_compose.report.jsontext import Document, named, warnings


def jobs(entries: Iterable[Entry], warned: Iterable[errors.Warned] = ()) -> Document:
    """Return `prodia-compose/jobs@1`: jobs in the order given, times in UTC."""
    return {
        "schema": "prodia-compose/jobs@1",
        "jobs": [_job(entry) for entry in entries],
        "warnings": warnings(warned),
    }


def spend(spent: Spending, warned: Iterable[errors.Warned] = ()) -> Document:
    """Return `prodia-compose/spend@1`: sums by local day and model, and over all; null is unknown."""
    return {
        "schema": "prodia-compose/spend@1",
        "since": None if spent.since is None else stamp(spent.since),
        "spend": [
            {"day": line.day.isoformat(), "model": line.model, **asdict(line.amounts)}
            for line in spent.lines
        ],
        "total": asdict(spent.total),
        "warnings": warnings(warned),
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
        "config": dict(entry.config),
        "inputs": [_file(one) for one in entry.inputs],
        "output": named("name", entry.output),
        "outputs": [_file(one) for one in entry.outputs],
        "rescued": [named("path", path) for path in entry.rescued],
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
    return {**named("name", one.name), "sha256": one.sha256}
