"""Answers of every shape the service is known to give, and of shapes it should never give."""

import base64
import errno
import gzip
import io
import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

import loopback
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prodia_compose.client import answers
from prodia_compose.client.answers import records
from prodia_compose.inputs import blob

JPEG = b"\xff\xd8\xff\xe0" + b"jpeg" * 50 + b"\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n" + b"png" * 50 + b"\0\0\0\0IEND\xaeB`\x82"
PICTURES = {
    "jpeg": JPEG,
    "png": PNG,
    "webp": b"RIFF" + (4 + 300).to_bytes(4, "little") + b"WEBP" + b"w" * 300,
    "gif": b"GIF89a" + b"g" * 100 + b";",
    "avif": b"\0\0\0\x20ftypavif" + b"a" * 100,
}


FAILED = {"state": {"current": "failed", "history": [{"message": "a"}, {"message": "b"}]}}
PAGE = "<html><head><title>413 Too\n Large &amp; so on</title><body>x"


def read(
    answer: loopback.Answer, *, keep: int | None = None, framed: bool = True
) -> answers.Answer:
    """Read a scripted answer as if its body had come, perhaps cut to `keep` bytes."""
    return read_body(answer.body[:keep], answer.headers.get("Content-Type"), framed=framed)


def read_body(body: bytes, content_type: str | None, *, framed: bool = True) -> answers.Answer:
    """Read a body that comes in chunks of 100 bytes."""
    chunks = (body[at : at + 100] for at in range(0, len(body), 100))
    raw = blob.spool(chunks, or_memory=True)
    return answers.read(raw, content_type=content_type, framed=framed)


def read_hiding(secret: str, body: bytes, content_type: str) -> answers.Answer:
    """Read a body with a secret in it that is to be hidden."""
    return answers.read(
        blob.spool([body]), content_type=content_type, hide=lambda text: text.replace(secret, "***")
    )


def bytes_of(outputs: Iterable[answers.Output]) -> list[bytes]:
    """Return the bytes of outputs."""
    return [output.blob.read() for output in outputs]


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("declared", [None, "application/octet-stream", "IMAGE/JPEG; x=y"])
def test_a_bare_picture_is_told_by_its_bytes(name: str, declared: str | None) -> None:
    """A picture is taken for what its bytes are, whatever the answer calls it."""
    answer = read_body(PICTURES[name], declared)

    assert bytes_of(answer.outputs) == [PICTURES[name]]
    assert answer.outputs[0].media_type == f"image/{name}"
    assert answer.whole
    assert answer.job == records.JobRecord()


def test_unknown_bytes_that_are_called_a_picture_count_as_one() -> None:
    """An image type nobody here knows is passed on under the answer's own name."""
    answer = read_body(b"who knows", "image/x-new")

    assert [output.media_type for output in answer.outputs] == ["image/x-new"]


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif"])
def test_a_picture_without_a_length_must_bring_its_own_end(name: str) -> None:
    """Where the connection does not tell the end, a picture without its end mark is cut short."""
    body = PICTURES[name]
    assert read_body(body, "image/jpeg", framed=False).whole

    cut = read_body(body[:-8], "image/jpeg", framed=False)

    assert not cut.whole
    assert cut.outputs == ()
    assert bytes_of(cut.salvaged) == [body[:-8]]


def test_a_multipart_answer_has_all_its_parts() -> None:
    """Record, pictures and text come out of a multipart answer, in order."""
    answer = read(loopback.multipart_ok(JPEG, PNG, message="two of them"))

    assert bytes_of(answer.outputs) == [JPEG, PNG]
    assert [output.media_type for output in answer.outputs] == ["image/jpeg", "image/png"]
    assert [output.filename for output in answer.outputs] == ["output-0.jpg", "output-1.jpg"]
    assert answer.messages == ("two of them",)
    assert answer.error is None
    assert answer.whole
    assert answer.job == records.JobRecord(
        id=loopback.JOB_ID,
        state="completed",
        price_usd=0.039,
    )
    assert not answer.job.failed


def test_every_cut_of_a_multipart_answer_is_noticed() -> None:
    """Wherever a multipart answer breaks off, it is not whole, and no half picture is an output."""
    script = loopback.multipart_ok(JPEG, message="hello")
    end = len(script.body) - len(b"\r\n")

    for keep in range(0, end, 7):
        answer = read(script, keep=keep, framed=False)

        assert not answer.whole, keep
        assert bytes_of(answer.outputs) in ([], [JPEG])


