"""Words for what goes wrong on a connection: each failure its own, with no secret in them."""

import http.client
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

import requests
import urllib3

from prodia_compose import errors

FailureKind = Literal[
    "dns",
    "refused",
    "timeout",
    "certificate",
    "tls",
    "proxy",
    "network",
    "setting",
    "environment",
    "files",
]
"""`setting` is a mistake in an address, `environment` in a variable, `files` a limit of the system:
trying again cannot help."""

_SPARE_FILES = 4
"""A connection takes some: a socket, the lists of hosts and of name servers, certificates."""

_PROXY_VARIABLES = (
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"),
    *("ALL_PROXY", "all_proxy"),
)

_TALKING: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((TimeoutError, urllib3.exceptions.ReadTimeoutError), "nothing more came in time"),
    ((http.client.RemoteDisconnected,), "the connection was closed without an answer"),
    ((ConnectionResetError, ConnectionAbortedError, BrokenPipeError), "the connection was reset"),
    (
        (http.client.IncompleteRead, urllib3.exceptions.IncompleteRead),
        "the connection ended in the middle of the answer",
    ),
    ((http.client.UnknownTransferEncoding,), "the answer's chunks are damaged"),
    ((http.client.HTTPException,), "what came is not an HTTP answer"),
)
"""The first match counts: RemoteDisconnected, say, is a ConnectionResetError too."""

_CONNECTING: tuple[tuple[tuple[type[Exception], ...], FailureKind, str], ...] = (
    ((socket.gaierror,), "dns", "the host {host} cannot be found"),
    ((ConnectionRefusedError,), "refused", "{host} refused the connection"),
    ((TimeoutError,), "timeout", "no connection to {host} within {timeout_s:g} s"),
    (
        (ssl.SSLCertVerificationError,),
        "certificate",
        "the certificate of {host} is not trusted ({tls})",
    ),
    ((ssl.SSLError,), "tls", "no TLS connection to {host} ({tls})"),
    (
        (requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError, UnicodeError),
        "setting",
        "{malformed}",
    ),
)
"""As above."""

_OF_PROXIES = (
    urllib3.exceptions.ProxyError,
    requests.exceptions.ProxyError,
    # The service's own URL has been found good by now.
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
)


class Lost(Exception):  # noqa: N818 - not an error yet: what it means depends on what was sent
    """An exchange that did not come to an end.

    Attributes:
        stage: `connect`: nothing of the request has left. `upload`: its last
            byte has not. `answer`: all of it has, and no complete answer came.
        words: What happened, as a clause; no secrets, no cure.
        kind: For `connect`, what sort of failure it was; for `answer`, `timeout` is that of all.
    """

    def __init__(
        self,
        stage: Literal["connect", "upload", "answer"],
        words: str,
        kind: FailureKind = "network",
    ) -> None:
        super().__init__(f"{stage}: {words}")
        self.stage = stage
        self.words = words
        self.kind = kind

    @property
    def is_final(self) -> bool:
        """Whether trying again cannot help."""
        return self.kind in ("certificate", "setting", "environment", "files")


def of_connecting(error: Exception, *, host: str, proxy: str | None, timeout_s: float) -> Lost:
    """Return why no connection to `host` came about; `proxy` is the one asked, if any."""
    causes = tuple(_causes(error))
    kind, words = _of_causes(causes, host, timeout_s)
    is_vague = kind in ("dns", "tls", "network")
    if any(map(errors.lack, causes)) or (is_vague and are_files_spent()):
        return Lost("connect", f"no connection to {host}: {errors.NO_FILES[0]}", "files")
    if proxy is None:
        return Lost("connect", words, kind)
    shown = _proxy_shown(proxy)
    refusal = next((str(cause) for cause in causes if _is_tunnel_refusal(cause)), None)
    if isinstance(error, requests.exceptions.InvalidSchema):
        kind, words = "setting", f"{shown} is a SOCKS proxy, which needs the package PySocks"
    elif isinstance(error, requests.exceptions.InvalidURL):
        kind, words = "setting", f"{shown} is not a proxy's URL"
    elif refusal is not None:
        kind, words = "proxy", f"{shown} refused the connection: {refusal.partition(': ')[2]}"
    elif any(isinstance(cause, _OF_PROXIES) for cause in causes):
        _, words = _of_causes(causes, "it", timeout_s)
        kind, words = "proxy", f"{shown} cannot be used: {words}"
    else:
        # A SOCKS proxy's own failures come in no class that tells them apart.
        kind, words = "proxy" if kind == "network" else kind, f"{words}, through {shown}"
    return Lost("connect", words, kind)


