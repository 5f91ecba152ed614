"""PNG pictures read a strip at a time: the same pixels as at once, and the same refusals."""

import importlib
import importlib.util
import io
import struct
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence

import pictures as make
import pytest
from conftest import need
from PIL import Image

from prodia_compose import errors
from prodia_compose.images.formats import png
from prodia_compose.images.pixels import decoder, depth, resample, strips

PHOTO = make.photo((90, 70))
PALETTE = PHOTO.convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
PICTURES: dict[str, tuple[Image.Image, dict[str, object]]] = {
    "grey": (PHOTO.convert("L"), {}),
    "grey with a clear one": (PHOTO.convert("L"), {"transparency": 128}),
    "grey and alpha": (PHOTO.convert("LA"), {}),
    "rgb": (PHOTO, {}),
    "rgb with a clear one": (PHOTO, {"transparency": PHOTO.getpixel((5, 5))}),
    "rgb and alpha": (PHOTO.convert("RGBA"), {}),
    "palette": (PALETTE, {}),
    "palette with clear ones": (PALETTE, {"transparency": bytes(range(64))}),
}


@pytest.fixture(autouse=True, params=["isal.isal_zlib", "zlib"])
def _inflating(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inflate with the fast library, and with what takes its place where there is none."""
    library = request.param.partition(".")[0]
    need(library, is_there=importlib.util.find_spec(library) is not None)
    module = importlib.import_module(request.param)
    monkeypatch.setattr(strips, "_inflating", lambda: module)


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and data of each chunk of a PNG."""
    at = 8
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        yield name, data[at + 8 : at + 8 + length]
        at += 12 + length


def with_pixels(data: bytes, pieces: Sequence[bytes]) -> bytes:
    """Return a PNG with other compressed data, in as many chunks as there are pieces."""
    parts = [(name, body) for name, body in chunks(data) if name != b"IDAT"]
    parts[-1:-1] = [(b"IDAT", piece) for piece in pieces]
    return b"".join((data[:8], *(make.png_chunk(name, body) for name, body in parts)))


def deflated(data: bytes) -> bytes:
    """Return the compressed data of a PNG."""
    return b"".join(body for name, body in chunks(data) if name == b"IDAT")


def in_strips(data: bytes, rows: int, overlap: int = 0) -> Image.Image:
    """Return a PNG put together from strips of some rows, that overlap by some others."""
    file = io.BytesIO(data)
    header = png.read_header(file)
    with decoder.reading():
        read = strips.Strips(file, header)
        result: Image.Image | None = None
        for first in range(0, header.height, rows):
            last = min(first + rows, header.height)
            asked = max(0, first - overlap)
            band, top = read.read(asked, last)
            assert top <= asked
            assert top + band.height >= last
            if result is None:
                result = Image.new(band.mode, (header.width, header.height))
            result.paste(band.crop((0, asked - top, band.width, last - top)), (0, asked))
        read.finish()
    assert result is not None
    return result


def at_once(data: bytes) -> Image.Image:
    """Return a PNG decoded by Pillow as a whole, in 8-bit pixels."""
    image = make.decoded(data)
    return depth.conversion(image, 8)(image)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(("rows", "overlap"), [(1, 0), (7, 3), (16, 16), (70, 0)])
def test_strips_make_the_picture(name: str, rows: int, overlap: int) -> None:
    """Whatever its colours, and wherever one strip ends and the next begins."""
    image, options = PICTURES[name]
    data = make.encoded(image, "PNG", **options)
    found = in_strips(data, rows, overlap)
    expected = at_once(data)

    assert (found.mode, found.size) == (expected.mode, expected.size)
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_the_data_may_be_cut_into_any_chunks(size: int) -> None:
    """A byte each, with empty ones between them, or all in one."""
    data = make.encoded(PHOTO, "PNG")
    whole = deflated(data)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    spread = [part for piece in pieces for part in (piece, b"")]

    assert in_strips(with_pixels(data, spread), 9).tobytes() == PHOTO.tobytes()


def test_more_data_than_the_picture_needs_does_not_matter() -> None:
    """Decoders stop at the last row."""
    data = make.encoded(PHOTO, "PNG")
    rows = zlib.decompress(deflated(data))
    longer = with_pixels(data, [zlib.compress(rows + bytes(100_000))])

    assert in_strips(longer, 9).tobytes() == PHOTO.tobytes()


@pytest.mark.parametrize("lost", [5, 200, 3000])
def test_data_that_ends_early_is_told(lost: int) -> None:
    """Rows are missing, whatever the strips."""
    data = make.encoded(PHOTO, "PNG")
    rows = zlib.decompress(deflated(data))
    short = with_pixels(data, [zlib.compress(rows[:-lost])])
    for count in (1, 9, 70):
        with pytest.raises(errors.InputError, match="is cut short: the end of the PNG data"):
            in_strips(short, count)


def test_damage_is_told() -> None:
    """A flipped bit anywhere in the compressed data, even where only the checksum tells."""
    data = make.encoded(PHOTO, "PNG")
    whole = deflated(data)
    for at in range(2, len(whole), 997):
        bits = bytearray(whole)
        bits[at] ^= 16
        with pytest.raises(errors.InputError, match="is cut short"):
            in_strips(with_pixels(data, [bytes(bits)]), 9)


def test_a_missing_checksum_does_not_matter() -> None:
    """All pixels are there."""
    data = make.encoded(PHOTO, "PNG")

    assert in_strips(with_pixels(data, [deflated(data)[:-4]]), 9).tobytes() == PHOTO.tobytes()


def test_a_bomb_is_inflated_no_further_than_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte of zeros behind a small picture costs nothing."""
    data = make.encoded(PHOTO, "PNG")
    rows = zlib.decompress(deflated(data))
    bomb = zlib.compressobj(9)
    squeezed = bomb.compress(rows)
    squeezed += b"".join(bomb.compress(bytes(1 << 20)) for _ in range(200)) + bomb.flush()
    longest = 0
    real = zlib.decompressobj

    class Watching:
        """An inflater that notes how much it gives at a time."""

        def __init__(self) -> None:
            self._inner = real()

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

        def decompress(self, piece: bytes, limit: int) -> bytes:
            nonlocal longest
            result = self._inner.decompress(piece, limit)
            longest = max(longest, len(result))
            return result

    monkeypatch.setattr(zlib, "decompressobj", Watching)
    in_strips(with_pixels(data, [squeezed]), 9)

    assert longest <= len(rows)


@pytest.mark.parametrize("side", [80, 40, 9])
def test_shrinking_strips_equals_shrinking_the_whole(
    side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result is the same to the last bit, averaged first or not."""
    monkeypatch.setattr(resample, "_BAND_PIXELS", 2_000)
    data = make.encoded(PHOTO, "PNG")
    file = io.BytesIO(data)
    size = (side, side * 70 // 90)
    found = resample.shrunk(strips.Strips(file, png.read_header(file)), size)

    assert found.tobytes() == resample.shrunk(resample.Whole(image=PHOTO), size).tobytes()


def test_what_follows_the_end_of_the_data_costs_nothing() -> None:
    """A picture whose data ends too soon is refused at once, however much comes after it."""
    data = make.encoded(PHOTO, "PNG")
    raw = zlib.decompress(deflated(data))
    early = zlib.compress(raw[: len(raw) // 2])
    broken = with_pixels(data, [early, *[bytes(1 << 20)] * 40])
    tracemalloc.start()
    with pytest.raises(errors.InputError, match="is cut short"):
        in_strips(broken, 70)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < len(broken) // 4