def test_the_piece_worth_keeping_is_the_picture() -> None:
    """What remains of an answer cut inside its picture is the part of the picture that came."""
    script = loopback.multipart_ok(JPEG)
    keep = script.body.index(JPEG) + 150
    answer = read(script, keep=keep, framed=False)

    assert bytes_of(answer.salvaged) == [JPEG[:150], script.body[:keep]]
    assert answer.salvaged[0].media_type == "image/jpeg"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (loopback.multipart_ok(job={"id": "j-1", "error": "bad config"}, status=400), "bad config"),
        (loopback.json_answer({"error": "config: too many images"}, 400), "config: too many images"),
        (loopback.json_answer({"error": {"message": "deep"}}, 400), "deep"),
        (loopback.json_answer({"detail": "from a gateway"}, 502), "from a gateway"),
        (loopback.json_answer({"detail": [{"msg": "one"}, {"msg": "two"}]}, 422), "one; two"),
        (loopback.json_answer({"message": "no route"}, 404), "no route"),
        (loopback.json_answer(FAILED, 400), "b"),
        (loopback.text("token is invalid\n", 401), "token is invalid"),
        (loopback.text(PAGE, 413, "text/html"), "413 Too Large & so on"),
        (loopback.text("<!doctype html><p>No <b>title</b></p>", 500), "No title"),
        (loopback.status(500), None),
        (loopback.json_answer([1, 2], 500), "[1, 2]"),
        (loopback.json_answer({}, 500), None),
        (loopback.json_answer({"error": ""}, 500), None),
    ],
    ids=[
        "multipart", "json", "nested", "detail", "detail-list", "message", "history", "text",
        "html", "html-untitled", "nothing", "array", "empty-object", "empty-error",
    ],
)  # fmt: skip
def test_the_services_words_are_found(script: loopback.Answer, words: str | None) -> None:
    """The reason of an error is found in each shape errors come in."""
    assert read(script).error == words


def test_words_are_limited() -> None:
    """No more than 500 characters of the service's words are passed on."""
    answer = read(loopback.text("word " * 1000, 500))

    assert answer.error is not None
    assert len(answer.error) == records.WORDS_LIMIT
    assert answer.error.endswith("...")


def test_binary_rubbish_is_not_quoted() -> None:
    """Bytes that are no text are not passed on as words."""
    assert read_body(b"\x00\x01\x02" * 100, "application/octet-stream").error is None


@pytest.mark.parametrize(
    "state", ["failed", {"current": "failed"}, {"current": "failed", "history": "?"}]
)
def test_a_failed_job_is_told(state: object) -> None:
    """A record whose state is `failed` has failed, however the state is written."""
    job = read(loopback.json_answer({"id": "j", "state": state})).job

    assert job.failed


def test_a_message_of_a_completed_job_is_no_error() -> None:
    """What a completed job's record says beside its state is not taken for a failure."""
    state = {"current": "completed", "history": [{"message": "done"}]}
    record = loopback.job_record(message="all well", state=state)
    job = read(loopback.multipart_ok(JPEG, job=record)).job

    assert (job.failed, job.error) == (False, None)


_NUMBERS = [-1, 1e400, float("nan"), 10**400]
_ODD: list[object] = [None, True, "", "text", [], [[]], {}, {"current": 7}, *_NUMBERS]


@pytest.mark.parametrize("odd", _ODD, ids=repr)
@pytest.mark.parametrize(
    "key", ["id", "type", "state", "error", "price", "metrics", "expires_at", "message", "detail"]
)
def test_an_odd_field_never_breaks_a_record(key: str, odd: object) -> None:
    """A field of the wrong type, or an absurd value, is left out; the picture still counts."""
    answer = read(loopback.multipart_ok(JPEG, job=loopback.job_record(**{key: odd})))

    assert bytes_of(answer.outputs) == [JPEG]
    assert answer.job.price_usd in (None, 0.039)


