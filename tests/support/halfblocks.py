"""Pictures read back from what was written to a terminal in half blocks."""

import re
from collections.abc import Iterator

from PIL import Image
from terminals import Screen

_COLOUR = re.compile(r"([34])8;(?:2;(\d+);(\d+);(\d+)|5;(\d+))")


def _of_xterm(number: int) -> tuple[int, int, int]:
    """Return one of xterm's 256 colours, of which the first 16 are the user's to choose."""
    assert 16 <= number < 256
    if number >= 232:
        return (8 + 10 * (number - 232),) * 3
    steps = (number - 16) // 36, (number - 16) // 6 % 6, (number - 16) % 6
    red, green, blue = (55 + 40 * step if step else 0 for step in steps)
    return red, green, blue


def _colours(style: str) -> dict[str, tuple[int, int, int]]:
    """Return the fore- and background colours, "3" and "4", that a style sets."""
    found = {}
    for which, red, green, blue, number in _COLOUR.findall(style):
        found[which] = _of_xterm(int(number)) if number else (int(red), int(green), int(blue))
    return found


def pictures(written: str, columns: int) -> Iterator[Image.Image]:
    """Yield the pictures a terminal shows: from the top down, and from left to right.

    What neither of two neighbouring cells has written ends a picture. A missing lower half of
    the last line is left out.
    """
    screen = Screen(written, columns)
    lines = screen.text.split("\n")
    cells = {
        (row, column)
        for row, line in enumerate(lines)
        for column, char in enumerate(line)
        if char == "▀"
    }
    while cells:
        top, left = min(cells)
        right = next(at for at in range(left, columns + 1) if (top, at) not in cells)
        bottom = next(at for at in range(top, len(lines) + 1) if (at, left) not in cells)
        box = {(row, column) for row in range(top, bottom) for column in range(left, right)}
        assert box <= cells, "a picture is a rectangle"
        cells -= box
        found = {at: _colours(screen.styles[at]) for at in box}
        is_even = "4" in found[bottom - 1, left]
        image = Image.new("RGB", (right - left, 2 * (bottom - top) - (not is_even)))
        for (row, column), colours in found.items():
            for which, below in (("3", 0), ("4", 1)):
                if which in colours:
                    image.putpixel((column - left, 2 * (row - top) + below), colours[which])
        yield image