def of_talking(error: Exception) -> str:
    """Return, as a clause, how an established connection ended."""
    for cause in _causes(error):
        words = next((words for kinds, words in _TALKING if isinstance(cause, kinds)), None)
        if words is not None:
            return words
        if isinstance(cause, ssl.SSLError):
            return f"the TLS connection failed ({_tls_reason(cause)})"
        if type(cause) is OSError and cause.strerror:
            return cause.strerror[:1].lower() + cause.strerror[1:]
    return f"the connection failed ({type(error).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it wraps, innermost first.

    requests and urllib3 wrap by argument, by `reason` and by `__cause__`.
    """
    wrapped = [getattr(error, "reason", None), error.__cause__, *error.args]
    for inner in wrapped:
        if isinstance(inner, BaseException):
            yield from _causes(inner)
    yield error


def _of_causes(
    causes: tuple[BaseException, ...], host: str, timeout_s: float
) -> tuple[FailureKind, str]:
    for cause in causes:
        for classes, kind, words in _CONNECTING:
            if isinstance(cause, classes):
                tls = _tls_reason(cause) if isinstance(cause, ssl.SSLError) else ""
                fields = {"host": host, "timeout_s": timeout_s, "malformed": _malformed(host)}
                return kind, words.format(tls=tls, **fields)
        if (
            isinstance(cause, OSError)
            and not isinstance(cause, requests.RequestException)
            and cause.strerror is not None
        ):
            return "network", f"no connection to {host} ({cause.strerror})"
    return "network", f"no connection to {host}"


def are_files_spent() -> bool:
    """Tell whether hardly any file can be opened, which those who look up names keep to themselves."""
    opened: list[int] = []
    try:
        for _ in range(_SPARE_FILES):
            opened.append(os.open(os.devnull, os.O_RDONLY))  # noqa: PERF401 - closed whatever happens
    except OSError as exc:
        return bool(errors.lack(exc))
    finally:
        for number in opened:
            os.close(number)
    return False


def _malformed(host: str) -> str:
    name, _, port = host.partition(":")
    # What is no port may be the start of a password; an IPv6 address is neither.
    if port and not port.isdecimal() and not host.startswith("["):
        cure = "in a password, / and ? and # are written %2F and %3F and %23"
        return f"what follows {name}: is not a port; {cure}"
    return f"{host} is not a host's name"


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message.rstrip(".")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "the connection was closed"
    return (error.reason or "unknown reason").lower().replace("_", " ")


def _is_tunnel_refusal(cause: BaseException) -> bool:
    # http.client has no class of its own for a CONNECT that is not answered by 200.
    return type(cause) is OSError and str(cause).startswith("Tunnel connection failed")


def _proxy_shown(proxy: str) -> str:
    """Name a proxy by host and by the variable it comes from, its password left out."""
    try:
        url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        place = url.netloc.rpartition("@")[2] or "without a host"
    except ValueError:  # an IPv6 address that does not end
        place = "without a host"
    variable = next((name for name in _PROXY_VARIABLES if os.environ.get(name) == proxy), None)
    return f"the proxy {place}" + (f" (from {variable})" if variable else "")
