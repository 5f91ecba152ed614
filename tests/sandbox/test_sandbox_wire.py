"""The sandbox as a server: framing, faults, starting and closing."""

import concurrent.futures
import contextlib
import json
import socket
import struct
import subprocess
import sys
import threading
import unittest.mock
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
import sandboxing as sb
from conftest import until
from tables import table

from prodia_compose import errors
from prodia_compose.sandbox import server
from prodia_compose.sandbox.faults import Fault, FaultKind, parse_fault
from prodia_compose.sandbox.service import SandboxOptions

PING = b'{"type": "inference.ping.v1"}'
HEAD = b"POST /v2/job HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
JSON_HEAD = HEAD + b"Accept: application/json\r\nContent-Type: application/json\r\n"
FORM_HEAD = HEAD + f"Content-Type: multipart/form-data; boundary={sb.BOUNDARY}\r\n".encode()


@pytest.fixture
def sandbox() -> Iterator[server.Sandbox]:
    """Give a sandbox that waits a quarter of a second for silent clients."""
    with server.Sandbox(SandboxOptions(read_timeout_s=0.25)) as sandbox:
        yield sandbox


def connect(sandbox: server.Sandbox) -> socket.socket:
    """Return a connection to the sandbox."""
    place = urllib.parse.urlsplit(sandbox.url)
    return socket.create_connection((str(place.hostname), place.port or 0), timeout=20)


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the sandbox closes the connection."""
    with connection.makefile("rb") as stream:
        return stream.read()


def exchange(sandbox: server.Sandbox, *pieces: bytes) -> bytes:
    """Send raw bytes, and return all that comes back until the connection closes."""
    with connect(sandbox) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return read_all(connection)


def assert_silent(connection: socket.socket) -> None:
    """Check that nothing comes for a while."""
    connection.settimeout(0.25)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(20)


def status_of(answer: bytes) -> int:
    """Return the status of a raw answer."""
    return int(answer.split(b" ", 2)[1])


def chunked(*chunks: bytes) -> bytes:
    """Return a chunked body."""
    coded = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return coded + b"0\r\nTrailer: x\r\n\r\n"


# --- framing --------------------------------------------------------------------------


def test_chunked_upload(sandbox: server.Sandbox) -> None:
    """A body of unknown length is read by its chunks, however they fall."""
    body = sb.encode([sb.job_part(sb.make_job()), sb.input_part("a.jpg")])
    headers = {"Content-Type": f"multipart/form-data; boundary={sb.BOUNDARY}"}
    pieces = (body[start : start + 7] for start in range(0, len(body), 7))
    got = sb.ask(sandbox, "POST", "/v2/job", body=pieces, headers=headers)

    assert got.status == 200
    assert sandbox.jobs[0].inputs[0].size == len(sb.picture())


def test_keep_alive(sandbox: server.Sandbox) -> None:
    """Several requests share a connection, refused ones included."""
    request = b"%bContent-Length: %d\r\n\r\n%b"
    ping = request % (JSON_HEAD, len(PING), PING)
    bad = request % (JSON_HEAD, 4, b"oops")
    coded = JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(PING[:9], PING[9:])
    nowhere = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    answer = exchange(sandbox, ping, bad, coded, nowhere, ping)  # then the silence closes it

    statuses = b" ".join(piece[:3] for piece in answer.split(b"HTTP/1.1 ")[1:])
    assert statuses == b"200 400 200 404 200"


def test_expect_continue(sandbox: server.Sandbox) -> None:
    """A client that asks before sending a body is told to go on."""
    with connect(sandbox) as connection:
        connection.sendall(JSON_HEAD + b"Expect: 100-continue\r\nContent-Length: 29\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(PING)
        assert status_of(read_all(connection)) == 200


FRAMES = [
    (b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", 400),
    (b"Content-Length: five\r\n\r\nabcde", 400),
    (b"Content-Length: -1\r\n\r\n", 400),
    (b"Content-Length: 999999999999\r\n\r\n", 413),
    (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"Transfer-Encoding: gzip\r\n\r\n", 400),
    (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (b"Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", 413),
    (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400),
    (b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 200, 400),
    (b"Content-Length: 50\r\n\r\nthe rest never comes", 408),
    (b"Transfer-Encoding: chunked\r\n\r\n50\r\nthe rest never comes", 408),
]


@pytest.mark.parametrize(("frame", "status"), FRAMES)
def test_broken_framing(sandbox: server.Sandbox, frame: bytes, status: int) -> None:
    """A body without a readable end is refused, and the connection closed."""
    answer = exchange(sandbox, JSON_HEAD, frame)

    assert status_of(answer) == status
    assert b"Connection: close" in answer
    assert b"x-request-id: " in answer


@pytest.mark.parametrize("frame", [b"Content-Length: 50\r\n\r\nshort", b"", b"Content-"])
def test_body_that_ends_early(sandbox: server.Sandbox, frame: bytes) -> None:
    """A client that stops in the middle does the sandbox no harm."""
    with connect(sandbox) as connection:
        connection.sendall(JSON_HEAD + frame)
        connection.shutdown(socket.SHUT_WR)
        read_all(connection)

    assert sb.send_job(sandbox, sb.make_job()).status == 200
    assert [record.status for record in sandbox.jobs].count(200) == 1


@pytest.mark.parametrize("line", [b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
def test_broken_request_line(sandbox: server.Sandbox, line: bytes) -> None:
    """What is no HTTP is answered with an error."""
    assert b'"error": ' in exchange(sandbox, line)


JOB = sb.encode([sb.job_part(sb.make_job())])
FORM = f"multipart/form-data; boundary={sb.BOUNDARY}"
BODIES = [
    (b"", "unreadable multipart body"),
    (b"nothing of the kind", "unreadable multipart body"),
    (JOB[:-4], "unreadable multipart body"),
    (JOB[: len(JOB) // 2], "unreadable multipart body"),
    (b"--%b--\r\n" % sb.BOUNDARY.encode(), "no 'job' parts in request"),
    (sb.encode([sb.input_part("a.jpg")]), "no 'job' parts in request"),
    (sb.encode([sb.job_part({}), sb.job_part({})]), "2 'job' parts in request"),
    (sb.encode([sb.Part(name="job", data=b"{")]), "the job is no valid JSON"),
    (sb.encode([sb.Part(name="job", data=b"\xff")]), "the job is no valid JSON"),
    (sb.encode([sb.Part(name="job", data=b'{"a": NaN}')]), "the job is no valid JSON"),
    (sb.encode([sb.Part(name="job", data=b'{"a": 1e999}')]), "the job is no valid JSON"),
    (sb.encode([sb.Part(name="job", data=b"[" * 99_999)]), "the job is no valid JSON"),
    (sb.encode([sb.Part(name="job", data=b"[]")]), "the job must be a JSON object"),
    (sb.encode([sb.Part(name="job", data=b" " * 1_000_001)]), "the job JSON is over 1 MB"),
    (sb.encode([sb.Part(name="image", data=b"")]), "unexpected part 'image'"),
    (sb.encode([sb.Part(name="input", data=b"")]), "an 'input' part has no filename"),
    (sb.encode([sb.input_part("a")] * 101), "unreadable multipart body"),
]


TYPES = [
    *((FORM, body, error) for body, error in BODIES),
    ("multipart/form-data", JOB, "has no boundary"),
    ("text/plain", PING, "must be application/json or multipart/form-data"),
    ("", PING, "must be application/json or multipart/form-data"),
    ("application/json", b"", "the job is no valid JSON"),
    ("application/json", b'"inference.ping.v1"', "the job must be a JSON object"),
]


@pytest.mark.parametrize(("content_type", "body", "error"), TYPES, ids=range(len(TYPES)))
def test_unreadable_job(
    sandbox: server.Sandbox, content_type: str, body: bytes, error: str
) -> None:
    """What is no job as JSON, or as multipart with a boundary, is a 400 that says why."""
    got = sb.ask(sandbox, "POST", "/v2/job", body=body, headers={"Content-Type": content_type})

    assert got.status == 400
    assert error in got.error


@pytest.mark.parametrize("filename", ["a b.jpg", "é中🎉.jpg", "a;b=c.jpg", "%22.jpg", "x" * 255])
def test_file_names(sandbox: server.Sandbox, filename: str) -> None:
    """Any file name can be referred to, as the header's quoting means it."""
    meant = filename.replace("%22", '"')
    job = sb.make_job(images=[meant])
    got = sb.send(sandbox, sb.input_part(filename), sb.job_part(job), accept="multipart/form-data")

    assert got.status == 200, got.error
    assert sandbox.jobs[0].inputs[0].filename == meant


