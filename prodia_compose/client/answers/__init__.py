"""An HTTP answer of the service, read by its own Content-Type and believed in nothing.

An answer can be a bare picture, a multipart message (part `job` and any number
of parts `output`), JSON, or text; an error comes in at least three of these
shapes. Whatever it is, all of its bytes are kept on disk first, so that a
picture that was paid for survives an answer that makes no sense.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import field, replace

import multipart

from prodia_compose import blob
from prodia_compose.client.answers.records import Hide, JobRecord, job_record, json_value, words
from prodia_compose.frozen import frozen

_TEXT_LIMIT_BYTES = 1 << 18
_CHUNK_BYTES = 1 << 16
_PARTS_LIMIT = 256
_TAIL_BYTES = 1 << 16


@frozen
class Output:
    """One picture of an answer, exactly as received.

    Attributes:
        blob: Its bytes.
        media_type: What the bytes are by their first ones, else what the answer calls them.
        filename: The part's file name, if it had one; foreign text, not a path.
    """

    blob: blob.Blob
    media_type: str
    filename: str | None


@frozen
class Answer:
    """One answer, taken apart.

    Attributes:
        status: The HTTP status.
        media_type: The answer's own, lower case; empty if it had none.
        outputs: The complete pictures that hold at least a byte, in order.
        messages: The text parts beside them.
        job: The job's record; if the answer carried none, one that tells nothing.
        error: The service's own words on what is wrong, at most `WORDS_LIMIT` characters.
        whole: False if its last part, or the end of a picture sent without a length, is missing.
        raw: Every byte of it, in case nothing above is of use.
        partial: The picture that the answer broke off in.
        remains: The piece most worth keeping when the answer is of no use; None if it was empty.
    """

    status: int
    media_type: str
    outputs: tuple[Output, ...] = ()
    messages: tuple[str, ...] = ()
    job: JobRecord = field(default_factory=JobRecord)
    error: str | None = None
    whole: bool = True
    raw: blob.Blob
    partial: Output | None = None
    remains: Output | None = None


def read(
    raw: blob.Blob,
    *,
    status: int,
    content_type: str | None,
    framed: bool = True,
    hide: Hide = str,
    clean: Callable[[blob.Blob], blob.Blob] = lambda came: came,
) -> Answer:
    """Take an answer apart.

    Args:
        raw: The body, as far as it came.
        status: The HTTP status.
        content_type: The value of the answer's `Content-Type`.
        framed: Whether the connection told where the body ends; if not, a
            picture is looked at for its own end mark.
        hide: Applied to every text that is given back.
        clean: Applied to what remains of it, but for a picture, which stays as it came.
    """
    answer = _taken_apart(status, content_type, raw, framed=framed, hide=hide)
    remains = answer.outputs[0] if answer.outputs else answer.partial
    if remains is None and raw.size:
        is_picture = answer.media_type.startswith("image/")
        found = raw if is_picture else clean(raw)
        remains = Output(blob=found, media_type=answer.media_type, filename=None)
    return replace(answer, remains=remains)


def _taken_apart(
    status: int, content_type: str | None, raw: blob.Blob, *, framed: bool, hide: Hide
) -> Answer:
    media_type, options = multipart.parse_options_header(content_type or "")
    if media_type.startswith("multipart/") and options.get("boundary"):
        return _read_parts(status, media_type, raw, options["boundary"], hide)
    media_type = hide(media_type)
    shown = sniff(raw.read_at(0, 16)) or media_type
    if shown.startswith("image/"):
        if not raw.size:
            return Answer(status=status, media_type=media_type, raw=raw)
        picture = Output(blob=raw, media_type=shown, filename=None)
        if framed or _ends(raw, shown):
            return Answer(status=status, media_type=media_type, outputs=(picture,), raw=raw)
        return Answer(status=status, media_type=media_type, raw=raw, whole=False, partial=picture)
    value = json_value(raw)
    if isinstance(value, dict):
        record = job_record(value, hide)
        return Answer(status=status, media_type=media_type, job=record, error=record.error, raw=raw)
    return Answer(
        status=status, media_type=media_type, error=words(_text(raw, media_type), hide), raw=raw
    )


class _Gathered:
    """What the parts of a multipart answer have brought so far."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.messages: list[str] = []
        self.job: JobRecord | None = None
        self.partial: Output | None = None

    def add(self, section: multipart.MultipartSegment, body: blob.Blob, hide: Hide) -> None:
        declared = hide(section.content_type or "")
        filename = section.filename and hide(section.filename)
        media_type = sniff(body.read_at(0, 16)) or declared
        if media_type.startswith("image/"):
            output = Output(blob=body, media_type=media_type, filename=filename)
            if not section.complete:
                self.partial = output
            elif body.size:
                self.outputs.append(output)
        elif section.name == "job" and self.job is None:
            value = json_value(body)
            self.job = job_record(value, hide) if isinstance(value, dict) else None
        elif declared.startswith("text/") or (filename or "").endswith(".txt"):
            self.messages.append(hide(_decoded(body)))


def _read_parts(status: int, media_type: str, raw: blob.Blob, boundary: str, hide: Hide) -> Answer:
    sections = _Sections(raw, boundary)
    gathered = _Gathered()
    for section, body in sections:
        gathered.add(section, body, hide)
    job = gathered.job or JobRecord()
    error = job.error
    if error is None and not gathered.outputs and gathered.messages:
        error = words(gathered.messages[0], hide)
    return Answer(
        status=status,
        media_type=hide(media_type),
        outputs=tuple(gathered.outputs),
        messages=tuple(gathered.messages),
        job=job,
        error=error,
        whole=sections.whole,
        raw=raw,
        partial=gathered.partial,
    )


class _Sections:
    """The parts of a multipart body, each with its bytes on disk.

    Attributes:
        whole: False once the body has broken off or made no sense.
    """

    def __init__(self, raw: blob.Blob, boundary: str) -> None:
        self.whole = True
        self._events = self._parse(raw, boundary)

    def __iter__(self) -> Iterator[tuple[multipart.MultipartSegment, blob.Blob]]:
        for section in self._events:
            yield section, blob.spool(iter(self._next_chunk, None), or_memory=True)

    def _next_chunk(self) -> bytes | None:
        """Return more of the part's bytes; None at its end, or where all ends."""
        return next(self._events, None)

    def _parse(
        self, raw: blob.Blob, boundary: str
    ) -> Iterator[multipart.MultipartSegment | bytes | None]:
        try:
            with (
                multipart.PushMultipartParser(
                    boundary, max_header_size=1 << 14, max_segment_count=_PARTS_LIMIT
                ) as parser,
                raw.open() as file,
            ):
                while not parser.closed and (chunk := file.read(_CHUNK_BYTES)):
                    yield from parser.parse(chunk)
        except multipart.MultipartError:
            self.whole = False


def _decoded(body: blob.Blob) -> str:
    return body.read_at(0, _TEXT_LIMIT_BYTES).decode("utf-8", "replace")


def _text(body: blob.Blob, media_type: str) -> str:
    """Return what a body says to a person; of a web page, its title."""
    text = _decoded(body)
    if media_type == "text/html" or text.lstrip()[:14].lower().startswith(
        ("<!doctype html", "<html")
    ):
        title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
        text = title[1] if title else re.sub(r"<[^>]*>", " ", text)
        import html  # noqa: PLC0415 - pages are seldom what is answered

        return " ".join(html.unescape(text).split())
    return "" if "\0" in text else text


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


def _ends(picture: blob.Blob, media_type: str) -> bool:
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
