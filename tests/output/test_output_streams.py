"""What every command writes, to the letter, and that odd surroundings change nothing of it."""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from tables import table
from terminals import PROGRAM, on_a_terminal

from prodia_compose.sandbox import server

LINE = ("product.jpg", "scene.jpg", "-p", "the first image on the second image")

VARYING = {
    r"http://127\.0\.0\.1:\d+": "URL",
    r"sha256:[0-9a-f]{64}": "DIGEST",
    r"\b[0-9a-f]{12}\b": "ID",
    r"\d{4}-\d\d-\d\d \d\d:\d\d": "MOMENT",
    r"\d+\.\d s": "SECONDS",
    r"\d+x\d+ JPEG, (?:[\d,]+ bytes|\d+ kB) in": "SIZE in",
}


def _fixed(text: str | bytes) -> str:
    """Return text with a word for all that differs from run to run."""
    fixed = text.decode() if isinstance(text, bytes) else text
    for pattern, word in VARYING.items():
        fixed = re.sub(pattern, word, fixed)
    return fixed


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command line, and all that it writes; None for what is only the same everywhere."""

    argv: Sequence[str]
    code: int
    out: str | None
    err: str | None


def _text(case: dict[str, Any], stream: str) -> str | None:
    lines = case.get(stream, [])
    return None if lines is None else "".join(f"{line}\n" for line in lines)


CASES = {
    name: Case(argv=case["argv"], code=case["code"], out=_text(case, "out"), err=_text(case, "err"))
    for name, case in table("output/commands").items()
}

SURROUNDINGS: tuple[dict[str, str], ...] = (
    {"NO_COLOR": "1", "FORCE_COLOR": "1"},
    {"NO_COLOR": "", "FORCE_COLOR": ""},
    {"FORCE_COLOR": "0"},
    {"GITHUB_ACTIONS": "true", "CI": "true", "PY_COLORS": "1"},
    {"CLICOLOR_FORCE": "1", "CLICOLOR": "1", "TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1"},
    {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
)

LOCALES: dict[str, dict[str, str]] = {
    "LC_ALL=C": {"LC_ALL": "C"},
    "a bare C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "ASCII": {"PYTHONIOENCODING": "ascii"},
    "Latin-1": {"PYTHONIOENCODING": "latin-1:strict"},
    "unbuffered": {"PYTHONUNBUFFERED": "1"},
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_command_writes(
    work: Path, run: Run, sandbox: server.Sandbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of stdout, all of stderr and the code; nothing of it for NO_COLOR and CI to change."""
    monkeypatch.setenv("PRODIA_COMPOSE_RECORD", "" if name == "no jobs" else "off")
    case = CASES[name]
    plain = run(*case.argv)

    assert plain.code == case.code
    assert case.out is None or _fixed(plain.out) == case.out
    assert case.err is None or _fixed(plain.err) == case.err
    for surroundings in SURROUNDINGS:
        done = run(*case.argv, **surroundings)
        assert (done.code, _fixed(done.out)) == (plain.code, _fixed(plain.out))
        assert _fixed(done.err) == _fixed(plain.err)


@pytest.mark.parametrize("name", CASES)
def test_forced_colour_is_in_words_and_tables_only(
    work: Path, run: Run, sandbox: server.Sandbox, name: str
) -> None:
    """FORCE_COLOR colours `error:`, `warning:`, `hint:` and tables in a pipe too, and nothing that is parsed."""
    plain, forced = (
        run(*CASES[name].argv, FORCE_COLOR=value, PRODIA_COMPOSE_RECORD="off")
        for value in ("", "1")
    )
    expected = plain.err
    for word, colour in {"error": 31, "warning": 33, "hint": 36}.items():
        expected = expected.replace(f"compose: {word}:", f"compose: \x1b[{colour}m{word}:\x1b[0m")
    is_table = CASES[name].argv[0] in ("models", "validate") and "--json" not in CASES[name].argv

    assert _fixed(re.sub(r"\x1b\[[0-9]+m", "", forced.text)) == _fixed(plain.out)
    assert _fixed(forced.err) == _fixed(expected)
    assert is_table or "\x1b" not in forced.text


@pytest.mark.parametrize("columns", ["1", "40", "200"])
def test_only_help_knows_the_width(
    work: Path, run: Run, sandbox: server.Sandbox, columns: str
) -> None:
    """Tables, paths and messages are never folded or cut; help is wrapped, in 80 to 120 columns."""
    for name, case in CASES.items():
        plain, done = (
            run(*case.argv, COLUMNS=width, PRODIA_COMPOSE_RECORD="off") for width in ("80", columns)
        )
        if "help" in name:
            assert done.code == 0
            assert "".join(plain.text.split()) == "".join(done.text.split())
            assert max(map(len, done.text.splitlines())) <= min(max(int(columns), 80), 120)
        else:
            assert _fixed(done.out) == _fixed(plain.out)
            assert _fixed(done.err) == _fixed(plain.err)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_locale_changes_nothing(
    work: Path, process: Run, sandbox: server.Sandbox, locale: str
) -> None:
    """Whatever Python makes of the locale, and of its buffers, the same bytes come out."""
    case = CASES["compose -v"]
    done = process(*case.argv, **LOCALES[locale])

    assert (done.code, _fixed(done.out), _fixed(done.err)) == (case.code, case.out, case.err)


