"""HEIF, AVIF and JPEG 2000 as boxes (ISO/IEC 14496-12, 23008-12, 15444-1), none decoded."""

import io
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Final

_MAX_BOXES = 10_000
_MAX_CONTENT_BYTES = 8_000_000  # of a profile; the table of a thousand tiles takes some 10 kB
_ENUMERATED: Final = 1  # the way in which a JPEG 2000 names its colours, if it has no profile

_UNSPECIFIED: Final = 2
_KNOWN: Final = ({1, 2, *range(4, 13), 22}, {1, 2, *range(4, 19)}, {0, 1, 2, *range(4, 15)})
"""Codes of primaries, curves and matrices that ITU-T H.273 does not reserve."""

Place = tuple[int, int]
"""Where something starts and ends."""

Property = tuple[bytes, bytes]
"""Name and content."""

Crop = tuple[int, int, int, int]
"""Left, top, width and height, in pixels."""


def is_whole(file: BinaryIO) -> bool:
    """Tell whether every box at the top level ends within the file.

    Decoders accept a file that was cut in half and fill up the rest.
    """
    length = file.seek(0, io.SEEK_END)
    return all(end <= length for _, (_, end) in _boxes(file, (0, length)))


def properties(file: BinaryIO) -> list[Property]:
    """Return what a file says of its first picture, such as how it is turned, in order.

    Nothing is what is wrong, or beyond what is understood here.
    """
    return [(name, _content(file, place)) for name, place in _properties(file)]


def colours(boxes: Sequence[Property]) -> tuple[int, int] | None:
    """Return the codes of primaries and curve (ITU-T H.273) among properties, or None."""
    for name, content in boxes:
        if name == b"colr" and (codes := _codes(content)):
            return codes[0], codes[1]
    return None


def depth(boxes: Sequence[Property]) -> int | None:
    """Return the bits of a channel among properties, or None."""
    return next((content[5] for name, content in boxes if name == b"pixi" and content[5:]), None)


def is_turned(boxes: Sequence[Property]) -> bool:
    """Tell whether properties have a decoder turn or mirror the picture."""
    return any(
        name == b"imir" or (name == b"irot" and content[:1] and content[0] & 3)
        for name, content in boxes
    )


def crop(boxes: Sequence[Property], *, turned: bool) -> Crop | None:
    """Return what is to be seen of a picture; None where all of it is.

    No decoder can be left alone with it: that of AVIF shows all, and that of HEIC refuses
    what is far smaller than the whole.

    Args:
        turned: The picture is the one that a decoder has turned.
    """
    if not any(name == b"clap" for name, _ in boxes):
        return None
    try:
        across, down = struct.unpack_from(">II", dict(reversed(boxes))[b"ispe"], 4)
        seen: Crop = 0, 0, across, down
        for name, content in boxes:
            left, top, width, height = seen
            if name == b"clap":
                seen = _cut(seen, content)
            elif name == b"irot" and turned:
                for _ in range(content[0] & 3):  # by a quarter each, anticlockwise
                    left, top, width, height = top, across - left - width, height, width
                    across, down = down, across
                seen = left, top, width, height
            elif name == b"imir" and turned and content[0] & 1:  # left for right
                seen = across - left - width, top, width, height
            elif name == b"imir" and turned:
                seen = left, down - top - height, width, height
    except (struct.error, KeyError, IndexError, ZeroDivisionError):
        return None
    return seen


def _cut(seen: Crop, content: bytes) -> Crop:
    """Return what a `clap` box leaves of a picture; where that makes no sense, all of it."""
    numbers = struct.unpack_from(">IIIIiIiI", content)
    wide, high, right, low = (numbers[at] / numbers[at + 1] for at in (0, 2, 4, 6))
    left, top = round((seen[2] - wide) / 2 + right), round((seen[3] - high) / 2 + low)
    width, height = round(wide), round(high)
    fits = 0 <= left <= seen[2] - width and 0 <= top <= seen[3] - height
    return (seen[0] + left, seen[1] + top, width, height) if fits and width and height else seen


def jpeg_2000_profile(file: BinaryIO) -> bytes | None:
    """Return the ICC profile of a JPEG 2000 file, which Pillow passes over, or None."""
    places = _first(_boxes(file, (0, file.seek(0, io.SEEK_END))))
    inside = _first(_boxes(file, places.get(b"jp2h", (0, 0))))
    colours = _content(file, inside.get(b"colr", (0, 0)))
    return colours[3:] or None if colours[:1] not in {b"", bytes((_ENUMERATED,))} else None


def eased(file: BinaryIO) -> BinaryIO:
    """Return a HEIC file, maybe the same one, without what its decoder refuses it for, or dies of.

    That is reserved codes of colours, made unspecified; a crop, which is left to `crop`; and
    letters that are none in the list of what the file holds, made question marks.
    """
    found = _properties(file)
    whole = next((_content(file, place)[4:12] for name, place in found if name == b"ispe"), b"")
    changes = list(_mended_texts(file))
    for name, place in found:
        content = _content(file, place)
        if name == b"colr" and (codes := _codes(content)):
            pairs = zip(codes, _KNOWN, strict=True)
            meant = [code if code in known else _UNSPECIFIED for code, known in pairs]
            changes += [(place[0] + 4, struct.pack(">HHH", *meant))] * (list(codes) != meant)
        elif name == b"clap" and len(content) == 32 and len(whole) == 8:
            size = struct.unpack(">II", whole)
            changes.append((place[0], struct.pack(">8I", size[0], 1, size[1], 1, 0, 1, 0, 1)))
    file.seek(0)
    if not changes:
        return file
    data = bytearray(file.read())
    for at, value in changes:
        data[at : at + len(value)] = value
    return io.BytesIO(data)


