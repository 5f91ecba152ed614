"""Rows of cells as aligned lines."""

from collections.abc import Iterator, Sequence

_WIDEST = 40


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the rows of a table as lines, each column as wide as its widest cell.

    A cell that is very wide itself stands out, and does not push the others away.
    """
    widths = [
        max((len(cell) for cell in column if len(cell) <= _WIDEST), default=0)
        for column in zip(*rows, strict=True)
    ]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()
