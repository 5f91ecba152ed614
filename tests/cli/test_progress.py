"""Progress on a terminal: what is shown while a job runs, and that nothing of it stays."""

import io
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import loopback
import pytest
from conftest import TOKEN
from terminals import Running, Screen, on_a_terminal

from prodia_compose import progress
from prodia_compose.cli import terminal
from prodia_compose.cli.bars import Bars
from prodia_compose.cli.watcher import Lines
from prodia_compose.sandbox import server
from prodia_compose.sandbox.faults import parse_fault
from prodia_compose.sandbox.service import SandboxOptions

LINE = ("product.jpg", "scene.jpg", "-p", "the first image on the second image")

INPUTS = """\
1 product.jpg 640x480 JPEG: as it is; 12 kB
2 scene.jpg 960x640 JPEG: as it is; 41 kB
"""

NARROW = """\
1 product.jpg 640x480 JPEG: as it is;
  12 kB
2 scene.jpg 960x640 JPEG: as it is;
  41 kB
"""

COLOURS = re.compile(r"\x1b\[[0-9;]*[1-9][0-9;]*m")


def _folded(text: str, columns: int) -> str:
    """Return lines as a terminal folds them."""
    return Screen(text.replace("\n", "\r\n"), columns).text


def _addressed(service: server.Sandbox) -> dict[str, str]:
    return {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[loopback.Server]:
    """Address the program to a service that takes the job and never answers."""
    with loopback.serve([loopback.silent()]) as service:
        monkeypatch.setenv("PRODIA_BASE_URL", service.url)
        monkeypatch.setenv("PRODIA_TOKEN", TOKEN)
        yield service


@pytest.mark.parametrize(("columns", "inputs"), [(40, NARROW), (200, INPUTS)], ids=[40, 200])
def test_every_phase_is_shown_and_cleared(
    work: Path, sandbox: server.Sandbox, columns: int, inputs: str
) -> None:
    """Each phase has its bar, which fits the terminal; only the inputs and the summary stay."""
    shown = on_a_terminal(["compose", *LINE], columns=columns)
    bars = re.findall(r"(preparing|uploading|waiting|receiving) [^\r\n]*", shown.raw)
    summary = shown.screen.removeprefix(inputs).replace("\n", "")

    assert (shown.code, shown.out) == (0, b"composed.jpg\n")
    assert list(dict.fromkeys(bars)) == ["preparing", "uploading", "waiting", "receiving"]
    assert re.search(r"uploading .*?\d+\.\d/\d+\.\d kB", shown.raw)
    assert re.search(r"receiving .*?\d+.*? kB", shown.raw)
    assert re.fullmatch(r"\d+x\d+ JPEG, \d+ kB in \d+\.\d s, no cost: sandbox", summary)


@pytest.mark.parametrize("kind", ["xterm", "linux", "xterm-256color"])
def test_a_bar_that_is_done_looks_full(work: Path, sandbox: server.Sandbox, kind: str) -> None:
    """With 16 colours too, each bar begins empty, ends full, and has other colours then."""
    shown = on_a_terminal(["compose", *LINE], columns=80, env={"TERM": kind})

    for phase in ("preparing", "uploading", "waiting", "receiving"):
        frames = re.findall(rf"{phase} ([^\r\n]*)", shown.raw)
        bars = [re.findall("\x1b\\[([0-9]+)m\u2501+", frame)[:1] for frame in frames]
        assert bars[0] == ["90"], phase
        assert bars[-1] == ["32"] or phase == "waiting", phase
        assert frames[-1].count("\u2501") == 24
    assert "?" not in re.sub(r"\x1b\[\?", "", shown.raw)
    assert "\x1b[31m" not in shown.raw


def test_a_download_is_shown(work: Path) -> None:
    """A picture from the web has a bar of its own, and then its line among the inputs."""
    data = (work / "product.jpg").read_bytes()
    with loopback.serve([loopback.ok(data)]) as web:
        shown = on_a_terminal(["compose", "--sandbox", f"{web.url}/a.jpg", "-p", "x"])

    assert shown.code == 0
    assert "downloading" in shown.raw
    assert shown.screen.startswith(f"1 {web.url}/a.jpg 640x480 JPEG: as it is")


def test_waiting_is_told_against_the_usual_time(work: Path, silent: loopback.Server) -> None:
    """The seconds go on while nothing comes; Ctrl-C clears the bar and tells how things stand."""
    with Running(["compose", *LINE], columns=40) as running:
        running.until(lambda screen: screen.endswith(" 0 s of usually 8 s"))
        screen = running.until(lambda screen: screen.endswith(" 1 s of usually 8 s"))
        running.process.send_signal(signal.SIGINT)
        shown = running.ended()
    found = "prodia-compose: stopped by SIGINT: the job had been sent and may be billed"

    assert screen.splitlines()[-1].startswith("waiting ")
    assert shown.code == -signal.SIGINT
    assert shown.screen.startswith(NARROW + _folded(found, 40))
    assert "waiting" not in shown.screen


def test_the_cursor_is_never_hidden(work: Path, silent: loopback.Server) -> None:
    """A run that is killed, or put to sleep, leaves the terminal as it was."""
    with Running(["compose", *LINE]) as running:
        running.until(lambda screen: "waiting" in screen)
        running.process.kill()
        shown = running.ended()

    assert "\x1b[?" not in shown.raw


def test_a_terminal_that_goes_away_costs_nothing(work: Path) -> None:
    """When the window is closed while a job is waited for, its picture is saved all the same."""
    with (
        server.Sandbox(SandboxOptions(latency_s=1)) as slow,
        Running(["compose", *LINE], env=_addressed(slow)) as running,
    ):
        running.until(lambda screen: "waiting" in screen)
        running.hang_up()
        shown = running.ended()

    assert (shown.code, shown.out) == (0, b"composed.jpg\n")
    assert (work / "composed.jpg").exists()


@pytest.mark.parametrize(
    "argv",
    [("-p", "x"), ("gone.jpg", "-p", "x")],
    ids=["no-images", "missing"],
)
def test_no_bar_where_there_is_nothing_to_do(work: Path, argv: tuple[str, ...]) -> None:
    """A mistake on the command line, or nothing to prepare, shows the error and no bar."""
    shown = on_a_terminal(["compose", *argv], env={"NO_COLOR": "1", "PRODIA_TOKEN": "t"})

    assert shown.raw.replace("\r\n", "\n").count("\n") == len(shown.raw.splitlines())
    assert "\x1b" not in shown.raw
    assert shown.raw.startswith("prodia-compose: error: ")


def test_retries_are_told_between_the_bars(work: Path) -> None:
    """While the service is busy one line tells how long; the bars begin anew after it."""
    options = SandboxOptions(faults=(parse_fault("busy:1"),))
    with server.Sandbox(options) as busy:
        shown = on_a_terminal(["compose", *LINE], env=_addressed(busy))
    lines = shown.screen.splitlines()

    assert shown.code == 0
    assert shown.raw.count("uploading") >= 2
    assert lines[2].startswith("prodia-compose: the service is busy (429); trying again in ")
    assert len(lines) == 4


def test_details_go_above_the_bar(work: Path, sandbox: server.Sandbox) -> None:
    """`-vv` tells the exchange in whole lines, without leaving a bar between them."""
    shown = on_a_terminal(["compose", *LINE, "-vv"], columns=200)
    lines = shown.screen.splitlines()

    assert shown.code == 0
    assert [line for line in lines if line.startswith(("preparing", "uploading", "waiting"))] == []
    assert any(line.startswith("> POST http://127.0.0.1:") for line in lines)
    assert "> Authorization: ***" in lines
    assert "< 200 OK" in lines


@pytest.mark.parametrize(
    ("env", "animated", "coloured"),
    [
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"NO_COLOR": "", "GITHUB_ACTIONS": "true"}, True, True),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, False, False),
        ({"TERM": None}, False, False),
        ({"PYTHONIOENCODING": "ascii"}, True, True),
        ({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, True, True),
    ],
    ids=lambda value: (
        ",".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else ""
    ),
)
def test_animation_needs_a_terminal_that_can(
    work: Path,
    sandbox: server.Sandbox,
    env: Mapping[str, str | None],
    animated: bool,  # noqa: FBT001
    coloured: bool,  # noqa: FBT001
) -> None:
    """A dumb terminal gets lines, one without colour a plain bar, one without UTF-8 an ASCII one."""
    shown = on_a_terminal(["compose", *LINE], env=env)

    assert (shown.code, shown.out) == (0, b"composed.jpg\n")
    assert ("waiting" in shown.raw) is animated
    assert ("\x1b" in shown.raw) is animated
    assert bool(COLOURS.search(shown.raw)) is coloured
    assert ("\u2501" in shown.raw) is (animated and not {"PYTHONIOENCODING", "LC_ALL"} & set(env))
    assert shown.screen.startswith(INPUTS)


