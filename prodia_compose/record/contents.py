"""Which jobs a file has to do with, by what is in it."""

from pathlib import Path

from prodia_compose import errors
from prodia_compose.inputs import files
from prodia_compose.record.entries import Entry
from prodia_compose.record.ledger import Ledger

_HOLDING = """
    SELECT * FROM jobs WHERE instr(outputs, :sha256) OR instr(inputs, :sha256) ORDER BY seq DESC
"""

_KEPT = "SELECT * FROM jobs WHERE rescued IS NOT NULL ORDER BY seq DESC"


def find(record: Ledger, path: str) -> list[tuple[Entry, str]]:
    """Return the jobs that made a file or used it, the last one first; and what it is to each.

    Raises:
        errors.InputError: It cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            looked = files.content(file)
    except OSError as exc:
        words = f"{path}: cannot be read ({exc.strerror})"
        raise errors.InputError(words, path=path) from exc
    holding = record.read(_HOLDING, {"sha256": looked.sha256})
    found = {entry.id: (entry, _part(entry, looked.sha256)) for entry in holding}
    for entry in record.read(_KEPT, {}):
        is_kept = (files.holds(kept, looked.sha256, looked.size) for kept in entry.rescued)
        if entry.id not in found and any(is_kept):
            found[entry.id] = (entry, "what was kept of this job")
    return list(found.values())


def _part(entry: Entry, sha256: str) -> str:
    """Return what a file is to a job that has its hash."""
    inputs = [
        f"input {number}"
        for number, one in enumerate(entry.inputs, 1)
        if sha256 in (one.sha256, one.sent_sha256)
    ]
    made = ["the picture"] if any(one.sha256 == sha256 for one in entry.outputs) else []
    return f"{' and '.join([*made, *inputs])} of this job"
