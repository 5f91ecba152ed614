"""Jobs: how the service tells of one, and what is remembered of them."""

import collections
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from prodia_compose.frozen import frozen
from prodia_compose.sandbox.answers import Output
from prodia_compose.sandbox.faults import FaultKind

_KEPT_RECORDS = 1000
_KEPT_JOBS = 64
_LIFETIME = timedelta(minutes=5)  # in every job record seen

State = Literal["completed", "processing", "processed", "failed"]
"""`completed` is for synchronous jobs alone; the async endpoints have the rest."""


@frozen
class InputRecord:
    """An `input` part that came in: its header's words, its length in bytes and its hash."""

    filename: str
    content_type: str
    size: int
    sha256: str


@frozen
class JobRecord:
    """A request to create a job, as it came in, and how it was answered.

    Attributes:
        job: The job JSON as sent; None if none could be read.
        status: The HTTP status answered; None if there was no answer.
        request_id: The `x-request-id` of the answer.
        fault: The fault that struck it, if one did.
    """

    job: dict[str, object] | None
    inputs: tuple[InputRecord, ...]
    status: int | None
    request_id: str
    is_async: bool
    fault: FaultKind | None


@frozen
class Job:
    """A job that was taken, and what comes of it.

    Its outputs are drawn at once. Those of an async job are shown only when its time has
    come, so no thread is needed for it.

    Attributes:
        config: Its settings, defaults filled in.
        ready_at: When it is done, on the monotonic clock, in seconds.
        price: What it costs, if known, as the service writes it.
        error: Why it will have failed; None if it will succeed.
    """

    id: str
    job_type: str
    config: Mapping[str, object]
    outputs: tuple[Output, ...]
    created: datetime
    ready_at: float
    elapsed_s: float
    price: Mapping[str, object] | None
    error: str | None

    @property
    def state(self) -> State:
        """How far it is now, in the words of the async endpoints."""
        if time.monotonic() < self.ready_at:
            return "processing"
        return "failed" if self.error else "processed"

    def json(self, state: State, *, with_price: bool) -> dict[str, object]:
        """Return its record as the service writes it when the job is in this state."""
        job: dict[str, object] = {
            "type": self.job_type,
            "id": self.id,
            "created_at": _timestamp(self.created),
            "updated_at": _timestamp(datetime.now(UTC)),
            "expires_at": _timestamp(self.created + _LIFETIME),
            "state": {"current": state, "history": None},
        }
        if self.config:
            job["config"] = dict(self.config)
        job["metrics"] = {"elapsed": 0.0 if state == "processing" else round(self.elapsed_s, 3)}
        if with_price and self.price and state in ("completed", "processed"):
            job["price"] = dict(self.price)
        if state == "failed":
            job["error"] = self.error
        return job


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JobLog:
    """The last thousand records and the last 64 async jobs; safe under threads.

    Older jobs are forgotten, as if expired. Time alone expires none: how long results live
    is not documented.
    """

    def __init__(self) -> None:
        self._records: collections.deque[JobRecord] = collections.deque(maxlen=_KEPT_RECORDS)
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def write_down(self, record: JobRecord) -> None:
        """Keep the record of a request."""
        with self._lock:
            self._records.append(record)

    def records(self) -> tuple[JobRecord, ...]:
        """Return the records in the order the requests were answered."""
        with self._lock:
            return tuple(self._records)

    def keep(self, job: Job) -> None:
        """Keep an async job, to be asked after."""
        with self._lock:
            self._jobs[job.id] = job
            while len(self._jobs) > _KEPT_JOBS:
                del self._jobs[next(iter(self._jobs))]

    def find(self, job_id: str) -> Job | None:
        """Return the async job of this id, or None."""
        return self._jobs.get(job_id)
