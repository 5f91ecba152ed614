"""JPEG files as a row of marker segments (ITU-T T.81, annex B), none of them decoded."""

import contextlib
import io
import re
import struct
import sys
from collections.abc import Iterator
from typing import BinaryIO, Final

from prodia_compose import errors
from prodia_compose.images.formats import exif, stream
from prodia_compose.images.probe.header import Colour, Header

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_APP0, APP1, _APP2, APP11, _APP13, _APP14 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE
_SOS: Final = 0xDA
_LS_FRAME: Final = 0xF7  # JPEG-LS's (ITU-T T.87)
_FRAMES: Final = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {_LS_FRAME}
_BARE: Final = {0x01, *range(0xD0, 0xD9)}
_PICTURE: Final = {0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF} | _FRAMES
"""The segments that make the picture: tables, frames, scans."""

_COLOURS: Final[dict[int, Colour]] = {1: "grey", 3: "rgb", 4: "cmyk"}  # by number of channels
_ARITHMETIC: Final = range(0xC9, 0xD0)
_PROGRESSIVE: Final = {0xC2, 0xCA}
_UNREAD: Final = {
    **dict.fromkeys((0xC3, 0xCB), "lossless JPEG"),
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG"),
    _LS_FRAME: "JPEG-LS picture",
}
"""Kinds of JPEG that no decoder here reads, by their frame."""

_PIXELS_PER_BYTE: Final = 512
"""At most: each block of 64 pixels takes at least a bit, the code of its brightness."""

XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_ICC: Final = b"ICC_PROFILE\0"
_ADOBE: Final = b"Adobe"
_IPTC: Final = b"Photoshop 3.0\0"
_USED: Final = {exif.MARK: APP1, XMP: APP1, _ICC: _APP2, _ADOBE: _APP14, _IPTC: _APP13}
"""The marker of each segment with a use, by what it begins with."""

_MAX_SEGMENT = 65_533  # the two bytes of its length count themselves
_MAX_HEADER_BYTES = 64_000_000
"""Far above what real files carry in front of the picture (depth maps reach some 20 MB)."""

_SCAN_END: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker that is neither a stuffed zero nor a restart marker.

It begins with a single byte, which is looked for 25 times as fast as a repeated one.
"""

_MAX_SCANS: Final = 100
"""Encoders write some ten; a decoder goes over all of the pixels for each of them."""

_MAX_SCANNED_PIXELS: Final = 4_000_000_000
"""In all scans together: some ten seconds of decoding."""

_FEW_SCANS: Final = 20
"""Not too many of the largest picture."""

_MAX_SEGMENTS: Final = 20_000
"""In front of the picture: of the largest size they would hold a gigabyte."""

SKIMMED_BYTES: Final = 16_384
"""What is kept of each scan's coded data for a look at the file's structure."""

_MAX_JUNK_BYTES = 65_536
_BLOCK_BYTES = 1 << 20

Segment = tuple[int, bytes]
"""The marker's second byte, and the payload without the two bytes of its length."""


