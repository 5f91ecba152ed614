"""What is due: the table of resuming, cell by cell, and that nothing is paid for twice by itself."""

import itertools
import shlex
from typing import get_args

import pytest
import resulting as rs
from hypothesis import given
from hypothesis import strategies as st

from prodia_compose import errors
from prodia_compose.pipeline.batch.results import due, lines, names
from prodia_compose.pipeline.batch.results.due import Decision, InPlace, Rerun
from prodia_compose.pipeline.batch.results.history import Last, Picture

STATUSES: tuple[lines.Status, ...] = get_args(lines.Status)
RERUNS: tuple[Rerun, ...] = get_args(Rerun)
PLACES: tuple[InPlace, ...] = get_args(InPlace)

ANY_RERUN = [
    frozenset(words) for size in range(5) for words in itertools.combinations(RERUNS, size)
]


def last(status: lines.Status = "done", name: str = "a", *, kept: bool = False) -> Last:
    """Return what is known of a row that asked for `rs.KEY`."""
    pictures = (Picture("a.jpg", "f" * 64),) if status == "done" else ()
    return Last(
        id=name,
        status=status,
        request_key=rs.KEY,
        pictures=pictures,
        kept=("/state/x.jpg",) if kept else (),
        message="it is bad" if status == "rejected" else "",
    )


@pytest.mark.parametrize(
    ("status", "in_place", "kept", "same", "other"),
    [
        ("done", "there", False, "skip", "list changed"),
        ("done", "gone", False, "list missing", "list changed"),
        ("done", "altered", False, "list missing", "list changed"),
        ("done", "gone", True, "place", "list changed"),
        ("done", "altered", True, "list missing", "list changed"),
        ("not-placed", "gone", True, "place", "list changed"),
        ("not-placed", "gone", False, "list missing", "list changed"),
        ("unknown", "gone", False, "list unknown", "list unknown"),
        ("rejected", "gone", False, "list failed", "send"),
        *((status, "gone", False, "send", "send") for status in ("refused", "busy", "cancelled")),
        ("not-delivered", "gone", False, "send", "send"),
    ],
)
def test_table(
    status: lines.Status, in_place: InPlace, same: str, other: str, *, kept: bool
) -> None:
    """By itself a row is sent only if it surely did not run; what `--rerun` it is listed for sends it."""
    row = last(status, kept=kept)
    for key, expected in ((rs.KEY, same), (rs.OTHER_KEY, other)):
        decision = due.decide(row, key, in_place=in_place)
        action, _, word = expected.partition(" ")

        assert (decision.action, decision.rerun or "") == (action, word)
        for asked in ANY_RERUN:
            again = due.decide(row, key, in_place=in_place, rerun=asked, is_forced=True)
            if action != "list":
                assert again.action == action
            elif status == "done" and in_place == "altered" and kept and key == rs.KEY:
                assert again.action == "place"
            else:
                assert again.action == ("send" if word in asked else "list")
                assert again.again == (again.action == "send" and "unknown" in asked)
        if action == "list":
            assert decision.why
            assert "--rerun" in decision.cures[-1] or "-f" in decision.cures[-1]


def test_row_that_never_ran_is_sent() -> None:
    """A row of which nothing is known is due."""
    assert due.decide(None, rs.KEY) == Decision(action="send")


@given(
    st.sampled_from([None, *STATUSES]),
    st.sampled_from([rs.KEY, rs.OTHER_KEY]),
    st.sampled_from(PLACES),
    st.sampled_from(ANY_RERUN),
    st.booleans(),
    st.booleans(),
    st.lists(st.sampled_from(["done", "unknown"]), max_size=3),
)
def test_nothing_is_paid_for_twice_by_itself(
    status: lines.Status | None,
    key: str,
    in_place: InPlace,
    rerun: frozenset[Rerun],
    kept: bool,  # noqa: FBT001 - hypothesis
    is_forced: bool,  # noqa: FBT001 - hypothesis
    others: list[lines.Status],
) -> None:
    """Whatever else is so: what is unknown, done or came is sent only if the user says that word."""
    row = None if status is None else last(status, kept=kept)
    twins = due.Twins(last(other, f"other-{at}") for at, other in enumerate(others))
    decision = due.with_twins(
        due.decide(row, key, in_place=in_place, rerun=rerun, is_forced=is_forced),
        "a",
        key,
        twins=twins,
        is_new=row is None,
        rerun=rerun,
    )
    if decision.action == "send":
        needed = {
            "unknown": {"unknown"},
            "done": {"missing", "changed"},
            "not-placed": {"missing", "changed"},
        }
        assert status not in needed or needed[status] & rerun
        assert not (key == rs.KEY and "unknown" in others) or "unknown" in rerun
        assert not (key == rs.KEY and "done" in others and row is None) or "missing" in rerun
        assert decision.again == ("unknown" in rerun)
    if decision.action == "place":
        assert kept
        assert in_place != "altered" or is_forced
    if decision.replaces:
        assert is_forced or in_place == "there"  # as this batch made it
    assert (decision.action == "refuse") == (decision.code == errors.ExitCode.UNKNOWN)