@pytest.mark.parametrize(
    "amount", [True, "1", -0.5, float("inf"), float("nan"), 1e300, 10**400, None, [1]]
)
def test_an_odd_price_is_unknown(amount: object) -> None:
    """A price that is no amount of money is not known."""
    record = loopback.job_record(price={"dollars": amount}, metrics={"elapsed": amount})

    assert read(loopback.json_answer(record)).job.price_usd is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary here",
        b"--wrong\r\n\r\nbody\r\n--wrong--\r\n",
        f"--{loopback.BOUNDARY}\nContent-Disposition: form-data\n\nx".encode(),
        f"--{loopback.BOUNDARY}\r\n".encode() + b"X: " + b"y" * 100_000,
        f"--{loopback.BOUNDARY}\r\n\xff\xfe: z\r\n\r\n".encode("latin-1"),
    ],
    ids=["empty", "text", "other-boundary", "lf", "endless-header", "not-utf-8"],
)
def test_a_damaged_multipart_answer_is_not_whole(body: bytes) -> None:
    """A multipart answer that makes no sense has no outputs, and all of its bytes are there."""
    answer = read_body(body, f"multipart/form-data; boundary={loopback.BOUNDARY}", framed=False)

    assert not answer.whole
    assert answer.outputs == ()
    assert answer.raw.read() == body


DISPOSITION = b'Content-Disposition: form-data; name="output"; filename="o.jpg"'
TYPE = b"Content-Type: image/jpeg"
JOB = b'Content-Disposition: form-data; name="job"\r\nContent-Type: application/json\r\n\r\n{"id":"J"}'
"""The part with the job's record, without its delimiters."""


def form(*parts: bytes, pad: bytes = b"") -> bytes:
    """Return the parts, each headers and all, between delimiters."""
    delimiter = b"--BB" + pad
    return b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts) + b"--BB--\r\n"


def picture(*fields: bytes, data: bytes = JPEG) -> bytes:
    """Return a part with a picture under these headers."""
    return b"\r\n".join([*fields, b"", data])


PLAIN = picture(DISPOSITION, TYPE)

