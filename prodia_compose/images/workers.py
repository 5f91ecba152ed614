"""Several pieces of work at a time, in threads, within a budget.

Decoders, resampling and hashing leave Python's lock alone nearly all the time. The threads
are daemons and die with the process, so that a signal reaches the caller at once; the
standard library's pool would wait for them at exit.
"""

import collections
import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from prodia_compose.frozen import frozen
from prodia_compose.progress import LOOK_EVERY_S, Stop

_MOST: Final = 4  # threads at once; beyond that memory fills up sooner than time goes down

Result = TypeVar("Result")


class Budget:
    """What the work running at one time may cost together, whichever job and thread it is of.

    Attributes:
        taken: By the work that runs.
        queue: Who waits for room, in order.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0
        self.queue: collections.deque[object] = collections.deque()
        self._changed = threading.Condition()

    def acquire(self, cost: int) -> None:
        """Wait in the queue until there is room; what costs more than all runs alone."""
        ticket = object()
        with self._changed:
            self.queue.append(ticket)
            self._changed.wait_for(lambda: self.queue[0] is ticket and self._has_room(cost))
            self.queue.popleft()
            self.taken += cost
            self._changed.notify_all()

    def _has_room(self, cost: int) -> bool:
        return not self.taken or self.taken + cost <= self.limit

    def release(self, cost: int) -> None:
        """Give back what was acquired."""
        with self._changed:
            self.taken -= cost
            self._changed.notify_all()


@frozen
class Task(Generic[Result]):
    """A piece of work, what it takes of the budget while it runs, and of threads beside its own."""

    work: Callable[[], Result]
    cost: int
    threads: int = 0


def outcomes(
    tasks: Sequence[Task[Result]], *, budget: Budget, stop: Stop, most: int | None = None
) -> Iterator[tuple[int, Future[Result]]]:
    """Do all of the work and yield each piece's place, from 0, and its outcome when it is there.

    The tasks are started in order, at most `most` at a time, else as many as there are
    processors, up to four; fewer where no more threads are to be had. Whoever stops listening stops what has not been started.

    Raises:
        errors.Interrupted: Somebody asked to stop.
    """
    waiting = collections.deque(enumerate(tasks))
    turn = threading.Lock()
    ended = threading.Event()
    done: queue.SimpleQueue[tuple[int, Future[Result]]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            with turn:  # held while waiting for room, so that the next one does not overtake
                if not waiting:
                    return
                place, task = waiting.popleft()
                budget.acquire(task.cost)
            outcome = None if ended.is_set() else _outcome(task.work)
            budget.release(task.cost)
            if outcome is None:
                return
            done.put((place, outcome))

    left = len(tasks)
    wanted = min(most or min(_MOST, processors()), left)
    try:
        # Where threads are scarce, decoders have them: some cannot do without.
        own = max((task.threads for task in tasks), default=0)
        is_scarce = own > 0 and spare(wanted + own) < wanted + own
        if is_scarce or sum(started(work) for _ in range(wanted)) == 0:
            for place, task in enumerate(tasks):
                stop.check()
                budget.acquire(task.cost)
                outcome = _outcome(task.work)
                budget.release(task.cost)
                yield place, outcome
            return
        while left:
            stop.check()
            with contextlib.suppress(queue.Empty):
                yield done.get(timeout=LOOK_EVERY_S)
                left -= 1
    finally:
        ended.set()


def within(seconds: float, work: Callable[[], Result], *, stop: Stop) -> Result:
    """Do a piece of work that may take far too long; what it raises is raised.

    Where no thread is to be had it is done here, however long it takes.

    Raises:
        TimeoutError: It takes longer; it goes on, and nobody waits for it.
        errors.Interrupted: Somebody asked to stop.
    """
    done: queue.SimpleQueue[Future[Result]] = queue.SimpleQueue()
    if not started(lambda: done.put(_outcome(work))):
        return work()
    deadline = time.monotonic() + seconds
    outcome: Future[Result] | None = None
    while outcome is None:
        stop.check()
        if time.monotonic() >= deadline:
            raise TimeoutError
        with contextlib.suppress(queue.Empty):
            outcome = done.get(timeout=LOOK_EVERY_S)
    try:
        stop.check()
        return outcome.result()
    finally:
        del outcome  # what it raises has this frame, which would have it: nobody would let go


def started(work: Callable[[], object]) -> bool:
    """Start a daemon thread; return False where none is to be had (`ulimit -u`, a pid limit)."""
    try:
        threading.Thread(target=work, daemon=True).start()
    except RuntimeError:
        return False
    return True


def spare(most: int) -> int:
    """Return how many more threads are to be had, at most so many."""
    over = threading.Event()
    count = 0
    while count < most and started(over.wait):
        count += 1
    over.set()
    if count < most:
        time.sleep(LOOK_EVERY_S)  # until they are gone, and others can have them
    return count


def _outcome(work: Callable[[], Result]) -> Future[Result]:
    outcome: Future[Result] = Future()
    try:
        outcome.set_result(work())
    except BaseException as exc:  # noqa: BLE001 - raised again where the outcome is looked at
        outcome.set_exception(exc)
    try:
        return outcome
    finally:
        del outcome  # as in `within`


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
