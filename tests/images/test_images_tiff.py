"""TIFF: every kind of number, colour, layout and compression is sent right, or refused by name.

The files are `tiffs`' own; what is expected is the colours that were put into them.
"""

import io
import itertools
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pictures as make
import pytest
import tifffile
import tiffs
from pictures import Rgb
from PIL import Image, ImageChops
from tiffs import FLOAT, SIGNED, UNSIGNED, Samples, Tiff

from prodia_compose import errors
from prodia_compose.images import plan, prepare
from prodia_compose.images.options import Fitting
from prodia_compose.images.probe import probe

COLOURS: list[Rgb] = [(230, 60, 50), (50, 200, 60), (60, 70, 220), (190, 170, 120)]
GREYS = [110, 139, 84, 170]
ALPHAS = [255, 255, 128, 0]
COARSE = {1: [0, 255, 255, 0], 2: [0, 85, 170, 255], 4: [34, 85, 170, 238]}
"""Greys that so few bits can tell apart."""

NUMBERS = [
    *((bits, UNSIGNED) for bits in (1, 2, 4, 8, 12, 16, 32)),
    *((bits, SIGNED) for bits in (8, 16, 32)),
    *((bits, FLOAT) for bits in (16, 32, 64)),
]
BYTEWISE = {
    "raw": tiffs.NONE,
    "LZW": tiffs.LZW,
    "deflate": tiffs.DEFLATE,
    "PackBits": tiffs.PACKBITS,
    "old deflate": tiffs.OLD_DEFLATE,
    "LZMA": tiffs.LZMA,
    "zstd": tiffs.ZSTD,
}
NAMES = {UNSIGNED: "", SIGNED: " signed", FLOAT: " float"}
LAYOUTS: list[dict[str, Any]] = [
    {"order": order, "is_big": is_big, "planar": planar, **more}
    for order, is_big, planar, more in (
        ("<", False, 1, {}),
        (">", False, 2, {"predictor": 2}),
        ("<", True, 2, {"tile": (32, 16)}),
        (">", True, 1, {"tile": (16, 16), "predictor": 3}),
        ("<", False, 2, {"predictor": 3}),
        (">", False, 1, {"fill": 2}),
        ("<", True, 1, {"tile": (32, 16), "predictor": 2}),
        (">", True, 2, {"rows": 32}),
        ("<", False, 1, {"tile": (32, 16), "predictor": 3}),
        (">", False, 1, {"predictor": 2, "rows": 1}),
        ("<", True, 2, {"fill": 2, "predictor": 2}),
    )
]
"""Of eleven, and seven compressions: their pairs all come up when both are gone round."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A file, and the colours that its patches are sent in, give or take so much."""

    name: str
    tiff: Tiff
    colours: Sequence[Rgb]
    most: int = 3
    left_out: str | None = None
    edge: int = field(default=0)

    @property
    def called(self) -> str:
        """Its name, as the test's."""
        tiff = self.tiff
        layout = f"{tiff.order}{'big ' if tiff.is_big else ''}{'tiles' if tiff.tile else 'strips'}"
        extras = (
            f"{' planar' if tiff.planar == 2 else ''} predictor {tiff.predictor} fill {tiff.fill}"
        )
        return f"{self.name}, {tiff.compression}, {layout}{extras}"


def grey(values: Sequence[int]) -> list[Rgb]:
    """Return greys as colours."""
    return [(value, value, value) for value in values]


def flattened(colours: Sequence[Rgb]) -> list[Rgb]:
    """Return what is seen of colours with `ALPHAS` on white."""

    def seen(value: int, alpha: int) -> int:
        return round((value * alpha + 255 * (255 - alpha)) / 255)

    pairs = zip(colours, ALPHAS, strict=True)
    return [(seen(r, alpha), seen(g, alpha), seen(b, alpha)) for (r, g, b), alpha in pairs]


