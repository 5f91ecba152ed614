"""`jobs fetch`: bring a picture that did not arrive."""

import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from prodia_compose import errors
from prodia_compose.cli import signals, terminal, watcher
from prodia_compose.cli.options.declared import FetchOptions
from prodia_compose.client.service import (
    SANDBOX_TOKEN,
    Service,
    is_loopback,
    normalise_base_url,
)
from prodia_compose.output import names, places
from prodia_compose.output.options import OutputFormat, Placement
from prodia_compose.progress import visible
from prodia_compose.record import ledger
from prodia_compose.record.entries import Entry
from prodia_compose.report import documents
from prodia_compose.report import jobs as job_documents

_SERVICE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def fetch(options: FetchOptions) -> int:
    """Bring a job's picture that did not arrive: one kept aside, or an --async job's.

    \b
    prodia-compose jobs fetch 3f9c
    prodia-compose jobs fetch 3f9c -o out.jpg --create-dirs

    The kept copy is not deleted; remove it yourself, or with `jobs clean`.
    """  # noqa: D301
    from prodia_compose.pipeline import fetch as fetching  # noqa: PLC0415 - requests and Pillow
    from prodia_compose.pipeline.run import Run  # noqa: PLC0415 - as above

    with (
        ledger.open_record(os.environ, create=False) as record,
        watcher.reporter(options) as reporter,
    ):
        terminal.tell_warnings(options.warnings, options)
        entry = _known(record, options.job)
        source = fetching.find(entry, options.job)
        target = options.output or (entry.output if entry else "composed.jpg")
        findings = errors.Findings()
        place, address = None, None
        with findings.collecting():
            place = _place(options, target)
        if not source.kept:
            with findings.collecting():
                address = _service(options, entry)
        if place is None or findings.errors:
            raise errors.combined(findings.errors)
        run = Run(signals.current())
        with run.carried():
            fetching.fetch(
                source,
                run,
                service=address,
                place=place,
                format_=_format(target),
                record=record,
                reporter=reporter,
                stdout=terminal.binary_stdout,
            )
            known = [record.find(entry.id)] if entry else []
            with run.stop.at_once():
                terminal.tell_warnings(run.warnings, options)
                terminal.tell_saved(
                    options,
                    run,
                    place,
                    lambda: {**job_documents.jobs(known), **documents.fetched(run, place)},
                    details=[
                        f"prodia-compose: the copy stays: {visible(str(file))}"
                        for _, file in source.kept
                        if not place.skipped
                    ],
                )
    return 0


def _known(record: ledger.Ledger, name: str) -> Entry | None:
    """Return the job of an id; None for a service's whole id that the record does not know.

    Raises:
        errors.UsageError: There is no such job, or several are called so.
    """
    try:
        return record.find(name)
    except errors.UsageError:
        if not _SERVICE_ID.fullmatch(name):
            raise
    return None


def _format(target: str) -> OutputFormat | None:
    """Return the format that a name asks for; None if any will do."""
    if target == "-" or not Path(target).suffix:
        return None
    return names.asked_format(Placement(target=target))


def _place(options: FetchOptions, target: str) -> places.Place:
    _format(target)  # a suffix of no picture is refused with the rest
    place = places.prove(
        target,
        if_exists=replace(options.placement, target=target).policy,
        create_dirs=options.placement.create_dirs,
    )
    if place.is_stdout:
        terminal.refuse_stdout(target, options)
    return place


def _service(options: FetchOptions, entry: Entry | None) -> Service:
    """Return the service that an earlier job went to, with the token for it.

    Args:
        options: As given; a config's token is not for the sandbox.
        entry: What the record knows of the job; one of the sandbox needs no token.

    Raises:
        errors.AuthError: There is no token, or it is malformed.
    """
    delivery, is_sandbox = options.delivery, entry is not None and entry.is_sandbox
    if is_sandbox and "token_file" in options.configured:
        delivery = replace(delivery, token_file=None)
    base_url, host = delivery.base_url, entry.host if entry else None
    if host is not None and urlsplit(base_url).netloc != host:
        scheme = "http" if is_loopback(urlsplit(f"//{host}").hostname or "") else "https"
        base_url = normalise_base_url(f"{scheme}://{host}")
    findings = errors.Findings()
    stdin = sys.stdin.buffer if sys.stdin else None
    text = os.environ.get("PRODIA_TOKEN")
    if text is None and is_sandbox:
        text = SANDBOX_TOKEN
    token, _ = delivery.token(text, stdin, findings, sending=True)
    if token is None:
        raise errors.combined(findings.errors)
    return replace(delivery, base_url=base_url).service(token)