def test_upload_memory() -> None:
    """A large input waits on disk, not in memory."""
    code = """
import http.client, resource, sys, urllib.parse
from prodia_compose.sandbox import server
with server.Sandbox() as sandbox:
    place = urllib.parse.urlsplit(sandbox.url)
    head = b'--b\\r\\nContent-Disposition: form-data; name="input"; filename="a"\\r\\n\\r\\n'
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pieces = (head if n == 0 else bytes(1 << 20) for n in range(121))
    connection = http.client.HTTPConnection(place.hostname, place.port)
    connection.request("POST", "/v2/job", body=pieces, headers={
        "Authorization": "Bearer t", "Content-Type": "multipart/form-data; boundary=b"})
    print(connection.getresponse().status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    status, grown = run.stdout.split()

    assert (status, run.stderr) == (b"400", b"")
    assert int(grown) < 40_000 * (1024 if sys.platform == "darwin" else 1)


# --- faults ---------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "kind", "count"), table("sandbox/parse_fault"))
def test_parse_fault(text: str, kind: FaultKind, count: int | None) -> None:
    """A fault is a kind, and how often it strikes."""
    assert parse_fault(text) == Fault(kind=kind, count=count)


@pytest.mark.parametrize(("text", "words"), table("sandbox/parse_fault_that_is_none"))
def test_parse_fault_that_is_none(text: str, words: str) -> None:
    """A fault that does not exist is a usage error with the kinds and the nearest."""
    with pytest.raises(errors.UsageError) as caught:
        parse_fault(text)

    assert words in caught.value.message


def faulty(*texts: str) -> server.Sandbox:
    """Return a sandbox with faults."""
    return server.Sandbox(SandboxOptions(faults=tuple(map(parse_fault, texts))))


@pytest.mark.parametrize(("kind", "status", "words"), table("sandbox/fault_status"))
@pytest.mark.parametrize("accept", ["multipart/form-data; image/jpeg", "image/png"])
def test_fault_status(kind: FaultKind, status: int, words: str, accept: str) -> None:
    """A fault's refusal looks like any other, a wrong type is a page; both are written down."""
    with faulty(kind) as sandbox:
        got = sb.send_job(sandbox, sb.make_job(), accept=accept)
        (record,) = sandbox.jobs

    assert got.status == status
    assert got.error.startswith(words)
    assert (got.content_type == "text/html") == (kind == "wrong-type")
    assert got.headers["Retry-After"] == ("1" if status == 429 else None)
    assert (record.status, record.fault) == (status, kind)
    assert record.job == sb.make_job()


