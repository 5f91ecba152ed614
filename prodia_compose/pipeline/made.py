"""What was made, read from results files, sidecars and the record: a document for each row or job.

A `lines.Document` is what `prodia-compose/row@1` or `prodia-compose/result@1` say, with paths that are
usable from the working directory, of any bytes, and never a `path_b64`. It always has a `status`:
one of `lines.Status`, or `skipped`, `listed`, `not-started` of rows that a run of a batch only
listed, or `running` of a job of the record that is not at its end.
"""

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from prodia_compose import errors, values
from prodia_compose.inputs import files
from prodia_compose.pipeline import reading
from prodia_compose.pipeline.batch.results import history, lines
from prodia_compose.pipeline.batch.results.lines import Document
from prodia_compose.progress import visible
from prodia_compose.record.entries import Entry, State, stamp
from prodia_compose.record.ledger import Ledger

_DESCRIBING = ("model", "job_type", "job", "images", "prompt", "row", "meta", "recipe")
"""What a row's earlier line tells of its next start, if that asks for the same picture."""

_MOST_SHOWN = 5

_UNSENT: Final = ("skipped", "listed", "not-started")
"""What rows have come to that a run did not send."""

_STATUSES: dict[State, str] = {"saved": "done", "received": "not-placed"}
"""What a state of the record is called in a document, where it is called otherwise."""


def documents(path: str, record: Ledger | None = None) -> list[Document]:
    """Return what a results file, or a sidecar, says: the latest of each row, as they first appear.

    A row that has a start and no end is `unknown`; what it was asked for, the record may know. Earlier jobs of a row, which may have cost
    something too, are under `before` in it, the first one first; its file is under `results`. Any file of documents that
    `compose --json` or `batch --json` printed can be read.

    Raises:
        errors.InputError: It cannot be read, or something in it is none of these.
    """
    folder = os.path.dirname(path)  # noqa: PTH120 - as typed
    rows: dict[str, tuple[Document, history.Last]] = {}
    order: list[Document | str] = []
    try:
        with reading.opened(path) as file:
            for number, line in reading.documents(path, file):
                try:
                    fields = {name: line[name] for name in line if name not in _OURS}
                    now = _checked(lines.usable({**fields, "status": _status(line)}, folder))
                    _, last, _ = history.step(_counted(now), folder)
                except ValueError as exc:
                    raise lines.damaged(path, number) from exc
                if line["schema"] == reading.RESULT:
                    order.append(now)
                    continue
                if last.id not in rows:
                    order.append(last.id)
                rows[last.id] = _later(
                    rows.get(last.id), {**now, "id": last.id, "results": path}, last
                )
    except OSError as exc:
        why, *hints = errors.reason(exc, _REASONS)
        raise errors.InputError(f"{path}: cannot be read: {why}", *hints, path=path) from exc
    if not order:
        cure = "name a results file of a batch, or a sidecar"
        raise errors.InputError(f"{path}: holds no row and no result", cure, path=path)
    listed = [rows[one][0] if isinstance(one, str) else one for one in order]
    return listed if record is None else [_described(one, record) for one in listed]


def _described(document: Document, record: Ledger) -> Document:
    """Return a document; of one that has no more than a start, with what the record says of its job."""
    name = document.get("record_id")
    is_bare = document["schema"] == lines.START and "job" not in document
    entry = record.entry(str(name)) if is_bare and name is not None else None
    if entry is None:
        return document
    recorded = of_job(entry)
    return {**{key: recorded[key] for key in _DESCRIBING if key in recorded}, **document}


