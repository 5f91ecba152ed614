"""The values of the record: what a run claims before it sends, and what is known of it later.

A field is stored in the column of its name, read by its type, and shown in `jobs --json` in
the order it has in `Entry`. So a new column takes two places: `database.MIGRATIONS`, and here
a field of `Entry` and of what writes it, `Claim` or `News`.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from prodia_compose import addresses
from prodia_compose.frozen import frozen

if TYPE_CHECKING:  # for an annotation; a plan that is not sent must not load sqlite3
    from prodia_compose.record.database import Cell

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

Settled = Literal["billed", "not-billed"]
"""What the user has found out about a job of unknown outcome."""


@frozen
class File:
    """A file that was saved.

    Attributes:
        path: From the root; of jobs of 0.1.0 the base name; `-` is standard output.
        sha256: The SHA-256 of its bytes, in hex.
        pixels_sha256: That of its pixels, as `images.probe.received` makes it; None of what was
            not decoded, and of jobs of 0.1.0.
    """

    path: str
    sha256: str
    pixels_sha256: str | None = None


@frozen
class Source:
    """An input: where it lay, what was in it, and what was sent of it.

    All but its base name, as the path, and the sent hash are None of jobs of 0.1.0.

    Attributes:
        path: From the root; a URL without its password and query; `-` is standard input.
        sent_sha256: The SHA-256 of the bytes that were sent, in hex.
        sha256: The SHA-256 of the bytes as they lay there, in hex.
        size: Their number.
        mtime_ns: When the file had last changed, in nanoseconds; None of what is no file.
    """

    path: str
    sent_sha256: str
    sha256: str | None = None
    size: int | None = None
    mtime_ns: int | None = None


@frozen
class Claim:
    """A run as it stands before the first byte leaves.

    Attributes:
        host: The service, such as `inference.prodia.com`, with a port if it has one.
        request_key: What it shares with every run that asks for the same picture.
        model: What the user calls it; `Entry.job_type` is what the service does.
        inputs: In the order sent.
        output: Where the picture goes, from the root; `-` is standard output.
        estimate_usd: The highest listed price; the lowest is `estimate_min_usd`.
        recipe: What it is made again of, as documents have it, with paths from the root.
    """

    host: str
    digest: str
    request_key: str
    model: str
    job_json: bytes
    inputs: tuple[Source, ...]
    output: str
    estimate_min_usd: float | None
    estimate_usd: float | None
    tool_version: str
    recipe: Mapping[str, object] | None = None

    @property
    def twin_key(self) -> str:
        """What two runs share that would send the same: service, job JSON, inputs as sent."""
        sent = (one.sent_sha256 for one in self.inputs)
        hashes = (hashlib.sha256(self.job_json).hexdigest(), *sent)
        text = "\n".join((self.host.lower(), *hashes))
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()

    def columns(self) -> "dict[str, Cell]":
        """Return the columns of its row."""
        job = json.loads(self.job_json)
        known = {name: value for name, value in vars(self).items() if name != "job_json"}
        known |= {"twin_key": self.twin_key, "job_type": job["type"], "config": job["config"]}
        known["output"] = json.dumps(self.output)  # for names of any bytes
        return {name: cell(value) for name, value in known.items()}


class News(TypedDict, total=False):
    """What a run can add to its entry, each as the field of `Entry` says; None adds nothing."""

    exit_code: int | None  # given, nobody is at the job any more
    job_id: str | None
    request_id: str | None
    price_usd: float | None
    may_be_billed: bool | None  # although it was rejected
    is_sandbox: bool | None
    settled: Settled | None
    outputs: Sequence[File] | None
    rescued: Iterable[str | os.PathLike[str]] | None
    came: Sequence[str] | None


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
        config: The job's fields as sent, the prompt among them.
        inputs: In the order sent.
        output: Where the picture was meant to go, from the root; `-` is standard output; of
            jobs of 0.1.0 a base name.
        rescued: Full paths of what came and was kept in another place.
        came: The SHA-256 of each picture that came, in hex, from before it had a place on; a
            file that has it is that picture, whatever became of the process.
        recipe: What it is made again of; None of versions that did not write it.
        price_usd: What it cost, as the service says; None if it does not.
        estimate_usd: The highest listed price then; the lowest is `estimate_min_usd`.
        request_key: What it shares with every job for the same picture; None of 0.1.0.
        pid: The process that last changed it.
        is_sandbox: Whether it went to a stand-in, which costs nothing.
        settled: What the user has found out about its unknown outcome.
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
    inputs: tuple[Source, ...]
    output: str
    outputs: tuple[File, ...]
    rescued: tuple[str, ...]
    job_id: str | None
    request_id: str | None
    price_usd: float | None
    estimate_usd: float | None
    estimate_min_usd: float | None
    digest: str
    request_key: str | None
    pid: int
    tool_version: str
    is_sandbox: bool
    settled: Settled | None
    is_async: bool
    came: tuple[str, ...]
    recipe: Mapping[str, object] | None

    @property
    def prompt(self) -> str:
        """The final text that was sent."""
        return str(self.config.get("prompt", ""))

    @property
    def is_at_service(self) -> bool:
        """Whether the service may have its picture still, and nobody is at bringing it."""
        return self.is_async and not self.is_running and self.state in ("received", "unknown")


def cell(value: object) -> "Cell":
    """Return a value as the table holds it.

    Lists and objects are JSON in ASCII, which brings any bytes of a name back as they were.
    """
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, int):
        return value
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> object:
    if isinstance(value, File | Source):
        return list(vars(value).values())
    return os.fspath(value) if isinstance(value, os.PathLike) else list(value)


def storable(text: str) -> str:
    """Return foreign text with what no database can hold (half a character) escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def stamp(moment: datetime) -> str:
    """Return a moment as the record writes it; such texts sort as the moments do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def base_name(path: str) -> str:
    """Return the last step of a path or URL."""
    if addresses.is_url(path):
        path = re.split(r"[?#]", path)[0]
    return os.path.basename(path.rstrip("/")) or path  # noqa: PTH119 - a URL, or any bytes
