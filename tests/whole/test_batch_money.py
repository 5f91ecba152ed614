"""What a batch spends, and when it sends: budgets, prices, gates and rates, by whole processes."""

import itertools
import shlex
from pathlib import Path

import loopback
import pytest
from batches import ANSWER, documents, manifest, number_of, rows, serving, statuses
from conftest import Run
from sandboxing import picture


def _priced(usd: float | None) -> loopback.Answer:
    price = None if usd is None else {"product": "inference-nano-banana", "dollars": usd}
    return loopback.multipart_ok(picture(), job=loopback.job_record(price=price))


@pytest.mark.parametrize("again", range(3))
def test_no_more_is_sent_than_the_budget_pays_for(
    here: Path, process: Run, run: Run, again: int
) -> None:
    """With 16 at once; and that is so over all runs, of which the last one sends nothing."""
    manifest(here, rows(40))
    line = ("batch", "rows.jsonl", "-j16", "--budget", "0.80")
    with serving() as server:
        planned = run(*line, "-n")
        first = process(*line)
        sent = server.submissions
        second = run(*line, "--json")
        more = run("batch", "rows.jsonl", "--budget", "0.90", "-j16")

    assert (first.code, sent) == (11, 20)
    shown = first.text.split()
    assert (len(shown), shown) == (20, sorted(shown))
    why = "$0.78 of $0.80 spent or set aside, and the next may cost $0.039"
    assert f"error: no more rows were started: {why}\n" in first.err
    assert "20 of 40 rows done, 20 not-started, $0.78 spent" in first.err
    going_on = (
        "to go on, with a --budget that is enough for all rows; what is done is not paid again: "
    )
    assert f"{going_on}prodia-compose {shlex.join(line[:-1])} 1.56\n" in first.err
    assert planned.text.splitlines()[-1] == (
        "40 rows would be sent; $1.56; by the most that each may cost, $0.80 is enough for the first 20"
    )
    end = documents(second.out)[-1]
    assert (second.code, end["stopped"], end["next"]) == (12, "cost", "run-again")
    assert (end["counts"], end["spent_usd"]) == ({"skipped": 20, "not-started": 20}, 0.78)
    assert "$0.78 of $0.90 were spent before" in more.err
    assert (more.code, server.submissions) == (11, 23)


def test_the_parts_of_a_batch_share_its_budget(here: Path, run: Run) -> None:
    """Each may spend its part, and says so; what the others spend is not its own."""
    manifest(here, rows(20))
    with serving() as server:
        parts = [
            run("batch", "rows.jsonl", "--budget", "0.4", "--shard", f"{part}/2") for part in (1, 2)
        ]
        again = run("batch", "rows.jsonl", "--budget", "0.4", "--shard", "2/2")

    assert [part.code for part in parts] == [11, 11]
    assert server.submissions == 10
    assert [len(part.text.split()) for part in parts] == [5, 5]
    for number, part in enumerate(parts, 1):
        assert f"part {number} of 2 may spend $0.20 of the budget" in part.err
        assert "$0.195 spent" in part.err
    assert again.code == 12
    assert "$0.195 of $0.20 were spent before" in again.err


def test_what_may_be_billed_keeps_its_bound(here: Path, run: Run) -> None:
    """Ten unknown outcomes count as if they had been paid, in this run and the next."""
    manifest(here, rows(40))
    line = ("batch", "rows.jsonl", "--budget", "0.80", "--max-failures", "0", "-j16", "--json")
    with serving(lambda number, _: loopback.drop("after") if number <= 10 else ANSWER) as server:
        done = run(*line)
        sent = server.submissions
        again = run(*line)
        shown = run(*line[:-1])
    end = documents(done.out)[-1]

    assert (done.code, end["stopped"], sent) == (11, "cost", 20)
    assert end["counts"] == {"done": 10, "unknown": 10, "not-started": 20}
    assert (end["spent_usd"], end["reserved_usd"]) == (0.39, 0.39)
    assert (again.code, server.submissions) == (12, 20)
    assert documents(again.out)[-1]["spent_usd"] == 0.78
    at_most = "at most (no price was told)"
    assert f"$0.78 of $0.80 were spent before, $0.39 of it {at_most}\n" in shown.err
    assert f"$0.39 spent, $0.39 more {at_most}\n" in shown.err


def test_a_budget_needs_prices(here: Path, run: Run) -> None:
    """Where none is known one can be assumed; it counts, as nobody tells another."""
    manifest(here, [*rows(2), *rows(3, model="seedream-5-lite")[2:]])
    with serving(lambda *_: _priced(None)) as server:
        refused = run("batch", "rows.jsonl", "--budget", "1")
        assert server.connections == 0
        assumed = run("batch", "rows.jsonl", "--budget", "0.2", "--assume-price", "0.1", "--json")
        kept = run("batch", "rows.jsonl", "--budget", "0.2", "-j1", "--assume-price", "0.1")

    assert (refused.code, refused.out) == (12, b"")
    assert refused.messages == (
        "prodia-compose: error: rows.jsonl:3: r03: --budget 1: the price of seedream-5-lite is "
        "unknown; nothing was sent; --assume-price USD says what it may be\n"
    )
    end = documents(assumed.out)[-1]
    assert (end["counts"], end["spent_usd"]) == ({"done": 3}, 0.0)
    assert end["reserved_usd"] == pytest.approx(0.178)
    assert kept.code == 0


