"""Run the program once for each line it executes once an answer comes, with a signal at that line.

    python strike.py TOP PART ARGUMENT...

PART is as in 1/4: of four parts of the lines, those of the first. TOP holds the pictures that
the arguments name. Each run has a folder of its own in it, called by
the number of its line, with what it wrote beside it (`N.out`, `N.err`). Printed are the lines
and, for each run, its number and exit status, as JSON.
"""

import _weakrefset
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from prodia_compose.client.transport.incoming import Incoming

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AT_ONCE = 4  # half of the time a process waits: for what comes in the same moment

_BY_LUCK = (threading.__file__, _weakrefset.__file__)
"""Where it is a matter of luck what runs: how a thread starts, and who clears away one that ended."""

Line = tuple[str, int]
Act = Callable[[Line], None]


class Tracer:
    """Calls `act` at each line from the first byte of the answer on, the first time it is reached."""

    def __init__(self, act: Act, begun: Callable[[], None]) -> None:
        self._act = act
        self._begun = begun
        self._has_begun = False
        self._seen: set[Line] = set()

    def install(self) -> None:
        """Trace from where an answer is waited for; to trace all that comes before takes long."""
        begin = Incoming.begin

        def begin_traced(response: Incoming) -> None:
            frame: FrameType | None = sys._getframe()
            while frame is not None:
                frame.f_trace, frame = self.trace, frame.f_back
            sys.settrace(self.trace)
            begin(response)

        Incoming.begin = begin_traced  # type: ignore[assignment, method-assign]

    def trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Take in what is executed, as `sys.settrace` tells it."""
        name = frame.f_code.co_filename
        if not self._has_begun and event == "return" and frame.f_code.co_name == "readinto":
            self._has_begun = bool(argument) and name.endswith("connection.py")
            if self._has_begun:
                self._begun()
        line = (name, frame.f_lineno)
        if name in _BY_LUCK:
            return self.trace
        if self._has_begun and event == "line" and line not in self._seen:
            self._seen.add(line)
            self._act(line)
        return self.trace


def _run(top: Path, name: str, argv: list[str], tracer: Tracer) -> NoReturn:
    """Be the program, in a folder of its own."""
    folder = top / name
    folder.mkdir()
    for picture in top.glob("*.jpg"):
        (folder / picture.name).symlink_to(picture)
    os.chdir(folder)
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    for number, suffix in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{folder}.{suffix}", os.O_CREAT | os.O_WRONLY), number)
    sys.argv = ["prodia-compose", *argv]
    tracer.install()
    # Only here: it gives Ctrl-C back to the system, which pytest must not.
    runpy.run_module("prodia_compose", run_name="__main__")
    raise RuntimeError("the program ends the process")


def _forked(top: Path, name: str, argv: list[str], tracer: Tracer) -> int:
    """Return the id of a process that runs the program."""
    pid = os.fork()
    if pid == 0:
        _run(top, name, argv, tracer)
    return pid


def _striker(struck: Line, number: int) -> Act:
    """Return what sends a signal at a line."""

    def act(line: Line) -> None:
        if line == struck:
            sys.settrace(None)
            signal.raise_signal(SIGNALS[number % len(SIGNALS)])

    return act


def _load(top: Path, argv: list[str]) -> None:
    """Load what a run has loaded when its answer comes, for all that follow."""
    loaded = top / "loaded"

    def note() -> None:
        loaded.write_text("\n".join(sys.modules))

    os.waitpid(_forked(top, "first", argv, Tracer(lambda _line: None, note)), 0)
    for name in loaded.read_text().split():
        with contextlib.suppress(ImportError):  # what compiled modules make of their own
            importlib.import_module(name)


def _lines(top: Path, argv: list[str]) -> list[Line]:
    """Return the lines of a run that nothing happens to."""
    log = top / "lines"

    def note(line: Line) -> None:
        with log.open("a") as file:
            file.write(f"{json.dumps(line)}\n")

    os.waitpid(_forked(top, "second", argv, Tracer(note, lambda: None)), 0)
    return [tuple(json.loads(line)) for line in log.read_text().splitlines()]


def main() -> None:
    """Do what the module says."""
    top, (part, parts), argv = Path(sys.argv[1]), map(int, sys.argv[2].split("/")), sys.argv[3:]
    _load(top, argv)
    gc.collect()
    gc.freeze()  # else each process copies what its first collection touches
    lines = _lines(top, argv)
    numbers = range(part - 1, len(lines), parts)
    running: dict[int, int] = {}
    done = []
    for number in numbers:
        tracer = Tracer(_striker(lines[number], number), lambda: None)
        running[_forked(top, str(number), argv, tracer)] = number
        while len(running) == _AT_ONCE or (running and number == numbers[-1]):
            pid, status = os.wait()
            done.append((running.pop(pid), os.waitstatus_to_exitcode(status)))
    json.dump({"lines": lines, "done": done}, sys.stdout)


if __name__ == "__main__":
    main()
