"""`jobs`: the record listed, one job shown or its picture fetched, the costs summed up."""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from prodia_compose import errors
from prodia_compose.cli import catalogue, terminal, watcher
from prodia_compose.cli.options.declared import FetchOptions
from prodia_compose.client.options import Delivery
from prodia_compose.client.service import Service, is_loopback, normalise_base_url
from prodia_compose.models.facts import Estimate
from prodia_compose.output import names, places
from prodia_compose.output.options import OutputFormat, Placement
from prodia_compose.pipeline import gather
from prodia_compose.progress import visible
from prodia_compose.record import ledger, spending
from prodia_compose.record.entries import Entry, State
from prodia_compose.report import documents, jsontext, tables
from prodia_compose.report import jobs as records

if TYPE_CHECKING:  # for an annotation; only fetching needs requests and Pillow
    from prodia_compose.pipeline import fetch as fetching


_SERVICE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

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


def _kept(entry: Entry) -> list[tuple[str, str | None]]:
    """Return what was kept of a job: each path, and what is there instead of a whole picture."""
    if not entry.rescued:
        return []
    from prodia_compose.output import rescue  # noqa: PLC0415 - Pillow

    return [(path, rescue.fault(path)) for path in entry.rescued]


def _fetch_brings(entry: Entry, kept: Iterable[tuple[str, str | None]]) -> str | None:
    """Return what `jobs fetch` would bring of a job that has no picture yet; None for nothing.

    It asks what `fetching.errand` asks, so that nothing is promised that is refused then.
    """
    if entry.is_running or entry.state == "saved":
        return None
    if any(fault is None for _, fault in kept):
        return "its picture"
    return "its picture if the service still has it" if entry.is_at_service else None


def show_list(*, limit: int, since: str | None, as_json: bool) -> int:
    """Print jobs, the last one first; return the exit code."""
    first = _moment_of(since)
    with ledger.open_record(os.environ, create=False) as record:
        entries = record.entries(limit=limit + 1 if limit else None, since=first)
    trouble = _trouble(record, as_json=as_json)
    shown = entries[:limit] if limit else entries
    if as_json:
        terminal.print_text(jsontext.line(records.jobs(shown, trouble)))
    elif shown:
        heading = ("ID", "BEGUN", "STATE", "MODEL", "PRICE", "PICTURE")
        terminal.print_text("\n".join(tables.aligned([heading, *map(_row, shown)])))
    if len(entries) > len(shown):
        terminal.tell(f"prodia-compose: the latest {len(shown)} are listed; --limit 0 lists all")
    elif not entries and not as_json and record.trouble is None:
        since_then = "" if since is None else f" since {since}"
        terminal.tell(f"prodia-compose: no jobs are in the record{visible(since_then)}")
    return 0


def show(prefix: str, *, as_json: bool) -> int:
    """Print all that is known of a job; return the exit code."""
    with ledger.open_record(os.environ, create=False) as record:
        entry = record.find(prefix)
    trouble = _trouble(record, as_json=as_json)
    if as_json:
        terminal.print_text(jsontext.line(records.jobs([entry], trouble)))
    else:
        rows = [(name, visible(value)) for name, value in _details(entry)]
        terminal.print_text("\n".join(tables.aligned(rows)))
    return 0


def spend(*, since: str | None, as_json: bool) -> int:
    """Print what jobs have cost, by day and model; return the exit code."""
    first = _moment_of(since)
    with ledger.open_record(os.environ, create=False) as record:
        spent = record.spend(since=first)
    trouble = _trouble(record, as_json=as_json)
    if as_json:
        terminal.print_text(jsontext.line(records.spend(spent, trouble)))
    elif spent.lines:
        rows: list[tuple[str, ...]] = [
            ("DAY", "MODEL", "JOBS", "UNKNOWN", "TOLD", "ESTIMATE", "AT MOST")
        ]
        rows += [
            (line.day.isoformat(), visible(line.model), *_amounts(line.amounts))
            for line in spent.lines
        ]
        rows.append(("total", "", *_amounts(spent.total)))
        terminal.print_text("\n".join(tables.aligned(rows)))
    elif record.trouble is None:
        terminal.tell("prodia-compose: the record holds no job that may be billed")
    return 0


