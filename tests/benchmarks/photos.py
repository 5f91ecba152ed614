"""Pictures like photos, made from nothing, the same on every machine.

    python photos.py FOLDER NAME...

Gradients, clouds of every size, edges at all angles, and over it the grain of a sensor: flat
colours would flatter every program, and plain noise would leave them nothing but decoding.
A program of its own, so that the one that measures stays small.
"""

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIDES: Final = {1: 1155, 3: 2000, 6: 2828, 12: 4000, 24: 5657, 48: 8000, 100: 11547}
"""The longer side by megapixels, at 4:3."""

_CAMERA: Final[dict[str, object]] = {"quality": 92, "subsampling": 2}
"""4:2:0, as cameras and phones write."""

_TILE = 1024


def photo(megapixels: int) -> Image.Image:
    """Return a picture of some megapixels."""
    width = SIDES[megapixels]
    size = (width, width * 3 // 4)
    rng = random.Random(megapixels)
    small = (max(64, size[0] // 4), max(48, size[1] // 4))
    scene = _scene(small, rng).resize(size, Image.Resampling.BICUBIC)
    return ImageChops.add(scene, _grain(size, rng), 1, -128)


def _scene(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Return light, clouds and objects."""
    light = [Image.linear_gradient("L").rotate(angle).resize(size) for angle in (0, 90, 180)]
    scene = Image.merge("RGB", light)
    cells, weight = 6, 0.5
    while cells < size[0] / 4:
        few = (cells, max(2, cells * size[1] // size[0]))
        clouds = Image.frombytes("RGB", few, rng.randbytes(few[0] * few[1] * 3))
        scene = Image.blend(scene, clouds.resize(size, Image.Resampling.BICUBIC), weight)
        cells, weight = cells * 2, max(0.05, weight * 0.6)
    draw = ImageDraw.Draw(scene)
    for number in range(120):
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        reach = rng.randrange(4, max(5, size[0] // 10))
        colour = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
        if number % 2:
            draw.ellipse((x, y, x + reach, y + reach * 2 // 3), fill=colour)
        else:
            draw.line((x, y, x + reach * 2, y + reach), fill=colour, width=max(1, size[0] // 400))
    return scene


def _grain(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Return grey noise around 128, as a sensor's after its colours were put together."""
    noise = Image.frombytes("L", (_TILE, _TILE), rng.randbytes(_TILE * _TILE))
    tile = noise.filter(ImageFilter.GaussianBlur(0.8)).point(lambda value: 128 + (value - 128) // 4)
    grain = Image.new("L", size)
    for left in range(0, size[0], _TILE):
        for top in range(0, size[1], _TILE):
            grain.paste(tile, (left, top))
    return Image.merge("RGB", (grain, grain, grain))


def _jpeg(megapixels: int, **options: object) -> Callable[[Path], None]:
    return lambda path: photo(megapixels).save(path, "JPEG", **_CAMERA, **options)


def _png(path: Path) -> None:
    photo(48).save(path, "PNG", compress_level=3)  # the usual 6 takes 15 s, and reads as fast


def _heic(path: Path) -> None:
    import pillow_heif

    pillow_heif.from_pillow(photo(48)).save(
        path,
        quality=60,
        enc_params={"preset": "ultrafast"},  # a minute otherwise
    )


MAKERS: Final[dict[str, Callable[[Path], None]]] = {
    **{f"{megapixels}mp.jpg": _jpeg(megapixels) for megapixels in SIDES},
    "progressive.jpg": _jpeg(48, progressive=True),
    "48mp.png": _png,
    "48mp.heic": _heic,
}


def main() -> None:
    """Make what is not there yet."""
    folder = Path(sys.argv[1])
    for name in sys.argv[2:]:
        path = folder / name
        if not path.exists():
            unfinished = path.with_suffix(".part")
            MAKERS[name](unfinished)
            unfinished.rename(path)


if __name__ == "__main__":
    main()
