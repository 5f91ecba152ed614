"""A job that runs while nobody waits on the line: created, asked after, fetched.

Asking and fetching change nothing, so unlike a job they are repeated whenever
they fail in a way that may pass. Source of the paths: /reference/async.
"""

import contextlib
import dataclasses
import time
from urllib.parse import quote

from prodia_compose import errors, progress
from prodia_compose.client import answers, multipart, policy, verdicts
from prodia_compose.client.answers.records import JobRecord, json_value, strings
from prodia_compose.client.attempts import Attempts, Sleep, to_service
from prodia_compose.client.exchange import Exchange, Lost
from prodia_compose.client.passage import OnState, TraceOnly
from prodia_compose.client.redaction import hiding
from prodia_compose.client.service import ASYNC_JOB_PATH, Service
from prodia_compose.client.submission import Delivered
from prodia_compose.frozen import frozen

_POLL_EVERY_S = 2.0  # the service recommends nothing that could be read
_DONE = ("processed", "completed")
_GET_ATTEMPTS = 4


@frozen
class Created:
    """A job that the service has taken on.

    Attributes:
        job_id: What to ask after it by.
        request_id: The service's `x-request-id`.
        attempts: How often it was sent or tried to be; all but the last did not run.
    """

    job_id: str
    request_id: str | None
    attempts: int


def submit_async(
    service: Service,
    body: multipart.MultipartBody,
    *,
    reporter: progress.Reporter | None = None,
    on_state: OnState = lambda _: None,
    sleep: Sleep = time.sleep,
) -> Created:
    """Create a job and return as soon as the service has taken it on.

    Raises:
        RejectedError: Also for a job type that does not allow this.
        ComposeError: As `submit` raises it.
        Interrupted: With `state` set to how far the job had come.
    """
    attempts = Attempts(
        service, body, reporter=reporter or progress.Silent(), on_state=on_state, sleep=sleep
    )
    try:
        received = attempts.deliver(ASYNC_JOB_PATH, accept="application/json")
    except errors.RejectedError as error:
        raise errors.RejectedError(
            f"{error.message}; the job type may not allow --async: try without it",
            request_id=error.request_id,
            job_id=error.job_id,
        ) from error
    job = received.answer.job
    if job.id is not None and not job.failed:
        return Created(job_id=job.id, request_id=received.request_id, attempts=received.attempts)
    raise verdicts.unusable(
        received.answer,
        received.lost,
        request_id=received.request_id,
        service=service,
        oddity="without the id of a job",
    )


def poll(
    service: Service,
    job_id: str,
    *,
    reporter: progress.Reporter | None = None,
    sleep: Sleep = time.sleep,
    usual_seconds: float | None = None,
) -> None:
    """Wait until a job is done.

    Raises:
        RejectedError: The job failed.
        AuthError: The service refused the token.
        UnknownError: It is not done within `service.timeout_s`, is not known there, or
            nobody has answered so far.
        Interrupted: With `state` set to `sent`: the job runs on.
    """
    reporter = reporter or progress.Silent()
    line = _Line(service, job_id, reporter, sleep)
    wait = _Wait(line, reporter, timeout_s=service.timeout_s, usual_seconds=usual_seconds)
    try:
        while (state := wait.state()) not in (*_DONE, "failed"):
            wait.go_on()
            sleep(_POLL_EVERY_S)
    except errors.Interrupted as stop:
        stop.state = "sent"
        raise
    finally:
        reporter.finish()
    if state == "failed":
        record = line.record()
        raise errors.RejectedError(
            hiding(service.token)(
                f"the job failed: {record.error or 'the service does not say why'}; it may be billed"
            ),
            job_id=job_id,
            may_be_billed=True,
        )


def fetch_output(
    service: Service,
    job_id: str,
    *,
    reporter: progress.Reporter | None = None,
    sleep: Sleep = time.sleep,
) -> Delivered:
    """Return the pictures of a job that is done.

    Raises:
        AuthError: The service refused the token.
        UnknownError: There is no picture, or it cannot be had; asking again may help.
    """
    reporter = reporter or progress.Silent()
    line = _Line(service, job_id, reporter, sleep)
    listing = line.get("output", accept="application/json")
    names = strings(json_value(listing.raw))
    reporter.start("receive")
    try:
        files = [(name, line.get(f"output/{quote(name, safe='')}")) for name in names]
    finally:
        reporter.finish()
    outputs = tuple(
        dataclasses.replace(output, filename=name)
        for name, file in files
        for output in file.outputs
    )
    if not outputs:
        raise line.unsettled("has no picture among its output")
    said = [file.error for _, file in files if file.error and file.media_type.startswith("text/")]
    answer = dataclasses.replace(
        listing,
        outputs=outputs,
        messages=tuple(said),
        job=line.record(),
        error=None,
    )
    return Delivered(answer=answer, request_id=None, attempts=1)


