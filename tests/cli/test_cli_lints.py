"""Slips in the prompt through the whole command: told before sending, refused, or not looked for."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import loopback
import pytest
from conftest import Run

from prodia_compose import errors

TWO = ("product.jpg", "scene.jpg")

SLIPS: dict[str, tuple[str, ...]] = {
    "ordinal-beyond-count": (*TWO, "-p", "The mug of the first image in the fourth image, and all"),
    "file-name-in-prompt": (*TWO, "-p", "Put product.jpg on the table in the second image"),
    "no-reference": (*TWO, "-p", "Put the mug on the table"),
    "image-not-referred": (*TWO, "-p", "Put the mug from the first image on the table"),
    "name-not-filled": (*TWO, "-p", "Put {mug} of the first image on the second image"),
    "unsorted-list": ("-T", "list.txt", "-p", "The mug of the first image in the second image"),
}
"""A command line for each slip; the list is in no order."""


@pytest.fixture(autouse=True)
def _list(work: Path) -> Iterator[None]:
    (work / "list.txt").write_text("scene.jpg\nproduct.jpg\n")
    yield
    assert not list(work.glob("composed*"))


def codes(err: str) -> list[str]:
    """Return the codes of the warnings on standard error."""
    return re.findall(r"^prodia-compose: warning: .+ \[([a-z-]+)\]$", err, re.MULTILINE)


@pytest.mark.parametrize("command", [("validate",), ("compose", "-n")], ids=" ".join)
@pytest.mark.parametrize("code", SLIPS)
def test_a_slip_is_a_warning(run: Run, code: str, command: tuple[str, ...]) -> None:
    """Each slip is a line on stderr before sending, and one of what to do; it stops nothing."""
    done = run(*command, *SLIPS[code], PRODIA_TOKEN="any")

    assert done.code == 0
    assert codes(done.err) == [code]
    assert [line.split(": ")[1] for line in done.err.splitlines()] == ["warning", "hint"]


@pytest.mark.parametrize("code", SLIPS)
def test_a_slip_is_in_the_document(run: Run, code: str) -> None:
    """With --json a slip stands in the plan, and stderr is silent."""
    done = run("validate", "--json", *SLIPS[code], PRODIA_TOKEN="any")

    assert done.err == ""
    assert [warned["code"] for warned in json.loads(done.out)["warnings"]] == [code]


@pytest.mark.parametrize("command", [("validate",), ("compose", "-n"), ("compose",)], ids=" ".join)
@pytest.mark.parametrize("code", SLIPS)
def test_strict_refuses_a_slip(run: Run, code: str, command: tuple[str, ...]) -> None:
    """Under --strict a slip is an input error, and nothing is sent."""
    with loopback.serve([]) as service:
        argv = (*command, "--strict", *SLIPS[code])
        done = run(*argv, PRODIA_BASE_URL=service.url, PRODIA_TOKEN="any")

    assert done.code == errors.ExitCode.INPUT
    assert done.err.startswith("prodia-compose: error: -")
    words, hint = done.err.splitlines()
    assert words.endswith(" (--strict)")
    assert hint.startswith("prodia-compose: hint: ")
    assert service.requests == []


@pytest.mark.parametrize("code", SLIPS)
def test_no_lint_does_not_look(run: Run, code: str) -> None:
    """With --no-lint none of it is looked for, under --strict as well."""
    done = run("validate", "--no-lint", "--strict", *SLIPS[code], PRODIA_TOKEN="any")

    assert done.code == 0
    assert done.err == ""


def test_the_prompts_file_is_named(run: Run, work: Path) -> None:
    """A slip names the option that the prompt came from."""
    (work / "p.txt").write_text("Put the mug on the table\n")
    done = run("validate", *TWO, "--prompt-file", "p.txt", PRODIA_TOKEN="any")

    assert done.err.startswith(
        "prodia-compose: warning: --prompt-file p.txt: refers to none of the 2 images"
    )


def test_labels_refer_to_their_images(run: Run, work: Path) -> None:
    """A label in the prompt is a reference, and the cure for an image without one."""
    common = ("validate", "-i", "mug=product.jpg", "-i", "room=scene.jpg", "-p")
    both = run(*common, "Put {mug} on the table in {room}", PRODIA_TOKEN="any")
    one = run(*common, "Put {mug} on the table", PRODIA_TOKEN="any")

    assert both.err == ""
    assert codes(one.err) == ["image-not-referred"]
    assert 'image 2 (scene.jpg); say "{room}" where it belongs' in one.messages


@pytest.mark.parametrize(
    ("sort", "found"), [("none", ["unsorted-list"]), ("name", []), ("natural", [])]
)
def test_a_sorted_list_is_in_order(run: Run, sort: str, found: list[str]) -> None:
    """--sort puts a list in order, so that there is nothing to tell."""
    done = run("validate", *SLIPS["unsorted-list"], "--sort", sort, PRODIA_TOKEN="any")

    assert codes(done.err) == found


def test_names_are_shown_escaped(run: Run, work: Path) -> None:
    """A name that a terminal would obey is escaped in a warning."""
    (work / "\x1b[31m.jpg").write_bytes((work / "scene.jpg").read_bytes())
    done = run("validate", "product.jpg", "\x1b[31m.jpg", *SLIPS["no-reference"][2:])

    assert r"for \x1b[31m.jpg" in done.err
    assert "\x1b" not in done.err


@pytest.mark.parametrize(
    "argv",
    [
        ("product.jpg", "-T", "gone.txt", "-p", "Put the mug on the table"),
        ("-i", "mug=product.jpg", "scene.jpg", "-p", "Put {mgu} on the table"),
        (*TWO, "--prompt-file", "gone.txt"),
    ],
    ids=["list", "label", "file"],
)
def test_what_cannot_be_read_is_not_looked_over(run: Run, argv: tuple[str, ...]) -> None:
    """Without all the images, or without the prompt, only that is told."""
    done = run("validate", *argv, PRODIA_TOKEN="any")

    assert done.code in (errors.ExitCode.USAGE, errors.ExitCode.INPUT)
    assert codes(done.err) == []


def test_a_slip_is_not_told_beside_a_wrong_picture(run: Run) -> None:
    """Positions are not what they will be, so only what is wrong with the list is told."""
    done = run("validate", "gone.jpg", "scene.jpg", *SLIPS["no-reference"][2:], PRODIA_TOKEN="any")

    assert done.code == errors.ExitCode.INPUT
    assert "gone.jpg: no such file" in done.err
    assert codes(done.err) == []
