"""`compose` and `validate`: the request, the steps, the report."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from prodia_compose import blob, documents, errors, planning, reporting, saving, service
from prodia_compose.cli import console, plan_report, watching
from prodia_compose.cli.options import ComposeOptions
from prodia_compose.cli.requesting import to_request
from prodia_compose.request import ComposeRequest
from prodia_compose.service import SANDBOX_TOKEN
from prodia_compose.variables import name_in_findings

if TYPE_CHECKING:  # for an annotation; `validate` must not load requests
    from prodia_compose import compose as running
    from prodia_compose import ledger

__all__ = ["compose", "validate"]


def validate(options: ComposeOptions) -> int:
    """Check and prepare everything, send nothing, report; return the exit code."""
    request = to_request(options)
    with watching.reporter(
        quiet=options.quiet, verbosity=options.verbose, as_json=options.json
    ) as reporter:
        surroundings = _surroundings(request, reporter, meanwhile=_load_what_compares)
        plan = planning.make(request, surroundings, sending=False)
    plan = _save(_compared(plan, again=options.again))
    if options.json:
        console.print_text(documents.line(documents.plan(plan)))
    else:
        _warn(() if options.strict else plan.warnings, options)
        console.print_text("\n".join(plan_report.lines(plan)))
        for error in plan.errors:
            console.tell_error(error, as_json=False)
    return int(errors.ProblemsError(plan.errors).code) if plan.errors else 0


def compose(options: ComposeOptions) -> int:
    """Make a picture and print its path; return the exit code."""
    if options.dry_run or options.save_request is not None:
        return validate(options)
    request = to_request(options)
    if options.output == "-":
        console.refuse_stdout("-", as_json=options.json)
    saved: list[str] = []
    with (
        _truthful(saved),
        _sandboxed(request) as addressed,
        watching.reporter(
            quiet=options.quiet, verbosity=options.verbose, as_json=options.json
        ) as reporter,
    ):
        surroundings = _surroundings(addressed, reporter, meanwhile=_load_what_sends)
        plan = planning.make(addressed, surroundings, sending=True)
        reporter.finish()
        warned = () if options.strict else plan.warnings
        _warn(warned, options)
        with _remembering(warned):
            ready = plan.sendable()
            if ready.place.is_stdout:  # however it was spelled: /dev/stdout, /dev/fd/1
                console.refuse_stdout(options.output, as_json=options.json)
            if console.tells_details(quiet=options.quiet, verbosity=options.verbose):
                console.tell("\n".join(plan_report.image_lines(plan)))
            done = _send(ready, options, reporter, saved)
        _tell_result(done, ready.place.path, options)
    return 0


def _tell_result(done: "running.Result", place: str, options: ComposeOptions) -> None:
    _warn(done.warnings, options)
    path = done.outputs[0].path if done.outputs else place
    if options.json:
        console.print_saved(f"{documents.line(documents.result(done))}\n".encode(), path)
        return
    for message in done.messages if not options.quiet else ():
        console.tell(f"the service says: {reporting.visible(message)}")
    if console.tells_details(quiet=options.quiet, verbosity=options.verbose):
        console.tell(plan_report.summary(done))
    if path != "-":
        console.print_path(path)


def _compared(plan: planning.Plan, *, again: bool) -> planning.Plan:
    """Look for the same job in the record, as `compose` does before it sends."""
    if plan.errors or again or plan.place is None or plan.place.skipped or _is_rehearsal(plan):
        return plan
    from prodia_compose import ledger, recording  # noqa: PLC0415 - only once all is well

    if ledger.is_off(os.environ):
        return plan
    findings = errors.Findings()
    with ledger.open_record(os.environ, create=False) as record, findings.collecting():
        recording.refuse_twin(plan, record)
    return replace(
        plan, errors=tuple(findings.errors), warnings=(*plan.warnings, *_trouble(record))
    )


def _save(plan: planning.Plan) -> planning.Plan:
    """Write the request down if that was asked for and nothing is wrong; return how it stands."""
    request, packed = plan.request, plan.packed
    if request.save_to is None or plan.errors or packed is None:
        return plan
    script = saving.script(
        packed.body, delivery=request.delivery, accept=plan.accept, digest=packed.digest
    )
    findings = errors.Findings()
    with findings.collecting():
        saving.write(request.save_to, packed.body.parts, script, over=request.save_over)
    name_in_findings(findings, request.variables)
    return replace(plan, is_saved=not findings.errors, errors=tuple(findings.errors))


def _send(
    ready: planning.Sendable,
    options: ComposeOptions,
    reporter: reporting.Reporter,
    saved: list[str],
) -> "running.Result":
    """Send the job, written down in the record unless it is the sandbox's.

    What is saved is put into `saved` at once.
    """
    from prodia_compose import compose, ledger  # noqa: PLC0415 - requests, once all is well

    environ = {"PRODIA_COMPOSE_RECORD": "off"} if _is_rehearsal(ready.plan) else os.environ
    with ledger.open_record(environ) as record:
        try:
            done = compose.run(
                ready,
                record=record,
                again=options.again,
                reporter=reporter,
                stdout=console.binary_stdout,
            )
        except (errors.ComposeError, errors.Interrupted) as ended:
            ended.warnings = _trouble(record)
            _warn(ended.warnings, options)
            raise
        saved += [output.path for output in done.outputs]
        return replace(done, warnings=(*done.warnings, *_trouble(record)))


@contextlib.contextmanager
def _truthful(saved: list[str]) -> Iterator[None]:
    """Let a signal that ends the block tell of the picture, once there is one."""
    try:
        yield
    except errors.Interrupted as signal:
        if saved:
            signal.found(saved[0])
        raise


@contextlib.contextmanager
def _remembering(warned: tuple[errors.Warned, ...]) -> Iterator[None]:
    """Put warnings into what ends the block, for its document: nothing else tells them."""
    try:
        yield
    except (errors.ComposeError, errors.Interrupted) as ended:
        ended.warnings = (*warned, *ended.warnings)
        raise


def _trouble(record: "ledger.Ledger") -> tuple[errors.Warned, ...]:
    return () if record.trouble is None else (record.trouble,)


def _is_rehearsal(plan: planning.Plan) -> bool:
    """Return whether the job goes to the sandbox: its token is not a real one."""
    if plan.request.sandbox:
        return True
    host = urlsplit(plan.request.delivery.base_url).hostname or ""
    token = None if plan.token is None else plan.token.value
    return service.is_loopback(host) and token == SANDBOX_TOKEN


def _load_what_compares() -> None:
    """Load what looks at the prompt and the record, 50 ms, while threads decode the pictures."""
    from prodia_compose import ledger, lints, recording  # noqa: F401, PLC0415


def _load_what_sends() -> None:
    """Load requests and the like, which take 80 ms, while threads decode the pictures."""
    from prodia_compose import compose, lints  # noqa: F401, PLC0415 - only to have them loaded


def _surroundings(
    request: ComposeRequest,
    reporter: reporting.Reporter,
    *,
    meanwhile: Callable[[], object] | None = None,
) -> planning.Surroundings:
    def download(url: str) -> blob.Blob:
        from prodia_compose import client  # noqa: PLC0415 - requests, where a URL was named

        return client.download(
            url,
            reporter=reporter,
            connect_timeout_s=request.delivery.connect_timeout_s,
            timeout_s=request.delivery.timeout_s,
        )

    stdin: BinaryIO | None = sys.stdin.buffer if sys.stdin is not None else None
    return planning.Surroundings(
        stdin=stdin,
        token=os.environ.get("PRODIA_TOKEN"),
        reporter=reporter,
        download=download,
        meanwhile=meanwhile,
    )


def _warn(warnings: tuple[errors.Warned, ...], options: ComposeOptions) -> None:
    if options.json or options.quiet:
        return  # in the document, or not wanted
    for warned in warnings:
        console.tell_warning(warned)


@contextlib.contextmanager
def _sandboxed(request: ComposeRequest) -> Iterator[ComposeRequest]:
    """Address a request to a stand-in that lives as long as the block, under `--sandbox`."""
    if not request.sandbox:
        yield request
        return
    from prodia_compose.sandbox import server  # noqa: PLC0415 - only where one is asked for

    with server.Sandbox(server.SandboxOptions()) as sandbox:
        yield replace(request, delivery=replace(request.delivery, base_url=sandbox.url))
