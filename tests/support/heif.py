"""HEIC and AVIF files for tests, their boxes put together by hand (ISO/IEC 14496-12, 23008-12)."""

import base64
import functools
import io
import struct
from collections.abc import Sequence
from typing import Final

from PIL import Image
from tables import table

Rgb = tuple[int, int, int]
Property = tuple[bytes, bytes]

PATCHES: Final[tuple[Rgb, ...]] = ((230, 60, 50), (50, 200, 60), (60, 70, 220), (190, 170, 120))
"""The colours of the picture below, which has them in its four quarters."""

SIZE: Final = (128, 64)
SPOTS: Final = ((32, 16), (96, 16), (32, 48), (96, 48))
"""The middle of each quarter."""

_CODED: Final = {
    name: ((b"hvcC", base64.b64decode(parts["hvcC"])), base64.b64decode(parts["data"]))
    for name, parts in table("images/hevc").items()
}
"""Coded once by x265: the patches without loss (4:4:4, RGB as it is), and the same as a tile of
512x512 for large pictures (4:2:0)."""

_TILE: Final = _CODED["tile"]
SIDE: Final = 512


def patches() -> Image.Image:
    """Return the picture of the four patches."""
    image = Image.new("RGB", SIZE)
    for colour, (x, y) in zip(PATCHES, SPOTS, strict=True):
        image.paste(colour, (x - 32, y - 16, x + 32, y + 16))
    return image


def box(name: bytes, *parts: bytes) -> bytes:
    """Return a box."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), name) + content


def full(name: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Return a box with a version and flags."""
    return box(name, struct.pack(">I", version << 24 | flags), *parts)


def nclx(primaries: int, transfer: int, matrix: int = 0) -> Property:
    """Return a property that names colours by the codes of ITU-T H.273."""
    return b"colr", b"nclx" + struct.pack(">HHHB", primaries, transfer, matrix, 0x80)


def rotation(quarter_turns: int) -> Property:
    """Return a property that turns the picture anticlockwise."""
    return b"irot", bytes([quarter_turns])


def mirror(axis: int) -> Property:
    """Return a property that mirrors the picture: 0 upside down, 1 left for right."""
    return b"imir", bytes([axis])


def crop(width: int, height: int, left: int = 0, top: int = 0) -> Property:
    """Return a property that keeps a rectangle of the picture of the patches."""
    across, down = 2 * left + width - SIZE[0], 2 * top + height - SIZE[1]
    return b"clap", struct.pack(">4I", width, 1, height, 1) + struct.pack(
        ">iIiI", across, 2, down, 2
    )


def heic(
    *properties: Property,
    exif: bytes | None = None,
    brand: bytes = b"heic",
    wide_tables: bool = False,
) -> bytes:
    """Return a HEIC file of the patches.

    Args:
        properties: In the order in which a decoder heeds them; without any, nothing is said.
        exif: With the word "Exif" in front.
        wide_tables: Numbers take their wider form everywhere.
    """
    config, coded = _CODED["patches"]
    own = [config, (b"ispe", struct.pack(">III", 0, *SIZE)), *properties]
    items = [(b"hvc1", coded)]
    references = b""
    if exif is not None:
        items.append((b"Exif", struct.pack(">I", 6) + exif))
        references = box(b"cdsc", struct.pack(">HHH", 2, 1, 1))
    return _file(brand, own, [range(1, len(own) + 1)], items, references, wide=wide_tables)


def grid(
    columns: int,
    rows: int,
    *properties: Property,
    kind: str = "heic",
    of_tile: Sequence[Property] = (),
) -> bytes:
    """Return a HEIC or AVIF file of many tiles of 512x512, all the same."""
    config, coded = _tile_of_avif() if kind == "avif" else _TILE
    tiles = [coded] * (columns * rows)
    return tiled(columns, config, tiles, *properties, kind=kind, of_tile=of_tile)


def tiled(
    columns: int,
    config: Property,
    coded: Sequence[bytes],
    *properties: Property,
    kind: str = "heic",
    of_tile: Sequence[Property] = (),
) -> bytes:
    """Return a HEIC or AVIF file of tiles of 512x512, row by row, as phones write HEIC.

    Args:
        columns: How many tiles are in a row.
        config: The decoder's, the same for all tiles.
        coded: The tiles.
        properties: Of the whole picture; `of_tile` are those of each tile.
    """
    count = len(coded)
    rows = count // columns
    own = [(b"ispe", struct.pack(">III", 0, columns * SIDE, rows * SIDE)), *properties, config]
    own += [(b"ispe", struct.pack(">III", 0, SIDE, SIDE)), *of_tile]
    whole = range(1, len(properties) + 2)
    tile = range(len(properties) + 2, len(own) + 1)
    layout = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, columns * SIDE, rows * SIDE)
    item = b"av01" if kind == "avif" else b"hvc1"
    items = [(b"grid", layout), *((item, data) for data in coded)]
    tiles = struct.pack(f">HH{count}H", 1, count, *range(2, count + 2))
    return _file(kind.encode(), own, [whole, *[tile] * count], items, box(b"dimg", tiles))


