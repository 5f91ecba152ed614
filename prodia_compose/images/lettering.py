"""Words in a picture: lines that fit a box, in the typeface that Pillow has with it."""

import bisect
import functools
import itertools
import unicodedata
from collections.abc import Iterator

from PIL import ImageDraw, ImageFont

from prodia_compose.frozen import frozen

_LONGEST = 4000  # letters looked at; more never fit

# Pillow's own typeface has little beyond ASCII: what it lacks is shown by the nearest it has.
_SUBSTITUTES: dict[int, int | str] = {
    **str.maketrans("\u2013\u2014\u2212\u2018\xd7øł", "---'xol"),
    ord("ß"): "ss",
    ord("æ"): "ae",
}
# Accents and marks without a shape go; half a surrogate pair, as JSON can hold, is a box.
_CATEGORIES = {"Mn": "", "Me": "", "Cf": "", "Cc": " ", "Cs": "\u25a1"}


@frozen
class Block:
    """Lines of text in one size of the typeface, in pixels."""

    lines: tuple[str, ...]
    size: int

    @property
    def height(self) -> int:
        """What the lines take, in pixels."""
        return len(self.lines) * line_height(self.size)


def fit(text: str, width: float, height: float, largest: int) -> Block:
    """Return text as large as fits the box, down to three fifths of `largest`; then it is cut.

    There is always room for one line.
    """
    text = _plain(text)
    size = max(4, largest)
    smallest = max(4, largest * 3 // 5)
    while True:
        most = max(1, int(height // line_height(size)))
        lines = list(itertools.islice(_lines(text, width, size), most + 1))
        if len(lines) <= most:
            return Block(lines=tuple(lines), size=size)
        if size == smallest:
            last = lines[most - 1]
            while last and font(size).getlength(f"{last}…") > width:
                last = last[:-1]
            return Block(lines=(*lines[: most - 1], f"{last.rstrip()}…"), size=size)
        size = max(smallest, size - 2)


def _lines(text: str, width: float, size: int) -> Iterator[str]:
    """Yield text in lines, each broken between words, or inside one that is wider than a line."""
    face = font(size)
    while text:
        counts = range(1, min(len(text), int(5 * width / size)) + 1)  # few letters are narrower
        end = max(1, bisect.bisect_right(counts, width, key=lambda n: face.getlength(text[:n])))
        if end < len(text):
            after = [text.rfind(mark, 0, end) + 1 for mark in "-_"]
            end = max(text.rfind(" ", 1, end + 1), *after) or end
        yield text[:end]
        text = text[end:].lstrip()


@functools.lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the typeface in a size, in pixels."""
    return ImageFont.load_default(size)


def line_height(size: int) -> int:
    """Return what a line takes in a size of the typeface, in pixels."""
    return max(5, round(size * 1.35))


def _plain(text: str) -> str:
    """Return text the typeface can show, in one line."""
    shown = unicodedata.normalize("NFKD", text[:_LONGEST].translate(_SUBSTITUTES))
    letters = (_CATEGORIES.get(unicodedata.category(letter), letter) for letter in shown)
    return " ".join("".join(letters).split())


def write(
    on: ImageDraw.ImageDraw, x: float, y: float, block: Block, colour: str, anchor: str = "l"
) -> None:
    """Write a block whose top is at y and whose left, middle or right is at x."""
    for number, line in enumerate(block.lines):
        middle = y + line_height(block.size) * (number + 0.5)
        on.text((x, middle), line, colour, font(block.size), anchor=f"{anchor}m")
