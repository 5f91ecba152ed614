"""The colour profile in a BMP file of version 5, which Pillow passes over."""

import struct
from typing import BinaryIO, Final

_FILE_HEADER, _VERSION_5 = 14, 124
_EMBEDDED: Final = b"DEBM"
_MAX_PROFILE_BYTES = 8_000_000


def profile(file: BinaryIO) -> bytes | None:
    """Return the ICC profile, or None."""
    file.seek(_FILE_HEADER)
    header = file.read(_VERSION_5)
    if header[:1] != bytes((_VERSION_5,)) or header[56:60] != _EMBEDDED or len(header) < _VERSION_5:
        return None
    offset, length = struct.unpack_from("<II", header, 112)
    file.seek(_FILE_HEADER + offset)
    return file.read(min(length, _MAX_PROFILE_BYTES)) or None
