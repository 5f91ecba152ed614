"""Names as people spell them: the nearest of those that are known, and names in braces."""

import re
from collections.abc import Iterable, Mapping

from prodia_compose import errors


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that one is nearest to, whatever their case; None if none is near.

    `cutoff` is how near it has to be, from 0 to 1, which is the same.
    """
    import difflib  # noqa: PLC0415 - only for those who mistyped

    spelt = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.strip().lower(), spelt, n=1, cutoff=cutoff)
    return spelt[found[0]] if found else None


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
        found, value = match[0], values.get(match[1])
        if found in ("{{", "}}"):
            return found[0]
        if value is not None:
            return value
        name = found.strip("{}")
        if name in values:
            cure = f"this run has no {name}; give one, or leave it out"
            raise errors.UsageError(f"{called}: {found} is empty: {cure}")
        cure = hint(name, values, "did you mean {{{}}}?", otherwise)
        note = "a literal brace is written twice"
        raise errors.UsageError(f"{called}: {found} is no {kind}; {cure} ({note})")

    return re.sub(r"\{\{|\}\}|\{([^{}]*)\}|\{|\}", fill, text)
