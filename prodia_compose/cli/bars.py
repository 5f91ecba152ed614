"""Bars for a terminal. The only module that knows rich, loaded only where they are shown."""

import contextlib
import io
import threading
from typing import TYPE_CHECKING, Final, TextIO

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

_DRAW_EVERY_S: Final = 0.1


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


class Drawn(Progress):
    """Bars that one thread at a time draws.

    While rich writes a line above them, its own thread may draw them with one row more or less,
    and a row stays behind.
    """

    def __init__(self, *columns: ProgressColumn, console: Console) -> None:
        super().__init__(
            *columns,
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            auto_refresh=False,
        )
        self._drawing = threading.RLock()
        self._has_ended = threading.Event()

    def start(self) -> None:
        """Draw the bars, again and again where there is a thread to be had."""
        super().start()
        with contextlib.suppress(RuntimeError):
            threading.Thread(target=self._draw, daemon=True).start()

    def _draw(self) -> None:
        while not self._has_ended.wait(_DRAW_EVERY_S):
            self.refresh()

    def refresh(self) -> None:
        """Draw the bars as they are now."""
        with self._drawing:
            super().refresh()

    def tell(self, text: str) -> None:
        """Write lines above the bars; they may be coloured."""
        with self._drawing:
            self.console.print(Text.from_ansi(text), soft_wrap=True)

    def stop(self) -> None:
        """Clear the bars from view."""
        self._has_ended.set()
        with self._drawing:
            super().stop()


class Bars(Lines):
    """One bar for the current phase; lines go above it."""

    def __init__(self, terminal: TextIO, *, quiet: bool, verbosity: int) -> None:
        super().__init__(quiet=quiet, verbosity=verbosity)
        self._console = console(terminal)
        self._progress: Drawn | None = None
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
        self._progress = Drawn(
            TextColumn(PHASES[phase], markup=False),
            bar(24),
            *_amounts(phase),
            console=self._console,
        )
        self._task = self._progress.add_task("", total=total, waited=waited(0, total))
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
            self._progress.tell(text)


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
