"""Rows of cells as aligned lines, as wide as a terminal is."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest

from prodia_compose.frozen import frozen

BOLD, RED, GREEN, YELLOW = "1", "31", "32", "33"

_WIDEST = 40
_HASH = re.compile(r"\b((?:sha256:)?[0-9a-f]{12})[0-9a-f]{52}\b")  # as much of it as of a job's id
_WORD = re.compile(r"^\s*\S+|\S+")

_UNIT = re.compile(r"(?<=\d) (?=(?:bytes?|[kMG]B|MP|px)\b)")
_GLUE = "\ue000"  # for private use: here, what no line is folded at

_SECOND = "\ue001"  # for private use: here, the second cell of a letter that takes two
_HALF = re.compile(r"\\(u[0-9a-f]{0,3}|x[0-9a-f]?)?$")  # what is left of an escape

_ROOM = 20  # what the last column has at least, beside others
_LEFT = 2  # where a word begins that is too long for it


class Styled(str):
    """A cell in bold or in a colour; `style` is what stands in `ESC [ ... m`.

    Below a title that `is_right`, cells end where it ends, as numbers do.
    """

    __slots__ = ("is_right", "style")
    style: str
    is_right: bool


def styled(text: str, style: str, *, is_right: bool = False) -> Styled:
    """Return a text with its style."""
    made = Styled(text)
    made.style, made.is_right = style, is_right
    return made


def heading(*titles: str, right: Collection[str] = ()) -> tuple[str, ...]:
    """Return the first row of a table, the columns of most worth first.

    Args:
        titles: What stands over each column.
        right: Those of them whose cells are aligned to the right.
    """
    return tuple(styled(title, BOLD, is_right=title in right) for title in titles)


@frozen
class Layout:
    """What a table is shown on.

    Attributes:
        columns: The width of a terminal; None for what has none, and gets a line a row.
        in_colour: Whether it takes colour.
    """

    columns: int | None = None
    in_colour: bool = False


PLAIN = Layout()


def aligned(
    rows: Sequence[Sequence[str]], layout: Layout = PLAIN, *, gap: str = "  "
) -> Iterator[str]:
    """Yield the rows of a table as lines, each column as wide as its widest cell.

    A cell that is very wide itself stands out, and does not push the others away. Where a
    terminal is too narrow, under a `heading` the last columns come below the rest of their
    row, each cell after its title; without one, they come below the second cell of their row,
    and all are folded between words. Of a hash that is wider than the terminal the first
    figures are shown. Letters that take two cells of a terminal count as two.
    """
    for line in _aligned([[*map(_spread, row)] for row in rows], layout, gap):
        yield line.replace(_SECOND, "")


def cut(text: str, room: int) -> str:
    """Return a text that takes so many cells of a terminal at most, none of its escapes in parts."""
    cells = _spread(text)
    if len(cells) <= room:
        return text
    end = room - 2 if cells[room - 1] == _SECOND else room - 1  # no letter's first half
    return f"{_HALF.sub('', cells[:end].replace(_SECOND, '')).rstrip()}…"


def width(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    return len(_spread(text))


def _spread(text: str) -> str:
    """Return a cell with a mark behind each letter that takes two, so that its length is its width."""
    if text.isascii():
        return text
    spread = "".join(
        f"{letter}{_SECOND}" if unicodedata.east_asian_width(letter) in ("W", "F") else letter
        for letter in text
    )
    if isinstance(text, Styled):
        return styled(spread, text.style, is_right=text.is_right)
    return spread


def _aligned(rows: Sequence[Sequence[str]], layout: Layout, gap: str) -> Iterator[str]:
    """As `aligned`, of cells that are as long as wide."""
    lines = [*_whole(rows, gap, layout)]
    if layout.columns is None or _width(rows, gap) <= layout.columns:
        yield from lines
        return
    if all(isinstance(cell, Styled) for cell in rows[0]):
        yield from _blocks(rows, gap, layout)
        return
    rows = [[_short(cell, layout.columns) for cell in row] for row in rows]
    if len(rows[0]) > 2:
        rows = [*_stacked(rows, gap, layout.columns)]
    table = [*zip(*rows, strict=True)]
    words = [[len(word) for cell in one for word in _WORD.findall(cell)] for one in table[:-1]]
    least = [max(one, default=0) for one in words]
    spare = layout.columns - len(gap) * len(least) - sum(least) - _ROOM
    if spare >= 0:
        yield from _folded(rows, _shared(table, least, spare), gap, layout)
        return
    for row in rows:
        yield from _wrapped(gap.join(row), layout.columns, "    ") or [""]


def _whole(rows: Sequence[Sequence[str]], gap: str, layout: Layout) -> Iterator[str]:
    """Yield each row as a line."""
    columns = zip(*rows, strict=True)
    widths = [
        max((len(cell) for cell in one if len(cell) <= _WIDEST), default=0) for one in columns
    ]
    is_right = [isinstance(cell, Styled) and cell.is_right for cell in rows[0]]
    for row in rows:
        yield _line(row, row, widths, gap, layout, is_right)


def _short(cell: str, columns: int) -> str:
    """Return a cell with only the first figures of a hash that is wider than the terminal."""

    def cut(hash_: re.Match[str]) -> str:
        return hash_[0] if len(hash_[0]) <= columns - _LEFT else f"{hash_[1]}…"

    return cell if isinstance(cell, Styled) else _HASH.sub(cut, cell)


def _stacked(rows: Sequence[Sequence[str]], gap: str, columns: int) -> Iterator[tuple[str, str]]:
    """Yield rows of two cells: where a row does not fit, each cell comes below the one before."""
    label = max((len(row[0]) for row in rows if len(row[0]) <= _WIDEST), default=0)
    for row, line in zip(rows, _whole(rows, gap, PLAIN), strict=True):
        if len(line) <= columns:
            yield row[0], line[max(label, len(row[0])) + len(gap) :]
            continue
        for at, cell in enumerate([cell for cell in row[1:] if cell] or [""]):
            yield "" if at else row[0], cell


def _width(rows: Sequence[Sequence[str]], gap: str) -> int:
    """Return how many columns of a terminal these rows take."""
    return max(map(len, _whole(rows, gap, PLAIN)), default=0)


def _shared(table: Sequence[Sequence[str]], least: Sequence[int], spare: int) -> list[int]:
    """Return the widths of all columns but the last, the first of which get what is to spare."""
    widths = []
    for column, width in zip(table, least, strict=False):
        widths.append(min(max(map(len, column)), width + spare))
        spare -= widths[-1] - width
    return widths


def _folded(
    rows: Sequence[Sequence[str]], widths: Sequence[int], gap: str, layout: Layout
) -> Iterator[str]:
    """Yield rows folded between words; from a word too long for the last column on, below all."""
    columns, before = layout.columns or 0, sum(widths) + len(gap) * len(widths)
    whole = [*widths, max(1, columns - before)]
    for row in rows:
        cells = zip(row, whole, strict=True)
        *heads, last = (_wrapped(cell, width) for cell, width in cells)
        if not any(row):
            yield ""
        at = next((at for at, piece in enumerate(last) if len(piece) > whole[-1]), len(last))
        for pieces in zip_longest(*heads, last[:at], fillvalue=""):
            yield _line(pieces, row, whole, gap, layout)
        for piece in _wrapped(" ".join(last[at:]), columns - _LEFT):
            indent = max(0, min(_LEFT, columns - len(piece)))
            yield " " * indent + _painted(piece, row[-1], layout)


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Return a text folded between words, no number parted from its unit."""
    import textwrap  # noqa: PLC0415 - only for what does not fit

    # No blanks part the words of scripts with wide letters; a line may end between a letter's cells.
    has_wide = _SECOND in text
    wrapper = textwrap.TextWrapper(
        max(1, width - has_wide),
        subsequent_indent=indent,
        break_long_words=has_wide,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in wrapper.wrap(_UNIT.sub(_GLUE, text))]


