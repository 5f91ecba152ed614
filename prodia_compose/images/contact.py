"""Contact sheets: pictures and words painted where somebody has laid them out."""

import io
from collections.abc import Iterable
from typing import BinaryIO, Literal

from PIL import Image, ImageDraw

from prodia_compose.frozen import frozen
from prodia_compose.images import lettering
from prodia_compose.images.lettering import Block
from prodia_compose.images.plan import Size
from prodia_compose.images.thumbnails import Small

Format = Literal["jpg", "png"]

LONGEST_SIDE = 65_500  # as of a JPEG

_NAMES: dict[Format, str] = {"jpg": "JPEG", "png": "PNG"}


@frozen
class Words:
    """Lines of text in a colour, the top of them at y and their left at x, in pixels."""

    x: int
    y: int
    block: Block
    colour: str


@frozen
class Copy:
    """A small copy of a picture at (x, y), made to fill a size, in pixels."""

    x: int
    y: int
    size: Size
    small: Small


@frozen
class Area:
    """A filled area, (left, top, right, bottom) in pixels."""

    box: tuple[int, int, int, int]
    colour: str


def painted(
    size: Size, paper: str, items: Iterable[Words | Copy | Area], format_: Format, file: BinaryIO
) -> None:
    """Write a sheet of some size and colour with all items on it, the later ones on top, to a file.

    Raises:
        OSError: It cannot be written.
    """
    canvas = Image.new("RGB", size, paper)
    pen = ImageDraw.Draw(canvas)
    for item in items:
        if isinstance(item, Words):
            lettering.write(pen, item.x, item.y, item.block, item.colour)
        elif isinstance(item, Area):
            pen.rectangle(item.box, item.colour)
        else:
            with Image.open(io.BytesIO(item.small.data), formats=["JPEG"]) as image:
                fitting = image if image.size == item.size else image.resize(item.size)
                canvas.paste(fitting, (item.x, item.y))
    canvas.save(file, _NAMES[format_], quality=88, compress_level=6)
