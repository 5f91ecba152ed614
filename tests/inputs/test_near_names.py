"""A missing file is answered with the one that was most likely meant."""

import time
from pathlib import Path

import pytest
from conftest import Run

from prodia_compose.inputs import files

PROMPT = ("-p", "the first image")


@pytest.mark.parametrize(
    ("there", "named", "near"),
    [
        ("product.jpg", "prodcut.jpg", "product.jpg"),
        ("product.jpg", "Product.JPG", "product.jpg"),
        ("product.jpg", "product.jpeg", "product.jpg"),
        ("photo.heic", "photo.jpg", "photo.heic"),
        ("product.jpg", "rpoduct.jpg", "product.jpg"),
        ("product.jpg", "product", "product.jpg"),
        ("in/scene.jpg", "in/scnee.jpg", "in/scene.jpg"),
        ("in/scene.jpg", "./in/scene.jp", "./in/scene.jpg"),
        ("in/scene.jpg", "scene.jpg", None),
        ("in/scene.jpg", "im/scene.jpg", None),
        ("a b.jpg", "a  b.jpg", "a b.jpg"),
        ("x.jpg/y", "x.jpeg", None),
        ("gone.jpg", "other.png", None),
        ("scene.jpg", ".jpg", None),
    ],
)
def test_the_nearest_file_is_named(here: Path, there: str, named: str, near: str | None) -> None:
    """By its letters in any case, its stem, or nearly its letters; folders are none."""
    Path(there).parent.mkdir(exist_ok=True)
    Path(there).touch()

    assert files.nearest(named) == near


def test_what_is_missing_is_told_with_what_is_near(run: Run, work: Path) -> None:
    """As an image, a list, a prompt's file and a config; a file that comes later is seen."""
    for name in ("list.txt", "prompt.txt", "own.toml"):
        Path(name).write_text("x")
    words = {
        "scnee.jpg": ("validate", "scnee.jpg", *PROMPT),
        "-T lits.txt": ("validate", "-T", "lits.txt", *PROMPT),
        "--prompt-file promt.txt": ("validate", "scene.jpg", "--prompt-file", "promt.txt"),
        "--config onw.toml": ("validate", "scene.jpg", *PROMPT, "--config", "onw.toml"),
    }
    near = {"scnee.jpg": "scene.jpg", "-T lits.txt": "list.txt"}
    near |= {"--prompt-file promt.txt": "prompt.txt", "--config onw.toml": "own.toml"}
    for called, argv in words.items():
        shown = f"error: {called}: no such file; did you mean {near[called]}?\n"
        assert shown in run(*argv).messages
    assert (
        "error: bild.png: no such file; check the name"
        in run("validate", "bild.png", *PROMPT).messages
    )
    Path("bild.jpg").touch()
    assert "did you mean bild.jpg?" in run("validate", "bild.png", *PROMPT).err


def test_many_that_are_missing_in_a_large_folder_are_told_in_time(here: Path) -> None:
    """However many names are alike there."""
    for number in range(3000):
        Path(f"IMG_{number:05}.jpg").touch()
    begun = time.process_time()
    found = {files.nearest(f"IMG_{number:05}.jpg") for number in range(5000, 5500)}

    assert found == {None}
    assert time.process_time() - begun < 8
