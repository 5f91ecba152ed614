"""Whether files are the pictures that were paid for, by what is in them.

What is recorded of a picture is its hash, and that of its pixels. A file with the first is what
was saved. One with the second was altered since beside its pixels, as where a tag was written. Of
one that has neither, only its place tells which picture it was.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import BinaryIO, Final, Literal, TypeVar

from prodia_compose import addresses, errors
from prodia_compose.frozen import frozen
from prodia_compose.images import workers
from prodia_compose.images.probe import received
from prodia_compose.inputs import blob, files
from prodia_compose.inputs.entries import Entry as Named
from prodia_compose.inputs.entries import open_input
from prodia_compose.pipeline import made
from prodia_compose.pipeline.batch.results.lines import Document
from prodia_compose.progress import Stop
from prodia_compose.record import contents
from prodia_compose.record.entries import Entry
from prodia_compose.record.ledger import Ledger

Verdict = Literal["saved", "altered", "unknown", "unreadable"]

_BUDGET_BYTES: Final = 170_000_000
_PIXEL_BYTES: Final = 4
_MAX_SIDECAR_BYTES: Final = 4_000_000


@frozen
class Origin:
    """The job that a picture is of, as far as is known.

    Attributes:
        told_by: The sidecar or results file that tells of it; None for the record.
        id: Our own name for it.
        path: Where its picture was saved, from the root.
        begun_at: When it was sent; of a sidecar or results file, when that was written.
    """

    told_by: str | None
    id: str | None
    job_id: str | None
    model: str | None
    price_usd: float | None
    begun_at: datetime | None
    host: str | None
    is_sandbox: bool
    path: str


@frozen
class Verified:
    """What was found out about a file.

    Attributes:
        path: As it was named.
        verdict: What it is: as it was saved, or altered since, or nothing is known of it.
        fault: Why it is not whole, or cannot be read; None if it is, or was not decoded.
        content: What is in it, if it could be read.
        picture: What it is, if it is a picture.
        pixels: Whether its pixels are those that were saved; None if that cannot be told.
        origins: The jobs that it is of; the likeliest first.
    """

    path: str
    verdict: Verdict
    fault: str | None = None
    content: files.Content | None = None
    picture: received.ReceivedImage | None = None
    pixels: Literal["same", "other"] | None = None
    origins: tuple[Origin, ...] = ()

    @property
    def is_whole(self) -> bool | None:
        """Whether all of it is there; None of what would take minutes to decode."""
        if self.fault is not None:
            return False
        is_seen = self.picture is not None and self.picture.slow is None
        return True if is_seen or self.pixels == "same" else None

    @property
    def is_good(self) -> bool:
        """Whether it is the picture that was saved."""
        return self.verdict == "saved" and self.fault is None


_Made = tuple[str, str | None, Origin]
"""A picture that was saved: the hash of its bytes, that of its pixels, and the job."""


class _File:
    """A file in the course of being looked at."""

    def __init__(self, named: Named, stdin: BinaryIO | None) -> None:
        self.path = named.path
        self.place = named.place
        self._named, self._stdin = named, stdin
        self.opener: blob.Opener | None = None
        self.content: files.Content | None = None
        self.picture: received.ReceivedImage | None = None
        self.fault: str | None = None

    def read(self) -> None:
        """Hash the file, and look at its header."""
        try:
            self.opener = _opener(self._named, self._stdin)
            with self.opener() as file:
                self.content = files.content(file)
            self.picture = received.look(self.opener)
        except errors.InputError as exc:
            named = addresses.shown(self.path) or "''"
            self.fault = exc.message.removeprefix(f"{named}: ")
        except OSError as exc:
            self.fault = files.reason(self.path, exc)
        except ValueError as exc:
            self.fault = str(exc)

    def decode(self) -> None:
        """Decode the picture."""
        if self.opener is not None and self.picture is not None:
            try:
                self.picture = received.inspect(self.opener)
            except ValueError as exc:
                self.fault = str(exc)


def _opener(named: Named, stdin: BinaryIO | None) -> blob.Opener:
    if not named.is_stdin and os.path.isdir(named.path):  # noqa: PTH112 - of any bytes
        line = f"{files.listing(named.path)} | prodia-compose verify -0 -T -"
        raise errors.InputError(f"is a folder; list its pictures: {line}")
    return open_input(named, 1, stdin=stdin, download=_refuse).opener


def verify(
    named: Sequence[Named],
    record: Ledger,
    results: Sequence[str] = (),
    *,
    stdin: BinaryIO | None,
    stop: Stop,
) -> tuple[Verified, ...]:
    """Return what was found out about each file, in order; each is read once if it is as it was.

    Args:
        named: The files.
        record: Where jobs are looked up.
        results: Results files and sidecars that are asked as well.
        stdin: Standard input, for a file that is `-`.
        stop: Whether to end early.

    Raises:
        errors.InputError: A results file cannot be read; `errors.ProblemsError` if several.
        errors.Interrupted: Somebody asked to stop.
    """
    told = _told(results)
    looked = [_File(one, stdin) for one in named]
    budget = workers.Budget(_BUDGET_BYTES)
    _at_once(looked, _File.read, lambda _: 0, budget, stop)
    there = [one for one in looked if one.content is not None]
    known = _of_record(contents.holding(record, (_sha256(one) for one in there))) + told
    hashes = {sha256: pixels for sha256, pixels, _ in known}
    open_ = [one for one in there if hashes.get(_sha256(one)) is None]
    for one in open_:
        known += _beside(one.path)
    _at_once(open_, _File.decode, _cost, budget, stop)
    sought = [contents.quoted(one.place) for one in open_]
    sought += [
        one.picture.pixels_sha256 for one in open_ if one.picture and one.picture.pixels_sha256
    ]
    known += _of_record(contents.holding(record, sought))
    return tuple(_judged(one, known) for one in looked)


def _sha256(file: _File) -> str:
    return file.content.sha256 if file.content else ""


def _cost(file: _File) -> int:
    return _PIXEL_BYTES * file.picture.width * file.picture.height if file.picture else 0


_T = TypeVar("_T")


def _at_once(
    items: Sequence[_T],
    work: Callable[[_T], None],
    cost: Callable[[_T], int],
    budget: workers.Budget,
    stop: Stop,
) -> None:
    """Do something with each of several items, several at a time."""
    tasks = [workers.Task(work=partial(work, one), cost=cost(one)) for one in items]
    for _, outcome in workers.outcomes(tasks, budget=budget, stop=stop):
        outcome.result()


def _refuse(_address: str) -> blob.Blob:
    raise errors.InputError("is an address; download it first")


def _judged(file: _File, known: Sequence[_Made]) -> Verified:
    """Return what a file is, going by the pictures that were saved."""
    pixels = file.picture.pixels_sha256 if file.picture else None
    same = [origin for sha256, _, origin in known if sha256 == _sha256(file)]
    alike = [origin for _, its, origin in known if its is not None and its == pixels]
    beside = [origin for *_, origin in known if origin.path == file.place != "-"]
    verdict: Verdict = "unknown"
    shown: Literal["same", "other"] | None = None
    if file.content is None:
        beside, verdict = [], "unreadable"
    elif same:
        verdict, shown = "saved", "same"
    elif alike:
        verdict, shown = "altered", "same"
    elif beside:
        verdict = "altered"
        is_told = any(its for _, its, origin in known if origin is beside[0])
        shown = "other" if pixels is not None and is_told else None
    origins: dict[object, Origin] = {}
    for one in (
        same or alike or beside
    ):  # the record's come first, and what repeats them is left out
        origins.setdefault(one.job_id or one.id or one, one)
    # What was saved there comes first.
    ordered = sorted(origins.values(), key=lambda origin: origin.path != file.place)
    return Verified(
        path=file.path,
        verdict=verdict,
        fault=file.fault,
        content=file.content,
        picture=file.picture,
        pixels=shown,
        origins=tuple(ordered),
    )


def _of_record(entries: Iterable[Entry]) -> list[_Made]:
    """Return the pictures of jobs, those that came and have no place included."""
    found: list[_Made] = []
    for entry in entries:
        saved = {one.sha256: one for one in entry.outputs}
        unplaced = [sha256 for sha256 in entry.came if sha256 not in saved]
        kept = [*entry.rescued, *[entry.output] * len(unplaced)]
        for path, sha256, pixels in (
            *((one.path, one.sha256, one.pixels_sha256) for one in entry.outputs),
            *((path, sha256, None) for path, sha256 in zip(kept, unplaced, strict=False)),
        ):
            origin = Origin(
                told_by=None,
                id=entry.id,
                job_id=entry.job_id,
                model=entry.model,
                price_usd=entry.price_usd,
                begun_at=entry.begun_at,
                host=entry.host,
                is_sandbox=entry.is_sandbox,
                path=path,
            )
            found.append((sha256, pixels, origin))
    return found


def _told(results: Iterable[str]) -> list[_Made]:
    """Return the pictures that results files tell of, all that is wrong with these told at once."""
    findings = errors.Findings()
    found: list[_Made] = []
    for path in results:
        with findings.collecting():
            for document in made.documents(path):
                found += _of_document(document, path)
    findings.raise_if_any()
    return found


def _beside(path: str) -> list[_Made]:
    """Return the pictures that the sidecar of a file tells of; whatever else lies there is none."""
    sidecar = f"{path}.json"
    with contextlib.suppress(errors.InputError, OSError, ValueError):
        if 0 < os.stat(sidecar).st_size <= _MAX_SIDECAR_BYTES:  # noqa: PTH116 - of any bytes
            place = addresses.absolute(path)
            return [
                one
                for document in made.documents(sidecar)
                for one in _of_document(document, sidecar, place)
            ]
    return []


def _of_document(document: Document, told_by: str, place: str | None = None) -> list[_Made]:
    """Return the pictures of a result; a sidecar's first one is the file that it lies beside."""
    outputs = document.get("outputs")
    found: list[_Made] = []
    for one in outputs if isinstance(outputs, list) else []:
        sha256, pixels = one.get("sha256"), one.get("pixels_sha256")
        if isinstance(sha256, str):
            origin = Origin(
                told_by=told_by,
                id=_text(document, "record_id"),
                job_id=_text(document, "job_id"),
                model=_text(document, "model"),
                price_usd=_amount(document),
                begun_at=_moment(document),
                host=None,
                is_sandbox=document.get("sandbox") is True,
                path=place or addresses.absolute(str(one["path"])),
            )
            found.append((sha256, pixels if isinstance(pixels, str) else None, origin))
            place = None
    return found


def _text(document: Document, name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) else None


def _amount(document: Document) -> float | None:
    value = document.get("price_usd")
    return float(value) if isinstance(value, int | float) else None


def _moment(document: Document) -> datetime | None:
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(_text(document, "at") or "")
        return moment if moment.tzinfo else None
    return None