def _tile_of_avif() -> tuple[Property, bytes]:
    data = avif(patches().resize((SIDE, SIDE)), subsampling="4:2:0", speed=10)
    config, coded = data.index(b"av1C") + 4, data.index(b"mdat") + 4
    return (b"av1C", data[config : config + 4]), data[coded:]


def _file(
    brand: bytes,
    properties: Sequence[Property],
    owned: Sequence[Sequence[int]],
    items: Sequence[tuple[bytes, bytes]],
    references: bytes,
    *,
    wide: bool = False,
) -> bytes:
    """Return a file of items numbered from 1, the first of which is the picture.

    Args:
        owned: Which properties, from 1, each of the first items has.
        items: Type and content; what comes twice is stored once.
    """
    number, version = (">I", 1) if wide else (">H", 0)
    start = box(b"ftyp", brand, bytes(4), b"mif1", brand)
    contents = dict.fromkeys(content for _, content in items)
    entries = [
        full(b"infe", struct.pack(">HH4sB", at, 0, kind, 0), version=2)
        for at, (kind, _) in enumerate(items, 1)
    ]
    essential = 0x8000 if wide else 0x80
    associations = b"".join(
        struct.pack(number, at)
        + bytes([len(mine)])
        + struct.pack(f">{len(mine)}{'H' if wide else 'B'}", *(each | essential for each in mine))
        for at, mine in enumerate(owned, 1)
    )

    def meta(places: dict[bytes, int]) -> bytes:
        extents = [
            struct.pack(">HHHII", at, 0, 1, places.get(content, 0), len(content))
            for at, (_, content) in enumerate(items, 1)
        ]
        return full(
            b"meta",
            full(b"hdlr", bytes(4), b"pict", bytes(13)),
            full(b"pitm", struct.pack(number, 1), version=version),
            full(b"iloc", b"\x44\0", struct.pack(">H", len(items)), *extents),
            full(b"iinf", struct.pack(">H", len(items)), *entries),
            box(
                b"iprp",
                box(b"ipco", *(box(name, content) for name, content in properties)),
                full(
                    b"ipma",
                    struct.pack(">I", len(owned)),
                    associations,
                    version=version,
                    flags=int(wide),
                ),
            ),
            full(b"iref", references) if references else b"",
        )

    at = len(start) + len(meta({})) + 8
    places = {}
    for content in contents:
        places[content] = at
        at += len(content)
    return start + meta(places) + box(b"mdat", *contents)


def avif(image: Image.Image, *properties: Property, **options: object) -> bytes:
    """Return an AVIF file, as near to the picture as it gets, with more properties."""
    stream = io.BytesIO()
    image.save(stream, "AVIF", **{"quality": 100, "subsampling": "4:4:4", **options})
    return functools.reduce(_owning, properties, stream.getvalue())


def jpeg_2000(image: Image.Image, profile: bytes) -> bytes:
    """Return a JPEG 2000 file, without loss, with an ICC profile."""
    stream = io.BytesIO()
    image.save(stream, "JPEG2000")
    data = stream.getvalue()
    start, at = data.index(b"jp2h") - 4, data.index(b"colr") - 4
    end = at + int.from_bytes(data[at : at + 4], "big")
    colours = box(b"colr", b"\2\0\0", profile)
    length = int.from_bytes(data[start : start + 4], "big") + len(colours) - (end - at)
    return data[:start] + struct.pack(">I", length) + data[start + 4 : at] + colours + data[end:]


def bmp(image: Image.Image, profile: bytes) -> bytes:
    """Return a BMP file of version 5 with an ICC profile behind its pixels."""
    pixels = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGR")
    head = struct.pack("<IiiHHIIiiII", 124, *image.size, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    head += bytes(16) + b"DEBM" + bytes(48)
    head += struct.pack("<IIII", 4, 124 + len(pixels), len(profile), 0)
    whole = 14 + len(head) + len(pixels) + len(profile)
    return struct.pack("<2sIII", b"BM", whole, 0, 14 + len(head)) + head + pixels + profile


def _owning(avif: bytes, added: Property) -> bytes:
    """Return a file of one item with one more property, which comes last."""
    more = box(*added)
    data = bytearray(avif)
    end = data.index(b"ipma") - 4
    count_at = data.index(b"ipma") + 14
    data[count_at] += 1
    number = data[count_at]
    data.insert(count_at + number, 0x80 | number)
    data[end:end] = more
    for name, grown in (
        (b"ipma", 1),
        (b"ipco", len(more)),
        *((each, len(more) + 1) for each in (b"iprp", b"meta")),
    ):
        at = data.index(name) - 4
        data[at : at + 4] = struct.pack(">I", struct.unpack_from(">I", data, at)[0] + grown)
    at = data.index(b"iloc") + 18
    data[at : at + 4] = struct.pack(">I", struct.unpack_from(">I", data, at)[0] + len(more) + 1)
    return bytes(data)


def recoded(avif: bytes, primaries: int, transfer: int) -> bytes:
    """Return an AVIF file that names its colours by other codes of ITU-T H.273."""
    start, mark, rest = avif.partition(b"colrnclx")
    return start + mark + struct.pack(">HH", primaries, transfer) + rest[4:]
