"""What the program does with the streams it is given: terminals, pipes, full disks, none."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import loopback
import pytest
from conftest import TOKEN, Run, until
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


def test_a_path_that_cannot_be_printed_is_still_saved(work: Path, sandbox: server.Sandbox) -> None:
    """With a full or closed stdout the picture is saved, the code 0, and the path on stderr."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*PROGRAM, "compose", *LINE], stdout=full, stderr=subprocess.PIPE, check=False
        )
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *PROGRAM, "compose", *LINE, "-f"],
        stderr=subprocess.PIPE,
        check=False,
    )

    assert (done.returncode, closed.returncode) == (0, 0)
    for ended in (done, closed):
        assert b"composed.jpg" in ended.stderr
        assert b"Traceback" not in ended.stderr
        assert b"Exception ignored" not in ended.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_picture_for_a_broken_pipe_is_kept(
    work: Path, sandbox: server.Sandbox, tmp_path: Path, unbuffered: str
) -> None:
    """When the reader of `-o -` goes away, the picture is rescued and the code is 10."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [*PROGRAM, "compose", *LINE, "-o", "-"],
        stdin=subprocess.DEVNULL,
        stdout=write_end,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        check=False,
    )
    os.close(write_end)

    assert done.returncode == 10
    kept = list((tmp_path / "state/prodia-compose/rescued").iterdir())
    assert len(kept) == 1
    assert str(kept[0]).encode() in done.stderr
    assert kept[0].read_bytes()[:2] == b"\xff\xd8"
    assert b"Exception ignored" not in done.stderr


def test_a_picture_for_a_full_disk_is_kept(
    work: Path, sandbox: server.Sandbox, tmp_path: Path
) -> None:
    """When stdout's disk is full, the picture is rescued and the code is 10."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*PROGRAM, "compose", *LINE, "-o", "-"],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert done.returncode == 10
    assert len(list((tmp_path / "state/prodia-compose/rescued").iterdir())) == 1


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_while_waiting_tells_the_state(work: Path, name: str) -> None:
    """A signal after sending ends with 128 + its number and says that the job may be billed."""
    number = getattr(signal, name)
    with loopback.serve([loopback.silent()]) as service:
        env = {**os.environ, "PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        with subprocess.Popen(
            [*PROGRAM, "compose", *LINE, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        ) as running:
            until(lambda: service.submissions == 1)
            running.send_signal(number)
            out, err = running.communicate(timeout=30)

    assert running.returncode == -number
    error = json.loads(err)
    assert (error["kind"], error["may_be_billed"]) == ("interrupted", True)
    assert out == b""
    assert sorted(path.name for path in work.iterdir()) == ["product.jpg", "scene.jpg"]


def test_an_ignored_signal_stays_ignored(work: Path, sandbox: server.Sandbox) -> None:
    """Started with SIGHUP ignored, as by nohup, a run is not ended by it."""
    done = subprocess.run(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *PROGRAM, "compose", *LINE],
        stdout=subprocess.PIPE,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, b"composed.jpg\n")


def test_sandbox_command_prints_what_a_shell_needs(work: Path) -> None:
    """`sandbox` prints two export lines, flushed, serves, and ends on a signal."""
    with subprocess.Popen(
        [*PROGRAM, "sandbox"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as serving:
        assert serving.stdout is not None
        url = serving.stdout.readline().decode()
        token = serving.stdout.readline().decode()
        made = subprocess.run(
            ["sh", "-c", f'{url}{token}exec "$@"', "sh", *PROGRAM, "compose", *LINE],
            stdout=subprocess.PIPE,
            check=False,
        )
        serving.terminate()
        serving.communicate(timeout=30)

    assert re.fullmatch(r"export PRODIA_BASE_URL=http://127\.0\.0\.1:\d+\n", url)
    assert token == "export PRODIA_TOKEN=sandbox\n"
    assert (made.returncode, made.stdout) == (0, b"composed.jpg\n")
    assert serving.returncode == -signal.SIGTERM


def test_sandbox_runs_a_command(work: Path, process: Run) -> None:
    """`sandbox -- CMD` sets both variables for the command and ends with its status."""
    script = 'test -n "$PRODIA_TOKEN" && exec "$@" || exit 99'
    made = process("sandbox", "--", "sh", "-c", script, "sh", *PROGRAM, "compose", *LINE)
    failed = process("sandbox", "--fault", "rejected", "--", *PROGRAM, "compose", *LINE, "-f")
    missing = process("sandbox", "--", "no-such-command-here")

    assert (made.code, made.out) == (0, b"composed.jpg\n")
    assert failed.code == 5
    assert (missing.code, len(missing.err.splitlines())) == (2, 1)


@pytest.mark.parametrize("to", ["/dev/full", "closed", "broken"])
@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("compose", *LINE, "--json"), 0),
        (("validate", *LINE), 8),
        (("models",), 8),
        (("--version",), 8),
        (("compose", "--help"), 8),
    ],
    ids=["compose-json", "validate", "models", "version", "help"],
)
def test_a_stdout_that_takes_nothing(
    work: Path, sandbox: server.Sandbox, to: str, argv: tuple[str, ...], code: int
) -> None:
    """Without a usable stdout there is one line and no traceback; a reader that left is no error."""
    if argv[-1] == "--help" and to == "closed":
        pytest.skip("Typer prints help to nowhere")
    redirect = {"/dev/full": ">/dev/full", "closed": ">&-", "broken": "| true"}[to]
    script = f'"$@" {redirect}' if to != "broken" else '{ "$@"; echo $? >&2; } | true'
    done = subprocess.run(
        ["bash", "-c", script, "bash", *PROGRAM, *argv],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if to == "broken":
        assert done.stderr.splitlines()[-1] == "0"
    else:
        assert done.returncode == code
        assert len(done.stderr.splitlines()) == 1
    if argv[-1] == "--json":
        assert (work / "composed.jpg").exists()


def test_a_prompt_in_a_bare_locale_is_utf8(work: Path, sandbox: server.Sandbox) -> None:
    """Where the locale makes bytes of the arguments, a UTF-8 prompt is one all the same."""
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [*PROGRAM, "compose", "product.jpg", "-p", "café in the first image"],
        stdout=subprocess.PIPE,
        env={**os.environ, **env},
        check=False,
    )
    job = sandbox.jobs[0].job

    assert (done.returncode, done.stdout) == (0, b"composed.jpg\n")
    assert job is not None
    assert "café in the first image" in json.dumps(job, ensure_ascii=False)
