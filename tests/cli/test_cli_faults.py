"""Faults through the whole command: exit code, submissions, leftovers, record, secrets.

Each kind of outcome once; all that lead there are held by `tests/client/test_client_faults.py`.
"""

import os
from pathlib import Path

import loopback
import pytest
from conftest import Run
from faults import FAULTS
from PIL import Image
from submitting import LARGE, TOKEN

from prodia_compose import errors, progress
from prodia_compose.record import ledger

STATES: dict[errors.ExitCode, str] = {
    errors.ExitCode.AUTH: "rejected",
    errors.ExitCode.REJECTED: "rejected",
    errors.ExitCode.BUSY: "busy",
    errors.ExitCode.NOT_DELIVERED: "not-delivered",
    errors.ExitCode.UNKNOWN: "unknown",
    errors.ExitCode.NOT_PLACED: "received",
}

OPTIONS = {
    "connect_timeout_s": "--connect-timeout",
    "stall_timeout_s": "--stall-timeout",
    "timeout_s": "--timeout",
    "max_wait_s": "--max-wait",
}


OUTCOMES = (
    *("early-413-then-close", "early-401", "reading-stalls", "dropped-after-the-body"),
    *("never-answered", "cut-by-length", "picture-by-length", "json-failed", "302", "403"),
    *("429-then-ok", "busy-forever", "busy-then-rejected", "busy-then-dropped"),
)
"""A row of the matrix for each kind of outcome."""

OVER_TLS = ("early-401", "cut-by-length", "busy-then-dropped")


@pytest.mark.parametrize(
    ("name", "tls"), [*((name, False) for name in OUTCOMES), *((name, True) for name in OVER_TLS)]
)
def test_a_fault_through_the_command(
    run: Run,
    work: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    *,
    tls: bool,
) -> None:
    """Each fault ends with its exit code, one row that says so, and nothing left behind."""
    fault = FAULTS[name]
    monkeypatch.setattr(progress.Stop, "sleep", lambda stop, _seconds: stop.check())
    limits = {"stall_timeout_s": 10.0, "timeout_s": 10.0, **fault.limits}
    options = [text for name, value in limits.items() for text in (OPTIONS[name], str(value))]
    image = work / "product.jpg"
    if fault.size == LARGE:
        # Not squeezed, so larger than the system takes in on a connection that nobody reads from.
        image = tmp_path / "large.png"
        Image.new("RGB", (2400, 2000), "red").save(image, compress_level=0)
        assert image.stat().st_size > LARGE
    with loopback.serve(fault.script, tls=tls) as service:
        bundle = {"REQUESTS_CA_BUNDLE": str(service.ca_file)} if tls else {}
        done = run(
            *("compose", image, "-p", "x", "--no-resize", "-vv", "-o", "out.jpg", *options),
            PRODIA_BASE_URL=service.url,
            PRODIA_TOKEN=TOKEN,
            **bundle,
        )
    with ledger.open_record(os.environ) as record:
        (entry,) = record.entries()

    # The matrix's pictures only look like pictures, so what works out ends as not usable.
    code = fault.error.exit_code if fault.error else errors.ExitCode.NOT_PLACED
    assert done.code == code
    assert service.submissions == fault.submissions
    assert [w for w in map(progress.visible, fault.words) if w not in done.err] == []
    assert "Traceback" not in done.err
    assert (entry.state, entry.exit_code) == (STATES[code], code)
    assert entry.may_be_billed is (fault.billed or fault.error is None)
    assert ("may be billed" in done.err) is entry.may_be_billed
    assert sorted(path.name for path in work.iterdir()) == ["product.jpg", "scene.jpg"]
    rescued = tmp_path / "state/prodia-compose/rescued"
    assert rescued.exists() is (fault.keeps or fault.error is None)
    assert TOKEN not in done.err + done.text
    for path in (tmp_path / "state").rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()
