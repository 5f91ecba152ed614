"""Planning sizes: within every cap, nothing wasted, small pictures whole."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from pictures import cap
from tables import table

from prodia_compose.images import plan
from prodia_compose.models.facts import Caps

MP = 1_000_000


def random_case(rng: random.Random) -> tuple[list[plan.Size], Caps]:
    """Return 1 to 14 sizes, every tenth of an extreme shape, and some of the caps."""

    def side() -> int:
        return int(2 ** rng.uniform(0, 20 if rng.random() < 0.1 else 15)) or 1

    sizes = []
    for _ in range(rng.randint(1, 14)):
        width, height = side(), side()
        sizes.append((width, max(1, min(height, 300 * MP // width))))
    caps = Caps(
        side=rng.choice([None, cap(rng.randint(1, 9000))]),
        pixels=rng.choice([None, None, cap(int(10 ** rng.uniform(0, 8)))]),
        combined=rng.choice([None, cap(int(10 ** rng.uniform(1.2, 8)))]),
    )
    return sizes, caps


def cases(seed: int, count: int) -> Iterator[tuple[list[plan.Size], Caps]]:
    """Yield the same random cases at each run."""
    rng = random.Random(seed)
    for _ in range(count):
        yield random_case(rng)


def area(size: plan.Size) -> int:
    """Return width x height."""
    return size[0] * size[1]


def check_one(before: plan.Size, fit: plan.Fit, caps: Caps) -> None:
    """Check what must hold for each picture by itself."""
    after = fit.size
    assert 1 <= after[0] <= before[0]
    assert 1 <= after[1] <= before[1]
    assert caps.side is None or max(after) <= caps.side.limit
    assert caps.pixels is None or area(after) <= caps.pixels.limit
    long, short = (0, 1) if before[0] >= before[1] else (1, 0)
    exact_short = before[short] * after[long] / before[long]
    assert after[short] == 1 or abs(exact_short - after[short]) < 1 + 1e-9
    assert (fit.reason is None) == (after == before)


def check_together(sizes: list[plan.Size], fits: tuple[plan.Fit, ...], caps: Caps) -> None:
    """Check what must hold under a combined cap."""
    assert caps.combined is not None
    budget = caps.combined.limit
    used = sum(area(fit.size) for fit in fits)
    alone = plan.plan(sizes, Caps(side=caps.side, pixels=caps.pixels))
    assert used <= budget
    if sum(area(fit.size) for fit in alone) <= budget:
        assert fits == alone
    elif budget >= MP:
        assert used > 0.98 * budget
    given_way = [
        area(fit.size) for fit, own in zip(fits, alone, strict=True) if fit.size != own.size
    ]
    for fit, own in zip(fits, alone, strict=True):
        assert not given_way or area(own.size) > min(given_way) or fit.size == own.size


@pytest.mark.parametrize("seed", range(4))
def test_ten_thousand_random_plans_keep_every_promise(seed: int) -> None:
    """No cap is passed by a pixel, no budget wasted, no small picture cut, none enlarged."""
    for sizes, caps in cases(seed, 2500):
        fits = plan.plan(sizes, caps)

        assert len(fits) == len(sizes)
        for before, fit in zip(sizes, fits, strict=True):
            check_one(before, fit, caps)
        if caps.combined is not None:
            check_together(sizes, fits, caps)


def test_the_order_of_pictures_changes_nothing_but_the_order() -> None:
    """Each picture gets the same size wherever it stands, and lying or standing."""
    for sizes, caps in cases(7, 300):
        fits = plan.plan(sizes, caps)

        assert plan.plan(sizes[::-1], caps) == fits[::-1]
        turned = plan.plan([(height, width) for width, height in sizes], caps)
        assert [fit.size[::-1] for fit in turned] == [fit.size for fit in fits]


def test_what_fits_already_is_left_as_it_is() -> None:
    """A plan of a plan changes nothing more."""
    for sizes, caps in cases(11, 300):
        once = [fit.size for fit in plan.plan(sizes, caps)]

        assert [fit.size for fit in plan.plan(once, caps)] == once


def test_the_largest_give_way_first_and_equal_ones_alike() -> None:
    """Two large photos share what a small one leaves, and the small one stays whole."""
    caps = Caps(combined=cap(9 * MP, "documented"))
    fits = plan.plan([(4032, 3024), (800, 600), (3024, 4032)], caps)

    assert [fit.size for fit in fits] == [(2383, 1787), (800, 600), (1787, 2383)]
    assert [fit.reason for fit in fits] == [
        "limit: 9 MP in all images",
        None,
        "limit: 9 MP in all images",
    ]


ALONE: dict[str, list[Any]] = table("images/one_picture")
"""By what binds: a size, the caps (each a limit and its kind), the size that fits, and the reason."""


@pytest.mark.parametrize(("size", "caps", "fitted", "reason"), ALONE.values(), ids=ALONE)
def test_one_picture(
    size: list[int], caps: dict[str, Any], fitted: list[int], reason: str | None
) -> None:
    """A single picture takes the size that its tightest cap allows, and says which."""
    given = Caps(**{name: cap(*limit) for name, limit in caps.items()})
    (fit,) = plan.plan([(size[0], size[1])], given)

    assert (fit.size, fit.reason) == (tuple(fitted), reason)


def test_less_than_a_pixel_each_is_refused() -> None:
    """A combined cap below one pixel a picture cannot be met."""
    with pytest.raises(ValueError, match="3 pictures cannot share 2 pixels"):
        plan.plan([(10, 10)] * 3, Caps(combined=cap(2)))


def test_what_is_over_is_told_with_its_cap() -> None:
    """Each overrun names the pictures, the number found, and whose cap it is."""
    limits = {"side": cap(2048), "pixels": cap(4 * MP, "upstream")}
    caps = Caps(**limits, combined=cap(9 * MP, "documented"))
    found = plan.over_caps([(4032, 3024), (800, 600)], caps)

    assert [(each.indexes, each.cap.kind) for each in found] == [
        ((0,), "house"),
        ((0,), "upstream"),
        ((0, 1), "documented"),
    ]
    assert [each.message for each in found] == [
        "4032 px is over the limit of 2048 px a side (not documented)",
        "12.19 MP is over the limit of 4 MP an image (not documented)",
        "12.67 MP is over the limit of 9 MP in all images",
    ]


def test_nothing_is_over_where_all_fit() -> None:
    """Caps that are just met are not passed."""
    caps = Caps(side=cap(3000), pixels=cap(6 * MP), combined=cap(6 * MP))

    assert plan.over_caps([(3000, 2000)], caps) == ()


def test_an_overrun_by_a_pixel_does_not_look_like_none() -> None:
    """Rounding never makes the number found look like the cap."""
    (found,) = plan.over_caps([(3001, 3000)], Caps(pixels=cap(9 * MP)))

    assert found.message == "9.003 MP is over the limit of 9 MP an image (not documented)"
    (close,) = plan.over_caps([(9_000_001, 1)], Caps(pixels=cap(9 * MP)))
    assert close.message == "9.000001 MP is over the limit of 9 MP an image (not documented)"
