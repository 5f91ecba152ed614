"""What jobs of the record look like to people: a table, one of them in full, sums."""

import json
import os
import shlex
import stat
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from prodia_compose import errors
from prodia_compose.inputs import files
from prodia_compose.models.facts import Estimate
from prodia_compose.progress import size, visible
from prodia_compose.record import spending
from prodia_compose.record.entries import Entry, File, Settled, State
from prodia_compose.report import jobs, tables
from prodia_compose.report.catalogue import price_text

if TYPE_CHECKING:  # for annotations; it loads Pillow
    from prodia_compose.output import keeping
    from prodia_compose.record.contents import Part

_MEANINGS: dict[State, str] = {
    "prepared": "waiting to be sent",
    "sending": "being sent, or waited for",
    "accepted": "running at the service, and waited for",
    "received": "a picture came and is not in its place",
    "saved": "the picture is in its place",
    "rejected": "the service rejected it",
    "busy": "it did not run: the service was busy",
    "not-delivered": "it did not run: it was not sent in whole",
    "unknown": "sent, and no answer settled it; look at the Prodia dashboard",
}


_SETTLED: dict[Settled, str] = {
    "billed": "you settled it: it was billed, and brought no picture",
    "not-billed": "you settled it: it was not billed",
}

_STYLES: dict[State, str] = {
    "accepted": tables.YELLOW,
    "received": tables.YELLOW,
    "saved": tables.GREEN,
    "rejected": tables.RED,
    "busy": tables.RED,
    "not-delivered": tables.RED,
    "unknown": tables.YELLOW,
}
"""Green for what is done, red for what failed, yellow for what may have cost and is open."""

_NO_COST = "no cost"
_SHORTEST_PROMPT, _LONGEST_PROMPT = 16, 40


def table(entries: Iterable[Entry], layout: tables.Layout = tables.PLAIN) -> Iterator[str]:
    """Yield the table of jobs, heading first, a line each.

    On a terminal so much of each prompt is shown as finds room beside the paths of the
    pictures, or below the rest of its job, and times are told from now; elsewhere all is exact.
    """
    titles = _heading("PROMPT")
    rows = [_row(entry, layout) for entry in entries]
    if layout.columns is not None:
        widths = [max(map(tables.width, column)) for column in zip(titles, *rows, strict=True)]
        room = min(layout.columns - sum(widths) + widths[5] - 2 * len(widths[1:]), _LONGEST_PROMPT)
        is_beside = room >= _SHORTEST_PROMPT
        rows = [
            (
                *row[:5],
                tables.cut(row[5], room if is_beside else _below(row[6], layout.columns)),
                row[6],
            )
            for row in rows
        ]
    return tables.aligned([titles, *rows], layout)


def _below(picture: str, columns: int) -> int:
    """Return how long a prompt may be in the line below its job, the picture after it if possible."""
    room = columns - len("  PROMPT ")
    beside = room - tables.width(f"  PICTURE {picture}")
    return beside if beside >= _SHORTEST_PROMPT else room


def parts(
    entries: "Iterable[tuple[Entry, Part | None]]", layout: tables.Layout = tables.PLAIN
) -> Iterator[str]:
    """Yield the table of the jobs that a file has to do with, heading first, a line each."""
    rows = [
        (*row[:5], part.words.removesuffix(" of this job") if part else "", row[6])
        for row, part in ((_row(entry, layout), part) for entry, part in entries)
    ]
    return tables.aligned([_heading("THE FILE IS"), *rows], layout)


def _heading(sixth: str) -> tuple[str, ...]:
    titles = ("ID", "BEGUN", "STATE", "MODEL", "PRICE", sixth, "PICTURE")
    return tables.heading(*titles, right=("PRICE",))


def _row(entry: Entry, layout: tables.Layout) -> tuple[str, ...]:
    style = _STYLES.get(entry.state)
    return (
        visible(entry.id),
        _time(entry.begun_at, layout),
        tables.styled(entry.state, style) if style else entry.state,
        visible(entry.model),
        _price(entry),
        visible(" ".join(entry.prompt.split())),
        _picture(entry),
    )


