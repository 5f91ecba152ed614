"""How a TIFF stores its picture (TIFF 6.0 and its supplements), as its tags say it.

Any kind of number can be laid out in any way and compressed by any method. What no decoder
here reads is refused by its name, and what contradicts itself is damaged.
"""

from collections.abc import Mapping
from typing import Final

from prodia_compose import errors
from prodia_compose.frozen import frozen

# Tags.
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, CHANNELS, ROWS_PER_STRIP, STRIP_BYTES = 273, 277, 278, 279
PLANAR, PREDICTOR = 284, 317
PALETTE, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES, INK_SET = 320, 322, 323, 324, 325, 332
EXTRA, FORMAT = 338, 339

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, INDEXES, MASK, CMYK, YCBCR, LAB, ICC_LAB = (*range(7), 8, 9)
_COLOUR_CHANNELS: Final = {
    **dict.fromkeys((WHITE_IS_ZERO, BLACK_IS_ZERO, INDEXES), 1),
    **dict.fromkeys((RGB, YCBCR, LAB, ICC_LAB), 3),
    CMYK: 4,
}
_MODES: Final = {INDEXES: "RGB", RGB: "RGB", CMYK: "CMYK", LAB: "LAB", ICC_LAB: "LAB"}
_STRANGE_COLOURS: Final = {
    MASK: "a mask for another picture",
    10: "ITU Lab colours",
    **dict.fromkeys((32844, 32845), "LogLuv light"),
}

UNSIGNED, SIGNED, FLOAT, UNDEFINED = range(1, 5)
_FORMATS: Final = {UNSIGNED: "", SIGNED: "signed ", FLOAT: "floating-point "}

NONE, OLD_JPEG, JPEG, DEFLATE, PACKBITS = 1, 6, 7, 8, 32773
FAX: Final = frozenset({2, 3, 4, 32771})
BYTEWISE: Final = frozenset({NONE, 5, 8, PACKBITS, 32946, 34925, 50000})
"""Compressions of bytes, whatever these are: LZW, Deflate, PackBits, LZMA and Zstandard."""

_PREDICTED: Final = BYTEWISE - {NONE, PACKBITS}
_RATIOS: Final = {NONE: 1, PACKBITS: 64, 5: 2600, 8: 1040, 32946: 1040}
"""How many bytes these can put into one, at most."""

_OTHER_RATIO: Final = 100_000
"""More than any other can, on average, by far."""

_COMPRESSIONS: Final = {
    NONE: "no",
    **dict.fromkeys((2, 32771), "fax"),
    3: "fax (group 3)",
    4: "fax (group 4)",
    5: "LZW",
    OLD_JPEG: "old-style JPEG",
    JPEG: "JPEG",
    **dict.fromkeys((8, 32946), "Deflate"),
    **dict.fromkeys((9, 10, 34661, 34663), "JBIG"),
    32766: "NeXT",
    PACKBITS: "PackBits",
    32809: "ThunderScan",
    **dict.fromkeys((32908, 32909), "Pixar"),
    **dict.fromkeys((33003, 33004, 33005, 34712), "JPEG 2000"),
    **dict.fromkeys((34676, 34677), "SGI LogLuv"),
    34887: "LERC",
    34892: "DNG's JPEG",
    34925: "LZMA",
    **dict.fromkeys((22610, 34934), "JPEG XR"),
    **dict.fromkeys((34926, 50000), "Zstandard"),
    **dict.fromkeys((34927, 50001), "WebP"),
    34933: "PNG",
    **dict.fromkeys((50002, 52546), "JPEG XL"),
}
_MAX_CHANNELS: Final = 64
"""Above any picture's; satellites' have more."""

_MAX_TILE_BEYOND: Final = 8192
"""By how many pixels a tile may be wider or higher than the picture that it is all of."""

_CURE: Final = "convert it to PNG or JPEG"

Tags = Mapping[int, object]


