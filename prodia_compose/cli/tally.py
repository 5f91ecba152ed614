"""What people and scripts are told of a batch: before it, while it runs, and in the end."""

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from prodia_compose import errors, progress
from prodia_compose.cli import terminal, watcher
from prodia_compose.cli.options.many import ManyOptions
from prodia_compose.pipeline.batch.desk import Desk
from prodia_compose.pipeline.batch.options import BatchOptions
from prodia_compose.pipeline.batch.results.standing import Standing
from prodia_compose.pipeline.batch.rows.row import Row
from prodia_compose.pipeline.batch.survey import Left, Survey
from prodia_compose.pipeline.batch.work import Done, Due
from prodia_compose.report import batch as documents
from prodia_compose.report.jsontext import Document

if TYPE_CHECKING:  # for an annotation; rich is loaded where there is a board
    from prodia_compose.cli.board import Board

_MOST_TOLD = 20  # in full
_MOST_NAMED = 200

_STOPPED = {
    "auth": "the token was refused",
    "balance": "the balance does not pay for more",
    "cost": "the budget has no room for the next row",
    "disk": "a disk is full",
    "failures": "too many rows failed, one after the other (--max-failures)",
    "interrupted": "it was stopped",
    "bug": "this is a bug; please report it",
}


def too_many(found: Sequence[errors.ComposeError]) -> errors.ComposeError:
    """Return what is wrong as one error, of which no more is told than can be read."""
    shown = [*found[:_MOST_TOLD]]
    if rest := len(found) - len(shown):
        more = type(found[-1])(f"and {rest} more problems; --json lists them all")
        shown.append(more)
    return errors.combined(shown)


