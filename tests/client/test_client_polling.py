"""Jobs that run while nobody waits on the line: created, asked after, fetched."""

import signal
from collections.abc import Callable, Sequence
from typing import Any

import loopback
import pytest
import submitting
from loopback import busy, drop, job_record, json_answer, multipart_ok, ok, status, text
from submitting import PICTURE, TOKEN, Outcome, serving

from prodia_compose import errors
from prodia_compose.client.answers.records import JobRecord
from prodia_compose.client.send import Sender
from prodia_compose.client.wait import AsyncJob
from prodia_compose.progress import Stop

JOB = loopback.JOB_ID
CREATED = json_answer(job_record(state={"current": "processing"}, price=None), 201)
FAILED = json_answer({"id": JOB, "error": f"no face, {TOKEN}"})
DONE = json_answer(job_record(state={"current": "processed"}))


def job_at(
    url: str, seen: Outcome, *, job_id: str = JOB, timeout_s: float = 10, **handed: Any
) -> AsyncJob:
    """Return a job at a server; its waits take no time."""
    service = submitting.service(url, timeout_s=timeout_s)
    usual: dict[str, Any] = {"reporter": seen.reporter, "sleep": seen.slept.append}
    return AsyncJob(Sender(service, watch=seen, **usual | handed), job_id)


def unfinished(
    script: Sequence[loopback.Answer], error: type[errors.ComposeError], seen: Outcome, **how: Any
) -> tuple[loopback.Server, errors.ComposeError]:
    """Wait for a job that ends in an error; return the server and the error."""
    with serving(*script) as server, pytest.raises(error) as caught:
        job_at(server.url, seen, **how).wait(usual_seconds=12)
    return server, caught.value


def test_a_job_is_created() -> None:
    """The body is posted to the asynchronous path, and the id comes back."""
    seen = Outcome()
    with serving(busy(), CREATED) as server:
        sender = Sender(submitting.service(server.url), watch=seen, sleep=seen.slept.append)
        created = sender.create(submitting.job_body())

    assert created.answer.job.id == JOB
    assert (created.request_id, created.attempts) == (loopback.REQUEST_ID, 2)
    assert seen.held == created.answer
    assert server.requests[1].target == "/v2/job/async?price=true"
    assert server.requests[1].headers["Accept"] == "application/json"
    assert [part.name for part in server.requests[1].parts()] == ["job", "input"]


def test_what_cannot_help_is_not_tried_again() -> None:
    """A job is not asked after again where the environment keeps anybody from connecting."""
    seen = Outcome()
    with (
        serving(DONE, tls=True, SSLKEYLOGFILE="/nowhere/keys") as server,
        pytest.raises(errors.UnknownError, match="SSLKEYLOGFILE names /nowhere/keys") as caught,
    ):
        job_at(server.url, seen).wait()

    assert f"jobs fetch {JOB}" in caught.value.message
    assert (seen.slept, server.requests) == ([], [])


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (json_answer({"error": "async not permitted"}, 400), errors.RejectedError, "async not permitted"),
        (status(400), errors.RejectedError, "try without --async: the job type may not allow it"),
        (status(401), errors.AuthError, "401"),
        (status(500), errors.UnknownError, "may be billed"),
        (json_answer({}, 201), errors.UnknownError, "without the id of a job"),
        (text("fine", 201), errors.UnknownError, "without the id of a job"),
        (json_answer({"id": JOB, "state": "failed", "error": "no"}), errors.RejectedError, "the job failed: no"),
        (drop("after"), errors.UnknownError, "closed without an answer"),
    ],
)  # fmt: skip
def test_a_job_that_is_not_created_is_told(
    answer: loopback.Answer, error: type[errors.ComposeError], words: str
) -> None:
    """Anything but a job's id is an error, and the job is sent once."""
    with serving(answer) as server, pytest.raises(error) as caught:
        Sender(submitting.service(server.url), watch=Outcome()).create(submitting.job_body())

    assert words in caught.value.message
    assert server.submissions == 1


