"""Help of `validate`: it shows what can change what is printed or how it ends, and nothing else."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import loopback
import pytest
from conftest import TOKEN, Run
from PIL import Image

from prodia_compose.cli.options.declared import ComposeOptions, ValidateOptions
from prodia_compose.cli.options.reading import options_of
from prodia_compose.sandbox import faults, server
from prodia_compose.sandbox.service import SandboxOptions

LINE = "product.jpg -p 'Put the mug on a table'"

ONLY_SENDING = {
    "--dry-run": "",  # nothing is sent anyway
    "--stall-timeout": " 0.001",  # nothing is uploaded
    "--max-wait": " 0",  # no service is asked, so none is busy
    "--async": "",  # nothing is submitted
}
"""The options of `compose` that change nothing of `validate`, and their values."""

CHANGING = {
    "--input": (LINE, "-i scene=scene.jpg"),
    "--files-from": (LINE, "-T list.txt"),
    "--null": (f"{LINE} -T list.nul", "-0"),
    "--sort": (f"{LINE} -T list.txt", "--sort name"),
    "--from": (LINE, "--from nowhere.json"),
    "--unset": (LINE, "--unset seed"),
    "--max-side": (LINE, "--max-side 90"),
    "--max-pixels": (LINE, "--max-pixels 9000"),
    "--max-input-pixels": (LINE, "--max-input-pixels 10"),
    "--no-resize": (f"{LINE} --max-side 90", "--no-resize"),
    "--quality": (f"{LINE} --max-side 90", "--quality 10"),
    "--background": ("clear.png -p 'Put it on a table'", "--background grey"),
    "--keep-alpha": ("clear.png -p 'Put it on a table'", "--keep-alpha"),
    "--keep-metadata": ("exif.jpg -p 'Put it on a table'", "--keep-metadata"),
    "--prompt": ("product.jpg", "-p 'Put the mug on a table'"),
    "--prompt-file": ("product.jpg", "--prompt-file list.txt"),
    "--no-lint": ("product.jpg -p 'Put image 3 into image 1'", "--no-lint"),
    "--model": (LINE, "-m seedream-5-lite"),
    "--aspect-ratio": (LINE, "--aspect-ratio 16:9"),
    "--width": (f"{LINE} -m flux-2-pro", "--width 512"),
    "--height": (f"{LINE} -m flux-2-pro", "--height 512"),
    "--match": (LINE, "--match 1"),
    "--steps": (f"{LINE} -m flux-2-dev", "--steps 9"),
    "--guidance": (f"{LINE} -m flux-2-dev", "--guidance 9"),
    "--seed": (f"{LINE} -m flux-2-dev", "--seed 9"),
    "--resolution": (f"{LINE} -m gemini-3-pro", "--resolution 4K"),
    "--safety-tolerance": (f"{LINE} -m flux-2-pro", "--safety-tolerance 0"),
    "--set": (LINE, "--set include_messages=true"),
    "--output": (LINE, "-o out.png"),
    "--format": (f"{LINE} -o out", "--format png"),
    "--if-exists": (f"{LINE} -o taken.jpg", "--if-exists skip"),
    "--force": (f"{LINE} -o taken.jpg", "-f"),
    "--create-dirs": (f"{LINE} -o new/out.jpg", "--create-dirs"),
    "--sidecar": (f"{LINE} -o beside.jpg", "--sidecar"),
    "--max-cost": (LINE, "--max-cost 0.001"),
    "--assume-price": (f"{LINE} -m inference.new.img2img.v1", "--assume-price 0.04"),
    "--strict": ("product.jpg -p 'Put image 3 into image 1'", "--strict"),
    "--save-request": (LINE, "--save-request saved"),
    "--again": ("scene.jpg -p lost", "--again"),
    "--if-made": ("scene.jpg -p made", "--if-made reuse"),
    "--sandbox": (f"{LINE} --token-file list.txt", "--sandbox"),
    "--token-file": (LINE, "--token-file list.txt"),
    "--connect-timeout": (f"{LINE} SILENT", "--connect-timeout 0"),
    "--timeout": (f"{LINE} SILENT", "--timeout 0.1"),
    "--json": (LINE, "--json"),
    "--quiet": ("product.jpg -p 'Put image 3 into image 1'", "-q"),
    "--verbose": (LINE, "-v"),
    "--config": (LINE, "--config other.toml"),
    "--preview": (f"{LINE} -v", "--preview"),
}
"""A line, and how it is made another by each option of `validate`."""

CODES = {
    0: LINE,
    2: f"{LINE} --quality 101",
    3: f"{LINE} gone.jpg",
    4: f"{LINE} --token-file list.txt",
    7: f"{LINE} http://127.0.0.1:9/a.jpg",
    8: f"{LINE} -o taken.jpg",
    9: "scene.jpg -p lost",
    12: f"{LINE} --max-cost 0.001",
}
"""A line for each exit code that `validate` ends with; 130 and the like are the signals' tests."""


