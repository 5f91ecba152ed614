"""Whose turn it is: by number, within money, rate and room, until something ends it for all."""

import math
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prodia_compose import errors
from prodia_compose.client.send import Pause
from prodia_compose.pipeline.batch.outcomes import Ended, Failures, Outcome, Reason
from prodia_compose.pipeline.batch.results.lines import Status
from prodia_compose.pipeline.batch.starting.budget import Budget
from prodia_compose.pipeline.batch.starting.starts import Starts
from prodia_compose.pipeline.batch.starting.turns import Turn, Turns

DONE = Outcome(status="done", price_usd=Decimal("0.04"), may_be_billed=True)
BOUND = Decimal("0.05")


def _turns(
    *,
    jobs: int = 4,
    rate: float | None = None,
    limit: str | None = None,
    most: int | None = None,
    max_wait_s: float = 120,
) -> Turns:
    budget = Budget(None if limit is None else Decimal(limit))
    return Turns(Starts(jobs, rate, max_wait_s), budget, Failures(most))


def _entered(turns: Turns, number: int, model: str = "a", bound: Decimal | None = BOUND) -> Turn:
    turn = Turn(number, f"row {number}", model, bound, lambda: None)
    turns.enter(turn)
    return turn


def _busy(seconds: float, asked_s: float | None = None) -> Pause:
    why = "the service is busy (429)"
    return Pause(seconds=seconds, asked_s=asked_s, is_busy=True, why=why, attempt=2)


def _is_sent(turn: Turn) -> bool:
    return turn.is_decided and turn.error is None


def _reasons(rows: list[Turn]) -> list[Reason | str | None]:
    """Return of each row why it was not sent: None if it was, `waits` while it may be."""
    return [
        turn.error.reason
        if isinstance(turn.error, Ended)
        else turn.error.kind
        if turn.error
        else None
        if turn.is_decided
        else "waits"
        for turn in rows
    ]


def test_the_lowest_number_is_first() -> None:
    """Whoever came first: of those that may be sent the lowest number is, whatever the model."""
    turns = _turns(jobs=2)
    rows = {number: _entered(turns, number) for number in (7, 3, 9, 5)}
    assert turns.decide(0) == math.inf

    assert [number for number in sorted(rows) if _is_sent(rows[number])] == [3, 5]
    turns.leave(5, DONE, 1)
    turns.decide(1)
    assert [number for number in sorted(rows) if _is_sent(rows[number])] == [3, 5, 7]


def test_one_model_without_room_holds_up_no_other() -> None:
    """The rows of another go on; those of the first wait for their gate, the lowest first again."""
    turns = _turns(jobs=2)
    first = _entered(turns, 1)
    turns.decide(0)
    rest = [_entered(turns, number, model) for number, model in ((2, "a"), (3, "b"), (4, "a"))]
    first = turns.again(1, _busy(10, 10), 0)

    assert turns.decide(0) == 10
    assert _reasons([first, *rest]) == ["waits", "waits", None, "waits"]
    turns.leave(3, DONE, 5)
    assert turns.decide(10) == math.inf
    assert _reasons([first, *rest]) == [None, "waits", None, "waits"]


@pytest.mark.parametrize(("cents", "then"), [("0.06", "waits"), ("5.00", "cost")])
def test_money_is_looked_at_once_there_is_room(cents: str, then: str) -> None:
    """A row whose gate is shut neither ends starting nor keeps money from others: it has no turn."""
    turns = _turns(jobs=2, limit="0.10")
    _entered(turns, 1)
    turns.decide(0)
    first = turns.again(1, _busy(10, 10), 0)
    second = _entered(turns, 2, bound=Decimal(cents))
    others = [_entered(turns, 3, "b"), _entered(turns, 4, "b")]
    turns.decide(0)
    turns.leave(3, Outcome(status="rejected"), 1)
    assert turns.decide(1) == 10
    assert _reasons([first, second, *others]) == ["waits", "waits", None, None]

    turns.decide(10)
    assert _reasons([first, second]) == [None, then]


def test_a_row_without_a_connection_holds_up_nobody() -> None:
    """It waits by itself, its place is another's meanwhile, and its money stays set aside."""
    turns = _turns(jobs=1, limit="0.10")
    _entered(turns, 1)
    second = _entered(turns, 2)
    turns.decide(0)
    pause = Pause(seconds=3, is_busy=False, why="no connection", attempt=2)
    first = turns.again(1, pause, 0)

    assert turns.decide(0) == 3
    assert _reasons([first, second]) == ["waits", None]
    turns.leave(2, DONE, 5)
    turns.decide(5)
    assert _is_sent(first)


