"""The record of jobs under many processes, kills, locks, full disks and damage."""

import contextlib
import errno
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ledgering as lg
import pytest
from tables import table

from prodia_compose import errors
from prodia_compose.record import database, ledger, settling
from prodia_compose.report import jobs, jsontext


def test_processes_at_once_lose_no_row() -> None:
    """Processes that all start on a record that is not there yet lose nothing."""
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(lg.process("run_one", str(n))) for n in range(12)]
        assert {lg.line(one) for one in started} == {"ready"}
        for one in started:
            lg.go_on(one)
        assert {lg.line(one) for one in started} == {"None"}
    with ledger.open_record({}) as opened:
        found = opened.entries()

    assert {str(entry.config["prompt"]) for entry in found} == {f"run {n}" for n in range(12)}
    assert {entry.state for entry in found} == {"saved"}
    assert len({entry.id for entry in found}) == len(found) == 12


@pytest.mark.parametrize("lines", [1, 2, 7, 30])
def test_kill_at_any_moment_keeps_what_was_begun(lines: int) -> None:
    """A process killed in the middle of writing leaves a sound record with all it had begun."""
    with lg.process("run_many") as started:
        names = [lg.line(started) for _ in range(lines)]
        started.kill()
        started.wait()

    with ledger.open_record({}) as opened:
        assert set(names) <= {entry.id for entry in opened.entries()}
        assert opened.trouble is None
    assert lg.sql("PRAGMA integrity_check") == [("ok",)]


# --- no record to be had -------------------------------------------------------------------


def _torn(path: Path) -> None:
    with ledger.open_record({}) as opened:
        for number in range(40):
            opened.begin(lg.claim(prompt=f"run {number}"))
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: (path.parent.rmdir(), path.parent.touch()), "no folder for the record"),
        (lambda path: path.write_bytes(b"no database" * 800), "it is no record of jobs; move it"),
        (lambda path: path.write_text("id,state\n1,saved\n"), "it is no record of jobs; move it"),
        (lambda path: path.mkdir(), "it is a folder; move it away to start a new one"),
        (os.mkfifo, "it is no file; move it"),
        (lambda path: path.symlink_to("/dev/zero"), "it is no file; move it"),
        (lambda path: path.symlink_to("no/where"), "it is a link that leads to nothing; move it"),
        (lambda path: path.symlink_to(path.name), "it is a link that leads to nothing; move it"),
        (lambda _: lg.sql("CREATE TABLE bookmarks (url TEXT)"), "no record of jobs; move it away"),
        (lambda _: lg.sql("PRAGMA user_version = -1"), "its version is -1, which none has; move"),
        ("PRAGMA user_version = -1", "its version is -1, which none has; move it away"),
        ("PRAGMA user_version = -2147483648", "its version is -2147483648, which none has"),
        ("PRAGMA user_version = 99", "newer prodia-compose (its version 99"),
        ("PRAGMA user_version = 2147483647", "newer prodia-compose (its version 2147483647"),
        ("PRAGMA user_version = 0", "its table of jobs is not as it was made; move it away"),
        ("DROP TABLE jobs", "its table of jobs is not as it was made; move it away"),
        ("ALTER TABLE jobs DROP COLUMN state", "its table of jobs is not as it was made"),
        ("ALTER TABLE jobs RENAME COLUMN pid TO process_id", "its table of jobs is not as it was"),
        (
            "ALTER TABLE jobs RENAME TO work; CREATE VIEW jobs AS SELECT * FROM work",
            "its table of jobs is not as it was made",
        ),
        ("ALTER TABLE jobs ADD COLUMN x TEXT NOT NULL DEFAULT '' CHECK (x != '')", "it is damaged"),
        (_torn, "it is damaged; move it away to start a new one"),
    ],
    ids=[
        *("no-folder", "garbage", "text", "folder", "fifo", "device", "link", "loop", "foreign"),
        *("blank-minus", "minus", "lowest", "newer", "highest", "zero", "tableless"),
        *("columnless", "renamed", "view", "checked", "torn"),
    ],
)
def test_unusable_record(spoil: Callable[[Path], object] | str, words: str) -> None:
    """A record that cannot be used is one warning, and nothing else ever."""
    if isinstance(spoil, str):
        ledger.open_record({}).close()
        for statement in spoil.split("; "):
            lg.sql(statement)
    else:
        spoil(lg.path())

    with ledger.open_record({}) as opened:
        lg.advance_to(opened.begin(lg.claim()), "saved")
        assert opened.unknown_twin(lg.claim()) is None
        assert opened.entries() == ()
        with pytest.raises(errors.UsageError, match="a: cannot be looked up: "):
            opened.find("a")
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
        with victim.open("r+b") as file:
            file.write(b"\xa5" * victim.stat().st_size)
        lg.advance_to(entry, "saved")
        opened.unknown_twin(lg.claim())
        opened.entries()
    with ledger.open_record({}) as opened:
        lg.advance_to(opened.begin(lg.claim()), "saved")


