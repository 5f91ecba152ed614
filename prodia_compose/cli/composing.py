"""`compose` and `validate`: the request, the steps, the report."""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from prodia_compose import errors, progress
from prodia_compose.cli import signals, terminal, watcher
from prodia_compose.cli.options import variables
from prodia_compose.cli.options.declared import ComposeOptions
from prodia_compose.client import service
from prodia_compose.client.service import SANDBOX_TOKEN
from prodia_compose.images import fit, workers
from prodia_compose.inputs import blob
from prodia_compose.job import folder
from prodia_compose.output import places
from prodia_compose.pipeline import planner, reuse
from prodia_compose.pipeline.plan import Plan, Sendable
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.pipeline.run import Run
from prodia_compose.record import home
from prodia_compose.report import documents, summary, tables
from prodia_compose.report.catalogue import price_text

if TYPE_CHECKING:  # for an annotation; `validate` must not load sqlite3
    from prodia_compose.record import ledger


def validate(options: ComposeOptions) -> int:
    """Check and prepare everything, send nothing, report; return the exit code."""
    options = _again(options)
    request = options.request
    with watcher.reporter(options) as reporter:
        around = surroundings(request, reporter, options.warnings)
        plan = planner.make(request, around, sending=False)
    plan = _save(_compared(plan, again=options.request.again))
    _show_inputs(plan, options)
    if options.json:
        terminal.print_document(documents.plan(plan))
    else:
        terminal.tell_warnings(() if options.request.strict else plan.warnings, options)
        terminal.print_table(summary.rows(plan, exact=options.verbose > 0), gap=" ")
        if plan.errors:
            terminal.tell_error(errors.combined(plan.errors), as_json=False)
    return int(errors.ProblemsError(plan.errors).code) if plan.errors else 0


def compose(options: ComposeOptions) -> int:
    """Make a picture and print its path; return the exit code."""
    request = options.request
    if request.dry_run or request.save_to is not None:
        return validate(options)
    options = _again(options)
    request = options.request
    if request.placement.target == "-":
        terminal.refuse_stdout("-", options)
    with sandboxed(request) as addressed, watcher.reporter(options) as reporter:
        if request.placement.policy != "skip":  # which may well do without
            # What sends takes 60 ms to load, a quarter of a small job: while others look at pictures.
            workers.started(_load_ahead)
        around = surroundings(addressed, reporter, options.warnings)
        plan = planner.make(addressed, around, sending=True)
        reporter.finish()
        run = Run(
            signals.current(),
            warnings=() if options.request.strict else plan.warnings,
            request_key=plan.request_key,
            is_sandbox=is_rehearsal(request, None if plan.token is None else plan.token.value),
        )
        terminal.tell_warnings(run.warnings, options)
        with run.carried():
            if plan.is_skipped and not plan.is_reuse and plan.place is not None:
                _tell(plan, run, options, plan.place)
                return 0
            place = plan.target()
            if place.is_stdout:  # however it was spelled: /dev/stdout, /dev/fd/1
                terminal.refuse_stdout(request.placement.target, options)
            if plan.images and terminal.tells_details(options):
                rows = [*summary.image_rows(plan, exact=options.verbose > 0)]
                lines = tables.aligned(rows, terminal.layout(sys.stderr), gap=" ")
                terminal.tell("\n".join(lines))
            if plan.images:
                _show_inputs(plan, options, patience_s=2)
            run.stop.defer()  # to the end: from here on only `run` knows what to say
            if plan.is_reuse:
                reuse.take(plan, run, stdout=terminal.binary_stdout, reporter=reporter)
            else:
                ready = plan.sendable()
                if request.origin is not None:
                    price = price_text(plan.estimate) + (
                        ", no cost: sandbox" if run.is_sandbox else ""
                    )
                    reporter.say(
                        f"{request.origin} is made again, by {ready.model.short_name}: {price}"
                    )
                _send(ready, run, options, reporter)
            _write_sidecar(plan, run, options)
            with run.stop.at_once():
                _tell(plan, run, options, place)
    return 0


def _again(options: ComposeOptions) -> ComposeOptions:
    """Return the options with what an earlier job says, where one is to be made again."""
    if options.request.origin is None:
        return options
    from prodia_compose.pipeline.again import anew  # noqa: PLC0415 - only for those who ask for it
    from prodia_compose.record import ledger  # noqa: PLC0415 - sqlite3, as above

    with ledger.open_record(os.environ, create=False) as record:
        return replace(options, request=anew.request(options.request, record))


def _write_sidecar(plan: Plan, run: Run, options: ComposeOptions) -> None:
    """Write beside a picture what makes it again, if that was asked for."""
    if not plan.request.placement.sidecar or not run.saved:
        return
    from prodia_compose.pipeline.again import beside  # noqa: PLC0415 - only for those who ask for it

    warned = beside.write(plan, run, documents.result(plan, run))
    run.warnings += warned
    terminal.tell_warnings(warned, options)


def _load_ahead() -> None:
    with contextlib.suppress(Exception):  # who needs it loads it again, and says what is wrong
        importlib.import_module("prodia_compose.pipeline.send")


def _tell(plan: Plan, run: Run, options: ComposeOptions, place: places.Place) -> None:
    document = partial(documents.result, plan, run)
    outcome = summary.outcome(plan, run, exact=options.verbose > 0)
    terminal.tell_saved(options, run, place, document, details=[outcome])
    if options.preview and not options.quiet:
        from prodia_compose.cli import preview  # noqa: PLC0415 - for those who want to see

        paths = [one.absolute for one in run.saved] or [place.absolute]
        preview.show_files(paths, options.verbose, plan.request.fitting)


