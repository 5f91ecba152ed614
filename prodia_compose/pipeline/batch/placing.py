"""Rows that are paid for and have no picture in its place: put there from the copy that is kept."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from prodia_compose import errors
from prodia_compose.output import places, rescue
from prodia_compose.output.placer import Placer
from prodia_compose.pipeline import planner
from prodia_compose.pipeline.batch import outcomes
from prodia_compose.pipeline.batch.outcomes import Outcome
from prodia_compose.pipeline.batch.results.history import Last
from prodia_compose.pipeline.batch.results.standing import Standing
from prodia_compose.pipeline.batch.survey import Left
from prodia_compose.pipeline.batch.work import Done, Due, End, Means, no_stdout
from prodia_compose.pipeline.run import Run
from prodia_compose.record.open_entry import OpenEntry


def do(left: Sequence[Left], standing: Standing, means: Means) -> Iterator[Done]:
    """Place what can be placed, and yield what became of each such row."""
    for one in left:
        if one.decision.action == "place":
            entry = means.record.reopen(standing.job(one.row.id))
            yield _placed(one, standing.last[one.row.id], entry, means)


def _placed(left: Left, last: Last, entry: OpenEntry, means: Means) -> Done:
    row = left.row
    due = Due(
        row=row,
        model=row.request.model,
        bound=None if last.reserved_usd is None else Decimal(str(last.reserved_usd)),
        request_key=last.request_key or "",
        places=(),
    )
    run = Run(means.stop, request_key=last.request_key)
    plan, error = None, None
    try:
        plan = planner.make(row.request, means.around(), sending=False, decoding=False)
        kept = rescue.load(last.kept)
        if not kept or plan.place is None:
            raise errors.NotPlacedError(f"{', '.join(last.kept)}: cannot be placed")
        place = places.prove(
            plan.place.path,
            if_exists="overwrite" if left.decision.replaces else row.request.placement.policy,
            create_dirs=row.request.placement.create_dirs,
        )
        placer = Placer(
            place=place, format=plan.format, strict=False, stdout=no_stdout, stop=run.stop
        )
        run.fetches(entry, None, kept)
        with run.to_its_end():
            run.place(placer)
        for path in (path for path in last.kept if path.endswith(".part")):
            with contextlib.suppress(OSError):
                Path(path).unlink()  # half-way to a place that its picture has now
    except errors.ComposeError as end:
        error = end
    run.price_usd = last.price_usd
    outcome = replace(outcomes.of(run, error), ends=None)
    if error is not None:
        outcome = Outcome(status="not-placed", may_be_billed=True)
    document = means.describe(
        End(due=due, plan=plan, run=run, outcome=outcome, error=error, record_id=last.record_id)
    )
    means.results.end(document)
    return Done(
        due=due,
        status=outcome.status,
        path=next((one.path for one in run.saved), None),
        document=document,
        error=error,
        warnings=run.warnings,
    )
