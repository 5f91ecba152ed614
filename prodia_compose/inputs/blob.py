"""Bytes that wait on disk in a file without a name."""

import contextlib
import hashlib
import io
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from prodia_compose import errors

_PIECE_BYTES: Final = 1 << 16
_BLOCK_BYTES: Final = 1 << 20
_RESERVE_BYTES: Final = 8 << 20

Opener = Callable[[], BinaryIO]
"""Gives a fresh reader, at the first byte, each time it is called."""


class Blob:
    """Bytes on disk in an unlinked file: a kill at any moment leaves nothing behind.

    Holds no more than a buffer in memory. Any number of readers can be open at
    once, in any thread; each has a position of its own. `size` is in bytes, `sha256` in
    lower-case hex. `spares` are whole copies under names that nobody asked for: what is left
    if it can be put nowhere else.
    """

    def __init__(self, file: BinaryIO, size: int, sha256: str) -> None:
        self._file = file
        self._lock = threading.Lock()
        weakref.finalize(self, file.close)
        self.size = size
        self.sha256 = sha256
        self.spares: list[Path] = []

    def drop_spares(self) -> None:
        """Remove the spare copies: it is where it should be."""
        for path in self.spares:
            with contextlib.suppress(OSError):
                path.unlink()
        self.spares = []

    def open(self) -> BinaryIO:
        """Return a new reader at the first byte."""
        return reader(lambda: self.size, self.read_into, _PIECE_BYTES)

    def read(self) -> bytes:
        """Return all of the bytes; for those known to be few."""
        return self.read_at(0, self.size)

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from an offset up to another, or to the end, 64 kB at a time."""
        end = self.size if stop is None else stop
        for at in range(start, end, _PIECE_BYTES):
            yield self.read_at(at, min(_PIECE_BYTES, end - at))

    def read_at(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on; empty at the end."""
        with self._lock:
            self._file.seek(offset)
            return self._file.read(count)

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill a buffer from `offset` on and return how many bytes there were."""
        with self._lock:
            self._file.seek(offset)
            return self._file.readinto(buffer)  # type: ignore[attr-defined, no-any-return] # as all files here have it


def reader(
    length: Callable[[], int], fill: Callable[[int, memoryview], int], buffer_bytes: int
) -> BinaryIO:
    """Return a reader, at the first byte, of bytes that lie elsewhere.

    Args:
        length: Tells how many there are.
        fill: Puts those from an offset on into a buffer, and tells how many these were.
        buffer_bytes: How many are read ahead.
    """
    return io.BufferedReader(_Reader(length, fill), buffer_bytes)


class _Reader(io.RawIOBase):
    """One position in bytes that lie elsewhere."""

    def __init__(self, length: Callable[[], int], fill: Callable[[int, memoryview], int]) -> None:
        self._length = length
        self._fill = fill
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            offset += self._length()
        elif whence == io.SEEK_CUR:
            offset += self._position
        if offset < 0:
            raise ValueError(f"negative seek position {offset}")
        self._position = offset
        return offset

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # typeshed: WriteableBuffer
        count = self._fill(self._position, buffer)
        self._position += count
        return count


class _InMemory(io.RawIOBase):
    """A file in memory, in blocks: none is moved as it grows, so that no lack of memory loses any."""

    def __init__(self) -> None:
        self._blocks: list[bytearray] = []
        self._size = self._position = 0
        self._reserve = bytearray(_RESERVE_BYTES)

    def seek(self, offset: int, _whence: int = io.SEEK_SET) -> int:
        self._position = offset
        return offset

    def write(self, data: memoryview) -> int:  # type: ignore[override] # typeshed: ReadableBuffer
        number, start = divmod(self._position, _BLOCK_BYTES)
        if number == len(self._blocks):
            try:
                self._blocks.append(bytearray(_BLOCK_BYTES))
            except MemoryError:
                self._reserve = bytearray()  # for whoever has to keep it, and to say so
                raise
        count = min(len(data), _BLOCK_BYTES - start)
        self._blocks[number][start : start + count] = data[:count]
        self._position += count
        self._size = max(self._size, self._position)
        return count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # typeshed: WriteableBuffer
        wanted = max(0, min(len(buffer), self._size - self._position))
        done = 0
        while done < wanted:
            number, start = divmod(self._position + done, _BLOCK_BYTES)
            count = min(wanted - done, _BLOCK_BYTES - start)
            buffer[done : done + count] = memoryview(self._blocks[number])[start : start + count]
            done += count
        self._position += done
        return done


class Growing(Blob):
    """A blob that bytes are added to as they come; it holds at each moment what has come."""

    def __init__(self, *, or_memory: bool = False) -> None:
        """Begin without a byte.

        Where the disk cannot take more it goes on in memory if `or_memory`: for what was paid
        for, and may yet fit where the user wants it.

        Raises:
            OSError: The temporary folder is not writable.
        """
        self._or_memory = or_memory
        self._digest = hashlib.sha256()
        super().__init__(self._scratch(), 0, self._digest.hexdigest())

    def add(self, chunk: bytes | bytearray | memoryview) -> None:
        """Add bytes at the end.

        Raises:
            OSError: The temporary folder is full.
        """
        with self._lock:
            try:
                self._write(chunk)
            except OSError:
                if not self._or_memory:
                    raise
                self._move_to_memory()
                self._write(chunk)
            self._digest.update(chunk)
            self.sha256 = self._digest.hexdigest()
            self.size += len(chunk)

    def _scratch(self) -> BinaryIO:
        try:
            # Unbuffered, so that a failed write is known at once and loses nothing.
            return tempfile.TemporaryFile(buffering=0)
        except OSError:
            if not self._or_memory:
                raise
            return cast("BinaryIO", _InMemory())

    def _write(self, chunk: bytes | bytearray | memoryview) -> None:
        self._file.seek(self.size)
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) :]

    def _move_to_memory(self) -> None:
        memory, moved = _InMemory(), 0
        self._file.seek(0)
        while moved < self.size:
            piece = self._file.read(min(self.size - moved, _BLOCK_BYTES - moved % _BLOCK_BYTES))
            moved += memory.write(memoryview(piece))
        self._file.close()
        self._file = cast("BinaryIO", memory)


def spool(chunks: Iterable[bytes | memoryview], *, or_memory: bool = False) -> Blob:
    """Write chunks of bytes to an unlinked temporary file and return it as a blob.

    Raises:
        OSError: The temporary folder is full or not writable, and `or_memory` does not say to
            do without.
    """
    grown = Growing(or_memory=or_memory)
    for chunk in chunks:
        grown.add(chunk)
    return grown


def stored(data: Iterable[bytes | memoryview]) -> Blob:
    """Return bytes in a temporary file; to read them must raise no `OSError`.

    Raises:
        errors.OutputError: There is no room for temporary files.
    """
    try:
        return spool(data)
    except OSError as exc:
        cure = "free some space, or point TMPDIR elsewhere"
        reason, *hints = errors.lack(exc) or (exc.strerror or str(exc), cure)
        raise errors.OutputError(f"cannot write temporary files: {reason}", *hints) from exc
