"""Progress for a terminal. The only module that knows rich, loaded only where it is shown."""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prodia_compose import reporting
from prodia_compose.cli import console

if TYPE_CHECKING:  # rich takes 30 ms to load; a pipe never needs it
    from rich.progress import Progress, TaskID

__all__ = ["reporter"]

_WORDS: dict[reporting.Phase, str] = {
    "download": "downloading",
    "prepare": "preparing",
    "upload": "uploading",
    "waiting": "waiting",
    "receive": "receiving",
}


@contextlib.contextmanager
def reporter(*, quiet: bool, verbosity: int, as_json: bool = False) -> Iterator[reporting.Reporter]:
    """Give a reporter for this process: bars on a terminal, lines where details are wanted.

    Under `--json` stderr is for the one error document; what is asked for with `-v` comes.
    """
    lines = _Lines(quiet=quiet or (as_json and verbosity == 0), verbosity=verbosity)
    if quiet or not console.is_terminal(sys.stderr):
        yield lines
        return
    bars = _Bars(lines)
    try:
        yield bars
    finally:
        bars.finish()


class _Lines(reporting.Silent):
    """Lines on stderr, no animation."""

    def __init__(self, *, quiet: bool, verbosity: int) -> None:
        self._quiet = quiet
        self._verbosity = verbosity

    def say(self, text: str) -> None:
        if not self._quiet:
            console.tell(f"prodia-compose: {reporting.visible(text)}")

    def detail(self, text: str) -> None:
        if self._verbosity >= 1:
            console.tell(reporting.visible(text))

    def trace(self, text: str) -> None:
        if self._verbosity >= 2:
            console.tell(reporting.visible(text))


class _Bars:
    """One bar for the current phase; lines go above it."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def start(self, phase: reporting.Phase, total: int | None = None) -> None:
        self.finish()
        from rich.console import Console  # noqa: PLC0415 - as above
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            ProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.progress import Progress as RichProgress  # noqa: PLC0415

        amounts: dict[reporting.Phase, ProgressColumn] = {
            "prepare": MofNCompleteColumn(),
            "waiting": TextColumn(f"usually {total} s" if total else ""),
        }
        self._progress = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            amounts.get(phase) or DownloadColumn(),
            TimeElapsedColumn(),
            console=Console(file=sys.stderr, highlight=False),
            transient=True,
        )
        self._task = self._progress.add_task(_WORDS[phase], total=total)
        self._progress.start()

    def advance(self, amount: int) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, amount)

    def finish(self) -> None:
        if self._progress is not None:
            self._progress.stop()
        self._progress = self._task = None

    def say(self, text: str) -> None:
        self.finish()
        self._lines.say(text)

    def detail(self, text: str) -> None:
        self._lines.detail(text)

    def trace(self, text: str) -> None:
        self._lines.trace(text)
