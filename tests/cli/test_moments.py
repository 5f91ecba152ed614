"""Times as they are typed for `--since` and `--until`."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tables import table

from prodia_compose import errors
from prodia_compose.cli.options import moments


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be where clocks change."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    os.environ.pop("TZ", None)
    time.tzset()


def _bounds(text: str) -> list[str]:
    """Return where a time begins and ends, in UTC."""
    window = (moments.window(text, None)[0], moments.window(None, text)[1])
    return [f"{one.astimezone(UTC):%Y-%m-%dT%H:%M}" for one in window if one is not None]


@pytest.mark.parametrize(("text", "bounds"), table("cli/moments")["spans"])
def test_what_a_time_spans(text: str, bounds: list[str]) -> None:
    """A year, month, week or day is all of it, where the user is; a moment begins and ends at once."""
    assert _bounds(text) == bounds


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("7d", timedelta(days=7)),
        ("2W", timedelta(weeks=2)),
        ("12h", timedelta(hours=12)),
        ("0d", timedelta()),
    ],
)
def test_so_long_ago(text: str, ago: timedelta) -> None:
    """A number of hours, days or weeks is so long ago; a day ago the clock showed what it shows."""
    now = datetime.now().astimezone()
    (since, _), (_, until) = moments.window(text, None), moments.window(None, text)

    for moment in (since, until):
        assert moment is not None
        local = moment.replace(tzinfo=None) + ago
        exact = moment + ago if text.endswith("h") else local.astimezone()
        assert abs(exact - now) < timedelta(seconds=10)


def test_days_by_name() -> None:
    """Today and yesterday are whole days, whatever the case."""
    now = datetime.now().astimezone().replace(tzinfo=None)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)

    assert moments.window("Today", "today") == (today.astimezone(), (today + day).astimezone())
    assert moments.window("yesterday", "YESTERDAY") == (
        (today - day).astimezone(),
        today.astimezone(),
    )


@pytest.mark.parametrize("text", table("cli/moments")["refused"])
@pytest.mark.parametrize("flag", ["--since", "--until"])
def test_what_is_no_time(flag: str, text: str) -> None:
    """What is no time is refused, with the forms that are."""
    given = (text, None) if flag == "--since" else (None, text)
    with pytest.raises(errors.UsageError, match="no date; write YYYY-MM-DD, YYYY-MM,") as caught:
        moments.window(*given)

    assert caught.value.message.startswith(f"{flag} {text}: ")


@pytest.mark.parametrize(
    ("since", "until"), [("2026-11", "2026-10"), ("today", "yesterday"), ("1h", "2h")]
)
def test_an_end_before_the_start(since: str, until: str) -> None:
    """A time that ends before it begins is a mistake, not an empty list."""
    with pytest.raises(errors.UsageError, match="is not before"):
        moments.window(since, until)
