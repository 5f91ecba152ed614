"""Telling whether the process that wrote a row is still running.

A process counts as running only if that can be shown. Taking a dead one for living could
let the same job be paid for twice; the opposite mistake costs a look and `--again`.
"""

import functools
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from prodia_compose.frozen import frozen

_PS_TIMEOUT_S = 2.0
_PS_ROUNDING_S = 2.0


@frozen
class Process:
    """A process, told apart from any other that ever has its number.

    Attributes:
        pid: Its number, which the system gives away again after its end.
        start: When it started, in a form of the system's own; empty where there is none.
    """

    pid: int
    start: str


def current() -> Process:
    """Return the process this runs in."""
    pid = os.getpid()
    return Process(pid=pid, start=_start(pid) or "")


def is_running(process: Process, *, seen_at: datetime) -> bool:
    """Return whether a process surely runs still.

    Args:
        process: As `current` gave it, there.
        seen_at: When it was surely running, by the wall clock.
    """
    if process.start:
        return _start(process.pid) == process.start
    age_s = (datetime.now(UTC) - seen_at).total_seconds()
    running_s = _running_s(process.pid)
    # Who has the number of a dead process now has started after that one was last seen.
    return running_s is not None and 0 <= age_s <= running_s + _PS_ROUNDING_S


def _start(pid: int) -> str | None:
    """Return the boot and the clock tick since it a process started at; None if it is gone.

    Source: proc(5), field 22 of `/proc/PID/stat`. A zombie is gone: it sends nothing.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = text.rpartition(b")")[2].split()  # the name before it may hold anything
    if len(fields) < 20 or fields[0] in (b"Z", b"X", b"x"):
        return None
    return f"{_boot()}/{fields[19].decode('ascii', 'replace')}"


@functools.cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def _running_s(pid: int) -> float | None:
    """Return for how many seconds a process has run, where there is no `/proc`.

    None if it is gone, or nobody can tell.
    """
    import subprocess  # noqa: PLC0415 - 4 ms, and only where there is no /proc

    try:
        done = subprocess.run(  # noqa: S603 - a number is all that comes from outside
            ["ps", "-o", "stat=", "-o", "etime=", "-p", str(pid)],  # noqa: S607 - its place varies
            capture_output=True,
            check=False,
            timeout=_PS_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return _elapsed_s(done.stdout.decode("ascii", "replace"))


def _elapsed_s(line: str) -> float | None:
    """Read a state and a time such as `S+ 1-02:03:04`, as POSIX has `ps` write it."""
    found = re.fullmatch(r"\s*([^Z\s]\S*)\s+(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)\s*", line)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(number or 0) for number in found.groups()[1:])
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds
