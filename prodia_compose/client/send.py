"""A job sent: again by itself for as long as it surely has not run, see `policy`."""

import math
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

import prodia_compose
from prodia_compose import errors, progress
from prodia_compose.client import answers, multipart, policy, verdicts
from prodia_compose.client.service import ASYNC_JOB_PATH, JOB_PATH, Service
from prodia_compose.client.transport.exchange import Exchange, Transport
from prodia_compose.client.transport.failures import Lost
from prodia_compose.client.transport.passage import Request
from prodia_compose.client.watch import Watch
from prodia_compose.frozen import frozen

_CHANCE = random.SystemRandom()


@frozen
class Sent:
    """An answer that brings what was asked for.

    Attributes:
        attempts: How often the job was sent or tried to be; all but the last did not run.
    """

    answer: answers.Answer
    request_id: str | None
    attempts: int


@frozen
class Pause:
    """What lies between two attempts: the first did not run.

    Attributes:
        seconds: How long it is, at least.
        asked_s: How much of that the service asked for; None if it named no time.
        is_busy: Whether the service had no room; else there was no connection.
        why: The reason, as a clause.
        attempt: Which attempt comes next; the first is 1.
    """

    seconds: float
    asked_s: float | None = None
    is_busy: bool
    why: str
    attempt: int

    @property
    def words(self) -> str:
        """What a person is told who waits for this job alone."""
        counted = f" (attempt {self.attempt})" if self.is_busy else ""
        return f"{self.why}; trying again in {self.seconds:.0f} s{counted}"


def headers(accept: str) -> dict[str, str]:
    """Return the headers of every request, but those that its body and token bring."""
    return {
        "Accept": accept,
        # A compressed answer cut short can look complete.
        "Accept-Encoding": "identity",
        "User-Agent": f"prodia-compose/{prodia_compose.__version__}",
    }


def to_service(
    service: Service,
    path: str,
    *,
    accept: str,
    body: multipart.MultipartBody | None = None,
    usual_seconds: float | None = None,
) -> Request:
    """Return a request to the service, with its token and within its limits."""
    ours = headers(accept) | {"Authorization": f"Bearer {service.token.value}"}
    if body is not None:
        ours["Content-Type"] = body.content_type
    return Request(
        service=service,
        url=service.base_url + path,
        headers=ours,
        body=body,
        usual_seconds=usual_seconds,
    )


