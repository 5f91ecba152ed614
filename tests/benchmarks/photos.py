"""Pictures like photos, made from nothing, the same on every machine.

    python photos.py FOLDER NAME...

The tests' photos, enlarged, and over them the grain of a sensor: flat colours would flatter
every program, and plain noise would leave them nothing but decoding.
A program of its own, so that the one that measures stays small.
"""

import io
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import heif
import pictures
from PIL import Image, ImageChops, ImageFilter

SIDES: Final = {1: 1155, 3: 2000, 6: 2828, 12: 4000, 24: 5657, 48: 8000, 100: 11547}
"""The longer side by megapixels, at 4:3."""

_CAMERA: Final[dict[str, object]] = {"quality": 92, "subsampling": 2}
"""4:2:0, as cameras and phones write."""

_TILE = 1024


def photo(megapixels: int) -> Image.Image:
    """Return a picture of some megapixels."""
    width = SIDES[megapixels]
    size = (width, width * 3 // 4)
    scene = pictures.photo((width // 4, width * 3 // 16), megapixels)
    grain = _grain(size, random.Random(megapixels))
    return ImageChops.add(scene.resize(size, Image.Resampling.BICUBIC), grain, 1, -128)


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


def _png(megapixels: int) -> Callable[[Path], None]:
    # The usual 6 takes 15 s for 48 megapixels, and reads as fast.
    return lambda path: photo(megapixels).save(path, "PNG", compress_level=3)


def _heic(megapixels: int) -> Callable[[Path], None]:
    """Return what makes a HEIC of tiles, as phones do, of all whole ones that the photo has."""

    def make(path: Path) -> None:
        whole, side = photo(megapixels), heif.SIDE
        columns, rows = whole.width // side, whole.height // side
        corners = [(side * x, side * y) for y in range(rows) for x in range(columns)]
        coded = [_hevc(whole.crop((left, top, left + side, top + side))) for left, top in corners]
        path.write_bytes(heif.tiled(columns, coded[0][0], [data for _, data in coded]))

    return make


def _hevc(tile: Image.Image) -> tuple[heif.Property, bytes]:
    """Return how a picture is coded, and its data, from the file of it alone."""
    import pillow_heif

    stream = io.BytesIO()
    ultrafast = {"preset": "ultrafast"}  # several times as long otherwise
    pillow_heif.from_pillow(tile).save(
        stream, quality=60, enc_params=ultrafast, save_nclx_profile=False
    )
    file = stream.getvalue()
    return (b"hvcC", _content(file, b"hvcC")), _content(file, b"mdat")


def _content(file: bytes, box: bytes) -> bytes:
    at = file.index(box)
    return file[at + 4 : at - 4 + int.from_bytes(file[at - 4 : at], "big")]


MAKERS: Final[dict[str, Callable[[Path], None]]] = {
    **{f"{megapixels}mp.jpg": _jpeg(megapixels) for megapixels in SIDES},
    **{f"{megapixels}mp.png": _png(megapixels) for megapixels in (12, 48)},
    **{f"{megapixels}mp.heic": _heic(megapixels) for megapixels in (12, 48)},
    "progressive.jpg": _jpeg(48, progressive=True),
    "12mp.webp": lambda path: photo(12).save(path, "WEBP", quality=90, method=2),
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
