"""What people and scripts are told of a batch: while it runs, and in the end."""

import contextlib
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING

from prodia_compose import addresses, errors, progress
from prodia_compose.cli import terminal, watcher
from prodia_compose.cli.batch import before
from prodia_compose.cli.options.many import ManyOptions
from prodia_compose.pipeline.batch.open_files import Room
from prodia_compose.pipeline.batch.outcomes import Reason
from prodia_compose.pipeline.batch.results.due import Rerun
from prodia_compose.pipeline.batch.results.ends import Done, Due
from prodia_compose.pipeline.batch.rows.row import Row
from prodia_compose.pipeline.batch.starting.desk import Desk
from prodia_compose.pipeline.batch.survey import Survey
from prodia_compose.report import batch as documents
from prodia_compose.report.jsontext import Document

if TYPE_CHECKING:  # for an annotation; rich is loaded where there is a board
    from prodia_compose.cli.batch.board import Board

_RERUN: dict[str, Rerun] = {"unknown": "unknown", "rejected": "failed"}
"""What `--rerun` calls the rows that are sent again only if it says so."""

_RERUNS: dict[Rerun, str] = {
    "unknown": "to send what is unknown once more, if it turns out not to be billed",
    "failed": "to send what was rejected once more",
    "missing": "to make what is missing once more",
    "changed": "to make what has changed anew",
}

_ENDED = ("done", "skipped", "listed", "unknown", "rejected")
"""What running it again changes nothing about."""


