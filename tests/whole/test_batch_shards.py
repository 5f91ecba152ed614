"""One batch in several runs: in parts, two at once, from a torn file, from elsewhere."""

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import counting
import pytest
from conftest import TOKEN, Run, until
from resuming import Batch

NAMES = tuple("abcdefghi")


@pytest.fixture
def batch(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Batch]:
    """Return a batch of nine rows, `a` to `i`, each with its id as the prompt."""
    with counting.serve() as service:
        monkeypatch.setenv("PRODIA_BASE_URL", service.url)
        monkeypatch.setenv("PRODIA_TOKEN", TOKEN)
        made = Batch(run, service)
        made.rows = {name: {"prompt": name} for name in NAMES}
        yield made


@pytest.mark.parametrize("results", [(), ("--results", "r.jsonl")], ids=["default", "named"])
def test_shards_cover_each_row_once(batch: Batch, results: tuple[str, ...]) -> None:
    """A new row moves no other, and any other split, or none, finds what is done."""
    parts = [batch.statuses(*results, "--shard", f"{part}/3") for part in (1, 2, 3)]

    assert sorted(name for part in parts for name in part) == list(NAMES)
    assert batch.service.asked == dict.fromkeys(NAMES, 1)
    batch.rows["z"] = {"prompt": "z"}
    again = [batch.statuses(*results, "--shard", f"{part}/3") for part in (1, 2, 3)]
    assert [{*part} - {"z"} for part in again] == [{*part} for part in parts]
    assert batch.service.asked == dict.fromkeys((*NAMES, "z"), 1)
    for others in (("--shard", "1/2"), ("--shard", "2/2"), ()):
        assert set(batch.statuses(*results, *others).values()) == {"skipped"}
    assert batch.asked == 10


@pytest.mark.parametrize(
    ("only", "words"),
    [(("--only", "a"), "none of the rows asked for"), ((), "no row")],
    ids=["only", "all"],
)
def test_a_shard_without_a_row_says_so(batch: Batch, only: tuple[str, ...], words: str) -> None:
    """It has nothing to do, and that is no failure of an array's job."""
    batch.rows = {"a": batch.rows["a"]}
    shown = [batch.run(*only, "--shard", f"{part}/2") for part in (1, 2)]

    assert [one.code for one in shown] == [0, 0]
    assert batch.service.asked == {"a": 1}
    empty = [one.err for one in shown if not one.out]
    (line,) = empty[0].splitlines()
    assert re.fullmatch(f"prodia-compose: shard [12]/2 has {words}: nothing to do", line)


def test_a_whole_run_is_found_by_its_shards(batch: Batch) -> None:
    """What was done, or is unknown, before a batch was split is not sent by a part."""
    batch.run("--only", "a", "--only", "b")
    found = batch.statuses("--shard", "1/2") | batch.statuses("--shard", "2/2")

    assert {name for name, status in found.items() if status == "skipped"} == {"a", "b"}
    assert batch.service.asked == dict.fromkeys(NAMES, 1)


@contextmanager
def at_it(batch: Batch, *argv: str) -> Iterator[None]:
    """Have another run of the batch wait for the service."""
    may_go, before = threading.Event(), batch.asked
    batch.service.meanwhile = lambda _prompt: may_go.wait(30)
    line = [sys.executable, "-m", "prodia_compose", "batch", "rows.jsonl", "-y", "-q", *argv]
    running = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    try:
        until(lambda: batch.asked > before)
        yield
    finally:
        may_go.set()
        running.wait()
    assert running.returncode == 0


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ((), (), 8),
        (("--shard", "1/2"), ("--shard", "1/2"), 8),
        (("--shard", "1/2"), (), 8),
        ((), ("--shard", "2/2"), 8),
        (("--shard", "1/2"), ("--shard", "3/3"), 8),
        (("--shard", "1/2"), ("--shard", "2/2"), 0),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else str(value),
)
def test_no_two_runs_send_the_same_rows(
    batch: Batch, first: tuple[str, ...], second: tuple[str, ...], code: int
) -> None:
    """The second of two that can have a row in common ends before it has sent anything."""
    batch.run("-n")  # writes the manifest
    with at_it(batch, *first):
        asked = batch.asked
        batch.service.meanwhile = lambda _prompt: None
        done = batch.run(*second)
        assert done.code == code
        if code:
            assert "another run of this batch is at it; wait for its end" in done.messages
            assert batch.asked <= asked + 4  # those of the first
    batch.run()
    assert batch.service.asked == dict.fromkeys(NAMES, 1)


