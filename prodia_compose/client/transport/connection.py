"""Connections that are watched: urllib3's own, with an eye for an early answer.

Two things urllib3 does not do by itself, and a paid upload needs:

* While the body goes out, it does not look for an answer. A server that refuses
  an upload in its middle and closes is heard over plain HTTP, where urllib3
  swallows the broken pipe and reads on; over TLS on Python 3.11 and 3.12 the
  refusal is lost in an SSL error. Here the connection looks before every piece
  it sends, and turns every failure to send into a broken pipe.
* Its timeouts are per read, so an answer dripped byte by byte never ends. Here
  every read is held to one deadline.
"""

import contextlib
import functools
import io
import socket
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from prodia_compose.client.transport.incoming import Incoming, early_class
from prodia_compose.client.transport.passage import Passage
from prodia_compose.progress import LOOK_EVERY_S

if TYPE_CHECKING:
    from urllib3.util.ssltransport import SSLTransport


_PIECE_BYTES = 1 << 14  # one TLS record
_READ_BYTES = 1 << 16


class Adapter(HTTPAdapter):
    """The adapter for one request: its connection moves a passage on.

    Attributes:
        opened: What is to be closed in the end: the connection, and the answer,
            which holds the socket even when urllib3 refuses to make a response of it.
        incoming: The answer; None before its head is waited for.
    """

    def __init__(self, passage: Passage) -> None:
        super().__init__()
        self.opened: list[HTTPConnection | Incoming] = []
        self.incoming: Incoming | None = None
        self.passage = passage
        self._response: urllib3.BaseHTTPResponse | None = None

    def close(self) -> None:
        """Close everything, whatever state it is in.

        Nothing here refers to itself then: what the request was made of goes at once, its
        pictures' files too, and not when Python next looks for such rings.
        """
        for opened in reversed(self.opened):
            opened.close()
        super().close()
        self.opened.clear()
        self._response = None

    def build_response(
        self,
        req: requests.PreparedRequest,  # noqa: ARG002 - the signature is requests'
        resp: urllib3.BaseHTTPResponse,
    ) -> requests.Response:
        """Return a bare response: requests' own looks for cookies, and could stumble over them."""
        response = requests.Response()
        self._response = response.raw = resp  # held, since it closes the answer when it goes
        return response

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,  # noqa: FBT001 - the signature is requests'
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> urllib3.HTTPConnectionPool:
        """Return a pool whose connections are watched."""
        made = super().get_connection_with_tls_context(request, verify, proxies, cert)
        pool = cast("urllib3.HTTPConnectionPool", made)
        pool.ConnectionCls = _watched(pool.ConnectionCls)
        pool.conn_kw["adapter"] = self
        return pool


