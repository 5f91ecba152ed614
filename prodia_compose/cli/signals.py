"""Signals become a flag, and an exception where nothing can be lost by one."""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import FrameType

from prodia_compose import errors
from prodia_compose.progress import Stop

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")

_SAME_MOMENT_S = 0.05
"""Less than a person takes to press Ctrl-C once more."""

_AGAIN_S = 0.001
"""A finalizer is over by then, mostly."""

Handler = Callable[[int, FrameType | None], object]

_stops = [Stop()]
"""The innermost block's comes last; signals are the process's own, and so is this."""


def current() -> Stop:
    """Return what signals set now."""
    return _stops[-1]


@contextlib.contextmanager
def handled() -> Iterator[Stop]:
    """Let SIGINT, SIGTERM and SIGHUP stop the block: by the flag given, or by raising.

    The first signal stops the run; from then on the system's own handling is back, so
    that a second one during the cleanup ends the process at once.
    """
    stop = Stop()
    numbers = _heard()

    def interrupt(number: int, _frame: FrameType | None) -> None:
        _hear_once(number, numbers, signal.SIG_DFL)
        stop.request(number)
        if not stop.is_deferred:
            raise errors.Interrupted(number)

    _stops.append(stop)
    try:
        with handled_by(interrupt), _nowhere_ignored(stop):
            yield stop
    finally:
        _stops.remove(stop)


@contextlib.contextmanager
def in_two_steps(first: Stop, second: Stop) -> Iterator[None]:
    """Let the first signal set one flag in the block and the next another; a third ends the process."""
    numbers = _heard()

    def interrupt(number: int, _frame: FrameType | None) -> None:
        if first.signum is None:
            _hear_once(number, numbers, interrupt)
            first.request(number)
        else:
            _hear_once(number, numbers, signal.SIG_DFL)
            second.request(number)

    with handled_by(interrupt):
        yield


def _hear_once(number: int, numbers: Iterable[int], after: Handler | signal.Handlers) -> None:
    """Take what comes at this same moment for one signal, and handle later ones otherwise.

    As a terminal closes, its shell sends what the system has sent already; so does `timeout`.
    And Python would complain on stderr of a signal whose handler is gone.
    """
    for other in numbers:
        signal.signal(other, lambda _number, _frame: None)
    time.sleep(_SAME_MOMENT_S)
    signal.raise_signal(number)
    for other in numbers:
        signal.signal(other, after)


@contextlib.contextmanager
def handled_by(handler: Handler) -> Iterator[None]:
    """Hand SIGINT, SIGTERM and SIGHUP to a handler for the block.

    A signal that was ignored when we were started (`nohup`, a script's `&`) stays ignored.
    Outside the main thread nothing changes: Python lets only that one set handlers.
    """
    previous = {number: signal.getsignal(number) for number in _heard()}
    try:
        for number in previous:
            signal.signal(number, handler)
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)


def _heard() -> tuple[int, ...]:
    """Return the signals that can be handled here, and are not ignored."""
    if threading.current_thread() is not threading.main_thread():
        return ()
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    ignored = (signal.SIG_IGN, None)
    return tuple(number for number in numbers if signal.getsignal(number) not in ignored)


@contextlib.contextmanager
def _nowhere_ignored(stop: Stop) -> Iterator[None]:
    """Raise an `errors.Interrupted` again that came up where Python ignores exceptions.

    It may find the main thread in a finalizer, such as that of a pool of connections, which
    runs whenever garbage is collected, while it waits for something that never comes.
    """
    hook = sys.unraisablehook
    clock = getattr(signal, "SIGALRM", None)  # which Windows has not
    before = clock and signal.getsignal(clock)

    def again(_number: int, _frame: FrameType | None) -> None:
        if not stop.is_deferred:
            stop.check()

    def look_after(ignored: "sys.UnraisableHookArgs") -> None:
        if not isinstance(ignored.exc_value, errors.Interrupted):
            hook(ignored)
        elif clock:  # what is raised in here would be ignored too
            signal.signal(clock, again)
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)

    sys.unraisablehook = look_after
    try:
        yield
    finally:
        sys.unraisablehook = hook
        if clock and signal.getsignal(clock) != before:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(clock, before or signal.SIG_DFL)
