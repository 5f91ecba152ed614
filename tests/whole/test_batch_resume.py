"""A batch run again: what became of each row, and what it asks for now, decide what is done."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import counting
import loopback
import pytest
from conftest import TOKEN, Run
from resuming import Batch

from prodia_compose.record import ledger


@pytest.fixture
def batch(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Batch]:
    """Return a batch of a row `a`, with the prompt "red" and the place `a.jpg`."""
    with counting.serve() as service:
        monkeypatch.setenv("PRODIA_BASE_URL", service.url)
        monkeypatch.setenv("PRODIA_TOKEN", TOKEN)
        yield Batch(run, service)


def take_place(prompt: str) -> None:
    """Be quicker than the service."""
    Path("a.jpg").write_text(prompt)


# Each brings the row `a`, and its picture, to what it is called.


def gone(batch: Batch) -> None:
    """It is gone."""
    batch.run()
    Path("a.jpg").unlink()


def altered(batch: Batch) -> None:
    """It is another."""
    batch.run()
    Path("a.jpg").write_bytes(counting.picture("blue"))


def done(batch: Batch) -> None:
    """It is in its place."""
    batch.run()


def gone_and_kept(batch: Batch) -> None:
    """It is in the state folder only."""
    batch.run()
    kept = Path("../state/prodia-compose/rescued")
    kept.mkdir()
    shutil.move("a.jpg", kept / "any.jpg")


def altered_and_kept(batch: Batch) -> None:
    """Another is in its place, and it is in the state folder."""
    gone_and_kept(batch)
    Path("a.jpg").write_bytes(counting.picture("blue"))


def not_placed(batch: Batch) -> None:
    """It came when its place was taken, which is free now."""
    batch.service.meanwhile = take_place
    batch.run()
    batch.service.meanwhile = lambda _prompt: None
    Path("a.jpg").unlink()


def not_placed_and_taken(batch: Batch) -> None:
    """Likewise, and the place is taken again."""
    not_placed(batch)
    take_place("mine")


def not_placed_nor_kept(batch: Batch) -> None:
    """Likewise, and what was kept is gone."""
    not_placed(batch)
    shutil.rmtree("../state/prodia-compose/rescued")


def unknown(batch: Batch) -> None:
    """Nobody knows whether it came."""
    batch.service.answers["red"] = [loopback.drop("after")]
    batch.run()


def _settled(batch: Batch, outcome: str) -> None:
    unknown(batch)
    with ledger.open_record(os.environ) as record:
        name = record.entries()[0].id
    assert batch.call("jobs", "settle", name, outcome).code == 0


def not_billed(batch: Batch) -> None:
    """Likewise, until the user found out that it was not billed."""
    _settled(batch, "not-billed")


def billed(batch: Batch) -> None:
    """Likewise, but it was."""
    _settled(batch, "billed")


def rejected(batch: Batch) -> None:
    """The service would not make it."""
    batch.service.answers["red"] = [loopback.status(400)]
    batch.run()


def busy(batch: Batch) -> None:
    """The service had no room."""
    batch.service.answers["red"] = [loopback.busy("900")]
    batch.run()


def cancelled(batch: Batch) -> None:
    """The service did not know the token."""
    batch.service.answers["red"] = [loopback.status(401)]
    batch.run()


def refused(batch: Batch) -> None:
    """Its input was broken."""
    whole = Path("product.jpg").read_bytes()
    Path("product.jpg").write_bytes(whole[:-3000])
    batch.run()
    Path("product.jpg").write_bytes(whole)


ALL = ("unknown", "failed", "missing", "changed")


@pytest.mark.parametrize(
    ("before", "same", "other", "word"),
    [
        (done, "skipped", "listed", "changed"),
        (gone, "listed", "listed", "missing"),
        (altered, "listed", "listed", "missing"),
        (gone_and_kept, "placed", "listed", ""),
        (altered_and_kept, "listed", "listed", ""),
        (not_placed, "placed", "listed", ""),
        (not_placed_and_taken, "not-placed", "listed", ""),
        (not_placed_nor_kept, "listed", "listed", "missing"),
        (unknown, "listed", "listed", "unknown"),
        (not_billed, "sent", "sent", ""),
        (billed, "listed", "sent", "failed"),
        (rejected, "listed", "sent", "failed"),
        (busy, "sent", "sent", ""),
        (cancelled, "sent", "sent", ""),
        (refused, "sent", "sent", ""),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
@pytest.mark.parametrize("is_same", [True, False], ids=["same", "other"])
def test_table(
    batch: Batch, before: Any, same: str, other: str, word: str, *, is_same: bool
) -> None:
    """Running it again does as the table says, and once more nothing; a word of `--rerun` sends."""
    before(batch)
    stood = Path("a.jpg").read_bytes() if Path("a.jpg").exists() else None
    if not is_same:
        batch.rows["a"]["prompt"] = "green"
    prompt = "red" if is_same else "green"
    expected = same if is_same else other
    sent = batch.asked

    shown = batch.run()
    if expected == "listed":
        assert shown.code == 11
        assert " a: " in shown.err
        assert batch.asked == sent
        assert stood == (Path("a.jpg").read_bytes() if Path("a.jpg").exists() else None)
        words = {word if is_same or word == "unknown" else "changed"} - {""}
        for one in words:
            assert f"--rerun {one} --only a sends it once more" in shown.err
            assert batch.run("--rerun", next(w for w in ALL if w != one)).code == 11
        assert batch.asked == sent
    elif expected == "not-placed":
        assert (shown.code, batch.asked) == (11, sent)
        assert "exists already; -f overwrites it" in shown.messages
        assert Path("a.jpg").read_bytes() == stood
    else:
        assert shown.code == 0, shown.err
        assert shown.text == "a.jpg\n"
        assert batch.asked == sent + (expected == "sent")
        assert Path("a.jpg").read_bytes() == counting.picture(prompt)
        assert batch.statuses() == {"a": "skipped"}
        assert batch.asked == sent + (expected == "sent")


@pytest.mark.parametrize(
    ("before", "prompt", "argv", "sent"),
    [
        (done, "green", "--rerun changed", 1),
        (gone, "red", "--rerun missing", 1),
        (gone, "green", "--rerun changed", 1),
        (altered, "red", "--rerun missing -f", 1),
        (altered, "green", "--rerun changed -f", 1),
        (altered_and_kept, "red", "-f", 0),
        (not_placed_and_taken, "red", "-f", 0),
        (not_placed_nor_kept, "red", "--rerun missing", 1),
        (not_placed, "green", "--rerun changed", 1),
        (unknown, "red", "--rerun unknown", 1),
        (unknown, "green", "--rerun unknown", 1),
        (billed, "red", "--rerun failed", 1),
        (rejected, "red", "--rerun failed", 1),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_asked_for_by_its_word_is_done(
    batch: Batch, before: Any, prompt: str, argv: str, sent: int
) -> None:
    """It is sent once, and its picture stands in its place; then it is done."""
    before(batch)
    batch.rows["a"]["prompt"] = prompt
    asked = batch.asked

    assert batch.statuses(*argv.split()) == {"a": "done"}
    assert batch.asked == asked + sent
    assert Path("a.jpg").read_bytes() == counting.picture(prompt)
    assert batch.statuses(*argv.split()) == {"a": "skipped"}
    assert batch.asked == asked + sent


@pytest.mark.parametrize(
    ("before", "prompt", "argv", "code", "words"),
    [
        (altered, "red", "--rerun missing", 11, "move a.jpg away, or let -f replace it"),
        (altered, "green", "--rerun changed", 8, "exists already; -f overwrites it"),
        (altered_and_kept, "red", "--rerun missing", 11, "or let -f replace it"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_the_batch_did_not_make_is_not_written_over(
    batch: Batch, before: Any, prompt: str, argv: str, code: int, words: str
) -> None:
    """Nothing is sent, the file stays, and the way out is told."""
    before(batch)
    batch.rows["a"]["prompt"] = prompt
    asked = batch.asked

    shown = batch.run(*argv.split())
    assert (shown.code, batch.asked) == (code, asked)
    assert words in shown.messages
    assert f"{argv} {argv}" not in shown.err  # what was no help just now
    assert Path("a.jpg").read_bytes() == counting.picture("blue")


def test_the_same_under_a_new_name_is_told_and_not_paid_for_again(batch: Batch) -> None:
    """A row with a new id that asks for what another has brought is listed, until it is asked for."""
    batch.run()
    batch.rows = {"b": {}, "a": {}, "c": {"prompt": "green"}}

    shown = batch.run()
    assert shown.code == 11
    assert "b: it is made as a: a.jpg; --rerun missing --only b makes another" in shown.messages
    assert batch.service.asked == {"red": 1, "green": 1}
    assert batch.statuses("--rerun", "missing", "--only", "b") == {"b": "done"}
    assert batch.service.asked == {"red": 2, "green": 1}
    assert batch.run().code == 0


def test_a_twin_of_an_unknown_row_is_refused(batch: Batch) -> None:
    """It is told by name, with the exit code 9, until the other is settled or both are asked for."""
    unknown(batch)
    batch.rows = {"a": {}, "b": {}}

    shown = batch.run()
    assert shown.code == 11
    assert "b: the same was sent as a, and its outcome is unknown; nothing was sent" in shown.err
    assert batch.statuses() == {"a": "listed", "b": "refused"}
    summary = json.loads(batch.run("--json").out.splitlines()[-1])
    assert [(one["id"], one["exit_code"]) for one in summary["failed"]] == [("b", 9)]
    assert batch.asked == 1
    assert batch.statuses("--rerun", "unknown") == {"a": "done", "b": "done"}
    assert batch.asked == 3


def test_a_twin_of_an_unknown_job_on_record_is_refused(batch: Batch, run: Run) -> None:
    """What `compose` sent counts as well, and the way out is one that a batch has."""
    batch.service.answers["red"] = [loopback.drop("after")]
    assert run("compose", "product.jpg", "-p", "red", "-o", "other.jpg").code == 9

    shown = batch.run()
    assert shown.code == 11
    assert "a: the same job was sent on " in shown.messages
    assert "may be billed; nothing was sent now; " in shown.messages
    assert "--rerun unknown --only a sends it once more" in shown.messages
    assert batch.statuses() == {"a": "refused"}
    assert batch.asked == 1
    assert batch.statuses("--rerun", "unknown") == {"a": "done"}
    assert batch.asked == 2


def test_the_line_to_type_next_can_be_typed(batch: Batch, process: Run) -> None:
    """An option that it adds comes before `--`, and is not added twice."""
    batch.service.answers["red"] = [loopback.drop("after")] * 2
    line = "billed: prodia-compose batch -y --rerun unknown -- rows.jsonl\n"

    assert line in process("batch", "-y", "--", batch.written()).err
    assert line in process("batch", "-y", "--rerun", "unknown", "--", "rows.jsonl").err
    assert batch.asked == 2


def test_only_some_rows(batch: Batch) -> None:
    """`--only` narrows any run, and names rows that there are."""
    batch.rows = {name: {"prompt": name} for name in "abc"}

    assert batch.statuses("--only", "c", "--only", "a") == {"a": "done", "c": "done"}
    assert batch.run("--only", "d").code == 2
    assert batch.service.asked == {"a": 1, "c": 1}
    assert batch.statuses() == {"a": "skipped", "b": "done", "c": "skipped"}


def test_all_rows_that_are_left_are_named(batch: Batch) -> None:
    """However many they are, each is told by its name, with what sends it."""
    batch.rows = {f"row-{number}": {"prompt": f"{number}"} for number in range(30)}
    batch.service.answers = {f"{number}": [loopback.drop("after")] for number in range(30)}
    batch.run("--max-failures", "0", "-j", "8")

    shown = batch.run()
    lines = [line for line in shown.messages.splitlines() if "--rerun unknown" in line]
    assert all(any(f" {name}" in line for line in lines) for name in batch.rows)
    assert len(lines) < len(batch.rows)
    assert batch.asked == 30


def test_a_kept_picture_is_known_by_the_results_alone(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a record too, it is remembered however often it cannot be placed, then placed."""
    monkeypatch.setenv("PRODIA_COMPOSE_RECORD", "off")
    not_placed_and_taken(batch)

    for _ in range(3):
        shown = batch.run()
        assert shown.code == 11
        assert "a: output a.jpg: exists already; -f overwrites it" in shown.messages
        assert "it is kept as " in shown.err
    Path("a.jpg").unlink()
    assert batch.run().code == 0
    assert Path("a.jpg").read_bytes() == counting.picture("red")
    assert batch.asked == 1