def test_a_job_is_asked_after_until_it_is_done() -> None:
    """Each state is waited out, whatever its spelling, and passing failures are sat through."""
    seen = Outcome()
    script = [text("processing"), status(502), drop("after"), text('"processed"\n'), DONE]
    with serving(*script) as server:
        job_at(server.url, seen).wait(usual_seconds=12)

    assert seen.slept == [2, 2, 2]
    assert (seen.reporter.totals, seen.reporter.running) == ({"waiting": 12}, None)
    asked = [request.target for request in server.requests]
    assert asked == [f"/v2/job/async/{JOB}/job.state.current"] * 4
    assert all(r.headers["Authorization"] == f"Bearer {TOKEN}" for r in server.requests)


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ([text("failed"), FAILED], errors.RejectedError, "the job failed: no face, ***"),
        ([text("failed"), text("?")], errors.RejectedError, "the service does not say why"),
        ([text("processing")], errors.UnknownError, "is not done after 0.2 s"),
        ([status(404)], errors.UnknownError, "is not known there any more"),
    ],
    ids=["failed", "failed-silently", "never-done", "expired"],
)
def test_a_job_that_is_not_done_is_told(
    script: list[loopback.Answer], error: type[errors.ComposeError], words: str
) -> None:
    """A job that failed, is not done in time or is not known is told with its id, and may be billed."""
    _, shown = unfinished(script, error, Outcome(), timeout_s=0.2 if "0.2" in words else 10)

    assert words in shown.message
    assert (shown.job_id, shown.may_be_billed) == (JOB, True)


def test_a_service_that_was_never_there_is_given_up() -> None:
    """Where nobody answers, a few asks are enough; it is told at once, and in the error why."""
    seen = Outcome()
    url = f"http://127.0.0.1:{loopback.closed_port()}"
    with submitting.environment(), pytest.raises(errors.UnknownError) as caught:
        job_at(url, seen).wait()

    host = url.removeprefix("http://")
    assert seen.slept == [2, 2, 2]
    assert seen.reporter.said == [
        f"asking after the job: {host} refused the connection; asking again"
    ]
    assert f"cannot be asked after: {host} refused the connection; it may" in caught.value.message
    assert "PRODIA_BASE_URL" in caught.value.message
    assert (caught.value.job_id, caught.value.may_be_billed) == (JOB, True)


@pytest.mark.parametrize("first", [text("processing"), status(502), busy()])
def test_trouble_that_lasts_is_told_once_and_named_at_the_end(first: loopback.Answer) -> None:
    """A service that has answered is asked on until the time is over, and the error says what failed."""
    seen = Outcome()
    script = [first, *[status(502)] * 9, drop("after")]
    server, shown = unfinished(script, errors.UnknownError, seen, timeout_s=0.5)

    assert len(server.requests) > 10
    assert len(seen.reporter.said) == 1
    assert len(seen.reporter.details) >= 8
    closed = f"asking after job {JOB}: the connection was closed without an answer"
    assert seen.reporter.details[-1] == closed
    assert "asking again" in seen.reporter.said[0]
    assert seen.reporter.phases == ["waiting", "waiting"]  # the line has ended the first
    why = "is not known to be done after 0.5 s: the connection was closed without an answer;"
    assert why in shown.message


def test_trouble_that_has_passed_is_not_blamed() -> None:
    """A job that is seen at work when the time is over is told as not done, and nothing else."""
    script = [status(502), text("processing")]
    _, shown = unfinished(script, errors.UnknownError, Outcome(), timeout_s=0.2)

    assert f"the job {JOB} is not done after 0.2 s; it may be billed" in shown.message


def test_a_refused_token_is_told_while_asking() -> None:
    """A token that is refused while asking ends it."""
    server, _ = unfinished([status(401)], errors.AuthError, Outcome())

    assert len(server.requests) == 1


