"""What each outcome is called, word for word, and how much of an answer is taken."""

import re
import socket
from dataclasses import replace
from datetime import datetime, timedelta
from http.client import responses
from typing import Any

import loopback
import pytest
import submitting
from loopback import busy, json_answer, ok, raw, redirect, status, text
from submitting import PICTURE, served

from prodia_compose import errors
from prodia_compose.client import verdicts

FIRST = (
    "it may have run and may be billed, and its picture cannot be fetched later; look at"
    " `prodia-compose jobs` and the Prodia dashboard (https://app.prodia.com/api) first; --again sends it once more"
)
PINGED = {"id": "J", "state": {"current": "completed"}}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (text("no", 400), "the service rejected the job (400 Bad Request: no)"),
        (text("n", 400), "the service rejected the job (400 Bad Request: n)"),
        (
            status(399, Location="https://a.test/"),
            (
                "the service answered with a redirect (399) to a.test, which is not followed: the token and"
                " the pictures would go there; check PRODIA_BASE_URL"
            ),
        ),
        (
            redirect(300, "/x"),
            (
                "the service answered with a redirect (300) to another address of its own, which is not"
                " followed: the token and the pictures would go there; check PRODIA_BASE_URL"
            ),
        ),
        (
            redirect(302, None),
            (
                "the service answered with a redirect (302) to an address it does not name, which is not"
                " followed: the token and the pictures would go there; check PRODIA_BASE_URL"
            ),
        ),
        (
            text("big", 413),
            (
                f"the service rejected the job (413 {responses[413]}: big); the images are too large"
                " together; lower --max-side or --max-pixels, or send fewer"
            ),
        ),
        (
            status(404),
            (
                "the service rejected the job (404 Not Found); the job type, or this version of the API (/v2),"
                " is not there; check -m, and PRODIA_BASE_URL if it is set"
            ),
        ),
        (raw(b"HTTP/1.1 499\r\n\r\n"), "the service rejected the job (499)"),
        (
            status(401),
            "the service refused the token (401 Unauthorized); check PRODIA_TOKEN or --token-file",
        ),
        (
            status(402),
            (
                "the balance of your account does not pay for the job (402 Payment Required); the job did not"
                " run; top it up at the Prodia dashboard (https://app.prodia.com/api), then send it again"
            ),
        ),
        (
            text("oops", 500),
            f"the whole job was sent, but the service failed (500 Internal Server Error: oops); {FIRST}",
        ),
        (
            status(408),
            f"the whole job was sent, but the service failed (408 Request Timeout); {FIRST}",
        ),
        (
            loopback.drop("after"),
            f"the whole job was sent, but the connection was closed without an answer; {FIRST}",
        ),
        (
            json_answer({"state": "failed"}),
            "the job failed: the service does not say why; it may be billed",
        ),
        (
            json_answer(PINGED),
            f"the service answered 200, but there is no picture in the answer (application/json); {FIRST}",
        ),
        (
            raw(b"HTTP/1.1 200 OK\r\n\r\nwords"),
            (
                "the service answered 200, but there is no picture in the answer (something without a type):"
                f" words; {FIRST}"
            ),
        ),
        (status(201), f"the service answered 201, but the answer is empty; {FIRST}"),
        (
            loopback.cut(ok(PICTURE), "close", 10),
            f"the service answered 200, but the answer is cut short (10 bytes came); {FIRST}",
        ),
        (
            loopback.cut(ok(PICTURE), "length", 10),
            (
                "the service answered 200, but the connection ended in the middle of the answer (10 bytes"
                f" came); {FIRST}"
            ),
        ),
    ],
)
def test_each_answer_has_its_words(answer: loopback.Answer, message: str) -> None:
    """They say what happened, what it means for the job, and what to do."""
    _, outcome = served(answer)

    assert outcome.failure.message == message


def test_an_upload_that_the_service_ends_can_be_sent_again() -> None:
    """Whether by a status that says nothing of the job, or by hanging up."""
    body = submitting.job_body(submitting.LARGE)
    _, refused = served(loopback.early(text("oops", 500)), body=body)
    _, dropped = served(loopback.drop("within"), body=body)

    assert refused.failure.message == (
        "the service failed during the upload (500 Internal Server Error: oops); the job did not run"
        "; send it again"
    )
    assert re.fullmatch(
        "the upload broke off: the connection was [a-z ]+; the job did not run; send it again",
        dropped.failure.message,
    )


def test_one_attempt_at_connecting_is_not_counted() -> None:
    """What is final is tried once, and nothing is said of attempts."""
    with loopback.serve([ok(PICTURE)], tls=True) as server, submitting.environment():
        outcome = submitting.submit(server.url)

    assert outcome.failure.message == (
        f"the certificate of 127.0.0.1:{server.port} is not trusted (unable to get local issuer"
        " certificate); the job did not run; if a firewall or proxy of yours inspects TLS, name its"
        " CA bundle in REQUESTS_CA_BUNDLE"
    )


