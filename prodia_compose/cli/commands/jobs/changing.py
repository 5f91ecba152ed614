"""`jobs settle`, `forget` and `clean`: what the user knows better, or wants no more."""

import os
import sys
from typing import Annotated

import typer

from prodia_compose import errors, values
from prodia_compose.cli import terminal
from prodia_compose.cli.commands.jobs.options import (
    Id,
    Json,
    Sandbox,
    is_about_sandbox,
    tell_changed,
    tell_trouble,
)
from prodia_compose.progress import visible
from prodia_compose.record import ledger, settling
from prodia_compose.record.entries import Settled
from prodia_compose.report import jobs as job_documents
from prodia_compose.report import jobs_text, tables

_SETTLED: dict[str, Settled] = {"billed": "billed", "not-billed": "not-billed"}

_SHORTEST_ID = 4  # letters that name no job by chance


def settle(
    job: Id,
    outcome: Annotated[
        str,
        typer.Argument(metavar="billed|not-billed", help="What the Prodia dashboard says of it"),
    ],
    *,
    json: Json = False,
) -> int:
    """Say what became of a job whose outcome is unknown; it then stops no other run.

    \b
    prodia-compose jobs settle 3f9c billed
    prodia-compose jobs settle 3f9c not-billed
    """  # noqa: D301
    settled = _SETTLED[values.choice(outcome, "the outcome", allowed=list(_SETTLED))]
    with ledger.open_record(os.environ, create=False) as record:
        entry = settling.settle(record, record.find(job), settled)
    tell_changed(record, [entry], f"{entry.id} is settled: {settled}", as_json=json)
    return 0


def forget(job: Id, *, json: Json = False) -> int:
    """Remove a job from the record, its prompt and names with it.

    \b
    prodia-compose jobs forget 3f9c

    Pictures stay where they are. If the outcome of the job was unknown, nothing
    will stop the same job from being sent again.
    """  # noqa: D301
    with ledger.open_record(os.environ, create=False) as record:
        entry = record.find(job)
        if entry.state == "unknown" and len(job) < _SHORTEST_ID:
            words = f"{job}: is too short to forget a job that may be billed"
            raise errors.UsageError(words, f"write more of its id, {entry.id}")
        settling.forget(record, entry)
    words = f"{entry.id} is forgotten"
    if entry.state == "unknown":
        words += "; its outcome was unknown, and nothing stops the same job from being sent again"
    kept = [path for path in entry.rescued if os.path.exists(path)]  # noqa: PTH110 - any bytes
    if kept:
        words += f"; what was kept of it stays: {visible(', '.join(kept))}"
    tell_changed(record, [entry], words, as_json=json)
    return 0


def clean(
    *,
    sandbox: Sandbox = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Remove them without asking")] = False,
    json: Json = False,
) -> int:
    """Remove what was kept aside of jobs whose picture could not be placed.

    \b
    prodia-compose jobs clean       shows it, and asks
    prodia-compose jobs clean -y    removes it

    The record stays as it is; `jobs forget` removes jobs from it.
    """  # noqa: D301
    from prodia_compose.output import keeping  # noqa: PLC0415 - Pillow

    is_sandbox = is_about_sandbox(sandbox=sandbox)
    with ledger.open_record(os.environ, create=False) as record:
        entries = record.entries(is_sandbox=is_sandbox)
    trouble = tell_trouble(record, as_json=json)
    kept = keeping.kept(entries, is_sandbox=is_sandbox)
    if not kept and not json:
        terminal.tell("prodia-compose: nothing is kept aside")
        return 0
    if kept and not yes:
        _ask(jobs_text.kept(kept), as_json=json)
    removed = keeping.remove(kept)
    if json:
        terminal.print_document(job_documents.cleaned(removed, trouble))
    else:
        terminal.tell(f"prodia-compose: removed {jobs_text.how_much(removed)}")
    if len(removed) < len(kept):
        left = visible(", ".join(one.path for one in kept if one not in removed))
        raise errors.OutputError(f"could not be removed: {left}", "check who owns the folder")
    return 0


def _ask(rows: list[tuple[str, ...]], *, as_json: bool) -> None:
    """Show what will be removed and ask.

    Raises:
        errors.UsageError: Nobody can be asked.
        typer.Abort: The answer is no.
    """
    if as_json or not (terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stderr)):
        raise errors.UsageError("jobs clean: there is nobody to ask", "-y removes without asking")
    terminal.tell("\n".join(tables.aligned(rows, terminal.layout(sys.stderr))))
    if not terminal.is_agreed("Remove them all? [y/N] "):
        raise errors.UsageError("jobs clean: nothing was removed")
