"""How far a request is, and how much time is left, by a clock that is handed in."""

import signal

import pytest
import submitting

from prodia_compose import errors, progress
from prodia_compose.client.transport.passage import Passage, Request, Waiting


class _Moving:
    """A passage of a body of 1000 bytes and its framing, at a time that a test sets."""

    def __init__(self, *, has_body: bool = True, **limits: float) -> None:
        self.now = 1000.0
        self.seen = submitting.Outcome()
        self.stop = progress.Stop()
        self.body = submitting.job_body(1000) if has_body else None
        self.passage = Passage(
            Request(
                service=submitting.service("http://127.0.0.1:9", **limits),
                url="",
                headers={},
                body=self.body,
                usual_seconds=6.6,
            ),
            reporter=self.seen.reporter,
            on_state=self.seen.states.append,
            stop=self.stop,
            clock=lambda: self.now,
        )

    def send(self, count: int) -> None:
        """Hand over bytes of the body, and have them leave."""
        self.passage.in_body = True
        self.passage.offer(count)
        self.passage.sent(count)

    def send_all(self) -> None:
        """Send the request from its first byte to its last."""
        self.passage.begin()
        if self.body is not None:
            self.send(self.body.length)
        self.passage.all_sent()


@pytest.mark.parametrize(
    ("early", "stalled", "limits", "left_s"),
    [
        (b"", False, {}, 5),
        (b"", True, {}, 1),
        (b"HTTP/1.1 4", False, {}, 30),
        (b"HTTP/1.1 4", True, {}, 30),
        (b"HTTP/1.1 4", False, {"timeout_s": 7}, 7),
        (b"", False, {"timeout_s": 3}, 3),
        (b"", True, {"timeout_s": 0.3}, 0.3),
    ],
)
def test_an_upload_that_ends_early_waits_for_what_may_be_on_its_way(
    early: bytes,
    stalled: bool,  # noqa: FBT001 - of a row
    limits: dict[str, float],
    left_s: float,
) -> None:
    """An answer that has begun has time; one that has not is here at once or never."""
    usual = {"stall_timeout_s": 30.0, "timeout_s": 300.0}
    moving = _Moving(has_body=True, **usual | limits)
    moving.passage.begin()
    moving.send(10)
    moving.now += 60
    moving.passage.early += early

    moving.passage.break_off(stalled=stalled)

    assert moving.passage.remaining_s() == pytest.approx(left_s)
    assert moving.passage.has_stalled is stalled
    assert not moving.passage.is_delivered
    moving.passage.abandoned()
    assert moving.seen.states == ["sending"]


def test_an_upload_that_broke_off_for_another_reason_has_not_stalled() -> None:
    """Before anything is wrong, and when it is not a lack of progress, nothing has stalled."""
    moving = _Moving()
    stalled = [moving.passage.has_stalled]

    moving.passage.begin()
    moving.passage.break_off()

    assert [*stalled, moving.passage.has_stalled] == [False, False]


def test_the_time_for_the_answer_runs_from_the_last_byte() -> None:
    """However long the upload took, an answer has all of its time, and no more."""
    moving = _Moving(timeout_s=300)
    moving.passage.begin()
    moving.now += 500
    moving.send_all()

    assert moving.passage.remaining_s() == 300
    moving.now += 301
    assert moving.passage.remaining_s() == -1


@pytest.mark.parametrize("has_body", [True, False])
def test_all_of_a_request_is_sent_once(*, has_body: bool) -> None:
    """It is told of once, when the last byte has left; and without a body there is no upload."""
    moving = _Moving(has_body=has_body)
    delivered = [moving.passage.is_delivered]
    moving.passage.begin()
    delivered.append(moving.passage.is_delivered)

    moving.send_all()
    moving.now += 5
    moving.passage.all_sent()

    assert [*delivered, moving.passage.is_delivered] == [False, False, True]
    assert moving.seen.states[-2:] == ["sending", "sent"]
    assert moving.passage.remaining_s() == 5
    assert moving.seen.reporter.phases[-1] == "waiting"
    assert ("upload" in moving.seen.reporter.phases) is has_body


