"""A row of the record, read: what it counts as now."""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from types import NoneType
from typing import Any, get_args

from prodia_compose.record.entries import Entry, File, Settled, Source, State

_OPEN: frozenset[State] = frozenset(("prepared", "sending", "accepted", "received"))
_NOT_RUN: frozenset[State] = frozenset(("prepared", "rejected", "busy", "not-delivered"))
_LEFT_ALONE: dict[State, State] = {
    "prepared": "not-delivered",
    "sending": "unknown",
    "accepted": "unknown",
}
"""What a job counts as when nobody is at it any more."""

_SETTLED: dict[Settled, State] = {"billed": "rejected", "not-billed": "not-delivered"}
"""What an unknown job counts as once the user has said what became of it."""

_KINDS = {str: "a text", int: "an integer", float: "a number", list: "a list", dict: "an object"}


def read(row: Mapping[str, object], *, is_running: Callable[[str, int], bool]) -> Entry:
    """Return what a row counts as now; of its writer, `is_running` is told the lease and number.

    Raises:
        ValueError: The row is damaged.
    """
    try:
        stored = {**row, "reached": row["state"], "output": _parsed(row["output"])}
        known: dict[str, Any] = {
            field.name: _READERS[field.type](stored[field.name])
            for field in dataclasses.fields(Entry)
            if field.name != "is_running"
        }
        process = _of(row["process"], str)
    except KeyError as exc:
        raise ValueError(f"it has no {exc.args[0]}") from exc
    state, has_ended = known["reached"], known["exit_code"] is not None
    is_open = state in _OPEN and not has_ended
    known["is_running"] = is_open and is_running(process, known["pid"])
    known["is_async"] |= state == "accepted" and known["job_id"] is not None
    if not known["is_running"]:
        # What had come is lost with its process, unless the run ended in good order.
        is_lost = state == "received" and not has_ended and not known["rescued"]
        state = "unknown" if is_lost else _LEFT_ALONE.get(state, state)
    settled, is_billed = known["settled"], known["may_be_billed"]
    if settled is not None and state == "unknown":
        state, is_billed = _SETTLED[settled], settled == "billed"
    known["state"] = state
    known["may_be_billed"] = (is_billed or state not in _NOT_RUN) and not known["is_sandbox"]
    return Entry(**known)


def _of(value: object, *kinds: type[Any]) -> Any:
    if not isinstance(value, kinds):
        raise ValueError(f"not {_KINDS[kinds[0]]}")  # noqa: TRY004 - damage, whatever its kind
    return value


def _parsed(value: object) -> Any:
    text = _of(value, str)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ValueError("not JSON") from exc


def _list(value: object) -> list[Any]:
    return [] if value is None else list(_of(_parsed(value), list))


def _values(kind: type[Any]) -> Callable[[object], tuple[Any, ...]]:
    """Return what reads a list of values, each a list of its fields, the last ones left out or not."""
    fields = dataclasses.fields(kind)

    def read_one(cells: object) -> Any:
        named = zip(fields, _of(cells, list), strict=False)
        known = {field.name: _READERS[field.type](one) for field, one in named}
        try:
            return kind(**known)
        except TypeError as exc:
            raise ValueError("not all of its fields") from exc

    return lambda value: tuple(read_one(cells) for cells in _list(value))


def _amount(value: object) -> float | None:
    amount: float | None = _of(value, float, int, NoneType)
    if amount is not None and not math.isfinite(amount):
        raise ValueError("not a number")
    return amount


def _moment(value: object) -> datetime:
    text = _of(value, str)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ValueError("not a time") from exc
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment


def _one_of(*words: object) -> Callable[[object], object]:
    def read_word(value: object) -> object:
        if value not in words:
            raise ValueError(f"no such word: {value}")
        return value

    return read_word


_READERS: dict[object, Callable[[object], object]] = {
    str: lambda value: _of(value, str),
    str | None: lambda value: _of(value, str, NoneType),
    int: lambda value: _of(value, int),
    int | None: lambda value: _of(value, int, NoneType),
    bool: lambda value: bool(_of(value, int, NoneType)),
    float | None: _amount,
    datetime: _moment,
    State: _one_of(*get_args(State)),
    Settled | None: _one_of(*get_args(Settled), None),
    Mapping[str, object]: lambda value: _of(_parsed(value), dict),
    Mapping[str, object] | None: lambda value: None if value is None else _of(_parsed(value), dict),
    tuple[str, ...]: lambda value: tuple(_of(one, str) for one in _list(value)),
    tuple[File, ...]: _values(File),
    tuple[Source, ...]: _values(Source),
}
"""How a cell is read, by the type of its field."""
