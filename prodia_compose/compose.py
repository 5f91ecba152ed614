"""The order of the steps: plan, send, look at what came, place it.

What was paid for is never dropped: from the moment an answer has come, every way out
of here leaves the picture in its place or in the state folder, and says where.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from prodia_compose import client, errors, ledger, output, placing, planning, recording
from prodia_compose.answers import Answer, Output
from prodia_compose.placing import SavedOutput
from prodia_compose.reporting import Reporter
from prodia_compose.request import OutputFormat
from prodia_compose.service import Service

__all__ = ["Errand", "Fetched", "Result", "SavedOutput", "errand", "fetch", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
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

    plan: planning.Plan
    outputs: tuple[SavedOutput, ...] = ()
    messages: tuple[str, ...] = ()
    job_id: str | None = None
    request_id: str | None = None
    price_usd: float | None = None
    elapsed_s: float = 0.0
    attempts: int = 0
    warnings: tuple[errors.Warned, ...] = ()


def run(
    ready: planning.Sendable,
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
    placer = placing.Placer(
        place=ready.place,
        format=ready.plan.format,
        strict=ready.plan.request.strict,
        stdout=stdout,
    )
    with recording.of(ready, record, again=again) as recorded:
        delivered = _deliver(ready, reporter, recorded)
        answer = delivered.answer
        job_id = answer.job.id if answer.job is not None else None
        with _identified(delivered.request_id, job_id), placer.holding(answer.outputs):
            recorded.received(
                job_id=job_id, request_id=delivered.request_id, price_usd=_price(answer)
            )
            outputs, warnings = placer.place_all(answer.outputs)
        recorded.saved([(saved.path, saved.sha256) for saved in outputs])
    reporter.finish()
    return Result(
        plan=ready.plan,
        outputs=outputs,
        messages=answer.messages,
        job_id=job_id,
        request_id=delivered.request_id,
        price_usd=_price(answer),
        elapsed_s=clock() - started,
        attempts=delivered.attempts,
        warnings=warnings,
    )


def _price(answer: Answer) -> float | None:
    return answer.job.price_usd if answer.job is not None else None


def _deliver(
    ready: planning.Sendable, reporter: Reporter, recorded: recording.Recording
) -> client.Delivered:
    """Send the job; keep what an answer without a usable picture left behind."""
    wishes = ready.plan.request.delivery
    service = Service(
        base_url=wishes.base_url,
        token=ready.token,
        connect_timeout_s=wishes.connect_timeout_s,
        stall_timeout_s=wishes.stall_timeout_s,
        timeout_s=wishes.timeout_s,
        max_wait_s=wishes.max_wait_s,
    )
    usual = ready.model.usual_seconds
    usual_seconds = usual.value if usual is not None else None
    try:
        if wishes.is_async:
            return _deliver_later(service, ready, reporter, recorded, usual_seconds)
        return client.submit(
            service,
            ready.body,
            accept=f"multipart/form-data; {output.accept_type(ready.plan.format)}",
            reporter=reporter,
            on_state=recorded.on_state,
            usual_seconds=usual_seconds,
        )
    except errors.ComposeError as error:
        remains = client.kept(error)
        if remains is not None:
            placing.keep_remains(error, remains)
        raise


def _deliver_later(
    service: Service,
    ready: planning.Sendable,
    reporter: Reporter,
    recorded: recording.Recording,
    usual_seconds: float | None,
) -> client.Delivered:
    """Have the job taken on, write down its id at once, then wait for it and bring it."""
    created = client.submit_async(
        service, ready.body, reporter=reporter, on_state=recorded.on_state
    )
    recorded.accepted(created.job_id, request_id=created.request_id)
    reporter.detail(f"the service has taken it on as job {created.job_id}")
    with _identified(created.request_id, created.job_id):
        try:
            delivered = _bring(
                service, created.job_id, reporter=reporter, usual_seconds=usual_seconds
            )
        except errors.AuthError as error:
            # Refused only now: the job runs all the same, so it is not safe to send it again.
            raise errors.UnknownError(
                f"{error.message}; the job {created.job_id} runs on and may be billed; then "
                f"`prodia-compose jobs fetch {created.job_id}` brings its picture",
                may_be_billed=True,
            ) from error
    return replace(delivered, request_id=created.request_id, attempts=created.attempts)


def _bring(
    service: Service, job_id: str, *, reporter: Reporter, usual_seconds: float | None = None
) -> client.Delivered:
    """Wait for a job that runs by itself, and return its pictures.

    Raises:
        errors.RejectedError: The job failed.
        errors.AuthError: The service refused the token.
        errors.UnknownError: It is not done in time, not known, or cannot be had.
        errors.Interrupted: The job runs on; the interruption's `job_id` names it.
    """
    try:
        client.poll(service, job_id, reporter=reporter, usual_seconds=usual_seconds)
        delivered = client.fetch_output(service, job_id, reporter=reporter)
    except errors.Interrupted as signal:
        signal.state = "sent"
        signal.job_id = job_id
        raise
    answer = delivered.answer
    job = None if answer.job is None else replace(answer.job, id=job_id)
    return replace(delivered, answer=replace(answer, job=job))


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A job whose picture can perhaps be fetched.

    Attributes:
        entry: What the record knows of it; None if that is nothing.
        job_id: The service's id for it, if there is no kept copy.
        kept: The pictures that were kept aside, each with its file.
    """

    entry: ledger.Entry | None
    job_id: str | None = None
    kept: tuple[tuple[Output, Path], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A picture that was fetched.

    Attributes:
        outputs: The pictures, the one for `-o` first; empty if skipped.
        messages: The service's words beside them.
        warnings: What is odd about them.
        kept: The files of the copies that were kept aside; they are still there.
    """

    outputs: tuple[SavedOutput, ...] = ()
    messages: tuple[str, ...] = ()
    warnings: tuple[errors.Warned, ...] = ()
    kept: tuple[Path, ...] = ()


def errand(entry: ledger.Entry | None, job_id: str) -> Errand:
    """Return how to fetch the picture of a job.

    Args:
        entry: What the record knows of it.
        job_id: The service's id, for a job that the record does not know.

    Raises:
        errors.UsageError: There is nothing to fetch; says why.
    """
    if entry is None:
        return Errand(entry=None, job_id=job_id)
    kept = placing.load(entry.rescued)
    if kept:
        return Errand(entry=entry, kept=kept)
    if entry.is_running:
        reason = f"its process {entry.pid} is still at it"
    elif entry.state == "saved":
        reason = f"it was saved as {', '.join(one.name for one in entry.outputs)}"
    elif entry.state not in ("received", "unknown"):
        reason = f"it brought no picture ({entry.state})"
    elif entry.job_id is not None:
        return Errand(entry=entry, job_id=entry.job_id)
    elif entry.rescued:
        reason = f"{entry.rescued[0]} is gone, or no whole picture"
    else:
        reason = "the service had not named it yet; look at the Prodia dashboard"
    raise errors.UsageError(f"{entry.id}: there is nothing to fetch: {reason}")


def fetch(
    wanted: Errand,
    *,
    service: Service | None,
    place: output.Place,
    format_: OutputFormat | None,
    record: ledger.Ledger,
    reporter: Reporter,
    stdout: Callable[[], IO[bytes]],
) -> Fetched:
    """Bring the picture of an earlier job to a place, from where it was kept or the service.

    Args:
        wanted: As `errand` returns it.
        service: Where the job is; None is fine for a picture that was kept aside.
        place: Where the picture goes, proved.
        format_: The format it should have; None if any will do.
        record: Where it is written down.
        reporter: Who is told of progress.
        stdout: Opens standard output for bytes, for a place that is `-`.

    Raises:
        errors.ComposeError: As section "Exit codes" of README says; whatever came is kept.
        errors.Interrupted: A signal came; fetching again is fine.
    """
    if place.skipped:
        return Fetched()
    files = {picture.blob.sha256: file for picture, file in wanted.kept}
    placer = placing.Placer(
        place=place,
        format=format_,
        strict=False,
        stdout=stdout,
        keep=(lambda data, _: files[data.sha256]) if files else placing.keep,
    )
    outputs: Sequence[Output] = [picture for picture, _ in wanted.kept]
    messages: tuple[str, ...] = ()
    answer: Answer | None = None
    with recording.of_fetch(record, wanted.entry) as recorded:
        if service is not None and wanted.job_id is not None:
            answer = _bring(service, wanted.job_id, reporter=reporter).answer
            outputs, messages = answer.outputs, answer.messages
        with placer.holding(outputs):
            if answer is not None:
                recorded.received(job_id=wanted.job_id, request_id=None, price_usd=_price(answer))
            saved, warnings = placer.place_all(outputs)
        recorded.saved([(one.path, one.sha256) for one in saved])
    reporter.finish()
    return Fetched(outputs=saved, messages=messages, warnings=warnings, kept=tuple(files.values()))


@contextmanager
def _identified(request_id: str | None, job_id: str | None) -> Iterator[None]:
    """Put the ids an answer carried into any error of the block."""
    try:
        yield
    except errors.ComposeError as error:
        error.request_id = error.request_id or request_id
        error.job_id = error.job_id or job_id
        raise
