"""What the service does with a request, apart from HTTP."""

import collections
import dataclasses
import hmac
import re
import threading
import time
import urllib.parse
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.sandbox import answers, drawing, rules, thumbnails
from prodia_compose.sandbox.answers import Answer, Output, RefusedError, Wanted
from prodia_compose.sandbox.faults import Fault, FaultKind, FaultQueue
from prodia_compose.sandbox.incoming import Submission
from prodia_compose.sandbox.jobs import Job, JobRecord

_ASYNC_PATH = re.compile(
    r"/v2/job/async/([^/]+)/(?:(job\.state\.current)|(job\.json)|output(?:/([^/]+))?)"
)
_DAY_S = 86_400
_KEPT_JOBS = 64  # then the oldest is forgotten, as if expired; how long jobs live is undocumented
_HTML = b"<!doctype html><title>Welcome</title><p>This is a page, not a picture.\n"


@frozen
class SandboxOptions:
    """How a sandbox behaves.

    Attributes:
        token: The only bearer token it accepts; None for any that is not empty.
        latency_s: How long a job takes, in seconds, up to a day. Refusals come at once.
        read_timeout_s: How long a silent client is waited for, in seconds.
    """

    token: str | None = dataclasses.field(default=None, repr=False)
    latency_s: float = 0.0
    faults: tuple[Fault, ...] = ()
    read_timeout_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse a latency that is no usable number of seconds."""
        if not 0 <= self.latency_s <= _DAY_S:
            raise errors.UsageError(f"--latency {self.latency_s:g}: seconds, from 0 to {_DAY_S}")


@frozen
class JobRequest:
    """A request to create a job, read in whole, or refused as it could not be read."""

    submission: Submission | RefusedError
    accept: str | None
    is_async: bool
    with_price: bool
    fault: FaultKind | None
    request_id: str


class Service:
    """Takes jobs, draws their pictures and remembers them; safe under threads."""

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self.closing = threading.Event()  # ends every wait
        self.faults = FaultQueue(options.faults)
        # Every operation on these two is atomic, so that they need no lock.
        self.records: collections.deque[JobRecord] = collections.deque(maxlen=1000)
        self._async_jobs: collections.OrderedDict[str, Job] = collections.OrderedDict()

    def check_token(self, authorization: str | None) -> None:
        """Refuse an Authorization header that carries no accepted token."""
        scheme, _, token = (authorization or "").strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise RefusedError(401, "the Authorization header has no bearer token")
        sent = token.encode("latin-1")  # as http.server decodes headers
        wanted = self.options.token
        if wanted is None or hmac.compare_digest(sent, wanted.encode(errors="surrogateescape")):
            return
        raise RefusedError(401, "it is not the one this sandbox was started with")

    def create(self, request: JobRequest) -> Answer | None:
        """Run a job, or fail as told, and write it down; None: no answer is to be sent."""
        try:
            answer = self._struck(request)
        except RefusedError as refused:
            answer = answers.refuse(refused, request.accept)
        self._write_down(request, answer.status if answer else None)
        return answer

    def look_up(self, path: str, *, with_price: bool) -> Answer:
        """Return the answer of an async endpoint.

        Raises:
            RefusedError: There is no such endpoint, job or output.
        """
        found = _ASYNC_PATH.fullmatch(path)
        if found is None:
            raise RefusedError(404, "not found")
        job_id, is_state, is_record, filename = found.groups()
        job = self._async_jobs.get(job_id)
        if job is None:
            raise RefusedError(404, "job not found or expired")
        state = job.state
        if is_state:
            return answers.as_text(200, state)
        if is_record:
            return answers.as_json(200, job.json(state, with_price=with_price))
        outputs = job.outputs if state == "processed" else ()
        if filename is None:  # empty until the job is done (undocumented)
            return answers.as_json(200, [output.filename for output in outputs])
        name = urllib.parse.unquote(filename)
        for output in outputs:
            if output.filename == name:
                return Answer(status=200, content_type=output.content_type, body=output.data)
        raise RefusedError(404, "output not found")

    def _write_down(self, request: JobRequest, status: int | None) -> None:
        sent = None if isinstance(request.submission, RefusedError) else request.submission
        record = JobRecord(
            job=sent.job if sent else None,
            inputs=tuple(part.record() for part in sent.inputs) if sent else (),
            status=status,
            request_id=request.request_id,
            is_async=request.is_async,
            fault=request.fault,
        )
        self.records.append(record)

    def _struck(self, request: JobRequest) -> Answer | None:
        """Return what a fault makes of the job, or the job's own answer where none does."""
        match request.fault:
            case "busy" | "busy-forever":
                raise RefusedError(429, "no capacity right now", (("Retry-After", "1"),))
            case "unauthorised":
                raise RefusedError(401, "the sandbox was told to refuse it")
            case "too-large":
                raise RefusedError(413, "payload too large: the sandbox was told to say so")
            case "rejected":
                raise RefusedError(400, "config: the sandbox was told to reject this job")
            case "server-error":
                self.closing.wait(self.options.latency_s)
                raise RefusedError(500, "internal error: the sandbox was told to fail")
            case "wrong-type":
                self.closing.wait(self.options.latency_s)
                return Answer(status=200, content_type="text/html", body=_HTML)
            case "drop-before" | "drop-after":  # the first never gets here
                self.closing.wait(self.options.latency_s)
                return None
            case "stall":
                return None
            case "failed" | "cut" | None:
                return self._run(request)

    def _run(self, request: JobRequest) -> Answer | None:
        """Return the answer of a job; None where the server shuts down before it is done."""
        started = time.monotonic()
        if isinstance(request.submission, RefusedError):
            raise request.submission
        wanted = Wanted.from_accept(request.accept)
        accepted = rules.check(request.submission)
        sizes = [thumbnails.measure(part.filename, part.content) for part in accepted.inputs]
        rules.check_pixels(accepted, sizes)
        error = "the sandbox was told to fail this job" if request.fault == "failed" else None
        outputs = () if error else _outputs(accepted, sizes, wanted.format)
        job = Job(
            id=str(uuid.uuid4()),
            job_type=accepted.job_type,
            config=_answered_config(accepted, outputs),
            outputs=outputs,
            created=datetime.now(UTC),
            ready_at=started + self.options.latency_s,
            elapsed_s=max(self.options.latency_s, time.monotonic() - started),
            price=_price(accepted),
            error=error,
        )
        if request.is_async:
            # Every type permits async here; which ones do is not documented. The shape of
            # this answer under an image Accept is not documented either: JSON.
            self._async_jobs[job.id] = job
            while len(self._async_jobs) > _KEPT_JOBS:
                self._async_jobs.popitem(last=False)
            shape: answers.Shape = "multipart" if wanted.shape == "multipart" else "json"
            document = job.json(job.state, with_price=request.with_price)
            return answers.deliver(201, shape, document, ())
        if self.closing.wait(max(0.0, job.ready_at - time.monotonic())):
            return None
        document = job.json("failed" if error else "completed", with_price=request.with_price)
        return answers.deliver(200, wanted.shape, document, outputs)


