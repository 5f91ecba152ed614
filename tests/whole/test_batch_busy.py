"""Models that the service has no room for, in batches that have others: whole processes."""

import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import loopback
import pytest
from batches import PROGRAM, documents, manifest, number_of, rows, serving, started, statuses
from conftest import Run, until
from sandboxing import picture

PRICE = {"product": "any", "dollars": 0.02}

ANSWER = loopback.multipart_ok(picture(), job=loopback.job_record(price=PRICE))

MODELS = {"a": None, "b": "flux-2-max", "c": "flux-2-pro"}


def _mixed(folder: Path, models: str) -> None:
    """Write a manifest with a row for each letter, of that model."""
    by_model = {
        letter: rows(len(models), **({} if name is None else {"model": name}))
        for letter, name in MODELS.items()
    }
    manifest(folder, [by_model[letter][n] for n, letter in enumerate(models)])


class Service:
    """A service without room for some models, until so many rows of others are sent: all of them.

    Attributes:
        came: The rows that were sent and had room, in order.
        away: The rows that were turned away.
        is_open: Answers the rows that have room once it is set, as it is at first.
        answer: What they get.
    """

    def __init__(
        self, models: str, shut: str, seconds: str = "1", until: int | None = None
    ) -> None:
        self.came: list[int] = []
        self.away: set[int] = set()
        self.is_open = threading.Event()
        self.is_open.set()
        self.answer = ANSWER
        self._models = models
        self._shut = shut
        self._seconds = seconds
        self._until = until or sum(letter not in shut for letter in models)
        self._lock = threading.Lock()

    def choose(self, _: int, request: loopback.Received) -> loopback.Answer:
        """Answer a row."""
        number = number_of(request)
        with self._lock:
            if self._models[number - 1] in self._shut and len(self.came) < self._until:
                self.away.add(number)
                return loopback.busy(self._seconds)
            self.came.append(number)
        self.is_open.wait(30)
        return self.answer


@pytest.mark.parametrize(
    ("models", "shut", "jobs"),
    [
        ("a" * 12 + "b" * 12, "a", 1),
        ("a" * 20 + "b" * 12, "a", 2),
        ("ab" * 12, "a", 2),
        ("a" * 30 + "b" * 12, "a", 8),
        ("abc" * 7, "ab", 1),
        ("a" * 12 + "b" * 12 + "c" * 8, "ab", 2),
        ("c" + "b" * 20 + "ca" * 20 + "c" * 4, "ab", 8),
        ("b" * 12 + "a" * 12, "a", 4),
    ],
)
def test_rows_of_models_without_room_are_passed_by(
    here: Path, process: Run, models: str, shut: str, jobs: int
) -> None:
    """However many of them wait, all rows of the others are sent; then they are, in their order."""
    _mixed(here, models)
    service = Service(models, shut)
    with serving(service.choose):
        done = process("batch", "rows.jsonl", "-y", f"-j{jobs}", "--max-wait", "20")
    free = [n for n, model in enumerate(models, 1) if model not in shut]
    held = [n for n, model in enumerate(models, 1) if model in shut]

    assert (done.code, done.err.count("error")) == (0, 0)
    assert sorted(service.came[: len(free)]) == free
    assert sorted(service.came[len(free) :]) == held
    assert len(done.text.split()) == len(models), "in the order of the rows"
    assert done.text.split() == sorted(done.text.split())
    if jobs == 1:
        for model in shut:
            own = [number for number in service.came if models[number - 1] == model]
            assert own == sorted(own)


def test_rows_are_sent_in_their_order_where_there_is_room(here: Path, process: Run) -> None:
    """One after the other with one job at a time, whatever their models are."""
    models = "abcaabbcc" * 3
    _mixed(here, models)
    service = Service(models, "")
    with serving(service.choose):
        done = process("batch", "rows.jsonl", "-y", "-j1")

    assert (done.code, service.came) == (0, [*range(1, len(models) + 1)])


def test_earlier_rows_go_first_again_once_there_is_room(here: Path, process: Run) -> None:
    """Of the model that was held up, before all others but one that was prepared meanwhile."""
    models = "a" * 4 + "b" * 60
    _mixed(here, models)
    service = Service(models, "a", until=5)
    with serving(service.choose):
        done = process("batch", "rows.jsonl", "-y", "-j1", "--rate", "20/s")
    at = [service.came.index(number) for number in (1, 2, 3, 4)]

    assert (done.code, at) == (0, sorted(at))
    assert 5 <= at[0] < 45
    assert at[3] - at[0] <= 3 + 2


