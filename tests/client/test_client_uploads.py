"""An upload on its way: slow, stalled, cut off, interrupted, and what of it had left."""

import io
import signal
import socket
import time
from collections.abc import Callable

import loopback
import pytest
import submitting
from loopback import cut, multipart_ok, ok, silent, status, text
from submitting import LARGE, PICTURE, both, served, serving, submit

from prodia_compose import errors, progress
from prodia_compose.client.send import Sender
from prodia_compose.client.transport.exchange import Exchange
from prodia_compose.client.transport.passage import Request
from prodia_compose.client.wait import AsyncJob

BODY = submitting.job_body()
TAIL = f"--{submitting.BOUNDARY}--\r\n".encode()


def test_a_pause_is_no_stall() -> None:
    """A server that takes nothing for a while, but not for too long, gets all of it."""
    hint = loopback.raw(b"HTTP/1.1 102 Wait a little\r\n\r\n")
    body = submitting.job_body(5_000_000)
    script = loopback.trickle(loopback.early(hint, then="drain"), 0.02)
    server, outcome = served(script, body=body)

    assert server.submissions == 1
    assert outcome.states == ["sending", "sent"]
    assert outcome.reporter.amounts["upload"] == body.length


def test_a_server_that_ends_its_side_gets_no_more() -> None:
    """It will not answer: the rest of an upload is spared, though it goes on reading."""
    got = []

    def deafen(connection: socket.socket) -> None:
        got.append(len(connection.recv(1000)))
        connection.shutdown(socket.SHUT_WR)
        while data := connection.recv(1 << 16):
            got.append(len(data))

    with submitting.listener(deafen) as port, submitting.environment():
        outcome = submit(f"http://127.0.0.1:{port}", submitting.job_body(LARGE))

    assert isinstance(outcome.failure, errors.NotDeliveredError)
    assert (
        "the upload broke off: the connection was closed without an answer"
        in outcome.failure.message
    )
    assert sum(got) < LARGE


@both
def test_a_stop_ends_an_upload_at_once(*, tls: bool) -> None:
    """Not only when it would have been given up."""
    stop = progress.Stop()
    with serving(silent(read=1 << 16), tls=tls) as server:
        service = submitting.service(server.url, stall_timeout_s=50)
        seen = submitting.Outcome()

        def look() -> float:
            if seen.reporter.amounts.get("upload", 0) > 1 << 16:
                stop.request(signal.SIGTERM)
            return time.monotonic()

        began = time.monotonic()
        submit(service, submitting.job_body(LARGE), seen=seen, stop=stop, clock=look)

    assert seen.stopped is not None
    assert time.monotonic() - began < 25


def _sending(
    monkeypatch: pytest.MonkeyPatch, then: Callable[[bytes, Callable[[bytes], int]], int]
) -> None:
    """Have something happen to each piece that is sent; it gets the bytes and what sends them."""
    send = socket.socket.send

    def do(self: socket.socket, data: memoryview, *flags: int) -> int:
        return then(bytes(data), lambda piece: send(self, piece, *flags))

    monkeypatch.setattr(socket.socket, "send", do)


@pytest.mark.parametrize(("last", "states"), [(True, ["sending", "sent"]), (False, ["sending"])])
def test_a_signal_between_sending_and_noting_it_is_told_right(
    monkeypatch: pytest.MonkeyPatch,
    last: bool,  # noqa: FBT001 - of a row
    states: list[str],
) -> None:
    """What had been handed over may have left: the job is sent if its last byte was in it."""

    def strike(data: bytes, send: Callable[[bytes], int]) -> int:
        count = send(data)
        if data.endswith(TAIL) if last else b"ppp" in data:
            raise errors.Interrupted(signal.SIGINT)
        return count

    _sending(monkeypatch, strike)
    _, outcome = served(ok(PICTURE), body=BODY)

    assert outcome.stopped is not None
    assert outcome.states == states


