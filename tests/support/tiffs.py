"""TIFF files of every kind (TIFF 6.0 and its supplements), written byte by byte.

A picture is given as the samples of four patches: top left, top right, bottom left, bottom
right. Only what is compressed as JPEG, WebP or fax comes from Pillow's encoders.
"""

import functools
import io
import lzma
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from PIL import Image

SIZE: Final = (48, 32)
"""Patches of 24x16: their edges are those of a JPEG's blocks."""

Numbers = Sequence[float]
Samples = Sequence[Numbers]
"""For each of the four patches, a number for each channel."""

NONE, FAX_RLE, FAX3, FAX4, LZW, OLD_JPEG, JPEG, DEFLATE = 1, 2, 3, 4, 5, 6, 7, 8
PACKBITS, OLD_DEFLATE, LZMA, ZSTD, WEBP = 32773, 32946, 34925, 50000, 50001
UNSIGNED, SIGNED, FLOAT = 1, 2, 3

_WIDTHS: Final = {1: "B", 2: "B", 3: "H", 4: "I", 7: "B", 12: "d", 13: "I", 16: "Q"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Tiff:
    """What a file is to be.

    Attributes:
        order: "<" or ">".
        is_big: A BigTIFF, with offsets of 8 bytes.
        tile: Width and height of a tile; None for strips.
        rows: Of a strip.
        fill: 2 for bits that come from the right in each byte of what is stored.
        palette: Red, green and blue, one after the other.
        tags: More or other tags: their type and values.
    """

    photometric: int
    samples: Samples
    bits: int = 8
    format: int = UNSIGNED
    planar: int = 1
    compression: int = NONE
    order: str = "<"
    is_big: bool = False
    extra: Sequence[int] = ()
    tile: tuple[int, int] | None = None
    rows: int = 12
    predictor: int = 1
    fill: int = 1
    orientation: int = 1
    palette: Sequence[int] = ()
    subsampling: tuple[int, int] = (1, 1)
    size: tuple[int, int] = SIZE
    tags: Mapping[int, tuple[int, Sequence[int]]] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """Channels of a pixel."""
        return len(self.samples[0])


def patch_at(size: tuple[int, int], x: int, y: int) -> int:
    """Return which patch a place is in; beyond the picture, that of its edge."""
    return (x >= size[0] // 2) + 2 * (y >= size[1] // 2)


def written(*pages: Tiff, below: Sequence[Tiff] = ()) -> bytes:
    """Return a file of pages; those `below` hang on the first as its SubIFDs."""
    order, is_big = pages[0].order, pages[0].is_big
    file = bytearray(b"II" if order == "<" else b"MM")
    file += struct.pack(order + "HHHQ", 43, 8, 0, 0) if is_big else struct.pack(order + "HI", 42, 0)
    pointer = order + ("Q" if is_big else "I")
    link = len(file) - struct.calcsize(pointer)
    subs = [_append(file, page, pointer, {})[0] for page in below]
    for at, page in enumerate(pages):
        more = {330: (16 if is_big else 4, subs)} if subs and at == 0 else {}
        place, following = _append(file, page, pointer, more)
        struct.pack_into(pointer, file, link, place)
        link = following
    return bytes(file)


def _append(
    file: bytearray, page: Tiff, pointer: str, more: Mapping[int, tuple[int, Sequence[int]]]
) -> tuple[int, int]:
    """Put a picture and its directory at the end; return where that is, and its link to the next."""
    places, lengths = [], []
    for piece in _pieces(page):
        file += bytes(len(file) % 2)
        places.append(len(file))
        lengths.append(len(piece))
        file += piece
    entries = {**_entries(page, places, lengths), **page.tags, **more}
    entries = {tag: each for tag, each in entries.items() if each[1]}
    inline = struct.calcsize(pointer)
    table = struct.pack(page.order + ("Q" if inline == 8 else "H"), len(entries))
    for tag in sorted(entries):
        kind, values = entries[tag]
        value = struct.pack(f"{page.order}{len(values)}{_WIDTHS[kind]}", *values)
        if len(value) > inline:
            file += bytes(len(file) % 2)
            file += value
            value = struct.pack(pointer, len(file) - len(value))
        table += struct.pack(page.order + "HH", tag, kind)
        table += struct.pack(pointer, len(values)) + value.ljust(inline, b"\0")
    file += bytes(len(file) % 2)
    place = len(file)
    file += table + bytes(inline)
    return place, len(file) - inline


def _entries(
    page: Tiff, places: Sequence[int], lengths: Sequence[int]
) -> dict[int, tuple[int, Sequence[int]]]:
    """Return the tags that say how the picture is stored."""
    entries: dict[int, tuple[int, Sequence[int]]] = {
        256: (4, [page.size[0]]),
        257: (4, [page.size[1]]),
        258: (3, [page.bits] * page.channels),
        259: (3, [page.compression]),
        262: (3, [page.photometric]),
        266: (3, [page.fill] if page.fill != 1 else []),
        274: (3, [page.orientation] if page.orientation != 1 else []),
        277: (3, [page.channels]),
        284: (3, [page.planar]),
        317: (3, [page.predictor] if page.predictor != 1 else []),
        320: (3, page.palette),
        338: (3, page.extra),
        339: (3, [page.format] * page.channels if page.format != UNSIGNED else []),
        530: (3, page.subsampling if page.photometric == 6 else []),
    }
    if page.compression == OLD_JPEG:
        entries |= {512: (3, [1]), 513: (4, places), 514: (4, lengths)}
    if page.tile:
        entries |= {322: (4, page.tile[:1]), 323: (4, page.tile[1:])}
        return entries | {324: (4, places), 325: (4, lengths)}
    return entries | {273: (4, places), 278: (3, [page.rows]), 279: (4, lengths)}


def _pieces(page: Tiff) -> Iterator[bytes]:
    """Yield the strips or tiles as stored, plane after plane if there are several."""
    width, height = page.size
    across, down = page.tile or (width, page.rows)
    every = range(page.channels)
    for plane in [[channel] for channel in every] if page.planar == 2 else [every]:
        for top in range(0, height, down):
            bottom = top + down if page.tile else min(height, top + down)
            for left in range(0, width, across):
                piece = _piece(page, plane, (left, top, left + across, bottom))
                yield (
                    _reversed(piece)
                    if page.fill == 2 and page.compression not in (JPEG, OLD_JPEG, WEBP)
                    else piece
                )


def _piece(page: Tiff, plane: Sequence[int], box: tuple[int, int, int, int]) -> bytes:
    """Return one strip or tile, compressed."""
    left, top, right, bottom = box
    if page.compression in _PICTURES:
        bands = []
        for channel in plane:
            values = bytes(
                int(page.samples[patch_at(page.size, x, y)][channel])
                for y in range(top, bottom)
                for x in range(left, right)
            )
            bands.append(Image.frombytes("L", (right - left, bottom - top), values))
        return _PICTURES[page.compression](page, bands)
    if page.photometric == 6:
        return _COMPRESSIONS[page.compression](_blocks(page, box))
    rows = []
    for y in range(top, bottom):
        patches = [patch_at(page.size, x, y) for x in range(left, right)]
        rows.append(_row(page, tuple(plane), tuple(patches)))
    return _COMPRESSIONS[page.compression](rows)


def _blocks(page: Tiff, box: tuple[int, int, int, int]) -> list[bytes]:
    """Return YCbCr whose colour is shared by several pixels: these, and then one Cb and one Cr."""
    left, top, right, bottom = box
    across, down = page.subsampling
    return [
        b"".join(
            bytes(
                [
                    *(
                        int(page.samples[patch_at(page.size, x + i, y + j)][0])
                        for j in range(down)
                        for i in range(across)
                    ),
                    *(int(value) for value in page.samples[patch_at(page.size, x, y)][1:]),
                ]
            )
            for x in range(left, right, across)
        )
        for y in range(top, bottom, down)
    ]


@functools.lru_cache(maxsize=16)  # most rows of a picture are alike
def _row(page: Tiff, plane: Sequence[int], patches: Sequence[int]) -> bytes:
    """Return a row, packed, with each number as its difference where a predictor says so."""
    count = len(plane)
    flat = [page.samples[patch][channel] for patch in patches for channel in plane]
    if page.predictor == 3:
        return _float_differences(page, flat, count)
    if page.format == FLOAT:
        code = {16: "e", 24: "e", 32: "f", 64: "d"}[page.bits]
        data = struct.pack(f"{page.order}{len(flat)}{code}", *flat)
        flat = list(struct.unpack(f"{page.order}{len(flat)}{_CODES[page.bits]}", data))
    numbers = [int(value) % (1 << page.bits) for value in flat]
    if page.predictor == 2:
        before = [0] * count + numbers
        numbers = [
            (now - then) % (1 << page.bits) for now, then in zip(numbers, before, strict=False)
        ]
    if page.bits in _CODES:
        return struct.pack(f"{page.order}{len(numbers)}{_CODES[page.bits]}", *numbers)
    if page.bits % 8 == 0:
        step = -1 if page.order == "<" else 1
        return b"".join(number.to_bytes(page.bits // 8, "big")[::step] for number in numbers)
    bits = "".join(f"{number:0{page.bits}b}" for number in numbers)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


_CODES: Final = {8: "B", 16: "H", 32: "I", 64: "Q"}


def _float_differences(page: Tiff, flat: Numbers, count: int) -> bytes:
    """Return numbers by Adobe's predictor for them: all first bytes, then all second ones..."""
    width = page.bits // 8
    data = struct.pack(f">{len(flat)}{ {16: 'e', 32: 'f', 64: 'd'}[page.bits] }", *flat)
    sorted_bytes = b"".join(data[at::width] for at in range(width))
    before = bytes(count) + sorted_bytes
    return bytes((now - then) % 256 for now, then in zip(sorted_bytes, before, strict=False))


# --- compressions ---------------------------------------------------------------------


_NINE_BITS: Final = [f"{code:09b}" for code in range(258)]


def _lzw(rows: Iterable[bytes]) -> bytes:
    """Return LZW's codes, with a fresh table before any would take more than 9 bits."""
    data = b"".join(rows)
    parts = [data[at : at + 200] for at in range(0, len(data), 200)]
    bits = "".join(_NINE_BITS[256] + "".join(map(_NINE_BITS.__getitem__, part)) for part in parts)
    bits += _NINE_BITS[257]
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _packbits(rows: Iterable[bytes]) -> bytes:
    """Return runs of bytes as they are, none going on into the next row."""
    parts = [row[at : at + 128] for row in rows for at in range(0, len(row), 128)]
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


def _zstd(rows: Iterable[bytes]) -> bytes:
    """Return a frame (RFC 8878) of one block that is not compressed."""
    data = b"".join(rows)
    head = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data))
    return head + (1 | len(data) << 3).to_bytes(3, "little") + data


_COMPRESSIONS: Final[Mapping[int, Callable[[Iterable[bytes]], bytes]]] = {
    NONE: b"".join,
    LZW: _lzw,
    PACKBITS: _packbits,
    DEFLATE: lambda rows: zlib.compress(b"".join(rows)),
    OLD_DEFLATE: lambda rows: zlib.compress(b"".join(rows)),
    LZMA: lambda rows: lzma.compress(b"".join(rows), check=lzma.CHECK_NONE),
    ZSTD: _zstd,
}


def _jpeg(page: Tiff, bands: Sequence[Image.Image]) -> bytes:
    """Return a JPEG of channels as they are: no colours are changed on the way."""
    stream = io.BytesIO()
    if len(bands) == 1:
        image = bands[0]
    elif len(bands) == 3:
        image = Image.merge("YCbCr" if page.photometric == 6 else "RGB", bands)
    else:  # Pillow writes inks the other way round
        image = Image.merge("CMYK", [band.point(lambda ink: 255 - ink) for band in bands])
    colours: dict[str, bool] = {"keep_rgb": True} if image.mode == "RGB" else {}
    factors = {(1, 1): 0, (2, 1): 1, (2, 2): 2}[page.subsampling]
    image.save(stream, "JPEG", quality=100, subsampling=factors, **colours)
    return stream.getvalue()


def _webp(page: Tiff, bands: Sequence[Image.Image]) -> bytes:
    stream = io.BytesIO()
    Image.merge("RGBA" if len(bands) == 4 else "RGB", bands).save(stream, "WEBP", lossless=True)
    return stream.getvalue()


def _fax(page: Tiff, bands: Sequence[Image.Image]) -> bytes:
    """Return what libtiff makes of bits, whatever they mean."""
    name = {FAX_RLE: "tiff_ccitt", FAX3: "group3", FAX4: "group4"}[page.compression]
    ink = bands[0].point(lambda value: 255 * value).convert("1")
    stream = io.BytesIO()
    ink.save(stream, "TIFF", compression=name, tiffinfo={278: ink.height})
    with Image.open(stream) as image:
        (place,), (length,) = image.tag_v2[273], image.tag_v2[279]  # type: ignore[attr-defined]
    return stream.getvalue()[place : place + length]


_PICTURES: Final[Mapping[int, Callable[[Tiff, Sequence[Image.Image]], bytes]]] = {
    JPEG: _jpeg,
    OLD_JPEG: _jpeg,
    WEBP: _webp,
    **dict.fromkeys((FAX_RLE, FAX3, FAX4), _fax),
}


def _reversed(data: bytes) -> bytes:
    """Return each byte with its bits the other way round."""
    return data.translate(bytes(int(f"{value:08b}"[::-1], 2) for value in range(256)))
