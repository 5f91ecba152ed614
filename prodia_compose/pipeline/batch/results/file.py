"""The results file of a run: its own while it lasts, and on disk line by line."""

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Container, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Self

from prodia_compose import addresses, errors
from prodia_compose.output import files
from prodia_compose.pipeline.batch.results import lines
from prodia_compose.pipeline.batch.results.lines import Document, Header
from prodia_compose.record import entries

_CHUNK_BYTES = 1 << 16


class UnwrittenError(errors.OutputError, exit_code=errors.ExitCode.OUTPUT):
    """A line could not be brought to disk; what it was to tell has happened, or must not."""

    def __init__(self, path: str, exc: OSError, called: str = "--results") -> None:
        why, *hints = _reason(exc, called)
        super().__init__(f"{path}: the results cannot be written: {why}", *hints, path=path)


class Results:
    """The results file of a run, which no other run writes to meanwhile.

    Close it, or use it as a context. It serves any number of threads.
    """

    def __init__(
        self,
        path: str,
        header: Header,
        *,
        ids: Container[str],
        others: Iterable[str] = (),
        create_dirs: bool = False,
        called: str = "--results",
        what: str = "batch",
    ) -> None:
        """Open the file, a new one or that of an earlier run, whose torn last line is cut off.

        Args:
            path: As typed.
            header: What a new file begins with, once there is a line to write, and an old one
                must agree with.
            ids: Those of all rows.
            others: Files that other runs can have, which send the same rows: none may be at it.
            create_dirs: Whether missing folders are made.
            called: What names the file, for messages.
            what: What it is of, likewise.

        Raises:
            errors.OutputError: It cannot be made, written or locked, or another run has it.
            errors.UsageError: It is of another service, shard or batch, or no results file.
            errors.InputError: A line is damaged.
        """
        self._path = path
        self._header = header
        self._called, self._what = called, what
        self._folder = Path(addresses.absolute(path)).parent
        self._lock = threading.Lock()
        self._made: list[Path] = []
        self._is_broken = False
        self._descriptor = -1
        self._others: list[int] = []
        try:
            self._make_folders(create_dirs=create_dirs)
            self._descriptor = self._locked()
            for other in others:
                self._keep_from_writers(other)
            self._is_new = not self._goes_on(ids)
        except BaseException as exc:
            self.close()
            if not isinstance(exc, OSError):
                raise
            why, *hints = _reason(exc, called)
            raise errors.OutputError(f"{path}: {why}", *hints, path=path) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others have the file; one that nothing was written to is gone, with its folders."""
        while self._others:
            os.close(self._others.pop())
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                if self._is_made and not os.fstat(descriptor).st_size:
                    Path(self._path).unlink()  # while it is locked
            os.close(descriptor)
        with contextlib.suppress(OSError):  # one that holds something stays
            while self._made:
                self._made.pop().rmdir()

    def start(
        self,
        name: str,
        *,
        request_key: str,
        record_id: str | None,
        reserved_usd: Decimal | float | None,
    ) -> None:
        """Write that a row's job is about to be sent.

        Args:
            name: The row's id.
            request_key: What it shares with every job for the same picture.
            record_id: Our own name for the job; None if it could not be recorded.
            reserved_usd: The most that it can cost; None if that is not known.

        Raises:
            UnwrittenError: It could not be; nothing must be sent.
        """
        self._require_found()
        self._append(
            {
                "schema": lines.START,
                **addresses.named("id", name),
                "request_key": request_key,
                "record_id": record_id,
                "reserved_usd": reserved_usd,
                "at": entries.stamp(datetime.now(UTC)),
            }
        )

    def end(self, document: Document) -> None:
        """Write what became of a row: `prodia-compose/row@1`, with paths as they are usable here.

        A later line of the same `record_id` tells anew of the same job, and counts once.

        Raises:
            UnwrittenError: It could not be.
        """
        self._append(lines.movable(_dated(document), self._folder))

    def _require_found(self) -> None:
        """Refuse to begin what no later run would find, and another could be at already.

        Raises:
            UnwrittenError: The file has another name by now, or none.
        """
        with contextlib.suppress(OSError):
            if os.path.samestat(Path(self._path).stat(), os.fstat(self._descriptor)):
                return
        raise UnwrittenError(self._path, OSError(errno.ESTALE, os.strerror(errno.ESTALE)))

    def _append(self, document: Document) -> None:
        """Write a line whole and bring it to disk, or leave the file as it was."""
        data = lines.written(document)
        with self._lock:
            is_first = self._is_new
            if is_first:
                data = lines.written(self._header.document()) + data
            try:
                self._write(data)
            except OSError as exc:
                raise UnwrittenError(self._path, exc, self._called) from exc
            self._is_new = False
        if is_first:
            files.sync_folder(self._folder)

    def _write(self, data: bytes) -> None:
        if self._is_broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        size = os.fstat(self._descriptor).st_size
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
            files.sync(self._descriptor)
        except BaseException:
            try:
                os.ftruncate(self._descriptor, size)
            except OSError:
                self._is_broken = True  # what came next would be part of the torn line
            raise

    def _make_folders(self, *, create_dirs: bool) -> None:
        missing = []
        folder = self._folder
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        if missing and not create_dirs:
            words = f"{self._path}: there is no folder {Path(self._path).parent}"
            raise errors.OutputError(words, "--create-dirs makes it", path=self._path)
        while missing:
            missing[-1].mkdir(exist_ok=True)
            self._made.append(missing.pop())

    def _locked(self) -> int:
        """Return the file, made if missing, as one that nobody else has.

        Raises:
            OSError: It cannot be opened.
            errors.OutputError: Somebody has it, or nobody can.
        """
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
        while True:
            try:
                descriptor = os.open(self._path, flags | os.O_EXCL, 0o666)
                self._is_made = True
            except FileExistsError:
                descriptor = os.open(self._path, flags, 0o666)
                self._is_made = False
            try:
                _lock(descriptor, self._path, self._called)
                with contextlib.suppress(FileNotFoundError):
                    if os.path.samestat(Path(self._path).stat(), os.fstat(descriptor)):
                        return descriptor
            except BaseException as exc:
                if self._is_made and not isinstance(exc.__cause__, BlockingIOError):
                    Path(self._path).unlink(missing_ok=True)
                os.close(descriptor)
                raise
            os.close(descriptor)  # whoever made it has just removed it

    def _keep_from_writers(self, other: str) -> None:
        """Let no run write to another file of the batch for as long as this one lasts.

        Raises:
            OSError: It cannot be opened.
            errors.OutputError: A run is at it.
        """
        with contextlib.suppress(FileNotFoundError, PermissionError):  # whoever reads it tells
            descriptor = os.open(other, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
            self._others.append(descriptor)
            _lock(descriptor, other, self._called, is_shared=True)

    def _goes_on(self, ids: Container[str]) -> bool:
        """Return whether the file has a beginning that this run can go on from.

        Raises:
            OSError: It cannot be read, or mended.
            errors.UsageError: It is none of this batch's.
            errors.InputError: A line is damaged.
        """
        is_begun, are_others = False, False
        with open(self._descriptor, "rb", closefd=False) as file:
            for number, document in lines.read(self._path, file, self._called):
                if document["schema"] == lines.HEADER:
                    is_begun = True
                    known = (self._path, document, self._header)
                    lines.require_same(*known, is_own=True, called=self._called)
                    continue
                try:
                    are_others = addresses.name_in(document, "id") not in ids
                except ValueError as exc:
                    raise lines.damaged(self._path, number) from exc
                if not are_others:
                    break
        if are_others:
            words = f"is of another {self._what}: none of its rows is in this one"
            message = f"{self._path}: {words}"
            raise errors.UsageError(message, f"name another with {self._called}", path=self._path)
        if is_begun:
            self._mend()
        else:
            os.ftruncate(self._descriptor, 0)
        return is_begun

    def _mend(self) -> None:
        """Cut off a torn last line; end one that only lacks its end."""
        size = os.fstat(self._descriptor).st_size
        start, tail = size, b""
        while start and b"\n" not in tail:
            before = max(0, start - max(_CHUNK_BYTES, len(tail)))  # doubled, as a line may be long
            tail = os.pread(self._descriptor, start - before, before) + tail
            start = before
        rest = tail[tail.rfind(b"\n") + 1 :]
        if lines.is_whole(rest):
            self._write(b"\n")
        elif rest:
            os.ftruncate(self._descriptor, size - len(rest))


def _lock(descriptor: int, path: str, called: str, *, is_shared: bool = False) -> None:
    """Lock a file until it is closed; a shared lock keeps out only who wants it alone.

    Raises:
        errors.OutputError: Another run has locked it, or it cannot be.
    """
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise errors.OutputError(f"{path}: is no file", f"name one with {called}", path=path)
    why = f"{path}: this file system cannot lock", f"let {called} name a file on a local disk"
    try:
        import fcntl  # noqa: PLC0415 - there is none on Windows

        kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except (OSError, ImportError) as exc:
        if isinstance(exc, BlockingIOError):
            why = (
                f"{path}: another run of this batch is at it",
                "wait for its end, which loses nothing",
            )
        raise errors.OutputError(*why, path=path) from exc


def _dated(document: Document) -> Document:
    """Return a row's document with the times of its pictures, by which they need not be read."""
    outputs = document.get("outputs")
    if not isinstance(outputs, list):
        return document
    dated = []
    for output in outputs:
        with contextlib.suppress(OSError):
            status = Path(addresses.name_in(output, "path")).stat()
            if status.st_size == output.get("bytes"):
                dated.append({**output, "mtime_ns": status.st_mtime_ns})
                continue
        dated.append(output)
    return {**document, "outputs": dated}


def _reason(exc: OSError, called: str) -> list[str]:
    """Return why a results file cannot be used, and what to do."""
    return [one.replace("{called}", called) for one in errors.reason(exc, _REASONS)]


_ANEW = "then run it again: it goes on from here"
_REASONS = {
    errno.EACCES: ("permission denied", "choose a place you may write to with {called}"),
    errno.EPERM: ("it is protected from changes", "choose another place with {called}"),
    errno.EROFS: ("the file system is read-only", "choose another place with {called}"),
    errno.EISDIR: ("is a folder", "name a file with {called}"),
    errno.ENOENT: ("links to a folder that is not there", "name another file with {called}"),
    errno.ENOTDIR: ("part of the path is not a folder",),
    errno.ENAMETOOLONG: ("the name is too long", "choose another with {called}"),
    errno.ENOSPC: ("the disk is full", f"make room, {_ANEW}"),
    errno.EDQUOT: ("your disk quota is used up", f"make room, {_ANEW}"),
    errno.ENXIO: ("is no file",),
    errno.ESTALE: ("the file was removed or renamed", f"put it back, {_ANEW}"),
    errno.ELOOP: ("is a loop of links",),
    errno.EIO: ("the disk does not take them", f"check it, {_ANEW}"),
}
