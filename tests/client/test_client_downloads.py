"""Inputs named by a URL: redirects, limits, and what each failure is called."""

import base64
import gzip
import socket
import time
import zlib
from pathlib import Path

import loopback
import pytest
import submitting
from loopback import Answer, cut, drop, ok, raw, redirect, silent, status, text, trickle
from submitting import PICTURE, Recorder, both, serving
from tables import table

from prodia_compose import errors
from prodia_compose.client import download as downloads
from prodia_compose.inputs import blob


def download(url: str, *, timeout_s: float = 10) -> blob.Blob:
    """Download at most 1 MB, with a deadline fit for a test."""
    return downloads.download(url, max_bytes=1_000_000, connect_timeout_s=5, timeout_s=timeout_s)


def refused(url: str, error: type[errors.ComposeError], *, timeout_s: float = 10) -> str:
    """Return the message of a download that must fail so."""
    with pytest.raises(error) as caught:
        download(url, timeout_s=timeout_s)
    return caught.value.message


@both
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_the_bytes_come_back(framing: loopback.Framing, *, tls: bool) -> None:
    """What is at the URL comes back byte for byte, however it is framed."""
    with serving(cut(ok(PICTURE), framing, len(PICTURE)), tls=tls) as server:
        found = download(f"{server.url}/a.jpg?size=large")

    assert found.read() == PICTURE
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", "/a.jpg?size=large")