def numbers(values: Sequence[int], bits: int, kind: int = UNSIGNED) -> list[float]:
    """Return 8-bit values as numbers of a kind, from its black to its white."""
    if kind == FLOAT:
        return [value / 255 for value in values]
    most = (1 << bits - (kind == SIGNED)) - 1
    return [round(value * most / 255) for value in values]


LAYOUT = itertools.cycle(LAYOUTS)
COMPRESSION = itertools.cycle(BYTEWISE.values())


def laid_out(row: Row, compression: int | None = None) -> Row:
    """Return a file in the layout and compression whose turn it is, as far as they go together."""
    compression = next(COMPRESSION) if compression is None else compression
    chosen = replace(row.tiff, compression=compression, **next(LAYOUT))
    fits = {1: True, 2: chosen.bits in {8, 16, 32, 64}, 3: chosen.format == FLOAT}[chosen.predictor]
    if not fits or compression in {tiffs.NONE, tiffs.PACKBITS}:
        chosen = replace(chosen, predictor=1)
    return replace(row, tiff=chosen)


def depths() -> Iterator[Row]:
    """Yield grey, negatives and RGB in every kind of number and every compression."""
    for (bits, kind), compression in itertools.product(NUMBERS, BYTEWISE.values()):
        values = COARSE.get(bits, GREYS)
        name = f"{bits}-bit{NAMES[kind]}"
        for photometric in (0, 1):
            shown = values if photometric else [255 - value for value in values]
            stored = [[number] for number in numbers(shown, bits, kind)]
            tiff = Tiff(photometric=photometric, samples=stored, bits=bits, format=kind)
            word = "grey" if photometric else "negative"
            yield laid_out(Row(name=f"{name} {word}", tiff=tiff, colours=grey(values)), compression)
        colours = COLOURS
        if bits in COARSE:
            colours = [(values[at], values[at - 1], values[at - 2]) for at in range(4)]
        samples = [numbers(colour, bits, kind) for colour in colours]
        tiff = Tiff(photometric=2, samples=samples, bits=bits, format=kind)
        yield laid_out(Row(name=f"{name} RGB", tiff=tiff, colours=colours), compression)


