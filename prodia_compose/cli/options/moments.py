"""Times as they are typed for `--since` and `--until`: a day, a month, so long ago."""

import re
from datetime import date, datetime, timedelta

from prodia_compose import errors

_AGO = re.compile(r"([0-9]{1,6})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_MONTH = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?")
_WEEK = re.compile(r"[0-9]{4}-?W[0-9]{2}", re.IGNORECASE)
_DAYS_AGO = {"today": 0, "yesterday": 1}

Window = tuple[datetime | None, datetime | None]
"""From when on, and up to when, each with its zone; None where nothing bounds it."""


def window(since: str | None, until: str | None) -> Window:
    """Return what lies from the start of one time to the end of another.

    What names a year, a month, a week or a day is all of it. Without a zone it is local.

    Raises:
        errors.UsageError: One of them is no time, or the first comes after the second.
    """
    now = datetime.now()  # noqa: DTZ005 - as the user's clock tells it, over a change of time too
    first = None if since is None else _span("--since", since, now)[0]
    last = None if until is None else _span("--until", until, now)[1]
    if first is not None and last is not None and first >= last:
        raise errors.UsageError(f"--since {since} is not before --until {until}", "swap them")
    return first, last


def _span(flag: str, text: str, now: datetime) -> tuple[datetime, datetime]:
    """Return where a time begins and ends; that of a moment are the same."""
    try:
        first, last = _local_span(text.strip(), now)
        return first.astimezone(), last.astimezone()
    except (ValueError, OverflowError) as exc:
        forms = "YYYY-MM-DD, YYYY-MM, YYYY-MM-DDTHH:MM, 7d, 12h, today or yesterday"
        raise errors.UsageError(f"{flag} {text}: no date", f"write {forms}") from exc


def _local_span(text: str, now: datetime) -> tuple[datetime, datetime]:
    if ago := _AGO.fullmatch(text.lower()):
        length = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        # An hour is an hour even when the clocks change; a day ago it was as late as now.
        moment = (now.astimezone() if ago[2] == "h" else now) - length
        return moment, moment
    if month := _MONTH.fullmatch(text):
        first = datetime(int(month[1]), int(month[2] or 1), 1)  # noqa: DTZ001 - local
        later = first + timedelta(days=31 if month[2] else 366)
        return first, later.replace(day=1, month=later.month if month[2] else 1)
    if text.lower() in _DAYS_AGO:
        day = now.date() - timedelta(days=_DAYS_AGO[text.lower()])
    else:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            moment = datetime.fromisoformat(text)
            return moment, moment
    first = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - local
    return first, first + timedelta(days=7 if _WEEK.fullmatch(text) else 1)
