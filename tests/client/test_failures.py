"""What each failure of a connection is called, however deep it is wrapped."""

import errno
import http.client
import os
import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
import submitting
import urllib3

from prodia_compose.client.transport import failures
from prodia_compose.client.transport.failures import Lost


def of_tls(kind: type[ssl.SSLError] = ssl.SSLError, **found: str | None) -> ssl.SSLError:
    """Return an error of TLS as OpenSSL's are."""
    error = kind(1, "[SSL] inner words (_ssl.c:1)")
    for name, value in ({"reason": None} | found).items():
        setattr(error, name, value)
    return error


def of_urllib3(cause: Exception) -> Exception:
    """Return an error as it comes out of requests: the cause is inside of three others."""
    pool = urllib3.HTTPConnectionPool("h")
    refused = urllib3.exceptions.NewConnectionError(pool, "inner words")  # type: ignore[arg-type] # as urllib3 calls it
    refused.__cause__ = cause
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/", refused))


CONNECTING = [
    (socket.gaierror(-2, "?"), "dns", "the host h:1 cannot be found"),
    (of_urllib3(socket.gaierror(-2, "?")), "dns", "the host h:1 cannot be found"),
    (of_urllib3(ConnectionRefusedError(111, "?")), "refused", "h:1 refused the connection"),
    (of_urllib3(TimeoutError()), "timeout", "no connection to h:1 within 2.5 s"),
    (
        of_urllib3(of_tls(ssl.SSLCertVerificationError, verify_message="it is old.")),
        *("certificate", "the certificate of h:1 is not trusted (it is old)"),
    ),
    (of_tls(ssl.SSLEOFError), "tls", "no TLS connection to h:1 (the connection was closed)"),
    (of_tls(ssl.SSLZeroReturnError), "tls", "no TLS connection to h:1 (the connection was closed)"),
    (of_tls(reason="WRONG_VERSION"), "tls", "no TLS connection to h:1 (wrong version)"),
    (of_tls(), "tls", "no TLS connection to h:1 (unknown reason)"),
    (requests.exceptions.InvalidURL("?"), "setting", "h:1 is not a host's name"),
    (UnicodeError("?"), "setting", "h:1 is not a host's name"),
    (of_urllib3(OSError(113, "No way")), "network", "no connection to h:1 (No way)"),
    (of_urllib3(OSError("inner")), "network", "no connection to h:1"),
    (requests.ConnectionError("inner"), "network", "no connection to h:1"),
    (
        of_urllib3(OSError(errno.EMFILE, "?")),
        *("files", "no connection to h:1: no more files can be opened"),
    ),
    (OSError(errno.ENFILE, "?"), "files", "no connection to h:1: no more files can be opened"),
]


@pytest.mark.parametrize(("error", "kind", "words"), CONNECTING, ids=repr)
def test_each_way_not_to_connect_has_its_name(error: Exception, kind: str, words: str) -> None:
    """The innermost cause counts, and no word of a library is told."""
    lost = failures.of_connecting(error, host="h:1", proxy=None, timeout_s=2.5)

    assert (lost.stage, lost.kind, lost.words) == ("connect", kind, words)
    assert str(lost) == f"connect: {words}"
    assert lost.is_final is (kind in ("certificate", "setting", "environment", "files"))


ESCAPED = "in a password, / and ? and # are written %2F and %3F and %23"


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("a..b", "a..b is not a host's name"),
        ("a..b:8443", "a..b:8443 is not a host's name"),
        ("a..b:", "a..b: is not a host's name"),
        ("[::1]:8443", "[::1]:8443 is not a host's name"),
        (
            "me:Sec",
            f"what follows me: is not a port; {ESCAPED}",
        ),
    ],
)
def test_a_malformed_address_is_told_without_its_password(host: str, words: str) -> None:
    """What stands behind a colon and is no port may be the start of one."""
    lost = failures.of_connecting(
        requests.exceptions.InvalidURL("?"), host=host, proxy=None, timeout_s=1
    )

    assert lost.words == words


