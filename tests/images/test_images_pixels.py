"""Every mode, depth and kind of transparency arrives as what a viewer shows."""

import array
import struct
from collections.abc import Sequence

import pictures as make
import pytest
from PIL import Image

from prodia_compose.images import prepare
from prodia_compose.images.options import Fitting
from prodia_compose.images.pixels import resample

WHITE = (255, 255, 255)
RAMP = 256
TOLERANCE = 3
"""What JPEG at quality 95 may do to a smooth ramp."""


def ramp16(order: str = "<") -> bytes:
    """Return one row of 16-bit greys from black to white."""
    return struct.pack(f"{order}{RAMP}H", *(at * 257 for at in range(RAMP)))


def first_row(picture: prepare.PreparedImage) -> list[int]:
    """Return the greys of the first row of what is sent."""
    return list(make.pixels(picture).convert("L").crop((0, 0, picture.width, 1)).tobytes())


def assert_ramp(row: Sequence[int], *, falling: bool = False) -> None:
    """Check that greys go from black to white in even steps."""
    expected = range(RAMP - 1, -1, -1) if falling else range(RAMP)
    assert max(abs(a - b) for a, b in zip(row, expected, strict=True)) <= TOLERANCE


def floats(values: Sequence[float]) -> bytes:
    """Return numbers as 32-bit floats."""
    return array.array("f", values).tobytes()


def packed12(values: Sequence[int]) -> bytes:
    """Return an even count of 12-bit numbers, two in three bytes."""
    out = bytearray()
    for one, two in zip(values[::2], values[1::2], strict=True):
        out += bytes((one >> 4, (one & 15) << 4 | two >> 8, two & 255))
    return bytes(out)


ROWS = 16
FLOAT = {339: (3, [3])}


def deep_png(colour_type: int, *shares: int) -> bytes:
    """Return a 16-bit PNG of a ramp: each sample is its grey times a share, or white for 0."""
    samples = [at * share if share else 65_535 for at in range(RAMP) for share in shares]
    row = struct.pack(f">{len(samples)}H", *samples)
    return make.png((RAMP, ROWS), 16, colour_type, [row] * ROWS)


def ramp_tiff(bits: int, row: bytes, *, kind: int = 1, order: str = "<") -> bytes:
    """Return a TIFF of a ramp; kinds of numbers are 1 unsigned, 2 signed, 3 float."""
    return make.tiff((RAMP, ROWS), bits, row * ROWS, order=order, tags={339: (3, [kind])})


