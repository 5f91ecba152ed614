"""How many rows can be on their way at one time, as far as open files go.

Each prepared picture is an open file without a name, and so is each answer, beside the
connection that it comes by: 256 rows at a time, and as many that wait, are some 2,000 files,
and many systems let a process have 1,024 at first.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from prodia_compose import addresses
from prodia_compose.frozen import frozen

_FOR_ALL: Final = 24
"""What the record, the results, decoders and libraries open while rows are on their way."""

_FOR_ANSWER: Final = 3
"""A row's connection, its answer, and the file that becomes its picture."""

_PLENTY: Final = 1 << 20


@frozen
class Room:
    """What there is room for.

    Attributes:
        files: How many more files can be open at one time.
        rows: How many rows can be on their way, those that wait to be sent included.
        shared: How many files with pictures of several rows can wait for the last of these.
    """

    files: int
    rows: int
    shared: int


def room(rows: Sequence[Collection[str]], files: int) -> Room:
    """Return what so many more files are enough for: for one row in any case.

    Args:
        rows: The places of each row's pictures.
        files: How many more can be open at one time.
    """
    uses = Counter(place for places in rows for place in set(places))
    several = {place for place, count in uses.items() if count > 1}
    waiting = len(several) + sum(map(addresses.is_url, several))  # these as they came, too
    shared = min(waiting, files // 2)
    alone = several if shared == waiting else set()
    own = max((len(set(places) - alone) for places in rows), default=0)
    return Room(files=files, rows=max(1, (files - shared) // (own + _FOR_ANSWER)), shared=shared)


def raised() -> int:
    """Let this process open as many files as it may; return how many more it can.

    Those that are open, and those that all rows need together, are counted already.
    """
    try:
        import resource  # noqa: PLC0415 - there is none on Windows, nor such a limit
    except ImportError:
        return _PLENTY
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS says "no limit", and means another
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        limit = most
    if limit == resource.RLIM_INFINITY:
        return _PLENTY
    return max(0, limit - len(os.listdir("/dev/fd")) - _FOR_ALL)  # noqa: PTH208 - names only
