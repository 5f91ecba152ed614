"""The error that each outcome of an exchange is, in words that say what to do."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, Self, TypedDict
from urllib.parse import urlsplit

from prodia_compose import errors
from prodia_compose.client import answers
from prodia_compose.client.answers.keeping import keep
from prodia_compose.client.exchange import Exchange, Lost, Reply
from prodia_compose.client.failures import FailureKind
from prodia_compose.client.redaction import hiding, without
from prodia_compose.client.service import Service
from prodia_compose.frozen import frozen

_LOOK_FIRST = (
    "it may have run and may be billed: look at `prodia-compose jobs` and the Prodia dashboard"
    " before sending it again"
)

_NOT_RUN = "the job did not run"
# Enough for any error; a refusal is not worth a full disk.
_REFUSAL_BYTES = 1 << 20
_ANSWER_BYTES = 1 << 30

_CONNECT_CURES: dict[FailureKind, str] = {
    "dns": "check the network, and PRODIA_BASE_URL if it is set",
    "refused": "check PRODIA_BASE_URL if it is set, or try again later",
    "timeout": "check the network, or raise --connect-timeout",
    "certificate": (
        "if a firewall or proxy of yours inspects TLS, name its CA bundle in REQUESTS_CA_BUNDLE"
    ),
    "tls": "check that PRODIA_BASE_URL names an https service, and the proxy if there is one",
    "proxy": "check the proxy, or name the service's host in NO_PROXY",
    "network": "check the network",
    "setting": "correct it, or unset it",
}


@frozen
class Refusal:
    """What an answer other than 2xx tells.

    Attributes:
        status: The HTTP status.
        reason: The phrase beside it.
        words: The service's own words; None if it had none.
        request_id: The service's name for this exchange.
        job_id: The job's id, if the service had given it one.
        retry_after: As the service wrote it.
        location: Where a redirect points.
    """

    status: int
    reason: str
    words: str | None
    request_id: str | None
    job_id: str | None
    retry_after: str | None
    location: str | None

    @classmethod
    def of(cls, reply: Reply, answer: answers.Answer) -> Self:
        """Gather it from an answer's head and body."""
        return cls(
            status=reply.status,
            reason=reply.reason,
            words=answer.error,
            request_id=reply.request_id,
            job_id=answer.job.id,
            retry_after=reply.headers.get("retry-after"),
            location=reply.headers.get("location"),
        )

    @property
    def shown(self) -> str:
        """The status, and what the service said."""
        named = f"{self.status} {self.reason}".strip()
        return f"{named}: {self.words}" if self.words else named


class _Ids(TypedDict):
    request_id: str | None
    job_id: str | None


def read(exchange: Exchange, reply: Reply) -> tuple[answers.Answer, Lost | None]:
    """Read the body of an answer as far as it comes; also return why it broke off, if it did."""
    limit = _ANSWER_BYTES if 200 <= reply.status < 300 else _REFUSAL_BYTES
    body = _Body(exchange, limit)
    answer = answers.read(
        status=reply.status,
        content_type=reply.content_type,
        chunks=body,
        framed=reply.is_framed,
        hide=exchange.request.hide,
    )
    return answer, body.lost


class _Body:
    """The chunks of an answer up to where it breaks off or grows absurd."""

    def __init__(self, exchange: Exchange, limit_bytes: int) -> None:
        self.lost: Lost | None = None
        self._exchange = exchange
        self._limit_bytes = limit_bytes

    def __iter__(self) -> Iterator[bytes]:
        left = self._limit_bytes
        try:
            for chunk in self._exchange.chunks():
                yield chunk[:left]
                left -= len(chunk)
                if left <= 0:
                    self.lost = Lost("answer", f"the answer is over {self._limit_bytes >> 20} MiB")
                    return
        except Lost as lost:
            self.lost = lost


def of_loss(lost: Lost, *, service: Service, attempts: int = 1) -> errors.ComposeError:
    """Return the error for an exchange without an answer."""
    if lost.stage == "connect":
        tried = f" ({attempts} attempts)" if attempts > 1 else ""
        error: errors.ComposeError = errors.NotDeliveredError(
            f"{lost.words}{tried}: {_CONNECT_CURES[lost.kind]}; {_NOT_RUN}"
        )
    elif lost.stage == "upload":
        error = errors.NotDeliveredError(
            f"the upload broke off: {lost.words}; {_NOT_RUN} and can be sent again"
        )
    else:
        error = errors.UnknownError(
            f"the whole job was sent, but {lost.words}; {_LOOK_FIRST}", may_be_billed=True
        )
    return _hidden(error, service)


