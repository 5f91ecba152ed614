"""A real HTTP server on 127.0.0.1 that answers by script and breaks on demand.

Use::

    with loopback.serve([loopback.busy("1"), loopback.ok(jpeg)], tls=True) as server:
        ...  # point the tool at server.url, and REQUESTS_CA_BUNDLE at server.ca_file
    assert server.submissions == 2
    assert server.requests[1].parts()[0].name == "job"

Each connection gets the next answer of the script; the last one is given again
for all that come after. It keeps what it got, byte for byte, and shares no code
with the package, so that one cannot hide the other's mistakes.
"""

import email.message
import email.parser
import email.policy
import functools
import hashlib
import json
import select
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.client import responses
from pathlib import Path
from typing import Literal

import trustme

BOUNDARY = "loopback-5f3a9c1e7b2d4860a1b2c3d4"
REQUEST_ID = "req-loopback-1"
JOB_ID = "6c1f2a3e-0b4d-4c5e-8f90-123456789abc"


# What to answer

Framing = Literal["length", "chunked", "close"]
Then = Literal["close", "drain", "hold"]
Drop = Literal["before", "within", "after", "head"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One entry of a script: what to say, and how to misbehave.

    Attributes:
        status: The HTTP status.
        headers: Beside those that frame the body.
        body: The bytes of the body.
        framing: How the body's end is told: by length, in chunks, or by closing.
        keep: How many bytes of the body are really sent, if not all.
        read: How many bytes of the request's body to take before answering, if not all.
        then: What to do after an early answer: `close` at once, `drain` what
            is still coming, or `hold` the connection and read no more.
        drop: When to end the connection instead: `before` the request is read,
            `within` its body, `after` all of it, or after half of the answer's `head`.
        reset: End it with a reset (RST) rather than a close.
        pause_s: Between one byte of the answer and the next; 0 sends all at once.
        silent: Take the request and never answer.
        verbatim: Sent as it is instead of all above.
        tunnel: Be a proxy: answer CONNECT, then pass bytes to this port and back.
        choose: Asked for the answer to give instead, once the request has come.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    framing: Framing = "length"
    keep: int | None = None
    read: int | None = None
    then: Then = "close"
    drop: Drop | None = None
    reset: bool = False
    pause_s: float = 0
    silent: bool = False
    verbatim: bytes | None = None
    tunnel: int | None = None
    choose: "Callable[[Received], Answer] | None" = None

    def head(self) -> bytes:
        """Return the status line and the headers."""
        lines = [f"HTTP/1.1 {self.status} {responses.get(self.status, 'Odd')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.framing == "length":
            lines.append(f"Content-Length: {len(self.body)}")
        elif self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        else:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def framed(self) -> bytes:
        """Return the body as it goes out, cut to `keep`."""
        kept = self.body[: self.keep]
        if self.framing != "chunked":
            return kept
        pieces = [kept[at : at + 1000] for at in range(0, len(kept), 1000)]
        sent = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        return sent if len(kept) < len(self.body) else sent + b"0\r\n\r\n"


def ok(image: bytes, media_type: str = "image/jpeg", **headers: str) -> Answer:
    """Answer 200 with a bare picture."""
    return Answer(headers=_named(media_type, headers), body=image)


def multipart_ok(
    *images: bytes,
    media_type: str = "image/jpeg",
    job: object = None,
    message: str | None = None,
    status: int = 200,
    boundary: str = BOUNDARY,
) -> Answer:
    """Answer with a job record, any number of pictures, and perhaps a text."""
    record = job_record() if job is None else job
    suffix = media_type.rpartition("/")[2].replace("jpeg", "jpg")
    parts = [("job", "job.json", "application/json", json.dumps(record).encode())]
    parts += [
        ("output", f"output-{n}.{suffix}", media_type, image) for n, image in enumerate(images)
    ]
    if message is not None:
        parts.append(("output", "message.txt", "text/plain; charset=utf-8", message.encode()))
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        f"Content-Type: {kind}\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, filename, kind, data in parts
    )
    return Answer(
        status=status,
        headers=_named(f'multipart/form-data; boundary="{boundary}"', {}),
        body=body + f"--{boundary}--\r\n".encode(),
    )


def job_record(**changes: object) -> dict[str, object]:
    """Return the record of a job as the service writes it, with some fields changed."""
    return {
        "type": "inference.nano-banana.img2img.v2",
        "id": JOB_ID,
        "created_at": "2026-08-01T10:00:00.000Z",
        "updated_at": "2026-08-01T10:00:08.000Z",
        "expires_at": "2026-08-01T10:05:00.000Z",
        "state": {"current": "completed", "history": None},
        "config": {"aspect_ratio": "auto"},
        "metrics": {"elapsed": 7.53},
        "price": {"product": "inference-nano-banana", "dollars": 0.039},
    } | changes


def json_answer(value: object, status: int = 200, **headers: str) -> Answer:
    """Answer with JSON."""
    return text(json.dumps(value), status, "application/json", **headers)


def text(words: str, status: int = 200, media_type: str = "text/plain", **headers: str) -> Answer:
    """Answer with text."""
    return Answer(status=status, headers=_named(media_type, headers), body=words.encode())


def status(code: int, **headers: str) -> Answer:
    """Answer with a status and no body."""
    return Answer(status=code, headers=_named(None, headers))


def busy(retry_after: str | None = "1", code: int = 429) -> Answer:
    """Answer that there is no room, with or without a time to come back."""
    headers = {} if retry_after is None else {"Retry_After": retry_after}
    return json_answer({"error": "no capacity"}, code, **headers)


def redirect(code: int, location: str | None) -> Answer:
    """Answer with a redirect."""
    return status(code, **({} if location is None else {"Location": location}))


def raw(data: bytes) -> Answer:
    """Answer with these bytes and close."""
    return Answer(verbatim=data)


def early(answer: Answer, *, read: int = 1 << 16, then: Then = "close") -> Answer:
    """Give an answer after only `read` bytes of the request's body."""
    return replace(answer, read=read, then=then)


def cut(answer: Answer, framing: Framing, keep: int | None = None) -> Answer:
    """Send only the first `keep` bytes of the body (half, if not told), then close."""
    return replace(answer, framing=framing, keep=len(answer.body) // 2 if keep is None else keep)


def drop(when: Drop, *, reset: bool = False) -> Answer:
    """End the connection at some point instead of answering."""
    return Answer(drop=when, reset=reset)


def by(choose: "Callable[[Received], Answer]") -> Answer:
    """Give each request the answer that is chosen for it; choosing may take its time."""
    return Answer(choose=choose)


def tunnel(port: int) -> Answer:
    """Be a proxy that leads every CONNECT to a port of 127.0.0.1."""
    return Answer(tunnel=port)


def silent(*, read: int | None = None) -> Answer:
    """Never answer; with `read`, take only so many bytes of the body and then none."""
    return Answer(silent=True, read=read)


def trickle(answer: Answer, pause_s: float = 0.02) -> Answer:
    """Send the answer byte by byte."""
    return replace(answer, pause_s=pause_s)


def _named(media_type: str | None, headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers from keywords: `Retry_After` is `Retry-After`."""
    typed = {} if media_type is None else {"Content-Type": media_type}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"X-Request-Id": REQUEST_ID} | typed | named


# What was asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a multipart request."""

    name: str
    filename: str | None
    media_type: str
    data: bytes
    header: bytes


@dataclass(slots=True, kw_only=True)
class Received:
    """One request, as far as it came.

    Attributes:
        head: The request line and headers, as received.
        body: The first bytes of the body, at most the server's `keep_bytes`.
        size: How many bytes of the body came.
        sha256: Their hash, in hex.
        complete: Whether all of it came.
        at: When its head had come, by the clock of `time.monotonic`.
    """

    head: bytes
    at: float = 0.0
    body: bytes = b""
    size: int = 0
    sha256: str = ""
    complete: bool = False

    @property
    def method(self) -> str:
        """GET, POST and so on."""
        return self.head.split(b" ", 1)[0].decode("ascii")

    @property
    def target(self) -> str:
        """The path and query."""
        return self.head.split(b" ", 2)[1].decode("ascii")

    @property
    def headers(self) -> email.message.Message:
        """The headers; names are found whatever their case."""
        # The old policy, since the new one puts values into a form of its own.
        parser = email.parser.BytesHeaderParser(policy=email.policy.compat32)
        return parser.parsebytes(self.head.partition(b"\r\n")[2])

    def parts(self) -> list[Part]:
        """Return the parts of a multipart body, read by the standard library's `email`."""
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
            b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + self.body
        )
        boundary = b"--" + str(message.get_boundary()).encode()
        heads = [piece.partition(b"\r\n\r\n")[0] for piece in self.body.split(boundary)[1:-1]]
        found = []
        for part, head in zip(message.iter_parts(), heads, strict=True):
            data = part.get_payload(decode=True)
            found.append(
                Part(
                    name=str(part.get_param("name", header="Content-Disposition")),
                    filename=part.get_filename(),
                    media_type=part.get_content_type(),
                    data=data if isinstance(data, bytes) else b"",
                    header=head.lstrip(b"\r\n"),
                )
            )
        return found

    def job(self) -> dict[str, object]:
        """Return the JSON of the part `job`."""
        value: dict[str, object] = json.loads(next(p.data for p in self.parts() if p.name == "job"))
        return value


# The server


class Server:
    """A running server; see `serve`.

    Attributes:
        url: Its address, without a slash at the end.
        requests: What was asked, in order.
        connections: How many connections were made, requests or not.
        ca_file: The certificate to trust it by; None without TLS.
        keep_bytes: How much of each body is kept.
        stopping: Set once all connections are to end.
    """

    def __init__(
        self, script: Sequence[Answer], context: ssl.SSLContext | None, keep_bytes: int
    ) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self.ca_file: Path | None = None
        self.keep_bytes = keep_bytes
        self.stopping = threading.Event()
        self._script = tuple(script)
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        # Else the system may take in a whole upload that nobody reads.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self._alarm, self._alarm_end = socket.socketpair()
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, name="loopback")
        scheme = "http" if context is None else "https"
        self.port = int(self._listener.getsockname()[1])
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    @property
    def submissions(self) -> int:
        """How many POST requests came complete, to their last byte."""
        return sum(request.complete and request.method == "POST" for request in self.requests)

    def start(self) -> None:
        """Begin to accept connections."""
        self._acceptor.start()

    def stop(self) -> None:
        """End all connections and wait for all threads."""
        self.stopping.set()
        self._alarm.close()
        self._acceptor.join()
        self._alarm_end.close()
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            select.select([self._listener, self._alarm_end], [], [])
            if self.stopping.is_set():
                return
            connection, _ = self._listener.accept()
            answer = self._script[min(self.connections, len(self._script) - 1)]
            self.connections += 1
            thread = threading.Thread(target=self._talk, args=(connection, answer))
            self._threads.append(thread)
            thread.start()

    def _talk(self, connection: socket.socket, answer: Answer) -> None:
        connection.settimeout(30)
        # An answer held back to be sent with more would be lost in the reset that
        # closing with unread data sends.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A client that goes away in the middle is what many tests are about.
        with suppress(OSError):
            try:
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                _Talk(connection, answer, self).run()
            finally:
                if answer.reset:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                connection.close()


class _Talk:
    """One connection, from the request to whatever becomes of it."""

    def __init__(self, connection: socket.socket, answer: Answer, server: Server) -> None:
        self._connection = connection
        self._answer = answer
        self._server = server
        self._stopping = server.stopping
        self._digest = hashlib.sha256()

    def run(self) -> None:
        answer = self._answer
        if answer.drop == "before":
            return
        request, rest = self._read_head()
        if answer.tunnel is not None:
            self._pass_on(answer.tunnel)
            return
        length = int(request.headers.get("Content-Length", "0"))
        limit = 1000 if answer.drop == "within" else answer.read
        self._read_body(request, rest, length, length if limit is None else min(limit, length))
        if answer.choose is not None:
            self._answer = answer = answer.choose(request)
        if answer.drop in ("within", "after"):
            return
        if answer.silent or self._stopping.is_set():
            self._hold()
            return
        self._say()
        if not request.complete:
            if answer.then == "drain":
                self._read_body(request, b"", length, length)
            elif answer.then == "hold":
                self._hold()

    def _read_head(self) -> tuple[Received, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive(65536)
        head, _, rest = data.partition(b"\r\n\r\n")
        request = Received(head=head, at=time.monotonic())
        self._server.requests.append(request)
        return request, rest

    def _read_body(self, request: Received, rest: bytes, length: int, limit: int) -> None:
        piece = rest
        while True:
            self._digest.update(piece)
            request.size += len(piece)
            request.body += piece[: max(0, self._server.keep_bytes - len(request.body))]
            request.sha256 = self._digest.hexdigest()
            request.complete = request.size == length
            if request.size >= limit:
                return
            piece = self._receive(min(65536, length - request.size))

    def _receive(self, count: int) -> bytes:
        data = self._connection.recv(count)
        if not data:
            raise ConnectionResetError
        return data

    def _say(self) -> None:
        answer = self._answer
        data = answer.head() + answer.framed() if answer.verbatim is None else answer.verbatim
        if answer.drop == "head":
            data = data[: len(answer.head()) // 2]
        if not answer.pause_s:
            self._connection.sendall(data)
            return
        for at in range(len(data)):
            self._connection.sendall(data[at : at + 1])
            if self._stopping.wait(answer.pause_s):
                return

    def _pass_on(self, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as target:
            target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            talking = {self._connection: target, target: self._connection}
            while target in talking and not self._stopping.is_set():
                for end in _readable(list(talking)):
                    try:
                        data = end.recv(65536)
                        talking[end].sendall(data)
                    except OSError:
                        data = b""
                    if not data:
                        # A target that takes no more may still have said why.
                        del talking[end]

    def _hold(self) -> None:
        """Neither read nor write until the client is gone or the server stops."""
        # A hang-up shows without reading, which would make room for more of the body.
        poll = select.poll()
        # Only Linux tells of half a hang-up; elsewhere this waits for the server to stop.
        poll.register(self._connection, getattr(select, "POLLRDHUP", 0))
        while not self._stopping.wait(0.02) and not poll.poll(0):
            pass


def _readable(ends: list[socket.socket]) -> list[socket.socket]:
    """Return the sockets with something to read, after at most a moment."""
    # What a TLS socket has decrypted already does not show in select.
    pending: list[socket.socket] = [
        end for end in ends if isinstance(end, ssl.SSLSocket) and end.pending()
    ]
    return pending or select.select(ends, [], [], 0.05)[0]


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert("127.0.0.1", "localhost", "service.test").configure_cert(context)
    return context


@contextmanager
def serve(
    script: Sequence[Answer], *, tls: bool = False, keep_bytes: int = 1 << 24
) -> Iterator[Server]:
    """Run a server that answers by `script` while the block runs.

    Args:
        script: At least one answer; the last is given again and again.
        tls: Speak TLS, with a certificate for 127.0.0.1 and service.test that only `ca_file` vouches for.
        keep_bytes: How much of each body is kept.
    """
    server = Server(script, _context() if tls else None, keep_bytes)
    with tempfile.TemporaryDirectory() as folder:
        if tls:
            server.ca_file = Path(folder) / "ca.pem"
            _authority().cert_pem.write_to_path(str(server.ca_file))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def closed_port() -> int:
    """Return a port of 127.0.0.1 at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
