"""The memory of one decoded picture, kept for the next.

Pages of memory cost time when they are first written to: those of 12 megapixels a twentieth
of what a camera's JPEG takes in all. Pictures that come together mostly have one size, so
each thread keeps one picture's pixels; nothing else of it, and none that is large.
"""

import threading
from typing import TYPE_CHECKING, Final

from PIL import Image

from prodia_compose.images.plan import Size

if TYPE_CHECKING:
    from PIL._imaging import ImagingCore


_MOST_PIXELS: Final = 16_000_000
"""A camera's picture at half its size. What is kept counts in no budget."""


class _Kept(threading.local):
    """What a thread keeps."""

    pixels: "ImagingCore | None" = None


_kept = _Kept()


def take(mode: str, size: Size) -> Image.Image:
    """Return a picture to be written over from edge to edge; what it shows is anybody's guess.

    What this thread has kept is in it, or is let go where it does not fit.
    """
    pixels = _kept.pixels
    drop()
    if pixels is not None and (pixels.mode, pixels.size) != (mode, size):
        pixels = None
    image = Image.new(mode, size, None)
    if pixels is not None:
        image.im = pixels
    return image


def keep(image: Image.Image) -> None:
    """Keep the pixels of a picture that nobody looks at any more."""
    if image.width * image.height <= _MOST_PIXELS:
        _kept.pixels = image.im


def drop() -> None:
    """Let go of what this thread keeps: before work that has a use for the room."""
    _kept.pixels = None
