"""A Dask cluster on loopback, of real processes: a scheduler, workers, and somebody on the line."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from conftest import until

import prodia_compose

SOURCE = str(Path(prodia_compose.__file__).parent.parent)

WAITING = """
import os, pathlib, time
from prodia_compose.images import fit
FOLDER, FREE = pathlib.Path({folder!r}), {free}
def here(*args):
    number = len(list(FOLDER.glob("begun-*")))
    (FOLDER / f"begun-{{number}}-{{os.getpid()}}").touch()
    while number >= FREE and not (FOLDER / "open").exists():
        time.sleep(0.02)
    return prepare(*args)
if fit.here.__module__ == fit.__name__:  # Dask loads this twice
    prepare, fit.here = fit.here, here
"""
"""What makes a worker wait with each picture but the first ones, until there is a file `open`."""


class Cluster:
    """A scheduler, and the workers that were started; all of them end with the block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.address = ""

    def __enter__(self) -> Self:
        self.folder.mkdir()
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        until(lambda: "Scheduler at:" in self.log("scheduler"))
        line = next(one for one in self.log("scheduler").splitlines() if "Scheduler at:" in one)
        self.address = line.split()[-1]
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers.values(), self.scheduler):
            if process is not None:
                process.kill()
                process.wait()

    def work(self, name: str, preload: str | None = None) -> None:
        """Start a worker of one thread, and wait until the scheduler knows it.

        Args:
            name: How it is called.
            preload: A program that it runs first.
        """
        known = self.log("scheduler").count("Register worker")
        argv = [self.address, "--name", name, "--nthreads", "1", "--no-nanny"]
        if preload is not None:
            program = self.folder / f"{name}.py"
            program.write_text(preload)
            argv += ["--preload", str(program)]
        self.workers[name] = self._start("worker", *argv, "--local-directory", str(self.folder))
        until(lambda: self.log("scheduler").count("Register worker") > known)

    def kill(self, name: str) -> None:
        """Kill a worker."""
        worker = self.workers.pop(name)
        worker.kill()
        worker.wait()

    def kill_scheduler(self) -> None:
        """Kill the scheduler."""
        assert self.scheduler is not None
        self.scheduler.kill()
        self.scheduler.wait()

    def waiting(self, free: int = 0) -> str:
        """Return what makes a worker wait with its pictures, but for the first ones."""
        return WAITING.format(folder=str(self.folder), free=free)

    def begun(self) -> int:
        """Return with how many pictures such workers have begun."""
        return len(list(self.folder.glob("begun-*")))

    def log(self, name: str) -> str:
        """Return what all processes of a kind, `scheduler` or `worker`, have written."""
        return "".join(path.read_text() for path in sorted(self.folder.glob(f"{name}-*.log")))

    def _start(self, kind: str, *argv: str) -> subprocess.Popen[bytes]:
        number = len(list(self.folder.glob("*.log")))
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith("PRODIA_")
        }
        environ |= {"PYTHONPATH": SOURCE, "DASK_LOGGING__DISTRIBUTED": "debug"}
        with (self.folder / f"{kind}-{number}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *argv, "--no-dashboard"],
                cwd=self.folder,
                env=environ,
                stdout=log,
                stderr=log,
            )


class Line:
    """A line to a scheduler through somebody who notes all, and may alter what comes back."""

    def __init__(self, address: str, alter: Callable[[bytes], bytes] = bytes) -> None:
        host, port = address.removeprefix("tcp://").rsplit(":", 1)
        self._to = (host, int(port))
        self._alter = alter
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self.sent = bytearray()
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._open:
            each.close()

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._to)
            self._open += [near, far]
            threading.Thread(target=self._carry, args=(near, far, self._note), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, self._alter), daemon=True).start()

    def _note(self, data: bytes) -> bytes:
        self.sent += data
        return data

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket, through: Callable[[bytes], bytes]) -> None:
        try:
            while data := one.recv(1 << 20):
                other.sendall(through(data))
        except OSError:
            pass
        finally:
            for each in (one, other):
                each.close()
