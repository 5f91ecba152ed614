"""The record itself: begun before sending, advanced with the job, asked before the next one."""

import functools
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from prodia_compose import errors
from prodia_compose.record import entries, home, lease, rows
from prodia_compose.record.database import Cell, Database, Unusable
from prodia_compose.record.entries import Claim, Entry
from prodia_compose.record.lease import Lease
from prodia_compose.record.open_entry import OpenEntry

FILE_NAME = "jobs.sqlite3"
"""The record's name in the state folder."""

_PATIENCE_S = 5.0
_IS_OFF = errors.Warned(
    code="record-unavailable",
    words="PRODIA_COMPOSE_RECORD turns the record of jobs off",
    hints=("unset it to look at the record",),
)
_CANDIDATES_SHOWN = 5
_ALL = 1 << 31

# Those that asked for the same, or sent the same: of 0.1.0 no more is known.
_SAME = "(twin_key = :twin_key OR request_key = :request_key AND lower(host) = lower(:host))"

# What did not run, or has been saved, blocks nothing, nor what came before the saved one.
_TWINS = f"""
    SELECT * FROM jobs WHERE {_SAME}
        AND state IN ('sending', 'accepted', 'received', 'unknown') AND settled IS NULL
        AND seq > coalesce((SELECT max(seq) FROM jobs WHERE {_SAME} AND state = 'saved'), 0)
    ORDER BY seq DESC
"""  # noqa: S608 - ours

_SAVED = """
    SELECT * FROM jobs
    WHERE request_key = :request_key AND lower(host) = lower(:host) AND state = 'saved'
    ORDER BY seq DESC
"""

_BY_SOURCE = """
    SELECT * FROM jobs WHERE instr(inputs, :path) AND instr(inputs, :status)
    ORDER BY seq DESC LIMIT 5
"""

_RECENT = """
    SELECT * FROM jobs
    WHERE begun_at >= :since AND (:until IS NULL OR begun_at < :until) AND is_sandbox IS NOT :hidden
    ORDER BY seq DESC LIMIT :limit
"""

_BY_PREFIX = """
    SELECT * FROM jobs
    WHERE substr(id, 1, :length) = :prefix OR substr(lower(job_id), 1, :length) = :prefix
    ORDER BY seq DESC
"""


def open_record(
    environ: Mapping[str, str], *, create: bool = True, patience_s: float = _PATIENCE_S
) -> "Ledger":
    """Return the record in the state folder; it never raises, see `Ledger.trouble`.

    Args:
        environ: `PRODIA_COMPOSE_RECORD=off` (or 0, no, false) turns the record off.
        create: Make a missing one; if not, that is an empty one, and one turned off is trouble.
        patience_s: How long all calls together may wait for other processes.
    """
    if home.is_off(environ):
        return Ledger(trouble=None if create else _IS_OFF)
    if not create and _is_missing():
        return Ledger()
    folder = home.folder()
    if folder is None:
        words = "there is no folder for the record of jobs; let XDG_STATE_HOME or HOME name one"
        return Ledger(trouble=_warning(f"{words} that can be written to"))
    path = folder / FILE_NAME
    try:
        return Ledger(Database(path, patience_s=patience_s))
    except Unusable as exc:
        return Ledger(trouble=_about(path, exc))


def _is_missing() -> bool:
    """Return whether there surely is no record yet."""
    place = home.place()
    try:
        if place is not None:
            (place / FILE_NAME).lstat()
    except OSError as exc:
        return isinstance(exc, FileNotFoundError)  # where one cannot look, there is trouble to tell
    return False


def _about(path: Path, why: Unusable) -> errors.Warned:
    return _warning(f"{path}: the record of jobs cannot be used: {why}")


def _warning(words: str) -> errors.Warned:
    return errors.Warned(
        code="record-unavailable",
        words=f"{words}; jobs are sent all the same, but an unknown outcome is not remembered",
    )


