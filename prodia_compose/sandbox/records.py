"""Job records: what a job is told as, what was sent, and jobs that are still running."""

import collections
import threading
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from prodia_compose.frozen import frozen
from prodia_compose.sandbox.answers import Output
from prodia_compose.sandbox.faults import FaultKind

_KEPT_RECORDS = 1000
_KEPT_JOBS = 64
_LIFETIME = timedelta(minutes=5)  # in every job record seen


@frozen
class InputRecord:
    """An `input` part that came in.

    Attributes:
        filename: As the part's header gives it.
        content_type: As the part's header gives it; empty if it gives none.
        size: The length in bytes.
        sha256: The hash of the bytes, in lower-case hex.
    """

    filename: str
    content_type: str
    size: int
    sha256: str


@frozen
class JobRecord:
    """A request to create a job, as it came in, and how it was answered.

    Attributes:
        job: The job JSON as sent; None if none could be read.
        inputs: The `input` parts, in the order sent.
        status: The HTTP status answered; None if there was no answer.
        request_id: The `x-request-id` of the answer.
        is_async: Whether it came to `/v2/job/async`.
        fault: The fault that struck it, if one did.
    """

    job: dict[str, object] | None
    inputs: tuple[InputRecord, ...]
    status: int | None
    request_id: str
    is_async: bool
    fault: FaultKind | None


class JobLog:
    """The last thousand job records, in the order they were answered; safe under threads."""

    def __init__(self) -> None:
        self._records: collections.deque[JobRecord] = collections.deque(maxlen=_KEPT_RECORDS)
        self._lock = threading.Lock()

    def add(self, record: JobRecord) -> None:
        """Keep a record; the oldest goes when there are too many."""
        with self._lock:
            self._records.append(record)

    def records(self) -> tuple[JobRecord, ...]:
        """Return the records, the oldest first."""
        with self._lock:
            return tuple(self._records)


@frozen
class Price:
    """What a job cost."""

    product: str
    dollars: float


def job_json(
    *,
    job_type: str,
    config: Mapping[str, object],
    state: Literal["completed", "processing", "processed", "failed"],
    elapsed_s: float,
    job_id: str | None = None,
    created: datetime | None = None,
    price: Price | None = None,
    error: str | None = None,
) -> dict[str, object]:
    """Return a job record as the service writes it.

    Args:
        job_type: The job's type.
        config: Its settings, defaults filled in.
        state: `completed` for synchronous jobs; the rest as the async endpoints have it.
        elapsed_s: How long it took, in seconds.
        job_id: Its id; a fresh one if not given.
        created: When it came in; now if not given.
        price: What it cost, if that was asked for, is known, and the job succeeded.
        error: Why it failed.
    """
    now = datetime.now(UTC)
    created = created or now
    job: dict[str, object] = {
        "type": job_type,
        "id": job_id or str(uuid.uuid4()),
        "created_at": _timestamp(created),
        "updated_at": _timestamp(now),
        "expires_at": _timestamp(created + _LIFETIME),
        "state": {"current": state, "history": None},
    }
    if config:
        job["config"] = dict(config)
    job["metrics"] = {"elapsed": round(elapsed_s, 3)}
    if price is not None:
        job["price"] = {"product": price.product, "dollars": price.dollars}
    if error is not None:
        job["error"] = error
    return job


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@frozen
class Job:
    """A job that was taken, and what comes of it.

    Made through `/v2/job/async`, its outputs are drawn at once and shown only when its time has come, so no thread
    is needed for it.

    Attributes:
        id: Its id.
        job_type: Its type.
        config: Its settings, defaults filled in.
        outputs: What it gives.
        created: When it came in.
        ready_at: When it is done, on the monotonic clock, in seconds.
        elapsed_s: How long it takes, in seconds.
        price: What it costs, if known.
        error: Why it will have failed; None if it will succeed.
    """

    id: str
    job_type: str
    config: Mapping[str, object]
    outputs: tuple[Output, ...]
    created: datetime
    ready_at: float
    elapsed_s: float
    price: Price | None
    error: str | None

    @property
    def state(self) -> Literal["processing", "processed", "failed"]:
        """How far it is, in the words of the async endpoints."""
        if time.monotonic() < self.ready_at:
            return "processing"
        return "failed" if self.error else "processed"

    def visible_outputs(self) -> tuple[Output, ...]:
        """Return the outputs, none before it is done."""
        return self.outputs if self.state == "processed" else ()

    def finished(self, *, with_price: bool) -> dict[str, object]:
        """Return its record as a synchronous answer tells it, where success is `completed`."""
        return job_json(
            job_type=self.job_type,
            config=self.config,
            state="failed" if self.error else "completed",
            elapsed_s=self.elapsed_s,
            job_id=self.id,
            created=self.created,
            price=None if self.error or not with_price else self.price,
            error=self.error,
        )

    def json(self, *, with_price: bool) -> dict[str, object]:
        """Return its record as the async endpoints tell it now."""
        state = self.state
        return job_json(
            job_type=self.job_type,
            config=self.config,
            state=state,
            elapsed_s=0.0 if state == "processing" else self.elapsed_s,
            job_id=self.id,
            created=self.created,
            price=self.price if with_price and state == "processed" else None,
            error=self.error if state == "failed" else None,
        )


class AsyncJobs:
    """The latest async jobs, 64 at most; safe under threads.

    Older ones are forgotten, as if expired. Time alone expires none: how long results
    live is not documented.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def add(self, job: Job) -> None:
        """Keep a job."""
        with self._lock:
            self._jobs[job.id] = job
            while len(self._jobs) > _KEPT_JOBS:
                del self._jobs[next(iter(self._jobs))]

    def find(self, job_id: str) -> Job | None:
        """Return the job of this id, or None."""
        with self._lock:
            return self._jobs.get(job_id)
