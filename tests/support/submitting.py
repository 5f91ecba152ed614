"""What the tests of the client share: a job to send, a way to send it, and all that was seen."""

import io
import json
import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO
from unittest import mock

import loopback
import pytest
from tables import table

from prodia_compose import errors, progress
from prodia_compose.client import answers, multipart
from prodia_compose.client.send import Sender, Sent
from prodia_compose.client.service import Service, Token
from prodia_compose.client.transport import exchange, passage

TOKEN = "sentinel-0f9e8d7c6b5a"

PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(200)) * 20 + b"\xff\xd9"
"""Bytes that begin and end as a JPEG does; nothing here decodes them."""

BOUNDARY = "0123456789abcdef0123456789abcdef"

SMALL = 20_000
LARGE = 12_000_000
"""More than the system takes in on both sides of a connection that nobody reads from."""

both = pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
each_guide_job = pytest.mark.parametrize("job", table("guide_jobs"), ids=["nano-banana", "flux-2"])


@dataclass(slots=True)
class Recorder(progress.Reporter):
    """Keeps everything it is told.

    Attributes:
        running: The phase that has begun and not ended.
    """

    phases: list[str] = field(default_factory=list)
    amounts: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int | None] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    traced: list[str] = field(default_factory=list)
    running: progress.Phase | None = None

    def start(self, phase: progress.Phase, total: int | None = None) -> None:
        """Keep a phase."""
        self.running = phase
        self.phases.append(phase)
        self.totals[phase] = total
        self.amounts[phase] = 0

    def advance(self, amount: int) -> None:
        """Keep an amount."""
        self.amounts[self.phases[-1]] += amount

    def finish(self) -> None:
        """Note that nothing is watched any more."""
        self.running = None

    def say(self, text: str) -> None:
        """Keep a line."""
        self.said.append(text)

    def detail(self, text: str) -> None:
        """Keep a line."""
        self.details.append(text)

    def trace(self, text: str) -> None:
        """Keep a line."""
        self.traced.append(text)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """All that came of one submission, and who is told of it meanwhile.

    Attributes:
        sent: What was returned, if it worked out; else what was raised is `error` or `stopped`.
        states: What the watch was told, in order.
        replies: Who answered, in order.
        held: The answer that the watch was told last, if there was one.
        slept: The waits that were asked for; none took any time.
    """

    sent: Sent | None = None
    error: errors.ComposeError | None = None
    stopped: errors.Interrupted | None = None
    states: list[errors.JobState] = field(default_factory=list)
    replies: list[exchange.Reply] = field(default_factory=list)
    held: answers.Answer | None = None
    slept: list[float] = field(default_factory=list)
    reporter: Recorder = field(default_factory=Recorder)

    def reached(self, state: errors.JobState) -> None:
        """Keep a state."""
        self.states.append(state)

    def met(self, reply: exchange.Reply) -> None:
        """Keep who answers."""
        self.replies.append(reply)

    def came(self, answer: answers.Answer) -> None:
        """Hold an answer."""
        self.held = answer

    @property
    def answer(self) -> answers.Answer:
        """The answer of a submission that worked out."""
        assert self.sent is not None, self.error
        return self.sent.answer

    @property
    def failure(self) -> errors.ComposeError:
        """The error of one that did not."""
        assert self.error is not None, self.sent
        return self.error

    @property
    def kept(self) -> answers.Output | None:
        """What has come and is most worth keeping, if nothing was of use."""
        held = self.held
        return None if held is None else next(iter((*held.outputs, *held.salvaged)), None)

    def texts(self) -> str:
        """Return every text that a user could get to see, tracebacks and records included."""
        shown = [*self.reporter.said, *self.reporter.details, *self.reporter.traced]
        if self.error is not None:
            error = self.error
            shown += traceback.format_exception(error)
            shown += [repr(error), repr(error.args), repr(vars(error))]
        if self.sent is not None:
            shown.append(repr(self.sent))
        return "\n".join(shown)


def part(name: str, filename: str, media_type: str, data: bytes) -> multipart.Part:
    """Return a part that holds `data`."""
    return multipart.Part(
        name=name,
        filename=filename,
        media_type=media_type,
        size=len(data),
        open=lambda: io.BytesIO(data),
    )


def picture_part(size: int, opener: Callable[[], BinaryIO]) -> multipart.Part:
    """Return an input announced with a size, whatever its opener gives."""
    return multipart.Part(
        name="input", filename="a.jpg", media_type="image/jpeg", size=size, open=opener
    )


