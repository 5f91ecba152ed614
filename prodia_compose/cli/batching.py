"""`batch`: rows, what is due of them, consent, the work, and what came of it."""

import contextlib
import math
import os
import sys
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import prodia_compose
from prodia_compose import errors, progress
from prodia_compose.cli import composing, signals
from prodia_compose.cli.batch import before, pages, tally
from prodia_compose.cli.options.many import ManyOptions
from prodia_compose.images import cluster, fit, workers
from prodia_compose.inputs import files
from prodia_compose.pipeline import planner
from prodia_compose.pipeline.batch import open_files, placing, survey, work
from prodia_compose.pipeline.batch.options import BatchOptions
from prodia_compose.pipeline.batch.outcomes import Failures
from prodia_compose.pipeline.batch.results import history, names
from prodia_compose.pipeline.batch.results.due import in_shard
from prodia_compose.pipeline.batch.results.file import Results
from prodia_compose.pipeline.batch.results.lines import Header
from prodia_compose.pipeline.batch.results.standing import Standing
from prodia_compose.pipeline.batch.rows import compared, reading
from prodia_compose.pipeline.batch.rows.row import Problem, Row
from prodia_compose.pipeline.batch.shared import Shared
from prodia_compose.pipeline.batch.starting.budget import Budget
from prodia_compose.pipeline.batch.starting.desk import Desk
from prodia_compose.pipeline.batch.starting.starts import Starts
from prodia_compose.pipeline.plan import Plan
from prodia_compose.record import ledger
from prodia_compose.report import batch as documents
from prodia_compose.report import documents as job_documents
from prodia_compose.report.jsontext import Document


def batch(options: ManyOptions) -> int:
    """Make the pictures of a batch; return the exit code."""
    wishes = options.batch
    with composing.sandboxed(wishes.request, options.fault) as request:
        return _Batch(options, replace(wishes, request=request)).run()


