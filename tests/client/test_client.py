"""Submitting a job: what goes out, what is told on the way, and what stops it."""

import base64
import gc
import gzip
import io
import os
import signal
import socket
import ssl
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import loopback
import pytest
import requests
import submitting
from loopback import busy, drop, multipart_ok, ok
from pictures import run_apart
from submitting import LARGE, PICTURE, TOKEN, both, served, serving, submit

import prodia_compose
from prodia_compose import errors, progress
from prodia_compose.client import answers, download, multipart
from prodia_compose.client.send import Pause
from prodia_compose.client.service import Token
from prodia_compose.client.transport import passage
from prodia_compose.client.transport.exchange import Exchange, Reply

# What goes out


@both
def test_the_request_is_as_documented(*, tls: bool) -> None:
    """One POST with the token, the length and nothing that identifies the sender further."""
    body = submitting.job_body()
    server, _ = served(ok(PICTURE), body=body, tls=tls)

    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/v2/job?price=true")
    assert dict(request.headers) == {
        "Host": f"127.0.0.1:{server.port}",
        "Accept": "multipart/form-data; image/jpeg",
        "Accept-Encoding": "identity",
        "User-Agent": f"prodia-compose/{prodia_compose.__version__}",
        "Content-Type": body.content_type,
        "Content-Length": str(body.length),
        "Authorization": f"Bearer {TOKEN}",
    }
    assert request.body == b"".join(body)


@submitting.each_guide_job
def test_the_guides_jobs_arrive_as_from_the_guides_python(job: dict[str, object]) -> None:
    """A server sees the same parts, headers included, as from the guide's `files=`."""
    body = submitting.body_of(*(submitting.part(*each) for each in submitting.guide_parts(job)))
    headers = {"Accept": "image/jpeg", "Authorization": f"Bearer {TOKEN}"}
    with serving(ok(PICTURE)) as server:
        files = submitting.guide_files(job)
        requests.post(f"{server.url}/v2/job", headers=headers, files=files, timeout=10)
        submit(server.url, body, accept="image/jpeg")

    theirs, ours = server.requests
    assert ours.parts() == theirs.parts()
    assert ours.job() == job
    assert ours.size == theirs.size
    for name in ("Accept", "Authorization", "Content-Length"):
        assert ours.headers[name] == theirs.headers[name]


def test_a_netrc_does_not_replace_the_token(tmp_path: Path) -> None:
    """A netrc entry for the service's host is not used."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\n", encoding="ascii")
    with serving(ok(PICTURE), NETRC=str(netrc)) as server:
        submit(server.url)

    assert server.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_redirect_is_not_followed() -> None:
    """The place a redirect points to is not asked, not even without the token."""
    with loopback.serve([ok(PICTURE)]) as elsewhere:
        _, outcome = served(loopback.redirect(307, elsewhere.url))

    assert isinstance(outcome.failure, errors.RejectedError)
    assert elsewhere.connections == 0


# What is told


@both
def test_the_answer_and_its_ids_come_back(*, tls: bool) -> None:
    """Pictures, record, request id and the number of attempts are returned."""
    _, outcome = served(busy(), multipart_ok(PICTURE), tls=tls)

    assert outcome.sent is not None
    assert (outcome.sent.request_id, outcome.sent.attempts) == (loopback.REQUEST_ID, 2)
    assert outcome.answer.outputs[0].blob.read() == PICTURE
    assert (outcome.answer.job.id, outcome.answer.job.price_usd) == (loopback.JOB_ID, 0.039)


def test_ids_come_with_errors() -> None:
    """An error names the request, and the job if the service had begun one."""
    _, outcome = served(multipart_ok(job={"id": "j-7", "error": "no"}, status=400))

    assert outcome.failure.request_id == loopback.REQUEST_ID
    assert outcome.failure.job_id == "j-7"


def test_states_are_told_in_order() -> None:
    """Each attempt is told from its first byte to its answer, and a busy service's as not sent."""
    _, outcome = served(busy(), ok(PICTURE))

    attempt = ["sending", "sent", "answered"]
    assert outcome.states == [*attempt, "not-sent", *attempt]


