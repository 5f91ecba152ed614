"""One request, and how far it and its answer have come."""

from collections.abc import Callable, Mapping
from dataclasses import field

from prodia_compose import progress
from prodia_compose.client import multipart
from prodia_compose.client.service import Service
from prodia_compose.errors import JobState
from prodia_compose.frozen import frozen

OnState = Callable[[JobState], None]
"""Is told each time a job has come further."""

# An answer that ended an upload is there already, or it never comes.
_LATE_ANSWER_S = 5.0
_STALLED_ANSWER_S = 1.0
_SURPLUS_S = 1.0


@frozen
class Request:
    """One request: a POST if it has a body, else a GET.

    Attributes:
        service: How patiently; its token is kept out of what is shown.
        headers: Without `Host` and `Content-Length`.
        usual_seconds: How long the answer usually takes, for the progress.
    """

    service: Service
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: multipart.MultipartBody | None = None
    usual_seconds: float | None = None


class Passage:
    """One request on its way; the connection moves it on, whoever waits looks at it.

    Attributes:
        state: How far it is. `sending` begins before the first byte of the
            request and ends after the last byte of its body.
        is_connected: Whether there was a connection, proxy and TLS included.
        in_body: Whether what is sent from here on is the body.
        body_left: Bytes of the body that have not left yet.
        early: Bytes of the answer read while the body was still going out.
        has_stalled: Whether sending was given up for lack of progress.
        stop: Ends the sending at once and the waiting soon; looked at from the first byte on.
    """

    def __init__(
        self,
        request: Request,
        *,
        reporter: progress.Reporter,
        on_state: OnState,
        stop: progress.Stop,
        clock: progress.Clock,
    ) -> None:
        self.request = request
        self.stop = stop
        self.clock = clock
        self.state: JobState = "not-sent"
        self.is_connected = False
        self.body_left = self._body_length = 0 if request.body is None else request.body.length
        self.early = bytearray()
        self.has_stalled = False
        self._reporter = reporter
        self._on_state = on_state
        self.in_body = False
        self._end_offered = False
        self._deadline = 0.0
        self._waiting: Waiting | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the request has left to its last byte."""
        return self.state != "not-sent" and self._end_offered and not self.body_left

    def begin(self) -> None:
        """Note that the first byte of the request is about to leave."""
        self.stop.check()
        self._move_to("sending")
        if self._body_length:
            self._reporter.start("upload", self._body_length)

    def offer(self, count: int) -> None:
        """Note that the next `count` bytes are about to be handed to the system."""
        self._end_offered = self.in_body and count >= self.body_left

    def sent(self, count: int) -> None:
        """Note that `count` bytes have left."""
        if not self.in_body:
            return
        self.body_left -= count
        self._end_offered = not self.body_left  # of the last piece, a part may have left
        self._reporter.advance(count)
        if not self.body_left:
            self.all_sent()

    def all_sent(self) -> None:
        """Note that the request has left completely; the time for the answer runs from here."""
        if self.state != "sending":
            return
        self._end_offered = True
        self._deadline = self.clock() + self.request.service.timeout_s
        self._move_to("sent")
        self._waiting = Waiting(self._reporter, self.clock, self.request.usual_seconds)

    def break_off(self, *, stalled: bool = False) -> None:
        """Note that sending ends here, before the last byte; an answer may have come early."""
        self.has_stalled = stalled
        self._end_offered = False
        if self.early:
            patience = self.request.service.stall_timeout_s
        else:
            patience = _STALLED_ANSWER_S if stalled else _LATE_ANSWER_S
        self._deadline = self.clock() + min(patience, self.request.service.timeout_s)

    def abandoned(self) -> None:
        """Note that something other than the network ended the exchange.

        Once the piece with the last byte has been handed to the system, it may
        have left even if nobody came to note it.
        """
        if self.state == "sending" and self._end_offered:
            self._move_to("sent")

    def answered(self, length: int | None) -> None:
        """Note that the head of the answer has come, with its body's length if it told one."""
        self._waiting = None
        self._move_to("answered")
        self._reporter.start("receive", length)

    def hurry(self) -> None:
        """Give what may still come little time."""
        self._deadline = min(self._deadline, self.clock() + _SURPLUS_S)

    def remaining_s(self) -> float:
        """Return the seconds left for the answer; 0 or less when they are up.

        Whoever is asked to stop still takes in, for a moment, what has come to the machine.
        """
        now = self.clock()
        if self.stop.signum is not None:
            self._deadline = min(self._deadline, now + progress.LOOK_EVERY_S)
        return self._deadline - now

    def tick(self) -> None:
        """Count the seconds of waiting; to be called every second or more often."""
        if self._waiting is not None:
            self._waiting.tell()

    def _move_to(self, state: JobState) -> None:
        self.state = state
        self._on_state(state)


class Waiting:
    """The seconds of a wait, shown as they pass; it has usually taken so long, if that is known."""

    def __init__(
        self, reporter: progress.Reporter, clock: progress.Clock, usual_seconds: float | None
    ) -> None:
        self._reporter = reporter
        self._clock = clock
        self._usual_s = None if usual_seconds is None else round(usual_seconds)
        self._started = clock()
        self.begin()

    def begin(self) -> None:
        """Begin what is watched, again if a line that was said has ended it."""
        self._shown_s = 0
        self._reporter.start("waiting", self._usual_s)

    def tell(self) -> float:
        """Return how long it has been, having shown it; to be called every second or more often."""
        waited_s = self._clock() - self._started
        if passed_s := int(waited_s) - self._shown_s:
            self._reporter.advance(passed_s)
            self._shown_s += passed_s
        return waited_s


class TraceOnly(progress.Reporter):
    """Passes the trace on and keeps the phases to itself.

    For exchanges that are part of something with a phase of its own.
    """

    def __init__(self, reporter: progress.Reporter, *, hide: Callable[[str], str] = str) -> None:
        self._reporter = reporter
        self._hide = hide

    def trace(self, text: str) -> None:
        """Pass on a line of the exchange."""
        self._reporter.trace(self._hide(text))
