"""The bytes of an answer on disk, and what they look like."""

import hashlib
import io
import tempfile
from collections.abc import Iterable
from typing import BinaryIO

from prodia_compose import blob

_TAIL_BYTES = 1 << 16


def keep(chunks: Iterable[bytes]) -> blob.Blob:
    """Write chunks to an unlinked temporary file; where it cannot grow, go on in memory.

    `blob.spool` gives up when the temporary folder is full. What comes through
    here was paid for, and may yet fit where the user wants it.
    """
    file: BinaryIO = _scratch()
    digest = hashlib.sha256()
    size = 0
    try:
        for chunk in chunks:
            try:
                _write(file, chunk)
            except OSError:
                file = _moved_to_memory(file, size)
                file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    except BaseException:
        file.close()
        raise
    return blob.Blob(file, size, digest.hexdigest())


def _scratch() -> BinaryIO:
    try:
        # Unbuffered, so that a failed write is known at once and loses nothing.
        return tempfile.TemporaryFile(buffering=0)
    except OSError:
        return io.BytesIO()


def _write(file: BinaryIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[file.write(view) :]


def _moved_to_memory(file: BinaryIO, size: int) -> BinaryIO:
    memory = io.BytesIO()
    file.seek(0)
    while memory.tell() < size:
        memory.write(file.read(size - memory.tell()))
    file.close()
    return memory


def sniff(head: bytes) -> str | None:
    """Return the media type that a picture's first 16 bytes show, or None."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    return None


def ends(picture: blob.Blob, media_type: str) -> bool:
    """Tell whether a picture's own end mark is there; True where there is none to look for."""
    tail = picture.read_at(max(0, picture.size - _TAIL_BYTES), _TAIL_BYTES)
    if media_type == "image/jpeg":
        # Inside compressed data FF is always stuffed, so this is the real mark.
        return b"\xff\xd9" in tail
    if media_type == "image/png":
        return b"IEND\xaeB`\x82" in tail
    if media_type == "image/webp":
        return picture.size >= int.from_bytes(picture.read_at(4, 4), "little") + 8
    if media_type == "image/gif":
        return tail.rstrip(b"\0").endswith(b";")
    return True