def test_progress_adds_up() -> None:
    """The phases follow each other, and their amounts are the bytes that went and came."""
    body = submitting.job_body(300_000)
    _, outcome = served(ok(PICTURE), body=body, usual_seconds=7.9)

    seen = outcome.reporter
    assert seen.phases == ["upload", "waiting", "receive"]
    assert seen.totals == {"upload": body.length, "waiting": 8, "receive": len(PICTURE)}
    assert (seen.amounts["upload"], seen.amounts["receive"]) == (body.length, len(PICTURE))


def test_the_exchange_can_be_followed() -> None:
    """The trace has the request's headers and the answer's useful ones, and no secret."""
    server, outcome = served(ok(PICTURE, Set_Cookie="session=1", Retry_After=TOKEN))

    lines = outcome.reporter.traced
    assert lines[0] == f"> POST {server.url}/v2/job?price=true"
    assert set(lines) > {
        "> Authorization: ***",
        "> Accept: multipart/form-data; image/jpeg",
        "< 200 OK",
        "< content-type: image/jpeg",
        "< retry-after: ***",
    }
    assert not any("cookie" in line.lower() for line in lines)


def test_waits_follow_the_service_and_are_told() -> None:
    """Each wait is what the service asked for and at most a tenth more, and gets one line."""
    _, outcome = served(busy("3"), busy("20", 503), ok(PICTURE))

    assert 3 <= outcome.slept[0] <= 3.3
    assert 20 <= outcome.slept[1] <= 22
    assert [line.partition(";")[0] for line in outcome.reporter.said] == [
        "the service is busy (429)",
        "the service is busy (503)",
    ]


@pytest.mark.parametrize("max_wait_s", [0, 5, 30, 120])
def test_waits_stay_within_the_patience(max_wait_s: float) -> None:
    """However long a service stays busy, the waits add up to no more than allowed."""
    server, outcome = served(busy(None), limits={"max_wait_s": max_wait_s})

    assert isinstance(outcome.failure, errors.BusyError)
    assert sum(outcome.slept) <= max_wait_s + 1e-6  # of rounding
    assert server.submissions == len(outcome.slept) + 1


