"""What the program does with the streams it is given: terminals, pipes, full disks, none."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from terminals import PROGRAM, on_a_terminal

from prodia_compose.sandbox import server

LINE = ("product.jpg", "scene.jpg", "-p", "the first image on the second image")


def test_a_pipe_shows_no_progress(work: Path, process: Run, sandbox: server.Sandbox) -> None:
    """Without a terminal nothing is animated, even where colour is forced."""
    done = process("compose", *LINE, FORCE_COLOR="1")

    assert (done.code, done.out, done.err) == (0, b"composed.jpg\n", "")


@pytest.mark.parametrize(
    ("env", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb", "FORCE_COLOR": "1"}, True)],
    ids=["terminal", "no-color", "forced"],
)
def test_colour_follows_the_conventions(work: Path, env: dict[str, str], coloured: bool) -> None:  # noqa: FBT001
    """NO_COLOR takes colour away from a terminal, FORCE_COLOR gives it to a dumb one too."""
    shown = on_a_terminal(["compose", "gone.jpg", "-p", "x"], env=env)

    assert ("\x1b[31m" in shown.raw) is coloured
    assert "gone.jpg: no such file" in shown.screen


def test_bytes_never_go_to_a_terminal(work: Path, sandbox: server.Sandbox) -> None:
    """`-o -` is refused before sending where stdout is a terminal."""
    shown = on_a_terminal(["compose", *LINE, "-o", "-"], also_stdout=True)

    assert shown.code == 2
    assert "-o -: standard output is a terminal" in shown.raw
    assert len(sandbox.jobs) == 0


def run_into(to: str, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the program with a stdout that is a full disk, closed, or a pipe that nobody reads."""
    redirect = {"full": ">/dev/full", "closed": ">&-", "broken": ""}[to]
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirect}', "sh", *PROGRAM, *argv],
        stdin=subprocess.DEVNULL,
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
        check=False,
    )
    os.close(write_end)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("to", "unbuffered"), [("full", ""), ("broken", ""), ("broken", "1")], ids=str
)
def test_a_picture_that_stdout_does_not_take_is_kept(
    work: Path, sandbox: server.Sandbox, tmp_path: Path, to: str, unbuffered: str
) -> None:
    """When the disk is full or the reader of `-o -` is gone, it is rescued and the code is 10."""
    done = run_into(to, "compose", *LINE, "-o", "-", PYTHONUNBUFFERED=unbuffered)
    (kept,) = (tmp_path / "state/prodia-compose/sandbox/rescued").iterdir()

    assert done.returncode == 10
    assert str(kept) in done.stderr
    assert kept.read_bytes()[:2] == b"\xff\xd8"


def test_an_ignored_signal_stays_ignored(work: Path, sandbox: server.Sandbox) -> None:
    """Started with SIGHUP ignored, as by nohup, a run is not ended by it."""
    argv = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *PROGRAM, "compose", *LINE]

    assert subprocess.check_output(argv) == b"composed.jpg\n"


def test_sandbox_runs_a_command(work: Path, process: Run) -> None:
    """`sandbox -- CMD` sets both variables for the command and ends with its status."""
    script = 'test -n "$PRODIA_TOKEN" && exec "$@" || exit 99'
    made = process("sandbox", "--", "sh", "-c", script, "sh", *PROGRAM, "compose", *LINE)
    failed = process("sandbox", "--fault", "rejected", "--", *PROGRAM, "compose", *LINE, "-f")
    missing = process("sandbox", "--", "no-such-command-here")

    assert (made.code, made.out) == (0, b"composed.jpg\n")
    assert failed.code == 5
    assert (missing.code, len(missing.err.splitlines())) == (2, 1)


@pytest.mark.parametrize("words", [("--",), ()])
def test_what_a_command_takes_is_not_looked_at(work: Path, process: Run, words: Any) -> None:
    """Options of the command that `sandbox` runs are its own, however they are written."""
    script = 'printf "%s " "$@"'
    options = ("--port", "3", "-port", "-p=x", "--help", "--")
    done = process("sandbox", *words, "sh", "-c", script, "sh", *options)

    assert (done.code, done.text.split()) == (0, [*options])


