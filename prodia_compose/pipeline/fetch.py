"""The picture of an earlier job, brought from where it was kept or from the service."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from prodia_compose import errors
from prodia_compose.client.answers import Answer, Output
from prodia_compose.client.service import Service
from prodia_compose.frozen import frozen
from prodia_compose.output import places, rescue
from prodia_compose.output.options import OutputFormat
from prodia_compose.output.placer import Placer, SavedOutput
from prodia_compose.pipeline import deliver, run
from prodia_compose.progress import Reporter
from prodia_compose.record import entries, ledger


@frozen
class Errand:
    """A job whose picture can perhaps be fetched.

    Attributes:
        entry: What the record knows of it; None if that is nothing.
        job_id: The service's id for it, if there is no kept copy.
        kept: The pictures that were kept aside, each with its file.
    """

    entry: entries.Entry | None
    job_id: str | None = None
    kept: tuple[tuple[Output, Path], ...] = ()


@frozen
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


def errand(entry: entries.Entry | None, job_id: str) -> Errand:
    """Return how to fetch the picture of a job.

    Args:
        entry: What the record knows of it.
        job_id: The service's id, for a job that the record does not know.

    Raises:
        errors.UsageError: There is nothing to fetch; says why.
    """
    if entry is None:
        return Errand(entry=None, job_id=job_id)
    kept = rescue.load(entry.rescued)
    if kept:
        return Errand(entry=entry, kept=kept)
    if entry.is_at_service:
        return Errand(entry=entry, job_id=entry.job_id)
    raise errors.UsageError(f"{entry.id}: there is nothing to fetch: {_reason(entry)}")


def _reason(entry: entries.Entry) -> str:
    """Return why there is nothing to fetch; what was kept is named, as it may tell more."""
    if entry.is_running:
        return f"its process {entry.pid} is still at it"
    if entry.state == "saved":
        return f"it was saved as {', '.join(one.name for one in entry.outputs)}"
    reasons = [f"{path} {rescue.fault(path)}" for path in entry.rescued]
    if entry.state not in ("received", "unknown"):
        reasons.insert(0, f"it brought no picture ({entry.state})")
    elif not reasons and entry.job_id is None:
        reasons.append("the service had not named it yet; look at the Prodia dashboard")
    elif not reasons:
        reasons.append(
            "the service can be asked for the picture of an --async job only; look at the"
            " Prodia dashboard"
        )
    return "; ".join(reasons)


def fetch(
    wanted: Errand,
    *,
    service: Service | None,
    place: places.Place,
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
    placer = Placer(
        place=place,
        format=format_,
        strict=False,
        stdout=stdout,
        reporter=reporter,
        keep=(lambda data, _: files[data.sha256]) if files else rescue.keep,
    )
    outputs: Sequence[Output] = [picture for picture, _ in wanted.kept]
    messages: tuple[str, ...] = ()
    answer: Answer | None = None
    with run.of_fetch(record, wanted.entry) as recorded:
        if service is not None and wanted.job_id is not None:
            answer = deliver.bring(service, wanted.job_id, recorded, reporter=reporter).answer
            outputs, messages = answer.outputs, answer.messages
        with placer.holding(outputs):
            if answer is not None:
                price = answer.job.price_usd
                recorded.received(job_id=wanted.job_id, request_id=None, price_usd=price)
            saved, warnings = placer.place_all(outputs)
        recorded.saved([(one.path, one.sha256) for one in saved])
    reporter.finish()
    return Fetched(outputs=saved, messages=messages, warnings=warnings, kept=tuple(files.values()))
