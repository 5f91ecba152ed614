"""Text on the sandbox's pictures, in the one typeface that Pillow carries."""

import functools
import unicodedata
from collections.abc import Iterator

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# The typeface has little beyond ASCII: what it lacks is shown by the nearest it has.
_SUBSTITUTES = str.maketrans(
    {
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "ß": "ss",
        "æ": "ae",
        "ø": "o",
        "ł": "l",
    }
)
_MISSING = "\u25a1"  # drawn as the typeface's box for missing letters
_LONGEST = 4000  # letters looked at; more never fit


@functools.lru_cache(maxsize=64)
def font(size: int) -> Font:
    """Return the typeface in a size in pixels, at least 4."""
    return ImageFont.load_default(max(4, size))


def line_height(size: int) -> int:
    """Return the distance between two lines of a size, in pixels."""
    return max(5, round(size * 1.35))


def plain(text: str) -> str:
    """Return text the typeface can show: accents dropped, control characters spaces."""
    shown = unicodedata.normalize("NFKD", text[:_LONGEST].translate(_SUBSTITUTES))
    letters = []
    for letter in shown:
        if unicodedata.combining(letter):
            continue
        category = unicodedata.category(letter)
        if letter.isspace() or category == "Cc":
            letters.append(" ")
        elif category == "Cf":  # joiners and marks of direction have no shape of their own
            continue
        elif category == "Cs":  # half a surrogate pair, as JSON can hold
            letters.append(_MISSING)
        else:
            letters.append(letter)
    return " ".join("".join(letters).split())


def fitted(text: str, width: float, size: int, smallest: int = 8) -> int:
    """Return the largest size up to `size` in which the text is no wider than `width`."""
    wide = font(size).getlength(text)
    if wide <= width:
        return size
    return max(smallest, int(size * width / wide))


def shorten(text: str, width: float, face: Font) -> str:
    """Return text no wider than `width` pixels, its middle left out if need be.

    The end stays, as that is where file names differ and show their type.
    """
    if face.getlength(text) <= width:
        return text
    for kept in range(min(len(text), 80), 3, -1):
        short = f"{text[: kept - kept // 3]}…{text[len(text) - kept // 3 :]}"
        if face.getlength(short) <= width:
            return short
    return ""


def wrap(text: str, width: float, face: Font, most: int) -> list[str]:
    """Return at most `most` lines no wider than `width` pixels; a cut ends in an ellipsis."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        for piece in _broken(word, width, face):
            longer = f"{line} {piece}" if line else piece
            if face.getlength(longer) <= width:
                line = longer
                continue
            lines.append(line)
            line = piece
            if len(lines) == most:
                return [*lines[:-1], _cut(lines[-1], width, face)]
    return [*lines, line][:most] if line else lines


def _broken(word: str, width: float, face: Font) -> Iterator[str]:
    """Yield a word in pieces that fit a line: one, unless it is very long."""
    if face.getlength(word) <= width:
        yield word
        return
    piece = ""
    for letter in word:
        if piece and face.getlength(piece + letter) > width:
            yield piece
            piece = ""
        piece += letter
    yield piece


def _cut(line: str, width: float, face: Font) -> str:
    while line and face.getlength(f"{line}…") > width:
        line = line[:-1]
    return f"{line.rstrip()}…"