def _blocks(rows: Sequence[Sequence[str]], gap: str, layout: Layout) -> Iterator[str]:
    """Yield as many of the first columns as find room, and below each row its other cells."""
    columns, count = layout.columns or 0, len(rows[0]) - 1
    while count > 1 and _width([row[:count] for row in rows], gap) > columns:
        count -= 1
    heads = _whole([row[:count] for row in rows], gap, layout)
    yield next(heads)
    for row, head in zip(rows[1:], heads, strict=True):
        yield head
        yield from _below([*zip(rows[0][count:], row[count:], strict=True)], gap, layout)


def _below(cells: Sequence[tuple[str, str]], gap: str, layout: Layout) -> Iterator[str]:
    """Yield cells after their titles, as many to a line as find room; what is empty is left out."""
    columns, line, used = layout.columns or 0, "", 0
    for title, cell in cells:
        text = f"{title} {cell}" if cell else ""
        if line and used + len(gap) + len(text) > columns:
            yield line
            line = ""
        if 2 + len(text) > columns:
            yield from (f"  {piece}" for piece in _wrapped(text, columns - 2, "  "))
        elif text:
            used = used + len(gap) + len(text) if line else 2 + len(text)
            line += f"{gap if line else '  '}{title} {_painted(cell, cell, layout)}"
    if line:
        yield line


def _line(
    pieces: Sequence[str],
    row: Sequence[str],
    widths: Sequence[int],
    gap: str,
    layout: Layout,
    is_right: Sequence[bool] = (),
) -> str:
    """Return the pieces of a row's cells that stand in one line."""
    cells = []
    rights = is_right or [False] * len(widths)
    for piece, cell, width, right in zip(pieces, row, widths, rights, strict=True):
        blank = " " * (width - len(piece))
        painted = _painted(piece, cell, layout)
        cells.append(blank + painted if right else painted + blank)
    return gap.join(cells).rstrip()


def _painted(piece: str, cell: str, layout: Layout) -> str:
    if piece and layout.in_colour and isinstance(cell, Styled):
        return f"\x1b[{cell.style}m{piece}\x1b[0m"
    return piece
