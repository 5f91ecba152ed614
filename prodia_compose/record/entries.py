"""The values of the record: what a run claims before it sends, and what is known of it later.

A field is stored in the column of its name, read by its type, and shown in `jobs --json` in
the order it has in `Entry`. So a new column takes two places: `schema.MIGRATIONS`, and here a
field of `Entry` and of what writes it, `Claim` or `News`.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, TypedDict

from prodia_compose.frozen import frozen

State = Literal[
    "prepared",  # it has not left; so it is again while a busy service makes it wait
    "sending",  # bytes of it may have left, perhaps all of them
    "accepted",  # the service has taken it
    "received",  # a picture has come, and has no place yet
    "saved",
    "rejected",
    "busy",
    "not-delivered",
    "unknown",
]
"""How far a job has come: five steps, and four other ends."""


@frozen
class File:
    """A file by its base name and what is in it.

    Attributes:
        name: The base name; of a path or a URL given here, the last step is kept.
        sha256: In hex.
    """

    name: str
    sha256: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", base_name(self.name))


@frozen
class Claim:
    """A run as it stands before the first byte leaves.

    Attributes:
        host: The service, such as `inference.prodia.com`, with a port if it has one.
        model: What the user calls it.
        job_json: The bytes of `job.json`.
        inputs: The user's names, and the hashes of what is sent, in order.
        output: Where the picture goes; only the base name is recorded.
        estimate_usd: The highest listed price; the lowest is `estimate_min_usd`.
    """

    host: str
    digest: str
    model: str
    job_json: bytes
    inputs: tuple[File, ...]
    output: str
    estimate_min_usd: float | None
    estimate_usd: float | None
    tool_version: str

    @property
    def twin_key(self) -> str:
        """What two runs share that would be the same job: service, job JSON, inputs."""
        hashes = (hashlib.sha256(self.job_json).hexdigest(), *(one.sha256 for one in self.inputs))
        text = "\n".join((self.host.lower(), *hashes))
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


class News(TypedDict, total=False):
    """What a run can add to its entry, each as the field of `Entry` says; None adds nothing."""

    exit_code: int | None  # given, nobody is at the job any more
    job_id: str | None
    request_id: str | None
    price_usd: float | None
    may_be_billed: bool | None  # although it was rejected
    outputs: Sequence[File] | None
    rescued: Iterable[str | os.PathLike[str]] | None


@frozen
class Entry:
    """One job of the record, as it counts when it is read.

    Attributes:
        id: Our own name for it, 12 hex digits.
        state: What it counts as. Once nobody is at it any more, a job that was sent and
            not settled is `unknown`, and one that was not sent is `not-delivered`.
        reached: The state that was last written.
        is_running: Whether the process that last changed it is still at it.
        may_be_billed: Whether it ran, or may have.
        begun_at: When its row was made, by that machine's clock (UTC).
        changed_at: When its row last changed (UTC).
        model: What the user called it.
        job_type: What the service calls it.
        config: The job's fields as sent, the prompt among them.
        output: The base name the picture was meant for; `-` is standard output.
        rescued: Full paths of what came and was kept in another place.
        price_usd: What it cost, as the service says; None if it does not.
        estimate_usd: The highest listed price then; the lowest is `estimate_min_usd`.
        pid: The process that last changed it.
        is_async: Whether the service took it on to run by itself, and can be asked after it.
    """

    id: str
    state: State
    reached: State
    is_running: bool
    exit_code: int | None
    may_be_billed: bool
    begun_at: datetime
    changed_at: datetime
    host: str
    model: str
    job_type: str
    config: Mapping[str, object]
    inputs: tuple[File, ...]
    output: str
    outputs: tuple[File, ...]
    rescued: tuple[str, ...]
    job_id: str | None
    request_id: str | None
    price_usd: float | None
    estimate_usd: float | None
    estimate_min_usd: float | None
    digest: str
    pid: int
    tool_version: str
    is_async: bool

    @property
    def is_at_service(self) -> bool:
        """Whether the service may have its picture still, and nobody is at bringing it."""
        return self.is_async and not self.is_running and self.state in ("received", "unknown")


def base_name(path: str) -> str:
    """Return the last step of a path or a URL."""
    if re.match(r"https?://", path, re.IGNORECASE):
        path = re.split(r"[?#]", path, maxsplit=1)[0]  # a query may be a signature
    return os.path.basename(path.rstrip("/")) or path  # noqa: PTH119 - a URL, or any bytes