FORMS: dict[str, tuple[bytes, str | None]] = {
    name: (body, "multipart/form-data; boundary=BB")
    for name, body in {
        "plain": form(JOB, PLAIN),
        "blanks-behind-the-boundary": form(JOB, PLAIN, pad=b" \t "),
        "line-feeds-only": form(JOB.replace(b"\r", b""), PLAIN.replace(b"\r", b"")).replace(b"\r\n", b"\n"),
        "line-feeds-in-the-headers": form(JOB, PLAIN.replace(b"\r", b"")),
        "line-feeds-behind-the-boundary": form(JOB, PLAIN).replace(b"--BB\r", b"--BB"),
        "without-a-disposition": form(JOB, picture(TYPE)),
        "without-any-disposition": form(b'\r\n{"id":"J"}', picture(TYPE)),
        "without-a-header": form(JOB, picture()),
        "without-a-type": form(JOB, picture(DISPOSITION)),
        "attachment": form(JOB, picture(b'Content-Disposition: attachment; filename="o.jpg"', TYPE)),
        "inline": form(JOB, picture(b"Content-Disposition: inline", TYPE)),
        "without-a-name": form(JOB, picture(b"Content-Disposition: form-data", TYPE)),
        "name-unquoted": form(JOB, picture(b"content-disposition:form-data;name=output", b"CONTENT-TYPE:image/JPEG")),
        "name-encoded": form(JOB, picture(b"Content-Disposition: form-data; name*=UTF-8''out%20put; filename*=UTF-8''a", TYPE)),
        "header-folded": form(JOB, picture(b"Content-Disposition: form-data;\r\n\tname=output", b"Content-Type:\r\n image/jpeg")),
        "header-of-100-kb": form(JOB, picture(b"X: " + b"y" * 100_000, TYPE)),
        "100-headers": form(JOB, picture(*(b"X-%d: y" % n for n in range(100)), TYPE)),
        "header-without-a-colon": form(JOB, picture(b"nonsense", TYPE)),
        "no-blank-line-behind-the-headers": form(JOB, TYPE + b"\r\n" + JPEG),
        "header-of-odd-bytes": form(JOB, picture(b"X-\xc3\xa9: \xff", TYPE)),
        "blank-before-a-colon": form(JOB, picture(b"Content-Type : image/jpeg")),
        "preamble": b"This is a multipart message.\r\n--BBB\r\n" + form(JOB, PLAIN),
        "blank-line-first": b"\r\n" + form(JOB, PLAIN),
        "epilogue": form(JOB, PLAIN) + b"the end\r\n--BB\r\n\r\nno part\r\n",
        "epilogue-on-the-line": form(JOB, PLAIN)[:-2] + b"the end",
        "without-the-last-line-break": form(JOB, PLAIN)[:-2],
        "length-right": form(JOB, picture(b"Content-Length: %d" % len(JPEG), TYPE)),
        "length-zero": form(JOB, picture(b"Content-Length: 0", TYPE)),
        "length-too-small": form(JOB, picture(b"Content-Length: 5", TYPE)),
        "length-too-large": form(JOB, picture(b"Content-Length: 50000", TYPE)),
        "lengths-that-are-none": form(JOB, picture(b"Content-Length: x", b"Content-Length: -1", TYPE)),
        "gzip": form(JOB, picture(b"Content-Encoding: gzip", TYPE, data=gzip.compress(JPEG))),
        "gzip-that-is-not": form(JOB, picture(b"Content-Encoding: gzip", TYPE)),
        "base64": form(JOB, picture(b"Content-Transfer-Encoding: BASE64", TYPE, data=base64.encodebytes(JPEG))),
        "binary": form(JOB, picture(b"Content-Transfer-Encoding: binary", TYPE)),
        "nested": form(
            JOB, picture(b"Content-Type: multipart/mixed; boundary=CC", data=form(PLAIN).replace(b"BB", b"CC"))
        ),
        "called-octets": form(JOB, picture(DISPOSITION, b"Content-Type: application/octet-stream")),
        "called-text": form(JOB, picture(DISPOSITION, b"Content-Type: text/plain")),
        "empty-part": form(JOB, picture(DISPOSITION, TYPE, data=b""), PLAIN),
        "no-picture-but-text": form(JOB, PLAIN, b"Content-Type: text/plain\r\n\r\nhello"),
        "boundary-in-the-text": form(JOB, PLAIN, b"Content-Type: text/plain\r\n\r\n--BBx --BB\r\n --BB--\r\n"),
    }.items()
} | {
    name: (form(JOB, PLAIN).replace(b"BB", boundary), content_type)
    for name, boundary, content_type in (
        ("boundary-quoted", b"B B'()+_,-./:=?", "multipart/form-data; boundary=\"B B'()+_,-./:=?\""),
        ("boundary-unquoted", b"=_B/B:?", "multipart/form-data; boundary==_B/B:?"),
        ("boundary-in-capitals", b"BB", "Multipart/Mixed; charset=x; BOUNDARY=BB; a"),
        ("boundary-of-70", b"B" * 70, "multipart/related;boundary=" + "B" * 70),
        ("boundary-of-300", b"B" * 300, "multipart/related;boundary=" + "B" * 300),
        ("boundary-with-blanks-behind", b"BB", 'multipart/form-data; boundary="BB  "'),
        ("boundary-not-told", b"BB", "multipart/form-data"),
        ("boundary-wrong", b"BB", "multipart/form-data; boundary=CC"),
        ("boundary-longer-than-told", b"BBB", "multipart/form-data; boundary=BB"),
        ("called-a-picture", b"BB", "image/jpeg"),
        ("without-any-type", b"BB", None),
    )
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_each_form_of_a_multipart_answer_is_taken_apart(name: str) -> None:
    """Whatever is legal in MIME, or harmless, brings the job's record and the picture, and is whole."""
    body, content_type = FORMS[name]
    answer = read_body(body, content_type, framed=False)

    assert bytes_of(answer.outputs) == [JPEG]
    assert answer.outputs[0].media_type == "image/jpeg"
    assert (answer.whole, answer.salvaged, answer.job.id) == (True, (), "J")


@pytest.mark.parametrize("shift", range(-12, 13))
def test_a_delimiter_is_found_wherever_it_is(shift: int) -> None:
    """A picture that ends around where one reading ends and the next begins comes out whole."""
    head = len(form(JOB, picture(DISPOSITION, TYPE, data=b""))) - len(b"\r\n--BB--\r\n")
    data = b"\xff\xd8\xff" + b"\r\n--B" * 30_000
    data = data[: (1 << 16) - head + shift - 2] + b"\xff\xd9"
    body = form(JOB, picture(DISPOSITION, TYPE, data=data))
    answer = answers.read(blob.spool([body]), content_type="multipart/x; boundary=BB")

    assert bytes_of(answer.outputs) == [data]


def test_a_picture_without_its_delimiter_is_taken_if_all_came() -> None:
    """Where the connection says that this is all, a whole picture behind which nothing stands is one."""
    body = form(JOB, PLAIN)
    for missing in (b"\r\n--BB--\r\n", b"--BB--\r\n", b"BB--\r\n", b"-\r\n", b"--\r\n"):
        answer = read_body(body.removesuffix(missing), "multipart/x; boundary=BB")

        assert [found.rstrip(b"\r\n") for found in bytes_of(answer.outputs)] == [JPEG]
        assert answer.whole
        assert not read_body(
            body[: -len(missing) - 1], "multipart/x; boundary=BB", framed=False
        ).whole


def test_all_pieces_of_an_answer_that_breaks_off_are_kept() -> None:
    """The whole pictures, the one that it broke off in, and every byte."""
    script = loopback.multipart_ok(JPEG, PNG, JPEG)
    keep = script.body.rindex(JPEG) + 100
    answer = read(script, keep=keep, framed=False)

    assert not answer.whole
    assert bytes_of(answer.outputs) == [JPEG, PNG]
    assert bytes_of(answer.salvaged) == [JPEG[:100], script.body[:keep]]


def test_an_answer_that_is_closed_is_whole_though_more_was_announced() -> None:
    """A multipart answer tells its own end; a length of the whole that is too large is passed over."""
    body = loopback.multipart_ok(JPEG).body
    content_type = f"multipart/form-data; boundary={loopback.BOUNDARY}"
    answer = answers.read(blob.spool([body]), content_type=content_type, broken=True)

    assert (answer.whole, answer.salvaged) == (True, ())


FORM = "multipart/form-data; boundary=BB"
OPEN = form(JOB, PLAIN)[: -len(b"\r\n--BB--\r\n")]
PACKED = gzip.compress(JPEG)
UNFRAMED: dict[str, Any] = {"framed": False}
BROKEN: dict[str, Any] = {"broken": True}
GZIP: dict[str, Any] = {"codings": ("gzip",)}
BROTLI: dict[str, Any] = {"codings": ("br",)}
UNPACKED = "its compression (br) cannot be undone"

# What came, as what, how; then: whole, ended, pictures, the types of what remains, and the words.
ENDS: dict[str, tuple[bytes, str, dict[str, Any], tuple[bool, bool, int, list[str], str | None]]] = {
    "picture": (JPEG, "image/jpeg", {}, (True, True, 1, [], None)),
    "picture-without-its-end": (JPEG[:-9], "image/jpeg", {}, (True, False, 1, [], None)),
    "picture-broken": (JPEG[:-9], "image/jpeg", BROKEN, (False, False, 0, ["image/jpeg"], None)),
    "picture-complete-broken": (JPEG, "image/jpeg", BROKEN, (False, False, 1, [], None)),
    "picture-unframed": (JPEG, "image/jpeg", UNFRAMED, (True, True, 1, [], None)),
    "avif-unframed": (PICTURES["avif"], "image/avif", UNFRAMED, (True, True, 1, [], None)),
    "unknown-unframed": (b"who knows", "image/x-new", UNFRAMED, (True, True, 1, [], None)),
    "gzip-cut": (PACKED[:-20], "image/jpeg", GZIP, (False, False, 0, ["image/jpeg", ""], None)),
    "brotli": (b"\x8b\2\x80" * 9, "image/jpeg", BROTLI, (True, False, 0, [""], UNPACKED)),
    "brotli-octets": (b"\x8b\2\x80" * 9, "x/y", BROTLI, (True, False, 0, ["x/y"], UNPACKED)),
    "brotli-that-is-text": (b"words", "text/plain", BROTLI, (True, True, 0, ["text/plain"], "words")),
    "brotli-that-is-a-picture": (JPEG, "image/jpeg", BROTLI, (True, True, 1, [], None)),
    "text": (b"words", "text/plain", {}, (True, True, 0, ["text/plain"], "words")),
    "text-broken": (b"words", "text/plain", BROKEN, (False, False, 0, ["text/plain"], "words")),
    "text-that-is-none": (b"\0\1\2" * 9, "text/plain", {}, (True, False, 0, ["text/plain"], None)),
    "json": (b'{"id": "J"}', "application/json", {}, (True, True, 0, ["application/json"], None)),
    "json-array": (b"[]", "application/json", {}, (True, True, 0, ["application/json"], "[]")),
    "json-cut": (b'{"id"', "application/json", {}, (True, False, 0, ["application/json"], '{"id"')),
    "words-called-octets": (b"words", "x/y", {}, (True, False, 0, ["x/y"], "words")),
    "empty": (b"", "image/jpeg", {}, (True, False, 0, [], None)),
    "empty-text": (b"", "text/plain", {}, (True, False, 0, [], None)),
    "form": (form(JOB, PLAIN), FORM, {}, (True, True, 1, [], None)),
    "form-broken": (form(JOB, PLAIN), FORM, BROKEN, (True, True, 1, [], None)),
    "form-open": (OPEN, FORM, {}, (True, False, 1, [], None)),
    "form-open-unframed": (OPEN, FORM, UNFRAMED, (False, False, 0, ["image/jpeg", "multipart/form-data"], None)),
    "form-open-broken": (OPEN, FORM, BROKEN, (False, False, 0, ["image/jpeg", "multipart/form-data"], None)),
    "form-cut": (OPEN[:-9], FORM, {}, (False, False, 0, ["image/jpeg", "multipart/form-data"], None)),
    "form-with-no-more-than-a-record": (form(JOB)[:-10], FORM, {}, (False, False, 0, ["multipart/form-data"], None)),
    "form-in-gzip-cut": (
        *(gzip.compress(form(JOB, PLAIN))[:-12], FORM, GZIP),
        (False, False, 0, ["image/jpeg", "multipart/form-data"], None),
    ),
    "form-with-a-cut-gzip": (
        *(form(JOB, picture(b"Content-Encoding: gzip", TYPE, data=PACKED[:-20])), FORM, {}),
        (False, True, 0, ["image/jpeg", "multipart/form-data"], None),
    ),
    "form-of-nothing": (b"nothing", FORM, {}, (True, False, 0, ["multipart/form-data"], "nothing")),
    "form-of-nothing-unframed": (b"nothing", FORM, UNFRAMED, (False, False, 0, ["multipart/form-data"], "nothing")),
    "form-that-is-a-picture": (JPEG, FORM, UNFRAMED, (True, True, 1, [], None)),
    "form-empty": (b"", FORM, {}, (True, False, 0, [], None)),
    "form-empty-unframed": (b"", FORM, UNFRAMED, (False, False, 0, [], None)),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_where_an_answer_ends_is_known(name: str) -> None:
    """Whether all of it came, whether it has its own end, and what is left of it where it is of no use."""
    body, content_type, how, expected = ENDS[name]
    came = blob.spool([body])
    answer = answers.read(came, content_type=content_type, **how)

    types = [output.media_type for output in answer.salvaged]
    assert (answer.whole, answer.ended, len(answer.outputs), types, answer.error) == expected
    assert answer.raw is came
    kept = [output.blob for output in (*answer.salvaged, *answer.outputs)]
    assert came in kept or not body or answer.outputs


@pytest.mark.parametrize(
    ("fields", "data", "messages"),
    [
        ((b"Content-Type: text/plain",), b"hello", ("hello",)),
        ((b"Content-Type: text/markdown",), b"# \xc3\xa9", ("# \u00e9",)),
        (
            (b'Content-Disposition: form-data; name="output"; filename="a.txt"',),
            b"hello",
            ("hello",),
        ),
        ((b'Content-Disposition: form-data; name="output"; filename="a.json"',), b"{}", ()),
        ((b"Content-Type: application/json",), b'{"id": "K"}', ()),
        ((b"Content-Type: text/plain",), b"\1\2", ()),
    ],
)
def test_a_part_is_a_message_by_its_type_or_name(
    fields: tuple[bytes, ...], data: bytes, messages: tuple[str, ...]
) -> None:
    """Either is enough; what is no text is none, and the first record counts."""
    answer = read_body(form(JOB, picture(*fields, data=data), PLAIN), FORM)

    assert answer.messages == messages
    assert (answer.job.id, answer.error) == ("J", None)


@pytest.mark.parametrize(
    ("fields", "data", "shown"),
    [
        ((b"Content-Disposition: form-data; name=other",), b'{"id": "K"}', None),
        ((b"Content-Disposition: form-data; name=job",), b'["K"]', None),
        ((b"Content-Disposition: form-data; name=job",), b"{", None),
        ((), b'{"id": "K"}', "K"),
    ],
)
def test_a_record_is_the_part_named_job(
    fields: tuple[bytes, ...], data: bytes, shown: str | None
) -> None:
    """Or one without a name; another's JSON, or what is none, tells nothing of the job."""
    assert read_body(form(picture(*fields, data=data), PLAIN), FORM).job.id == shown


def test_words_of_a_part_stand_for_an_error_only_without_pictures() -> None:
    """The first message, if the record has none of its own."""
    note = b"Content-Type: text/plain\r\n\r\n"
    failed = JOB.replace(b'"}', b'", "error": "bad"}')

    assert read_body(form(JOB, note + b"first", note + b"second"), FORM).error == "first"
    assert read_body(form(failed, note + b"first"), FORM).error == "bad"
    assert read_body(form(JOB, note + b"first", PLAIN), FORM).error is None


def test_parts_are_looked_for_four_deep() -> None:
    """A picture in a form in a form is found; what goes on for ever is not followed."""
    body = form(PLAIN)
    for depth in range(7):
        answer = read_body(body, FORM)
        assert (bytes_of(answer.outputs) == [JPEG]) is (depth <= 4), depth
        boundary = b"C" * (depth + 1)
        inner = body.replace(b"--BB", b"--" + boundary)
        body = form(picture(b"Content-Type: multipart/mixed; boundary=" + boundary, data=inner))


def test_json_is_read_up_to_a_megabyte() -> None:
    """What is larger is no record of a job."""
    record = b'{"id": "J", "pad": "%b"}'
    for size, shown in ((1 << 20, "J"), ((1 << 20) + 1, None)):
        body = record % (b"x" * (size - len(record % b"")))

        assert len(body) == size
        assert read_body(body, "application/json").job.id == shown


@pytest.mark.parametrize(
    ("state", "error", "failed"),
    [
        ("completed", None, False),
        ("processed", "half", False),
        ("completed", "half", False),
        ("processing", None, False),
        ("processing", "no", True),
        (None, "no", True),
        (None, None, False),
        ("failed", None, True),
    ],
)
def test_a_job_has_failed_by_its_state_or_its_words(
    state: str | None, error: str | None, *, failed: bool
) -> None:
    """Words count unless the state says that all went well."""
    assert records.JobRecord(state=state, error=error).failed is failed


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ({"state": {"current": "processing"}, "message": "at work"}, None),
        ({"state": {"current": "processing", "history": [{"message": "at work"}]}}, None),
        ({"state": {"current": "failed", "history": [{"message": "a"}, {"message": " "}]}}, None),
        ({"state": {"current": "failed", "history": [{"message": "a"}, {"message": 7}]}}, None),
        ({"state": {"current": "failed", "history": []}}, None),
        ({"state": {"current": "failed", "history": [{"message": "only"}]}}, "only"),
        ({"error": " ", "message": "second", "detail": "third"}, "second"),
        ({"error": "first", "message": "second"}, "first"),
        ({"detail": [{"msg": "a"}, "b", {"odd": 1}, 7]}, "a; b"),
        ({"state": "failed", "message": "why"}, "why"),
    ],
)
def test_the_reason_is_where_it_is(record: dict[str, object], error: str | None) -> None:
    """The documented place first; of a job that goes well, no other."""
    assert read(loopback.json_answer(record)).job.error == error


