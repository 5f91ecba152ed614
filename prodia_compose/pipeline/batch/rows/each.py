"""The entries of `--each`: a picture, or a folder of pictures, each for a row of its own."""

import hashlib
import mimetypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from prodia_compose import addresses, errors
from prodia_compose.frozen import frozen
from prodia_compose.images.probe import sniff
from prodia_compose.inputs import files
from prodia_compose.inputs.entries import Entry, names_in, natural_key
from prodia_compose.output import names
from prodia_compose.pipeline.batch.options import BatchOptions

_COUNTS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@frozen
class Named:
    """One entry of the list.

    Attributes:
        number: Its place in the list, from 1.
        id: What its row is called in the results.
        name: What `{each}` stands for in `-o`.
        paths: Its pictures, in order.
        folder: Where they lie, links followed; None for an address.
        error: Why it has no pictures.
    """

    number: int
    id: str
    name: str
    paths: tuple[str, ...]
    folder: str | None
    error: errors.InputError | None = None

    @property
    def spoken(self) -> str:
        """What `{each}` stands for in the prompt: its pictures come first."""
        count = len(self.paths)
        if count < 2:
            return "the first image"
        return f"the first {_COUNTS[count - 2] if count - 2 < len(_COUNTS) else count} images"


def named(options: BatchOptions, stdin: BinaryIO | None) -> Iterator[Named]:
    """Yield the entries.

    Raises:
        errors.InputError: The list is missing, empty, or not what `-0` says.
    """
    name = options.each or "-"
    if name != "-" and os.path.isdir(name):  # noqa: PTH112 - pathlib raises at long names
        cure = f"list its pictures: {files.listing(name)} | prodia-compose batch --each - -0 ..."
        raise errors.InputError(f"--each {name}: is a folder", cure, path=name)
    home = _home(options)
    for number, path in enumerate(names_in(name, "--each", options.request.selection, stdin), 1):
        yield _named(number, path, home)


def _home(options: BatchOptions) -> str:
    """Return the folder of the results."""
    if options.results is not None:
        return os.path.dirname(options.results) or "."  # noqa: PTH120 - as typed
    return names.fixed_folder(options.request.placement.target)


def _named(number: int, path: str, home: str) -> Named:
    entry = Entry(path=path, list_number=1)
    if entry.is_url:
        return Named(number=number, id=_address(path), name=entry.stem, paths=(path,), folder=None)
    file = f"./{path}" if path == "-" else path
    id_ = _relative(path, home)
    real = os.path.realpath
    if "\0" in path or not os.path.isdir(path):  # noqa: PTH112 - the whole of it is text
        folder = real(os.path.dirname(file)) if "\0" not in path else ""  # noqa: PTH120 - as above
        return Named(number=number, id=id_, name=entry.stem, paths=(file,), folder=folder)
    paths: tuple[str, ...] = ()
    error = None
    try:
        paths = tuple(_pictures(path))
        if not paths:
            error = errors.InputError(f"{path}: is a folder without pictures", path=path)
    except OSError as exc:
        words, *hints = files.reason(path, exc)
        error = errors.InputError(f"{path}: {words}", *hints, path=path)
    whole = os.path.basename(os.path.abspath(path))  # noqa: PTH100, PTH119 - of . and of a/ too
    return Named(number=number, id=id_, name=whole, paths=paths, folder=real(path), error=error)


def _address(url: str) -> str:
    """Return the id of an address, without what could be a key."""
    shown = addresses.shown(url)
    return shown if shown == url else f"{shown}#{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def _relative(path: str, home: str) -> str:
    """Return a path from the folder of the results, so that it is the same wherever a run starts."""
    try:
        return os.path.relpath(path, home)
    except (OSError, ValueError):
        return path


def _pictures(folder: str) -> Iterator[str]:
    """Yield a folder's own pictures in natural order.

    Raises:
        OSError: It cannot be read.
    """
    with os.scandir(folder) as found:
        own = [one.name for one in found if not one.name.startswith(".") and one.is_file()]
    for name in sorted(own, key=lambda name: (natural_key(name), os.fsencode(name))):
        path = os.path.join(folder, name)  # noqa: PTH118 - as typed
        if _is_picture(path):
            yield path


def _is_picture(path: str) -> bool:
    """Return whether a file is none of those that are no picture for sure.

    What cannot be read, and pictures of a kind that this tool does not read, are told later
    rather than passed over: they may be meant. So may what is empty, if it is called like one.
    """
    try:
        with Path(path).open("rb") as file:
            is_empty = not file.read(1)
            file.seek(0)
            return _may_be_called(path) if is_empty else not sniff.is_foreign(file)
    except OSError:
        return True


def _may_be_called(path: str) -> bool:
    """Return whether a picture may be called so: `notes` and `notes.txt` are none."""
    kind, _ = mimetypes.MimeTypes().guess_type(Path(path).name)  # the same on all machines
    return kind.startswith("image/") if kind else bool(Path(path).suffix)
