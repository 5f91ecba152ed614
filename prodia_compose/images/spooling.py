"""Copies of pictures on disk, with the blame for failures put where it belongs."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from prodia_compose import blob
from prodia_compose.blob import Opener, stored
from prodia_compose.images.pixels import decoder

_BLOCK_BYTES = 1 << 20


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file as it is."""
    while block := file.read(_BLOCK_BYTES):
        yield block


def copied(opener: Opener, copy: Callable[[BinaryIO], Iterator[bytes]]) -> blob.Blob:
    """Return what a copier makes of a file, in a temporary one.

    Raises:
        errors.InputError: The file is damaged or cannot be read.
        errors.OutputError: There is no room for temporary files.
    """
    with decoder.reading(), opener() as file:
        return stored(_read(copy(file)))


def _read(data: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same; an `OSError` in reading is the file's fault, not the disk's."""
    with decoder.reading():
        yield from data
