"""Work in threads: order, room, failures, and a caller that stops listening."""

import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest
from conftest import at_once, until

from prodia_compose import errors
from prodia_compose.images import workers
from prodia_compose.progress import Stop

PATIENCE_S = 30


@pytest.fixture(autouse=True)
def _eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the number of threads the same on every machine."""
    monkeypatch.setattr(workers, "processors", lambda: 8)


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


def outcomes(
    *work: Callable[[], int],
    cost: int = 1,
    budget: workers.Budget | None = None,
    most: int | None = None,
    stop: Stop | None = None,
) -> Iterator[tuple[int, Future[int]]]:
    """Return the outcomes of pieces of work that cost the same."""
    tasks = [workers.Task(work=each, cost=cost) for each in work]
    budget = budget or workers.Budget(9)
    return workers.outcomes(tasks, budget=budget, stop=stop or Stop(), most=most)


def test_outcomes_come_as_they_are_ready_each_with_its_place() -> None:
    """The second does not wait for the first."""
    gate = threading.Event()
    watched = Watched()
    done = outcomes(watched.work(10, gate), watched.work(11))
    second = next(done)
    gate.set()
    first = next(done)

    assert [(place, outcome.result()) for place, outcome in (first, second)] == [(0, 10), (1, 11)]
    assert list(done) == []


def test_several_run_at_one_time() -> None:
    """Four pieces of work can wait for each other."""
    barrier = threading.Barrier(4, timeout=PATIENCE_S)
    done = outcomes(*[barrier.wait] * 4)

    assert sorted(outcome.result() for _, outcome in done) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("cost", "limit", "most", "expected"),
    [(1, 100, 2, 2), (4, 9, 8, 2), (5, 9, 8, 1), (500, 9, 8, 1)],
    ids=["most", "two fit", "one fits", "none fits"],
)
def test_no_more_run_than_there_is_room_for(
    cost: int, limit: int, most: int, expected: int
) -> None:
    """Neither their number nor what they cost goes over; one always runs."""
    watched = Watched()
    work = [watched.work(number) for number in range(12)]
    done = dict(outcomes(*work, cost=cost, budget=workers.Budget(limit), most=most))

    assert [done[place].result() for place in range(12)] == [*range(12)]
    assert watched.most <= expected
    assert sorted(watched.begun) == [*range(12)]


def test_several_jobs_share_a_budget() -> None:
    """What runs for all of them together stays within it, and each gets its own outcomes."""
    watched = Watched()
    budget = workers.Budget(9)
    found: dict[int, list[int]] = {}

    def job(number: int) -> None:
        done = outcomes(*(watched.work(number) for _ in range(6)), cost=3, budget=budget)
        found[number] = [outcome.result() for _, outcome in done]

    at_once(*(functools.partial(job, number) for number in range(3)))

    assert found == {number: [number] * 6 for number in range(3)}
    assert watched.most <= 3


def test_small_work_does_not_keep_large_work_waiting() -> None:
    """Room is given in the order in which it was asked for."""
    budget = workers.Budget(9)
    order: list[str] = []
    budget.acquire(5)

    def ask(name: str, cost: int) -> threading.Thread:
        def wait() -> None:
            budget.acquire(cost)
            order.append(name)
            budget.release(cost)

        thread = threading.Thread(target=wait)
        waiting = len(budget.queue)
        thread.start()
        until(lambda: len(budget.queue) > waiting)
        return thread

    threads = [ask("large", 8), ask("small", 1)]
    budget.release(5)
    for thread in threads:
        thread.join(PATIENCE_S)

    assert order[0] == "large"


def test_one_processor_means_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot run side by side does not."""
    monkeypatch.setattr(workers, "processors", lambda: 1)
    watched = Watched()
    list(outcomes(*(watched.work(number) for number in range(6))))

    assert watched.most == 1
    assert watched.begun == [*range(6)]


def test_a_failure_is_told_where_the_result_is_asked_for() -> None:
    """It stops nothing else."""

    def fail() -> int:
        raise errors.InputError("is damaged")

    done = list(outcomes(fail, lambda: 2, fail, budget=workers.Budget(1)))

    assert [place for place, _ in done] == [0, 1, 2]
    assert done[1][1].result() == 2
    for place in (0, 2):
        with pytest.raises(errors.InputError, match="is damaged"):
            done[place][1].result()


@pytest.mark.parametrize("by_flag", [False, True], ids=["gone", "told to stop"])
def test_who_stops_listening_stops_what_has_not_begun(by_flag: bool) -> None:  # noqa: FBT001 - a case
    """An interrupted run starts nothing more, beside what runs already."""
    gate = threading.Event()
    watched = Watched()
    work = [watched.work(0), *(watched.work(number, gate) for number in range(1, 9))]
    before = set(threading.enumerate())
    stop = Stop()
    budget = workers.Budget(1)
    done = outcomes(*work, budget=budget, stop=stop)
    next(done)
    if by_flag:
        stop.request(15)
        with pytest.raises(errors.Interrupted):
            next(done)
    else:
        done.close()  # type: ignore[attr-defined] # it is a generator
    gate.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)

    assert watched.begun in ([0], [0, 1])
    budget.acquire(1)  # all of it has been given back