def test_altered_file_is_replaced_only_if_forced() -> None:
    """`--rerun missing` writes over what the user has made of a picture only with `-f`."""
    asked = {"in_place": "altered", "rerun": ["missing"]}
    kept, replaced = (
        due.decide(last(), rs.KEY, **asked, is_forced=is_forced)  # type: ignore[arg-type] # a table
        for is_forced in (False, True)
    )

    assert kept.words == (
        "its picture is not as it was saved: a.jpg; move a.jpg away, or let -f replace it"
    )
    assert (replaced.action, replaced.replaces) == ("send", True)


def test_own_picture_gives_way_to_the_changed_one() -> None:
    """A changed row that is sent replaces the picture that this batch made, and no other."""
    there, altered = (
        due.decide(last(), rs.OTHER_KEY, in_place=place, rerun=["changed"])
        for place in ("there", "altered")
    )

    assert (there.replaces, altered.replaces) == (True, False)


@pytest.mark.parametrize(
    ("name", "other", "status", "expected"),
    [
        ("new", "old", "done", "list"),
        ("a~#2", "a~#1", "done", "send"),
        ("a", "a~#1", "done", "send"),
        ("b~#2", "a~#1", "done", "list"),
        ("new", "old", "unknown", "refuse"),
        ("a~#2", "a~#1", "unknown", "refuse"),
        ("new", "old", "rejected", "send"),
        ("new", "old", "busy", "send"),
        ("new", "old", "not-placed", "send"),
    ],
)
def test_twins(name: str, other: str, status: lines.Status, expected: str) -> None:
    """A new row whose picture another has is told, and one of an unknown twin is refused."""
    twins = due.Twins([last(status, other)])
    found = due.with_twins(Decision(action="send"), name, rs.KEY, twins=twins, is_new=True)
    unlike = due.with_twins(Decision(action="send"), name, rs.OTHER_KEY, twins=twins, is_new=True)

    assert found.action == expected
    assert unlike.action == "send"
    if expected == "list":
        line = f"--rerun missing --only {shlex.quote(name)} makes another"
        assert found.words == f"it is made as {other}: a.jpg; {line}"
    if expected == "refuse":
        assert found.why == (
            f"the same was sent as {other}, and its outcome is unknown; nothing was sent"
        )


def test_words_name_ids_as_a_shell_takes_them() -> None:
    """A line to type has the row's id quoted where that is needed."""
    decision = due.decide(last("rejected", "my cup's.jpg"), rs.KEY)

    assert decision.words == (
        "it is bad; "
        """--rerun failed --only 'my cup'"'"'s.jpg' sends it once more"""
    )


@given(st.sets(st.text(max_size=20), max_size=8), st.integers(1, 9))
def test_shards_part_the_rows(ids: set[str], count: int) -> None:
    """Each row is one shard's, whatever other rows there are; without shards all are."""
    shards: list[names.Shard] = [(number, count) for number in range(1, count + 1)]
    for name in ids:
        assert sum(due.in_shard(name, shard) for shard in shards) == 1
        assert due.in_shard(name, None)


def test_shards_are_about_even_and_stay() -> None:
    """Ids spread over the shards, and where one is never changes: runs of years ago count."""
    found = [sum(due.in_shard(f"row-{n}", (part, 4)) for n in range(4000)) for part in range(1, 5)]

    assert all(900 < count < 1100 for count in found)
    assert [part for part in range(1, 9) if due.in_shard("caf\udce9.jpg", (part, 8))] == [6]
