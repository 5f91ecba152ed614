"""One request and its answer, or the reason why there is none."""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import requests
import urllib3

from prodia_compose import addresses, progress
from prodia_compose.client import multipart
from prodia_compose.client.service import is_loopback
from prodia_compose.client.transport import failures
from prodia_compose.client.transport.connection import Adapter
from prodia_compose.client.transport.failures import Lost
from prodia_compose.client.transport.passage import OnState, Passage, Request

_READ_BYTES = 1 << 16
_REQUEST_ID_LIMIT = 200

_SHOWN_HEADERS = (
    *("content-type", "content-length", "content-encoding", "transfer-encoding", "retry-after"),
    *("x-request-id", "location", "date", "server", "via"),
)

_NETWORK_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    UnicodeError,
)
"""Several of these families are no relatives: urllib3's errors, for one, escape requests'."""


class _BodyError(Exception):
    """The body could not be read while it was being sent; the cause says why."""


class Reply:
    """An answer whose head has come.

    Attributes:
        headers: For showing, names in lower case.
        content_type: As it came: a boundary that happens to hold the token must stay whole.
        request_id: The service's name for the exchange, `x-request-id`; None if it has none.
        is_sandbox: Whether it says that it is a stand-in, where nothing costs anything.
        is_framed: Whether the connection tells where the body ends.
        was_delivered: Whether the request had left to its last byte when the answer came.
    """

    def __init__(
        self, raw: urllib3.BaseHTTPResponse, hide: Callable[[str], str], *, was_delivered: bool
    ) -> None:
        self.status = raw.status
        self.reason = hide(raw.reason or http.client.responses.get(raw.status, ""))
        self.headers = {name.lower(): hide(value) for name, value in raw.headers.items()}
        self.content_type = raw.headers.get("content-type")
        self.request_id = self.headers.get("x-request-id", "").strip()[:_REQUEST_ID_LIMIT] or None
        encoded = "content-encoding" in self.headers
        told = "content-length" in self.headers or "transfer-encoding" in self.headers
        self.is_framed = told and not encoded
        self.is_sandbox = self.headers.get("x-sandbox") == "prodia-compose"
        self.was_delivered = was_delivered