class Sender:
    """Sends jobs, one after the other.

    All that it needs is handed in: `watch` is told how far each job is and what came for it,
    `stop` ends it early, `transport` makes an exchange, `clock` tells seconds, and `sleep` waits
    them (None: `stop.sleep`).

    `pause` is called between two attempts and returns when the next one may start, or raises to
    give up: for jobs that wait together. A sender without one tells of the pause and sleeps, and
    gives up after `service.max_wait_s` of that.
    """

    def __init__(
        self,
        service: Service,
        *,
        watch: Watch,
        reporter: progress.Reporter | None = None,
        stop: progress.Stop | None = None,
        transport: Transport = Exchange,
        clock: progress.Clock = time.monotonic,
        sleep: Callable[[float], None] | None = None,
        pause: Callable[[Pause], None] | None = None,
    ) -> None:
        self.service = service
        self.watch = watch
        self.reporter = reporter or progress.Reporter()
        self.stop = stop or progress.Stop()
        self.transport = transport
        self.clock = clock
        self.sleep = sleep or self.stop.sleep
        self.pause = pause or self._sit_out
        self.max_wait_s = service.max_wait_s if pause is None else math.inf

    def send(
        self, body: multipart.MultipartBody, *, accept: str, usual_seconds: float | None = None
    ) -> Sent:
        """Submit a job and return the answer with its picture, waited for on one connection.

        Raises:
            AuthError: The service refused the token.
            RejectedError: It rejected the job, or the job failed; `may_be_billed` tells.
            BusyError: It stayed busy for longer than `service.max_wait_s`, or `pause` gave up.
            NotDeliveredError: There was no connection, or the upload broke off.
            UnknownError: All was sent and no picture came.
            Interrupted: Somebody asked to stop.
        """
        request = to_service(
            self.service, JOB_PATH, accept=accept, body=body, usual_seconds=usual_seconds
        )
        heard, attempts = self._deliver(request)
        if not heard.has_picture:
            raise verdicts.unusable(heard)
        return Sent(answer=heard.answer, request_id=heard.head.request_id, attempts=attempts)

    def create(self, body: multipart.MultipartBody) -> Sent:
        """Create a job that runs while nobody waits on the line; return once it is taken on.

        The answer's record has the job's id, to ask after it by.

        Raises:
            RejectedError: Also for a job type that does not allow this.
            ComposeError: As `send` raises it.
            Interrupted: Somebody asked to stop.
        """
        request = to_service(self.service, ASYNC_JOB_PATH, accept="application/json", body=body)
        try:
            heard, attempts = self._deliver(request)
        except errors.RejectedError as error:
            raise errors.RejectedError(
                error.words,
                *error.hints,
                "try without --async: the job type may not allow it",
                request_id=error.request_id,
                job_id=error.job_id,
            ) from error
        job = heard.answer.job
        if job.id is None or job.failed:
            raise verdicts.unusable(heard, oddity="without the id of a job")
        return Sent(answer=heard.answer, request_id=heard.head.request_id, attempts=attempts)

    def _deliver(self, request: Request) -> tuple[verdicts.Heard, int]:
        """Send until the job is taken (2xx); return the answer and how often it took."""
        number = unconnected = 0
        waited_s = 0.0
        while True:
            number += 1
            try:
                heard = self._exchange(request)
            except Lost as lost:
                unconnected += 1
                pause = self._to_connect(lost, unconnected, number, waited_s)
            else:
                verdict = heard.verdict
                if verdict == "read":
                    return heard, number
                if verdict != "busy":
                    raise verdicts.of_refusal(heard)
                unconnected = 0
                # It did not run: whatever happens while waiting, nothing is on its way.
                self.watch.reached("not-sent")
                pause = self._for_room(heard, number, waited_s)
            self.pause(pause)
            waited_s += pause.seconds

    def _sit_out(self, pause: Pause) -> None:
        self.reporter.say(pause.words)
        self.sleep(pause.seconds)

    def _exchange(self, request: Request) -> verdicts.Heard:
        """Send once and return the answer.

        Raises:
            Lost: There is none.
            Interrupted: Somebody asked to stop, and no whole answer has come.
        """
        try:
            with self.transport(
                request,
                reporter=self.reporter,
                on_state=self.watch.reached,
                on_reply=self.watch.met,
                stop=self.stop,
                clock=self.clock,
            ) as exchange:
                heard = verdicts.hear(exchange, self.service, self.watch.came)
        except Lost:
            self.stop.check()
            raise
        finally:
            self.reporter.finish()
        if not heard.answer.whole and heard.verdict == "read":  # a refusal shows in its head
            self.stop.check()
        return heard

    def _for_room(self, heard: verdicts.Heard, number: int, waited_s: float) -> Pause:
        asked_s = policy.parse_retry_after(
            heard.head.headers.get("retry-after"), now=datetime.now(UTC)
        )
        longest_s = self.max_wait_s
        wait_s = policy.retry_wait(
            number, asked_s, remaining_s=longest_s - waited_s, random=_CHANCE.random()
        )
        if wait_s is None:
            raise verdicts.busy(heard, asked_s, waited_s=waited_s, max_wait_s=longest_s)
        why = f"the service is busy ({heard.head.status})"
        return Pause(seconds=wait_s, asked_s=asked_s, is_busy=True, why=why, attempt=number + 1)

    def _to_connect(self, lost: Lost, unconnected: int, number: int, waited_s: float) -> Pause:
        wait_s = None
        if lost.stage == "connect" and not lost.is_final:
            left_s, chance = self.max_wait_s - waited_s, _CHANCE.random()
            wait_s = policy.connect_wait(unconnected, remaining_s=left_s, random=chance)
        if wait_s is None:
            again = self.service.again
            raise verdicts.of_loss(lost, again=again, attempts=unconnected) from lost
        return Pause(seconds=wait_s, is_busy=False, why=lost.words, attempt=number + 1)
