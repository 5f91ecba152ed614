"""What the service does with a request, apart from HTTP."""

import hmac
import re
import threading
import time
import urllib.parse
import uuid
from datetime import UTC, datetime

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.sandbox import answers, layout, picture, records, rules, thumbnails
from prodia_compose.sandbox.answers import Answer, Output, Shape, Wanted
from prodia_compose.sandbox.faults import Fault, FaultKind, FaultQueue
from prodia_compose.sandbox.incoming import Submission
from prodia_compose.sandbox.records import Job, JobRecord
from prodia_compose.sandbox.refusal import RefusedError

_ASYNC_PATH = re.compile(
    r"/v2/job/async/([^/]+)/(?:(job\.state\.current)|(job\.json)|output(?:/([^/]+))?)"
)
_DAY_S = 86_400
_HTML = b"<!doctype html><title>Welcome</title><p>This is a page, not a picture.\n"
_SUFFIXES: dict[answers.Format, str] = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


@frozen
class SandboxOptions:
    """How a sandbox behaves.

    Attributes:
        token: The only bearer token it accepts; None for any that is not empty.
        latency_s: How long a job takes, in seconds, up to a day. Refusals come at once.
        faults: What goes wrong, one after the other.
        read_timeout_s: How long a silent client is waited for, in seconds.
    """

    token: str | None = None
    latency_s: float = 0.0
    faults: tuple[Fault, ...] = ()
    read_timeout_s: float = 30.0

    def __post_init__(self) -> None:
        """Check what a command line can get wrong.

        Raises:
            errors.UsageError: The latency is no usable number of seconds.
        """
        if not 0 <= self.latency_s <= _DAY_S:
            raise errors.UsageError(f"--latency {self.latency_s:g}: seconds, from 0 to {_DAY_S}")

    def __repr__(self) -> str:
        """Return the options without the token."""
        shown = "None" if self.token is None else "'...'"
        return (
            f"SandboxOptions(token={shown}, latency_s={self.latency_s}, faults={self.faults}, "
            f"read_timeout_s={self.read_timeout_s})"
        )


@frozen
class JobRequest:
    """A request to create a job, read in whole.

    Attributes:
        submission: The job and its inputs, or why they could not be read.
        accept: The Accept header; None if there was none.
        is_async: Whether it came to `/v2/job/async`.
        with_price: Whether the query asks for the price.
        fault: What is to go wrong, if anything.
        request_id: The `x-request-id` of the answer.
    """

    submission: Submission | RefusedError
    accept: str | None
    is_async: bool
    with_price: bool
    fault: FaultKind | None
    request_id: str


@frozen
class Reply:
    """What the connection carries back.

    Attributes:
        answer: The answer; None to close the connection without one.
        cut: Whether only half of the body is sent before closing.
        stall: Whether nothing happens until one side closes the connection.
    """

    answer: Answer | None
    cut: bool = False
    stall: bool = False


