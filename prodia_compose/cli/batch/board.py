"""How a batch is watched: a board on a terminal, with a line for all and one for each job."""

import threading
from typing import TextIO

from rich.progress import Progress, TaskID, TextColumn

from prodia_compose import progress
from prodia_compose.cli import bars
from prodia_compose.cli.watcher import PHASES, Lines, waited

_LONGEST_NAME = 30


class Board:
    """Bars for all rows and for each that is on its way; lines go above them."""

    def __init__(self, terminal: TextIO, rows: int, verbosity: int) -> None:
        self._verbosity = verbosity
        self._rows = rows
        self._progress = bars.Drawn(
            TextColumn("{task.description}", markup=False),
            bars.bar(16),
            TextColumn("{task.fields[words]}", markup=False),
            console=bars.console(terminal),
        )
        self._all = self._progress.add_task("", total=rows, words="")
        self._progress.start()

    def update(self, ended: int, words: str) -> None:
        """Show how many rows have ended, and what else there is to say of all."""
        self._progress.update(
            self._all, description=f"{ended} of {self._rows} rows", completed=ended, words=words
        )

    def watch(self, name: str) -> progress.Reporter:
        """Return who is told of a row's progress."""
        return _Watched(self, self._progress, name, self._verbosity)

    def tell(self, text: str) -> None:
        """Tell a line above the bars."""
        self._progress.tell(text)

    def finish(self) -> None:
        """Clear the board from view."""
        self._progress.stop()


class _Watched(Lines):
    """A row's line: there while it is on its way."""

    def __init__(self, board: Board, bars: Progress, name: str, verbosity: int) -> None:
        super().__init__(quiet=False, verbosity=verbosity, name=name)
        self._board = board
        self._bars = bars
        shown = progress.visible(name)
        self._shown = shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"
        self._task: TaskID | None = None
        self._lock = threading.Lock()

    def start(self, phase: progress.Phase, total: int | None = None) -> None:
        """Begin a phase, in the place of the one before."""
        self.finish()
        with self._lock:
            self._phase, self._total, self._done = phase, total, 0
            self._task = self._bars.add_task(self._shown, total=total, words=self._words())

    def advance(self, amount: int) -> None:
        """Move on; past the usual time it tells only that something goes on."""
        with self._lock:
            if self._task is None:
                return
            self._done += amount
            is_over = self._total is not None and self._done > self._total
            self._bars.update(
                self._task,
                completed=self._done,
                total=None if is_over else self._total,
                words=self._words(),
            )

    def _tell(self, text: str) -> None:
        self._board.tell(text)

    def _words(self) -> str:
        if self._phase == "waiting":
            return waited(self._done, self._total)
        return PHASES[self._phase]

    def finish(self) -> None:
        """Take the line away."""
        with self._lock:
            if self._task is not None:
                self._bars.remove_task(self._task)
                self._task = None