@frozen
class Layout:
    """How a picture is stored.

    Attributes:
        bits: Of one number, one for each channel of a pixel.
        format: Of the numbers: unsigned, signed, floating-point.
        channels: Of a pixel, in the order in which they are stored.
        colours: How many of these are colours: they come first.
        alpha: The channel that is transparency; None where there is none.
        is_weighed: The colours are multiplied by their alpha.
        palette: Red, green and blue of each index, one after the other, 8 bits each.
        is_planar: Each channel is stored for itself.
        tile: Width and height of a tile, or of a strip.
        offsets: Where the tiles are, row by row; those of the next channel follow, if planar.
        lengths: How many bytes each of them takes; fewer or none where the file does not say.
        is_tiled: In tiles, not in strips.
        is_big: A BigTIFF, whose offsets take 8 bytes.
        order: `struct`'s, of numbers of several bytes.
        fill_order: 2 where bits count from the right of each byte.
        note: What is left out, in words.
    """

    width: int
    height: int
    photometric: int
    bits: int
    format: int
    channels: int
    colours: int
    alpha: int | None
    is_weighed: bool
    palette: bytes
    is_planar: bool
    compression: int
    predictor: int
    tile: tuple[int, int]
    offsets: tuple[int, ...]
    lengths: tuple[int, ...]
    is_tiled: bool
    is_big: bool
    order: str
    fill_order: int
    note: str | None

    @property
    def mode(self) -> str:
        """Pillow's mode for the picture in 8 bits."""
        alpha = "A" if self.alpha is not None else ""
        return _MODES.get(self.photometric, "L") + alpha

    @property
    def extra(self) -> tuple[int, ...]:
        """What the channels beside the colours are, as TIFF has it: 1 weighing, 2 other alpha."""
        kind = 1 if self.is_weighed else 2
        return tuple(kind if at == self.alpha else 0 for at in range(self.colours, self.channels))

    @property
    def row_channels(self) -> int:
        """Channels of a pixel in one row of a tile."""
        return 1 if self.is_planar else self.channels

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of a tile."""
        return -(-self.tile[0] * self.row_channels * self.bits // 8)

    @property
    def pixel_bytes(self) -> int:
        """Bytes that a pixel takes as stored; and again, at most, where the file is copied first."""
        return -(-self.channels * self.bits // 8) * (1 if self.compression == NONE else 2)

    @property
    def least_bytes(self) -> int:
        """The fewest bytes that can hold so many pixels."""
        channels = 1 if self.photometric == YCBCR else self.channels  # pixels share their colour
        stored = self.width * self.height * channels * self.bits // 8
        return stored // _RATIOS.get(self.compression, _OTHER_RATIO)

    @property
    def has_byte_differences(self) -> bool:
        """Whether the predictor makes differences of a row's bytes, whatever they mean."""
        return self.predictor == 2 and self.bits == 8 and self.row_channels == 1


def read(tags: Tags, order: str, *, is_big: bool) -> Layout:
    """Return what a directory's tags say, of a file in that order of bytes.

    Raises:
        errors.InputError: They say what cannot be, or what cannot be read.
    """
    compression = _number(tags, COMPRESSION, NONE)
    if compression not in BYTEWISE | FAX | {OLD_JPEG, JPEG}:
        name = _COMPRESSIONS.get(compression, f"unknown ({compression})")
        raise _refusal(f"with {name} compression")
    # Old-style JPEG is YCbCr, whatever is said; and whoever leaves the colours out means grey.
    photometric = _number(tags, PHOTOMETRIC, WHITE_IS_ZERO)
    photometric = YCBCR if compression == OLD_JPEG else photometric
    if photometric not in _COLOUR_CHANNELS:
        name = _STRANGE_COLOURS.get(photometric, f"unknown colours ({photometric})")
        raise _refusal(f"of {name}")
    if photometric == CMYK and _number(tags, INK_SET, 1) != 1:
        raise _refusal("of other inks than CMYK")
    depths = _numbers(tags, BITS) or (1,)
    colours = _COLOUR_CHANNELS[photometric]
    usual = colours if compression == OLD_JPEG else len(depths)
    channels = _number(tags, CHANNELS, usual)
    if channels > _MAX_CHANNELS:
        raise _refusal(f"of {channels} channels")
    depths = depths[:channels] if len(depths) > 1 else depths
    if len(set(depths)) > 1:
        raise _refusal("whose channels are not alike")
    if channels < colours:
        raise _damage(f"{channels} channels are too few for its colours")
    alpha, is_weighed, note = _beside(tags, photometric, channels, colours)
    width, height = _number(tags, WIDTH, 0), _number(tags, HEIGHT, 0)
    is_planar = channels > 1 and _number(tags, PLANAR, 1) == 2
    is_tiled = TILE_WIDTH in tags
    tile, offsets = _places(tags, (width, height), channels if is_planar else 1, compression)
    return Layout(
        width=width,
        height=height,
        photometric=photometric,
        bits=depths[0],
        format=_format(tags, photometric, channels),
        channels=channels,
        colours=colours,
        alpha=alpha,
        is_weighed=is_weighed,
        palette=_palette(tags, depths[0]) if photometric == INDEXES else b"",
        is_planar=is_planar,
        compression=compression,
        predictor=_number(tags, PREDICTOR, 1) if compression in _PREDICTED else 1,
        tile=tile,
        offsets=offsets,
        lengths=_numbers(tags, TILE_BYTES if is_tiled else STRIP_BYTES),
        is_tiled=is_tiled,
        is_big=is_big,
        order=order,
        fill_order=_number(tags, FILL_ORDER, 1),
        note=note,
    )