def beside() -> Iterator[Row]:
    """Yield pictures with channels beside their colours: alpha, and what is left out aloud."""
    one, two = "1 extra channel left out", "2 extra channels left out"
    grey_values = [[value] for value in GREYS]
    for bits, (extra, word) in itertools.product(
        (8, 16, 32, 4),
        [
            ((2,), None),
            ((1,), None),
            ((), None),
            ((0,), one),
            ((0, 2), one),
            ((2, 0, 0), two),
            ((1, 0), one),
            ((0, 0), two),
            ((0,) * 5, "5 extra channels left out"),
        ],
    ):
        for photometric, colours, base in (
            (2, COLOURS, [list(colour) for colour in COLOURS]),
            (1, grey(GREYS), grey_values),
            (0, grey(GREYS), [[255 - value] for value in GREYS]),
        ):
            kinds = extra or (2,)
            if (bits == 4 and photometric != 2) or (photometric == 0 and kinds[0] == 1):
                continue
            samples = []
            for values, alpha in zip(base, ALPHAS, strict=True):
                weighed = [value * alpha // 255 for value in values] if 1 in kinds else values
                samples.append([*weighed, *(alpha if kind else 99 for kind in kinds)])
            shown = flattened(colours) if any(kinds) else colours
            tiff = Tiff(
                photometric=photometric,
                samples=[numbers(each, bits) for each in samples],
                bits=bits,
                extra=extra,
            )
            name = f"{bits}-bit {'RGB' if photometric == 2 else 'grey'} and {extra}"
            most = 20 if bits == 4 else 3
            yield laid_out(Row(name=name, tiff=tiff, colours=shown, left_out=word, most=most))


def inks() -> Iterator[Row]:
    """Yield CMYK, with alpha and spot colours."""
    for bits, extra in itertools.product((8, 16, 32), ((), (0,), (2,), (1,), (0, 0, 0))):
        samples = [
            numbers([255 - r, 255 - g, 255 - b, 0, *[77] * len(extra)], bits) for r, g, b in COLOURS
        ]
        count = len(extra)
        word = f"{count} extra channel{'s' if count > 1 else ''} left out" if count else None
        tiff = Tiff(photometric=5, samples=samples, bits=bits, extra=extra)
        yield laid_out(
            Row(name=f"{bits}-bit CMYK and {extra}", tiff=tiff, colours=COLOURS, left_out=word)
        )
    black = Tiff(photometric=5, samples=[[0, 0, 0, 255 - value] for value in GREYS])
    yield laid_out(Row(name="black ink", tiff=black, colours=grey(GREYS)))


def palettes() -> Iterator[Row]:
    """Yield palettes of 16 bits, as they should be, and of 8, as they are."""
    for bits, factor, extra, _ in itertools.product(
        (1, 2, 4, 8), (257, 1), ((), (0,), (2,)), range(2)
    ):
        table = [(0, 0, 0)] * (1 << bits)
        indexes = [0, 1, len(table) - 2, len(table) - 1]
        for index, colour in zip(indexes, COLOURS, strict=True):
            table[index] = colour
        shown = [table[index] for index in indexes]
        alphas = [(1 << bits) - 1] * len(extra)
        tiff = Tiff(
            photometric=3,
            samples=[[index, *alphas] for index in indexes],
            bits=bits,
            palette=[colour[at] * factor for at in range(3) for colour in table],
            extra=extra,
        )
        word = "1 extra channel left out" if extra == (0,) else None
        name = f"{bits}-bit palette times {factor} and {extra}"
        yield laid_out(Row(name=name, tiff=tiff, colours=shown, left_out=word))


def labs() -> Iterator[Row]:
    """Yield CIELab, whose a and b are signed, and ICC's, whose are not."""
    found = [make.lab_of(colour) for colour in COLOURS]
    for extra in ((), (0,)):
        more = [7] * len(extra)
        word = "1 extra channel left out" if extra else None
        for bits, photometric in itertools.product((8, 16), (8, 9)):
            unit = 1 << bits - 8
            top = 256 * unit - 1 if photometric == 8 else 255 * unit
            middle = 0 if photometric == 8 else 128
            samples = [
                [
                    round(light / 100 * top),
                    round((a + middle) * unit),
                    round((b + middle) * unit),
                    *more,
                ]
                for light, a, b in found
            ]
            tiff = Tiff(photometric=photometric, samples=samples, bits=bits, extra=extra)
            name = f"{bits}-bit {'Lab' if photometric == 8 else 'ICC Lab'} and {extra}"
            # The blue is at the edge of what sRGB can show.
            yield laid_out(Row(name=name, tiff=tiff, colours=COLOURS, most=8, left_out=word))


def ycbcr(colour: Rgb) -> list[float]:
    """Return a colour by BT.601 in its full range, as in JPEG."""
    red, green, blue = colour
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return [round(luma), round((blue - luma) / 1.772 + 128), round((red - luma) / 1.402 + 128)]


YCBCR = [ycbcr(colour) for colour in COLOURS]


def shared_colours() -> Iterator[Row]:
    """Yield YCbCr without JPEG, whose pixels may share their colour."""
    for factors, compression in itertools.product(((1, 1), (2, 1), (2, 2)), BYTEWISE.values()):
        tiff = Tiff(photometric=6, samples=YCBCR, subsampling=factors)
        row = laid_out(Row(name=f"YCbCr by {factors}", tiff=tiff, colours=COLOURS), compression)
        yield replace(row, tiff=replace(row.tiff, planar=1, predictor=1))


def pictures() -> Iterator[Row]:
    """Yield what is compressed as a picture: JPEG, old and new, and fax."""
    inks = [[255 - red, 255 - green, 255 - blue, 0] for red, green, blue in COLOURS]
    lab = [
        [round(light * 2.55), round(a) % 256, round(b) % 256]
        for light, a, b in map(make.lab_of, COLOURS)
    ]
    alpha = [[*colour, value] for colour, value in zip(COLOURS, ALPHAS, strict=True)]
    plain: list[tuple[str, int, Samples, Sequence[Rgb], dict[str, Any]]] = [
        ("grey", 1, [[value] for value in GREYS], grey(GREYS), {}),
        ("negative", 0, [[255 - value] for value in GREYS], grey(GREYS), {}),
        ("RGB", 2, COLOURS, COLOURS, {}),
        ("RGB in planes", 2, COLOURS, COLOURS, {"planar": 2}),
        ("RGBA", 2, alpha, flattened(COLOURS), {"extra": (2,)}),
        ("RGBA in planes", 2, alpha, flattened(COLOURS), {"extra": (2,), "planar": 2}),
        ("CMYK", 5, inks, COLOURS, {}),
        ("CMYK in planes", 5, inks, COLOURS, {"planar": 2}),
        ("YCbCr", 6, YCBCR, COLOURS, {}),
        ("YCbCr by 2", 6, YCBCR, COLOURS, {"subsampling": (2, 2), "rows": 16}),
    ]
    for (name, photometric, samples, colours, more), (order, is_big), tile in itertools.product(
        plain, (("<", False), (">", True)), (None, (16, 16))
    ):
        tiff = Tiff(photometric=photometric, samples=samples, compression=tiffs.JPEG)
        tiff = replace(tiff, **{"rows": 8, "order": order, "is_big": is_big, "tile": tile, **more})
        # Where pixels share their colour it runs into that of the next patch.
        edge = 2 if "subsampling" in more else 0
        yield Row(name=f"JPEG {name}", tiff=tiff, colours=colours, edge=edge, most=4)
    for tile in (None, (16, 16)):
        tiff = Tiff(photometric=8, samples=lab, compression=tiffs.JPEG, rows=8, tile=tile)
        yield Row(name="JPEG Lab", tiff=tiff, colours=COLOURS, most=8)
    for order, photometric in itertools.product("<>", (6, 2)):
        tiff = Tiff(photometric=photometric, samples=YCBCR, compression=tiffs.OLD_JPEG, rows=32)
        yield Row(name="old JPEG", tiff=replace(tiff, order=order), colours=COLOURS)
    for compression, photometric, fill, order in itertools.product((2, 3, 4), (0, 1), (1, 2), "<>"):
        tiff = Tiff(photometric=photometric, samples=[[0], [1], [1], [0]], bits=1, order=order)
        tiff = replace(tiff, compression=compression, fill=fill)
        shown = grey([255 * (value ^ (1 - photometric)) for value in (0, 1, 1, 0)])
        yield Row(name="fax", tiff=tiff, colours=shown)


ROWS = [
    *(*depths(), *beside(), *inks(), *palettes(), *labs()),
    *(*shared_colours(), *pictures()),
]


def expected(size: tuple[int, int], colours: Sequence[Rgb]) -> Image.Image:
    """Return the patches in these colours."""
    image = Image.new("RGB", (2, 2))
    image.putdata(colours)
    return image.resize(size, Image.Resampling.NEAREST)


def furthest(sent: Image.Image, colours: Sequence[Rgb], edge: int = 0) -> int:
    """Return how far any pixel is off; so many at the edges of the patches do not count."""
    difference = ImageChops.difference(sent.convert("RGB"), expected(sent.size, colours))
    width, height = sent.size[0] // 2, sent.size[1] // 2
    most = 0
    for left, top in itertools.product((0, width), (0, height)):
        box = (left + edge, top + edge, left + width - edge, top + height - edge)
        most = max(most, *(high for _, high in difference.crop(box).getextrema()))  # type: ignore[misc]
    return most


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.called)
def test_every_kind_is_sent_in_its_colours(row: Row) -> None:
    """Each pixel is what was put into the file, and what is left out is told."""
    picture = make.prepared(tiffs.written(row.tiff))

    assert (picture.width, picture.height) == row.tiff.size
    assert furthest(make.pixels(picture), row.colours, row.edge) <= row.most
    answer = [change for change in picture.changes if "left out" in change]
    assert answer == ([row.left_out] if row.left_out else [])