@pytest.mark.parametrize(
    ("column", "value"),
    [*table("record/damage"), ("config", "[" * 100_000), ("estimate_usd", float("inf"))],
)
def test_each_kind_of_damage_to_a_row(column: str, value: str | float) -> None:
    """A row that makes no sense is left out with a warning, and hides no other."""
    with ledger.open_record({}) as opened:
        names = [opened.begin(lg.claim()).id for _ in range(3)]
        lg.sql(f"UPDATE jobs SET {column} = ? WHERE id = ?", value, names[1])  # noqa: S608 - see above

        assert [entry.id for entry in opened.entries()] == [names[2], names[0]]
        assert opened.unknown_twin(lg.claim()) is None
        assert f"row {names[1]} is damaged" in lg.trouble(opened)
        assert opened.begin(lg.claim()).id is not None


@pytest.mark.parametrize("column", ["state", "digest", "rescued", "process"])
def test_looking_at_a_table_that_lacks_something(column: str) -> None:
    """A table without a column is one warning for those who only look, too."""
    with ledger.open_record({}) as opened:
        opened.begin(lg.claim())
    lg.sql(f"ALTER TABLE jobs DROP COLUMN {column}")
    with ledger.open_record({}, create=False) as opened:
        assert opened.entries() == ()
        assert f"is damaged (it has no {column})" in lg.trouble(opened)


def test_row_of_odd_text_hides_no_other() -> None:
    """A cell whose bytes are no text is read as far as it goes, and the other rows are shown."""
    with ledger.open_record({}) as opened:
        names = [opened.begin(lg.claim()).id for _ in range(2)]
        lg.sql("UPDATE jobs SET model = CAST(x'61ff62' AS TEXT) WHERE id = ?", names[0])

        assert [entry.model for entry in opened.entries()] == ["nano-banana", "a\\xffb"]
        assert opened.trouble is None


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_odd_things_beside_the_record(suffix: str, make: Callable[[Path], object]) -> None:
    """What lies where the record's log belongs is a warning at most, and nothing waits for it."""
    make(lg.path().with_name(lg.path().name + suffix))

    with ledger.open_record({}) as opened:
        lg.advance_to(opened.begin(lg.claim()), "saved")
        assert opened.trouble is None or "it is damaged" not in lg.trouble(opened)


def test_zero_byte_file_becomes_a_record() -> None:
    """A file without a byte in it, as a kill may leave it, is taken for a new record."""
    lg.path().touch()
    with ledger.open_record({}) as opened:
        assert opened.begin(lg.claim()).id is not None
        assert opened.trouble is None


@pytest.mark.parametrize(
    ("remove", "words"),
    [
        (lambda: shutil.rmtree(lg.path().parent), "removed or replaced meanwhile"),
        (lambda: lg.path().unlink(), "removed or replaced meanwhile"),
        (lambda: lg.sql("DELETE FROM jobs"), "a row was removed"),
    ],
    ids=["folder", "database", "row"],
)
def test_what_is_removed_during_a_run(remove: Callable[[], object], words: str) -> None:
    """The rest of the run is not recorded, which is said; the next run is recorded again."""
    with ledger.open_record({}) as opened:
        entry = opened.begin(lg.claim())
        remove()
        with ledger.open_record({}) as other:  # beside the old one's log, if that is there
            lg.advance_to(other.begin(lg.claim()), "sending")
            lg.advance_to(entry, "saved")

        assert opened.entries() == ()
        assert words in lg.trouble(opened)
    with ledger.open_record({}) as opened:
        lg.advance_to(opened.begin(lg.claim()), "saved")
        assert [one.state for one in opened.entries()].count("saved") == 1
        assert opened.trouble is None


