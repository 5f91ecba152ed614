"""What was typed for one option, turned into its value.

All take what was typed and what a message is to call the option.
"""

import math
import re
from collections.abc import Callable, Sequence

from prodia_compose import errors, spelling

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

# What JSON readers everywhere can hold.
_LARGEST = 2**63 - 1

_LONGEST_SHOWN = 40

_SYNONYMS = {"jpeg": "jpg"}


def number(
    typed: str,
    called: str,
    *,
    kind: type[int] | type[float],
    minimum: float | None,
    maximum: float | None,
) -> float:
    """Return the number that was typed, an `int` if that is the kind.

    Stricter than Python, which also takes `1_024`, blanks, and the digits of all
    scripts: whoever typed such a thing may have meant another number.

    Raises:
        errors.UsageError: It is none, or out of range.
    """
    shown = f"{called} {_shown(typed)}"
    if kind is int and not _INTEGER.fullmatch(typed):
        raise errors.UsageError(f"{shown}: must be a whole number, such as 8")
    if not _DECIMAL.fullmatch(typed):
        raise errors.UsageError(f"{shown}: must be a number, such as 2.5")
    if not math.isfinite(float(typed)) or abs(float(typed)) > _LARGEST:
        raise errors.UsageError(f"{shown}: too large a number; use a smaller one")
    value = kind(typed)
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        allowed = f"{minimum:g} or more" if maximum is None else f"{minimum:g} to {maximum:g}"
        raise errors.UsageError(f"{shown}: must be {allowed}")
    return value


def parsing(
    flag: str, kind: type[int] | type[float], *, maximum: float | None = None
) -> Callable[[str | float], float]:
    """Return what Typer reads a number with, 0 or more, that is an option of one command only."""

    def parse(typed: str | float) -> float:  # a default comes as it is
        return number(str(typed), flag, kind=kind, minimum=0, maximum=maximum)

    return parse


def choice(typed: str, called: str, *, allowed: Sequence[str]) -> str:
    """Return the one of a few words that was typed, whatever its case.

    Raises:
        errors.UsageError: It is none of them.
    """
    word = _SYNONYMS.get(typed.lower(), typed.lower())
    if word in allowed:
        return word
    hint = spelling.hint(word, allowed, "; did you mean {}?")
    listed = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
    raise errors.UsageError(f"{called} {_shown(typed)}: must be {listed}{hint}")


def text(typed: str, called: str) -> str:
    """Return what was typed, unless that is nothing.

    Raises:
        errors.UsageError: It is empty.
    """
    if typed:
        return typed
    raise errors.UsageError(f"{called} '': is empty; give a value, or leave the option out")


def _shown(typed: str) -> str:
    text = typed if len(typed) <= _LONGEST_SHOWN else f"{typed[:_LONGEST_SHOWN]}..."
    return text if re.fullmatch(r"\S+", text) else f"'{text}'"
