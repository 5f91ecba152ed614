"""Names as people spell them: the nearest of those that are known, and names in braces."""

from collections.abc import Iterable


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
