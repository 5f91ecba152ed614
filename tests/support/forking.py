"""Processes that run the program without loading it anew; one can be killed at a line of a row's life.

Run as a program, it is their parent: for each line of standard input, JSON as `Forks.start` writes
it, it forks one and writes its number, and its exit status once it has ended.
"""

import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import prodia_compose
from prodia_compose.pipeline import run

Line = tuple[str, int]

_OURS = str(Path(prodia_compose.__file__).parent)


class Forks:
    """The parent of the processes, for a test."""

    def __init__(self) -> None:
        # The program that the tests import, and no other that is installed.
        env = {**os.environ, "PYTHONPATH": str(Path(_OURS).parent)}
        self._parent = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=env,
        )
        self._ended: dict[int, int] = {}

    def start(self, folder: Path, *argv: str, env: dict[str, str], **wishes: Any) -> int:
        """Run the program in a folder, with `FOLDER.out` and `FOLDER.err` for what it says.

        Args:
            folder: Is its working directory.
            argv: What is typed.
            env: More variables.
            wishes: A line to be killed at (`struck`), or where to log the lines that matter (`log`);
                from which function on (`place`), if not from where a row is begun.
        """
        asked = {"folder": str(folder), "argv": argv, "env": env, **wishes}
        assert self._parent.stdin is not None
        self._parent.stdin.write(json.dumps(asked).encode() + b"\n")
        while "begun" not in (shown := self._told()):
            pass
        return shown["begun"]

    def status(self, pid: int) -> int:
        """Wait for the end of a process, and return its exit code, or less 0 its signal."""
        while pid not in self._ended:
            self._told()
        return self._ended.pop(pid)

    def has_ended(self, pid: int) -> bool:
        """Return whether a process has ended."""
        assert self._parent.stdout is not None
        while select.select([self._parent.stdout], [], [], 0)[0]:
            self._told()
        return pid in self._ended

    def _told(self) -> dict[str, int]:
        assert self._parent.stdout is not None
        shown: dict[str, int] = json.loads(self._parent.stdout.readline())
        if "ended" in shown:
            self._ended[shown["ended"]] = shown["status"]
        return shown

    def close(self) -> None:
        """End the parent."""
        self._parent.communicate()


class _Tracer:
    """Follows a thread from the first call of a function on, line by line."""

    def __init__(self, log: str | None, struck: list[Any] | None) -> None:
        self._log = log
        self._struck = struck and tuple(struck)
        self._seen: dict[Line, None] = {}
        self._marks: list[object] = [None]

    def install(self, place: str) -> None:
        """Follow what calls the function of a module."""
        module, _, name = place.partition(":")
        *path, last = name.split(".")
        home = functools.reduce(getattr, path, importlib.import_module(module))
        function, reached = getattr(home, last), run.Run.reached

        def traced(*args: Any, **others: Any) -> Any:
            frame: FrameType | None = sys._getframe()
            while frame is not None:
                frame.f_trace, frame = self.trace, frame.f_back
            sys.settrace(self.trace)
            return function(*args, **others)

        def noted(job: run.Run, state: Any) -> None:
            self._marks = [state]
            reached(job, state)

        setattr(home, last, traced)
        run.Run.reached = noted  # type: ignore[assignment, method-assign]

    def trace(self, frame: FrameType, event: str, _argument: Any) -> Any:
        """Take in what is executed, as `sys.settrace` tells it."""
        name = frame.f_code.co_filename
        line = (name, frame.f_lineno)
        if event != "line" or not name.startswith(_OURS) or line in self._seen:
            return self.trace
        if line == self._struck:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._log is not None:
            marks = [self._marks[0], *_files(Path()), *_files(Path("../state"))]
            if marks != self._marks:
                with Path(self._log).open("a") as file:
                    file.write(f"{json.dumps(line)}\n")
            self._marks = marks
        self._seen[line] = None
        return self.trace


def _files(folder: Path) -> Iterator[object]:
    """Yield what a kill leaves of all files below a folder."""
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            yield str(path), status.st_ino, status.st_size, status.st_nlink, status.st_mtime_ns


def _run(asked: dict[str, Any]) -> NoReturn:
    """Be the program."""
    os.environ.update(asked["env"])
    os.chdir(asked["folder"])
    flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY
    for number, suffix in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{asked['folder']}.{suffix}", flags), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if asked.get("log") or asked.get("struck"):
        tracer = _Tracer(asked.get("log"), asked.get("struck"))
        tracer.install(asked.get("place", "prodia_compose.pipeline.batch.work:_Row._begin"))
    sys.argv = ["prodia-compose", *asked["argv"]]
    # Only here: it gives Ctrl-C back to the system, which pytest must not.
    runpy.run_module("prodia_compose", run_name="__main__")
    raise RuntimeError("the program ends the process")


def _tell(**shown: int) -> None:
    os.write(1, json.dumps(shown).encode() + b"\n")


def _wait(pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    _tell(ended=pid, status=os.waitstatus_to_exitcode(status))


def _modules() -> Iterable[str]:
    for found in pkgutil.walk_packages(prodia_compose.__path__, "prodia_compose."):
        if not found.name.endswith("__main__"):
            yield found.name


def _main() -> None:
    for name in _modules():
        with contextlib.suppress(ImportError):  # of an extra
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # else each process copies what its first collection touches
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _run(json.loads(line))
        _tell(begun=pid)
        threading.Thread(target=_wait, args=(pid,)).start()


if __name__ == "__main__":
    _main()