@pytest.mark.parametrize("to", ["full", "closed", "broken"])
@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("compose", *LINE), 0),
        (("compose", *LINE, "--json"), 0),
        (("validate", *LINE), 8),
        (("models",), 8),
        (("--version",), 8),
        (("compose", "--help"), 8),
    ],
    ids=["compose", "compose-json", "validate", "models", "version", "help"],
)
def test_a_stdout_that_takes_nothing(
    work: Path, sandbox: server.Sandbox, to: str, argv: tuple[str, ...], code: int
) -> None:
    """One line names a saved picture, or the fault, its cure below; a reader that left is none."""
    if argv[-1] == "--help" and to == "closed":
        pytest.skip("Typer prints help to nowhere")
    done = run_into(to, *argv)

    assert done.returncode == (0 if to == "broken" else code)
    assert to == "broken" or len(done.stderr.splitlines()) == (1 if code == 0 else 2)
    if code == 0:
        assert (work / "composed.jpg").exists()
        assert to == "broken" or "composed.jpg" in done.stderr


def test_a_prompt_in_a_bare_locale_is_utf8(
    work: Path, process: Run, sandbox: server.Sandbox
) -> None:
    """Where the locale makes bytes of the arguments, a UTF-8 prompt is one all the same."""
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = process("compose", "product.jpg", "-p", "café in the first image", **env)

    assert (done.code, done.out) == (0, b"composed.jpg\n")
    assert "café in the first image" in json.dumps(sandbox.jobs[0].job, ensure_ascii=False)


PROMPT = "Put the mug from the first image on the table in the second image"

REPORT = ("validate", "product.jpg", "scene.jpg", "-p", PROMPT)


@pytest.mark.parametrize(
    "argv",
    [("models",), ("models", "flux-2-flex"), ("help",), (*REPORT, "--sandbox")],
    ids=" ".join,
)
@pytest.mark.parametrize("columns", [40, 80, 120, 200])
def test_tables_break_no_words(work: Path, run: Run, argv: tuple[str, ...], columns: int) -> None:
    """On a terminal of 40 columns and more each word is whole, hashes excepted that fit no line."""
    piped = run(*argv).text.splitlines()
    if columns == 40:
        piped = [re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}", r"\1…", line) for line in piped]
    shown = on_a_terminal(argv, columns=columns, also_stdout=True, env={"TERM": "dumb"})
    lines, words = shown.raw.splitlines(), shown.raw.split()

    assert {word for line in piped for word in line.split()} == {*words}
    assert [line for line in lines if len(line) > columns and len(line.split()) > 1] == []
    assert columns < 200 or lines == piped


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "linux"}, True),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
    ],
    ids=str,
)
def test_tables_know_colour(work: Path, env: dict[str, str], coloured: bool) -> None:  # noqa: FBT001
    """Headings are bold where stdout takes colour."""
    shown = on_a_terminal(["models"], also_stdout=True, env=env)

    assert ("\x1b[1mMODEL\x1b[0m" in shown.raw) is coloured
    assert ("\x1b" in shown.raw) is coloured


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--sandbox",), "\x1b[32mready\x1b[0m"),
        (("--sandbox", "-o", "no/a.jpg"), "\x1b[31m1 problem; "),
        ((), "\x1b[33mready but for the token, which is missing\x1b[0m"),
    ],
)
def test_a_result_is_coloured_by_meaning(work: Path, argv: tuple[str, ...], words: str) -> None:
    """The last line of a report shows at a glance whether all is well."""
    env = {"TERM": "xterm", "PRODIA_TOKEN": None}
    shown = on_a_terminal([*REPORT, *argv], also_stdout=True, env=env)

    assert f"result   {words}" in shown.raw


def test_money_ends_in_one_column(run: Run) -> None:
    """Prices and other numbers are aligned to the right, under the end of their title."""
    heading, *rows = run("models").text.splitlines()
    ends = [heading.index(title) + len(title) for title in ("IMAGES", "PRICE", "SECONDS")]

    assert len(rows) > 1
    for row in rows:
        assert [row[end - 1] != " " and row[end : end + 2] == "  " for end in ends] == [True] * 3


def test_a_narrow_terminal_gets_what_counts_first(run: Run) -> None:
    """The first columns stay a table; the others come below their row, each after its title."""
    shown = on_a_terminal(["models"], columns=40, also_stdout=True, env={"TERM": "dumb"})

    assert shown.raw.splitlines()[:5] == [
        "MODEL             IMAGES        PRICE",
        "nano-banana            3       $0.039",
        "  SECONDS 8  SEED no  SHAPE ratio",
        "  GOOD FOR flat rate, plain-language",
        "    edits",
    ]


def test_a_pipe_gets_a_row_a_line(run: Run) -> None:
    """Into a pipe a table is neither folded nor coloured, whatever COLUMNS says; unless forced."""
    plain, forced = run("models", COLUMNS="40"), run("models", FORCE_COLOR="1")

    assert len(plain.text.splitlines()) == len(forced.text.splitlines())
    assert "\x1b" not in plain.text
    assert forced.text.startswith("\x1b[1mMODEL\x1b[0m  ")