def read_header(file: BinaryIO) -> Header:
    """Return what stands in front of the coded data; the first segment of a kind wins.

    Raises:
        errors.InputError: There is no picture in it, or one that no decoder here reads.
    """
    parts: dict[bytes, bytes] = {}
    profile_parts: dict[int, bytes] = {}
    frame: Segment | None = None
    scan = b""
    has_metadata = False
    for marker, data in leading(file):
        if marker in _FRAMES:
            frame = frame or (marker, data)
        elif marker not in _PICTURE:
            kept = _kept(marker, data)
            has_metadata |= kept is None or len(kept) != len(data)
            starts = (start for start, its in _USED.items() if marker == its)
            start = next(filter(data.startswith, starts), b"")
            parts.setdefault(start, data.removeprefix(start))
            if start == _ICC and len(data) > 14:
                profile_parts.setdefault(data[12], data[14:])
        if marker == _SOS:
            scan = data
    if frame is None or len(frame[1]) < 6:
        raise errors.InputError("is cut short or damaged: no picture in the JPEG file")
    width, height, channels = _measured(*frame)
    exif_data = parts.get(exif.MARK)
    # A scan begins with the number of its channels.
    has_more = frame[0] in _PROGRESSIVE or scan[:1] != bytes((channels,))
    return Header(
        width=width,
        height=height,
        colour=_COLOURS[channels],
        least_bytes=0 if frame[0] in _ARITHMETIC else width * height // _PIXELS_PER_BYTE,
        has_uneven_chroma=_has_uneven_chroma(frame[1], parts.get(_ADOBE)),
        is_interlaced=frame[0] in _PROGRESSIVE,
        orientation=exif.orientation(exif_data),
        # A gap in its numbered parts shows later, when it is read.
        profile=b"".join(profile_parts[number] for number in sorted(profile_parts)) or None,
        exif=exif_data,
        xmp=parts.get(XMP),
        iptc=parts.get(_IPTC),
        has_metadata=has_metadata,
        note=exif.note(exif_data),
        slow=_slow(file, width * height) if has_more else None,
    )


def leading(file: BinaryIO) -> Iterator[Segment]:
    """Yield the segments in front of the coded data, its own header the last one.

    Raises:
        errors.InputError: The file ends before that, or there is far too much of them.
    """
    file.seek(2)
    total = 0
    for number, (marker, data) in enumerate(_segments(file)):
        total += len(data)
        if total > _MAX_HEADER_BYTES or number > _MAX_SEGMENTS:
            raise errors.InputError("carries more than 64 MB of metadata in front of its picture")
        yield marker, data
        if marker == _SOS:
            return


def _measured(marker: int, frame: bytes) -> tuple[int, int, int]:
    """Return width, height and number of channels of a frame that can be decoded."""
    bits, height, width, channels = struct.unpack_from(">BHHB", frame)
    unread = "which cannot be read"
    if marker in _UNREAD:
        raise errors.InputError(f"is a {_UNREAD[marker]}, {unread}", "convert it to PNG")
    if bits != 8:
        raise errors.InputError(f"is a JPEG of {bits} bits, {unread}", "save it as 8-bit")
    if channels not in _COLOURS:
        raise errors.InputError(f"is a JPEG of {channels} channels, {unread}", "save it as RGB")
    return width, height, channels