def test_faults_strike_in_order_and_end() -> None:
    """Counted faults are used up one after the other; then the service is well."""
    with faulty("busy:2", "server-error:1", "rejected:1") as sandbox:
        statuses = [sb.send_job(sandbox, sb.make_job()).status for _ in range(6)]

    assert statuses == [429, 429, 500, 400, 200, 200]


def test_faults_strike_only_jobs_with_a_token() -> None:
    """A request that creates no job uses no fault up."""
    with faulty("rejected:1") as sandbox:
        statuses = [
            sb.send(sandbox, sb.job_part(sb.make_job()), token=None).status,
            sb.ask(sandbox, "GET", "/v2/job/async/x/job.json").status,
            sb.send_job(sandbox, sb.make_job(), path="/v2/job/async").status,
            sb.send_job(sandbox, sb.make_job(), path="/v2/job/async").status,
        ]

    assert statuses == [401, 404, 400, 201]


def test_fault_failed() -> None:
    """A failed job has a record that says so, and no output, at once or later."""
    with faulty("failed") as sandbox:
        path = "/v2/job?price=true"
        got = sb.send_job(sandbox, sb.make_job(), path=path, accept="multipart/form-data")
        path = "/v2/job/async"
        made = sb.send_job(sandbox, sb.make_job(), path=path, accept="application/json").json
        place = f"{path}/{made['id']}"
        later = sb.ask(sandbox, "GET", f"{place}/job.state.current")
        listed = sb.ask(sandbox, "GET", f"{place}/output")

    assert got.status == 200
    assert [name for name, *_ in got.parts] == ["job"]
    assert got.job["state"] == {"current": "failed", "history": None}
    assert got.error == "the sandbox was told to fail this job"
    assert "price" not in got.job
    assert (later.body, listed.body) == (b"failed", b"[]")


