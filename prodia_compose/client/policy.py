"""What a status means for the job, and how long to wait before sending it again.

The rules, and why: the service bills jobs that ran and knows no idempotency
key, so a job is sent again only when it surely did not run. That is so when no
connection came about, and when the service said it had no room (429, or 503
with a Retry-After that can be read). It is not known after 408 and other 5xx, nor when the
connection breaks after the last byte of the body. An upload that breaks before
its last byte cannot have run, but is left to the user: what broke it once may
well break it again, and a large upload is not free either.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

Verdict = Literal["read", "busy", "auth", "rejected", "not-delivered", "unknown"]
"""What to do with an answer: `read` it, send again when not `busy`, or raise an error."""

CONNECT_ATTEMPTS = 3
"""How often a connection is tried before giving up."""

_FOR_EVER_S = 1e9
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 30.0
_DOUBLINGS = 10
"""More than enough for the longest wait; the power would overflow after a thousand."""


def verdict(status: int, *, retry_after_s: float | None, delivered: bool) -> Verdict:
    """Return what a status means for a job whose body had been sent whole, or not yet.

    `retry_after_s` is what `parse_retry_after` makes of the header: only a time that can be
    read says that a service with status 503 had no room.
    """
    if 200 <= status < 300:
        return "read"
    if status == 429 or (status == 503 and retry_after_s is not None):
        return "busy"
    if status in (401, 402, 403):  # 402: the balance
        return "auth"
    if 300 <= status < 500 and status != 408:
        return "rejected"
    return "unknown" if delivered else "not-delivered"


def parse_retry_after(text: str | None, *, now: datetime) -> float | None:
    """Return the seconds a `Retry-After` asks for: at least 0, None if it makes no sense.

    Of the forms of RFC 9110, whole seconds and an HTTP date, a date that is past makes none.
    """
    if text is None:
        return None
    if re.fullmatch("[0-9]+", digits := text.strip()):
        return min(float(digits), _FOR_EVER_S)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": a time in UTC without a zone
        moment = moment.replace(tzinfo=UTC)
    ahead_s = (moment - now).total_seconds()
    return min(ahead_s, _FOR_EVER_S) if ahead_s >= 0 else None


def retry_wait(
    attempt: int, retry_after_s: float | None, *, remaining_s: float, random: float
) -> float | None:
    """Return the seconds to wait before the next attempt; None to give up.

    A time that the service asked for is kept, with up to a tenth of it (at most
    2 s) on top, so that many clients do not come back in the same instant. With
    none, or one of less than a second, the wait is between half and all of
    1, 2, 4, ... 30 s. Attempts are counted from 1; `random` is from 0 up to 1, and
    `remaining_s` what is left of the time to wait in all.
    """
    if remaining_s <= 0 or (retry_after_s is not None and retry_after_s > remaining_s):
        return None
    if retry_after_s is not None and retry_after_s >= _FIRST_WAIT_S:
        wait = retry_after_s + random * min(2.0, retry_after_s / 10)
    else:
        wait = _backoff(attempt, random)
    return min(wait, remaining_s)


def connect_wait(attempt: int, *, remaining_s: float, random: float) -> float | None:
    """Return the seconds before trying to connect again; None to give up, as `retry_wait`."""
    if attempt >= CONNECT_ATTEMPTS:
        return None
    return max(0.0, min(_backoff(attempt, random), remaining_s))


def _backoff(attempt: int, random: float) -> float:
    longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(attempt - 1, _DOUBLINGS))
    return longest * (0.5 + random / 2)
