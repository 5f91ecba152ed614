"""A `multipart/form-data` body: length known beforehand, bytes streamed from disk.

The framing is byte for byte what `requests` makes of `files=`, which is what
Prodia's guide sends; unlike it, no more than one chunk is held in memory, and
the same body can be sent again from its first byte.
"""

import re
from collections.abc import Iterable, Iterator

from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob

CHUNK_BYTES = 1 << 16
"""The most that is read from a part at a time."""

_BOUNDARY = re.compile(r"[A-Za-z0-9_-]{27,70}")
_PART_NAME = re.compile(r"[A-Za-z0-9._-]+")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")


class PartSizeError(Exception):
    """A part holds fewer or more bytes than it was announced with."""


@frozen
class Part:
    """One part of the body.

    Attributes:
        name: The form field, `job` or `input`.
        filename: The name the job refers to it by; `[A-Za-z0-9._-]` only.
    """

    name: str
    filename: str
    media_type: str
    size: int
    open: blob.Opener

    def __post_init__(self) -> None:
        """Refuse anything that could end a header early.

        Raises:
            ValueError: A name or the media type holds a character out of place.
        """
        for text, allowed in (
            (self.name, _PART_NAME),
            (self.filename, _PART_NAME),
            (self.media_type, _MEDIA_TYPE),
        ):
            if not allowed.fullmatch(text):
                raise ValueError(f"{text!r} cannot stand in a part's header")

    def read(self) -> Iterator[bytes]:
        """Yield the bytes from the first on, in chunks of at most `CHUNK_BYTES`.

        Raises:
            PartSizeError: There are fewer or more bytes than `size`; raised
                before a byte too many is yielded.
            OSError: The bytes cannot be read.
        """
        left = self.size
        with self.open() as file:
            while left:
                chunk = file.read(min(CHUNK_BYTES, left))
                if not chunk:
                    raise PartSizeError(f"part {self.filename} ends {left} bytes early")
                left -= len(chunk)
                yield chunk
            if file.read(1):
                raise PartSizeError(f"part {self.filename} has more than {self.size} bytes")


class MultipartBody:
    """The parts in order, framed for the wire.

    Iterating yields the body in chunks, from the first byte each time. Its `length` in
    bytes is known without reading a part.
    """

    def __init__(self, parts: Iterable[Part], boundary: str) -> None:
        """Frame `parts`.

        Raises:
            ValueError: The boundary is too short, too long or has odd characters.
        """
        self.parts = tuple(parts)
        self.boundary = boundary
        if not _BOUNDARY.fullmatch(boundary):
            raise ValueError(f"{boundary!r} is not 27 to 70 characters of [A-Za-z0-9_-]")
        self.content_type = f"multipart/form-data; boundary={self.boundary}"
        self._headed = tuple((self._head(part), part) for part in self.parts)
        self._tail = f"--{self.boundary}--\r\n".encode("ascii")
        framing = sum(len(head) + len(b"\r\n") for head, _ in self._headed) + len(self._tail)
        self.length = framing + sum(part.size for part in self.parts)

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[bytes]:
        for head, part in self._headed:
            yield head
            yield from part.read()
            yield b"\r\n"
        yield self._tail

    def _head(self, part: Part) -> bytes:
        return (
            f"--{self.boundary}\r\n"
            f'Content-Disposition: form-data; name="{part.name}"; filename="{part.filename}"\r\n'
            f"Content-Type: {part.media_type}\r\n"
            "\r\n"
        ).encode("ascii")