def raw_job() -> bytes:
    """Return a whole raw request that creates a job."""
    body = sb.encode([sb.job_part(sb.make_job()), sb.input_part("a.jpg")])
    return FORM_HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def test_fault_cut() -> None:
    """A cut answer announces more than it sends, then the connection ends."""
    with faulty("cut") as sandbox:
        answer = exchange(sandbox, raw_job())
        (record,) = sandbox.jobs

    head, _, body = answer.partition(b"\r\n\r\n")
    announced = int(head.split(b"Content-Length: ")[1].split()[0])
    assert status_of(answer) == 200
    assert 0 < len(body) == announced // 2
    assert (record.status, record.fault) == (200, "cut")


def test_fault_drop_after() -> None:
    """The connection ends without an answer after all was read and written down."""
    with faulty("drop-after") as sandbox:
        assert exchange(sandbox, raw_job()) == b""
        (record,) = sandbox.jobs

    assert (record.status, record.fault) == (None, "drop-after")


def test_fault_drop_before() -> None:
    """The connection ends after the head, with the body unread and nothing written down."""
    with faulty("drop-before:1") as sandbox, connect(sandbox) as connection:
        connection.sendall(FORM_HEAD + b"Content-Length: 100000000\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):  # the reset may overtake the end
            assert connection.recv(100) == b""

        assert sandbox.jobs == ()
        assert sb.send_job(sandbox, sb.make_job()).status == 200


def test_fault_stall() -> None:
    """A stalled job is read and never answered, until the sandbox closes."""
    with faulty("stall:1") as sandbox, connect(sandbox) as connection:
        connection.sendall(raw_job())
        assert_silent(connection)
        until(lambda: bool(sandbox.jobs))
        record = sandbox.jobs[0]
        assert sb.send_job(sandbox, sb.make_job()).status == 200
        sandbox.close()
        assert connection.recv(1) == b""

    assert (record.status, record.fault) == (None, "stall")


# --- starting and closing -------------------------------------------------------------


def test_latency_ends_when_closed() -> None:
    """A job under way is dropped when the sandbox closes."""
    with server.Sandbox(SandboxOptions(latency_s=3600)) as sandbox:
        with connect(sandbox) as connection:
            connection.sendall(raw_job())
            assert_silent(connection)
            sandbox.close()
            assert connection.recv(1) == b""

        assert all(record.status is None for record in sandbox.jobs)


def test_latency_does_not_delay_refusals() -> None:
    """A refusal comes at once, to an async job when it is made; so does a 401."""
    bad = sb.make_job(images=["nope"])
    with server.Sandbox(SandboxOptions(latency_s=3600)) as sandbox:
        assert sb.send_job(sandbox, bad).status == 400
        assert sb.send_job(sandbox, bad, path="/v2/job/async").status == 400
        assert sb.send(sandbox, token=None).status == 401


ELSEWHERE = ["0.0.0.0", "192.0.2.1", "example.org", "::", ""]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        *(({"latency_s": s}, "--latency ") for s in (-1, float("inf"), float("nan"), 86_401)),
        *(({"host": host}, "serves this machine only") for host in ELSEWHERE),
        ({"port": 65_536}, "--port 65536: a port is a number"),
    ],
)
def test_unusable_options(options: dict[str, Any], words: str) -> None:
    """No number of seconds, no loopback address and no port: each is a usage error."""
    place = {name: value for name, value in options.items() if name != "latency_s"}
    with pytest.raises(errors.UsageError, match=words):
        server.Sandbox(SandboxOptions(latency_s=options.get("latency_s", 0)), **place)


