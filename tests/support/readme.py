"""The examples of README and of the pages of `help`, and a place where they can be run."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import conftest
import heif
import pytest
from conftest import SAMPLES, TOKEN, Done
from PIL import Image

from prodia_compose.sandbox import server

TOP = Path(__file__).parent.parent.parent
TEXT = (TOP / "README.md").read_text()
PAGES = {
    path.stem: path.read_text()
    for path in sorted((TOP / "prodia_compose" / "cli" / "topics").glob("*.md"))
}
"""The pages of `help`, by name."""

OTHER_LANGUAGES = {
    "-T <(": "bash",
    "$(patsubst": "make",
    "$ prodia-compose": "console",
    "[compose]": "toml",
}
"""What is no `sh` in the pages, by words that only it holds: no mark there says so."""

ROWS, TABLE = "cat > rows.jsonl << 'END'", "cat > shop.csv << 'END'"
"""The lines that write manifests, which other examples need."""

SHELLS = {
    "bash": ("bash", "-euo", "pipefail", "-c"),
    "sh": ("sh", "-eu", "-c"),
    "zsh": ("zsh", "-f", "-euo", "pipefail", "-c"),
}
"""How each shell is called, as strict as it can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What a reader would paste in one go; lines are counted from 1."""

    line: int
    language: str
    text: str


def examples() -> Iterator[Example]:
    """Yield the examples of README: scripts whole, other shell blocks by paragraph."""
    for block in re.finditer(r"^```([a-z]*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        is_by_paragraph = block[1] in ("sh", "bash") and not block[2].startswith("#!")
        at = block.start(2)
        for piece in block[2].split("\n\n") if is_by_paragraph else [block[2]]:
            line = TEXT.count("\n", 0, at) + 1
            yield Example(line=line, language=block[1], text=piece.rstrip("\n") + "\n")
            at += len(piece) + 2


def examples_of(page: str) -> Iterator[Example]:
    """Yield the examples of a page of `help`: each paragraph that is indented."""
    for block in re.finditer(r"(?:^    .*\n?)+", PAGES[page], re.MULTILINE):
        text = re.sub(r"^    ", "", block[0], flags=re.MULTILINE)
        found = [name for words, name in OTHER_LANGUAGES.items() if words in text]
        line = PAGES[page].count("\n", 0, block.start()) + 1
        yield Example(line=line, language=(*found, "sh")[0], text=text)


def example(holds: str) -> Example:
    """Return the only example that holds these words: README's, or if it has none the pages'."""
    found = [one for one in examples() if holds in one.text]
    if not found:
        found = [one for page in PAGES for one in examples_of(page) if holds in one.text]
    assert len(found) == 1, f"{holds!r} is in {len(found)} examples"
    return found[0]


def need(program: str, option: str = "", says: str = "") -> None:
    """Skip a test, or fail it in CI, where no program has a name, or says a word when asked."""
    found = shutil.which(program) is not None
    if found and option:
        asked = subprocess.run([program, option], capture_output=True, text=True, check=False)
        found = says in asked.stdout
    conftest.need(program, is_there=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A folder that holds the pictures README names, and a service that costs nothing."""

    folder: Path
    sandbox: server.Sandbox

    def run(self, text: str, shell: str = "bash", stdin: bytes = b"", **env: str) -> Done:
        """Run the text in a shell."""
        return self.start([*SHELLS[shell], text], stdin=stdin, **env)

    def start(self, argv: list[str], stdin: bytes = b"", **env: str) -> Done:
        """Run a program."""
        variables = {**os.environ, **env}
        done = subprocess.run(argv, input=stdin, capture_output=True, env=variables, check=False)
        return Done(code=done.returncode, out=done.stdout, err=done.stderr.decode())

    def files(self) -> set[str]:
        """Return the files there are."""
        found = [path for path in self.folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.folder)) for path in found}

    def sent(self) -> list[list[str]]:
        """Return the pictures of each job, by the files whose very bytes they are."""
        names = {
            hashlib.sha256((self.folder / name).read_bytes()).hexdigest(): name
            for name in sorted(self.files(), key=len, reverse=True)
        }
        jobs = self.sandbox.jobs
        return [[names.get(sent.sha256, "made") for sent in job.inputs] for job in jobs]

    def kind(self, name: str) -> str:
        """Return the format of a picture, and of another file its suffix."""
        path = self.folder / name
        if path.suffix not in (".jpg", ".png", ".webp"):
            return path.suffix
        with Image.open(path) as image:
            image.load()
            return str(image.format)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Give a bench to work in, with the program in PATH and a sandbox as the service."""
    programs, work = tmp_path / "bin", tmp_path / "work"
    programs.mkdir()
    program = programs / "prodia-compose"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m prodia_compose "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    shots, pairs = ("a", "shots/one", "shots/two", "shots/three"), ("1a", "1b", "2a", "2b")
    for number, name in enumerate((*shots, *(f"pairs/{pair}" for pair in pairs))):
        draw(work / f"{name}.jpg", number)
    for number, name in enumerate(("blue/1", "blue/2", "red/1", "red/10"), 40):
        draw(work / f"sets/{name}.jpg", number)
    for words in (ROWS, TABLE):
        lines = example(words).text.splitlines()
        written = lines[lines.index(words) + 1 : lines.index("END")]
        (work / words.split()[2]).write_text("".join(f"{line}\n" for line in written))
    for name in ("product.jpg", "scene.jpg"):
        shutil.copy(SAMPLES / name, work)
    (work / "photo.heic").write_bytes(heif.heic())
    (work / "prompt.txt").write_text("Put the mug from the first image into the second image\n")
    (work / "shots.txt").write_text("shots/one.jpg\nshots/two.jpg\n")
    monkeypatch.chdir(work)
    with server.Sandbox() as sandbox:
        monkeypatch.setenv("PRODIA_BASE_URL", sandbox.url)
        monkeypatch.setenv("PRODIA_TOKEN", TOKEN)
        yield Bench(folder=work, sandbox=sandbox)


def draw(path: Path, number: int) -> None:
    """Draw a picture; those of other numbers are others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (96 + number, 64), (20 * number % 256, 90, 160)).save(path)