class _Wait:
    """The wait until a job is done: what is told meanwhile, and when it has been in vain."""

    def __init__(
        self,
        line: "_Line",
        reporter: progress.Reporter,
        *,
        timeout_s: float,
        usual_seconds: float | None,
    ) -> None:
        self._line = line
        self._reporter = reporter
        self._timeout_s = timeout_s
        self._usual_s = None if usual_seconds is None else round(usual_seconds)
        self._started = time.monotonic()
        self._failures = 0
        self._trouble: str | None = None
        self._shown_s = 0
        self._show()

    def state(self) -> str | None:
        """Ask once; return the job's state, None if it cannot be had now.

        Some servers quote it, as JSON does.

        Raises:
            UnknownError: Nobody has answered, so that asking again will hardly help.
        """
        found = self._line.ask("job.state.current", "text/plain")
        if isinstance(found, str):
            self._stumble(found)
            return None
        self._trouble = None
        return found.raw.read_at(0, 64).decode("ascii", "replace").strip().strip('"')

    def go_on(self) -> None:
        """Show how long it has been.

        Raises:
            UnknownError: Too long.
        """
        waited_s = time.monotonic() - self._started
        if waited_s >= self._timeout_s:
            spent = f"done after {self._timeout_s:g} s"
            raise self._line.unsettled(
                f"is not {spent}"
                if self._trouble is None
                else f"is not known to be {spent}: {self._trouble}"
            )
        self._reporter.advance(int(waited_s) - self._shown_s)
        self._shown_s = int(waited_s)

    def _stumble(self, words: str) -> None:
        """Take in that asking failed: told aloud once, as it may go on for as long as the wait."""
        self._trouble = words
        self._failures += 1
        if self._failures == _GET_ATTEMPTS and not self._line.is_reached:
            raise self._line.unsettled(
                f"cannot be asked after: {words}; check the network, and PRODIA_BASE_URL if it is set"
            )
        if self._failures > 1:
            self._line.tell(words)
            return
        self._reporter.say(f"asking after the job: {words}; asking again")
        self._show()

    def _show(self) -> None:
        """Begin what is watched; a line that was said has ended it."""
        self._shown_s = 0
        self._reporter.start("waiting", self._usual_s)


class _Line:
    """Questions about one job.

    Attributes:
        is_reached: Whether any of them was answered so far, be it by an error.
    """

    def __init__(
        self, service: Service, job_id: str, reporter: progress.Reporter, sleep: Sleep
    ) -> None:
        self._service = service
        self._job_id = job_id
        self._reporter = reporter
        self._sleep = sleep
        self.is_reached = False
        self._place = f"/v2/job/async/{quote(job_id, safe='')}/"

    def record(self) -> JobRecord:
        """Return the job's record, or one that tells nothing: a picture must not wait for it."""
        found: answers.Answer | str | None = None
        with contextlib.suppress(errors.ComposeError):
            found = self.ask("job.json?price=true", "application/json")
        return found.job if isinstance(found, answers.Answer) else JobRecord()

    def get(self, path: str, *, accept: str = "*/*") -> answers.Answer:
        """Return a complete 2xx answer, asking again while what is wrong may pass."""
        number = 1
        while isinstance(found := self.ask(path, accept), str):
            if number == _GET_ATTEMPTS:
                raise self.unsettled(f"cannot be asked after: {found}")
            self.tell(found)
            self._sleep(2.0 ** (number - 1))
            number += 1
        return found

    def tell(self, words: str) -> None:
        """Tell whoever wants details why asking failed."""
        self._reporter.detail(f"asking after job {self._job_id}: {words}")

    def unsettled(self, words: str) -> errors.UnknownError:
        """Return what is left to say about a job that was created and not brought home."""
        return errors.UnknownError(
            hiding(self._service.token)(
                f"the job {self._job_id} {words}; it may be billed;"
                f" `prodia-compose jobs fetch {self._job_id}` tries again"
            ),
            job_id=self._job_id,
            may_be_billed=True,
        )

    def ask(self, path: str, accept: str) -> answers.Answer | str:
        """Ask once; a text says what went wrong and may pass."""
        service = self._service
        request = to_service(service, "GET", self._place + path, accept=accept)
        try:
            with Exchange(
                request, reporter=TraceOnly(self._reporter), on_state=lambda _: None
            ) as exchange:
                reply = exchange.perform()
                self.is_reached = True
                answer, lost = verdicts.read(exchange, reply)
        except Lost as error:
            return error.words
        verdict = policy.verdict(
            reply.status, retry_after=reply.headers.get("retry-after"), delivered=True
        )
        if verdict == "read":
            if lost is not None or not answer.whole:
                return lost.words if lost else "the answer is cut short"
            return answer
        refusal = verdicts.Refusal.of(reply, answer)
        if verdict == "auth":
            raise verdicts.of_refusal(verdict, refusal, service=service)
        if verdict == "rejected":
            raise self.unsettled(f"is not known there any more, or never was ({refusal.shown})")
        return f"the service answered {refusal.shown}"
