"""What a row came to, for its batch: what to do with its money, and whether others may follow."""

import errno
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from prodia_compose import errors
from prodia_compose.errors import ExitCode
from prodia_compose.frozen import frozen
from prodia_compose.pipeline.batch.results.file import UnwrittenError
from prodia_compose.pipeline.batch.results.lines import Status
from prodia_compose.pipeline.run import Run

Reason = Literal["auth", "balance", "cost", "disk", "failures", "interrupted", "bug"]
"""Why no more rows are started."""

WORDS: dict[Reason, str] = {  # of "cost" the amounts tell: `starting.budget`
    "auth": "the service refused the token",
    "balance": "the balance of the account does not pay for more",
    "disk": "a disk is full, or does not take what must be on it",
    "failures": "too many failed, one after the other",
    "interrupted": "the batch was asked to stop",
    "bug": "there is a bug in this tool",
}

_STATUS: dict[ExitCode, Status] = {
    ExitCode.AUTH: "cancelled",
    ExitCode.REJECTED: "rejected",
    ExitCode.BUSY: "busy",
    ExitCode.NOT_DELIVERED: "not-delivered",
    ExitCode.UNKNOWN: "unknown",
    ExitCode.NOT_PLACED: "not-placed",
}

_FULL = (errno.ENOSPC, errno.EDQUOT)

_UNKNOWN_IN_A_ROW = 3
_OTHERS_IN_A_ROW = 10


class Ended(errors.NotDeliveredError, exit_code=ExitCode.NOT_DELIVERED):
    """No more rows are started; this one did not run.

    Attributes:
        reason: Why; its `why` are the words for that.
    """

    def __init__(self, reason: Reason, why: str) -> None:
        super().__init__(f"no more are started: {why}; this one did not run")
        self.reason = reason


@frozen
class Outcome:
    """What a row came to.

    Attributes:
        price_usd: What it cost, if the service said so.
        may_be_billed: Whether it ran, or may have.
        ends: Why no other row shall start after it; None if they may.
    """

    status: Status
    price_usd: Decimal | None = None
    may_be_billed: bool = False
    ends: Reason | None = None

    @property
    def has_run(self) -> bool:
        """Whether the service surely made a picture: it has room."""
        return self.status in ("done", "not-placed")


LOST = Outcome(status="unknown", may_be_billed=True, ends="bug")
"""What a row comes to of which not even that can be found out, for want of memory."""


def outcome(run: Run, end: BaseException | None) -> Outcome:
    """Return what a row came to, from its job and what `pipeline.send.send` raised, if it did."""
    status, ends = _status(run, end), _reason(end)
    if ends == "disk" and status == "refused":
        status = "cancelled"  # there is nothing wrong with the row
    is_billed_failure = isinstance(end, errors.RejectedError) and end.may_be_billed
    price = run.price_usd
    return Outcome(
        status=status,
        price_usd=None if price is None else Decimal(str(price)),
        may_be_billed=status in ("done", "not-placed", "unknown") or is_billed_failure,
        ends=ends,
    )


def _status(run: Run, end: BaseException | None) -> Status:
    if end is None:
        return "done"
    if isinstance(end, Ended):
        return "cancelled"
    if isinstance(end, errors.ComposeError):
        # Unknown before it was sent is what a twin of it came to.
        is_twin = end.code == ExitCode.UNKNOWN and run.state == "not-sent"
        return "refused" if is_twin else _STATUS.get(end.code, "refused")
    if run.saved and not run.kept:
        return "done"
    if run.pictures:
        return "not-placed"
    return "unknown" if run.state in ("sent", "answered") else "cancelled"


def _reason(end: BaseException | None) -> Reason | None:
    if end is None or isinstance(end, Ended):
        return None
    if isinstance(end, UnwrittenError) or any(
        isinstance(one, OSError) and one.errno in _FULL for one in _chain(end)
    ):
        return "disk"
    if isinstance(end, errors.Interrupted):
        return "interrupted"
    if isinstance(end, errors.AuthError):
        return "balance" if isinstance(end, errors.BalanceError) else "auth"
    return None if isinstance(end, errors.ComposeError) else "bug"


def _chain(end: BaseException) -> Iterator[BaseException]:
    """Give an exception and all that led to it."""
    yield end
    for link in {end.__cause__, end.__context__}:
        if link is not None:
            yield from _chain(link)


def let_go(error: errors.ComposeError | None) -> None:
    """Have an error that is kept to the end hold nothing of its row: a prepared picture is an open file."""
    for part in (error, *error.parts) if error is not None else ():
        part.run = None
        for one in _chain(part):
            one.__traceback__ = None


def of_signal(end: errors.Interrupted, status: Status, run: Run) -> errors.ComposeError | None:
    """Return what a second signal left of a row, as an error; None if it is done."""
    if status == "done":
        return None
    if status == "not-placed":
        kept = ", ".join(run.pictures)
        return errors.NotPlacedError(f"stopped by {end}: its picture came, and is kept as {kept}")
    if status != "unknown":
        return errors.NotDeliveredError(f"stopped by {end}: the job did not run")
    words, fetch = "the job had been sent and may be billed", None
    if run.job_id is not None:
        fetch = f"`prodia-compose jobs fetch {run.job_id}` brings its picture"
        words = f"the job {run.job_id} runs on and may be billed"
    return errors.UnknownError(f"stopped by {end}: {words}", fetch, job_id=run.job_id)


class Failures:
    """How many rows have failed since the last success; only those that could have cost money.

    What was refused, cancelled or turned away by a busy service says nothing of the next row.
    """

    def __init__(self, most: int | None = None) -> None:
        """Count.

        Args:
            most: How many failures of a kind are too many; 0 for no such number, None for 3
                of unknown outcome and 10 of the others.
        """
        self._most_unknown = _UNKNOWN_IN_A_ROW if most is None else most
        self._most_others = _OTHERS_IN_A_ROW if most is None else most
        self._unknown = self._others = 0

    def take(self, status: Status) -> None:
        """Count a row's end."""
        if status == "done":
            self._unknown = self._others = 0
        elif status == "unknown":
            self._unknown += 1
        elif status in ("rejected", "not-delivered", "not-placed"):
            self._others += 1

    @property
    def are_too_many(self) -> bool:
        """Whether it is no use, or too dear, to go on."""
        counts = ((self._unknown, self._most_unknown), (self._others, self._most_others))
        return any(most and count >= most for count, most in counts)
