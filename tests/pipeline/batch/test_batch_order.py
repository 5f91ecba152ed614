"""In which order rows are taken: their own, and past models that are held up."""

import contextlib
import queue
import threading

import resulting as rs

from prodia_compose.pipeline.batch.order import Order
from prodia_compose.pipeline.batch.results.ends import Due
from prodia_compose.pipeline.batch.rows.row import Row
from prodia_compose.pipeline.request import ComposeRequest


def _due(models: str) -> list[Due]:
    """Return a row for each letter, of that model."""
    return [
        Due(
            row=Row(id=str(number), number=number, line=number, request=ComposeRequest()),
            model=model,
            bound=None,
            request_key=rs.KEY,
            places=(),
        )
        for number, model in enumerate(models, 1)
    ]


class Takers:
    """Threads that wait for a row each: `wanted` of them, or as many as there are rows."""

    def __init__(self, order: Order, wanted: int) -> None:
        self._order = order
        self._taken: queue.Queue[Due | None] = queue.Queue()
        self.threads = [threading.Thread(target=self._take, daemon=True) for _ in range(wanted)]
        for thread in self.threads:
            thread.start()

    def _take(self) -> None:
        self._taken.put(self._order.take())

    def next(self, count: int) -> list[int | None]:
        """Return the numbers of the next rows that are taken, and see that it is no more."""
        found = [self._taken.get(timeout=10) for _ in range(count)]
        with contextlib.suppress(queue.Empty):
            raise AssertionError(self._taken.get(timeout=0.02))
        return [None if one is None else one.row.number for one in found]


def test_rows_are_taken_one_after_the_other() -> None:
    """No more than may be ahead; one more for each that is let in; nobody waits where none is left."""
    order = Order(_due("abab"), 2)
    takers = Takers(order, 6)

    assert takers.next(2) == [1, 2]
    order.let_in("b")
    assert takers.next(1) == [3]
    order.let_in("a")
    assert takers.next(3) == [4, None, None]


def test_rows_of_a_model_held_up_are_passed_by() -> None:
    """Whether they are taken already or not; once there is room the earliest row is first again."""
    order = Order(_due("aaaabbbb"), 2)
    takers = Takers(order, 10)
    assert takers.next(2) == [1, 2]
    order.let_in("a")
    assert takers.next(1) == [3]

    with order.held_up("a"):
        assert takers.next(2) == [5, 6]
        assert order.passed_by() == 1 + 2
        order.let_in("b")
        assert takers.next(1) == [7]
    order.let_in("b")
    order.let_in("b")
    assert takers.next(0) == []
    order.let_in("a")
    assert takers.next(1) == [4]
    order.let_in("a")
    assert takers.next(3) == [8, None, None]


def test_several_models_may_be_held_up() -> None:
    """Those of the third go past both; rows of neither are taken beyond what may be ahead."""
    order = Order(_due("abababccc"), 1)
    takers = Takers(order, 9)
    assert takers.next(1) == [1]
    order.let_in("a")
    assert takers.next(1) == [2]
    order.let_in("b")
    with order.held_up("a"):
        assert takers.next(2) == [3, 4], "a row of its own as ever, and the next one of others"
        with order.held_up("b"):
            assert takers.next(1) == [7]
            assert order.passed_by() == 2 + 2
            order.let_in("c")
            assert takers.next(1) == [8]
        order.let_in("b")
        order.let_in("c")
        assert takers.next(1) == [6]
    order.let_in("b")
    assert takers.next(0) == []
    order.let_in("a")
    assert takers.next(1) == [5]
    order.let_in("a")
    assert takers.next(1) == [9]


def test_where_there_are_no_others_nothing_goes_past() -> None:
    """The rows of a single model are prepared as far ahead as ever, and no thread more is needed."""
    order = Order(_due("aaaa"), 2)
    takers = Takers(order, 3)
    assert takers.next(2) == [1, 2]
    order.let_in("a")
    with order.held_up("a"), order.held_up("a"):
        assert takers.next(1) == [3]
        assert order.passed_by() == 0
