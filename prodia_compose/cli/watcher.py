"""Who watches a run: bars on a terminal, lines elsewhere."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prodia_compose import progress
from prodia_compose.cli import terminal

if TYPE_CHECKING:  # for an annotation; TAB and help must not load what the rooms declare
    from prodia_compose.cli.options.declared import Telling


@contextlib.contextmanager
def reporter(telling: "Telling") -> Iterator[progress.Reporter]:
    """Give a reporter for this process: bars on a terminal, lines where details are wanted.

    Under `--json` stderr is for the one error document; what is asked for with `-v` comes.
    """
    verbosity = telling.verbose
    is_silent = telling.quiet or (telling.json and verbosity == 0)
    if telling.quiet or not terminal.obeys(sys.stderr):
        yield terminal.Lines(quiet=is_silent, verbosity=verbosity)
        return
    from prodia_compose.cli.bars import Bars  # noqa: PLC0415 - loads rich, for 30 ms

    bars = Bars(sys.stderr, quiet=is_silent, verbosity=verbosity)
    try:
        yield bars
    finally:
        bars.finish()
