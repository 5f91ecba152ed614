"""What the sandbox accepts and answers: tokens, rules, Accept, job records, async jobs."""

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import sandboxing as sb
from conftest import Run
from tables import table

from prodia_compose.sandbox import server
from prodia_compose.sandbox.jobs import InputRecord
from prodia_compose.sandbox.service import SandboxOptions

GEMINI = "inference.gemini-3-pro.img2img.v1"
PING = b'{"type": "inference.ping.v1"}'
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


@pytest.fixture(scope="module")
def shared() -> Iterator[server.Sandbox]:
    """Give a sandbox that the tests of this module share."""
    with server.Sandbox() as sandbox:
        yield sandbox


def strict_json(data: bytes) -> dict[str, object]:
    """Return a job record after checking what every record has."""
    job = json.loads(data)
    assert isinstance(job, dict)
    uuid.UUID(str(job["id"]))
    for name in ("created_at", "updated_at", "expires_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(job[name]))
    lifetime = datetime.fromisoformat(job["expires_at"]) - datetime.fromisoformat(job["created_at"])
    assert lifetime == timedelta(minutes=5)
    assert job["metrics"]["elapsed"] >= 0
    return job


@pytest.mark.parametrize(("wanted", "header", "status"), table("sandbox/token"))
def test_token(wanted: str | None, header: str | None, status: int) -> None:
    """Any bearer token passes, or the very one asked for; else the answer is plain text."""
    headers = {"Content-Type": "application/json", "Accept": "multipart/form-data"}
    if header is not None:
        headers["Authorization"] = header
    with server.Sandbox(SandboxOptions(token=wanted)) as sandbox:
        got = sb.ask(sandbox, "POST", "/v2/job", body=PING, headers=headers, token=None)

    assert got.status == status
    if status == 401:
        assert got.content_type == "text/plain"
        assert got.body.startswith(b"token is invalid")
        assert b"secret" not in got.body
        uuid.UUID(got.headers["x-request-id"])


def test_token_is_not_in_the_options_repr() -> None:
    """Printing the options does not show the token."""
    assert "hush" not in repr(SandboxOptions(token="hush"))


@pytest.mark.parametrize("leaf", ["job.state.current", "job.json", "output", "output/x.jpg"])
def test_token_guards_async_reads(shared: server.Sandbox, leaf: str) -> None:
    """Reading of async jobs needs a token as well."""
    got = sb.ask(shared, "GET", f"/v2/job/async/{uuid.uuid4()}/{leaf}", token=None)

    assert (got.status, got.content_type) == (401, "text/plain")


@pytest.mark.parametrize(
    ("method", "path", "token"),
    [
        ("POST", "/v2/job", sb.TOKEN),
        ("POST", "/v2/job", None),
        ("POST", "/v2/job/async", sb.TOKEN),
        ("GET", f"/v2/job/async/{uuid.UUID(int=0)}/job.json", sb.TOKEN),
        ("PUT", "/v2/job", sb.TOKEN),
        ("HEAD", "/nothing", None),
    ],
)
def test_each_answer_says_whose_it_is(
    shared: server.Sandbox, method: str, path: str, token: str | None
) -> None:
    """Whatever it answers, the sandbox says that it is one: nothing was billed."""
    got = sb.ask(shared, method, path, token=token, body=b"" if method == "POST" else None)

    assert got.status >= 400
    assert got.headers["x-sandbox"] == "prodia-compose"


@pytest.mark.parametrize(("method", "path", "status", "allow"), table("sandbox/paths_and_methods"))
def test_unknown_paths_and_methods(
    shared: server.Sandbox, method: str, path: str, status: int, allow: str | None
) -> None:
    """Other paths are 404, other methods 405, told in JSON (but to HEAD) with a request id."""
    got = sb.ask(shared, method, path, body=b"some body" if method in ("POST", "PUT") else None)

    assert (got.status, got.content_type) == (status, "application/json")
    assert got.body == b"" if method == "HEAD" else got.error
    assert got.headers["Allow"] == allow
    uuid.UUID(got.headers["x-request-id"])


@pytest.mark.parametrize(("accept", "media_type"), table("sandbox/accept_image"))
def test_accept_image(shared: server.Sandbox, accept: str | None, media_type: str) -> None:
    """A bare image comes in the format asked for, JPEG where none is."""
    got = sb.send_job(shared, sb.make_job(), accept=accept)

    assert (got.status, got.content_type) == (200, media_type)
    assert got.image.format == FORMATS[media_type]
    uuid.UUID(got.headers["x-request-id"])


@pytest.mark.parametrize(("accept", "media_type", "filename"), table("sandbox/accept_multipart"))
def test_accept_multipart(
    shared: server.Sandbox, accept: str, media_type: str, filename: str
) -> None:
    """Multipart carries the job record and the picture, in the format named beside it."""
    got = sb.send_job(shared, sb.make_job(), accept=accept)

    assert got.status == 200
    (_, job_name, job_type, job), (name, shown, told_type, data) = got.parts
    assert (job_name, job_type) == ("job.json", "application/json")
    assert (name, shown, told_type) == ("output", filename, media_type)
    assert sb.decoded(data).format == FORMATS[media_type]
    assert strict_json(job)["state"] == {"current": "completed", "history": None}


@pytest.mark.parametrize("accept", ["video/mp4", "multipart/form-data; image/gif", "text/html"])
def test_accept_of_what_cannot_be_had(shared: server.Sandbox, accept: str) -> None:
    """What the sandbox cannot make is 406."""
    assert sb.send_job(shared, sb.make_job(), accept=accept).status == 406


@pytest.mark.parametrize(("accept", "media_type"), table("sandbox/error_shape"))
def test_error_shape(shared: server.Sandbox, accept: str | None, media_type: str) -> None:
    """An error is multipart with only a job part where multipart was asked for, else JSON."""
    got = sb.send_job(shared, sb.make_job(images=["c.jpg"]), accept=accept)

    assert (got.status, got.content_type) == (400, media_type)
    assert got.error == "filename 'c.jpg' not found in request"
    uuid.UUID(got.headers["x-request-id"])
    if media_type == "multipart/form-data":
        assert [name for name, *_ in got.parts] == ["job"]
        assert set(got.job) == {"id", "error"}
        uuid.UUID(str(got.job["id"]))


REFUSED = [
    *table("sandbox/refused"),
    (sb.make_job(sb.PRO, prompt="x" * 32_769), "config.prompt: maxLength: got 32,769, want 32,768"),
]


@pytest.mark.parametrize(("job", "error"), REFUSED, ids=[error for _, error in REFUSED])
def test_refused(shared: server.Sandbox, job: dict[str, object], error: str) -> None:
    """A broken rule is a 400 that names the field."""
    got = sb.send_job(shared, job, accept="multipart/form-data")

    assert (got.status, got.error) == (400, error)


@pytest.mark.parametrize("job", table("sandbox/accepted"), ids=json.dumps)
def test_accepted(shared: server.Sandbox, job: dict[str, object]) -> None:
    """What the documents allow, or do not forbid, passes."""
    got = sb.send_job(shared, job, accept="multipart/form-data")

    assert got.status == 200, got.error


@pytest.mark.parametrize(("job_type", "most"), table("sandbox/image_count"))
@pytest.mark.parametrize("is_listed", [True, False])
def test_image_count(shared: server.Sandbox, job_type: str, most: int, is_listed: bool) -> None:  # noqa: FBT001 - a row
    """Each model takes as many images as the guide says, named in the config or not."""
    for count, status in ((most, 200), (most + 1, 400)):
        names = [f"{number}.jpg" for number in range(count)]
        job = sb.make_job(job_type, **({"images": names} if is_listed else {}))
        got = sb.send_job(shared, job, names, accept="application/json")
        assert got.status == status
        if status == 400:
            assert got.error == "config: too many images"


@pytest.mark.parametrize(
    ("sizes", "status"),
    [([(3000, 3000)], 200), ([(3000, 1500), (1500, 3000)], 200), ([(3000, 3000), (1, 1)], 413)],
)
def test_combined_pixels(shared: server.Sandbox, sizes: list[tuple[int, int]], status: int) -> None:
    """FLUX.2 [pro] takes nine million input pixels together, and not one more."""
    parts = [
        sb.input_part(f"{number}.png", sb.picture(size=size, image_format="PNG"))
        for number, size in enumerate(sizes)
    ]
    job = sb.make_job(sb.PRO, images=[str(part.filename) for part in parts])
    got = sb.send(shared, sb.job_part(job), *parts, accept="application/json")

    assert got.status == status
    if status == 413:
        assert "9,000,001" in got.error
        assert sb.send(shared, sb.job_part({**job, "type": sb.FLEX}), *parts).status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        b"<html></html>",
        b"\xff\xd8\xff\xe0",
        sb.picture()[:-200],
        sb.picture(image_format="PNG")[:60],
        sb.picture(image_format="WEBP")[:20],
        sb.picture(image_format="GIF"),
    ],
    ids=["empty", "text", "html", "jpeg-start", "jpeg-cut", "png-cut", "webp-cut", "gif"],
)
def test_undecodable_input(shared: server.Sandbox, data: bytes) -> None:
    """An input that is no whole JPEG, PNG or WebP is a 400 that names it."""
    got = sb.send(shared, sb.job_part(sb.make_job()), sb.input_part("odd.jpg", data))

    assert got.status == 400
    assert got.error == "input 'odd.jpg' could not be decoded as a JPEG, PNG or WebP image"


