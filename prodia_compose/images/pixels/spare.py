"""The memory of one decoded picture, kept for the next of its size.

Pages of memory cost time when they are first written to: those of 12 megapixels a twentieth
of what a camera's JPEG takes in all. Each thread keeps one picture's pixels; nothing else of
it, and none that is large.
"""

import threading
from typing import Final

from PIL import Image

from prodia_compose.images.plan import Size

_MOST_PIXELS: Final = 16_000_000
"""A camera's picture at half its size. What is kept counts in no budget."""

_kept = threading.local()


def take(mode: str, size: Size) -> Image.Image:
    """Return a picture to be written over from edge to edge; what it shows is anybody's guess."""
    pixels = getattr(_kept, "pixels", None)
    drop()
    image = Image.new(mode, size, None)
    if pixels is not None and (pixels.mode, pixels.size) == (mode, size):
        image.im = pixels
    return image


def keep(image: Image.Image) -> None:
    """Keep the pixels of a picture that nobody looks at any more."""
    if image.width * image.height <= _MOST_PIXELS:
        _kept.pixels = image.im


def drop() -> None:
    """Let go of what this thread keeps: before work that has a use for the room."""
    _kept.pixels = None