def test_there_are_enough_of_them() -> None:
    """No slip of the loops leaves some out."""
    assert len({row.called for row in ROWS}) >= 400


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_pages_that_lie_on_their_side_are_turned(bits: int, orientation: int) -> None:
    """Whoever reads the samples, the picture is turned once, and once only."""
    upright = expected((48, 32), COLOURS)
    stored = make.turned(upright, orientation)
    corners = [(x, y) for y in (0, stored.height - 1) for x in (0, stored.width - 1)]
    samples = [numbers(make.rgb_at(stored, place), bits) for place in corners]
    tiff = Tiff(photometric=2, samples=samples, bits=bits, planar=2, orientation=orientation)
    sent = make.pixels(make.prepared(tiffs.written(replace(tiff, size=stored.size))))

    assert sent.size == (48, 32)
    assert furthest(sent, COLOURS) <= 3


RGB8 = Tiff(photometric=2, samples=COLOURS)
GREY8 = Tiff(photometric=1, samples=[[value] for value in GREYS])
YCBCR8 = Tiff(photometric=6, samples=YCBCR)
HALVES: dict[int, tuple[int, Sequence[int]]] = {258: (3, [5, 6, 5])}
REFUSED = {
    "WebP": (replace(RGB8, compression=tiffs.WEBP), "with WebP compression"),
    "JPEG XL": (replace(RGB8, tags={259: (3, [50002])}), "with JPEG XL compression"),
    "JPEG 2000": (replace(RGB8, tags={259: (3, [34712])}), "with JPEG 2000 compression"),
    "LERC": (replace(RGB8, tags={259: (3, [34887])}), "with LERC compression"),
    "JBIG": (replace(RGB8, tags={259: (3, [34661])}), "with JBIG compression"),
    "SGI": (replace(RGB8, tags={259: (3, [34676])}), "with SGI LogLuv compression"),
    "no known compression": (
        replace(RGB8, tags={259: (3, [999])}),
        "with unknown (999) compression",
    ),
    "a mask": (replace(GREY8, photometric=4), "of a mask"),
    "LogLuv": (replace(RGB8, photometric=32845), "of LogLuv light"),
    "ITU Lab": (replace(RGB8, photometric=10), "of ITU Lab colours"),
    "no known colours": (replace(RGB8, photometric=777), "of unknown colours (777)"),
    "inks": (
        replace(RGB8, photometric=5, samples=[[1, 2, 3, 4, 5]] * 4, tags={332: (3, [2])}),
        "of other inks than CMYK",
    ),
    "complex": (replace(GREY8, bits=32, format=5), "of complex numbers"),
    "complex floats": (replace(GREY8, bits=64, format=6), "of complex numbers"),
    "64-bit integers": (replace(GREY8, bits=64), "of 64-bit grey"),
    "64-bit signed": (replace(RGB8, bits=64, format=SIGNED), "of 64-bit signed RGB"),
    "10 bits": (replace(GREY8, bits=10), "of 10-bit grey"),
    "24 bits": (replace(RGB8, bits=24), "of 24-bit RGB"),
    "12 signed bits": (replace(GREY8, bits=12, format=SIGNED), "of 12-bit signed grey"),
    "16-bit palette": (
        replace(GREY8, photometric=3, bits=16, palette=[0] * 9),
        "of 16-bit palette colours",
    ),
    "floating palette": (
        replace(GREY8, photometric=3, bits=32, format=FLOAT, palette=[0] * 9),
        "of 32-bit floating-point palette colours",
    ),
    "32-bit Lab": (replace(RGB8, photometric=8, bits=32), "of 32-bit Lab"),
    "YCbCr in planes": (replace(YCBCR8, planar=2), "of 8-bit YCbCr in planes"),
    "16-bit YCbCr": (replace(YCBCR8, tags={258: (3, [16] * 3)}), "of 16-bit YCbCr"),
    "JPEG in planes": (
        replace(YCBCR8, planar=2, compression=tiffs.JPEG),
        "of 8-bit YCbCr in planes with JPEG",
    ),
    "JPEG with alpha": (
        replace(GREY8, samples=[[1, 2]] * 4, planar=2, extra=(2,), compression=tiffs.JPEG),
        "of 8-bit grey with 2 channels in planes with JPEG",
    ),
    "JPEG Lab in planes": (
        replace(RGB8, photometric=8, planar=2, compression=tiffs.JPEG),
        "of 8-bit Lab in planes with JPEG",
    ),
    "12-bit JPEG": (
        replace(GREY8, compression=tiffs.JPEG, tags={258: (3, [12])}),
        "of 12-bit grey with JPEG",
    ),
    "grey fax": (replace(GREY8, tags={259: (3, [4])}), "of 8-bit grey with fax (group 4)"),
    "5, 6 and 5 bits": (replace(RGB8, tags=HALVES), "whose channels are not alike"),
    "two formats": (replace(RGB8, tags={339: (3, [1, 1, 3])}), "whose channels are not alike"),
    "float predictor": (
        replace(RGB8, bits=16, compression=tiffs.LZW, tags={317: (3, [3])}, planar=2),
        "of 16-bit RGB in planes with predictor 3",
    ),
    "unknown predictor": (
        replace(RGB8, bits=16, compression=tiffs.LZW, tags={317: (3, [7])}),
        "of 16-bit RGB with predictor 7",
    ),
    "tiles left out": (replace(GREY8, tags={273: (4, [0, 0, 0])}), "with tiles or strips left out"),
}