def _mended_texts(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield place and replacement of the texts about items (`infe`) that are not in UTF-8."""
    try:
        start, end = _meta(file)[b"iinf"]
        start += 8 if _content(file, (start, end))[0] else 6
    except (struct.error, KeyError, IndexError):
        return
    for _, place in _boxes(file, (start, end)):
        content = _content(file, place)
        at = 8 if content[:1] < b"\3" else 10  # behind two numbers
        try:
            content[at:].decode()
        except UnicodeDecodeError:
            yield (
                place[0] + at,
                content[at:].decode("ascii", "replace").replace("\ufffd", "?").encode(),
            )


def _codes(content: bytes) -> tuple[int, int, int] | None:
    """Return the codes of primaries, curve and matrix in a `colr` box, if it has them."""
    if content[:4] != b"nclx" or len(content) < 10:
        return None
    primaries, transfer, matrix = struct.unpack_from(">HHH", content, 4)
    return primaries, transfer, matrix


def _properties(file: BinaryIO) -> list[tuple[bytes, Place]]:
    """Return names and places of the first picture's properties, in order; none if unclear.

    Where it is made of tiles and says nothing of its colours, the first tile's are its own.
    """
    try:
        meta = _meta(file)
        item = _content(file, meta[b"pitm"])
        (primary,) = struct.unpack_from(">I" if item[0] else ">H", item, 4)
        inside = list(_boxes(file, meta[b"iprp"]))
        shared = list(_boxes(file, _first(inside)[b"ipco"]))
        tables = [_content(file, place) for name, place in inside if name == b"ipma"]
        boxes = [shared[at - 1] for table in tables for at in _numbers(table, primary)]
        if b"iref" in meta and not any(name == b"colr" for name, _ in boxes):
            tile = _first_tile(file, meta[b"iref"], primary)
            others = (shared[at - 1] for table in tables for at in _numbers(table, tile))
            boxes += [each for each in others if each[0] == b"colr"]
    except (struct.error, KeyError, IndexError):
        return []
    return boxes


def _meta(file: BinaryIO) -> dict[bytes, Place]:
    """Return where the first box of each name is within that for metadata."""
    start, end = _first(_boxes(file, (0, file.seek(0, io.SEEK_END))))[b"meta"]
    return _first(_boxes(file, (start + 4, end)))


def _first_tile(file: BinaryIO, references: Place, primary: int) -> int:
    """Return the first item that the picture is derived from; 0 if it is not."""
    start, end = references
    layout = ">IHI" if _content(file, references)[0] else ">HHH"
    for name, place in _boxes(file, (start + 4, end)):
        if name == b"dimg":
            item, _, tile = struct.unpack_from(layout, _content(file, place))
            if item == primary:
                return int(tile)
    return 0


def _numbers(table: bytes, wanted: int) -> list[int]:
    """Return which properties a table of associations (`ipma`) gives to an item, from 1."""
    version, is_wide = table[0], table[3] & 1
    (count,) = struct.unpack_from(">I", table, 4)
    at = 8
    for _ in range(count):
        item, many = struct.unpack_from(">IB" if version else ">HB", table, at)
        at += 5 if version else 3
        width = 2 if is_wide else 1
        if item == wanted:
            values = struct.unpack_from(f">{many}{'H' if is_wide else 'B'}", table, at)
            # The highest bit says that a reader must understand it; 0 is no property.
            numbers = (value & (1 << 8 * width - 1) - 1 for value in values)
            return [number for number in numbers if number]
        at += many * width
    return []


def _content(file: BinaryIO, place: Place) -> bytes:
    file.seek(place[0])
    return file.read(min(place[1] - place[0], _MAX_CONTENT_BYTES))


def _first(boxes: Iterable[tuple[bytes, Place]]) -> dict[bytes, Place]:
    """Return where the first box of each name is."""
    places: dict[bytes, Place] = {}
    for name, place in boxes:
        places.setdefault(name, place)
    return places


def _boxes(file: BinaryIO, within: Place) -> Iterator[tuple[bytes, Place]]:
    """Yield names and contents of boxes, each with its own idea of where it ends."""
    position, end = within
    for _ in range(_MAX_BOXES):
        file.seek(position)
        header = file.read(16)
        if position + 8 > end or len(header) < 8:
            return  # a few stray bytes after the last box do no harm
        size, large = struct.unpack(">I4xQ", header.ljust(16, b"\0"))
        # The last box, which goes on to the end of the file, may have 0.
        length = large if size == 1 else size or end - position
        # What is below 8 is no box: the decoder will have its own opinion.
        if length < 8 or not header[4:8].isascii():
            return
        yield header[4:8], (position + (16 if size == 1 else 8), position + length)
        position += length