def _time(moment: datetime, layout: tables.Layout) -> str:
    """Return a time: exact to the second, or on a terminal, up to a month, how long ago it was."""
    passed_s = (datetime.now(UTC) - moment).total_seconds()
    if layout.columns is None:
        return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
    for unit, seconds, until in (
        ("s", 1, 60),
        ("min", 60, 60),
        ("h", 3600, 24),
        ("days", 86400, 31),
    ):
        if 0 <= passed_s < seconds * until:
            count = int(passed_s // seconds)
            return f"{count} {'day' if unit == 'days' and count == 1 else unit} ago"
    return f"{moment.astimezone():%Y-%m-%d}"


def _price(entry: Entry) -> str:
    if entry.is_sandbox:
        return _NO_COST
    if entry.price_usd is not None:
        return _usd(entry.price_usd, entry.price_usd)
    if not entry.may_be_billed:
        return "-"
    return f"({_usd(entry.estimate_min_usd, entry.estimate_usd)})"


def _usd(low: float | None, high: float | None) -> str:
    return price_text(Estimate(minimum_usd=low, maximum_usd=high))


def _picture(entry: Entry) -> str:
    """Return what became of the picture, in a word or two."""
    if entry.outputs:
        return ", ".join(visible(one.path) for one in entry.outputs)
    return "to fetch" if _fetch_brings(entry, _kept(entry)) else "-"


def _kept(entry: Entry) -> list[tuple[str, str | None]]:
    """Return what was kept of a job: each path, and what is there instead of a whole picture."""
    if not entry.rescued:
        return []
    from prodia_compose.output import rescue  # noqa: PLC0415 - Pillow

    return [(path, rescue.fault(path)) for path in entry.rescued]


def _fetch_brings(entry: Entry, kept: Iterable[tuple[str, str | None]]) -> str | None:
    """Return what `jobs fetch` would bring of a job that has no picture yet; None for nothing.

    It asks what `fetching.find` asks, so that nothing is promised that is refused then.
    """
    if entry.is_running or entry.state == "saved":
        return None
    if any(fault is None for _, fault in kept):
        return "its picture"
    if not entry.is_at_service:
        return None
    has_it = "that sandbox still runs" if entry.is_sandbox else "the service still has it"
    return f"its picture if {has_it}"


def details(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield all that is known of one job: a name, and what it is."""
    yield "id", entry.id
    lies = [(one, _fault(one)) for one in entry.outputs]
    meaning = _MEANINGS[entry.state] if entry.settled is None else _SETTLED[entry.settled]
    if entry.state == "saved" and entry.settled is None:
        meaning = _saved([fault for _, fault in lies])
    yield "state", f"{entry.state}: {meaning}"
    kept = _kept(entry)
    if brought := _fetch_brings(entry, kept):
        yield "", f"`prodia-compose jobs fetch {entry.id}` brings {brought}"
    yield "begun", f"{entry.begun_at.astimezone():%Y-%m-%d %H:%M:%S %z}"
    yield "changed", f"{entry.changed_at.astimezone():%Y-%m-%d %H:%M:%S %z}"
    if entry.is_running:
        yield "process", str(entry.pid)
    if entry.exit_code is not None:
        yield "exit code", str(entry.exit_code)
    yield "service", f"{entry.host}{' (sandbox)' if entry.is_sandbox else ''}"
    yield "model", f"{entry.model} ({entry.job_type})"
    for key, value in entry.config.items():
        yield key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    for number, source in enumerate(entry.inputs, 1):
        own = "" if source.sha256 is None else f"  sha256:{source.sha256}"
        yield f"input {number}", f"{source.path}{own}  sent sha256:{source.sent_sha256}"
    yield "output", entry.output
    for one, wrong in lies:
        yield "saved", f"{one.path}  sha256:{one.sha256}{f'  which {wrong}' if wrong else ''}"
    for path, fault in kept:
        yield "kept", path if fault is None else f"{path}, which {fault}"
    yield "job id", entry.job_id or "-"
    yield "request id", entry.request_id or "-"
    price = "not told" if entry.price_usd is None else _usd(entry.price_usd, entry.price_usd)
    yield "price", f"{_NO_COST}: sandbox" if entry.is_sandbox else price
    yield "estimate", _usd(entry.estimate_min_usd, entry.estimate_usd)
    is_sure = entry.state in ("saved", "received") or entry.price_usd is not None
    yield "billed", ("yes" if is_sure else "perhaps") if entry.may_be_billed else "no"
    yield "digest", entry.digest
    yield "request key", entry.request_key or "-"
    yield "version", entry.tool_version


def _fault(one: File) -> str | None:
    """Return what is wrong with a picture where it was saved, if anything; None if nobody knows.

    The words complete a sentence that begins with the file's name.
    """
    if not one.path.startswith("/") or one.path.startswith("/dev/"):
        return None  # a stream, or a job of 0.1.0, which noted no folder
    try:
        status = Path(one.path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return "is gone from there"
    except OSError as exc:
        return f"cannot be looked at ({errors.reason(exc, {})[0]})"
    if not stat.S_ISREG(status.st_mode):
        return "is no file now"
    if not os.access(one.path, os.R_OK):
        return "cannot be read"
    return "" if files.holds(one.path, one.sha256) else "has changed since"


def _saved(faults: Sequence[str | None]) -> str:
    """Return what is so of the pictures of a saved job by now."""
    is_one = len(faults) == 1
    what = "the picture was saved" if is_one else "the pictures were saved"
    if any(faults):
        return f"{what}, and {faults[0] if is_one else 'not all are as they were'}"
    if None in faults or not faults:
        return f"{what} or written down a pipe"
    return "the picture is in its place" if is_one else "the pictures are in their places"


def again(entry: Entry) -> str | None:
    """Return the line for a shell that makes a job again, or why there is none; None of old jobs."""
    if entry.recipe is None:
        return None
    line = jobs.command(entry)
    if line is not None:
        return shlex.join(line)
    return "cannot be: a picture came from standard input, or by an address that is not kept whole"


def kept(files: "Iterable[keeping.Kept]") -> list[tuple[str, ...]]:
    """Return the rows of the table of what is kept aside, heading first."""
    return [
        tables.heading("KEPT", "SIZE", "JOB", "FILE", right=("SIZE",)),
        *(
            (
                f"{one.changed_at.astimezone():%Y-%m-%d %H:%M}",
                size(one.byte_count),
                one.entry.id if one.entry else "-",
                visible(one.path) + (", not saved elsewhere" if one.is_only_copy else ""),
            )
            for one in files
        ),
    ]


def how_much(files: "Sequence[keeping.Kept]") -> str:
    """Return how many files these are, and how large."""
    count = f"{len(files)} file{'' if len(files) == 1 else 's'}"
    return f"{count}, {size(sum(one.byte_count for one in files))}"


def spent(sums: spending.Spending) -> Iterator[tuple[str, ...]]:
    """Yield the rows of what jobs have cost, heading first."""
    titles = ("DAY", "MODEL", "JOBS", "UNSETTLED", "BILLED", "ESTIMATE", "MAXIMUM")
    yield tables.heading(*titles, right=titles[2:])
    for (day, model), amounts in sums.lines.items():
        yield day.isoformat(), visible(model), *_amounts(amounts)
    yield "total", "", *_amounts(sums.total)


def _amounts(sums: spending.Amounts) -> tuple[str, ...]:
    billed = "-"
    if sums.actual_usd is not None:
        billed = _usd(sums.actual_usd, sums.actual_usd)
        billed += f" for {sums.priced} of {sums.jobs}" if sums.priced < sums.jobs else ""
    unsettled = str(sums.unknown)
    return (
        str(sums.jobs),
        tables.styled(unsettled, tables.YELLOW) if sums.unknown else unsettled,
        billed,
        _usd(sums.estimate_min_usd, sums.estimate_usd),
        _usd(sums.at_most_usd, sums.at_most_usd),
    )
