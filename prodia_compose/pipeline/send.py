"""A plan sent, waited for, and its picture put in its place."""

import time
from collections.abc import Callable
from typing import IO

from prodia_compose import errors
from prodia_compose.client.send import Pause, Sender, Sent
from prodia_compose.client.wait import AsyncJob
from prodia_compose.output.placer import Placer
from prodia_compose.pipeline import twins
from prodia_compose.pipeline.plan import Sendable
from prodia_compose.pipeline.run import Run
from prodia_compose.progress import Reporter
from prodia_compose.record import ledger


def send(
    ready: Sendable,
    run: Run,
    *,
    record: ledger.Ledger,
    again: bool,
    reporter: Reporter,
    stdout: Callable[[], IO[bytes]],
    pause: Callable[[Pause], None] | None = None,
    on_begin: Callable[[str | None], None] = lambda _: None,
) -> None:
    """Send a plan's job and put its pictures in their places.

    Args:
        ready: A plan with nothing wrong and nothing missing.
        run: The job; knows all of it afterwards, however it ended.
        record: Where the job is written down before the first byte leaves.
        again: Whether to send even if an identical job's outcome is unknown.
        reporter: Who is told of progress.
        stdout: Opens standard output for bytes, for a place that is `-`.
        pause: Waits between two attempts, as `client.send.Sender` says.
        on_begin: Told the job's id in the record, None if it has none, before the first byte
            leaves. What it raises ends the job unsent.

    Raises:
        errors.ComposeError: As `help exit-codes` says; whatever came is kept.
        errors.Interrupted: Somebody asked to stop; whatever came is kept.
    """
    began = time.monotonic()
    if not again:
        twins.refuse(ready.claim, record)
    run.made = twins.made(ready.claim.host, ready.claim.request_key, record)
    if run.made is not None:
        reporter.say(f"{twins.message(run.made)}; --if-made reuse takes it instead of paying")
    placer = Placer(
        place=ready.place,
        format=ready.plan.format,
        strict=ready.plan.request.strict,
        stdout=stdout,
        stop=run.stop,
        reporter=reporter,
    )
    run.clean = ready.service.token.clean
    with run.to_its_end():
        entry = record.begin(ready.claim, is_sandbox=run.is_sandbox)
        run.record(entry)
        on_begin(entry.id)
        run.received(_sent(ready, run, reporter, pause))
        run.place(placer)
        reporter.finish()
    run.elapsed_s = time.monotonic() - began


def _sent(
    ready: Sendable, run: Run, reporter: Reporter, pause: Callable[[Pause], None] | None
) -> Sent:
    sender = Sender(ready.service, watch=run, reporter=reporter, stop=run.stop, pause=pause)
    usual = ready.model.usual_seconds
    usual_s = None if usual is None else usual.value
    body = ready.packed.body
    if not ready.plan.request.delivery.is_async:
        return sender.send(body, accept=ready.plan.accept, usual_seconds=usual_s)
    created = sender.create(body)
    if created.answer.outputs:  # it did not have to be waited for
        return created
    job_id = run.taken_on(created)
    reporter.detail(f"the service has taken it on as job {job_id}")
    later = AsyncJob(sender, job_id)
    try:
        later.wait(usual_seconds=usual_s)
        return later.fetch()
    except errors.AuthError as error:
        # Refused only now: the job runs all the same, so it is not safe to send it again.
        raise errors.UnknownError(
            f"{error.words}; the job {job_id} runs on and may be billed",
            *error.hints,
            f"then `prodia-compose jobs fetch {job_id}` brings its picture"
            f"{' while its sandbox runs' if run.is_sandbox else ''}",
        ) from error
