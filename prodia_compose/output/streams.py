"""Output that goes down a stream: an open descriptor, a device, a pipe."""

import errno
import os
import re
import select
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO

from prodia_compose import errors


def status(path: str) -> os.stat_result | None:
    """Return the status of what a path names, through links; None where nothing is."""
    try:
        return Path(path).stat()
    except FileNotFoundError:
        return None


def descriptor(path: str) -> int | None:
    """Return the number of the descriptor that a path names, such as `/dev/fd/3`, or None."""
    standard = {"/dev/stdout": 1, "/dev/stderr": 2}
    match = re.fullmatch(r"/(?:dev|proc/self)/fd/([0-9]{1,9})", path)
    return int(match[1]) if match else standard.get(path)


Kind = tuple[int, int]
"""What something is that is written, not replaced: the type in its mode, and its device."""


def kind(path: str) -> Kind | None:
    """Return what stands there that is written, not replaced; None if nothing, or a file."""
    if descriptor(path) is not None:
        return 0, 0
    found = status(path)
    return None if found is None or stat.S_ISREG(found.st_mode) else _kind(found)


def _kind(info: os.stat_result) -> Kind:
    return stat.S_IFMT(info.st_mode), info.st_rdev


def prove(path: str) -> None:
    """Refuse a stream that takes no bytes, as far as that shows without sending any.

    The messages are for the option and the path to be put in front.

    Raises:
        errors.OutputError: It is a folder, a socket, a terminal, or not writable.
        OSError: It cannot be opened, or is a descriptor that is not open for writing.
    """
    number = descriptor(path)
    if number is not None:
        if not os.get_inheritable(number):  # opened by us, not by the shell
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        os.write(number, b"")
        if number != 1:  # standard output is looked at where it is written
            _refuse_terminal(number)
        return
    mode = Path(path).stat().st_mode
    if stat.S_ISDIR(mode):
        raise errors.OutputError("is a folder", "name a file in it")
    if stat.S_ISSOCK(mode):
        raise errors.OutputError("is a socket", "name a file")
    if not os.access(path, os.W_OK):
        raise errors.OutputError("not writable", "name a file")
    if stat.S_ISCHR(mode):
        opened = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            _refuse_terminal(opened)
        finally:
            os.close(opened)


def _refuse_terminal(number: int) -> None:
    if os.isatty(number):
        raise errors.OutputError("is a terminal", "name a file")


def open_stream(path: str, proved: Kind, waiting: Callable[[], None] = lambda: None) -> IO[bytes]:
    """Open a device or pipe, or go on where an open descriptor stands.

    `proved` is its kind when it was proved; `waiting` is called before a wait for somebody who
    reads a named pipe, if there is one.

    Raises:
        FileExistsError: Something else has taken its place.
        OSError: It cannot be opened.
    """
    number = descriptor(path)
    if number is not None:
        return os.fdopen(os.dup(number), "wb", buffering=0)
    if kind(path) != proved:
        raise taken(path)
    opened = _opened_pipe(path, waiting) if stat.S_ISFIFO(proved[0]) else os.open(path, os.O_WRONLY)
    stream = os.fdopen(opened, "wb", buffering=0)
    if _kind(os.fstat(opened)) != proved:
        stream.close()
        raise taken(path)
    return stream


def _opened_pipe(path: str, waiting: Callable[[], None]) -> int:
    try:
        opened = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.set_blocking(opened, True)
    except OSError as exc:
        if exc.errno != errno.ENXIO:
            raise
        waiting()
        opened = os.open(path, os.O_WRONLY)
    return opened


def taken(path: str) -> FileExistsError:
    """Return the error for something else that has taken a place."""
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)


def write_stream(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy all bytes to a stream that may take only some at a time (`python -u`).

    Raises:
        OSError: The reader is gone, or the disk is full.
    """
    while chunk := source.read(1 << 16):
        view = memoryview(chunk)
        while view:
            written: int | None = target.write(view)
            if written is None:  # not to be blocked on, and full
                select.select([], [target], [])
            view = view[written or 0 :]
    target.flush()
