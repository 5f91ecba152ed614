"""The multipart body: framing, length, and parts that are not what they were announced to be."""

import email.parser
import email.policy
import io
import subprocess
import sys

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from submitting import (
    BOUNDARY,
    body_of,
    each_guide_job,
    guide_files,
    guide_parts,
    part,
    picture_part,
)
from tables import table

from prodia_compose.client import multipart
from prodia_compose.inputs import blob


def test_the_whole_body_is_spelled_out() -> None:
    """A body of two parts is exactly these bytes."""
    body = body_of(
        part("job", "job.json", "application/json", b'{"type": "x"}'),
        part("input", "mug.jpg", "image/jpeg", b"\xff\xd8\xff\r\n"),
    )

    assert b"".join(body) == (
        b"--0123456789abcdef0123456789abcdef\r\n"
        b'Content-Disposition: form-data; name="job"; filename="job.json"\r\n'
        b"Content-Type: application/json\r\n"
        b"\r\n"
        b'{"type": "x"}\r\n'
        b"--0123456789abcdef0123456789abcdef\r\n"
        b'Content-Disposition: form-data; name="input"; filename="mug.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n"
        b"\r\n"
        b"\xff\xd8\xff\r\n\r\n"
        b"--0123456789abcdef0123456789abcdef--\r\n"
    )
    assert body.content_type == f"multipart/form-data; boundary={BOUNDARY}"


@each_guide_job
def test_the_guides_jobs_are_sent_as_requests_sends_them(job: dict[str, object]) -> None:
    """The guide's example jobs are byte for byte what its Python makes of them by `files=`."""
    files = guide_files(job)
    theirs = requests.Request("POST", "https://service.test/v2/job", files=files).prepare()
    boundary = theirs.headers["Content-Type"].partition("boundary=")[2]
    ours = body_of(*(part(*each) for each in guide_parts(job)), boundary=boundary)

    assert b"".join(ours) == theirs.body
    assert ours.content_type == theirs.headers["Content-Type"]
    assert str(ours.length) == theirs.headers["Content-Length"]


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_any_bytes_come_out_as_they_went_in(contents: list[bytes]) -> None:
    """Whatever the parts hold, the length is right and another parser finds the same parts."""
    names = [f"{n}.bin" for n in range(len(contents))]
    named = zip(names, contents, strict=True)
    body = body_of(*(part("input", name, "application/x", data) for name, data in named))
    whole = b"".join(body)
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        f"Content-Type: {body.content_type}\r\n\r\n".encode() + whole
    )

    assert len(whole) == body.length == len(body)
    assert whole.count(f"--{body.boundary}".encode()) == len(contents) + 1
    if contents:
        assert [p.get_filename() for p in message.iter_parts()] == names
        divided = whole.split(f"--{body.boundary}".encode())[1:-1]
        # Not taken from `email`, which turns a lone CR into a line end.
        assert [p.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for p in divided] == contents


def test_each_reading_starts_afresh() -> None:
    """A body read to its middle, then again, is the same from its first byte."""
    kept = blob.spool([b"x" * 200_000, b"y" * 100_000])
    body = body_of(picture_part(300_000, kept.open))
    half = iter(body)
    next(half)
    next(half)

    first, second = b"".join(body), b"".join(body)

    assert first == second
    assert len(first) == body.length


def test_chunks_are_small() -> None:
    """No chunk is larger than `CHUNK_BYTES`, however large the part is."""
    body = body_of(part("input", "a.jpg", "image/jpeg", b"x" * 1_000_000))

    assert max(map(len, body)) == multipart.CHUNK_BYTES


@pytest.mark.parametrize(
    ("size", "real", "words"),
    [
        (100_000, 0, "ends 100000 bytes early"),
        (100_000, 5, "ends 99995 bytes early"),
        (100_000, 99_999, "ends 1 bytes early"),
        (0, 1, "has more than 0 bytes"),
        (100, 101, "has more than 100 bytes"),
        (multipart.CHUNK_BYTES, multipart.CHUNK_BYTES + 1, "has more than 65536 bytes"),
    ],
)
def test_a_part_of_another_size_is_refused(size: int, real: int, words: str) -> None:
    """A part that is not as long as announced raises; no byte too many comes, nor all of them."""
    body = body_of(picture_part(size, lambda: io.BytesIO(b"x" * real)))
    came: list[bytes] = []

    with pytest.raises(multipart.PartSizeError, match=rf"part a\.jpg {words}"):
        came.extend(body)

    assert b"".join(came).endswith(b"\r\n\r\n" + b"x" * min(size, real))
    assert sum(map(len, came)) < body.length


@pytest.mark.parametrize(("field", "value"), table("client/a_header_cannot_be_broken_out_of"))
def test_a_header_cannot_be_broken_out_of(field: str, value: str) -> None:
    """A name or type that could end its header is refused when the part is made."""
    good = {"name": "input", "filename": "a.jpg", "media_type": "image/jpeg"}
    with pytest.raises(ValueError, match="cannot stand in a part's header"):
        part(**good | {field: value}, data=b"")


@pytest.mark.parametrize("boundary", ["", "a" * 26, "a" * 71, "a" * 30 + " ", "a" * 30 + "\n"])
def test_an_odd_boundary_is_refused(boundary: str) -> None:
    """A boundary is 27 to 70 plain characters."""
    with pytest.raises(ValueError, match="is not 27 to 70 characters"):
        multipart.MultipartBody([], boundary)


def test_the_module_stands_alone() -> None:
    """The module needs nothing but the standard library, the ground."""
    program = (
        "import sys, prodia_compose.client.multipart;"
        "print(*sorted(m for m in sys.modules if m.startswith(('requests', 'urllib3', 'prodia'))))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    loaded = [name.removeprefix("prodia_compose.") for name in run.stdout.decode().split()]
    assert {*loaded} == {
        *("prodia_compose", "client", "client.multipart", "inputs", "inputs.blob"),
        *("errors", "frozen"),
    }
