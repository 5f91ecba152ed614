"""An answer as it comes in: its head, within bounds far above any real one, and its body.

Not left to `http.client`: that gives up at a hundred headers, at one of 64 KiB, at any interim
answer but 100 and at a body that is not framed as it says; what was paid for would go with it.
"""

import http.client
import re
from collections.abc import Iterator

_HEAD_BYTES = 1 << 23
"""The most of a head that is read; curl takes 5,000 headers, of 300 kB in all."""

_EARLY_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16
_LINE_BYTES = 1 << 16
_TRAILERS = 10_000

_STATUS_LINE = re.compile(rb"HTTP/[0-9.]+[ \t]+([1-9][0-9][0-9])(?![0-9])[ \t]*([^\r\n]*)")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_TRAILER = re.compile(rb"[!-9;-~]+[ \t]*:")

_INTERIM = re.compile(rb"(?:\r?\n)*HTTP/[0-9.]+[ \t]+1[0-9][0-9][^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n")
_BEGINS = re.compile(rb"(?:\r?\n)*HTTP/[0-9.]+[ \t]+([0-9])")

USED = (
    *("content-type", "content-length", "content-encoding", "transfer-encoding", "retry-after"),
    *("x-request-id", "x-sandbox", "location", "date", "server", "via"),
)
"""The headers that anybody asks for or is shown; of others there can be thousands."""


def early_class(early: bytearray) -> int | None:
    """Return the class of the status, 2 for 2xx, that bytes which came early begin an answer with.

    Interim answers are cut off them. None if there are too few yet, and 0 if they are no answer.
    """
    while interim := _INTERIM.match(early):
        del early[: interim.end()]
    begins = _BEGINS.match(early)
    if begins is None:
        return 0 if len(early) > len(b"\r\nHTTP/1.1 200") else None
    if begins[1] == b"1":
        return 0 if len(early) > _EARLY_BYTES else None
    return int(begins[1])


class Incoming(http.client.HTTPResponse):
    """An answer, taken for whatever it is.

    Attributes:
        status: 0 if what came is not the head of an answer; it is the body's beginning then.
        fields: The headers that are used, names in lower case; repeated ones joined by commas.
        length: Of the body as the head told it, in bytes; None if it did not.
        is_framed: Whether the connection told where the body ends; known once it is read.
    """

    def begin(self) -> None:
        """Read up to the body, past any interim answers.

        Raises:
            RemoteDisconnected: The connection was closed without an answer.
            OSError: It broke.
        """
        self.fields: dict[str, str] = {}
        self._unread = b""
        while 100 <= self._read_head() < 200:
            pass
        lengths = {size.strip() for size in self.fields.get("content-length", "").split(",")}
        size = lengths.pop()
        is_size = not lengths and size.isascii() and size.isdecimal() and len(size) < 16
        self.length = int(size) if is_size else None
        codings = [one.strip().lower() for one in self._listed("transfer-encoding")]
        self.chunked = "chunked" in codings[-1:]
        if not self.status:
            self.length = None
        elif self.status in (204, 304):
            self.length = 0
        self.is_framed = self.chunked or self.length is not None
        # What urllib3 and http.client look at; they are not to stumble over anything odd.
        self.headers = self.msg = http.client.HTTPMessage()
        self.will_close = False

    @property
    def codings(self) -> tuple[str, ...]:
        """What was done to the body, in this order, lower case; how it was cut into chunks aside."""
        listed = (*self._listed("content-encoding"), *self._listed("transfer-encoding"))
        codings = (one.strip().lower() for one in listed)
        return tuple(one for one in codings if one not in ("", "identity", "chunked"))

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes.

        Where it is not framed as the head says, what comes is yielded as it is.

        Raises:
            HTTPException: It ended early, or its chunks are damaged.
            OSError: The connection broke.
        """
        if self.chunked and not self._unread:
            yield from self._chunks()
        else:
            yield from self.surplus(self.length)

    def surplus(self, left: int | None = None) -> Iterator[bytes]:
        """Yield what comes next, up to `left` bytes or else to the end of the connection."""
        while left is None or left > 0:
            most = _PIECE_BYTES if left is None else min(left, _PIECE_BYTES)
            piece = self._unread[:most] or self.fp.read1(most)
            self._unread = self._unread[most:]
            if not piece and left is not None:
                raise http.client.IncompleteRead(b"", left)
            if not piece:
                return
            left = None if left is None else left - len(piece)
            yield piece

    def _listed(self, name: str) -> list[str]:
        return self.fields.get(name, "").split(",")

    def _read_head(self) -> int:
        """Read one head and return its status; 0 if there is none."""
        head, lines = bytearray(), 0
        self.status, self.reason, last = 0, "", None
        self.fields.clear()
        while len(head) < _HEAD_BYTES and (line := self.fp.readline(_HEAD_BYTES)):
            head += line
            if not line.rstrip(b"\r\n"):
                if lines:
                    return self.status
                continue  # of whatever came before
            if self.status >= 200 and _is_of_body(line):
                self._unread = line
                return self.status
            lines += 1
            if lines == 1:
                status = _STATUS_LINE.match(line)
                if status is None:
                    break
                self.status = int(status[1])
                self.reason = status[2].decode("latin-1").strip()
            else:
                last = self._take_field(line, last)
        if not head:
            raise http.client.RemoteDisconnected("")
        if not self.status or len(head) >= _HEAD_BYTES:
            self.status, self._unread = 0, bytes(head)
        return self.status

    def _take_field(self, line: bytes, last: str | None) -> str | None:
        """Take in a line of the head; return the name of the header that the next may go on with."""
        text = line.decode("latin-1")
        if text[0] in " \t":
            if last is not None:
                self.fields[last] += f" {text.strip()}"
            return last
        name, _, value = text.partition(":")
        name = name.strip().lower()
        if name not in USED:
            return None
        before = f"{self.fields[name]}, " if name in self.fields else ""
        self.fields[name] = before + value.strip()
        return name

    def _chunks(self) -> Iterator[bytes]:
        is_first, blank = True, b""
        while line := self.fp.readline(_LINE_BYTES):
            size = _CHUNK_SIZE.fullmatch(line)
            if size is None and line in (b"\r\n", b"\n") and not (is_first or blank):
                blank = line  # what ends a chunk
                continue
            if size is None:
                self._unread = blank + line
                if not is_first:
                    yield from self.surplus()
                    raise http.client.UnknownTransferEncoding
                # No chunks at all, but plain bytes.
                self.is_framed = self.length is not None
                yield from self.surplus(self.length)
                return
            is_first, blank = False, b""
            count = int(size[1], 16)
            if not count:
                self._skip_trailers()
                return
            yield from self.surplus(count)
        raise http.client.IncompleteRead(b"")

    def _skip_trailers(self) -> None:
        for _ in range(_TRAILERS):
            line = self.fp.readline(_LINE_BYTES)
            if _TRAILER.match(line) is None:
                self._unread = line.lstrip(b"\r\n")
                return


def _is_of_body(line: bytes) -> bool:
    """Tell whether a line of the head is none: the blank line before it is missing."""
    name, colon, _ = line.partition(b":")
    return bool(_CONTROL.search(name)) or not (colon or name.isascii())
