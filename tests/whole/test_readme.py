"""The examples of README and of the pages of `help` do what is said of them, in real shells."""

import json
import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import loopback
import pytest
import readme
from conftest import Done, Run
from readme import Bench
from shells import Shell
from tables import table

from prodia_compose import errors

MUG = ["product.jpg", "scene.jpg"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an example leaves.

    Attributes:
        holds: Words that only this example holds.
        sent: The pictures of each job, in order.
        out: A pattern of all that is on standard output.
        makes: The files made: of pictures the format, of others the suffix.
        needs: Another program, and how it is asked for its name.
        config: Fields of the last job's config.
        says: A pattern of all that is on standard error.
        is_batch: Whether several jobs run at a time, in any order.
    """

    holds: str
    shells: Sequence[str] = ("bash",)
    sent: Sequence[list[str]] = (MUG,)
    out: str = "composed.jpg\n"
    makes: dict[str, str] = field(default_factory=lambda: {"composed.jpg": "JPEG"})
    needs: Sequence[str] = ()
    config: dict[str, object] = field(default_factory=dict)
    says: str = ""
    is_batch: bool = False


EXPECTED = [Expected(**row) for row in table("whole/examples")]

OTHERS: dict[str, str] = table("whole/other-examples")
"""The other examples, by words that only they hold: what runs them, or why nothing does."""


bench = readme.bench


def test_each_example_is_run() -> None:
    """No example of README is overlooked, and none is expected that is not there."""
    known = [*(expected.holds for expected in EXPECTED), *OTHERS]
    for words in known:
        readme.example(words)
    for one in readme.examples():
        assert any(words in one.text for words in known), f"README.md:{one.line}"
        assert max(len(line) for line in one.text.splitlines()) <= 100, f"README.md:{one.line}"
    assert {one.language for one in readme.examples()} == {"sh"}


def test_readme_is_short() -> None:
    """It is what a new user needs; the pages of `help` are the reference."""
    assert len(readme.TEXT.splitlines()) <= 250


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
    assert done.code == 0
    assert re.fullmatch(expected.says, "\n".join(said))
    assert re.fullmatch(expected.out, done.text, re.DOTALL)
    order = sorted if expected.is_batch else list
    assert order(bench.sent()) == order(expected.sent)
    assert {name: bench.kind(name) for name in bench.files() - before} == expected.makes
    if expected.config:
        config: Any = (bench.sandbox.jobs[-1].job or {})["config"]
        assert expected.config.items() <= config.items()


def test_the_recipes_run_one_after_the_other(bench: Bench) -> None:
    """All in one folder, from the first to the last: none is in the way of another."""
    readme.need("jq")
    block = readme.TEXT.split("## Recipes\n\n```sh\n")[1].split("```")[0]
    done = bench.run(block)

    assert done.code == 0, done.err
    assert {"mug.jpg", "mug-2.jpg", "tried/report.html", "four/report.html"} <= bench.files()
    assert len(bench.sandbox.jobs) == 23


def test_all_shells_read_the_examples(bench: Bench) -> None:
    """What is marked `sh`, or stands in a page, is POSIX: the plainest shell parses it, and so do the others."""
    pages = [one for page in readme.PAGES for one in readme.examples_of(page)]
    examples = [*readme.examples(), *pages]
    texts = "\n".join(one.text for one in examples if one.language == "sh")

    for shell in ("sh", "bash", "zsh"):
        readme.need(shell)
        assert bench.start([shell, "-n", "-c", texts]) == Done(code=0, out=b"", err="")


def test_a_saved_request_is_sent_later(bench: Bench, run: Run) -> None:
    """`send.sh` sends what was saved, and makes the picture that `compose` would make."""
    readme.need("curl")
    saved = bench.run(readme.example("# job.json, the pictures").text)
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
    argv = ("compose", *MUG, "-p", prompt, "-o", "out.png", "--strict")
    with loopback.serve([loopback.multipart_ok(picture)]) as service:
        kept = run(*argv, PRODIA_BASE_URL=service.url)
    (job,) = json.loads(run("jobs", "--json").out)["jobs"]
    done = bench.run(readme.example("jobs show 3f9c").text.replace("3f9c", job["id"][:5]))

    assert kept.code == 10
    assert (done.code, done.err) == (0, "")
    assert (bench.folder / "out.jpg").read_bytes() == picture
    for words in ("ID ", "received", prompt, "\nout.jpg\n", "$0.039"):
        assert words in done.text


def test_a_picture_is_looked_up(bench: Bench, run: Run) -> None:
    """The job of a picture is told with its prompt and inputs, and what a month has cost."""
    picture = (bench.folder / "scene.jpg").read_bytes()
    prompt = "the first image on the second image"
    with loopback.serve([loopback.multipart_ok(picture)]) as service:
        made = run("compose", *MUG, "-p", prompt, PRODIA_BASE_URL=service.url)
    text = readme.example("jobs spend --since 2026-11").text
    done = bench.run(text.replace("2026-11", f"{datetime.now(UTC):%Y-%m}"), "sh")

    assert (made.code, done.code, done.err) == (0, 0, "")
    for words in (prompt, str(bench.folder / "product.jpg"), "MAXIMUM", "$0.039"):
        assert words in done.text


def test_a_batch_is_made_every_night(bench: Bench) -> None:
    """The nightly script makes its rows, is silent, and says when the budget does not do."""
    text = readme.example("# nightly.sh").text
    made = bench.run(text, "sh")
    again = bench.run(text, "sh")
    short = bench.run(text.replace("--budget 2", "--budget 0.01").replace("%F", "%Y"), "sh")

    assert (made.code, made.err, again.code, again.err) == (0, "", 0, "")
    assert [Path(path).name for path in made.text.split()] == ["cup.jpg", "jug.jpg"]
    assert again.out == made.out
    assert len(bench.sandbox.jobs) == 2
    assert short.code == 12
    assert short.text == "two dollars are not enough for the next row\n"


def test_what_was_made_is_shown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page, a contact sheet and a table are made of a batch's results, and name no other file."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    made = bench.run("prodia-compose batch -q rows.jsonl --prompt-file prompt.txt -y", "sh")
    before = bench.files()
    done = bench.run(readme.example("report rows.jsonl.results.jsonl").text, "sh")

    assert (made.code, done.code, done.err) == (0, 0, "")
    assert done.text == "report.html\nreport.jpg\n"
    assert bench.files() - before == {"report.html", "report.jpg", "summary.md"}


def test_a_sandbox_is_kept_running(bench: Bench) -> None:
    """`sandbox` prints two lines that lead a shell to it, and serves until it is stopped."""
    command, *shown = readme.example("$ prodia-compose sandbox").text.splitlines()
    argv = [*readme.SHELLS["bash"], f"exec {command.removeprefix('$ ')}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        exports = [serving.stdout.readline() for _ in shown]
        line = readme.example("-o out.jpg \\\n    -p").text
        done = bench.run("".join([*exports, line]))
        serving.terminate()

    portless = [re.sub(r":\d+$", "", line.rstrip("\n")) for line in (*exports, *shown)]
    assert portless[: len(shown)] == portless[len(shown) :]
    assert done == Done(code=0, out=b"out.jpg\n", err="")
    assert bench.sent() == []
    assert serving.returncode == -signal.SIGTERM


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_is_set_up_on_a_fresh_account(bench: Bench, tmp_path: Path, name: str) -> None:
    """The lines for a shell need nothing in a home folder, and TAB works in the next shell."""
    home = tmp_path / "home"
    home.mkdir()
    done = bench.run(readme.example(f"completion {name} >").text, "sh", HOME=str(home))

    assert (done.code, done.out, done.err) == (0, b"", "")
    with Shell(name, home, bench.folder, is_installed=True) as shell:
        assert shell.run("prodia-compose compose prod\t") == ["compose", "product.jpg"]


# What README says beside them


def test_every_option_is_named(run: Run) -> None:
    """The page on options has each of `compose` by all its names, and those that are `batch`'s alone."""
    of_compose, of_batch = (_declared(run(command, "-h").text) for command in ("compose", "batch"))

    compose, batch = readme.PAGES["options"].split("Options of `batch` alone")
    assert _named_in(compose) == of_compose
    assert _named_in(batch) == of_batch - of_compose
    of_compare = _declared(run("compare", "-h").text)
    assert of_compare <= of_compose | of_batch
    assert not {"--if-exists", "--save-request", "--again"} & of_compare


def _named_in(text: str) -> set[str]:
    """Return the options that a list of the page on options names, by all their names."""
    listed = re.findall(r"^- .*(?:\n  .*)*", text, re.MULTILINE)
    return set(re.findall(r"`(--?[\w-]+)`", "".join(listed)))


def _declared(text: str) -> set[str]:
    """Return the options that a help text lists, by all their names."""
    listed = re.findall(r"^  (-.+?)(?:  | [A-Z<\d]|$)", text, re.MULTILINE)
    return {name for names in listed for name in names.split(", ")} - {"-h", "--help"}


def test_no_option_is_made_up(run: Run) -> None:
    """The long options that README names outside of examples are those of some command."""
    prose = re.sub(r"^```.*?^```$", "", readme.TEXT, flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", prose))
    commands = (
        (),
        ("compose",),
        ("validate",),
        ("batch",),
        ("compare",),
        ("models",),
        ("sandbox",),
        ("jobs",),
        ("report",),
    )
    texts = [run(*command, "-h").text for command in commands]

    assert named <= set(re.findall(r"(?<![\w-])--[a-z][\w-]*", "".join(texts)))


def test_links_lead_somewhere() -> None:
    """Each link inside README has its heading, each to a file its file, and each page a link."""
    headings = re.findall(r"^#+ (.+)$", readme.TEXT, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}

    assert set(re.findall(r"\]\(#(.+?)\)", readme.TEXT)) <= anchors
    files = re.findall(r"\]\((?!#|https:)(.+?)\)", readme.TEXT)
    assert all((readme.TOP / name).is_file() for name in files)
    topics = {f"prodia_compose/cli/topics/{page}.md" for page in readme.PAGES}
    assert topics <= set(files)
    assert set(re.findall(r"prodia-compose help ([a-z-]+)", readme.TEXT)) <= {*readme.PAGES}


def test_exit_codes_are_those_of_the_program() -> None:
    """README's table of exit codes has the codes there are, by their kinds."""
    rows = re.findall(r"^\| (\d+) \| ([\w-]+) \|", readme.TEXT, re.MULTILINE)
    kinds: list[type[errors.ComposeError]] = [errors.ComposeError]
    kinds += errors.ComposeError.__subclasses__()

    named = {int(e.exit_code): e.kind for e in kinds}
    assert {int(code): kind for code, kind in rows} == {**named, 11: "incomplete"}
