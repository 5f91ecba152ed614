"""`jobs`: the record listed, one job shown or its picture fetched, the costs summed up."""

import os
import re
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from prodia_compose import errors
from prodia_compose.cli import signals, terminal, watcher
from prodia_compose.cli.options import values
from prodia_compose.cli.options.declared import FetchOptions
from prodia_compose.cli.options.reading import takes_options
from prodia_compose.client.options import Delivery
from prodia_compose.client.service import Service, is_loopback, normalise_base_url
from prodia_compose.output import names, places
from prodia_compose.output.options import OutputFormat, Placement
from prodia_compose.progress import visible
from prodia_compose.record import ledger, spending
from prodia_compose.record.entries import Entry
from prodia_compose.report import documents, jobs_text, jsontext, tables
from prodia_compose.report import jobs as job_documents

_SERVICE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

app = typer.Typer(add_completion=False, rich_markup_mode=None, invoke_without_command=True)

_Limit = Annotated[
    int,
    typer.Option(
        "--limit",
        metavar="N",
        parser=values.parsing("--limit", int),
        help="At most so many; 0 for all",
    ),
]
_Since = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", help="Only from then on: YYYY-MM-DD, or with a time"),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object")]
_LIMIT = 20


@app.callback()
def jobs_root(
    context: typer.Context, *, limit: _Limit = _LIMIT, since: _Since = None, json: _Json = False
) -> int:
    """Look at the record of jobs, and fetch what did not arrive; alone, it lists them.

    \b
    prodia-compose jobs                        the latest jobs
    prodia-compose jobs show 3f9c              one of them
    prodia-compose jobs fetch 3f9c -o out.jpg  its picture, if that did not arrive
    prodia-compose jobs spend --since 2026-08-01

    The record stays on this machine; PRODIA_COMPOSE_RECORD=off turns it off.
    """  # noqa: D301
    if context.invoked_subcommand is None:
        return jobs_list(limit=limit, since=since, json=json)
    if limit != _LIMIT or since is not None or json:
        command = context.invoked_subcommand
        raise errors.UsageError(f"jobs: write its options after the command: jobs {command} ...")
    return 0


@app.command("list", short_help="List the latest jobs")
def jobs_list(*, limit: _Limit = _LIMIT, since: _Since = None, json: _Json = False) -> int:
    """List the latest jobs, the last one first.

    \b
    prodia-compose jobs list --limit 5
    prodia-compose jobs list --limit 0 --json | jq '.jobs[].state'
    """  # noqa: D301
    first = _moment_of(since)
    with ledger.open_record(os.environ, create=False) as record:
        entries = record.entries(limit=limit + 1 if limit else None, since=first)
    trouble = _trouble(record, as_json=json)
    shown = entries[:limit] if limit else entries
    if json:
        terminal.print_text(jsontext.line(job_documents.jobs(shown, trouble)))
    elif shown:
        terminal.print_text("\n".join(tables.aligned(jobs_text.table(shown))))
    if len(entries) > len(shown):
        terminal.tell(f"prodia-compose: the latest {len(shown)} are listed; --limit 0 lists all")
    elif not entries and not json and record.trouble is None:
        since_then = "" if since is None else f" since {since}"
        terminal.tell(f"prodia-compose: no jobs are in the record{visible(since_then)}")
    return 0


@app.command("show", short_help="Show all that is known of a job")
def jobs_show(
    job: Annotated[
        str,
        typer.Argument(metavar="ID", help="The id of a job, or how it begins"),
    ],
    *,
    json: _Json = False,
) -> int:
    """Show all that is known of a job.

    \b
    prodia-compose jobs show 3f9c
    """  # noqa: D301
    with ledger.open_record(os.environ, create=False) as record:
        entry = record.find(job)
    trouble = _trouble(record, as_json=json)
    if json:
        terminal.print_text(jsontext.line(job_documents.jobs([entry], trouble)))
    else:
        rows = [(name, visible(value)) for name, value in jobs_text.details(entry)]
        terminal.print_text("\n".join(tables.aligned(rows)))
    return 0


@app.command("fetch", short_help="Bring a picture that did not arrive")
@takes_options
def jobs_fetch(options: FetchOptions) -> int:
    """Bring a job's picture that did not arrive: one kept aside, or an --async job's.

    \b
    prodia-compose jobs fetch 3f9c
    prodia-compose jobs fetch 3f9c -o out.jpg --create-dirs

    A copy that was kept aside stays; remove it when you need it no more.
    """  # noqa: D301
    from prodia_compose.pipeline import fetch as fetching  # noqa: PLC0415 - requests and Pillow
    from prodia_compose.pipeline.run import Run  # noqa: PLC0415 - as above

    with (
        ledger.open_record(os.environ, create=False) as record,
        watcher.reporter(options) as reporter,
    ):
        entry = _known(record, options.job)
        source = fetching.find(entry, options.job)
        target = options.output or (entry.output if entry else "composed.jpg")
        findings = errors.Findings()
        place, address = None, None
        with findings.collecting():
            place = _place(options, target)
        if not source.kept:
            with findings.collecting():
                address = _service(options.delivery, entry.host if entry else None)
        if place is None or findings.errors:
            raise errors.combined(findings.errors)
        run = Run(signals.current())
        try:
            fetching.fetch(
                source,
                run,
                service=address,
                place=place,
                format_=_format(target),
                record=record,
                reporter=reporter,
                stdout=terminal.binary_stdout,
            )
            known = [record.find(entry.id)] if entry else []
            with run.stop.at_once():
                terminal.tell_warnings(run.warnings, options)
                terminal.tell_saved(
                    options,
                    lambda: {**job_documents.jobs(known), **documents.fetched(run, place)},
                    run.saved[0].path if run.saved else place.path,
                    messages=run.messages,
                    details=[
                        f"prodia-compose: the copy stays: {visible(str(file))}"
                        for _, file in source.kept
                        if not place.skipped
                    ],
                )
        except (errors.ComposeError, errors.Interrupted) as end:
            end.run = run
            raise
    return 0


@app.command("spend", short_help="Sum up what jobs have cost")
def jobs_spend(*, since: _Since = None, json: _Json = False) -> int:
    """Sum up what jobs have cost, by day and model.

    \b
    prodia-compose jobs spend --since 2026-08-01
    prodia-compose jobs spend --json | jq .total.actual_usd
    """  # noqa: D301
    first = _moment_of(since)
    with ledger.open_record(os.environ, create=False) as record:
        spent = spending.spending(record.entries(since=first), since=first)
    trouble = _trouble(record, as_json=json)
    if json:
        terminal.print_text(jsontext.line(job_documents.spend(spent, trouble)))
    elif spent.lines:
        terminal.print_text("\n".join(tables.aligned(list(jobs_text.spent(spent)))))
    elif record.trouble is None:
        terminal.tell("prodia-compose: the record holds no job that may be billed")
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
        if_exists=replace(options.placement, target=target).policy,
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
    token, _ = delivery.token(text, stdin, findings, sending=True)
    if token is None:
        raise errors.combined(findings.errors)
    return replace(delivery, base_url=base_url).service(token)


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
