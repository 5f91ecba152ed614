"""`report`: what was made, as a page, a contact sheet or a table."""

import os
from dataclasses import replace

import typer

from prodia_compose import errors
from prodia_compose.cli import signals, terminal
from prodia_compose.cli.options.grouped import Grouped
from prodia_compose.cli.options.reading import takes_options
from prodia_compose.report.made.options import ReportOptions

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=Grouped)
@takes_options
def report(options: ReportOptions) -> int:
    """Show what was made: a page to look at, a contact sheet, or a table for CI.

    \b
    prodia-compose report rows.jsonl.results.jsonl -o report.html
    prodia-compose report monday.results.jsonl tuesday.results.jsonl -o week.jpg
    prodia-compose report composed.jpg.json 3f9c -o both.html --no-prompts
    prodia-compose report rows.jsonl.results.jsonl -o - --format md \\
        >> "$GITHUB_STEP_SUMMARY"

    The page is one file that needs no network: small copies of the pictures are in it,
    and lead to the originals. Nothing is sent, and nothing costs anything.
    """  # noqa: D301
    from prodia_compose.pipeline import made  # noqa: PLC0415 - loads sqlite3
    from prodia_compose.record import ledger  # noqa: PLC0415 - as above
    from prodia_compose.report.made import writing  # noqa: PLC0415 - loads Pillow

    if not options.names:
        words = "nothing to report"
        raise errors.UsageError(words, "name results files, sidecars, or the ids of jobs")
    writing.kind_of(options.output, options.format)
    with ledger.open_record(os.environ, create=False) as record:
        documents = made.gathered(options.names, record)
    target = writing.prove(
        options.output,
        kind=options.format,
        if_exists=replace(options.placement, target=options.output).policy,
        create_dirs=options.placement.create_dirs,
        inputs=[*options.names, *writing.named_in(documents)],
    )
    if target.place.is_stdout:
        terminal.refuse_stdout(options.output)
    findings = errors.Findings()
    paths = writing.write(
        documents,
        target,
        prompts=options.prompts,
        stop=signals.current(),
        stdout=terminal.binary_stdout,
        warn=findings.warn,
    )
    terminal.tell_warnings(findings.warnings)
    for path in paths:
        if path != "-":
            terminal.print_path(path)
    return 0
