"""Inputs named by a URL: redirects, limits, and what each failure is called."""

import base64
import socket
from pathlib import Path

import loopback
import pytest
import submitting
from loopback import cut, drop, ok, raw, redirect, silent, status, text, trickle
from submitting import PICTURE, Recorder
from tables import rows

from prodia_compose import blob, errors
from prodia_compose.client import download as downloads

both = pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])


def download(url: str, *, timeout_s: float = 10) -> blob.Blob:
    """Download at most 1 MB, with a deadline fit for a test."""
    return downloads.download(url, max_bytes=1_000_000, connect_timeout_s=5, timeout_s=timeout_s)


@both
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_the_bytes_come_back(framing: str, tls: bool) -> None:  # noqa: FBT001 - a parameter
    """What is at the URL comes back byte for byte, however it is framed."""
    answer = cut(ok(PICTURE), framing, len(PICTURE))  # type: ignore[arg-type] # one of three
    with loopback.serve([answer], tls=tls) as server, submitting.environment(server.ca_file):
        found = download(f"{server.url}/a.jpg?size=large")

    assert found.read() == PICTURE
    assert server.requests[0].method == "GET"
    assert server.requests[0].target == "/a.jpg?size=large"


def test_the_request_identifies_nobody(tmp_path: Path) -> None:
    """No token, no cookie, and nothing from a netrc is sent."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\n", encoding="ascii")
    with loopback.serve([ok(PICTURE)]) as server, submitting.environment(NETRC=str(netrc)):
        download(f"{server.url}/a.jpg")

    assert sorted(server.requests[0].headers) == ["Accept", "Accept-Encoding", "Host", "User-Agent"]


def test_a_user_in_the_url_is_sent_there_and_nowhere_else() -> None:
    """A user and password written in the URL go to its host, not to where it redirects."""
    with (
        submitting.environment(),
        loopback.serve([ok(PICTURE)]) as elsewhere,
        loopback.serve([redirect(302, f"{elsewhere.url}/b")]) as server,
    ):
        download(server.url.replace("//", "//me:p%40ss@") + "/a")

    expected = "Basic " + base64.b64encode(b"me:p@ss").decode()
    assert server.requests[0].headers["Authorization"] == expected
    assert elsewhere.requests[0].headers["Authorization"] is None


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_followed(code: int) -> None:
    """Each kind of redirect leads on, relative ones too."""
    with loopback.serve([redirect(code, "../b.jpg"), ok(PICTURE)]) as server:
        found = download(f"{server.url}/x/a.jpg")

    assert found.read() == PICTURE
    assert [request.target for request in server.requests] == ["/x/a.jpg", "/b.jpg"]


@pytest.mark.parametrize("mark", "/?#")
def test_a_password_that_is_not_escaped_is_not_told(mark: str) -> None:
    """Its first half would pass for the port; what is told is how to write it."""
    with submitting.environment(), pytest.raises(errors.InputError) as caught:
        download(f"https://me:Sec{mark}ret@127.0.0.1:9/a.jpg")

    assert caught.value.message == (
        "what follows me: is not a port; in a password, / and ? and # are written %2F and %3F and %23"
    )


def test_a_host_that_is_no_name_is_told_with_its_port() -> None:
    """The port is not to blame where it is one."""
    with submitting.environment(), pytest.raises(errors.InputError) as caught:
        download("https://a..b:8443/a.jpg")

    assert caught.value.message == "a..b:8443 is not a host's name"


def test_redirects_end() -> None:
    """Ten redirects are followed, an eleventh is not."""
    with (
        loopback.serve([redirect(302, "/again")]) as server,
        submitting.environment(),
        pytest.raises(errors.InputError, match="leads through more than 10 redirects"),
    ):
        download(server.url)

    assert len(server.requests) == 11


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (status(404), "the server answered 404 Not Found"),
        (text("no", 403), "the server answered 403 Forbidden"),
        (status(429), "the server answered 429 Too Many Requests"),
        (status(304), "the server answered 304 Not Modified"),
        (redirect(302, None), "the server answered 302 Found"),
        (redirect(302, "file:///etc/passwd"), "is not an http or https address"),
        (redirect(302, "http://[oops"), "redirects to something that is no address"),
        (ok(b""), "is empty"),
        (ok(b"x" * 1_000_001), "is over 1 MB"),
        (cut(ok(b"x" * 1_000_001), "chunked", 1_000_001), "is over 1 MB"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), "is over 1 MB"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_what_is_no_use_is_an_input_error(answer: loopback.Answer, message: str) -> None:
    """What trying again would not cure is an input error that says what is there."""
    with (
        loopback.serve([answer]) as server,
        submitting.environment(),
        pytest.raises(errors.InputError) as caught,
    ):
        download(f"{server.url}/a.jpg")

    assert caught.value.message == message


@both
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (status(500), "the server answered 500 Internal Server Error"),
        (status(503), "the server answered 503 Service Unavailable"),
        (drop("before"), "the connection was "),
        (drop("after"), "the connection was closed without an answer"),
        (cut(ok(PICTURE), "length"), "the connection ended in the middle of the answer"),
        (cut(ok(PICTURE), "chunked"), "the connection ended in the middle of the answer"),
        (silent(), "took longer than 0.3 s"),
        (trickle(ok(PICTURE)), "took longer than 0.3 s"),
        (trickle(raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3000), 0.001), "took longer than 0.3 s"),
        (raw(b"nonsense\r\n\r\n"), "what came is not an HTTP answer"),
    ],
    ids=[
        "500", "503", "dropped-before", "dropped-after", "cut-by-length", "cut-in-chunks", "silent",
        "head-in-a-trickle", "body-in-a-trickle", "not-http",
    ],
)  # fmt: skip
def test_what_may_pass_is_not_delivered(
    answer: loopback.Answer,
    message: str,
    tls: bool,  # noqa: FBT001 - a parameter
) -> None:
    """What another time might cure is told as such, over HTTP and TLS alike."""
    with (
        loopback.serve([answer], tls=tls) as server,
        submitting.environment(server.ca_file),
        pytest.raises(errors.NotDeliveredError) as caught,
    ):
        download(server.url, timeout_s=0.3 if "longer" in message else 10)

    assert caught.value.message.startswith(message)


def test_no_connection_is_not_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead port and an unknown host are told apart, without talk of the service."""
    port = loopback.closed_port()
    with submitting.environment(), pytest.raises(errors.NotDeliveredError) as caught:
        download(f"http://127.0.0.1:{port}/")
    assert caught.value.message == f"127.0.0.1:{port} refused the connection"

    def unresolvable(*_args: object, **_options: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unresolvable)
    with submitting.environment(), pytest.raises(errors.NotDeliveredError) as caught:
        download("http://nowhere.test/a.jpg")
    assert caught.value.message == "the host nowhere.test cannot be found"


