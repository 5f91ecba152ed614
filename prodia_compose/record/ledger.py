"""The record itself: begun before sending, advanced with the job, asked before the next one."""

import json
import math
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from prodia_compose import errors
from prodia_compose.record import entries, home, processes, rows
from prodia_compose.record.database import Cell, Database, Unusable
from prodia_compose.record.entries import Claim, Entry, File, State
from prodia_compose.record.spending import Spending, spending

T = TypeVar("T")

FILE_NAME = "jobs.sqlite3"
"""The record's name in the state folder."""

_PATIENCE_S = 5.0
_OFF = ("off", "0", "no", "false")
_IS_OFF = errors.Warned(
    code="record-unavailable",
    message="PRODIA_COMPOSE_RECORD turns the record of jobs off; unset it to look at the record",
)
_CANDIDATES_SHOWN = 5
_ALL = 1 << 31

_INSERT = """
    INSERT INTO jobs (id, twin_key, digest, host, model, job_type, config, inputs, output,
        estimate_min_usd, estimate_usd, tool_version, begun_at, changed_at, state, pid, process)
    VALUES (:id, :twin_key, :digest, :host, :model, :job_type, :config, :inputs, :output,
        :estimate_min_usd, :estimate_usd, :tool_version, :now, :now, 'prepared', :pid, :process)
"""

# Only of an --async job is the id known as soon as it is accepted; that is kept for later states.
_UPDATE = """
    UPDATE jobs SET is_async = is_async OR (state = 'accepted' AND job_id IS NOT NULL),
        state = :state, changed_at = :now, pid = :pid, process = :process,
        exit_code = :exit_code,
        job_id = coalesce(:job_id, job_id),
        request_id = coalesce(:request_id, request_id),
        price_usd = coalesce(:price_usd, price_usd),
        may_be_billed = coalesce(:may_be_billed, may_be_billed),
        outputs = coalesce(:outputs, outputs),
        rescued = coalesce(:rescued, rescued)
    WHERE id = :id
"""

# What did not run, or has been saved, blocks nothing, nor what came before the saved one.
_TWINS = """
    SELECT * FROM jobs WHERE twin_key = :twin_key
        AND state IN ('sending', 'accepted', 'received', 'unknown')
        AND seq > coalesce(
            (SELECT max(seq) FROM jobs WHERE twin_key = :twin_key AND state = 'saved'), 0)
    ORDER BY seq DESC
"""

_RECENT = "SELECT * FROM jobs WHERE begun_at >= :since ORDER BY seq DESC LIMIT :limit"

_BY_PREFIX = """
    SELECT * FROM jobs
    WHERE substr(id, 1, :length) = :prefix OR substr(lower(job_id), 1, :length) = :prefix
    ORDER BY seq DESC
"""


def is_off(environ: Mapping[str, str]) -> bool:
    """Return whether the user wants no record."""
    return environ.get("PRODIA_COMPOSE_RECORD", "").strip().lower() in _OFF


def open_record(
    environ: Mapping[str, str], *, create: bool = True, patience_s: float = _PATIENCE_S
) -> "Ledger":
    """Return the record in the state folder; it never raises, see `Ledger.trouble`.

    Args:
        environ: `PRODIA_COMPOSE_RECORD=off` (or 0, no, false) turns the record off.
        create: Make a missing one; if not, that is an empty one, and one turned off is trouble.
        patience_s: How long all calls together may wait for other processes.
    """
    if is_off(environ):
        return Ledger(None, trouble=None if create else _IS_OFF)
    if not create and _is_missing():
        return Ledger(None)
    folder = home.folder()
    if folder is None:
        words = "there is no folder for the record of jobs; let XDG_STATE_HOME or HOME name one"
        return Ledger(None, trouble=_warning(f"{words} that can be written to"))
    path = folder / FILE_NAME
    try:
        return Ledger(Database(path, patience_s=patience_s))
    except Unusable as exc:
        return Ledger(None, trouble=_about(path, exc))


def _is_missing() -> bool:
    """Return whether there surely is no record yet."""
    place = home.place()
    try:
        return place is not None and not (place / FILE_NAME).exists()
    except OSError:
        return False  # where one cannot even look, there is trouble to tell