def test_repeats_in_two_parts_at_once(batch: Batch) -> None:
    """The same job on its way in another part stands in no row's way."""
    batch.rows = {"a": {"output": "{id}.jpg"}}
    repeat = ("--repeat", "8")
    batch.run("-n", *repeat)
    with at_it(batch, *repeat, "--shard", "1/2"):
        batch.service.meanwhile = lambda _prompt: None
        assert set(batch.statuses(*repeat, "--shard", "2/2").values()) == {"done"}
    assert set(batch.statuses(*repeat).values()) == {"skipped"}
    assert batch.asked == 8


@pytest.mark.parametrize("setting", ["on", "off"])
def test_a_torn_last_line_is_cut_off(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """What it told of is found on record, or is of unknown outcome; it is not sent again."""
    monkeypatch.setenv("PRODIA_COMPOSE_RECORD", setting)
    batch.rows = {"a": {}}
    batch.run()
    results = Path("rows.jsonl.results.jsonl")
    whole = results.read_bytes()
    begins = whole.rindex(b"\n", 0, -1) + 1

    for size in (begins, begins + 1, begins + 300, len(whole) - 2, len(whole) - 1):
        results.write_bytes(whole[:size])
        is_whole = size == len(whole) - 1
        expected = "skipped" if setting == "on" or is_whole else "listed"
        assert batch.statuses() == {"a": expected}
        assert batch.statuses() == {"a": expected}
        assert all(line.endswith(b"}") for line in results.read_bytes().splitlines())
    assert batch.asked == 1


def test_results_of_something_else_are_not_gone_on_with(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another service, the sandbox, another part, another batch: each is told, and nothing sent."""
    batch.run("--shard", "1/2")
    batch.run()
    before = Path("rows.jsonl.results.jsonl").read_bytes()
    own = ("--results", "rows.jsonl.results.jsonl")

    shown = batch.run("--sandbox", *own)
    assert (
        shown.code,
        "is of the service itself, and this run is of the sandbox" in shown.err,
    ) == (
        2,
        True,
    )
    shown = batch.run("--results", "rows.jsonl.1-of-2.results.jsonl")
    assert (shown.code, "is of its shard 1/2" in shown.err) == (2, True)
    with counting.serve() as other:
        monkeypatch.setenv("PRODIA_BASE_URL", other.url)
        shown = batch.run()
        assert shown.code == 2
        assert f"and this run is of {other.url.removeprefix('http://')}" in shown.err
        monkeypatch.setenv("PRODIA_BASE_URL", batch.service.url)
        assert other.asked.total() == 0
    batch.rows = {"other": {"prompt": "other"}}
    shown = batch.run()
    assert (shown.code, "is of another batch: none of its rows is in this one" in shown.err) == (
        2,
        True,
    )
    assert Path("rows.jsonl.results.jsonl").read_bytes() == before
    assert batch.service.asked == dict.fromkeys(NAMES, 1)


def test_results_that_were_moved_with_their_folder_are_gone_on_with(
    batch: Batch, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pictures are found where they are now, from any working directory."""
    batch.run("--only", "a")
    moved = work.parent / "moved"
    shutil.move(work, moved)
    monkeypatch.chdir(moved)

    assert batch.statuses("--only", "a", "--only", "b") == {"a": "skipped", "b": "done"}
    monkeypatch.chdir("/")
    (moved / "rows.jsonl").replace(moved / "sub.jsonl")
    (moved / "rows.jsonl.results.jsonl").replace(moved / "sub.jsonl.results.jsonl")
    done = batch.call("batch", f"{moved}/sub.jsonl", "-y", "--only", "a")
    assert (done.code, done.text) == (0, f"{moved}/a.jpg\n")
    assert batch.service.asked == {"a": 1, "b": 1}
