"""Failures the sandbox can be told to show, so that a client can be rehearsed against them."""

import itertools
import re
import threading
from collections.abc import Iterable
from typing import Literal, get_args

from prodia_compose import errors, values
from prodia_compose.frozen import frozen

FaultKind = Literal[
    "busy",  # 429 with `Retry-After: 1`
    "busy-forever",  # the same
    "too-large",  # 413
    "server-error",  # 500
    "rejected",  # 400
    "unauthorised",  # 401
    "failed",  # 200 (async: 201), the job record's state is `failed`, and there is no output
    "wrong-type",  # 200 with an HTML page
    "cut",  # the real answer, broken off half-way through its announced length
    "stall",  # the whole request is read and never answered
    "drop-before",  # the connection is closed before the body is read
    "drop-after",  # the connection is closed after all of it was read, without an answer
]
"""What goes wrong."""

FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


@frozen
class Fault:
    """One failure, and how many jobs it strikes; None for every one.

    What counts are requests that create a job and carry an accepted token.
    """

    kind: FaultKind
    count: int | None = None


def parse_fault(text: str) -> Fault:
    """Return the fault that `KIND` or `KIND:N` names.

    Without N, `busy` strikes once and every other kind always: a service that is busy
    for good is `busy-forever`, and one that recovers is the common case.

    Raises:
        errors.UsageError: The kind is unknown, or N is not a number of at least 1.
    """
    name, colon, number = text.partition(":")
    kind = next((kind for kind in FAULT_KINDS if kind == name), None)
    if kind is None:
        guess, kinds = values.hint(name, FAULT_KINDS), f"there are {', '.join(FAULT_KINDS)}"
        raise errors.UsageError(f"--fault {text}: no such fault", guess, kinds)
    if not colon:
        return Fault(kind=kind, count=1 if kind == "busy" else None)
    if kind == "busy-forever":
        raise errors.UsageError(f"--fault {text}: busy-forever takes no number", "use busy:N")
    if not re.fullmatch(r"[0-9]{1,9}", number) or int(number) == 0:
        raise errors.UsageError(f"--fault {text}: N must be a whole number of at least 1")
    return Fault(kind=kind, count=int(number))


class FaultQueue:
    """Hands out faults one job at a time, in the order given; safe under threads.

    A fault that is used up makes room for the next one; one without a count stays for ever.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._left = itertools.chain.from_iterable(
            itertools.repeat(kind) if count is None else itertools.repeat(kind, count)
            for kind, count in ((fault.kind, fault.count) for fault in faults)
        )
        self._lock = threading.Lock()

    def take(self) -> FaultKind | None:
        """Return what strikes the next job, or None."""
        with self._lock:
            return next(self._left, None)
