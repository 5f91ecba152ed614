"""In which order rows are prepared: in their own, but past a model that has no room."""

import collections
import contextlib
import threading
from collections.abc import Iterator, Sequence

from prodia_compose.pipeline.batch.results.ends import Due


class Order:
    """The rows that nobody has taken yet, for threads.

    A number of rows may be *ahead*: taken, and not let in to be sent. A model is *held up* while
    rows of it that the service had no room for wait to be sent again. As long as it is, its own
    rows count as ever, and those of others as if none of its own were ahead; so they go past.
    Where no model is held up, the rows are taken one after the other.
    """

    def __init__(self, due: Sequence[Due], ahead: int) -> None:
        self._changed = threading.Condition()  # for all of these
        self._most = ahead
        self._left: dict[str, collections.deque[Due]] = {}  # by model, as all of these
        self._ahead: collections.Counter[str] = collections.Counter()
        self._turned_away: collections.Counter[str] = collections.Counter()
        for one in due:
            self._left.setdefault(one.model, collections.deque()).append(one)

    def take(self) -> Due | None:
        """Wait for the next row that may be prepared; None if there are no more rows."""
        with self._changed:
            while (rows := self._next()) is None:
                if not self._left:
                    return None
                self._changed.wait()
            due = rows.popleft()
            self._ahead[due.model] += 1
            if not rows:
                del self._left[due.model]
            if self._left:
                self._changed.notify()  # there may be one for another thread, too
            else:
                self._changed.notify_all()
            return due

    def _next(self) -> collections.deque[Due] | None:
        ahead = self._ahead.total()
        held = sum(count for model, count in self._ahead.items() if self._turned_away[model])
        ready = (
            rows
            for model, rows in self._left.items()
            if (ahead if self._turned_away[model] else ahead - held) < self._most
        )
        return min(ready, key=lambda rows: rows[0].row.number, default=None)

    def let_in(self, model: str) -> None:
        """Take in that a row which was taken is not ahead any more."""
        with self._changed:
            self._ahead[model] -= 1
            self._changed.notify()

    @contextlib.contextmanager
    def held_up(self, model: str) -> Iterator[None]:
        """Hold up a model in the block, in which a row of it waits to be sent again."""
        self._turn_away(model, 1)
        try:
            yield
        finally:
            self._turn_away(model, -1)

    def _turn_away(self, model: str, more: int) -> None:
        with self._changed:
            was = self._turned_away[model]
            self._turned_away[model] += more
            if 0 in (was, was + more):
                self._changed.notify_all()

    def passed_by(self) -> int:
        """Return how many rows wait while others go past; 0 where there are no others."""
        with self._changed:
            if all(self._turned_away[model] for model in self._left):
                return 0
            held = [model for model, count in self._turned_away.items() if count]
            return sum(self._turned_away[model] + self._ahead[model] for model in held)