def test_undecodable_input_that_nothing_refers_to(shared: server.Sandbox) -> None:
    """Inputs that the config does not name are not looked at."""
    job = sb.job_part(sb.make_job(images=["a.jpg"]))
    got = sb.send(shared, job, sb.input_part("a.jpg"), sb.input_part("b.jpg", b"no picture"))

    assert got.status == 200


def test_images_left_out_uses_the_uploads(shared: server.Sandbox) -> None:
    """Without `config.images` every upload counts; the SDK's `image.jpg` copies do not."""
    job = sb.job_part(sb.make_job())
    red, blue = sb.picture("red"), sb.picture("blue")
    uploads = [("a", red), ("image", red), ("b", blue), ("image", blue), ("image", red)]
    doubled = [sb.input_part(f"{name}.jpg", data) for name, data in uploads]
    plain = [sb.input_part(name, red) for name in ("a.jpg", "b.jpg", "c.jpg")]

    assert sb.send(shared, *doubled, job).status == 200
    assert sb.send(shared, job, *plain).status == 200
    assert sb.send(shared, job, *plain, sb.input_part("d.jpg")).status == 400


def test_an_input_is_needed(shared: server.Sandbox) -> None:
    """A job that edits pictures needs one; a job of another kind does not."""
    assert sb.send_job(shared, sb.make_job(), ()).error == "no 'input' part in request"
    assert sb.send_job(shared, sb.make_job("inference.x.txt2img.v1"), ()).status == 200