class Service:
    """Takes jobs, draws their pictures and remembers them; safe under threads.

    Args:
        options: How it behaves.
        closing: Set when the server shuts down; ends every wait.
    """

    def __init__(self, options: SandboxOptions, closing: threading.Event) -> None:
        self.options = options
        self.closing = closing
        self.faults = FaultQueue(options.faults)
        self.log = records.JobLog()
        self._async_jobs = records.AsyncJobs()

    def check_token(self, authorization: str | None) -> Answer | None:
        """Return a 401 unless the Authorization header carries an accepted token."""
        scheme, _, token = (authorization or "").strip().partition(" ")
        token = token.strip()
        wanted = self.options.token
        if scheme.lower() == "bearer" and token:
            sent = token.encode("latin-1")  # as http.server decodes headers
            if wanted is None or hmac.compare_digest(sent, wanted.encode(errors="surrogateescape")):
                return None
            return _unauthorised("it is not the one this sandbox was started with")
        return _unauthorised("the Authorization header has no bearer token")

    def create(self, request: JobRequest) -> Reply:
        """Run a job, or fail as told, and write it down."""
        try:
            reply = self._struck(request) or Reply(answer=self._run(request))
        except RefusedError as refused:
            answer = answers.refuse(refused.status, refused.message, request.accept)
            reply = Reply(answer=answer)
        if reply.answer is not None and request.fault == "cut":
            reply = Reply(answer=reply.answer, cut=True)
        self._write_down(request, reply.answer.status if reply.answer else None)
        return reply

    def look_up(self, path: str, *, with_price: bool) -> Answer:
        """Return the answer of an async endpoint.

        Raises:
            RefusedError: There is no such endpoint, job or output.
        """
        found = _ASYNC_PATH.fullmatch(path)
        if found is None:
            raise RefusedError(404, "not found")
        job_id, is_state, is_record, filename = found.groups()
        job = self._async_jobs.find(job_id)
        if job is None:
            raise RefusedError(404, "job not found or expired")
        if is_state:
            return Answer(
                status=200, content_type="text/plain; charset=utf-8", body=job.state.encode()
            )
        if is_record:
            return answers.as_json(200, job.json(with_price=with_price))
        outputs = job.visible_outputs()
        if filename is None:  # empty until the job is done (undocumented)
            return answers.as_json(200, [output.filename for output in outputs])
        name = urllib.parse.unquote(filename)
        for output in outputs:
            if output.filename == name:
                return Answer(status=200, content_type=output.content_type, body=output.data)
        raise RefusedError(404, "output not found")

    def _write_down(self, request: JobRequest, status: int | None) -> None:
        submission = request.submission if isinstance(request.submission, Submission) else None
        self.log.add(
            JobRecord(
                job=submission.job if submission else None,
                inputs=tuple(
                    records.InputRecord(
                        filename=part.filename,
                        content_type=part.content_type,
                        size=part.content.size,
                        sha256=part.content.sha256,
                    )
                    for part in (submission.inputs if submission else ())
                ),
                status=status,
                request_id=request.request_id,
                is_async=request.is_async,
                fault=request.fault,
            )
        )

    def _struck(self, request: JobRequest) -> Reply | None:
        """Return what a fault makes of the job, None where the job runs all the same.

        Raises:
            RefusedError: The fault is a refusal that looks like any other.
        """
        match request.fault:
            case "busy" | "busy-forever":
                headers = (("Retry-After", "1"),)
                text = "no capacity right now"
                return Reply(answer=answers.refuse(429, text, request.accept, headers))
            case "unauthorised":
                return Reply(answer=_unauthorised("the sandbox was told to refuse it"))
            case "too-large":
                raise RefusedError(413, "payload too large: the sandbox was told to say so")
            case "rejected":
                raise RefusedError(400, "config: the sandbox was told to reject this job")
            case "stall":
                return Reply(answer=None, stall=True)
            case "server-error":
                self.closing.wait(self.options.latency_s)
                raise RefusedError(500, "internal error: the sandbox was told to fail")
            case "wrong-type":
                self.closing.wait(self.options.latency_s)
                return Reply(answer=Answer(status=200, content_type="text/html", body=_HTML))
            case "drop-before" | "drop-after":  # the first never gets here
                self.closing.wait(self.options.latency_s)
                return Reply(answer=None)
            case "failed" | "cut" | None:
                return None

    def _run(self, request: JobRequest) -> Answer | None:
        """Return the answer of a job; None where the server shuts down before it is done.

        Raises:
            RefusedError: It breaks a rule of the service.
        """
        started = time.monotonic()
        if isinstance(request.submission, RefusedError):
            raise request.submission
        wanted = Wanted.from_accept(request.accept)
        accepted = rules.check(request.submission)
        _check_pixels(accepted)
        error = "the sandbox was told to fail this job" if request.fault == "failed" else None
        outputs = () if error else _outputs(accepted, wanted)
        job = Job(
            id=str(uuid.uuid4()),
            job_type=accepted.job_type,
            config=_told_config(accepted, outputs),
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
            self._async_jobs.add(job)
            shape: Shape = "multipart" if wanted.shape == "multipart" else "json"
            return answers.deliver(201, shape, job.json(with_price=request.with_price), ())
        if self.closing.wait(max(0.0, job.ready_at - time.monotonic())):
            return None
        told = job.finished(with_price=request.with_price)
        return answers.deliver(200, wanted.shape, told, outputs)


def _unauthorised(reason: str) -> Answer:
    """Return a 401, which is plain text whatever was asked for."""
    body = f"token is invalid: {reason}\n".encode()
    return Answer(status=401, content_type="text/plain; charset=utf-8", body=body)


def _check_pixels(accepted: rules.Accepted) -> None:
    """Refuse inputs that are no pictures, or hold more pixels than the model takes together."""
    sizes = [thumbnails.measure(part.filename, part.content) for part in accepted.inputs]
    combined = accepted.model.caps.combined if accepted.model else None
    if combined is None or combined.kind != "documented":
        return
    pixels = sum(width * height for width, height in sizes)
    if pixels > combined.limit:
        raise RefusedError(
            413,
            f"payload too large: the inputs hold {pixels:,} pixels together, "
            f"want at most {combined.limit:,}",
        )


def _outputs(accepted: rules.Accepted, wanted: Wanted) -> tuple[Output, ...]:
    if accepted.job_type == rules.PING:
        return ()
    first = accepted.inputs[0] if accepted.inputs else None
    shape = thumbnails.measure(first.filename, first.content) if first else None
    drawn = picture.draw(
        name=accepted.name,
        prompt=accepted.prompt,
        inputs=accepted.inputs,
        size=layout.canvas_size(accepted.config, shape),
        image_format=wanted.format,
    )
    output = Output(
        filename=f"output.{_SUFFIXES[wanted.format]}",
        content_type=answers.MEDIA_TYPES[wanted.format],
        data=drawn,
    )
    if accepted.config.get("include_messages") is not True:
        return (output,)
    # A model that was asked for messages may answer with text beside the picture.
    text = f"The sandbox drew {len(accepted.inputs)} input(s); no model was run.\n"
    return (output, Output(filename="message.txt", content_type="text/plain", data=text.encode()))


def _told_config(accepted: rules.Accepted, outputs: tuple[Output, ...]) -> dict[str, object]:
    """Return the config as an answer tells it; Nano Banana adds two counts."""
    if accepted.name != "nano-banana":
        return accepted.config
    messages = sum(output.content_type == "text/plain" for output in outputs)
    return {
        **accepted.config,
        "output_message_count": messages,
        "output_image_count": len(outputs) - messages,
    }


def _price(accepted: rules.Accepted) -> records.Price | None:
    """Return what the job costs, where one listed price holds for it."""
    if accepted.model is None:
        return None
    resolution = accepted.config.get("resolution")
    estimate = accepted.model.estimate(resolution if isinstance(resolution, str) else None)
    if estimate.minimum_usd is None or estimate.minimum_usd != estimate.maximum_usd:
        return None
    # Only Nano Banana's product name has been seen; the others are formed like it.
    return records.Price(product=f"inference-{accepted.name}", dollars=estimate.minimum_usd)
