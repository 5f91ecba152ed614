"""Bars for a terminal. The only module that knows rich, loaded only where they are shown."""

import contextlib
import io
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

from prodia_compose import progress
from prodia_compose.cli.terminal import in_colour
from prodia_compose.cli.watcher import PHASES, Lines, waited

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def console(terminal: TextIO) -> Console:
    """Return what draws on a terminal and writes lines above; that may go away at any time."""
    return _Steady(
        file=io.TextIOWrapper(
            io.BufferedWriter(_Unfailing(terminal)), terminal.encoding, terminal.errors
        ),
        force_terminal=True,
        force_interactive=True,
        no_color=not in_colour(terminal),
        highlight=False,
    )


def bar(width: int) -> BarColumn:
    """Return a bar of some columns; rich's own colours are one and the same where there are only 16."""
    return BarColumn(
        bar_width=width,
        style="bright_black",
        complete_style="cyan",
        finished_style="green",
        pulse_style="cyan",
    )


class Bars(Lines):
    """One bar for the current phase; lines go above it."""

    def __init__(self, terminal: TextIO, *, quiet: bool, verbosity: int) -> None:
        super().__init__(quiet=quiet, verbosity=verbosity)
        self._console = console(terminal)
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._usual_s: int | None = None

    def start(self, phase: progress.Phase, total: int | None = None) -> None:
        """Show an empty bar; none where there is nothing to do. The one before ends full."""
        if self._progress is not None and (done := self._progress.tasks[0].completed):
            self._progress.update(self._task, total=done)
        self.finish()
        if total == 0:
            return
        self._usual_s = total
        self._progress = Progress(
            TextColumn(PHASES[phase], markup=False),
            bar(24),
            *_amounts(phase),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=total, waited=waited(0, total))
        with contextlib.suppress(RuntimeError):  # no thread to be had, to draw it again and again
            self._progress.start()

    def advance(self, amount: int) -> None:
        """Move the bar on; past the usual time it tells only that something goes on."""
        if self._progress is None:
            return
        self._progress.advance(self._task, amount)
        task = self._progress.tasks[0]
        self._progress.update(self._task, waited=waited(int(task.completed), self._usual_s))
        if task.total is not None and task.completed > task.total:
            task.total = None

    def finish(self) -> None:
        """Clear the bar from view."""
        if self._progress is not None:
            self._progress.stop()
        self._progress = None

    def say(self, text: str) -> None:
        """End the phase and tell a line."""
        self.finish()
        super().say(text)

    def _tell(self, text: str) -> None:
        if self._progress is None:
            super()._tell(text)
        else:
            self._console.print(text, markup=False, emoji=False, soft_wrap=True)


def _amounts(phase: progress.Phase) -> tuple[ProgressColumn, ...]:
    """Return what stands behind the bar of a phase."""
    if phase == "prepare":
        return (MofNCompleteColumn(),)
    if phase == "waiting":
        return (TextColumn("{task.fields[waited]}", markup=False),)
    return (DownloadColumn(), _Rate())


class _Rate(ProgressColumn):
    """Bytes a second; nothing while that is unknown."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{decimal(int(speed))}/s" if speed else "")


class _Steady(Console):
    """Leaves the cursor alone: a run that is stopped or killed has nothing to restore."""

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - rich's
        return False


class _Unfailing(io.RawIOBase):
    """A terminal that may go away: a job that is paid for must not end with its bar."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer") -> int:
        with contextlib.suppress(OSError, ValueError):
            self._terminal.buffer.write(data)
            self._terminal.buffer.flush()
        return memoryview(data).nbytes