@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_ends_rows_that_wait_for_room(here: Path, signals: int) -> None:
    """Many rows wait for their model, others are on their way; nobody waits for the gate."""
    models = "a" * 30 + "b" * 20
    _mixed(here, models)
    service = Service(models, "a", "100")
    service.is_open.clear()
    line = ("batch", "rows.jsonl", "-y", "-j4")
    running: Any
    with serving(service.choose), started(*line, stdin=subprocess.DEVNULL) as running:
        until(lambda: len(service.came) == 4)
        running.send_signal(signal.SIGINT)
        shown = running.stderr.readline().decode()
        while "stopped by" not in shown:
            shown = running.stderr.readline().decode()
        if signals == 2:
            running.send_signal(signal.SIGINT)
        else:
            service.is_open.set()
        err = running.stderr.read().decode()
        code = running.wait(timeout=10)
        service.is_open.set()

    assert shown.endswith("waiting for 4 rows on the way (once more gives them up)\n")
    assert code == -signal.SIGINT
    assert (len(service.came), min(service.came) > 30) == (4, True)
    away = f"{len(service.away)} cancelled, {46 - len(service.away)} not-started"
    assert (f"4 of 50 rows done, {away}" if signals == 1 else f"{away}, 4 unknown") in err


@pytest.mark.parametrize(
    ("answer", "flags", "stopped"),
    [
        (loopback.status(402), (), "balance"),
        (loopback.status(401), (), "auth"),
        (loopback.status(400), ("--max-failures", "2"), "failures"),
    ],
)
def test_what_ends_starting_ends_rows_that_wait_for_room(
    here: Path, process: Run, answer: loopback.Answer, flags: tuple[str, ...], stopped: str
) -> None:
    """Nobody waits for the gate of many rows; each has its end, and none of them was sent."""
    _mixed(here, "a" * 30 + "b" * 20)
    service = Service("a" * 30 + "b" * 20, "a", "100")
    service.answer = answer
    with serving(service.choose):
        began = time.monotonic()
        done = process("batch", "rows.jsonl", "-y", "-j2", *flags, "--json")
        took_s = time.monotonic() - began
    *ends, end = documents(done.out)

    assert (done.code, end["stopped"], len(ends)) == (11, stopped, 50)
    assert (1 <= len(service.came) <= 3, took_s < 50) == (True, True)
    assert {one["status"] for one in ends[:30]} == {"cancelled", "not-started"}


def test_money_is_for_rows_that_can_be_sent(here: Path, process: Run) -> None:
    """What those who wait for room have set aside stays theirs, until their model is given up."""
    _mixed(here, "a" * 12 + "b" * 20)
    service = Service("a" * 12 + "b" * 20, "a", "1")
    with serving(service.choose):
        done = process(
            *("batch", "rows.jsonl", "-j2", "--max-wait", "2", "--budget", "0.20", "--json")
        )
    *ends, end = documents(done.out)

    assert (done.code, end["stopped"], end["spent_usd"]) == (11, "cost", 0.18)
    assert [one["status"] for one in ends] == ["busy"] * 12 + ["done"] * 9 + ["not-started"] * 11


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (loopback.busy("9"), "busy"),
        (loopback.status(400), "rejected"),
        (loopback.ok(b"no picture"), "not-placed"),
    ],
)
def test_rows_that_failed_hold_no_files(here: Path, answer: loopback.Answer, status: str) -> None:
    """However many of them there are, the rows after them can open theirs."""
    manifest(here, [*rows(60), *rows(70, model="flux-2-max")[60:]])
    line = 'ulimit -n 48; exec "$@"'
    with serving(lambda _, request: answer if number_of(request) <= 60 else ANSWER):
        flags = ["-y", "-j2", "--max-wait", "1", "--max-failures", "0"]
        argv = ["bash", "-c", line, "-", *PROGRAM, "batch", "rows.jsonl", *flags]
        subprocess.run(argv, check=False, capture_output=True)

    ends = statuses(here)
    assert [ends[f"r{n}"] for n in range(61, 71)] == ["done"] * 10
    assert {ends[f"r{n:02}"] for n in range(1, 61)} == {status}