@pytest.mark.parametrize(("length", "shown"), [(499, 499), (500, 500), (501, 500), (9000, 500)])
def test_words_of_500_characters_are_not_cut(length: int, shown: int) -> None:
    """Longer ones end in three dots; ids are cut without."""
    words = "w" * length
    answer = read(
        loopback.json_answer({"id": words, "error": f" {words} ", "price": {"dollars": 0}})
    )

    cut = words if shown == length else words[:497] + "..."
    assert (answer.job.error, answer.job.id) == (cut, words[:shown])
    assert answer.job.price_usd == 0


def test_an_empty_output_is_none() -> None:
    """An output part without a byte is not an output."""
    answer = read(loopback.multipart_ok(b"", JPEG, b""))

    assert bytes_of(answer.outputs) == [JPEG]


def test_a_multipart_answer_without_a_boundary_is_kept() -> None:
    """Where nothing looks like a boundary nothing can be divided, and nothing is lost."""
    body = loopback.multipart_ok(JPEG).body.replace(b"\r\n--", b"\r\n++")[2:]
    answer = read_body(body, "multipart/form-data")

    assert answer.outputs == ()
    assert bytes_of(answer.salvaged) == [body]


def test_secrets_are_taken_out_of_every_text() -> None:
    """Words, messages, names and the record's fields all pass through `hide`."""
    secret = "hush-hush"
    record = loopback.job_record(
        id=secret, error=f"a {secret}", state={"current": secret}, expires_at=secret, type=secret
    )
    body = loopback.multipart_ok(JPEG, job=record, message=f"your token {secret}").body
    answer = read_hiding(
        secret,
        body.replace(b"output-0.jpg", secret.encode()),
        f"multipart/form-data; boundary={loopback.BOUNDARY}",
    )

    assert answer.messages == ("your token ***",)
    assert secret not in repr(answer)
    assert answer.job.error == "a ***"


