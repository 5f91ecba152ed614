"""How far one request and its answer have come."""

import time
from collections.abc import Callable

from prodia_compose import progress
from prodia_compose.errors import JobState
from prodia_compose.frozen import frozen

OnState = Callable[[JobState], None]
"""Is told each time a job has come further."""

# An answer that ended an upload is there already, or it never comes.
_LATE_ANSWER_S = 5.0
_STALLED_ANSWER_S = 1.0


@frozen
class Limits:
    """How long each stage may take, in seconds.

    Attributes:
        connect_s: Connecting, for each address of the host, and the TLS handshake.
        stall_s: Sending without any progress.
        answer_s: From the last byte sent to the complete answer.
    """

    connect_s: float
    stall_s: float
    answer_s: float


class Passage:
    """One request on its way; the connection moves it on, whoever waits looks at it.

    Attributes:
        limits: How long each stage may take.
        state: How far it is. `sending` begins before the first byte of the
            request and ends after the last byte of its body.
        is_connected: Whether there was a connection, proxy and TLS included.
        body_left: Bytes of the body that have not left yet.
        early: Bytes of the answer read while the body was still going out.
        has_stalled: Whether sending was given up for lack of progress.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        body_length: int,
        reporter: progress.Reporter,
        on_state: OnState,
        usual_seconds: float | None = None,
    ) -> None:
        self.limits = limits
        self.state: JobState = "not-sent"
        self.is_connected = False
        self.body_left = body_length
        self.early = bytearray()
        self.has_stalled = False
        self._body_length = body_length
        self._reporter = reporter
        self._on_state = on_state
        self._usual_seconds = usual_seconds
        self._in_body = False
        self._end_offered = False
        self._deadline = 0.0
        self._waiting_since = 0.0
        self._ticks = 0

    @property
    def is_delivered(self) -> bool:
        """Whether the request has left to its last byte."""
        return self.state != "not-sent" and self._end_offered and not self.body_left

    @property
    def reached(self) -> JobState:
        """The state to believe when something strikes between two steps.

        Once the piece with the last byte has been handed to the system, it may
        have left even if nobody came to note it.
        """
        return "sent" if self.state == "sending" and self._end_offered else self.state

    def begin(self) -> None:
        """Note that the first byte of the request is about to leave."""
        self._move_to("sending")
        if self._body_length:
            self._reporter.start("upload", self._body_length)

    def begin_body(self) -> None:
        """Note that what is sent from here on is the body."""
        self._in_body = True

    def offer(self, count: int) -> None:
        """Note that the next `count` bytes are about to be handed to the system."""
        self._end_offered = self._in_body and count >= self.body_left

    def sent(self, count: int) -> None:
        """Note that `count` bytes have left."""
        if not self._in_body:
            return
        self.body_left -= count
        self._reporter.advance(count)
        if not self.body_left:
            self.all_sent()

    def all_sent(self) -> None:
        """Note that the request has left completely; the time for the answer runs from here."""
        if self.state != "sending":
            return
        self._end_offered = True
        self._waiting_since = time.monotonic()
        self._deadline = self._waiting_since + self.limits.answer_s
        self._move_to("sent")
        usual = self._usual_seconds
        self._reporter.start("waiting", None if usual is None else round(usual))

    def break_off(self, *, stalled: bool = False) -> None:
        """Note that sending ends here, before the last byte; an answer may have come early."""
        self.has_stalled = stalled
        self._end_offered = False
        if self.early:
            patience = self.limits.stall_s
        else:
            patience = _STALLED_ANSWER_S if stalled else _LATE_ANSWER_S
        self._deadline = time.monotonic() + min(patience, self.limits.answer_s)

    def answered(self, length: int | None) -> None:
        """Note that the head of the answer has come, with its body's length if it told one."""
        self._move_to("answered")
        self._reporter.start("receive", length)

    def received(self, count: int) -> None:
        """Note that `count` bytes of the answer's body have come."""
        self._reporter.advance(count)

    def remaining_s(self) -> float:
        """Return the seconds left for the answer; 0 or less when they are up."""
        return self._deadline - time.monotonic()

    def tick(self) -> None:
        """Count the seconds of waiting; to be called about once a second."""
        if self.state == "sent":
            passed = int(time.monotonic() - self._waiting_since)
            if passed > self._ticks:
                self._reporter.advance(passed - self._ticks)
                self._ticks = passed

    def _move_to(self, state: JobState) -> None:
        self.state = state
        self._on_state(state)


class TraceOnly(progress.Silent):
    """Passes the trace on and keeps the phases to itself.

    For exchanges that are part of something with a phase of its own.

    Args:
        reporter: Is told the trace.
        hide: Takes secrets out of a line of it.
    """

    def __init__(
        self, reporter: progress.Reporter, *, hide: Callable[[str], str] = lambda text: text
    ) -> None:
        self._reporter = reporter
        self._hide = hide

    def trace(self, text: str) -> None:
        """Pass on a line of the exchange."""
        self._reporter.trace(self._hide(text))
