"""Several pieces of work at a time, in threads, within a budget.

Threads, since what is done here leaves Python's lock alone nearly all the time: decoders,
resampling and hashing run beside each other. Each thread takes the next piece, in order, as
soon as there is room for it. Nothing is shared but the row they take it from, what is running,
and the queue that the outcomes come through, so a signal reaches the caller at once, whatever the threads
are in the middle of; they are daemons and die with the process.
"""

import collections
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar

from prodia_compose.frozen import frozen

_MOST: Final = 4
"""Threads at once. Beyond that the memory fills up sooner than the time goes down."""

Result = TypeVar("Result")


@frozen
class Task(Generic[Result]):
    """A piece of work.

    Attributes:
        work: Does it.
        cost: What it takes of the budget while it runs, in the budget's unit.
    """

    work: Callable[[], Result]
    cost: int


@frozen
class Outcome(Generic[Result]):
    """What became of a piece of work.

    Attributes:
        place: Its place among the tasks, counted from 0.
        result: Gives what it returned, or raises what it raised.
    """

    place: int
    result: Callable[[], Result]


def outcomes(
    tasks: Sequence[Task[Result]],
    *,
    budget: int,
    most: int = _MOST,
    meanwhile: Callable[[], object] | None = None,
) -> Iterator[Outcome[Result]]:
    """Do all of the work and yield the outcomes, each when it is there.

    The tasks are started in order. One that costs more than the budget runs alone.
    Whoever stops listening stops what has not been started.

    Args:
        tasks: The work.
        budget: What the tasks that run at one time may cost together.
        most: How many may run at one time, at most; fewer on fewer processors.
        meanwhile: Is called once in this thread, which has only to wait otherwise, when
            the first tasks are running.
    """
    crew = _Crew(tasks, budget)
    try:
        crew.start(min(most, _processors(), len(tasks)))
        if meanwhile is not None:
            meanwhile()
        for _ in tasks:
            yield crew.done.get()
    finally:
        crew.stop()


class _Crew(Generic[Result]):
    """Threads that take pieces of work from one row.

    Attributes:
        done: Where the outcomes go.
    """

    def __init__(self, tasks: Sequence[Task[Result]], budget: int) -> None:
        self.done: queue.SimpleQueue[Outcome[Result]] = queue.SimpleQueue()
        self._waiting = collections.deque(enumerate(tasks))
        self._running: dict[int, int] = {}
        self._budget = budget
        self._changed = threading.Condition()

    def start(self, count: int) -> None:
        """Start so many threads."""
        for _ in range(count):
            threading.Thread(target=self._work, daemon=True).start()

    def stop(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            outcome = _outcome(*taken)
            with self._changed:
                del self._running[outcome.place]
                self._changed.notify_all()
            self.done.put(outcome)

    def _take(self) -> tuple[int, Task[Result]] | None:
        """Return the next piece and its place once there is room for it; None when all are taken."""
        with self._changed:
            while self._waiting:
                place, task = self._waiting[0]
                if not self._running or sum(self._running.values()) + task.cost <= self._budget:
                    self._waiting.popleft()
                    self._running[place] = task.cost
                    return place, task
                self._changed.wait()
        return None


def _outcome(place: int, task: Task[Result]) -> Outcome[Result]:
    """Do a piece of work and return what became of it, whatever it is."""
    try:
        result = task.work()
    except BaseException as exc:  # noqa: BLE001 - raised again where the outcome is looked at
        error = exc

        def fail() -> Result:
            raise error

        return Outcome(place=place, result=fail)
    return Outcome(place=place, result=lambda: result)


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
