"""The same job sent again, for as long as it surely has not run."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import prodia_compose
from prodia_compose import errors, progress
from prodia_compose.client import answers, multipart, policy, verdicts
from prodia_compose.client.exchange import Exchange, Lost, Request, bearer
from prodia_compose.client.passage import Limits, OnState
from prodia_compose.client.redaction import hiding
from prodia_compose.client.service import Service
from prodia_compose.frozen import frozen

Sleep = Callable[[float], None]


@frozen
class Received:
    """An answer with a status that says the job was taken (2xx).

    Attributes:
        answer: The answer, taken apart.
        request_id: The service's name for this exchange.
        attempts: How often the job was sent or tried to be, this time included.
        lost: Why the answer broke off, if it did.
    """

    answer: answers.Answer
    request_id: str | None
    attempts: int
    lost: Lost | None


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
    method: Literal["GET", "POST"],
    path: str,
    *,
    accept: str,
    body: multipart.MultipartBody | None = None,
    usual_seconds: float | None = None,
) -> Request:
    """Return a request to the service, with its token and within its limits.

    Args:
        service: Where to, as whom, and how patiently.
        method: GET or POST.
        path: What is asked for there, with its query.
        accept: The value of `Accept`.
        body: What is sent, if anything.
        usual_seconds: How long the answer usually takes, for the progress.
    """
    typed = {} if body is None else {"Content-Type": body.content_type}
    return Request(
        method=method,
        url=service.base_url + path,
        headers={**headers(accept), **typed},
        authorization=bearer(service.token),
        body=body,
        limits=Limits(
            connect_s=service.connect_timeout_s,
            stall_s=service.stall_timeout_s,
            answer_s=service.timeout_s,
        ),
        usual_seconds=usual_seconds,
        hide=hiding(service.token),
    )


class Attempts:
    """Sends one body until it is taken, refused, or the patience is used up."""

    def __init__(
        self,
        service: Service,
        body: multipart.MultipartBody,
        *,
        reporter: progress.Reporter,
        on_state: OnState,
        sleep: Sleep = time.sleep,
        usual_seconds: float | None = None,
    ) -> None:
        self._service = service
        self._body = body
        self._reporter = reporter
        self._on_state = on_state
        self._sleep = sleep
        self._usual_seconds = usual_seconds
        self._waited_s = 0.0
        self._number = 0
        self._unconnected = 0

    def deliver(self, path: str, *, accept: str) -> Received:
        """Send the body to `path` and return the answer that took it.

        Raises:
            ComposeError: What `verdicts` makes of any other outcome.
            Interrupted: With the state the job had come to.
        """
        request = to_service(
            self._service,
            "POST",
            path,
            accept=accept,
            body=self._body,
            usual_seconds=self._usual_seconds,
        )
        while True:
            self._number += 1
            received = self._attempt(request)
            if received is not None:
                return received

    def _attempt(self, request: Request) -> Received | None:
        """Send once. None: it did not run, the wait is over, and it can be sent again."""
        exchange = Exchange(request, reporter=self._reporter, on_state=self._on_state)
        outcome: Received | verdicts.Refusal | Lost
        try:
            with exchange:
                outcome = self._outcome(exchange)
        except Lost as lost:
            outcome = lost
        except errors.Interrupted as stop:
            stop.state = exchange.passage.reached
            raise
        finally:
            self._reporter.finish()
        if isinstance(outcome, Lost):
            self._wait_to_connect(outcome)
        elif isinstance(outcome, verdicts.Refusal):
            self._wait_for_room(outcome)
        return outcome if isinstance(outcome, Received) else None

    def _outcome(self, exchange: Exchange) -> Received | verdicts.Refusal:
        """Return what came of one exchange: an answer to read, or a service that is busy."""
        reply = exchange.perform()
        was_delivered = exchange.passage.is_delivered
        answer, lost = verdicts.read(exchange, reply)
        retry_after = reply.headers.get("retry-after")
        verdict = policy.verdict(reply.status, retry_after=retry_after, delivered=was_delivered)
        if verdict == "read":
            return Received(
                answer=answer, request_id=reply.request_id, attempts=self._number, lost=lost
            )
        refusal = verdicts.Refusal.of(reply, answer)
        if verdict == "busy":
            return refusal
        raise verdicts.of_refusal(verdict, refusal, service=self._service)

    def _wait_to_connect(self, lost: Lost) -> None:
        self._unconnected += 1
        wait_s = None
        if lost.stage == "connect" and lost.kind not in ("certificate", "setting"):
            wait_s = policy.connect_wait(
                self._unconnected,
                remaining_s=self._remaining_s,
                random=random.random(),  # noqa: S311 - jitter
            )
        if wait_s is None:
            raise verdicts.of_loss(
                lost, service=self._service, attempts=self._unconnected
            ) from lost
        self._wait(wait_s, f"{lost.words}; trying again in {wait_s:.0f} s")

    def _wait_for_room(self, refusal: verdicts.Refusal) -> None:
        self._unconnected = 0
        # It did not run: whatever happens while waiting, nothing is on its way.
        self._on_state("not-sent")
        asked_s = policy.parse_retry_after(refusal.retry_after, now=datetime.now(UTC))
        wait_s = policy.retry_wait(
            self._number,
            asked_s,
            remaining_s=self._remaining_s,
            random=random.random(),  # noqa: S311
        )
        if wait_s is None:
            raise verdicts.busy(refusal, asked_s, service=self._service, waited_s=self._waited_s)
        self._wait(
            wait_s,
            f"the service is busy ({refusal.status}); trying again in {wait_s:.0f} s"
            f" (attempt {self._number + 1})",
        )

    def _wait(self, seconds: float, words: str) -> None:
        self._reporter.say(words)
        self._sleep(seconds)
        self._waited_s += seconds

    @property
    def _remaining_s(self) -> float:
        return self._service.max_wait_s - self._waited_s
