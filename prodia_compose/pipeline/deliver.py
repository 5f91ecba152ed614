"""A job sent, or asked after, until its answer is here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from prodia_compose import errors
from prodia_compose.client import submission, verdicts, wait
from prodia_compose.client.service import Service
from prodia_compose.output import rescue
from prodia_compose.pipeline import plans, run
from prodia_compose.progress import Reporter


def deliver(
    ready: plans.Sendable, reporter: Reporter, recorded: run.Recording
) -> submission.Delivered:
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
        return submission.submit(
            service,
            ready.packed.body,
            accept=ready.plan.accept,
            reporter=reporter,
            on_state=recorded.on_state,
            usual_seconds=usual_seconds,
        )
    except errors.ComposeError as error:
        remains = verdicts.kept(error)
        if remains is not None:
            rescue.keep_remains(error, remains)
        raise


def _deliver_later(
    service: Service,
    ready: plans.Sendable,
    reporter: Reporter,
    recorded: run.Recording,
    usual_seconds: float | None,
) -> submission.Delivered:
    """Have the job taken on, write down its id at once, then wait for it and bring it."""
    created = wait.submit_async(
        service, ready.packed.body, reporter=reporter, on_state=recorded.on_state
    )
    recorded.accepted(created.job_id, request_id=created.request_id)
    reporter.detail(f"the service has taken it on as job {created.job_id}")
    with identified(created.request_id, created.job_id):
        try:
            delivered = bring(
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


def bring(
    service: Service, job_id: str, *, reporter: Reporter, usual_seconds: float | None = None
) -> submission.Delivered:
    """Wait for a job that runs by itself, and return its pictures.

    Raises:
        errors.RejectedError: The job failed.
        errors.AuthError: The service refused the token.
        errors.UnknownError: It is not done in time, not known, or cannot be had.
        errors.Interrupted: The job runs on; the interruption's `job_id` names it.
    """
    try:
        wait.poll(service, job_id, reporter=reporter, usual_seconds=usual_seconds)
        delivered = wait.fetch_output(service, job_id, reporter=reporter)
    except errors.Interrupted as signal:
        signal.state = "sent"
        signal.job_id = job_id
        raise
    answer = delivered.answer
    return replace(delivered, answer=replace(answer, job=replace(answer.job, id=job_id)))


@contextmanager
def identified(request_id: str | None, job_id: str | None) -> Iterator[None]:
    """Put the ids an answer carried into any error of the block."""
    try:
        yield
    except errors.ComposeError as error:
        error.request_id = error.request_id or request_id
        error.job_id = error.job_id or job_id
        raise
