"""PNG files as a row of chunks (W3C PNG, third edition).

Pillow is handed only those that make the picture. So a bomb in a text chunk or the broken
checksum of a comment can neither cost memory nor stop a picture that can be seen.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from prodia_compose import errors
from prodia_compose.images.colour import icc
from prodia_compose.images.formats import exif, stream
from prodia_compose.images.probe.header import MAX_COUNTED, Colour, Header

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PICTURE: Final = {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}
# Chunks that are not metadata in the sense of being about somebody or something.
_COLOURS: Final = {
    *(b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"),
    *(b"mDCV", b"cLLI", b"sBIT", b"bKGD", b"pHYs"),
}
_ANIMATION: Final = {b"acTL", b"fcTL", b"fdAT"}
END: Final = b"\0\0\0\0IEND\xaeB`\x82"
_MAX_CHUNKS = 200_000
_MAX_PROFILE_BYTES = 8_000_000
_MAX_CARRIED_BYTES = 64_000

_READ: Final = {b"IHDR", b"acTL", b"eXIf", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"iCCP"}
_ALPHA: Final = 4  # the bit of PNG's colour type that says so; the others are the colour:
_KINDS: Final[dict[int, Colour]] = {0: "grey", 2: "rgb", 3: "palette"}
CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Channels of a pixel as stored, by PNG's colour type."""

_MOST_DEFLATED: Final = 1032
"""How many bytes deflate can put into one: 258 of them into two bits."""


def read_header(file: BinaryIO) -> Header:
    """Return what the chunks say, those behind the pixels included; the first of a kind wins.

    Raises:
        errors.InputError: There is no picture in it.
    """
    contents: dict[bytes, bytes] = {}
    raw_exif = xmp = None
    has_metadata = False
    for name, length in chunks(file):
        if name == b"CgBI":
            kind = "is a PNG made for iOS apps (CgBI), which cannot be read"
            raise errors.InputError(kind, "convert it to an ordinary PNG")
        has_metadata |= name not in _PICTURE | _COLOURS | _ANIMATION
        most = _MAX_PROFILE_BYTES if name == b"iCCP" else _MAX_CARRIED_BYTES
        if name in _READ and length <= most:
            contents.setdefault(name, file.read(length))
        elif name == b"tRNS":
            contents.setdefault(name, b"")
        elif name in {b"tEXt", b"zTXt"} and length <= _MAX_CARRIED_BYTES:
            raw_exif = raw_exif or _raw_exif(name, file.read(length))
        elif name == b"iTXt" and length <= _MAX_CARRIED_BYTES:
            xmp = xmp or carried_xmp(file.read(length))
    start = contents.get(b"IHDR", b"")
    if len(start) < 13:
        raise errors.InputError("is cut short or damaged: no picture in the PNG file")
    width, height, bits, kind, interlace = struct.unpack_from(">IIBBxxB", start)
    if kind not in CHANNELS or bits not in {1, 2, 4, 8, 16}:
        raise errors.InputError(f"is damaged: no PNG has {bits} bits of colour type {kind}")
    frames = int.from_bytes(contents.get(b"acTL", b"")[:4], "big")
    profile, note = _profile(contents)
    exif_data = contents.get(b"eXIf", raw_exif)
    return Header(
        width=width,
        height=height,
        colour=_KINDS[kind & ~_ALPHA],
        bits=bits,
        least_bytes=width * height * bits * CHANNELS[kind] // 8 // _MOST_DEFLATED,
        has_alpha=bool(kind & _ALPHA) or b"tRNS" in contents,
        is_interlaced=interlace != 0,
        orientation=exif.orientation(exif_data),
        frames=min(max(1, frames), MAX_COUNTED),
        profile=profile,
        exif=exif_data,
        xmp=xmp,
        has_metadata=has_metadata,
        # For one of 16-bit colours to be transparent, both halves of them are looked at.
        pixel_bytes=12 if (bits, kind) == (16, 2) and b"tRNS" in contents else 4,
        note=note or exif.note(exif_data),
    )


def stripped(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file with the chunks that make the picture, bit for bit, and no others.

    A missing end is put there: whether the pixels are whole is for the decoder to say.

    Raises:
        errors.InputError: The file ends within a chunk.
    """
    yield SIGNATURE
    for name, length in chunks(file):
        if name in _PICTURE:
            yield struct.pack(">I4s", length, name)
            yield from stream.copy_exactly(file, length + 4, "PNG")  # its checksum comes with it
    yield END


def has_end(file: BinaryIO) -> bool:
    """Tell whether the row of chunks goes on to an end chunk that is all there."""
    file.seek(len(SIGNATURE) + sum(12 + length for _, length in chunks(file)))
    end = file.read(len(END))
    return len(end) == len(END) and end[4:8] == END[4:8]


def chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield name and length of each chunk before the end chunk, the reader at its data."""
    position = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        start = file.read(8)
        if len(start) < 8:
            return
        length, name = struct.unpack(">I4s", start)
        if name == b"IEND":
            return
        yield name, length
        position += 12 + length


def _profile(chunks: dict[bytes, bytes]) -> tuple[bytes | None, str | None]:
    """Return the colours as an ICC profile, as `Header` has it; and what was wrong with them.

    By the standard cICP counts before iCCP, that before sRGB, and that before gAMA and cHRM;
    what cannot be understood leaves its place to the next.
    """
    cicp = chunks.get(b"cICP", b"")
    if len(cicp) == 4 and cicp[2] == 0:  # the matrix of RGB, the only one that PNG has
        named = icc.from_codes(cicp[0], cicp[1], is_full_range=cicp[3] != 0)
        if named is not None:
            return named, None
    note = None
    if b"iCCP" in chunks:
        if profile := _inflated(chunks[b"iCCP"].partition(b"\0")[2][1:]):
            return profile, None
        note = "colour profile damaged: left out"
    if b"sRGB" in chunks:
        return icc.SRGB, note
    gamma = int.from_bytes(chunks.get(b"gAMA", b"")[:4], "big") or None
    chromaticities = chunks.get(b"cHRM", b"")
    values = struct.unpack_from(">8I", chromaticities) if len(chromaticities) >= 32 else None
    return icc.from_gamma(gamma, values) if gamma or values else None, note


def _inflated(compressed: bytes) -> bytes | None:
    """Return what a chunk holds compressed; None if damaged or absurdly large."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(compressed, _MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return content if inflater.eof else None


def _raw_exif(name: bytes, chunk: bytes) -> bytes | None:
    """Return EXIF data written as a text of hex digits, as ImageMagick did before eXIf."""
    keyword, _, text = chunk.partition(b"\0")
    if keyword not in {b"Raw profile type exif", b"Raw profile type APP1"}:
        return None
    if name == b"zTXt":
        text = _inflated(text[1:]) or b""
    # A line with the name, one with the length, then the digits.
    lines = text.strip().split(b"\n", 2)
    try:
        return bytes.fromhex(lines[2].decode("ascii")).removeprefix(exif.MARK)
    except (IndexError, ValueError):
        return None


def carried_xmp(data: bytes) -> bytes | None:
    """Return the XMP data of an iTXt chunk, or None if it is another text; nothing if damaged."""
    keyword, _, rest = data.partition(b"\0")
    if keyword != b"XML:com.adobe.xmp":
        return None
    text = rest[2:].split(b"\0", 2)[-1]
    return text if rest[:1] == b"\0" else _inflated(text) or b""
