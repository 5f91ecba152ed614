"""README's examples do what README says of them, in real shells."""

import importlib.resources
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import loopback
import pytest
import readme
from conftest import Done, Run
from readme import Bench

from prodia_compose import errors
from prodia_compose.sandbox.faults import FAULT_KINDS

MUG = ["product.jpg", "scene.jpg"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an example leaves.

    Attributes:
        holds: Words that only this example holds.
        shells: Which it is for.
        sent: The pictures of each job, in order.
        out: A pattern of all that is on standard output.
        makes: The files made: of pictures the format, of others the suffix.
        needs: Another program, and how it is asked for its name.
        config: Fields of the last job's config.
    """

    holds: str
    shells: tuple[str, ...] = ("bash",)
    sent: list[list[str]] = field(default_factory=lambda: [MUG])
    out: str = "composed.jpg\n"
    makes: dict[str, str] = field(default_factory=lambda: {"composed.jpg": "JPEG"})
    needs: tuple[str, ...] = ()
    config: dict[str, object] = field(default_factory=dict)


EXPECTED = (
    Expected(holds="-o out.jpg \\\n    -p", out="out.jpg\n", makes={"out.jpg": "JPEG"}),
    Expected(
        holds="Sends nothing",
        sent=[],
        out=r"model .*price    \$0\.039\nresult   ready\n",
        makes={},
    ),
    Expected(
        holds="{mug}",
        config={"prompt": "Put the first image on the table in the second image"},
    ),
    Expected(
        holds="flux-2-flex",
        out="out.png\n",
        makes={"out.png": "PNG"},
        config={"width": 1024, "height": 1024, "steps": 50},
    ),
    Expected(
        holds="--save-request",
        sent=[],
        out=r"model .*\nsaved    request; send it with request/send\.sh\n.*",
        makes={
            "request/job.json": ".json",
            "request/product.jpg": "JPEG",
            "request/scene.jpg": "JPEG",
            "request/send.sh": ".sh",
        },
    ),
    Expected(holds="--match 2", config={"aspect_ratio": "3:2"}),
    Expected(
        holds="find shots -name '*.jpg' -print0",
        sent=[["shots/one.jpg", "shots/three.jpg", "shots/two.jpg"]],
    ),
    Expected(
        holds="while IFS= read -r",
        sent=[["product.jpg", "shots/one.jpg"], ["product.jpg", "shots/two.jpg"]],
        out="out/one.jpg\nout/two.jpg\n",
        makes={"out/one.jpg": "JPEG", "out/two.jpg": "JPEG"},
    ),
    Expected(
        holds="xargs -0 -n 2",
        sent=[["pairs/1a.jpg", "pairs/1b.jpg"], ["pairs/2a.jpg", "pairs/2b.jpg"]],
        out="out/1b.jpg\nout/2b.jpg\n",
        makes={"out/1b.jpg": "JPEG", "out/2b.jpg": "JPEG"},
    ),
    Expected(holds="compose - a.jpg", sent=[MUG, ["made", "a.jpg"]]),
    Expected(
        holds="convert",
        out="",
        makes={"small.png": "PNG"},
        needs=("convert", "-version", "ImageMagick"),
    ),
    Expected(
        holds="'END'",
        config={
            "prompt": "Put the mug from the first image on the table in the second image.\n"
            "Keep the light of the second image."
        },
    ),
    Expected(
        holds="-T <(",
        shells=("bash", "zsh"),
        sent=[["product.jpg", "shots/three.jpg", "shots/two.jpg"]],
    ),
    Expected(
        holds="{path, sent_width, changes}",
        sent=[],
        out=r"\{\n *\"path\": \"product.jpg\",\n *\"sent_width\": 640,\n *\"changes\": \[\].*"
        r"\"sent_width\": 960,.*",
        makes={},
        needs=("jq",),
    ),
    Expected(holds=".output.path, .price_usd", out="composed.jpg\n0.039\n", needs=("jq",)),
    Expected(
        holds="select(.max_images",
        sent=[],
        out="gemini-3.1-flash\nflux-2-dev\nflux-2-pro\nflux-2-flex\nflux-2-max\nseedream-5-lite\n",
        makes={},
        needs=("jq",),
    ),
)

OTHERS = {
    "pip install -q . &&": "its mark lets .ci/run run it, in a clean copy",
    "pip install -q '.[test]'": "its mark lets .ci/run run it",
    "docs.prodia.com": "test_a_picture_comes_from_the_web",
    "request/send.sh out.jpg": "test_a_saved_request_is_sent_later",
    "patsubst": "test_readme_pipelines.py",
    "#!/bin/sh": "test_readme_pipelines.py",
    "sandbox -- ./make": "test_readme_pipelines.py",
    "--fault drop-after --": "test_readme_pipelines.py",
    "jobs show 3f9c": "test_the_record_is_looked_at",
    "$ prodia-compose sandbox": "test_a_sandbox_is_kept_running",
}
"""The other examples, by words that only they hold: what runs them, or why nothing does."""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Give a folder with what README names, and a service."""
    with readme.bench(tmp_path, monkeypatch) as made:
        yield made


def test_each_example_is_run() -> None:
    """No example of README is overlooked, and none is expected that is not there."""
    known = [*(expected.holds for expected in EXPECTED), *OTHERS]

    for words in known:
        readme.example(words)
    for one in readme.examples():
        assert any(words in one.text for words in known), f"README.md:{one.line}"
        assert max(len(line) for line in one.text.splitlines()) <= 100, f"README.md:{one.line}"
    assert {one.language for one in readme.examples()} == {"sh", "bash", "make", "console"}


@pytest.mark.parametrize(
    ("expected", "shell"),
    [
        pytest.param(one, shell, id=f"{shell}: {one.holds}")
        for one in EXPECTED
        for shell in one.shells
    ],
)
def test_an_example_does_what_it_says(bench: Bench, expected: Expected, shell: str) -> None:
    """Each example sends the jobs it should, makes its files, prints its lines and is silent."""
    readme.need(shell)
    if expected.needs:
        readme.need(*expected.needs)
    before = bench.files()
    done = bench.run(readme.example(expected.holds).text, shell)

    # Newer ImageMagicks would rather be called magick, a name that older ones do not have.
    said = [line for line in done.err.splitlines() if "convert command is deprecated" not in line]
    assert (done.code, said) == (0, [])
    assert re.fullmatch(expected.out, done.text, re.DOTALL)
    assert bench.sent() == expected.sent
    assert {name: bench.kind(name) for name in bench.files() - before} == expected.makes
    if expected.config:
        job = bench.sandbox.jobs[-1].job
        assert job is not None
        config = job["config"]
        assert isinstance(config, dict)
        assert expected.config.items() <= config.items()


def test_all_shells_read_the_examples(bench: Bench) -> None:
    """What is marked `sh` is POSIX: the plainest shell parses it, and so do the others."""
    texts = "\n".join(one.text for one in readme.examples() if one.language == "sh")

    for shell in ("sh", "bash", "zsh"):
        readme.need(shell)
        assert bench.start([shell, "-n", "-c", texts]) == Done(code=0, out=b"", err="")


def test_a_saved_request_is_sent_later(bench: Bench, run: Run) -> None:
    """`send.sh` sends what was saved, and makes the picture that `compose` would make."""
    readme.need("curl")
    saved = bench.run(readme.example("--save-request").text)
    done = bench.run(readme.example("request/send.sh out.jpg").text, "sh")
    composed = run("compose", *MUG, "--prompt-file", "prompt.txt")

    assert (saved.code, saved.err, composed.code) == (0, "", 0)
    assert done == Done(code=0, out=b"out.jpg\n", err="")
    assert bench.kind("out.jpg") == "JPEG"
    sent, composed_sent = bench.sandbox.jobs
    assert (sent.job, sent.inputs) == (composed_sent.job, composed_sent.inputs)


def test_a_picture_comes_from_the_web(bench: Bench) -> None:
    """The picture of an address is sent like a file, and its host does not get the token."""
    picture = (bench.folder / "product.jpg").read_bytes()
    text = readme.example("docs.prodia.com").text
    with loopback.serve([loopback.ok(picture)]) as web:
        done = bench.run(text.replace("https://docs.prodia.com", web.url))

    assert done == Done(code=0, out=b"composed.jpg\n", err="")
    assert bench.sent() == [MUG]
    assert [asked.target for asked in web.requests] == ["/multi-input-product.jpg"]
    assert "Authorization" not in web.requests[0].headers


def test_the_record_is_looked_at(bench: Bench, run: Run) -> None:
    """The four commands list a job, show it, bring its picture, and sum up what it has cost."""
    picture = (bench.folder / "scene.jpg").read_bytes()
    prompt = "the first image on the second image"
    with loopback.serve([loopback.multipart_ok(picture)]) as service:
        kept = run(
            *("compose", *MUG, "-p", prompt, "-o", "out.png", "--strict"),
            PRODIA_BASE_URL=service.url,
        )
    (job,) = json.loads(run("jobs", "--json").out)["jobs"]
    done = bench.run(readme.example("jobs show 3f9c").text.replace("3f9c", job["id"][:5]))

    assert kept.code == 10
    assert (done.code, done.err) == (0, "")
    assert (bench.folder / "out.jpg").read_bytes() == picture
    for words in ("ID ", "received", prompt, "\nout.jpg\n", "$0.039"):
        assert words in done.text


def test_a_sandbox_is_kept_running(bench: Bench) -> None:
    """`sandbox` prints two lines that lead a shell to it, and serves until it is stopped."""
    command, *shown = readme.example("$ prodia-compose sandbox").text.splitlines()
    with subprocess.Popen(
        [*readme.SHELLS["bash"], f"exec {command.removeprefix('$ ')}"],
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        assert serving.stdout is not None
        exports = [serving.stdout.readline() for _ in shown]
        line = readme.example("-o out.jpg \\\n    -p").text
        done = bench.run("".join([*exports, line]))
        serving.terminate()

    assert [re.sub(r":\d+$", ":PORT", line.rstrip("\n")) for line in exports] == [
        re.sub(r":\d+$", ":PORT", line) for line in shown
    ]
    assert done == Done(code=0, out=b"out.jpg\n", err="")
    assert bench.sent() == []
    assert serving.returncode == -signal.SIGTERM


# What README says beside them


def test_every_option_is_named(run: Run) -> None:
    """README names each option of `compose` by all its names."""
    table = "\n".join(line for line in readme.TEXT.splitlines() if line.startswith("| ["))
    named = set(re.findall(r"`(--?[\w-]+)`", table))
    listed = re.findall(r"^  (-.+?)(?:  | [A-Z<\d]|$)", run("compose", "-h").text, re.MULTILINE)
    declared = {name for names in listed for name in names.split(", ")}

    assert named == declared - {"-h", "--help"}


def test_no_option_is_made_up(run: Run) -> None:
    """The long options that README names outside of examples are those of some command."""
    prose = re.sub(r"^```.*?^```$", "", readme.TEXT, flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", prose))
    commands = ((), ("compose",), ("validate",), ("models",), ("sandbox",), ("jobs",))
    texts = [run(*command, "-h").text for command in commands]

    assert named <= set(re.findall(r"(?<![\w-])--[a-z][\w-]*", "".join(texts)))


def test_links_lead_somewhere() -> None:
    """Each link inside README has its heading."""
    headings = re.findall(r"^#+ (.+)$", readme.TEXT, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}

    assert set(re.findall(r"\]\(#(.+?)\)", readme.TEXT)) <= anchors


def test_exit_codes_are_those_of_the_program() -> None:
    """README's table of exit codes has the codes there are, by their kinds."""
    rows = re.findall(r"^\| (\d+) \| ([\w-]+) \|", readme.TEXT, re.MULTILINE)
    kinds: list[type[errors.ComposeError]] = [errors.ComposeError]
    kinds += errors.ComposeError.__subclasses__()

    assert {int(code): kind for code, kind in rows} == {
        int(error.exit_code): error.kind for error in kinds
    }


def test_documents_are_those_with_a_schema() -> None:
    """README lists each document that the package has a schema of."""
    schemas = importlib.resources.files("prodia_compose").joinpath("report", "schemas").iterdir()
    listed = set(re.findall(r"`prodia-compose/(\w+@\d+)`", readme.TEXT))

    assert listed == {file.name.removesuffix(".json") for file in schemas}


def test_warnings_are_those_of_the_program() -> None:
    """README names the code of every warning."""
    for code in get_args(errors.WarningCode):
        assert f"`{code}`" in readme.TEXT


def test_faults_are_those_of_the_sandbox() -> None:
    """README names every kind of fault."""
    for kind in FAULT_KINDS:
        assert f"`{kind}`" in readme.TEXT
