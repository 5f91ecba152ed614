"""Slips in a prompt, told before it is paid for.

Models read the images in order and see no names, so Prodia's guide advises to anchor
each image by its position. These checks warn where a prompt does not, or where its
positions cannot be what was meant. They would rather miss a slip than find one that is
none: see `references` for how a prompt is read.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence

from prodia_compose.errors import Warned
from prodia_compose.inputs.entries import Entry, natural_key
from prodia_compose.inputs.options import Selection
from prodia_compose.prompt import references, template

_UNFILLED = re.compile(r"(?<!\{)\{([A-Za-z][A-Za-z_-]*)\}(?!\})")
"""A name in braces; one with a digit, such as {image1}, models may take for a position."""


def check(
    text: str,
    named: Sequence[Entry],
    selection: Selection,
    flag: str,
    *,
    is_template: bool = False,
) -> Iterator[Warned]:
    """Yield the slips in a prompt as it is sent, at most one warning a code.

    Args:
        text: The prompt.
        named: The images.
        selection: How they were named.
        flag: The option it came from, for messages.
        is_template: Whether names in braces were filled in already.
    """
    has_names = is_template or any(entry.label for entry in named)
    if not has_names and (unfilled := _UNFILLED.search(text)):
        cure = (
            "--each LIST fills it" if unfilled[1] == "each" else f"-i {unfilled[1]}=PATH fills it"
        )
        words = f"{flag}: nothing fills {unfilled[0]}, which is sent as it stands"
        yield Warned(code="name-not-filled", words=words, hints=(cure,))
    if len(named) > references.MOST:
        return  # too many for any model, which is told elsewhere
    refs = references.find(text, [entry.name for entry in named])
    if refs.beyond:
        spoken = _listed(f"the {template.ordinal(position)}" for position in refs.beyond[-3:])
        there = f"there {'is' if len(named) == 1 else 'are'} only {len(named)}"
        yield Warned(
            code="ordinal-beyond-count",
            words=f"{flag}: speaks of {spoken} image, but {there}",
            hints=(f'say "the {template.ordinal(len(named))} image", or add what is missing',),
        )
    if refs.files:
        cures = _listed(
            f'{" or ".join(_call(position, named) for position in positions)} instead of "{name}"'
            for name, positions in refs.files
        )
        words = f"{flag}: models see positions, not file names"
        yield Warned(code="file-name-in-prompt", words=words, hints=(f"say {cures}",))
    if refs.is_understood:
        yield from _missing(refs, named, flag)
    if selection.sort == "none":
        yield from _unsorted(refs, named, selection.lists)


def _missing(refs: references.References, named: Sequence[Entry], flag: str) -> Iterator[Warned]:
    missing = [position for position in range(1, len(named) + 1) if position not in refs.certain]
    calls = [_call(position, named) for position in missing]
    shown = [named[position - 1].shown for position in missing]
    if len(missing) == len(named) > 1 and not refs.beyond:
        cures = [f"{call} for {path}" for call, path in zip(calls, shown, strict=True)]
        cure = _listed(cures) if len(cures) < 4 else f"{', '.join(cures[:3])} and so on"
        words = f"{flag}: refers to none of the {len(named)} images by its position"
        yield Warned(code="no-reference", words=words, hints=(f"say {cure}",))
    elif refs.certain and missing:
        which = _listed(
            f"{position} ({path})" for position, path in zip(missing, shown, strict=True)
        )
        noun, belongs, them = ("image", "it belongs", "it")
        if len(missing) > 1:
            noun, belongs, them = ("images", "they belong", "them")
        words = f"{flag}: does not refer to {noun} {which}"
        cure = f"say {_listed(calls)} where {belongs}, or leave {them} out"
        yield Warned(code="image-not-referred", words=words, hints=(cure,))


def _unsorted(
    refs: references.References, named: Sequence[Entry], lists: Sequence[str]
) -> Iterator[Warned]:
    """Yield the lists in no order, such as `find` writes, that hold an image referred to."""
    unsorted = []
    for number, name in enumerate(lists, 1):
        entries = {
            at: entry.path for at, entry in enumerate(named, 1) if entry.list_number == number
        }
        if not refs.certain.isdisjoint(entries) and not _is_ordered([*entries.values()]):
            unsorted.append(f"-T {name}")
    if unsorted:
        words = f"{_listed(unsorted)}: in no order, and the prompt refers to positions"
        cure = "add --sort natural, or --no-lint if the order is meant"
        yield Warned(code="unsorted-list", words=words, hints=(cure,))


def _is_ordered(paths: list[str]) -> bool:
    """Return whether a list is in the order of bytes, of numbers, or of letters of either case.

    `sort` writes the first or the last, as the locale says.
    """
    orders = (
        sorted(paths, key=os.fsencode),
        sorted(paths, key=natural_key),
        sorted(paths, key=str.casefold),
    )
    return paths in orders


def _call(position: int, named: Sequence[Entry]) -> str:
    """Return how to refer to an image: by its label, if it has one."""
    label = named[position - 1].label
    return f'"{{{label}}}"' if label else f'"the {template.ordinal(position)} image"'


def _listed(parts: Iterable[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
