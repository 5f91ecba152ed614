"""GIF files as a row of blocks (GIF89a specification, of 1990), none of them decoded."""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from prodia_compose.images.formats import stream
from prodia_compose.images.probe.header import MAX_COUNTED

_IMAGE, _EXTENSION, _END = b",", b"!", b";"
_COMMENT, _CONTROL = b"\xfe", b"\xf9"
_CONTROL_BYTES: Final = 4
_MAX_BLOCKS = 1_000_000


def inspect(file: BinaryIO) -> tuple[int, bool]:
    """Return the number of frames, at least 1, and whether there is a comment.

    A damaged tail ends the count.
    """
    frames, has_comment = 0, False
    for kind in _blocks(file):
        frames += kind == _IMAGE
        if frames >= MAX_COUNTED:
            break
        if kind == _EXTENSION:
            has_comment |= file.read(1) == _COMMENT
            file.seek(-1, 1)
    return max(1, frames), has_comment


def has_end(file: BinaryIO) -> bool:
    """Tell whether the row of blocks goes on to the mark of its end, or the file has it last."""
    if any(kind == _END for kind in _blocks(file)):
        return True
    file.seek(-min(1, file.seek(0, io.SEEK_END)), io.SEEK_END)
    return file.read(1) == _END  # behind a comment that is damaged


def bare(file: BinaryIO) -> BinaryIO:
    """Return a reader of the file without what stands in front of its first frame.

    Only how that one is shown stays. Comments and applications' data are nothing to a decoder,
    and it stumbles over what is wrong in them.
    """
    file.seek(0)
    head = file.read(13)
    head += file.read(_colours_bytes(head[10:11]))
    start = len(head)
    control = b""
    for kind in _blocks(file):
        end = file.tell()
        if kind == _IMAGE:
            start = end - 1
            break
        if kind == _EXTENSION:
            block = file.read(2 + _CONTROL_BYTES)
            if block[:2] == _CONTROL + bytes((_CONTROL_BYTES,)):
                control = _EXTENSION + block + b"\0"
            file.seek(end)
    return stream.headed(head + control, file, start)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the kind of each block, the reader behind it and to be left there; the end is the last.

    What is no block ends the row, and so does a million of pieces of data.
    """
    file.seek(10)
    file.seek(13 + _colours_bytes(file.read(1)))
    left = _MAX_BLOCKS
    while (kind := file.read(1)) in {_IMAGE, _EXTENSION}:
        yield kind
        if kind == _IMAGE:
            file.seek(_colours_bytes(file.read(9)[8:]), 1)
        file.seek(1, 1)  # how many bits a code begins with, or what an extension is for
        while (length := file.read(1)) not in {b"", b"\0"}:  # data, each piece behind its length
            file.seek(length[0], 1)
            left -= 1
            if not left:
                return
    if kind == _END:
        yield kind


def _colours_bytes(flags: bytes) -> int:
    """Return how long a table of colours is, if the flags say that there is one."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0
