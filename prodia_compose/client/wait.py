"""A job that runs while nobody waits on the line: created, asked after, fetched.

Asking and fetching change nothing, so unlike a job they are repeated whenever
they fail in a way that may pass. Source of the paths: /reference/async.
"""

import contextlib
from dataclasses import replace
from urllib.parse import quote

from prodia_compose import errors
from prodia_compose.client import answers, verdicts
from prodia_compose.client.answers.records import JobRecord, json_value, strings
from prodia_compose.client.send import Sender, Sent, to_service
from prodia_compose.client.transport.failures import Lost
from prodia_compose.client.transport.passage import TraceOnly, Waiting

_POLL_EVERY_S = 2.0  # the service recommends nothing that could be read
_DONE = ("processed", "completed")
_GET_ATTEMPTS = 4
_STATE_BYTES = 64


class _Trouble(Exception):  # noqa: N818 - no error yet: it may pass
    """What went wrong with a question about the job; its text is a clause."""


class AsyncJob:
    """A job that the service has taken on, asked after by a sender's means."""

    def __init__(self, sender: Sender, job_id: str) -> None:
        self._sender = sender
        self._job_id = job_id
        self._place = f"/v2/job/async/{quote(job_id, safe='')}/"
        self._is_reached = False
        self._failures = 0
        self._trouble: str | None = None

    def wait(self, *, usual_seconds: float | None = None) -> None:
        """Wait until the job is done.

        Raises:
            RejectedError: The job failed.
            AuthError: The service refused the token.
            UnknownError: It is not done within `service.timeout_s`, is not known there, or
                nobody has answered so far.
            Interrupted: Somebody asked to stop; the job runs on.
        """
        shown = Waiting(self._sender.reporter, self._sender.clock, usual_seconds)
        try:
            while (state := self._state(shown)) not in (*_DONE, "failed"):
                if shown.tell() >= self._sender.service.timeout_s:
                    spent = f"done after {self._sender.service.timeout_s:g} s"
                    if self._trouble is None:
                        raise self._unsettled(f"is not {spent}")
                    raise self._unsettled(f"is not known to be {spent}: {self._trouble}")
                self._sender.sleep(_POLL_EVERY_S)
            if state == "failed":
                raise verdicts.failed(self._record(), job_id=self._job_id)
        finally:
            self._sender.reporter.finish()

    def fetch(self) -> Sent:
        """Return the pictures of the job, which is done.

        Raises:
            AuthError: The service refused the token.
            UnknownError: There is no picture, or it cannot be had; asking again may help.
            Interrupted: Somebody asked to stop.
        """
        listing = self._get("output", accept="application/json")
        outputs: list[answers.Output] = []
        messages: list[str] = []
        self._sender.reporter.start("receive")
        try:
            for name in strings(json_value(listing.raw)):
                file = self._get(f"output/{quote(name, safe='')}")
                shown = self._sender.service.token.hide(name)
                outputs += [replace(output, filename=shown) for output in file.outputs]
                if file.error and file.media_type.startswith("text/"):
                    messages.append(file.error)
        finally:
            self._sender.reporter.finish()
        if not outputs:
            raise self._unsettled("has no picture among its output")
        answer = replace(
            listing,
            outputs=tuple(outputs),
            messages=tuple(messages),
            job=JobRecord(id=self._job_id),
            error=None,
            salvaged=(),
        )
        self._sender.watch.came(answer)
        job = replace(self._record(), id=self._job_id)
        return Sent(answer=replace(answer, job=job), request_id=None, attempts=1)

    def _state(self, shown: Waiting) -> str | None:
        """Ask once; return the job's state, None if it cannot be had now.

        Some servers quote it, as JSON does.
        """
        try:
            raw = self._ask("job.state.current", "text/plain").raw
        except _Trouble as trouble:
            self._stumble(str(trouble), shown)
            return None
        self._trouble = None
        return raw.read_at(0, _STATE_BYTES).decode("ascii", "replace").strip().strip('"')

    def _stumble(self, words: str, shown: Waiting) -> None:
        """Take in that asking failed: told aloud once, as it may go on for as long as the wait.

        Raises:
            UnknownError: Nobody has answered, so that asking again will hardly help.
        """
        self._trouble = words
        self._failures += 1
        if self._failures == _GET_ATTEMPTS and not self._is_reached:
            cure = "check the network, and PRODIA_BASE_URL if it is set"
            raise self._unsettled(f"cannot be asked after: {words}", cure)
        if self._failures > 1:
            self._detail(words)
            return
        self._sender.reporter.say(f"asking after the job: {words}; asking again")
        shown.begin()

    def _record(self) -> JobRecord:
        """Return the job's record, or one that tells nothing: a picture must not wait for it."""
        with contextlib.suppress(errors.ComposeError, _Trouble):
            return self._ask("job.json?price=true", "application/json").job
        return JobRecord()

    def _get(self, path: str, *, accept: str = "*/*") -> answers.Answer:
        """Return a complete 2xx answer, asking again while what is wrong may pass."""
        number = 1
        while True:
            try:
                return self._ask(path, accept)
            except _Trouble as trouble:
                if number == _GET_ATTEMPTS:
                    raise self._unsettled(f"cannot be asked after: {trouble}") from trouble
                self._detail(str(trouble))
            self._sender.sleep(2.0 ** (number - 1))
            number += 1

    def _ask(self, path: str, accept: str) -> answers.Answer:
        """Ask once, and return the whole answer.

        Raises:
            _Trouble: Something went wrong that may pass.
        """
        request = to_service(self._sender.service, self._place + path, accept=accept)
        trace = TraceOnly(self._sender.reporter)
        try:
            with self._sender.transport(
                request,
                reporter=trace,
                on_reply=self._sender.watch.met,
                stop=self._sender.stop,
                clock=self._sender.clock,
            ) as exchange:
                heard = verdicts.hear(exchange, self._sender.service)
        except Lost as lost:
            self._sender.stop.check()
            if lost.is_final:
                words = f"cannot be asked after: {lost.words}"
                raise self._unsettled(words, verdicts.cure(lost)) from None
            raise _Trouble(lost.words) from None
        self._is_reached = True
        if heard.verdict == "read" and heard.answer.whole:
            return heard.answer
        self._sender.stop.check()
        if heard.verdict == "read":
            raise _Trouble(heard.lost.words if heard.lost else "the answer is cut short")
        if heard.verdict == "auth":
            raise verdicts.of_refusal(heard)
        if heard.verdict == "rejected":
            raise self._unsettled(f"is not known there any more, or never was ({heard.shown})")
        raise _Trouble(f"the service answered {heard.shown}")

    def _detail(self, words: str) -> None:
        self._sender.reporter.detail(f"asking after job {self._job_id}: {words}")

    def _unsettled(self, words: str, *hints: str) -> errors.UnknownError:
        """Return what is left to say about a job that was created and not brought home."""
        again = f"`prodia-compose jobs fetch {self._job_id}` tries again"
        message = f"the job {self._job_id} {words}; it may be billed"
        return errors.UnknownError(message, *hints, again, job_id=self._job_id)
