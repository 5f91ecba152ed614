"""A picture as a terminal can show it: in cells of two pixels, one above the other."""

from dataclasses import replace

from prodia_compose.images import plan, prepare
from prodia_compose.images.options import Fitting
from prodia_compose.images.pixels import raster
from prodia_compose.images.probe import probe
from prodia_compose.inputs.blob import Opener

Cell = tuple[bytes, bytes | None]
"""The colours of the upper and the lower pixel, red, green and blue in a byte each; the lower one
is None below the last row of an odd number."""


def cells(opener: Opener, columns: int, lines: int, wishes: Fitting) -> list[list[Cell]]:
    """Return the lines of a picture made small: upright, in sRGB, over the wishes' background.

    It is as large as finds room at its own aspect, a cell being twice as high as it is wide,
    and not enlarged.

    Raises:
        errors.ComposeError: It is no picture, damaged, or too large.
    """
    info = probe.probe(opener, max_input_pixels=wishes.max_input_pixels)
    size = plan.fitted_into((info.width, info.height), (columns, 2 * lines))
    small = raster.decode(opener, info, size)
    image, _, _ = prepare.as_seen(small, info, replace(wishes, keep_alpha=False))
    data, row_bytes = image.tobytes(), 3 * image.width
    rows: list[list[bytes]] = [
        [data[at : at + 3] for at in range(start, start + row_bytes, 3)]
        for start in range(0, len(data), row_bytes)
    ]
    lower: list[list[bytes] | list[None]] = [*rows[1::2], [None] * image.width]
    return [[*zip(*pair, strict=True)] for pair in zip(rows[::2], lower, strict=False)]