@pytest.mark.parametrize("locale", ["a bare C", "ASCII"])
def test_text_beyond_ascii_in_any_locale(
    work: Path, process: Run, sandbox: server.Sandbox, locale: str
) -> None:
    """Names and prompts come out as UTF-8 on stdout; stderr escapes what it has to."""
    name, prompt = "Zoë 写真.jpg", "Grüße, 👩‍👩‍👧"
    (work / "product.jpg").rename(work / name)
    report = process("validate", name, "gone-é.jpg", "-p", prompt, **LOCALES[locale])
    saved = process("compose", name, "-p", prompt, "-o", "ü.jpg", **LOCALES[locale])

    assert (report.code, saved.code, saved.out) == (3, 0, "ü.jpg\n".encode())
    assert f"prompt   {prompt}\n" in report.text
    assert re.search(r"^prodia-compose: error: gone-\S+\.jpg: no such file", report.err)


def _redirected(redirection: str, argv: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """Run the program as a shell redirects it."""
    return subprocess.run(
        ["bash", "-c", f'"$@" {redirection}', "bash", *PROGRAM, *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize("name", ["compose -v", "compose, refused", "validate, refused"])
def test_a_stderr_that_takes_nothing(
    work: Path, sandbox: server.Sandbox, redirection: str, name: str
) -> None:
    """Without a usable stderr stdout and the exit code are what they always are."""
    case = CASES[name]
    done = _redirected(redirection, case.argv)

    assert (done.returncode, done.stderr) == (case.code, b"")
    assert _fixed(done.stdout) == case.out


@pytest.mark.parametrize(
    ("name", "code"),
    [("compose -v", 0), ("compose, refused", 3), ("validate", 8)],
)
def test_no_streams_at_all(work: Path, sandbox: server.Sandbox, name: str, code: int) -> None:
    """With all three closed a picture is saved all the same, and the exit code tells the rest."""
    done = _redirected("<&- >&- 2>&-", CASES[name].argv)

    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")
    assert (work / "composed.jpg").exists() is (name == "compose -v")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("name", ["compose -v", "compose, refused"])
def test_a_reader_that_left_stderr(
    work: Path, sandbox: server.Sandbox, name: str, unbuffered: str
) -> None:
    """A pipe on stderr that nobody reads changes neither the product nor the code."""
    case = CASES[name]
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [*PROGRAM, *case.argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=write_end,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        check=False,
    )
    os.close(write_end)

    assert (done.returncode, done.stdout.decode()) == (case.code, case.out)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="shows no descriptors")
def test_closed_streams_are_nobody_elses(work: Path) -> None:
    """No file or socket of ours gets the number of a closed stream, to be written into."""
    script = 'readlink /proc/$PPID/fd/0 /proc/$PPID/fd/1 /proc/$PPID/fd/2 > "$0"'
    done = _redirected("<&- >&- 2>&-", ("sandbox", "--", "sh", "-c", script, "seen"))

    assert done.returncode == 0
    assert (work / "seen").read_text() == "/dev/null\n" * 3


@pytest.mark.parametrize(
    ("name", "columns"), [("models", 40), ("models", 200), ("one model", 40), ("validate", 40)]
)
def test_a_terminal_gets_what_a_pipe_gets(
    work: Path, run: Run, sandbox: server.Sandbox, name: str, columns: int
) -> None:
    """Tables and reports on a terminal have the same words, folded between them to its width."""
    argv = CASES[name].argv
    piped = run(*argv, COLUMNS=str(columns))
    shown = on_a_terminal(argv, columns=columns, also_stdout=True)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.screen).splitlines()

    assert shown.code == 0
    assert max(map(len, lines)) <= columns
    words, shown_words = (set(_fixed(text).split()) for text in (piped.out, "\n".join(lines)))
    missing = {word for word in words - shown_words if len(word) <= 20}  # longer ones are folded
    assert missing <= {"MODEL", "DIGEST"}  # a heading over names alone, and a long word


def test_the_product_stands_alone_on_a_terminal(work: Path, sandbox: server.Sandbox) -> None:
    """With both streams on one terminal the path is the last line, below the summary.

    What is large is told as people read it, with `-v` to the byte.
    """
    shown = on_a_terminal(["compose", *LINE], also_stdout=True)

    assert shown.code == 0
    exact = str(CASES["compose -v"].err)
    assert _fixed(shown.screen) == (
        f"{exact.replace('11,691 bytes', '12 kB').replace('40,551 bytes', '41 kB')}composed.jpg"
    )