def test_only_the_body_is_counted() -> None:
    """The head of a request is no progress of the upload, and its end not that of the job."""
    moving = _Moving()
    assert moving.body is not None
    moving.passage.begin()
    moving.passage.offer(moving.body.length)
    moving.passage.sent(moving.body.length)

    assert moving.passage.body_left == moving.body.length
    assert moving.seen.reporter.amounts == {"upload": 0}
    moving.passage.abandoned()
    assert moving.seen.states == ["sending"]


@pytest.mark.parametrize(
    ("before", "offered", "states"),
    [(0, 10, ["sending"]), (0, None, ["sending", "sent"]), (5, None, ["sending", "sent"])],
)
def test_what_was_handed_over_may_have_left(
    before: int, offered: int | None, states: list[errors.JobState]
) -> None:
    """Ended between handing over and noting it, the job is sent if its last byte was in it."""
    moving = _Moving()
    moving.passage.begin()
    moving.send(before)
    moving.passage.offer(moving.passage.body_left if offered is None else offered)

    moving.passage.abandoned()

    assert moving.seen.states == states


def test_a_stop_before_the_first_byte_sends_none() -> None:
    """Whoever has asked to stop by then finds the job not sent."""
    moving = _Moving()
    moving.stop.request(signal.SIGTERM)

    with pytest.raises(errors.Interrupted):
        moving.passage.begin()

    assert (moving.seen.states, moving.seen.reporter.phases) == ([], [])


@pytest.mark.parametrize(("left_s", "expected_s"), [(200, 0.1), (0.05, 0.05)])
def test_a_stop_leaves_a_moment(left_s: float, expected_s: float) -> None:
    """What is in the machine by then is still taken in; a time that is nearly up is not made longer."""
    moving = _Moving(timeout_s=300)
    moving.send_all()
    moving.now += 300 - left_s
    moving.stop.request(signal.SIGTERM)

    assert moving.passage.remaining_s() == pytest.approx(expected_s)
    moving.now += 0.04
    assert moving.passage.remaining_s() == pytest.approx(expected_s - 0.04)


@pytest.mark.parametrize(("left_s", "expected_s"), [(200, 1), (0.5, 0.5)])
def test_what_is_behind_an_answer_gets_a_second(left_s: float, expected_s: float) -> None:
    """And not even that where the time for all is up before."""
    moving = _Moving(timeout_s=300)
    moving.send_all()
    moving.now += 300 - left_s

    moving.passage.hurry()

    assert moving.passage.remaining_s() == pytest.approx(expected_s)


def test_the_wait_is_shown_in_whole_seconds() -> None:
    """As they pass, with the usual time as their total; neither before nor behind the wait."""
    moving = _Moving()
    moving.passage.begin()
    moving.passage.tick()
    moving.send_all()
    shown = []
    for seconds in (0.5, 0.49, 0.01, 1.4, 1.6, 0.5):
        moving.now += seconds
        moving.passage.tick()
        shown.append(moving.seen.reporter.amounts["waiting"])
    moving.passage.answered(7)
    moving.now += 5
    moving.passage.tick()

    assert shown == [0, 0, 1, 2, 4, 4]
    assert moving.seen.reporter.totals["waiting"] == 7
    assert moving.seen.reporter.amounts["receive"] == 0
    assert moving.seen.reporter.totals["receive"] == 7
    assert moving.seen.states[-1] == "answered"


@pytest.mark.parametrize(("usual", "total"), [(None, None), (12.4, 12)])
def test_a_wait_goes_on_behind_a_line(usual: float | None, total: int | None) -> None:
    """One that a line has ended begins again and is shown from its own beginning."""
    now, seen = [0.0], submitting.Recorder()
    waiting = Waiting(seen, lambda: now[0], usual)
    now[0] = 3.5
    assert waiting.tell() == 3.5
    waiting.begin()

    assert seen.amounts == {"waiting": 0}
    now[0] = 4
    assert waiting.tell() == 4
    assert seen.amounts == {"waiting": 4}
    assert seen.totals == {"waiting": total}
    assert seen.phases == ["waiting", "waiting"]