@pytest.mark.parametrize(("tiff", "kind"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_named(tiff: Tiff, kind: str) -> None:
    """A kind that no decoder here knows is named, with what to do, before any pixel is read."""
    with pytest.raises(errors.InputError) as caught:
        make.prepared(tiffs.written(tiff))

    assert caught.value.message.startswith(f"is a TIFF {kind}")
    assert caught.value.message.endswith(", which cannot be read; convert it to PNG or JPEG")


DAMAGED = {
    "strips missing": {273: (4, [8, 8])},
    "rows of no height": {278: (4, [0])},
    "channels missing": {277: (3, [2]), 258: (3, [8, 8])},
    "no width": {256: (4, [])},
    "no offsets": {273: (4, [])},
    "behind its end": {273: (4, [10**7] * 3)},
}


@pytest.mark.parametrize("compression", BYTEWISE.values(), ids=BYTEWISE)
@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("tags", DAMAGED.values(), ids=DAMAGED)
def test_what_is_not_there_is_not_made_up(
    tags: dict[int, tuple[int, Sequence[int]]], bits: int, compression: int
) -> None:
    """A file without some of its pixels is refused, and nothing is sent in their place."""
    tiff = replace(RGB8, bits=bits, compression=compression, tags=tags)
    with pytest.raises(errors.InputError) as caught:
        make.prepared(tiffs.written(tiff))

    assert caught.value.message.startswith("is cut short or damaged")


def test_a_palette_that_is_not_whole_is_damaged() -> None:
    """Colours that are not there are not made up."""
    with pytest.raises(errors.InputError, match=r"^is cut short or damaged: .*palette"):
        make.prepared(tiffs.written(replace(GREY8, photometric=3, palette=[0] * 30)))


def test_strips_too_many_are_left_alone() -> None:
    """They are not drawn over the picture."""
    places = [8 + 48 * 3 * 12 * at for at in range(3)]
    data = tiffs.written(replace(RGB8, tags={273: (4, [*places, 8, 8, 8])}))

    assert furthest(make.pixels(make.prepared(data)), COLOURS) <= 3


# --- which page ------------------------------------------------------------------------

SMALL = replace(RGB8, samples=[(1, 2, 3)] * 4, size=(16, 12))
COPY = replace(SMALL, tags={254: (4, [1])})
OLD_COPY = replace(SMALL, tags={255: (3, [2])})
OVER = replace(SMALL, tags={254: (4, [4])})
PAGES = {
    "a copy before it": ([COPY, RGB8], [], "reduced copy of 16x12 passed over"),
    "an old copy before it": ([OLD_COPY, RGB8], [], "reduced copy of 16x12 passed over"),
    "a mask before it": ([OVER, RGB8], [], "mask of 16x12 passed over"),
    "two copies": ([COPY, COPY, RGB8], [], "reduced copy of 16x12 passed over"),
    "a copy behind it": ([RGB8, COPY], [], None),
    "copies below it": ([RGB8], [COPY, COPY], None),
    "below a copy": ([COPY], [RGB8], "reduced copy of 16x12 passed over"),
    "below a copy, behind another": ([COPY], [COPY, RGB8], "reduced copy of 16x12 passed over"),
    "nothing but itself": ([replace(RGB8, tags={254: (4, [1])})], [], None),
}


@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("pages", "below", "word"), PAGES.values(), ids=PAGES)
def test_the_full_picture_is_taken(
    pages: list[Tiff], below: list[Tiff], word: str | None, order: str, *, is_big: bool
) -> None:
    """A reduced copy or a mask in front of it is passed over, aloud."""
    every = [replace(page, order=order, is_big=is_big) for page in pages]
    data = tiffs.written(
        *every, below=[replace(page, order=order, is_big=is_big) for page in below]
    )
    picture = make.prepared(data)

    assert (picture.width, picture.height) == tiffs.SIZE
    assert furthest(make.pixels(picture), COLOURS) <= 3
    assert picture.changes == ((word,) if word else ()) + ("TIFF -> JPEG",)


def test_a_turned_picture_behind_a_copy_is_turned() -> None:
    """The orientation is that of the page that counts."""
    data = tiffs.written(COPY, replace(RGB8, orientation=6))

    assert make.pixels(make.prepared(data)).size == (32, 48)


# --- ranges ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bits", "kind", "factor"),
    [
        (32, UNSIGNED, 1),
        (32, UNSIGNED, 257),
        (32, UNSIGNED, 16_843_009),
        (16, SIGNED, 1),
        (16, SIGNED, 128.5),
        (32, SIGNED, 257),
        (32, SIGNED, 8_421_504.5),
        (32, FLOAT, 1 / 255),
        (32, FLOAT, 1),
        (32, FLOAT, 257),
    ],
)
@pytest.mark.parametrize("photometric", [1, 2])
def test_deep_numbers_are_scaled_by_the_white_that_was_meant(
    photometric: int, bits: int, kind: int, factor: float
) -> None:
    """The first usual white that holds all numbers of all channels is white."""
    colours = COLOURS if photometric == 2 else grey(GREYS)
    samples = [[value * factor for value in colour][: photometric * 2 - 1] for colour in colours]
    tiff = Tiff(photometric=photometric, samples=samples, bits=bits, format=kind)

    assert furthest(make.pixels(make.prepared(tiffs.written(tiff))), colours) <= 3