def test_what_the_system_did_not_take_has_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped while the last byte waits for room, the job was surely not sent."""
    stop = progress.Stop()

    def refuse(data: bytes, send: Callable[[bytes], int]) -> int:
        if data == b"\n":
            stop.request(signal.SIGINT)
            raise TimeoutError
        return send(data[:-1] if data.endswith(TAIL) else data)

    _sending(monkeypatch, refuse)
    _, outcome = served(ok(PICTURE), body=BODY, stop=stop)

    assert outcome.stopped is not None
    assert outcome.states == ["sending"]


def test_a_stall_is_a_time_without_any_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is over at the very end of the time that is allowed, which each piece begins anew."""
    now, is_sending, tries = [0.0], [False], []

    def crawl(data: bytes, send: Callable[[bytes], int]) -> int:
        now[0] += 2.5
        is_sending[0] = True
        tries.append(data.endswith(TAIL))
        if tries[-1] or len(tries) % 4:
            raise TimeoutError
        return send(data)

    def clock() -> float:
        now[0] += not is_sending[0]  # whoever waits for an answer waits a second each time
        is_sending[0] = False
        return now[0]

    _sending(monkeypatch, crawl)
    server, outcome = served(ok(PICTURE), body=BODY, clock=clock)

    assert isinstance(outcome.failure, errors.NotDeliveredError)
    words = "the upload broke off: nothing could be sent for 10 s"
    assert outcome.failure.message.startswith(words)
    assert tries.count(True) == 4
    assert server.submissions == 0


@pytest.mark.parametrize("reset", [False, True])
@both
def test_a_connection_that_breaks_is_no_stall(*, tls: bool, reset: bool) -> None:
    """What ended the upload is told for what it is."""
    body = submitting.job_body(LARGE)
    _, outcome = served(loopback.drop("within", reset=reset), body=body, tls=tls)

    assert outcome.failure.message.startswith("the upload broke off: the connection was ")


def test_the_time_for_an_answer_is_over_at_its_end() -> None:
    """To the second: what was sent whole and not answered by then may be billed."""
    seen = submitting.Outcome()

    def clock() -> float:
        return 10.0 if "sent" in seen.states else 0.0

    with serving(silent()) as server:
        submit(server.url, seen=seen, clock=clock)

    assert isinstance(seen.failure, errors.UnknownError)
    assert "was sent, but no complete answer came within 10 s" in seen.failure.message


def test_the_watch_meets_whoever_answers() -> None:
    """With status, reason, length, ids and who it is; what is too long to be an id is cut."""
    script = text("no", 400, X_Request_Id=" " + "r" * 300, X_Sandbox="prodia-compose")
    _, outcome = served(loopback.busy(), script)

    first, second = outcome.replies
    assert (first.status, first.reason, first.request_id) == (
        429,
        "Too Many Requests",
        loopback.REQUEST_ID,
    )
    assert (first.is_sandbox, first.was_delivered, first.content_type) == (
        False,
        True,
        "application/json",
    )
    assert (second.status, second.length, second.request_id) == (400, 2, "r" * 200)
    assert second.is_sandbox
    assert outcome.failure.request_id == "r" * 200


def test_an_answer_without_an_id_has_none() -> None:
    """And without a reason, the usual one of its status."""
    _, outcome = served(
        loopback.raw(b"HTTP/1.1 404\r\nX-Request-Id:  \r\nContent-Length: 0\r\n\r\n")
    )

    assert outcome.replies[0].request_id is None
    assert outcome.replies[0].reason == "Not Found"
    assert "(404 Not Found)" in outcome.failure.message


def test_each_phase_ends() -> None:
    """However a job ends, nothing is left to be watched."""
    for script in (
        ok(PICTURE),
        status(400),
        cut(multipart_ok(PICTURE), "length"),
        loopback.drop("after"),
    ):
        _, outcome = served(script)
        assert outcome.reporter.phases
        assert outcome.reporter.running is None


def test_a_sender_needs_no_more_than_a_service() -> None:
    """Who watches nothing, and never stops, hands in nothing."""
    seen = submitting.Outcome()
    with serving(ok(PICTURE)) as server:
        sender = Sender(submitting.service(server.url), watch=seen)
        assert sender.send(BODY, accept="image/jpeg").attempts == 1
    with serving(text("processed")) as server:
        AsyncJob(Sender(submitting.service(server.url), watch=seen), "j").wait()


@pytest.mark.parametrize(
    ("answer", "stops"),
    [
        (loopback.drop("after"), True),
        (cut(ok(PICTURE), "length"), True),
        (cut(ok(PICTURE), "close"), True),
        (ok(PICTURE), False),
        (text("words"), False),
        (cut(text("token is invalid", 401), "length"), False),
        (status(500), False),
    ],
    ids=["dropped", "cut", "cut-by-closing", "picture", "words", "refused", "failed"],
)
def test_a_stop_is_told_unless_the_outcome_is_here(answer: loopback.Answer, *, stops: bool) -> None:
    """What has come whole, or says by its head what became of the job, is told for what it is."""
    _, outcome = served(answer, transport=submitting.StoppingAtTheEnd)

    assert (outcome.stopped is not None) is stops
    assert outcome.reporter.said == []


