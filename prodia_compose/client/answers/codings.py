"""What was done to bytes on their way, undone as far as it was done at all.

Nobody asks for it (`Accept-Encoding: identity`), but what stands before a service may say that
bytes are compressed when they are not, or compress them unasked.
"""

import binascii
import zlib
from collections.abc import Sequence

from prodia_compose.inputs import blob

_CHUNK_BYTES = 1 << 16
_GZIP = b"\x1f\x8b"
_BASE64_BYTES = 1 << 27

KNOWN = ("gzip", "x-gzip", "deflate", "base64")
"""The codings that are undone here."""


def undo(
    raw: blob.Blob, codings: Sequence[str], limit_bytes: int
) -> tuple[blob.Blob, bool, str | None]:
    """Return bytes without their codings, the last of which was applied last.

    One that was not applied, as the bytes show, is passed over.

    Returns:
        The bytes, as far as they can be had; whether that is to their end; and the coding
        that could not be undone, if any.
    """
    body, is_whole, left = raw, True, None
    for coding in reversed(codings):
        if coding not in KNOWN:
            return body, is_whole, coding
        if not body.size:
            break
        undone = _from_base64(body) if coding == "base64" else _inflated(body, limit_bytes)
        if undone is None:
            left = coding
            continue
        body, is_end = undone
        is_whole &= is_end
    return body, is_whole, left


def _inflated(body: blob.Blob, limit_bytes: int) -> tuple[blob.Blob, bool] | None:
    """Return what was compressed, and whether all of it; None if the bytes are not compressed.

    What is called `deflate` comes with a wrapping (RFC 9110) or without, and some call that
    `gzip` too.
    """
    head = body.read_at(0, 2)
    if head == _GZIP:
        return _unpacked(body, 16 + zlib.MAX_WBITS, limit_bytes)
    if len(head) == 2 and head[0] & 0x0F == 8 and int.from_bytes(head) % 31 == 0:
        found, is_end = _unpacked(body, zlib.MAX_WBITS, limit_bytes)
        return (found, is_end) if found.size else None
    found, is_end = _unpacked(body, -zlib.MAX_WBITS, limit_bytes)
    return (found, is_end) if is_end and found.size else None


def _unpacked(body: blob.Blob, wrapping: int, limit_bytes: int) -> tuple[blob.Blob, bool]:
    content, unpacker, unread = blob.Growing(or_memory=True), zlib.decompressobj(wrapping), b""
    for chunk in body.pieces():
        left, unread = unread + chunk, b""
        while left and content.size < limit_bytes:
            if unpacker.eof and left == _GZIP[:1]:
                unread = left
                break
            if unpacker.eof and not left.startswith(_GZIP):
                return content, True  # other readers pass over what follows, too
            if unpacker.eof:
                unpacker = zlib.decompressobj(wrapping)
            before = unpacker.copy()
            try:
                content.add(unpacker.decompress(left, _CHUNK_BYTES))
            except zlib.error:
                _unpack_to_damage(before, left, content)
                return content, False
            left = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    return content, unpacker.eof


def _unpack_to_damage(unpacker: "zlib._Decompress", data: bytes, content: blob.Growing) -> None:
    """Take what comes before the damage: a call that fails gives nothing of its bytes."""
    try:
        for at in range(len(data)):
            content.add(unpacker.decompress(data[at : at + 1]))
    except zlib.error:
        return


def _from_base64(body: blob.Blob) -> tuple[blob.Blob, bool] | None:
    data = body.read_at(0, _BASE64_BYTES)
    try:
        plain = binascii.a2b_base64(b"".join(data.split()), strict_mode=True)
    except binascii.Error:
        return None
    return blob.spool([plain], or_memory=True), body.size <= _BASE64_BYTES
