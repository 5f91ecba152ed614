"""Threads that wait for their turn: each is woken for its own, and none for nothing."""

import math
import queue
import threading
import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from conftest import until

from prodia_compose import errors
from prodia_compose.client.send import Pause
from prodia_compose.pipeline.batch.outcomes import Ended, Failures, Outcome
from prodia_compose.pipeline.batch.starting.budget import Budget
from prodia_compose.pipeline.batch.starting.desk import Desk
from prodia_compose.pipeline.batch.starting.starts import Starts

DONE = Outcome(status="done", price_usd=Decimal("0.01"), may_be_billed=True)


class Clock:
    """The time, and how often somebody looked at it."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> float:
        """Return the seconds."""
        self.looks += 1
        return time.monotonic()


def _desk(
    *, jobs: int = 4, rate: float | None = None, limit: int | None = None, max_wait_s: float = 120
) -> tuple[Desk, Clock]:
    clock = Clock()
    budget = Budget(None if limit is None else Decimal(limit))
    return Desk(Starts(jobs, rate, max_wait_s), budget, Failures(), clock), clock


def _busy(seconds: float, asked_s: float | None = None) -> Pause:
    return Pause(seconds=seconds, asked_s=asked_s, is_busy=True, why="it is busy", attempt=2)


class Rows:
    """Rows in a thread each, and what became of them in the order that it did."""

    def __init__(
        self, desk: Desk, count: int, send: Callable[[int], None] = lambda _: None
    ) -> None:
        self.ends: queue.SimpleQueue[tuple[int, BaseException | None]] = queue.SimpleQueue()
        self._desk = desk
        self._send = send
        self.threads = [threading.Thread(target=self._work, args=(n,)) for n in range(count)]
        for thread in self.threads:
            thread.start()

    def _work(self, number: int) -> None:
        end = None
        try:
            self._desk.enter(number, str(number), "a", Decimal("0.01"))
            self._send(number)
            self._desk.leave(number, DONE)
        except errors.ComposeError as error:
            end = error
            self._desk.leave(number, Outcome(status="cancelled"))
        self.ends.put((number, end))

    def join(self) -> dict[int, BaseException | None]:
        """Wait for all, and return how each ended."""
        for thread in self.threads:
            thread.join(timeout=30)
        assert not any(thread.is_alive() for thread in self.threads)
        return dict(self.ends.get() for _ in self.threads)


def test_many_threads_start_evenly_and_look_seldom() -> None:
    """256 that wait are let in at the rate, and each change wakes only those whom it concerns."""
    desk, clock = _desk(jobs=256, rate=400)
    began = time.monotonic()
    ends = Rows(desk, 256).join()

    assert not any(ends.values())
    assert time.monotonic() - began >= 255 / 400
    assert desk.money == (Decimal("2.56"), Decimal(0))
    # Entering, waiting out the time, handing over, leaving: some looks each, not one of each row.
    assert clock.looks < 256 * 12


def test_no_more_than_jobs_are_on_their_way() -> None:
    """Whoever is let in makes room only when it leaves; all come to their turn without a clock."""
    lock = threading.Lock()
    on_way: list[int] = []
    most = []

    def send(number: int) -> None:
        with lock:
            on_way.append(number)
            most.append(len(on_way))
        time.sleep(0.001)
        with lock:
            on_way.remove(number)

    desk, _ = _desk(jobs=3)
    assert not any(Rows(desk, 60, send).join().values())
    assert max(most) == 3


def test_a_shut_gate_opens_by_itself() -> None:
    """Rows that wait for the time alone are woken by it, also those that were sent in vain."""
    again: set[int] = set()

    def send(number: int) -> None:
        if number < 4 and number not in again:
            again.add(number)
            desk.again(number, _busy(0.05, 0.05))

    desk, _ = _desk(jobs=4)
    began = time.monotonic()
    assert not any(Rows(desk, 12, send).join().values())

    assert again == {0, 1, 2, 3}
    assert time.monotonic() - began >= 0.05


def test_a_gate_given_up_wakes_its_rows() -> None:
    """All that wait end at once, unsent, in words that name the model and the option."""
    desk, _ = _desk(jobs=1)
    rows = Rows(desk, 8, lambda number: desk.again(number, _busy(900, 900)))
    ends = rows.join()

    assert all(isinstance(end, errors.BusyError) for end in ends.values())
    assert desk.money == (Decimal(0), Decimal(0))
    words = {str(end).partition(" and it asks")[0] for end in ends.values()}
    assert words == {"a: it is busy"}


@pytest.mark.parametrize("reason", ["interrupted", "balance"])
def test_an_end_wakes_all_that_wait(reason: str) -> None:
    """Those on their way are not touched; whoever waits, or comes later, is told the reason."""
    is_over = threading.Event()
    entered = threading.Semaphore(0)

    def send(_: int) -> None:
        entered.release()
        assert is_over.wait(30)

    desk, clock = _desk(jobs=2)
    rows = Rows(desk, 40, send)
    for _ in range(2):
        assert entered.acquire(timeout=30)
    until(lambda: clock.looks >= 40)  # most of them wait by now
    if reason == "interrupted":
        desk.end("interrupted")
    else:
        desk.leave(99, Outcome(status="cancelled", ends="balance"))
    until(lambda: sum(thread.is_alive() for thread in rows.threads) == 2)
    is_over.set()
    ends = rows.join()

    shown = [end.reason for end in ends.values() if isinstance(end, Ended)]
    assert (shown, desk.reason) == ([reason] * 38, reason)
    with pytest.raises(Ended):
        desk.enter(100, "100", "a", None)


def test_the_budget_lets_in_what_fits() -> None:
    """Of rows that all come at once, as many are sent as the limit pays for; the rest are told."""
    desk, _ = _desk(jobs=16, limit=1)
    ends = Rows(desk, 130).join()

    assert sum(end is None for end in ends.values()) == 100
    assert (desk.money, desk.reason) == ((Decimal(1), Decimal(0)), "cost")


def test_max_wait_may_be_without_end() -> None:
    """A patience without end gives nothing up."""
    desk, _ = _desk(jobs=1, max_wait_s=math.inf)
    tried: list[int] = []

    def send(number: int) -> None:
        if len(tried) < 5:
            tried.append(number)
            desk.again(number, _busy(0.001, 0.001))
            send(number)

    assert not any(Rows(desk, 2, send).join().values())
