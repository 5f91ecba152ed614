"""What came is put in its place or kept, whatever strikes on the way, and the record says so."""

import io
import os
import signal
from pathlib import Path

import ledgering
import pytest

from prodia_compose import blob, errors
from prodia_compose.client import answers
from prodia_compose.output import placer, places, rescue
from prodia_compose.pipeline import run
from prodia_compose.record import entries, ledger


def _picture(data: bytes) -> answers.Output:
    return answers.Output(blob=blob.spool([data]), media_type="image/jpeg", filename=None)


def _placer(path: Path) -> placer.Placer:
    return placer.Placer(
        place=places.Place(path=str(path)), format=None, strict=False, stdout=io.BytesIO
    )


def test_a_signal_between_two_steps_loses_nothing(work: Path, tmp_path: Path) -> None:
    """A picture that has come is kept when a signal strikes before it is looked at."""
    data = (work / "scene.jpg").read_bytes()
    stop = errors.Interrupted(signal.SIGTERM)
    with (
        pytest.raises(errors.Interrupted),
        _placer(work / "out.jpg").holding([_picture(data), _picture(b"other")]),
    ):
        raise stop

    kept = list((tmp_path / "state/prodia-compose/rescued").iterdir())
    assert stop.state == "answered"
    assert stop.rescued is not None
    assert Path(stop.rescued).read_bytes() == data
    assert sorted(path.read_bytes() for path in kept) == sorted([data, b"other"])


def test_a_bug_loses_nothing(work: Path) -> None:
    """A picture that has come survives a bug of ours, and the traceback names the copy."""
    with (
        pytest.raises(ZeroDivisionError) as caught,
        _placer(work / "out.jpg").holding([_picture(b"what came")]),
    ):
        raise ZeroDivisionError

    (note,) = caught.value.__notes__
    assert Path(note.removeprefix("what came is kept as ")).read_bytes() == b"what came"


def test_kept_pictures_are_loaded_if_they_are_whole(work: Path) -> None:
    """Of what was kept, only whole pictures that are still there are given back."""
    whole, cut = work / "scene.jpg", work / "cut.jpg"
    cut.write_bytes(whole.read_bytes()[:5000])
    found = rescue.load([str(cut), str(work / "gone.jpg"), str(work), str(whole)])

    assert [(file, picture.blob.read()) for picture, file in found] == [(whole, whole.read_bytes())]


def test_what_is_no_whole_picture_is_named(work: Path) -> None:
    """What was kept is told for what it is, in words that follow its name."""
    cut, page = work / "cut.jpg", work / "page.jpg"
    cut.write_bytes((work / "scene.jpg").read_bytes()[:5000])
    page.write_text("<html><body>Sorry</body></html>")

    assert rescue.fault(str(work / "scene.jpg")) is None
    assert rescue.fault(str(work / "gone.jpg")) == "is gone"
    assert rescue.fault(str(work)) == "cannot be read (Is a directory)"
    assert rescue.fault(str(page)) == "is an HTML page, not a picture"
    assert str(rescue.fault(str(cut))).startswith("is cut short")


@pytest.mark.parametrize(
    ("reached", "told", "state"),
    [
        ("not-sent", "not-sent", "not-delivered"),
        ("sending", "sending", "not-delivered"),
        ("sending", "sent", "unknown"),  # the last bytes may have left unnoticed
        ("sent", "not-sent", "unknown"),
        ("answered", "not-sent", "unknown"),
    ],
)
def test_a_signal_is_recorded_by_what_is_known(
    reached: errors.JobState, told: errors.JobState, state: entries.State
) -> None:
    """A signal that strikes between two steps does not pass for one before sending."""
    stop = errors.Interrupted(signal.SIGINT, told)
    with ledger.open_record(os.environ) as record:
        recorded = run.Recording(record.begin(ledgering.claim()))
        recorded.reached(reached)
        recorded.interrupted(stop)
        (entry,) = record.entries()

    assert (entry.state, entry.exit_code) == (state, 130)
    assert stop.state in (reached, told)


def test_a_job_that_runs_by_itself_is_remembered() -> None:
    """Once the service has taken a job on, no end of ours makes the record forget its id."""
    with ledger.open_record(os.environ) as record:
        recorded = run.Recording(record.begin(ledgering.claim()))
        recorded.reached("answered")
        recorded.accepted("the-id", request_id=None)
        stop = errors.Interrupted(signal.SIGINT)
        recorded.interrupted(stop)
        (entry,) = record.entries()

    assert (entry.reached, entry.job_id, stop.state) == ("accepted", "the-id", "sent")
