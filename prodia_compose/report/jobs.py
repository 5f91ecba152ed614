"""The JSON documents of `jobs --json`: fields are added and never renamed."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from prodia_compose import errors
from prodia_compose.addresses import named
from prodia_compose.record.entries import Entry, File, Source, base_name, stamp
from prodia_compose.record.spending import Spending
from prodia_compose.report.jsontext import Document, warnings

if TYPE_CHECKING:  # for an annotation; it loads Pillow
    from prodia_compose.output import keeping
    from prodia_compose.record.contents import Part

_NAMES = {"is_running": "running", "is_sandbox": "sandbox"}


def jobs(entries: Iterable[Entry], warned: Iterable[errors.Warned] = ()) -> Document:
    """Return `prodia-compose/jobs@1`: jobs in the order given, times in UTC."""
    return {
        "schema": "prodia-compose/jobs@1",
        "jobs": [_job(entry) for entry in entries],
        "warnings": warnings(warned),
    }


def shown(
    entries: "Iterable[tuple[Entry, Part | None]]", warned: Iterable[errors.Warned] = ()
) -> Document:
    """Return `prodia-compose/jobs@1` of jobs, each with what a file is to it, if one was named."""
    pairs = list(entries)
    document = jobs([], warned)
    document["jobs"] = [
        {**_job(entry), **({} if part is None else {"file": _part(part)})} for entry, part in pairs
    ]
    return document


def _part(part: "Part") -> Document:
    return {"picture": part.picture, "inputs": list(part.inputs), "kept": part.is_kept}


def cleaned(removed: "Iterable[keeping.Kept]", warned: Iterable[errors.Warned] = ()) -> Document:
    """Return `prodia-compose/jobs@1` of what was removed: the jobs it was of, and the files."""
    files = list(removed)
    entries = {one.entry.id: one.entry for one in files if one.entry is not None}
    return {
        **jobs(entries.values(), warned),
        "removed": [{**named("path", one.path), "bytes": one.byte_count} for one in files],
    }


def spend(spent: Spending, warned: Iterable[errors.Warned] = ()) -> Document:
    """Return `prodia-compose/spend@1`: sums by local day and model, and over all; null is unknown."""
    return {
        "schema": "prodia-compose/spend@1",
        "since": None if spent.since is None else stamp(spent.since),
        "until": None if spent.until is None else stamp(spent.until),
        "spend": [
            {"day": day.isoformat(), "model": model, **asdict(amounts)}
            for (day, model), amounts in spent.lines.items()
        ],
        "total": asdict(spent.total),
        "warnings": warnings(warned),
    }


def _job(entry: Entry) -> Document:
    """Return the fields of an entry in their order, under their names but for two."""
    fields = {name: _plain(value) for name, value in vars(entry).items() if name != "is_async"}
    fields["output"] = _place(entry.output)
    fields["rescued"] = [named("path", path) for path in entry.rescued]
    fields["command"] = command(entry)
    return {_NAMES.get(name, name): fields[name] for name in fields}


def command(entry: Entry) -> list[str] | None:
    """Return the command line that makes a job again, from any folder; None if there is none.

    What cost nothing costs nothing by it.
    """
    from prodia_compose.pipeline.again import recipe  # noqa: PLC0415 - where there are jobs

    line = None if entry.recipe is None else recipe.command(entry.recipe, entry.id)
    return [*line, "--sandbox"] if line and entry.is_sandbox else line


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, File):
        pixels = {"pixels_sha256": value.pixels_sha256}
        return {**_place(value.path), "sha256": value.sha256, **pixels}
    if isinstance(value, Source):
        return {
            **_place(value.path),
            "bytes": value.size,
            "mtime_ns": value.mtime_ns,
            "sha256": value.sha256,
            "sent_sha256": value.sent_sha256,
        }
    return value


def _place(path: str) -> Document:
    """Return a base name, and the path if it is known."""
    name = base_name(path)
    return {**named("name", name), **(named("path", path) if path != name else {"path": None})}
