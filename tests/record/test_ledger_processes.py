"""The record of jobs under many processes, kills, locks, full disks and damage."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import ledgering as lg
import pytest

from prodia_compose.record import entries, ledger, schema, spending

KILLED: dict[entries.State, entries.State] = {
    "prepared": "not-delivered",
    "sending": "unknown",
    "accepted": "unknown",
    "received": "unknown",
    "saved": "saved",
    "rejected": "rejected",
    "busy": "busy",
    "not-delivered": "not-delivered",
    "unknown": "unknown",
}
"""What a job counts as once its process has been killed in a state."""


def kill(pid: int) -> None:
    """Kill a process and wait for its end, but leave it a zombie."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_fifty_processes_at_once_leave_fifty_rows() -> None:
    """Processes that all start on a record that is not there yet lose nothing."""
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(lg.process("run-one", str(n))) for n in range(50)]
        assert {lg.line(one) for one in started} == {"ready"}
        for one in started:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        assert {lg.line(one) for one in started} == {"None"}

    with ledger.open_record({}) as opened:
        found = opened.entries()

    assert sorted(str(entry.config["prompt"]) for entry in found) == sorted(
        f"run {number}" for number in range(50)
    )
    assert {entry.state for entry in found} == {"saved"}
    assert len({entry.id for entry in found}) == 50


@pytest.mark.parametrize("reached", KILLED)
def test_kill_at_each_state(reached: entries.State) -> None:
    """A job counts as running until its process is killed, and then as what it must be."""
    with lg.process("reach", reached) as started, ledger.open_record({}) as opened:
        name = lg.line(started)
        before = opened.find(name)
        twin_before = opened.unknown_twin(lg.claim().twin_key)
        kill(started.pid)
        after = opened.find(name)
        twin = opened.unknown_twin(lg.claim().twin_key)

    is_open = reached in ("prepared", "sending", "accepted", "received")
    assert (before.state, before.is_running) == (reached, is_open)
    assert (twin_before is not None) == (reached == "unknown")
    assert (after.state, after.reached, after.is_running) == (KILLED[reached], reached, False)
    assert (twin.id if twin else None) == (name if KILLED[reached] == "unknown" else None)


@pytest.mark.parametrize("lines", [1, 2, 7, 30])
def test_kill_at_any_moment_keeps_what_was_begun(lines: int) -> None:
    """A process killed in the middle of writing leaves a sound record with all it had begun."""
    with lg.process("run-many") as started:
        names = [lg.line(started) for _ in range(lines)]
        started.kill()
        started.wait()

    with ledger.open_record({}) as opened:
        assert set(names) <= {entry.id for entry in opened.entries()}
        assert opened.trouble is None
    assert lg.sql("PRAGMA integrity_check") == [("ok",)]


# --- no record to be had -------------------------------------------------------------------


def _folder_is_a_file(_: Path) -> None:
    Path(os.environ["XDG_STATE_HOME"]).write_text("a file")


def _garbage(path: Path) -> None:
    path.write_bytes(b"this is no database at all " * 400)


def _folder(path: Path) -> None:
    path.mkdir()


def _dangling_link(path: Path) -> None:
    path.symlink_to("nowhere/at/all")


def _foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()


def _newer(_: Path) -> None:
    ledger.open_record({}).close()
    lg.sql("PRAGMA user_version = 99")


def _tableless(_: Path) -> None:
    ledger.open_record({}).close()
    lg.sql("DROP TABLE jobs")


