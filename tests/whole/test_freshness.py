"""What is made from the program is as the program would make it now."""

import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import draw_samples
import pytest
import regenerate
from conftest import Run, need
from PIL import Image, ImageChops, ImageStat

TOP = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("shell", regenerate.COMPLETIONS)
def test_completion_files_are_fresh(shell: str) -> None:
    """`completions/` holds what the program prints; `python tests/tools/regenerate.py` renews it."""
    assert regenerate.COMPLETIONS[shell].read_text() == regenerate.completion(shell)


@pytest.mark.parametrize(
    ("shell", "check"), [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])]
)
def test_shells_accept_their_completion_file(shell: str, check: list[str]) -> None:
    """Each shell that is here parses its file."""
    need(check[0], is_there=shutil.which(check[0]) is not None)
    subprocess.run([*check, str(regenerate.COMPLETIONS[shell])], check=True)


def test_what_a_tab_press_reads_is_fresh() -> None:
    """`offers.json` holds the commands as declared and what the catalogue allows."""
    assert regenerate.OFFERS.read_text() == regenerate.offers()


def test_readme_table_is_fresh() -> None:
    """README's model table is the catalogue's."""
    text = regenerate.README.read_text()
    assert text == regenerate.readme(text)


def test_samples_are_what_the_script_draws() -> None:
    """The kept sample pictures look as `draw_samples.py` draws them."""
    for name, drawn in (
        ("product.jpg", draw_samples.draw_product()),
        ("scene.jpg", draw_samples.draw_scene()),
    ):
        with Image.open(draw_samples.IMAGES / name) as kept:
            difference = ImageStat.Stat(ImageChops.difference(kept, drawn))
        assert max(difference.mean) < 3


def test_top_level_holds_what_the_design_names() -> None:
    """Nothing lies at the top but the files and folders that have a reason to."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=TOP, capture_output=True, text=True, check=False
    )
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    names = {line.split("/")[0] for line in tracked.stdout.splitlines()}
    visible = {name for name in names if not name.startswith(".")}
    assert visible <= {
        *("CHANGELOG.md", "README.md", "completions", "prodia_compose", "pyproject.toml", "tests"),
    }


def test_the_version_stands_once(run: Run) -> None:
    """`--version` prints the installed package's version; the changelog knows nothing newer."""
    version = metadata.version("prodia-compose")
    headings = re.findall(r"^## \[(.+?)\]", (TOP / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert run("--version").text == f"prodia-compose {version}\n"
    assert headings[0] in ("Unreleased", version)


@pytest.mark.parametrize(
    "command",
    [[], ["compose"], ["validate"], ["models"], ["sandbox"], ["completion"]],
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
