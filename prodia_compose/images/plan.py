"""Planning sizes: integers in, integers out, no pixels; nothing is rounded up past a cap.

The arithmetic works on (long side, short side), so that a picture and the same
picture turned by 90 degrees come out alike.

One picture under an area cap A: its sizes of the same shape are those whose
short side is within one pixel of exact. For each of the two short sides around
the ideal one, the longest long side that keeps both the shape and the area is
taken, and the larger of the two areas wins. The loss against A is then less
than one row, whatever the shape.

Several pictures under a combined cap: water-filling. A level is an area that
no picture may pass, so the largest give way first. The level sought is the largest
at which the areas that the pictures really get (after rounding, side cap and pixel
cap) sum up to no more than the budget, found by bisection. So what one picture cannot
use goes to the others, and equal pictures get equal sizes.
"""

from collections.abc import Sequence
from math import isqrt
from typing import Final, Literal

from prodia_compose.frozen import frozen
from prodia_compose.models.facts import Cap, Caps

Size = tuple[int, int]
"""(width, height) in pixels, upright."""

Dimension = Literal["side", "pixels", "combined"]
"""What a size cap limits; the names of the fields of `Caps`."""

_WORDS: Final[dict[Dimension, tuple[str, str]]] = {
    "side": ("a side", "--max-side"),
    "pixels": ("an image", "--max-pixels"),
    "combined": ("in all images", "option"),
}


@frozen
class Fit:
    """The size a picture is sent in, never larger than its own.

    Attributes:
        reason: The cap that made it smaller, such as "limit: 2048 px a side".
    """

    size: Size
    reason: str | None


@frozen
class Overrun:
    """A size cap that is passed when nothing is resized, with the reason in lower case.

    Attributes:
        indexes: Of the picture that passes it, from 0; for the combined cap, of all of them.
    """

    indexes: tuple[int, ...]
    cap: Cap
    message: str


def plan(sizes: Sequence[Size], caps: Caps) -> tuple[Fit, ...]:
    """Return the size to send each picture in, in the same order.

    Shrinks only, each side stays at least 1 px, the shorter side is within a
    pixel of the exact shape, and no cap is passed.

    Raises:
        ValueError: A combined cap is below one pixel for each picture.
    """
    single = [_fit(size, caps.side, caps.pixels) for size in sizes]
    level = None
    if caps.combined is not None and sum(map(_pixels, single)) > caps.combined.limit:
        level = _water_level(single, sizes, caps, caps.combined.limit)
    fits = []
    for size, alone in zip(sizes, single, strict=True):
        final = alone if level is None else _fit(size, caps.side, caps.pixels, level)
        if final != alone and caps.combined is not None:
            fits.append(Fit(size=final, reason=_reason("combined", caps.combined)))
        else:
            fits.append(Fit(size=final, reason=_single_reason(size, final, caps)))
    return tuple(fits)


def over_caps(sizes: Sequence[Size], caps: Caps) -> tuple[Overrun, ...]:
    """Return every size cap that the pictures pass as they are; at last that of all together."""
    numbers: list[tuple[tuple[int, ...], Dimension, Cap | None, int]] = []
    for index, size in enumerate(sizes):
        numbers.append(((index,), "side", caps.side, max(size)))
        numbers.append(((index,), "pixels", caps.pixels, _pixels(size)))
    everyone = tuple(range(len(sizes)))
    numbers.append((everyone, "combined", caps.combined, sum(map(_pixels, sizes))))
    return tuple(
        Overrun(indexes=indexes, cap=cap, message=_over(actual, dimension, cap))
        for indexes, dimension, cap, actual in numbers
        if cap is not None and actual > cap.limit
    )


def _pixels(size: Size) -> int:
    return size[0] * size[1]


def _water_level(single: Sequence[Size], sizes: Sequence[Size], caps: Caps, budget: int) -> int:
    """Return the largest common area at which the pictures, `single` alone, keep the budget."""
    if budget < len(sizes):
        raise ValueError(f"{len(sizes)} pictures cannot share {budget} pixels")
    low, high = 1, max(map(_pixels, single))
    while high - low > 1:
        middle = (low + high) // 2
        areas = (_pixels(_fit(size, caps.side, caps.pixels, middle)) for size in sizes)
        if sum(areas) <= budget:
            low = middle
        else:
            high = middle
    return low


def _fit(size: Size, side: Cap | None, pixels: Cap | None, level: int | None = None) -> Size:
    """Return the largest size of the same shape within the caps on one picture."""
    longest, shortest = max(size), min(size)
    area = _pixels(size)
    area = min(area, pixels.limit if pixels else area, level or area)
    max_long = min(longest, side.limit) if side else longest
    fitted = _within(longest, shortest, max_long, area)
    return fitted if size[0] >= size[1] else (fitted[1], fitted[0])


def _within(longest: int, shortest: int, max_long: int, area: int) -> Size:
    """Return (long, short) of the same shape, at most `max_long` long and `area` in all."""
    # Half a pixel rounds up; a square stays square.
    nearest = max(1, (2 * max_long * shortest + longest) // (2 * longest))
    if max_long * nearest <= area:
        return max_long, nearest
    ideal = isqrt(area * shortest // longest)
    best = (1, 1)
    for short in (max(1, ideal), ideal + 1):
        # The longest long side whose exact short side is still less than short + 1.
        same_shape = ((short + 1) * longest - 1) // shortest
        long = min(area // short, max_long, same_shape)
        off_by = shortest * long - short * longest
        if short <= shortest and abs(off_by) < longest and long * short > best[0] * best[1]:
            best = (long, short)
    return best


def fitted_into(size: Size, room: Size) -> Size:
    """Return a size made smaller, if need be, to find room; at least 1 px a side."""
    scale = min(1.0, room[0] / size[0], room[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _single_reason(size: Size, final: Size, caps: Caps) -> str | None:
    """Return the cap on one picture that binds, or None where it stays whole."""
    if final == size:
        return None
    if caps.side is not None and max(final) == caps.side.limit:
        return _reason("side", caps.side)
    return None if caps.pixels is None else _reason("pixels", caps.pixels)


def _reason(dimension: Dimension, cap: Cap) -> str:
    """Return a cap in words: its limit, or the option that sets it."""
    _, option = _WORDS[dimension]
    return f"{option} {cap.limit}" if cap.kind == "option" else f"limit: {_limit(dimension, cap)}"


def _limit(dimension: Dimension, cap: Cap) -> str:
    of_what, _ = _WORDS[dimension]
    limit = f"{cap.limit} px" if dimension == "side" else _area(cap.limit)
    return f"{limit} {of_what}"


def _over(actual: int, dimension: Dimension, cap: Cap) -> str:
    """Return by what a cap is passed, and whose it is unless Prodia documents it."""
    _, option = _WORDS[dimension]
    found = f"{actual} px" if dimension == "side" else _area(actual, beyond=cap.limit)
    whose = {"documented": "", "option": f" ({option})"}.get(cap.kind, " (not documented)")
    return f"{found} is over the limit of {_limit(dimension, cap)}{whose}"


def _area(pixels: int, *, beyond: int | None = None) -> str:
    """Return an area in words, with digits enough to tell it from the one it goes beyond."""
    if pixels < 100_000:
        return f"{pixels} pixels"
    short = f"{pixels / 1e6:.4g} MP"
    if beyond is not None and short == f"{beyond / 1e6:.4g} MP":
        return f"{pixels / 1e6:.10g} MP"
    return short
