"""When the next job may be sent: so many at once, at such a rate, and when the service has room."""

import math

_MOMENT_S = 1e-3
"""What is left of a wait after sums of floats, and no time to wait for anything."""


class _Gate:
    """What lies before a model.

    Attributes:
        share: How many of its jobs may be on their way at once.
        on_way: How many are.
        opens_at: From when on they may be sent.
        is_given_up: Whether nobody waits for that any more.
    """

    def __init__(self, share: int) -> None:
        self.share = share
        self.on_way = 0
        self.opens_at = -math.inf
        self.is_given_up = False
        self._shut_s = 0.0  # without a success, up to `opens_at`

    def shut_s(self, now: float) -> float:
        """Return for how long it has been shut by now without a success."""
        return self._shut_s - max(0.0, self.opens_at - now)

    def shut(self, now: float, until: float) -> None:
        """Stay shut until then, at least."""
        if self.opens_at <= now:  # else these were sent before it was, and tell nothing new
            self.share = max(1, self.share // 2)
        until = max(self.opens_at, until)
        self._shut_s += until - max(self.opens_at, now)
        self.opens_at = until

    def succeed(self, now: float, most: int) -> None:
        """Count anew how long it is shut, and let one more through."""
        self.share = min(most, self.share + 1)
        self._shut_s = max(0.0, self.opens_at - now)


class Starts:
    """The turnstile of a batch. It has no clock: each call says what time it is, in seconds.

    Who uses it sees to locks.
    """

    def __init__(self, jobs: int, rate_per_s: float | None, max_wait_s: float) -> None:
        """Let jobs start.

        Args:
            jobs: How many may be on their way at once, at least 1.
            rate_per_s: How many may start in a second, evenly spaced; None for as many as can.
            max_wait_s: How long a model may be without room, and without a success.
        """
        self.jobs = jobs
        self.max_wait_s = max_wait_s
        self.on_way = 0
        self._every_s = 1 / rate_per_s if rate_per_s else 0.0
        self._next_at = -math.inf
        self._gates: dict[str, _Gate] = {}

    def _gate(self, model: str) -> _Gate:
        return self._gates.setdefault(model, _Gate(self.jobs))

    def ask(self, now: float, model: str) -> float:
        """Return 0 if a job of a model starts by this; else the seconds until asking may help.

        They are infinite where only another job's end helps.
        """
        gate = self._gate(model)
        is_full = self.on_way >= self.jobs or gate.on_way >= gate.share
        if is_full or gate.is_given_up:
            return math.inf
        if (wait_s := max(gate.opens_at, self._next_at) - now) > 0:
            return wait_s
        self.on_way += 1
        gate.on_way += 1
        self._next_at = now + self._every_s
        return 0.0

    def opens_in(self, now: float, model: str) -> float:
        """Return for how many seconds a model's jobs may not start, as the service has no room."""
        return max(0.0, self._gate(model).opens_at - now)

    def ended(self, now: float, model: str, *, is_success: bool) -> None:
        """Take in that a job which started is not on its way any more; some start again."""
        gate = self._gate(model)
        self.on_way -= 1
        gate.on_way -= 1
        if is_success:
            gate.succeed(now, self.jobs)

    def shut(self, now: float, model: str, wait_s: float, asked_s: float | None) -> None:
        """Take in that the service has no room for a model, or give the model up.

        As a job that waits alone: what the service asks for must lie within what is left of the
        patience, and the last wait ends with it.

        Args:
            now: The time.
            model: Whose jobs shall not start.
            wait_s: For how long.
            asked_s: How much of that the service asked for, if it did.
        """
        gate = self._gate(model)
        left_s = self.max_wait_s - gate.shut_s(now)
        if left_s < _MOMENT_S or (asked_s or 0) > left_s:
            gate.is_given_up = True
        else:
            gate.shut(now, now + min(wait_s, left_s))

    def shut_s(self, now: float, model: str) -> float:
        """Return for how long a model has been without room by now, and without a success."""
        return self._gate(model).shut_s(now)

    def is_given_up(self, model: str) -> bool:
        """Return whether no job of a model will start any more."""
        return self._gate(model).is_given_up
