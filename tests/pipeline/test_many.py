"""Several jobs at once: one record, one memory budget, one flag that stops them all."""

import io
import os
import signal
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import loopback
from conftest import until
from PIL import Image

from prodia_compose import errors
from prodia_compose.cli import signals, terminal
from prodia_compose.client.options import Delivery
from prodia_compose.images import fit
from prodia_compose.images.workers import Budget
from prodia_compose.inputs import blob
from prodia_compose.inputs.options import Selection
from prodia_compose.output.options import Placement
from prodia_compose.pipeline import planner, send
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.pipeline.run import Run
from prodia_compose.progress import Reporter
from prodia_compose.record import ledger

TOKEN = "sentinel-token-0b5c9e"
JPEG = (Path(__file__).parent.parent / "images" / "scene.jpg").read_bytes()


@dataclass(frozen=True)
class Case:
    """A service, and what a job there comes to when all are stopped.

    Attributes:
        script: What the service does.
        picture: What is sent.
        reached: How far the job gets by itself; None if it ends by itself.
        state: What its row says in the end.
        code: The exit code of the row.
        words: What is told of it.
    """

    script: list[loopback.Answer]
    reached: errors.JobState | None
    state: str
    code: int
    words: str
    picture: str = "scene.jpg"


CASES = {
    "done": Case([loopback.multipart_ok(JPEG)], None, "saved", 0, ""),
    "done-too": Case([loopback.multipart_ok(JPEG)], None, "saved", 0, ""),
    "rejected": Case([loopback.status(400)], None, "rejected", 5, "the service rejected the job"),
    "dropped": Case([loopback.drop("after")], None, "unknown", 9, "the whole job was sent, but"),
    "waiting": Case([loopback.silent()], "sent", "unknown", 130, "had been sent and may be billed"),
    "receiving": Case(
        [loopback.trickle(loopback.multipart_ok(JPEG))],
        "answered",
        "unknown",
        130,
        "had been sent and may be billed, and its picture cannot be fetched later: look at ",
    ),
    "uploading": Case(
        [loopback.silent(read=1 << 16)],
        "sending",
        "not-delivered",
        130,
        "the upload was not complete, so the job did not run",
        picture="large.png",
    ),
    "busy": Case([loopback.busy("60")], "not-sent", "not-delivered", 130, "the job did not run"),
}


@dataclass
class Job(Reporter):
    """One of the jobs, and who watches it."""

    name: str
    run: Run
    end: BaseException | None = None
    said: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Remember a line."""
        self.said.append(text)


def _work(job: Job, url: str, folder: Path, record: ledger.Ledger, memory: Budget) -> None:
    """Do what `compose` does, for one of many."""
    case = CASES[job.name]
    request = ComposeRequest(
        selection=Selection(operands=(str(folder / case.picture),)),
        prompt=job.name,
        placement=Placement(target=str(folder / f"{job.name}.jpg")),
        delivery=Delivery(base_url=url),
        lint=False,
    )
    around = planner.Surroundings(
        stdin=None,
        token=TOKEN,
        reporter=job,
        download=_no_download,
        means=fit.Means(budget=memory),
        stop=job.run.stop,
    )
    try:
        ready = planner.make(request, around, sending=True).sendable()
        send.send(ready, job.run, record=record, again=False, reporter=job, stdout=io.BytesIO)
    except (errors.ComposeError, errors.Interrupted) as end:
        end.run = job.run
        job.end = end


def _no_download(url: str) -> blob.Blob:
    raise AssertionError(url)


def _is_there(job: Job) -> bool:
    """Tell whether a job has come as far as it comes before it is stopped."""
    reached = CASES[job.name].reached
    if reached is None:
        return job.end is not None or bool(job.run.saved)
    return job.run.state == reached and (job.name != "busy" or bool(job.said))


def test_eight_jobs_at_once_are_ended_by_one_signal(work: Path) -> None:
    """Each ends as its own service made it end or the signal found it: row, words and pictures."""
    Image.effect_noise((1500, 1500), 120).convert("RGB").save(work / "large.png")
    memory = Budget(40_000_000)
    with ExitStack() as stack:
        record = stack.enter_context(ledger.open_record(os.environ))
        stop = stack.enter_context(signals.handled())
        stop.defer()
        jobs = [Job(name=name, run=Run(stop)) for name in CASES]
        urls = [stack.enter_context(loopback.serve(CASES[job.name].script)).url for job in jobs]
        threads = [
            threading.Thread(target=_work, args=(job, url, work, record, memory))
            for job, url in zip(jobs, urls, strict=True)
        ]
        for thread in threads:
            thread.start()
        until(lambda: all(map(_is_there, jobs)))
        os.kill(os.getpid(), signal.SIGINT)
        for thread in threads:
            thread.join(timeout=30)
        rows = {Path(entry.output).stem: entry for entry in record.entries()}

    for job in jobs:
        case, row = CASES[job.name], rows[job.name]
        assert (row.state, row.exit_code) == (case.state, case.code), job.name
        shown = ""
        if isinstance(job.end, errors.Interrupted):
            shown = terminal.in_words(job.end, sends=True)
        elif isinstance(job.end, errors.ComposeError):
            shown = job.end.message
        assert case.words in shown, job.name
        placed = work / f"{job.name}.jpg"
        assert placed.exists() is (case.state == "saved"), job.name
        assert row.rescued == job.run.kept, job.name
    assert [job.name for job in jobs if job.run.kept] == ["receiving"]
    assert memory.taken == 0