def test_a_stop_while_waiting_is_heeded() -> None:
    """Whoever asks to stop ends the wait between two questions; the job runs on."""
    stop = Stop()

    def stopped(_seconds: float) -> None:
        stop.request(signal.SIGHUP)

    with serving(text("processing")) as server, pytest.raises(errors.Interrupted) as caught:
        job_at(server.url, Outcome(), stop=stop, sleep=stopped).wait()

    assert caught.value.signum == signal.SIGHUP
    assert len(server.requests) == 1


def test_the_output_is_fetched() -> None:
    """Every file is fetched by its name, pictures and texts apart, failures asked for again."""
    seen = Outcome()
    script = [
        json_answer(["output 1.jpg", "a/b.txt", 7]),
        loopback.cut(ok(PICTURE), "length"),
        ok(PICTURE),
        text("looks good"),
        DONE,
    ]
    with serving(*script) as server:
        answer = job_at(server.url, seen).fetch().answer

    assert [(o.filename, o.blob.read()) for o in answer.outputs] == [("output 1.jpg", PICTURE)]
    assert answer.messages == ("looks good",)
    assert answer.job.price_usd == 0.039
    assert seen.slept == [1]
    base = f"/v2/job/async/{JOB}"
    assert [request.target for request in server.requests] == [
        f"{base}/output",
        f"{base}/output/output%201.jpg",
        f"{base}/output/output%201.jpg",
        f"{base}/output/a%2Fb.txt",
        f"{base}/job.json?price=true",
    ]


@pytest.mark.parametrize(
    "script",
    [
        [json_answer([])],
        [json_answer({"error": "?"})],
        [text("no list")],
        [multipart_ok(PICTURE)],
        [json_answer(["a.txt"]), text("only words")],
    ],
    ids=["empty", "object", "text", "parts", "no-picture"],
)
def test_output_without_a_picture_is_unknown(script: list[loopback.Answer]) -> None:
    """A list that leads to no picture is told, with the way to ask again."""
    with serving(*script) as server, pytest.raises(errors.UnknownError) as caught:
        job_at(server.url, Outcome()).fetch()

    assert f"`prodia-compose jobs fetch {JOB}` tries again" in caught.value.message


def test_what_is_fetched_is_held_before_its_record_is_asked_for() -> None:
    """Pictures are told to the watch as all that came; names lose the token, and what it cost may be missing."""
    seen = Outcome()
    script = [
        json_answer([f"{TOKEN}.jpg", "b.jpg"]),
        ok(PICTURE),
        ok(PICTURE[::-1], "image/x-odd"),
        status(502),
    ]
    with serving(*script) as server:
        sent = job_at(server.url, seen).fetch()

    assert seen.held is not None
    assert [output.filename for output in seen.held.outputs] == ["***.jpg", "b.jpg"]
    assert (seen.held.error, seen.held.salvaged, seen.held.messages) == (None, (), ())
    assert (seen.held.job, sent.answer.job) == (JobRecord(id=JOB), JobRecord(id=JOB))
    assert sent.answer.outputs == seen.held.outputs
    assert (sent.request_id, sent.attempts) == (None, 1)
    assert (seen.reporter.phases, seen.reporter.running) == (["receive"], None)
    assert [reply.status for reply in seen.replies] == [200, 200, 200, 502]
    assert f"> GET {server.url}/v2/job/async/{JOB}/output" in seen.reporter.traced