def _outputs(
    accepted: rules.Accepted, sizes: Sequence[tuple[int, int]], image_format: answers.Format
) -> tuple[Output, ...]:
    if accepted.job_type == rules.PING:
        return ()
    output = Output(
        filename=f"output.{answers.SUFFIXES[image_format]}",
        content_type=answers.MEDIA_TYPES[image_format],
        data=drawing.draw(accepted, sizes, image_format),
    )
    if accepted.config.get("include_messages") is not True:
        return (output,)
    # A model that was asked for messages may answer with text beside the picture.
    text = f"The sandbox drew {len(accepted.inputs)} input(s); no model was run.\n"
    return (output, Output(filename="message.txt", content_type="text/plain", data=text.encode()))


def _answered_config(accepted: rules.Accepted, outputs: tuple[Output, ...]) -> dict[str, object]:
    """Return the config as an answer tells it; Nano Banana adds two counts."""
    if accepted.name != "nano-banana":
        return accepted.config
    messages = sum(output.content_type == "text/plain" for output in outputs)
    counts = {"output_message_count": messages, "output_image_count": len(outputs) - messages}
    return {**accepted.config, **counts}


def _price(accepted: rules.Accepted) -> dict[str, object] | None:
    """Return what the job costs, where one listed price holds for it."""
    if accepted.model is None:
        return None
    resolution = accepted.config.get("resolution")
    estimate = accepted.model.estimate(resolution if isinstance(resolution, str) else None)
    if estimate.minimum_usd is None or estimate.minimum_usd != estimate.maximum_usd:
        return None
    # Only Nano Banana's product name has been seen; the others are formed like it.
    return {"product": f"inference-{accepted.name}", "dollars": estimate.minimum_usd}
