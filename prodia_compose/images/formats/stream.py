"""Bytes copied from a file, or read through one, and what is said of one that ends too early."""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from prodia_compose import errors
from prodia_compose.inputs import blob

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


def headed(head: bytes, file: BinaryIO, offset: int) -> BinaryIO:
    """Return a reader of a head and, behind it, of the file from an offset on; nothing is copied."""
    shift = offset - len(head)

    def fill(position: int, buffer: memoryview) -> int:
        piece = head[position : position + len(buffer)]
        if not piece:
            file.seek(position + shift)
            piece = file.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    return blob.reader(lambda: file.seek(0, io.SEEK_END) - shift, fill, _BLOCK_BYTES)


def cut_short(name: str) -> errors.InputError:
    """Return the error for a file without its end."""
    return errors.InputError(f"is cut short: the end of the {name} data is missing")