@pytest.mark.parametrize("flag", ["-q", "--json"])
def test_quiet_and_json_leave_nothing(work: Path, sandbox: server.Sandbox, flag: str) -> None:
    """`-q` shows nothing at all; `--json` no more than what a terminal is shown of any run."""
    shown = on_a_terminal(["compose", *LINE, flag])

    assert shown.code == 0
    assert shown.screen + "\n" == (INPUTS if flag == "--json" else "\n")
    assert ("waiting" in shown.raw) is (flag == "--json")


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a way to have all that the bar of a wait writes while some seconds pass."""
    monkeypatch.setenv("TERM", "xterm-256color")

    def watched(*seconds: int, usual: int | None) -> str:
        stream = io.TextIOWrapper(written := io.BytesIO(), "utf-8")
        bars = Bars(stream, quiet=False, verbosity=0)
        bars.start("waiting", usual)
        for amount in seconds:
            bars.advance(amount)
        bars.finish()
        return re.sub(r"\x1b\[[0-9;]*m", "", written.getvalue().decode())

    return watched


@pytest.mark.parametrize(
    ("seconds", "usual", "words"),
    [
        ((), 8, "0 s of usually 8 s"),
        ((1, 1), 8, "2 s of usually 8 s"),
        ((8,), 8, "8 s of usually 8 s"),
        ((8, 1), 8, "9 s, usually 8 s"),
        ((30, 31), 8, "61 s, usually 8 s"),
        ((5,), None, "5 s"),
    ],
)
def test_the_words_of_waiting(
    frames: Callable[..., str], seconds: tuple[int, ...], usual: int | None, words: str
) -> None:
    """The bar tells the seconds against the model's usual ones, and when they are exceeded."""
    last = re.findall(r"waiting [\u2501\u2578 ]+([^\r\n]+)", frames(*seconds, usual=usual))[-1]

    assert last == words


