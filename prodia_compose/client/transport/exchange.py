"""One request and its answer, or the reason why there is none."""

import contextlib
import http.client
import time
from collections.abc import Callable, Iterator
from typing import Self
from urllib.parse import urlsplit

import requests
import urllib3

from prodia_compose import addresses, progress
from prodia_compose.client import multipart
from prodia_compose.client.service import is_loopback
from prodia_compose.client.transport import failures, trust
from prodia_compose.client.transport.connection import Adapter
from prodia_compose.client.transport.failures import Lost
from prodia_compose.client.transport.incoming import USED, Incoming
from prodia_compose.client.transport.passage import OnState, Passage, Request

_REQUEST_ID_LIMIT = 200

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
        codings: What was done to the body, in this order: `gzip` and the like.
        length: Of the body in bytes, if the head told it.
        request_id: The service's name for the exchange, `x-request-id`; None if it has none.
        is_sandbox: Whether it says that it is a stand-in, where nothing costs anything.
        was_delivered: Whether the request had left to its last byte when the answer came.
    """

    def __init__(
        self, incoming: Incoming, hide: Callable[[str], str], *, was_delivered: bool
    ) -> None:
        self.status = incoming.status
        self.reason = hide(incoming.reason or http.client.responses.get(incoming.status, ""))
        self.headers = {name: hide(value) for name, value in incoming.fields.items()}
        self.content_type = incoming.fields.get("content-type")
        self.codings = incoming.codings
        self.length = incoming.length
        self.request_id = self.headers.get("x-request-id", "").strip()[:_REQUEST_ID_LIMIT] or None
        self.is_sandbox = self.headers.get("x-sandbox") == "prodia-compose"
        self.was_delivered = was_delivered


class Exchange:
    """A request, sent once over a connection of its own that is closed at the end.

    Use as a context manager: `perform`, then `chunks`. After a `Lost` of the stage `answer`
    there can be chunks too: of what came and was no HTTP answer.
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
        self._proxy: str | None = None
        self._verify: bool | str | None = None

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
            self._send()
            if not self._incoming.status:
                raise http.client.BadStatusLine("")
        hide = self._request.service.token.hide
        reply = Reply(self._incoming, hide, was_delivered=self._passage.is_delivered)
        self._on_reply(reply)
        self._reporter.trace(f"< {reply.status} {reply.reason}")
        for name in USED:
            if name in reply.headers:
                self._reporter.trace(f"< {name}: {_shown(name, reply.headers[name])}")
        return reply

    def chunks(self) -> Iterator[bytes]:
        """Yield the body of the answer as it comes, its codings not undone.

        Raises:
            Lost: It broke off.
        """
        incoming = self._adapter.incoming
        if incoming is not None and incoming.headers is not None:
            yield from self._counted(incoming.pieces())

    def surplus(self) -> Iterator[bytes]:
        """Yield what follows the body, if it follows at once: its length can be told wrong."""
        self._passage.hurry()
        with contextlib.suppress(Lost):
            yield from self._counted(self._incoming.surplus())

    @property
    def is_framed(self) -> bool:
        """Whether the connection told where the body ends; to be asked once it is read."""
        return self._incoming.is_framed

    @property
    def _incoming(self) -> Incoming:
        if self._adapter.incoming is None:
            raise RuntimeError("perform() comes first")
        return self._adapter.incoming

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        while True:
            with self._translated():
                piece = next(pieces, None)
            if piece is None:
                return
            self._reporter.advance(len(piece))
            yield piece

    def _send(self) -> None:
        request = self._request
        # Not prepared by a session, which would take a token from netrc where none is given.
        prepared = requests.Request(
            "GET" if request.body is None else "POST",
            request.url,
            headers=dict(request.headers),
            data=None if request.body is None else _Outgoing(request.body, self._passage),
        ).prepare()
        url = str(prepared.url)
        with requests.Session() as session:
            settings = session.merge_environment_settings(url, {}, None, None, None)
        proxies = {} if is_loopback(urlsplit(url).hostname or "") else settings["proxies"]
        self._proxy = requests.utils.select_proxy(url, proxies)
        self._verify = settings["verify"]
        self._trace_request(prepared)
        # Not session.send: it would look at redirects, and fail on odd ones.
        self._adapter.send(
            prepared,
            timeout=(request.service.connect_timeout_s, request.service.timeout_s),
            verify=settings["verify"],  # type: ignore[arg-type] # never None: the session has one
            cert=settings["cert"],
            proxies=proxies,
        )

    def _trace_request(self, prepared: requests.PreparedRequest) -> None:
        hide = self._request.service.token.hide
        self._reporter.trace(hide(f"> {prepared.method} {prepared.url}"))
        for name, value in prepared.headers.items():
            shown = "***" if name == "Authorization" else hide(str(value))
            self._reporter.trace(f"> {name}: {shown}")

    @contextlib.contextmanager
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
            tls = [one for one in (request.url, self._proxy) if one and one.startswith("https:")]
            is_looked_at = bool(tls) and not failures.are_files_spent()
            fault = trust.fault(self._verify) if is_looked_at else None
            if fault is not None:
                return Lost("connect", fault, "environment")
            return failures.of_connecting(
                error,
                host=urlsplit(request.url).netloc.rpartition("@")[2],
                proxy=self._proxy,
                timeout_s=request.service.connect_timeout_s,
            )
        if passage.has_stalled:
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


def _shown(name: str, value: str) -> str:
    """Return a header for the trace; of a place to go to, neither user nor query: both can be keys."""
    return addresses.shown(value.partition("?")[0]) if name == "location" else value
