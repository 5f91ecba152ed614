"""Jobs sent side by side over one desk: a busy service is waited for by all of them together."""

import threading
import time
from decimal import Decimal
from functools import partial

import loopback
import submitting

from prodia_compose import errors
from prodia_compose.client.send import Pause
from prodia_compose.pipeline.batch import outcomes
from prodia_compose.pipeline.batch.outcomes import Failures
from prodia_compose.pipeline.batch.starting.budget import Budget
from prodia_compose.pipeline.batch.starting.desk import Desk
from prodia_compose.pipeline.batch.starting.starts import Starts
from prodia_compose.pipeline.run import Run
from prodia_compose.progress import Stop

CENT = Decimal("0.01")


class Batch:
    """Jobs that are sent to a server, each in a thread, and how each ended."""

    def __init__(self, url: str, desk: Desk, models: list[str]) -> None:
        self._url = url
        self._desk = desk
        self.ends: dict[int, errors.ComposeError | None] = {}
        self.pauses: list[tuple[float, Pause]] = []
        threads = [
            threading.Thread(target=self._work, args=(number, model))
            for number, model in enumerate(models)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)

    def _work(self, number: int, model: str) -> None:
        run, seen = Run(Stop()), submitting.Outcome()
        try:
            self._desk.enter(number, str(number), model, CENT)
        except errors.ComposeError as error:
            self.ends[number] = error
            return
        to = submitting.service(self._url, max_wait_s=0)
        submitting.submit(to, seen=seen, pause=partial(self._pause, number))
        run.state = seen.states[-1]
        self.ends[number] = seen.error
        self._desk.leave(number, outcomes.outcome(run, seen.error))

    def _pause(self, number: int, pause: Pause) -> None:
        self.pauses.append((time.monotonic(), pause))
        self._desk.again(number, pause)


def _served(
    script: list[loopback.Answer], models: list[str], starts: Starts, *, failures: int | None = None
) -> tuple[loopback.Server, Batch, Desk]:
    desk = Desk(starts, Budget(Decimal(1)), Failures(failures))
    with submitting.serving(*script) as server:
        return server, Batch(server.url, desk, models), desk


def test_a_busy_answer_to_one_holds_up_all_until_its_time() -> None:
    """No job is lost, and none is sent while the service has asked for peace."""
    script = [loopback.busy("1"), *[loopback.multipart_ok(submitting.PICTURE)] * 6]
    server, batch, desk = _served(script, ["a"] * 6, Starts(1, None, 120))

    assert batch.ends == dict.fromkeys(range(6))
    assert server.submissions == 7
    assert [pause.asked_s for _, pause in batch.pauses] == [1]
    assert time.monotonic() - batch.pauses[0][0] >= 1
    assert desk.money == (Decimal(0), 6 * CENT)  # this server names no price


def test_a_service_without_room_is_given_up_for_all() -> None:
    """One job finds out; the others are told the same without having been sent."""
    server, batch, desk = _served([loopback.busy("900")] * 9, ["a"] * 9, Starts(1, None, 120))

    assert server.submissions == 1
    assert {type(end) for end in batch.ends.values()} == {errors.BusyError}
    assert (desk.reason, desk.money) == (None, (Decimal(0), Decimal(0)))


def test_a_refused_token_is_met_once() -> None:
    """The other jobs are not sent to be refused like it."""
    server, batch, desk = _served([loopback.status(401)] * 9, ["a"] * 9, Starts(1, None, 120))

    assert server.submissions == 1
    assert (
        sorted(type(end).__name__ for end in batch.ends.values()) == ["AuthError"] + ["Ended"] * 8
    )
    assert (desk.reason, desk.money) == ("auth", (Decimal(0), Decimal(0)))


def test_three_unknown_outcomes_end_the_batch() -> None:
    """What may be billed keeps its money, and no fourth is sent."""
    script = [loopback.drop("after")] * 9
    server, batch, desk = _served(script, ["a", "b", "c"] * 3, Starts(1, None, 120))

    assert server.submissions == 3
    assert sum(isinstance(end, errors.UnknownError) for end in batch.ends.values()) == 3
    assert (desk.reason, desk.money) == ("failures", (Decimal(0), 3 * CENT))
