"""One SQLite file that many processes write to; the only module that knows sqlite3.

Write-ahead logging, so that readers and a writer do not wait for each other. Every
change is one statement, which a kill leaves done or undone. A commit survives the end of
the process at once, and a power cut once it has been flushed to disk; `write` flushes
only where it is told to.
"""

import contextlib
import os
import random
import secrets
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
Cell = str | int | float | None

_PAUSE_S = (0.001, 0.02)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_MOVE_AWAY = "move it away to start a new one"
_DAMAGED = f"it is damaged; {_MOVE_AWAY}"
_WORDS = {
    **dict.fromkeys(_BUSY, "another process keeps it locked; wait for it to end"),
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_IOERR: "it cannot be read or written; check the disk",
    **dict.fromkeys(
        (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN),
        "it cannot be opened for writing; check who owns it",
    ),
    # Our statements are right for the table that we made.
    sqlite3.SQLITE_ERROR: f"its table of jobs is not as it was made; {_MOVE_AWAY}",
    sqlite3.SQLITE_NOTADB: f"it is no record of jobs; {_MOVE_AWAY}",
}
_PASSING = (*_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_CANNOT_LOCK = (
    *(sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK),
    *(sqlite3.SQLITE_IOERR_LOCK, sqlite3.SQLITE_IOERR_RDLOCK, sqlite3.SQLITE_IOERR_UNLOCK),
    *(sqlite3.SQLITE_IOERR_SHMLOCK, sqlite3.SQLITE_IOERR_SHMMAP),
)
"""What SQLite says, in its longer codes, where a file cannot be locked or shared."""
_LOCKED_BYTE = 1 << 30  # where SQLite has its locks

_APPLICATION_ID = 0x50644A62  # "PdJb": tells our file from any other database

_VERSION_1 = (
    # `seq` orders the jobs; a clock may go backwards. Lists are JSON, names in ASCII.
    # `process` is the token of a lease; 0.1.0 wrote when the process had started, to no avail.
    """
    CREATE TABLE jobs (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        twin_key TEXT NOT NULL,
        digest TEXT NOT NULL,
        host TEXT NOT NULL,
        model TEXT NOT NULL,
        job_type TEXT NOT NULL,
        config TEXT NOT NULL,
        inputs TEXT NOT NULL,
        output TEXT NOT NULL,
        estimate_min_usd REAL,
        estimate_usd REAL,
        tool_version TEXT NOT NULL,
        begun_at TEXT NOT NULL,
        changed_at TEXT NOT NULL,
        state TEXT NOT NULL,
        pid INTEGER NOT NULL,
        process TEXT NOT NULL,
        exit_code INTEGER,
        job_id TEXT,
        request_id TEXT,
        price_usd REAL,
        may_be_billed INTEGER,
        outputs TEXT,
        rescued TEXT
    )
    """,
    "CREATE INDEX jobs_by_twin ON jobs (twin_key)",
)

_VERSION_2 = ("ALTER TABLE jobs ADD COLUMN is_async INTEGER NOT NULL DEFAULT 0",)

_VERSION_3 = (
    # Of inputs, outputs and `output`, 0.1.0 wrote base names, and of inputs only the hash sent.
    "ALTER TABLE jobs ADD COLUMN request_key TEXT",
    "ALTER TABLE jobs ADD COLUMN is_sandbox INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN settled TEXT",
    "CREATE INDEX jobs_by_request_key ON jobs (request_key)",
)

_VERSION_4 = ("ALTER TABLE jobs ADD COLUMN came TEXT",)

_VERSION_5 = ("ALTER TABLE jobs ADD COLUMN recipe TEXT",)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    *(_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4),
    _VERSION_5,
)
"""The statements that lead from each version to the next; the file's version counts them.

Columns are added and never dropped or renamed: a process of an older version may be in
the middle of a job while a newer one migrates.
"""


class Unusable(Exception):  # noqa: N818 - no error of a run, only the reason for a warning
    """The record cannot be used, in words for people; the next try may fare better if it passes."""

    def __init__(self, words: str, *, is_passing: bool = False) -> None:
        super().__init__(words)
        self.is_passing = is_passing


