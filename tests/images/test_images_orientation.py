"""Eight orientations in every format that can note one arrive as one picture."""

import pictures as make
import pytest

CORNERS = {(12, 9): make.RED, (52, 9): make.GREEN, (12, 39): make.BLUE, (52, 39): make.YELLOW}
SIZES = {None: (64, 48), 32: (32, 24)}


@pytest.mark.parametrize("side", SIZES)
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_orientation_arrives_upright(name: str, orientation: int, side: int | None) -> None:
    """All eight look the same, whole or shrunk, and carry no orientation on."""
    stored = make.turned(make.quarters(), orientation)
    data = make.encoded(stored, name, exif=make.exif(orientation))
    picture = make.prepared(data, side=side)
    image = make.pixels(picture)

    assert image.size == (picture.width, picture.height) == SIZES[side]
    scale = image.width / 64
    for (x, y), colour in CORNERS.items():
        place = (int(x * scale), int(y * scale))
        assert make.furthest(make.rgb_at(image, place), colour) < 40
    assert image.getexif().get(0x0112) is None
    assert ("rotated" in picture.changes) == (orientation != 1)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "jpeg"])
def test_tiffs_of_every_compression_are_turned_once(compression: str) -> None:
    """Whichever of Pillow's two TIFF readers is at work, the result is the same."""
    stored = make.turned(make.quarters(), 6)
    data = make.encoded(stored, "TIFF", tiffinfo={274: 6}, compression=compression)
    image = make.pixels(make.prepared(data))

    assert image.size == (64, 48)
    assert make.furthest(make.rgb_at(image, (12, 9)), make.RED) < 20


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK"])
def test_turning_works_in_every_mode(mode: str) -> None:
    """Grey, transparent and printed pictures are turned as well."""
    stored = make.turned(make.quarters(), 8).convert(mode)
    data = make.encoded(stored, "TIFF", exif=make.exif(8))
    image = make.pixels(make.prepared(data))
    wanted = make.rgb_at(make.quarters().convert(mode), (12, 9))

    assert make.furthest(make.rgb_at(image, (12, 9)), wanted) < 20


def test_a_shrunk_picture_on_its_side_says_both() -> None:
    """The report gives upright sizes, with the reason, and the turn."""
    data = make.encoded(make.turned(make.quarters(), 6), "JPEG", exif=make.exif(6))

    assert make.prepared(data, side=32).changes == (
        "64x48 -> 32x24 (limit: 32 px a side)",
        "rotated",
        "metadata removed",
    )
