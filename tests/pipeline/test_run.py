"""A job on its way: what came is kept whatever strikes, and the record says what is known."""

import errno
import io
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import ledgering
import pytest

from prodia_compose import errors, progress
from prodia_compose.cli import signals
from prodia_compose.client.answers import Answer, Output
from prodia_compose.client.answers.records import JobRecord
from prodia_compose.client.send import Sent
from prodia_compose.images.probe import received
from prodia_compose.inputs import blob
from prodia_compose.output import places, rescue
from prodia_compose.output.placer import Placer
from prodia_compose.pipeline.run import Run
from prodia_compose.record import entries, ledger

Keep = Callable[..., Path]


def _answer(*pictures: bytes, job_id: str | None = None) -> Answer:
    outputs = [
        Output(blob=blob.spool([data]), media_type="image/jpeg", filename=None) for data in pictures
    ]
    raw = blob.spool(pictures)
    return Answer(media_type="", outputs=tuple(outputs), job=JobRecord(id=job_id), raw=raw)


def _sent(answer: Answer) -> Sent:
    return Sent(answer=answer, request_id="request", attempts=1)


def _placer(path: Path, stop: progress.Stop) -> Placer:
    place = places.Place(path=str(path))
    return Placer(place=place, format=None, strict=False, stdout=io.BytesIO, stop=stop)


@pytest.fixture
def record() -> Iterator[ledger.Ledger]:
    """Return a record of its own."""
    with ledger.open_record(os.environ) as opened:
        yield opened


@pytest.fixture
def run(record: ledger.Ledger) -> Run:
    """Return a job with a row."""
    started = Run(progress.Stop())
    started.record(record.begin(ledgering.claim()))
    return started


def test_a_stop_loses_nothing_that_came(run: Run, record: ledger.Ledger, work: Path) -> None:
    """All pictures that have come are kept when the run is stopped before they are placed."""
    data = (work / "scene.jpg").read_bytes()
    run.reached("answered")
    run.came(_answer(data, b"other"))
    run.stop.request(signal.SIGTERM)
    with pytest.raises(errors.Interrupted), run.to_its_end():
        run.place(_placer(work / "out.jpg", run.stop))

    assert [Path(path).read_bytes() for path in run.kept] == [data, b"other"]
    assert run.pictures == run.kept
    (entry,) = record.entries()
    assert (entry.state, entry.exit_code, entry.rescued) == ("received", 143, run.kept)