def of_job(entry: Entry) -> Document:
    """Return the document of a job of the record."""
    parts = entry.config.get("images")
    names = parts if isinstance(parts, list) else []
    images: list[Document] = [
        {
            "position": number,
            "path": one.path,
            "label": None,
            "part": names[number - 1] if number <= len(names) else None,
            "bytes": one.size,
            "sha256": one.sha256,
            "sent_sha256": one.sent_sha256,
        }
        for number, one in enumerate(entry.inputs, 1)
    ]
    outputs: list[Document] = [{"path": one.path, "sha256": one.sha256} for one in entry.outputs]
    is_open = entry.is_running and entry.state in ("prepared", "sending", "accepted", "received")
    return {
        "schema": reading.RESULT,
        "status": "running" if is_open else _STATUSES.get(entry.state, entry.state),
        "ok": entry.state == "saved",
        "model": entry.model,
        "job_type": entry.job_type,
        "job": {"type": entry.job_type, "config": dict(entry.config)},
        "images": images,
        "prompt": entry.prompt,
        "warnings": [],
        "errors": [],
        "estimate_usd": entry.estimate_usd,
        "estimate_min_usd": entry.estimate_min_usd,
        "reserved_usd": entry.estimate_usd,
        "digest": entry.digest,
        "request_key": entry.request_key,
        "record_id": entry.id,
        "output": outputs[0] if outputs else {"path": entry.output},
        "outputs": outputs,
        "rescued": [{"path": path} for path in entry.rescued],
        "messages": [],
        "job_id": entry.job_id,
        "request_id": entry.request_id,
        "price_usd": entry.price_usd,
        "may_be_billed": entry.may_be_billed,
        "sandbox": entry.is_sandbox,
        "at": stamp(entry.changed_at),
        "recipe": entry.recipe,
    }


def gathered(names: Iterable[str], record: Ledger) -> list[Document]:
    """Return what several names mean, each job once; all that is wrong is told together.

    Args:
        names: Results files, sidecars, `RESULTS#ID`, or ids of jobs; a file comes first.
        record: Where jobs are looked up.

    Raises:
        errors.InputError: One means nothing; `errors.ProblemsError` if several do.
    """
    findings = errors.Findings()
    jobs: list[Document] = []
    for name in dict.fromkeys(names):  # no job is shown twice, nor what it cost
        with findings.collecting():
            is_file = os.path.exists(name)  # noqa: PTH110 - of any bytes
            listed = documents(name, record) if is_file else [find(name, record)]
            ids = {one[key] for one in jobs for key in _JOBS if one.get(key) is not None}
            jobs += [one for one in listed if ids.isdisjoint(map(one.get, _JOBS))]
    findings.raise_if_any()
    return jobs


def find(name: str, record: Ledger) -> Document:
    """Return the one document that a name means.

    Args:
        name: A sidecar, or a results file of one row; `RESULTS#ID`, a row of one; or how the id
            of a job begins. It is a file if there is one of that name.
        record: Where jobs are looked up.

    Raises:
        errors.InputError: There is none, or several are there.
    """
    if os.path.exists(name):  # noqa: PTH110 - of any bytes
        found = documents(name, record)
        if len(found) == 1:
            return found[0]
        cure = f"name one of them: {name}#{visible(_name(found[0]))}"
        what = "rows" if "id" in found[0] else "results"
        raise errors.InputError(f"{name}: holds {len(found)} {what}", cure, path=name)
    path = ""
    for mark in re.finditer("#", name):
        path, row = name[: mark.start()], name[mark.end() :]
        if os.path.exists(path):  # noqa: PTH110 - of any bytes
            return _row(path, row, record)
    try:
        return of_job(record.find(name))
    except errors.UsageError as exc:
        if record.trouble is not None or not ("/" in name or Path(name).suffix):
            raise errors.InputError(exc.words, *exc.hints, path=name) from exc
        near = files.nearest(path or name)
        near = f"{near}.json" if os.path.exists(f"{near}.json") else near  # noqa: PTH110 - as above
        row = name.removeprefix(path) if path else ""
        cure = f"did you mean {near}{row}?" if near else files.to_check(path or name)
        words = f"{name}: no such file, and no job of the record has an id that begins so"
        raise errors.InputError(words, cure, path=name) from exc


def _name(document: Document) -> str:
    """Return what a row is called in its file, or else a result by its job."""
    return str(document.get("id") or document.get("record_id") or document.get("job_id") or "ID")


