"""A run written into the record of jobs as it goes, however it ends."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import get_args
from urllib.parse import urlsplit

import prodia_compose
from prodia_compose import errors
from prodia_compose.client.answers import Answer
from prodia_compose.pipeline import plans
from prodia_compose.record import entries, ledger

_SENT: dict[errors.JobState, entries.State] = {
    "not-sent": "prepared",
    "sending": "sending",
    "sent": "sending",
    "answered": "accepted",
}

_ENDS: dict[errors.ExitCode, entries.State] = {
    errors.ExitCode.AUTH: "rejected",
    errors.ExitCode.REJECTED: "rejected",
    errors.ExitCode.BUSY: "busy",
    errors.ExitCode.NOT_DELIVERED: "not-delivered",
    errors.ExitCode.UNKNOWN: "unknown",
    errors.ExitCode.NOT_PLACED: "received",
}

_INTERRUPTED: dict[errors.JobState, entries.State] = {
    "not-sent": "not-delivered",
    "sending": "not-delivered",
    "sent": "unknown",
    "answered": "unknown",
}

_ORDER: tuple[errors.JobState, ...] = get_args(errors.JobState)


class Recording:
    """One job's entry, told of each step."""

    def __init__(self, entry: ledger.OpenEntry) -> None:
        self._entry = entry
        self._is_taken_on = False
        self._has_come = False
        self._saved: Sequence[tuple[str, str]] = ()
        self._reached: errors.JobState = "not-sent"
        self.held: Answer | None = None

    @property
    def has_come(self) -> bool:
        """Whether a picture has come, so that how it ends is news."""
        return self._has_come

    def came(self, answer: Answer) -> None:
        """Hold what has come until it is in its place."""
        self.held = answer

    def reached(self, state: errors.JobState) -> None:
        """Write how far the sending has come."""
        self._reached = state
        self._entry.advance(_SENT[state])

    def accepted(self, job_id: str, *, request_id: str | None) -> None:
        """Write that the job runs by itself from here on, and what to ask after it by."""
        self._is_taken_on = True
        self.held = None
        self._entry.advance("accepted", job_id=job_id, request_id=request_id)

    def received(
        self, *, job_id: str | None, request_id: str | None, price_usd: float | None
    ) -> None:
        """Write that a picture has come, before anything is done with it."""
        self._has_come = True
        self._reached = "answered"
        self._entry.advance("received", job_id=job_id, request_id=request_id, price_usd=price_usd)

    def saved(self, outputs: Sequence[tuple[str, str]]) -> None:
        """Write that the pictures are in their places; (path, SHA-256) of each."""
        self._saved = outputs
        self._write_saved(errors.ExitCode.OK)

    def _write_saved(self, code: errors.ExitCode) -> None:
        files = [entries.File(name=path, sha256=sha256) for path, sha256 in self._saved]
        self._entry.advance("saved", exit_code=int(code), outputs=files)

    def failed(self, error: errors.ComposeError) -> None:
        """Write how it ended without a picture in its place."""
        end = _ENDS.get(error.code, "unknown")
        if end == "unknown" and self._is_taken_on:
            end = "accepted"  # it can still be asked after
        self._entry.advance(
            end,
            exit_code=int(error.code),
            job_id=error.job_id,
            request_id=error.request_id,
            may_be_billed=error.may_be_billed or None,
            rescued=[error.rescued] if error.rescued else None,
        )

    def interrupted(self, signal: errors.Interrupted) -> None:
        """Write that a signal ended it, and where the picture is if it had come.

        A signal between two steps knows less of the job than we do, and is told.
        """
        if self._saved:
            signal.found(self._saved[0][0])
            self._write_saved(signal.code)
            return
        if self._is_taken_on and not self._has_come:
            signal.state = "sent"
        elif _ORDER.index(signal.state) < _ORDER.index(self._reached):
            signal.state = self._reached
        state = _INTERRUPTED[signal.state]
        if signal.rescued:
            state = "received"
        elif self._is_taken_on:
            state = "accepted"  # as above
        self._entry.advance(
            state,
            exit_code=int(signal.code),
            rescued=[signal.rescued] if signal.rescued else None,
        )


@contextlib.contextmanager
def of(ready: plans.Sendable, record: ledger.Ledger, *, again: bool) -> Iterator[Recording]:
    """Record a run; the row exists before the block begins, and its end is written.

    Raises:
        errors.UnknownError: An identical job was sent, its outcome is unknown, and `again`
            does not say to send it all the same.
    """
    if not again:
        refuse_twin(ready.plan, record)
    recording = Recording(record.begin(_claim(ready.plan)))
    try:
        yield recording
    except errors.ComposeError as error:
        recording.failed(error)
        raise
    except errors.Interrupted as signal:
        recording.interrupted(signal)
        raise


@contextlib.contextmanager
def of_fetch(record: ledger.Ledger, entry: entries.Entry | None) -> Iterator[Recording]:
    """Record that an earlier job's picture is fetched; None is a job the record does not know.

    A failure is written only if it tells something new of the job: a picture that came
    and found no place, or a job that has failed.
    """
    recording = Recording(record.reopen(entry))
    try:
        yield recording
    except errors.ComposeError as error:
        error.job_id = error.job_id or (entry.job_id if entry else None)
        if recording.has_come or isinstance(error, errors.RejectedError):
            recording.failed(error)
        raise
    except errors.Interrupted as signal:
        if signal.rescued and recording.has_come:
            recording.interrupted(signal)
        raise


def refuse_twin(plan: plans.Plan, record: ledger.Ledger) -> None:
    """Stop if the same job was sent before and nobody knows what became of it.

    Args:
        plan: With nothing wrong.
        record: Where jobs are written down.

    Raises:
        errors.UnknownError: It was.
    """
    twin = record.unknown_twin(_claim(plan).twin_key)
    if twin is None:
        return
    cure = f"look at `prodia-compose jobs show {twin.id}` and the Prodia dashboard"
    if twin.is_at_service:
        cure = f"`prodia-compose jobs fetch {twin.id}` brings its picture if there is one"
    raise errors.UnknownError(
        f"the same job was sent on {twin.begun_at.astimezone():%Y-%m-%d at %H:%M:%S} and its "
        f"outcome is unknown, so it may be billed; {cure}; --again sends it once more; "
        "nothing was sent now",
        job_id=twin.job_id,
        request_id=twin.request_id,
    )


def _claim(plan: plans.Plan) -> entries.Claim:
    model, packed, place = plan.model, plan.packed, plan.place
    if model is None or packed is None or place is None:
        raise AssertionError("a plan without errors is complete")
    return entries.Claim(
        host=urlsplit(plan.request.delivery.base_url).netloc,
        digest=packed.digest,
        model=model.short_name,
        job_json=packed.job.json(),
        inputs=tuple(
            entries.File(name=image.source.path, sha256=image.prepared.blob.sha256)
            for image in plan.images
            if image.prepared is not None
        ),
        output=place.path,
        estimate_min_usd=plan.estimate.minimum_usd,
        estimate_usd=plan.estimate.maximum_usd,
        tool_version=prodia_compose.__version__,
    )
