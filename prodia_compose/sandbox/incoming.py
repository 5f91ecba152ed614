"""Reading what a client sends: the body's bytes, then the job and its inputs.

Only one buffer of a body is in memory at a time; inputs wait on disk.
"""

import io
import itertools
import json
import re
from collections.abc import Iterator
from email.message import Message

import multipart

from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob
from prodia_compose.sandbox.answers import RefusedError
from prodia_compose.sandbox.jobs import InputRecord

Pieces = Iterator[bytes]
"""A body's bytes, a buffer at a time."""

# The service's own limits on bodies are not documented. These keep a mistake from
# filling the disk; 14 images of 30 MB fit.
_MAX_BODY_BYTES = 500_000_000
_MAX_JOB_BYTES = 1_000_000
_MAX_PARTS = 100

CLOSE = (("Connection", "close"),)  # the header of an answer after which the connection ends

_PIECE_BYTES = 1 << 16
_LINE_BYTES = 1 << 12


class BrokenBodyError(RefusedError):
    """The body's framing is broken: where the next request begins is unknown."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message, CLOSE)


@frozen
class Input:
    """One `input` part, its bytes on disk; a content type that its header lacks is empty."""

    filename: str
    content_type: str
    content: blob.Blob

    def record(self) -> InputRecord:
        """Return what is written down of it."""
        size, sha256 = self.content.size, self.content.sha256
        return InputRecord(
            filename=self.filename, content_type=self.content_type, size=size, sha256=sha256
        )


@frozen
class Submission:
    """A job as it came in: its JSON object and its inputs, in the order sent."""

    job: dict[str, object]
    inputs: tuple[Input, ...] = ()


def body_pieces(stream: io.BufferedIOBase, headers: Message) -> Pieces:
    """Return an iterator over a request's body, whether sized or chunked.

    A request with neither header has no body. The stream is read only as far as the
    body reaches, so a finished iterator leaves it at the next request.

    Raises:
        BrokenBodyError: The headers contradict each other or mean nothing. While
            iterating: the body ends early, is too large, or stops coming.
    """
    lengths = headers.get_all("Content-Length", [])
    coding = headers.get("Transfer-Encoding")
    if coding is not None:
        if lengths or coding.strip().lower() != "chunked":
            raise BrokenBodyError(400, "unusable Transfer-Encoding")
        return _guarded(_chunked(stream))
    if not lengths:
        return iter(())
    digits = lengths[0].strip()
    if len(lengths) > 1 or not re.fullmatch(r"[0-9]{1,15}", digits):
        raise BrokenBodyError(400, "unusable Content-Length")
    return _guarded(_sized(stream, int(digits)))


def _guarded(pieces: Pieces) -> Pieces:
    """Yield the pieces; turn what sockets raise into `BrokenBodyError`."""
    try:
        yield from pieces
    except TimeoutError as error:
        raise BrokenBodyError(408, "the request body stopped coming") from error
    except OSError as error:
        raise BrokenBodyError(400, "the connection broke inside the request body") from error


def _sized(stream: io.BufferedIOBase, length: int) -> Pieces:
    if length > _MAX_BODY_BYTES:
        raise BrokenBodyError(413, "the request body is too large for the sandbox")
    while length > 0:
        piece = stream.read1(min(length, _PIECE_BYTES))
        if not piece:
            raise BrokenBodyError(400, "the request body ended early")
        length -= len(piece)
        yield piece


def _chunked(stream: io.BufferedIOBase) -> Pieces:
    total = 0
    while True:
        digits = _line(stream).split(b";", 1)[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,12}", digits):
            raise BrokenBodyError(400, "the request body has an unreadable chunk size")
        size = int(digits, 16)
        if size == 0:
            break
        total += size
        if total > _MAX_BODY_BYTES:
            raise BrokenBodyError(413, "the request body is too large for the sandbox")
        yield from _sized(stream, size)
        if _line(stream):
            raise BrokenBodyError(400, "the request body has a chunk of another length than told")
    for _ in range(_MAX_PARTS):
        if not _line(stream):  # trailers end with an empty line
            return
    raise BrokenBodyError(400, "the request body has too many trailers")


def _line(stream: io.BufferedIOBase) -> bytes:
    """Return one line without its end."""
    line = stream.readline(_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise BrokenBodyError(400, "the request body ended early")
    return line.rstrip(b"\r\n")


def read_submission(content_type: str, pieces: Pieces) -> Submission:
    """Read a job from a request's body.

    A refusal may come before the body's end; the pieces left can still be drained.

    Raises:
        RefusedError: It is no readable job.
        BrokenBodyError: The body breaks off.
    """
    media_type, options = multipart.parse_options_header(content_type)
    if media_type == "application/json":
        return Submission(job=_parse_job(_gather(pieces)))
    if media_type != "multipart/form-data":
        # Undocumented; 415 would be as likely.
        raise RefusedError(400, "the Content-Type must be application/json or multipart/form-data")
    if not options.get("boundary"):
        raise RefusedError(400, "the multipart Content-Type has no boundary")
    try:
        return _read_multipart(options["boundary"], pieces)
    except multipart.MultipartError as error:
        raise RefusedError(400, f"unreadable multipart body: {error}") from error


def _read_multipart(boundary: str, pieces: Pieces) -> Submission:
    jobs: list[bytes] = []
    inputs: list[Input] = []
    events = _events(boundary, pieces)
    for segment in events:
        payload = itertools.takewhile(lambda event: event is not None, events)
        if segment.name == "job":
            jobs.append(_gather(payload))
        elif segment.name == "input":
            if not segment.filename:
                raise RefusedError(400, "an 'input' part has no filename")
            name, kind = segment.filename, segment.header("Content-Type", "")
            inputs.append(Input(filename=name, content_type=kind, content=blob.spool(payload)))
        else:
            # Undocumented, as the service may well ignore it; here a misspelt part is told.
            unexpected = f"unexpected part '{segment.name}'"
            raise RefusedError(400, f"{unexpected}: parts are named 'job' and 'input'")
    if len(jobs) != 1:
        count = "no" if not jobs else str(len(jobs))
        raise RefusedError(400, f"{count} 'job' parts in request: there must be exactly one")
    return Submission(job=_parse_job(jobs[0]), inputs=tuple(inputs))


def _events(boundary: str, pieces: Pieces) -> Iterator[multipart.MultipartSegment]:
    """Yield the parser's events: a segment, its bytes, None, and so on."""
    with multipart.PushMultipartParser(boundary, max_segment_count=_MAX_PARTS) as parser:
        for piece in pieces:
            yield from parser.parse(piece)


def _gather(pieces: Pieces) -> bytes:
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > _MAX_JOB_BYTES:
            raise RefusedError(400, "the job JSON is over 1 MB")
    return bytes(data)


def _parse_job(data: bytes) -> dict[str, object]:
    try:
        job = json.loads(data.decode())
        json.dumps(job, allow_nan=False)  # nor any number that is none, or too large for one
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "the job is no valid JSON") from error
    if not isinstance(job, dict):
        raise RefusedError(400, "the job must be a JSON object")
    return job