def test_a_picture_is_in_its_place_or_kept_never_both(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two pictures, the one that finds no place is kept, and the other is not."""
    data = (work / "scene.jpg").read_bytes()
    run.came(_answer(data, data))
    publish = places.publish

    def publish_one(data: blob.Blob, place: places.Place) -> str:
        if Path(place.path).name != "out.jpg":
            raise FileExistsError(errno.EEXIST, "File exists")
        return publish(data, place)

    monkeypatch.setattr(places, "publish", publish_one)
    with pytest.raises(errors.NotPlacedError) as caught, run.to_its_end():
        run.place(_placer(work / "out.jpg", run.stop))

    (kept,) = run.kept
    assert run.pictures == (str(work / "out.jpg"), kept)
    assert caught.value.message.endswith(
        f"; it is kept as {kept}; saved as {work / 'out.jpg'}; the job may be billed"
    )


def test_a_picture_that_cannot_be_decoded_is_kept_beside_one_that_is_placed(
    run: Run, record: ledger.Ledger, work: Path
) -> None:
    """Nothing that was paid for is dropped because something else of the answer is of use."""
    data = (work / "scene.jpg").read_bytes()
    run.came(_answer(b"no picture", data))
    with (
        pytest.raises(errors.NotPlacedError, match="cannot be decoded") as caught,
        run.to_its_end(),
    ):
        run.place(_placer(work / "out.jpg", run.stop))

    (kept,) = run.kept
    (entry,) = record.entries()
    assert ((work / "out.jpg").read_bytes(), Path(kept).read_bytes()) == (data, b"no picture")
    assert caught.value.message.endswith(
        f"; it is kept as {kept}; saved as {work / 'out.jpg'}; the job may be billed"
    )
    assert (entry.state, entry.exit_code, entry.rescued) == ("received", 10, (kept,))


def test_a_place_that_is_gone_is_no_bug(run: Run, work: Path) -> None:
    """Also under the name for another format than was asked for, which was never proved."""
    run.came(_answer((work / "scene.jpg").read_bytes()))
    place = places.Place(path=str(work / "product.jpg" / "out.png"))
    placer = Placer(place=place, format="png", strict=False, stdout=io.BytesIO, stop=run.stop)

    with pytest.raises(errors.NotPlacedError) as caught, run.to_its_end():
        run.place(placer)
    assert "Not a directory; it is kept as" in caught.value.message


def test_what_can_be_kept_is_kept_beside_what_is_lost(
    run: Run, record: ledger.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one picture finds no room, a smaller one may, and the message names it."""

    def keep(
        data: blob.Blob, suffix: str, *, is_sandbox: bool, keep: Keep = rescue.keep_blob
    ) -> Path:
        if data.size > 5:
            raise errors.NotPlacedError("it is lost")
        return keep(data, suffix, is_sandbox=is_sandbox)

    monkeypatch.setattr(rescue, "keep_blob", keep)
    run.came(_answer(b"too large", b"small"))
    with pytest.raises(errors.NotPlacedError) as caught, run.to_its_end():
        raise errors.Interrupted(signal.SIGINT)

    (kept,) = run.kept
    assert Path(kept).read_bytes() == b"small"
    assert caught.value.message == (
        f"it is lost; the rest is kept as {kept}; the job may be billed"
    )
    (entry,) = record.entries()
    assert (entry.state, entry.exit_code, entry.rescued) == ("received", 10, (kept,))


def test_a_stop_does_not_wait_for_decoding(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture is looked at for as long as it takes, but not once somebody asked to stop."""

    def decode(_opener: object) -> None:
        signal.raise_signal(signal.SIGINT)
        pytest.fail("decoding went on")

    monkeypatch.setattr(received, "inspect", decode)  # in a thread of its own
    run.came(_answer(b"\xff\xd8\xff a large picture"))
    with pytest.raises(errors.Interrupted), signals.handled() as run.stop, run.to_its_end():
        run.place(_placer(Path("out.jpg"), run.stop))

    (kept,) = run.kept
    assert kept.endswith(".jpg")


def test_a_stopped_fetch_records_what_came(run: Run, record: ledger.Ledger) -> None:
    """From when the pictures of an --async job are here, it is answered, and its copy is written."""
    run.fetches(record.reopen(record.entries()[0]), "the-id", ())
    run.came(_answer(b"picture"))
    with pytest.raises(errors.Interrupted), run.to_its_end():
        raise errors.Interrupted(signal.SIGINT)

    (entry,) = record.entries()
    assert (run.state, entry.state, entry.rescued) == ("answered", "received", run.kept)


@pytest.mark.parametrize("lacks", [MemoryError(), OSError(errno.EMFILE, "Too many open files")])
@pytest.mark.parametrize(
    ("reached", "pictures", "code", "state"),
    [
        ("not-sent", (), 7, "not-delivered"),
        ("sending", (), 7, "not-delivered"),
        ("sent", (), 9, "unknown"),
        ("answered", (b"picture",), 10, "received"),
    ],
)
def test_what_the_machine_lacks_ends_a_run_with_the_truth(
    run: Run,
    record: ledger.Ledger,
    reached: errors.JobState,
    pictures: tuple[bytes, ...],
    code: int,
    state: entries.State,
    lacks: Exception,
) -> None:
    """No memory or no file to be had is no bug; the code says how far the job was."""
    run.reached(reached)
    run.came(_answer(*pictures))
    with pytest.raises(errors.ComposeError) as caught, run.to_its_end():
        raise lacks

    (entry,) = record.entries()
    assert (caught.value.code, entry.exit_code, entry.state) == (code, code, state)
    assert ("may be billed" in caught.value.message) is (code > 7)
    assert ("memory" if isinstance(lacks, MemoryError) else "ulimit -n") in caught.value.message
    assert [Path(path).read_bytes() for path in run.kept] == list(pictures)


def test_a_bug_loses_nothing(run: Run, record: ledger.Ledger) -> None:
    """A picture that has come survives a bug of ours; the traceback and the record name the copy."""
    run.came(_answer(b"what came"))
    with pytest.raises(ZeroDivisionError) as caught, run.to_its_end():
        raise ZeroDivisionError

    (note,) = caught.value.__notes__
    assert Path(note.removeprefix("what came is kept as ")).read_bytes() == b"what came"
    (entry,) = record.entries()
    assert (entry.state, entry.exit_code, entry.rescued) == ("received", 1, run.kept)


@pytest.mark.parametrize(
    ("reached", "state"),
    [
        ("not-sent", "not-delivered"),
        ("sending", "not-delivered"),
        ("sent", "unknown"),
        ("answered", "unknown"),
    ],
)
def test_a_stop_is_recorded_by_what_is_known(
    run: Run, record: ledger.Ledger, reached: errors.JobState, state: entries.State
) -> None:
    """A run that is stopped does not pass for one that was not sent."""
    run.reached(reached)
    with pytest.raises(errors.Interrupted), run.to_its_end():
        raise errors.Interrupted(signal.SIGINT)

    (entry,) = record.entries()
    assert (entry.state, entry.exit_code, run.state) == (state, 130, reached)


def test_a_job_that_runs_by_itself_is_remembered(run: Run, record: ledger.Ledger) -> None:
    """Once the service has taken a job on, no end of ours makes the record forget its id."""
    run.reached("answered")
    run.came(_answer())
    assert run.taken_on(_sent(_answer(job_id="the-id"))) == "the-id"
    with pytest.raises(errors.Interrupted), run.to_its_end():
        raise errors.Interrupted(signal.SIGINT)

    (entry,) = record.entries()
    assert (entry.reached, entry.job_id, run.state) == ("accepted", "the-id", "sent")


def test_a_stop_once_all_is_saved_is_no_loss(run: Run, record: ledger.Ledger, work: Path) -> None:
    """The row says where the pictures are, and that the run did not end by itself."""
    data = (work / "scene.jpg").read_bytes()
    run.reached("answered")
    run.came(_answer(data, data))

    def place_and_stop() -> None:
        run.place(_placer(work / "out.jpg", run.stop))
        raise errors.Interrupted(signal.SIGINT)

    with pytest.raises(errors.Interrupted), run.to_its_end():
        place_and_stop()

    (entry,) = record.entries()
    paths = [str(work / "out.jpg"), str(work / "out-2.jpg")]
    assert (entry.state, entry.exit_code, entry.rescued) == ("saved", 130, ())
    assert [one.path for one in entry.outputs] == list(run.pictures) == paths


def test_a_stop_between_two_pictures_keeps_the_other(
    run: Run, record: ledger.Ledger, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is in its place and one is kept: the row is not one of a job that is saved."""
    data = (work / "scene.jpg").read_bytes()
    run.reached("answered")
    run.came(_answer(data, data))
    publish = places.publish

    def publish_one(data: blob.Blob, place: places.Place) -> str:
        run.stop.check()
        run.stop.request(signal.SIGTERM)
        return publish(data, place)

    monkeypatch.setattr(places, "publish", publish_one)
    with pytest.raises(errors.Interrupted), run.to_its_end():
        run.place(_placer(work / "out.jpg", run.stop))

    (entry,) = record.entries()
    (kept,) = run.kept
    assert run.pictures == (str(work / "out.jpg"), kept)
    assert (entry.state, entry.exit_code, entry.rescued) == ("received", 143, (kept,))


def test_what_came_is_written_before_it_is_placed(run: Run, record: ledger.Ledger) -> None:
    """Its price and its ids are in the record as soon as the pictures are here."""
    answer = _answer(b"picture", job_id="the-id")
    answer = replace(answer, job=replace(answer.job, price_usd=0.25), messages=("done",))
    run.received(replace(_sent(answer), attempts=3))

    (entry,) = record.entries()
    assert (entry.reached, entry.price_usd) == ("received", 0.25)
    assert (entry.job_id, entry.request_id) == ("the-id", "request")
    assert (run.job_id, run.request_id, run.attempts) == ("the-id", "request", 3)
    assert (run.price_usd, run.messages) == (0.25, ("done",))


@pytest.mark.parametrize("is_known", [True, False])
def test_an_error_can_bring_the_ids(run: Run, record: ledger.Ledger, *, is_known: bool) -> None:
    """What an answer that failed named the job by is recorded, unless it has a name already."""
    if is_known:
        run.job_id, run.request_id = "known", "asked"
    with pytest.raises(errors.RejectedError), run.to_its_end():
        raise errors.RejectedError("no", job_id="told", request_id="then", may_be_billed=True)

    (entry,) = record.entries()
    ids = ("known", "asked") if is_known else ("told", "then")
    assert (entry.job_id, entry.request_id) == (run.job_id, run.request_id) == ids
    assert (entry.state, entry.exit_code, entry.may_be_billed) == ("rejected", 5, True)


@pytest.mark.parametrize(
    ("end", "reached", "state"),
    [
        (errors.AuthError("no"), "sent", "rejected"),
        (errors.RejectedError("no"), "sent", "rejected"),
        (errors.BusyError("no"), "not-sent", "busy"),
        (errors.NotDeliveredError("no"), "sending", "not-delivered"),
        (errors.UnknownError("no"), "sent", "unknown"),
        (errors.OutputError("no"), "not-sent", "not-delivered"),
        (errors.OutputError("no"), "sending", "not-delivered"),
        (errors.OutputError("no"), "sent", "unknown"),
    ],
)
def test_each_end_is_recorded_by_what_it_says(
    run: Run,
    record: ledger.Ledger,
    end: errors.ComposeError,
    reached: errors.JobState,
    state: entries.State,
) -> None:
    """What did not run costs nothing; of what may have run that is told, unasked."""
    run.reached(reached)
    with pytest.raises(type(end)) as caught, run.to_its_end():
        raise end

    (entry,) = record.entries()
    assert (entry.state, entry.exit_code) == (state, int(end.code))
    assert entry.may_be_billed is (state == "unknown")
    assert caught.value.message == "no"


def test_a_fetch_that_fails_is_no_news(run: Run, record: ledger.Ledger) -> None:
    """Unless the job itself is what failed, its row stays as it was."""
    (before,) = record.entries()
    for end in (errors.UnknownError("gone"), errors.Interrupted(signal.SIGINT)):
        again = Run(progress.Stop())
        again.fetches(record.reopen(before), "the-id", ())
        assert again.state == "sent"
        with pytest.raises(type(end)), again.to_its_end():
            raise end
        assert record.entries() == (before,)
    last = Run(progress.Stop())
    last.fetches(record.reopen(before), "the-id", ())
    with pytest.raises(errors.RejectedError), last.to_its_end():
        raise errors.RejectedError("it failed")

    (after,) = record.entries()
    assert (after.state, after.exit_code, after.job_id) == ("rejected", 5, "the-id")


def test_a_kept_picture_that_is_placed_is_kept_no_more(
    run: Run, record: ledger.Ledger, work: Path
) -> None:
    """A picture that was kept is placed as any is, and its file is not held any longer."""
    (before,) = record.entries()
    run.fetches(record.reopen(before), None, rescue.load([str(work / "scene.jpg")]))
    assert run.state == "not-sent"
    with run.to_its_end():
        run.place(_placer(work / "out.jpg", run.stop))

    (entry,) = record.entries()
    assert (entry.state, entry.exit_code, run.kept) == ("saved", 0, ())
    assert run.pictures == (str(work / "out.jpg"),)
    assert (work / "out.jpg").read_bytes() == (work / "scene.jpg").read_bytes()
