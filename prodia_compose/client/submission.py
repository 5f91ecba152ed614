"""A job submitted and waited for: one request, one answer with the picture in it."""

import time

from prodia_compose import progress
from prodia_compose.client import answers, multipart, verdicts
from prodia_compose.client.attempts import Attempts, Sleep
from prodia_compose.client.passage import OnState
from prodia_compose.client.service import JOB_PATH, Service
from prodia_compose.frozen import frozen


@frozen
class Delivered:
    """A job that brought a picture.

    Attributes:
        answer: With at least one output, complete as far as the connection can tell.
        request_id: The service's `x-request-id`.
        attempts: How often the job was sent or tried to be; all but the last did not run.
    """

    answer: answers.Answer
    request_id: str | None
    attempts: int


def submit(
    service: Service,
    body: multipart.MultipartBody,
    *,
    accept: str,
    reporter: progress.Reporter | None = None,
    on_state: OnState = lambda _: None,
    sleep: Sleep = time.sleep,
    usual_seconds: float | None = None,
) -> Delivered:
    """Submit a job and return the answer with its picture.

    The job is sent again by itself only when it surely did not run; see `policy`.

    Args:
        service: Where to, as whom, and how patiently.
        body: The job and its inputs.
        accept: The value of `Accept`.
        reporter: Is told of the upload, the waiting and the answer.
        on_state: Is told `sending` before the first byte leaves, `sent` after
            the last byte of the body, `answered` when the head of the answer is
            there, and `not-sent` again when a busy service turned it away. Must not raise.
        sleep: Waits the given seconds; for a busy service.
        usual_seconds: How long the model usually takes, for the progress.

    Raises:
        AuthError: The service refused the token.
        RejectedError: It rejected the job, or the job failed; `may_be_billed` tells.
        BusyError: It stayed busy for longer than `service.max_wait_s`.
        NotDeliveredError: There was no connection, or the upload broke off.
        UnknownError: All was sent and no picture came. What did come, if
            anything, is in `kept(error)`.
        Interrupted: With `state` set to how far the job had come.
    """
    attempts = Attempts(
        service,
        body,
        reporter=reporter or progress.Silent(),
        on_state=on_state,
        sleep=sleep,
        usual_seconds=usual_seconds,
    )
    received = attempts.deliver(JOB_PATH, accept=accept)
    if not verdicts.has_picture(received.answer, received.lost):
        raise verdicts.unusable(
            received.answer, received.lost, request_id=received.request_id, service=service
        )
    return Delivered(
        answer=received.answer, request_id=received.request_id, attempts=received.attempts
    )
