"""Marks of origin in a picture: C2PA and IPTC's digital source type, found and never believed.

Whether a signature is right takes a list of whom to trust; here is told only that one is there.
Places: C2PA's specification 2.2, "Embedding manifests into assets"; JPEG: ISO/IEC 19566-5
(JUMBF) and 18477-3 (boxes in APP11). XMP: Adobe's specification, part 3. The source type: IPTC's
`DigitalSourceType`, a URI of https://cv.iptc.org/newscodes/digitalsourcetype/.
"""

import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final, Literal

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.images.formats import jpeg, png, stream, webp
from prodia_compose.inputs.blob import Opener

State = Literal["present", "absent", "damaged"]

_UUID: Final = bytes.fromhex("6332706100110010800000aa00389b71")
_LABEL: Final = b"c2pa"
_HAS_LABEL: Final = 2  # a bit of what a description says of itself

_MAX_STORE_BYTES: Final = 32_000_000  # with pictures of all that went into the picture
_MAX_TEXT_BYTES: Final = 1_000_000
_MAX_BOXES: Final = 20_000
_MAX_PREFIXES: Final = 4

_NAMESPACE: Final = re.compile(
    rb"xmlns:([\w.-]{1,64})\s*=\s*[\"']http://iptc\.org/std/Iptc4xmpExt/"
)
_SOURCE_TYPE: Final = (
    rb":DigitalSourceType(?:\s*=\s*[\"']|\s[^<>]{0,400}rdf:resource\s*=\s*[\"']|[^<>]{0,400}>)"
    rb"\s*https?://cv\.iptc\.org/newscodes/digitalsourcetype/([A-Za-z]{1,64})/?\s*[\"'<]"
)

_Found = tuple[Literal["c2pa", "jumbf", "xmp"], bytes | None]
"""What was found: a store of C2PA, a box that may be one, or XMP. None for one that is broken."""


@frozen
class Marks:
    """What a picture says of where it comes from.

    Attributes:
        c2pa: Whether it carries a store of manifests, and that is put together as it should be;
            None where this is not looked for, or cannot be told.
        digital_source_type: The last word of the URI that XMP names; None if it names none.
    """

    c2pa: State | None = None
    digital_source_type: str | None = None


def look(opener: Opener, format_name: str) -> Marks:
    """Return the marks of a picture of a format of `kinds`, whatever is wrong with it.

    Nothing is decoded, and nothing behind a JPEG's first scan is read.
    """
    try:
        with opener() as file:
            return look_at(file, format_name)
    except OSError:
        return Marks()


def look_at(file: BinaryIO, format_name: str) -> Marks:
    """Return the marks of a picture that is open, as `look` does."""
    reader = _READERS.get(format_name)
    if reader is None:
        return Marks()
    states: list[State] = []
    xmp: bytes | None = None
    try:
        for kind, data in reader(file):
            if kind == "xmp":
                xmp = xmp or data  # the first one counts, as for other readers
            elif kind == "c2pa" or data is None or _is_ours(data):
                is_good = data is not None and _is_store(data)
                states.append("present" if is_good else "damaged")
    except (errors.InputError, OSError):  # it ends too early: what is behind the end is not known
        pass
    else:
        states = states or ["absent"]
    c2pa = next((state for state in ("damaged", "present", "absent") if state in states), None)
    return Marks(c2pa=c2pa, digital_source_type=_source_type(xmp or b""))


def _in_jpeg(file: BinaryIO) -> Iterator[_Found]:
    """Yield what is in front of the coded data; boxes in several segments are put together."""
    boxes: dict[bytes, list[bytes]] = {}
    cut: errors.InputError | None = None
    try:
        for marker, data in jpeg.leading(file):
            if marker == jpeg.APP11 and data[:2] == b"JP" and len(data) >= 16:
                boxes.setdefault(data[2:4], []).append(data)
            elif marker == jpeg.APP1 and data.startswith(jpeg.XMP):
                yield "xmp", data.removeprefix(jpeg.XMP)
    except errors.InputError as exc:
        cut = exc
    for pieces in boxes.values():
        yield from _joined(pieces)
    if cut is not None:
        raise cut


def _joined(pieces: list[bytes]) -> Iterator[_Found]:
    """Yield the box that is in segments of one instance, each with its number and the box's head.

    C2PA wants them written in the order of their numbers; readers of it find no others.
    """
    numbers = [int.from_bytes(piece[4:8], "big") for piece in pieces]
    pieces.sort(key=lambda piece: piece[4:8])
    head_bytes = 16 if pieces[0][8:12] == b"\0\0\0\1" else 8
    heads = {piece[8 : 8 + head_bytes] for piece in pieces}
    box = pieces[0][8:] + b"".join(piece[8 + head_bytes :] for piece in pieces[1:])
    if numbers == list(range(1, len(pieces) + 1)) and len(heads) == 1:
        yield "jumbf", box
    elif _is_ours(box) or (min(numbers) != 1 and pieces[0][12:16] == b"jumb"):
        yield "jumbf", None


