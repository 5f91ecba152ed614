"""Jobs: how the service tells of one, and what is written down of them."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from prodia_compose.frozen import frozen
from prodia_compose.sandbox.answers import Output
from prodia_compose.sandbox.faults import FaultKind

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