class Exchange:
    """A request, sent once over a connection of its own that is closed at the end.

    Use as a context manager: `perform`, then `chunks`.
    """

    def __init__(
        self,
        request: Request,
        *,
        reporter: progress.Reporter,
        on_state: OnState = lambda _: None,
        on_reply: Callable[[Reply], None] = lambda _: None,
        stop: progress.Stop,
        clock: progress.Clock = time.monotonic,
    ) -> None:
        self._request = request
        self._passage = Passage(
            request, reporter=reporter, on_state=on_state, stop=stop, clock=clock
        )
        self._on_reply = on_reply
        self._reporter = reporter
        self._adapter = Adapter(self._passage)
        self._raw: urllib3.BaseHTTPResponse | None = None
        self._proxy: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        self._adapter.close()
        if error is not None:
            self._passage.abandoned()

    def perform(self) -> Reply:
        """Send the request and return the head of the answer.

        Raises:
            Lost: There is no answer.
            PartSizeError: A part of the body is not what it was announced to be.
        """
        with self._translated():
            self._raw = raw = self._send()
        hide = self._request.service.token.hide
        reply = Reply(raw, hide, was_delivered=self._passage.is_delivered)
        self._on_reply(reply)
        self._reporter.trace(f"< {reply.status} {reply.reason}")
        for name in _SHOWN_HEADERS:
            if name in reply.headers:
                self._reporter.trace(f"< {name}: {_shown(name, reply.headers[name])}")
        return reply

    def chunks(self) -> Iterator[bytes]:
        """Yield the body of the answer as it comes.

        Raises:
            Lost: It broke off.
        """
        raw = self._raw
        if raw is None:
            raise RuntimeError("perform() comes first")
        while True:
            with self._translated():
                # read1 gives what is there: read would lose its share when the connection breaks.
                chunk = raw.read1(_READ_BYTES, decode_content=True)
            if not chunk:
                return
            self._reporter.advance(len(chunk))
            yield chunk

    def _send(self) -> urllib3.BaseHTTPResponse:
        request = self._request
        # Not prepared by a session, which would take a token from netrc where none is given.
        prepared = requests.Request(
            "GET" if request.body is None else "POST",
            request.url,
            headers=dict(request.headers),
            data=None if request.body is None else _Outgoing(request.body, self._passage),
        ).prepare()
        url = prepared.url or request.url
        with requests.Session() as session:
            settings = session.merge_environment_settings(url, {}, True, None, None)
        proxies = {} if is_loopback(urlsplit(url).hostname or "") else settings["proxies"]
        self._proxy = requests.utils.select_proxy(url, proxies)
        verify = True if settings["verify"] is None else settings["verify"]
        _require_bundle(verify)
        self._trace_request(prepared)
        # Not session.send: it would look at redirects, and fail on odd ones.
        response = self._adapter.send(
            prepared,
            stream=True,
            timeout=(request.service.connect_timeout_s, request.service.timeout_s),
            verify=verify,
            cert=settings["cert"],
            proxies=proxies,
        )
        return response.raw

    def _trace_request(self, prepared: requests.PreparedRequest) -> None:
        hide = self._request.service.token.hide
        self._reporter.trace(hide(f"> {prepared.method} {prepared.url}"))
        for name, value in prepared.headers.items():
            shown = "***" if name == "Authorization" else hide(str(value))
            self._reporter.trace(f"> {name}: {shown}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what requests, urllib3 and the socket raise into `Lost`.

        Their own errors are not chained: their texts can hold what the service
        echoed, and they carry the request with its token.
        """
        try:
            yield
        except Lost:
            raise
        except _BodyError as error:
            cause = error.__cause__
            if not isinstance(cause, OSError):
                raise cause or error from None
            reason = cause.strerror or type(cause).__name__
            raise Lost("upload", f"the job could not be read back from disk ({reason})") from None
        except Exception as error:
            # Whatever else goes wrong once all has been sent must not pass for "did not run".
            if isinstance(error, _NETWORK_ERRORS) or self._passage.is_delivered:
                raise self._lost(error) from None
            raise

    def _lost(self, error: Exception) -> Lost:
        """Return what an error of the network means at this point."""
        request, passage = self._request, self._passage
        if not passage.is_connected:
            return failures.of_connecting(
                error,
                host=urlsplit(request.url).netloc.rpartition("@")[2],
                proxy=self._proxy,
                timeout_s=request.service.connect_timeout_s,
            )
        if passage.has_stalled and not passage.is_delivered:
            words = f"nothing could be sent for {request.service.stall_timeout_s:g} s"
            return Lost("upload", words)
        if passage.is_delivered and passage.remaining_s() <= 0:
            words = f"no complete answer came within {request.service.timeout_s:g} s"
            return Lost("answer", words, "timeout")
        return Lost("answer" if passage.is_delivered else "upload", failures.of_talking(error))


Transport = Callable[..., Exchange]
"""What makes an exchange of a request; called as `Exchange` is."""


class _Outgoing:
    """A body that says when it is read, and whose own failures are no one else's."""

    def __init__(self, body: multipart.MultipartBody, passage: Passage) -> None:
        self._body = body
        self._passage = passage

    def __len__(self) -> int:
        return self._body.length

    def __iter__(self) -> Iterator[bytes]:
        self._passage.in_body = True
        try:
            yield from self._body
        except Exception as error:
            raise _BodyError from error


def _require_bundle(verify: bool | str) -> None:  # noqa: FBT001 - either is requests' way
    if isinstance(verify, str) and not Path(verify).exists():
        named = "the file of trusted certificates named by REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"
        raise Lost("connect", f"{named} does not exist: {verify}", "setting")


def _shown(name: str, value: str) -> str:
    """Return a header for the trace; of a place to go to, neither user nor query: both can be keys."""
    return addresses.shown(value.partition("?")[0]) if name == "location" else value
