"""A row of the table, read back as an entry: what it counts as now, and nothing believed blindly."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import get_args

from prodia_compose.record.entries import Entry, File, State

_ENDS: frozenset[State] = frozenset(("saved", "rejected", "busy", "not-delivered", "unknown"))
_NOT_RUN: frozenset[State] = frozenset(("prepared", "rejected", "busy", "not-delivered"))

Row = Mapping[str, object]
"""A row of the table, by column."""


def from_row(row: Row, *, is_running: Callable[[int, str, datetime], bool]) -> Entry:
    """Return a row as an entry.

    Args:
        row: As it stands in the table.
        is_running: Asked about the pid and start of a process that was seen at a time.

    Raises:
        ValueError: The row is damaged.
    """
    reached = _state(row["state"])
    changed_at = _moment(row["changed_at"])
    exit_code = _integer(row["exit_code"])
    rescued = tuple(_text(path) for path in _sequence(row["rescued"]))
    pid = _integer(row["pid"]) or 0
    is_open = reached not in _ENDS and exit_code is None
    alive = is_open and is_running(pid, _text(row["process"]), changed_at)
    job_id = _known(row["job_id"])
    state = reached if alive else _settled(reached, is_kept=bool(rescued) or exit_code is not None)
    return Entry(
        id=_text(row["id"]),
        digest=_text(row["digest"]),
        host=_text(row["host"]),
        model=_text(row["model"]),
        job_type=_text(row["job_type"]),
        config=_object(json.loads(_text(row["config"]))),
        inputs=_files(row["inputs"]),
        output=_text(json.loads(_text(row["output"]))),
        estimate_min_usd=_number(row["estimate_min_usd"]),
        estimate_usd=_number(row["estimate_usd"]),
        tool_version=_text(row["tool_version"]),
        begun_at=_moment(row["begun_at"]),
        changed_at=changed_at,
        pid=pid,
        is_running=alive,
        state=state,
        reached=reached,
        exit_code=exit_code,
        job_id=job_id,
        is_async=bool(_integer(row["is_async"])) or (reached == "accepted" and job_id is not None),
        request_id=_known(row["request_id"]),
        price_usd=_number(row["price_usd"]),
        may_be_billed=bool(_integer(row["may_be_billed"])) or state not in _NOT_RUN,
        outputs=_files(row["outputs"]),
        rescued=rescued,
    )


def _settled(reached: State, *, is_kept: bool) -> State:
    """Return what a job counts as when nobody is at it any more.

    A picture that had come is lost with its process, unless the run ended in good order.
    """
    if reached == "prepared":
        return "not-delivered"
    if reached in ("sending", "accepted") or (reached == "received" and not is_kept):
        return "unknown"
    return reached


def stamp(moment: datetime) -> str:
    """Return a moment as the record writes it; such texts sort as the moments do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _files(cell: object) -> tuple[File, ...]:
    pairs = [_sequence_of(pair) for pair in _sequence(cell)]
    return tuple(File(name=_text(name), sha256=_text(sha256)) for name, sha256 in pairs)


def _sequence(cell: object) -> Sequence[object]:
    return () if cell is None else _sequence_of(json.loads(_text(cell)))


def _sequence_of(value: object) -> Sequence[object]:
    if not isinstance(value, list):
        raise ValueError("not a list")  # noqa: TRY004 - damage, whatever its kind
    return value


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004
    return value


def _text(cell: object) -> str:
    if not isinstance(cell, str):
        raise ValueError("not a text")  # noqa: TRY004
    return cell


def _known(cell: object) -> str | None:
    return None if cell is None else _text(cell)


def _integer(cell: object) -> int | None:
    if cell is None or isinstance(cell, int):
        return cell
    raise ValueError("not an integer")


def _number(cell: object) -> float | None:
    if cell is None:
        return None
    if isinstance(cell, int | float) and math.isfinite(cell):
        return float(cell)
    raise ValueError("not a number")


def _state(cell: object) -> State:
    for state in get_args(State):
        if state == cell:
            known: State = state
            return known
    raise ValueError(f"no such state: {cell}")


def _moment(cell: object) -> datetime:
    moment = datetime.fromisoformat(_text(cell))
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment
