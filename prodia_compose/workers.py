"""Several pieces of work at a time, in threads, within a budget.

Threads, since what is done here leaves Python's lock alone nearly all the time: decoders,
resampling and hashing run beside each other. Each piece has a thread of its own, started
by the caller's thread, in order, as soon as there is room. So nothing is shared but the
queue that the outcomes come through, and a signal reaches the caller at once, whatever
the threads are in the middle of; they are daemons and die with the process.
"""

import collections
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

__all__ = ["Outcome", "Task", "outcomes"]

_MOST: Final = 4
"""Threads at once. Beyond that the memory fills up sooner than the time goes down."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[Result]):
    """A piece of work.

    Attributes:
        work: Does it.
        cost: What it takes of the budget while it runs, in the budget's unit.
    """

    work: Callable[[], Result]
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
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
    done: queue.SimpleQueue[Outcome[Result]] = queue.SimpleQueue()
    waiting = collections.deque(enumerate(tasks))
    running: dict[int, int] = {}
    most = min(most, _processors())
    while waiting or running:
        while waiting and _has_room(running, waiting[0][1].cost, budget, most):
            place, task = waiting.popleft()
            running[place] = task.cost
            threading.Thread(target=_work, args=(place, task, done), daemon=True).start()
        if meanwhile is not None:
            meanwhile()
            meanwhile = None
        outcome = done.get()
        del running[outcome.place]
        yield outcome


def _has_room(running: dict[int, int], cost: int, budget: int, most: int) -> bool:
    return not running or (len(running) < most and sum(running.values()) + cost <= budget)


def _work(place: int, task: Task[Result], done: "queue.SimpleQueue[Outcome[Result]]") -> None:
    """Do a piece of work and put its outcome into the queue, whatever it is."""
    try:
        result = task.work()
    except BaseException as exc:  # noqa: BLE001 - raised again where the outcome is looked at
        error = exc

        def fail() -> Result:
            raise error

        done.put(Outcome(place=place, result=fail))
    else:
        done.put(Outcome(place=place, result=lambda: result))


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
