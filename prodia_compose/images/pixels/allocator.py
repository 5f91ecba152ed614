"""The C library's memory, told to give large pieces back to the system at once."""

import functools
import sys
from typing import Final

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