def _in_png(file: BinaryIO) -> Iterator[_Found]:
    xmp: bytes | None = None
    for name, length in png.chunks(file):
        if name == b"caBX":
            data = _store(file, length + 4)  # with its checksum
            checksum = zlib.crc32(data[:length], zlib.crc32(name)).to_bytes(4, "big")
            yield "c2pa", data[:length] if data[length:] == checksum else None
        elif name == b"iTXt" and xmp is None:
            xmp = png.carried_xmp(file.read(min(length, _MAX_TEXT_BYTES)))
            yield "xmp", xmp
    if not png.has_end(file):
        raise stream.cut_short("PNG")


def _in_webp(file: BinaryIO) -> Iterator[_Found]:
    for name, place, length in webp.chunks(file):
        file.seek(place)
        if name == b"C2PA":
            data = _store(file, length)
            yield "c2pa", data if len(data) == length else None
        elif name == b"XMP ":
            yield "xmp", file.read(min(length, _MAX_TEXT_BYTES))
    if webp.riff_end(file) > file.seek(0, io.SEEK_END) + 1:  # the last padding may be left out
        raise stream.cut_short("WebP")


def _store(file: BinaryIO, length: int) -> bytes:
    """Return a store of a file's next bytes, or those that there are.

    Raises:
        errors.InputError: It is far too large.
    """
    if length > _MAX_STORE_BYTES:
        raise errors.InputError(f"carries {length // 1_000_000} MB of C2PA")
    return file.read(length)


_READERS: Final[dict[str, Callable[[BinaryIO], Iterable[_Found]]]] = {
    "JPEG": _in_jpeg,
    "PNG": _in_png,
    "WEBP": _in_webp,
}


def _is_ours(box: bytes) -> bool:
    """Tell whether a box says by its kind or by its label that it is C2PA's, even a broken one."""
    head = box[:64]
    return _UUID in head or _LABEL + b"\0" in head


def _is_store(data: bytes) -> bool:
    """Tell whether a box is C2PA's, has a manifest, and all boxes in it fill those they are in."""
    outer = _boxes(data, 0, len(data))
    if outer is None or [kind for kind, *_ in outer] != [b"jumb"]:
        return False
    described = _boxes(data, *outer[0][1:]) or []
    kinds = [kind for kind, *_ in described]
    if kinds[:1] != [b"jumd"] or b"jumb" not in kinds:
        return False
    _, start, end = described[0]
    about = data[start:end]
    has_label = about[16:17] and about[16] & _HAS_LABEL and about[17:].split(b"\0")[0] == _LABEL
    return about[:16] == _UUID and bool(has_label) and _is_filled(data, outer)


def _is_filled(data: bytes, boxes: "list[_Box]") -> bool:
    waiting, count = list(boxes), 0
    while waiting:
        kind, start, end = waiting.pop()
        count += 1
        if kind != b"jumb":
            continue
        inside = _boxes(data, start, end)
        if not inside or inside[0][0] != b"jumd" or count + len(waiting) > _MAX_BOXES:
            return False
        waiting += inside
    return True


_Box = tuple[bytes, int, int]
"""Its kind, and where its content starts and ends."""


def _boxes(data: bytes, start: int, end: int) -> list[_Box] | None:
    """Return the boxes that fill a stretch one behind the other; None if none do."""
    boxes: list[_Box] = []
    while start < end and len(boxes) <= _MAX_BOXES:
        size, kind = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        head_bytes = 8
        if size == 1:
            size, head_bytes = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        elif size == 0:
            size = end - start  # up to the end
        if size < head_bytes or start + size > end:
            return None
        boxes.append((kind, start + head_bytes, start + size))
        start += size
    return boxes if start == end else None


def _source_type(xmp: bytes) -> str | None:
    """Return the digital source type that XMP names, as an attribute or as an element.

    No parser of XML is asked, and no entity is followed; comments do not count.
    """
    text = b"".join(part.partition(b"-->")[2] for part in (b"-->" + xmp).split(b"<!--"))
    for prefix in list(dict.fromkeys(_NAMESPACE.findall(text)))[:_MAX_PREFIXES]:
        if named := re.search(rb"[<\s]" + re.escape(prefix) + _SOURCE_TYPE, text):
            return str(named[1], "ascii")
    return None
