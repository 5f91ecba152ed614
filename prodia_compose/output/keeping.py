"""What lies kept aside, found and removed."""

import contextlib
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from prodia_compose.frozen import frozen
from prodia_compose.output import rescue
from prodia_compose.record import home
from prodia_compose.record.entries import Entry


@frozen
class Kept:
    """A file that was kept aside.

    Attributes:
        byte_count: Its length.
        entry: The job it is of; None if the record does not know.
    """

    path: str
    byte_count: int
    changed_at: datetime
    entry: Entry | None

    @property
    def is_only_copy(self) -> bool:
        """Whether the picture is nowhere else, as far as is known."""
        return self.entry is None or not self.entry.outputs


def kept(entries: Iterable[Entry], *, is_sandbox: bool) -> list[Kept]:
    """Return what is kept aside in our folders, the oldest first; a job's file may still be wanted.

    Nothing of a job that is still at it is returned, nor a file of another folder, whatever
    the record says.
    """
    owners = {path: entry for entry in entries for path in entry.rescued}
    state, ours = home.place(), Path(tempfile.gettempdir())
    folder = None if state is None else rescue.kept_in(state, is_sandbox=is_sandbox)
    paths = {
        path
        for path in map(Path, owners)
        if path.parent == ours and path.name.startswith(rescue.PREFIX)
    }
    if folder is not None:
        with contextlib.suppress(OSError):
            paths |= set(folder.iterdir())
    files = []
    for path in paths:
        entry = owners.get(str(path))
        with contextlib.suppress(OSError):
            status = path.lstat()
            if path.is_dir() or (entry is not None and entry.is_running):
                continue
            moment = datetime.fromtimestamp(status.st_mtime, UTC)
            files.append(
                Kept(path=str(path), byte_count=status.st_size, changed_at=moment, entry=entry)
            )
    return sorted(files, key=lambda one: (one.changed_at, one.path))


def remove(files: Iterable[Kept]) -> Sequence[Kept]:
    """Remove files; return those that are gone."""
    removed = []
    for one in files:
        with contextlib.suppress(OSError):
            Path(one.path).unlink(missing_ok=True)
            removed.append(one)
    return removed