def fetch(options: FetchOptions) -> int:
    """Bring a job's picture to its place and print the path; return the exit code."""
    from prodia_compose.pipeline import fetch as fetching  # noqa: PLC0415 - requests and Pillow

    with (
        ledger.open_record(os.environ, create=False) as record,
        watcher.reporter(
            quiet=options.quiet, verbosity=options.verbose, as_json=options.json
        ) as reporter,
    ):
        entry = _known(record, options.job)
        errand = fetching.errand(entry, options.job)
        target = options.output or (entry.output if entry else "composed.jpg")
        findings = errors.Findings()
        place, address = None, None
        with findings.collecting():
            place = _place(options, target)
        if not errand.kept:
            with findings.collecting():
                address = _service(options.delivery, entry.host if entry else None)
        findings.raise_if_any()
        if place is None:
            raise AssertionError("without a place there is an error")
        done = fetching.fetch(
            errand,
            service=address,
            place=place,
            format_=_format(target),
            record=record,
            reporter=reporter,
            stdout=terminal.binary_stdout,
        )
        entry = record.find(entry.id) if entry else None
    _report(options, place, entry, done)
    return 0


def _known(record: ledger.Ledger, name: str) -> Entry | None:
    """Return the job of an id; None for a service's whole id that the record does not know.

    Raises:
        errors.UsageError: There is no such job, or several are called so.
    """
    try:
        return record.find(name)
    except errors.UsageError:
        if not _SERVICE_ID.fullmatch(name):
            raise
    return None


def _format(target: str) -> OutputFormat | None:
    """Return the format that a name asks for; None if any will do."""
    if target == "-" or not Path(target).suffix:
        return None
    return names.asked_format(Placement(target=target))


def _place(options: FetchOptions, target: str) -> places.Place:
    _format(target)  # a suffix of no picture is refused with the rest
    place = places.prove(
        target,
        if_exists=options.placement.policy,
        create_dirs=options.placement.create_dirs,
    )
    if place.is_stdout:
        terminal.refuse_stdout(target, as_json=options.json, called=options.called)
    return place


def _service(delivery: Delivery, host: str | None) -> Service:
    """Return the service that an earlier job went to, with the token for it.

    Args:
        delivery: The options.
        host: The service's, with its port if it has one, as the record has it.

    Raises:
        errors.AuthError: There is no token, or it is malformed.
    """
    base_url = delivery.base_url
    if host is not None and urlsplit(base_url).netloc != host:
        scheme = "http" if is_loopback(urlsplit(f"//{host}").hostname or "") else "https"
        base_url = normalise_base_url(f"{scheme}://{host}")
    findings = errors.Findings()
    text, stdin = os.environ.get("PRODIA_TOKEN"), sys.stdin.buffer if sys.stdin else None
    token, _ = gather.token(delivery, text, stdin, findings, sending=True)
    findings.raise_if_any()
    if token is None:
        raise AssertionError("without a token there is an error")
    return Service(
        base_url=base_url,
        token=token,
        connect_timeout_s=delivery.connect_timeout_s,
        timeout_s=delivery.timeout_s,
    )


def _report(
    options: FetchOptions,
    place: places.Place,
    entry: Entry | None,
    done: "fetching.Fetched",
) -> None:
    paths = [one.path for one in done.outputs] or [place.path]
    if options.json:
        known = records.jobs([entry] if entry else [])
        document = jsontext.line({**known, **documents.fetched(done, place)})
        terminal.print_saved(f"{document}\n".encode(), paths[0])
        return
    for one in done.warnings if not options.quiet else ():
        terminal.tell_warning(one)
    for message in done.messages if not options.quiet else ():
        terminal.tell(f"the service says: {visible(message)}")
    if terminal.tells_details(quiet=options.quiet, verbosity=options.verbose):
        for path in done.kept:
            terminal.tell(f"prodia-compose: the copy stays: {visible(str(path))}")
    if paths[0] != "-":
        terminal.print_path(paths[0])


