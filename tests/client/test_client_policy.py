"""The rules for sending again: pure functions of numbers, attacked with odd ones."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import table

from prodia_compose.client import policy

NOW = datetime(2026, 8, 1, 12, 0, 0, tzinfo=UTC)

attempts = st.integers(min_value=1, max_value=10_000)
seconds = st.floats(min_value=0, max_value=1e9)
fractions = st.floats(min_value=0, max_value=1, exclude_max=True)


@pytest.mark.parametrize(("text", "expected"), table("client/a_retry_after_is_read"))
def test_a_retry_after_is_read(text: str | None, expected: float | None) -> None:
    """Seconds and dates are read, and what is neither is nothing."""
    assert policy.parse_retry_after(text, now=NOW) == expected


@given(st.text())
def test_no_retry_after_breaks_it(text: str) -> None:
    """Any text gives seconds that are not negative, or nothing."""
    found = policy.parse_retry_after(text, now=NOW)

    assert found is None or 0 <= found <= 1e9


@given(st.integers(min_value=0, max_value=10**7))
def test_a_date_means_the_time_until_then(ahead_s: int) -> None:
    """A date written as HTTP has it is as far away as it says."""
    text = format_datetime(NOW + timedelta(seconds=ahead_s), usegmt=True)

    assert policy.parse_retry_after(text, now=NOW) == ahead_s


@given(attempts, st.none() | seconds, seconds, fractions)
def test_a_wait_fits_the_patience_and_the_service(
    attempt: int, asked_s: float | None, remaining_s: float, random: float
) -> None:
    """A wait never goes beyond what is left, nor comes before what was asked for."""
    wait = policy.retry_wait(attempt, asked_s, remaining_s=remaining_s, random=random)

    if remaining_s == 0 or (asked_s is not None and asked_s > remaining_s):
        assert wait is None
    else:
        assert wait is not None
        assert 0 < wait <= remaining_s
        assert asked_s is None or wait >= asked_s or asked_s < 1
        assert asked_s is None or wait <= max(asked_s * 1.1, 30)


@pytest.mark.parametrize(
    ("attempt", "shortest", "longest"),
    [(1, 0.5, 1), (2, 1, 2), (3, 2, 4), (5, 8, 16), (6, 15, 30), (1000, 15, 30)],
)
def test_waits_of_our_own_grow(attempt: int, shortest: float, longest: float) -> None:
    """Without a time to keep, waits double up to 30 s, of which at least half is waited."""
    waits = [policy.retry_wait(attempt, None, remaining_s=1000, random=random) for random in (0, 1)]

    assert waits == [shortest, longest]


@pytest.mark.parametrize(
    ("asked_s", "longest"), [(1, 1.1), (10, 11), (20, 22), (30, 32), (100, 102)]
)
def test_a_time_that_is_asked_for_is_kept(asked_s: float, longest: float) -> None:
    """With up to a tenth on top, and no more than two seconds; never more than there is."""
    waits = [policy.retry_wait(7, asked_s, remaining_s=1000, random=r) for r in (0, 0.5, 1)]

    assert waits == pytest.approx([asked_s, (asked_s + longest) / 2, longest])
    assert policy.retry_wait(7, asked_s, remaining_s=asked_s, random=1) == asked_s
    assert policy.retry_wait(7, asked_s, remaining_s=asked_s - 0.01, random=0) is None


@pytest.mark.parametrize(
    ("attempt", "remaining_s", "random", "expected"),
    [(1, 9, 0, 0.5), (1, 9, 1, 1), (2, 9, 0.5, 1.5), (2, 0.2, 1, 0.2), (2, -1, 1, 0), (3, 9, 0, None)],
)  # fmt: skip
def test_waits_before_connecting_grow(
    attempt: int, remaining_s: float, random: float, expected: float | None
) -> None:
    """As those for a busy service do, within what is left of the patience."""
    assert policy.connect_wait(attempt, remaining_s=remaining_s, random=random) == expected


VERDICTS = {
    (100, 199): "unknown", (200, 299): "read", (300, 400): "rejected", (401, 403): "auth",
    (404, 407): "rejected", (408, 408): "unknown", (409, 428): "rejected", (429, 429): "busy",
    (430, 499): "rejected", (500, 999): "unknown",
}  # fmt: skip


@pytest.mark.parametrize(("statuses", "verdict"), VERDICTS.items())
def test_each_status_has_its_verdict(statuses: tuple[int, int], verdict: str) -> None:
    """Of all that there are; what is not known of a job that was not sent whole is: it did not run."""
    for status in range(statuses[0], statuses[1] + 1):
        assert policy.verdict(status, retry_after_s=None, delivered=True) == verdict, status
        early = policy.verdict(status, retry_after_s=None, delivered=False)
        assert early == ("not-delivered" if verdict == "unknown" else verdict), status
    assert policy.verdict(503, retry_after_s=0, delivered=True) == "busy"
    assert policy.verdict(502, retry_after_s=0, delivered=True) == "unknown"


@pytest.mark.parametrize("asked_s", [0, 0.9])
def test_a_service_that_asks_for_next_to_nothing_is_not_hammered(asked_s: float) -> None:
    """A Retry-After of 0 is answered by waits of our own."""
    assert policy.retry_wait(4, asked_s, remaining_s=1000, random=0) == 4


@given(attempts, st.floats(min_value=-10, max_value=1e9), fractions)
def test_connecting_is_tried_a_few_times(attempt: int, remaining_s: float, random: float) -> None:
    """No more than three attempts at connecting, with waits within the patience."""
    wait = policy.connect_wait(attempt, remaining_s=remaining_s, random=random)

    if attempt >= policy.CONNECT_ATTEMPTS:
        assert wait is None
    else:
        assert wait is not None
        assert 0 <= wait <= max(0.0, min(remaining_s, 30))


@given(st.integers(min_value=100, max_value=999), st.none() | seconds, st.booleans())
def test_nothing_is_sent_again_but_to_a_busy_service(
    status: int,
    retry_after_s: float | None,
    delivered: bool,  # noqa: FBT001 - drawn
) -> None:
    """Only 429, and 503 with a Retry-After that can be read, mean that the job can be sent again."""
    verdict = policy.verdict(status, retry_after_s=retry_after_s, delivered=delivered)

    assert (verdict == "busy") is (status == 429 or (status == 503 and retry_after_s is not None))
    assert (verdict == "read") is (200 <= status < 300)
    if verdict == "unknown":
        assert delivered
    if verdict == "not-delivered":
        assert not delivered
