"""Whether the process that wrote a row is still there, told by a lock that ends with it.

A process that writes rows holds an exclusive `flock` on a file of its own in the state folder,
and its rows name the file. The kernel lets go once the process is gone, however it ended; that
holds between containers that share the folder too, where a process number means nothing. A
child made by `fork` shares the lock until it calls `exec`, or ends; nothing here only forks.

Where no lock is to be had, as on some network file systems, a row is believed for as long as
some process has the number of its writer.
"""

import contextlib
import os
import re
import secrets
from pathlib import Path

_NO_LOCK = "no-lock"
_TOKEN = re.compile(r"[0-9a-f]{16}")  # what 0.1.0 wrote in its place has a slash in it, or is empty
_CANNOT_LOCK = (OSError, ImportError)


class Lease:
    """What shows others that this process is there: held until it is released.

    Attributes:
        token: What its rows name it by.
    """

    def __init__(self, state: Path) -> None:
        self.token = _NO_LOCK
        self._descriptor: int | None = None
        folder = state / "running"
        with contextlib.suppress(*_CANNOT_LOCK):
            folder.mkdir(mode=0o700, exist_ok=True)
            for file in folder.glob("*.lock"):
                with contextlib.suppress(OSError):
                    _is_held(file)  # what the dead have left goes
            while self._descriptor is None:
                self._file = folder / f"{secrets.token_hex(8)}.lock"
                self._descriptor = _take(self._file)
            self.token = self._file.stem

    def release(self) -> None:
        """Let go, as the end of the process would."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                self._file.unlink()
            os.close(descriptor)


def is_running(state: Path, token: str, pid: int) -> bool:
    """Return whether the process that wrote a row, under a token and a number, is still there.

    Taking a dead one for living could let the same job be paid for twice; the opposite
    mistake costs a look and `--again`. So what 0.1.0 wrote counts as dead.
    """
    if _TOKEN.fullmatch(token):
        with contextlib.suppress(*_CANNOT_LOCK):
            return _is_held(state / "running" / f"{token}.lock")
    elif token != _NO_LOCK:
        return False
    return _has_process(pid)


def _take(file: Path) -> int | None:
    """Make a file and lock it; None if it was taken for a dead one's before it was locked."""
    try:
        descriptor = _lock(file, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    except _CANNOT_LOCK:
        file.unlink(missing_ok=True)
        raise
    if descriptor is None or file.exists():
        return descriptor
    os.close(descriptor)
    return None


def _is_held(file: Path) -> bool:
    """Return whether the process that made a file still locks it; if not, the file goes."""
    try:
        descriptor = _lock(file, os.O_RDONLY)
    except FileNotFoundError:
        return False
    if descriptor is None:
        return True
    with contextlib.suppress(OSError):
        file.unlink()  # under the lock; and its name does not come again
    os.close(descriptor)
    return False


def _lock(file: Path, flags: int) -> int | None:
    """Open a file and lock it until it is closed; None if another lock is in the way.

    To read it the lock is shared, so that two who look do not take each other for its maker.
    """
    import fcntl  # noqa: PLC0415 - there is none on Windows

    descriptor = os.open(file, flags | os.O_NONBLOCK, 0o600)  # a FIFO would not open
    try:
        kind = fcntl.LOCK_SH if flags == os.O_RDONLY else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(descriptor)
        if isinstance(exc, BlockingIOError):
            return None
        raise
    return descriptor


def _has_process(pid: int) -> bool:
    if pid <= 0 or os.name == "nt":  # groups of processes; and there, to ask is to interrupt
        return False
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError) as exc:
        return isinstance(exc, PermissionError)  # another user's
    return True
