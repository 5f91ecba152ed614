"""Which jobs a file has to do with, by what is in it."""

import json
import os
from collections.abc import Iterable
from typing import Literal

from prodia_compose import addresses, errors
from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob, files
from prodia_compose.record.entries import Entry
from prodia_compose.record.ledger import Ledger

_HAS = """
    EXISTS (SELECT 1 FROM json_tree(CASE WHEN json_valid({0}) THEN {0} END)
            WHERE atom IN (SELECT value FROM json_each(:sought)))
"""
_HAS_MADE = f"{_HAS.format('outputs')} OR {_HAS.format('came')}"
_MADE = f"SELECT * FROM jobs WHERE {_HAS_MADE} ORDER BY seq DESC"  # noqa: S608 - ours
_HOLDING = _MADE.replace("ORDER", f"OR {_HAS.format('inputs')} ORDER")

_KEPT = "SELECT * FROM jobs WHERE rescued IS NOT NULL ORDER BY seq DESC"


@frozen
class Part:
    """What a file is to a job.

    Attributes:
        picture: Whether it is the picture, by its bytes, or by its pixels at least.
        inputs: Which inputs it is, counted from 1.
        is_kept: Whether it is what was kept of the job.
    """

    picture: Literal["bytes", "pixels"] | None = None
    inputs: tuple[int, ...] = ()
    is_kept: bool = False

    @property
    def words(self) -> str:
        """The same for people, to complete a sentence that begins with the file's name."""
        if self.picture == "pixels":
            return "the picture (altered since, pixels the same) of this job"
        named = ["the picture"] if self.picture else []
        named += ["what was kept"] if self.is_kept else []
        named += [f"input {number}" for number in self.inputs]
        return f"{' and '.join(named)} of this job"


def made(record: Ledger, sought: Iterable[str]) -> tuple[Entry, ...]:
    """Return the jobs whose pictures have one of these hashes, or were saved at one of these paths.

    The last job comes first.
    """
    return record.read(_MADE, {"sought": json.dumps(list(sought))})


def find(record: Ledger, path: str) -> list[tuple[Entry, Part]]:
    """Return the jobs that made a file or used it, the last one first; and what it is to each.

    Raises:
        errors.InputError: It is no file, or cannot be read; the message names it.
    """
    try:
        opener = _opener(path)
        with opener() as file:
            looked = files.content(file)
    except errors.InputError as exc:
        raise errors.InputError(f"{path}: {exc.words}", *exc.hints, path=path) from exc
    except OSError as exc:
        words, *hints = files.reason(path, exc)
        raise errors.InputError(f"{path}: {words}", *hints, path=path) from exc
    entries = record.read(_HOLDING, {"sought": json.dumps([looked.sha256])})
    found = {entry.id: (entry, _part(entry, looked.sha256)) for entry in entries}
    for entry in record.read(_KEPT, {}):
        is_kept = (files.holds(kept, looked.sha256, looked.size) for kept in entry.rescued)
        if entry.id not in found and any(is_kept):
            found[entry.id] = (entry, Part(is_kept=True))
    return list(found.values()) or _by_pixels(record, opener)


def _opener(path: str) -> blob.Opener:
    if addresses.is_url(path):
        raise errors.InputError("is an address", "download it first")
    if os.path.isdir(path):  # noqa: PTH112 - pathlib raises at long names
        raise errors.InputError("is a folder", "name a picture in it")
    return files.opener(path)


def _part(entry: Entry, sha256: str) -> Part:
    """Return what a file is to a job that has its hash."""
    is_saved = sha256 in [one.sha256 for one in entry.outputs]
    has_come = sha256 in entry.came and not is_saved
    return Part(
        picture="bytes" if is_saved or (has_come and not entry.rescued) else None,
        is_kept=has_come and bool(entry.rescued),
        inputs=tuple(
            number
            for number, one in enumerate(entry.inputs, 1)
            if sha256 in (one.sha256, one.sent_sha256)
        ),
    )


def _by_pixels(record: Ledger, opener: blob.Opener) -> list[tuple[Entry, Part]]:
    """Return the jobs whose picture a file shows, if it is one that can be decoded."""
    from prodia_compose.images.probe import received  # noqa: PLC0415 - Pillow

    try:
        looked = received.inspect(opener)
    except ValueError:
        return []
    entries = made(record, [looked.pixels_sha256] if looked.pixels_sha256 else [])
    return [(entry, Part(picture="pixels")) for entry in entries]
