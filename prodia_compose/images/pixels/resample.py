"""Making pictures smaller, band by band, so that little memory is needed on the way.

Lanczos throughout, which takes as long for a picture whatever it is made smaller to. Averaging
far smaller ones over squares of pixels first was faster by a little, and made stripes of lines.
"""

import math
from typing import Final, Protocol

from PIL import Image

from prodia_compose.frozen import frozen
from prodia_compose.images.pixels import depth, lanczos, spare
from prodia_compose.images.plan import Size

_PREMULTIPLIED: Final = {"LA": "La", "RGBA": "RGBa"}
_STRAIGHT: Final = {"La": "LA", "RGBa": "RGBA"}
BAND_PIXELS = 1_000_000  # of the source, 4 MB

UNCOPIED_BAND_PIXELS: Final = 2_000_000
"""The same of a picture in memory whose bands are no copies. For each band Lanczos works its
weights out anew: at half this size that takes a fiftieth of the time."""

_REACH_ROWS: Final = 3
"""Rows of the result, on either side of a row, over whose source Lanczos reaches."""


class Rows(Protocol):
    """A picture whose rows are read from the top down."""

    @property
    def size(self) -> Size:
        """Width and height in pixels."""

    def read(self, first: int, last: int) -> tuple[Image.Image, int]:
        """Return a picture with the rows from `first` up to `last`, and which its first row is.

        Neither `first`, which counts from 0, nor `last` goes back behind the reading before.
        """


@frozen
class Whole:
    """The rows of a picture in memory; `convert` makes 8-bit pixels of any band of it."""

    image: Image.Image
    convert: depth.Convert = depth.as_it_is

    @property
    def size(self) -> Size:
        """As `Rows` says."""
        return self.image.size

    @property
    def gives_itself(self) -> bool:
        """Whether what is read is the picture, and is resampled without a copy of it."""
        return self.convert is depth.as_it_is and self.image.mode not in _PREMULTIPLIED

    def read(self, first: int, last: int) -> tuple[Image.Image, int]:
        """As `Rows` says; where nothing is to be converted, all of them."""
        if self.convert is depth.as_it_is:
            return self.image, 0
        return self.convert(self.image.crop((0, first, self.image.width, last))), first


def shrunk(rows: Rows, size: Size, extent: tuple[float, float] | None = None) -> Image.Image:
    """Return a smaller copy of a picture in mode L, LA, RGB, RGBA, CMYK or LAB.

    Args:
        extent: Width and height, in the picture's pixels, of what it shows; a JPEG
            decoded at a reduced scale ends within its last pixels. None is all of it.
    """
    extent = extent or rows.size
    if size == rows.size == extent:
        return _all(rows)
    if not isinstance(rows, Whole):
        spare.drop()
    return _lanczos(rows, size, extent)


def _all(rows: Rows) -> Image.Image:
    """Return a picture as it is."""
    width, height = rows.size
    step = max(1, BAND_PIXELS // width)
    result: Image.Image | None = None
    for first in range(0, height, step):
        last = min(first + step, height)
        band, top = rows.read(first, last)
        if band.height == height:
            return band
        if result is None:
            result = spare.take(band.mode, rows.size)
        result.paste(band.crop((0, first - top, width, last - top)), (0, first))
    assert result is not None  # noqa: S101 - a picture has at least one row
    return result


def _lanczos(rows: Rows, size: Size, extent: tuple[float, float]) -> Image.Image:
    """Return a picture resampled; `extent` is what of it is shown, from the top left."""
    width, height = rows.size
    scale = extent[1] / size[1]
    reach = math.ceil(_REACH_ROWS * max(1, scale)) + 1
    is_uncopied = isinstance(rows, Whole) and rows.gives_itself
    step = max(16, int((UNCOPIED_BAND_PIXELS if is_uncopied else BAND_PIXELS) / width / scale))
    result: Image.Image | None = None
    for start in range(0, size[1], step):
        end = min(start + step, size[1])
        first = max(0, math.floor(start * scale) - reach)
        last = min(height, math.ceil(end * scale) + reach)
        band, top = rows.read(first, last)
        if band.mode in _PREMULTIPLIED:
            band = band.crop((0, first - top, width, last - top))
            # Weighed by alpha, or colours that are hidden bleed into the edges.
            band, top = band.convert(_PREMULTIPLIED[band.mode]), first
        box = (0, start * scale - top, extent[0], min(end * scale - top, band.height))
        band = lanczos.resized(band, (size[0], end - start), box)
        if band.mode in _STRAIGHT:
            band = band.convert(_STRAIGHT[band.mode])
        if result is None:
            result = Image.new(band.mode, size, None)  # every pixel of it will be pasted
        result.paste(band, (0, start))
    assert result is not None  # noqa: S101 - a size has at least one row
    return result
