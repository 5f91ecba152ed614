"""How an answer is read off the wire: its head, its framing, and what came too early."""

import gzip
import random
from collections.abc import Sequence

import loopback
import pytest
from loopback import raw
from submitting import PICTURE, served

from prodia_compose import progress
from prodia_compose.client.answers import codings
from prodia_compose.client.transport.incoming import early_class
from prodia_compose.inputs import blob

HINT = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"


@pytest.mark.parametrize(
    ("early", "expected", "left"),
    [
        (b"", None, b""),
        (b"HTTP/1.1 ", None, b"HTTP/1.1 "),
        (b"HTTP/1.1 4", 4, b"HTTP/1.1 4"),
        (b"\r\n\r\nHTTP/2 2", 2, b"\r\n\r\nHTTP/2 2"),
        (b"HTTP/1.1 503 No\r\n\r\n", 5, b"HTTP/1.1 503 No\r\n\r\n"),
        (HINT[:-1], None, HINT[:-1]),
        (HINT, None, b""),
        (HINT * 3 + b"HTTP/1.1 413", 4, b"HTTP/1.1 413"),
        (b"x" * 14, None, b"x" * 14),
        (b"x" * 15, 0, b"x" * 15),
        (HINT + b"x" * 15, 0, b"x" * 15),
        (HINT[:-2].ljust(1 << 20, b"y"), None, HINT[:-2].ljust(1 << 20, b"y")),
        (HINT[:-2].ljust((1 << 20) + 1, b"y"), 0, HINT[:-2].ljust((1 << 20) + 1, b"y")),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_came_early_is_known_by_its_status(
    early: bytes, expected: int | None, left: bytes
) -> None:
    """Interim answers are cut off; too few bytes are none yet, and others no answer at all."""
    came = bytearray(early)

    assert early_class(came) == expected
    assert bytes(came) == left


def _told(head: bytes, body: bytes = PICTURE) -> tuple[bytes, int | None]:
    """Return what is taken as the body of an answer, and its length as the progress has it."""
    _, outcome = served(raw(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body))
    assert outcome.held is not None
    return outcome.held.raw.read(), outcome.reporter.totals["receive"]


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"Content-Length: 4006", 4006),
        (b"Content-Length: 4006, 4006", 4006),
        (b"Content-Length: 4006\r\nContent-Length: 4006", 4006),
        (b"Content-Length: 4006, 5", None),
        (b"Content-Length: +4006", None),
        (b"Content-Length: 4006.0", None),
        (b"Content-Length: \xb2", None),
        (b"X-Content-Length: 5", None),
        (b"Content-Length: 40\r\n 06", None),
        (b"X: a\r\n Content-Length: 5", None),
    ],
)
def test_a_length_is_believed_if_it_is_one(head: bytes, length: int | None) -> None:
    """Else the connection's end is the body's."""
    assert _told(head) == (PICTURE, length)


@pytest.mark.parametrize(
    "body",
    [
        b"fa6\r\n%b\r\n0\r\n\r\n",
        b"0fa6;x=y\r\n%b\r\n0;z\r\nA: b\r\nC-d: e\r\n\r\n",
        b" FA6\n%b\n0\n\n",
        b"fa6\r\n%b0\r\n\r\n",
        b"%b",
    ],
)
def test_chunks_are_put_together(body: bytes) -> None:
    """However they are written; and where there are none, plain bytes are taken."""
    assert _told(b"Transfer-Encoding: chunked", body % PICTURE) == (PICTURE, None)


def test_small_chunks_are_put_together() -> None:
    """Of one byte, of sixteen, and of all the rest."""
    body = b"1\r\n%b\r\n10\r\n%b\r\nf95\r\n%b\r\n0\r\n\r\n" % (
        PICTURE[:1],
        PICTURE[1:17],
        PICTURE[17:],
    )

    assert _told(b"Transfer-Encoding: chunked", body) == (PICTURE, None)


def test_plain_bytes_called_chunks_keep_to_their_length() -> None:
    """What follows them at once is taken all the same: a picture tells its own end."""
    head = b"Transfer-Encoding: chunked\r\nContent-Length: 4006"

    assert _told(head, PICTURE) == (PICTURE, 4006)


def test_a_chunk_that_breaks_off_leaves_what_came() -> None:
    """As do bytes between chunks that are none."""
    cut = _told(b"Transfer-Encoding: chunked", b"fa6\r\n" + PICTURE[:100])
    odd = _told(
        b"Transfer-Encoding: chunked", b"5\r\n" + PICTURE[:5] + b"\r\n\r\n\r\nodd" + PICTURE
    )
    none = served(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))[1]

    assert cut == (PICTURE[:100], None)
    assert odd == (PICTURE[:5] + b"\r\n\r\n\r\nodd" + PICTURE, None)
    assert "in the middle of the answer (0 bytes came)" in none.failure.message


