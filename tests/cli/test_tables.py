"""The tables of `jobs`, as terminals of several widths and pipes get them."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ledgering
import pytest
from conftest import Run
from terminals import on_a_terminal

from prodia_compose.record import entries, ledger

PROMPT = "Put the mug from the first image on the table in the second image, at dusk"

STYLES = {
    "saved": "32",
    "rejected": "31",
    "busy": "31",
    "not-delivered": "31",
    "unknown": "33",
}


@pytest.fixture
def recorded(work: Path) -> None:
    """Keep a record with a job in each state that a run may leave, begun just now."""
    states: tuple[entries.State, ...] = ("saved", "received", *ledgering.OTHER_ENDS)
    with ledger.open_record(os.environ) as record:
        for number, state in enumerate(states):
            model = "gemini-3.1-flash" if number % 2 else "nano-banana"
            entry = record.begin(ledgering.claim(f"{PROMPT}, {number}", model=model))
            ledgering.advance_to(entry, state)


def _shown(*argv: str, columns: int, **env: str) -> tuple[list[str], str]:
    """Return the lines of a table on a terminal without its colours, and all as it was written."""
    raw = on_a_terminal(argv, columns=columns, also_stdout=True, env={"TERM": "xterm", **env}).raw
    return re.sub(r"\x1b\[[0-9]*m", "", raw).splitlines(), raw


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("command", ["list", "spend"])
def test_jobs_fit_a_terminal(run: Run, command: str, columns: int) -> None:
    """No line is wider than the terminal, no state, model, id or sum is broken, none is left out."""
    piped = run("jobs", command).text
    coloured, raw = _shown("jobs", command, columns=columns)
    plain, bare = _shown("jobs", command, columns=columns, NO_COLOR="1")
    exact = {
        word for word in piped.split() if re.search(r"^\(?\$|^[0-9a-f]{12}$|^[A-Z]{3,}$", word)
    }
    words = {*exact, *(state for state in STYLES if state in piped.split()), "gemini-3.1-flash"}

    assert len(exact) > 6
    assert max(map(len, plain)) <= columns
    assert words <= {*" ".join(plain).split()}
    assert len(coloured) == len(plain)
    assert "\x1b" in raw
    assert "\x1b" not in bare


@pytest.mark.usefixtures("recorded")
def test_a_job_takes_two_lines_where_one_is_too_short() -> None:
    """Below each row come its prompt, cut, and its picture, if both find room."""
    lines, _ = _shown("jobs", columns=80)

    assert len(lines) == 1 + 2 * 6
    for line in lines[2::2]:
        assert re.fullmatch(r"  PROMPT Put the mug .{30,50}…  PICTURE \S+", line)


@pytest.mark.usefixtures("recorded")
def test_states_are_coloured_by_meaning(run: Run) -> None:
    """Green is done, red failed, yellow is open and may cost; the word is there all the same."""
    _, raw = _shown("jobs", columns=120)
    styles = {state: style for style, state in re.findall(r"\x1b\[(3\d)m([a-z-]+)\x1b", raw)}

    assert styles == {state: STYLES[state] for state in styles}
    assert {*styles} == {"saved", *ledgering.OTHER_ENDS}


@pytest.mark.usefixtures("recorded")
def test_times_are_relative_on_a_terminal_only(run: Run) -> None:
    """On a terminal it says how long ago; in a pipe the time to the second, and whole prompts."""
    piped = run("jobs").text
    lines, _ = _shown("jobs", columns=120)

    assert len(re.findall(r" \d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", piped)) == 6
    assert piped.count(PROMPT) == 6
    assert len(re.findall(r" \d+ (?:s|min) ago ", "\n".join(lines))) == 6


AGES = {
    "59 seconds": (59, r"59 s ago|1 min ago"),
    "three minutes": (190, "3 min ago"),
    "an hour": (3700, "1 h ago"),
    "a day": (90000, "1 day ago"),
    "nine days": (9 * 86400 + 60, "9 days ago"),
    "two months": (61 * 86400, r"\d{4}-\d\d-\d\d"),
    "tomorrow, by another clock": (-90000, r"\d{4}-\d\d-\d\d"),
}


@pytest.mark.parametrize(("age_s", "words"), AGES.values(), ids=AGES)
def test_how_long_ago(work: Path, set_back: Callable[[int], None], age_s: int, words: str) -> None:
    """An age has one unit; what is a month old, or to come, has its date."""
    set_back(age_s)
    lines, _ = _shown("jobs", columns=120)

    assert re.search(rf"  ({words})  +not-delivered", "\n".join(lines))


@pytest.fixture
def set_back(work: Path) -> Callable[[int], None]:
    """Give what records a job as begun so many seconds ago."""

    def record_one(age_s: int) -> None:
        with ledger.open_record(os.environ) as record:
            record.begin(ledgering.claim())
        begun = datetime.now(UTC) - timedelta(seconds=age_s)
        ledgering.sql("UPDATE jobs SET begun_at = ?", entries.stamp(begun))

    return record_one
