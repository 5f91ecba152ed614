"""A row of the table, made of what a run says and read back as an entry; nothing is believed blindly."""

import dataclasses
import json
import math
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import Any, get_args

from prodia_compose.record.database import Cell
from prodia_compose.record.entries import Claim, Entry, File, State, base_name

_OPEN: frozenset[State] = frozenset(("prepared", "sending", "accepted", "received"))
_NOT_RUN: frozenset[State] = frozenset(("prepared", "rejected", "busy", "not-delivered"))
_LEFT_ALONE: dict[State, State] = {
    "prepared": "not-delivered",
    "sending": "unknown",
    "accepted": "unknown",
}
"""What a job counts as when nobody is at it any more."""


def claimed(claim: Claim) -> dict[str, Cell]:
    """Return the columns of a job that is about to be sent."""
    job = json.loads(claim.job_json)
    known = {name: value for name, value in vars(claim).items() if name != "job_json"}
    known |= {"twin_key": claim.twin_key, "job_type": job["type"], "config": job["config"]}
    known["output"] = json.dumps(base_name(claim.output))  # for names of any bytes
    return {name: cell(value) for name, value in known.items()}


def cell(value: object) -> Cell:
    """Return a value as the table holds it.

    Lists and objects are JSON in ASCII, which brings any bytes of a name back as they were.
    """
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, int):
        return value
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> object:
    if isinstance(value, File):
        return [value.name, value.sha256]
    return os.fspath(value) if isinstance(value, os.PathLike) else list(value)


def storable(text: str) -> str:
    """Return foreign text with what no database can hold (half a character) escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def stamp(moment: datetime) -> str:
    """Return a moment as the record writes it; such texts sort as the moments do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def entry(row: Mapping[str, object], *, is_running: Callable[[str, int], bool]) -> Entry:
    """Return what a row counts as now; of its writer, `is_running` is told the lease and number.

    Raises:
        ValueError: The row is damaged.
    """
    stored = {**row, "reached": row["state"], "output": _parsed(row["output"])}
    known: dict[str, Any] = {
        field.name: _READERS[field.type](stored[field.name])
        for field in dataclasses.fields(Entry)
        if field.name in stored
    }
    state, has_ended = known["reached"], known["exit_code"] is not None
    is_open = state in _OPEN and not has_ended
    known["is_running"] = is_open and is_running(_of(row["process"], str), known["pid"])
    known["is_async"] |= state == "accepted" and known["job_id"] is not None
    if not known["is_running"]:
        # What had come is lost with its process, unless the run ended in good order.
        is_lost = state == "received" and not has_ended and not known["rescued"]
        state = "unknown" if is_lost else _LEFT_ALONE.get(state, state)
    known["state"] = state
    known["may_be_billed"] |= state not in _NOT_RUN
    return Entry(**known)


def _of(value: object, *kinds: type) -> Any:
    if not isinstance(value, kinds):
        raise ValueError(f"{type(value).__name__} in place of {kinds[0].__name__}")  # noqa: TRY004
    return value


def _parsed(value: object) -> Any:
    return json.loads(_of(value, str))


def _list(value: object) -> list[Any]:
    return [] if value is None else list(_of(_parsed(value), list))


def _files(value: object) -> tuple[File, ...]:
    pairs = [_of(pair, list) for pair in _list(value)]
    return tuple(File(name=_of(name, str), sha256=_of(sha256, str)) for name, sha256 in pairs)


def _amount(value: object) -> float | None:
    amount: float | None = _of(value, float, int, NoneType)
    if amount is not None and not math.isfinite(amount):
        raise ValueError("no amount")
    return amount


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_of(value, str))
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment


def _state(value: Any) -> State:
    if value not in get_args(State):
        raise ValueError(f"no such state: {value}")
    return value  # type: ignore[no-any-return] # it is one


_READERS: dict[object, Callable[[object], object]] = {
    str: lambda value: _of(value, str),
    str | None: lambda value: _of(value, str, NoneType),
    int: lambda value: _of(value, int),
    int | None: lambda value: _of(value, int, NoneType),
    bool: lambda value: bool(_of(value, int, NoneType)),
    float | None: _amount,
    datetime: _moment,
    State: _state,
    Mapping[str, object]: lambda value: _of(_parsed(value), dict),
    tuple[str, ...]: lambda value: tuple(_of(one, str) for one in _list(value)),
    tuple[File, ...]: _files,
}
"""How a cell is read, by the type of its field."""