def test_jobs_that_wait_together_are_given_each_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause is handed over with its reason instead of being told and slept, for as long as asked."""
    resolve = socket.getaddrinfo
    hitches = iter([True, False, False, False, False])

    def hitching(*args: object, **options: object) -> object:
        return submitting.unresolvable() if next(hitches) else resolve(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", hitching)
    pauses: list[Pause] = []
    script = (busy("900"), busy(None, 429), busy("0", 503), ok(PICTURE))
    server, outcome = served(*script, limits={"max_wait_s": 0}, pause=pauses.append)

    assert (outcome.answer.whole, server.submissions) == (True, 4)
    assert (outcome.slept, outcome.reporter.said) == ([], [])
    shown = [(one.is_busy, one.asked_s, one.attempt) for one in pauses]
    assert shown == [(False, None, 2), (True, 900, 3), (True, None, 4), (True, 0, 5)]
    assert 900 <= pauses[1].seconds <= 902
    assert pauses[1].why == "the service is busy (429)"
    assert pauses[1].words.startswith("the service is busy (429); trying again in 90")


def test_a_pause_that_gives_up_ends_the_job_unsent() -> None:
    """What is raised instead of waiting on comes out as it is, and nothing is on its way."""

    def give_up(pause: Pause) -> None:
        raise errors.BusyError(f"{pause.why}: enough")

    server, outcome = served(busy("1"), pause=give_up)

    assert isinstance(outcome.failure, errors.BusyError)
    assert outcome.failure.message == "the service is busy (429): enough"
    assert (outcome.states[-1], server.submissions) == ("not-sent", 1)


# What stops it before it is sent


def test_a_refused_connection_is_tried_three_times() -> None:
    """A port where nothing listens is tried again twice, told, and named with a cure."""
    host = f"127.0.0.1:{loopback.closed_port()}"
    with submitting.environment():
        outcome = submit(f"http://{host}")

    assert isinstance(outcome.failure, errors.NotDeliveredError)
    assert outcome.failure.message == (
        f"{host} refused the connection (3 attempts); the job did not run; check PRODIA_BASE_URL"
        " if it is set, or try again later"
    )
    assert len(outcome.slept) == len(outcome.reporter.said) == 2
    assert outcome.states == []
    assert not outcome.failure.may_be_billed


def test_connecting_is_tried_anew_after_each_busy_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three attempts at connecting are those in a row: a busy answer between begins anew."""
    resolve = socket.getaddrinfo
    hitches = iter([True, True, False] * 3)

    def hitching(*args: object, **options: object) -> object:
        return submitting.unresolvable() if next(hitches) else resolve(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", hitching)
    server, outcome = served(busy(), busy(), ok(PICTURE))

    assert outcome.sent is not None, outcome.error
    assert outcome.sent.attempts == 9
    assert server.submissions == 3


def test_an_unknown_host_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that cannot be resolved is told as such."""
    monkeypatch.setattr(socket, "getaddrinfo", submitting.unresolvable)
    with submitting.environment():
        outcome = submit("https://nowhere.test")

    assert "the host nowhere.test cannot be found (3 attempts)" in outcome.failure.message


def test_an_untrusted_certificate_is_named_and_not_tried_again() -> None:
    """A certificate nobody vouches for is refused at once, with the variable that would help."""
    with loopback.serve([ok(PICTURE)], tls=True) as server, submitting.environment():
        outcome = submit(server.url)

    assert isinstance(outcome.failure, errors.NotDeliveredError)
    assert "is not trusted (unable to get local issuer certificate)" in outcome.failure.message
    assert "REQUESTS_CA_BUNDLE" in outcome.failure.message
    assert server.connections == 1
    assert server.requests == []


def _answer_plainly(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (_answer_plainly, "no TLS connection to {host} ("),
        (lambda connection: connection.close(), "{host}"),
        (lambda _: None, "no connection to {host} within 0.1 s (3 attempts); the job did not run"),
    ],
    ids=["plain", "cut-off", "hanging"],
)
def test_a_handshake_that_fails_is_named(then: Callable[[socket.socket], None], words: str) -> None:
    """A server without TLS, or that ends or forgets the handshake, is told and tried again."""
    with submitting.listener(then) as port, submitting.environment():
        host = f"127.0.0.1:{port}"
        timeout_s = 0.1 if "0.1" in words else 5
        outcome = submit(submitting.service(f"https://{host}", connect_timeout_s=timeout_s))

    assert isinstance(outcome.failure, errors.NotDeliveredError)
    assert words.format(host=host) in outcome.failure.message
    assert len(outcome.slept) == 2


_NO_BUNDLE = {
    None: "does not exist",
    "": "holds no certificate in PEM form",
    "no certificate": "holds no certificate in PEM form",
    "\x30\x82\x05": "holds no certificate in PEM form",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": "holds a damaged certificate",
    "folder": "holds no certificate under its hash (`openssl rehash` makes those names)",
    "in a file": "cannot be read (Not a directory)",
}


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(("content", "words"), _NO_BUNDLE.items())
def test_a_useless_bundle_is_named(
    name: str, content: str | None, words: str, tmp_path: Path
) -> None:
    """A bundle of certificates that is missing or none is told at once, with its variable."""
    bundle = tmp_path / "ca.pem"
    if content == "folder":
        bundle.mkdir()
    elif content is not None:
        bundle.write_text(content, encoding="latin-1")
    if content == "in a file":
        bundle /= "ca.pem"
    with (
        loopback.serve([ok(PICTURE)], tls=True) as server,
        submitting.environment(None, **{name: str(bundle)}),
    ):
        outcome = submit(server.url)
        with pytest.raises(errors.NotDeliveredError) as caught:
            download.download(f"{server.url}/a.jpg")

    shown = f"{name} names {bundle}, which {words}"
    assert isinstance(outcome.failure, errors.NotDeliveredError)
    assert outcome.failure.message == f"{shown}; the job did not run; correct it, or unset it"
    assert caught.value.message == f"{shown}; correct it, or unset it"
    assert (outcome.slept, server.submissions) == ([], 0)


@pytest.mark.parametrize(
    ("place", "reason"), [("", "Is a directory"), ("gone/keys", "No such file or directory")]
)
def test_a_file_for_keys_that_cannot_be_written_is_named(
    place: str, reason: str, tmp_path: Path
) -> None:
    """Where TLS is asked to write down its keys and cannot, that is told at once."""
    keys = str(tmp_path / place)
    with serving(ok(PICTURE), tls=True, SSLKEYLOGFILE=keys) as server:
        outcome = submit(server.url)

    assert outcome.failure.message.startswith(
        f"SSLKEYLOGFILE names {keys}, which cannot be written ({reason}); the job did not run"
    )
    assert (outcome.slept, server.submissions) == ([], 0)


def test_variables_for_tls_are_not_looked_at_without_it() -> None:
    """What is wrong with them is no reason to fail where nobody needs them."""
    with serving(ok(PICTURE), SSLKEYLOGFILE="/nowhere/x", REQUESTS_CA_BUNDLE="/nowhere") as server:
        assert submit(server.url).answer.outputs


# Proxies


@both
def test_loopback_never_uses_a_proxy(*, tls: bool) -> None:
    """Whatever the proxy variables say, a loopback service is spoken to directly."""
    dead = f"http://127.0.0.1:{loopback.closed_port()}"
    proxies = {"HTTP_PROXY": dead, "HTTPS_PROXY": dead, "ALL_PROXY": "socks5://127.0.0.1:9"}
    with serving(ok(PICTURE), tls=tls, **proxies) as server:
        outcome = submit(server.url)

    assert outcome.answer.outputs


@contextmanager
def _proxied(
    *script: loopback.Answer, ca: bool = True, proxy_tls: bool = False, user: str = ""
) -> Iterator[tuple[loopback.Server, loopback.Server]]:
    """Give a service over TLS and a proxy that leads to it, in an environment that names it."""
    with (
        loopback.serve(script, tls=True) as server,
        loopback.serve([loopback.tunnel(server.port)], tls=proxy_tls) as proxy,
        submitting.environment(
            server.ca_file if ca else None, HTTPS_PROXY=proxy.url.replace("//", f"//{user}")
        ),
    ):
        yield server, proxy


@pytest.mark.parametrize("proxy_tls", [False, True], ids=["http-proxy", "https-proxy"])
@pytest.mark.parametrize("early", [False, True], ids=["whole", "early-refusal"])
def test_a_proxy_is_used_and_sees_no_token(*, early: bool, proxy_tls: bool) -> None:
    """Through a proxy the job arrives over TLS, and an early refusal is heard as well."""
    answer = loopback.early(loopback.text("too big", 413)) if early else ok(PICTURE)
    body = submitting.job_body(LARGE if early else 300_000)
    with _proxied(answer, proxy_tls=proxy_tls, user="me:proxy-password@") as (server, proxy):
        outcome = submit("https://service.test:8443", body)

    (connect,) = proxy.requests
    assert connect.head.startswith(b"CONNECT service.test:8443 HTTP/1.")
    expected = "Basic " + base64.b64encode(b"me:proxy-password").decode()
    assert connect.headers["Proxy-Authorization"] == expected
    assert TOKEN.encode() not in connect.head
    assert server.submissions == (0 if early else 1)
    assert server.requests[0].headers["Proxy-Authorization"] is None
    if early:
        assert "too big" in outcome.failure.message
    else:
        assert outcome.answer.outputs


def test_a_certificate_met_through_a_proxy_is_told_with_the_proxy() -> None:
    """An untrusted certificate behind a proxy names both: it may be the proxy's own."""
    with _proxied(ok(PICTURE), ca=False) as (_, proxy):
        outcome = submit("https://service.test")

    message = outcome.failure.message
    assert "the certificate of service.test is not trusted" in message
    assert f", through the proxy 127.0.0.1:{proxy.port} (from HTTPS_PROXY)" in message


@pytest.mark.parametrize("words", ["407 Proxy Authentication Required", "503 No Route"])
def test_a_proxy_that_refuses_is_named(words: str) -> None:
    """A proxy's refusal is told as the proxy's, with its variable and without its password."""
    with loopback.serve([loopback.raw(f"HTTP/1.1 {words}\r\n\r\n".encode())]) as proxy:
        url = proxy.url.replace("//", "//me:proxy-password@")
        with submitting.environment(HTTPS_PROXY=url):
            outcome = submit("https://service.test")

    assert isinstance(outcome.failure, errors.NotDeliveredError)
    message = outcome.failure.message
    assert f"the proxy 127.0.0.1:{proxy.port} (from HTTPS_PROXY) refused" in message
    assert words in message
    assert "NO_PROXY" in message
    assert "proxy-password" not in outcome.texts()


@pytest.mark.parametrize(
    ("variable", "proxy", "words"),
    [
        ("HTTPS_PROXY", "http://127.0.0.1:{closed}", "cannot be used: it refused the connection"),
        ("https_proxy", "127.0.0.1:{closed}", "cannot be used: it refused the connection"),
        pytest.param(
            *("ALL_PROXY", "socks5://127.0.0.1:9"),
            "is a SOCKS proxy, which needs the package PySocks",
            marks=pytest.mark.skipif(find_spec("socks") is not None, reason="PySocks is here"),
        ),
        pytest.param(
            *("ALL_PROXY", "socks5h://127.0.0.1:{closed}"),
            "no connection to service.test, through the proxy 127.0.0.1:",
            marks=pytest.mark.skipif(find_spec("socks") is None, reason="needs PySocks"),
        ),
        ("HTTPS_PROXY", "http://", "is not a proxy's URL"),
        ("HTTPS_PROXY", "http://[", "is not a proxy's URL"),
        ("HTTPS_PROXY", "http://proxy.test:99999", "is not a proxy's URL"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named(variable: str, proxy: str, words: str) -> None:
    """A dead or malformed proxy does not read like a dead service."""
    value = proxy.format(closed=loopback.closed_port())
    with submitting.environment(None, **{variable: value}):
        outcome = submit("https://service.test")

    assert isinstance(outcome.failure, errors.NotDeliveredError)
    assert words in outcome.failure.message
    assert f"(from {variable})" in outcome.failure.message


# What stops it on the way


class _Breaking(io.BytesIO):
    """Bytes on a disk that fails in the middle."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 1_000_000:
            raise OSError(5, "Input/output error")
        return super().read(size)


@both
def test_a_body_that_cannot_be_read_is_not_delivered(*, tls: bool) -> None:
    """A failing disk under the job ends the upload; the server never has all of it."""
    data = b"x" * 2_000_000
    body = submitting.body_of(submitting.picture_part(len(data), lambda: _Breaking(data)))
    server, outcome = served(ok(PICTURE), body=body, tls=tls)

    assert isinstance(outcome.failure, errors.NotDeliveredError)
    assert "read back from disk (Input/output error)" in outcome.failure.message
    assert server.submissions == 0


def test_a_part_of_another_size_is_a_bug_and_never_complete() -> None:
    """A part that is not as long as announced is raised as it is; the server never has all of it."""
    body = submitting.body_of(submitting.picture_part(10, lambda: io.BytesIO(b"x")))
    with serving(ok(PICTURE)) as server, pytest.raises(multipart.PartSizeError):
        submit(server.url, body)

    assert server.submissions == 0


@contextmanager
def _soon(when: Callable[[], bool], act: Callable[[], object]) -> Iterator[None]:
    """Do something in another thread as soon as `when` holds."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            if when():
                act()
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@both
@pytest.mark.parametrize(
    ("script", "stage", "states"),
    [
        (loopback.silent(read=1 << 16), "uploading", ["sending"]),
        (loopback.silent(), "waiting", ["sending", "sent"]),
        (loopback.trickle(ok(PICTURE), 0.002), "receiving", ["sending", "sent", "answered"]),
    ],
    ids=["uploading", "waiting", "receiving"],
)
def test_a_stop_is_heeded_at_any_stage(
    script: loopback.Answer, stage: str, states: list[errors.JobState], *, tls: bool
) -> None:
    """Whoever asks to stop ends it soon, with the true state told, and what had come."""
    seen, stop = submitting.Outcome(), progress.Stop()
    with serving(script, tls=tls) as server:

        def reached() -> bool:
            if stage == "uploading":
                return bool(server.requests) and server.requests[0].size >= 1 << 16
            if stage == "waiting":
                return server.submissions == 1
            return seen.reporter.amounts.get("receive", 0) > 0

        body = submitting.job_body(LARGE if stage == "uploading" else 1000)
        with _soon(reached, lambda: stop.request(signal.SIGTERM)):
            submit(server.url, body, seen=seen, stop=stop)

    assert seen.stopped is not None
    assert seen.stopped.code == errors.ExitCode.SIGTERM
    assert seen.states == states
    assert (seen.held is not None) == (stage == "receiving")
    assert seen.held is None or PICTURE.startswith(seen.held.raw.read())


def test_a_stop_loses_no_answer_that_is_here() -> None:
    """An answer that has come whole by the time of the stop is returned as ever."""
    stop = progress.Stop()

    class StoppingAtTheHead(Exchange):
        def perform(self) -> Reply:
            reply = super().perform()
            stop.request(signal.SIGINT)
            return reply

    _, outcome = served(multipart_ok(PICTURE * 20), stop=stop, transport=StoppingAtTheHead)

    assert outcome.answer.outputs[0].blob.read() == PICTURE * 20
    assert outcome.held == outcome.answer


def test_whatever_ends_the_reading_what_came_is_told() -> None:
    """A signal's exception, or a bug, in the middle of an answer leaves what came with the watch."""

    class Interrupting(Exchange):
        def chunks(self) -> Iterator[bytes]:
            yield from super().chunks()
            raise errors.Interrupted(signal.SIGINT)

    _, outcome = served(ok(PICTURE), transport=Interrupting)

    assert outcome.stopped is not None
    assert outcome.held is not None
    assert outcome.held.outputs[0].blob.read() == PICTURE


def test_half_a_picture_is_none_whatever_ends_the_reading() -> None:
    """What had come by a signal's exception is kept as a part, and not as a picture."""

    class Interrupting(Exchange):
        def chunks(self) -> Iterator[bytes]:
            yield next(super().chunks())[:100]
            raise errors.Interrupted(signal.SIGINT)

    _, outcome = served(ok(PICTURE), transport=Interrupting)

    assert outcome.held is not None
    assert (outcome.held.whole, outcome.held.outputs) == (False, ())
    assert [output.blob.read() for output in outcome.held.salvaged] == [PICTURE[:100]]


def test_a_picture_without_an_answer_around_it_is_kept_and_not_taken_for_whole() -> None:
    """Nobody knows what it is the beginning of."""
    _, outcome = served(loopback.raw(PICTURE))

    assert outcome.held is not None
    assert not outcome.held.whole
    assert [output.blob.read() for output in outcome.held.outputs] == [PICTURE]


def test_without_a_temporary_folder_no_answer_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is packed: what is paid for is held in memory, and cleaned of the token there."""

    def missing(**_options: object) -> object:
        raise FileNotFoundError

    part = b"--BB\r\nContent-Transfer-Encoding: base64\r\n\r\n%b\r\n--BB--\r\n"
    body = gzip.compress(part % base64.b64encode(PICTURE + TOKEN.encode()))
    head = b"Content-Type: multipart/form-data; boundary=BB\r\nContent-Encoding: gzip\r\n\r\n"
    monkeypatch.setattr(tempfile, "TemporaryFile", missing)
    _, outcome = served(loopback.raw(b"HTTP/1.1 200 OK\r\n" + head + body))

    (output,) = outcome.answer.outputs
    assert output.blob.read() == PICTURE + TOKEN.encode()
    assert Token(value=TOKEN).clean(output.blob).read() == PICTURE + b"*" * len(TOKEN)


def test_a_bug_in_reading_an_answer_leaves_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with taking an answer apart, all of its bytes are told, and so is the bug."""

    def stumble(*_args: object, **_options: object) -> answers.Answer:
        raise ZeroDivisionError

    monkeypatch.setattr(answers, "read", stumble)
    seen, script = submitting.Outcome(), multipart_ok(PICTURE)
    with pytest.raises(ZeroDivisionError), serving(script) as server:
        submit(server.url, seen=seen)

    assert seen.held is not None
    assert [output.blob.read() for output in seen.held.salvaged] == [script.body]


class _Striking(submitting.Recorder):
    """Raises as a signal's handler would, once all of an upload has been counted."""

    def advance(self, amount: int) -> None:
        super().advance(amount)
        if self.phases == ["upload"] and self.amounts["upload"] == self.totals["upload"]:
            raise errors.Interrupted(signal.SIGINT)


def test_a_part_of_the_last_piece_is_not_the_whole_job() -> None:
    """Stopped with bytes left that a full socket did not take, the job was surely not sent."""
    seen = submitting.Outcome()
    service, body = submitting.service("http://127.0.0.1:9"), submitting.job_body()
    moved = passage.Passage(
        passage.Request(service=service, url="", headers={}, body=body),
        reporter=progress.Reporter(),
        on_state=seen.states.append,
        stop=progress.Stop(),
        clock=time.monotonic,
    )
    moved.begin()
    moved.in_body = True
    moved.offer(body.length)
    moved.sent(body.length - 1)
    moved.abandoned()

    assert seen.states == ["sending"]


def test_a_last_byte_that_may_have_left_counts_as_sent() -> None:
    """What strikes as the last byte is handed over, and before that is noted, finds the job sent."""
    _, outcome = served(ok(PICTURE), reporter=_Striking())

    assert outcome.stopped is not None
    assert outcome.states == ["sending", "sent"]


@contextmanager
def _signalled(stop: progress.Stop, when: Callable[[], bool]) -> Iterator[None]:
    """Send SIGTERM to this process as soon as `when` holds; it raises unless that is deferred."""

    def interrupt(signum: int, _frame: object) -> None:
        stop.request(signum)
        if not stop.is_deferred:
            raise errors.Interrupted(signum)

    stop.defer()
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with _soon(when, lambda: os.kill(os.getpid(), signal.SIGTERM)):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_signal_while_connecting_finds_nothing_sent() -> None:
    """A signal is heard during the TLS handshake though it is deferred, and the job not sent."""
    accepted, stop = threading.Event(), progress.Stop()
    with (
        submitting.listener(lambda _: accepted.set()) as port,
        submitting.environment(),
        _signalled(stop, accepted.is_set),
    ):
        outcome = submit(f"https://127.0.0.1:{port}", stop=stop)

    assert outcome.stopped is not None
    assert outcome.states == []
    assert stop.is_deferred
    # `ssl` leaves a socket whose handshake is interrupted to the collector: let it
    # complain here, where that is allowed.
    outcome.stopped = None
    gc.collect()


def test_a_signal_is_heard_in_an_upload_that_cannot_look_up() -> None:
    """TLS inside a proxy's TLS cannot send in steps: what is deferred raises there all the same."""
    stop = progress.Stop()
    with (
        _proxied(loopback.silent(read=1 << 16), proxy_tls=True) as (server, _),
        _signalled(stop, lambda: bool(server.requests) and server.requests[0].size >= 1 << 16),
    ):
        began = time.monotonic()
        service = submitting.service("https://service.test", stall_timeout_s=50)
        outcome = submit(service, submitting.job_body(LARGE), stop=stop)

    assert outcome.stopped is not None
    assert outcome.states == ["sending"]
    assert time.monotonic() - began < 25


def test_a_stop_while_waiting_for_a_busy_service_finds_nothing_sent() -> None:
    """What a busy service turned away is not sent, whatever had left before."""
    stop = progress.Stop()

    class StoppingAtTheEnd(Exchange):
        def __exit__(self, *how: object) -> None:
            stop.request(signal.SIGINT)
            super().__exit__(*how)

    _, outcome = served(busy(), stop=stop, sleep=stop.sleep, transport=StoppingAtTheEnd)

    assert outcome.stopped is not None
    assert outcome.states[-1] == "not-sent"


def test_a_connection_dropped_after_busy_is_not_mistaken_for_busy() -> None:
    """After a busy answer the next attempt is judged by itself."""
    server, outcome = served(busy(), drop("within"), body=submitting.job_body(LARGE))

    assert isinstance(outcome.failure, errors.NotDeliveredError)
    assert server.submissions == 1


# Memory


_SENDING = """
import io, sys
from prodia_compose.client import multipart
from prodia_compose.client.send import Sender
from prodia_compose.client.service import Service, Token

class Nobody:
    def reached(self, state): pass
    def met(self, reply): pass
    def came(self, answer): pass

class Zeros(io.RawIOBase):
    left = int(sys.argv[2])
    def readable(self): return True
    def readinto(self, buffer):
        count = min(len(buffer), self.left)
        self.left -= count
        return count

part = multipart.Part(
    name="input", filename="a.jpg", media_type="image/jpeg", size=Zeros.left, open=Zeros)
sender = Sender(Service(base_url=sys.argv[1], token=Token(value="t")), watch=Nobody())
sender.send(multipart.MultipartBody([part], "b" * 30), accept="image/jpeg")
"""


@both
def test_memory_stays_flat(*, tls: bool) -> None:
    """Sending 150 MB takes less than 16 MB of memory more than sending one byte."""
    with (
        loopback.serve([ok(PICTURE)], tls=tls, keep_bytes=0) as server,
        submitting.environment(server.ca_file),
    ):
        few, many = (run_apart(_SENDING, server.url, size) for size in ("1", "150000000"))

    assert few[1] + many[1] == ""
    assert server.requests[-1].size > 150_000_000
    assert many[2] - few[2] < 16_000_000


@pytest.mark.parametrize("answer", [multipart_ok(PICTURE), busy("1")], ids=["done", "busy"])
@both
def test_nothing_of_a_job_outlives_it(answer: loopback.Answer, *, tls: bool) -> None:
    """Its pictures' files are closed at once: many jobs in one process would spend them all."""
    body = submitting.job_body()
    gone = weakref.ref(body)
    gc.disable()
    try:
        with serving(answer, tls=tls) as server:
            outcome = submit(submitting.service(server.url, max_wait_s=0), body)
            outcome.error = None  # an error's traceback has all that was around it
            del body
            assert gone() is None
    finally:
        gc.enable()


def test_this_python_speaks_tls_1_3() -> None:
    """The TLS rows of these tests meet session tickets, which only TLS 1.3 sends unasked."""
    assert ssl.HAS_TLSv1_3
