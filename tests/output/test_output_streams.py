"""What every command writes, to the letter, and that odd surroundings change nothing of it."""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Run
from terminals import PROGRAM, on_a_terminal

from prodia_compose.sandbox import server

LINE = ("product.jpg", "scene.jpg", "-p", "the first image on the second image")

VARYING = {
    r"http://127\.0\.0\.1:\d+": "URL",
    r"sha256:[0-9a-f]{64}": "DIGEST",
    r"\b[0-9a-f]{12}\b": "ID",
    r"\d{4}-\d\d-\d\d \d\d:\d\d": "MOMENT",
    r"\d+\.\d s": "SECONDS",
    r"\d+x\d+ JPEG, [\d,]+ bytes in": "SIZE in",
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
    out: str | None = ""
    err: str | None = ""


CASES = {
    "compose": Case(argv=("compose", *LINE, "-f"), code=0, out="composed.jpg\n"),
    "compose -v": Case(
        argv=("compose", *LINE, "-f", "-v"),
        code=0,
        out="composed.jpg\n",
        err="""\
1 product.jpg 640x480 JPEG: as it is; 11,691 bytes
2 scene.jpg 960x640 JPEG: as it is; 40,551 bytes
SIZE in SECONDS, $0.039
""",
    ),
    "compose, warned": Case(
        argv=("compose", *LINE, "-f", "--steps", "9"),
        code=0,
        out="composed.jpg\n",
        err="""\
prodia-compose: warning: --steps: nano-banana is not known to take it; sent as given [unconfirmed-setting]
""",
    ),
    "compose, refused": Case(
        argv=("compose", "gone.jpg", "here.jpg", "-p", "x", "-o", "nowhere/a.jpg"),
        code=3,
        err="""\
prodia-compose: error: gone.jpg: no such file; check the name and the folder you are in
prodia-compose: error: here.jpg: no such file; check the name and the folder you are in
prodia-compose: error: -o nowhere/a.jpg: there is no folder nowhere; --create-dirs makes it
""",
    ),
    "compose, refused --json": Case(
        argv=("compose", "gone.jpg", "-p", "x", "-f", "--json"),
        code=3,
        err=None,
    ),
    "validate": Case(
        argv=("validate", *LINE, "-o", "{stem}-made.png"),
        code=0,
        out="""\
model    nano-banana (inference.nano-banana.img2img.v2)
images   1 product.jpg 640x480 JPEG: as it is; 11,691 bytes
         2 scene.jpg 960x640 JPEG: as it is; 40,551 bytes
prompt   the first image on the second image
settings none
output   scene-made.png (png)
upload   52,924 bytes in 3 parts, DIGEST
price    $0.039
result   ready
""",
    ),
    "validate, refused": Case(
        argv=("validate", "product.jpg", "gone.jpg", "-p", "both"),
        code=3,
        out="""\
model    nano-banana (inference.nano-banana.img2img.v2)
images   1 product.jpg 640x480 JPEG: as it is; 11,691 bytes
prompt   both
output   composed.jpg (jpg)
price    $0.039
result   1 problem; nothing would be sent
""",
        err="""\
prodia-compose: error: gone.jpg: no such file; check the name and the folder you are in
""",
    ),
    "dry run --json": Case(argv=("compose", *LINE, "-n", "--json"), code=0, out=None),
    "models": Case(
        argv=("models",),
        code=0,
        out="""\
MODEL             IMAGES  PRICE        SECONDS  GOOD FOR
nano-banana       3       $0.039       8        flat rate, plain-language edits
gemini-3-pro      3       $0.15-0.30   12       up to 4K output
gemini-3.1-flash  14      $0.08-0.16   33       many images, Google Search
flux-2-dev        8       $0.01-0.015  3        fastest, cheapest, open weights
flux-2-pro        8       $0.03        12       up to 4096 px, 9 MP of inputs
flux-2-flex       10      $0.06        22       steps and guidance, 10 images
flux-2-max        8       $0.04        15       finest single image, to 2048 px
seedream-5-lite   14      unknown      15       blends many images
""",
    ),
    "one model": Case(argv=("models", "flux-2-dev"), code=0, out=None),
    "no such model": Case(
        argv=("models", "nano-banan"),
        code=2,
        err="prodia-compose: error: nano-banan: no such model; did you mean nano-banana?\n",
    ),
    "no jobs": Case(argv=("jobs",), code=0, err="prodia-compose: no jobs are in the record\n"),
    "no such option": Case(
        argv=("compose", "--zzz", "x"),
        code=2,
        err="prodia-compose: error: no such option: --zzz; see prodia-compose compose --help\n",
    ),
    "version": Case(argv=("--version",), code=0, out=None),
    "help": Case(argv=("--help",), code=0, out=None),
    "compose help": Case(argv=("compose", "-h"), code=0, out=None),
}

SURROUNDINGS: tuple[dict[str, str], ...] = (
    {"NO_COLOR": "1", "FORCE_COLOR": "1"},
    {"NO_COLOR": "", "FORCE_COLOR": ""},
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
def test_forced_colour_is_in_two_words_only(
    work: Path, run: Run, sandbox: server.Sandbox, name: str
) -> None:
    """FORCE_COLOR colours `error:` and `warning:` in a pipe too, and nothing that is parsed."""
    plain, forced = (run(*CASES[name].argv, FORCE_COLOR=value) for value in ("", "1"))
    coloured = {"error:": "\x1b[31merror:\x1b[0m", "warning:": "\x1b[33mwarning:\x1b[0m"}
    expected = plain.err
    for word, shown in coloured.items():
        expected = expected.replace(f"prodia-compose: {word}", f"prodia-compose: {shown}")

    assert _fixed(forced.out) == _fixed(plain.out)
    assert _fixed(forced.err) == _fixed(expected)


@pytest.mark.parametrize("columns", ["1", "40", "200"])
def test_only_help_knows_the_width(
    work: Path, run: Run, sandbox: server.Sandbox, columns: str
) -> None:
    """Tables, paths and messages are never folded or cut; help is wrapped, within 80 columns."""
    for name, case in CASES.items():
        plain, done = run(*case.argv, COLUMNS="80"), run(*case.argv, COLUMNS=columns)
        if "help" in name:
            assert done.code == 0
            assert "".join(plain.text.split()) == "".join(done.text.split())
            assert max(map(len, done.text.splitlines())) <= 80
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
    """Tables and reports on a terminal are plain text, whole whatever its width."""
    argv = CASES[name].argv
    piped = run(*argv, COLUMNS=str(columns))
    shown = on_a_terminal(argv, columns=columns, also_stdout=True)

    assert shown.code == 0
    assert "\x1b" not in shown.raw or name == "validate"  # which shows a bar before its report
    assert _fixed(shown.raw).replace("\r\n", "\n").endswith(_fixed(piped.out))


def test_the_product_stands_alone_on_a_terminal(work: Path, sandbox: server.Sandbox) -> None:
    """With both streams on one terminal the path is the last line, below the summary."""
    shown = on_a_terminal(["compose", *LINE], also_stdout=True)

    assert shown.code == 0
    assert _fixed(shown.screen) == f"{CASES['compose -v'].err}composed.jpg"
