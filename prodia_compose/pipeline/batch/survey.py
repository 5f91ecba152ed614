"""All rows looked at before the first is sent: what is due, at what price, and what is wrong."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from prodia_compose import addresses, errors
from prodia_compose.frozen import frozen
from prodia_compose.inputs.entries import Entry, open_input
from prodia_compose.models.facts import Estimate
from prodia_compose.pipeline import planner, reuse
from prodia_compose.pipeline.batch.results.due import Decision
from prodia_compose.pipeline.batch.results.ends import Due
from prodia_compose.pipeline.batch.results.standing import Standing
from prodia_compose.pipeline.batch.rows.row import Problem, Row
from prodia_compose.pipeline.plan import Plan
from prodia_compose.pipeline.request import ComposeRequest

_OF_ALL = (
    *("no-token", "unknown-variable"),
    *("unknown-option", "limit-lowered", "config-unavailable"),
)
"""Warnings that are no row's own: told once."""

_OF_PICTURES = ("c2pa-not-sent",)
"""Those that name the pictures they are about, which many rows can share: each told once."""


@frozen
class Left:
    """A row that is not sent in this run.

    Attributes:
        path: Where its picture is, if it is skipped.
    """

    row: Row
    decision: Decision
    path: str | None = None


@frozen
class Survey:
    """What there is to do.

    Attributes:
        due: The rows to send, in order.
        left: Those that are not sent: skipped, listed, placed from a kept copy, or refused.
        wrong: The rows with problems.
        problems: What is wrong with rows, in order; with the token nothing is.
        warnings: What is odd, each with the row that it is about; None for all of them.
        least_usd: What the rows that are due cost at least, as far as prices are known.
        most_usd: What they cost at most; None if that is not known of one.
        unpriced: Of how many no price is known.
    """

    due: tuple[Due, ...]
    left: tuple[Left, ...]
    wrong: tuple[Row, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[tuple[Row | None, errors.Warned], ...]
    least_usd: Decimal
    most_usd: Decimal | None
    unpriced: int


def look(
    rows: Sequence[Row],
    around: Callable[[], planner.Surroundings],
    standing: Standing,
    known: Mapping[tuple[str, int, int], str],
    *,
    is_sandbox: bool,
    budget_usd: Decimal | None = None,
    show: Callable[[Row, Plan], None] = lambda _row, _plan: None,
) -> Survey:
    """Look at rows, by their headers at most, and return what there is to do.

    Args:
        rows: In order.
        around: Gives the surroundings of one row, standard input from its first byte.
        standing: What became of them in earlier runs.
        known: What is in files, by path from the root, size and time: not read again.
        is_sandbox: Whether they cost nothing.
        budget_usd: What all of them may cost, so that each needs a price; None if there is no limit.
        show: Is shown each row that is due, and its plan.
    """
    contents = _Contents(known)
    surveyor = _Surveyor(around, standing, contents, budget_usd, is_sandbox=is_sandbox, show=show)
    for row in rows:
        surveyor.take(row)
    return surveyor.survey()


class _Surveyor:
    """Looks at one row after the other."""

    def __init__(
        self,
        around: Callable[[], planner.Surroundings],
        standing: Standing,
        contents: "_Contents",
        budget_usd: Decimal | None,
        *,
        is_sandbox: bool,
        show: Callable[[Row, Plan], None],
    ) -> None:
        self._around = around
        self._standing = standing
        self._contents = contents
        self._budget_usd = budget_usd
        self._is_sandbox = is_sandbox
        self._show = show
        self._due: list[Due] = []
        self._left: list[Left] = []
        self._wrong: list[Row] = []
        self._problems: list[Problem] = []
        self._warnings: list[tuple[Row | None, errors.Warned]] = []
        self._reported: set[str] = set()
        self._firsts: dict[str, Row] = {}  # by what they ask for
        self._estimates: list[Estimate] = []

    def survey(self) -> Survey:
        """Return all that was found."""
        known = [one for one in self._estimates if one.maximum_usd is not None]
        most = sum((Decimal(str(one.maximum_usd)) for one in known), Decimal(0))
        return Survey(
            due=tuple(self._due),
            left=tuple(self._left),
            wrong=tuple(self._wrong),
            problems=tuple(self._problems),
            warnings=tuple(self._warnings),
            least_usd=sum((Decimal(str(one.minimum_usd or 0)) for one in known), Decimal(0)),
            most_usd=most if len(known) == len(self._estimates) else None,
            unpriced=len(self._estimates) - len(known),
        )

    def take(self, row: Row) -> None:
        """Look at a row."""
        planned = planner.Planner(row.request, self._around())
        said, key = planned.said, None
        with contextlib.suppress(errors.ComposeError, OSError):
            if said.asked is not None and said.is_complete:
                key = said.asked.key(
                    [self._contents.digest(one, self._around) for one in said.named]
                )
        decision = Decision(action="send") if key is None else self._standing.decide(row.id, key)
        if decision.action != "send":
            last = self._standing.last.get(row.id)
            path = last.pictures[0].path if last is not None and last.pictures else None
            if path and said.path and addresses.absolute(path) == addresses.absolute(said.path):
                path = said.path
            if decision.rerun == "unknown" and said.path and os.path.lexists(said.path):
                why = f"{decision.why}; a file is in its place, {said.path}: look at it"
                decision = replace(decision, why=why)
            self._left.append(Left(row=row, decision=decision, path=path))
            return
        request = row.request
        if decision.replaces:
            request = _replacing(request)
            planned = planner.Planner(request, self._around())
        plan = planned.plan(sending=False, decoding=False)
        if plan.is_skipped and plan.place is not None:
            skipped = Decision(action="skip", why="its place is taken, and is left as it is")
            self._left.append(Left(row=row, decision=skipped, path=plan.place.path))
            return
        twins = () if key is None or plan.errors else self._twins(row, key)
        wrong = [*self._errors(plan, twins)]
        self._problems += [Problem(error=error, line=row.line, id=row.id) for error in wrong]
        self._warnings += [
            (None if warned.code in (*_OF_ALL, *_OF_PICTURES) else row, warned)
            for warned in plan.warnings
            if not self._is_reported(warned)
        ]
        if not wrong and plan.model is not None and key is None:
            error = errors.InputError("its pictures changed meanwhile", "run it again")
            self._problems.append(Problem(error=error, line=row.line, id=row.id, is_whole=False))
        if wrong or key is None or plan.model is None:
            self._wrong.append(row)
            return
        self._warnings += [(row, one) for one in twins]
        self._estimates.append(plan.estimate)
        self._show(row, replace(plan, request_key=key, warnings=(*plan.warnings, *twins)))
        most = plan.estimate.maximum_usd
        self._due.append(
            Due(
                row=replace(row, request=request),
                model=plan.model.short_name,
                bound=None if most is None else Decimal(str(most)),
                request_key=key,
                places=tuple(one.place for one in said.named),
                again=decision.again or row.request.again,
                is_sandbox=self._is_sandbox,
                warnings=twins,
            )
        )

    def _is_reported(self, warned: errors.Warned) -> bool:
        """Return whether an earlier row has told of the same, where once is enough."""
        if warned.code not in (*_OF_ALL, *_OF_PICTURES):
            return False
        subject = warned.code if warned.code in _OF_ALL else warned.message
        is_reported = subject in self._reported
        self._reported.add(subject)
        return is_reported

    def _errors(self, plan: Plan, twins: Sequence[errors.Warned]) -> Iterator[errors.ComposeError]:
        """Yield what is wrong with a row; the token is not its own."""
        if plan.request.strict:
            yield from (errors.InputError(f"{one.words} (--strict)", *one.hints) for one in twins)
        yield from (one for one in plan.errors if not isinstance(one, errors.AuthError))
        limit = self._budget_usd
        if limit is not None and plan.model is not None and plan.estimate.maximum_usd is None:
            what = f"the price of {plan.model.short_name} is unknown; nothing was sent"
            cure = "--assume-price USD says what it may be"
            yield errors.CostError(f"--budget {limit:f}: {what}", cure)

    def _twins(self, row: Row, key: str) -> tuple[errors.Warned, ...]:
        """Return the warning that an earlier row asks for the same, if one does."""
        first = self._firsts.setdefault(key, row)
        if first is row or row.repeat:
            return ()
        words = f"asks for the same picture as {first.id}; both are paid for"
        return (errors.Warned(code="duplicate-row", words=words),)


def _replacing(request: ComposeRequest) -> ComposeRequest:
    """Return a request that may write over its place: what stands there is of the same row."""
    return replace(request, placement=replace(request.placement, force=True, if_exists=None))


class _Contents:
    """What is in the pictures, each read once."""

    def __init__(self, known: Mapping[tuple[str, int, int], str]) -> None:
        self._known = known
        self._found: dict[str, str] = {}

    def digest(self, entry: Entry, around: Callable[[], planner.Surroundings]) -> str:
        """Return what a request key has of an input.

        Raises:
            errors.ComposeError: It cannot be read.
            OSError: Likewise.
        """
        if entry.is_url:
            return entry.path
        place = entry.place
        if place not in self._found:
            given = around()
            source = open_input(entry, 1, stdin=given.stdin, download=given.download)
            found = reuse.content(source, lambda *status: self._known.get((place, *status)))
            self._found[place] = found.sha256
        return self._found[place]
