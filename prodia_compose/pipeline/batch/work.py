"""The rows that are due, on their way: each in a thread, from its pictures to its place."""

import queue
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import IO, Final

from prodia_compose import addresses, errors, progress
from prodia_compose.client.send import Pause
from prodia_compose.frozen import frozen
from prodia_compose.images import workers
from prodia_compose.pipeline import planner, reuse, send, twins
from prodia_compose.pipeline.again import beside
from prodia_compose.pipeline.batch import outcomes
from prodia_compose.pipeline.batch.order import Order
from prodia_compose.pipeline.batch.outcomes import Ended, Outcome
from prodia_compose.pipeline.batch.results.ends import Done, Due, End
from prodia_compose.pipeline.batch.results.file import Results
from prodia_compose.pipeline.batch.results.lines import ROW
from prodia_compose.pipeline.batch.shared import Shared
from prodia_compose.pipeline.batch.starting.desk import Desk
from prodia_compose.pipeline.plan import Plan
from prodia_compose.pipeline.run import Run
from prodia_compose.record.ledger import Ledger


@frozen
class Means:
    """What all rows share.

    Attributes:
        around: Gives the surroundings of one plan; `asked` is their `stop`.
        asked: Is set by the first signal, which ends starting and preparing.
        stop: Is set by the second signal, which ends what is on its way.
        shared: Prepares the pictures.
        most: How many rows can be on their way at one time, those that wait to be sent included.
        describe: Makes the document of a row's end.
        result: Makes the document that lies beside a picture.
        watching: Who is told of a row's progress.
        on_asked: Is told that the first signal came, once no more rows are started.
        elsewhere: How many workers of a cluster prepare them; 0 where that is done here.
    """

    around: Callable[[], planner.Surroundings]
    asked: progress.Stop
    stop: progress.Stop
    record: Ledger
    results: Results
    desk: Desk
    shared: Shared
    most: int
    describe: Callable[[End], dict[str, object]]
    result: Callable[[Plan, Run], dict[str, object]]
    watching: Callable[[Due], progress.Reporter]
    on_asked: Callable[[], None]
    elsewhere: int = 0

    def write_beside(
        self, plan: Plan | None, run: Run, recipe: Mapping[str, object] | None = None
    ) -> None:
        """Write a picture's sidecar, if one was asked for; the recipe is as for `End`."""
        if plan is not None and plan.request.placement.sidecar:
            result = self.result(plan, run)
            run.warnings += beside.write(plan, run, result | {"recipe": recipe or result["recipe"]})

    def ended(self, end: End) -> dict[str, object]:
        """Write down a row's end, and return its document.

        Raises:
            errors.OutputError: It could not be.
        """
        document = self.describe(end)
        self.results.end(document)
        return document


_MOST_THREADS: Final = 1024
"""What rows that wait for a model without room may bring the threads to."""


def do(due: Sequence[Due], jobs: int, means: Means) -> Iterator[Done]:
    """Send rows, so many at one time, and yield what became of each as it ends.

    They are taken in order. Pictures are prepared ahead for as many rows as may be on their way,
    and two more for each worker of a cluster; while the service has no room for a model, its rows
    are passed by.
    The first signal lets those that are on their way come to their end, the second ends them too.
    """
    crew = _Crew(due, jobs, means)
    is_reported = False
    left = len(due)
    if crew.grow() == 0:
        crew.work()  # no thread is to be had: one after the other, then
        crew.threads.remove(threading.current_thread())
    while left:
        if means.asked.signum is not None and not is_reported:
            is_reported = True
            means.desk.end("interrupted")
            means.on_asked()
        is_lost = crew.is_lost
        try:
            yield crew.done.get(timeout=progress.LOOK_EVERY_S)
            left -= 1
        except queue.Empty:
            if is_lost:
                what = "there is not enough memory to find out what became of the other rows"
                raise errors.UnknownError(what, "run it again: it goes on from here") from None


class _Crew:
    """The threads, and what they have before them."""

    def __init__(self, due: Sequence[Due], jobs: int, means: Means) -> None:
        # A `SimpleQueue` waits for ever where a signal's handler lasts longer than its timeout.
        self.done: queue.Queue[Done] = queue.Queue()
        self.threads: list[threading.Thread] = []
        self._means = means
        ahead = jobs + 2 * means.elsewhere
        self.order = Order(due, ahead)
        self.at_pictures = threading.Semaphore(
            ahead if means.elsewhere else max(2, workers.processors())
        )
        self._growing = threading.Lock()
        self._begun = 0
        self._enough = jobs + ahead
        self._most = min(len(due), means.most)

    @property
    def is_lost(self) -> bool:
        """Whether there were threads, and none is left."""
        is_all = 0 < self._begun == len(self.threads)
        return is_all and not any(one.is_alive() for one in self.threads)

    def grow(self) -> int:
        """Start the threads that rows which may be on their way lack; return how many there are.

        Those whose rows are passed by have something to do, and do nothing.
        """
        with self._growing:
            wanted = max(self._enough, min(self._enough + self.order.passed_by(), _MOST_THREADS))
            while self._begun < min(wanted, self._most) and workers.started(self.work):
                self._begun += 1
            return self._begun

    def work(self) -> None:
        """Take one row after the other, until there is none."""
        self.threads.append(threading.current_thread())
        while (due := self.order.take()) is not None:
            if self._means.asked.signum is not None:
                self._means.desk.end("interrupted")
            self.grow()
            self.done.put(_Row(due, self._means, self).come_to_its_end())


