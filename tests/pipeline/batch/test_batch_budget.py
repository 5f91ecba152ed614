"""The money of a batch: nothing is set aside that does not fit, whatever comes when."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prodia_compose.pipeline.batch.starting.budget import Budget

CENTS = st.integers(0, 500).map(lambda cents: Decimal(cents) / 100)

STEPS = st.lists(
    st.tuples(st.sampled_from(["reserve", "settle", "release", "keep"]), CENTS), max_size=60
)


@given(limit=st.none() | CENTS, before=CENTS, steps=STEPS, data=st.data())
def test_what_is_spent_and_reserved_stays_within_the_limit(
    limit: Decimal | None, before: Decimal, steps: list[tuple[str, Decimal]], data: st.DataObject
) -> None:
    """In every order of starts and ends, sums are exact, and over the limit only by dear prices."""
    budget = Budget(limit, before)
    spent, kept, excess = before, Decimal(0), Decimal(0)
    bounds: dict[str, Decimal] = {}
    for number, (step, amount) in enumerate(steps):
        if step == "reserve":
            room = limit is None or spent + kept + sum(bounds.values()) + amount <= limit
            assert budget.fits(amount) is room
            assert budget.reserve(str(number), amount) is room
            if room:
                bounds[str(number)] = amount
        elif bounds:
            name = data.draw(st.sampled_from(sorted(bounds)))
            bound = bounds.pop(name)
            if step == "settle":
                budget.settle(name, amount)
                spent += amount
                excess += max(amount - bound, Decimal(0))
            elif step == "keep":
                budget.keep(name)
                kept += bound
            else:
                budget.release(name)
        assert budget.spent == spent
        assert budget.reserved == kept + sum(bounds.values())
        assert bool(budget.over) is (excess > 0)
        if limit is not None:
            assert budget.spent + budget.reserved <= max(limit, before) + excess


@pytest.mark.parametrize(
    ("limit", "bound", "fits"),
    [
        (None, None, True),
        (None, "1000000", True),
        ("5", None, False),
        ("5", "5", True),
        ("5", "5.000000000000000000000001", False),
        ("0", "0", True),
        ("0", "0.01", False),
    ],
)
def test_what_fits(limit: str | None, bound: str | None, *, fits: bool) -> None:
    """Up to the limit and with it; what nobody knows the price of only where there is none."""
    budget = Budget(None if limit is None else Decimal(limit))
    amount = None if bound is None else Decimal(bound)

    assert budget.reserve("a", amount) is fits
    assert budget.reserved == (amount or 0 if fits else 0)


def test_tenths_add_up() -> None:
    """Fifty jobs of $0.10 fit into $5, and no more: floats would lose one."""
    budget = Budget(Decimal(5))
    assert [budget.reserve(str(number), Decimal("0.1")) for number in range(51)].count(True) == 50
    for number in range(50):
        budget.settle(str(number), Decimal("0.1"))

    assert (budget.spent, budget.reserved) == (Decimal(5), Decimal(0))
    assert not budget.over


def test_what_earlier_runs_spent_counts() -> None:
    """A limit covers all runs; where they went over it, not even what is free fits."""
    budget = Budget(Decimal(5), Decimal("4.95"))

    assert budget.fits(Decimal("0.05"))
    assert not budget.fits(Decimal("0.06"))
    assert not Budget(Decimal(5), Decimal("5.01")).fits(Decimal(0))


@pytest.mark.parametrize(
    ("end", "may_fit"),
    [
        (lambda budget: budget.keep("a"), False),
        (lambda budget: budget.settle("a", Decimal(3)), False),
        (lambda budget: budget.settle("a", Decimal(1)), True),
        (lambda budget: budget.release("a"), True),
    ],
    ids=["kept", "dear", "cheap", "released"],
)
def test_what_may_fit_later(end: Callable[[Budget], None], *, may_fit: bool) -> None:
    """What those on their way can give back may be waited for; what is kept or spent may not."""
    budget = Budget(Decimal(5))
    budget.reserve("a", Decimal(3))
    assert not budget.fits(Decimal(4))
    assert budget.may_fit(Decimal(4))

    end(budget)
    assert budget.fits(Decimal(4)) is budget.may_fit(Decimal(4)) is may_fit


def test_a_price_that_nobody_knew_is_above_no_bound() -> None:
    """Without a limit, a price that comes is counted whatever it is."""
    budget = Budget(None)
    budget.reserve("a", None)
    budget.settle("a", Decimal(7))

    assert (budget.spent, budget.reserved) == (Decimal(7), Decimal(0))
    assert not budget.over
