"""A job sent, or asked after, until its answer is here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from prodia_compose import errors
from prodia_compose.client.send import Sender, Sent
from prodia_compose.client.service import Service
from prodia_compose.client.wait import AsyncJob
from prodia_compose.output import rescue
from prodia_compose.pipeline import plans, run
from prodia_compose.progress import Reporter


def deliver(ready: plans.Sendable, reporter: Reporter, recorded: run.Recording) -> Sent:
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
        return Sender(service, watch=recorded, reporter=reporter).send(
            ready.packed.body, accept=ready.plan.accept, usual_seconds=usual_seconds
        )
    except errors.ComposeError as error:
        if recorded.held is not None and recorded.held.remains is not None:
            rescue.keep_remains(error, recorded.held.remains)
        raise


def _deliver_later(
    service: Service,
    ready: plans.Sendable,
    reporter: Reporter,
    recorded: run.Recording,
    usual_seconds: float | None,
) -> Sent:
    """Have the job taken on, write down its id at once, then wait for it and bring it."""
    created = Sender(service, watch=recorded, reporter=reporter).create(ready.packed.body)
    job_id = str(created.answer.job.id)
    recorded.accepted(job_id, request_id=created.request_id)
    reporter.detail(f"the service has taken it on as job {job_id}")
    with identified(created.request_id, job_id):
        try:
            sent = bring(service, job_id, recorded, reporter=reporter, usual_seconds=usual_seconds)
        except errors.AuthError as error:
            # Refused only now: the job runs all the same, so it is not safe to send it again.
            raise errors.UnknownError(
                f"{error.message}; the job {job_id} runs on and may be billed; then "
                f"`prodia-compose jobs fetch {job_id}` brings its picture",
                may_be_billed=True,
            ) from error
    return replace(sent, request_id=created.request_id, attempts=created.attempts)


def bring(
    service: Service,
    job_id: str,
    recorded: run.Recording,
    *,
    reporter: Reporter,
    usual_seconds: float | None = None,
) -> Sent:
    """Wait for a job that runs by itself, and return its pictures.

    Raises:
        errors.RejectedError: The job failed.
        errors.AuthError: The service refused the token.
        errors.UnknownError: It is not done in time, not known, or cannot be had.
        errors.Interrupted: The job runs on; the interruption's `job_id` names it.
    """
    job = AsyncJob(service, job_id, watch=recorded, reporter=reporter)
    try:
        job.wait(usual_seconds=usual_seconds)
        return job.fetch()
    except errors.Interrupted as signal:
        signal.state = "sent"
        signal.job_id = job_id
        raise


@contextmanager
def identified(request_id: str | None, job_id: str | None) -> Iterator[None]:
    """Put the ids an answer carried into any error of the block."""
    try:
        yield
    except errors.ComposeError as error:
        error.request_id = error.request_id or request_id
        error.job_id = error.job_id or job_id
        raise
