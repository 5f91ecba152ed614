"""What a batch may spend: the most that each job can cost is set aside before it is sent."""

from decimal import Decimal

from prodia_compose.progress import usd

_NONE = Decimal(0)


class Budget:
    """An account of US dollars with a limit, or without one. Who uses it sees to locks.

    Attributes:
        limit: What all may cost together; None if there is no limit.
        spent: The prices that came, those of earlier runs included.
        over: What a job cost that cost more than was set aside for it, in words; empty if none did.
    """

    def __init__(self, limit: Decimal | None, spent_before: Decimal = _NONE) -> None:
        self.limit = limit
        self.spent = spent_before
        self.over = ""
        self._bounds: dict[str, Decimal | None] = {}  # of the jobs on their way
        self._on_way = self._kept = _NONE

    @property
    def reserved(self) -> Decimal:
        """What is set aside: for jobs on their way, and for those that named no price."""
        return self._on_way + self._kept

    def fits(self, bound: Decimal | None) -> bool:
        """Return whether a job that costs so much at most can be sent now."""
        return self._has_room(self.reserved, bound)

    def may_fit(self, bound: Decimal | None) -> bool:
        """Return whether it could be, if all on their way came to cost nothing."""
        return self._has_room(self._kept, bound)

    def no_room(self, bound: Decimal | None) -> str:
        """Return in words why a job that costs so much at most cannot be sent."""
        used, limit = self.spent + self.reserved, self.limit or _NONE
        more = "an unknown amount" if bound is None else usd(bound)
        return f"{usd(used)} of {usd(limit)} spent or set aside, and the next may cost {more}"

    def _has_room(self, reserved: Decimal, bound: Decimal | None) -> bool:
        if self.limit is None:
            return True
        return bound is not None and self.spent + reserved + bound <= self.limit

    def reserve(self, name: str, bound: Decimal | None) -> bool:
        """Set aside what a job can cost; return whether it fits, else nothing is changed.

        Args:
            name: The job's, which is not on its way yet.
            bound: The most that it can cost; None if nobody knows, which fits under no limit.
        """
        if not self.fits(bound):
            return False
        self._bounds[name] = bound
        self._on_way += bound or _NONE
        return True

    def settle(self, name: str, price: Decimal) -> None:
        """Put the price that came in the place of what was set aside."""
        bound = self._taken_back(name)
        self.spent += price
        if bound is not None and price > bound and not self.over:
            self.over = f"{name} cost {usd(price)}, and should have cost {usd(bound)} at most"

    def release(self, name: str) -> None:
        """Take back what was set aside for a job: it did not run."""
        self._taken_back(name)

    def keep(self, name: str) -> None:
        """Leave for good what was set aside for a job: it may be billed, and named no price."""
        self._kept += self._taken_back(name) or _NONE

    def _taken_back(self, name: str) -> Decimal | None:
        bound = self._bounds.pop(name)
        self._on_way -= bound or _NONE
        return bound