class _Connection(HTTPConnection):
    """A connection for one request, watched from connecting to the answer's head."""

    def __init__(self, *args: object, adapter: Adapter, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type] # urllib3's own business
        self._passage = adapter.passage
        self._adapter = adapter
        adapter.opened.append(self)

    def connect(self) -> None:
        with self._passage.stop.at_once():  # nothing has left yet
            super().connect()
        self._passage.is_connected = True

    def request(self, *args: object, **options: object) -> None:
        # Connected here and not at the first byte, so that "sending" is not said too early.
        if self.sock is None:
            self.connect()
        heard = functools.partial(_heard, self._adapter)
        self.response_class = heard  # type: ignore[assignment] # a factory will do
        self._passage.begin()
        super().request(*args, **options)  # type: ignore[arg-type]
        self._passage.all_sent()

    def send(self, data: object) -> None:
        if self._passage.state == "not-sent":  # what is said to a proxy
            super().send(data)  # type: ignore[arg-type]
        else:
            self._send_watching(memoryview(data))  # type: ignore[arg-type] # urllib3 sends bytes only

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override] # as urllib3 has it
        response = super().getresponse()
        self._passage.answered(
            None if self._adapter.incoming is None else self._adapter.incoming.length
        )
        return response

    def _send_watching(self, data: memoryview) -> None:
        """Send all of `data`.

        Raises:
            BrokenPipeError: An answer has come, nothing moved for too long, or
                the connection broke. urllib3 then reads what answer there is.
            Interrupted: Somebody asked to stop.
        """
        passage, sock = self._passage, self.sock
        # A TLS connection inside a proxy's TLS loses bytes when a send times out half-way.
        can_wait_in_steps = isinstance(sock, socket.socket)
        patience_s = passage.request.service.stall_timeout_s
        moved_at = passage.clock()
        while data:
            passage.stop.check()
            try:
                if can_wait_in_steps:
                    self._look_for_answer(sock)
                piece = data[:_PIECE_BYTES]
                passage.offer(len(piece))
                sock.settimeout(min(LOOK_EVERY_S, patience_s) if can_wait_in_steps else patience_s)
                with contextlib.nullcontext() if can_wait_in_steps else passage.stop.at_once():
                    count = sock.send(piece)
            except TimeoutError:
                if can_wait_in_steps and passage.clock() - moved_at < patience_s:
                    passage.offer(0)  # nothing of it has left
                    continue
                passage.break_off(stalled=True)
                raise BrokenPipeError from None
            except OSError as error:  # an ssl.SSLError too
                passage.break_off()
                raise BrokenPipeError from error
            moved_at = passage.clock()
            data = data[count:]
            passage.sent(count)

    def _look_for_answer(self, sock: socket.socket) -> None:
        """Look whether to stop sending.

        Bytes of an answer are taken from the socket and kept for its reader:
        over TLS there is no way to look without taking, since session tickets
        make the socket readable too.

        Raises:
            OSError: An answer has begun that is an error, or the connection has ended.
        """
        early = self._passage.early
        sock.settimeout(0)
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            while (status := early_class(early)) is None:
                taken = sock.recv(_READ_BYTES)
                if not taken:
                    raise BrokenPipeError
                early += taken
            if status != 2:
                raise BrokenPipeError


@functools.cache
def _watched(kind: type[HTTPConnection]) -> type[HTTPConnection]:
    """Return a kind of connection, be it plain, TLS or SOCKS, watched."""
    return type("WatchedConnection", (_Connection, kind), {})


def _heard(
    adapter: Adapter,
    sock: "socket.socket | SSLTransport",
    debuglevel: int = 0,
    method: str | None = None,
) -> Incoming:
    """Return the answer on a socket, read through the deadline."""
    reader = _DeadlineReader(sock, adapter.passage)
    response = Incoming(reader, debuglevel, method)  # type: ignore[arg-type] # makefile() is all it uses
    adapter.opened.append(response)
    adapter.incoming = response
    return response


class _DeadlineReader(io.RawIOBase):
    """Reads a socket until the passage's time is up.

    Stands where http.client expects a socket, whose `makefile` is all that it uses.
    """

    def __init__(self, sock: "socket.socket | SSLTransport", passage: Passage) -> None:
        self._sock = sock
        self._passage = passage
        # Keeps the socket open while http.client thinks it has closed it.
        self._hold = sock.makefile("rb")

    def makefile(self, _mode: str) -> BinaryIO:
        return io.BufferedReader(self, _READ_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # typeshed: WriteableBuffer
        early = self._passage.early
        if early:
            taken = min(len(buffer), len(early))
            buffer[:taken] = early[:taken]
            del early[:taken]
            return taken
        while (remaining_s := self._passage.remaining_s()) > 0:
            self._sock.settimeout(min(remaining_s, LOOK_EVERY_S))
            try:
                count: int | bytes | None = self._sock.recv_into(buffer)
            except TimeoutError:
                self._passage.tick()
            else:
                return count if isinstance(count, int) else 0
        raise TimeoutError("the time for the answer is up")

    def close(self) -> None:
        super().close()
        self._hold.close()
