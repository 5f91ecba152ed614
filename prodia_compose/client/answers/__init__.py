"""An HTTP answer of the service, read by its own Content-Type and believed in nothing.

An answer can be a bare picture, a multipart message (part `job` and any number
of parts `output`), JSON, or text; an error comes in at least three of these
shapes. Whatever it is, all of its bytes are kept on disk first, so that a
picture that was paid for survives an answer that makes no sense.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import field

import multipart

from prodia_compose import blob, errors
from prodia_compose.client.answers.keeping import ends, keep, sniff
from prodia_compose.client.answers.records import Hide, JobRecord, job_record, json_value, words
from prodia_compose.frozen import frozen

_TEXT_LIMIT_BYTES = 1 << 18
_CHUNK_BYTES = 1 << 16
_PARTS_LIMIT = 256


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

    @property
    def remains(self) -> Output | None:
        """The piece most worth keeping when the answer is of no use; None if it was empty."""
        if self.outputs:
            return self.outputs[0]
        if self.partial is not None:
            return self.partial
        if self.raw.size:
            return Output(blob=self.raw, media_type=self.media_type, filename=None)
        return None


def read(
    *,
    status: int,
    content_type: str | None,
    chunks: Iterable[bytes],
    framed: bool = True,
    hide: Hide = str,
) -> Answer:
    """Read an answer from its body and take it apart.

    Args:
        status: The HTTP status.
        content_type: The value of the answer's `Content-Type`.
        chunks: The body, as far as it came.
        framed: Whether the connection told where the body ends; if not, a
            picture is looked at for its own end mark.
        hide: Applied to every text that is given back.

    Raises:
        errors.Interrupted: With the picture, if that had come whole.
    """
    raw = keep(chunks)
    try:
        return _taken_apart(status, content_type, raw, framed=framed, hide=hide)
    except errors.Interrupted as signal:  # a second one ends the process
        answer = _taken_apart(status, content_type, raw, framed=framed, hide=hide)
        if answer.outputs:
            signal.kept = (answer.outputs[0].blob, answer.outputs[0].media_type)
        raise


def _taken_apart(
    status: int, content_type: str | None, raw: blob.Blob, *, framed: bool, hide: Hide
) -> Answer:
    media_type, options = multipart.parse_options_header(content_type or "")
    if media_type.startswith("multipart/") and options.get("boundary"):
        return _read_parts(status, media_type, raw, options["boundary"], hide)
    shown = sniff(raw.read_at(0, 16)) or media_type
    if shown.startswith("image/"):
        if not raw.size:
            return Answer(status=status, media_type=media_type, raw=raw)
        picture = Output(blob=raw, media_type=shown, filename=None)
        if framed or ends(raw, shown):
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
        declared = section.content_type or ""
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
        media_type=media_type,
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
            yield section, keep(iter(self._next_chunk, None))

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
