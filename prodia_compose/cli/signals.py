"""Signals become exceptions, so that every `finally` runs and nothing is left behind."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from prodia_compose import errors

__all__ = ["as_exceptions"]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")

_AGAIN_S = 0.001
"""A finalizer is over by then, mostly."""


@contextlib.contextmanager
def as_exceptions() -> Iterator[None]:
    """Raise `errors.Interrupted` in the main thread for SIGINT, SIGTERM and SIGHUP.

    The first signal stops the run; from then on the system's own handling is back, so
    that a second one during the cleanup ends the process at once. A signal that was
    ignored when we were started (`nohup`, a script's `&`) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread set handlers
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    previous = {
        number: handler
        for number in numbers
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }

    def interrupt(number: int, _frame: FrameType | None) -> None:
        # What came at the same moment (a closing terminal sends several) is taken in first:
        # Python would complain on stderr of a signal whose handler is gone.
        for other in previous:
            signal.signal(other, lambda _number, _frame: None)
        signal.raise_signal(number)
        for other in previous:
            signal.signal(other, signal.SIG_DFL)
        raise errors.Interrupted(number)

    for number in previous:
        signal.signal(number, interrupt)
    try:
        with _nowhere_ignored():
            yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _nowhere_ignored() -> Iterator[None]:
    """Raise an `errors.Interrupted` again that came up where Python ignores exceptions.

    It may find the main thread in a finalizer, such as that of a pool of connections, which
    runs whenever garbage is collected. The run would go on as if there had been no signal.
    """
    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    hook, alarm = sys.unraisablehook, signal.getsignal(signal.SIGALRM)

    def look_after(ignored: "sys.UnraisableHookArgs") -> None:
        if not isinstance(ignored.exc_value, errors.Interrupted):
            hook(ignored)
            return
        number = ignored.exc_value.signum

        def interrupt_again(_number: int, _frame: FrameType | None) -> None:
            raise errors.Interrupted(number)

        # What is raised in here would be ignored too.
        signal.signal(signal.SIGALRM, interrupt_again)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)

    sys.unraisablehook = look_after
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, alarm)
        sys.unraisablehook = hook
