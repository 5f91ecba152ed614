"""Rows that are run several times: with each of some values, or as they are."""

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Final

from prodia_compose import errors, values
from prodia_compose.frozen import frozen
from prodia_compose.models.facts import SettingValue
from prodia_compose.pipeline.batch.rows import fields

Varied = tuple[str, tuple[SettingValue, ...]]
"""A field of a row, `model` or a setting or `set:KEY`, and its values."""

_MOST_VALUES = 1000

_KEYS: Final = ("model", *fields.SETTINGS)

_RANGE = re.compile(r"([+-]?[0-9]{1,19})\.\.([+-]?[0-9]{1,19})")


@frozen
class Variant:
    """One way in which a row is run.

    Attributes:
        suffix: What its id gets; empty for a row that is run once.
        values: Of the fields that are read as options are; those of `set` are in `settings`.
        repeat: Which one of the repeats it is, from 1; 0 where nothing is repeated.
    """

    suffix: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    settings: tuple[tuple[str, SettingValue], ...] = ()
    repeat: int = 0

    @property
    def names(self) -> set[str]:
        """The fields that are varied."""
        return {*self.values, *(f"set:{key}" for key, _ in self.settings)}


def parse(text: str, called: str) -> Varied:
    """Return the field and the values of `KEY=V1,V2` or, for whole numbers, `KEY=1..4`.

    Raises:
        errors.UsageError: There is no such field, or one of the values is none.
    """
    key, equals, listed = text.partition("=")
    name = key if key.startswith("set:") else key.replace("-", "_")
    shown = f"{called} {text}"
    if not equals or not key:
        cure = "write it as KEY=V1,V2 or, for numbers, KEY=1..4"
        raise errors.UsageError(f"{shown}: has no KEY or no values", cure)
    if name not in _KEYS and not re.fullmatch("set:.+", name):
        cure = values.hint(name, _KEYS, otherwise=f"there are {', '.join(_KEYS)} and set:KEY")
        raise errors.UsageError(f"{shown}: no such field to vary", cure)
    found = tuple(_value(name, one, shown) for one in _members(name, listed, shown))
    if len(set(map(_text, found))) < len(found):
        raise errors.UsageError(f"{shown}: a value is given twice", "--repeat N runs rows again")
    return name, found


def _members(name: str, listed: str, shown: str) -> Sequence[str]:
    span = _RANGE.fullmatch(listed)
    is_whole = name in fields.SETTINGS and fields.SETTINGS[name].kind is int
    if span is None or not is_whole:
        return listed.split(",")
    first, last = int(span[1]), int(span[2])
    if not first <= last < first + _MOST_VALUES:
        words = "counts downwards" if last < first else "counts too far"
        raise errors.UsageError(
            f"{shown}: {words}", f"count upwards, at most {_MOST_VALUES:,} values"
        )
    return [str(number) for number in range(first, last + 1)]


def _value(name: str, text: str, shown: str) -> SettingValue:
    if not text:
        raise errors.UsageError(f"{shown}: a value is empty", "remove the comma, or write it")
    if name.startswith("set:"):
        key = name.removeprefix("set:")
        return fields.parsed(key, text)[1]
    found: SettingValue = fields.value(name, text)  # type: ignore[assignment] # one of a setting
    return found


def _text(value: SettingValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def all_of(varied: Sequence[Varied], repeat: int) -> tuple[Variant, ...]:
    """Return the ways in which each row is run; the last field given changes first.

    In ids the fields stand in the order of the alphabet, so that it does not matter in which
    order they were given.
    """
    variants = []
    for chosen_values in itertools.product(*(listed for _, listed in varied)):
        chosen = dict(zip((name for name, _ in varied), chosen_values, strict=True))
        suffix = "".join(f"~{name}={_text(chosen[name])}" for name in sorted(chosen))
        own = {name: one for name, one in chosen.items() if not name.startswith("set:")}
        extras = tuple(
            (name.removeprefix("set:"), one)
            for name, one in chosen.items()
            if name.startswith("set:")
        )
        variants += [
            Variant(
                suffix=f"{suffix}~#{number}" if number else suffix,
                values=own,
                settings=extras,
                repeat=number,
            )
            for number in (range(1, repeat + 1) if repeat else [0])
        ]
    return tuple(variants)