def test_what_no_budget_can_count_is_told(here: Path, run: Run) -> None:
    """Earlier jobs that may be billed and had no price: their number, and where to look."""
    manifest(here, rows(2, model="inference.new.img2img.v1"))
    with serving(lambda *_: loopback.Answer(drop="after")):
        run("batch", "rows.jsonl", "-y")
        shown = run("batch", "rows.jsonl", "--budget", "1", "--assume-price", "0.1")

    assert shown.code == 11
    assert (
        "prodia-compose: not counted: 2 earlier jobs that may be billed, and nobody knows the "
        "price; look at the Prodia dashboard"
    ) in shown.err


def test_an_absurd_price_is_none(here: Path, run: Run) -> None:
    """The most that the job can cost is counted in its place; the next run goes on."""
    manifest(here, rows(2))
    with serving(lambda *_: _priced(1e300)):
        done = run("batch", "rows.jsonl", "--budget", "1")
        again = run("batch", "rows.jsonl", "--budget", "1")

    assert (done.code, again.code) == (0, 0)
    assert "2 of 2 rows done, $0.00 spent, $0.078 more at most (no price was told)" in done.err
    assert "$0.078 of $1.00 were spent before" in again.err


def test_a_price_above_its_bound_ends_starting(here: Path, run: Run) -> None:
    """It is counted, and warned of; what is on its way comes to its end."""
    manifest(here, rows(6))
    with serving(lambda number, _: _priced(0.05 if number == 2 else 0.039)) as server:
        done = run("batch", "rows.jsonl", "-y", "-j1")
        shown = documents((here / "rows.jsonl.results.jsonl").read_text())

    assert (done.code, server.submissions) == (11, 2)
    assert (
        "warning: r02: the job cost $0.05, and should have cost $0.039 at most [price-above-bound]"
    ) in done.err
    why = "r02 cost $0.05, and should have cost $0.039 at most"
    assert f"error: no more rows were started: {why}\n" in done.err
    assert "2 of 6 rows done, 4 not-started, $0.089 spent" in done.err
    assert [one["code"] for one in shown[-1]["warnings"]] == ["price-above-bound"]


def test_a_busy_model_holds_up_its_own_rows_only(here: Path, process: Run) -> None:
    """A 429 with Retry-After 1 stops all starts of that model for that second, and no others."""
    others = rows(8, model="flux-2-max")
    manifest(here, [others[n] if n % 2 else row for n, row in enumerate(rows(8))])
    busy: list[float] = []

    def choose(_: int, request: loopback.Received) -> loopback.Answer:
        if number_of(request) % 2 == 0 or busy:
            return ANSWER
        busy.append(request.at)
        return loopback.busy("1")

    with serving(choose) as server:
        done = process("batch", "rows.jsonl", "-y", "-j4")
    at: dict[int, list[float]] = {number: [] for number in range(1, 9)}
    for request in server.requests:
        at[number_of(request)].append(request.at - busy[0])

    assert (done.code, server.submissions) == (0, 9)
    held = sorted(time for number in (1, 3, 5, 7) for time in at[number])
    free = sorted(time for number in (2, 4, 6, 8) for time in at[number])
    assert not [time for time in held if 0.3 < time < 1], "none starts once that is known"
    assert len([time for time in held if time >= 1]) >= 2
    assert len([time for time in free if time < 1]) >= 2, "these have room all the time"


def test_a_model_without_room_is_given_up(here: Path, process: Run) -> None:
    """Its rows end as busy, unsent but for those that found out; the others are done."""
    manifest(here, [*rows(4), *rows(6, model="flux-2-max")[4:]])

    def choose(_: int, request: loopback.Received) -> loopback.Answer:
        return loopback.busy("5") if number_of(request) <= 4 else ANSWER

    with serving(choose) as server:
        done = process("batch", "rows.jsonl", "-y", "--max-wait", "2", "-j1")

    assert (done.code, server.submissions) == (11, 3)
    assert set(statuses(here).values()) == {"busy", "done"}
    assert "2 of 6 rows done, 4 busy, $0.078 spent" in done.err
    assert "to go on, what is done is not paid again: " in done.err


def test_a_rate_spaces_starts_evenly(here: Path, process: Run) -> None:
    """Every start counts, however many jobs may be on their way."""
    manifest(here, rows(12))
    with serving() as server:
        done = process("batch", "rows.jsonl", "-y", "-j16", "--rate", "10/s")
    times = sorted(request.at for request in server.requests)
    gaps = [later - time for time, later in itertools.pairwise(times)]

    assert (done.code, len(times)) == (0, 12)
    assert times[-1] - times[0] == pytest.approx(1.1, rel=0.2)
    assert sorted(gaps)[len(gaps) // 2] == pytest.approx(0.1, rel=0.2)
