"""The error that each outcome of an exchange is, in words that say what to do."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypedDict
from urllib.parse import urlsplit

from prodia_compose import addresses, errors
from prodia_compose.client import answers, policy
from prodia_compose.client.answers import records
from prodia_compose.client.service import Service
from prodia_compose.client.transport.exchange import Exchange, Reply
from prodia_compose.client.transport.failures import FailureKind, Lost
from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob

_MAY_HAVE_RUN = "it may have run and may be billed, and its picture cannot be fetched later"

_NOT_RUN = "the job did not run"
_SEND_AGAIN = "send it again"
LATER = "send it again later"
_BALANCE = 402
# Enough for any error; a refusal is not worth a full disk.
_REFUSAL_BYTES = 1 << 20
ANSWER_BYTES = 512_000_000
"""The most that is taken, and so kept, of an answer: what the disk has no room for is in memory."""


_CONNECT_CURES: dict[FailureKind, str] = {
    "dns": "check the network, and PRODIA_BASE_URL if it is set",
    "refused": "check PRODIA_BASE_URL if it is set, or try again later",
    "timeout": "check the network, or raise --connect-timeout",
    "certificate": "if a firewall or proxy of yours inspects TLS, name its CA bundle in REQUESTS_CA_BUNDLE",
    "tls": "check that PRODIA_BASE_URL names an https service, and the proxy if there is one",
    "proxy": "check the proxy, or name the service's host in NO_PROXY",
    "network": "check the network",
    "setting": "correct it, or unset it",
    "environment": "correct it, or unset it",
    "files": errors.NO_FILES[1],
}


@frozen
class Heard:
    """An answer, read as far as it came.

    Attributes:
        lost: Why it broke off, if it did.
        again: What sends the job once more, if its outcome is unknown by this.
    """

    head: Reply
    answer: answers.Answer
    lost: Lost | None
    again: str

    @property
    def verdict(self) -> policy.Verdict:
        """What its status means for the job."""
        return _verdict(self.head)

    @property
    def has_picture(self) -> bool:
        """Whether a 2xx answer brings what was paid for: whole, and of a job that did not fail."""
        return self.answer.whole and bool(self.answer.outputs) and not self.answer.job.failed

    @property
    def shown(self) -> str:
        """The status, and what the service said."""
        named = f"{self.head.status} {self.head.reason}".strip()
        return f"{named}: {self.answer.error}" if self.answer.error else named

    @property
    def ids(self) -> "_Ids":
        """The names of the exchange and the job, for an error."""
        return {"request_id": self.head.request_id, "job_id": self.answer.job.id}


def _verdict(head: Reply) -> policy.Verdict:
    asked_s = policy.parse_retry_after(head.headers.get("retry-after"), now=datetime.now(UTC))
    return policy.verdict(head.status, retry_after_s=asked_s, delivered=head.was_delivered)


class _Ids(TypedDict):
    request_id: str | None
    job_id: str | None


def hear(
    exchange: Exchange, service: Service, take: Callable[[answers.Answer], None] = lambda _: None
) -> Heard:
    """Perform an exchange and read its answer as far as it comes; all foreign words enter here.

    Whatever ends its reading, a bug included, `take` is given an answer that may bring what was
    paid for: one of a status that does not say otherwise, or one that is no HTTP.

    Raises:
        Lost: There is no answer.
    """
    raw = blob.Growing(or_memory=True)
    try:
        head = exchange.perform()
    except Lost as loss:
        if loss.stage == "answer":
            _spool(exchange.chunks(), raw, ANSWER_BYTES)
            if raw.size:
                take(_read(exchange, None, raw, service, broken=True))
        raise
    is_good = 200 <= head.status < 300
    may_bring = is_good or _verdict(head) == "unknown"
    limit_bytes = ANSWER_BYTES if may_bring else _REFUSAL_BYTES
    try:
        lost = _spool(exchange.chunks(), raw, limit_bytes)
        answer = _read(exchange, head, raw, service, broken=lost is not None)
        if is_good and lost is None and not answer.ended:
            _spool(exchange.surplus(), raw, limit_bytes)
            answer = _read(exchange, head, raw, service, broken=False)
    except BaseException:
        if is_good:
            answer = answers.unread(raw)
            with contextlib.suppress(Exception):
                answer = _read(exchange, head, raw, service, broken=True)
            take(answer)
        raise
    if is_good or (may_bring and answer.outputs):
        take(answer)
    return Heard(head=head, answer=answer, lost=lost, again=service.again)


def _read(
    exchange: Exchange, head: Reply | None, raw: blob.Blob, service: Service, *, broken: bool
) -> answers.Answer:
    return answers.read(
        raw,
        content_type=head.content_type if head else None,
        codings=head.codings if head else (),
        framed=exchange.is_framed,
        broken=broken,
        hide=service.token.hide,
    )


def _spool(chunks: Iterator[bytes], raw: blob.Growing, limit_bytes: int) -> Lost | None:
    """Take in an answer up to where it ends, breaks off or grows absurd; tell why if not the first."""
    try:
        for chunk in chunks:
            raw.add(chunk[: limit_bytes - raw.size])
            if raw.size >= limit_bytes:
                most = f"{limit_bytes // 1_000_000} MB"
                return Lost("answer", f"the answer is over {most}, and no more of it was taken")
    except Lost as lost:
        return lost
    return None


def cure(lost: Lost) -> str:
    """Return what to do about a connection that cannot be made."""
    return _CONNECT_CURES[lost.kind]


def _look_first(again: str) -> tuple[str, str]:
    """Return what to do about a job that may have run; `again` is as for `Heard`."""
    where = f"look at `prodia-compose jobs` and {addresses.DASHBOARD} first"
    return where, f"{again} sends it once more"


def of_loss(lost: Lost, *, again: str, attempts: int = 1) -> errors.ComposeError:
    """Return the error for an exchange without an answer; `again` is as for `Heard`."""
    if lost.stage == "connect":
        tried = f" ({attempts} attempts)" if attempts > 1 else ""
        return errors.NotDeliveredError(f"{lost.words}{tried}; {_NOT_RUN}", cure(lost))
    if lost.stage == "upload":
        words = f"the upload broke off: {lost.words}; {_NOT_RUN}"
        return errors.NotDeliveredError(words, _SEND_AGAIN)
    words = f"the whole job was sent, but {lost.words}; {_MAY_HAVE_RUN}"
    return errors.UnknownError(words, *_look_first(again))


def of_refusal(heard: Heard) -> errors.ComposeError:
    """Return the error for a status that is neither success nor busy."""
    verdict, shown, ids = heard.verdict, heard.shown, heard.ids
    if verdict == "auth":
        if heard.head.status == _BALANCE:
            words = f"the balance of your account does not pay for the job ({shown})"
            top_up = f"top it up at {addresses.DASHBOARD}, then send it again"
            return errors.BalanceError(f"{words}; {_NOT_RUN}", top_up, **ids)
        words = f"the service refused the token ({shown})"
        return errors.AuthError(words, "check PRODIA_TOKEN or --token-file", **ids)
    if verdict == "rejected":
        return errors.RejectedError(*_rejected(heard), **ids)
    if verdict == "not-delivered":
        words = f"the service failed during the upload ({shown}); {_NOT_RUN}"
        return errors.NotDeliveredError(words, _SEND_AGAIN, **ids)
    words = f"the whole job was sent, but the service failed ({shown}); {_MAY_HAVE_RUN}"
    return errors.UnknownError(words, *_look_first(heard.again), **ids)


def _rejected(heard: Heard) -> tuple[str, str]:
    """Return what the service did not take, and what to do; "" where nobody knows."""
    status = heard.head.status
    if 300 <= status < 400:
        host = _host(heard.head.headers.get("location"))
        words = f"the service answered with a redirect ({status}) to {host}, which is not followed"
        return f"{words}: the token and the pictures would go there", "check PRODIA_BASE_URL"
    why, hint = {
        404: (
            "; the job type, or this version of the API (/v2), is not there",
            "check -m, and PRODIA_BASE_URL if it is set",
        ),
        413: (
            "; the images are too large together",
            "lower --max-side or --max-pixels, or send fewer",
        ),
    }.get(status, ("", ""))
    return f"the service rejected the job ({heard.shown}){why}", hint


def _host(location: str | None) -> str:
    try:
        host = urlsplit(location or "").hostname
    except ValueError:
        host = None
    return host or ("an address it does not name" if not location else "another address of its own")


def busy(
    heard: Heard, asked_s: float | None, *, waited_s: float, max_wait_s: float
) -> errors.ComposeError:
    """Return the error for a service that stays busy beyond our patience."""
    why = f"the service is busy ({heard.shown})"
    words = no_room(why, asked_s, waited_s=waited_s, max_wait_s=max_wait_s)
    return errors.BusyError(words, LATER, **heard.ids)


def no_room(why: str, asked_s: float | None, *, waited_s: float, max_wait_s: float) -> str:
    """Return what is told of a service that is busy, as the clause `why` says, for too long."""
    if asked_s is not None and asked_s > 0:
        moment = (datetime.now().astimezone() + timedelta(seconds=asked_s)).replace(microsecond=0)
        when = f"it asks to come back in {asked_s:.0f} s, at {moment.isoformat(sep=' ')}"
    else:
        when = "it does not say for how long"
    return (
        f"{why} and {when}; waited {waited_s:.0f} s of the {max_wait_s:g} s that --max-wait"
        f" allows; {_NOT_RUN}"
    )


def unusable(heard: Heard, oddity: str | None = None) -> errors.ComposeError:
    """Return the error for a 2xx answer that has an oddity, or brings no picture."""
    if heard.answer.job.failed:
        return failed(heard.answer.job, **heard.ids)
    what = f"the service answered {heard.head.status}, but {oddity or _oddity(heard)}"
    hints = _look_first(heard.again)
    return errors.UnknownError(f"{what}; {_MAY_HAVE_RUN}", *hints, **heard.ids)


def failed(
    job: records.JobRecord, *, job_id: str | None, request_id: str | None = None
) -> errors.ComposeError:
    """Return the error for a job that ran and failed."""
    why = job.error or "the service does not say why"
    words = f"the job failed: {why}; it may be billed"
    return errors.RejectedError(words, request_id=request_id, job_id=job_id, may_be_billed=True)


def _oddity(heard: Heard) -> str:
    answer = heard.answer
    if heard.lost is not None:
        return f"{heard.lost.words} ({answer.raw.size} bytes came)"
    if not answer.whole:
        return f"the answer is cut short ({answer.raw.size} bytes came)"
    if not answer.raw.size:
        return "the answer is empty"
    what = answer.media_type or "something without a type"
    said = f": {answer.error}" if answer.error else ""
    return f"there is no picture in the answer ({what}){said}"