def test_the_headers_that_are_used_are_shown() -> None:
    """Folded ones in a line, repeated ones joined, names in lower case, others not at all."""
    head = b"VIA: one\r\nVia :two\r\nServer:\r\n\t odd  \r\n thing\r\nX-Other: no\r\n more\r\nDate: now"
    _, outcome = served(raw(b"HTTP/1.1 200 Fine by me \r\n" + head + b"\r\n\r\n" + PICTURE))

    (reply,) = outcome.replies
    assert reply.headers == {"via": "one, two", "server": " odd thing", "date": "now"}
    assert (reply.status, reply.reason, reply.length) == (200, "Fine by me", None)
    shown = [line for line in outcome.reporter.traced if line.startswith("<")]
    assert shown == ["< 200 Fine by me", "< date: now", "< server:  odd thing", "< via: one, two"]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"HTTP/1.1 200", 200),
        (b"HTTP/1.0  299  Odd", 299),
        (b"HTTP/1.1 2000", None),
        (b"HTTP/1.1 99", None),
        (b"HTTP/1.1", None),
        (b"http/1.1 200 OK", None),
    ],
)
def test_a_status_has_three_digits(line: bytes, status: int | None) -> None:
    """What begins with no status line is no answer, and is kept as it came."""
    body = line + b"\r\n\r\n" + PICTURE
    _, outcome = served(raw(body))

    assert [reply.status for reply in outcome.replies] == ([] if status is None else [status])
    assert outcome.held is not None
    assert outcome.held.raw.read() == (PICTURE if status else body)


NOISE = random.Random(7).randbytes(30_000)


@pytest.mark.parametrize(("said", "kept"), [(("gzip",), 20_000), (("gzip", "gzip"), 19_000)])
def test_what_comes_before_the_damage_is_had(said: Sequence[str], kept: int) -> None:
    """Compressed bytes that are damaged give all that they can."""
    packed = NOISE
    for _ in said:
        packed = gzip.compress(packed)
    damaged = packed[:21_000] + bytes(2000) + packed[23_000:]
    for came in (packed[:21_000], damaged):
        body, is_whole, left = codings.undo(blob.spool([came]), said, 1 << 20)

        assert not is_whole
        assert left is None
        assert body.size >= kept
        assert body.read()[:kept] == NOISE[:kept]


@pytest.mark.parametrize("size", [0, 1, 99, 100, 65_536, 65_537, 200_000])
def test_compressed_bytes_come_out_as_they_were(size: int) -> None:
    """Of any size, in one member or two, cut into any pieces, up to the limit."""
    data = (NOISE * 7)[:size]
    for packed in (gzip.compress(data), gzip.compress(data[:50]) + gzip.compress(data[50:])):
        body, is_whole, left = codings.undo(blob.spool([packed]), ("gzip",), 1 << 20)
        assert (body.read(), is_whole, left) == (data, True, None)


def test_a_second_member_may_begin_anywhere() -> None:
    """Its first two bytes, which tell it, may be in two readings."""
    for size in range(65_450, 65_536):
        first = gzip.compress(NOISE[:10] + (NOISE * 3)[:size], 0)
        if 65_533 <= len(first) <= 65_538:
            packed = first + gzip.compress(b"second", mtime=0)
            body, is_whole, left = codings.undo(blob.spool([packed]), ("gzip",), 1 << 20)
            assert body.read().endswith(b"second"), len(first)
            assert (is_whole, left) == (True, None)
            junk = codings.undo(blob.spool([first + b"\x1f"]), ("gzip",), 1 << 20)[0]
            assert junk.size == size + 10


def test_no_more_is_unpacked_than_is_wanted() -> None:
    """What is compressed a thousandfold is not taken for its word."""
    body, is_whole, _ = codings.undo(
        blob.spool([gzip.compress(bytes(9_000_000))]), ("gzip",), 100_000
    )

    assert 100_000 <= body.size <= 100_000 + (1 << 16)
    assert not is_whole


@pytest.mark.parametrize(
    ("said", "data", "expected"),
    [
        (("br",), b"data", (b"data", True, "br")),
        (("gzip", "br"), b"data", (b"data", True, "br")),
        (("br", "gzip"), gzip.compress(b"data", mtime=0), (b"data", True, "br")),
        (("gzip",), b"data", (b"data", True, "gzip")),
        (("gzip",), b"", (b"", True, None)),
        (("deflate",), b"\x78", (b"\x78", True, "deflate")),
        (("deflate",), b"\x78\x9c", (b"\x78\x9c", True, "deflate")),
        (("base64",), b"ZGF0\r\nYQ==\n", (b"data", True, None)),
        (("base64",), b"d*ta", (b"d*ta", True, "base64")),
        (("base64", "gzip"), gzip.compress(b"ZGF0YQ==", mtime=0), (b"data", True, None)),
        ((), b"data", (b"data", True, None)),
    ],
)
def test_codings_are_undone_from_the_last_to_the_first(
    said: tuple[str, ...], data: bytes, expected: tuple[bytes, bool, str | None]
) -> None:
    """As far as they are known; one that was not applied is passed over, and named."""
    body, is_whole, left = codings.undo(blob.spool([data]), said, 1 << 20)

    assert (body.read(), is_whole, left) == expected


def test_a_reporter_that_nobody_hands_in_is_nobody() -> None:
    """What is reported goes nowhere, and all goes on."""
    _, outcome = served(loopback.ok(PICTURE), reporter=progress.Reporter())

    assert outcome.answer.outputs
