"""What several commands of `jobs` take, and what they tell alike."""

import os
from collections.abc import Sequence
from typing import Annotated

import typer

from prodia_compose import errors, values
from prodia_compose.cli import terminal
from prodia_compose.record import home, ledger
from prodia_compose.record.entries import Entry
from prodia_compose.report import jobs as job_documents

LIMIT = 20

Limit = Annotated[
    int,
    typer.Option(
        "--limit",
        metavar="N",
        parser=values.parsing("--limit", int, "50"),
        help="Show at most N jobs; 0 shows all",
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", help="Only jobs since TIME: 2026-11-30, 2026-11, 7d, yesterday"
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="TIME", help="Only jobs up to TIME; a day or a month counts as a whole"
    ),
]
Sandbox = Annotated[
    bool, typer.Option("--sandbox", help="Only jobs of the sandbox, which cost nothing")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout")]
Preview = Annotated[
    bool, typer.Option("--preview", help="Show the picture on the terminal, on stderr")
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        help="Print why --preview shows no picture",
    ),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="The id of a job, or how it begins")]


def is_about_sandbox(*, sandbox: bool) -> bool:
    """Return whether the sandbox's jobs are meant: they are asked for, or all is a rehearsal."""
    return sandbox or home.is_rehearsing(os.environ)


def tell_trouble(record: ledger.Ledger, *, as_json: bool) -> tuple[errors.Warned, ...]:
    """Return what keeps the record from telling all; told, unless a document does."""
    if not as_json:
        terminal.tell_warnings(record.warnings)
    return record.warnings


def tell_changed(
    record: ledger.Ledger, jobs: Sequence[Entry], words: str, *, as_json: bool
) -> None:
    """Tell what was done to some jobs, in words or by a document of the jobs."""
    trouble = tell_trouble(record, as_json=as_json)
    if as_json:
        terminal.print_document(job_documents.jobs(jobs, trouble))
    else:
        terminal.tell(f"prodia-compose: {words}")