def _moment_of(since: str | None) -> datetime | None:
    """Return the moment that `--since` names; without a zone it is local.

    Raises:
        errors.UsageError: It is no date.
    """
    if since is None:
        return None
    try:
        return datetime.fromisoformat(since).astimezone()
    except (ValueError, OverflowError) as exc:
        raise errors.UsageError(
            f"--since {since}: no date; write YYYY-MM-DD, or YYYY-MM-DDTHH:MM"
        ) from exc


def _trouble(record: ledger.Ledger, *, as_json: bool) -> tuple[errors.Warned, ...]:
    """Return what keeps the record from telling all; told, unless a document does."""
    if record.trouble is None:
        return ()
    if not as_json:
        terminal.tell_warning(record.trouble)
    return (record.trouble,)


def _row(entry: Entry) -> tuple[str, ...]:
    return (
        entry.id,
        f"{entry.begun_at.astimezone():%Y-%m-%d %H:%M}",
        entry.state,
        visible(entry.model),
        _price(entry),
        _picture(entry),
    )


def _price(entry: Entry) -> str:
    if entry.price_usd is not None:
        return _usd(entry.price_usd, entry.price_usd)
    if not entry.may_be_billed:
        return "-"
    return f"({_usd(entry.estimate_min_usd, entry.estimate_usd)})"


def _usd(low: float | None, high: float | None) -> str:
    return catalogue.price_text(Estimate(minimum_usd=low, maximum_usd=high))


def _picture(entry: Entry) -> str:
    """Return what became of the picture, in a word or two."""
    if entry.outputs:
        return ", ".join(visible(one.name) for one in entry.outputs)
    return "to fetch" if _fetch_brings(entry, _kept(entry)) else "-"


def _details(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield all that is known of one job, the name first."""
    yield "id", entry.id
    yield "state", f"{entry.state}: {_MEANINGS[entry.state]}"
    kept = _kept(entry)
    if brought := _fetch_brings(entry, kept):
        yield "", f"`prodia-compose jobs fetch {entry.id}` brings {brought}"
    yield "begun", f"{entry.begun_at.astimezone():%Y-%m-%d %H:%M:%S %z}"
    yield "changed", f"{entry.changed_at.astimezone():%Y-%m-%d %H:%M:%S %z}"
    if entry.is_running:
        yield "process", str(entry.pid)
    if entry.exit_code is not None:
        yield "exit code", str(entry.exit_code)
    yield "service", entry.host
    yield "model", f"{entry.model} ({entry.job_type})"
    for key, value in entry.config.items():
        yield key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    for number, one in enumerate(entry.inputs, 1):
        yield f"input {number}", f"{one.name}  sha256:{one.sha256}"
    yield "output", entry.output
    for one in entry.outputs:
        yield "saved", f"{one.name}  sha256:{one.sha256}"
    for path, fault in kept:
        yield "kept", path if fault is None else f"{path}, which {fault}"
    yield "job id", entry.job_id or "-"
    yield "request id", entry.request_id or "-"
    yield "price", "not told" if entry.price_usd is None else _usd(entry.price_usd, entry.price_usd)
    yield "estimate", _usd(entry.estimate_min_usd, entry.estimate_usd)
    is_sure = entry.state in ("saved", "received") or entry.price_usd is not None
    yield "billed", ("yes" if is_sure else "perhaps") if entry.may_be_billed else "no"
    yield "digest", entry.digest
    yield "version", entry.tool_version


def _amounts(sums: spending.Amounts) -> tuple[str, ...]:
    told = "-"
    if sums.actual_usd is not None:
        told = _usd(sums.actual_usd, sums.actual_usd)
        told += f" for {sums.priced}" if sums.priced < sums.jobs else ""
    return (
        str(sums.jobs),
        str(sums.unknown),
        told,
        _usd(sums.estimate_min_usd, sums.estimate_usd),
        _usd(sums.at_most_usd, sums.at_most_usd),
    )
