"""The order of the steps: plan, send, look at what came, place it.

What was paid for is never dropped: from the moment an answer has come, every way out
of here leaves the picture in its place or in the state folder, and says where.
"""

import time
from collections.abc import Callable
from typing import IO

from prodia_compose import errors
from prodia_compose.client.send import Sent
from prodia_compose.frozen import frozen
from prodia_compose.output.placer import Placer, SavedOutput
from prodia_compose.pipeline import deliver, plans
from prodia_compose.pipeline.run import Recording, of
from prodia_compose.progress import Reporter
from prodia_compose.record import ledger


@frozen
class Result:
    """A run that is done.

    Attributes:
        plan: What was planned, and so was sent.
        outputs: The pictures, the one for `-o` first; empty if skipped.
        messages: The service's words beside the pictures.
        job_id: The service's id for the job.
        request_id: The service's id for the exchange.
        price_usd: What it cost, as the service says.
        elapsed_s: Wall time from sending to saved, in seconds.
        attempts: How often the job was sent, the first included; 0 if skipped.
        warnings: What was found after the answer came.
    """

    plan: plans.Plan
    outputs: tuple[SavedOutput, ...] = ()
    messages: tuple[str, ...] = ()
    job_id: str | None = None
    request_id: str | None = None
    price_usd: float | None = None
    elapsed_s: float = 0.0
    attempts: int = 0
    warnings: tuple[errors.Warned, ...] = ()


def run(
    ready: plans.Sendable,
    *,
    record: ledger.Ledger,
    again: bool,
    reporter: Reporter,
    stdout: Callable[[], IO[bytes]],
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Send a plan's job and return the result, its pictures saved.

    Args:
        ready: A plan with nothing wrong and nothing missing.
        record: Where the job is written down before the first byte leaves.
        again: Whether to send even if an identical job's outcome is unknown.
        reporter: Who is told of progress.
        stdout: Opens standard output for bytes, for a place that is `-`.
        clock: Tells seconds.

    Raises:
        errors.ComposeError: As section "Exit codes" of README says; whatever came is kept.
        errors.Interrupted: A signal came; its state says how far the job was.
    """
    if ready.place.skipped:
        return Result(plan=ready.plan)
    started = clock()
    placer = Placer(
        place=ready.place,
        format=ready.plan.format,
        strict=ready.plan.request.strict,
        stdout=stdout,
        reporter=reporter,
    )
    with of(ready, record, again=again) as recorded:
        delivered = _deliver(ready, reporter, recorded, placer)
        answer, request_id = delivered.answer, delivered.request_id
        job = answer.job
        with deliver.identified(request_id, job.id), placer.holding(answer.outputs):
            recorded.received(job_id=job.id, request_id=request_id, price_usd=job.price_usd)
            outputs, warnings = placer.place_all(answer.outputs)
        reporter.finish()
        recorded.saved([(saved.path, saved.sha256) for saved in outputs])
    return Result(
        plan=ready.plan,
        outputs=outputs,
        messages=answer.messages,
        job_id=job.id,
        request_id=request_id,
        price_usd=job.price_usd,
        elapsed_s=clock() - started,
        attempts=delivered.attempts,
        warnings=warnings,
    )


def _deliver(
    ready: plans.Sendable,
    reporter: Reporter,
    recorded: Recording,
    placer: Placer,
) -> Sent:
    """Send the job; keep a picture that has come when a signal ends this before it is told."""
    try:
        return deliver.deliver(ready, reporter, recorded)
    except errors.Interrupted:
        if recorded.held is not None and recorded.held.outputs:
            with placer.holding(recorded.held.outputs):
                raise
        raise