class Database:
    """An open record; it serves any thread, but one at a time."""

    def __init__(self, path: Path, *, patience_s: float) -> None:
        """Open the file, and create or migrate it as needed; its path is absolute.

        `patience_s` is how long to wait for other processes, over all calls together.

        Raises:
            Unusable: It cannot be made or opened, is damaged, or of another tool or time.
        """
        self.path = path
        self._patience_s = patience_s
        with _in_words():
            _require_locks(path)
            # Only its owner can read it; the log beside it gets the same mode. An existing
            # one is not even opened: closing it again would drop the locks that another
            # connection of this process has on it.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            self._status = _followed(path)
            if not stat.S_ISREG(self._status.st_mode):
                kind = "a folder" if stat.S_ISDIR(self._status.st_mode) else "no file"
                raise Unusable(f"it is {kind}; {_MOVE_AWAY}")
            self._connection = sqlite3.connect(
                path,
                isolation_level=None,  # no statement opens a transaction by itself,
                timeout=0,  # and SQLite waits for nobody: we do
                check_same_thread=False,
            )
            self._connection.row_factory = sqlite3.Row
            self._connection.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
            try:
                self._patiently(self._prepare)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the file; the last one to do so tidies up the log beside it."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def read(self, query: str, values: Mapping[str, Cell]) -> list[dict[str, object]]:
        """Return the rows a query finds, by column, or raise `Unusable`."""
        with _in_words():
            self._check_place()
            # All at once: a signal between two rows would leave the snapshot open.
            rows = self._patiently(lambda: self._connection.execute(query, values).fetchall())
            return [dict(row) for row in rows]

    def write(self, change: str, values: Mapping[str, Cell], *, flushed: bool) -> None:
        """Make one change to one row; `flushed` waits until a power cut cannot undo it.

        Raises:
            Unusable: It could not be made; the row is as it was.
        """
        with _in_words():
            self._check_place()
            # Without FULL, the log is flushed only now and then, and what is lost in a
            # power cut is the newest: the file is as it was a little earlier.
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if flushed else 'NORMAL'}")
            if self._patiently(lambda: self._connection.execute(change, values).rowcount) != 1:
                raise Unusable("a row was removed from it meanwhile")

    def _patiently(self, operation: Callable[[], T]) -> T:
        """Run an operation, again while others keep the file locked and patience is left.

        SQLite's own waiting does not cover every lock, such as that of the first two
        processes ever, which both switch the logging on.
        """
        while True:
            started = time.monotonic()
            try:
                return operation()
            except sqlite3.OperationalError as exc:
                if _code(exc) & 0xFF not in _BUSY or self._patience_s <= 0:
                    raise
                pause_s = random.uniform(*_PAUSE_S)  # noqa: S311 - so that two do not keep step
                time.sleep(min(pause_s, self._patience_s))
                self._patience_s -= time.monotonic() - started

    def _prepare(self) -> None:
        """Find out what the file is; make it a record of this version if it may be one."""
        known = len(MIGRATIONS)
        version = self._number("PRAGMA user_version")
        is_blank = not self._number("SELECT count(*) FROM sqlite_master")
        if not is_blank and self._number("PRAGMA application_id") != _APPLICATION_ID:
            raise Unusable(f"it is no record of jobs; {_MOVE_AWAY}")
        if version < 0:
            raise Unusable(f"its version is {version}, which none has; {_MOVE_AWAY}")
        if version > known:
            versions = f"its version {version}, known here: {known}"
            written = f"it was written by a newer prodia-compose ({versions})"
            raise Unusable(f"{written}; update this one")
        if version < known:
            self._migrate()
        self._connection.execute("PRAGMA secure_delete = ON")  # a job forgotten leaves no prompt

    def _migrate(self) -> None:
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL").fetchall()  # kept in the file from then on
        run("BEGIN IMMEDIATE")
        with self._connection:  # all of it or nothing
            # Others may have come first.
            for number in range(self._number("PRAGMA user_version"), len(MIGRATIONS)):
                for statement in MIGRATIONS[number]:
                    run(statement)
                run(f"PRAGMA user_version = {number + 1}")
            run(f"PRAGMA application_id = {_APPLICATION_ID}")

    def _number(self, query: str) -> int:
        (value,) = self._connection.execute(query).fetchone()
        return int(value)

    def _check_place(self) -> None:
        """Stop when the file was removed or replaced: its log may be another's by now."""
        with contextlib.suppress(OSError):
            if os.path.samestat(self.path.stat(), self._status):
                return
        raise Unusable("it was removed or replaced meanwhile")


def _followed(path: Path) -> os.stat_result:
    """Return what is at a place; of a link that leads to nothing, say so."""
    try:
        return path.stat()
    except OSError as exc:
        if path.is_symlink():
            raise Unusable(f"it is a link that leads to nothing; {_MOVE_AWAY}") from exc
        raise


def _require_locks(path: Path) -> None:
    """Find out on a file of our own whether its file system locks, as some on networks do not.

    SQLite would wait for a lock that cannot be had as for one that others hold, for up to ten
    seconds. The file is not the record: closing that would drop the locks this process has on
    it. Its name ends as that of SQLite's shared file does, as some file systems go by names.

    Raises:
        Unusable: It does not.
    """
    try:
        import fcntl  # noqa: PLC0415 - there is none on Windows, where locks are another thing
    except ImportError:
        return
    name = path.with_name(f"{path.name}-{secrets.token_hex(4)}-shm")
    with contextlib.suppress(OSError):  # what is in the way of making it SQLite finds as well
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _LOCKED_BYTE)
        except OSError as exc:
            raise _cannot_lock() from exc
        finally:
            name.unlink()
            os.close(descriptor)


def _cannot_lock() -> Unusable:
    return Unusable("this file system cannot lock; let XDG_STATE_HOME name a local folder")


def _code(exc: sqlite3.Error) -> int:
    return getattr(exc, "sqlite_errorcode", 0)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Turn what the database and the system say into words."""
    try:
        yield
    except OSError as exc:
        raise Unusable(f"it cannot be used ({exc.strerror}); check its folder") from exc
    except sqlite3.Error as exc:
        if _code(exc) in _CANNOT_LOCK:
            raise _cannot_lock() from exc
        code = _code(exc) & 0xFF
        raise Unusable(_WORDS.get(code, _DAMAGED), is_passing=code in _PASSING) from exc
