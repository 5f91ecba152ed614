"""What is made from the program is as the program would make it now."""

import re
import shutil
import subprocess
from importlib import metadata

import draw_samples
import pytest
import regenerate
from conftest import Run, need
from PIL import Image, ImageChops, ImageStat


@pytest.mark.parametrize("shell", regenerate.COMPLETIONS)
def test_completion_files_are_fresh(shell: str) -> None:
    """`completions/` holds what the program prints; `python tests/tools/regenerate.py` renews it."""
    assert regenerate.COMPLETIONS[shell].read_text() == regenerate.completion(shell)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_accept_their_completion_file(shell: str) -> None:
    """Each shell that is here parses its file."""
    need(shell, is_there=shutil.which(shell) is not None)
    subprocess.run([shell, "-n", str(regenerate.COMPLETIONS[shell])], check=True)


def test_what_is_made_of_the_catalogue_is_fresh() -> None:
    """`offers.json` has the commands and what each model allows, README the table of models."""
    text = regenerate.README.read_text()
    assert regenerate.OFFERS.read_text() == regenerate.offers()
    assert text == regenerate.readme(text)


def test_samples_are_what_the_script_draws() -> None:
    """The kept sample pictures look as `draw_samples.py` draws them."""
    for name, draw in (("product", draw_samples.draw_product), ("scene", draw_samples.draw_scene)):
        with Image.open(draw_samples.IMAGES / f"{name}.jpg") as kept:
            difference = ImageStat.Stat(ImageChops.difference(kept, draw()))
        assert max(difference.mean) < 3


def test_top_level_holds_what_the_design_names() -> None:
    """Nothing lies at the top but the files and folders that have a reason to."""
    done = subprocess.run(
        ["git", "ls-files"], cwd=regenerate.TOP, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    names = {line.split("/")[0] for line in done.stdout.splitlines() if not line.startswith(".")}
    known = (
        "CHANGELOG.md",
        "README.md",
        "completions",
        "prodia_compose",
        "pyproject.toml",
        "tests",
    )
    assert names <= set(known)


def test_the_version_stands_once(run: Run) -> None:
    """`--version` prints the installed package's version; the changelog knows nothing newer."""
    version = metadata.version("prodia-compose")
    headings = re.findall(
        r"^## \[(.+?)\]", (regenerate.TOP / "CHANGELOG.md").read_text(), re.MULTILINE
    )

    assert run("--version").text == f"prodia-compose {version}\n"
    assert headings[0] in ("Unreleased", version)


@pytest.mark.parametrize(
    "command",
    [
        *([], ["compose"], ["validate"], ["models"], ["sandbox"], ["completion"]),
        *(["config"], ["config", "show"], ["config", "path"]),
    ],
    ids=lambda c: c[-1:] or ["root"],
)
def test_help_is_plain_and_fits(run: Run, command: list[str]) -> None:
    """Help of every command fits 80 columns, begins with examples and has no escape codes."""
    for flag in ("-h", "--help"):
        done = run(*command, flag, FORCE_COLOR="1", GITHUB_ACTIONS="true")
        assert done.code == 0
        assert "\x1b" not in done.text
        assert max(len(line) for line in done.text.splitlines()) <= 80
        assert done.text.index("prodia-compose ") < done.text.index("\nOptions:")


def test_commands_come_in_the_order_of_use(run: Run) -> None:
    """compose, validate and models come first in help."""
    listed = run("--help").text.split("Commands:")[1]
    names = re.findall(r"^  (\w+) ", listed, re.MULTILINE)
    assert names[:3] == ["compose", "validate", "models"]
