"""Memory for large pictures: given back to the system at once, or kept for the next one."""

import functools
import sys
import threading
from typing import Final

from PIL import Image

from prodia_compose.images.plan import Size

__all__ = ["canvas", "keep", "release", "settle"]

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 8 << 20
"""Above the bands that pictures are worked through in, below most pictures."""

_SPARE_BYTES: Final = 32 << 20
"""What a heap may keep at its end, so that no band has to be asked for again."""


@functools.cache
def settle() -> None:
    """Keep what is free from piling up between what is not, where the C library is glibc.

    By itself it begins to keep large pieces once the first have been freed, in a heap for
    each thread, with holes that the next picture does not quite fit in: fourteen pictures
    of 48 megapixels then take 224 MB where eight take 160. With fixed limits both take
    160, and the time in the kernel is down to a half.
    """
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - 2 ms, for pictures that are decoded

    try:
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, _SPARE_BYTES)
    except (OSError, AttributeError):  # another C library
        return


class _Kept(threading.local):
    """What a thread keeps from one picture to the next."""

    image: Image.Image | None = None


_kept = _Kept()


def canvas(mode: str, size: Size) -> Image.Image:
    """Return a picture to be written over from edge to edge; what it shows is anybody's guess.

    Where the one that this thread has kept is of that mode and size, it is that one: the
    pages of a new one of 12 megapixels cost a twentieth of the time that a camera's JPEG
    takes. Otherwise the kept one is let go first.
    """
    kept = _kept.image
    release()
    if kept is not None and (kept.mode, kept.size) == (mode, size):
        return kept
    del kept
    return Image.new(mode, size, None)


def keep(image: Image.Image) -> None:
    """Keep a picture, which nobody looks at any more, for the next of this thread."""
    _kept.image = image


def release() -> None:
    """Let go of what this thread keeps."""
    _kept.image = None