PROXY = "http://me:secret@proxy.test:3128"
SHOWN = "the proxy proxy.test:3128 (from HTTPS_PROXY)"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (of_urllib3(OSError(113, "No way")), "proxy", f"no connection to h:1 (No way), through {SHOWN}"),
        (of_tls(), "tls", f"no TLS connection to h:1 (unknown reason), through {SHOWN}"),
        (requests.exceptions.InvalidURL("?"), "setting", f"{SHOWN} is not a proxy's URL"),
        (
            requests.exceptions.InvalidSchema("?"),
            *("setting", f"{SHOWN} is a SOCKS proxy, which needs the package PySocks"),
        ),
        (
            urllib3.exceptions.ProxyError("?", OSError("Tunnel connection failed: 407 Who: you")),
            *("proxy", f"{SHOWN} refused the connection: 407 Who: you"),
        ),
        (
            requests.exceptions.ProxyError(ConnectionRefusedError(111, "?")),
            *("proxy", f"{SHOWN} cannot be used: it refused the connection"),
        ),
        (
            urllib3.exceptions.ProxyError("?", TimeoutError()),
            *("proxy", f"{SHOWN} cannot be used: no connection to it within 2.5 s"),
        ),
        (ConnectionResetError("Tunnel connection failed: 1"), "proxy", f"no connection to h:1, through {SHOWN}"),
    ],
    ids=repr,
)  # fmt: skip
def test_a_proxy_that_fails_is_told_apart(
    error: Exception, kind: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variable that names it, and without its password."""
    monkeypatch.setenv("HTTP_PROXY", "http://other")
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    lost = failures.of_connecting(error, host="h:1", proxy=PROXY, timeout_s=2.5)

    assert (lost.stage, lost.kind, lost.words) == ("connect", kind, words)


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        ("me:secret@proxy.test", "the proxy proxy.test is"),
        ("socks5://me:secret@[::1]:9", "the proxy [::1]:9 is"),
        ("http://", "the proxy without a host is"),
        ("http://[", "the proxy without a host is"),
    ],
)
def test_a_proxy_of_no_variable_is_named_by_its_place(proxy: str, shown: str) -> None:
    """However it is written."""
    lost = failures.of_connecting(
        requests.exceptions.InvalidURL("?"), host="h", proxy=proxy, timeout_s=1
    )

    assert lost.words.startswith(shown)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (urllib3.exceptions.ProtocolError("?", TimeoutError()), "nothing more came in time"),
        (http.client.RemoteDisconnected(""), "the connection was closed without an answer"),
        (of_urllib3(ConnectionResetError(104, "?")), "the connection was reset"),
        (BrokenPipeError(), "the connection was reset"),
        (http.client.IncompleteRead(b""), "the connection ended in the middle of the answer"),
        (http.client.UnknownTransferEncoding(), "the answer's chunks are damaged"),
        (http.client.BadStatusLine("?"), "what came is not an HTTP answer"),
        (of_tls(reason="BAD_RECORD"), "the TLS connection failed (bad record)"),
        (of_tls(ssl.SSLEOFError), "the TLS connection failed (the connection was closed)"),
        (OSError(113, "No way to Host"), "no way to Host"),
        (requests.ConnectionError(OSError("inner")), "the connection failed (ConnectionError)"),
        (requests.ConnectionError("inner"), "the connection failed (ConnectionError)"),
        (ValueError("inner"), "the connection failed (ValueError)"),
    ],
    ids=repr,
)
def test_each_way_to_end_a_connection_has_its_words(error: Exception, words: str) -> None:
    """Once there was one."""
    assert failures.of_talking(error) == words


@contextmanager
def _room_for(count: int) -> Iterator[None]:
    """Let this process open so many more files."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(count + 1)]
    for number in opened:
        os.close(number)
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened[count], limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize(("count", "are_spent"), [(2, True), (3, True), (4, False)])
def test_a_lack_of_files_is_noticed(count: int, *, are_spent: bool) -> None:
    """A connection takes four; to look takes none, however often."""
    with _room_for(count):
        assert [failures.are_files_spent() for _ in range(3)] == [are_spent] * 3


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "?"), of_tls(), requests.ConnectionError("?")]
)
def test_what_is_vague_is_told_as_a_lack_of_files(error: Exception) -> None:
    """Who looks up a name or a certificate does not say that no file could be opened; what is clear stays."""
    with _room_for(1):
        lost = failures.of_connecting(error, host="h:1", proxy=None, timeout_s=1)
        clear = failures.of_connecting(
            ConnectionRefusedError(111, "?"), host="h:1", proxy=None, timeout_s=1
        )

    assert (lost.kind, clear.kind) == ("files", "refused")


def test_a_failure_is_of_the_network_unless_told() -> None:
    """Which may pass."""
    lost = Lost("answer", "why")

    assert (lost.stage, lost.words, lost.kind, lost.is_final) == ("answer", "why", "network", False)


def test_a_host_that_cannot_be_found_is_asked_for_no_more_than_thrice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The network may come back; waits are half a second and more, and each is told."""
    monkeypatch.setattr(socket, "getaddrinfo", submitting.unresolvable)
    with submitting.environment():
        outcome = submitting.submit("https://nowhere.test")

    assert 0.5 <= outcome.slept[0] <= 1 <= outcome.slept[1] <= 2
    assert outcome.reporter.said == [
        f"the host nowhere.test cannot be found; trying again in {wait_s:.0f} s"
        for wait_s in outcome.slept
    ]
    assert outcome.reporter.running is None
