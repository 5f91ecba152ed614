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

from prodia_compose.frozen import frozen

FailureKind = Literal[
    "dns", "refused", "timeout", "certificate", "tls", "proxy", "network", "setting"
]
"""`setting` is a mistake in the environment or the address: trying again cannot help."""

_PROXY_VARIABLES = (
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
)

_TALKING: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((TimeoutError, urllib3.exceptions.ReadTimeoutError), "nothing more came in time"),
    ((http.client.RemoteDisconnected,), "the connection was closed without an answer"),
    ((ConnectionResetError, ConnectionAbortedError, BrokenPipeError), "the connection was reset"),
    (
        (http.client.IncompleteRead, urllib3.exceptions.IncompleteRead),
        "the connection ended in the middle of the answer",
    ),
    ((urllib3.exceptions.DecodeError,), "the answer's compression is damaged"),
    (
        (http.client.HTTPException, urllib3.exceptions.InvalidHeader),
        "what came is not an HTTP answer",
    ),
)
"""The first match counts: RemoteDisconnected, say, is a ConnectionResetError too."""


@frozen
class Failure:
    """Why no connection came about.

    Attributes:
        kind: For choosing a cure.
        words: What happened, without the cure.
    """

    kind: FailureKind
    words: str


def of_connecting(error: Exception, *, host: str, proxy: str | None, timeout_s: float) -> Failure:
    """Return why no connection to `host` came about.

    Args:
        error: What requests, urllib3 or the socket raised.
        host: As the words shall name it.
        proxy: The URL of the proxy that was asked, if any.
        timeout_s: The connect timeout, for the words.
    """
    causes = tuple(_causes(error))
    direct = _of_causes(causes, host=host, timeout_s=timeout_s)
    if proxy is None:
        return direct
    shown = _proxy_shown(proxy)
    if not _is_of_proxy(causes):
        # A SOCKS proxy's own failures come in no class that tells them apart.
        kind = "proxy" if direct.kind == "network" else direct.kind
        return Failure(kind=kind, words=f"{direct.words}, through {shown}")
    if isinstance(error, requests.exceptions.InvalidSchema):
        return Failure(
            kind="setting", words=f"{shown} is a SOCKS proxy, which needs the package PySocks"
        )
    if isinstance(error, requests.exceptions.InvalidURL):
        return Failure(kind="setting", words=f"{shown} is not a proxy's URL")
    refusal = next((str(cause) for cause in causes if _is_tunnel_refusal(cause)), None)
    if refusal is not None:
        return Failure(
            kind="proxy", words=f"{shown} refused the connection: {refusal.partition(': ')[2]}"
        )
    own = _of_causes(causes, host="it", timeout_s=timeout_s)
    return Failure(kind="proxy", words=f"{shown} cannot be used: {own.words}")


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


def _of_causes(causes: tuple[BaseException, ...], *, host: str, timeout_s: float) -> Failure:
    for cause in causes:
        failure = _of_cause(cause, host, timeout_s)
        if failure is not None:
            return failure
    return Failure(kind="network", words=f"no connection to {host}")


def _of_cause(cause: BaseException, host: str, timeout_s: float) -> Failure | None:
    kind: FailureKind = "network"
    words = None
    match cause:
        case socket.gaierror():
            kind, words = "dns", f"the host {host} cannot be found"
        case ConnectionRefusedError():
            kind, words = "refused", f"{host} refused the connection"
        case TimeoutError():
            kind, words = "timeout", f"no connection to {host} within {timeout_s:g} s"
        case ssl.SSLCertVerificationError():
            why = cause.verify_message.rstrip(".")
            kind, words = "certificate", f"the certificate of {host} is not trusted ({why})"
        case ssl.SSLError():
            kind, words = "tls", f"no TLS connection to {host} ({_tls_reason(cause)})"
        case (
            requests.exceptions.InvalidURL()
            | urllib3.exceptions.LocationValueError()
            | UnicodeError()
        ):
            kind, words = "setting", f"{host} is not a host's name"
            name, _, port = host.partition(":")
            # What is no port may be the start of a password; an IPv6 address is neither.
            if port and not port.isdecimal() and not host.startswith("["):
                words = (
                    f"what follows {name}: is not a port; "
                    "in a password, / and ? and # are written %2F and %3F and %23"
                )
        case OSError(strerror=str(why)) if not isinstance(cause, requests.RequestException):
            words = f"no connection to {host} ({why})"
        case _:
            pass
    return None if words is None else Failure(kind=kind, words=words)


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "the connection was closed"
    return (error.reason or "unknown reason").lower().replace("_", " ")


def _is_of_proxy(causes: tuple[BaseException, ...]) -> bool:
    ours = (
        urllib3.exceptions.ProxyError,
        requests.exceptions.ProxyError,
        # The service's own URL has been found good by now.
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
    )
    return any(isinstance(cause, ours) or _is_tunnel_refusal(cause) for cause in causes)


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
