"""Which pictures jobs have made: what the record, results files and sidecars tell of them."""

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from prodia_compose import addresses, errors
from prodia_compose.frozen import frozen
from prodia_compose.pipeline import made
from prodia_compose.pipeline.batch.results.lines import Document
from prodia_compose.record import contents
from prodia_compose.record.entries import Entry
from prodia_compose.record.ledger import Ledger

_AT_ONCE: Final = 1000
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
class Made:
    """A picture that a job has made.

    Attributes:
        sha256: The hash of its bytes; `pixels_sha256` is that of its pixels, if it is known.
        place: Where it was saved, from the root; None if it was not.
    """

    sha256: str
    pixels_sha256: str | None
    place: str | None
    origin: Origin


class Known:
    """The pictures that are known of, by the hash of their bytes or pixels, and by their place."""

    def __init__(self, made: Iterable[Made]) -> None:
        self.saved: defaultdict[str, list[Made]] = defaultdict(list)
        self.alike: defaultdict[str, list[Made]] = defaultdict(list)
        self.there: defaultdict[str, list[Made]] = defaultdict(list)
        self.take(made)

    def take(self, made: Iterable[Made]) -> None:
        """Take in more of them."""
        for one in made:
            self.saved[one.sha256].append(one)
            if one.pixels_sha256 is not None:
                self.alike[one.pixels_sha256].append(one)
            if one.place is not None:
                self.there[one.place].append(one)

    def has_seen(self, sha256: str) -> bool:
        """Return whether all pixels of a picture were there when it was saved."""
        return any(one.pixels_sha256 is not None for one in self.saved.get(sha256, ()))


def recorded(record: Ledger, sought: Iterable[str]) -> Iterator[Made]:
    """Yield the pictures of the record with one of these hashes or paths, so many at a time."""
    left = list(dict.fromkeys(sought))
    for at in range(0, len(left), _AT_ONCE):
        yield from _of_record(contents.made(record, left[at : at + _AT_ONCE]))


def _of_record(entries: Iterable[Entry]) -> Iterator[Made]:
    """Yield the pictures of jobs, those that came and have no place included."""
    for entry in entries:
        origin = Origin(
            told_by=None,
            id=entry.id,
            job_id=entry.job_id,
            model=entry.model,
            price_usd=entry.price_usd,
            begun_at=entry.begun_at,
            host=entry.host,
            is_sandbox=entry.is_sandbox,
            path=entry.output,
        )
        for file in entry.outputs:
            saved = replace(origin, path=file.path)
            place = None if file.path == "-" else file.path
            pixels = file.pixels_sha256
            yield Made(sha256=file.sha256, pixels_sha256=pixels, place=place, origin=saved)
        hashes = [file.sha256 for file in entry.outputs]
        for sha256 in (one for one in entry.came if one not in hashes):
            kept = replace(origin, path=entry.rescued[0]) if len(entry.rescued) == 1 else origin
            yield Made(sha256=sha256, pixels_sha256=None, place=None, origin=kept)


def made_in(results: Iterable[str]) -> list[Made]:
    """Return the pictures that results files tell of, all that is wrong with these told at once."""
    findings = errors.Findings()
    pictures: list[Made] = []
    for path in results:
        with findings.collecting():
            for document in made.documents(path):
                earlier = document.get("before")
                for one in (document, *(earlier if isinstance(earlier, list) else [])):
                    pictures += _of_document(one, path)
    findings.raise_if_any()
    return pictures


def beside(path: str) -> list[Made]:
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


def _of_document(document: Document, told_by: str, beside: str | None = None) -> Iterator[Made]:
    """Yield the pictures of a result; a sidecar's first one is the file that it lies `beside`."""
    outputs = document.get("outputs")
    for number, one in enumerate(outputs if isinstance(outputs, list) else []):
        sha256, pixels = one.get("sha256"), one.get("pixels_sha256")
        path = str(one["path"])
        place = beside if beside and not number else addresses.absolute(path)
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
                path="-" if path == "-" else place,
            )
            yield Made(
                sha256=sha256,
                pixels_sha256=pixels if isinstance(pixels, str) else None,
                place=place,
                origin=origin,
            )


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