class _Row:
    """One row on its way."""

    def __init__(self, due: Due, means: Means, crew: _Crew) -> None:
        self._due = due
        self._means = means
        self._crew = crew
        self._is_ahead = True
        self._plan: Plan | None = None
        self._run = self._new_run(due.warnings)
        self._has_begun = False
        self._record_id: str | None = None

    def _new_run(self, warnings: Sequence[errors.Warned]) -> Run:
        due = self._due
        return Run(
            self._means.stop,
            warnings=warnings,
            request_key=due.request_key,
            is_sandbox=due.is_sandbox,
        )

    def come_to_its_end(self) -> Done:
        """Do all that is to be done for the row, and return what became of it."""
        outcome = outcomes.LOST
        try:
            end = self._end()
            outcome = outcomes.outcome(self._run, end)
            return self._write_down(end, outcome)
        except Exception as exc:  # noqa: BLE001 - the others go on, and nobody waits for this one
            outcome = replace(outcomes.outcome(self._run, exc), ends="bug")
            return self._unwritten(outcome, exc)
        finally:
            self._means.desk.leave(self._due.row.number, outcome)
            self._start_next()
            self._means.shared.leave(self._due.places)

    def _end(self) -> BaseException | None:
        """Send it, and return what stopped it."""
        try:
            self._go()
        except BaseException as exc:  # noqa: BLE001 - told by who asked for the batch
            if not self._has_begun and (lack := errors.lack(exc)):
                return errors.OutputError(f"{lack[0]}; nothing was sent", *lack[1:])
            return exc
        return None

    def _unwritten(self, outcome: Outcome, exc: Exception) -> Done:
        """Return an end that could not be written down, with what every document has."""
        due, path = self._due, next((one.path for one in self._run.saved), None)
        known = {"schema": ROW, **addresses.named("id", due.row.id), "row": due.row.number}
        document = {**known, "ok": outcome.status == "done", "output": None}
        return Done(due=due, status=outcome.status, path=path, document=document, bug=exc)

    def _write_down(self, end: BaseException | None, outcome: Outcome) -> Done:
        """Write down what became of the row, and return it."""
        means = self._means
        error = end if isinstance(end, errors.ComposeError) else None
        if isinstance(end, errors.Interrupted):
            error = outcomes.of_signal(end, outcome.status, self._run)
        self._check_price(outcome)
        means.write_beside(self._plan, self._run)
        ended = End(
            due=self._due,
            plan=self._plan,
            run=self._run,
            outcome=outcome,
            error=error,
            record_id=self._record_id,
        )
        document = means.describe(ended)
        is_untouched = not self._has_begun and isinstance(end, Ended | errors.Interrupted)
        if not is_untouched:
            try:
                means.results.end(document)
            except errors.ComposeError as lost:
                means.desk.end("disk")
                ended = replace(ended, error=error or lost)
        bug = end if isinstance(end, Exception) and ended.error is None else None
        outcomes.let_go(ended.error)
        return ended.done(document, None if is_untouched else outcome.status, bug)

    def _check_price(self, outcome: Outcome) -> None:
        """Warn of a price that is more than was set aside."""
        price, bound = outcome.price_usd, self._due.bound
        if price is not None and bound is not None and price > bound:
            words = f"the job cost ${price:f}, and should have cost ${bound:f} at most"
            warned = errors.Warned(code="price-above-bound", words=words)
            self._run.warnings = (*self._run.warnings, warned)

    def _start_next(self) -> None:
        """Let the pictures of the next row be prepared."""
        if self._is_ahead:
            self._is_ahead = False
            self._crew.order.let_in(self._due.model)

    def _go(self) -> None:
        due, means = self._due, self._means
        reporter = means.watching(due)
        around = replace(means.around(), reporter=reporter)
        with self._crew.at_pictures:
            around.stop.check()
            if means.desk.reason is not None:
                raise Ended(means.desk.reason, means.desk.why)
            plan = self._plan = planner.make(due.row.request, around, sending=True)
        run = self._run = self._new_run((*plan.warnings, *due.warnings))
        if plan.is_reuse:
            reuse.take(plan, run, stdout=no_stdout, reporter=reporter)
            return
        ready = plan.sendable()
        again = f"--rerun unknown --only {shlex.quote(due.row.id)}"
        ready = replace(ready, service=replace(ready.service, again=again))
        if plan.request_key != due.request_key:
            cure = "run the batch again"
            raise errors.InputError("its pictures have changed since the batch began", cure)
        means.desk.enter(due.row.number, due.row.id, due.model, due.bound)
        self._start_next()
        if not due.again:
            twins.refuse(ready.claim, means.record, again)
        send.send(
            ready,
            run,
            record=means.record,
            again=True,
            reporter=reporter,
            stdout=no_stdout,
            pause=self._pause,
            on_begin=self._begin,
        )

    def _pause(self, pause: Pause) -> None:
        """Wait until it may be sent once more; rows of other models go past if it has no room."""
        if not pause.is_busy:
            self._means.desk.again(self._due.row.number, pause)
            return
        with self._crew.order.held_up(self._due.model):
            self._crew.grow()
            self._means.desk.again(self._due.row.number, pause)

    def _begin(self, record_id: str | None) -> None:
        due = self._due
        self._means.results.start(
            due.row.id,
            request_key=due.request_key,
            record_id=record_id,
            reserved_usd=due.bound,
        )
        self._has_begun, self._record_id = True, record_id


def no_stdout() -> IO[bytes]:
    """Refuse standard output: a row's picture has a place."""
    raise AssertionError("a row's picture has a place")
