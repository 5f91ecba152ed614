"""The inputs of a job, and those of one that is made again: what was in them, and what is now."""

from collections.abc import Iterable, Iterator, Sequence

from prodia_compose.errors import Warned
from prodia_compose.inputs.entries import Entry, Input


def known(named: Sequence[Entry], opened: Iterable[Input]) -> tuple[tuple[Entry, str | None], ...]:
    """Return the inputs, each with the SHA-256 of what is in it, in hex, if it was read."""
    found = {one.position: one.content.sha256 for one in opened if one.content is not None}
    return tuple((entry, found.get(place)) for place, entry in enumerate(named, 1))


def changed(opened: Iterable[Input]) -> Iterator[Warned]:
    """Yield a warning for each input of an earlier job that is not as it was."""
    for one in opened:
        before, now = one.entry.sha256, one.content and one.content.sha256
        if before is not None and now is not None and before != now:
            words = f"{one.path}: has changed since it was used before"
            yield Warned(code="source-changed", words=words)