@pytest.mark.parametrize("colours", [COLOURS, grey([255] * 4), grey([255, 0, 255, 0])])
@pytest.mark.parametrize(("bits", "kind"), [each for each in NUMBERS if each[0] >= 8])
def test_what_is_white_and_opaque_throughout_stays_so(
    bits: int, kind: int, colours: Sequence[Rgb]
) -> None:
    """The greatest number that there is means white, and in alpha opaque."""
    samples = [numbers([*colour, 255], bits, kind) for colour in colours]
    tiff = Tiff(photometric=2, samples=samples, bits=bits, format=kind, extra=(2,))
    picture = make.prepared(tiffs.written(tiff))

    assert furthest(make.pixels(picture), colours) <= 3
    assert not any("flattened" in change for change in picture.changes)


# --- the files themselves, seen by somebody else -----------------------------------------


def _is_open_to_others(tiff: Tiff) -> bool:
    """Tell whether tifffile reads such a file without further packages."""
    known = {tiffs.NONE, tiffs.DEFLATE, tiffs.OLD_DEFLATE, tiffs.PACKBITS, tiffs.LZMA}
    is_plain = tiff.bits in {8, 16, 32, 64} and tiff.fill == 1 and tiff.photometric != 6
    return tiff.compression in known and tiff.predictor != 3 and is_plain


