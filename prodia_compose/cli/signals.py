"""Signals become exceptions, so that every `finally` runs and nothing is left behind."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from prodia_compose import errors

__all__ = ["as_exceptions"]

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


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
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
