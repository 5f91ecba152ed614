"""Every kind of pixel as 8-bit grey, RGB or CMYK, with or without alpha.

Pillow's own conversions clip 16 bits at 255, so that nearly everything turns
white; they lose transparency that is noted beside the pixels; and they compare
a 4-bit grey with an 8-bit one. Those here work on any horizontal band of a picture,
which keeps the memory for it small.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from PIL import Image, ImageChops

_WIDE = {"I;16", "I;16L", "I;16B", "I;16N"}
_CHANGED_MODES = {
    "1": "L",
    "La": "LA",
    "RGBa": "RGBA",
    "PA": "RGBA",
    **dict.fromkeys(("RGBX", "YCbCr", "HSV"), "RGB"),
}
WIDEST: Final = 65_535.0  # the largest number of 16 bits
FLOAT_WHITES: Final = {2.0: 1.0, 510.0: 255.0, WIDEST: WIDEST}
"""The usual whites of floating-point numbers by the greatest one.

Up to twice as bright is a highlight or what sharpening leaves, and clipped: by the next white
all of the picture would be nearly black.
"""

Convert = Callable[[Image.Image], Image.Image]
"""Takes a band of a picture, or all, and gives it in mode L, LA, RGB, RGBA, CMYK or LAB."""


def as_it_is(band: Image.Image) -> Image.Image:
    """Return a band unchanged: the conversion of pixels that need none."""
    return band


def conversion(image: Image.Image, bits: int) -> Convert:
    """Return the way to 8-bit pixels for a loaded picture with so many bits a channel as stored."""
    key = image.info.get("transparency")
    if image.mode in _WIDE:
        return _wide(image)
    if image.mode in {"I", "F"}:
        return _stretched(image)
    if image.mode == "P":
        return _converted("RGBA" if image.has_transparency_data else "RGB")
    if image.mode in {"1", "L"} and isinstance(key, int):
        # Pillow scales the key of 1-bit greys as it does the greys, and of 2 and 4 bits not.
        white = (1 << bits) - 1
        return _keyed([(key & white) * 255 // white])
    if image.mode == "RGB" and isinstance(key, tuple) and bits == 8:
        return _keyed([value & 255 for value in key])  # the standard has the others be nothing
    return _converted(_CHANGED_MODES[image.mode]) if image.mode in _CHANGED_MODES else as_it_is


def _converted(mode: str) -> Convert:
    return lambda band: band.convert(mode)


def _wide(image: Image.Image) -> Convert:
    """Scale 16-bit grey to 8-bit, white to white."""
    white = int(WIDEST)
    table = [(value * 255 + white // 2) // white for value in range(white + 1)]
    key = image.info.get("transparency")
    visible = [255] * (white + 1)
    if isinstance(key, int) and key <= white:
        visible[key] = 0

    def apply(band: Image.Image) -> Image.Image:
        numbers = band.convert("I")
        grey = numbers.point(table, "L")
        if not isinstance(key, int):
            return grey
        return Image.merge("LA", (grey, numbers.point(visible, "L")))

    return apply


def _stretched(image: Image.Image) -> Convert:
    """Scale a PPM's numbers, which Pillow spreads to 16 bits, and a PFM's, which mean any range."""
    meant = 0.0, WIDEST
    if image.mode == "F":
        meant = meant_range([image.getextrema()], FLOAT_WHITES)
    return lambda band: in_bytes(band, meant)


def in_bytes(numbers: Image.Image, meant: tuple[float, float]) -> Image.Image:
    """Return numbers in mode I or F as greys in mode L, by which of them are black and white."""
    low, high = meant
    scale = 255 / (high - low)
    offset = 0.5 - low * scale
    return numbers.convert("F").point(lambda value: value * scale + offset).convert("L")


def meant_range(extremes: Sequence[object], whites: Mapping[float, float]) -> tuple[float, float]:
    """Return which numbers are meant to be black and white; few files say it.

    Numbers from 0 up are taken to go up to the first of the usual whites that fits the greatest.
    Others are spread from their least to their greatest.

    Args:
        extremes: The least and the greatest number of each part of a picture.
        whites: The usual ones, each by the most that the greatest number may be; rising.
    """
    numbers = [value for pair in extremes if isinstance(pair, tuple) for value in pair]
    known = [value for value in numbers if isinstance(value, int | float)]
    if not known or not all(map(math.isfinite, known)):
        return 0.0, 1.0
    least, most = min(known), max(known)
    if least >= 0:
        for limit, white in whites.items():
            if most <= limit:
                return 0.0, white
    return float(least), float(most) if most > least else float(least) + 1.0


def _keyed(key: Sequence[int]) -> Convert:
    """Make one grey or one colour transparent."""

    def apply(band: Image.Image) -> Image.Image:
        grey = band if band.mode == "RGB" else band.convert("L")
        return _with_alpha(grey, _differing(grey, key))

    return apply


def with_wide_key(upper: Image.Image, lower: Image.Image, key: Sequence[int]) -> Image.Image:
    """Return 16-bit colours, of which these are the halves, in 8 bits, one of them transparent."""
    alpha = _differing(upper, [value >> 8 for value in key])
    alpha = ImageChops.lighter(alpha, _differing(lower, [value & 255 for value in key]))
    return _with_alpha(upper, alpha)


def _differing(image: Image.Image, key: Sequence[int]) -> Image.Image:
    """Return white where any channel is not as in the key, and else black."""
    differs = (
        channel.point([255 * (value != wanted) for value in range(256)])
        for channel, wanted in zip(image.split(), key, strict=True)
    )
    return functools.reduce(ImageChops.lighter, differs)


def _with_alpha(image: Image.Image, alpha: Image.Image) -> Image.Image:
    return Image.merge(image.mode + "A", (*image.split(), alpha))
