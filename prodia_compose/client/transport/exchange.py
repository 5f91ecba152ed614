"""One request and its answer, or the reason why there is none."""

import base64
import http.client
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

import requests
import urllib3

from prodia_compose import addresses, progress
from prodia_compose.client import multipart
from prodia_compose.client.service import Token, is_loopback
from prodia_compose.client.transport import failures
from prodia_compose.client.transport.connection import Adapter
from prodia_compose.client.transport.passage import OnState, Passage, Request

_READ_BYTES = 1 << 16
_REQUEST_ID_LIMIT = 200

_SHOWN_HEADERS = (
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "retry-after",
    "x-request-id",
    "location",
    "date",
    "server",
    "via",
)

_NETWORK_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    UnicodeError,
)
"""Several of these families are no relatives: urllib3's errors, for one, escape requests'."""


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
        kind: failures.FailureKind = "network",
    ) -> None:
        super().__init__(f"{stage}: {words}")
        self.stage = stage
        self.words = words
        self.kind = kind


class _BodyError(Exception):
    """The body could not be read while it was being sent; the cause says why."""


def bearer(token: Token) -> str:
    """Return the `Authorization` of a token."""
    return f"Bearer {token.value}"


def basic(user: str, password: str) -> str:
    """Return the `Authorization` of a user and password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


class Reply:
    """An answer whose head has come.

    Attributes:
        status: The HTTP status.
        reason: The phrase beside it; may be empty.
        headers: For showing, names in lower case.
        content_type: As it came: a boundary that happens to hold the token must stay whole.
        request_id: The service's name for the exchange, `x-request-id`; None if it has none.
        is_framed: Whether the connection tells where the body ends.
        was_delivered: Whether the request had left to its last byte when the answer came.
    """

    def __init__(
        self,
        raw: urllib3.BaseHTTPResponse,
        hide: Callable[[str], str],
        *,
        was_delivered: bool,
    ) -> None:
        self.status = raw.status
        self.reason = hide(raw.reason or http.client.responses.get(raw.status, ""))
        self.headers = {name.lower(): hide(value) for name, value in raw.headers.items()}
        self.content_type = raw.headers.get("content-type")
        self.request_id = self.headers.get("x-request-id", "").strip()[:_REQUEST_ID_LIMIT] or None
        encoded = "content-encoding" in self.headers
        told = "content-length" in self.headers or "transfer-encoding" in self.headers
        self.is_framed = told and not encoded
        self.was_delivered = was_delivered


class Exchange:
    """A request, sent once over a connection of its own that is closed at the end.

    Use as a context manager: `perform`, then `chunks`.

    Attributes:
        request: What is sent.
        passage: How far it has come.
    """

    def __init__(
        self,
        request: Request,
        *,
        reporter: progress.Reporter,
        on_state: OnState = lambda _: None,
        stop: progress.Stop,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.request = request
        self.passage = Passage(
            request, reporter=reporter, on_state=on_state, stop=stop, clock=clock
        )
        self._reporter = reporter
        self._adapter = Adapter(self.passage)
        self._raw: urllib3.BaseHTTPResponse | None = None
        self._proxy: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._adapter.close()
        if error is not None:
            self.passage.abandoned()

    def perform(self) -> Reply:
        """Send the request and return the head of the answer.

        Raises:
            Lost: There is no answer.
            PartSizeError: A part of the body is not what it was announced to be.
        """
        with _translated(self):
            raw = self._send()
        self._raw = raw
        reply = Reply(raw, self.request.hide, was_delivered=self.passage.is_delivered)
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
            with _translated(self):
                # read1 gives what is there: read would lose its share when the connection breaks.
                chunk = raw.read1(_READ_BYTES, decode_content=True)
            if not chunk:
                return
            self.passage.received(len(chunk))
            yield chunk

    def _send(self) -> urllib3.BaseHTTPResponse:
        request = self.request
        with requests.Session() as session:
            session.headers.clear()
            prepared = session.prepare_request(
                requests.Request(
                    request.method,
                    request.url,
                    headers=dict(request.headers),
                    data=None if request.body is None else _Outgoing(request.body, self.passage),
                    auth=_Authorization(request.authorization),
                )
            )
            url = prepared.url or request.url
            settings = session.merge_environment_settings(url, {}, True, None, None)
        proxies = {} if is_loopback(urlsplit(url).hostname or "") else settings["proxies"]
        self._proxy = requests.utils.select_proxy(url, proxies)
        verify = True if settings["verify"] is None else settings["verify"]
        self._require_bundle(verify)
        self._trace_request(prepared)
        # Not session.send: it would look at redirects, and fail on odd ones.
        response = self._adapter.send(
            prepared,
            stream=True,
            timeout=(request.connect_timeout_s, request.timeout_s),
            verify=verify,
            cert=settings["cert"],
            proxies=proxies,
        )
        return response.raw

    def _trace_request(self, prepared: requests.PreparedRequest) -> None:
        self._reporter.trace(self.request.hide(f"> {prepared.method} {prepared.url}"))
        for name, value in prepared.headers.items():
            shown = "***" if name == "Authorization" else self.request.hide(str(value))
            self._reporter.trace(f"> {name}: {shown}")

    def _require_bundle(self, verify: bool | str) -> None:  # noqa: FBT001 - either is requests' way
        if isinstance(verify, str) and not Path(verify).exists():
            raise Lost(
                "connect",
                f"the file of trusted certificates named by REQUESTS_CA_BUNDLE or"
                f" CURL_CA_BUNDLE does not exist: {verify}",
                "setting",
            )

    def lost(self, error: Exception) -> Lost:
        """Return what an error of the network means at this point."""
        passage = self.passage
        if not passage.is_connected:
            failure = failures.of_connecting(
                error,
                host=urlsplit(self.request.url).netloc.rpartition("@")[2],
                proxy=self._proxy,
                timeout_s=self.request.connect_timeout_s,
            )
            return Lost("connect", failure.words, failure.kind)
        if not passage.is_delivered:
            if passage.has_stalled:
                return Lost(
                    "upload", f"nothing could be sent for {self.request.stall_timeout_s:g} s"
                )
            return Lost("upload", failures.of_talking(error))
        if passage.remaining_s() <= 0:
            words = f"no complete answer came within {self.request.timeout_s:g} s"
            return Lost("answer", words, "timeout")
        return Lost("answer", failures.of_talking(error))


Transport = Callable[..., Exchange]
"""What makes an exchange of a request; called as `Exchange` is."""


class _translated:  # noqa: N801 - reads as a word in a `with`
    """Turns what requests, urllib3 and the socket raise into `Lost`.

    Their own errors are not chained: their texts can hold what the service
    echoed, and they carry the request with its token.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, _BodyError):
            cause = error.__cause__
            if isinstance(cause, OSError):
                reason = cause.strerror or type(cause).__name__
                raise Lost(
                    "upload", f"the job could not be read back from disk ({reason})"
                ) from None
            raise cause or error
        if isinstance(error, Lost) or not isinstance(error, Exception):
            return
        # Whatever else goes wrong once all has been sent must not pass for "did not run".
        if isinstance(error, _NETWORK_ERRORS) or self._exchange.passage.is_delivered:
            raise self._exchange.lost(error) from None


class _Authorization(requests.auth.AuthBase):
    """Sets the header, or keeps it off; either way no netrc takes its place."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._value is not None:
            request.headers["Authorization"] = self._value
        return request


class _Outgoing:
    """A body that says when it is read, and whose own failures are no one else's."""

    def __init__(self, body: multipart.MultipartBody, passage: Passage) -> None:
        self._body = body
        self._passage = passage

    def __len__(self) -> int:
        return self._body.length

    def __iter__(self) -> Iterator[bytes]:
        self._passage.begin_body()
        try:
            yield from self._body
        except Exception as error:
            raise _BodyError from error


def _shown(name: str, value: str) -> str:
    """Return a header for the trace; of a place to go to, neither user nor query: both can be keys."""
    return addresses.shown(value.partition("?")[0]) if name == "location" else value
