"""A job among many: what is told and asked of those around it on its way."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import loopback
import pytest

from prodia_compose import errors
from prodia_compose.client.options import Delivery
from prodia_compose.client.send import Pause
from prodia_compose.images import fit
from prodia_compose.images.workers import Budget
from prodia_compose.inputs import blob
from prodia_compose.inputs.options import Selection
from prodia_compose.output.options import Placement
from prodia_compose.pipeline import planner, send
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.pipeline.run import Run
from prodia_compose.progress import Reporter, Stop
from prodia_compose.record import ledger

JPEG = (Path(__file__).parent.parent / "images" / "scene.jpg").read_bytes()


@pytest.fixture
def record() -> Iterator[ledger.Ledger]:
    """Return a record of its own."""
    with ledger.open_record(os.environ) as opened:
        yield opened


def _no_download(url: str) -> blob.Blob:
    raise AssertionError(url)


def _send(url: str, work: Path, record: ledger.Ledger, **handed: Any) -> Run:
    """Do what `compose` does, with what is handed in."""
    request = ComposeRequest(
        selection=Selection(operands=(str(work / "scene.jpg"),)),
        prompt="as it is",
        placement=Placement(target=str(work / "out.jpg")),
        delivery=Delivery(base_url=url, max_wait_s=0),
        lint=False,
    )
    around = planner.Surroundings(
        stdin=None,
        token="a-token",
        reporter=Reporter(),
        download=_no_download,
        means=fit.Means(budget=Budget(40_000_000)),
        stop=Stop(),
    )
    run = Run(around.stop)
    ready = planner.make(request, around, sending=True).sendable()
    send.send(
        ready, run, record=record, again=False, reporter=Reporter(), stdout=io.BytesIO, **handed
    )
    return run


def test_the_id_is_told_before_the_first_byte(work: Path, record: ledger.Ledger) -> None:
    """Whoever must know is told a job's id in the record while nothing of it has been sent."""
    shown: list[tuple[str | None, int, str]] = []
    with loopback.serve([loopback.multipart_ok(JPEG)]) as server:

        def begun(record_id: str | None) -> None:
            shown.append((record_id, server.submissions, record.entries()[0].state))

        _send(server.url, work, record, on_begin=begun)

    (entry,) = record.entries()
    assert shown == [(entry.id, 0, "prepared")]
    assert entry.state == "saved"


def test_without_a_record_there_is_no_id(work: Path) -> None:
    """A job that no record holds is told of all the same."""
    shown: list[str | None] = []
    with loopback.serve([loopback.multipart_ok(JPEG)]) as server:
        _send(server.url, work, ledger.Ledger(), on_begin=shown.append)

    assert shown == [None]


def test_a_start_that_cannot_be_written_down_sends_nothing(
    work: Path, record: ledger.Ledger
) -> None:
    """The job ends unsent, and its row says so at once: it blocks no later one."""

    def full(_record_id: str | None) -> None:
        raise errors.OutputError("no room")

    with (
        loopback.serve([loopback.multipart_ok(JPEG)]) as server,
        pytest.raises(errors.OutputError, match="no room"),
    ):
        _send(server.url, work, record, on_begin=full)

    (entry,) = record.entries()
    assert (entry.state, entry.exit_code, server.submissions) == ("not-delivered", 8, 0)


def test_a_busy_service_is_waited_for_elsewhere(work: Path, record: ledger.Ledger) -> None:
    """The pause between two attempts is the caller's, who alone counts how long it takes."""
    pauses: list[Pause] = []
    with loopback.serve([loopback.busy("7"), loopback.multipart_ok(JPEG)]) as server:
        run = _send(server.url, work, record, pause=pauses.append)

    assert [(one.is_busy, one.asked_s) for one in pauses] == [(True, 7)]
    assert (run.attempts, len(run.saved)) == (2, 1)