@pytest.mark.parametrize("url", rows("client/a_malformed_url_is_an_input_error"))
def test_a_malformed_url_is_an_input_error(url: str) -> None:
    """A URL that leads nowhere is told as the input's fault."""
    with submitting.environment(), pytest.raises(errors.InputError):
        download(url)


def test_progress_is_told() -> None:
    """The phase is `download`, with the size if it is known."""
    seen = Recorder()
    with loopback.serve([redirect(302, "/b"), ok(PICTURE)]) as server, submitting.environment():
        downloads.download(f"{server.url}/a", reporter=seen)

    assert seen.phases == ["download"]
    assert seen.totals == {"download": len(PICTURE)}
    assert seen.amounts == {"download": len(PICTURE)}


@pytest.mark.parametrize(
    ("query", "location", "asked"),
    [
        ("key=first", "/b?key=second", ["/a?key=first", "/b?key=second"]),
        ("key=first", "/b?key=first", ["/a?key=first", "/b?key=first"]),
        ("key=first one", "/b", ["/a?key=first%20one", "/b"]),
    ],
    ids=["another", "kept", "escaped"],
)
def test_a_query_is_not_shown(query: str, location: str, asked: list[str]) -> None:
    """It may be a key to the picture: the trace has none of it, and a redirect is followed to it."""
    seen = Recorder()
    with loopback.serve([redirect(302, location), ok(PICTURE)]) as server:
        downloads.download(f"{server.url}/a?{query}", reporter=seen)

    assert [request.target for request in server.requests] == asked
    assert f"> GET {server.url}/a?..." in seen.traced
    assert not [line for line in seen.traced if "first" in line or "second" in line]


@pytest.mark.parametrize("place", ["{url}/b", "{url}/b?key=second", "{bare}/b"])
def test_a_redirects_password_is_not_shown(place: str) -> None:
    """The trace has no user and password of an address, its own or one it leads to."""
    seen = Recorder()
    with loopback.serve([ok(PICTURE)]) as elsewhere:
        url = elsewhere.url.replace("//", "//me:p@second@")
        location = place.format(url=url, bare=url.removeprefix("http:"))
        with loopback.serve([redirect(302, location)]) as server:
            downloads.download(server.url.replace("//", "//me:first@") + "/a", reporter=seen)

    assert f"< location: {location.partition('me:')[0]}{elsewhere.url[7:]}/b" in seen.traced
    assert not [line for line in seen.traced if "first" in line or "second" in line]
    expected = "Basic " + base64.b64encode(b"me:p@second").decode()
    assert elsewhere.requests[0].headers["Authorization"] == expected


def test_an_answers_words_do_not_repeat_the_query() -> None:
    """A server that puts the query in its reason does not bring it into the message."""
    answer = raw(b"HTTP/1.1 404 no such key=first\r\nContent-Length: 0\r\n\r\n")
    with loopback.serve([answer]) as server, pytest.raises(errors.InputError) as caught:
        downloads.download(f"{server.url}/a?key=first")

    assert caught.value.message == "the server answered 404 no such ..."


@pytest.mark.parametrize("query", ["4", "e"])
def test_a_short_query_leaves_our_own_words_alone(query: str) -> None:
    """It stands in ordinary words by chance, and is no secret."""
    answer = raw(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    with loopback.serve([answer]) as server, pytest.raises(errors.InputError) as caught:
        downloads.download(f"{server.url}/a?{query}")

    assert caught.value.message == "the server answered 404 Not Found"
