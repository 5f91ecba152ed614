"""Rows on their way: whatever happens to one, the others come to their end, and nobody waits for ever."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import pytest
import resulting as rs

from prodia_compose import errors
from prodia_compose.pipeline.batch import work
from prodia_compose.pipeline.batch.outcomes import Failures
from prodia_compose.pipeline.batch.results.ends import Done, Due
from prodia_compose.pipeline.batch.rows.row import Row
from prodia_compose.pipeline.batch.shared import Shared
from prodia_compose.pipeline.batch.starting.budget import Budget
from prodia_compose.pipeline.batch.starting.desk import Desk
from prodia_compose.pipeline.batch.starting.starts import Starts
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.progress import Reporter, Stop


def _raising(exc: BaseException) -> Callable[..., NoReturn]:
    def fail(*_: object) -> NoReturn:
        raise exc

    return fail


def _done(folder: Path, **means: Any) -> list[Done]:
    """Return the ends of three rows, for each of which memory lacks before it is sent."""
    due = [
        Due(
            row=Row(id=str(number), number=number, line=number, request=ComposeRequest()),
            model="a",
            bound=Decimal("0.01"),
            request_key=rs.KEY,
            places=(),
        )
        for number in (1, 2, 3)
    ]
    with rs.opened(folder / "r.jsonl", "1", "2", "3") as results:
        known: dict[str, Any] = {
            "around": _raising(MemoryError()),
            "asked": Stop(),
            "stop": Stop(),
            "record": None,
            "results": results,
            "desk": Desk(Starts(2, None, 1), Budget(None), Failures()),
            "shared": Shared(()),
            "most": 2,
            "describe": lambda end: rs.end(end.due.row.id, end.outcome.status),
            "result": lambda *_: {},
            "watching": lambda _: Reporter(),
            "on_asked": lambda: None,
        }
        return list(work.do(due, 2, work.Means(**known | means)))


def test_a_lack_of_memory_is_told_of_its_rows(tmp_path: Path) -> None:
    """They were not sent, and are due again; the others go on."""
    ends = _done(tmp_path)

    assert [(end.status, end.bug) for end in ends] == [("refused", None)] * 3
    words = "there is not enough memory; nothing was sent"
    assert [end.error.message if end.error else "" for end in ends] == [words] * 3


def test_an_end_that_cannot_be_told_is_not_waited_for(tmp_path: Path) -> None:
    """It is a bug, which ends starting: rows that wait do not run; each has an end."""
    ends = _done(tmp_path, describe=_raising(ValueError("no JSON")))

    assert sorted(end.due.row.id for end in ends) == ["1", "2", "3"]
    assert {end.status for end in ends} == {"cancelled"}
    assert all(isinstance(end.bug, ValueError) for end in ends)
    assert {end.document["ok"] for end in ends} == {False}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_threads_that_are_gone_are_not_waited_for(tmp_path: Path) -> None:
    """Where not even that is left of them, the run says so and ends."""
    with pytest.raises(errors.UnknownError, match=r"not enough memory .* run it again"):
        _done(tmp_path, describe=_raising(SystemExit()))