@pytest.fixture
def service(run: Run, work: Path, paid: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make pictures, files, and a record of two jobs: one may be billed, the other is saved."""
    Image.new("RGBA", (64, 48), (200, 30, 30, 90)).save("clear.png")
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    Image.new("RGB", (64, 48), "red").save("exif.jpg", exif=exif)
    Path("list.txt").write_text("scene.jpg\nproduct.jpg\n")
    Path("list.nul").write_bytes(b"scene.jpg\0product.jpg\0")
    Path("taken.jpg").write_bytes(b"x")
    Path("beside.jpg.json").write_bytes(b"x")
    Path("other.toml").write_text("[compose]\nmodel = 'flux-2-pro'\n")
    options = SandboxOptions(token=TOKEN, faults=(faults.parse_fault("drop-after:1"),))
    with server.Sandbox(options) as started:
        monkeypatch.setenv("PRODIA_BASE_URL", started.url)
        monkeypatch.setenv("PRODIA_TOKEN", TOKEN)
        assert run("compose", "scene.jpg", "-p", "lost").code == 9
        assert run("compose", "scene.jpg", "-p", "made").code == 0
        yield


def _shown(text: str) -> list[str]:
    return re.findall(
        r"^  (?:-\w, )?(--[\w-]+)", text.partition("\n  Exit codes:")[0], re.MULTILINE
    )


def test_each_option_of_compose_is_shown_or_there_is_a_reason(run: Run) -> None:
    """`validate` takes all that `compose` does, and shows what changes its answer."""
    taken = {one.long for one in options_of(ValidateOptions) if one.names}

    assert taken == {one.long for one in options_of(ComposeOptions) if one.names}
    assert taken == {*CHANGING, *ONLY_SENDING, "--base-url"}  # which no help shows
    assert set(_shown(run("validate", "-h").text)) == {*CHANGING, "--help"}
    assert set(_shown(run("compose", "-h").text)) == {*CHANGING, *ONLY_SENDING, "--help"}


@pytest.mark.usefixtures("service")
def test_what_is_hidden_changes_nothing(run: Run) -> None:
    """A line with an option that says only how to send is taken, and answered as without it."""
    lines = [
        *CODES.values(),
        f"{LINE} --json",
        f"{LINE} -v",
        "scene.jpg -p made",
        "",
        "nothing.jpg",
    ]
    for line in lines:
        plain = run("validate", *shlex.split(line))
        for option, value in ONLY_SENDING.items():
            assert run("validate", *shlex.split(f"{line} {option}{value}")) == plain, (line, option)


@pytest.mark.usefixtures("service")
def test_what_is_shown_changes_something(run: Run, work: Path) -> None:
    """For each option in help there is a line that is answered otherwise with it."""
    with loopback.serve([loopback.silent()]) as silent:
        for option, (line, more) in CHANGING.items():
            words = shlex.split(line.replace("SILENT", f"{silent.url}/a.jpg"))
            if "SILENT" in line:
                words += ["--timeout", "0.2"]
            plain = run("validate", *words)
            assert run("validate", *words, *shlex.split(more)) != plain, option
    assert Path("saved/send.sh").is_file()


@pytest.mark.usefixtures("service")
def test_codes_in_its_help_are_those_it_ends_with(run: Run) -> None:
    """Each code is some line's, and no other is in help."""
    for code, line in CODES.items():
        assert run("validate", *shlex.split(line)).code == code, line
    end = " ".join(run("validate", "-h").text.split("Exit codes:")[1].split())

    assert [int(code) for code in re.findall(r"\b(\d+) [a-z]", end)] == [*CODES, 130]