def test_a_host_that_is_not_there_is_not_tried_again_after_a_stop() -> None:
    """Whoever asks to stop while connecting is let go."""
    url = f"http://127.0.0.1:{loopback.closed_port()}"
    with submitting.environment():
        outcome = submit(url, transport=submitting.StoppingAtTheEnd)

    assert outcome.stopped is not None
    assert (outcome.slept, outcome.reporter.said) == ([], [])


@pytest.mark.parametrize(
    ("answer", "received"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n" + PICTURE, PICTURE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4006\r\n\r\n" + PICTURE, PICTURE),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfa6\r\n"
            + PICTURE
            + b"\r\n0\r\n\r\n",
            PICTURE,
        ),
        (b"HTTP/1.1 204 No\r\n\r\n" + PICTURE, PICTURE),
        (b"HTTP/1.1 304 No\r\n\r\n", None),
        (b"HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\nno", None),
    ],
)
def test_a_connection_that_stays_open_holds_nobody_up(
    answer: bytes, received: bytes | None
) -> None:
    """What is told of the end counts, but for a picture that is longer and is here at once."""
    began = time.monotonic()

    def hold(connection: socket.socket) -> None:
        came = b""
        while not came.endswith(TAIL):
            came += connection.recv(1 << 16)
        connection.sendall(answer)
        connection.recv(1)

    with submitting.listener(hold) as port, submitting.environment():
        outcome = submit(submitting.service(f"http://127.0.0.1:{port}", timeout_s=50))

    assert time.monotonic() - began < 25
    assert (outcome.sent is None) is (received is None)
    assert received is None or outcome.answer.outputs[0].blob.read() == received


def test_an_exchange_is_performed_before_it_is_read() -> None:
    """Anything else is a bug, and shown as one."""
    request = Request(service=submitting.service("http://h"), url="http://h", headers={})
    exchange = Exchange(request, reporter=progress.Reporter(), stop=progress.Stop())

    assert list(exchange.chunks()) == []
    with pytest.raises(RuntimeError, match="comes first"):
        assert exchange.is_framed


def test_the_seconds_of_a_wait_are_shown() -> None:
    """While nothing comes, up to the end of the time."""
    seen = submitting.Outcome()
    now = [0.0]

    def clock() -> float:
        now[0] += 0.25 * (seen.states == ["sending", "sent"])
        return now[0]

    with serving(silent()) as server:
        submit(submitting.service(server.url, timeout_s=4), seen=seen, clock=clock)

    assert 2 <= seen.reporter.amounts["waiting"] <= 4


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_bug_once_all_is_sent_does_not_pass_for_not_run(*, is_sent: bool) -> None:
    """Whatever goes wrong then, the job may be billed; before, a bug is shown as one."""
    seen = submitting.Outcome()
    stages = ["sending", "sent"] if is_sent else ["sending"]
    stumbled: list[int] = []

    def stumbling() -> float:
        if seen.states == stages and not stumbled:
            stumbled.append(1)
            raise ZeroDivisionError
        return 0.0

    with serving(silent()) as server:
        if is_sent:
            submit(server.url, seen=seen, clock=stumbling)
            assert isinstance(seen.failure, errors.UnknownError)
        else:
            with pytest.raises(ZeroDivisionError):
                submit(server.url, seen=seen, clock=stumbling)
    assert seen.states == stages


def test_a_disk_that_says_nothing_is_told_by_its_kind() -> None:
    """An error without words has its name."""

    class Silent(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise PermissionError

    body = submitting.body_of(submitting.picture_part(10, Silent))
    _, outcome = served(ok(PICTURE), body=body)

    assert outcome.failure.message.startswith(
        "the upload broke off: the job could not be read back from disk (PermissionError); the job"
    )


def test_a_variable_for_tls_is_not_blamed_without_tls() -> None:
    """A plain connection that fails has failed for another reason."""
    host = f"127.0.0.1:{loopback.closed_port()}"
    with submitting.environment(SSLKEYLOGFILE="/nowhere/keys", REQUESTS_CA_BUNDLE="/nowhere"):
        outcome = submit(f"http://{host}")

    assert outcome.failure.message.startswith(f"{host} refused the connection (3 attempts); ")
