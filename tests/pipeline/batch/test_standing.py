"""Where rows stand after a kill at any moment: by the results, the record, and the pictures."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import ledgering as lg
import loopback
import pytest
import resulting as rs
from conftest import SAMPLES, TOKEN

from prodia_compose.pipeline.batch.results import history
from prodia_compose.pipeline.batch.results.history import Last
from prodia_compose.pipeline.batch.results.standing import Standing
from prodia_compose.record import entries, home, ledger, settling

PICTURE = (SAMPLES / "scene.jpg").read_bytes()
SHA256 = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture
def record() -> Iterator[ledger.Ledger]:
    """Return the record."""
    with ledger.open_record({}) as opened:
        yield opened


def killed(record: ledger.Ledger, state: entries.State, output: Path, **news: Any) -> str:
    """Record a job that came to a state before its process was killed, and return its id."""
    entry = record.begin(lg.claim(output=str(output)))
    lg.advance_to(entry, state)
    entry.advance(state, **news)
    lg.sql("UPDATE jobs SET process = ''")
    assert entry.id is not None
    return entry.id


def started(path: Path, record_id: str | None, *ends: Any) -> history.History:
    """Write the results of a run that began a row, with its ends, if it came to that; read them."""
    with rs.opened(path, "a") as results:
        rs.begin(results, "a", record_id=record_id)
        for end in ends:
            results.end(end)
    return history.read([str(path)])


def stands(
    known: history.History, record: ledger.Ledger, key: str = rs.KEY, **others: Any
) -> tuple[str, Last, Decimal]:
    """Return what is to be done with the row, where it stands, and what was spent."""
    standing = Standing(known, record, **others)
    return standing.decide("a", key).action, standing.last["a"], standing.history.spent


@pytest.mark.parametrize(
    ("state", "news", "status", "action", "spent"),
    [
        ("prepared", {}, "not-delivered", "send", "0"),
        ("sending", {}, "unknown", "list", "0.04"),
        ("accepted", {}, "unknown", "list", "0.04"),
        ("accepted", {"job_id": "j"}, "unknown", "list", "0.04"),
        ("received", {"price_usd": 0.03}, "unknown", "list", "0.04"),
        ("received", {"came": ["0" * 64]}, "unknown", "list", "0.04"),
        ("rejected", {"exit_code": 5}, "rejected", "list", "0"),
        ("rejected", {"exit_code": 5, "may_be_billed": True}, "rejected", "list", "0.04"),
        ("busy", {"exit_code": 6}, "not-delivered", "send", "0"),
        ("not-delivered", {"exit_code": 7}, "not-delivered", "send", "0"),
        ("unknown", {"exit_code": 9}, "unknown", "list", "0.04"),
    ],
)
@pytest.mark.parametrize("has_end", [True, False])
def test_record_settles_what_the_results_left_open(
    tmp_path: Path,
    record: ledger.Ledger,
    state: entries.State,
    news: dict[str, Any],
    status: str,
    action: str,
    spent: str,
    *,
    has_end: bool,
) -> None:
    """A job that was not sent is due, and costs nothing; what is unknown there stays so."""
    name = killed(record, state, tmp_path / "a.jpg", **news)
    ends = [rs.end("a", "unknown", record_id=name)] if has_end else []
    known = started(tmp_path / "r.jsonl", name, *ends)

    found, again = stands(known, record), stands(known, record)
    assert (found[0], found[1].status, found[2]) == (action, status, Decimal(spent))
    assert again == found
    assert known.spent == Decimal("0.04")


def test_saved_there_is_done(tmp_path: Path, record: ledger.Ledger) -> None:
    """A row whose picture was saved before the kill is skipped, at the price that came."""
    place = tmp_path / "a.jpg"
    place.write_bytes(PICTURE)
    saved = [entries.File(path=str(place), sha256=SHA256)]
    name = killed(record, "saved", place, outputs=saved, price_usd=0.03, exit_code=0)
    known = started(tmp_path / "r.jsonl", name)

    action, last, spent = stands(known, record)
    assert (action, last.status, spent) == ("skip", "done", Decimal("0.03"))
    assert last.pictures[0].path == str(place)


@pytest.mark.parametrize("settled", get_args(entries.Settled))
def test_settling_settles_a_row(
    tmp_path: Path, record: ledger.Ledger, settled: entries.Settled
) -> None:
    """`jobs settle ID not-billed` makes a row due and free, `billed` makes it rejected and paid."""
    name = killed(record, "sending", tmp_path / "a.jpg")
    known = started(tmp_path / "r.jsonl", name)
    before = Standing(known, record).decide("a", rs.KEY)
    settling.settle(record, record.find(name), settled)
    action, last, spent = stands(known, record)

    assert f"`prodia-compose jobs show {name}`" in before.words
    assert f"`prodia-compose jobs settle {name} not-billed` (or billed) says so" in before.words
    assert before.words.endswith("--rerun unknown --only a sends it once more")
    is_billed = settled == "billed"
    assert (action, last.status) == (
        ("list", "rejected") if is_billed else ("send", "not-delivered")
    )
    assert spent == Decimal("0.04" if is_billed else 0)


def test_process_that_is_at_it(tmp_path: Path, record: ledger.Ledger) -> None:
    """A row that another run is sending right now is never sent, whatever is asked for."""
    with lg.process("reach", "sending") as running:
        name = lg.line(running)
        known = started(tmp_path / "r.jsonl", name)
        standing = Standing(known, record, rerun=["unknown"])
        decision, job = standing.decide("a", rs.KEY), standing.job("a")

        assert (decision.action, decision.rerun) == ("list", None)
        assert job is not None
        assert job.id == name
        assert standing.job("b") is None
        assert decision.words == (
            f"another process ({running.pid}) is at it; run it again once that has ended"
        )


@pytest.mark.parametrize("news", [None, {"exit_code": 9}])
def test_without_a_record_an_unknown_stays_unknown(
    tmp_path: Path, record: ledger.Ledger, news: dict[str, Any] | None
) -> None:
    """A job that was never recorded, or is forgotten, may be billed: only the user knows."""
    name = None
    if news is not None:
        name = killed(record, "unknown", tmp_path / "a.jpg", **news)
        settling.forget(record, record.find(name))
    known = started(tmp_path / "r.jsonl", name)
    decision = Standing(known, record).decide("a", rs.OTHER_KEY)

    assert (decision.action, decision.rerun) == ("list", "unknown")
    assert "jobs show" not in decision.words


@pytest.mark.parametrize("kind", ["placed", "suffix", "number", "part", "rescued", "other", "torn"])
def test_picture_that_had_come_is_found(tmp_path: Path, record: ledger.Ledger, kind: str) -> None:
    """After a kill a picture is known by its hash: in its place, on the way to it, or kept aside."""
    (tmp_path / "out").mkdir()
    place = tmp_path / "out/a.jpg"
    state = home.folder()
    assert state is not None
    (state / "rescued").mkdir()
    where = {
        "placed": place,
        "suffix": place.with_suffix(".png"),
        "number": place.with_name("a-2.jpg"),
        "part": place.with_name(".0123456789ab.part"),
        "rescued": state / "rescued/20261202-010000-abcdef.jpg",
        "other": place,
        "torn": place.with_name(".0123456789ab.part"),
    }[kind]
    where.write_bytes({"other": b"another", "torn": PICTURE[:-100]}.get(kind, PICTURE))
    name = killed(record, "received", place, came=[SHA256], price_usd=0.03)
    known = started(tmp_path / "r.jsonl", name)
    action, last, _ = stands(known, record)

    if kind in ("placed", "suffix", "number"):
        assert (action, last.status, last.pictures[0].path) == ("skip", "done", str(where))
    elif kind in ("part", "rescued"):
        assert (action, last.status, last.kept) == ("place", "not-placed", (str(where),))
    else:
        assert (action, last.status) == ("list", "unknown")
    assert where.exists()


@pytest.mark.parametrize("kept", ["whole", "torn", "gone", "unnamed"])
def test_kept_copy_of_a_row_that_was_not_placed(
    tmp_path: Path, record: ledger.Ledger, kept: str
) -> None:
    """A whole copy is placed, free; one that is no picture, or gone, is told and not sent again."""
    state = home.folder()
    assert state is not None
    (state / "rescued").mkdir()
    file = state / "rescued/x.jpg"
    if kept != "gone":
        file.write_bytes(PICTURE[:-5000] if kept == "torn" else PICTURE)
    rescued = [] if kept == "unnamed" else [str(file)]
    place = tmp_path / "a.jpg"
    name = killed(record, "received", place, came=[SHA256], exit_code=10, rescued=rescued or None)
    lines = [{"path": path} for path in rescued]
    shown = [{"kind": "not-placed", "exit_code": 10, "message": "the disk is full"}]
    end = rs.end("a", "not-placed", record_id=name, rescued=lines, errors=shown, path=place)
    known = started(tmp_path / "r.jsonl", name, end)
    decision = Standing(known, record).decide("a", rs.KEY)
    again = Standing(known, record, rerun=["missing"]).decide("a", rs.KEY)

    if kept in ("whole", "unnamed"):
        assert decision.action == again.action == "place"
    else:
        assert (decision.action, decision.rerun, again.action) == ("list", "missing", "send")
        assert decision.why == "the disk is full"


def test_killed_between_keeping_and_telling(tmp_path: Path, record: ledger.Ledger) -> None:
    """A copy that the record names is placed, though the results never told of it."""
    kept = tmp_path / "kept.jpg"
    kept.write_bytes(PICTURE)
    news = {"exit_code": 10, "rescued": [str(kept)]}
    name = killed(record, "received", tmp_path / "a.jpg", **news)
    known = started(tmp_path / "r.jsonl", name)

    action, last, _ = stands(known, record)
    assert (action, last.status, last.kept) == ("place", "not-placed", (str(kept),))


def test_fetched_elsewhere_is_done(tmp_path: Path, record: ledger.Ledger) -> None:
    """A kept picture that `jobs fetch` has put somewhere makes its row done, there."""
    place = tmp_path / "elsewhere.jpg"
    place.write_bytes(PICTURE)
    saved = [entries.File(path=str(place), sha256=SHA256)]
    name = killed(record, "saved", tmp_path / "a.jpg", outputs=saved, exit_code=0)
    end = rs.end("a", "not-placed", record_id=name)
    known = started(tmp_path / "r.jsonl", name, end)

    assert stands(known, record)[0] == "skip"


@pytest.mark.parametrize(
    ("change", "action"),
    [
        (Path.exists, "skip"),
        (lambda file: os.utime(file, (1, 1)), "skip"),
        (lambda file: file.write_bytes(PICTURE), "skip"),
        (lambda file: file.write_bytes(PICTURE[:-1] + b"x"), "list"),
        (lambda file: file.unlink(), "list"),
        (lambda file: (file.unlink(), file.mkdir()), "list"),
        (lambda file: (file.unlink(), file.symlink_to("nowhere")), "list"),
    ],
    ids=["as-it-was", "touched", "copied", "altered", "gone", "folder", "dangling"],
)
def test_in_place(tmp_path: Path, record: ledger.Ledger, change: Any, action: str) -> None:
    """A picture is in its place while its bytes are, whenever they were written."""
    place = tmp_path / "a.jpg"
    place.write_bytes(PICTURE)
    known = started(tmp_path / "r.jsonl", None, rs.end("a", path=place))
    change(place)

    assert stands(known, record)[0] == action


def test_unread_while_size_and_time_are_as_noted(tmp_path: Path, record: ledger.Ledger) -> None:
    """Thousands of rows that are done are skipped without reading their pictures."""
    place = tmp_path / "a.jpg"
    place.write_bytes(PICTURE)
    known = started(tmp_path / "r.jsonl", None, rs.end("a", path=place))
    status = place.stat()
    place.write_bytes(PICTURE[:-1] + b"x")
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert stands(known, record)[0] == "skip"


def test_done_and_gone_is_placed_again_if_a_copy_was_kept(
    tmp_path: Path, record: ledger.Ledger
) -> None:
    """A copy with the hash of the picture that is gone is placed, free."""
    place = tmp_path / "out/a.jpg"
    place.parent.mkdir()
    place.write_bytes(PICTURE)
    known = started(tmp_path / "r.jsonl", None, rs.end("a", path=place))
    kept = place.rename(place.with_name(".0123456789ab.part"))
    action, last, _ = stands(known, record)

    assert (action, last.kept) == ("place", (str(kept),))


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize(
    ("call", "action", "status"),
    [
        ("sendto:signal=KILL:when=1", "list", "unknown"),
        ("fsync:signal=KILL:when=2", "place", "not-placed"),
        ("link:signal=KILL:when=1", "place", "not-placed"),
        ("fsync:signal=KILL:when=3", "skip", "done"),
    ],
    ids=["sends", "has-written", "names", "has-named"],
)
def test_process_killed_as_it(
    work: Path, record: ledger.Ledger, call: str, action: str, status: str
) -> None:
    """Once the picture of a killed run has come it is found, wherever the run was with it."""
    tracer = ["strace", "-f", "-o", str(work.parent / "calls"), "-e", f"inject={call}"]
    program = [sys.executable, "-m", "prodia_compose", "compose", "-q", "-p", "x", "product.jpg"]
    with loopback.serve([loopback.ok(PICTURE)]) as service:
        env = {**os.environ, "PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        done = subprocess.run([*tracer, *program, "-o", "out.jpg"], env=env, check=False)
    (job,) = record.entries()
    known = started(work / "r.jsonl", job.id)
    found = stands(known, record)

    assert done.returncode == -signal.SIGKILL
    assert (found[0], found[1].status) == (action, status)
    files = found[1].kept or tuple(one.path for one in found[1].pictures)
    assert [Path(file).read_bytes() for file in files] == [PICTURE] * (status != "unknown")
