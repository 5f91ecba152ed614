"""What a row came to: its word, its money, and whether others may follow."""

import errno
import io
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from loopback import json_answer, status
from submitting import served

from prodia_compose import errors
from prodia_compose.client.answers import Answer, Output
from prodia_compose.client.answers.records import JobRecord
from prodia_compose.inputs import blob
from prodia_compose.output import places
from prodia_compose.output.placer import Placer
from prodia_compose.pipeline.batch import outcomes
from prodia_compose.pipeline.batch.outcomes import Ended, Outcome
from prodia_compose.pipeline.batch.results import lines
from prodia_compose.pipeline.run import Run
from prodia_compose.progress import Stop


def _run(state: errors.JobState = "not-sent", price_usd: float | None = None) -> Run:
    run = Run(Stop())
    run.state, run.price_usd = state, price_usd
    return run


def _fail(number: int) -> None:
    raise OSError(number, "words")


def _led_by(
    number: int,
    error: errors.ComposeError,
    lost_from: errors.ComposeError | None = None,
) -> errors.ComposeError:
    """Return an error as it comes out of what an errno led to, maybe while another was told."""

    def tell() -> None:
        try:
            _fail(number)
        except OSError as exc:
            raise error from exc

    def lose() -> None:
        try:
            tell()
        except errors.ComposeError as lost:
            raise lost from lost_from or lost.__cause__

    with pytest.raises(errors.ComposeError) as caught:
        lose()
    return caught.value


BILLED = errors.RejectedError("failed", may_be_billed=True)


@pytest.mark.parametrize(
    ("run", "end", "expected"),
    [
        (_run("answered", 0.04), None, ("done", Decimal("0.04"), True, None)),
        (_run("answered"), None, ("done", None, True, None)),
        (_run("answered"), errors.RejectedError(""), ("rejected", None, False, None)),
        (_run("answered"), BILLED, ("rejected", None, True, None)),
        (_run(), errors.BusyError(""), ("busy", None, False, None)),
        (_run("sending"), errors.NotDeliveredError(""), ("not-delivered", None, False, None)),
        (_run("sent"), errors.UnknownError(""), ("unknown", None, True, None)),
        (_run(), errors.UnknownError("of a twin"), ("refused", None, False, None)),
        (
            _run("answered", 0.1),
            errors.NotPlacedError(""),
            ("not-placed", Decimal("0.1"), True, None),
        ),
        (_run(), errors.InputError(""), ("refused", None, False, None)),
        (_run(), errors.OutputError(""), ("refused", None, False, None)),
        (_run(), errors.CostError(""), ("refused", None, False, None)),
        (_run("answered"), errors.AuthError(""), ("cancelled", None, False, "auth")),
        (_run("answered"), errors.BalanceError(""), ("cancelled", None, False, "balance")),
        (_run(), Ended("disk", "a disk is full"), ("cancelled", None, False, None)),
        (_run(), errors.Interrupted(2), ("cancelled", None, False, "interrupted")),
        (_run("sending"), errors.Interrupted(2), ("cancelled", None, False, "interrupted")),
        (_run("sent"), errors.Interrupted(15), ("unknown", None, True, "interrupted")),
        (_run(), KeyError("x"), ("cancelled", None, False, "bug")),
        (_run("answered"), KeyError("x"), ("unknown", None, True, "bug")),
    ],
)
def test_each_end_has_its_outcome(
    run: Run, end: BaseException | None, expected: tuple[Any, ...]
) -> None:
    """The word, the price, whether it may be billed, and why others are not started."""
    outcome = outcomes.outcome(run, end)

    assert (
        outcome.status,
        outcome.price_usd,
        outcome.may_be_billed,
        outcome.ends,
    ) == expected


@pytest.mark.parametrize(
    ("end", "ends"),
    [
        (_led_by(errno.ENOSPC, errors.NotPlacedError("")), "disk"),
        (_led_by(errno.EDQUOT, errors.NotPlacedError("")), "disk"),
        (_led_by(errno.ENOSPC, errors.OutputError("")), "disk"),
        (_led_by(errno.EACCES, errors.NotPlacedError("")), None),
        # What could not be kept, after the picture could not be used.
        (
            _led_by(errno.ENOSPC, errors.NotPlacedError(""), errors.NotPlacedError("")),
            "disk",
        ),
        (OSError(errno.ENOSPC, "words"), "disk"),
        (OSError(errno.EIO, "words"), "bug"),
    ],
)
def test_a_full_disk_ends_the_batch(end: BaseException, ends: str | None) -> None:
    """Wherever in what led to an error it was met."""
    assert outcomes.outcome(_run("answered"), end).ends == ends


@pytest.mark.parametrize(
    ("code", "ends"), [(401, "auth"), (403, "auth"), (402, "balance"), (400, None), (500, None)]
)
def test_what_the_service_says_of_the_account_ends_the_batch(code: int, ends: str | None) -> None:
    """A refused token and an empty balance would befall each row; they did not run."""
    _, outcome = served(status(code) if code != 402 else json_answer({"error": "funds"}, 402))
    assert outcome.failure.exit_code == (4 if ends else {400: 5, 500: 9}[code])
    assert outcome.failure.kind == ("auth" if ends else outcome.failure.kind)

    came = outcomes.outcome(_run("answered"), outcome.failure)
    assert came.ends == ends
    assert came.status == ("cancelled" if ends else {400: "rejected", 500: "unknown"}[code])


@pytest.mark.parametrize(
    ("is_placed", "status"), [(False, "not-placed"), (True, "done")], ids=["kept", "placed"]
)
def test_a_picture_that_came_before_a_signal_is_not_unknown(
    work: Path, status: lines.Status, *, is_placed: bool
) -> None:
    """What is in its place is done, and what was kept can be placed by a later run."""
    picture = blob.spool([(work / "scene.jpg").read_bytes()])
    output = Output(blob=picture, media_type="image/jpeg", filename=None)
    run = _run("answered")
    run.came(Answer(media_type="", outputs=(output,), job=JobRecord(), raw=picture))
    place = places.Place(path=str(work / "out.jpg"))
    placer = Placer(place=place, format=None, strict=False, stdout=io.BytesIO, stop=run.stop)

    def stopped() -> None:
        with run.to_its_end():
            if is_placed:
                run.place(placer)
            run.stop.request(signal.SIGTERM)
            run.stop.check()

    with pytest.raises(errors.Interrupted) as caught:
        stopped()

    expected = Outcome(status=status, may_be_billed=True, ends="interrupted")
    assert outcomes.outcome(run, caught.value) == expected


def test_exit_codes_and_words_of_an_end() -> None:
    """A row that is dropped counts as not delivered: it did not run, and says why."""
    ended = Ended("balance", outcomes.WORDS["balance"])

    assert (ended.exit_code, ended.kind, ended.may_be_billed) == (7, "not-delivered", False)
    assert ended.message == (
        "no more are started: the balance of the account does not pay for more;"
        " this one did not run"
    )