@pytest.mark.parametrize(("job", "price"), table("sandbox/price"))
def test_price(shared: server.Sandbox, job: dict[str, object], price: object) -> None:
    """The price is told when asked for and known."""
    asked = sb.send_job(shared, job, path="/v2/job?price=true", accept="multipart/form-data")
    unasked = sb.send_job(shared, job, path="/v2/job?price=1", accept="multipart/form-data")

    assert "price" not in unasked.job
    assert asked.job.get("price") == price


def test_config_is_echoed_with_defaults(shared: server.Sandbox) -> None:
    """JSON asks for the record alone: the config as sent, with what the service fills in."""
    job, flex_job = sb.make_job(images=["b.jpg"]), sb.make_job(sb.FLEX, steps=7, odd={"a": [1]})
    got = sb.send_job(shared, job, accept="application/json")
    flex = sb.send_job(shared, flex_job, accept="application/json").json

    assert (got.status, got.content_type) == (200, "application/json")
    assert strict_json(got.body)["type"] == sb.NANO
    filled_in = {"aspect_ratio": "auto", "output_image_count": 1, "output_message_count": 0}
    assert got.json["config"] == {**job["config"], **filled_in}
    assert flex["config"] == {**flex_job["config"], "guidance": 4.5, "safety_tolerance": 2}


def test_messages(shared: server.Sandbox) -> None:
    """A job that asks for messages gets a text beside the picture."""
    job = sb.make_job(include_messages=True)
    got = sb.send_job(shared, job, accept="multipart/form-data; image/png")

    assert [name for name, *_ in got.parts] == ["job", "output", "output"]
    assert [part[2] for part in got.parts] == ["application/json", "image/png", "text/plain"]


@pytest.mark.parametrize("accept", ["image/jpeg", "multipart/form-data", "application/json"])
@pytest.mark.parametrize("is_json", [True, False])
def test_ping(shared: server.Sandbox, accept: str, is_json: bool) -> None:  # noqa: FBT001 - a row
    """The smallest job completes without output, sent as JSON or as multipart."""
    headers = {"Content-Type": "application/json; charset=utf-8", "Accept": accept}
    if is_json:
        got = sb.ask(shared, "POST", "/v2/job", body=PING, headers=headers)
    else:
        got = sb.send(shared, sb.job_part(json.loads(PING)), accept=accept)

    assert got.status == 200
    job = got.job if accept == "multipart/form-data" else got.json
    assert job["state"] == {"current": "completed", "history": None}


