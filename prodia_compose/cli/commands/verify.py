"""`verify`: are these the pictures that were saved?"""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import typer

from prodia_compose import errors
from prodia_compose.cli import signals, terminal
from prodia_compose.cli.options.grouped import Grouped
from prodia_compose.cli.options.reading import takes_options
from prodia_compose.frozen import frozen
from prodia_compose.inputs.options import Selection
from prodia_compose.options import Clash, Option, Options

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_EPILOG = """\b
Exit codes: 0 all are as they were saved, 3 one is not, or nothing is known
of it; 2 usage.
"""


@frozen
class VerifyOptions(Options):
    """What `verify` takes."""

    files: Annotated[
        tuple[str, ...],
        Option(is_operand=True, metavar="IMAGE...", help="Pictures to look at, or - for stdin"),
    ] = ()
    selection: Annotated[Selection, ("lists", "null_separated")] = Selection()
    results: Annotated[
        tuple[str, ...],
        Option(
            metavar="FILE",
            help="Results file or sidecar to look in, beside the record of jobs",
            group="pictures",
            variable=None,
        ),
    ] = ()
    json: Annotated[bool, Option(help="Print one JSON object on stdout", group="talk")] = False
    quiet: Annotated[
        bool,
        Option(
            names=("-q", "--quiet"),
            help="Print only the files that are not as they were saved",
            group="talk",
        ),
    ] = False

    @property
    def named(self) -> Selection:
        """All that is to be looked at."""
        return replace(self.selection, operands=self.files)

    def clashes(self) -> Iterator[Clash]:
        """Yield nothing to look at, and standard input asked for twice."""
        yield from super().clashes()
        if not self.files and not self.selection.lists:
            yield Clash("files", "lists", "no files", "name some, or a list with -T")
        claims = [one for one in (*self.files, *self.selection.lists) if one == "-"]
        if len(claims) > 1:
            message = "- is given more than once"
            yield Clash("files", "lists", message, "standard input can be read only once")


@app.command(cls=Grouped, epilog=_EPILOG)
@takes_options
def verify(options: VerifyOptions) -> int:
    """Tell whether files are the pictures that were saved, whole, and of which job.

    \b
    prodia-compose verify composed.jpg
    prodia-compose verify out/*.jpg -q          only what is not as it was saved
    find out -name '*.jpg' -print0 | prodia-compose verify -0 -T -
    prodia-compose verify out/*.jpg --json | \\
        jq -r '.files[] | select(.verdict == "altered").path'

    Found by what is in them, whatever they are called; a file that was altered, by
    its pixels or its place. Nothing is sent, and C2PA is looked for, not verified.
    """  # noqa: D301
    from prodia_compose.inputs import entries  # noqa: PLC0415 - help needs none of these
    from prodia_compose.pipeline.verify import verdicts  # noqa: PLC0415 - Pillow
    from prodia_compose.record import ledger  # noqa: PLC0415 - sqlite3
    from prodia_compose.report import verified  # noqa: PLC0415 - as above

    stdin = sys.stdin.buffer if sys.stdin is not None else None
    named = entries.list_entries(options.named, stdin)
    with ledger.open_record(os.environ, create=False) as record:
        files = verdicts.verify(named, record, options.results, stdin=stdin, stop=signals.current())
        trouble = record.warnings
    if options.json:
        terminal.print_document(verified.document(files, trouble))
    else:
        terminal.tell_warnings(trouble)
        shown = [one for one in files if not (options.quiet and one.is_good)]
        if shown:
            terminal.print_text("\n".join(map(verified.line, shown)))
    return int(errors.ExitCode.OK if all(one.is_good for one in files) else errors.ExitCode.INPUT)
