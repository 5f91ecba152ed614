"""A job of the record that is on its way, written as it goes."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Unpack

from prodia_compose.record import entries
from prodia_compose.record.entries import News, State

if TYPE_CHECKING:
    from prodia_compose.record.database import Cell


class OpenEntry:
    """A job of the record that is on its way.

    Attributes:
        id: Our own name for it; None if it could not be recorded.
    """

    def __init__(self, name: str | None, write: Callable[..., bool]) -> None:
        self.id = name
        self._write = write
        self._state: State | None = None
        self._written: dict[str, Cell] = {}

    def advance(self, state: State, **news: Unpack[News]) -> None:
        """Write how far the job has come, and what is news; the rest stays as it was.

        It can go back: a job that a busy service turned away is `prepared` again.
        """
        given = {name: entries.cell(value) for name, value in news.items()}
        cells = {
            name: cell
            for name, cell in given.items()
            if cell is not None and cell != self._written.get(name)
        }
        if self.id is None or (state == self._state and not cells):
            return
        # The claim must outlast a power cut, and so must the only way to an async job.
        # The loss of anything later leaves an unknown outcome, which is the safe side.
        flushed = state == "sending" or (state == "accepted" and "job_id" in cells)
        values = {"id": self.id, "state": state, "exit_code": None, **cells}
        if self._write(_update, values, flushed=flushed):
            self._state = state
            self._written |= cells


def _update(columns: Iterable[str]) -> str:
    # Only of an --async job is the id known as soon as it is accepted; that is kept for later.
    taken_on = "is_async OR (state = 'accepted' AND job_id IS NOT NULL)"
    news = ", ".join(f"{name} = :{name}" for name in columns)
    return f"UPDATE jobs SET is_async = {taken_on}, {news} WHERE id = :id"  # noqa: S608 - ours