class _Batch:
    """One run of a batch."""

    def __init__(self, options: ManyOptions, wishes: BatchOptions) -> None:
        self._options = options
        self._wishes = wishes
        self._is_sandbox = composing.is_rehearsal(wishes.request, os.environ.get("PRODIA_TOKEN"))
        self._asked, self._now = progress.Stop(), progress.Stop()
        self._odd = options.warnings
        self._stdin = self._given_stdin()
        self._cluster: cluster.Cluster | None = None

    def _given_stdin(self) -> Callable[[], BinaryIO | None]:
        """Return what gives standard input from its first byte, for each row that reads it."""
        stdin = sys.stdin.buffer if sys.stdin is not None else None
        if stdin is None or not self._wishes.claims_on_stdin:
            return lambda: stdin
        spooled = files.spool_stdin(stdin)
        return spooled.open

    def run(self) -> int:
        """Do all of it."""
        wishes = self._wishes
        found_rows, wrong = reading.read(wishes, self._stdin())
        rows = self._limited(found_rows)
        ids = {row.id for row in rows}
        mine = [
            row
            for row in rows
            if in_shard(row.id, wishes.shard) and (not wishes.only or row.id in wishes.only)
        ]
        header = self._header()
        whole = wishes.results or names.default_path(
            wishes.manifest, wishes.request.placement.target, is_sandbox=self._is_sandbox
        )
        is_dry = wishes.request.dry_run
        environ = {"PRODIA_COMPOSE_RECORD": "off"} if wishes.request.sandbox else os.environ
        with contextlib.ExitStack() as stack:
            results = None
            if not is_dry and not self._stops(wrong):
                results = stack.enter_context(self._held(whole, header, ids))
            record = stack.enter_context(ledger.open_record(environ, create=not is_dry))
            family = () if compared.is_nowhere(wrong) else names.family(whole)
            standing = self._standing(family, header, record)
            around = self._around(record)
            plans: dict[int, Document] = {}

            def note(row: Row, plan: Plan) -> None:
                if is_dry and self._options.json:
                    plans[row.number] = documents.planned(row, plan)

            surveyed = survey.look(
                mine,
                around,
                standing,
                record.known_contents(),
                is_sandbox=self._is_sandbox,
                budget_usd=wishes.budget_usd,
                show=note,
            )
            problems = [*wrong, *surveyed.problems, *self._token_problems(surveyed)]
            passed = self._refuse(problems, rows, surveyed)
            known = (self._options, surveyed, passed)
            if is_dry or results is None:
                before.show(*known, plans, standing.history)
                if surveyed.due and before.fitting(*known[:2], standing.history) < 1:
                    return int(errors.ExitCode.COST)
                return int(errors.ExitCode.INCOMPLETE) if self._wishes.is_compare and passed else 0
            before.tell(*known, standing.history)
            if surveyed.due:
                self._make_ready(stack, surveyed, around().means.budget)
            bounds, is_sandbox = standing.history.bounds, self._is_sandbox
            teller = tally.Tally(*known, rows=mine, is_sandbox=is_sandbox, bounds=bounds)
            teller.leave()
            with signals.in_two_steps(self._asked, self._now):
                return self._send(surveyed, results, record, standing, around, teller)

    def _held(self, whole: str, header: Header, ids: Container[str]) -> Results:
        """Return the results of this run, opened, where those of all rows are called so."""
        wishes = self._wishes
        return Results(
            names.of_shard(whole, wishes.shard),
            header,
            ids=ids,
            others=names.of_others(whole, wishes.shard),
            create_dirs=wishes.request.placement.create_dirs,
            called=wishes.called("--results"),
            what="compare" if self._wishes.is_compare else "batch",
        )

    def _limited(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return the rows, none of which may cost more than the config has as the most."""
        most = dict(self._options.limits).get("max_cost_usd", math.inf)
        higher = {row.id for row in rows if (row.request.max_cost_usd or 0) > most}
        if higher:
            which = f"{documents.counted(len(higher), 'row')} with a higher max_cost"
            words = f"max_cost: that of {which} is lowered to {most:g} by the config"
            self._odd = (*self._odd, errors.Warned(code="limit-lowered", words=words))
        return [
            replace(row, request=replace(row.request, max_cost_usd=most))
            if row.id in higher
            else row
            for row in rows
        ]

    def _standing(self, paths: Sequence[str], header: Header, record: ledger.Ledger) -> Standing:
        """Return where each row stands, and what is spent on those of this shard."""
        wishes = self._wishes
        return Standing(
            history.read(
                paths,
                header,
                lambda name: in_shard(name, wishes.shard),
                wishes.called("--results"),
            ),
            record,
            is_sandbox=self._is_sandbox,
            rerun=wishes.rerun,
            is_forced=wishes.request.placement.force,
        )

    def _header(self) -> Header:
        return Header(
            host="sandbox" if self._is_sandbox else self._wishes.request.delivery.host,
            is_sandbox=self._is_sandbox,
            shard=self._wishes.shard,
            version=prodia_compose.__version__,
        )

    def _make_ready(
        self, stack: contextlib.ExitStack, surveyed: survey.Survey, budget: workers.Budget
    ) -> None:
        """Connect to the cluster, if there is to be one; then ask for consent."""
        address, called = self._wishes.cluster, self._wishes.called("--cluster")
        if address is not None:
            timeout_s = self._wishes.request.delivery.connect_timeout_s
            connected = cluster.Cluster(address, called, connect_timeout_s=timeout_s, budget=budget)
            self._cluster = stack.enter_context(connected)
        before.ask(self._options, surveyed, is_sandbox=self._is_sandbox)

    def _token_problems(self, surveyed: survey.Survey) -> Sequence[Problem]:
        """Return what is wrong with the token, once for all rows; none that are due need none."""
        findings, request = errors.Findings(), self._wishes.request
        if surveyed.due or surveyed.problems:
            known = (os.environ.get("PRODIA_TOKEN"), self._stdin(), findings)
            is_sending = not request.dry_run
            request.delivery.token(*known, sending=is_sending, sandbox=request.sandbox)
        return [Problem(error=error, is_whole=True) for error in findings.errors]

    def _stops(self, problems: Sequence[Problem]) -> bool:
        """Return whether nothing is sent for what is wrong; single rows may be passed over."""
        is_any_whole = any(one.is_whole for one in problems)
        return is_any_whole or (bool(problems) and not self._wishes.skip_invalid)

    def _refuse(
        self, problems: Sequence[Problem], rows: Sequence[Row], surveyed: survey.Survey
    ) -> Sequence[errors.ComposeError]:
        """Return what is wrong with rows that are passed over, in their order.

        Of a compare not all can be.

        Raises:
            errors.ComposeError: Something is wrong, and they are not to be.
        """
        source, is_all = self._wishes.source, False
        if self._wishes.is_compare:
            problems = compared.merged(problems, rows)
            is_all = bool(problems) and not (surveyed.due or surveyed.left)
        wrong = []
        for one in sorted(problems, key=lambda one: one.line or 0):
            error = one.as_error(source)
            error.line, error.row_id = one.line if source else None, one.id
            wrong.append(error)
        if is_all or self._stops(problems):
            raise before.too_many(wrong, as_json=self._options.json)
        return wrong

    def _around(self, record: ledger.Ledger) -> Callable[[], planner.Surroundings]:
        """Return what gives the surroundings of one row while all are looked at."""
        wishes = self._wishes
        fixed = composing.surroundings(wishes.request, progress.Reporter(), self._odd)
        proven: set[Path] = set()
        return lambda: replace(
            fixed, stdin=self._stdin(), proven=proven, record=lambda: contextlib.nullcontext(record)
        )

    def _send(
        self,
        surveyed: survey.Survey,
        results: Results,
        record: ledger.Ledger,
        standing: Standing,
        around: Callable[[], planner.Surroundings],
        teller: tally.Tally,
    ) -> int:
        wishes = self._wishes
        budget = Budget(wishes.limit_usd, standing.history.spent)
        starts = Starts(wishes.jobs, wishes.rate, wishes.request.delivery.max_wait_s)
        desk = Desk(starts, budget, Failures(wishes.max_failures))
        room = open_files.room([due.places for due in surveyed.due], open_files.raised())
        if room.rows < min(2 * wishes.jobs, len(surveyed.due)):
            teller.tell_room(room)
        places = (place for due in surveyed.due for place in due.places)
        shared = Shared(places, self._cluster or fit.here, most_files=room.shared)
        preparing = fit.Means(
            budget=around().means.budget,
            preparing=shared,
            is_elsewhere=self._cluster is not None,
        )
        fetching = shared.fetching(around().download)
        means = work.Means(
            around=lambda: replace(
                around(), proven=None, stop=self._asked, means=preparing, download=fetching
            ),
            asked=self._asked,
            stop=self._now,
            record=record,
            results=results,
            desk=desk,
            shared=shared,
            most=room.rows,
            describe=documents.row,
            result=job_documents.result,
            watching=teller.watch,
            elsewhere=0 if self._cluster is None else self._cluster.count,
            on_asked=lambda: teller.tell_signal(self._asked.signum, desk.on_way),
        )
        with teller.watching(desk):
            if self._wishes.is_compare:
                wrong = (surveyed.wrong, surveyed.problems, standing, means)
                placing.write_refused(*wrong, is_sandbox=self._is_sandbox)
            for done in placing.do(surveyed.left, standing, means):
                teller.take(done)
            for done in work.do(surveyed.due, wishes.jobs, means):
                teller.take(done)
        findings, page = errors.Findings(), None
        findings.warnings += record.warnings
        if wishes.is_compare and wishes.results is not None:
            page = pages.make(wishes.results, record, findings)
        return teller.finish(desk, self._asked.signum, findings.warnings, page)
