"""Who watches a run: bars on a terminal, lines elsewhere."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prodia_compose import progress
from prodia_compose.cli import terminal

if TYPE_CHECKING:  # for an annotation; TAB and help must not load what the rooms declare
    from prodia_compose.cli.options.declared import Telling


PHASES: dict[progress.Phase, str] = {
    "download": "downloading",
    "prepare": "preparing",
    "upload": "uploading",
    "waiting": "waiting",
    "receive": "receiving",
}
"""What people read of each phase."""

_LINE_EVERY_S = 30


def waited(seconds: int, usual_s: int | None) -> str:
    """Return how long has been waited, against what is usual."""
    if usual_s is None:
        return f"{seconds} s"
    if seconds <= usual_s:
        return f"{seconds} s of usually {usual_s} s"
    return f"{seconds} s, usually {usual_s} s"


class Lines(progress.Reporter):
    """Tells lines on stderr, as many as are wanted, and of phases only that they take long."""

    def __init__(
        self,
        *,
        quiet: bool,
        verbosity: int,
        name: str = "",
        clock: progress.Clock = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            quiet: Whether only errors are wanted.
            verbosity: How often `-v` was given.
            name: What each line begins with, where several are watched.
            clock: Tells how long a phase takes.
        """
        self._name = f"{progress.visible(name)}: " if name else ""
        self._quiet = quiet
        self._verbosity = verbosity
        self._clock = clock
        self._phase: progress.Phase = "waiting"
        self._total: int | None = None
        self._done = 0
        self._line_at = clock()

    def start(self, phase: progress.Phase, total: int | None = None) -> None:
        """Begin a phase, of which nothing is told yet."""
        self._phase, self._total, self._done, self._line_at = phase, total, 0, self._clock()

    def advance(self, amount: int) -> None:
        """Tell how far the phase is, if nothing has been told for long and somebody watches."""
        self._done += amount
        if self._clock() - self._line_at < _LINE_EVERY_S:
            return
        self._line_at = self._clock()
        if not self._quiet and (self._verbosity >= 1 or terminal.is_terminal(sys.stderr)):
            self._tell(f"{self._name}{PHASES[self._phase]}: {self._so_far()}")

    def _so_far(self) -> str:
        if self._phase == "waiting":
            return waited(self._done, self._total)
        unit = "images" if self._phase == "prepare" else "bytes"
        total = "" if self._total is None else f" of {self._total:,}"
        return f"{self._done:,}{total} {unit}"

    def say(self, text: str) -> None:
        """Tell a line, unless quiet."""
        if not self._quiet:
            self._tell(f"prodia-compose: {self._name}{progress.visible(text)}")

    def detail(self, text: str) -> None:
        """Tell a line under `-v`."""
        if self._verbosity >= 1:
            self._tell(f"{self._name}{progress.visible(text)}")

    def trace(self, text: str) -> None:
        """Tell a line under `-vv`."""
        if self._verbosity >= 2:
            self._tell(f"{self._name}{progress.visible(text)}")

    def _tell(self, text: str) -> None:
        terminal.tell(text)


@contextlib.contextmanager
def reporter(telling: "Telling") -> Iterator[progress.Reporter]:
    """Give a reporter for this process: bars on a terminal, lines where details are wanted.

    Under `--json` stderr is for the one error document; what is asked for with `-v` comes.
    """
    verbosity = telling.verbose
    is_silent = telling.quiet or (telling.json and verbosity == 0)
    if telling.quiet or not terminal.obeys(sys.stderr):
        yield Lines(quiet=is_silent, verbosity=verbosity)
        return
    from prodia_compose.cli.bars import Bars  # noqa: PLC0415 - loads rich, for 30 ms

    bars = Bars(sys.stderr, quiet=is_silent, verbosity=verbosity)
    try:
        yield bars
    finally:
        bars.finish()