def _torn(path: Path) -> None:
    with ledger.open_record({}) as opened:
        for number in range(40):
            opened.begin(lg.claim(prompt=f"run {number}"))
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_folder_is_a_file, "no folder for the record"),
        (_garbage, "is damaged (file is not a database); move it away"),
        (_folder, "cannot be opened for writing"),
        (_dangling_link, "cannot be used (No such file or directory)"),
        (_foreign, "no record of jobs; move it away"),
        (_newer, "newer prodia-compose (its version 99"),
        (_tableless, "is damaged (no such table: jobs)"),
        (_torn, "is damaged (database disk image is malformed)"),
    ],
)
def test_unusable_record(spoil: Callable[[Path], None], words: str) -> None:
    """A record that cannot be used is one warning, and nothing else ever."""
    if spoil is not _folder_is_a_file:
        spoil(lg.path())
    else:
        spoil(Path())

    with ledger.open_record({}) as opened:
        lg.advance_to(opened.begin(lg.claim()), "saved")
        assert opened.unknown_twin(lg.claim().twin_key) is None
        assert opened.entries() == ()
        assert spending.spending(opened.entries()).lines == {}

        assert opened.trouble is not None
        assert opened.trouble.code == "record-unavailable"
        assert words in opened.trouble.message


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
@pytest.mark.parametrize("is_first", [True, False])
def test_damage_while_a_job_runs(suffix: str, *, is_first: bool) -> None:
    """Whatever becomes of the record's files during a run, the run goes on."""
    with ledger.open_record({}) as opened:
        if not is_first:
            lg.advance_to(opened.begin(lg.claim(prompt="an earlier one")), "saved")
        entry = opened.begin(lg.claim())
        victim = lg.path().with_name(lg.path().name + suffix)
        size = victim.stat().st_size
        with victim.open("r+b") as file:
            file.write(b"\xa5" * size)
        lg.advance_to(entry, "saved")
        opened.unknown_twin(lg.claim().twin_key)
        opened.entries()
    with ledger.open_record({}) as opened:
        lg.advance_to(opened.begin(lg.claim()), "saved")


def test_one_damaged_row_hides_no_other() -> None:
    """A row that makes no sense is left out with a warning; the others are read."""
    with ledger.open_record({}) as opened:
        names = [opened.begin(lg.claim()).id for _ in range(3)]
        lg.sql("UPDATE jobs SET inputs = '{' WHERE id = ?", names[1])

        assert [entry.id for entry in opened.entries()] == [names[2], names[0]]
        assert opened.trouble is not None
        assert f"row {names[1]} is damaged" in opened.trouble.message
        assert opened.begin(lg.claim()).id is not None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("state", "dreaming"),
        ("config", "[1]"),
        ("config", "[" * 100_000),
        ("inputs", '[["a"]]'),
        ("begun_at", "yesterday"),
        ("changed_at", "2026-01-01T00:00:00"),
        ("price_usd", "much"),
        ("estimate_usd", float("inf")),
        ("exit_code", "zero"),
        ("output", "17"),
        ("rescued", "[17]"),
    ],
)
def test_each_kind_of_damage_to_a_row(column: str, value: str | float) -> None:
    """No value in any column gets past the reader or raises."""
    with ledger.open_record({}) as opened:
        entry = opened.begin(lg.claim())
        lg.sql(f"UPDATE jobs SET {column} = ?", value)  # noqa: S608 - from the table above

        assert opened.entries() == ()
        assert opened.unknown_twin(lg.claim().twin_key) is None
        assert opened.trouble is not None
        assert f"row {entry.id} is damaged" in opened.trouble.message


def test_zero_byte_file_becomes_a_record() -> None:
    """A file without a byte in it, as a kill may leave it, is taken for a new record."""
    lg.path().touch()

    with ledger.open_record({}) as opened:
        assert opened.begin(lg.claim()).id is not None
        assert opened.trouble is None


def test_record_deleted_during_a_run() -> None:
    """The rest of the run is not recorded, which is said; the next run has a new record."""
    with ledger.open_record({}) as opened:
        entry = opened.begin(lg.claim())
        shutil.rmtree(lg.path().parent)
        entry.advance("sending")

        assert opened.trouble is not None
        assert "removed or replaced meanwhile" in opened.trouble.message
        with ledger.open_record({}) as other:
            fresh = other.begin(lg.claim())
            lg.advance_to(entry, "saved")
            lg.advance_to(fresh, "saved")
            assert [(one.id, one.state) for one in other.entries()] == [(fresh.id, "saved")]
            assert other.trouble is None