class Tally:
    """Counts what became of each row, and tells it."""

    def __init__(
        self, options: ManyOptions, rows: Sequence[Row], found: Survey, standing: Standing
    ) -> None:
        self._options = options
        self._order = {row.number: place for place, row in enumerate(rows)}
        self._found = found
        self._standing = standing
        self._counts: Counter[str] = Counter()
        self._told: dict[int, tuple[str | None, Document]] = {}  # by place, not printed yet
        self._next = 0
        self._failed: list[tuple[str, errors.ComposeError]] = []
        self._look = False
        self._sent = self._ended = 0
        self._bug: Exception | None = None
        self._began = time.monotonic()
        self._board: Board | None = None
        self._desk: Desk | None = None
        for left in found.left:
            self._leave(left)

    # Before

    def ask(self, wishes: BatchOptions) -> None:
        """Ask whether to spend, unless that is settled.

        Raises:
            errors.UsageError: There is nobody to ask.
            errors.CostError: The answer is no.
        """
        if (
            wishes.yes
            or wishes.budget_usd is not None
            or all(d.is_sandbox for d in self._found.due)
        ):
            return
        due = self._found.due
        models = ", ".join(dict.fromkeys(one.model for one in due))
        unknown = f", {self._found.unpriced} of unknown price" if self._found.unpriced else ""
        what = f"{len(due)} rows ({models}), at least ${self._found.least_usd:.2f}{unknown}"
        can_ask = terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stderr)
        if not can_ask or self._options.json:
            cure = "--budget USD caps it, -y sends without asking"
            raise errors.UsageError(f"{what}: nobody has agreed to that; {cure}")
        sys.stderr.write(f"prodia-compose: send {what}? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise errors.UsageError("nothing was sent")

    def tell_warnings(self) -> None:
        """Tell what is odd about rows, each with the row's id."""
        warnings = self._found.warnings
        for row, warned in warnings[:_MOST_TOLD]:
            message = f"{row.id}: {warned.message}"
            terminal.tell_warnings(
                [errors.Warned(code=warned.code, message=message)], self._options
            )
        if rest := len(warnings) - len(warnings[:_MOST_TOLD]):
            terminal.tell_warnings(
                [errors.Warned(code=warnings[-1][1].code, message=f"and {rest} more warnings")],
                self._options,
            )
        if not (self._options.quiet or self._options.json):
            self._tell_left()

    def _tell_left(self) -> None:
        """Tell which rows are left as they are, each by its name."""
        left = [one for one in self._found.left if one.decision.action in ("list", "refuse")]
        for one in left[:_MOST_TOLD]:
            words = progress.visible(f"{one.row.id}: {one.decision.words}")
            terminal.tell(f"prodia-compose: {words}")
        more: dict[str, list[str]] = {}
        for one in left[_MOST_TOLD:]:
            word = one.decision.rerun
            cure = "--json tells why" if word is None else f"--rerun {word} sends them once more"
            more.setdefault(cure, []).append(one.row.id)
        for cure, names in more.items():
            shown = ", ".join(names[:_MOST_NAMED])
            dots = "" if len(names) <= _MOST_NAMED else ", ..."
            words = progress.visible(f"{len(names)} more are left so: {shown}{dots}; {cure}")
            terminal.tell(f"prodia-compose: {words}")

    # While it runs

    @contextlib.contextmanager
    def watching(self, desk: Desk) -> Iterator[None]:
        """Show progress in the block: a board on a terminal."""
        self._desk = desk
        if self._options.quiet or self._options.json or not terminal.obeys(sys.stderr):
            yield
            return
        from prodia_compose.cli import board  # noqa: PLC0415 - loads rich

        self._board = board.Board(sys.stderr, len(self._found.due))
        try:
            yield
        finally:
            self._board.finish()
            self._board = None

    def _so_far(self) -> str:
        """Return what the board says of all rows: on their way, failed, money, time left."""
        if self._desk is None:
            return ""
        told = [f"{self._desk.on_way} on the way"]
        if self._failed:
            told.append(f"{len(self._failed)} failed")
        spent, _ = self._desk.money
        limit = self._options.batch.budget_usd
        told.append(f"${spent:.2f}" if limit is None else f"${spent:.2f} of ${limit:.2f}")
        if left := len(self._found.due) - self._ended:
            seconds = round((time.monotonic() - self._began) / max(self._ended, 1) * left)
            minutes, seconds = divmod(seconds, 60)
            told.append(f"{minutes} min {seconds:02} s left" if minutes else f"{seconds} s left")
        return ", ".join(told)

    def watch(self, due: Due) -> progress.Reporter:
        """Return who is told of a row's progress."""
        if self._board is not None:
            return self._board.watch(due.row.id)
        return watcher.Lines(
            quiet=self._options.quiet or self._options.json, verbosity=self._options.verbose
        )

    def take(self, done: Done) -> None:
        """Count a row's end, and tell it once all before it are told."""
        row, status = done.due.row, done.status or "not-started"
        self._counts[status] += 1
        self._ended += 1
        self._bug = self._bug or done.bug
        self._sent += done.status not in (None, "refused")
        self._look |= status in ("unknown", "rejected", "not-placed")
        if done.error is not None and done.status is not None:
            self._failed.append((row.id, done.error))
            self._say(f"{row.id}: {done.error.message}")
        elif self._options.verbose and done.path is not None:
            self._say(f"{row.id}: {done.path}")
        self._tell(row, done.path, {**done.document, "status": status})
        if self._board is not None:
            self._board.update(self._ended, self._so_far())

    def _leave(self, left: Left) -> None:
        action = left.decision.action
        if action == "place":
            return  # its end is told by whoever places it
        status = {"skip": "skipped", "list": "listed", "refuse": "refused"}[action]
        self._counts[status] += 1
        self._look |= action in ("list", "refuse")
        path = left.path if action == "skip" else None
        words = left.decision.words or None
        document = documents.unsent(left.row.number, left.row.id, status, words, path=path)
        self._tell(left.row, path, document)
        if action == "refuse":
            error = errors.UnknownError(f"{left.row.id}: {left.decision.words}")
            self._failed.append((left.row.id, error))

    def _tell(self, row: Row, path: str | None, document: Document) -> None:
        self._told[self._order[row.number]] = (path, document)
        while self._next in self._told:
            path, document = self._told.pop(self._next)
            self._next += 1
            if self._options.json:
                terminal.print_saved(documents.line(document), path or "")
            elif path is not None:
                terminal.print_path(path)

    def _say(self, text: str) -> None:
        if self._options.quiet or self._options.json:
            return
        line = f"prodia-compose: {progress.visible(text)}"
        if self._board is not None:
            self._board.tell(line)
        else:
            terminal.tell(line)

    # In the end

    def finish(self, desk: Desk, signum: int | None) -> int:
        """Tell what came of it all, and return the exit code."""
        if self._bug is not None:
            raise self._bug
        done = self._counts["done"] + self._counts["skipped"]
        rows = len(self._order)
        spent, reserved = desk.money
        stopped = desk.reason if done < rows else None
        next_ = "none" if done == rows else "look" if self._look else "run-again"
        if self._options.json:
            document = documents.summary(
                self._counts,
                spent=spent,
                reserved=reserved,
                failed=self._failed,
                stopped=stopped,
                next_=next_,
            )
            terminal.print_saved(documents.line(document), "")
        elif not self._options.quiet:
            self._sum_up(done, rows, stopped, f"${spent:.2f}", next_)
        if done == rows:
            return 0
        if signum is not None:
            return 128 + signum
        if stopped == "cost" and not self._sent:
            return int(errors.ExitCode.COST)
        return int(errors.ExitCode.INCOMPLETE)

    def _sum_up(self, done: int, rows: int, stopped: str | None, spent: str, next_: str) -> None:
        words = [f"{done} of {rows} rows done", f"{spent} spent"]
        others = [
            f"{count} {status}"
            for status, count in sorted(self._counts.items())
            if status not in ("done", "skipped") and count
        ]
        terminal.tell(f"prodia-compose: {', '.join([*words, *others])}")
        if stopped is not None:
            terminal.tell(f"prodia-compose: no more rows were started: {_STOPPED[stopped]}")
        if next_ == "run-again":
            terminal.tell("prodia-compose: run it again: what is done is not paid twice")
        elif next_ == "look":
            terminal.tell("prodia-compose: look at the rows named above before you run it again")

    def tell_plan(self) -> int:
        """Tell what would be sent (`-n`), and return the exit code."""
        found = self._found
        most = "unknown" if found.most_usd is None else f"${found.most_usd:.2f}"
        for due in found.due:
            price = "unknown" if due.bound is None else f"${due.bound:.2f}"
            terminal.print_text(f"{progress.visible(due.row.id)}  {due.model}  {price}")
        terminal.print_text(
            f"{len(found.due)} rows due, {len(found.left)} not; "
            f"at least ${found.least_usd:.2f}, at most {most}"
        )
        return 0
