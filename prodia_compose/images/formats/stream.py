"""Bytes copied from a file, or read through one, and what is said of one that ends too early."""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from prodia_compose import errors

_BLOCK_BYTES: Final = 1 << 18


def copy_exactly(file: BinaryIO, count: int, name: str) -> Iterator[bytes]:
    """Yield the next bytes of a file of the format `name`, in blocks.

    Raises:
        errors.InputError: It ends before.
    """
    while count:
        block = file.read(min(count, _BLOCK_BYTES))
        if not block:
            raise cut_short(name)
        count -= len(block)
        yield block


def copy_all(file: BinaryIO) -> Iterator[bytes]:
    """Yield all that is left of a file, in blocks."""
    while block := file.read(_BLOCK_BYTES):
        yield block


class _Headed(io.RawIOBase):
    """A head of our own, and behind it a file from an offset on."""

    def __init__(self, head: bytes, file: BinaryIO, offset: int) -> None:
        self._head = head
        self._file = file
        self._shift = offset - len(head)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            offset += self._file.seek(0, io.SEEK_END) - self._shift
        elif whence == io.SEEK_CUR:
            offset += self._position
        if offset < 0:
            raise ValueError(f"negative seek position {offset}")
        self._position = offset
        return offset

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # typeshed: WriteableBuffer
        piece = self._head[self._position : self._position + len(buffer)]
        if not piece:
            self._file.seek(self._position + self._shift)
            piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def headed(head: bytes, file: BinaryIO, offset: int) -> BinaryIO:
    """Return a reader of a head and, behind it, of the file from an offset on; nothing is copied."""
    return io.BufferedReader(_Headed(head, file, offset), _BLOCK_BYTES)


def cut_short(name: str) -> errors.InputError:
    """Return the error for a file without its end."""
    return errors.InputError(f"is cut short: the end of the {name} data is missing")
