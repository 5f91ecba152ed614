"""Smaller pictures are as Lanczos has them, by vector instructions and without."""

import functools
import importlib.util
import itertools
import math
import sys
from collections.abc import Callable

import pictures as make
import pytest
from conftest import at_once, need
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from prodia_compose.images.pixels import lanczos, raster, resample
from prodia_compose.images.probe import probe

SIZE = (900, 600)
TARGETS = {"of 12 MP": (461, 307), "of 24 MP": (307, 205)}
"""As much smaller as those are at 2048 px."""

SAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


@pytest.fixture(autouse=True, params=["cykooz_resizer", "Pillow"])
def _resizing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do it by vector instructions, and by what takes their place where there is no build."""
    if request.param == "Pillow":
        monkeypatch.setattr(lanczos, "vectors", lambda: lanczos.plain)
    else:
        need(request.param, is_there=importlib.util.find_spec(request.param) is not None)


@functools.cache
def drawn(name: str) -> Image.Image:
    """Return a picture of which too much or too little is easily seen."""
    if name == "photo":
        return make.photo(SIZE, 3)
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    if name == "text":
        for line in range(0, SIZE[1], 12):
            draw.text((line % 7, line), "The quick brown fox, 0123456789. " * 5, (20, 20, 90))
    elif name == "zone plate":  # rings that get narrower to the sides, where each is a pixel wide
        middle, squares = SIZE[0] // 2, range(-SIZE[1] // 2, SIZE[1] // 2)
        rings = bytes(
            round(127.5 + 127 * math.cos(math.pi * ((x - middle) ** 2 + y * y) / SIZE[0]))
            for y in squares
            for x in range(SIZE[0])
        )
        return Image.frombytes("L", SIZE, rings).convert("RGB")
    else:
        apart = int(name.rsplit(maxsplit=1)[-1])
        for at in range(0, SIZE[0], apart):
            draw.line((at, 0, at, SIZE[1]), "black")
            draw.line((0, at, SIZE[0], at), "black")
    return image


def _extremes(one: Image.Image, other: Image.Image) -> list[tuple[int, int]]:
    """Return the least and greatest distance of two pictures in each channel."""
    return [each.getextrema() for each in ImageChops.difference(one, other).split()]  # type: ignore[misc]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize(
    "name", ["photo", "text", "zone plate", "lines 2", "lines 3", "lines 5", "lines 8"]
)
def test_a_jpeg_is_as_lanczos_has_it(name: str, target: tuple[int, int], sampling: str) -> None:
    """But for rounding, down the columns first; and without stripes that the other way does not have."""
    data = make.encoded(drawn(name), "JPEG", quality=92, subsampling=SAMPLINGS[sampling])
    full = make.decoded(data)
    columns = full.resize((SIZE[0], target[1]), Image.Resampling.LANCZOS)
    found = raster.decode(make.opener(data), probe.probe(make.opener(data)), target)
    rows = full.resize(target, Image.Resampling.LANCZOS)
    means = [ImageStat.Stat(each).mean for each in (rows, found)]
    blurred = [each.filter(ImageFilter.GaussianBlur(3)) for each in (rows, found)]

    assert make.psnr(columns.resize(target, Image.Resampling.LANCZOS), found) >= 60
    assert make.psnr(rows, found) >= (28 if name.startswith("lines") else 42)
    assert max(most for _, most in _extremes(*blurred)) <= 3
    assert make.furthest(*means) <= 0.6


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize(
    ("size", "target"),
    [
        ((1, 300), (1, 150)),
        ((300, 1), (100, 1)),
        ((301, 7), (150, 3)),
        ((301, 207), (301, 100)),
        ((301, 207), (155, 207)),
        ((333, 221), (171, 113)),
    ],
)
def test_any_mode_and_size_is_as_lanczos_has_it(
    mode: str, size: tuple[int, int], target: tuple[int, int]
) -> None:
    """However narrow, and with alpha, which weighs the colours."""
    image = make.photo(size, 4).convert(mode)
    if mode in {"LA", "RGBA"}:
        image.putalpha(make.photo(size, 5).convert("L"))
    expected = image.resize(target, Image.Resampling.LANCZOS)
    found = resample.shrunk(resample.Whole(image=image), target)

    assert (found.mode, found.size) == (mode, target)
    white = Image.new("RGBA", target, "white")
    shown = [Image.alpha_composite(white, each.convert("RGBA")) for each in (expected, found)]
    assert make.psnr(*shown) >= 45


def test_no_height_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bands of any height the parts never reach a trifle beyond the picture."""
    monkeypatch.setattr(resample, "UNCOPIED_BAND_PIXELS", 60)
    for width, height, side in itertools.product((3, 7), range(20, 200, 3), (19, 20)):
        image = Image.new("RGB", (width, height), make.RED)
        small = resample.shrunk(resample.Whole(image=image), (2, side))
        assert small.getextrema() == tuple((value, value) for value in make.RED)


PICTURES: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: make.encoded(drawn("photo"), "JPEG", quality=92),
    "PNG": lambda: make.encoded(drawn("photo"), "PNG"),
    "turned": lambda: make.encoded(drawn("photo"), "JPEG", quality=92, exif=make.exif(6)),
    "RGB JPEG": lambda: make.encoded(drawn("photo"), "JPEG", quality=92, keep_rgb=True),
    "CMYK JPEG": lambda: make.encoded(drawn("photo").convert("CMYK"), "JPEG", quality=95),
}


@pytest.mark.parametrize("made", PICTURES.values(), ids=PICTURES)
def test_the_same_bytes_are_sent_however_many_threads(made: Callable[[], bytes]) -> None:
    """Each time, and of what the picture shows."""
    data, sent = made(), []

    def prepare() -> None:
        sent.append(make.prepared(data, side=307))

    prepare()
    at_once(*[prepare] * 4)
    image = drawn("photo")
    upright = image.transpose(Image.Transpose.ROTATE_270) if sent[0].height == 307 else image

    assert len({each.blob.read() for each in sent}) == 1
    assert make.psnr(upright.resize((sent[0].width, sent[0].height)), make.pixels(sent[0])) > 30


def test_pillow_does_it_where_there_is_no_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not needed to make pictures smaller."""
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "cykooz_resizer", None)
    lanczos.vectors.cache_clear()
    try:
        assert lanczos.vectors() is lanczos.plain
    finally:
        lanczos.vectors.cache_clear()