def test_each_attempt_counts_for_the_rate() -> None:
    """A job sent again takes its turn among the others, one each 6 s."""
    turns = _turns(rate=1 / 6)
    first, second = _entered(turns, 1), _entered(turns, 2)
    assert turns.decide(0) == 6
    first = turns.again(1, Pause(seconds=1, is_busy=False, why="", attempt=2), 1)
    assert turns.decide(2) == 6
    assert turns.decide(6) == 12
    assert _reasons([first, second]) == [None, "waits"]
    turns.decide(12)
    assert _is_sent(second)


@pytest.mark.parametrize(
    ("pause", "words"),
    [
        (
            _busy(600, 600),
            "flux: the service is busy (429) and it asks to come back in 600 s, at ",
        ),
        (_busy(20), None),
    ],
)
def test_a_model_given_up_ends_its_rows_alone(pause: Pause, words: str | None) -> None:
    """Those that wait, those that were sent and those to come are busy; other models go on."""
    turns = _turns(jobs=2)
    other = _entered(turns, 3, "b")
    _entered(turns, 1, "flux")
    turns.decide(0)
    waiting = _entered(turns, 2, "flux")
    again = turns.again(1, pause, 0)
    late = _entered(turns, 4, "flux")
    next_one = _entered(turns, 5, "b")
    turns.decide(0)

    expected = ["waits"] * 3 if words is None else ["busy"] * 3
    assert _reasons([waiting, again, late]) == expected
    assert _reasons([other, next_one]) == [None, None]
    if words is not None:
        assert turns.reason is None
        for turn in (waiting, again, late):
            message = turn.error.message if turn.error else ""
            assert message.startswith(words)
            assert message.endswith(
                "; waited 0 s of the 120 s that --max-wait allows; the job did not run; send"
                " it again later"
            )
        for number in (2, 1, 4):
            turns.leave(number, Outcome(status="busy"), 1)
        assert turns.reason is None


@pytest.mark.parametrize(
    "ending", [Outcome(status="unknown", may_be_billed=True, ends="disk"), "interrupted"]
)
def test_an_end_is_for_all_that_are_not_on_their_way(ending: Outcome | Reason) -> None:
    """Rows that wait, for whatever, are told so; so are those to come, and those sent in vain."""
    turns = _turns(jobs=3)
    rows = [_entered(turns, number) for number in (1, 2, 3)]
    turns.decide(0)
    waiting = _entered(turns, 4)
    in_vain = turns.again(1, _busy(10, 10), 0)
    if isinstance(ending, Outcome):
        turns.leave(2, ending, 1)
    else:
        turns.end(ending)
    reason = ending.ends if isinstance(ending, Outcome) else ending
    late, again = _entered(turns, 5), turns.again(3, _busy(10, 10), 2)

    assert turns.reason == reason
    assert _reasons([waiting, in_vain, late, again]) == [reason] * 4
    assert not rows[1].error
    assert turns.decide(20) == math.inf


def test_the_first_reason_counts_but_for_money() -> None:
    """A batch that money has ended can still be ended for another reason, which drops more rows."""
    turns = _turns(limit="0.05")
    _entered(turns, 1)
    turns.decide(0)
    second = _entered(turns, 2, "b", Decimal(1))
    turns.decide(0)
    again = turns.again(1, _busy(10, 10), 0)
    turns.decide(0)
    assert (turns.reason, _reasons([second, again])) == ("cost", ["cost", "waits"])

    turns.end("interrupted")
    turns.end("auth")
    assert (turns.reason, _reasons([again])) == ("interrupted", ["interrupted"])


def test_rows_that_the_budget_has_taken_on_go_on() -> None:
    """The first row that does not fit ends starting, but nothing whose money is set aside."""
    turns = _turns(limit="0.05")
    _entered(turns, 1)
    turns.decide(0)
    again = turns.again(1, _busy(10, 10), 0)
    dear, cheap = (_entered(turns, 2, "b", Decimal("0.06")), _entered(turns, 3, "b", Decimal(0)))
    assert turns.decide(0) == 10
    assert _reasons([again, dear, cheap]) == ["waits", "cost", "cost"]

    turns.decide(10)
    assert _is_sent(again)