def test_a_secret_in_the_type_is_taken_out() -> None:
    """The answer's type is a foreign text as well."""
    answer = read_hiding("hush-hush", b"?", "application/hush-hush")

    assert answer.media_type == "application/***"
    assert "hush" not in repr(answer)


def test_a_secret_at_the_cut_leaves_no_half() -> None:
    """Words are cut to length after the secret is out, so that no half of it is left."""
    secret = "S" * 40
    words = "w" * (records.WORDS_LIMIT - 20) + secret + "w" * 100
    answer = read_hiding(secret, words.encode(), "text/plain")

    assert answer.error is not None
    assert "S" not in answer.error


@given(
    body=st.binary(max_size=2000),
    content_type=st.one_of(
        st.none(),
        st.text(max_size=80),
        st.sampled_from(["application/json", "text/html", "image/png", "multipart/x; boundary=a"]),
    ),
    framed=st.booleans(),
)
def test_no_answer_breaks_the_reader(body: bytes, content_type: str | None, framed: bool) -> None:  # noqa: FBT001 - drawn
    """Any bytes under any content type give an answer that holds all of them."""
    answer = answers.read(blob.spool([body]), content_type=content_type, framed=framed)

    assert answer.raw.read() == body


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: (
    st.lists(inner) | st.dictionaries(
        st.sampled_from(["error", "state", "current", "history", "message", "price", "dollars"])
        | st.text(), inner
    )
)))  # fmt: skip
def test_no_json_breaks_the_reader(value: object) -> None:
    """Any JSON value gives an answer without an output."""
    answer = read_body(json.dumps(value).encode(), "application/json")

    assert answer.outputs == ()


