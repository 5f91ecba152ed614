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

STARTLED = """
import os, signal
from prodia_compose import __main__, cli
cli.main = lambda: os.kill(os.getpid(), signal.SIGINT)
__main__.entry_point()
"""

TWICE = """
import os, signal
from prodia_compose import errors
from prodia_compose.cli import signals
both = (signal.SIGHUP, signal.SIGINT)
try:
    with signals.handled():
        signal.pthread_sigmask(signal.SIG_BLOCK, both)
        [os.kill(os.getpid(), number) for number in both]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, both)
except errors.Interrupted as signalled:
    print(signalled, flush=True)
"""


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
    *,
    before: bool,
    state: str,
) -> None:
    """From the last byte to the printed path, Ctrl-C leaves the picture, says where, and records it."""
    monkeypatch.setattr(owner, name, stopped(getattr(owner, name), before=before))
    done = run(*COMPOSE)
    shown = done.err.rpartition("the picture is kept as ")[2].strip()

    assert done.code == 130
    assert "had been answered by a sandbox, which costs nothing" in done.err
    with Image.open(work / shown) as picture:
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


@pytest.mark.usefixtures("sandbox", "work")
def test_a_signal_after_the_bytes_were_written_names_no_file(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that is on standard output already is not said to be kept as `-`."""
    monkeypatch.setattr(ledger.Ledger, "close", stopped(ledger.Ledger.close))
    done = run(*COMPOSE[:-1], "-")

    assert done.code == 130
    assert done.out.startswith(b"\xff\xd8")
    assert done.err.endswith("the job had been answered by a sandbox, which costs nothing\n")


def test_a_signal_says_nothing_of_a_job_where_none_is_sent(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in `jobs fetch` does not say that the job, which may be billed, did not run."""
    monkeypatch.setattr(ledger, "open_record", stopped(ledger.open_record, before=True))
    done = run("jobs", "fetch", "3f9c")

    assert (done.code, done.err) == (130, "prodia-compose: stopped by SIGINT\n")


@pytest.mark.usefixtures("work")
def test_a_single_image_is_counted_as_one(run: Run) -> None:
    """`--match` beyond the only image says "1 image", not "1 images"."""
    done = run("validate", "product.jpg", "-p", "x", "--match", "2")

    assert "--match 2: there is only 1 image\n" in done.err


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize("proxy", ["http://[bad", "[bad", "http://["])
def test_a_proxy_that_is_no_url_is_a_setting_to_correct(run: Run, proxy: str) -> None:
    """A proxy nobody can read is named by its variable, with the cure; nothing is sent."""
    env = {"PRODIA_TOKEN": "x", "PRODIA_BASE_URL": "https://nowhere.test", "HTTPS_PROXY": proxy}
    done = run(*COMPOSE, **env)

    assert done.code == 7
    assert (
        "(from HTTPS_PROXY) is not a proxy's URL; the job did not run; correct it, or unset it"
        in (done.messages)
    )
    assert "Traceback" not in done.messages


@pytest.mark.parametrize(
    ("text", "code", "shown"),
    [(STARTLED, -signal.SIGINT, b""), (TWICE, 0, b"SIGHUP\n")],
    ids=["while-it-starts", "two-at-once"],
)
def test_a_signal_leaves_no_traceback(text: str, code: int, shown: bytes) -> None:
    """Ctrl-C before the run has handlers ends the process; with SIGHUP at once, they are one."""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (code, shown, b"")