def test_log(shared: server.Sandbox) -> None:
    """Every job is written down as it came in, with its status."""
    job = sb.make_job(images=["b.png"])
    blue = sb.picture("blue")
    good = sb.send(shared, sb.input_part("b.png", blue), sb.job_part(job), sb.input_part("c"))
    bad = sb.send(shared, sb.job_part(sb.make_job(images=["nope"])), path="/v2/job/async")
    broken = sb.send(shared)

    first, second, third = shared.jobs[-3:]
    assert (first.job, first.status, first.is_async, first.fault) == (job, 200, False, None)
    assert first.request_id == good.headers["x-request-id"]
    digest = hashlib.sha256(blue).hexdigest()
    assert first.inputs[0] == InputRecord(
        filename="b.png", content_type="image/jpeg", size=len(blue), sha256=digest
    )
    assert [part.filename for part in first.inputs] == ["b.png", "c"]
    assert (second.status, second.is_async) == (400, True)
    assert second.request_id == bad.headers["x-request-id"]
    assert (third.job, third.inputs, third.status) == (None, (), broken.status)


@pytest.mark.parametrize(
    ("accept", "filename", "image_format"),
    [
        ("application/json", "output.jpg", "JPEG"),
        ("image/png", "output.png", "PNG"),
        ("multipart/form-data; image/webp", "output.webp", "WEBP"),
    ],
)
def test_async(shared: server.Sandbox, accept: str, filename: str, image_format: str) -> None:
    """A job made through the async endpoint can be followed, listed and fetched."""
    made = sb.send_job(shared, sb.make_job(), path="/v2/job/async?price=true", accept=accept)
    assert made.status == 201
    job = made.job if accept.startswith("multipart") else made.json
    place = f"/v2/job/async/{job['id']}"

    state = sb.ask(shared, "GET", f"{place}/job.state.current")
    assert (state.content_type, state.body) == ("text/plain", b"processed")
    record = strict_json(sb.ask(shared, "GET", f"{place}/job.json?price=true").body)
    assert record["id"] == job["id"]
    assert record["state"] == {"current": "processed", "history": None}
    assert record["price"] == {"product": "inference-nano-banana", "dollars": 0.039}
    assert "price" not in sb.ask(shared, "GET", f"{place}/job.json").json
    assert json.loads(sb.ask(shared, "GET", f"{place}/output").body) == [filename]
    output = sb.ask(shared, "GET", f"{place}/output/{filename}")
    assert output.image.format == image_format
    assert sb.ask(shared, "GET", f"{place}/output/other.jpg").status == 404


def test_async_takes_its_time() -> None:
    """A job with latency is processing at first, and has no output yet."""
    with server.Sandbox(SandboxOptions(latency_s=3600)) as sandbox:
        path = "/v2/job/async"
        job = sb.send_job(sandbox, sb.make_job(), path=path, accept="application/json").json
        place = f"{path}/{job['id']}"

        assert job["state"] == {"current": "processing", "history": None}
        assert sb.ask(sandbox, "GET", f"{place}/job.state.current").body == b"processing"
        assert sb.ask(sandbox, "GET", f"{place}/output").body == b"[]"
        assert sb.ask(sandbox, "GET", f"{place}/output/output.jpg").status == 404
        assert "price" not in sb.ask(sandbox, "GET", f"{place}/job.json?price=true").json


def test_async_forgets_old_jobs() -> None:
    """Only the latest jobs are kept."""
    path = "/v2/job/async"
    ping = {"Content-Type": "application/json", "Accept": "application/json"}
    with server.Sandbox() as sandbox:
        made = [sb.ask(sandbox, "POST", path, body=PING, headers=ping).json for _ in range(65)]
        asked = [f"{path}/{made[number]['id']}/job.json" for number in (0, 1, -1)]
        statuses = [sb.ask(sandbox, "GET", each).status for each in asked]

    assert statuses == [404, 200, 200]


@pytest.mark.parametrize(("argv", "words"), table("sandbox/odd_numbers_are_refused_in_our_words"))
def test_odd_numbers_are_refused_in_our_words(run: Run, argv: tuple[str, ...], words: str) -> None:
    """As those of `compose` are, digits that Python would take included."""
    done = run(*argv)

    assert (done.code, done.err) == (2, f"prodia-compose: error: {words}\n")
