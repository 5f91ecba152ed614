"""Rows that earlier runs left open: their pictures placed from what is kept, their ends written."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from prodia_compose import errors
from prodia_compose.output import rescue
from prodia_compose.output.placer import Placer, SavedOutput
from prodia_compose.pipeline import planner
from prodia_compose.pipeline.batch import outcomes
from prodia_compose.pipeline.batch.outcomes import Outcome
from prodia_compose.pipeline.batch.results import pictures
from prodia_compose.pipeline.batch.results.ends import Done, Due, End
from prodia_compose.pipeline.batch.results.history import Last, Picture
from prodia_compose.pipeline.batch.results.standing import Standing
from prodia_compose.pipeline.batch.rows.row import Problem, Row
from prodia_compose.pipeline.batch.survey import Left
from prodia_compose.pipeline.batch.work import Means, no_stdout
from prodia_compose.pipeline.run import Run
from prodia_compose.progress import Stop
from prodia_compose.record.entries import Entry


def do(left: Sequence[Left], standing: Standing, means: Means) -> Iterator[Done]:
    """Place what can be placed, and yield what became of each such row.

    Of the others it is written down what was found out since: the record may be gone next time.
    """
    for one in left:
        name, last = one.row.id, standing.last.get(one.row.id)
        if last is not None and one.decision.action == "place":
            yield _placed(one, last, standing.job(name), means)
        elif last is not None and name in standing.settled:
            _write(one, last, standing, means)


def write_refused(
    rows: Sequence[Row],
    problems: Sequence[Problem],
    standing: Standing,
    means: Means,
    *,
    is_sandbox: bool,
) -> None:
    """Write down what is wrong with rows that are passed over, unless that is known already."""
    for row in rows:
        error = errors.combined([one.error for one in problems if one.id == row.id])
        last = standing.last.get(row.id)
        if last is not None and last.status == "refused" and error.parts[0].message == last.message:
            continue
        means.ended(
            End(
                due=Due(row=row, model=row.request.model, bound=None, request_key="", places=()),
                plan=planner.make(row.request, means.around(), sending=False, decoding=False),
                run=Run(means.stop, is_sandbox=is_sandbox),
                outcome=Outcome(status="refused"),
                error=error,
                record_id=None,
            )
        )


def _due(left: Left, last: Last) -> Due:
    return Due(
        row=left.row,
        model=left.row.request.model,
        bound=None if last.reserved_usd is None else Decimal(str(last.reserved_usd)),
        request_key=last.request_key or "",
        places=(),
    )


def _write(left: Left, last: Last, standing: Standing, means: Means) -> None:
    """Write the end of a row that is done, or was rejected, as is known by now."""
    run, error = Run(means.stop, request_key=last.request_key), None
    entry = standing.job(last.id)
    run.price_usd = last.price_usd
    if last.status == "done":
        run.fetches(means.record.reopen(entry), None, ())
        try:
            run.found([_lying(picture, run.stop) for picture in last.pictures])
        except (OSError, ValueError):
            return  # it has gone since, or is no picture: a look at it is all that helps
        _drop_halves(standing.halves(last))
    elif last.status == "rejected":
        error = errors.RejectedError(last.message or "the service rejected the job")
    else:
        return
    is_billed = entry is not None and entry.may_be_billed
    outcome = Outcome(status=last.status, may_be_billed=is_billed)
    plan = None
    if left.decision.action == "skip":  # else it asks for something else by now
        plan = planner.make(left.row.request, means.around(), sending=False, decoding=False)
    means.ended(
        End(
            due=_due(left, last),
            plan=plan,
            run=run,
            outcome=outcome,
            error=error,
            record_id=last.record_id,
            recipe=None if entry is None else entry.recipe,
        )
    )


def _lying(picture: Picture, stop: Stop) -> SavedOutput:
    """Return a picture that lies in its place.

    Raises:
        OSError: It does not.
        ValueError: It is no picture.
    """
    path = Path(picture.path)
    return SavedOutput(
        path=picture.path,
        picture=rescue.inspect(lambda: path.open("rb"), stop),
        byte_count=path.stat().st_size,
        sha256=picture.sha256,
    )


def _drop_halves(paths: Sequence[str]) -> None:
    """Remove files that were half-way to a place where their pictures are now."""
    for path in paths:
        if path.endswith(".part"):
            with contextlib.suppress(OSError):
                Path(path).unlink()


def _placed(left: Left, last: Last, job: Entry | None, means: Means) -> Done:
    recipe, entry = None if job is None else job.recipe, means.record.reopen(job)
    due, request = _due(left, last), left.row.request
    run = Run(means.stop, request_key=last.request_key)
    plan, error = None, None
    try:
        there = [one for one in last.pictures if pictures.stands(one) == "there"]
        if there:  # of several; the others go beside them
            placement = replace(request.placement, force=False, if_exists="number")
            request = replace(request, placement=placement)
            run.saved = tuple(_lying(one, run.stop) for one in there)
        plan = planner.make(request, means.around(), sending=False, decoding=False)
        kept = rescue.load(last.kept)
        run.fetches(entry, None, kept)
        with run.to_its_end():
            if not kept:
                raise errors.NotPlacedError(f"{', '.join(last.kept)}: is gone by now")
            if plan.place is None:
                taken = [one.message for one in plan.errors if isinstance(one, errors.OutputError)]
                raise errors.NotPlacedError("; ".join(taken) or "its place is not known")
            run.place(
                Placer(
                    place=plan.place,
                    format=plan.format,
                    strict=False,
                    stdout=no_stdout,
                    stop=run.stop,
                )
            )
        _drop_halves(last.kept)
        means.write_beside(plan, run, recipe)
    except errors.ComposeError as end:
        error = end
    run.price_usd = last.price_usd
    outcome = replace(outcomes.outcome(run, error), ends=None)
    if error is not None:
        outcome = Outcome(status="not-placed", may_be_billed=True)
    ended = End(
        due=due,
        plan=plan,
        run=run,
        outcome=outcome,
        error=error,
        record_id=last.record_id,
        recipe=recipe,
    )
    return ended.done(means.ended(ended), outcome.status)
