"""Contact sheets: the same cells as one picture, or as several where it would be too large."""

import io
from pathlib import Path

import pytest
from PIL import Image
from reporting import row, written

from prodia_compose import errors
from prodia_compose.images.contact import Copy, Words
from prodia_compose.pipeline import made
from prodia_compose.progress import Stop
from prodia_compose.report.made import grid, pictures, sheet, writing

LONG = "a word that is far too long for its cell " * 9


def _sheets(here: Path, count: int, variants: int = 1, prompt: str = "a wall") -> list[sheet.Sheet]:
    rows = [
        row(
            f"r{number}~seed={seed}",
            number=number,
            prompt=f"{number} {prompt}",
            outputs=[{"path": "r.png"}],
            job={"config": {"prompt": "", "images": [], "seed": seed, "note": prompt}},
        )
        for number in range(count)
        for seed in range(variants)
    ]
    Image.new("RGB", (300, 900), (200, 30, 30)).save(here / "r.png")
    documents = made.documents(written(here / "x.jsonl", rows))
    arranged = grid.arranged(documents)
    shown = pictures.all_of(arranged, str(here), Stop())
    return list(sheet.sheets(arranged, documents, shown, prompts=True))


@pytest.mark.parametrize(("count", "variants"), [(1, 1), (3, 4), (2, 60), (160, 1)])
def test_all_cells_are_on_pages_of_no_more_than_80_megapixels(
    here: Path, count: int, variants: int
) -> None:
    """Each picture is on one page, inside it, at the length of its cell; no words leave a page."""
    pages = _sheets(here, count, variants, LONG if count < 10 else "")
    copies = [item for page in pages for item in page.items if isinstance(item, Copy)]

    assert len([one for one in copies if max(one.size) == 320]) == count * variants
    for page in pages:
        width, height = page.size
        assert width * height <= 80_000_000
        assert max(page.size) <= 65_500
        for item in page.items:
            if isinstance(item, Copy):
                assert 0 <= item.x <= width - item.size[0]
                assert 0 <= item.y <= height - item.size[1]
            elif isinstance(item, Words):
                assert 0 <= item.x < width
                assert 0 <= item.y <= height - item.block.height
    assert len(pages) == (1 if count * variants < 100 else len(pages))
    assert count < 160 or len(pages) > 1


def test_pages_are_files_of_their_own(here: Path) -> None:
    """The second page is called after the first; each is a picture of the kind its name says."""
    documents = made.documents(
        written(
            here / "x.jsonl",
            [
                row(f"r{n}", number=n, prompt=f"{n}", outputs=[{"path": "r.png"}])
                for n in range(160)
            ],
        )
    )
    Image.new("RGB", (90, 300), (200, 30, 30)).save(here / "r.png")
    assert writing.write(documents, writing.prove("sheet.jpg")) == ["sheet.jpg", "sheet-2.jpg"]
    pages = [
        Image.open(io.BytesIO((here / name).read_bytes())) for name in ("sheet.jpg", "sheet-2.jpg")
    ]
    assert [page.format for page in pages] == ["JPEG", "JPEG"]
    assert pages[0].size[0] == pages[1].size[0]


def test_a_cell_is_where_it_is_laid_out(here: Path) -> None:
    """What is painted is the picture, at its place, on the paper's colour."""
    (page,) = _sheets(here, 1)
    writing.write(made.documents("x.jsonl"), writing.prove("sheet.png"))
    painted = Image.open(io.BytesIO((here / "sheet.png").read_bytes()))
    (copy,) = [one for one in page.items if isinstance(one, Copy) and max(one.size) == 320]
    middle = painted.getpixel((copy.x + copy.size[0] // 2, copy.y + copy.size[1] // 2))

    assert painted.size == page.size
    assert isinstance(middle, tuple)
    assert max(abs(a - b) for a, b in zip(middle, (200, 30, 30), strict=True)) <= 6
    assert painted.getpixel((2, 2)) == (246, 245, 242)


def test_a_picture_that_is_gone_is_named(here: Path) -> None:
    """Where it would stand there is its name, and what is wrong."""
    documents = made.documents(written(here / "x.jsonl", [row("r1", images=[])]))
    (here / "r1.png").unlink()
    arranged = grid.arranged(documents)
    shown = pictures.all_of(arranged, str(here), Stop())
    (page,) = sheet.sheets(arranged, documents, shown, prompts=True)
    words = [" ".join(one.block.lines) for one in page.items if isinstance(one, Words)]
    assert "r1.png: its file is gone" in words


def test_a_set_that_fits_no_page(here: Path) -> None:
    """One with pictures enough for more than the highest page is told; a page of HTML has it."""
    many = [{"path": "r.png"} for _ in range(300)]
    documents = made.documents(written(here / "x.jsonl", [row("r1", outputs=many)]))
    Image.new("RGB", (90, 90), (200, 30, 30)).save(here / "r.png")
    with pytest.raises(errors.InputError, match=r"^r1: too many pictures for a contact sheet; ask"):
        writing.write(documents, writing.prove("sheet.jpg"))
    assert not (here / "sheet.jpg").exists()
    assert writing.write(documents, writing.prove("page.html")) == ["page.html"]