def test_the_request_identifies_nobody(tmp_path: Path) -> None:
    """No token, no cookie, and nothing from a netrc is sent."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\n", encoding="ascii")
    with serving(ok(PICTURE), NETRC=str(netrc)) as server:
        download(f"{server.url}/a.jpg")

    assert sorted(server.requests[0].headers) == ["Accept", "Accept-Encoding", "Host", "User-Agent"]


def test_a_user_in_the_url_is_sent_there_and_nowhere_else() -> None:
    """A user and password written in the URL go to its host, not to where it redirects."""
    with serving(ok(PICTURE)) as elsewhere, serving(redirect(302, f"{elsewhere.url}/b")) as server:
        download(server.url.replace("//", "//me:p%40ss@") + "/a")

    expected = "Basic " + base64.b64encode(b"me:p@ss").decode()
    assert server.requests[0].headers["Authorization"] == expected
    assert elsewhere.requests[0].headers["Authorization"] is None


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_followed(code: int) -> None:
    """Each kind of redirect leads on, relative ones too."""
    with serving(redirect(code, "../b.jpg"), ok(PICTURE)) as server:
        found = download(f"{server.url}/x/a.jpg")

    assert found.read() == PICTURE
    assert [request.target for request in server.requests] == ["/x/a.jpg", "/b.jpg"]


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        (b"/caf\xc3\xa9.jpg", "/caf%C3%A9.jpg"),
        (b"/caf\xe9.jpg", "/caf%E9.jpg"),
        (b"/caf%C3%A9.jpg", "/caf%C3%A9.jpg"),
        (b"/caf%E9%2F\xc3\xa9.jpg", "/caf%E9%2F%C3%A9.jpg"),
        (b"/a b\xc3\xa9.jpg?c=\xc3\xa9&d=%20", "/a%20b%C3%A9.jpg?c=%C3%A9&d=%20"),
        (b"caf\xc3\xa9.jpg#\xc3\xa9", "/x/caf%C3%A9.jpg"),
        ("/\u56fe/\U0001f5bc.jpg".encode(), "/%E5%9B%BE/%F0%9F%96%BC.jpg"),
        (b"?\xff", "/x/a.jpg?%FF"),
    ],
)
def test_a_redirect_leads_to_the_bytes_that_it_names(location: bytes, asked: str) -> None:
    """What is not ASCII in it is asked for byte by byte: UTF-8 in practice, whatever it is else."""
    away = raw(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")
    with serving(away, ok(PICTURE)) as server:
        found = download(f"{server.url}/x/a.jpg")

    assert found.read() == PICTURE
    assert server.requests[1].target == asked


def _plainly(head: bytes, body: bytes = PICTURE) -> Answer:
    return raw(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body)


@both
@pytest.mark.parametrize(
    "answer",
    [
        raw(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 3 + b"HTTP/1.1 200 OK\r\n\r\n" + PICTURE),
        raw(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + PICTURE),
        _plainly(b"\r\n".join(b"X-%d: v" % n for n in range(5000))),
        _plainly(b"X: " + b"y" * 70_000),
        _plainly(b"Content-Encoding: gzip"),
        _plainly(b"Content-Encoding: br\r\nContent-Length: 4006"),
        _plainly(b"Content-Encoding: gzip", gzip.compress(PICTURE)),
        _plainly(b"Content-Encoding: deflate", zlib.compress(PICTURE)),
        _plainly(b"Content-Length: 5, 6"),
        _plainly(b"Transfer-Encoding: chunked"),
    ],
    ids=[
        "103", "102", "5000-headers", "70-kb", "gzip-that-is-not", "br-that-is-not", "gzip", "deflate",
        "two-lengths", "chunked-that-is-not",
    ],
)  # fmt: skip
def test_odd_answers_bring_the_picture(answer: Answer, *, tls: bool) -> None:
    """What comes first, how long the head is, and what is told of the body do not matter."""
    with serving(answer, tls=tls) as server:
        found = download(f"{server.url}/a.jpg")

    assert found.read() == PICTURE


def test_a_bomb_is_over_the_cap() -> None:
    """What is compressed counts by what comes out of it, of which no more is taken."""
    with serving(_plainly(b"Content-Encoding: gzip", gzip.compress(bytes(30_000_000)))) as server:
        assert refused(server.url, errors.InputError) == "is over 1 MB"


def test_damaged_compression_is_told() -> None:
    """A compressed answer that is cut is no picture, though its length is right."""
    with serving(_plainly(b"Content-Encoding: gzip", gzip.compress(PICTURE)[:-40])) as server:
        message = refused(server.url, errors.NotDeliveredError)

    assert message == "the answer's compression is damaged"


@pytest.mark.parametrize("mark", "/?#")
def test_a_password_that_is_not_escaped_is_not_told(mark: str) -> None:
    """Its first half would pass for the port; what is told is how to write it."""
    assert refused(f"https://me:Sec{mark}ret@127.0.0.1:9/a.jpg", errors.InputError) == (
        "what follows me: is not a port; in a password, / and ? and # are written %2F and %3F and %23"
    )


def test_a_host_that_is_no_name_is_told_with_its_port() -> None:
    """The port is not to blame where it is one."""
    message = refused("https://a..b:8443/a.jpg", errors.InputError)

    assert message == "a..b:8443 is not a host's name"


@pytest.mark.parametrize(
    ("user", "sent"),
    [("me@", b"me:"), (":pw@", b":pw"), ("me:a%3Ab@", b"me:a:b"), ("m%C3%A9:@", "m\u00e9:".encode()), ("@", None)],
)  # fmt: skip
def test_a_user_or_a_password_alone_is_sent(user: str, sent: bytes | None) -> None:
    """As they are written in the URL; and none where none is."""
    with serving(ok(PICTURE)) as server:
        download(server.url.replace("//", f"//{user}") + "/a#part")

    expected = None if sent is None else "Basic " + base64.b64encode(sent).decode()
    assert server.requests[0].headers["Authorization"] == expected
    assert server.requests[0].headers["Host"] == f"127.0.0.1:{server.port}"
    assert server.requests[0].target == "/a"


@pytest.mark.parametrize("size", [999_999, 1_000_000])
@pytest.mark.parametrize("how", ["length", "chunked", "gzip"])
def test_what_is_no_larger_than_the_cap_is_taken(size: int, how: str) -> None:
    """To the byte, however it comes."""
    data = PICTURE + bytes(size - len(PICTURE))
    answer = _plainly(b"Content-Encoding: gzip", gzip.compress(data))
    if how != "gzip":
        answer = cut(ok(data), "length" if how == "length" else "chunked", size)
    with serving(answer) as server:
        assert download(server.url).read() == data


def test_one_byte_more_than_the_cap_is_told_however_it_comes() -> None:
    """By its length it is not even begun; compressed, it is seen when it comes out."""
    data = PICTURE + bytes(1_000_001 - len(PICTURE))
    seen = Recorder()
    with serving(_plainly(b"Content-Encoding: gzip", gzip.compress(data))) as server:
        assert refused(server.url, errors.InputError) == "is over 1 MB"
    with serving(ok(data)) as server, pytest.raises(errors.InputError):
        downloads.download(server.url, reporter=seen, max_bytes=1_000_000)

    assert seen.totals == {"download": 1_000_001}
    assert seen.amounts == {"download": 0}
    assert seen.running is None


def test_all_redirects_share_the_time() -> None:
    """One after the other, they take no longer than is allowed in all."""
    slow = loopback.trickle(redirect(302, "/again"), 0.003)
    with serving(slow) as server:
        message = refused(server.url, errors.NotDeliveredError, timeout_s=0.4)

    assert message == "took longer than 0.4 s"
    assert len(server.requests) < 11


def test_a_redirect_is_not_followed_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five minutes, for everything: what comes behind them is not asked for."""
    now = time.monotonic
    with serving(redirect(302, "/b"), ok(PICTURE)) as server:
        monkeypatch.setattr(time, "monotonic", lambda: now() + 301 * bool(server.requests))
        with pytest.raises(errors.NotDeliveredError, match=r"^took longer than 300 s$"):
            downloads.download(server.url)

        assert len(server.requests) == 1


