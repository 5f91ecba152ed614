"""What the tests of the client share: a job to send, a way to send it, and all that was seen."""

import io
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from prodia_compose import errors, progress
from prodia_compose.client import answers, multipart
from prodia_compose.client.send import Sender, Sent
from prodia_compose.client.service import Service, Token

TOKEN = "sentinel-0f9e8d7c6b5a"

PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(200)) * 20 + b"\xff\xd9"
"""Bytes that begin and end as a JPEG does; nothing here decodes them."""

BOUNDARY = "0123456789abcdef0123456789abcdef"

SMALL = 20_000
LARGE = 12_000_000
"""More than the system takes in on both sides of a connection that nobody reads from."""


GUIDE_JOBS: dict[str, dict[str, object]] = {
    "nano-banana": {
        "type": "inference.nano-banana.img2img.v2",
        "config": {
            "prompt": "Place the white ceramic mug from the first image onto the wooden table.",
            "images": ["product.jpg", "scene.jpg"],
            "aspect_ratio": "1:1",
        },
    },
    "flux-2-flex": {
        "type": "inference.flux-2.flex.img2img.v1",
        "config": {
            "prompt": "Place the white ceramic mug onto the wooden kitchen table. Photorealistic.",
            "images": ["product.jpg", "scene.jpg"],
            "aspect_ratio": "1:1",
            "width": 1024,
            "height": 1024,
            "steps": 50,
        },
    },
}
"""The jobs of the guide's two examples."""


@dataclass(slots=True)
class Recorder(progress.Reporter):
    """Keeps everything it is told."""

    phases: list[str] = field(default_factory=list)
    amounts: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int | None] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    traced: list[str] = field(default_factory=list)

    def start(self, phase: progress.Phase, total: int | None = None) -> None:
        """Keep a phase."""
        self.phases.append(phase)
        self.totals[phase] = total
        self.amounts[phase] = 0

    def advance(self, amount: int) -> None:
        """Keep an amount."""
        self.amounts[self.phases[-1]] += amount

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
        sent: What was returned, if anything was.
        error: What was raised, if anything was.
        states: What the watch was told, in order.
        held: The answer that the watch was told last, if there was one.
        slept: The waits that were asked for; none took any time.
        reporter: What the reporter was told.
    """

    sent: Sent | None = None
    error: errors.ComposeError | None = None
    states: list[errors.JobState] = field(default_factory=list)
    held: answers.Answer | None = None
    slept: list[float] = field(default_factory=list)
    reporter: Recorder = field(default_factory=Recorder)

    def reached(self, state: errors.JobState) -> None:
        """Keep a state."""
        self.states.append(state)

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
        """What has come and is worth keeping, if nothing was of use."""
        return None if self.held is None else self.held.remains

    def texts(self) -> str:
        """Return every text that a user could get to see, tracebacks and records included."""
        shown = [*self.reporter.said, *self.reporter.details, *self.reporter.traced]
        if self.error is not None:
            error = self.error
            shown += traceback.format_exception(error)
            shown += [repr(error), repr(error.args), repr(vars(error))]
            kept = self.kept
            if kept is not None:
                shown.append(kept.blob.read().decode("latin-1"))
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


def job_body(size: int = SMALL) -> multipart.MultipartBody:
    """Return a body with a small job and one input of `size` bytes."""
    return multipart.MultipartBody(
        [
            part("job", "job.json", "application/json", b'{"type": "inference.ping.v1"}'),
            part("input", "a.jpg", "image/jpeg", b"p" * size),
        ],
        BOUNDARY,
    )


@contextmanager
def environment(ca_file: Path | None = None, **variables: str) -> Iterator[None]:
    """Run a block without the proxies and bundles of this machine, but with `variables`."""
    ours = ("_PROXY", "_CA_BUNDLE", "NETRC")
    clean = {k: v for k, v in os.environ.items() if not k.upper().endswith(ours)}
    bundle = {} if ca_file is None else {"REQUESTS_CA_BUNDLE": str(ca_file)}
    with mock.patch.dict(os.environ, clean | bundle | variables, clear=True):
        yield


def service(
    url: str,
    *,
    connect_timeout_s: float = 5,
    stall_timeout_s: float = 10,
    timeout_s: float = 10,
    max_wait_s: float = 120,
) -> Service:
    """Return a service at `url` that gives up early enough for a test."""
    return Service(
        base_url=url,
        token=Token(value=TOKEN),
        connect_timeout_s=connect_timeout_s,
        stall_timeout_s=stall_timeout_s,
        timeout_s=timeout_s,
        max_wait_s=max_wait_s,
    )


def submit(
    to: Service,
    body: multipart.MultipartBody | None = None,
    *,
    accept: str = "multipart/form-data; image/jpeg",
    usual_seconds: float | None = None,
    seen: Outcome | None = None,
    **handed: Any,
) -> Outcome:
    """Submit a job and return what came of it; waits for a busy service take no time.

    Args:
        to: The service.
        body: Of the job; None for a small one.
        accept: The value of `Accept`.
        usual_seconds: How long it usually takes.
        seen: What is filled in, for a look at it meanwhile, or if an interruption is raised.
        handed: What the sender is handed instead of the usual.
    """
    outcome = seen or Outcome()
    usual: dict[str, Any] = {"reporter": outcome.reporter, "sleep": outcome.slept.append}
    sender = Sender(to, watch=outcome, **(usual | handed))
    try:
        outcome.sent = sender.send(
            job_body() if body is None else body, accept=accept, usual_seconds=usual_seconds
        )
    except errors.ComposeError as error:
        outcome.error = error
    return outcome
