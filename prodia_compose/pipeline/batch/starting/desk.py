"""Where the threads of a batch wait for their turn to send, and say what came of it."""

import math
import threading
import time
from decimal import Decimal

from prodia_compose.client.send import Pause
from prodia_compose.pipeline.batch.outcomes import Failures, Outcome, Reason
from prodia_compose.pipeline.batch.starting.budget import Budget
from prodia_compose.pipeline.batch.starting.starts import Starts
from prodia_compose.pipeline.batch.starting.turns import Turn, Turns
from prodia_compose.progress import Clock


class Desk:
    """`Turns`, for threads: it may be called from any, but not from a signal's handler.

    Each thread that waits is woken for its own turn; one of them, the watch, also looks at the
    time for all.
    """

    def __init__(
        self, starts: Starts, budget: Budget, failures: Failures, clock: Clock = time.monotonic
    ) -> None:
        self._turns = Turns(starts, budget, failures)
        self._budget = budget
        self._clock = clock
        self._lock = threading.Lock()  # for all of these
        self._bells: dict[int, threading.Condition] = {}  # of those that wait, by number
        self._watch: int | None = None
        self._look_at = math.inf  # by the clock

    @property
    def reason(self) -> Reason | None:
        """Why no more rows are started; None while they are."""
        return self._turns.reason

    @property
    def why(self) -> str:
        """The same in words."""
        with self._lock:
            return self._turns.why

    @property
    def on_way(self) -> int:
        """How many rows are on their way."""
        with self._lock:
            return self._turns.on_way

    @property
    def money(self) -> tuple[Decimal, Decimal]:
        """What is spent, earlier runs included, and what is set aside, in US dollars."""
        with self._lock:
            return self._budget.spent, self._budget.reserved

    def enter(self, number: int, name: str, model: str, bound: Decimal | None) -> None:
        """Wait until a row may be sent; its bound is set aside then.

        Args:
            number: Its place among the rows; of those that may be sent the lowest is first.
            name: Its id.
            model: What the service may have room for, or not.
            bound: The most that it can cost, in US dollars; None if nobody knows.

        Raises:
            outcomes.Ended: No more rows are started; nothing was sent.
            errors.BusyError: There was no room for the model for too long; nothing was sent.
        """
        with self._lock:
            bell = threading.Condition(self._lock)
            turn = Turn(number, name, model, bound, bell.notify)
            self._turns.enter(turn)
            self._wait(turn, bell)

    def again(self, number: int, pause: Pause) -> None:
        """Wait until a row that was let in and did not run may be sent once more.

        Raises:
            outcomes.Ended: As `enter`.
            errors.BusyError: As `enter`.
        """
        with self._lock:
            turn = self._turns.again(number, pause, self._clock())
            bell = threading.Condition(self._lock)
            turn.wake = bell.notify
            self._wait(turn, bell)

    def leave(self, number: int, outcome: Outcome) -> None:
        """Take in what a row came to, also one that was never let in; once for each row."""
        with self._lock:
            self._turns.leave(number, outcome, self._clock())
            self._look()

    def end(self, reason: Reason) -> None:
        """Start no more rows; those that wait are told so."""
        with self._lock:
            self._turns.end(reason)
            self._look()

    def _look(self) -> None:
        """Let in whose turn it is, and have somebody look again in time."""
        before = self._look_at
        self._look_at = self._turns.decide(self._clock())
        if self._watch is not None and self._look_at < before:
            self._bells[self._watch].notify()

    def _wait(self, turn: Turn, bell: threading.Condition) -> None:
        number = turn.number
        self._bells[number] = bell
        self._look()
        while not turn.is_decided:
            self._watch = number if self._watch is None else self._watch
            if self._watch != number or self._look_at == math.inf:
                bell.wait()
            else:
                bell.wait(max(0.0, self._look_at - self._clock()))
            if self._watch == number and not turn.is_decided:
                self._look()
        del self._bells[number]
        if self._watch == number:
            self._watch = None
            if self._turns.waiting:  # the last of them will be here the longest
                self._bells[self._turns.waiting[-1].number].notify()
        if turn.error is not None:
            raise turn.error
