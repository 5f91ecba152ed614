"""An HTTP answer of the service, read by its own Content-Type and believed in nothing.

An answer can be a bare picture, a multipart message (part `job` and any number
of parts `output`), JSON, or text; an error comes in at least three of these
shapes. Whatever it is, all of its bytes are kept on disk first, so that a
picture that was paid for survives an answer that makes no sense.
"""

import re
from collections.abc import Sequence
from dataclasses import field, replace

import multipart

from prodia_compose.client.answers import codings as undoing
from prodia_compose.client.answers import parts
from prodia_compose.client.answers.records import Hide, JobRecord, job_record, json_value, words
from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob, kinds

_TEXT_LIMIT_BYTES = 1 << 18
_UNPACKED_BYTES = 1 << 29
_NESTED_LIMIT = 4
_HEAD_BYTES = 16
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
        ended: Whether nothing suggests that more belongs to it than was announced: it has its
            own end, or is a text.
        raw: Every byte of it, in case nothing above is of use.
        salvaged: What else is worth keeping if the answer is of no use: pictures that it broke
            off in, and all of its bytes; empty if it is of use or has no byte.
    """

    media_type: str
    outputs: tuple[Output, ...] = ()
    messages: tuple[str, ...] = ()
    job: JobRecord = field(default_factory=JobRecord)
    error: str | None = None
    whole: bool = True
    ended: bool = True
    raw: blob.Blob
    salvaged: tuple[Output, ...] = ()


def read(
    raw: blob.Blob,
    *,
    content_type: str | None,
    codings: Sequence[str] = (),
    framed: bool = True,
    broken: bool = False,
    hide: Hide = str,
) -> Answer:
    """Take an answer apart, as far as its body came.

    Args:
        raw: The body.
        content_type: What the answer calls it.
        codings: What the answer says was done to the body, in this order.
        framed: Whether the connection told where the body ends, and it came to there; if not, a
            picture is looked at for its own end mark.
        broken: Whether the connection broke off in it, so that it cannot be whole.
        hide: Applied to every text that is given back.
    """
    media_type, options = multipart.parse_options_header(content_type or "")
    body, is_end, left = plain(raw, codings, _UNPACKED_BYTES)
    bare = Answer(media_type=hide(media_type), raw=raw)
    framed = framed and is_end and not broken
    sections, is_closed = _sections(body, options.get("boundary"))
    is_parted = bool(sections) or is_closed
    if is_parted:
        answer = _read_parts(bare, sections, hide, is_whole=is_closed or framed)
    else:
        answer = _read_body(bare, body, framed=framed, hide=hide)
    outputs, error, whole = answer.outputs, answer.error, answer.whole
    if not is_parted:
        if media_type.startswith("multipart/"):
            whole = whole and (framed or bool(outputs))
        if left is not None and _sniffed(body) is None and (outputs or not error):
            outputs, error = (), hide(f"its compression ({left}) cannot be undone")
    whole = whole and (is_closed or (not broken and (is_end or bool(outputs))))
    has_end = all(_ends(one.blob, one.media_type) for one in outputs)
    is_text = media_type.startswith("text/") and not _is_binary(body)
    is_known = bool(outputs) or is_text or json_value(body) is not None
    ended = is_closed or (whole and is_known and has_end and not sections and bool(raw.size))
    answer = replace(answer, outputs=outputs, error=error, whole=whole, ended=ended)
    return answer if whole and outputs else _with_rest(answer)


def plain(
    raw: blob.Blob, codings: Sequence[str], limit_bytes: int
) -> tuple[blob.Blob, bool, str | None]:
    """Return a body as `codings.undo` does; a picture as it is, whatever was said of it."""
    if not codings or kinds.by_head(raw.read_at(0, _HEAD_BYTES)) is not None:
        return raw, True, None
    return undoing.undo(raw, codings, limit_bytes)


def unread(raw: blob.Blob) -> Answer:
    """Return an answer of which nothing can be said but that these bytes came."""
    return _with_rest(Answer(media_type="", raw=raw, whole=False))


def _with_rest(answer: Answer) -> Answer:
    """Return an answer with all of its bytes among what remains, unless they do already."""
    raw, found = answer.raw, (*answer.outputs, *answer.salvaged)
    if not raw.size or any(one.blob is raw for one in found):
        return answer
    # Of a type that promises a picture the bytes are none as they are.
    media_type = "" if answer.media_type.startswith("image/") else answer.media_type
    rest = Output(blob=raw, media_type=media_type, filename=None)
    return replace(answer, salvaged=(*answer.salvaged, rest))


def _read_body(bare: Answer, body: blob.Blob, *, framed: bool, hide: Hide) -> Answer:
    shown = _sniffed(body) or bare.media_type
    if shown.startswith("image/"):
        if not body.size:
            return bare
        picture = Output(blob=body, media_type=shown, filename=None)
        if framed or _ends(body, shown):
            return replace(bare, outputs=(picture,))
        return replace(bare, whole=False, salvaged=(picture,))
    value = json_value(body)
    if isinstance(value, dict):
        record = job_record(value, hide)
        return replace(bare, job=record, error=record.error)
    return replace(bare, error=words(_text(body, bare.media_type), hide))


def _sections(
    body: blob.Blob, boundary: str | None, depth: int = 0
) -> tuple[list[parts.Section], bool]:
    """Return the parts of a body, and whether it has its end; of a part with parts, those."""
    if _sniffed(body) is not None:
        return [], False
    leaves: list[parts.Section] = []
    sections, is_closed = parts.split(body, boundary)
    for section in sections:
        inner: list[parts.Section] = []
        media_type, boundary_inside = section.kind
        if media_type.startswith("multipart/") and depth < _NESTED_LIMIT:
            inner, _ = _sections(section.body, boundary_inside, depth + 1)
        leaves += inner or [section]
    return leaves, is_closed


def _read_parts(
    bare: Answer, sections: Sequence[parts.Section], hide: Hide, *, is_whole: bool
) -> Answer:
    outputs: list[Output] = []
    broken: list[Output] = []
    messages: list[str] = []
    job: JobRecord | None = None
    for section in sections:
        body, is_end, _ = undoing.undo(section.body, section.codings, _UNPACKED_BYTES)
        declared, (name, filename) = hide(section.kind[0]), section.named
        filename = filename and hide(filename)
        kind = _sniffed(body) or declared
        if kind.startswith("image/") or _is_binary(body):
            output = Output(blob=body, media_type=kind, filename=filename)
            if (section.is_closed and is_end) or (is_whole and _ends(body, kind)):
                outputs += [output] if body.size else []
            else:
                broken.append(output)
        elif job is None and name in (None, "job") and (value := json_value(body)) is not None:
            job = job_record(value, hide) if isinstance(value, dict) else None
        elif declared.startswith("text/") or (filename or "").endswith(".txt"):
            messages.append(hide(_decoded(body)))
    job = job or JobRecord()
    error = job.error
    if error is None and not outputs and messages:
        error = words(messages[0], hide)
    is_closed = bool(sections) and sections[-1].is_closed
    return replace(
        bare,
        outputs=tuple(outputs),
        messages=tuple(messages),
        job=job,
        error=error,
        whole=not broken and is_whole and (is_closed or bool(outputs)),
        salvaged=tuple(output for output in broken if output.blob.size),
    )


def _decoded(body: blob.Blob) -> str:
    return body.read_at(0, _TEXT_LIMIT_BYTES).decode("utf-8", "replace")


def _is_binary(body: blob.Blob) -> bool:
    """Tell whether bytes are no text, by the first of them; what only fills room aside."""
    begins = body.read_at(0, _TEXT_LIMIT_BYTES).strip(b"\0 \t\r\n")
    return re.search(rb"[\x00-\x08\x0e-\x1a]", begins) is not None


def _text(body: blob.Blob, media_type: str) -> str:
    """Return what a body says to a person; of a web page, its title."""
    text = _decoded(body)
    begins = text.lstrip()[:14].lower()
    if media_type == "text/html" or begins.startswith(("<!doctype html", "<html")):
        title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
        text = title[1] if title else re.sub(r"<[^>]*>", " ", text)
        import html  # noqa: PLC0415 - pages are seldom what is answered

        return " ".join(html.unescape(text).split())
    return "" if _is_binary(body) else text


def _sniffed(body: blob.Blob) -> str | None:
    """Return the media type that a picture's first bytes show, or None."""
    kind = kinds.by_head(body.read_at(0, _HEAD_BYTES))
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