def of_refusal(
    verdict: Literal["auth", "rejected", "not-delivered", "unknown"],
    refusal: Refusal,
    *,
    service: Service,
) -> errors.ComposeError:
    """Return the error for a status that is neither success nor busy."""
    ids: _Ids = {"request_id": refusal.request_id, "job_id": refusal.job_id}
    if verdict == "auth":
        error: errors.ComposeError = errors.AuthError(
            f"the service refused the token ({refusal.shown}): check PRODIA_TOKEN or --token-file",
            **ids,
        )
    elif verdict == "rejected":
        error = errors.RejectedError(_rejected(refusal), **ids)
    elif verdict == "not-delivered":
        error = errors.NotDeliveredError(
            f"the service failed during the upload ({refusal.shown}); {_NOT_RUN} and can be sent again",
            **ids,
        )
    else:
        error = errors.UnknownError(
            f"the whole job was sent, but the service failed ({refusal.shown}); {_LOOK_FIRST}",
            may_be_billed=True,
            **ids,
        )
    return _hidden(error, service)


def _rejected(refusal: Refusal) -> str:
    if 300 <= refusal.status < 400:
        host = _host(refusal.location)
        return (
            f"the service answered with a redirect ({refusal.status}) to {host}, which is not"
            " followed: the token and the pictures would go there; check PRODIA_BASE_URL"
        )
    cure = {
        404: "; check PRODIA_BASE_URL, and the job type",
        413: "; the images are too large together: lower --max-side or --max-pixels, or send fewer",
    }.get(refusal.status, "")
    return f"the service rejected the job ({refusal.shown}){cure}"


def _host(location: str | None) -> str:
    try:
        host = urlsplit(location or "").hostname
    except ValueError:
        host = None
    return host or ("an address it does not name" if not location else "another address of its own")


def busy(
    refusal: Refusal, asked_s: float | None, *, service: Service, waited_s: float
) -> errors.ComposeError:
    """Return the error for a service that stays busy beyond our patience."""
    if asked_s is not None and asked_s > 0:
        moment = (datetime.now().astimezone() + timedelta(seconds=asked_s)).replace(microsecond=0)
        when = f"it asks to come back in {asked_s:.0f} s, at {moment.isoformat(sep=' ')}"
    else:
        when = "it does not say for how long"
    return _hidden(
        errors.BusyError(
            f"the service is busy ({refusal.shown}) and {when}; waited {waited_s:.0f} s of the"
            f" {service.max_wait_s:g} s that --max-wait allows; {_NOT_RUN} and can be sent again later",
            request_id=refusal.request_id,
            job_id=refusal.job_id,
        ),
        service,
    )


def has_picture(answer: answers.Answer, lost: Lost | None) -> bool:
    """Tell whether a 2xx answer brings what was paid for: whole, and of a job that did not fail."""
    return lost is None and answer.whole and bool(answer.outputs) and not answer.job.failed


def unusable(
    answer: answers.Answer,
    lost: Lost | None,
    *,
    request_id: str | None,
    service: Service,
    oddity: str | None = None,
) -> errors.ComposeError:
    """Return the error for a 2xx answer that does not bring what was asked for.

    Args:
        answer: As far as it came.
        lost: Why it broke off, if it did.
        request_id: The service's name for the exchange.
        service: Whose token is to be kept out of the words.
        oddity: What is wrong with the answer, if it is not the lack of a picture.
    """
    job = answer.job
    ids: _Ids = {"request_id": request_id, "job_id": job.id}
    if job.failed:
        why = job.error or "the service does not say why"
        error: errors.ComposeError = errors.RejectedError(
            f"the job failed: {why}; it may be billed", may_be_billed=True, **ids
        )
    else:
        odd = oddity or _oddity(answer, lost)
        error = errors.UnknownError(
            f"the service answered {answer.status}, but {odd}; {_LOOK_FIRST}",
            may_be_billed=True,
            **ids,
        )
    remains = answer.remains
    if remains is not None:
        clean = _without_token(remains, service)
        error.kept = (clean.blob, clean.media_type)
    return _hidden(error, service)


def _oddity(answer: answers.Answer, lost: Lost | None) -> str:
    if lost is not None:
        return f"{lost.words} ({answer.raw.size} bytes came)"
    if not answer.whole:
        return f"the answer is cut short ({answer.raw.size} bytes came)"
    if not answer.raw.size:
        return "the answer is empty"
    what = answer.media_type or "something without a type"
    said = f": {answer.error}" if answer.error else ""
    return f"there is no picture in the answer ({what}){said}"


def kept(error: errors.ComposeError | errors.Interrupted) -> answers.Output | None:
    """Return what came and found no use, for keeping; None if nothing did."""
    if error.kept is None:
        return None
    data, media_type = error.kept
    return answers.Output(blob=data, media_type=media_type, filename=None)


def _without_token(output: answers.Output, service: Service) -> answers.Output:
    """Return what is kept with an echoed token taken out; a picture stays as it came."""
    if output.media_type.startswith("image/"):
        return output
    clean = keep(without(service.token, output.blob))
    return dataclasses.replace(output, blob=clean)


def _hidden(error: errors.ComposeError, service: Service) -> errors.ComposeError:
    """Take the token out of an error's words: the last of several nets."""
    error.message = hiding(service.token)(error.message)
    error.args = (error.message,)
    return error