@pytest.mark.parametrize(
    "row", [row for row in ROWS if _is_open_to_others(row.tiff)][::4], ids=lambda row: row.called
)
def test_an_independent_reader_finds_the_same_samples(row: Row) -> None:
    """What is in these files is what somebody else's reader finds there."""
    tiff = row.tiff
    found = tifffile.imread(io.BytesIO(tiffs.written(tiff)))
    if tiff.planar == 2 and tiff.channels > 1:
        found = np.moveaxis(found, 0, -1)
    width, height = tiff.size
    patches = [[tiffs.patch_at(tiff.size, x, y) for x in range(width)] for y in range(height)]
    put = np.array(tiff.samples)[np.array(patches)].reshape(found.shape)

    assert np.array_equal(found, put.astype(found.dtype))


# --- what it takes -----------------------------------------------------------------------


def test_deep_pixels_count_as_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's limit is one of pixels, and not of the 14 MB that these take."""
    size = 48, 24_000
    samples = [numbers(each, 32, FLOAT) for each in COLOURS]
    tiff = Tiff(photometric=2, samples=samples, bits=32, format=FLOAT, size=size, rows=24_000)
    data = tiffs.written(tiff)
    info = probe.probe(make.opener(data))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 6_500_000)
    fit = plan.Fit(size=size, reason=None)
    picture = prepare.prepare(make.opener(data), info, fit, Fitting())

    assert furthest(make.pixels(picture), COLOURS) <= 3