@pytest.mark.parametrize(
    ("outcome", "second"),
    [
        (DONE, None),  # it cost less than it could have
        (Outcome(status="rejected"), None),
        (Outcome(status="busy"), None),
        (Outcome(status="unknown", may_be_billed=True), "cost"),
        (Outcome(status="rejected", may_be_billed=True), "cost"),
        (Outcome(status="done", may_be_billed=True), "cost"),
        (Outcome(status="done", price_usd=BOUND, may_be_billed=True), "cost"),
    ],
)
def test_a_row_waits_for_what_others_may_give_back(outcome: Outcome, second: str | None) -> None:
    """While one on its way can cost less than it may, the next is neither sent nor dropped."""
    turns = _turns(limit="0.09")
    _entered(turns, 1)
    rows = [_entered(turns, 2), _entered(turns, 3, bound=Decimal(0))]
    turns.decide(0)
    assert _reasons(rows) == ["waits", "waits"]

    turns.leave(1, outcome, 1)
    turns.decide(1)
    assert _reasons(rows) == [second, second]


def test_a_price_above_its_bound_ends_starting() -> None:
    """Also without a limit: the next one could be as dear."""
    turns = _turns(jobs=1)
    _entered(turns, 1)
    second = _entered(turns, 2)
    turns.decide(0)
    turns.leave(1, Outcome(status="done", price_usd=Decimal("0.0501"), may_be_billed=True), 1)

    assert (turns.reason, _reasons([second])) == ("cost", ["cost"])


@pytest.mark.parametrize(
    ("most", "statuses", "ends_after"),
    [
        (None, ["unknown"] * 3, 3),
        (None, ["unknown", "unknown", "done", "unknown", "unknown"], None),
        (None, ["unknown", "rejected", "unknown", "busy", "unknown"], 5),
        (None, ["rejected"] * 10, 10),
        (None, ["rejected", "not-delivered", "not-placed"] * 3 + ["unknown", "rejected"], 11),
        (None, ["rejected"] * 9 + ["done"] + ["rejected"] * 9, None),
        (None, ["busy", "refused", "cancelled"] * 20, None),
        (1, ["rejected"], 1),
        (1, ["unknown"], 1),
        (5, ["unknown"] * 4 + ["rejected"] * 4 + ["unknown"], 9),
        (0, ["unknown", "rejected"] * 50, None),
    ],
)
def test_many_failures_in_a_row_end_starting(
    most: int | None, statuses: list[Status], ends_after: int | None
) -> None:
    """Three of unknown outcome or ten others; what never cost anything does not count."""
    turns = _turns(most=most)
    ended = None
    for number, status in enumerate(statuses, 1):
        _entered(turns, number)
        turns.decide(number)
        turns.leave(number, Outcome(status=status), number)
        if turns.reason is not None:
            ended = number
            break

    assert ended == ends_after
    assert turns.reason == (None if ends_after is None else "failures")


def test_a_row_that_was_never_let_in_counts_too() -> None:
    """What became of a row that was refused before its turn is taken in; there is no money."""
    turns = _turns(limit="1", most=1)
    turns.leave(1, Outcome(status="refused"), 0)
    assert turns.reason is None
    turns.leave(2, Outcome(status="refused", ends="bug"), 0)
    assert turns.reason == "bug"


# Whole batches, in a time of their own

FATES = st.sampled_from(["done", "dear", "cheap", "rejected", "unknown", "busy", "unconnected"])

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(0, 9),  # its bound in cents
        st.lists(FATES, min_size=1, max_size=4),  # of each attempt; after the last it is done
        st.floats(0.1, 9),  # how long an attempt takes
    ),
    min_size=1,
    max_size=25,
)

Row = tuple[str, int, list[str], float]


def _outcome(fate: str, bound: Decimal) -> Outcome:
    if fate in ("rejected", "unknown"):
        return Outcome(
            status="rejected" if fate == "rejected" else "unknown", may_be_billed=fate == "unknown"
        )
    share = {"cheap": Decimal("0.5"), "dear": Decimal("1.5")}.get(fate, Decimal(1))
    return Outcome(status="done", price_usd=bound * share, may_be_billed=True)


