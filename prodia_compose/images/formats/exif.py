"""The directories (IFDs) of EXIF data and of TIFF files, read with distrust.

EXIF is written by thousands of devices and damaged by as many programs: what is wrong
with it reads as "not there" and never stops a picture that can be seen.
"""

import io
import re
import struct
from collections.abc import Iterator, Mapping
from typing import IO, BinaryIO, Final, Literal

from prodia_compose.frozen import frozen

_ORIENTATION = 0x0112
_EXIF_DIRECTORY, _INTEROP_DIRECTORY = 0x8769, 0xA005
_COLOUR_SPACE, _ADOBE_RGB, _UNCALIBRATED = 0xA001, 2, 0xFFFF
_INTEROP_INDEX: Final = 1
MARK: Final = b"Exif\0\0"
_MAX_ENTRIES = 4096
_MAX_DIRECTORIES = 1000
_MAX_DIRECTORIES_BYTES = 2_000_000
"""Of all directories together, which may lie one over the other in a small file: a second or so."""

_SUB_DIRECTORIES = 0x014A
_MAX_SUBS = 64

_WIDTHS: Final = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 18: 8}
"""Bytes of a value of each whole-number type, by the type's number; and of a letter."""

_XMP_ORIENTATION: Final = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)[2-8]")


@frozen
class Directory:
    """A directory of a TIFF stream.

    Attributes:
        offset: Where it is in the stream.
        values: The first value of each whole-number tag.
        places: Where in the stream that value is.
        subs: Where the directories are that hang on this one (TIFF's SubIFDs), at most 64.
        order: `struct`'s.
    """

    offset: int
    values: Mapping[int, int]
    places: Mapping[int, int]
    subs: tuple[int, ...]
    order: str

    @property
    def orientation(self) -> int | None:
        """From 1 to 8; None where it says nothing usable."""
        value = self.values.get(_ORIENTATION, 0)
        return value if 1 <= value <= 8 else None


def directories(file: IO[bytes], start: int | None = None) -> Iterator[Directory]:
    """Yield a TIFF stream's directories until the chain breaks or runs in a circle.

    At most 1000, and 2 MB of them in all.

    They begin with the first one, or with the one at `start`.
    """
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        return
    big = struct.unpack(order + "H", head[2:4])[0] == 43
    pointer = order + ("Q" if big else "I")
    try:
        (offset,) = struct.unpack_from(pointer, head, 8 if big else 4)
    except struct.error:
        return
    offset = offset if start is None else start
    seen: set[int] = set()
    left = _MAX_DIRECTORIES_BYTES
    while offset and offset not in seen and len(seen) < _MAX_DIRECTORIES and left > 0:
        seen.add(offset)
        try:
            directory, offset = _read_directory(file, offset, order, big=big)
        except (struct.error, OverflowError, ValueError):
            return
        left -= file.tell() - directory.offset
        yield directory


def orientation(exif: bytes | None) -> int | None:
    """Return the orientation from EXIF data, 1 to 8; None where it says nothing usable."""
    directory = _first(exif or b"")
    return directory.orientation if directory else None


def note(exif: bytes | None) -> str | None:
    """Return what is wrong with EXIF data as far as orientation goes; None if nothing is."""
    if not exif:
        return None
    directory = _first(exif)
    if directory is None:
        return "EXIF data damaged: taken as upright"
    # Zero is what many programs write for "unknown".
    value = directory.values.get(_ORIENTATION, 0)
    return None if value <= 8 else f"EXIF orientation {value} is none: taken as upright"


def is_adobe_rgb(file: BinaryIO) -> bool:
    """Tell whether EXIF data, or a TIFF file that has some, says that it is in Adobe RGB.

    Cameras say so by the index R03 beside colours that are called uncalibrated (DCF 2.0), and
    a few by a number that the standard does not know.
    """
    own, place = _colours(file, next(directories(file), None))
    space = own.values.get(_COLOUR_SPACE, _UNCALIBRATED) if own else 0
    if space != _UNCALIBRATED or place is None:
        return space == _ADOBE_RGB
    file.seek(place)
    return file.read(3) == b"R03"


def as_sent(exif: bytes) -> bytes:
    """Return EXIF data that says upright and sRGB wherever it speaks of these.

    Every other byte is as it was.
    """
    plain = exif.removeprefix(MARK)
    directory = _first(plain)
    if directory is None:
        return plain
    own, index = _colours(io.BytesIO(plain), directory)
    one = struct.pack(directory.order + "H", 1)
    changed = bytearray(plain)
    for place, value in (
        (directory.places.get(_ORIENTATION), one),
        (own.places.get(_COLOUR_SPACE) if own else None, one),
        (index, b"R98"),
    ):
        if place is not None and place + len(value) <= len(plain):
            changed[place : place + len(value)] = value
    return bytes(changed)


def _colours(file: BinaryIO, main: Directory | None) -> tuple[Directory | None, int | None]:
    """Return the directory that names the colours, and the place of DCF's index for them."""
    own = _below(file, main, _EXIF_DIRECTORY)
    interop = _below(file, own, _INTEROP_DIRECTORY)
    return own, interop.places.get(_INTEROP_INDEX) if interop else None


def _below(file: BinaryIO, directory: Directory | None, tag: int) -> Directory | None:
    """Return the directory that an entry points to, if there is one."""
    if directory is None or tag not in directory.values:
        return None
    return next(directories(file, directory.values[tag]), None)


def xmp_upright(xmp: bytes) -> bytes:
    """Return XMP data with its copy of the orientation, if there is one, set to 1."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def _first(exif: bytes) -> Directory | None:
    """Return the directory of the picture itself, from data with or without "Exif" in front."""
    return next(directories(io.BytesIO(exif.removeprefix(MARK))), None)


def _read_directory(
    file: IO[bytes], offset: int, order: str, *, big: bool
) -> tuple[Directory, int]:
    """Return a directory and the offset of the next one, 0 after the last."""
    counter, entry, pointer = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    inline = struct.calcsize(pointer)
    entry_bytes = struct.calcsize("=" + entry) + inline
    file.seek(offset)
    (count,) = struct.unpack(order + counter, file.read(struct.calcsize("=" + counter)))
    start = file.tell()
    table = file.read(min(count, _MAX_ENTRIES) * entry_bytes)
    values: dict[int, int] = {}
    places: dict[int, int] = {}
    subs: tuple[int, ...] = ()
    name: Literal["little", "big"] = "little" if order == "<" else "big"
    for at in range(0, len(table) - entry_bytes + 1, entry_bytes):
        tag, kind, length = struct.unpack_from(order + entry, table, at)
        width = _WIDTHS.get(kind)
        if width is None or length == 0:
            continue
        place = at + entry_bytes - inline
        most = width * min(length, _MAX_SUBS if tag == _SUB_DIRECTORIES else 1)
        raw = table[place : place + most]
        place += start
        if width * length > inline:
            (place,) = struct.unpack_from(order + pointer, table, at + entry_bytes - inline)
            file.seek(place)
            raw = file.read(most)
        found = [int.from_bytes(raw[i : i + width], name) for i in range(0, len(raw), width)]
        values[tag] = found[0] if found else 0
        places[tag] = place
        if tag == _SUB_DIRECTORIES:
            subs = tuple(found)
    file.seek(start + count * entry_bytes)
    following = file.read(inline)
    (after,) = struct.unpack(order + pointer, following) if len(following) == inline else (0,)
    directory = Directory(offset=offset, values=values, places=places, subs=subs, order=order)
    return directory, after
