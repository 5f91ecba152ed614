"""When the next job may start: at most so many at once, evenly, and not at a shut gate."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prodia_compose.client import policy
from prodia_compose.pipeline.batch.starting.starts import Starts

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "success", "failure", "busy"]),
        st.sampled_from(["a", "b"]),
        st.floats(0, 20),  # since the one before
        st.floats(0, 40),  # how long it is shut
    ),
    max_size=80,
)


def _started(starts: Starts, now: float, model: str, most: int = 100) -> int:
    """Start as many as can, and return how many."""
    return next(n for n in range(most) if starts.ask(now, model))


@given(jobs=st.integers(1, 6), rate=st.none() | st.floats(0.01, 10), events=EVENTS)
def test_starts_are_few_even_and_at_open_gates(
    jobs: int, rate: float | None, events: list[tuple[str, str, float, float]]
) -> None:
    """Whatever comes when: no more at once than jobs, no two too close, none while one is shut."""
    starts = Starts(jobs, rate, math.inf)
    now, last = 0.0, -math.inf
    on_way = {"a": 0, "b": 0}
    opens_at = {"a": 0.0, "b": 0.0}
    for event, model, passed_s, wait_s in events:
        now += passed_s
        if event == "ask":
            answer = starts.ask(now, model)
            if answer == 0:
                assert sum(on_way.values()) < jobs
                assert now >= opens_at[model]
                assert rate is None or now - last >= 1 / rate * (1 - 1e-9)
                on_way[model] += 1
                last = now
            elif answer == math.inf:
                assert any(on_way.values())
            else:
                assert now + answer >= opens_at[model] - 1e-6
        elif on_way[model]:
            on_way[model] -= 1
            starts.ended(now, model, is_success=event == "success")
            if event == "busy":
                starts.shut(now, model, wait_s, None)
                opens_at[model] = max(opens_at[model], now + wait_s)
        assert starts.on_way == sum(on_way.values())


@pytest.mark.parametrize(("rate", "every_s"), [(10 / 60, 6), (2, 0.5), (30, 1 / 30)])
def test_starts_are_evenly_spaced(rate: float, every_s: float) -> None:
    """Ten a minute are one each 6 s, whatever the models; a late one is not made up for."""
    starts = Starts(256, rate, 120)

    assert starts.ask(0, "a") == 0
    assert starts.ask(0, "b") == pytest.approx(every_s)
    assert starts.ask(every_s, "b") == 0
    assert starts.ask(50 * every_s, "a") == 0
    assert starts.ask(50 * every_s, "a") == pytest.approx(every_s)


def test_after_a_busy_answer_half_of_them_go_on() -> None:
    """The other models are not held up; then one more goes through for each success."""
    starts = Starts(8, None, 120)
    assert _started(starts, 0, "a") == 8
    for _ in range(3):  # all sent before the gate was shut: it is halved once
        starts.ended(1, "a", is_success=False)
        starts.shut(1, "a", 10, 10)
    assert starts.ask(2, "b") == 0
    starts.ended(2, "b", is_success=True)
    for _ in range(5):
        starts.ended(2, "a", is_success=False)

    assert starts.ask(2, "a") == pytest.approx(9)
    assert _started(starts, 11, "a") == 4
    assert starts.ask(11, "b") == 0
    starts.ended(12, "b", is_success=True)
    starts.ended(12, "a", is_success=True)
    assert _started(starts, 12, "a") == 2
    starts.ended(13, "a", is_success=False)
    assert _started(starts, 13, "a") == 1
    for _ in range(5):
        starts.ended(14, "a", is_success=True)
    assert _started(starts, 14, "a") == 8


def test_one_at_least_goes_on() -> None:
    """However often it is busy, a gate that opens lets one through, and never more than jobs."""
    starts = Starts(3, None, math.inf)
    for now in range(0, 100, 10):
        assert starts.ask(now, "a") == 0
        starts.ended(now, "a", is_success=False)
        starts.shut(now, "a", 10, 10)
    assert _started(starts, 100, "a") == 1
    starts.ended(100, "a", is_success=False)
    for _ in range(9):
        assert starts.ask(101, "a") == 0
        starts.ended(101, "a", is_success=True)
    assert _started(starts, 101, "a") == 3


@pytest.mark.parametrize(
    ("answers", "is_given_up"),
    [
        ([(0, 100)], False),
        ([(0, 120)], False),
        ([(0, 121)], True),
        ([(0, 100), (1, 100)], False),  # the second was sent before the first was known
        ([(0, 100), (1, 119)], False),
        ([(0, 100), (1, 120)], True),
        ([(0, 60), (60, 60)], False),
        ([(0, 60), (60, 61)], True),
        ([(0, 60), (500, 60)], False),  # it is open from 60 to 500
        ([(0, 60), (500, 61)], True),
        ([(0, 60), (60, 60), (120, None)], True),
        ([(0, 60), (60, "success"), (60, 120)], False),
        ([(0, 60), (30, "success"), (60, 90)], False),
        ([(0, 60), (30, "success"), (60, 91)], True),
    ],
)
def test_a_gate_shut_for_too_long_is_given_up(
    answers: list[tuple[float, float | str | None]], *, is_given_up: bool
) -> None:
    """Of 120 s the time it is shut counts, once, since the last success; others are not given up."""
    starts = Starts(100, None, 120)
    assert starts.ask(-1000, "a") == 0  # the one that succeeds, if any does
    for now, answer in answers:
        if answer == "success":
            starts.ended(now, "a", is_success=True)
        else:
            assert not isinstance(answer, str)
            starts.shut(now, "a", answer or 1, answer)

    assert starts.is_given_up("a") is is_given_up
    assert (starts.ask(1000, "a") == math.inf) is is_given_up
    assert starts.ask(1000, "b") == 0


@given(
    max_wait_s=st.floats(0, 300),
    asked=st.lists(st.none() | st.floats(0, 100), min_size=1, max_size=30),
    chance=st.floats(0, 1, exclude_max=True),
)
@example(max_wait_s=120, asked=[120.0], chance=0.5)
def test_a_job_that_waits_alone_waits_as_compose_does(
    max_wait_s: float, asked: list[float | None], chance: float
) -> None:
    """The same attempts at the same times, and given up after the same one."""
    starts = Starts(1, None, max_wait_s)
    now = waited_s = 0.0
    for attempt, asked_s in enumerate(asked, 1):
        alone = policy.retry_wait(
            attempt, asked_s, remaining_s=max_wait_s - waited_s, random=chance
        )
        together = policy.retry_wait(attempt, asked_s, remaining_s=math.inf, random=chance)
        assert together is not None
        assert starts.ask(now, "a") == 0
        starts.ended(now, "a", is_success=False)
        starts.shut(now, "a", together, asked_s)
        if alone is None or max_wait_s - waited_s < 1e-3:
            assert starts.is_given_up("a")
            return
        assert not starts.is_given_up("a")
        assert starts.ask(now, "a") == pytest.approx(alone, abs=1e-6) or alone < 1e-6
        waited_s += alone
        now += alone + 1e-9
