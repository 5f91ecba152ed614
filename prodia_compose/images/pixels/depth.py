"""Every kind of pixel as 8-bit grey, RGB or CMYK, with or without alpha.

Pillow's own conversions clip 16 bits at 255, so that nearly everything turns
white; they lose transparency that is noted beside the pixels; and they compare
a 4-bit grey with an 8-bit one. Those here work on any horizontal band of a picture,
which keeps the memory for it small.
"""

import functools
import math
from collections.abc import Callable, Sequence

from PIL import Image, ImageChops

_WIDE = {"I;16", "I;16L", "I;16B", "I;16N"}
_CHANGED_MODES = {
    "1": "L",
    "La": "LA",
    "RGBa": "RGBA",
    "PA": "RGBA",
    **dict.fromkeys(("RGBX", "YCbCr", "HSV"), "RGB"),
}
_LARGEST_WIDE = 65_535
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_BITS_PER_SAMPLE = 258

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
        return _keyed([min(key, white) * 255 // white])
    if image.mode == "RGB" and isinstance(key, tuple):
        # Of 16-bit colours the decoder keeps the upper half.
        return _keyed([value >> 8 if bits > 8 else value for value in key])
    return _converted(_CHANGED_MODES[image.mode]) if image.mode in _CHANGED_MODES else as_it_is


def _converted(mode: str) -> Convert:
    return lambda band: band.convert(mode)


def _wide(image: Image.Image) -> Convert:
    """Scale 16-bit grey (or 12-bit, stored in 16) to 8-bit, white to white."""
    tags = getattr(image, "tag_v2", {})
    stored = tags.get(_BITS_PER_SAMPLE, (16,))
    depth = stored[0] if isinstance(stored, tuple) and 8 < stored[0] <= 16 else 16
    white = (1 << depth) - 1
    table = [min(255, (value * 255 + white // 2) // white) for value in range(65_536)]
    # Pillow turns a scan whose zero is white the right way round only up to 8 bits.
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        table = [255 - value for value in table]
    key = image.info.get("transparency")
    visible = [255] * 65_536
    if isinstance(key, int) and key < 65_536:
        visible[key] = 0

    def apply(band: Image.Image) -> Image.Image:
        numbers = band.convert("I")
        grey = numbers.point(table, "L")
        if not isinstance(key, int):
            return grey
        return Image.merge("LA", (grey, numbers.point(visible, "L")))

    return apply


def _stretched(image: Image.Image) -> Convert:
    """Scale 32-bit numbers to 8-bit by the range that they were meant in.

    Such files do not say what their white is. Numbers from 0 up are taken to go up
    to the first of 1 (fractions only), 255 and 65,535 that holds them all; PPM's go
    up to 65,535. Others, and numbers below 0, are spread from their least to their
    greatest.
    """
    low, high = 0.0, float(_LARGEST_WIDE)
    if getattr(image, "format", None) != "PPM" or image.mode == "F":
        low, high = _meant_range(image)
    scale = 255 / (high - low)
    offset = -low * scale
    return lambda band: (
        band.convert("F").point(lambda value: value * scale + (offset + 0.5)).convert("L")
    )


def _meant_range(image: Image.Image) -> tuple[float, float]:
    least, most = image.getextrema()
    if not isinstance(least, int | float) or not isinstance(most, int | float):
        return 0.0, 1.0
    if not math.isfinite(least) or not math.isfinite(most):
        return 0.0, 1.0
    if least >= 0:
        for white in (1.0, 255.0, float(_LARGEST_WIDE)):
            if most <= white and (image.mode == "F" or white > 1):
                return 0.0, white
    return float(least), float(most) if most > least else float(least) + 1.0


def _keyed(key: Sequence[int]) -> Convert:
    """Make one grey or one colour transparent."""

    def apply(band: Image.Image) -> Image.Image:
        channels = band.split() if band.mode == "RGB" else (band.convert("L"),)
        # A pixel stays visible if any of its channels differs.
        differs = (
            channel.point([255 * (value != wanted) for value in range(256)])
            for channel, wanted in zip(channels, key, strict=True)
        )
        alpha = functools.reduce(ImageChops.lighter, differs)
        return Image.merge("LA" if len(channels) == 1 else "RGBA", (*channels, alpha))

    return apply