def _row(path: str, name: str, record: Ledger) -> Document:
    rows = documents(path, record)
    for one in rows:
        if _name(one) == name:
            return one
    ids = list(map(_name, rows))
    near = next((one for one in ids if name and one.startswith(name)), None)
    near = near or values.nearest(name, ids)
    more = f" and {len(ids) - _MOST_SHOWN} more" if len(ids) > _MOST_SHOWN else ""
    cure = f"there are {visible(', '.join(ids[:_MOST_SHOWN]))}{more}"
    if near:
        cure = f"did you mean {path}#{visible(near)}?"
    raise errors.InputError(f"{path}: has no row {name}", cure, path=path)


def _status(line: Document) -> object:
    """Return what became of a row or job; of a result, what its pictures say."""
    if line["schema"] == lines.START:
        return "unknown"
    return line.get("status") or ("done" if line.get("outputs") else "skipped")


def _counted(document: Document) -> Document:
    """Return a document as the history of a batch reads it, which has no rows that are not sent."""
    is_unsent = document["status"] in _UNSENT
    return {"id": "", **document, **({"status": "cancelled"} if is_unsent else {})}


def _checked(document: Document) -> Document:
    """Return a document whose fields are of the kinds that readers go by.

    Raises:
        ValueError: One is not.
    """
    for names, kinds in _KINDS:
        for name in names:
            if not isinstance(document.get(name), kinds):
                raise ValueError(f"no such {name}")  # noqa: TRY004 - what was read is wrong
    for name in _NUMBERS:  # NaN is neither
        if (value := document.get(name)) is not None and not 0 <= value < _LARGEST:  # type: ignore[operator] # a number, by its kind
            raise ValueError(f"no such {name}")
    output = document.get("output")
    named = [one for name in ("images", "outputs", "rescued") for one in _listed(document, name)]
    if not all(map(_is_file, named if output is None else [*named, output])):
        raise ValueError("no such file")
    job = document.get("job")
    if isinstance(job, dict) and not isinstance(job.get("config"), dict):
        raise ValueError("no such job")  # noqa: TRY004 - what was read is wrong
    return document


def _is_file(value: object) -> bool:
    """Return whether an object has a path, and what is told of that by a text is one."""
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        return False
    texts = ("label", "part", "sha256", "sent_sha256", "pixels_sha256", "format")
    return all(isinstance(value.get(name), str | None) for name in texts)


def _listed(document: Document, name: str) -> list[object]:
    value = document.get(name)
    return value if isinstance(value, list) else []


def _later(
    before: tuple[Document, history.Last] | None, now: Document, last: history.Last
) -> tuple[Document, history.Last]:
    """Return what is known of a row after another of its lines."""
    if before is None:
        return now, last
    known, earlier = before
    if now["status"] in _UNSENT:
        return before
    if history.is_same_job(earlier, last):
        return {**known, **now}, last
    jobs = [*_listed(known, "before"), {name: known[name] for name in known if name != "before"}]
    description = {}
    if last.is_open and known.get("request_key") == last.request_key:
        description = {name: known[name] for name in _DESCRIBING if name in known}
    return {**description, **now, "before": jobs}, last


_OURS: Final = ("before", "results")
"""What is told of a document here; in a file it is nobody's."""

_JOBS: Final = ("job_id", "record_id")
"""What a job is known by, here and at the service, wherever it is told of."""

_NUMBERS: Final = ("elapsed_s", "price_usd", "estimate_usd", "reserved_usd", "row")
_LARGEST: Final = 2**63

_KINDS: Final = (
    (("images", "outputs", "rescued", "errors", "warnings"), list | None),
    (("job", "output"), dict | None),
    (("model", "prompt", "at", "job_type", *_JOBS), str | None),
    (_NUMBERS, int | float | None),
    (("row",), int | None),
)
"""What the fields are that readers go by."""

_REASONS = {
    errno.ENOENT: ("no such file",),
    errno.EACCES: ("permission denied", "make it readable"),
    errno.EISDIR: ("is a folder", "name a results file in it, or a sidecar"),
}
