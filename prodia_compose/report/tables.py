"""Rows of cells as aligned lines, as wide as a terminal is."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from prodia_compose.frozen import frozen

BOLD, RED, GREEN, YELLOW = "1", "31", "32", "33"

_WIDEST = 40
_WORD = re.compile(r"^\s*\S+|\S+")

_ROOM = {True: 12, False: 20}
"""What the last column has at least: under a heading, and without one."""


class Styled(str):
    """A cell in bold or in a colour; `style` is what stands in `ESC [ ... m`."""

    __slots__ = ("style",)
    style: str


def styled(text: str, style: str) -> Styled:
    """Return a text with its style."""
    made = Styled(text)
    made.style = style
    return made


def heading(*titles: str) -> tuple[str, ...]:
    """Return the first row of a table."""
    return tuple(styled(title, BOLD) for title in titles)


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
    terminal is too narrow, cells are folded between words; where even that leaves no room,
    rows are: under a `heading` each becomes a block of lines with their titles.
    """
    table = [*zip(*rows, strict=True)]
    widths = [max((len(cell) for cell in one if len(cell) <= _WIDEST), default=0) for one in table]
    lines = [_line(row, row, widths, gap, layout) for row in rows]
    plain = [_line(row, row, widths, gap, PLAIN) for row in rows]
    if layout.columns is None or max(map(len, plain), default=0) <= layout.columns:
        yield from lines
        return
    words = [[len(word) for cell in one for word in _WORD.findall(cell)] for one in table[:-1]]
    least = [max(one, default=0) for one in words]
    is_headed = all(isinstance(cell, Styled) for cell in rows[0])
    spare = layout.columns - len(gap) * len(least) - sum(least) - _ROOM[is_headed]
    if spare >= 0:
        yield from _folded(rows, _shared(table, least, spare), gap, layout)
    elif is_headed:
        yield from _blocks(rows, layout)
    else:
        for row in rows:
            yield from _wrapped(gap.join(row), layout.columns, "    ")


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
    """Yield rows folded between words; a word too long for the last column begins further left."""
    columns, before = layout.columns or 0, sum(widths) + len(gap) * len(widths)
    whole = [*widths, max(1, columns - before)]
    for row in rows:
        folded = [_wrapped(cell, width) for cell, width in zip(row, whole, strict=True)]
        lines = max(map(len, folded[:-1]), default=0)
        for at, word in enumerate(folded[-1]):
            if len(word) > whole[-1]:  # it comes below all that stands left of it
                folded[-1][at:at] = [""] * (lines - at)
                break
        for pieces in zip_longest(*folded, fillvalue=""):
            if len(pieces[-1]) <= whole[-1]:
                yield _line(pieces, row, whole, gap, layout)
                continue
            indent = max(0, min(before, columns - len(pieces[-1])))
            yield " " * indent + _painted(pieces[-1], row[-1], layout)


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    import textwrap  # noqa: PLC0415 - only for what does not fit

    wrapper = textwrap.TextWrapper(
        width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return wrapper.wrap(text)


def _blocks(rows: Sequence[Sequence[str]], layout: Layout) -> Iterator[str]:
    """Yield each row as its first cell, and the others below it with their titles."""
    titles, *below = rows
    for row in below:
        yield _painted(row[0], titles[0], layout)
        cells = [(f"  {title}", cell) for title, cell in zip(titles[1:], row[1:], strict=True)]
        yield from aligned(cells, layout)


def _line(
    pieces: Sequence[str], row: Sequence[str], widths: Sequence[int], gap: str, layout: Layout
) -> str:
    """Return the pieces of a row's cells that stand in one line."""
    cells = [
        _painted(piece, cell, layout) + " " * (width - len(piece))
        for piece, cell, width in zip(pieces, row, widths, strict=True)
    ]
    return gap.join(cells).rstrip()


def _painted(piece: str, cell: str, layout: Layout) -> str:
    if piece and layout.in_colour and isinstance(cell, Styled):
        return f"\x1b[{cell.style}m{piece}\x1b[0m"
    return piece
