"""The memory of decoded pictures, kept for the next of their size.

Pages of memory cost time when they are first written to: a quarter of what it takes to decode a
camera's JPEG. What is kept are pixels and nothing else, by whichever thread is done with them,
for whichever comes next: no more of it than was in use at one time.
"""

import contextlib
from typing import Any, Final

from PIL import Image

from prodia_compose.images.plan import Size

_MOST_PIXELS: Final = 25_000_000
"""A camera's picture of 24 megapixels, or one of 48 at half its size."""

_kept: list[Any] = []


def take(mode: str, size: Size) -> Image.Image:
    """Return a picture to be written over from edge to edge; what it shows is anybody's guess."""
    image = Image.new(mode, size, None)
    with contextlib.suppress(IndexError):  # another thread may have taken the last
        while True:
            pixels = _kept.pop()
            if (pixels.mode, pixels.size) == (mode, size):
                image.im = pixels
                break
    return image


def keep(image: Image.Image) -> None:
    """Keep the pixels of a picture that nobody looks at any more."""
    if image.width * image.height <= _MOST_PIXELS:
        _kept.append(image.im)


def drop() -> None:
    """Let go of what is kept: before work that has a use for the room."""
    _kept.clear()
