"""Whose turn it is: the rows of a batch that wait to be sent, the lowest number first."""

import bisect
import math
from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter

from prodia_compose import errors
from prodia_compose.client import verdicts
from prodia_compose.client.send import Pause
from prodia_compose.pipeline.batch import outcomes
from prodia_compose.pipeline.batch.outcomes import Ended, Failures, Outcome, Reason
from prodia_compose.pipeline.batch.starting.budget import Budget
from prodia_compose.pipeline.batch.starting.starts import Starts

_NUMBER = attrgetter("number")


class Turn:
    """A row that waits to be sent, or is on its way.

    Attributes:
        number: Its place among the rows.
        name: Its id, for the budget.
        bound: The most that it can cost; None if nobody knows.
        wake: Called when it has been decided.
        not_before: When it may be sent at the earliest.
        is_paid_for: Whether its money is set aside.
        is_on_way: Whether it counts as on its way.
        is_decided: Whether it has not to wait any more: it is on its way, or has an `error`.
    """

    def __init__(
        self, number: int, name: str, model: str, bound: Decimal | None, wake: Callable[[], None]
    ) -> None:
        self.number = number
        self.name = name
        self.model = model
        self.bound = bound
        self.wake = wake
        self.not_before = -math.inf
        self.is_paid_for = self.is_on_way = self.is_decided = False
        self.error: errors.ComposeError | None = None

    def decide(self, error: errors.ComposeError | None = None) -> None:
        """Let it go: to be sent, or with an error."""
        self.error, self.is_decided = error, True
        self.wake()


class Turns:
    """The rows that wait, and what they wait for. It has no clock, no locks, and no threads.

    A row that the budget has no room for holds up all after it, until those on their way have
    come to their price; so the same rows are sent whatever their number at once. A row whose model
    has no room holds up nobody: money is set aside for others meanwhile.

    Attributes:
        waiting: Those that wait, in the order of their numbers.
        reason: Why no more rows are started; None while they are.
    """

    def __init__(self, starts: Starts, budget: Budget, failures: Failures) -> None:
        self.waiting: list[Turn] = []
        self.reason: Reason | None = None
        self._lacking: Decimal | None = None  # what the first row that does not fit may cost
        self._starts = starts
        self._budget = budget
        self._failures = failures
        self._let_in: dict[int, Turn] = {}
        self._given_up: dict[str, str] = {}  # models, and in what words

    @property
    def on_way(self) -> int:
        """How many rows are on their way."""
        return self._starts.on_way

    @property
    def why(self) -> str:
        """Why no more rows are started, in words, with the amounts of by now."""
        if self.reason == "cost":
            return self._budget.over or self._budget.no_room(self._lacking)
        return outcomes.WORDS[self.reason] if self.reason else ""

    def enter(self, turn: Turn) -> None:
        """Have a row wait for its turn."""
        bisect.insort(self.waiting, turn, key=_NUMBER)
        self._dismiss()

    def again(self, number: int, pause: Pause, now: float) -> Turn:
        """Have a row that was on its way, and did not run, wait for its next turn."""
        turn = self._let_in[number]
        self._off_way(turn, now, is_success=False)
        turn.is_decided = False
        if not pause.is_busy:
            turn.not_before = now + pause.seconds
        else:
            self._shut(turn.model, pause, now)
        self.enter(turn)
        return turn

    def _shut(self, model: str, pause: Pause, now: float) -> None:
        starts = self._starts
        starts.shut(now, model, pause.seconds, pause.asked_s)
        if starts.is_given_up(model) and model not in self._given_up:
            self._given_up[model] = verdicts.no_room(
                f"{model}: {pause.why}",
                pause.asked_s,
                waited_s=starts.shut_s(now, model),
                max_wait_s=starts.max_wait_s,
            )

    def leave(self, number: int, outcome: Outcome, now: float) -> None:
        """Take in what a row came to, also one that was never let in."""
        turn = self._let_in.pop(number, None)
        if turn is not None:
            self._off_way(turn, now, is_success=outcome.has_run)
            self._account(turn, outcome)
        self._failures.take(outcome.status)
        if outcome.ends is not None:
            self.end(outcome.ends)
        elif self._budget.over:
            self.end("cost")
        elif self._failures.are_too_many:
            self.end("failures")

    def _off_way(self, turn: Turn, now: float, *, is_success: bool) -> None:
        if turn.is_on_way:
            turn.is_on_way = False
            self._starts.ended(now, turn.model, is_success=is_success)

    def _account(self, turn: Turn, outcome: Outcome) -> None:
        if outcome.price_usd is not None:
            self._budget.settle(turn.name, outcome.price_usd)
        elif outcome.may_be_billed:
            self._budget.keep(turn.name)
        else:
            self._budget.release(turn.name)

    def end(self, reason: Reason) -> None:
        """Start no more rows; those whose money is set aside go on if only money lacks."""
        if self.reason in (None, "cost"):
            self.reason = reason
        self._dismiss()

    def _dismiss(self) -> None:
        """Let go of the rows that wait in vain."""
        for turn in self.waiting:
            if self.reason is not None and not (self.reason == "cost" and turn.is_paid_for):
                turn.decide(Ended(self.reason, self.why))
            elif turn.model in self._given_up:
                turn.decide(errors.BusyError(self._given_up[turn.model], verdicts.LATER))
        self._forget_decided()

    def decide(self, now: float) -> float:
        """Let in the rows whose turn it is; return from when on asking again may help.

        That is infinite where only another call here can help.
        """
        soonest = math.inf
        held_up: set[str] = set()  # models
        has_room = True
        for turn in tuple(self.waiting):
            if turn.is_decided or turn.model in held_up:
                continue
            if turn.not_before > now:
                soonest = min(soonest, turn.not_before)
                continue
            if (wait_s := self._starts.opens_in(now, turn.model)) > 0:
                held_up.add(turn.model)
                soonest = min(soonest, now + wait_s)
                continue
            has_room = has_room and (turn.is_paid_for or self._has_room(turn))
            if turn.is_decided or not (has_room or turn.is_paid_for):
                continue
            wait_s = self._starts.ask(now, turn.model)
            if wait_s > 0:
                held_up.add(turn.model)
                soonest = min(soonest, now + wait_s)
                continue
            if not turn.is_paid_for:
                turn.is_paid_for = self._budget.reserve(turn.name, turn.bound)
            turn.is_on_way = True
            self._let_in[turn.number] = turn
            turn.decide()
        self._forget_decided()
        return soonest

    def _has_room(self, turn: Turn) -> bool:
        """Return whether the budget has room for a row now; end if it never will."""
        if not self._budget.may_fit(turn.bound):
            self._lacking = turn.bound
            self.end("cost")
        return self._budget.fits(turn.bound)

    def _forget_decided(self) -> None:
        self.waiting = [turn for turn in self.waiting if not turn.is_decided]