def body_of(*parts: multipart.Part, boundary: str = BOUNDARY) -> multipart.MultipartBody:
    """Return a body of these parts."""
    return multipart.MultipartBody(parts, boundary)


def job_body(size: int = SMALL) -> multipart.MultipartBody:
    """Return a body with a small job and one input of `size` bytes."""
    job = part("job", "job.json", "application/json", b'{"type": "inference.ping.v1"}')
    return body_of(job, part("input", "a.jpg", "image/jpeg", b"p" * size))


def guide_parts(job: object) -> list[tuple[str, str, str, bytes]]:
    """Return the name, filename, type and data of each part of a job of the guide."""
    return [
        ("job", "job.json", "application/json", json.dumps(job).encode()),
        ("input", "product.jpg", "image/jpeg", PICTURE),
        ("input", "scene.jpg", "image/jpeg", PICTURE[::-1] + b"\r\n--"),
    ]


def guide_files(job: object) -> list[tuple[str, tuple[str, IO[bytes], str]]]:
    """Return the same as the guide's Python has them, for `files=` of requests."""
    return [
        (name, (filename, io.BytesIO(data), media_type))
        for name, filename, media_type, data in guide_parts(job)
    ]


def unresolvable(*_args: object, **_options: object) -> list[object]:
    """Find no host; stands in for `socket.getaddrinfo`."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@contextmanager
def environment(ca_file: Path | None = None, **variables: str) -> Iterator[None]:
    """Run a block without the proxies and bundles of this machine, but with `variables`."""
    ours = ("_PROXY", "_CA_BUNDLE", "NETRC")
    clean = {k: v for k, v in os.environ.items() if not k.upper().endswith(ours)}
    bundle = {} if ca_file is None else {"REQUESTS_CA_BUNDLE": str(ca_file)}
    with mock.patch.dict(os.environ, clean | bundle | variables, clear=True):
        yield


@contextmanager
def serving(
    *script: loopback.Answer, tls: bool = False, **variables: str
) -> Iterator[loopback.Server]:
    """Run a block with a server that answers by `script`, in an environment that trusts it."""
    with loopback.serve(script, tls=tls) as server, environment(server.ca_file, **variables):
        yield server


@contextmanager
def listener(then: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a port that does something with each connection but never speaks; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                held.append(connection)
                then(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in held:
                connection.close()


def service(url: str, **limits: float) -> Service:
    """Return a service at `url` that gives up early enough for a test."""
    usual = {"connect_timeout_s": 5.0, "stall_timeout_s": 10.0, "timeout_s": 10.0}
    patience: dict[str, Any] = usual | limits
    return Service(base_url=url, token=Token(value=TOKEN), **patience)


def submit(
    to: Service | str,
    body: multipart.MultipartBody | None = None,
    *,
    accept: str = "multipart/form-data; image/jpeg",
    usual_seconds: float | None = None,
    seen: Outcome | None = None,
    **handed: Any,
) -> Outcome:
    """Submit a job and return what came of it; waits for a busy service take no time.

    Args:
        to: The service, or its URL.
        body: Of the job; None for a small one.
        accept: The value of `Accept`.
        usual_seconds: How long it usually takes.
        seen: What is filled in, for a look at it meanwhile.
        handed: What the sender is handed instead of the usual.
    """
    outcome = seen or Outcome()
    usual: dict[str, Any] = {"reporter": outcome.reporter, "sleep": outcome.slept.append}
    to = service(to) if isinstance(to, str) else to
    sender = Sender(to, watch=outcome, **(usual | handed))
    try:
        outcome.sent = sender.send(
            job_body() if body is None else body, accept=accept, usual_seconds=usual_seconds
        )
    except errors.ComposeError as error:
        outcome.error = error
    except errors.Interrupted as interrupted:
        outcome.stopped = interrupted
    return outcome


def served(
    *script: loopback.Answer,
    body: multipart.MultipartBody | None = None,
    tls: bool = False,
    limits: Mapping[str, float] | None = None,
    **handed: Any,
) -> tuple[loopback.Server, Outcome]:
    """Submit a job to a server that answers by `script`; return both as they are afterwards."""
    with serving(*script, tls=tls) as server:
        return server, submit(service(server.url, **(limits or {})), body, **handed)


class StoppingAtTheEnd(exchange.Exchange):
    """An exchange during which somebody asks to stop."""

    def __init__(self, request: passage.Request, *, stop: progress.Stop, **handed: Any) -> None:
        super().__init__(request, stop=stop, **handed)
        self._asked = stop

    def __exit__(self, *how: object) -> None:
        self._asked.request(signal.SIGTERM)
        super().__exit__(*how)
