"""`batch`: rows, what is due of them, consent, the work, and what came of it."""

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import prodia_compose
from prodia_compose import errors, progress
from prodia_compose.cli import composing, signals, tally
from prodia_compose.cli.options.declared import ManyOptions
from prodia_compose.images import cluster, fit, workers
from prodia_compose.inputs import files
from prodia_compose.pipeline import planner
from prodia_compose.pipeline.batch import placing, survey, work
from prodia_compose.pipeline.batch.budget import Budget
from prodia_compose.pipeline.batch.desk import Desk
from prodia_compose.pipeline.batch.options import BatchOptions
from prodia_compose.pipeline.batch.outcomes import Failures
from prodia_compose.pipeline.batch.results import history, names
from prodia_compose.pipeline.batch.results.due import in_shard
from prodia_compose.pipeline.batch.results.file import Results
from prodia_compose.pipeline.batch.results.lines import Header
from prodia_compose.pipeline.batch.results.standing import Standing
from prodia_compose.pipeline.batch.rows import reading
from prodia_compose.pipeline.batch.rows.row import Problem
from prodia_compose.pipeline.batch.shared import Shared
from prodia_compose.pipeline.batch.starts import Starts
from prodia_compose.record import ledger
from prodia_compose.report import batch as documents


def batch(options: ManyOptions) -> int:
    """Make the pictures of a batch; return the exit code."""
    wishes = options.batch
    with composing.sandboxed(wishes.request) as request:
        return _Batch(options, replace(wishes, request=request)).run()


class _Batch:
    """One run of a batch."""

    def __init__(self, options: ManyOptions, wishes: BatchOptions) -> None:
        self._options = options
        self._wishes = wishes
        self._file = wishes.manifest or f"--each {wishes.each}"
        self._is_sandbox = composing.is_rehearsal(wishes.request, os.environ.get("PRODIA_TOKEN"))
        self._asked, self._now = progress.Stop(), progress.Stop()
        self._stdin = self._given_stdin()
        self._cluster: cluster.Cluster | None = None

    def _given_stdin(self) -> Callable[[], BinaryIO | None]:
        """Return what gives standard input from its first byte, for each row that reads it."""
        stdin = sys.stdin.buffer if sys.stdin is not None else None
        selection = self._wishes.request.selection
        shared = (*self._wishes.shared, *(path for _, path in selection.labelled), *selection.lists)
        if stdin is None or "-" not in (*shared, self._wishes.request.prompt_file):
            return lambda: stdin
        spooled = files.spool_stdin(stdin)
        return spooled.open

    def run(self) -> int:
        """Do all of it."""
        wishes = self._wishes
        rows, problems = reading.read(wishes, self._stdin())
        self._refuse(problems)
        ids = {row.id for row in rows}
        for one in wishes.only:
            if one not in ids:
                raise errors.UsageError(f"--only {one}: no row has this id")
        mine = [
            row
            for row in rows
            if in_shard(row.id, wishes.shard) and (not wishes.only or row.id in wishes.only)
        ]
        header = Header(
            host="sandbox" if self._is_sandbox else wishes.request.delivery.host,
            is_sandbox=self._is_sandbox,
            shard=wishes.shard,
            version=prodia_compose.__version__,
        )
        whole = wishes.results or names.default_path(
            wishes.manifest, wishes.request.placement.target, is_sandbox=self._is_sandbox
        )
        path = names.of_shard(whole, wishes.shard)
        environ = {"PRODIA_COMPOSE_RECORD": "off"} if wishes.request.sandbox else os.environ
        with contextlib.ExitStack() as stack:
            is_dry = wishes.request.dry_run
            results = None
            if not is_dry:
                create = wishes.request.placement.create_dirs
                results = stack.enter_context(Results(path, header, ids=ids, create_dirs=create))
            record = stack.enter_context(ledger.open_record(environ, create=not is_dry))
            standing = Standing(
                history.read(names.family(whole), header),
                record,
                is_sandbox=self._is_sandbox,
                rerun=wishes.rerun,
                is_forced=wishes.request.placement.force,
            )
            around = self._around(record)
            found = survey.look(
                mine, around, standing, record.known_contents(), is_sandbox=self._is_sandbox
            )
            self._refuse(found.problems)
            teller = tally.Tally(self._options, mine, found, standing)
            if results is None:
                return teller.tell_plan()
            if found.due:
                self._require_token()
                self._connect(stack, around().means.budget)
                teller.ask(wishes)
            teller.tell_warnings()
            with signals.in_two_steps(self._asked, self._now):
                return self._send(found, results, record, standing, around, teller)

    def _require_token(self) -> None:
        """Stop where there is no token to send with."""
        findings, request = errors.Findings(), self._wishes.request
        known = (os.environ.get("PRODIA_TOKEN"), self._stdin(), findings)
        request.delivery.token(*known, sending=True, sandbox=request.sandbox)
        findings.raise_if_any()

    def _connect(self, stack: contextlib.ExitStack, budget: workers.Budget) -> None:
        """Connect to the cluster, if there is to be one."""
        wishes = self._wishes
        if wishes.cluster is not None:
            called = wishes.called("--cluster")
            timeout_s = wishes.request.delivery.connect_timeout_s
            connected = cluster.Cluster(
                wishes.cluster, called, connect_timeout_s=timeout_s, budget=budget
            )
            self._cluster = stack.enter_context(connected)

    def _refuse(self, problems: Sequence[Problem]) -> None:
        """Stop at what is wrong; single rows may be passed over."""
        if self._wishes.skip_invalid and not any(one.is_whole for one in problems):
            return
        found = []
        for one in problems:
            error = type(one.error)(one.words(self._file), path=one.error.path)
            error.line, error.row_id = one.line, one.id
            found.append(error)
        if found:
            raise tally.too_many(found)

    def _around(self, record: ledger.Ledger) -> Callable[[], planner.Surroundings]:
        """Return what gives the surroundings of one row while all are looked at."""
        wishes = self._wishes
        fixed = composing.surroundings(wishes.request, progress.Reporter())
        proven: set[Path] = set()
        return lambda: replace(
            fixed, stdin=self._stdin(), proven=proven, record=lambda: contextlib.nullcontext(record)
        )

    def _send(
        self,
        found: survey.Survey,
        results: Results,
        record: ledger.Ledger,
        standing: Standing,
        around: Callable[[], planner.Surroundings],
        teller: tally.Tally,
    ) -> int:
        wishes = self._wishes
        budget = Budget(wishes.budget_usd, standing.history.spent)
        max_wait_s = wishes.request.delivery.max_wait_s
        starts = Starts(wishes.jobs, wishes.rate, max_wait_s)
        desk = Desk(starts, budget, Failures(wishes.max_failures))
        places = (place for due in found.due for place in due.places)
        shared = Shared(places, self._cluster or fit.here)
        preparing = fit.Means(
            budget=around().means.budget,
            preparing=shared,
            is_elsewhere=self._cluster is not None,
        )
        means = work.Means(
            around=lambda: replace(around(), proven=None, stop=self._asked, means=preparing),
            asked=self._asked,
            stop=self._now,
            record=record,
            results=results,
            desk=desk,
            shared=shared,
            describe=documents.row,
            watching=teller.watch,
            elsewhere=0 if self._cluster is None else self._cluster.count,
        )
        with teller.watching(desk):
            for done in placing.do(found.left, standing, means):
                teller.take(done)
            for done in work.do(found.due, wishes.jobs, means):
                teller.take(done)
        return teller.finish(desk, self._asked.signum)