def _slow(file: BinaryIO, pixels: int) -> str | None:
    """Say so if there are scans for minutes of decoding, the reader behind the first one's segment."""
    most = max(_FEW_SCANS, min(_MAX_SCANS, _MAX_SCANNED_PIXELS // max(1, pixels)))
    scans = 1
    with contextlib.suppress(errors.InputError):  # that the end is missing is for others to say
        _skip_coded(file)
        for marker, _ in _segments(file):
            if marker == _SOS:
                scans += 1
                if scans > most:
                    return f"a JPEG of more than {most} scans, which takes minutes to decode"
                _skip_coded(file)
    return None


def _skip_coded(file: BinaryIO) -> None:
    for _ in _coded(file, 0):
        pass


def bare(file: BinaryIO) -> BinaryIO:
    """Return a reader of the file without the metadata in front of its picture.

    Decoders stumble over what is wrong in it.

    Raises:
        errors.InputError: There is no picture in it.
    """
    head = io.BytesIO()
    for piece in stripped(file, 0):
        head.write(piece)
        if piece[:2] == bytes((0xFF, _SOS)):
            break
    return stream.headed(head.getvalue(), file, file.tell())


def skimmed(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file as `stripped` does, but of each scan's coded data only the start.

    Decoders refuse what they cannot make out of tables, frames and scans' headers. What is
    wrong within the coded data they only warn of: to decode all of it would tell nothing more.
    """
    return stripped(file, SKIMMED_BYTES)


def stripped(file: BinaryIO, most: int = sys.maxsize) -> Iterator[bytes]:
    """Yield the file without its metadata, at most so many bytes of each scan, bit for bit.

    Stays: tables, frames, scans, the JFIF header without its thumbnail, and Adobe's
    marker, without which decoders take the colours for others. Goes: the rest, with whatever
    follows the picture, such as an MPO file's further ones or a motion photo's video.

    Raises:
        errors.InputError: The end of the picture is missing.
    """
    file.seek(2)
    yield _SOI
    seen: set[int] = set()
    for marker, data in _segments(file):
        kept = _kept(marker, data)
        if kept is not None and (marker in _PICTURE or marker not in seen):
            seen.add(marker)
            yield _segment(marker, kept)
        if marker == _SOS:
            yield from _coded(file, most)
    yield _EOI


def with_metadata(data: bytes, header: Header) -> bytes:
    """Return an encoded JPEG with a header's EXIF (upright), XMP and IPTC put in.

    What does not fit into one segment stays out.
    """
    segments = (
        (APP1, exif.MARK + exif.as_sent(header.exif) if header.exif else b""),
        (APP1, XMP + exif.xmp_upright(header.xmp) if header.xmp else b""),
        (_APP13, _IPTC + header.iptc if header.iptc else b""),
    )
    # Behind the JFIF header, which must come first.
    place = 2
    if data[2:4] == bytes((0xFF, _APP0)):
        place += 2 + int.from_bytes(data[4:6], "big")
    added = (_segment(marker, body) for marker, body in segments if 0 < len(body) <= _MAX_SEGMENT)
    return b"".join([data[:place], *added, data[place:]])


def _segments(file: BinaryIO) -> Iterator[Segment]:
    """Yield the segments from the reader's place on, up to the end of the picture.

    After a scan's segment the caller moves the reader behind the coded data, or stops.
    """
    while True:
        marker = _next_marker(file)
        if marker == _EOI[1]:
            return
        if marker in _BARE or marker == 0:
            continue
        length = file.read(2)
        size = int.from_bytes(length, "big") - 2
        data = file.read(max(0, size))
        if len(length) < 2 or len(data) < size:
            raise stream.cut_short("JPEG")
        yield marker, data


def _next_marker(file: BinaryIO) -> int:
    """Return the next marker, past the little junk that decoders skip as well."""
    byte = file.read(1)
    for is_fill in (True, False):
        for _ in range(_MAX_JUNK_BYTES):
            if (byte == b"\xff") is is_fill:
                break
            byte = file.read(1)
    if not byte or byte == b"\xff":
        raise stream.cut_short("JPEG")
    return byte[0]


def _coded(file: BinaryIO, most: int) -> Iterator[bytes]:
    """Yield the start of a scan's coded data, leaving the reader at the marker behind all of it."""
    rest = b""
    while block := file.read(_BLOCK_BYTES):
        block = rest + block
        end = _SCAN_END.search(block)
        # Fill bytes belong to a marker, which may be cut in two between this block and the next.
        whole = len((block[: end.start()] if end else block).rstrip(b"\xff"))
        # Cut within an escaped byte, the rest would be taken for a marker's beginning.
        yield block[: min(whole, most)].rstrip(b"\xff")
        if end:
            file.seek(end.start() - len(block), 1)
            return
        rest = block[whole:]
        most = max(0, most - whole)
    raise stream.cut_short("JPEG")


def _kept(marker: int, data: bytes) -> bytes | None:
    """Return what stays of a segment, or None where all of it goes."""
    if marker in _PICTURE:
        return data
    if marker == _APP0 and data.startswith(b"JFIF\0") and len(data) >= 14:
        return data[:12] + b"\0\0"
    if marker == _APP14 and data.startswith(_ADOBE) and len(data) >= 12:
        return data[:12]
    return None


def _has_uneven_chroma(frame: bytes, adobe: bytes | None) -> bool:
    components = [frame[at : at + 3] for at in range(6, len(frame) - 2, 3)]
    is_rgb = adobe is not None and adobe[6:7] == b"\0"
    if len(components) != 3 or is_rgb or bytes(each[0] for each in components) == b"RGB":
        return False
    factors = [each[1] for each in components]
    return factors not in ([0x11, 0x11, 0x11], [0x22, 0x11, 0x11])


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
