"""Tables on terminals of all widths: what is folded, what stays in one piece."""

import re
from collections.abc import Sequence

import pytest

from prodia_compose.report import tables

HASH = f"sha256:{'0123456789abcdef' * 4}"

FACTS = [
    ("images", "at most 14", "[the guide, Combining Multiple Images]"),
    ("each file", "7 MB", "[ours: its siblings' figure]"),
    ("price", "$0.08", "[docs.prodia.com/models/gemini-3/ and more]"),
]


def lines(rows: Sequence[Sequence[str]], columns: int, gap: str = "  ") -> list[str]:
    """Return the lines of a table on a terminal without colour."""
    return [*tables.aligned(rows, tables.Layout(columns=columns), gap=gap)]


@pytest.mark.parametrize("columns", range(24, 80))
def test_a_number_stays_with_its_unit(columns: int) -> None:
    """However narrow it is, no line begins with a unit, and each word is there."""
    answer = "1 room.jpg 4032x3024 -> 3404x2553 (9 MP combined); 8 MB as image-2.jpg, 12 kB, 1 byte"
    shown = lines([("images", answer)], columns, gap=" ")

    assert " ".join(" ".join(shown).split()) == f"images {answer}"
    assert [one for one in shown if re.match(r"\s*(MP|MB|kB|byte)\b", one)] == []
    assert max(map(len, shown)) <= columns


@pytest.mark.parametrize("columns", range(24, 80))
def test_letters_of_two_cells_count_as_two(columns: int) -> None:
    """No line is wider than the terminal, no letter is lost, and columns stand below each other."""
    name = "写真の製品のとても長い名前のファイル" * 3
    folded = lines([("images", f"1 {name}.jpg 640x480"), ("prompt", "全角")], columns)
    wide = lines([("写真", "a"), ("name", "b")], columns)

    assert "".join("".join(folded).split()) == f"images1{name}.jpg640x480prompt全角"
    assert max(map(tables.width, folded)) <= columns
    assert wide == ["写真  a", "name  b"]


@pytest.mark.parametrize(
    ("text", "room", "shown"),
    [
        ("写真の製品", 10, "写真の製品"),
        ("写真の製品", 9, "写真の製…"),
        ("写真の製品", 8, "写真の…"),
        ("写真 の製品", 6, "写真…"),
        ("a\\u202eb", 7, "a…"),
        ("a\\u202eb", 8, "a\\u202eb"),
        ("ab\\x1bcd", 6, "ab…"),
        ("plain", 4, "pla…"),
    ],
)
def test_a_text_is_cut_by_its_cells(text: str, room: int, shown: str) -> None:
    """What is left fits, and has no part of an escape."""
    assert tables.cut(text, room) == shown
    assert tables.width(shown) <= room


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (100, f"digest {HASH}"),
        (78, f"digest {HASH}"),
        (77, HASH),
        (73, HASH),
        (72, HASH[:19] + "…"),
    ],
)
def test_a_hash_is_whole_if_it_fits_a_line(columns: int, shown: str) -> None:
    """Beside its name, or below it; its first figures are shown where no line takes it."""
    found = lines([("digest", HASH)], columns, gap=" ")

    assert found == (
        [shown] if shown.startswith("digest") else found[:1] * (len(found) - 1) + found[-1:]
    )
    assert shown in " ".join(found)
    assert max(map(len, found)) <= columns


def test_a_third_cell_comes_below_the_second() -> None:
    """Rows that fit stay as they are; of the others each cell has lines of its own."""
    assert lines(FACTS, 56) == [
        "images     at most 14",
        "           [the guide, Combining Multiple Images]",
        "each file  7 MB        [ours: its siblings' figure]",
        "price      $0.08",
        "           [docs.prodia.com/models/gemini-3/ and more]",
    ]


def test_all_from_a_word_on_that_is_too_long_comes_below() -> None:
    """It begins at the left, so that it is whole, and what follows it begins there, too."""
    assert lines(FACTS[2:], 39) == [
        "price  $0.08",
        "  [docs.prodia.com/models/gemini-3/ and",
        "  more]",
    ]


@pytest.mark.parametrize("columns", [1, 5, 10, 20, 30])
def test_nothing_is_lost_where_it_is_too_narrow(columns: int) -> None:
    """All words are there in any case."""
    shown = " ".join(lines(FACTS, columns)).split()

    assert sorted(shown) == sorted(word for row in FACTS for cell in row for word in cell.split())


def test_an_empty_row_is_an_empty_line() -> None:
    """It parts what stands above it from what comes below, folded or not."""
    rows = [("a", "b", "c" * 9), ("", "", ""), ("[batch]", "", ""), ("d", "e", "f")]
    for columns in (14, 30, 60):
        assert "" in lines(rows, columns)
