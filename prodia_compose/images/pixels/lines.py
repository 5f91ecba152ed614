"""Where decoding a JPEG at a reduced scale must not be relied on: lines a few pixels apart, text.

libjpeg leaves out what is too fine for the scale, block by block; of lines that do not fall in
with its blocks, bold stripes remain, or thin ones of uneven strength. Measured at 8000 x 6000 ->
2048 px, against Lanczos on the whole picture:

============================  ===================  ==============  ==========================
picture                       decoded at half      found here      roughness (see `are_in`)
============================  ===================  ==============  ==========================
28 made of camera photos      51.5 to 53.9 dB      27 are left so  14 to 25; 3 to 9
lines, 1 black in 3 to 48     22.6 to 41 dB        all             12 to 103; 11 to 102
text of 11 and 20 px          33.6 to 42.9 dB      all             32 to 54; 30 to 38
rings, ever narrower          32.3 dB              all             121; 100
============================  ===================  ==============  ==========================

Lines 1 in 2 and 1 in 4 come out right, at half the size.
"""

from collections.abc import Iterator
from typing import Final

from PIL import Image, ImageChops

_LIMITS: Final = ((26, 1000), (10, 8))
"""How rough no more than one in so many patches may be: what is strong, and what is everywhere.

Rough is by how much a pixel differs from the mean of the two beside it, of 255."""

_PATCH: Final = 64
_LOOK_ROWS: Final = 8
"""Of each patch's rows; all of them would take a third of the time that the decoder takes."""


def are_in(image: Image.Image) -> bool:
    """Tell whether more of a decoded picture's patches are rough than of any photo's."""
    patches = list(_roughness(image))
    return any(sum(each > rough for each in patches) * few > len(patches) for rough, few in _LIMITS)


def _roughness(image: Image.Image) -> Iterator[int]:
    """Yield how rough each patch is along its rows and down its columns, in its worst band."""
    width, height = image.size
    for top in range(0, height, _PATCH):
        rows = image.crop((0, top, width, min(top + _LOOK_ROWS, height)))
        for across, down in ((1, 0), (0, 1)):
            inner = rows.width - 2 * across, rows.height - 2 * down
            if min(inner) < 1:
                continue
            before, here, after = (
                rows.crop((at * across, at * down, at * across + inner[0], at * down + inner[1]))
                for at in range(3)
            )
            off = ImageChops.difference(here, Image.blend(before, after, 0.5))
            patches = off.reduce((_PATCH, _LOOK_ROWS))
            yield from map(max, zip(*(band.tobytes() for band in patches.split()), strict=True))
