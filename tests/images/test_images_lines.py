"""Lines, text and rings made smaller: no stripes but those that Lanczos on all of it shows."""

import math
from collections.abc import Callable, Iterator

import pictures as make
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from prodia_compose.images.pixels import lines, raster
from prodia_compose.images.probe import probe

SIZE = (2000, 1504)
TARGETS = {2: (500, 376), 4: (160, 120), 8: (60, 45)}
"""By the scale that a photo of that size is decoded at."""


def striped(apart: int, *, line: str = "black", ground: str = "white") -> Image.Image:
    """Return upright lines of one pixel."""
    image = Image.new("RGB", SIZE, ground)
    draw = ImageDraw.Draw(image)
    for at in range(0, SIZE[0], apart):
        draw.line((at, 0, at, SIZE[1]), line)
    return image


def lying(apart: int) -> Image.Image:
    """Return lines from left to right."""
    return (
        striped(apart).transpose(Image.Transpose.ROTATE_90).resize(SIZE, Image.Resampling.NEAREST)
    )


def slanted() -> Image.Image:
    """Return lines from corner to corner."""
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    for at in range(-SIZE[1], SIZE[0], 5):
        draw.line((at, 0, at + SIZE[1], SIZE[1]), "black")
    return image


def written() -> Image.Image:
    """Return a page of text."""
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    for at in range(0, SIZE[1], 13):
        draw.text((at % 7, at), "The quick brown fox, 0123456789. " * 12, (20, 20, 20))
    return image


def rings() -> Image.Image:
    """Return rings that become ever narrower."""
    side = SIZE[1] // 4
    band = bytes(
        round(127.5 + 127 * math.cos(math.pi * (x * x + y * y) / SIZE[0]))
        for y in range(side)
        for x in range(SIZE[0])
    )
    image, plate = Image.frombytes("L", (SIZE[0], side), band), Image.new("RGB", SIZE)
    for at in range(4):
        plate.paste(image, (0, at * side))
    return plate


PATTERNS: dict[str, Callable[[], Image.Image]] = {
    **{f"1 in {apart}": lambda apart=apart: striped(apart) for apart in (2, 3, 5, 7, 8, 16, 32)},  # type: ignore[misc]
    "lying": lambda: lying(5),
    "slanted": slanted,
    "red and blue": lambda: striped(3, line="blue", ground="red"),
    "text": written,
    "rings": rings,
}


def cases() -> Iterator[object]:
    """Yield each kind of file at each scale."""
    for scale in TARGETS:
        yield pytest.param("JPEG", {"subsampling": 2}, scale, id=f"JPEG at 1/{scale}")
        yield pytest.param("PNG", {"compress_level": 1}, scale, id=f"PNG to {TARGETS[scale][0]}")
    yield pytest.param("JPEG", {"subsampling": 0}, 2, id="JPEG with all colour")
    yield pytest.param("JPEG", {"progressive": True}, 2, id="progressive JPEG")


@pytest.mark.parametrize(("kind", "options", "scale"), list(cases()))
@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_have_no_stripes_of_our_making(
    pattern: str, kind: str, options: dict[str, object], scale: int
) -> None:
    """They are as Lanczos on all of the picture has them, whatever is saved on the way."""
    data = make.encoded(PATTERNS[pattern](), kind, quality=92, **options)
    info = probe.probe(make.opener(data))
    expected = make.decoded(data).convert("RGB").resize(TARGETS[scale], Image.Resampling.LANCZOS)
    found = raster.decode(make.opener(data), info, TARGETS[scale])

    assert make.psnr(expected, found) > 41
    means = (ImageStat.Stat(image).mean for image in (expected, found))
    assert max(abs(one - other) for one, other in zip(*means, strict=True)) < 1.5


def test_patterns_in_one_corner_are_found() -> None:
    """Of a photo with a page of text in a hundredth of it, all of that has no stripes either."""
    image = make.photo(SIZE).copy()
    image.paste(striped(5).crop((0, 0, 200, 152)), (1720, 1300))
    data = make.encoded(image, "JPEG", quality=92)
    info = probe.probe(make.opener(data))
    corner = (435, 330, 475, 358)
    expected = make.decoded(data).resize(TARGETS[2], Image.Resampling.LANCZOS).crop(corner)
    found = raster.decode(make.opener(data), info, TARGETS[2]).crop(corner)

    assert ImageStat.Stat(ImageChops.difference(expected, found)).rms[1] < 3


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_patterns_of_other_modes_are_found(mode: str) -> None:
    """Greys and printing colours are looked at like others."""
    data = make.encoded(striped(5).convert(mode), "JPEG", quality=92)
    info = probe.probe(make.opener(data))
    expected = make.decoded(data).resize(TARGETS[2], Image.Resampling.LANCZOS)

    found = raster.decode(make.opener(data), info, TARGETS[2])
    assert ImageStat.Stat(ImageChops.difference(expected, found)).rms[0] < 3


@pytest.mark.parametrize(
    "size", [(1, 1), (2, 40), (3, 3), (64, 16), (65, 17), (700, 2), (131, 257)]
)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_any_size_can_be_looked_at(size: tuple[int, int], mode: str) -> None:
    """A picture of one colour is smooth, however small."""
    assert not lines.are_in(Image.new(mode, size, "white" if mode != "CMYK" else 0))


def test_a_photo_is_not_taken_for_lines() -> None:
    """Nor is one with some edges and a grain; it is decoded once."""
    photo = make.photo(SIZE)
    grain = Image.effect_noise(SIZE, 12).convert("RGB")
    assert not lines.are_in(photo)
    assert not lines.are_in(Image.blend(photo, grain, 0.3))
