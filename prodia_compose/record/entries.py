"""The values of the record: what a run claims before it sends, and what is known of it later."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

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
        sha256: The hash of its bytes, in hex.
    """

    name: str
    sha256: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _base_name(self.name))


@frozen
class Claim:
    """A run as it stands before the first byte leaves.

    Attributes:
        host: The service, such as `inference.prodia.com`, with a port if it has one.
        digest: The request digest that `compose` prints.
        model: What the user calls the model.
        job_json: The bytes of `job.json`.
        inputs: The user's names, and the hashes of what is sent, in order.
        output: Where the picture goes; only the base name is recorded.
        estimate_min_usd: The lowest listed price, if one is known.
        estimate_usd: The highest listed price, if one is known.
        tool_version: Ours.
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

    def columns(self) -> dict[str, str | float | None]:
        """Return the columns of its row."""
        job = json.loads(self.job_json)
        return {
            "host": storable(self.host),
            "digest": self.digest,
            "twin_key": self.twin_key,
            "model": storable(self.model),
            "job_type": storable(str(job["type"])),
            "config": json.dumps(job["config"]),
            "inputs": files_text(self.inputs),
            "output": json.dumps(_base_name(self.output)),
            "estimate_min_usd": self.estimate_min_usd,
            "estimate_usd": self.estimate_usd,
            "tool_version": self.tool_version,
        }


@frozen
class Entry:
    """One job of the record, as it counts when it is read.

    Attributes:
        id: Our own name for it, 12 hex digits.
        digest: The request digest.
        host: The service.
        model: What the user called the model.
        job_type: The service's name for it.
        config: The job's fields as sent, the prompt among them.
        inputs: Base names, and the hashes of what was sent, in order.
        output: The base name the picture was meant for; `-` is standard output.
        estimate_min_usd: The lowest listed price then, if one was known.
        estimate_usd: The highest listed price then, if one was known.
        tool_version: The version of this tool that sent it.
        begun_at: When its row was made, by that machine's clock (UTC).
        changed_at: When its row last changed (UTC).
        pid: The process that last changed it.
        is_running: Whether that process is still at it.
        state: What it counts as. Once nobody is at it any more, a job that was sent and
            not settled is `unknown`, and one that was not sent is `not-delivered`.
        reached: The state that was last written.
        exit_code: What its run ended with, if that was written.
        job_id: The service's name for it.
        is_async: Whether the service took it on to run by itself, and can be asked after it.
        request_id: The service's name for the exchange.
        price_usd: What it cost, as the service says; None if it does not.
        may_be_billed: Whether it ran, or may have.
        outputs: Base names and hashes of what was saved.
        rescued: Full paths of what came and was kept in another place.
    """

    id: str
    digest: str
    host: str
    model: str
    job_type: str
    config: Mapping[str, object]
    inputs: tuple[File, ...]
    output: str
    estimate_min_usd: float | None
    estimate_usd: float | None
    tool_version: str
    begun_at: datetime
    changed_at: datetime
    pid: int
    is_running: bool
    state: State
    reached: State
    exit_code: int | None
    job_id: str | None
    is_async: bool
    request_id: str | None
    price_usd: float | None
    may_be_billed: bool
    outputs: tuple[File, ...]
    rescued: tuple[str, ...]

    @property
    def is_at_service(self) -> bool:
        """Whether the service may have its picture still, and nobody is at bringing it."""
        return self.is_async and not self.is_running and self.state in ("received", "unknown")


def storable(text: str) -> str:
    """Return foreign text with what no database can hold (half a character) escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def files_text(files: Iterable[File]) -> str:
    """Return files as JSON in ASCII, which brings any bytes of a name back as they were."""
    return json.dumps([[one.name, one.sha256] for one in files])


def _base_name(path: str) -> str:
    if re.match(r"https?://", path, re.IGNORECASE):
        path = re.split(r"[?#]", path, maxsplit=1)[0]  # a query may be a signature
    return os.path.basename(path.rstrip("/")) or path  # noqa: PTH119 - a URL, or any bytes