SIGNED = struct.pack("<256h", *(at * 257 - 32_768 for at in range(RAMP)))
RAMPS = {
    "16-bit PNG (I;16)": deep_png(0, 257),
    "16-bit RGB PNG": deep_png(2, 257, 257, 257),
    "16-bit grey and alpha PNG": deep_png(4, 257, 0),
    "I;16 TIFF": ramp_tiff(16, ramp16()),
    "I;16B TIFF": ramp_tiff(16, ramp16(">"), order=">"),
    "12-bit TIFF": ramp_tiff(12, packed12([at * 4095 // 255 for at in range(RAMP)])),
    "float TIFF, 0 to 1": ramp_tiff(32, floats([at / 255 for at in range(RAMP)]), kind=3),
    "float TIFF, 0 to 255": ramp_tiff(32, floats(range(RAMP)), kind=3),
    "float TIFF, 0 to 65535": ramp_tiff(32, floats([at * 257 for at in range(RAMP)]), kind=3),
    "float TIFF, any range": ramp_tiff(32, floats([at * 10 - 900 for at in range(RAMP)]), kind=3),
    "32-bit integer TIFF": ramp_tiff(32, struct.pack("<256I", *range(0, 65_536, 257))),
    "signed 16-bit TIFF": ramp_tiff(16, SIGNED, kind=2),
    "16-bit PGM": b"P5 256 16 65535\n" + ramp16(">") * ROWS,
    "PFM": b"Pf\n256 16\n-1.0\n" + floats([at / 255 for at in range(RAMP)]) * ROWS,
    "8-bit PNG": make.png((RAMP, ROWS), 8, 0, [bytes(range(RAMP))] * ROWS),
}


@pytest.mark.parametrize("data", RAMPS.values(), ids=RAMPS)
def test_a_ramp_arrives_as_a_ramp(data: bytes) -> None:
    """Deep pixels are scaled to 8 bits, white to white, and not clipped."""
    assert_ramp(first_row(make.prepared(data)))


@pytest.mark.parametrize(("bits", "data"), [(16, ramp16()), (8, bytes(range(RAMP)))])
def test_a_scan_whose_zero_is_white_is_no_negative(bits: int, data: bytes) -> None:
    """TIFF's WhiteIsZero is honoured at every depth."""
    picture = make.prepared(make.tiff((RAMP, ROWS), bits, data * ROWS, tags={262: (3, [0])}))

    assert_ramp(first_row(picture), falling=True)


def test_deep_pixels_are_said_aloud() -> None:
    """The report tells of the loss of depth."""
    picture = make.prepared(make.png((RAMP, ROWS), 16, 0, [ramp16(">")] * ROWS))

    assert picture.changes == ("16-bit -> 8-bit", "PNG -> JPEG")


def test_floats_that_are_no_numbers_do_no_harm() -> None:
    """NaN and infinity in a float picture are not worth a failure."""
    values = [float("nan"), float("inf"), float("-inf"), 0.5] * 64
    picture = make.prepared(make.tiff((RAMP, ROWS), 32, floats(values) * ROWS, tags=FLOAT))

    assert (picture.width, picture.media_type) == (RAMP, "image/jpeg")


@pytest.mark.parametrize("white", [1, 255])
@pytest.mark.parametrize("excess", [1.05, 1.2, 2.0])
@pytest.mark.parametrize("kind", ["TIFF", "PFM"])
def test_a_highlight_darkens_nothing(kind: str, excess: float, white: int) -> None:
    """Floats that go somewhat beyond the usual white are clipped there, and the rest stays."""
    row = floats([at / 255 * white for at in range(RAMP)])
    last = floats([excess * white] * RAMP)
    if kind == "PFM":  # its rows are stored from the last one up
        data = b"Pf\n256 16\n-1.0\n" + last + row * (ROWS - 1)
    else:
        data = make.tiff((RAMP, ROWS), 32, row * (ROWS - 1) + last, tags=FLOAT)
    picture = make.prepared(data)

    assert_ramp(first_row(picture))
    assert min(make.pixels(picture).convert("L").tobytes()[-RAMP:]) >= 240


def test_a_deep_picture_can_be_shrunk_far() -> None:
    """What Pillow's own thumbnail function refuses is done, and right."""
    row = struct.pack(">2048H", *(at * 32 for at in range(2048)))
    picture = make.prepared(make.png((2048, 512), 16, 0, [row] * 512), side=64)
    greys = first_row(picture)

    assert greys == sorted(greys)
    assert max(abs(grey - (at * 4 + 2)) for at, grey in enumerate(greys)) <= TOLERANCE


@pytest.mark.parametrize("mode", ["P", "1"])
def test_palette_and_bilevel_are_smoothed_when_shrunk(mode: str) -> None:
    """A fine checkerboard becomes grey, rather than black or white as by nearest pixel."""
    board = Image.frombytes("1", (64, 64), (b"\xaa" * 8 + b"\x55" * 8) * 32).convert(mode)
    picture = make.prepared(make.encoded(board, "PNG"), side=16)

    assert all(abs(grey - 128) < 12 for grey in first_row(picture))


# --- transparency -----------------------------------------------------------------------

SIDE = 8


GREY = (80, 80, 80)


def _half(bits: int, colour_type: int, opaque: bytes, clear: bytes, **chunks: bytes) -> bytes:
    """Return a PNG whose left half is opaque and whose right half is not."""
    rows = [opaque * (SIDE // 2) + clear * (SIDE // 2)] * SIDE
    named = [(name.encode(), data) for name, data in chunks.items()]
    return make.png((SIDE, SIDE), bits, colour_type, rows, named)


def _packed(bits: int, row: bytes) -> bytes:
    """Return a grey PNG of several pixels in a byte, whose clear ones are the last in each row."""
    clear = row[-1] & (1 << bits) - 1
    return make.png((SIDE, SIDE), bits, 0, [row] * SIDE, [(b"tRNS", bytes((0, clear)))])


RED16 = b"\xdc\xdc\x1e\x1e\x28\x28"
NEAR16 = b"\xdc\xdc\x1e\x1f\x28\x28"
"""Another colour, by a bit that 8 bits have no room for."""
CLEAR16 = b"\x12\x34\x56\x78\x9a\xbc"
TRANSPARENT = {
    "RGBA": (_half(8, 6, bytes((*make.RED, 255)), bytes(4)), make.RED),
    "LA": (_half(8, 4, b"\x50\xff", b"\0\0"), GREY),
    "RGBA, 16-bit": (_half(16, 6, RED16 + b"\xff\xff", bytes(8)), make.RED),
    "RGB with tRNS": (_half(8, 2, bytes(make.RED), b"\1\2\3", tRNS=b"\0\1\0\2\0\3"), make.RED),
    "16-bit RGB with tRNS": (_half(16, 2, RED16, CLEAR16, tRNS=CLEAR16), make.RED),
    "RGB with tRNS beyond 8 bits": (
        _half(8, 2, bytes(make.RED), b"\1\2\3", tRNS=b"\7\1\0\2\0\3"),
        make.RED,
    ),
    "grey with tRNS beyond 8 bits": (_half(8, 0, b"\x50", b"\x07", tRNS=b"\1\x07"), GREY),
    "16-bit RGB with tRNS near it": (_half(16, 2, RED16, NEAR16, tRNS=NEAR16), make.RED),
    "16-bit grey with tRNS near it": (_half(16, 0, b"PP", b"PQ", tRNS=b"PQ"), GREY),
    "grey with tRNS": (_half(8, 0, b"\x50", b"\x07", tRNS=b"\0\x07"), GREY),
    "16-bit grey with tRNS white": (_half(16, 0, b"PP", b"\xff\xff", tRNS=b"\xff\xff"), GREY),
    "4-bit grey with tRNS": (_packed(4, b"\x55\x55\x33\x33"), (85, 85, 85)),
    "2-bit grey with tRNS": (_packed(2, b"\x55\xff"), (85, 85, 85)),
    "1-bit grey with tRNS": (_packed(1, b"\x0f"), (0, 0, 0)),
    "palette with tRNS": (
        _half(8, 3, b"\0", b"\1", PLTE=bytes((*make.RED, 0, 0, 0)), tRNS=b"\xff\0"),
        make.RED,
    ),
}


@pytest.mark.parametrize(("data", "shown"), TRANSPARENT.values(), ids=TRANSPARENT)
def test_transparency_of_every_kind_is_flattened(data: bytes, shown: make.Rgb) -> None:
    """What is clear shows the background, and what is opaque its own colour."""
    options = Fitting(background=make.BLUE, quality=100)
    picture = make.prepared(data, wishes=options)
    image = make.pixels(picture)

    assert picture.media_type == "image/jpeg"
    assert "transparency flattened on #283ce6" in picture.changes
    assert make.furthest(make.rgb_at(image, (1, 4)), shown) <= 12
    assert make.furthest(make.rgb_at(image, (6, 4)), make.BLUE) <= 12


@pytest.mark.parametrize(("data", "shown"), TRANSPARENT.values(), ids=TRANSPARENT)
def test_transparency_of_every_kind_can_be_kept(data: bytes, shown: make.Rgb) -> None:
    """With keep_alpha a PNG is sent that shows the same on any background."""
    options = Fitting(keep_alpha=True)
    picture = make.prepared(data, wishes=options)
    image = make.pixels(picture).convert("RGBA")

    assert (picture.media_type, picture.suffix) == ("image/png", ".png")
    assert not any("flattened" in change for change in picture.changes)
    assert image.getchannel("A").tobytes() == (b"\xff" * 4 + b"\0" * 4) * SIDE
    assert make.furthest(make.rgb_at(image, (1, 4)), shown) <= 1


def test_the_default_background_is_white_and_named() -> None:
    """Transparency is flattened on white, said aloud."""
    picture = make.prepared(TRANSPARENT["RGBA"][0])

    assert picture.changes == ("transparency flattened on white", "PNG -> JPEG")
    assert make.furthest(make.rgb_at(make.pixels(picture), (6, 4)), WHITE) <= 8


def test_gif_transparency_is_seen() -> None:
    """A GIF's transparent colour shows the background."""
    image = Image.new("P", (SIDE, SIDE), 0)
    image.putpalette(bytes((*make.RED, *make.GREEN)))
    image.paste(1, (SIDE // 2, 0, SIDE, SIDE))
    picture = make.prepared(make.encoded(image, "GIF", transparency=1))

    assert make.furthest(make.rgb_at(make.pixels(picture), (6, 4)), WHITE) <= 12
    assert make.furthest(make.rgb_at(make.pixels(picture), (1, 4)), make.RED) <= 12


def _on_canvas(name: str, canvas: tuple[int, int], *, has_clear: bool) -> bytes:
    """Return a red picture of 8x8 px in a canvas that is larger, and in a GIF is called green."""
    image = Image.new("P", (8, 8), 0)
    image.putpalette(bytes((*make.RED, *make.GREEN)))
    if name == "WEBP":
        still = make.encoded(image.convert("RGB"), name, lossless=True)[12:]
        size = [(side - 1).to_bytes(3, "little") for side in (8, 8, *canvas)]
        frame = b"\2\0\0\2\0\0" + size[0] + size[1] + bytes(4) + still
        flags = bytes((0x12 if has_clear else 0x02, 0, 0, 0))
        parts = [(b"VP8X", flags + size[2] + size[3]), (b"ANIM", b"\0\xff\0\xff\0\0")]
        body = b"WEBP"
        for chunk, data in [*parts, (b"ANMF", frame)]:
            body += chunk + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
        return b"RIFF" + struct.pack("<I", len(body)) + body
    options = {"transparency": 1} if has_clear else {}
    written = bytearray(make.encoded(image, name, background=1, **options))
    at = written.index(b",\0\0\0\0") + 1
    written[at : at + 4] = struct.pack("<HH", 4, 4)
    written[6:10] = struct.pack("<HH", *canvas)
    return bytes(written)


@pytest.mark.parametrize("has_clear", [False, True])
@pytest.mark.parametrize("canvas", [(24, 12), (12, 24), (13, 12)])
@pytest.mark.parametrize("name", ["GIF", "WEBP"])
def test_a_canvas_is_transparent_around_its_first_frame(
    name: str, canvas: tuple[int, int], *, has_clear: bool
) -> None:
    """As browsers show it: neither black nor the colour that the file names."""
    data = _on_canvas(name, canvas, has_clear=has_clear)
    kept = make.pixels(make.prepared(data, wishes=Fitting(keep_alpha=True)))
    flat = make.prepared(data, wishes=Fitting(background=make.BLUE, quality=100))

    alpha = Image.new("L", canvas, 0)
    alpha.paste(255, (4, 4, 12, 12))
    assert kept.getchannel("A").tobytes() == alpha.tobytes()
    assert make.rgb_at(kept, (8, 8)) == make.RED
    assert "transparency flattened on #283ce6" in flat.changes
    assert make.furthest(make.rgb_at(make.pixels(flat), (0, 0)), make.BLUE) <= 12


@pytest.mark.parametrize("name", ["GIF", "WEBP"])
def test_a_frame_as_large_as_its_canvas_is_opaque(name: str) -> None:
    """Nothing is told of a transparency that is not there."""
    data = make.frames(name, 2)

    assert not any("flattened" in change for change in make.prepared(data).changes)


@pytest.mark.parametrize("name", ["WEBP", "AVIF", "TIFF", "TGA"])
def test_alpha_of_other_formats_is_seen(name: str) -> None:
    """Real transparency in any format is flattened; WebP's is not sent as it is."""
    image = make.quarters((32, 32)).convert("RGBA")
    image.paste((0, 0, 0, 0), (16, 0, 32, 32))
    extra = {"lossless": True} if name == "WEBP" else {}
    picture = make.prepared(make.encoded(image, name, **extra))

    assert picture.media_type == "image/jpeg"
    assert make.furthest(make.rgb_at(make.pixels(picture), (28, 16)), WHITE) <= 6


def test_hidden_colours_do_not_bleed_when_shrunk() -> None:
    """Colours are weighed by their alpha, or black would frame every cut-out."""
    image = Image.new("RGBA", (256, 256), (0, 0, 0, 0))
    image.paste((*make.RED, 255), (64, 64, 192, 192))

    for side in (32, 100):
        picture = make.prepared(
            make.encoded(image, "PNG"), side=side, wishes=Fitting(keep_alpha=True)
        )
        sent = make.pixels(picture)
        edge = [pixel for pixel in zip(*[iter(sent.tobytes())] * 4, strict=True) if pixel[3] > 32]
        assert all(make.furthest(pixel[:3], make.RED) <= 8 for pixel in edge)


def test_keep_alpha_of_an_opaque_picture_sends_a_jpeg() -> None:
    """Without transparency there is nothing to keep."""
    data = make.encoded(make.quarters().convert("RGBA"), "TIFF")

    assert make.prepared(data, wishes=Fitting(keep_alpha=True)).suffix == ".jpg"


@pytest.mark.parametrize("selection", [False, True])
def test_only_real_transparency_of_a_psd_counts(selection: bool) -> None:  # noqa: FBT001 - a case
    """A selection saved with the document does not make holes into it."""
    image = make.quarters((16, 16))
    if selection:
        data = make.psd(image, selection=True)
    else:
        data = make.psd(Image.merge("RGBA", (*image.split(), Image.new("L", (16, 16)))), layers=-1)
    picture = make.prepared(data)
    seen = make.rgb_at(make.pixels(picture), (3, 3))

    assert make.furthest(seen, make.RED if selection else WHITE) <= 12


def test_a_psd_without_its_flat_picture_is_refused() -> None:
    """The blank sheet that stands in for it is not sent."""
    blank = make.psd(Image.new("RGB", (16, 16), WHITE), has_flat=False)
    drawn = make.psd(make.quarters((16, 16)), has_flat=False)

    with pytest.raises(Exception, match="is a Photoshop document without a flat picture"):
        make.prepared(blank)
    assert make.prepared(drawn).width == 16


# --- shrinking --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(700, 523), (2000, 31), (301, 1400)])
@pytest.mark.parametrize("target", [(299, 223), (150, 9), (60, 31)])
def test_shrinking_in_bands_equals_shrinking_at_once(
    size: tuple[int, int], target: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No seam shows where one band meets the next."""
    image = make.photo(size)
    target = (min(target[0], size[0]), min(target[1], size[1]))
    whole = resample.shrunk(resample.Whole(image=image), target)
    for name in ("BAND_PIXELS", "UNCOPIED_BAND_PIXELS"):
        monkeypatch.setattr(resample, name, 20_000)
    banded = resample.shrunk(resample.Whole(image=image), target)

    assert make.psnr(whole, banded) > 60


def test_moderate_shrinking_is_lanczos() -> None:
    """Below the size where averaging comes first, the result is as exact as Pillow's own."""
    image = make.photo((900, 600))
    channels = [channel.convert("F") for channel in image.split()]
    exact = Image.merge(
        "RGB",
        [
            channel.resize((450, 300), Image.Resampling.LANCZOS)
            .point(lambda value: value * 1 + 0.5)
            .convert("L")
            for channel in channels
        ],
    )
    shrunk = resample.shrunk(resample.Whole(image=image), (450, 300))
    own = image.resize((450, 300), Image.Resampling.LANCZOS)

    assert make.psnr(exact, shrunk) > make.psnr(exact, own) - 0.1
    assert make.psnr(own, shrunk) > 55


@pytest.mark.parametrize("factor", [4, 8, 16])
def test_strong_shrinking_is_close_to_lanczos(factor: int) -> None:
    """Averaging first costs less than anyone can see."""
    image = make.photo((1600, 1200))
    target = (1600 // factor, 1200 // factor)
    quality = make.psnr(
        image.resize(target, Image.Resampling.LANCZOS),
        resample.shrunk(resample.Whole(image=image), target),
    )

    assert quality >= 45
