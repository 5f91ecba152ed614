"""What ends a batch early: signals, refusals, a full disk, failures in a row; and running it again."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import loopback
import pytest
from batches import ANSWER, documents, manifest, number_of, rows, serving, started, statuses
from conftest import Run, disk, until


class Gate:
    """A service that holds rows back until it is opened: the first one first, then all."""

    def __init__(self) -> None:
        self.first, self.all = threading.Event(), threading.Event()
        self.came: list[int] = []
        self._lock = threading.Lock()

    def choose(self, _number: int, request: loopback.Received) -> loopback.Answer:
        """Answer a row, once it is let through."""
        with self._lock:
            self.came.append(number_of(request))
            is_first = len(self.came) == 1
        (self.first if is_first else self.all).wait(30)
        return ANSWER

    def open(self) -> None:
        """Let all through."""
        self.first.set()
        self.all.set()


@contextmanager
def _stopped(
    folder: Path, gate: Gate, number: int, *flags: str, count: int = 8, on_way: int = 3
) -> Iterator[Any]:
    """Run a batch, and send it a signal once some rows are on their way."""
    manifest(folder, rows(count))
    line = ("batch", "rows.jsonl", "-y", f"-j{on_way}", *flags)
    with serving(gate.choose), started(*line, stdin=subprocess.DEVNULL) as running:
        try:
            until(lambda: len(gate.came) == on_way)
            running.send_signal(number)
            yield running
        finally:
            gate.open()
            running.kill()


def _line(running: Any, words: str) -> str:
    for line in running.stderr:
        if words in line.decode():
            return str(line.decode())
    raise AssertionError(words)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_first_signal_waits_for_what_is_sent(here: Path, process: Run, name: str) -> None:
    """It says how many; all of them are saved, no other is sent, and running it again goes on."""
    gate, number = Gate(), getattr(signal, name)
    with _stopped(here, gate, number) as running:
        shown = _line(running, "stopped by")
        gate.open()
        out, err = running.stdout.read(), running.stderr.read().decode()
        code, came = running.wait(timeout=30), sorted(gate.came)
        again = process("batch", "rows.jsonl", "-y")

    assert shown == (
        f"prodia-compose: stopped by {name}: no more rows are started; "
        "waiting for 3 rows on the way (once more gives them up)\n"
    )
    assert (code, out.decode().split()) == (-number, [f"r0{n}.jpg" for n in came])
    assert "3 of 8 rows done, 5 not-started, $0.117 spent" in err
    assert "to go on, what is done is not paid again: prodia-compose batch rows.jsonl -y" in err
    assert len(came) == 3
    assert (again.code, sorted(gate.came)) == (0, [*range(1, 9)])


def test_a_signal_as_all_is_sent_ends_well(here: Path) -> None:
    """Where nothing is left to do, the code is that of a batch that is done."""
    gate = Gate()
    with _stopped(here, gate, signal.SIGINT, count=3) as running:
        _line(running, "stopped by")
        gate.open()
        assert running.wait(timeout=30) == 0
        assert len(running.stdout.read().split()) == 3


@pytest.mark.parametrize("record", ["on", "off"])
def test_the_second_signal_ends_all_and_tells_each_truly(
    here: Path, process: Run, monkeypatch: pytest.MonkeyPatch, record: str
) -> None:
    """What was sent may be billed, and is not sent again by itself; the rest is."""
    monkeypatch.setenv("PRODIA_COMPOSE_RECORD", record)
    gate = Gate()
    with _stopped(here, gate, signal.SIGTERM, count=6) as running:
        _line(running, "stopped by")
        gate.first.set()
        until(lambda: "done" in statuses(here).values())
        running.send_signal(signal.SIGTERM)
        err = running.stderr.read().decode()
        out, code = running.stdout.read(), running.wait(timeout=30)
        found = statuses(here)
        first, *others = (f"r0{n}" for n in gate.came)
        gate.open()
        again = process("batch", "rows.jsonl", "-y")

    assert (code, out.decode()) == (-signal.SIGTERM, f"{first}.jpg\n")
    assert found == {first: "done"} | dict.fromkeys(others, "unknown")
    assert f"error: {others[0]}: stopped by SIGTERM: the job had been sent and may be billed" in err
    assert "1 of 6 rows done, 3 not-started, 2 unknown" in err
    assert "$0.039 spent, $0.078 more at most" in err
    assert (again.code, sorted(gate.came)) == (11, [1, 2, 3, 4, 5, 6])
    assert f"error: {others[0]}: it was sent, and its outcome is unknown" in again.err
    assert "4 of 6 rows done, 2 listed" in again.err


def test_a_signal_before_anything_is_sent(here: Path) -> None:
    """While the service has no room nothing is on its way; nothing is waited for."""
    manifest(here, rows(3))
    line = ("batch", "rows.jsonl", "-y")
    with (
        serving(lambda *_: loopback.busy("20")) as server,
        started(*line, stdin=subprocess.DEVNULL) as running,
    ):
        until(lambda: server.submissions > 0)
        running.send_signal(signal.SIGINT)
        err = running.stderr.read().decode()
        assert running.wait(timeout=10) == -signal.SIGINT

    assert "stopped by SIGINT: no more rows are started\n" in err
    assert "0 of 3 rows done" in err
    assert "$0.00 spent" in err


@pytest.mark.parametrize(
    ("status", "stopped", "words"),
    [
        (401, "auth", "the service refused the token"),
        (403, "auth", "the service refused the token"),
        (402, "balance", "the balance of the account does not pay for more"),
    ],
)
def test_a_refusal_of_all_ends_starting_at_once(
    here: Path, run: Run, status: int, stopped: str, words: str
) -> None:
    """The row that met it did not run: it is cancelled, and due again."""
    manifest(here, rows(5))
    refusing = loopback.json_answer({"error": "no"}, status)
    with serving(lambda number, _: refusing if number == 2 else ANSWER) as server:
        done = run("batch", "rows.jsonl", "-y", "-j1", "--json")
        assert server.submissions == 2
        found = statuses(here)
        plain = run("batch", "rows.jsonl", "-n")
        again = run("batch", "rows.jsonl", "-y")
    end = documents(done.out)[-1]

    assert (done.code, end["stopped"], end["next"]) == (11, stopped, "run-again")
    assert end["counts"] == {"done": 1, "cancelled": 1, "not-started": 3}
    assert end["failed"][0]["id"] == "r02"
    assert found == {"r01": "done", "r02": "cancelled"}
    assert plain.text.splitlines()[-1].startswith("4 rows would be sent, 1 not")
    assert (again.code, server.submissions) == (0, 6)
    with serving(lambda *_: refusing):
        shown = run("batch", manifest(here, rows(5)), "-y", "-f", "--results", "other.jsonl")
    assert f"error: no more rows were started: {words}" in shown.err


@pytest.mark.parametrize(
    ("answer", "flags", "most", "status"),
    [
        (loopback.drop("after"), (), 3, "unknown"),
        (loopback.json_answer({"error": "no"}, 400), (), 10, "rejected"),
        (loopback.json_answer({"error": "no"}, 400), ("--max-failures", "2"), 2, "rejected"),
    ],
    ids=["unknown", "rejected", "as-asked"],
)
def test_failures_in_a_row_end_starting(
    here: Path, run: Run, answer: loopback.Answer, flags: tuple[str, ...], most: int, status: str
) -> None:
    """Three of unknown outcome, or ten others; one that is done between them begins anew."""
    manifest(here, rows(20))
    with serving(lambda number, _: ANSWER if number == 2 else answer) as server:
        done = run("batch", "rows.jsonl", "-y", "-j1", *flags)

    assert (done.code, server.submissions) == (11, 2 + most)
    assert "error: no more rows were started: too many failed, one after the other" in done.err
    assert f"1 of 20 rows done, {19 - most - 1} not-started, {most + 1} {status}" in done.err


def test_a_full_disk_ends_starting(here: Path, process: Run) -> None:
    """Where the results cannot be written nothing is sent; with room again it goes on."""
    with disk(here / "small", "64k") as small:
        manifest(small, rows(5))
        filler = small / "filler"
        line = ("batch", "rows.jsonl", "-y", "-j1", "-o", f"{here}/{{id}}.jpg")
        with serving(lambda number, _: _fill(filler) if number == 2 else ANSWER) as server:
            full = process(*line, cwd=small)
            sent = server.submissions
            filler.unlink()
            again = process(*line, cwd=small)
            third = process(*line, "--json", cwd=small)

    assert (full.code, sent) == (11, 2)
    assert "error: no more rows were started: a disk is full" in full.err
    assert (again.code, server.submissions) == (0, 5)
    assert documents(third.out)[-1]["counts"] == {"skipped": 5}


def _fill(file: Path) -> loopback.Answer:
    """Answer once the disk of a file is full."""
    with file.open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            return ANSWER
    raise AssertionError
