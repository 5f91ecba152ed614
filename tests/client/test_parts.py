"""A multipart body taken apart: where each part begins and ends, to the byte."""

import pytest

from prodia_compose.client.answers import parts
from prodia_compose.inputs import blob

WORDS = b"words of \xff\r\na part"
TYPED = b"Content-Type: text/plain\r\n\r\n"


def split(body: bytes, boundary: str | None = "BB") -> tuple[list[tuple[bytes, bool]], bool]:
    """Return the bytes of each part and whether a delimiter follows, and whether the last is there."""
    sections, is_closed = parts.split(blob.spool([body]), boundary)
    return [(section.body.read(), section.is_closed) for section in sections], is_closed


@pytest.mark.parametrize(
    ("body", "found", "is_closed"),
    [
        (b"--BB\r\n\r\na\r\n--BB--", [(b"a", True), (b"", True)], True),
        (b"--BB\r\n\r\na\r\n--BB--\r\n", [(b"a", True), (b"", True)], True),
        (b"--BB\r\n\r\na\r\n--BB--end", [(b"a", True), (b"end", True)], True),
        (b"--BB\r\n\r\na\r\n--BB--\r\n\xff\r\n", [(b"a", True), (b"\xff\r\n", True)], True),
        (b"\n--BB\r\n\r\na\r\n--BB--", [(b"a", True), (b"", True)], True),
        (b"\r\n--BB\r\n\r\na\r\n--BB--", [(b"a", True), (b"", True)], True),
        (
            b"before\r\n--BB\r\n\r\na\r\n--BB--",
            [(b"before", True), (b"a", True), (b"", True)],
            True,
        ),
        (b"x\r\n--BB\r\n\r\na\r\n--BB--", [(b"x", True), (b"a", True), (b"", True)], True),
        (b"\xff--BB\r\n\r\na\r\n--BB--", [(b"\xff--BB\r\n\r\na", True), (b"", True)], True),
        (b"--BB\n\na\n--BB--", [(b"a", True), (b"", True)], True),
        (b"--BB\nX: y\n\na\r\n--BB--", [(b"a\r", True), (b"", True)], True),
        (b"--BB\r\n\r\na\n--BB--", [(b"a", True), (b"", True)], True),
        (b"--BB\r\n--BB\r\n\r\na\r\n--BB--", [(b"", True), (b"a", True), (b"", True)], True),
        (b"--BB \t\r\n\r\n \r\n--BB--", [(b" ", True), (b"", True)], True),
        (
            b"--BBx\r\n\r\na\r\n--BB\r\n\r\nb\r\n--BB--",
            [(b"a", True), (b"b", True), (b"", True)],
            True,
        ),
        (
            b"--BB\r\n\r\n\r\n--BBx\r\n--BB-x\r\n--BB--",
            [(b"\r\n--BBx\r\n--BB-x", True), (b"", True)],
            True,
        ),
        (b"--BB\r\n\r\na", [(b"a", False)], False),
        (b"--BB", [(b"", False)], False),
        (b"--BB--", [(b"", True)], True),
        (b"nothing", [], False),
        (b"", [], False),
    ],
)
def test_parts_are_found(body: bytes, found: list[tuple[bytes, bool]], is_closed: bool) -> None:  # noqa: FBT001 - of a row
    """Between delimiters at the beginning of a line; before the first and behind the last there may be some too."""
    assert split(body) == (found, is_closed)


@pytest.mark.parametrize("kept", range(len(b"\r\n--BB--") + 1))
def test_the_beginning_of_a_delimiter_is_no_part_of_a_picture(kept: int) -> None:
    """If it is more than a line break and a dash, which a picture may well end in."""
    rest = b"\r\n--BB--"[:kept]
    found, is_closed = split(b"--BB\r\n\r\n" + WORDS + rest)

    whole = kept in (6, 8)  # as a delimiter looks, or as the last
    assert is_closed is (kept == 8)
    assert found[0] == (WORDS if kept >= 4 else WORDS + rest, whole)