def _format(tags: Tags, photometric: int, channels: int) -> int:
    """Return what kind of numbers all channels hold; those of Lab are as its colours say."""
    if photometric in {LAB, ICC_LAB}:
        return UNSIGNED
    formats = set(_numbers(tags, FORMAT)[:channels]) or {UNSIGNED}
    if len(formats) > 1:
        raise _refusal("whose channels are not alike")
    kind = formats.pop()
    if kind not in {*_FORMATS, UNDEFINED}:
        raise _refusal("of complex numbers")
    return UNSIGNED if kind == UNDEFINED else kind


def unreadable(layout: Layout) -> errors.InputError:
    """Return the error for a picture whose numbers, colours and compression do not go together."""
    names = {WHITE_IS_ZERO: "grey", BLACK_IS_ZERO: "grey", RGB: "RGB", INDEXES: "palette colours"}
    names |= {CMYK: "CMYK", YCBCR: "YCbCr", LAB: "Lab", ICC_LAB: "Lab"}
    depth = f"{layout.bits}-bit {_FORMATS[layout.format]}{names[layout.photometric]}"
    planes = " in planes" if layout.is_planar else ""
    more = f" with {layout.channels} channels" if layout.channels > layout.colours else ""
    how = f"{_COMPRESSIONS[layout.compression]} compression"
    if layout.compression in BYTEWISE and layout.predictor != 1:
        how = f"predictor {layout.predictor} and {how}"
    return _refusal(f"of {depth}{more}{planes} with {how}")


def _beside(
    tags: Tags, photometric: int, channels: int, colours: int
) -> tuple[int | None, bool, str | None]:
    """Return which channel is alpha, whether colours are weighed by it, and what is left out."""
    extra = _numbers(tags, EXTRA)[: channels - colours]
    count = channels - colours
    alpha, is_weighed = None, False
    if photometric in {WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, INDEXES}:
        # A single channel that nobody names is alpha for most readers; 999 is Corel's.
        kinds = extra or ((2,) if count == 1 else ())
        found = [at for at, each in enumerate(kinds) if each in {1, 2, 999}]
        if found:
            alpha, is_weighed = colours + found[0], kinds[found[0]] == 1
    left = count - (alpha is not None)
    plural = "s" if left > 1 else ""
    return alpha, is_weighed, f"{left} extra channel{plural} left out" if left else None


def _palette(tags: Tags, bits: int) -> bytes:
    table = _numbers(tags, PALETTE)
    if bits <= 8 and len(table) < 3 << bits:
        raise _damage("its palette is not whole")
    # Some programs fill a table of 16-bit numbers with 8-bit ones.
    shift = 8 if max(table, default=0) > 255 else 0
    return bytes(value >> shift & 255 for value in table)


def _places(
    tags: Tags, size: tuple[int, int], planes: int, compression: int
) -> tuple[tuple[int, int], tuple[int, ...]]:
    """Return the size of a tile or strip, and where they all are."""
    width, height = size
    is_tiled = TILE_WIDTH in tags
    if is_tiled:
        tile = _number(tags, TILE_WIDTH, 0), _number(tags, TILE_HEIGHT, 0)
    else:
        tile = width, min(height, _number(tags, ROWS_PER_STRIP, height))
    if not (width and height):
        raise _damage("no picture in the TIFF file")
    if min(tile) < 1 or tile[0] > width + _MAX_TILE_BEYOND or tile[1] > height + _MAX_TILE_BEYOND:
        raise _damage("its tiles or strips have no sensible size")
    offsets = _numbers(tags, TILE_OFFSETS if is_tiled else STRIP_OFFSETS)
    needed = -(-width // tile[0]) * -(-height // tile[1]) * planes
    if len(offsets) < needed and compression != OLD_JPEG:
        raise _damage(f"it has {len(offsets)} of its {needed} tiles or strips")
    if 0 in offsets[:needed]:  # GDAL's way to say that there is nothing to be seen
        raise _refusal("with tiles or strips left out")
    return tile, offsets[:needed]


def _damage(words: str) -> errors.InputError:
    return errors.InputError(f"is cut short or damaged: {words}")


def _refusal(kind: str) -> errors.InputError:
    return errors.InputError(f"is a TIFF {kind}, which cannot be read", _CURE)


def _numbers(tags: Tags, tag: int) -> tuple[int, ...]:
    """Return the whole numbers of a tag; none if it is absent, or holds others."""
    found = tags.get(tag, ())
    values = found if isinstance(found, tuple) else (found,)
    return tuple(value for value in values if isinstance(value, int))


def _number(tags: Tags, tag: int, usual: int) -> int:
    return next(iter(_numbers(tags, tag)), usual)
