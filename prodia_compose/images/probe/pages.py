"""How many pictures a GIF or TIFF holds, and whether a TIFF is a camera's RAW file.

Pillow counts frames by visiting each; a file made of a million tiny ones would
keep it busy for minutes. Counting stops at a thousand here.
"""

import itertools
from collections.abc import Sequence
from typing import BinaryIO, Final

from prodia_compose import errors
from prodia_compose.images.formats import exif

MAX_COUNTED: Final = 1000

_DNG_VERSION = 50706
_SUBFILE_TYPE = 254
_PHOTOMETRIC = 262
_SUB_DIRECTORIES = 330
_REDUCED = 1
_MASK = 4
_SENSOR_DATA: Final = {32803, 34892}
"""Photometric interpretations: colour filter array, linear raw."""

_MAX_BLOCKS = 1_000_000


def inspect_tiff(file: BinaryIO) -> tuple[int, int | None]:
    """Return the number of pages, at most a thousand, and the first one's orientation.

    Reduced copies and masks do not count as pages.

    Raises:
        errors.InputError: It is a camera's RAW file, of which only a thumbnail could be had.
    """
    found = list(itertools.islice(exif.directories(file), MAX_COUNTED))
    if not found:
        return 1, None
    _refuse_raw(found)
    pages = sum(not page.values.get(_SUBFILE_TYPE, 0) & (_REDUCED | _MASK) for page in found)
    orientation = found[0].values.get(0x0112)
    usable = orientation is not None and 1 <= orientation <= 8
    return max(1, pages), orientation if usable else None


def count_gif(file: BinaryIO) -> int:
    """Return the number of frames, at most a thousand; a damaged tail ends the count."""
    file.seek(10)
    head = file.read(3)
    if len(head) < 3:
        return 1
    if head[0] & 0x80:
        file.seek(3 << (head[0] & 7) + 1, 1)
    frames = 0
    for _ in range(_MAX_BLOCKS):
        kind = file.read(1)
        if kind == b",":
            frames += 1
            flags = file.read(9)[8:]
            if flags and flags[0] & 0x80:
                file.seek(3 << (flags[0] & 7) + 1, 1)
            file.seek(1, 1)
        elif kind == b"!":
            file.seek(1, 1)
        else:
            break
        if frames >= MAX_COUNTED or not _skip_blocks(file):
            break
    return max(1, frames)


def _skip_blocks(file: BinaryIO) -> bool:
    """Move behind a row of data blocks; False if the file ends within it."""
    for _ in range(_MAX_BLOCKS):
        length = file.read(1)
        if not length:
            return False
        if length == b"\0":
            return True
        file.seek(length[0], 1)
    return False


def _refuse_raw(found: Sequence[exif.Directory]) -> None:
    first = found[0].values
    is_dng = _DNG_VERSION in first
    is_preview = first.get(_SUBFILE_TYPE, 0) & _REDUCED and _SUB_DIRECTORIES in first
    is_sensor = any(page.values.get(_PHOTOMETRIC) in _SENSOR_DATA for page in found)
    if is_dng or is_preview or is_sensor:
        name = "DNG" if is_dng else "TIFF-based, such as NEF, ARW or PEF"
        raise errors.InputError(f"is a camera RAW file ({name}): develop it to JPEG or TIFF first")
