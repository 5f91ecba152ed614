"""An HTTP answer of the service, read by its own Content-Type and believed in nothing.

An answer can be a bare picture, a multipart message (part `job` and any number
of parts `output`), JSON, or text; an error comes in at least three of these
shapes. Whatever it is, all of its bytes are kept on disk first, so that a
picture that was paid for survives an answer that makes no sense.
"""

import re
from collections.abc import Callable
from dataclasses import field, replace

import multipart

from prodia_compose import blob
from prodia_compose.client.answers.records import Hide, JobRecord, job_record, json_value, words
from prodia_compose.frozen import frozen
from prodia_compose.images.formats import kinds

_TEXT_LIMIT_BYTES = 1 << 18
_CHUNK_BYTES = 1 << 16
_PARTS_LIMIT = 256
_TAIL_BYTES = 1 << 16

_SENT = (kinds.JPEG, kinds.PNG, kinds.WEBP, kinds.GIF, kinds.AVIF)
"""What a service may send; other kinds begin as a text might ("BM")."""


@frozen
class Output:
    """One picture of an answer, exactly as received.

    Attributes:
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
        media_type: The answer's own, lower case; empty if it had none.
        outputs: The complete pictures that hold at least a byte, in order.
        job: The job's record; if the answer carried none, one that tells nothing.
        error: The service's own words on what is wrong, at most `WORDS_LIMIT` characters.
        whole: False if its last part, or the end of a picture sent without a length, is missing.
        raw: Every byte of it, in case nothing above is of use.
        remains: The piece most worth keeping when the answer is of no use, such as the picture
            that it broke off in; None if it was empty.
    """

    media_type: str
    outputs: tuple[Output, ...] = ()
    messages: tuple[str, ...] = ()
    job: JobRecord = field(default_factory=JobRecord)
    error: str | None = None
    whole: bool = True
    raw: blob.Blob
    remains: Output | None = None


def read(
    raw: blob.Blob,
    *,
    content_type: str | None,
    framed: bool = True,
    hide: Hide = str,
    clean: Callable[[blob.Blob], blob.Blob] = lambda came: came,
) -> Answer:
    """Take an answer apart, as far as its body came.

    If it is not `framed`, the connection did not tell where the body ends, and a picture is
    looked at for its own end mark. `hide` is applied to every text that is given back, `clean`
    to what remains, but for a picture, which stays as it came.
    """
    media_type, options = multipart.parse_options_header(content_type or "")
    bare = Answer(media_type=hide(media_type), raw=raw)
    if media_type.startswith("multipart/") and options.get("boundary"):
        answer = _read_parts(bare, options["boundary"], hide)
    else:
        answer = _read_body(bare, framed=framed, hide=hide)
    if answer.remains is not None or not raw.size:
        return answer
    rest = Output(blob=clean(raw), media_type=answer.media_type, filename=None)
    return replace(answer, remains=rest)


def _read_body(bare: Answer, *, framed: bool, hide: Hide) -> Answer:
    raw = bare.raw
    shown = _sniffed(raw) or bare.media_type
    if shown.startswith("image/"):
        if not raw.size:
            return bare
        picture = Output(blob=raw, media_type=shown, filename=None)
        if framed or _ends(raw, shown):
            return replace(bare, outputs=(picture,), remains=picture)
        return replace(bare, whole=False, remains=picture)
    value = json_value(raw)
    if isinstance(value, dict):
        record = job_record(value, hide)
        return replace(bare, job=record, error=record.error)
    return replace(bare, error=words(_text(raw, bare.media_type), hide))


def _read_parts(bare: Answer, boundary: str, hide: Hide) -> Answer:
    outputs: list[Output] = []
    messages: list[str] = []
    job: JobRecord | None = None
    partial: Output | None = None
    parts, whole = _parts(bare.raw, boundary)
    for section, body in parts:
        declared = hide(section.content_type or "")
        filename = section.filename and hide(section.filename)
        kind = _sniffed(body) or declared
        if kind.startswith("image/"):
            output = Output(blob=body, media_type=kind, filename=filename)
            if not section.complete:
                partial = output
            elif body.size:
                outputs.append(output)
        elif section.name == "job" and job is None:
            value = json_value(body)
            job = job_record(value, hide) if isinstance(value, dict) else None
        elif declared.startswith("text/") or (filename or "").endswith(".txt"):
            messages.append(hide(_decoded(body)))
    job = job or JobRecord()
    error = job.error
    if error is None and not outputs and messages:
        error = words(messages[0], hide)
    return replace(
        bare,
        outputs=tuple(outputs),
        messages=tuple(messages),
        job=job,
        error=error,
        whole=whole,
        remains=(*outputs, partial)[0],
    )


def _parts(
    raw: blob.Blob, boundary: str
) -> tuple[list[tuple[multipart.MultipartSegment, blob.Growing]], bool]:
    """Return the parts of a multipart body with their bytes, and whether all of it made sense."""
    found: list[tuple[multipart.MultipartSegment, blob.Growing]] = []
    try:
        limits = {"max_header_size": 1 << 14, "max_segment_count": _PARTS_LIMIT}
        with multipart.PushMultipartParser(boundary, **limits) as parser, raw.open() as file:
            while not parser.closed and (chunk := file.read(_CHUNK_BYTES)):
                for event in parser.parse(chunk):
                    if isinstance(event, multipart.MultipartSegment):
                        found.append((event, blob.Growing(or_memory=True)))
                    elif event is not None:
                        found[-1][1].add(event)
    except multipart.MultipartError:
        return found, False
    return found, True


def _decoded(body: blob.Blob) -> str:
    return body.read_at(0, _TEXT_LIMIT_BYTES).decode("utf-8", "replace")


def _text(body: blob.Blob, media_type: str) -> str:
    """Return what a body says to a person; of a web page, its title."""
    text = _decoded(body)
    begins = text.lstrip()[:14].lower()
    if media_type == "text/html" or begins.startswith(("<!doctype html", "<html")):
        title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
        text = title[1] if title else re.sub(r"<[^>]*>", " ", text)
        import html  # noqa: PLC0415 - pages are seldom what is answered

        return " ".join(html.unescape(text).split())
    return "" if "\0" in text else text


def _sniffed(body: blob.Blob) -> str | None:
    """Return the media type that a picture's first bytes show, or None."""
    kind = kinds.by_head(body.read_at(0, 16))
    return kind.media_type if kind in _SENT else None


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