def test_several_pictures_of_a_row_are_all_placed(batch: Batch) -> None:
    """Those that lie stay, under whatever name; those that are gone come beside them."""
    several = counting.picture("one"), counting.picture("two")
    batch.service.answers["red"] = [loopback.multipart_ok(*several)]
    assert batch.run().code == 0
    kept = Path("../state/prodia-compose/rescued")
    kept.mkdir()
    shutil.move("a-2.jpg", kept / "any.jpg")

    assert batch.run("-f").code == 0
    assert [Path(name).read_bytes() for name in ("a.jpg", "a-2.jpg")] == list(several)
    assert batch.statuses() == {"a": "skipped"}
    shutil.move("a.jpg", kept / "any.jpg")
    assert batch.statuses("-f") == {"a": "done"}
    assert {path.read_bytes() for path in Path().glob("a*.jpg")} == set(several)
    assert batch.statuses() == {"a": "skipped"}
    assert batch.asked == 1


def test_one_half_way_copy_serves_one_row(batch: Batch) -> None:
    """A copy that is gone when its turn comes makes no row done."""
    batch.rows = {"a": {"prompt": "one"}, "b": {"prompt": "two"}}
    same = counting.picture("same")
    batch.service.answers = {name: [loopback.multipart_ok(same)] for name in ("one", "two")}
    batch.run()
    Path("a.jpg").unlink()
    Path("b.jpg").replace(".0123456789ab.part")

    assert batch.statuses() == {"a": "done", "b": "not-placed"}
    assert Path("a.jpg").read_bytes() == same
    assert list(Path().glob(".*.part")) == []
    assert batch.statuses() == {"a": "skipped", "b": "listed"}
    assert batch.statuses("--rerun", "missing") == {"a": "skipped", "b": "done"}
    assert batch.service.asked == {"one": 1, "two": 2}
