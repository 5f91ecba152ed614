"""What a demanding shell user does to the program: signals at bad moments, odd settings."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run
from PIL import Image

from prodia_compose.cli import composing, terminal
from prodia_compose.client import answers
from prodia_compose.pipeline.run import Run as Job
from prodia_compose.record import ledger

PROMPT = "Put the mug from the first image on the table in the second image"
COMPOSE = ("compose", "product.jpg", "scene.jpg", "-p", PROMPT, "-o", "out.jpg")


def stopped(function: Callable[..., object], *, before: bool = False) -> Callable[..., object]:
    """Return a function that is hit by Ctrl-C the first time, just before or after its work."""
    hits = iter([True])

    def call(*args: object, **options: object) -> object:
        if before and next(hits, False):
            signal.raise_signal(signal.SIGINT)
        done = function(*args, **options)
        if not before and next(hits, False):
            signal.raise_signal(signal.SIGINT)
        return done

    return call


@pytest.mark.parametrize(
    ("owner", "name", "before", "state"),
    [
        (answers, "read", True, "received"),
        (answers, "read", False, "received"),
        (Job, "received", False, "received"),
        (Job, "place", False, "saved"),
        (ledger.Ledger, "close", False, "saved"),
        (terminal, "print_path", True, "saved"),
    ],
    ids=["unread", "read", "unplaced", "saved", "closed", "unprinted"],
)
@pytest.mark.usefixtures("sandbox")
def test_a_signal_loses_no_picture_that_has_come(
    work: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    before: bool,  # noqa: FBT001 - a parameter
    state: str,
) -> None:
    """From the last byte to the printed path, Ctrl-C leaves the picture, says where, and records it."""
    monkeypatch.setattr(owner, name, stopped(getattr(owner, name), before=before))

    done = run(*COMPOSE)
    told = done.err.rpartition("the picture is kept as ")[2].strip()

    assert done.code == 130
    assert "had been answered and is billed" in done.err
    with Image.open(work / told) as picture:
        picture.load()
    with ledger.open_record(os.environ) as record:
        assert [entry.state for entry in record.entries()] == [state]


@pytest.mark.usefixtures("sandbox")
def test_a_signal_after_all_was_told_tells_nothing_else(
    work: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C once the path is printed makes the status its own, and no lie of the job."""
    monkeypatch.setattr(composing, "compose", stopped(composing.compose))

    done = run(*COMPOSE)

    assert (done.code, done.out, done.err) == (130, b"out.jpg\n", "")
    assert (work / "out.jpg").exists()


@pytest.mark.usefixtures("sandbox")
def test_a_signal_after_the_bytes_were_written_names_no_file(
    work: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that is on standard output already is not said to be kept as `-`."""
    assert work.is_dir()
    monkeypatch.setattr(ledger.Ledger, "close", stopped(ledger.Ledger.close))

    done = run(*COMPOSE[:-1], "-")

    assert done.code == 130
    assert done.out.startswith(b"\xff\xd8")
    assert done.err.endswith("the job had been answered and is billed\n")


def test_a_signal_says_nothing_of_a_job_where_none_is_sent(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in `jobs fetch` does not say that the job, which may be billed, did not run."""
    monkeypatch.setattr(ledger, "open_record", stopped(ledger.open_record, before=True))

    done = run("jobs", "fetch", "3f9c")

    assert (done.code, done.err) == (130, "prodia-compose: stopped by SIGINT\n")


def test_a_signal_while_the_program_starts_leaves_no_traceback(tmp_path: Path) -> None:
    """Before the run has handlers of its own, Ctrl-C just ends the process by its signal."""
    (tmp_path / "startled.py").write_text(
        "import os, signal\n"
        "from prodia_compose import cli\n"
        "cli.main = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        "cli.entry_point()\n"
    )

    done = subprocess.run(
        [sys.executable, tmp_path / "startled.py"], capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


@pytest.mark.usefixtures("work")
def test_a_single_image_is_counted_as_one(run: Run) -> None:
    """`--match` beyond the only image says "1 image", not "1 images"."""
    done = run("validate", "product.jpg", "-p", "x", "--match", "2")

    assert "--match 2: there is only 1 image\n" in done.err


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize("proxy", ["http://[bad", "[bad", "http://["])
def test_a_proxy_that_is_no_url_is_a_setting_to_correct(run: Run, proxy: str) -> None:
    """A proxy nobody can read is named by its variable, with the cure; nothing is sent."""
    done = run(
        *COMPOSE, PRODIA_TOKEN="x", PRODIA_BASE_URL="https://nowhere.test", HTTPS_PROXY=proxy
    )

    assert done.code == 7
    assert "(from HTTPS_PROXY) is not a proxy's URL: correct it, or unset it" in done.err
    assert "Traceback" not in done.err


def test_two_signals_at_once_are_one(tmp_path: Path) -> None:
    """Ctrl-C in a terminal that is closing brings two signals at once, and no traceback."""
    (tmp_path / "twice.py").write_text(
        "import os, signal\n"
        "from prodia_compose import errors\n"
        "from prodia_compose.cli import signals\n"
        "both = (signal.SIGHUP, signal.SIGINT)\n"
        "try:\n"
        "    with signals.handled():\n"
        "        signal.pthread_sigmask(signal.SIG_BLOCK, both)\n"
        "        for number in both:\n"
        "            os.kill(os.getpid(), number)\n"
        "        signal.pthread_sigmask(signal.SIG_UNBLOCK, both)\n"
        "except errors.Interrupted as signalled:\n"
        "    print(signalled, flush=True)\n"
    )

    done = subprocess.run([sys.executable, tmp_path / "twice.py"], capture_output=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"SIGHUP\n", b"")