class Ledger:
    """The record of jobs, or something that does nothing where there is none.

    Close it, or use it as a context. It serves any number of threads at once.

    Attributes:
        trouble: The one warning about the record, as soon as there is a reason for it: after
            opening, or later when the disk fills or the file goes.
    """

    def __init__(
        self, database: Database | None = None, *, trouble: errors.Warned | None = None
    ) -> None:
        self.trouble = trouble
        self._database = database
        self._lease: Lease | None = None
        self._lock = threading.Lock()  # for all of these

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def warnings(self) -> tuple[errors.Warned, ...]:
        """The trouble, if there is any."""
        return () if self.trouble is None else (self.trouble,)

    def close(self) -> None:
        """Close the file; every later call does nothing, and its jobs are nobody's."""
        with self._lock:
            if self._database is not None:
                self._database.close()
            if self._lease is not None:
                self._lease.release()
            self._database = self._lease = None

    def begin(self, claim: Claim, *, is_sandbox: bool = False) -> OpenEntry:
        """Record a job that is about to be sent, as `prepared`.

        `is_sandbox` is whether it is expected to cost nothing; `advance` tells if it is not so.
        A kill cannot undo it; nor can a power cut, once it has been advanced to `sending`.
        """
        name = secrets.token_hex(6)
        now = entries.stamp(datetime.now(UTC))
        known = {"id": name, "state": "prepared", "begun_at": now, "changed_at": now}
        cells = {**known, "is_sandbox": is_sandbox, **claim.columns()}
        is_written = self._write(_insertion, cells, flushed=False)
        return OpenEntry(name if is_written else None, self._write)

    def reopen(self, entry: Entry | None) -> OpenEntry:
        """Return an earlier job's entry for advancing; of one not on record nothing is written."""
        return OpenEntry(None if entry is None else entry.id, self._write)

    def unknown_twin(self, claim: Claim) -> Entry | None:
        """Return the newest identical job whose outcome is unknown and still matters.

        One that is at it still blocks nothing, whatever becomes of it. Neither does an
        unknown one before an identical one that brought a picture, saved or rescued:
        who sends the job again then wants another picture. One that came to nothing
        (rejected, busy, not delivered) settles nothing about those before it.
        """
        host, key, twin_key = claim.host, claim.request_key, claim.twin_key
        for entry in self.read(_TWINS, {"host": host, "request_key": key, "twin_key": twin_key}):
            if entry.state == "received" and not entry.is_running:
                return None
            if entry.state == "unknown":
                return entry
        return None

    def saved(self, host: str, request_key: str) -> tuple[Entry, ...]:
        """Return the jobs of a service that asked for the same and are saved, the last one first."""
        return self.read(_SAVED, {"host": host, "request_key": request_key})

    def known_sha256(self, path: str, size: int, mtime_ns: int) -> str | None:
        """Return what was in an input of this path from the root, size and time, in hex."""
        # As these stand in the JSON of `entries.Source`.
        values: dict[str, Cell] = {"path": json.dumps(path), "status": f" {size}, {mtime_ns}]"}
        for source in (one for entry in self.read(_BY_SOURCE, values) for one in entry.inputs):
            if (source.path, source.size, source.mtime_ns) == (path, size, mtime_ns):
                return source.sha256
        return None

    def known_contents(self) -> dict[tuple[str, int, int], str]:
        """Return what was in all inputs, in hex, by path from the root, size and time."""
        return {
            (source.path, source.size, source.mtime_ns): source.sha256
            for entry in reversed(self.entries())
            for source in entry.inputs
            if source.sha256 is not None and source.size is not None and source.mtime_ns is not None
        }

    def entries(
        self,
        *,
        limit: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        is_sandbox: bool | None = None,
    ) -> tuple[Entry, ...]:
        """Return jobs, the last one begun first, whatever the clock said.

        Args:
            limit: At most so many.
            since: Begun then or later, a moment with a zone.
            until: Begun before then.
            is_sandbox: Only those of the sandbox, or only the others.
        """
        return self.read(
            _RECENT,
            {
                "since": "" if since is None else entries.stamp(since),
                "until": None if until is None else entries.stamp(until),
                "hidden": None if is_sandbox is None else int(not is_sandbox),
                "limit": _ALL if limit is None else max(0, min(limit, _ALL)),
            },
        )

    def entry(self, name: str) -> Entry | None:
        """Return the job of our own id, whole; None if there is none on record."""
        return next(iter(self.read("SELECT * FROM jobs WHERE id = :id", {"id": name})), None)

    def find(self, prefix: str) -> Entry:
        """Return the job whose own id, or the service's id, begins with a prefix.

        Raises:
            errors.UsageError: None does, or several do and none is it exactly.
        """
        wanted = entries.storable(prefix.strip().lower())
        if not wanted:
            raise errors.UsageError("an empty id names no job", "`prodia-compose jobs` lists them")
        found = self.read(_BY_PREFIX, {"prefix": wanted, "length": len(wanted)})
        exact = [entry for entry in found if wanted in (entry.id, (entry.job_id or "").lower())]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if found:
            raise errors.UsageError(_ambiguous(prefix, found))
        if self.trouble is not None:
            words = f"{prefix}: cannot be looked up: {self.trouble.words}"
            raise errors.UsageError(words, *self.trouble.hints)
        words = f"{prefix}: no job of the record has an id that begins so"
        raise errors.UsageError(words, "`prodia-compose jobs` lists them")

    def change(self, change: str, values: Mapping[str, Cell]) -> None:
        """Make a change to the row of an id that somebody asked for.

        Raises:
            errors.OutputError: It could not be made.
        """
        with self._lock:
            if self._database is not None:
                try:
                    self._database.write(change, values, flushed=True)
                except Unusable as exc:
                    self._note(self._database, exc)
                else:
                    return
        why, hints = "it is closed", tuple[str, ...]()
        if self.trouble is not None:
            why, hints = self.trouble.words, self.trouble.hints
        raise errors.OutputError(f"{values['id']}: nothing was changed: {why}", *hints)

    def _write(
        self, change: Callable[[Iterable[str]], str], values: Mapping[str, Cell], *, flushed: bool
    ) -> bool:
        """Write a row, with when and by whom; return whether that could be done."""
        with self._lock:
            database = self._database
            if database is None:
                return False
            self._lease = self._lease or Lease(database.path.parent)
            cells: dict[str, Cell] = {"pid": os.getpid(), "process": self._lease.token}
            cells |= {"changed_at": entries.stamp(datetime.now(UTC)), **values}
            try:
                database.write(change(cells), cells, flushed=flushed)
            except Unusable as exc:
                self._note(database, exc)
                return False
            return True

    def read(self, query: str, values: Mapping[str, Cell]) -> tuple[Entry, ...]:
        """Return the jobs that a query finds; one whose row is damaged is left out."""
        with self._lock:
            database = self._database
            if database is None:
                return ()
            is_running = functools.partial(lease.is_running, database.path.parent)
            try:
                found = database.read(query, values)
            except Unusable as exc:
                self._note(database, exc)
                return ()
            read = []
            for row in found:
                try:
                    read.append(rows.read(row, is_running=is_running))
                except ValueError as exc:  # which hides no other row
                    why = Unusable(f"its row {row.get('id')} is damaged ({exc})", is_passing=True)
                    self._note(database, why)
            return tuple(read)

    def _note(self, database: Database, why: Unusable) -> None:
        self.trouble = self.trouble or _about(database.path, why)
        if not why.is_passing:
            database.close()
            self._database = None


def _insertion(columns: Iterable[str]) -> str:
    names = ", ".join(columns)
    return f"INSERT INTO jobs ({names}) VALUES (:{names.replace(', ', ', :')})"  # noqa: S608 - ours


def _ambiguous(prefix: str, jobs: Sequence[Entry]) -> str:
    shown = [
        f"{entry.id}"
        + (f" (job {entry.job_id})" if entry.job_id else "")
        + f" of {entry.begun_at.astimezone():%Y-%m-%d %H:%M}"
        for entry in jobs[:_CANDIDATES_SHOWN]
    ]
    rest = len(jobs) - len(shown)
    more = f" and {rest} more" if rest else ""
    return f"{prefix}: {len(jobs)} jobs have an id that begins so: {', '.join(shown)}{more}"
