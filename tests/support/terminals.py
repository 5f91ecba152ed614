"""A terminal for tests: a pseudo-terminal the program writes to, and what its screen shows."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

PROGRAM = (sys.executable, "-m", "prodia_compose")

_TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|[\r\n]|[^\x1b\r\n]", re.DOTALL)


class Screen:
    """What a terminal shows that knows no sequences but a bar's, and folds lines at its width."""

    def __init__(self, written: str, columns: int) -> None:
        self._columns = columns
        self._lines: list[list[str]] = [[]]
        self._row = self._column = 0
        self._style = ""
        self.styles: dict[tuple[int, int], str] = {}
        """What was between `ESC [` and `m` when a cell was written, by its line and column."""
        self._show(re.sub(r"\x1b(\[[0-9;?]*)?$", "", written))  # the rest of it is on its way

    def _show(self, text: str) -> None:
        assert not _TOKEN.sub("", text), f"not all for a terminal: {text!r}"
        for match in _TOKEN.finditer(text):
            if match[2]:
                self._obey(match[1], match[2])
            elif match[0] == "\r":
                self._column = 0
            elif match[0] == "\n":
                self._go_down()
            else:
                self._write(match[0])

    @property
    def text(self) -> str:
        """All lines, without what is blank at the end."""
        return "\n".join("".join(line).rstrip() for line in self._lines).rstrip("\n")

    def _obey(self, argument: str, letter: str) -> None:
        if (argument, letter) == ("2", "K"):
            self._lines[self._row] = []
        elif letter == "A":
            self._row = max(0, self._row - int(argument or 1))
        else:
            assert letter == "m", f"ESC [ {argument} {letter}"
            self._style = argument

    def _go_down(self) -> None:
        self._row += 1
        if self._row == len(self._lines):
            self._lines.append([])

    def _write(self, char: str) -> None:
        if self._column == self._columns:
            self._column = 0
            self._go_down()
        line = self._lines[self._row]
        line.extend(" " * (self._column + 1 - len(line)))
        line[self._column] = char
        self.styles[self._row, self._column] = self._style
        self._column += 1


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a run on a terminal left: its exit code, stdout, all it wrote, and the last screen."""

    code: int
    out: bytes
    raw: str
    screen: str


class Running:
    """The program, its stderr, or stdout too, on a terminal; of the variables, None unsets one."""

    def __init__(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        columns: int = 80,
        also_stdout: bool = False,
        also_stdin: bool = False,
        env: Mapping[str, str | None] | None = None,
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        wanted: dict[str, str | None] = {**os.environ, "TERM": "xterm-256color", "COLUMNS": None}
        wanted.update(env or {})
        self.process = subprocess.Popen(
            [*PROGRAM, *argv],
            stdin=theirs if also_stdin else subprocess.DEVNULL,
            stdout=theirs if also_stdout else subprocess.PIPE,
            stderr=theirs,
            env={name: value for name, value in wanted.items() if value is not None},
        )
        os.close(theirs)
        self._columns = columns
        self._written = b""

    @property
    def raw(self) -> str:
        """All that was written so far."""
        return self._written.decode(errors="ignore")  # half a character is on its way

    @property
    def screen(self) -> str:
        """What the screen shows now."""
        return Screen(self.raw, self._columns).text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self.process.kill()
        self.process.communicate()

    def until(self, condition: Callable[[str], bool]) -> str:
        """Read on until what is on the screen fulfils a condition; return the screen."""
        while not condition(screen := self.screen):
            assert self._read(), f"ended before that: {self.raw!r}"
        return screen

    def type(self, keys: str) -> None:
        """Press some keys; the terminal shows them."""
        os.write(self._ours, keys.encode())

    def hang_up(self) -> None:
        """Close the terminal, as its window is closed."""
        if self._ours >= 0:
            os.close(self._ours)
        self._ours = -1

    def ended(self) -> Shown:
        """Read to the end and return what was shown."""
        while self._ours >= 0 and self._read():
            pass
        out = self.process.stdout.read() if self.process.stdout else b""
        code = self.process.wait(timeout=30)
        return Shown(code=code, out=out, raw=self.raw, screen=self.screen)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], 30)
        assert ready, f"shows nothing more and does not end: {self.raw!r}"
        try:
            chunk = os.read(self._ours, 65536)
        except OSError:  # how Linux tells the end of a pseudo-terminal
            return False
        self._written += chunk
        return bool(chunk)


def on_a_terminal(argv: Sequence[str | os.PathLike[str]], **options: Any) -> Shown:
    """Run the program on a terminal to its end."""
    with Running(argv, **options) as running:
        return running.ended()
