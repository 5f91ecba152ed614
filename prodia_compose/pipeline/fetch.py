"""The picture of an earlier job, brought from where it was kept or from the service."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import IO

from prodia_compose import addresses, errors
from prodia_compose.client.answers import Output
from prodia_compose.client.send import Sender
from prodia_compose.client.service import Service
from prodia_compose.client.wait import AsyncJob
from prodia_compose.frozen import frozen
from prodia_compose.output import places, rescue
from prodia_compose.output.options import OutputFormat
from prodia_compose.output.placer import Placer
from prodia_compose.pipeline.run import Run
from prodia_compose.progress import Reporter
from prodia_compose.record import entries, ledger

_SANDBOX_WAIT_S = 0.1  # it is on this machine, or gone for good


@frozen
class Source:
    """Where the picture of an earlier job can perhaps be had.

    Attributes:
        entry: What the record knows of the job; None if that is nothing.
        job_id: The service's id for it, if there is no kept copy.
        kept: The pictures that were kept aside, each with its file.
    """

    entry: entries.Entry | None
    job_id: str | None = None
    kept: tuple[tuple[Output, Path], ...] = ()


def find(entry: entries.Entry | None, job_id: str) -> Source:
    """Return where the picture of a job is.

    Args:
        entry: What the record knows of it.
        job_id: The service's id, for a job that the record does not know.

    Raises:
        errors.UsageError: There is nothing to fetch; says why.
    """
    if entry is None:
        return Source(entry=None, job_id=job_id)
    kept = rescue.load(entry.rescued)
    if kept:
        return Source(entry=entry, kept=kept)
    if entry.is_at_service:
        return Source(entry=entry, job_id=entry.job_id)
    reason, *hints = _reason(entry)
    raise errors.UsageError(f"{entry.id}: there is nothing to fetch: {reason}", *hints)


def _reason(entry: entries.Entry) -> tuple[str, ...]:
    """Return why there is nothing to fetch, and what to do; what was kept may tell more."""
    look = f"look at {addresses.DASHBOARD}"
    if entry.is_running:
        return f"its process {entry.pid} is still at it", "let it end"
    if entry.state == "saved":
        return (f"it was saved as {', '.join(one.path for one in entry.outputs)}",)
    reasons = [f"{path} {rescue.fault(path)}" for path in entry.rescued]
    if entry.state not in ("received", "unknown"):
        reasons.insert(0, f"it brought no picture ({entry.state})")
    elif not reasons and entry.job_id is None:
        return "the service had not named it yet", look
    elif not reasons:
        return "the service can be asked for the picture of an --async job only", look
    return ("; ".join(reasons),)


def fetch(
    source: Source,
    run: Run,
    *,
    service: Service | None,
    place: places.Place,
    format_: OutputFormat | None,
    record: ledger.Ledger,
    reporter: Reporter,
    stdout: Callable[[], IO[bytes]],
) -> None:
    """Bring the picture of an earlier job to a place.

    Args:
        source: As `find` returns it.
        run: The job; knows all of it afterwards.
        service: Where the job is; None is fine for a picture that was kept aside.
        place: Where the picture goes, proved.
        format_: The format it should have; None if any will do.
        record: Where it is written down.
        reporter: Who is told of progress.
        stdout: Opens standard output for bytes, for a place that is `-`.

    Raises:
        errors.ComposeError: As `help exit-codes` says; whatever came is kept.
        errors.Interrupted: Somebody asked to stop; fetching again is fine.
    """
    if place.skipped:
        return
    placer = Placer(
        place=place, format=format_, strict=False, stdout=stdout, stop=run.stop, reporter=reporter
    )
    if source.entry is not None:
        run.is_sandbox = source.entry.is_sandbox
    job_id = source.entry.job_id if source.entry else source.job_id
    run.fetches(record.reopen(source.entry), job_id, source.kept)
    with run.to_its_end():
        if service is not None and source.job_id is not None:
            run.clean = service.token.clean
            longest_s = _SANDBOX_WAIT_S if run.is_sandbox else math.inf
            sender = Sender(
                service,
                watch=run,
                reporter=reporter,
                stop=run.stop,
                sleep=lambda seconds: run.stop.sleep(min(seconds, longest_s)),
            )
            job = AsyncJob(sender, source.job_id)
            try:
                job.wait()
                run.received(job.fetch())
            except errors.UnknownError as error:
                if not run.is_sandbox:
                    raise
                words = "its sandbox has ended, or knows it no more, and the picture went with it"
                raise errors.UsageError(f"there is nothing to fetch: {words}") from error
        run.place(placer)
    reporter.finish()
