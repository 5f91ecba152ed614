"""Pictures in cells of two pixels."""

import pictures
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from prodia_compose.images import preview
from prodia_compose.images.options import Fitting

SIDES = st.integers(1, 300)


@given(size=st.tuples(SIDES, SIDES), columns=st.integers(1, 80), lines=st.integers(1, 40))
def test_a_picture_finds_room_in_its_shape(size: tuple[int, int], columns: int, lines: int) -> None:
    """It is as large as finds room, within a pixel of its shape, and never enlarged."""
    data = pictures.encoded(Image.new("RGB", size, pictures.RED), "PNG")
    cells = preview.cells(pictures.opener(data), columns, lines, Fitting())
    height = 2 * len(cells) - (cells[-1][0][1] is None)
    scale = min(1, columns / size[0], 2 * lines / size[1])

    assert len({len(row) for row in cells}) == 1
    assert len(cells[0]) <= columns
    assert len(cells) <= lines
    for found, before in zip((len(cells[0]), height), size, strict=True):
        assert abs(found - max(1, before * scale)) <= 0.5


def test_below_an_odd_last_row_is_nothing() -> None:
    """Of an odd number of rows the last cells have no lower colour, and all others have."""
    data = pictures.encoded(Image.new("RGB", (2, 3), pictures.RED), "PNG")
    red = bytes(pictures.RED)

    assert preview.cells(pictures.opener(data), 9, 9, Fitting()) == [
        [(red, red)] * 2,
        [(red, None)] * 2,
    ]
