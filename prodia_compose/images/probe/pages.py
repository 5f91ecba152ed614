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
    """Return the number of pages, without reduced copies and masks, and the first's orientation.

    Raises:
        errors.InputError: It is a camera's RAW file, of which only a thumbnail could be had.
    """
    found = list(itertools.islice(exif.directories(file), MAX_COUNTED))
    if not found:
        return 1, None
    _refuse_raw(found)
    pages = sum(not page.values.get(_SUBFILE_TYPE, 0) & (_REDUCED | _MASK) for page in found)
    return max(1, pages), found[0].orientation


def count_gif(file: BinaryIO) -> int:
    """Return the number of frames, at most a thousand; a damaged tail ends the count."""
    file.seek(10)
    _skip_colours(file, file.read(3)[:1])
    frames = 0
    for _ in range(_MAX_BLOCKS):
        kind = file.read(1)
        if kind == b",":
            frames += 1
            _skip_colours(file, file.read(9)[8:])
        if kind not in {b",", b"!"} or frames >= MAX_COUNTED:
            break
        file.seek(1, 1)
        for _ in range(_MAX_BLOCKS):  # a row of data blocks, each behind its length
            length = file.read(1)
            if length in {b"", b"\0"}:
                break
            file.seek(length[0], 1)
    return max(1, frames)


def _skip_colours(file: BinaryIO, flags: bytes) -> None:
    """Move behind a table of colours, if the flags say that there is one."""
    if flags and flags[0] & 0x80:
        file.seek(3 << (flags[0] & 7) + 1, 1)


def _refuse_raw(found: Sequence[exif.Directory]) -> None:
    first = found[0].values
    is_dng = _DNG_VERSION in first
    is_preview = first.get(_SUBFILE_TYPE, 0) & _REDUCED and _SUB_DIRECTORIES in first
    is_sensor = any(page.values.get(_PHOTOMETRIC) in _SENSOR_DATA for page in found)
    if is_dng or is_preview or is_sensor:
        name = "DNG" if is_dng else "TIFF-based, such as NEF, ARW or PEF"
        raise errors.InputError(f"is a camera RAW file ({name}): develop it to JPEG or TIFF first")
