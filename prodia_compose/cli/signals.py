"""Signals become exceptions, so that every `finally` runs and nothing is left behind."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from prodia_compose import errors

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")

_AGAIN_S = 0.001
"""A finalizer is over by then, mostly."""

Handler = Callable[[int, FrameType | None], object]


@contextlib.contextmanager
def as_exceptions() -> Iterator[None]:
    """Raise `errors.Interrupted` in the main thread for SIGINT, SIGTERM and SIGHUP.

    The first signal stops the run; from then on the system's own handling is back, so
    that a second one during the cleanup ends the process at once.
    """

    def interrupt(number: int, _frame: FrameType | None) -> None:
        # What came at the same moment (a closing terminal sends several) is taken in first:
        # Python would complain on stderr of a signal whose handler is gone.
        for other in numbers:
            signal.signal(other, lambda _number, _frame: None)
        signal.raise_signal(number)
        for other in numbers:
            signal.signal(other, signal.SIG_DFL)
        raise errors.Interrupted(number)

    with handled_by(interrupt) as numbers, _nowhere_ignored():
        yield


@contextlib.contextmanager
def handled_by(handler: Handler) -> Iterator[tuple[int, ...]]:
    """Hand SIGINT, SIGTERM and SIGHUP to a handler for the block, and give their numbers.

    A signal that was ignored when we were started (`nohup`, a script's `&`) stays ignored.
    Outside the main thread nothing changes: Python lets only that one set handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield ()
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    previous = {
        number: before
        for number in numbers
        if (before := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }
    for number in previous:
        signal.signal(number, handler)
    try:
        yield tuple(previous)
    finally:
        for number, before in previous.items():
            signal.signal(number, before)


@contextlib.contextmanager
def _nowhere_ignored() -> Iterator[None]:
    """Raise an `errors.Interrupted` again that came up where Python ignores exceptions.

    It may find the main thread in a finalizer, such as that of a pool of connections, which
    runs whenever garbage is collected. The run would go on as if there had been no signal.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not hasattr(signal, "setitimer"):  # which Windows has not
        yield
        return
    hook = sys.unraisablehook
    undo = contextlib.ExitStack()

    def look_after(ignored: "sys.UnraisableHookArgs") -> None:
        if not isinstance(ignored.exc_value, errors.Interrupted):
            hook(ignored)
            return
        number = ignored.exc_value.signum

        def interrupt_again(_number: int, _frame: FrameType | None) -> None:
            raise errors.Interrupted(number)

        # What is raised in here would be ignored too.
        before = signal.signal(signal.SIGALRM, interrupt_again)
        undo.callback(signal.signal, signal.SIGALRM, before or signal.SIG_DFL)
        mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        undo.callback(signal.pthread_sigmask, signal.SIG_SETMASK, mask)
        timer = signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        undo.callback(signal.setitimer, signal.ITIMER_REAL, *timer)

    sys.unraisablehook = look_after
    try:
        yield
    finally:
        sys.unraisablehook = hook
        undo.close()
