"""What was typed, turned into its value; the nearest of the names that are known; names in braces."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from prodia_compose import errors

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
    example: str,
) -> float:
    """Return the number that was typed, an `int` if that is the kind.

    Stricter than Python, which also takes `1_024`, blanks, and the digits of all
    scripts: whoever typed such a thing may have meant another number.

    Raises:
        errors.UsageError: It is none, or out of range.
    """
    subject = f"{called} {shown(typed)}"
    if kind is int and not _INTEGER.fullmatch(typed):
        raise errors.UsageError(f"{subject}: must be a whole number, such as {example}")
    if not _DECIMAL.fullmatch(typed):
        raise errors.UsageError(f"{subject}: must be a number, such as {example}")
    if not math.isfinite(float(typed)) or abs(float(typed)) > _LARGEST:
        raise errors.UsageError(f"{subject}: too large a number", "use a smaller one")
    value = kind(typed)
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        allowed = f"{minimum:g} or more" if maximum is None else f"{minimum:g} to {maximum:g}"
        raise errors.UsageError(f"{subject}: must be {allowed}")
    return value


def parsing(
    flag: str, kind: type[int] | type[float], example: str, *, maximum: float | None = None
) -> Callable[[str | float], float]:
    """Return what Typer reads a number with, 0 or more, that is an option of one command only."""

    def parse(typed: str | float) -> float:  # a default comes as it is
        return number(str(typed), flag, kind=kind, minimum=0, maximum=maximum, example=example)

    return parse


def choice(typed: str, called: str, *, allowed: Sequence[str]) -> str:
    """Return the one of a few words that was typed, whatever its case.

    Raises:
        errors.UsageError: It is none of them.
    """
    word = _SYNONYMS.get(typed.lower(), typed.lower())
    if word in allowed:
        return word
    listed = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
    raise errors.UsageError(f"{called} {shown(typed)}: must be {listed}", hint(word, allowed))


def text(typed: str, called: str) -> str:
    """Return what was typed, unless that is nothing.

    Raises:
        errors.UsageError: It is empty.
    """
    if typed:
        return typed
    raise errors.UsageError(f"{called} '': is empty", "give a value, or leave the option out")


def shown(typed: str) -> str:
    """Return what was typed, in quotes where it holds blanks, and not all of what is long."""
    text = typed if len(typed) <= _LONGEST_SHOWN else f"{typed[:_LONGEST_SHOWN]}..."
    return text if re.fullmatch(r"\S+", text) else f"'{text}'"


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that one is nearest to, whatever their case; None if none is near.

    `cutoff` is how near it has to be, from 0 to 1, which is the same.
    """
    import difflib  # noqa: PLC0415 - only for those who mistyped

    spelt = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.strip().lower(), spelt, n=1, cutoff=cutoff)
    return spelt[found[0]] if found else None


def is_secret(text: str) -> bool:
    """Return whether a text reads as a token (a JWT, as Prodia's are), which nobody should see."""
    return re.fullmatch(r"eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*)*", text) is not None


def hint(
    name: str,
    known: Iterable[str],
    words: str = "did you mean {}?",
    otherwise: str = "",
    cutoff: float = 0.6,
) -> str:
    """Return the words with the known name that is `nearest` in their `{}`, else the others."""
    near = nearest(name, known, cutoff)
    return words.format(near) if near else otherwise


def filled(
    text: str, values: Mapping[str, str | None], called: str, *, kind: str, otherwise: str
) -> str:
    """Return a text with the `{name}`s in it replaced; `{{` and `}}` are literal braces.

    Args:
        text: As typed.
        values: What each name stands for; None for nothing in this run.
        called: What the text came from, for messages.
        kind: What a message calls the names.
        otherwise: What it says where no name is near.

    Raises:
        errors.UsageError: There is no such name, or it stands for nothing.
    """

    def fill(match: re.Match[str]) -> str:
        matched, value = match[0], values.get(match[1])
        if matched in ("{{", "}}"):
            return matched[0]
        if value is not None:
            return value
        name = matched.strip("{}")
        if name in values:
            words = f"{called}: {matched} is empty, as this run has no {name}"
            raise errors.UsageError(words, "give one, or leave it out")
        cure = hint(name, values, "did you mean {{{}}}?", otherwise)
        literally = "a literal brace is written twice"
        raise errors.UsageError(f"{called}: {matched} is no {kind}", cure, literally)

    return re.sub(r"\{\{|\}\}|\{([^{}]*)\}|\{|\}", fill, text)


def literal(text: str) -> str:
    """Return what `filled` makes the text of, whatever braces are in it."""
    return text.replace("{", "{{").replace("}", "}}")