def test_latency_is_told() -> None:
    """A job's record tells how long it took."""
    with server.Sandbox(SandboxOptions(latency_s=0.2)) as sandbox:
        got = sb.send_job(sandbox, sb.make_job(), accept="application/json")

    metrics = got.json["metrics"]
    assert isinstance(metrics, dict)
    assert metrics["elapsed"] >= 0.2


def test_close_leaves_nothing_open() -> None:
    """Closing ends idle connections and threads, and may be done twice."""
    before = threading.active_count()
    sandbox = server.Sandbox()
    sandbox.start()
    sandbox.start()
    with connect(sandbox) as connection:
        connection.sendall(b"POST /v2/job HTTP/1.1\r\n")
        sb.send_job(sandbox, sb.make_job())
        sandbox.close()
        assert connection.recv(1) == b""
    sandbox.close()

    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        connect(sandbox)


def test_close_without_start() -> None:
    """A sandbox that never served closes all the same, and does not serve afterwards."""
    sandbox = server.Sandbox()
    sandbox.close()
    sandbox.start()

    with pytest.raises(ConnectionRefusedError):
        connect(sandbox)


def test_serve_forever_ends_when_closed() -> None:
    """Serving in the foreground ends when another thread closes the sandbox."""
    sandbox = server.Sandbox()
    serving = threading.Thread(target=sandbox.serve_forever)
    serving.start()
    assert sb.send_job(sandbox, sb.make_job()).status == 200
    sandbox.close()
    serving.join(20)

    assert not serving.is_alive()


def test_port_is_taken() -> None:
    """A port in use is a usage error that names it; it is free once the sandbox has closed."""
    with server.Sandbox() as sandbox:
        port = urllib.parse.urlsplit(sandbox.url).port or 0
        with pytest.raises(errors.UsageError, match=f"--port {port}: already in use on 127"):
            server.Sandbox(port=port)
    with server.Sandbox(port=port) as again:
        assert again.url == f"http://127.0.0.1:{port}"


def test_many_clients_at_once(sandbox: server.Sandbox) -> None:
    """Clients are served side by side, each with its own answer."""
    jobs = [sb.make_job(width=width, height=64) for width in range(64, 80)]
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        answers = list(pool.map(lambda job: sb.send_job(sandbox, job), jobs))

    assert [got.image.width for got in answers] == list(range(64, 80))
    assert len(sandbox.jobs) == 16


def test_clients_that_go_away(sandbox: server.Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    """Clients that vanish at any point leave the sandbox well and quiet."""
    whole = raw_job()
    for length in (0, 10, len(FORM_HEAD), len(whole) - 5, len(whole)):
        with connect(sandbox) as connection:
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.sendall(whole[:length])

    assert sb.send_job(sandbox, sb.make_job()).status == 200
    sandbox.close()
    assert capfd.readouterr() == ("", "")


def test_a_bug_is_told_in_the_answer(
    sandbox: server.Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A failure of the sandbox itself is a 500 that says so, and nothing is printed."""
    fail = unittest.mock.Mock(side_effect=KeyError("paint"))
    monkeypatch.setattr("prodia_compose.sandbox.drawing.draw", fail)
    got = sb.send_job(sandbox, sb.make_job())

    assert got.status == 500
    assert got.error == "the sandbox itself failed: KeyError: 'paint'"
    assert capfd.readouterr() == ("", "")


def test_shares_no_code_with_the_client() -> None:
    """The sandbox loads neither the client nor its multipart code, nor requests."""
    code = (
        "import json, sys; import prodia_compose.sandbox.server; "
        "print(json.dumps([name for name in sys.modules if name.startswith('prodia_compose.') "
        "or name in ('requests', 'typer', 'rich')]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    loaded = [name for name in json.loads(run.stdout) if ".sandbox" not in name]

    known = "images images.lettering inputs inputs.blob errors frozen models models.catalogue models.facts models.lookup values"
    assert set(loaded) <= {f"prodia_compose.{name}" for name in known.split()}
