"""Work in threads: order, room, failures, and a caller that stops listening."""

import threading
from collections.abc import Callable

import pytest

from prodia_compose import errors
from prodia_compose.images import workers

PATIENCE_S = 30


@pytest.fixture(autouse=True)
def _eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the number of threads the same on every machine."""
    monkeypatch.setattr(workers, "_processors", lambda: 8)


class Watched:
    """Counts how many pieces of work run at one time, and holds each until it may end."""

    def __init__(self) -> None:
        self.most = 0
        self.begun: list[int] = []
        self._running = 0
        self._lock = threading.Lock()

    def work(self, number: int, gate: threading.Event | None = None) -> Callable[[], int]:
        """Return a piece of work that gives its number, once a gate is open."""

        def run() -> int:
            with self._lock:
                self.begun.append(number)
                self._running += 1
                self.most = max(self.most, self._running)
            if gate is not None:
                assert gate.wait(PATIENCE_S)
            with self._lock:
                self._running -= 1
            return number

        return run


def tasks(*work: Callable[[], int], cost: int = 1) -> list[workers.Task[int]]:
    """Return pieces of work that cost the same."""
    return [workers.Task(work=each, cost=cost) for each in work]


def test_outcomes_come_as_they_are_ready_each_with_its_place() -> None:
    """The second does not wait for the first."""
    gate = threading.Event()
    watched = Watched()
    outcomes = workers.outcomes(tasks(watched.work(10, gate), watched.work(11)), budget=9)

    second = next(outcomes)
    gate.set()
    first = next(outcomes)

    assert (second.place, second.result()) == (1, 11)
    assert (first.place, first.result()) == (0, 10)
    assert list(outcomes) == []


def test_several_run_at_one_time() -> None:
    """Four pieces of work can wait for each other."""
    barrier = threading.Barrier(4, timeout=PATIENCE_S)

    outcomes = list(workers.outcomes(tasks(*[barrier.wait] * 4), budget=9))

    assert sorted(outcome.result() for outcome in outcomes) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("cost", "budget", "most", "expected"),
    [(1, 100, 2, 2), (4, 9, 8, 2), (5, 9, 8, 1), (500, 9, 8, 1)],
    ids=["most", "two fit", "one fits", "none fits"],
)
def test_no_more_run_than_there_is_room_for(
    cost: int, budget: int, most: int, expected: int
) -> None:
    """Neither their number nor what they cost goes over; one always runs."""
    watched = Watched()
    work = [watched.work(number) for number in range(12)]

    done = list(workers.outcomes(tasks(*work, cost=cost), budget=budget, most=most))

    assert [outcome.result() for outcome in sorted(done, key=lambda each: each.place)] == [
        *range(12)
    ]
    assert watched.most <= expected
    assert sorted(watched.begun) == [*range(12)]


def test_one_processor_means_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot run side by side does not."""
    monkeypatch.setattr(workers, "_processors", lambda: 1)
    watched = Watched()

    list(workers.outcomes(tasks(*(watched.work(number) for number in range(6))), budget=9))

    assert watched.most == 1
    assert watched.begun == [*range(6)]


def test_a_failure_is_told_where_the_result_is_asked_for() -> None:
    """It stops nothing else."""

    def fail() -> int:
        raise errors.InputError("is damaged")

    outcomes = list(workers.outcomes(tasks(fail, lambda: 2, fail), budget=1))

    assert [outcome.place for outcome in outcomes] == [0, 1, 2]
    assert outcomes[1].result() == 2
    for outcome in (outcomes[0], outcomes[2]):
        with pytest.raises(errors.InputError, match="is damaged"):
            outcome.result()


def test_who_stops_listening_stops_what_has_not_begun() -> None:
    """An interrupted run starts nothing more, beside what runs already."""
    gate = threading.Event()
    watched = Watched()
    work = [watched.work(0), *(watched.work(number, gate) for number in range(1, 9))]
    before = set(threading.enumerate())
    outcomes = workers.outcomes(tasks(*work), budget=1)

    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined] # it is a generator
    gate.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)

    assert watched.begun in ([0], [0, 1])


def test_the_caller_uses_the_time_it_would_wait() -> None:
    """It does something once, in its own thread, beside the tasks."""
    gate = threading.Event()
    threads: list[threading.Thread] = []

    def meanwhile() -> None:
        threads.append(threading.current_thread())
        gate.set()

    watched = Watched()
    work = tasks(*(watched.work(number, gate) for number in range(5)))
    done = list(workers.outcomes(work, budget=1, meanwhile=meanwhile))

    assert len(done) == 5
    assert threads == [threading.current_thread()]