def test_only_the_database_deleted_during_a_run() -> None:
    """A new record beside the leftover log of the old one raises nothing, and heals."""
    with ledger.open_record({}) as opened:
        entry = opened.begin(lg.claim())
        lg.path().unlink()
        with ledger.open_record({}) as other:
            lg.advance_to(other.begin(lg.claim()), "saved")
        lg.advance_to(entry, "saved")
        assert opened.trouble is not None
    with ledger.open_record({}) as opened:
        assert opened.begin(lg.claim()).id is not None
        assert opened.trouble is None


def test_row_deleted_during_a_run() -> None:
    """A run whose row somebody deleted goes on, and says so."""
    with ledger.open_record({}) as opened:
        entry = opened.begin(lg.claim())
        lg.sql("DELETE FROM jobs")
        lg.advance_to(entry, "saved")

        assert opened.entries() == ()
        assert opened.trouble is not None
        assert "a row was removed" in opened.trouble.message


# --- locks and full disks --------------------------------------------------------------------


def test_locked_for_longer_than_the_patience() -> None:
    """A job does not wait for a record that another process keeps locked, and says so."""
    ledger.open_record({}).close()
    with lg.process("hold-lock") as holder:
        assert lg.line(holder) == "locked"
        with ledger.open_record({}, patience_s=0.05) as opened:
            entry = opened.begin(lg.claim())
            lg.advance_to(entry, "saved")
            assert entry.id is None
            assert opened.entries() == ()
            assert opened.trouble is not None
            assert "another process keeps it locked" in opened.trouble.message


def test_locked_in_the_middle_and_released() -> None:
    """What could not be written while the record was locked is made up by the next state."""
    with ledger.open_record({}, patience_s=0) as opened:
        entry = opened.begin(lg.claim())
        with lg.process("hold-lock") as holder:
            assert lg.line(holder) == "locked"
            entry.advance("sending")
            assert opened.trouble is not None
            assert opened.find(str(entry.id)).reached == "prepared"
            assert holder.stdin is not None
            holder.stdin.write("let go\n")
            holder.stdin.flush()
            assert lg.line(holder) == "released"
        entry.advance("sending")
        assert opened.find(str(entry.id)).reached == "sending"


def test_waits_for_a_short_lock() -> None:
    """Within its patience, a job waits for another process to let go."""
    ledger.open_record({}).close()
    with lg.process("hold-lock") as holder, ledger.open_record({}, patience_s=60) as opened:
        assert lg.line(holder) == "locked"
        assert holder.stdin is not None
        holder.stdin.write("let go\n")
        holder.stdin.flush()

        assert opened.begin(lg.claim()).id is not None
        assert opened.trouble is None


def test_locked_for_readers_too() -> None:
    """A record that cannot even be looked at is one warning."""
    ledger.open_record({}).close()
    with lg.process("hold-all") as holder:
        assert lg.line(holder) == "locked"
        with ledger.open_record({}, patience_s=0.05) as opened:
            lg.advance_to(opened.begin(lg.claim()), "saved")
            assert opened.trouble is not None
            assert "another process keeps it locked" in opened.trouble.message


@pytest.mark.parametrize("is_there", [False, True])
def test_disk_full_from_the_start(*, is_there: bool) -> None:
    """A run on a full disk goes on without a record, and the record is sound afterwards."""
    if is_there:
        ledger.open_record({}).close()
    with lg.process("start-on-full-disk") as started:
        assert "it cannot be read or written" in lg.line(started)
        assert started.wait() == 0

    with ledger.open_record({}) as opened:
        assert opened.entries() == ()
        assert opened.begin(lg.claim()).id is not None
        assert opened.trouble is None