def test_two_attempts_at_connecting_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that was not found at first, and is not trusted then, was tried twice."""
    resolve, hitches = socket.getaddrinfo, iter([True, False])

    def hitching(*args: Any, **options: Any) -> object:
        return submitting.unresolvable() if next(hitches) else resolve(*args, **options)

    with loopback.serve([ok(PICTURE)], tls=True) as server, submitting.environment():
        monkeypatch.setattr(socket, "getaddrinfo", hitching)
        outcome = submitting.submit(server.url)

    assert "is not trusted (unable to get local issuer certificate) (2 attempts); the" in (
        outcome.failure.message
    )


@pytest.mark.parametrize(
    ("asked", "max_wait_s"), [("600", 120), ("121", 120), ("2", 1), ("1", 0.5)]
)
def test_a_busy_service_is_told_with_the_time_it_asks_for(asked: str, max_wait_s: float) -> None:
    """And with the moment that this is, by the clock here, to the second."""
    began = datetime.now().astimezone().replace(microsecond=0)
    _, outcome = served(busy(asked), limits={"max_wait_s": max_wait_s})
    ended = datetime.now().astimezone()

    shown = re.fullmatch(
        rf"the service is busy \(429 Too Many Requests: no capacity\) and it asks to come back in"
        rf" {float(asked):.0f} s, at (\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d); waited 0 s of the"
        rf" {max_wait_s:g} s that --max-wait allows; the job did not run; send it again later",
        outcome.failure.message,
    )
    assert shown is not None, outcome.failure.message
    asked_s = timedelta(seconds=float(asked))
    moment = datetime.fromisoformat(shown[1])
    assert began + asked_s - timedelta(seconds=1) < moment <= ended + asked_s


@pytest.mark.parametrize("asked", [None, "0", "soon"])
def test_a_busy_service_that_names_no_time_is_told_so(asked: str | None) -> None:
    """With what has been waited by then."""
    _, outcome = served(busy(asked), limits={"max_wait_s": 3})

    assert isinstance(outcome.failure, errors.BusyError)
    assert "and it does not say for how long; waited 3 s of the 3 s that" in outcome.failure.message


def test_a_service_is_waited_for_as_long_as_it_asks_if_that_is_all() -> None:
    """A time that is just what is left is waited."""
    _, outcome = served(busy("3"), ok(PICTURE), limits={"max_wait_s": 3})

    assert outcome.slept == [3]
    assert outcome.reporter.said == ["the service is busy (429); trying again in 3 s (attempt 2)"]


@pytest.mark.parametrize(
    ("size", "is_over"), [(1_999_999, False), (2_000_001, True), (2_300_000, True)]
)
def test_an_absurd_answer_is_taken_up_to_a_size(
    size: int, monkeypatch: pytest.MonkeyPatch, *, is_over: bool
) -> None:
    """What came by then is kept, to the byte, and the rest not waited for."""
    monkeypatch.setattr(verdicts, "ANSWER_BYTES", 2_000_000)
    picture = PICTURE + b"x" * (size - 4006 - 2) + b"\xff\xd9"
    _, outcome = served(ok(picture))

    assert outcome.held is not None
    assert outcome.held.raw.read() == picture[:2_000_000]
    if is_over:
        words = "the answer is over 2 MB, and no more of it was taken (2000000 bytes came)"
        assert words in outcome.failure.message
    else:
        assert outcome.answer.outputs


def test_a_refusal_is_not_worth_much_room() -> None:
    """A megabyte of it is taken, whatever it is; of one that may bring a picture, all."""
    shout = text("no" + " " * 3_000_000 + "end", 400)
    _, refused = served(shout)
    _, failed = served(replace(shout, status=500))

    assert refused.failure.message == "the service rejected the job (400 Bad Request: no)"
    assert refused.reporter.amounts["receive"] < 1_200_000
    assert failed.reporter.amounts["receive"] == 3_000_005


@pytest.mark.parametrize(("code", "is_kept"), [(200, True), (299, True), (400, False), (500, True)])
def test_a_picture_is_kept_unless_the_job_surely_did_not_run(code: int, *, is_kept: bool) -> None:
    """A picture that comes with a failure may be the one that was paid for."""
    _, outcome = served(replace(ok(PICTURE), status=code))

    assert (outcome.held is not None) is is_kept


@pytest.mark.parametrize("code", [400, 500])
def test_words_of_a_failure_are_not_kept(code: int) -> None:
    """There is nothing in them but what the message says."""
    _, outcome = served(text("no", code))

    assert outcome.held is None
