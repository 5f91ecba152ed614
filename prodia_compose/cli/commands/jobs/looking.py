"""`jobs list`, `show` and `spend`: what the record says, and nothing changed."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from prodia_compose import addresses, errors
from prodia_compose.cli import terminal
from prodia_compose.cli.commands.jobs.options import (
    LIMIT,
    Json,
    Limit,
    Preview,
    Sandbox,
    Since,
    Until,
    Verbose,
    is_about_sandbox,
    tell_trouble,
)
from prodia_compose.cli.options import moments
from prodia_compose.inputs import files
from prodia_compose.progress import visible
from prodia_compose.record import contents, home, ledger, spending
from prodia_compose.record.entries import Entry
from prodia_compose.report import jobs as job_documents
from prodia_compose.report import jobs_text, tables

_MOST_IN_FULL = 3


def list_jobs(
    *,
    limit: Limit = LIMIT,
    since: Since = None,
    until: Until = None,
    sandbox: Sandbox = False,
    json: Json = False,
) -> int:
    """List the latest jobs, the last one first.

    \b
    prodia-compose jobs list --limit 5
    prodia-compose jobs list --since 2026-11 --until 2026-11
    prodia-compose jobs list --limit 0 --json | jq '.jobs[].state'
    """  # noqa: D301
    (first, last), is_sandbox = moments.window(since, until), is_about_sandbox(sandbox=sandbox)
    with ledger.open_record(os.environ, create=False) as record:
        entries = record.entries(
            limit=limit + 1 if limit else None, since=first, until=last, is_sandbox=is_sandbox
        )
        others = () if entries else record.entries(limit=1, is_sandbox=not is_sandbox)
    trouble = tell_trouble(record, as_json=json)
    shown = entries[:limit] if limit else entries
    if json:
        terminal.print_document(job_documents.jobs(shown, trouble))
    elif shown:
        terminal.print_text("\n".join(jobs_text.table(shown, terminal.layout())))
    if len(entries) > len(shown):
        terminal.tell(f"prodia-compose: the latest {len(shown)} are listed; --limit 0 lists all")
    elif not entries and not json and record.trouble is None:
        words = "no jobs of the sandbox are" if is_sandbox else "no jobs are"
        words += " in the record" + "".join(
            f" {flag} {time}" for flag, time in (("since", since), ("until", until)) if time
        )
        if others and not is_sandbox:
            words += "; --sandbox lists those of the sandbox"
        terminal.tell(f"prodia-compose: {visible(words)}")
    return 0


def show(
    job: Annotated[
        str,
        typer.Argument(metavar="ID|FILE", help="The id of a job, or how it begins; or a picture"),
    ],
    *,
    preview: Preview = False,
    json: Json = False,
    verbose: Verbose = 0,
) -> int:
    """Show all that is known of a job, or of the jobs that made a picture or used it.

    \b
    prodia-compose jobs show 3f9c --preview
    prodia-compose jobs show composed.jpg    by what is in it, not by its name
    prodia-compose jobs show room.jpg --json | jq -r '.jobs[].id'

    Where a picture has to do with more than three jobs, they are listed.
    """  # noqa: D301
    with ledger.open_record(os.environ, create=False) as record:
        pairs = _found(record, job)
    trouble = tell_trouble(record, as_json=json)
    if preview:
        _show_picture(job if pairs[0][1] else None, pairs[0][0], verbose)
    if json:
        terminal.print_document(job_documents.shown(pairs, trouble))
        return 0
    if len(pairs) > _MOST_IN_FULL:
        terminal.print_text("\n".join(jobs_text.parts(pairs, terminal.layout())))
        words = f"{job} has to do with {len(pairs)} jobs; `prodia-compose jobs show ID` tells all"
        terminal.tell(f"prodia-compose: {visible(words)} of one")
        return 0
    blocks = []
    for entry, part in pairs:
        rows = [*([("file", f"{job} is {part.words}")] if part else []), *jobs_text.details(entry)]
        shown = [(name, visible(value)) for name, value in rows]
        lines = [*tables.aligned(shown, terminal.layout())]
        if (again := jobs_text.again(entry)) is not None:  # whole, so that it can be pasted
            lines.append(f"{'again':{max(len(name) for name, _ in shown)}}  {again}")
        blocks.append("\n".join(lines))
    terminal.print_text("\n\n".join(blocks))
    return 0


def spend(*, since: Since = None, until: Until = None, json: Json = False) -> int:
    """Sum up what jobs have cost, by day and model.

    \b
    prodia-compose jobs spend --since 2026-11
    prodia-compose jobs spend --since 30d --json | jq .total.actual_usd

    Those of the sandbox cost nothing, and are not counted.
    """  # noqa: D301
    first, last = moments.window(since, until)
    with ledger.open_record(os.environ, create=False) as record:
        entries = record.entries(
            since=first, until=last, is_sandbox=is_about_sandbox(sandbox=False)
        )
    spent = spending.spending(entries, since=first, until=last)
    trouble = tell_trouble(record, as_json=json)
    if json:
        terminal.print_document(job_documents.spend(spent, trouble))
    elif spent.lines:
        terminal.print_table(jobs_text.spent(spent))
    elif record.trouble is None:
        terminal.tell("prodia-compose: the record holds no job that may be billed")
    return 0


def _found(record: ledger.Ledger, named: str) -> Sequence[tuple[Entry, contents.Part | None]]:
    """Return the jobs that a name means, each with what the file of that name is to it.

    Raises:
        errors.UsageError: There is none.
        errors.InputError: What is called so is no file, or cannot be read.
    """
    unreadable: tuple[str, ...] = ()
    try:
        if found := contents.find(record, named):
            return found
    except errors.InputError as exc:
        unreadable = (f"{exc.words}, and no job's id begins so", *exc.hints)
    try:
        return [(record.find(named), None)]  # an id can be the name of a file too
    except errors.UsageError as exc:
        is_there = os.path.exists(named)  # noqa: PTH110 - pathlib raises at long names
        if is_there and unreadable:
            raise errors.InputError(*unreadable, path=named) from exc
        if record.trouble is not None or not (is_there or addresses.names_file(named)):
            raise
        words = f"{named}: no job of the record made this picture or used it, as it is now"
        cure = "`prodia-compose verify` tells whether it was altered"
        none = None if home.is_rehearsing(os.environ) else "a rehearsal (--sandbox) is in no record"
        raise errors.UsageError(*unreadable or (words, cure, none)) from exc


def _show_picture(named: str | None, entry: Entry, verbosity: int) -> None:
    """Show a file, or else a job's pictures: in their places, as they came, or as they were kept."""
    from prodia_compose.cli import preview  # noqa: PLC0415 - Pillow, for those who want to see

    saved = [one.path for one in entry.outputs if files.holds(one.path, one.sha256)]
    kept = [path for path in entry.rescued if Path(path).is_file()]
    preview.show_files([named] if named else saved or kept, verbosity)