def test_disk_full_in_the_middle() -> None:
    """A state that finds no room is told, and the next one is written if there is room again."""
    with lg.process("meet-full-disk") as started:
        assert "it cannot be read or written" in lg.line(started)
        assert started.wait() == 0

    with ledger.open_record({}) as opened:
        assert [entry.state for entry in opened.entries()] == ["saved"]


# --- versions --------------------------------------------------------------------------------


def test_older_record_is_migrated_under_a_running_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer version adds its columns in place; an older one in the middle of a job goes on."""
    with ledger.open_record({}) as older:
        entry = older.begin(lg.claim())
        newer_steps = (*schema.MIGRATIONS, ("ALTER TABLE jobs ADD COLUMN note TEXT",))
        monkeypatch.setattr(schema, "MIGRATIONS", newer_steps)
        with ledger.open_record({}) as newer:
            assert [one.id for one in newer.entries()] == [entry.id]
        lg.advance_to(entry, "saved")
        assert [one.state for one in older.entries()] == ["saved"]
    assert lg.sql("SELECT note FROM jobs") == [(None,)]
    assert lg.sql("PRAGMA user_version") == [(len(newer_steps),)]


def test_async_job_of_an_older_record_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that an older version had taken on is an async one, also once its picture has come."""
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        with ledger.open_record({}) as older:
            names = [older.begin(lg.claim()).id for _ in range(2)]
    lg.sql("UPDATE jobs SET state = 'accepted', exit_code = 130")
    lg.sql("UPDATE jobs SET job_id = 'job-1' WHERE id = ?", names[0])

    with ledger.open_record({}) as newer:
        assert [one.is_async for one in newer.entries()] == [False, True]
        newer.reopen(newer.find(str(names[0]))).advance("received", exit_code=10)
        assert newer.find(str(names[0])).is_async


def test_migration_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration is done or undone as a whole."""
    with ledger.open_record({}) as opened:
        opened.begin(lg.claim())
    steps = ("ALTER TABLE jobs ADD COLUMN note TEXT", "ALTER TABLE nothing ADD COLUMN note TEXT")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, steps))
        with ledger.open_record({}) as opened:
            assert opened.trouble is not None

    with ledger.open_record({}) as opened:
        assert len(opened.entries()) == 1
    assert "note" not in {row[1] for row in lg.sql("PRAGMA table_info(jobs)")}


def test_files_are_private() -> None:
    """Only their owner can read the record, its log, its locks and its folders, whatever the umask."""
    previous = os.umask(0)
    try:
        with ledger.open_record({}) as opened:
            opened.begin(lg.claim())
            folder = lg.path().parent
            found = [(file.suffix, file.stat().st_mode) for file in (folder, *folder.rglob("*"))]
    finally:
        os.umask(previous)

    assert sorted((suffix, oct(mode & 0o777)) for suffix, mode in found) == [
        ("", "0o700"),
        ("", "0o700"),
        (".lock", "0o600"),
        (".sqlite3", "0o600"),
        (".sqlite3-shm", "0o600"),
        (".sqlite3-wal", "0o600"),
    ]


def test_row_holds_no_path_and_no_query() -> None:
    """Of paths and URLs the base names are recorded only."""
    names = ("/home/ann/secret-project/mug.jpg", "https://h.example/d/room.jpg?sig=abc/def#x")
    with ledger.open_record({}) as opened:
        entry = opened.begin(lg.claim(names=names, output="/home/ann/out/composed.jpg"))
        entry.advance("saved", outputs=[entries.File(name="/home/ann/out/a.jpg", sha256="f" * 64)])
        (found,) = opened.entries()
        text = json.dumps(lg.sql("SELECT * FROM jobs"))

    assert [one.name for one in found.inputs] == ["mug.jpg", "room.jpg"]
    assert (found.output, found.outputs[0].name) == ("composed.jpg", "a.jpg")
    assert not [word for word in ("ann", "secret", "example", "sig", "def") if word in text]