def test_deep_json_is_no_record() -> None:
    """JSON nested beyond reason is not a record, and no crash."""
    assert read_body(b"[" * 200_000, "application/json").job == records.JobRecord()


class _FullDisk(io.FileIO):
    """A file on a disk that takes 150 bytes and no more."""

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        room = 150 - self.tell()
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(bytes(data)[:room])


def _no_folder(**_options: object) -> Iterator[bytes]:
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory")


@pytest.mark.parametrize("disk", ["full", "missing"])
def test_a_full_disk_does_not_lose_an_answer(
    disk: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Where the temporary folder takes no more, an answer that was paid for is held in memory."""
    folder = tmp_path_factory.mktemp("disk")
    names = iter(range(100))

    def scratch(**_options: object) -> _FullDisk:
        return _FullDisk(folder / str(next(names)), "w+")

    monkeypatch.setattr(tempfile, "TemporaryFile", scratch if disk == "full" else _no_folder)

    answer = read(loopback.multipart_ok(JPEG, PNG))

    assert bytes_of(answer.outputs) == [JPEG, PNG]
    assert answer.whole


def test_strings_drops_what_is_no_text() -> None:
    """Only the texts of an array are taken, and nothing of anything else."""
    assert records.strings(["a", 1, None, "b"]) == ("a", "b")
    assert records.strings({"a": "b"}) == ()
