"""What was made, written where it is wanted: `write` is all that others need."""

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from prodia_compose import addresses, errors
from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob
from prodia_compose.output import places, streams
from prodia_compose.output.options import IfExists
from prodia_compose.pipeline.batch.results.lines import Document
from prodia_compose.progress import Stop
from prodia_compose.report.made import grid, pictures
from prodia_compose.report.made.options import SUFFIXES, Kind

_LARGE: Mapping[Kind, tuple[int, str]] = {
    "html": (50_000_000, "browsers are slow to show so much, and mail does not take it"),
    "md": (2**20, "GitHub shows no summary above 1 MiB"),
}
"""Above how many bytes there is a warning, and why."""


@frozen
class Target:
    """Where a report goes, proved.

    Attributes:
        kind: What it is.
        place: Where the first page of it goes.
    """

    kind: Kind
    place: places.Place


def kind_of(target: str, asked: Kind | None = None, *, called: str = "-o") -> Kind:
    """Return what a report is, by the suffix of its name, or else as asked for.

    Raises:
        errors.UsageError: It has no such suffix, or one of another kind than asked for; or it
            is pictures for standard output.
    """
    suffix = "" if target == "-" else Path(target).suffix.lower()
    named = SUFFIXES.get(suffix)
    if suffix and named is None:
        words = f"{called} {target}: no such report as {suffix}"
        raise errors.UsageError(words, "use .html, .md, .jpg or .png")
    if named is not None and asked not in (None, named):
        words = f"--format {asked} and {called} {target}: the name asks for {named}"
        raise errors.UsageError(words, "leave out --format, or change the name")
    found = named or asked or "html"
    if target == "-" and found in ("jpg", "png"):
        words = f"{called} -: a contact sheet can be several files"
        raise errors.UsageError(words, "name the first one, or ask for html or md")
    return found


def prove(
    target: str,
    *,
    kind: Kind | None = None,
    if_exists: IfExists = "fail",
    create_dirs: bool = False,
    inputs: Sequence[str] = (),
) -> Target:
    """Return where a report goes, once it is certain that it can be written.

    Args:
        target: As typed; `-` is standard output.
        kind: What it is, if the name does not tell.
        if_exists: What to do if something stands there.
        create_dirs: Whether missing folders are made.
        inputs: Files that are never written over: the pictures in it.

    Raises:
        errors.UsageError: Name and kind do not go together.
        errors.OutputError: It cannot be written there, or the name is taken.
    """
    found = kind_of(target, kind)
    known = [(one, Path(one)) for one in inputs if one != "-" and not addresses.is_url(one)]
    place = places.prove(target, if_exists=if_exists, create_dirs=create_dirs, inputs=known)
    return Target(kind=found, place=place)


def named_in(documents: Sequence[Document]) -> list[str]:
    """Return the paths of all pictures that documents name: none is to be written over."""
    return [
        str(one["path"])
        for document in documents
        for key in ("images", "outputs", "rescued")
        for one in document.get(key) or ()  # type: ignore[attr-defined] # a list, as it was read
    ]


def write(
    documents: Sequence[Document],
    target: Target,
    *,
    prompts: bool = True,
    stop: Stop | None = None,
    stdout: Callable[[], IO[bytes]] | None = None,
    warn: Callable[..., None] = lambda *_: None,
) -> list[str]:
    """Write a report of documents, as `pipeline.made` reads them, and return the paths of its files.

    The same documents and pictures give the same bytes. A file is whole or absent.

    Args:
        documents: What is on it, in order.
        target: As `prove` returned it.
        prompts: Whether the prompts are on it.
        stop: What ends it early.
        stdout: Opens standard output for bytes, for a target that is `-`.
        warn: Is told that it is larger than is good for who reads it.

    Raises:
        errors.OutputError: It could not be written, or the name was taken meanwhile.
        errors.Interrupted: Somebody asked to stop.
    """
    place = target.place
    if place.skipped:
        return [place.path]
    folder = os.getcwd() if place.is_stream else os.path.dirname(place.absolute)  # noqa: PTH109, PTH120 - as typed
    arranged = grid.arranged(documents)
    is_shown = target.kind != "md"
    shown = pictures.all_of(arranged, folder, stop or Stop(), is_shown=is_shown)
    paths = []
    for number, data in enumerate(_files(arranged, documents, shown, target.kind, prompts), 1):
        try:
            if place.is_stdout and stdout is not None:
                with data.open() as source:
                    streams.write_stream(source, stdout())
                paths.append(place.path)
            else:
                paths.append(places.publish(data, places.numbered(place, number)))
        except OSError as exc:
            data.drop_spares()
            taken = isinstance(exc, FileExistsError)
            reason = "the name was taken meanwhile" if taken else errors.reason(exc, {})[0]
            raise errors.OutputError(f"-o {place.path}: {reason}", path=place.path) from exc
        most, why = _LARGE.get(target.kind, (data.size, ""))
        if data.size > most:
            words = f"{place.path}: has {data.size / 1e6:.1f} MB; {why}"
            warn("large-report", words, "report fewer rows at a time")
    return paths


def _files(
    arranged: grid.Grid,
    documents: Sequence[Document],
    shown: pictures.Shown,
    kind: Kind,
    prompts: bool,  # noqa: FBT001 - as in `write`
) -> Iterator[blob.Blob]:
    """Yield what each file holds."""
    known = (arranged, documents, shown)
    if kind == "html":
        from prodia_compose.report.made import page  # noqa: PLC0415 - only what is asked for

        yield blob.stored([page.page(*known, prompts=prompts)])
    elif kind == "md":
        from prodia_compose.report.made import table  # noqa: PLC0415 - as above

        yield blob.stored([table.table(*known, prompts=prompts)])
    else:
        from prodia_compose.images import contact  # noqa: PLC0415 - as above
        from prodia_compose.report.made import sheet  # noqa: PLC0415 - as above

        for one in sheet.sheets(*known, prompts=prompts):
            file = io.BytesIO()
            contact.painted(one.size, sheet.PAPER, one.items, kind, file)
            yield blob.stored([file.getbuffer()])
