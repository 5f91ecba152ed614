"""The JSON documents of `jobs --json`: fields are added and never renamed."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from prodia_compose import errors
from prodia_compose.record.entries import Entry, File, stamp
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
            {"day": day.isoformat(), "model": model, **asdict(amounts)}
            for (day, model), amounts in spent.lines.items()
        ],
        "total": asdict(spent.total),
        "warnings": warnings(warned),
    }


def _job(entry: Entry) -> Document:
    """Return the fields of an entry in their order, under their names but for one."""
    fields = {name: _plain(value) for name, value in vars(entry).items() if name != "is_async"}
    fields["output"] = named("name", entry.output)
    fields["rescued"] = [named("path", path) for path in entry.rescued]
    return {"running" if name == "is_running" else name: fields[name] for name in fields}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, File):
        return {**named("name", value.name), "sha256": value.sha256}
    return value
