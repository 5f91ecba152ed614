"""Where things go on the sandbox's pictures: arithmetic only, all in pixels."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_DEFAULT_SIDE = 1024
_SMALLEST, _LARGEST = 64, 4096
_RESOLUTIONS = {"1K": 1024, "2K": 2048, "4K": 4096}


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; right and bottom are just outside of it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Its width, at least 1."""
        return max(1, self.right - self.left)

    @property
    def height(self) -> int:
        """Its height, at least 1."""
        return max(1, self.bottom - self.top)

    def inset(self, by: int) -> "Box":
        """Return the rectangle less a margin all around."""
        return Box(self.left + by, self.top + by, self.right - by, self.bottom - by)


def canvas_size(
    config: Mapping[str, object], first: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Return the (width, height) a job asks for.

    `width` and `height` win over `aspect_ratio`, which keeps the area of a square whose
    side `resolution` tells (1K if nothing does). `auto` is the first input's ratio.

    Args:
        config: The job's settings.
        first: The first input's upright (width, height); None if there is none.
    """
    width, height = config.get("width"), config.get("height")
    if _is_size(width) or _is_size(height):
        return (
            _clamped(width if _is_size(width) else _DEFAULT_SIDE),
            _clamped(height if _is_size(height) else _DEFAULT_SIDE),
        )
    side = _RESOLUTIONS.get(str(config.get("resolution")), _DEFAULT_SIDE)
    ratio = _ratio(config.get("aspect_ratio"), first)
    return (
        _clamped(8 * round(side * math.sqrt(ratio) / 8)),
        _clamped(8 * round(side / math.sqrt(ratio) / 8)),
    )


def _is_size(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _clamped(value: object) -> int:
    return int(min(_LARGEST, max(_SMALLEST, float(str(value)))))


def _ratio(text: object, first: tuple[int, int] | None) -> float:
    """Return width / height, between 1:8 and 8:1."""
    width, height = 1, 1
    if text == "auto" and first is not None:
        width, height = first
    elif found := re.fullmatch(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})", str(text)):
        width, height = int(found[1]), int(found[2])
    return min(8.0, max(1 / 8, width / height))


def cells(area: Box, ratios: Sequence[float], gap: int, caption: int) -> list[Box]:
    """Return one box a picture, in reading order, in the grid that shows them largest.

    Args:
        area: Where the grid goes; the last row is centred.
        ratios: Each picture's width / height.
        gap: The space between boxes.
        caption: The height each box keeps for words below its picture.
    """
    if not ratios:
        return []
    columns = max(
        range(1, len(ratios) + 1), key=lambda count: _shown(area, ratios, gap, caption, count)
    )
    rows = math.ceil(len(ratios) / columns)
    width = (area.width - gap * (columns - 1)) // columns
    height = (area.height - gap * (rows - 1)) // rows
    boxes = []
    for index in range(len(ratios)):
        row, column = divmod(index, columns)
        in_row = min(columns, len(ratios) - row * columns)
        indent = (area.width - in_row * width - gap * (in_row - 1)) // 2
        left = area.left + indent + column * (width + gap)
        top = area.top + row * (height + gap)
        boxes.append(Box(left, top, left + max(1, width), top + max(1, height)))
    return boxes


def _shown(area: Box, ratios: Sequence[float], gap: int, caption: int, columns: int) -> float:
    """Return the area that the pictures fill in a grid of so many columns."""
    rows = math.ceil(len(ratios) / columns)
    width = (area.width - gap * (columns - 1)) / columns
    height = (area.height - gap * (rows - 1)) / rows - caption
    if width < 1 or height < 1:
        return 0.0
    return sum(min(width, height * ratio) ** 2 / ratio for ratio in ratios)
