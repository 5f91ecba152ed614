"""WebP files as a row of RIFF chunks (RFC 9649)."""

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from prodia_compose import errors
from prodia_compose.images.formats import exif, stream
from prodia_compose.images.probe.header import MAX_COUNTED, Header

_PICTURE: Final = (b"ALPH", b"VP8 ", b"VP8L")
_PLAIN: Final = {b"VP8X", b"ICCP", b"ANIM", b"ANMF", *_PICTURE}
_ALPHA_FLAG: Final = 0x10

_LOSSY_PIXELS_PER_BYTE: Final = 2048
"""At most: a block of 256 pixels takes more than a bit, for its two modes of prediction."""

_PIXELS_PER_BYTE: Final = 65_536
"""A lossless picture of one colour could take no bits at all; nobody sends one of gigabytes."""

_MAX_CHUNKS = 100_000
_MAX_CARRIED_BYTES = 8_000_000

_Places = dict[bytes, tuple[int, int]]
"""Place and length of the first chunk of each name."""


def read_header(file: BinaryIO) -> Header:
    """Return what the chunks say, without decoding.

    Raises:
        errors.InputError: There is no picture in it, or its end is missing.
    """
    places, frames = _scan(file)
    exif_data = _read(file, places, b"EXIF")
    width, height, has_alpha = _canvas(file, places)
    covered = _first_frame(file, places)
    covered = None if covered == (0, 0, width, height) else covered
    per_byte = _LOSSY_PIXELS_PER_BYTE if b"VP8 " in places else _PIXELS_PER_BYTE
    return Header(
        width=width,
        height=height,
        colour="rgb",
        least_bytes=width * height // per_byte,
        has_alpha=has_alpha or covered is not None,
        covered=covered,
        orientation=exif.orientation(exif_data),
        frames=max(1, frames),
        profile=_read(file, places, b"ICCP") or None,
        exif=exif_data.removeprefix(exif.MARK) or None,
        xmp=_read(file, places, b"XMP ") or None,
        has_metadata=not places.keys() <= _PLAIN,
        note=exif.note(exif_data),
    )


def stripped(file: BinaryIO) -> Iterator[bytes]:
    """Yield a still picture without metadata and colour profile, its pixels bit for bit.

    Raises:
        errors.InputError: There is no still picture in it, or its end is missing.
    """
    found, _ = _scan(file)
    width, height, _ = _canvas(file, found)
    kept = [(name, *found[name]) for name in _PICTURE if name in found]
    if not kept:  # an animation, if only of one frame
        raise errors.InputError("is cut short or damaged: no still picture in the WebP file")
    extended = b"ALPH" in found
    size = 4 + sum(8 + length + length % 2 for _, _, length in kept) + (18 if extended else 0)
    yield struct.pack("<4sI4s", b"RIFF", size, b"WEBP")
    if extended:
        yield struct.pack("<4sII", b"VP8X", 10, _ALPHA_FLAG)
        yield (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    for name, place, length in kept:
        yield struct.pack("<4sI", name, length)
        file.seek(place)
        yield from stream.copy_exactly(file, length, "WebP")
        if length % 2:
            yield b"\0"


def _scan(file: BinaryIO) -> tuple[_Places, int]:
    """Return where the chunks are, and how many frames there are, up to `MAX_COUNTED`."""
    end = file.seek(0, 2)
    # The last chunk's padding is left out by some writers.
    if riff_end(file) > end + 1:
        raise stream.cut_short("WebP")
    places: _Places = {}
    frames = 0
    for name, place, length in chunks(file):
        if place + length > end:
            raise stream.cut_short("WebP")
        places.setdefault(name, (place, length))
        frames += name == b"ANMF"
    return places, min(MAX_COUNTED, frames)


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, place and length of each chunk; of a file that is cut short the last one's, too."""
    last = riff_end(file)
    position = 12
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        start = file.read(8)
        if position + 8 > last or len(start) < 8:
            return
        name, length = struct.unpack("<4sI", start)
        yield name, position + 8, length
        position += 8 + length + length % 2


def riff_end(file: BinaryIO) -> int:
    """Return where the file ends by what it says."""
    file.seek(4)
    return 8 + int.from_bytes(file.read(4), "little")


def _first_frame(file: BinaryIO, places: _Places) -> tuple[int, int, int, int] | None:
    """Return the edges of the first frame of an animation, left, top, right and bottom."""
    file.seek(places.get(b"ANMF", (0, 0))[0])
    data = file.read(12)
    if b"ANMF" not in places or len(data) < 12:
        return None
    left, top, width, height = (
        int.from_bytes(data[at : at + 3], "little") for at in range(0, 12, 3)
    )
    return 2 * left, 2 * top, 2 * left + width + 1, 2 * top + height + 1


def _canvas(file: BinaryIO, places: _Places) -> tuple[int, int, bool]:
    """Return width, height, and whether some pixel could be transparent."""
    for name, start, end, bits in ((b"VP8X", 4, 10, 24), (b"VP8L", 1, 5, 14), (b"VP8 ", 6, 10, 16)):
        if name not in places:
            continue
        file.seek(places[name][0])
        data = file.read(10)
        if len(data) < end:
            break
        packed = int.from_bytes(data[start:end], "little")
        mask = 0xFFFFFF if name == b"VP8X" else 0x3FFF
        width, height = packed & mask, packed >> bits & mask
        if name == b"VP8 ":
            return width, height, False
        has_alpha = data[0] & _ALPHA_FLAG if name == b"VP8X" else packed >> 28 & 1
        return width + 1, height + 1, bool(has_alpha)
    raise errors.InputError("is cut short or damaged: no picture in the WebP file")


def _read(file: BinaryIO, places: _Places, name: bytes) -> bytes:
    """Return a chunk's data; nothing if it is not there or too large to carry."""
    place, length = places.get(name, (0, 0))
    file.seek(place)
    return file.read(length) if length <= _MAX_CARRIED_BYTES else b""
