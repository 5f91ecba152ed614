"""The fault matrix: each thing that can go wrong on the wire, and what must come of it.

A row is a script for the server and what the user must be told.
"""

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import loopback
from loopback import busy, cut, drop, early, json_answer, multipart_ok, ok, raw, redirect, text
from submitting import LARGE, PICTURE, SMALL, TOKEN

from prodia_compose import errors

ECHO = f"sorry, {TOKEN}"
"""Words of a service that repeats the token it was sent."""

BIG = PICTURE[:-2] + b"more" * 20_000 + PICTURE[-2:]
"""A picture that does not fit into one read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row.

    Attributes:
        script: What the server does, connection by connection.
        error: The class that must be raised; None if the job must work out.
        submissions: How many complete POSTs the server must have seen.
        words: What the message must say, each of them.
        billed: Whether the error must say that the job may be billed.
        keeps: Whether bytes must be left for keeping.
        size: Of the input, in bytes.
        limits: Of the service's patience, other than usual.
    """

    script: tuple[loopback.Answer, ...]
    error: type[errors.ComposeError] | None
    submissions: int
    words: tuple[str, ...] = ()
    billed: bool = False
    keeps: bool = False
    size: int = SMALL
    limits: Mapping[str, float] = field(default_factory=dict)


def worked(*script: loopback.Answer, submissions: int = 1, size: int = SMALL) -> Fault:
    """Return a row that must end well."""
    return Fault(script, None, submissions, size=size)


def rejected(
    script: loopback.Answer, *words: str, submissions: int = 1, size: int = SMALL
) -> Fault:
    """Return a row that must end as rejected: it did not run."""
    return Fault((script,), errors.RejectedError, submissions, words, size=size)


def failed(script: loopback.Answer, *words: str) -> Fault:
    """Return a row that must end as a job that ran and failed."""
    words = ("the job failed", *words)
    return Fault((script,), errors.RejectedError, 1, words, billed=True, keeps=True)


def refused(script: loopback.Answer, *words: str, submissions: int = 1, size: int = SMALL) -> Fault:
    """Return a row that must end as a refused token."""
    words = ("refused the token", "PRODIA_TOKEN", *words)
    return Fault((script,), errors.AuthError, submissions, words, size=size)


def undelivered(script: loopback.Answer, *words: str, **limits: float) -> Fault:
    """Return a row whose upload must break off before its last byte."""
    words = ("the job did not run", *words)
    return Fault((script,), errors.NotDeliveredError, 0, words, size=LARGE, limits=limits)


def unknown(script: loopback.Answer, *words: str, keeps: bool = False, **limits: float) -> Fault:
    """Return a row that must end with everything sent and nothing settled."""
    words = ("it may have run and may be billed", "https://app.prodia.com/api", *words)
    return Fault((script,), errors.UnknownError, 1, words, billed=True, keeps=keeps, limits=limits)


def too_busy(
    script: loopback.Answer, *words: str, submissions: int = 1, max_wait_s: float = 120
) -> Fault:
    """Return a row whose service must stay busy beyond the patience."""
    words = ("the service is busy", "the job did not run", "--max-wait", *words)
    limits = {"max_wait_s": max_wait_s}
    return Fault((script,), errors.BusyError, submissions, words, limits=limits)


def raw_ok(head: bytes, body: bytes = PICTURE) -> loopback.Answer:
    """Answer 200 with these header lines and this body, then close."""
    return raw(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)


HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
TYPED = b"Content-Type: image/jpeg"


def coded(coding: str, body: bytes, *, shown: bool = True) -> loopback.Answer:
    """Answer 200 with a picture that is said to be coded, with a length or up to the close."""
    length = f"\r\nContent-Length: {len(body)}" if shown else ""
    return raw_ok(TYPED + f"\r\nContent-Encoding: {coding}{length}".encode(), body)


