"""`compose` and `validate`: the request, the steps, the report."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from prodia_compose import blob, documents, errors, planning, reporting
from prodia_compose.cli import console, plan_report, progress
from prodia_compose.cli.options import ComposeOptions
from prodia_compose.cli.requesting import to_request
from prodia_compose.request import ComposeRequest

__all__ = ["compose", "validate"]


def validate(options: ComposeOptions) -> int:
    """Check and prepare everything, send nothing, report; return the exit code."""
    options = replace(options, dry_run=True)
    request = to_request(options)
    with progress.reporter(quiet=options.quiet, verbosity=options.verbose) as reporter:
        plan = planning.make(request, _surroundings(request, reporter), sending=False)
    if options.json:
        console.print_text(documents.line(documents.plan(plan)))
    else:
        _warn(plan.warnings, options)
        console.print_text("\n".join(plan_report.lines(plan)))
        for error in plan.errors:
            console.tell_error(error, as_json=False)
    return int(errors.ProblemsError(plan.errors).code) if plan.errors else 0


def compose(options: ComposeOptions) -> int:
    """Make a picture and print its path; return the exit code."""
    if options.dry_run:
        return validate(options)
    request = to_request(options)
    if options.output == "-" and console.is_terminal(sys.stdout):
        raise errors.UsageError("-o -: standard output is a terminal; redirect it, or name a file")
    with (
        _sandboxed(request) as addressed,
        progress.reporter(quiet=options.quiet, verbosity=options.verbose) as reporter,
    ):
        plan = planning.make(addressed, _surroundings(addressed, reporter), sending=True)
        reporter.finish()
        _warn(plan.warnings, options)
        ready = plan.sendable()
        if not options.quiet and (options.verbose or console.is_terminal(sys.stderr)):
            console.tell("\n".join(plan_report.image_lines(plan)))
        from prodia_compose import compose as running  # noqa: PLC0415 - requests, once all is well

        done = running.run(ready, reporter=reporter, stdout=console.binary_stdout)
    _warn(done.warnings, options)
    if options.json:
        console.print_text(documents.line(documents.result(done)))
        return 0
    for message in done.messages if not options.quiet else ():
        console.tell(f"the service says: {reporting.visible(message)}")
    if not options.quiet and (options.verbose or console.is_terminal(sys.stderr)):
        console.tell(plan_report.summary(done))
    path = done.outputs[0].path if done.outputs else ready.place.path
    if path != "-":
        console.print_path(path)
    return 0


def _surroundings(request: ComposeRequest, reporter: reporting.Reporter) -> planning.Surroundings:
    def download(url: str) -> blob.Blob:
        from prodia_compose import client  # noqa: PLC0415 - requests, where a URL was named

        return client.download(
            url, reporter=reporter, connect_timeout_s=request.delivery.connect_timeout_s
        )

    stdin: BinaryIO | None = sys.stdin.buffer if sys.stdin is not None else None
    return planning.Surroundings(
        stdin=stdin, token=os.environ.get("PRODIA_TOKEN"), reporter=reporter, download=download
    )


def _warn(warnings: tuple[errors.Warned, ...], options: ComposeOptions) -> None:
    if options.json or options.quiet or options.strict:
        return  # in the document, not wanted, or told as errors
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