def test_ten_redirects_are_followed() -> None:
    """And what is there comes back."""
    with serving(*[redirect(302, "/again")] * 10, ok(PICTURE)) as server:
        assert download(server.url).read() == PICTURE


def test_a_phase_of_a_download_ends() -> None:
    """Also where it fails."""
    seen = Recorder()
    with serving(cut(ok(PICTURE), "length")) as server, pytest.raises(errors.NotDeliveredError):
        downloads.download(server.url, reporter=seen)

    assert (seen.phases, seen.running) == (["download"], None)


def test_redirects_end() -> None:
    """Ten redirects are followed, an eleventh is not."""
    with serving(redirect(302, "/again")) as server:
        message = refused(server.url, errors.InputError)

    assert message == "leads through more than 10 redirects"
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
def test_what_is_no_use_is_an_input_error(answer: Answer, message: str) -> None:
    """What trying again would not cure is an input error that says what is there."""
    with serving(answer) as server:
        assert refused(f"{server.url}/a.jpg", errors.InputError) == message


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
def test_what_may_pass_is_not_delivered(answer: Answer, message: str, *, tls: bool) -> None:
    """What another time might cure is told as such, over HTTP and TLS alike."""
    timeout_s = 0.3 if "longer" in message else 10
    with serving(answer, tls=tls) as server:
        shown = refused(server.url, errors.NotDeliveredError, timeout_s=timeout_s)

    assert shown.startswith(message)


def test_no_connection_is_not_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead port and an unknown host are told apart, without talk of the service."""
    port = loopback.closed_port()
    with submitting.environment():
        dead = refused(f"http://127.0.0.1:{port}/", errors.NotDeliveredError)
        monkeypatch.setattr(socket, "getaddrinfo", submitting.unresolvable)
        unknown = refused("http://nowhere.test/a.jpg", errors.NotDeliveredError)

    assert dead == f"127.0.0.1:{port} refused the connection"
    assert unknown == "the host nowhere.test cannot be found"


@pytest.mark.parametrize("url", table("client/a_malformed_url_is_an_input_error"))
def test_a_malformed_url_is_an_input_error(url: str) -> None:
    """A URL that leads nowhere is told as the input's fault."""
    assert refused(url, errors.InputError)


def test_progress_is_told() -> None:
    """The phase is `download`, with the size if it is known."""
    seen = Recorder()
    with serving(redirect(302, "/b"), ok(PICTURE)) as server:
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
    with serving(redirect(302, location), ok(PICTURE)) as server:
        downloads.download(f"{server.url}/a?{query}", reporter=seen)

    assert [request.target for request in server.requests] == asked
    assert f"> GET {server.url}/a?..." in seen.traced
    assert not [line for line in seen.traced if "first" in line or "second" in line]


@pytest.mark.parametrize("place", ["{url}/b", "{url}/b?key=second", "{bare}/b"])
def test_a_redirects_password_is_not_shown(place: str) -> None:
    """The trace has no user and password of an address, its own or one it leads to."""
    seen = Recorder()
    with serving(ok(PICTURE)) as elsewhere:
        url = elsewhere.url.replace("//", "//me:p@second@")
        location = place.format(url=url, bare=url.removeprefix("http:"))
        with serving(redirect(302, location)) as server:
            downloads.download(server.url.replace("//", "//me:first@") + "/a", reporter=seen)

    assert f"< location: {location.partition('me:')[0]}{elsewhere.url[7:]}/b" in seen.traced
    assert not [line for line in seen.traced if "first" in line or "second" in line]
    expected = "Basic " + base64.b64encode(b"me:p@second").decode()
    assert elsewhere.requests[0].headers["Authorization"] == expected


@pytest.mark.parametrize(
    ("reason", "query", "shown"),
    [
        ("no such key=first", "key=first", "no such ..."),
        ("Not Found", "4", "Not Found"),
        ("Not Found", "e", "Not Found"),
    ],
)
def test_an_answers_words_do_not_repeat_the_query(reason: str, query: str, shown: str) -> None:
    """One in the server's reason is cut; one so short that it stands in any words is no secret."""
    answer = raw(f"HTTP/1.1 404 {reason}\r\nContent-Length: 0\r\n\r\n".encode())
    with serving(answer) as server:
        message = refused(f"{server.url}/a?{query}", errors.InputError)

    assert message == f"the server answered 404 {shown}"
