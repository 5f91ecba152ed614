"""A multipart body taken apart, by its delimiters alone.

What is legal in MIME (RFC 2046) and not in a form (RFC 7578) is taken as well: blanks behind a
delimiter, bare line feeds, parts without a disposition, text before the first and behind the
last. What a part says of its own length is not believed.
"""

import re
from collections.abc import Iterator
from dataclasses import field

import multipart

from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob

_GUESSED_BYTES = 1 << 16
_HEAD_BYTES = 1 << 17
_BLANKS = 1 << 10
_PARTS_LIMIT = 100

_END_OF_DELIMITER = re.compile(rb"(--)(?:[ \t]*\r?\n)?|[ \t]*(?:\r?\n|\Z)")
_LINE_FEEDS = re.compile(rb"[ \t]*\n[^\r\n]*\n")
_FIELD = re.compile(rb"([!-9;-~\x80-\xff]+)[ \t]*:[ \t]*([^\r\n]*)\r?\n")
_CONTINUED = re.compile(rb"[ \t]+([^\r\n]+)\r?\n")
_NONSENSE = re.compile(rb"[ -~]+\r?\n")
_FIRST_DELIMITER = re.compile(rb"(?:\A|\n)--([^\r\n]{0,199}[^\r\n \t])[ \t]*\r?\n[A-Za-z-]+[ \t]*:")


@frozen
class Section:
    """One part.

    Attributes:
        fields: Its headers, names in lower case.
        body: Its bytes, without the line break that belongs to the delimiter.
        is_closed: Whether a delimiter follows.
    """

    fields: dict[str, str] = field(default_factory=dict)
    body: blob.Blob
    is_closed: bool

    @property
    def kind(self) -> tuple[str, str | None]:
        """Its media type, in lower case, "" if it has none; and the boundary of its own parts."""
        named, options = multipart.parse_options_header(self.fields.get("content-type", ""))
        return str(named), options.get("boundary")

    @property
    def named(self) -> tuple[str | None, str | None]:
        """Its name, and that of its file."""
        _, name, filename = multipart.parse_content_disposition(
            self.fields.get("content-disposition", "")
        )
        return name, filename

    @property
    def codings(self) -> tuple[str, ...]:
        """What was done to its bytes, in this order."""
        done = ("content-encoding", "content-transfer-encoding")
        listed = ",".join(self.fields.get(name, "") for name in done).lower().split(",")
        plain = ("", "identity", "binary", "8bit", "7bit")
        return tuple(one.strip() for one in listed if one.strip() not in plain)


def split(raw: blob.Blob, boundary: str | None) -> tuple[list[Section], bool]:
    """Return the parts of a body, and whether its last delimiter is there.

    What stands before the first delimiter and behind the last is given as parts too: nobody
    needs it, but where a delimiter is damaged, it can be a picture.

    Args:
        raw: The body, or what came of it.
        boundary: What its type calls the boundary; where that is not met, what looks like one
            at the beginning of a line counts.
    """
    declared = (boundary or "").encode("latin-1", "replace")
    for mark in filter(None, (declared, _guess(raw))):
        sections, is_closed = _split(raw, b"--" + mark)
        if sections or is_closed:
            return sections, is_closed
    return [], False


def _guess(raw: blob.Blob) -> bytes | None:
    found = _FIRST_DELIMITER.search(raw.read_at(0, _GUESSED_BYTES))
    return None if found is None else found[1]


def _split(raw: blob.Blob, mark: bytes) -> tuple[list[Section], bool]:
    sections: list[Section] = []
    start, line_break = None, b"\r\n"
    for at in _found(raw, mark):
        before = raw.read_at(max(0, at - 2), min(2, at))
        after = raw.read_at(at + len(mark), _BLANKS)
        end = _END_OF_DELIMITER.match(after)
        if end is None or (at and not before.endswith(b"\n")):
            continue  # these bytes happen to stand in a part
        if start is None:
            line_break = b"\n" if _LINE_FEEDS.match(after) else line_break
        stop = at - len(line_break if before.endswith(line_break) else b"\n")
        if start is not None or stop > 0:
            sections.append(_section(raw, start or 0, max(start or 0, stop), is_closed=True))
        start = at + len(mark) + end.end()
        if end[1]:
            return [*sections, _section(raw, start, raw.size, is_closed=True)], True
        if len(sections) == _PARTS_LIMIT:
            break
    if start is not None:
        sections.append(_section(raw, start, _without_rest(raw, start, mark), is_closed=False))
    return sections, False


def _found(raw: blob.Blob, mark: bytes) -> Iterator[int]:
    """Yield where the bytes of a mark are."""
    window, base = b"", 0
    for piece in raw.pieces():
        window += piece
        at = window.find(mark)
        while at >= 0:
            yield base + at
            at = window.find(mark, at + len(mark))
        kept = min(len(window), len(mark) - 1)
        base += len(window) - kept
        window = window[len(window) - kept :]


def _without_rest(raw: blob.Blob, start: int, mark: bytes) -> int:
    """Return where the last part ends, if the beginning of a delimiter follows it."""
    whole = b"\r\n" + mark + b"--"
    tail = raw.read_at(max(start, raw.size - len(whole)), len(whole))
    for count in range(len(whole), 3, -1):
        if tail.endswith(whole[:count]):
            return raw.size - count
    return raw.size


def _section(raw: blob.Blob, start: int, stop: int, *, is_closed: bool) -> Section:
    head = raw.read_at(start, min(_HEAD_BYTES, stop - start))
    fields: dict[str, str] = {}
    name, at = "", 0
    while True:
        if line := _FIELD.match(head, at):
            name = line[1].decode("latin-1").lower()
            fields[name] = line[2].decode("utf-8", "replace").strip()
        elif name and (line := _CONTINUED.match(head, at)):
            fields[name] += " " + line[1].decode("utf-8", "replace").strip()
        elif not (line := _NONSENSE.match(head, at)):
            break
        at = line.end()
    blank = re.compile(rb"\r?\n").match(head, at)
    at = blank.end() if blank else at
    body = blob.spool(raw.pieces(start + at, stop), or_memory=True)
    return Section(fields=fields, body=body, is_closed=is_closed)
