"""Slips of the hand: what was most likely meant is told in one line, or just done."""

from pathlib import Path

import pytest
from conftest import Run

GOOD = ("product.jpg", "scene.jpg", "-p", "the first image on the second image")

# --- texts as Windows writes them -------------------------------------------------------

WIDE = [
    (bom + text.encode(encoding), name)
    for name, encodings in {
        "UTF-16": {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"},
        "UTF-32": {"utf-32-le": b"\xff\xfe\0\0", "utf-32-be": b"\0\0\xfe\xff"},
    }.items()
    for encoding, mark in encodings.items()
    for bom in (mark, b"")
    for text in ("product.jpg\r\nscene.jpg\r\n", "product.jpg", "Фото/一 café 🙂.jpg\nscene.jpg\n")
]


@pytest.mark.parametrize(("data", "name"), WIDE)
def test_a_text_in_a_wide_encoding_is_named(run: Run, work: Path, data: bytes, name: str) -> None:
    """A list, prompt or token in UTF-16 or UTF-32, marked or not, is called so, with the cure."""
    (work / "text").write_bytes(data)
    lines = {
        ("-T", "text", "-p", "x"): 3,
        ("-0", "-T", "text", "-p", "x"): 3,
        ("product.jpg", "--prompt-file", "text"): 2,
        (*GOOD, "--token-file", "text"): 4,
    }
    if data == "product.jpg".encode("utf-16-le"):
        del lines["-0", "-T", "text", "-p", "x"]  # as good as names of a letter each

    for argv, code in lines.items():
        done = run("validate", *argv, PRODIA_TOKEN="t")
        flag = argv[-4] if argv[-2] == "-p" else argv[-2]
        assert done.code == code
        assert done.err == f"prodia-compose: error: {flag} text: is {name}: save it as UTF-8\n"


@pytest.mark.parametrize(
    "data",
    [b"product.jpg\0scene.jpg\0", b"product.jpg\0", b"abc\0def\0", b"\0", b"\0\0\0\0", b"a\0\n"],
)
def test_names_that_end_in_nul_are_told_from_it(run: Run, work: Path, data: bytes) -> None:
    """A list for `-0` is called one, however short its names are."""
    (work / "list").write_bytes(data)

    assert "-T list: holds NUL bytes; did you mean -0?" in run("validate", "-T", "list", *GOOD).err


def test_short_names_that_end_in_nul_are_names(run: Run, work: Path) -> None:
    """With `-0`, names of one letter are names."""
    (work / "list").write_bytes(b"a\0b\0c\0")

    assert "error: a: no such file" in run("validate", "-0", "-T", "list", "-p", "x").err


def test_the_mark_of_utf_8_is_no_part_of_a_token(run: Run, work: Path) -> None:
    """A token that PowerShell wrote as UTF-8 is taken."""
    (work / "token").write_bytes(b"\xef\xbb\xbfsecret\r\n")

    assert run("validate", "--strict", *GOOD, "--token-file", "token").code == 0
