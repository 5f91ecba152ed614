"""One SQLite file that many processes write to; the only module that knows sqlite3.

Write-ahead logging, so that readers and a writer do not wait for each other. Every
change is one statement, which a kill leaves done or undone. A commit survives the end of
the process at once, and a power cut once it has been flushed to disk; `write` flushes
only where it is told to.
"""

import contextlib
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from prodia_compose.record import schema

T = TypeVar("T")
Cell = str | int | float | None

_PAUSE_S = (0.001, 0.02)
_MOVE_AWAY = "move it away to start a new one"


class Unusable(Exception):  # noqa: N818 - no error of a run, only the reason for a warning
    """The record cannot be used, in words for people.

    Attributes:
        is_passing: Whether the next try may fare better.
    """

    def __init__(self, words: str, *, is_passing: bool = False) -> None:
        super().__init__(words)
        self.is_passing = is_passing


class Database:
    """An open record.

    Attributes:
        path: The file, absolute.
    """

    def __init__(self, path: Path, *, patience_s: float) -> None:
        """Open the file, and create or migrate it as needed.

        Args:
            path: The file, absolute.
            patience_s: How long to wait for other processes, over all calls together.

        Raises:
            Unusable: It cannot be made or opened, is damaged, or of another tool or time.
        """
        self.path = path
        self._patience_s = patience_s
        with self._translated():
            _make_private(path)
            self._identity = _identity(path)
            self._connection = _connect(path)
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
        """Return the rows a query finds, by column.

        Raises:
            Unusable: It cannot be read.
        """
        with self._translated():
            self._check_place()
            return self._patiently(
                lambda: [dict(row) for row in self._run(query, values).fetchall()]
            )

    def write(self, change: str, values: Mapping[str, Cell], *, flushed: bool) -> None:
        """Make one change to one row; `flushed` waits until a power cut cannot undo it.

        Raises:
            Unusable: It could not be made; the row is as it was.
        """
        with self._translated():
            self._check_place()
            # Without FULL, the log is flushed only now and then, and what is lost in a
            # power cut is the newest: the file is as it was a little earlier.
            self._run(f"PRAGMA synchronous = {'FULL' if flushed else 'NORMAL'}")
            if self._patiently(lambda: self._run(change, values).rowcount) != 1:
                raise Unusable("a row was removed from it meanwhile")

    def _run(self, statement: str, values: Mapping[str, Cell] | None = None) -> sqlite3.Cursor:
        return self._connection.execute(statement, values or {})

    def _pragma(self, name: str) -> int:
        (value,) = self._run(f"PRAGMA {name}").fetchone()
        return int(value)

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
                if not _is_busy(exc) or self._patience_s <= 0:
                    raise
                pause_s = random.uniform(*_PAUSE_S)  # noqa: S311 - so that two do not keep step
                time.sleep(min(pause_s, self._patience_s))
                self._patience_s -= time.monotonic() - started

    def _prepare(self) -> None:
        """Find out what the file is; make it a record of this version if it may be one."""
        version = self._pragma("user_version")
        if not self._is_blank() and self._pragma("application_id") != schema.APPLICATION_ID:
            raise Unusable(f"it is no record of jobs; {_MOVE_AWAY}")
        if version > len(schema.MIGRATIONS):
            raise Unusable(
                f"it was written by a newer prodia-compose (its version {version}, known here: "
                f"{len(schema.MIGRATIONS)}); update this one"
            )
        if version < len(schema.MIGRATIONS):
            self._migrate()

    def _is_blank(self) -> bool:
        (count,) = self._run("SELECT count(*) FROM sqlite_master").fetchone()
        return not count

    def _migrate(self) -> None:
        self._run("PRAGMA journal_mode = WAL").fetchall()  # kept in the file from then on
        self._run("BEGIN IMMEDIATE")
        try:
            # Others may have come first.
            for number in range(self._pragma("user_version"), len(schema.MIGRATIONS)):
                for statement in schema.MIGRATIONS[number]:
                    self._run(statement)
                self._run(f"PRAGMA user_version = {number + 1}")
            self._run(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            self._run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._run("ROLLBACK")
            raise

    def _check_place(self) -> None:
        """Stop when the file was removed or replaced: its log may be another's by now."""
        try:
            if _identity(self.path) == self._identity:
                return
        except OSError:
            pass
        raise Unusable("it was removed or replaced meanwhile")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what the database and the system say into words."""
        try:
            yield
        except sqlite3.Error as exc:
            raise _in_words(exc) from exc
        except OSError as exc:
            raise Unusable(f"it cannot be used ({exc.strerror}); check its folder") from exc


def _make_private(path: Path) -> None:
    """Make an empty file that only its owner can read; the log beside it gets the same mode.

    An existing one is not even opened: closing it again would drop the locks that another
    connection of this process has on it.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _connect(path: Path) -> sqlite3.Connection:
    # No statement opens a transaction by itself, and SQLite waits for nobody: we do.
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=0,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


def _is_busy(exc: sqlite3.Error) -> bool:
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )


def _in_words(exc: sqlite3.Error) -> Unusable:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    if _is_busy(exc):
        return Unusable("another process keeps it locked; wait for it to end", is_passing=True)
    if code == sqlite3.SQLITE_FULL:
        return Unusable("the disk is full; make room", is_passing=True)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return Unusable(f"it cannot be opened for writing ({exc}); check who owns it")
    if code == sqlite3.SQLITE_IOERR:
        return Unusable(f"it cannot be read or written ({exc}); check the disk", is_passing=True)
    return Unusable(f"it is damaged ({exc}); {_MOVE_AWAY}")
