"""Whether files are the pictures that were paid for, by what is in them.

What is recorded of a picture is its hash, and that of its pixels. A file with the first is what
was saved. One with the second was altered since beside its pixels, as where a tag was written. Of
one that has neither, only its place tells which picture it was.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import BinaryIO, Final, Literal, TypeVar

from prodia_compose import addresses, errors
from prodia_compose.frozen import frozen
from prodia_compose.images import workers
from prodia_compose.images.probe import received
from prodia_compose.inputs import blob, files
from prodia_compose.inputs.entries import Entry as Named
from prodia_compose.inputs.entries import open_input
from prodia_compose.pipeline.verify import origins
from prodia_compose.pipeline.verify.origins import Known, Origin
from prodia_compose.progress import Stop
from prodia_compose.record.ledger import Ledger

Verdict = Literal["saved", "altered", "unknown", "unreadable"]

_BUDGET_BYTES: Final = 170_000_000
_PIXEL_BYTES: Final = 4


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
            self.fault = "; ".join(files.reason(self.path, exc))
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
        raise errors.InputError("is a folder", f"list its pictures: {line}")
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
    listed = origins.made_in(results)
    looked = [_File(one, stdin) for one in named]
    budget = workers.Budget(_BUDGET_BYTES)
    _at_once(looked, _File.read, lambda _: 0, budget, stop)
    there = [one for one in looked if one.content is not None]
    known = Known(origins.recorded(record, map(_sha256, there)))
    known.take(listed)
    # Those that are as they were saved had all their pixels then.
    open_ = [one for one in there if not known.has_seen(_sha256(one))]
    for one in open_:
        known.take(origins.beside(one.path))
    _at_once(open_, _File.decode, _cost, budget, stop)
    sought = [one.place for one in open_ if one.place != "-"]
    sought += [one.picture.pixels_sha256 or "" for one in open_ if one.picture]
    known.take(origins.recorded(record, sought))
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
    raise errors.InputError("is an address", "download it first")


def _judged(file: _File, known: Known) -> Verified:
    """Return what a file is, going by the pictures that were saved."""
    pixels = file.picture.pixels_sha256 if file.picture else None
    same = known.saved.get(_sha256(file), [])
    alike = known.alike.get(pixels or "", [])
    there = known.there.get(file.place, [])
    verdict: Verdict = "unknown"
    shown: Literal["same", "other"] | None = None
    if file.content is None:
        there, verdict = [], "unreadable"
    elif same:
        verdict, shown = "saved", "same"
    elif alike:
        verdict, shown = "altered", "same"
    elif there:
        verdict = "altered"
        shown = "other" if pixels is not None and there[0].pixels_sha256 is not None else None
    origins_by_job: dict[object, Origin] = {}
    for one in same or alike or there:  # the record's come first, and what repeats them is left out
        origins_by_job.setdefault(one.origin.job_id or one.origin.id or one.origin, one.origin)
    # What was saved there comes first.
    ordered = sorted(origins_by_job.values(), key=lambda origin: origin.path != file.place)
    return Verified(
        path=file.path,
        verdict=verdict,
        fault=file.fault,
        content=file.content,
        picture=file.picture,
        pixels=shown,
        origins=tuple(ordered),
    )
