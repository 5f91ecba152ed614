"""Making pictures smaller, band by band, so that little memory is needed on the way.

Lanczos throughout. Far smaller pictures are first averaged over squares of a
whole number of pixels (Pillow's `reduce`), three times as fast, from which
Lanczos then takes at least 1.9 times the wanted size (squares of 2), or 3 times
(larger ones). Against Lanczos alone, over 22 camera photos: 48.9 dB at worst,
53 dB at the median (PSNR over RGB).
"""

import math
from collections.abc import Callable
from typing import Final

from PIL import Image

from prodia_compose.images import pixels
from prodia_compose.images.plan import Size

__all__ = ["shrunk"]

_PREMULTIPLIED: Final = {"LA": "La", "RGBA": "RGBa"}
_STRAIGHT: Final = {"La": "LA", "RGBa": "RGBA"}
_BAND_PIXELS = 2_000_000
"""Source pixels in one band: 8 MB."""

_OVERLAP_ROWS = 4
"""Rows of the result on either side of a band that Lanczos (3 wide) may look at."""

Convert = Callable[[Image.Image], Image.Image]


def shrunk(
    image: Image.Image, size: Size, convert: Convert, extent: tuple[float, float] | None = None
) -> Image.Image:
    """Return a converted and smaller copy of a loaded picture.

    Args:
        image: The picture, in any mode that `convert` takes.
        size: (width, height) of the copy, in pixels; not larger than the picture.
        convert: Makes 8-bit pixels of a band.
        extent: Width and height, in the picture's pixels, of what it shows; a JPEG
            decoded at a reduced scale ends within its last pixels. None is all of it.
    """
    width, height = extent or image.size
    if size == image.size and (width, height) == image.size:
        return image if convert is pixels.as_it_is else _reduced(image, 1, convert)
    room = min(width / size[0], height / size[1])
    # Averaging what a JPEG decoder has averaged already would soften it twice.
    factor = _factor(room) if extent is None else 1
    if factor > 1:
        image = _reduced(image, factor, convert)
        width, height = width / factor, height / factor
        convert = pixels.as_it_is
    result: Image.Image | None = None
    scale = height / size[1]
    rows = max(16, int(_BAND_PIXELS / width / scale))
    for top in range(0, size[1], rows):
        bottom = min(top + rows, size[1])
        start, end = max(0, top - _OVERLAP_ROWS), min(size[1], bottom + _OVERLAP_ROWS)
        first, last = math.floor(start * scale), min(image.height, math.ceil(end * scale))
        band = _premultiplied(convert(image.crop((0, first, image.width, last))))
        box = (0, start * scale - first, width, min(end * scale - first, last - first))
        band = band.resize((size[0], end - start), Image.Resampling.LANCZOS, box)
        band = _straight(band.crop((0, top - start, size[0], bottom - start)))
        if result is None:
            result = Image.new(band.mode, size)
        result.paste(band, (0, top))
    assert result is not None  # noqa: S101 - a size has at least one row
    return result


def _factor(room: float) -> int:
    """Return over how many pixels a side to average what is `room` times too large."""
    if room < 9:
        return 2 if room >= 3.8 else 1
    return int(room / 3)


def _reduced(image: Image.Image, factor: int, convert: Convert) -> Image.Image:
    """Return a picture converted and then averaged over squares of `factor` pixels."""
    columns, lines = -(-image.width // factor), -(-image.height // factor)
    rows = max(1, _BAND_PIXELS // image.width // factor)
    result: Image.Image | None = None
    for top in range(0, lines, rows):
        box = (0, top * factor, image.width, min((top + rows) * factor, image.height))
        band = convert(image.crop(box))
        if factor > 1:
            band = _straight(_premultiplied(band).reduce(factor))
        if result is None:
            result = Image.new(band.mode, (columns, lines))
        result.paste(band, (0, top))
    assert result is not None  # noqa: S101 - a picture has at least one row
    return result


def _premultiplied(band: Image.Image) -> Image.Image:
    """Weigh colours by their alpha, or what is hidden bleeds into the edges."""
    return band.convert(_PREMULTIPLIED[band.mode]) if band.mode in _PREMULTIPLIED else band


def _straight(band: Image.Image) -> Image.Image:
    return band.convert(_STRAIGHT[band.mode]) if band.mode in _STRAIGHT else band
