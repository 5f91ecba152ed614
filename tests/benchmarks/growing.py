"""How much memory a process holds while it works, and whether that grows with what it has done."""

import itertools
import re
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from measuring import CommandError

_EVERY_S: Final = 0.02
_WINDOWS: Final = 18

Sample = tuple[int, int]
"""What was done by then, and the bytes that the process held for itself."""


def watched(argv: Sequence[str], log: Path, mark: bytes, env: Mapping[str, str]) -> list[Sample]:
    """Run a process that writes a line with a mark for each thing done, and look at it meanwhile.

    Raises:
        measuring.CommandError: It failed, or this system does not tell how much it holds.
    """
    if not Path("/proc/self/status").exists():
        raise CommandError("there is no /proc/PID/status to look at")
    samples: list[Sample] = []
    done = at = 0
    with subprocess.Popen(
        argv, cwd=log.parent, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as running:
        status = Path(f"/proc/{running.pid}/status")
        while running.poll() is None:
            time.sleep(_EVERY_S)
            if log.exists():
                with log.open("rb") as file:
                    file.seek(at)
                    whole = file.read().rpartition(b"\n")[0]
                at += len(whole)
                done += whole.count(mark)
            # Pages of mapped files are not counted: they come and go, and are not its own.
            held = re.search(r"^RssAnon:\s+(\d+) kB", status.read_text(), re.MULTILINE)
            if held:
                samples.append((done, int(held[1]) * 1024))
    if running.returncode:
        raise CommandError(f"{argv[0]} ended with {running.returncode}")
    return samples


def slope(samples: Sequence[Sample], first: int, last: int) -> float:
    """Return the bytes more that are held for each thing done between two of them.

    It is the median of the slopes between all pairs of windows, of each of which the median
    counts (Theil and Sen): pictures at work make single samples swing by tens of megabytes.
    """
    step = (last - first) / _WINDOWS
    windows = []
    for number in range(_WINDOWS):
        start = first + number * step
        held = [size for done, size in samples if start <= done < start + step]
        if held:
            windows.append((start, statistics.median(held)))
    pairs = itertools.combinations(windows, 2)
    return statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs)
