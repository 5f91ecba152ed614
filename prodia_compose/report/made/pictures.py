"""The pictures of a grid: small copies, where the originals are, and what is wrong with them."""

import os
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from prodia_compose import addresses, errors
from prodia_compose.frozen import frozen
from prodia_compose.images import fit, thumbnails, workers
from prodia_compose.images.probe import probe
from prodia_compose.inputs import files
from prodia_compose.pipeline.batch.results.lines import Document
from prodia_compose.progress import Stop
from prodia_compose.report.made import words
from prodia_compose.report.made.grid import Grid

_SIDES: Final = ((120, 480), (400, 400))
"""Up to how many pictures they are how long, in pixels."""

_LEAST_SIDE: Final = 320
_INPUT_PART: Final = 0.75  # of which an input is as long: on the page it is smaller

_ALL_BYTES: Final = 9_500_000
"""What all small copies together take, or little more where they are thousands."""

_MOST_BYTES, _LEAST_BYTES = 60_000, 5_000


class Named(NamedTuple):
    """A picture that a document names: where, with what in it, and whether it was an input."""

    path: str
    sha256: str | None
    is_input: bool


@frozen
class Picture:
    """A picture as it is shown.

    Attributes:
        name: What it is called.
        small: A small copy; None if it cannot be shown.
        href: Where the original is, from the folder of the page; None if nowhere.
        trouble: What is wrong with it; empty if nothing is.
    """

    name: str
    small: thumbnails.Small | None = None
    href: str | None = None
    trouble: str = ""


Shown = Mapping[Named, Picture]
"""The pictures that documents name."""


def named(document: Document) -> Iterator[Named]:
    """Yield the pictures that came of a composition, or lie where they are kept."""
    for one in _listed(document, "outputs") or _listed(document, "rescued") or _left(document):
        yield Named(str(one["path"]), _text(one, "sha256"), is_input=False)


def of_input(image: Document) -> Named:
    """Return the picture that an input is."""
    return Named(str(image["path"]), _text(image, "sha256"), is_input=True)


def all_of(grid: Grid, folder: str, stop: Stop, *, is_shown: bool = True) -> Shown:
    """Return the pictures of a grid.

    Args:
        grid: Its documents name them.
        folder: What the originals' paths are told from.
        stop: What ends it early.
        is_shown: Whether small copies are made; else no picture is decoded.

    Raises:
        errors.Interrupted: Somebody asked to stop.
        errors.OutputError: There is no room for temporary files.
    """
    wanted = list(dict.fromkeys(_all_named(grid)))
    side = next((side for most, side in _SIDES if len(wanted) <= most), _LEAST_SIDE)
    each = max(_LEAST_BYTES, min(_MOST_BYTES, _ALL_BYTES // max(1, len(wanted))))
    maker = _Maker(folder, side if is_shown else 0, each, workers.Budget(fit.BUDGET_BYTES))
    tasks = [workers.Task(work=partial(maker.shown, one), cost=0) for one in wanted]
    found: dict[Named, Picture] = {}
    for place, outcome in workers.outcomes(tasks, budget=workers.Budget(1), stop=stop):
        found[wanted[place]] = outcome.result()
    return found


def _all_named(grid: Grid) -> Iterator[Named]:
    for one in grid.sets:
        yield from map(of_input, one.images)
        for document in one.cells:
            if document is not None:
                yield from named(document)


class _Maker(NamedTuple):
    """What small copies are made with: how long they are (0: none are), and of how many bytes at most."""

    folder: str
    side: int
    most_bytes: int
    budget: workers.Budget

    def shown(self, image: Named) -> Picture:
        """Return a picture as it is shown."""
        name = words.image({"path": image.path})
        if image.path == "-" or addresses.is_url(image.path):
            what = "no file" if image.path == "-" else "an address, which is not looked at"
            return Picture(name=name, trouble=what)
        path = Path(image.path)
        try:
            if not path.is_file():
                other = "something else is in its place"
                return Picture(name=name, trouble=other if path.exists() else "its file is gone")
            with path.open("rb") as file:
                is_other = image.sha256 is not None and files.content(file).sha256 != image.sha256
        except (OSError, ValueError):
            return Picture(name=name, trouble="its file cannot be read")
        trouble = ["its file has changed since"] if is_other else []
        small = None
        try:
            small = self._small(path, image) if self.side else None
        except errors.InputError as exc:
            trouble.append(f"cannot be shown: {exc.message}")
        href = _href(image.path, self.folder)
        return Picture(name=name, href=href, small=small, trouble=", and ".join(trouble))

    def _small(self, path: Path, image: Named) -> thumbnails.Small:
        def opener() -> BinaryIO:
            return path.open("rb")

        side = int(self.side * _INPUT_PART) if image.is_input else self.side
        info = probe.probe(opener)
        cost = thumbnails.peak_bytes(info, side)
        self.budget.acquire(cost)
        try:
            return thumbnails.make(opener, info, side, self.most_bytes)
        finally:
            self.budget.release(cost)


def _href(path: str, folder: str) -> str:
    """Return an address of a file that is right wherever both are moved to."""
    relative = os.path.relpath(addresses.absolute(path), folder)
    return urllib.parse.quote(os.fsencode(relative))


def _left(document: Document) -> Iterable[Document]:
    """Return the picture that was there before, of a row that was skipped."""
    output = document.get("output")
    return [output] if document["status"] == "skipped" and isinstance(output, dict) else []


def _listed(document: Document, key: str) -> list[Document]:
    value = document.get(key)
    return value if isinstance(value, list) else []


def _text(document: Document, key: str) -> str | None:
    value = document.get(key)
    return value if isinstance(value, str) else None