def _about(path: Path, why: Unusable) -> errors.Warned:
    return _warning(f"{path}: the record of jobs cannot be used: {why}")


def _warning(words: str) -> errors.Warned:
    return errors.Warned(
        code="record-unavailable",
        message=f"{words}; jobs are sent all the same, but an unknown outcome is not remembered",
    )


class Ledger:
    """The record of jobs, or something that does nothing where there is none.

    Close it, or use it as a context. It belongs to the thread that opened it.
    """

    def __init__(self, database: Database | None, *, trouble: errors.Warned | None = None) -> None:
        self._database = database
        self._trouble = trouble
        self._process = processes.current()

    @property
    def trouble(self) -> errors.Warned | None:
        """The one warning about the record, as soon as there is a reason for it.

        There may be one after opening, and later when the disk fills or the file goes.
        """
        return self._trouble

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; every later call does nothing."""
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def begin(self, claim: Claim) -> "OpenEntry":
        """Record a job that is about to be sent, as `prepared`.

        A kill cannot undo it; nor can a power cut, once it has been advanced to `sending`.
        """
        name = secrets.token_hex(6)
        values = {**claim.columns(), "id": name, **self._here()}
        is_written = self._write(_INSERT, values, flushed=False)
        return OpenEntry(name if is_written else None, self._advance)

    def reopen(self, entry: Entry | None) -> "OpenEntry":
        """Return an earlier job's entry for advancing; of one not on record nothing is written."""
        return OpenEntry(None if entry is None else entry.id, self._advance)

    def unknown_twin(self, twin_key: str) -> Entry | None:
        """Return the newest identical job whose outcome is unknown and still matters.

        One that is at it still blocks nothing, whatever becomes of it. Neither does an
        unknown one before an identical one that brought a picture, saved or rescued:
        who sends the job again then wants another picture. One that came to nothing
        (rejected, busy, not delivered) settles nothing about those before it.
        """
        for entry in self._read(_TWINS, {"twin_key": twin_key}):
            if entry.state == "received" and not entry.is_running:
                return None
            if entry.state == "unknown":
                return entry
        return None

    def entries(
        self, *, limit: int | None = None, since: datetime | None = None
    ) -> tuple[Entry, ...]:
        """Return jobs, the last one begun first, whatever the clock said.

        Args:
            limit: At most as many.
            since: Only those begun then or later; with a time zone.
        """
        values: dict[str, Cell] = {
            "since": "" if since is None else rows.stamp(since),
            "limit": _ALL if limit is None else max(0, min(limit, _ALL)),
        }
        return self._read(_RECENT, values)

    def find(self, prefix: str) -> Entry:
        """Return the job whose own id, or the service's id, begins with a prefix.

        Raises:
            errors.UsageError: None does, or several do and none is it exactly.
        """
        wanted = entries.storable(prefix.strip().lower())
        if not wanted:
            raise errors.UsageError("an empty id names no job; `prodia-compose jobs` lists them")
        found = self._read(_BY_PREFIX, {"prefix": wanted, "length": len(wanted)})
        exact = [entry for entry in found if wanted in (entry.id, (entry.job_id or "").lower())]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if found:
            raise errors.UsageError(_ambiguous(prefix, found))
        if self._trouble is not None:
            raise errors.UsageError(f"{prefix}: cannot be looked up: {self._trouble.message}")
        raise errors.UsageError(
            f"{prefix}: no job of the record has an id that begins so;"
            " `prodia-compose jobs` lists them"
        )

    def spend(self, *, since: datetime | None = None) -> Spending:
        """Return what was spent, in all and by day and model, on jobs begun then or later."""
        return spending(self.entries(since=since), since=since)

    def _advance(self, name: str, state: State, columns: Mapping[str, Cell]) -> bool:
        # The claim must outlast a power cut, and so must the only way to an async job.
        # The loss of anything later leaves an unknown outcome, which is the safe side.
        flushed = state == "sending" or (state == "accepted" and columns["job_id"] is not None)
        values = {**columns, "id": name, "state": state, **self._here()}
        return self._write(_UPDATE, values, flushed=flushed)

    def _here(self) -> dict[str, Cell]:
        return {
            "now": rows.stamp(datetime.now(UTC)),
            "pid": self._process.pid,
            "process": self._process.start,
        }

    def _write(self, change: str, values: Mapping[str, Cell], *, flushed: bool) -> bool:
        def write(database: Database) -> bool:
            database.write(change, values, flushed=flushed)
            return True

        return self._guarded(write, default=False)

    def _read(self, query: str, values: Mapping[str, Cell]) -> tuple[Entry, ...]:
        found: list[dict[str, object]] = self._guarded(
            lambda database: database.read(query, values), default=[]
        )
        return tuple(entry for row in found if (entry := self._entry(row)) is not None)

    def _entry(self, row: rows.Row) -> Entry | None:
        """Return a row's entry; None if the row is damaged, which hides no other."""
        try:
            return rows.from_row(row, is_running=_is_running)
        except (ValueError, RecursionError) as exc:
            self._note(Unusable(f"its row {row['id']} is damaged ({exc})", is_passing=True))
            return None

    def _guarded(self, operation: Callable[[Database], T], default: T) -> T:
        """Run an operation on the database, or note what is wrong and return the default."""
        if self._database is None:
            return default
        try:
            return operation(self._database)
        except Unusable as exc:
            self._note(exc)
            return default

    def _note(self, why: Unusable) -> None:
        if self._database is None:
            return
        if self._trouble is None:
            self._trouble = _about(self._database.path, why)
        if not why.is_passing:
            self.close()