def test_a_record_that_is_removed_while_it_is_read() -> None:
    """What was in it is not told, and why; the file that has taken its place is not touched."""
    with ledger.open_record({}) as opened:
        opened.begin(lg.claim())
        assert len(opened.entries()) == 1
        lg.path().rename(lg.path().with_name("away"))
        assert opened.entries() == ()
        assert "removed or replaced meanwhile" in lg.trouble(opened)
        assert not lg.path().exists()


def test_which_changes_a_power_cut_cannot_undo(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite flushes its log for the claim, an async job's id, and what the user has changed."""
    shown: list[str] = []
    connect = sqlite3.connect

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(shown.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    with ledger.open_record({}) as opened:
        entry = opened.begin(lg.claim())
        lg.advance_to(entry, "accepted")
        entry.advance("accepted", job_id="job-1")
        entry.advance("unknown", exit_code=9)
        settling.forget(opened, settling.settle(opened, opened.entries()[0], "billed"))

    level, levels = "", []
    for statement in shown:
        level = statement.rpartition("synchronous = ")[2] if "synchronous" in statement else level
        if statement.startswith(("INSERT INTO jobs", "UPDATE jobs", "DELETE")):
            levels.append(level)
    assert levels == ["NORMAL", "FULL", "NORMAL", "FULL", "NORMAL", "FULL", "FULL"]


# --- locks and full disks --------------------------------------------------------------------


@pytest.mark.parametrize("lock", [(), ("EXCLUSIVE", "EXCLUSIVE")], ids=["writers", "all"])
def test_locked_for_longer_than_the_patience(lock: tuple[str, ...]) -> None:
    """A job does not wait for a record that another process keeps locked, and says so."""
    ledger.open_record({}).close()
    with lg.process("hold_lock", *lock) as holder:
        assert lg.line(holder) == "locked"
        with ledger.open_record({}, patience_s=0.05) as opened:
            entry = opened.begin(lg.claim())
            lg.advance_to(entry, "saved")
            assert entry.id is None
            assert opened.entries() == ()
            assert "another process keeps it locked" in lg.trouble(opened)


def test_locked_in_the_middle_and_released() -> None:
    """What could not be written while the record was locked is made up by the next state."""
    with ledger.open_record({}, patience_s=0) as opened:
        entry = opened.begin(lg.claim())
        with lg.process("hold_lock") as holder:
            assert lg.line(holder) == "locked"
            entry.advance("sending")
            assert opened.trouble is not None
            assert opened.find(str(entry.id)).reached == "prepared"
            lg.go_on(holder)
            assert lg.line(holder) == "released"
        entry.advance("sending")
        assert opened.find(str(entry.id)).reached == "sending"


def test_waits_for_a_short_lock() -> None:
    """Within its patience, a job waits for another process to let go."""
    ledger.open_record({}).close()
    with lg.process("hold_lock") as holder, ledger.open_record({}, patience_s=60) as opened:
        assert lg.line(holder) == "locked"
        lg.go_on(holder)

        assert opened.begin(lg.claim()).id is not None
        assert opened.trouble is None


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("role", ["start_on_full_disk", "meet_full_disk"])
def test_full_disk(role: str, *, is_there: bool) -> None:
    """A run on a full disk goes on; what finds no room is told, and written once there is some."""
    if is_there:
        ledger.open_record({}).close()
    with lg.process(role) as started:
        assert "it cannot be read or written" in lg.line(started)
        assert started.wait() == 0

    with ledger.open_record({}) as opened:
        states = [entry.state for entry in opened.entries()]
        assert states == (["saved"] if role == "meet_full_disk" else [])
        assert opened.begin(lg.claim()).id is not None
        assert opened.trouble is None


# --- file systems that cannot lock -------------------------------------------------------------


@pytest.mark.parametrize("is_there", [True, False], ids=["there", "new"])
@pytest.mark.parametrize(
    ("how", "where", "number"),
    [
        ("all", "/state/", errno.ENOLCK),  # NFS without its lock service
        ("all", "/state/", errno.ENOSYS),  # Lustre without -o flock
        ("all", "-shm", errno.EOPNOTSUPP),
        ("set", "-shm", errno.ENOLCK),  # where SQLite would try for ten seconds
        ("set", "/state/", errno.EAGAIN),  # as if others held all of them
        ("map", "/state/", errno.ENODEV),
    ],
)
def test_file_system_that_cannot_lock(
    nolock: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    where: str,
    number: int,
    *,
    is_there: bool,
) -> None:
    """Where nothing can be locked that is said at once, and no record is called damaged."""
    if is_there:
        ledger.open_record({}).close()
    for name, value in (("NOLOCK", where), ("HOW", how), ("ERRNO", f"{number}")):
        monkeypatch.setenv(name, value)
    began = time.monotonic()
    with lg.process("run_whole", under=("env", f"LD_PRELOAD={nolock}")) as started:
        shown = lg.line(started)

    assert "this file system cannot lock; let XDG_STATE_HOME name a local folder; jobs are" in shown
    assert time.monotonic() - began < 4
    assert lg.path().exists() == (is_there or how == "map")
    assert not list(lg.path().parent.glob("*-*-shm"))
    with ledger.open_record({}) as opened:
        assert opened.trouble is None


# --- versions --------------------------------------------------------------------------------


def test_older_record_is_migrated_under_a_running_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer version adds its columns in place; an older one in the middle of a job goes on."""
    with ledger.open_record({}) as older:
        entry = older.begin(lg.claim())
        newer_steps = (*database.MIGRATIONS, ("ALTER TABLE jobs ADD COLUMN note TEXT",))
        monkeypatch.setattr(database, "MIGRATIONS", newer_steps)
        with ledger.open_record({}) as newer:
            assert [one.id for one in newer.entries()] == [entry.id]
        lg.advance_to(entry, "saved")
        assert [one.state for one in older.entries()] == ["saved"]
    assert lg.sql("SELECT note FROM jobs") == [(None,)]
    assert lg.sql("PRAGMA user_version") == [(len(newer_steps),)]


def _write_older(monkeypatch: pytest.MonkeyPatch, version: int, **columns: str | int) -> None:
    """Make a record of an older version with one more row, as 0.1.0 wrote it."""
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", database.MIGRATIONS[:version])
        ledger.open_record({}).close()
    row = {**table("record/older"), "twin_key": lg.claim().twin_key, **columns}
    marks = ", ".join("?" for _ in row)
    lg.sql(f"INSERT INTO jobs ({', '.join(row)}) VALUES ({marks})", *row.values())  # noqa: S608 - ours


def test_async_job_of_an_older_record_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that an older version had taken on is an async one, also once its picture has come."""
    ended: dict[str, str | int] = {"state": "accepted", "exit_code": 130}
    _write_older(monkeypatch, 1, id="a" * 12, job_id="job-1", **ended)
    _write_older(monkeypatch, 1, id="b" * 12, **ended)

    with ledger.open_record({}) as newer:
        assert [one.is_async for one in newer.entries()] == [False, True]
        newer.reopen(newer.find("a")).advance("received", exit_code=10)
        assert newer.find("a").is_async


@pytest.mark.parametrize("version", [1, 2])
def test_job_of_an_older_record_is_told(monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """Of an older version's job all is told that it wrote: base names, and what was sent."""
    _write_older(monkeypatch, version, state="unknown", exit_code=9)
    with ledger.open_record({}) as newer:
        twin = newer.unknown_twin(lg.claim())
        (job,) = json.loads(jsontext.line(jobs.jobs(newer.entries())))["jobs"]
        assert newer.trouble is None

    assert twin is not None
    assert (twin.prompt, twin.request_key) == ("Put the mug on the table", None)
    assert job.items() >= table("record/older-told").items()


def test_migration_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration is done or undone as a whole."""
    with ledger.open_record({}) as opened:
        opened.begin(lg.claim())
    steps = ("ALTER TABLE jobs ADD COLUMN note TEXT", "ALTER TABLE nothing ADD COLUMN note TEXT")
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, steps))
        with ledger.open_record({}) as opened:
            assert opened.trouble is not None

    with ledger.open_record({}) as opened:
        assert len(opened.entries()) == 1
    assert "note" not in {row[1] for row in lg.sql("PRAGMA table_info(jobs)")}


# --- what others may see ---------------------------------------------------------------------


def test_files_are_private() -> None:
    """Only their owner can read the record, its log and its locks, whatever the umask."""
    previous = os.umask(0)
    try:
        with ledger.open_record({}) as opened:
            opened.begin(lg.claim())
            folder = lg.path().parent
            found = [(file.suffix, file.stat().st_mode) for file in (folder, *folder.rglob("*"))]
    finally:
        os.umask(previous)

    files = [(name, "0o600") for name in (".lock", ".sqlite3", ".sqlite3-shm", ".sqlite3-wal")]
    modes = [(suffix, oct(mode & 0o777)) for suffix, mode in found]
    assert sorted(modes) == [("", "0o700"), ("", "0o700"), *files]