@pytest.mark.parametrize(
    ("phase", "total", "steps", "found"),
    [
        (
            "waiting",
            8,
            [(1, 1)] * 95,
            ["30 s, usually 8 s", "60 s, usually 8 s", "90 s, usually 8 s"],
        ),
        ("waiting", 40, [(1, 1)] * 31, ["30 s of usually 40 s"]),
        ("waiting", None, [(1, 1)] * 29, []),
        ("upload", 5000, [(10, 1000)] * 4, ["3,000 of 5,000 bytes"]),
        ("receive", None, [(200, 1000), (1, 1)], ["1,000 bytes"]),
        ("prepare", 3, [(31, 1), (31, 1)], ["1 of 3 images", "2 of 3 images"]),
    ],
)
@pytest.mark.parametrize("verbosity", [0, 1])
def test_a_long_phase_is_told_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
    phase: progress.Phase,
    total: int | None,
    steps: list[tuple[int, int]],
    found: list[str],
    verbosity: int,
) -> None:
    """Under `-v` each 30 s have a line that tells how far it is; without it there is none."""
    now = [0.0]
    lines = Lines(quiet=False, verbosity=verbosity, clock=lambda: now[0])
    lines.start("prepare", 1)
    now[0] += 29
    lines.start(phase, total)
    for seconds, amount in steps:
        now[0] += seconds
        lines.advance(amount)
    lines.finish()

    words = {"upload": "uploading", "receive": "receiving", "prepare": "preparing"}
    expected = [f"{words.get(phase, phase)}: {one}" for one in found] if verbosity else []
    assert capsys.readouterr().err.splitlines() == expected


def test_a_terminal_without_bars_is_told_of_a_long_wait(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever sits at a dumb terminal sees that it goes on, without `-v`; under `-q` nothing."""
    monkeypatch.setattr(terminal, "is_terminal", lambda _: True)
    now = [0.0]
    for quiet in (False, True):
        lines = Lines(quiet=quiet, verbosity=0, clock=lambda: now[0])
        lines.start("waiting", 8)
        now[0] += 31
        lines.advance(31)

    assert capsys.readouterr().err == "waiting: 31 s, usually 8 s\n"


def test_the_bar_of_waiting_moves(frames: Callable[..., str]) -> None:
    """It grows with the seconds up to the usual time."""
    bars = [frames(seconds, usual=8).rpartition("waiting")[2] for seconds in (0, 2, 4, 6, 8)]

    assert [bar.count("\u2501") for bar in bars] == [0, 6, 12, 18, 24]
