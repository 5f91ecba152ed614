"""Words in pictures fit the boxes that they are for."""

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from prodia_compose.images import lettering


@settings(max_examples=60)
@given(st.text(max_size=300), st.integers(1, 400))
def test_wrapped_lines_fit(text: str, width: int) -> None:
    """Lines are no wider than told, unless one letter is, and no more than told."""
    block = lettering.fit(text, width, 80, 14)
    face = ImageFont.load_default(block.size)

    assert block.height <= 80
    assert all(face.getlength(line) <= width for line in block.lines if len(line) > 1)


def test_names_are_whole_where_they_fit() -> None:
    """A file name shrinks, then takes a second line, before anything of it is left out."""
    for length in (10, 30, 50):
        name = f"{'holiday-in_the_mountains' * 3}"[:length] + ".jpg"
        block = lettering.fit(name, 188, 34, 20)
        assert ("".join(block.lines), len(block.lines) <= 2) == (name, True)
