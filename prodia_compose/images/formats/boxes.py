"""The boxes that AVIF, HEIC and video files are made of (ISO/IEC 14496-12)."""

import io
import struct
from typing import BinaryIO, Final

from prodia_compose import errors

_AVIF: Final = {b"avif", b"avis"}
_HEIC: Final = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_STILL: Final = {b"mif1", b"mif2", b"miaf", b"msf1"}
_MAX_BOXES = 10_000


def identify(head: bytes) -> str:
    """Return "AVIF" or "HEIF" for the beginning of a file whose first box is `ftyp`.

    The first brand alone does not tell: many writers put the neutral `mif1` there.

    Raises:
        errors.InputError: It is a RAW file, a video or something else.
    """
    size = int.from_bytes(head[:4], "big")
    listed = head[16 : min(size, len(head))]
    major = head[8:12]
    brands = {major} | {listed[at : at + 4] for at in range(0, len(listed), 4)}
    if major in {b"crx ", b"crx\0"}:
        raise errors.InputError(
            "is a camera RAW file (Canon CR3): develop it to JPEG or TIFF first"
        )
    if brands & _AVIF:
        return "AVIF"
    if brands & (_HEIC | _STILL):
        return "HEIF"
    if major == b"jxl ":
        raise errors.InputError(
            "is a JPEG XL picture, a kind this tool does not read: convert it to JPEG or PNG"
        )
    raise errors.InputError("is a video (MP4 or QuickTime), not a picture")


def is_whole(file: BinaryIO) -> bool:
    """Tell whether every box at the top level ends within the file.

    The decoders behind Pillow accept a file that was cut in half and fill up the rest.
    """
    end = file.seek(0, io.SEEK_END)
    position = 0
    for _ in range(_MAX_BOXES):
        file.seek(position)
        header = file.read(16)
        if len(header) < 8:
            # A few stray bytes after the last box do no harm.
            return True
        size, large = struct.unpack(">I4xQ", header.ljust(16, b"\0"))
        if size == 0:  # the last box: it goes on to the end of the file
            return True
        length = large if size == 1 else size
        if length < 8 or not header[4:8].isascii():
            return True  # not a box: the decoder will have its own opinion
        position += length
        if position > end:
            return False
    return True