class Batch:
    """A batch in a time of its own: all rows come at once, and each fares as it is fated."""

    def __init__(
        self, rows: list[Row], *, jobs: int, rate: float | None, limit: Decimal | None
    ) -> None:
        self.rows = rows
        self.budget = Budget(limit)
        self.turns = Turns(Starts(jobs, rate, math.inf), self.budget, Failures(0))
        self.fates = [list(fates) for _, _, fates, _ in rows]
        self.on_way: dict[int, float] = {}  # until when
        self.starts: list[float] = []
        self.sent: set[int] = set()
        self.waiting = {
            number: _entered(self.turns, number, model, Decimal(cents) / 100)
            for number, (model, cents, _, _) in enumerate(rows)
        }

    def run(self, check: Callable[["Batch"], None]) -> None:
        """Let time pass until all have ended, and have each moment checked."""
        now = 0.0
        while self.waiting or self.on_way:
            look_at = self.turns.decide(now)
            for number, turn in tuple(self.waiting.items()):
                if turn.is_decided:
                    del self.waiting[number]
                if _is_sent(turn):
                    self.starts.append(now)
                    self.sent.add(number)
                    self.on_way[number] = now + self.rows[number][3]
            check(self)
            now = min(look_at, *self.on_way.values(), math.inf)
            assert now < math.inf or not self.waiting, "nobody will ever wake these"
            for number in [number for number, until in self.on_way.items() if until <= now]:
                del self.on_way[number]
                self._end(number, now)

    def _end(self, number: int, now: float) -> None:
        fates = self.fates[number]
        fate = fates.pop(0) if fates else "done"
        if fate == "busy":
            self.waiting[number] = self.turns.again(number, _busy(2, 2), now)
        elif fate == "unconnected":
            pause = Pause(seconds=1, is_busy=False, why="", attempt=2)
            self.waiting[number] = self.turns.again(number, pause, now)
        else:
            bound = Decimal(self.rows[number][1]) / 100
            self.turns.leave(number, _outcome(fate, bound), now)


@given(
    rows=ROWS,
    jobs=st.integers(1, 6),
    rate=st.none() | st.floats(0.1, 5),
    limit=st.none() | st.integers(0, 80),
)
def test_every_batch_comes_to_an_end_within_its_limits(
    rows: list[Row], jobs: int, rate: float | None, limit: int | None
) -> None:
    """Whatever befalls the rows: none waits for ever, and jobs, rate and budget hold at each moment."""
    limit_usd = None if limit is None else Decimal(limit) / 100

    def check(batch: Batch) -> None:
        assert len(batch.on_way) <= jobs
        if limit_usd is not None and not batch.budget.over:
            assert batch.budget.spent + batch.budget.reserved <= limit_usd

    batch = Batch(rows, jobs=jobs, rate=rate, limit=limit_usd)
    batch.run(check)

    if rate is not None:
        gaps = [b - a for a, b in zip(batch.starts, batch.starts[1:], strict=False)]
        assert all(gap >= 1 / rate * (1 - 1e-9) for gap in gaps)
    if batch.turns.reason is None:
        assert batch.sent == set(range(len(rows)))
    assert not batch.turns.waiting


@given(
    rows=st.lists(
        st.tuples(
            st.just("a"),
            st.integers(0, 9),
            st.lists(
                st.sampled_from(["done", "cheap", "rejected", "unknown"]), min_size=1, max_size=1
            ),
            st.floats(0.1, 9),
        ),
        max_size=25,
    ),
    jobs=st.integers(2, 6),
    limit=st.integers(0, 80),
)
def test_the_budget_buys_the_same_rows_whatever_their_number_at_once(
    rows: list[Row], jobs: int, limit: int
) -> None:
    """Many at once are the same as one after the other: the rows up to the first that does not fit."""
    together, alone = (
        Batch(rows, jobs=at_once, rate=None, limit=Decimal(limit) / 100) for at_once in (jobs, 1)
    )
    together.run(lambda _: None)
    alone.run(lambda _: None)

    assert together.sent == alone.sent == set(range(len(alone.sent)))
    assert together.budget.spent == alone.budget.spent
    assert together.turns.reason == alone.turns.reason


def test_an_error_is_each_rows_own() -> None:
    """Two threads never raise one exception, whose traceback would be both's."""
    turns = _turns()
    rows = [_entered(turns, 1), _entered(turns, 2)]
    turns.end("auth")

    assert isinstance(rows[0].error, errors.NotDeliveredError)
    assert rows[0].error is not rows[1].error
    assert rows[0].error.message == (
        "no more are started: the service refused the token; this one did not run"
    )