@pytest.mark.parametrize(
    ("compression", "planar", "most"), [(1, 1, 12), (1, 2, 12), (8, 1, 24), (8, 2, 24)]
)
def test_the_budget_counts_deep_pixels_as_stored(compression: int, planar: int, most: int) -> None:
    """Floating-point colours take 12 bytes a pixel, and the file itself if it is compressed."""
    samples = [numbers(each, 32, FLOAT) for each in COLOURS]
    tiff = Tiff(photometric=2, samples=samples, bits=32, format=FLOAT, planar=planar)
    data = tiffs.written(replace(tiff, compression=compression))
    info = probe.probe(make.opener(data))
    fit = plan.Fit(size=(24, 16), reason=None)

    assert prepare.peak_bytes(info, fit) == most * info.width * info.height


BOMBS = {
    "channels": {277: (4, [2**32 - 1])},
    "deep channels": {277: (4, [2**20]), 258: (3, [32])},
    "a wide tile": {322: (4, [2**31]), 323: (4, [16]), 324: (4, [8])},
    "a high tile": {322: (4, [48]), 323: (4, [2**31]), 324: (4, [8])},
}


@pytest.mark.parametrize("compression", BYTEWISE.values(), ids=BYTEWISE)
@pytest.mark.parametrize("tags", BOMBS.values(), ids=BOMBS)
def test_a_small_file_takes_little_whatever_it_says(
    tags: dict[int, tuple[int, Sequence[int]]], compression: int
) -> None:
    """What it cannot hold is refused before there is any room made for it."""
    data = tiffs.written(replace(RGB8, compression=compression, tags=tags))
    tracemalloc.start()
    with pytest.raises(errors.InputError):
        make.prepared(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 10_000_000