@pytest.mark.parametrize("boundary", [None, "", "CC", "\u56fe"])
def test_a_boundary_that_is_not_told_is_guessed(boundary: str | None) -> None:
    """From what looks like one at the beginning of a line, if a header follows."""
    body = b"--B B\r\n" + TYPED + WORDS + b"\r\n--B B--"

    assert split(body, boundary) == ([(WORDS, True), (b"", True)], True)
    assert split(b"intro\n" + body, boundary)[0] == [(b"intro", True), (WORDS, True), (b"", True)]
    assert split(b"--B B\r\n" + WORDS, boundary) == ([], False)
    assert split(b"x" + body, boundary) == ([], False)


@pytest.mark.parametrize("count", [99, 100, 130])
def test_a_hundred_parts_are_taken(count: int) -> None:
    """More are no answer of any use; what is left of them is one."""
    found, _ = split(b"".join(b"--BB\r\n\r\n%d\r\n" % n for n in range(count)) + b"--BB--")

    assert len(found) == min(count, 100) + 1
    assert [data for data, _ in found[:99]] == [b"%d" % n for n in range(99)]


def fields(head: bytes) -> tuple[dict[str, str], bytes]:
    """Return the headers of a part, and its bytes."""
    ((section, *_), _) = parts.split(blob.spool([b"--BB\r\n" + head + b"\r\n--BB--"]), "BB")
    return section.fields, section.body.read()


@pytest.mark.parametrize(
    ("head", "expected", "body"),
    [
        (b"A: b\r\nC :d \r\n\r\nx", {"a": "b", "c": "d"}, b"x"),
        (b"A: b\r\n\tc\r\n  d \r\nE: f\r\n\r\nx", {"a": "b c d", "e": "f"}, b"x"),
        (b"A:\r\n\r\nx", {"a": ""}, b"x"),
        (b"A: b\r\nA: c\r\n\r\nx", {"a": "c"}, b"x"),
        (b"A: b\n\nx", {"a": "b"}, b"x"),
        (b"nonsense\r\nA: b\r\n\r\nx", {"a": "b"}, b"x"),
        (b"A: b\r\n\r\n\r\nx", {"a": "b"}, b"\r\nx"),
        (b"A: b\r\n\xff\xd8", {"a": "b"}, b"\xff\xd8"),
        (b"\xc3\xa9: \xc3\xa9\xff\r\n\r\nx", {"\u00c3\u00a9".lower(): "\u00e9\ufffd"}, b"x"),
        (b" c\r\n\r\nx", {}, b"x"),
        (b"\r\nA: b\r\n\r\nx", {}, b"A: b\r\n\r\nx"),
        (b"\r\n", {}, b""),
        (b"", {}, b""),
    ],
)
def test_the_headers_of_a_part_are_read(head: bytes, expected: dict[str, str], body: bytes) -> None:
    """Up to the first blank line, or what can be none of them."""
    assert fields(head) == (expected, body)


@pytest.mark.parametrize(
    ("head", "kind", "named", "codings"),
    [
        (b"", ("", None), (None, None), ()),
        (b"Content-Type: Image/JPEG; x=y", ("image/jpeg", None), (None, None), ()),
        (
            b'Content-Type: multipart/mixed; boundary="C C"',
            ("multipart/mixed", "C C"),
            (None, None),
            (),
        ),
        (b"Content-Disposition: form-data; name=a; filename=b.c", ("", None), ("a", "b.c"), ()),
        (b"Content-Encoding: GZIP, identity , br", ("", None), (None, None), ("gzip", "br")),
        (
            b"Content-Transfer-Encoding: base64\r\nContent-Encoding: gzip",
            *(("", None), (None, None), ("gzip", "base64")),
        ),
        (b"Content-Transfer-Encoding: 8BIT", ("", None), (None, None), ()),
    ],
)
def test_what_a_part_says_of_itself_is_known(
    head: bytes,
    kind: tuple[str, str | None],
    named: tuple[str | None, str | None],
    codings: tuple[str, ...],
) -> None:
    """Its type and the boundary inside, its names, and what was done to its bytes."""
    ((section, *_), _) = parts.split(
        blob.spool([b"--BB\r\n" + head + b"\r\n\r\nx\r\n--BB--"]), "BB"
    )

    assert (section.kind, section.named, section.codings) == (kind, named, codings)