def _show_inputs(plan: Plan, options: ComposeOptions, patience_s: float = 20) -> None:
    if options.preview and not options.quiet:
        from prodia_compose.cli import preview  # noqa: PLC0415 - as above

        preview.show_inputs(plan, options.verbose, patience_s)


def _compared(plan: Plan, *, again: bool) -> Plan:
    """Look for the same job in the record, as `compose` does before it sends."""
    is_checked = not (plan.errors or plan.made or plan.is_skipped or plan.request.sandbox)
    claim = plan.claim() if is_checked else None
    if claim is None:
        return plan
    from prodia_compose.pipeline import twins  # noqa: PLC0415 - only once all is well
    from prodia_compose.record import ledger  # noqa: PLC0415 - only once all is well

    if home.is_off(os.environ):
        return plan
    findings = errors.Findings()
    with ledger.open_record(os.environ, create=False) as record:
        made = twins.made(claim.host, claim.request_key, record)
        with findings.collecting():
            if not again:
                twins.refuse(claim, record)
    return replace(
        plan,
        errors=tuple(findings.errors),
        warnings=(*plan.warnings, *record.warnings),
        made=made,
    )


def _save(plan: Plan) -> Plan:
    """Write the request down if that was asked for and nothing is wrong; return how it stands."""
    request, packed = plan.request, plan.packed
    if request.save_to is None or plan.errors or packed is None:
        return plan
    script = folder.script(
        packed.body, delivery=request.delivery, accept=plan.accept, digest=packed.digest
    )
    findings = errors.Findings()
    with findings.collecting():
        folder.write(
            request.save_to,
            packed.body.parts,
            script,
            over=request.placement.force,
            called=request.called("--save-request"),
        )
    return replace(plan, is_saved=not findings.errors, errors=tuple(findings.errors))


def _send(ready: Sendable, run: Run, options: ComposeOptions, reporter: progress.Reporter) -> None:
    """Send the job, written down in the record."""
    # Where it cannot be loaded, `from` alone does not see that a thread failed at it meanwhile.
    importlib.import_module("prodia_compose.pipeline.send")
    from prodia_compose.pipeline import send  # noqa: PLC0415 - requests, once all is well
    from prodia_compose.record import ledger  # noqa: PLC0415 - sqlite3, as above

    shown_count = len(run.warnings)
    # One of `--sandbox` leaves nothing behind: what stands in for the service ends with it.
    environ = {"PRODIA_COMPOSE_RECORD": "off"} if ready.plan.request.sandbox else os.environ
    try:
        with ledger.open_record(environ) as record:
            try:
                send.send(
                    ready,
                    run,
                    record=record,
                    again=options.request.again,
                    reporter=reporter,
                    stdout=terminal.binary_stdout,
                )
            finally:
                run.warnings += record.warnings
    finally:
        terminal.tell_warnings(run.warnings[shown_count:], options)


def is_rehearsal(request: ComposeRequest, token: str | None) -> bool:
    """Return whether a job will go to a sandbox, as far as can be known before it answers."""
    if request.sandbox:
        return True
    host = urlsplit(request.delivery.base_url).hostname or ""
    is_expected = token == SANDBOX_TOKEN or home.is_rehearsing(os.environ)
    return is_expected and service.is_loopback(host)


def surroundings(
    request: ComposeRequest,
    reporter: progress.Reporter,
    warnings: Sequence[errors.Warned] = (),
) -> planner.Surroundings:
    """Return what the process was given from outside; `reporter` is told of progress."""

    def download(url: str) -> blob.Blob:
        from prodia_compose.client.download import download as from_url  # noqa: PLC0415 - requests, where a URL was named

        return from_url(
            url,
            reporter=reporter,
            connect_timeout_s=request.delivery.connect_timeout_s,
            timeout_s=request.delivery.timeout_s,
        )

    stdin: BinaryIO | None = sys.stdin.buffer if sys.stdin is not None else None
    return planner.Surroundings(
        stdin=stdin,
        token=os.environ.get("PRODIA_TOKEN"),
        reporter=reporter,
        download=download,
        means=fit.Means(budget=workers.Budget(fit.BUDGET_BYTES)),
        stop=signals.current(),
        record=_earlier,
        warnings=(*warnings, *variables.unknown(os.environ)),
    )


def _earlier() -> "ledger.Ledger":
    """Return the record for looking at; it is not made."""
    from prodia_compose.record import ledger  # noqa: PLC0415 - sqlite3, where it is asked

    return ledger.open_record(os.environ, create=False)


@contextlib.contextmanager
def sandboxed(request: ComposeRequest, faults: Sequence[str] = ()) -> Iterator[ComposeRequest]:
    """Address a request to a stand-in that lives as long as the block, under `--sandbox`.

    Raises:
        errors.UsageError: There is no such fault.
    """
    if not request.sandbox:
        yield request
        return
    from prodia_compose.sandbox import server  # noqa: PLC0415 - only where one is asked for
    from prodia_compose.sandbox.faults import parse_fault  # noqa: PLC0415 - as above
    from prodia_compose.sandbox.service import SandboxOptions  # noqa: PLC0415 - as above

    options = SandboxOptions(faults=tuple(map(parse_fault, faults)))
    with server.Sandbox(options) as sandbox:
        yield replace(request, delivery=replace(request.delivery, base_url=sandbox.url))