def _is_running(pid: int, start: str, seen_at: datetime) -> bool:
    return processes.is_running(processes.Process(pid=pid, start=start), seen_at=seen_at)


class OpenEntry:
    """A job of the record that is on its way.

    Attributes:
        id: Our own name for it; None if it could not be recorded.
    """

    def __init__(
        self, name: str | None, write: Callable[[str, State, Mapping[str, Cell]], bool]
    ) -> None:
        self.id = name
        self._write = write
        self._state: State | None = None

    def advance(
        self,
        state: State,
        *,
        exit_code: int | None = None,
        job_id: str | None = None,
        request_id: str | None = None,
        price_usd: float | None = None,
        may_be_billed: bool | None = None,
        outputs: Sequence[File] | None = None,
        rescued: Iterable[str | os.PathLike[str]] | None = None,
    ) -> None:
        """Write how far the job has come; what is None stays as it was.

        It can go back: a job that a busy service turned away is `prepared` again.

        Args:
            state: The state to write.
            exit_code: What the run ends with; given, nobody is at the job any more.
            job_id: The service's id for the job.
            request_id: The service's id for the exchange.
            price_usd: What it cost, as the service says.
            may_be_billed: Whether a job that was rejected may be billed all the same.
            outputs: What was saved.
            rescued: What came and was kept elsewhere; its full paths.
        """
        price = price_usd if price_usd is not None and math.isfinite(price_usd) else None
        columns: dict[str, Cell] = {
            "exit_code": exit_code,
            "job_id": None if job_id is None else entries.storable(job_id),
            "request_id": None if request_id is None else entries.storable(request_id),
            "price_usd": price,
            "may_be_billed": may_be_billed,
            "outputs": None if outputs is None else entries.files_text(outputs),
            "rescued": None if rescued is None else json.dumps([os.fspath(p) for p in rescued]),
        }
        has_news = any(cell is not None for cell in columns.values())
        if self.id is None or (state == self._state and not has_news):
            return
        if self._write(self.id, state, columns):
            self._state = state


def _ambiguous(prefix: str, found: Sequence[Entry]) -> str:
    shown = [
        f"{entry.id}"
        + (f" (job {entry.job_id})" if entry.job_id else "")
        + f" of {entry.begun_at.astimezone():%Y-%m-%d %H:%M}"
        for entry in found[:_CANDIDATES_SHOWN]
    ]
    rest = len(found) - len(shown)
    more = f" and {rest} more" if rest else ""
    return f"{prefix}: {len(found)} jobs have an id that begins so: {', '.join(shown)}{more}"