def bare_deflate(data: bytes) -> bytes:
    """Return data compressed without any wrapping."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PAST = "Wed, 21 Oct 2015 07:28:00 GMT"
SOON = {
    "zero": "0", "decimal": "1.5", "negative": "-5", "words": "soon", "empty": "", "not-a-number": "nan", "past": PAST,
}  # fmt: skip
READABLE = {"zero"}
FAR = "Wed, 21 Oct 2099 07:28:00 GMT"

OK = ok(PICTURE).head() + PICTURE

EARLY: dict[str, Fault] = {
    "early-413-then-close": rejected(early(text(ECHO, 413)), "413", "sorry, ***", submissions=0, size=LARGE),
    "early-413-then-drain": rejected(early(text("too big", 413), then="drain"), "too big", submissions=0, size=LARGE),
    "early-413-then-hold": rejected(early(text("too big", 413), then="hold"), "too big", submissions=0, size=LARGE),
    "early-400-at-the-first-byte": rejected(early(text("no", 400), read=0), "no", submissions=0, size=LARGE),
    "early-400-near-the-end": rejected(early(text("no", 400), read=LARGE - 5_000_000), "no", submissions=0, size=LARGE),
    "early-401": refused(early(text(ECHO, 401)), "sorry, ***", submissions=0, size=LARGE),
    "early-403": refused(early(loopback.status(403)), "403", submissions=0, size=LARGE),
    "early-redirect": rejected(early(redirect(307, "https://other.test/")), "other.test", submissions=0, size=LARGE),
    "early-408": undelivered(early(loopback.status(408)), "408"),
    "early-500": undelivered(early(text("oops", 500)), "500", "oops"),
    "early-503": undelivered(early(loopback.status(503)), "503"),
    "early-429-then-ok": worked(early(busy("1")), ok(PICTURE), submissions=1, size=LARGE),
    "early-503-with-retry-after-then-ok": worked(early(busy("1", 503)), ok(PICTURE), submissions=1, size=LARGE),
    "early-413-in-a-trickle": rejected(
        loopback.trickle(early(text("too big", 413), then="hold"), 0.001), "too big", submissions=0, size=LARGE
    ),
    "early-hints-then-413-then-hold": rejected(
        early(raw(HINTS + b"HTTP/1.1 413 Too Large\r\nContent-Length: 7\r\n\r\ntoo big"), then="hold"),
        "too big", submissions=0, size=LARGE,
    ),
    "early-hints-then-ok": worked(early(raw(HINTS * 2 + OK), then="drain"), size=LARGE),
    "early-ok": worked(early(ok(PICTURE), then="drain"), size=LARGE),
    "early-half-a-status-line": undelivered(early(raw(b"HTTP/1.1 4"))),
    "100-continue-unasked": worked(
        early(raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xd8\xff\xe0"), then="drain"),
        size=LARGE,
    ),
}  # fmt: skip

BROKEN: dict[str, Fault] = {
    "dropped-before-the-request": undelivered(drop("before")),
    "reset-before-the-request": undelivered(drop("before", reset=True)),
    "dropped-within-the-body": undelivered(drop("within")),
    "reset-within-the-body": undelivered(drop("within", reset=True)),
    "reading-stalls": undelivered(loopback.silent(read=1 << 16), "nothing could be sent for 0.3 s", stall_timeout_s=0.3),
    "dropped-after-the-body": unknown(drop("after"), "closed without an answer"),
    "reset-after-the-body": unknown(drop("after", reset=True), "the connection was"),
    "dropped-in-the-head": unknown(drop("head"), "200"),
    "never-answered": unknown(loopback.silent(), "no complete answer came within 0.3 s", timeout_s=0.3),
    "head-in-a-trickle": unknown(loopback.trickle(ok(PICTURE)), "within 0.3 s", timeout_s=0.3),
    "body-in-a-trickle": unknown(
        loopback.trickle(raw_ok(b"Content-Length: 4000", b"\xff\xd8\xff" + b"x" * 3000), 0.001),
        "within 0.5 s", keeps=True, timeout_s=0.5,
    ),
    "cut-by-length": unknown(cut(ok(BIG), "length"), "in the middle of the answer", keeps=True),
    "cut-in-chunks": unknown(cut(ok(BIG), "chunked"), "in the middle of the answer", keeps=True),
    "cut-by-closing": unknown(cut(ok(BIG), "close"), "cut short", keeps=True),
    "cut-before-the-body-by-length": unknown(cut(ok(PICTURE), "length", 0)),
    "cut-before-the-body-in-chunks": unknown(cut(ok(PICTURE), "chunked", 0)),
    "cut-before-the-body-by-closing": unknown(cut(ok(PICTURE), "close", 0), "the answer is empty"),
    "parts-cut-by-length": unknown(cut(multipart_ok(BIG), "length"), "in the middle", keeps=True),
    "parts-cut-in-chunks": unknown(cut(multipart_ok(BIG), "chunked"), "in the middle", keeps=True),
    "parts-cut-by-closing": unknown(cut(multipart_ok(BIG), "close"), "cut short", keeps=True),
    "parts-without-their-end": unknown(
        cut(multipart_ok(BIG), "close", len(multipart_ok(BIG).body) - 6), "cut short", keeps=True
    ),
    "bad-chunk-size": unknown(
        raw_ok(b"Transfer-Encoding: chunked", b"3\r\nabc\r\nzz\r\nabc\r\n"), "chunks are damaged", keeps=True
    ),
    "not-http": unknown(raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "not an HTTP answer", keeps=True),
    "picture-without-a-head": unknown(raw(PICTURE), "not an HTTP answer", keeps=True),
    "head-without-end": unknown(raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000), "the answer is empty"),
    "head-beyond-all-bounds": unknown(
        raw_ok(b"X-Long: " + b"y" * 100_000 + b"\r\nX-Short: 1" * 700_000), "not an HTTP answer", keeps=True
    ),
    "damaged-gzip": unknown(
        raw_ok(b"Content-Encoding: gzip\r\nContent-Type: image/jpeg\r\nContent-Length: 8", b"notagzip"),
        "its compression (gzip) cannot be undone", keeps=True,
    ),
    "early-hints-only": unknown(raw(HINTS), "closed without an answer"),
}  # fmt: skip

CONTENT: dict[str, Fault] = {
    "picture-by-length": worked(ok(PICTURE)),
    "picture-in-chunks": worked(cut(ok(PICTURE), "chunked", len(PICTURE))),
    "picture-by-closing": worked(cut(ok(PICTURE), "close", len(PICTURE))),
    "parts": worked(multipart_ok(PICTURE, PICTURE, message=ECHO)),
    "parts-by-closing": worked(cut(multipart_ok(PICTURE), "close", 1 << 20)),
    "picture-without-a-type": worked(raw_ok(b"Content-Length: 4006")),
    "picture-called-html": worked(ok(PICTURE, "text/html")),
    "html": unknown(text(f"<title>{ECHO}</title>", media_type="text/html"), "sorry, ***", "text/html", keeps=True),
    "text": unknown(text(ECHO), "sorry, ***", "text/plain", keeps=True),
    "json-completed": unknown(json_answer(loopback.job_record()), "no picture", keeps=True),
    "json-failed": failed(json_answer({"id": "j-1", "state": {"current": "failed"}, "error": ECHO}), "sorry, ***"),
    "parts-only-a-record": unknown(multipart_ok(), "no picture", keeps=True),
    "parts-failed": failed(multipart_ok(job=loopback.job_record(state={"current": "failed"}, error="no face"))),
    "parts-failed-with-a-picture": failed(
        multipart_ok(PICTURE, job=loopback.job_record(state={"current": "failed"}, error="half"))
    ),
    "parts-with-an-empty-output": unknown(multipart_ok(b""), "no picture", keeps=True),
    "parts-with-another-boundary": unknown(
        raw_ok(b"Content-Type: multipart/form-data; boundary=other\r\nContent-Length: 4", b"abcd"), "no picture", keeps=True
    ),
    "empty": unknown(loopback.status(200), "the answer is empty"),
    "201-empty": unknown(loopback.status(201), "201"),
    "204": unknown(loopback.status(204), "204", "the answer is empty"),
    "octets": unknown(ok(b"\0\1\2" * 50, "application/octet-stream"), "no picture", keeps=True),
}  # fmt: skip

ODD: dict[str, Fault] = {
    **{
        f"{status}-first": worked(raw(f"HTTP/1.1 {status} Odd\r\nX: y\r\n\r\n".encode() + OK))
        for status in (100, 101, 102, 103, 199)
    },
    "many-hints-first": worked(raw(HINTS * 500 + b"HTTP/1.1 102 P\r\n\r\n" + OK)),
    "hints-in-a-trickle": worked(loopback.trickle(raw(HINTS + b"HTTP/1.1 200 OK\r\n\r\n\xff\xd8\xff\xd9"), 0.001)),
    "hints-then-400": rejected(raw(HINTS + b"HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\nno"), "400 No: no"),
    "hints-then-nothing": unknown(raw(HINTS * 2), "closed without an answer"),
    "120-headers": worked(raw_ok(b"\r\n".join(b"X-%d: v" % n for n in range(120)))),
    "5000-headers": worked(raw_ok(b"\r\n".join([b"X-%d: v" % n for n in range(5000)] + [b"Content-Length: 4006"]))),
    "5000-of-one-header": worked(raw_ok(b"Set-Cookie: a=b; c\r\n" * 5000 + TYPED)),
    "header-of-70-kb": worked(raw_ok(b"X-Long: " + b"y" * 70_000 + b"\r\nContent-Length: 4006")),
    "header-of-a-megabyte": worked(raw_ok(TYPED + b"\r\nX-Long: " + b"y" * 1_000_000)),
    "type-of-70-kb": worked(raw_ok(b"Content-Type: image/jpeg; x=" + b"; " * 35_000)),
    "reason-of-70-kb": worked(raw(b"HTTP/1.1 200 " + b"OK" * 35_000 + b"\r\n\r\n" + PICTURE)),
    "header-without-a-colon": worked(raw_ok(b"nonsense\r\nContent-Length: 4006")),
    "header-of-odd-bytes": worked(raw_ok(b"\xff\x80: \xfe\0\r\n: \r\nContent-Length: 4006")),
    "blank-line-missing-behind-the-head": worked(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4006\r\n" + PICTURE)),
    "header-folded": worked(raw_ok(b"X: a\r\n b\r\nContent-Type:\r\n\timage/jpeg")),
    "blank-before-a-colon": worked(raw_ok(b"Content-Length : 4006\r\nCONTENT-TYPE:image/jpeg")),
    "line-feeds-only": worked(raw(b"HTTP/1.1 200 OK\nContent-Length: 4006\n\n" + PICTURE)),
    "no-reason": worked(raw(b"HTTP/1.1 200\r\n\r\n" + PICTURE)),
    "blank-lines-first": worked(raw(b"\r\n\r\n" + OK)),
    "http-1.0": worked(raw(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n" + PICTURE)),
    "http-2": worked(raw(b"HTTP/2 200 \r\ncontent-length: 4006\r\n\r\n" + PICTURE)),
    **{
        f"length-{name}": worked(raw_ok(b"Content-Length: " + shown))
        for name, shown in {
            "twice": b"4006, 4006", "conflicting": b"5, 6", "repeated": b"5\r\nContent-Length: 6", "words": b"many",
            "negative": b"-1", "empty": b"", "absurd": b"9" * 5000, "zero": b"0", "too-small": b"7",
            "of-16-digits": b"9" * 16,
        }.items()
    },
    "length-too-small-and-kept-open": worked(
        loopback.early(raw_ok(b"Content-Length: 7"), read=SMALL + 334, then="hold")
    ),
    "length-too-large": unknown(raw_ok(b"Content-Length: 5000"), "in the middle", keeps=True),
    "length-of-15-digits": unknown(raw_ok(b"Content-Length: " + b"9" * 15), "in the middle", keeps=True),
    "204-with-a-picture": worked(raw(b"HTTP/1.1 204 No Content\r\n\r\n" + PICTURE)),
    "chunked-that-is-not": worked(raw_ok(b"Transfer-Encoding: chunked\r\nContent-Length: 4006")),
    "chunks-with-extensions": worked(
        raw_ok(b"Transfer-Encoding: CHUNKED", b"FA6 ; a=b\r\n" + PICTURE + b"\r\n000;x\r\nTrailer: 1\r\n\r\n")
    ),
    "chunk-said-to-be-smaller": unknown(
        raw_ok(b"Transfer-Encoding: chunked", b"00a\r\n" + PICTURE + b"\r\n0\r\n\r\n"), "chunks are damaged", keeps=True
    ),
    "chunk-said-to-be-the-last": worked(
        raw_ok(b"Transfer-Encoding: chunked", b"00\r\n" + PICTURE)
    ),
    "chunks-with-line-feeds": worked(raw_ok(b"Transfer-Encoding: chunked", b"fa6\n" + PICTURE + b"\n0\n\n")),
    "chunks-of-gzip": worked(
        raw_ok(b"Transfer-Encoding: gzip, chunked", b"1000\r\n" + gzip.compress(PICTURE).ljust(4096, b"!") + b"\r\n0\r\n\r\n")
    ),
    **{f"{coding}-that-is-not": worked(coded(coding, PICTURE)) for coding in ("gzip", "deflate", "br", "zstd", "gzip, br", "x-odd")},
    "gzip": worked(coded("GZIP", gzip.compress(PICTURE))),
    "gzip-by-closing": worked(coded("x-gzip", gzip.compress(PICTURE), shown=False)),
    "gzip-twice": worked(coded("gzip, gzip", gzip.compress(gzip.compress(PICTURE)))),
    "gzip-twice-told-once-done": worked(coded("gzip, gzip", gzip.compress(PICTURE))),
    "gzip-in-two-members": worked(coded("gzip", gzip.compress(PICTURE[:999]) + gzip.compress(PICTURE[999:]))),
    "gzip-with-junk-behind": worked(coded("gzip", gzip.compress(PICTURE) + b"junk" * 99)),
    "gzip-with-a-wrong-checksum": worked(coded("gzip", gzip.compress(PICTURE)[:-8] + b"12345678")),
    "gzip-without-its-checksum": worked(coded("gzip", gzip.compress(PICTURE)[:-8])),
    "gzip-cut": unknown(coded("gzip", gzip.compress(BIG)[:-200]), "cut short", keeps=True),
    "gzip-damaged": unknown(coded("gzip", gzip.compress(BIG)[:-200] + b"\xff" * 200), "cut short", keeps=True),
    "deflate": worked(coded("deflate", zlib.compress(PICTURE))),
    "deflate-bare": worked(coded("deflate", bare_deflate(PICTURE))),
    "deflate-then-gzip": worked(coded("deflate,gzip", gzip.compress(zlib.compress(PICTURE)))),
    "brotli": unknown(coded("br", b"\x8b\x02\x80" * 99), "its compression (br) cannot be undone", keeps=True),
    "parts-in-gzip": worked(
        raw_ok(
            f"Content-Type: multipart/form-data; boundary={loopback.BOUNDARY}\r\nContent-Encoding: gzip".encode(),
            gzip.compress(multipart_ok(PICTURE).body),
        )
    ),
    "500-with-a-picture": unknown(replace(ok(PICTURE), status=500), "500", keeps=True),
}  # fmt: skip

STATUSES: dict[str, Fault] = {
    **{f"{code}": rejected(loopback.status(code), f"{code}") for code in (300, 304, 405, 409, 415)},
    **{f"{code}": unknown(loopback.status(code), f"{code}") for code in (408, 501, 503, 504, 599)},
    "301": rejected(redirect(301, f"https://other.test/x?{TOKEN}"), "301", "other.test"),
    "302": rejected(redirect(302, "//other.test/"), "other.test", "PRODIA_BASE_URL"),
    "303": rejected(redirect(303, "/elsewhere"), "303"),
    "307": rejected(redirect(307, "https://user:pw@other.test:8443/"), "to other.test,"),
    "308": rejected(redirect(308, "https://other.test"), "other.test"),
    "302-to-nowhere": rejected(redirect(302, None), "does not name"),
    "302-to-nonsense": rejected(redirect(302, "http://[oops"), "302"),
    "400-text": rejected(text(ECHO, 400), "400 Bad Request", "sorry, ***"),
    "400-json": rejected(json_answer({"error": "config: too many images"}, 400), "config: too many images"),
    "400-parts": rejected(
        multipart_ok(job={"id": "j", "error": "filename 'X' not found in request"}, status=400),
        "filename 'X' not found in request",
    ),
    "400-cut": rejected(cut(text("half of this", 400), "length"), "400 Bad Request: half o"),
    "400-endless": Fault(
        script=(loopback.trickle(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"why " * 1000), 0.0005),),
        error=errors.RejectedError, submissions=1, words=("why",), limits={"timeout_s": 0.3},
    ),
    "401": refused(text("token is invalid", 401), "401", "token is invalid"),
    "403": refused(json_answer({"error": ECHO}, 403), "403", "sorry, ***"),
    "402": Fault(
        script=(json_answer({"error": "insufficient funds"}, 402),), error=errors.BalanceError, submissions=1,
        words=("the balance of your account", "insufficient funds", "app.prodia.com", "the job did not run"),
    ),
    "404": rejected(loopback.status(404), "404", "the job type, or this version of the API", "PRODIA_BASE_URL"),
    "413": rejected(json_answer({"error": "over 9MP"}, 413), "over 9MP", "--max-side"),
    "422": rejected(json_answer({"detail": "steps: maximum: got 1,000"}, 422), "steps: maximum: got 1,000"),
    "451": rejected(text("a\x1b[31mred", 451), "a\x1b[31mred"),
    "500": unknown(text(ECHO, 500), "500", "sorry, ***"),
    "502": unknown(text("<html><title>502 Bad Gateway</title>", 502, "text/html"), "502 Bad Gateway"),
}  # fmt: skip

BUSY: dict[str, Fault] = {
    **{
        f"retry-after-{name}": worked(busy(value), ok(PICTURE), submissions=2)
        for name, value in SOON.items()
    },
    "429-then-ok": worked(busy("1"), busy("1"), ok(PICTURE), submissions=3),
    "503-with-retry-after-then-ok": worked(busy("2", 503), ok(PICTURE), submissions=2),
    "429-without-retry-after": worked(busy(None), ok(PICTURE), submissions=2),
    **{
        f"503-retry-after-{name}": worked(busy(value, 503), ok(PICTURE), submissions=2)
        if name in READABLE
        else unknown(busy(value, 503), "503", "no capacity")
        for name, value in SOON.items()
    },
    "retry-after-beyond-patience": too_busy(busy("600"), "600 s", "waited 0 s", "at 20"),
    "retry-after-far-date": too_busy(busy(FAR), "at 2"),
    "retry-after-absurd": too_busy(busy("9" * 400), "1000000000 s"),
    "retry-after-huge": too_busy(busy("99999999999")),
    "busy-forever": too_busy(busy("3"), "429", "no capacity", "waited", submissions=4, max_wait_s=10),
    "busy-forever-503": too_busy(busy("3", 503), "503", submissions=4, max_wait_s=10),
    "no-patience": too_busy(busy("1"), "1 s", max_wait_s=0),
    "busy-then-rejected": Fault(
        script=(busy("1"), text("no", 400)), error=errors.RejectedError, submissions=2, words=("no",)
    ),
    "busy-then-dropped": Fault(
        script=(busy("1"), drop("after"), ok(PICTURE)),
        error=errors.UnknownError, submissions=2, words=("may be billed",), billed=True,
    ),
}  # fmt: skip

FAULTS = EARLY | BROKEN | CONTENT | ODD | STATUSES | BUSY
