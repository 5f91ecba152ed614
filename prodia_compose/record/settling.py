"""What somebody has found out about a job, or wants to be known of it no more."""

from datetime import UTC, datetime

from prodia_compose import errors
from prodia_compose.record import entries
from prodia_compose.record.entries import Entry, Settled
from prodia_compose.record.ledger import Ledger

_SETTLE = "UPDATE jobs SET settled = :settled, changed_at = :changed_at WHERE id = :id"


def settle(record: Ledger, entry: Entry, settled: Settled) -> Entry:
    """Write what became of a job whose outcome was unknown; return how it counts now.

    Raises:
        errors.UsageError: Its outcome is known, or a process is still at it.
        errors.OutputError: It could not be written.
    """
    _refuse_running(entry)
    if entry.state != "unknown" and entry.settled is None:
        raise errors.UsageError(f"{entry.id}: its outcome is known ({entry.state})")
    now = entries.stamp(datetime.now(UTC))
    record.change(_SETTLE, {"settled": settled, "changed_at": now, "id": entry.id})
    return record.find(entry.id)


def forget(record: Ledger, entry: Entry) -> None:
    """Remove a job's row.

    Raises:
        errors.UsageError: A process is still at it.
        errors.OutputError: It could not be removed.
    """
    _refuse_running(entry)
    record.change("DELETE FROM jobs WHERE id = :id", {"id": entry.id})


def _refuse_running(entry: Entry) -> None:
    if entry.is_running:
        raise errors.UsageError(f"{entry.id}: its process {entry.pid} is still at it", "let it end")
