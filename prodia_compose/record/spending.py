"""What jobs have cost, as far as it is known: sums that never take unknown for nothing."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from prodia_compose.frozen import frozen
from prodia_compose.record.entries import Entry

_DECIMALS = 6


@frozen
class Amounts:
    """Sums over jobs that ran or may have run, in US dollars; None where nothing is known.

    Attributes:
        unknown: Those of them whose outcome is unknown.
        priced: Those whose price the service has told.
        actual_usd: The sum of these prices; all of the cost only if every job is priced.
        estimated: Those with a listed price.
        estimate_min_usd: The sum of the lowest listed prices of these.
        estimate_usd: The sum of the highest listed prices of these.
        at_most_usd: The sum over all jobs of the price told or else the highest listed;
            None if one of them has neither.
    """

    jobs: int
    unknown: int
    priced: int
    actual_usd: float | None
    estimated: int
    estimate_min_usd: float | None
    estimate_usd: float | None
    at_most_usd: float | None


@frozen
class Spending:
    """What was spent.

    Attributes:
        since: Jobs begun earlier are left out; None if none are.
        until: Those begun then or later are left out; None if none are.
        lines: By the day they began, in the local time zone, and the model; in this order.
        total: Over all of them.
    """

    since: datetime | None
    until: datetime | None
    lines: Mapping[tuple[date, str], Amounts]
    total: Amounts


def spending(
    entries: Iterable[Entry],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Spending:
    """Return what jobs have cost, if these are all of a time; those that did not run cost nothing."""
    billed = [entry for entry in entries if entry.may_be_billed]
    groups: dict[tuple[date, str], list[Entry]] = {}
    for entry in billed:
        groups.setdefault((entry.begun_at.astimezone().date(), entry.model), []).append(entry)
    lines = {key: _amounts(groups[key]) for key in sorted(groups)}
    return Spending(since=since, until=until, lines=lines, total=_amounts(billed))


def _amounts(billed: Sequence[Entry]) -> Amounts:
    prices = [entry.price_usd for entry in billed]
    listed = [entry.estimate_usd for entry in billed]
    most = [one.estimate_usd if one.price_usd is None else one.price_usd for one in billed]
    return Amounts(
        jobs=len(billed),
        unknown=sum(entry.state == "unknown" for entry in billed),
        priced=len(billed) - prices.count(None),
        actual_usd=_sum(prices),
        estimated=len(billed) - listed.count(None),
        estimate_min_usd=_sum(entry.estimate_min_usd for entry in billed),
        estimate_usd=_sum(listed),
        at_most_usd=None if None in most else _sum(most),
    )


def _sum(amounts: Iterable[float | None]) -> float | None:
    """Return the sum of what is known; None if nothing is, which is not the same as 0."""
    known = [amount for amount in amounts if amount is not None]
    return round(math.fsum(known), _DECIMALS) if known else None