def test_only_texts_are_messages() -> None:
    """An empty file, or one of another kind, tells nobody anything."""
    seen = Outcome()
    names = ["a.jpg", "b.txt", "c.json", "d.txt"]
    script = [
        json_answer(names),
        ok(PICTURE),
        text(""),
        json_answer({"error": "odd"}),
        text("words"),
    ]
    with serving(*script, DONE) as server:
        answer = job_at(server.url, seen).fetch().answer

    assert answer.messages == ("words",)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(502), "the service answered 502 Bad Gateway"),
        (busy(), "the service answered 429 Too Many Requests: no capacity"),
        (loopback.cut(ok(PICTURE), "length"), "the connection ended in the middle of the answer"),
        (loopback.cut(ok(PICTURE), "close"), "the answer is cut short"),
        (drop("after"), "the connection was closed without an answer"),
    ],
    ids=["502", "429", "cut", "cut-by-closing", "dropped"],
)
def test_fetching_is_tried_four_times(answer: loopback.Answer, words: str) -> None:
    """What may pass is waited out, longer each time, and told in detail; in the end it is told why."""
    seen = Outcome()
    with (
        serving(json_answer(["a.jpg"]), answer) as server,
        pytest.raises(errors.UnknownError) as caught,
    ):
        job_at(server.url, seen).fetch()

    assert len(server.requests) == 1 + 4
    assert seen.slept == [1, 2, 4]
    assert seen.reporter.details == [f"asking after job {JOB}: {words}"] * 3
    assert f"the job {JOB} cannot be asked after: {words}; it may be billed" in caught.value.message
    assert seen.held is None
    assert seen.reporter.running is None


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (status(401), errors.AuthError, "refused the token (401"),
        (status(402), errors.AuthError, "the balance"),
        (status(404), errors.UnknownError, "is not known there any more, or never was (404 Not Found)"),
        (text("gone", 410), errors.UnknownError, "or never was (410 Gone: gone)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ask", [AsyncJob.wait, AsyncJob.fetch])
def test_what_will_not_pass_is_told_at_once(
    answer: loopback.Answer,
    error: type[errors.ComposeError],
    words: str,
    ask: Callable[[AsyncJob], object],
) -> None:
    """A token that is refused, and a job that is not there, are not asked for again."""
    seen = Outcome()
    with serving(answer, DONE) as server, pytest.raises(error) as caught:
        ask(job_at(server.url, seen))

    assert words in caught.value.message
    assert (len(server.requests), seen.slept) == (1, [])
    assert seen.reporter.running is None


@pytest.mark.parametrize(
    "answer", [drop("after"), status(502), loopback.cut(text("processing"), "length")]
)
@pytest.mark.parametrize("ask", [AsyncJob.wait, AsyncJob.fetch])
def test_a_stop_comes_before_any_trouble(
    answer: loopback.Answer, ask: Callable[[AsyncJob], object]
) -> None:
    """What went wrong while somebody asked to stop is neither told nor tried again."""
    seen = Outcome()
    with serving(answer) as server, pytest.raises(errors.Interrupted):
        ask(job_at(server.url, seen, transport=submitting.StoppingAtTheEnd))

    assert len(server.requests) == 1
    assert (seen.slept, seen.reporter.said, seen.reporter.details) == ([], [], [])


def test_a_stop_loses_no_state_that_is_here() -> None:
    """A job that is seen done by the time of the stop is done."""
    with serving(text("processed")) as server:
        job_at(server.url, Outcome(), transport=submitting.StoppingAtTheEnd).wait()


def test_an_odd_id_stays_in_its_place() -> None:
    """A job id that looks like a path cannot lead elsewhere."""
    server, _ = unfinished([status(404)], errors.UnknownError, Outcome(), job_id="../../x?y")

    assert server.requests[0].target == "/v2/job/async/..%2F..%2Fx%3Fy/job.state.current"


def test_five_minutes_are_told_by_the_clock_that_is_handed_in() -> None:
    """What is waited, and how long, are the caller's clock and sleep: five minutes take no time here."""
    seen = Outcome()
    asked = [text("processing")] * 200
    with serving(*asked) as server, pytest.raises(errors.UnknownError) as caught:
        job_at(server.url, seen, timeout_s=300, clock=lambda: sum(seen.slept)).wait()

    assert "is not done after 300 s" in caught.value.message
    assert sum(seen.slept) == 300