class Tally:
    """Counts what became of each row, and tells it."""

    def __init__(
        self,
        options: ManyOptions,
        survey: Survey,
        passed: Sequence[errors.ComposeError],
        *,
        rows: Sequence[Row],
        is_sandbox: bool,
        bounds: Decimal,
    ) -> None:
        """Begin.

        Args:
            options: As given.
            survey: What is to be done.
            passed: What is wrong with rows that are passed over.
            rows: Those of this run, in order.
            is_sandbox: Whether all of it costs nothing.
            bounds: What earlier jobs that named no price count as, at most.
        """
        self._options = options
        self._order = {row.number: place for place, row in enumerate(rows)}
        self._survey = survey
        self._passed = passed
        self._is_sandbox = is_sandbox
        self._bounds = bounds
        self._counts: Counter[str] = Counter()
        self._unpaid: Decimal | None = Decimal(0)  # what the rows that are due again cost at most
        self._unprinted: dict[int, tuple[str | None, Document]] = {}  # by place, not printed yet
        self._next = 0
        self._failed: list[tuple[str | None, errors.ComposeError]] = []
        self._reruns: set[Rerun] = set()  # what some rows need, to be sent once more
        self._is_look = False
        self._is_any_sent = False
        self._ended = 0
        self._bug: Exception | None = None
        self._began = time.monotonic()
        self._board: Board | None = None
        self._desk: Desk | None = None
        self._warned = {(warned.code, warned.message) for _, warned in survey.warnings}

    # While it runs

    @contextlib.contextmanager
    def watching(self, desk: Desk) -> Iterator[None]:
        """Show progress in the block: a board on a terminal."""
        self._desk = desk
        is_silent = self._options.quiet or self._options.json
        if is_silent or not self._survey.due or not terminal.obeys(sys.stderr):
            yield
            return
        from prodia_compose.cli.batch import board  # noqa: PLC0415 - loads rich

        self._board = board.Board(sys.stderr, len(self._survey.due), self._options.verbose)
        try:
            yield
        finally:
            self._board.finish()
            self._board = None

    def _so_far(self, desk: Desk) -> str:
        """Return what the board says of all rows: on their way, failed, money, time left."""
        parts = [f"{desk.on_way} on the way"]
        if self._failed:
            parts.append(f"{len(self._failed)} failed")
        spent, _ = desk.money
        limit = self._options.batch.limit_usd
        parts.append(progress.usd(spent) + (f" of {progress.usd(limit)}" if limit else ""))
        if left := len(self._survey.due) - self._ended:
            seconds = round((time.monotonic() - self._began) / max(self._ended, 1) * left)
            minutes, seconds = divmod(seconds, 60)
            parts.append(f"{minutes} min {seconds:02} s left" if minutes else f"{seconds} s left")
        return ", ".join(parts)

    def watch(self, due: Due) -> progress.Reporter:
        """Return who is told of a row's progress."""
        if self._board is not None:
            return self._board.watch(due.row.id)
        return watcher.Lines(
            quiet=self._options.quiet or self._options.json,
            verbosity=self._options.verbose,
            name=due.row.id,
        )

    def tell_signal(self, signum: int | None, on_way: int) -> None:
        """Tell that no more rows are started, and what is still waited for."""
        what = self._options.batch.what
        stopped = f"stopped by {errors.Interrupted(signum or 0)}: no more {what}s are started"
        if on_way:
            waited = f"waiting for {documents.counted(on_way, what)} on the way"
            stopped += f"; {waited} (once more gives them up)"
        self._say(stopped)

    def tell_room(self, room: Room) -> None:
        """Tell, under `-v`, that open files are too few for as many rows as could be at once."""
        if self._options.verbose:
            self._say(
                f"{documents.counted(room.files, 'file')} can be open beside those that are, so "
                f"{documents.counted(room.rows, 'row')} at a time are prepared and sent; "
                "a higher limit (ulimit -n) lets more be"
            )

    def take(self, done: Done) -> None:
        """Count a row's end, and tell it once all before it are told."""
        row, status = done.due.row, done.status or "not-started"
        self._counts[status] += 1
        self._ended += 1
        self._bug = self._bug or done.bug
        if status in ("not-started", "cancelled", "busy") and self._unpaid is not None:
            bound = done.due.bound
            self._unpaid = None if bound is None else self._unpaid + bound
        self._is_any_sent |= done.status not in (None, "refused")
        self._is_look |= status in ("unknown", "rejected", "not-placed")
        if status in _RERUN:
            self._reruns.add(_RERUN[status])
        for warned in done.warnings:
            if (warned.code, warned.message) not in self._warned:
                self._tell_warning(row.id, warned)
        if done.error is not None and done.status is not None:
            self._failed.append((row.id, done.error))
            self._tell_error(f"{row.id}: {done.error.words}", done.error.hints)
        elif self._options.verbose and done.path is not None:
            self._say(f"{row.id}: saved as {done.path}")
        self._tell(row.number, done.path, {**done.document, "status": status})
        if self._board is not None and self._desk is not None:
            self._board.update(self._ended, self._so_far(self._desk))

    def leave(self) -> None:
        """Count and tell the rows that are not sent."""
        for left in self._survey.left:
            self._is_look |= left.decision.action in ("list", "refuse")
            if left.decision.rerun is not None:
                self._reruns.add(left.decision.rerun)
            if left.decision.action == "refuse":
                self._failed.append((left.row.id, errors.UnknownError(left.decision.words)))
        self._failed += [(error.row_id, error) for error in self._passed]
        self._is_look |= self._options.batch.is_compare and bool(self._passed)
        skipped = [left for left in self._survey.left if left.decision.action == "skip"]
        paths = {left.row.number: left.path for left in skipped}
        for number, document in documents.left_out(self._survey, self._passed).items():
            self._counts[str(document["status"])] += 1
            self._tell(number, paths.get(number), document)
        # Of others, not even what they ask for could be read.
        unread = {(one.line, one.row_id) for one in self._passed}
        self._counts["refused"] += len(unread) - len(self._survey.wrong)

    def _tell(self, number: int, path: str | None, document: Document) -> None:
        self._unprinted[self._order[number]] = (path, document)
        while self._next in self._unprinted:
            path, document = self._unprinted.pop(self._next)
            self._next += 1
            if self._options.json:
                terminal.print_saved(documents.line(document), path)
            elif path is not None:
                terminal.print_path(path)

    def _say(self, text: str) -> None:
        """Tell a line, unless only errors are wanted."""
        if not (self._options.quiet or self._options.json):
            self._write(f"prodia-compose: {progress.visible(text)}")

    def _tell_error(self, words: str, hints: Sequence[str] = ()) -> None:
        if not self._options.json:
            self._write(terminal.problem(words, hints))

    def _tell_warning(self, name: str, warned: errors.Warned) -> None:
        if not (self._options.quiet or self._options.json):
            self._write(terminal.warning_lines(warned.about(name)))

    def _write(self, line: str) -> None:
        if self._board is not None:
            self._board.tell(line)
        else:
            terminal.tell(line)

    # In the end

    def finish(
        self,
        desk: Desk,
        signum: int | None,
        warnings: Sequence[errors.Warned] = (),
        page: str | None = None,
    ) -> int:
        """Tell what came of it all, and return the exit code.

        Args:
            desk: Knows what was spent, and why no more rows were started.
            signum: Of the signal that stopped it; None if none did.
            warnings: What is to be told of all.
            page: Where the pictures are shown, if they are.
        """
        terminal.tell_warnings(warnings, self._options)
        done = self._counts["done"] + self._counts["skipped"]
        left = sum(self._counts.values()) - done
        stopped = desk.reason if left else None
        if self._options.json:
            spent, reserved = desk.money
            document = documents.summary(
                self._counts,
                spent=spent,
                reserved=reserved,
                failed=self._failed,
                stopped=stopped,
                next_="none" if not left else "look" if self._is_look else "run-again",
                warnings=warnings,
            )
            if self._options.batch.is_compare:
                document |= {"report": None} if page is None else addresses.named("report", page)
            terminal.print_saved(documents.line(document), None)
        else:
            self._sum_up(done, left, stopped, desk)
            if page is not None:
                what = "the pictures are" if done else "what became of them is"
                self._say(f"{what} shown in {page}")
        if self._bug is not None and not errors.lack(self._bug):
            raise self._bug  # else its row is told, and the next run goes on
        if not left:
            return 0
        if signum is not None:
            return 128 + signum
        if stopped == "cost" and not self._is_any_sent:
            return int(errors.ExitCode.COST)
        return int(errors.ExitCode.INCOMPLETE)

    def _sum_up(self, done: int, left: int, stopped: Reason | None, desk: Desk) -> None:
        """Tell what is done, what is not and why, what it cost, and what to type next."""
        what, shard = self._options.batch.what, self._options.batch.shard
        if shard is not None and not done + left:
            asked = "none of the rows asked for" if self._options.batch.only else "no row"
            self._say(f"shard {shard[0]}/{shard[1]} has {asked}: nothing to do")
            return
        if self._options.batch.is_compare and not self._options.quiet:
            before.tell_left(self._survey, self._passed)
        if stopped is not None:
            self._tell_error(f"no more {what}s were started: {desk.why}")
        others = [
            f"{count} {status}"
            for status, count in sorted(self._counts.items())
            if status not in ("done", "skipped") and count
        ]
        self._say(
            ", ".join(
                [
                    f"{done} of {documents.counted(done + left, what)} done",
                    *others,
                    self._cost(desk),
                ]
            )
        )
        if not left:
            return
        given, more = self._more_money(desk) if stopped == "cost" else ("", ())
        again = _typed(*more)
        same = "with the same input; " if self._options.batch.reads_stdin else ""
        ended = (*_ENDED, "refused") if self._options.batch.is_compare else _ENDED
        if any(count for status, count in self._counts.items() if status not in ended):
            self._say(f"to go on, {given}{same}what is done is not paid again: {again}")
        for word in sorted(self._reruns):
            more = () if word in self._options.batch.rerun else ("--rerun", word)
            words = f"{_RERUNS[word]}{', ' * bool(same)}{same.removesuffix('; ')}"
            self._say(f"{words}: {_typed(*more)}")

    def _more_money(self, desk: Desk) -> tuple[str, tuple[str, ...]]:
        """Return what a higher budget takes: words, and options for the line to go on with."""
        wishes, most = self._options.batch, dict(self._options.limits).get("budget_usd")
        if wishes.budget_usd is None:
            return "", ()
        enough = "higher"
        if wishes.shard is None and self._unpaid is not None:
            cents = (sum(desk.money) + self._unpaid).quantize(Decimal("0.01"), ROUND_UP)
            enough = str(cents)
        more = () if enough == "higher" else ("--budget", enough)  # of two the last counts
        if most is not None and (not more or float(enough) > most):  # no line can raise it
            is_alone = "budget_usd" in self._options.configured
            words = f"once the config's budget of {most:g} is {enough} (config show tells where it stands), or with --config off; "
            return words, () if is_alone else more
        if more:
            return f"with a --budget that is enough for all {wishes.what}s; ", more
        return "with a higher --budget; ", ()

    def _cost(self, desk: Desk) -> str:
        """Return what was spent, as far as it is known."""
        spent, reserved = desk.money
        spent, reserved = spent - self._bounds, reserved + self._bounds
        if self._is_sandbox:
            is_counted = self._options.batch.limit_usd is not None and spent
            counted = f" ({progress.usd(spent)} of the budget)" if is_counted else ""
            return f"no cost: sandbox{counted}"
        more = f", {progress.usd(reserved)} more at most (no price was told)" if reserved else ""
        return f"{progress.usd(spent)} spent{more}"


def _typed(*more: str) -> str:
    """Return the command line, with more options and without rehearsed faults, as a shell takes it."""
    argv = sys.argv[1:]
    end = argv.index("--") if "--" in argv else len(argv)  # what follows are no options
    left_out = {"--fault", *({"--budget"} & {*more})}
    options: list[str] = []
    for word in argv[:end]:
        if options and options[-1] in left_out:
            options.pop()  # with its value
        elif word.partition("=")[0] not in left_out or "=" not in word:
            options.append(word)
    return shlex.join(["prodia-compose", *options, *more, *argv[end:]])
