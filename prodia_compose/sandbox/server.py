"""The sandbox itself: a loopback server to start, use and close."""

import contextlib
import errno
import functools
import http.server
import ipaddress
import os
import socket
import socketserver
import threading
from typing import Any, Self

from prodia_compose import errors
from prodia_compose.sandbox.handler import Handler
from prodia_compose.sandbox.jobs import JobRecord
from prodia_compose.sandbox.service import SandboxOptions, Service

_POLL_S = 0.05


class Sandbox:
    """A stand-in for the service on a loopback port.

    The port is taken at once, so `url` is good before anything is served. Use it as a
    context manager, or call `start` or `serve_forever` and then `close`. Port 0 is any free one.

    Raises:
        errors.UsageError: The address is not loopback, or the port cannot be had.
    """

    def __init__(
        self, options: SandboxOptions | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._service = Service(options or SandboxOptions())
        self._server = _bind(_loopback(host), port, self._service)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        host, port = self._server.server_address[:2]
        name = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{name}:{port}"

    @property
    def jobs(self) -> tuple[JobRecord, ...]:
        """The last thousand requests to create a job, in the order they were answered.

        Those whose token was refused, and those dropped before they were read, are not in it.
        """
        return tuple(self._service.records)

    def start(self) -> None:
        """Serve in a daemon thread; does nothing when it serves already.

        Raises:
            errors.NotDeliveredError: No thread is to be had.
        """
        if self._thread is None and not self._service.closing.is_set():
            thread = threading.Thread(
                target=self._server.serve_forever, args=(_POLL_S,), daemon=True
            )
            try:
                thread.start()
            except RuntimeError as error:
                self._server.server_close()
                words, cure = errors.NO_THREADS
                words = f"the sandbox needs a thread, and {words}"
                raise errors.NotDeliveredError(words, cure) from error
            self._thread = thread

    def serve_forever(self) -> None:
        """Serve until `close` is called from elsewhere, or a signal handler raises."""
        self.start()
        while not self._service.closing.wait(0.5):  # a wait without end ignores Ctrl-C on Windows
            pass

    def close(self) -> None:
        """Stop serving, end every open connection, and give the port back."""
        self._service.closing.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(http.server.ThreadingHTTPServer):
    """A threading server that knows its connections, so that it can end them."""

    request_queue_size = 64
    # Elsewhere this only skips the wait after a close; on Windows it would share the port.
    allow_reuse_address = os.name != "nt"

    def __init__(self, address: tuple[str, int], service: Service) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._connections: set[socket.socket] = set()
        self._serving: list[threading.Thread] = []
        self._patience_s = service.options.read_timeout_s
        super().__init__(address, functools.partial(Handler, service))

    def server_bind(self) -> None:
        """Bind without looking up the host's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, with a time limit on reads and writes."""
        request.settimeout(self._patience_s)
        self._connections.add(request)
        serve = functools.partial(self.process_request_thread, request, client_address)
        thread = threading.Thread(target=serve, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads are to be had: one connection after the other
            serve()
        else:
            self._serving = [*filter(threading.Thread.is_alive, self._serving), thread]

    def close_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        self._connections.discard(request)
        super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: what gets here is a client that went away."""

    def server_close(self) -> None:
        """Break every connection, close the port and wait for the threads."""
        for connection in tuple(self._connections):
            with contextlib.suppress(OSError):  # it has just ended by itself
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()
        for thread in self._serving:
            thread.join()


def _loopback(host: str) -> str:
    """Return the host as an address, if it is a loopback one."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        if address.is_loopback:
            return str(address)
    raise errors.UsageError(f"host {host}: the sandbox serves this machine only", "use 127.0.0.1")


def _bind(host: str, port: int, service: Service) -> _Server:
    try:
        return _Server((host, port), service)
    except OverflowError as error:
        raise errors.UsageError(f"--port {port}: a port is a number from 0 to 65535") from error
    except OSError as error:
        why = f"cannot be used on {host}: {error.strerror or error}"
        if error.errno == errno.EADDRINUSE:
            why = f"already in use on {host}"
        cure = "choose another, or 0 for any free one"
        raise errors.UsageError(f"--port {port}: {why}", cure) from error
