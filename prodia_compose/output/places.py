"""Where the picture goes: a place that is proved before, and not taken from anybody after.

A place is settled in two steps: `prove` before anything is paid for, `publish` once
the picture is here. Between the two nothing is left on disk.
"""

import contextlib
import errno
import itertools
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from prodia_compose import addresses, errors
from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob
from prodia_compose.output import files, streams
from prodia_compose.output.options import SUFFIXES, IfExists

SIDECAR = ".json"
"""What the name of a picture's sidecar has more than the picture's."""


class TakenError(errors.OutputError, exit_code=errors.ExitCode.OUTPUT):
    """The name is taken, and nobody said what to do then."""


class NoFolderError(errors.OutputError, exit_code=errors.ExitCode.OUTPUT):
    """The folder of a place is not there, and nobody said that it be made."""


@frozen
class Place:
    """Where one picture goes.

    Attributes:
        path: As it will be printed; `-` is standard output.
        if_exists: What to do when something stands there at publish time.
        create_dirs: Whether missing folders are made at publish time.
        skipped: Whether it is taken and `--if-exists skip` says to leave it.
        taken: Under `number`, the taken name that `path` is a free variant of.
        stream: What was found there that takes bytes, as `streams.kind` tells; None for a file.
        file: Where the file is, links followed, as it was found; None for a stream.
        inputs: The inputs that are files, which are never written over.
        has_sidecar: Whether what is told of the picture goes beside it.
    """

    path: str
    if_exists: IfExists = "fail"
    create_dirs: bool = False
    skipped: bool = False
    taken: str | None = None
    stream: streams.Kind | None = None
    file: Path | None = None
    inputs: tuple[Path, ...] = ()
    has_sidecar: bool = False

    @property
    def absolute(self) -> str:
        """Its path from the root; `-` is standard output."""
        return self.path if self.is_stdout else addresses.absolute(self.path)

    @property
    def is_stdout(self) -> bool:
        """Whether the bytes go to standard output."""
        return self.path == "-"

    @property
    def is_stream(self) -> bool:
        """Whether the bytes go down standard output, a descriptor, a device or a pipe."""
        return self.is_stdout or self.stream is not None


def standing(path: str, if_exists: IfExists, is_it: Callable[[str], bool]) -> Place | None:
    """Return the place of a picture that stands there already, under the name or a number of it."""
    others = _numbered(path) if if_exists == "number" else ()
    taken = itertools.takewhile(
        lambda name: streams.status(name) is not None, itertools.chain([path], others)
    )
    name = next((name for name in taken if is_it(name)), None)
    return None if name is None else Place(path=name, skipped=True)


def prove(
    path: str,
    *,
    if_exists: IfExists,
    create_dirs: bool,
    inputs: Sequence[tuple[str, Path]] = (),
    called: str = "-o",
    proven: set[Path] | None = None,
    has_sidecar: bool = False,
) -> Place:
    """Return the place for a picture, once it is certain that it can be written.

    Args:
        path: The target after template expansion; `-` is standard output.
        inputs: (path as typed, file) of the inputs that are files; none is ever overwritten.
        called: What the target came from, for messages.
        proven: The folders that were found to take a picture a moment ago; takes in this one.
        has_sidecar: Whether a name is free only if that of its sidecar is; `sidecar` proves that.

    Raises:
        TakenError: Something stands there.
        errors.OutputError: It is a folder, an input, or not writable.
    """
    if addresses.scheme(path) is not None:
        shown = addresses.shown(path)
        raise errors.OutputError(f"{called} {shown}: is an address", "name a file", path=shown)
    place = Place(path=path, if_exists=if_exists, create_dirs=create_dirs, has_sidecar=has_sidecar)
    with _as_output_error(path, called):
        if place.is_stdout:
            _refuse_inputs("/dev/fd/1", inputs)
            return place
        stream = streams.kind(path)
        if stream is not None:
            streams.prove(path)
            _refuse_inputs(path, inputs)
            return replace(
                place, path="-" if streams.descriptor(path) == 1 else path, stream=stream
            )
        if os.path.basename(path) in ("", ".", ".."):  # noqa: PTH119 - pathlib drops a final / or /.
            raise errors.OutputError("names a folder", "name a file")
        place = replace(place, inputs=tuple(file for _, file in inputs))
        if if_exists == "number":
            names = itertools.chain((path,), _numbered(path))
            free = next(name for name in names if _is_free(name, place))
            taken = None if free == path else path
            return replace(_proved(replace(place, path=free), proven), taken=taken)
        if streams.status(path) is None:
            return _proved(place, proven)
        _refuse_inputs(path, inputs)
        if if_exists == "skip":
            return replace(place, skipped=True)
        if if_exists == "fail":
            raise TakenError("exists already", "-f overwrites it, --if-exists number keeps both")
        place = _proved(place, proven)
        files.prove_replaceable(_file(place))
        return place


def _is_free(path: str, place: Place) -> bool:
    """Return whether nothing stands under a name, nor where the place's picture has its sidecar then."""
    names = (path, f"{path}{SIDECAR}") if place.has_sidecar else (path,)
    return all(streams.status(name) is None for name in names)


def _refuse_inputs(path: str, inputs: Sequence[tuple[str, Path]]) -> None:
    for shown, file in inputs:
        if _same(file, path):
            raise errors.OutputError(f"is the input {shown}", "choose another name")


def _same(file: Path, path: str | Path) -> bool:
    try:
        return file.is_file() and file.samefile(path)
    except (OSError, ValueError):  # an input that is missing, or no name, is told elsewhere
        return False


def _proved(place: Place, proven: set[Path] | None) -> Place:
    """Return a place for a file, found, once a file can be made there."""
    file = Path(os.path.realpath(place.path))
    if not place.create_dirs and not file.parent.exists():
        typed = Path(place.path).parent
        missing = file.parent if typed.exists() else typed  # a link leads elsewhere
        raise NoFolderError(f"there is no folder {missing}", "--create-dirs makes it")
    files.prove_name(file)
    if proven is None or file.parent not in proven:
        files.prove_folder(file, create_dirs=place.create_dirs)
    if proven is not None:
        proven.add(file.parent)
    return replace(place, file=file)


def corrected(place: Place, suffix: str) -> Place:
    """Return the place for a picture of another format than asked: its true suffix.

    The other name was never proved free, so it is numbered if it is taken. Devices and
    the like keep their name.
    """
    if place.is_stream:
        return place
    plain = Path(place.path)
    stem = plain.stem if plain.suffix.lower() in SUFFIXES else plain.name
    return replace(_beside(place, stem + suffix), if_exists="number")


def numbered(place: Place, number: int) -> Place:
    """Return the place of the `number`th picture of one job: `NAME-2.EXT` for the second.

    All pictures go down the same stream where the place is one.
    """
    if number == 1 or place.is_stream:
        return place
    plain = Path(place.path)
    place = replace(place, has_sidecar=False)
    other = _beside(place, f"{plain.stem}-{number}{plain.suffix}")
    if place.if_exists == "overwrite":
        with contextlib.suppress(OSError):  # what stands there stays, then
            if _replaced(other) is not None:
                files.prove_replaceable(_file(other))
            return other
    return replace(other, if_exists="number")


def publish(data: blob.Blob, place: Place, waiting: Callable[[], None] = lambda: None) -> str:
    """Write a picture to its place and return the path it stands under.

    The file appears under its name whole and synced to disk, or not at all. The place is as
    `prove` returned it, or derived from that; `waiting` is as for `streams.open_stream`.

    Raises:
        OSError: It could not be written, or the name was taken meanwhile (FileExistsError);
            if all of it was written, there is a spare of the data.
    """
    if place.stream is not None:
        with (
            data.open() as source,
            streams.open_stream(place.path, place.stream, waiting) as stream,
        ):
            streams.write_stream(source, stream)
        return place.path
    final = _file(place)
    if place.create_dirs:
        final.parent.mkdir(parents=True, exist_ok=True)
    mode = None
    with contextlib.suppress(FileExistsError):  # told by `_name`, once there is a whole copy
        before = _replaced(place)
        mode = None if before is None else stat.S_IMODE(before.st_mode)
    temporary = final.with_name(f".{secrets.token_hex(6)}.part")
    files.create(data, temporary, 0o666 if mode is None else mode, keeps_mode=mode is not None)
    data.spares.append(temporary)  # until its name is given
    published = _name(temporary, place, data)
    data.drop_spares()
    files.sync_folder(final.parent)
    return published


def _replaced(place: Place) -> os.stat_result | None:
    """Return the status of the file that is overwritten; None where none is.

    Raises:
        FileExistsError: What stands there now must not be overwritten.
    """
    if place.if_exists != "overwrite":
        return None
    final = _file(place)
    if not _leads_there(place) or any(_same(file, final) for file in place.inputs):
        raise streams.taken(place.path)
    try:
        status = final.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise streams.taken(place.path)
    return status


def _leads_there(place: Place) -> bool:
    """Return whether a path still leads to the file that was found: no link has come."""
    return os.path.realpath(place.path) == str(_file(place))


def _name(temporary: Path, place: Place, data: blob.Blob) -> str:
    """Give a finished file its name, by the place's policy; return the path as typed."""
    if place.if_exists == "overwrite":
        _replaced(place)
        try:
            files.link(temporary, _file(place), data)
        except FileExistsError:
            files.replace(temporary, _file(place), data)
        return place.path
    free = [place] if _leads_there(place) else []
    others = _numbered(place.taken or place.path) if place.if_exists == "number" else iter(())
    for one in itertools.chain(free, (_beside(place, Path(name).name) for name in others)):
        if place.if_exists == "number" and place.has_sidecar and not _is_free(one.path, place):
            continue
        with contextlib.suppress(FileExistsError):
            files.link(temporary, _file(one), data)
            return one.path
    raise streams.taken(place.path)


def _numbered(path: str) -> Iterator[str]:
    """Yield `composed-2.jpg`, `composed-3.jpg` and so on."""
    plain = Path(path)
    for number in itertools.count(2):
        yield _renamed(path, f"{plain.stem}-{number}{plain.suffix}")


def _renamed(path: str, name: str) -> str:
    """Return a path with another last part, all before it as typed."""
    return path[: len(path) - len(Path(path).name)] + name


def _file(place: Place) -> Path:
    return place.file or Path(os.path.realpath(place.path))


def _beside(place: Place, name: str) -> Place:
    """Return the place of another name in the folder that was proved, as typed if that leads there."""
    file = _file(place).with_name(name)
    path = _renamed(place.path, name)
    folder = os.path.realpath(os.path.dirname(path))  # noqa: PTH120 - as typed
    return replace(place, path=path if folder == str(file.parent) else str(file), file=file)


@contextlib.contextmanager
def _as_output_error(path: str, called: str) -> Iterator[None]:
    """Put what the block raises into an error that names the option and the path."""
    try:
        yield
    except errors.OutputError as error:
        raise type(error)(f"{called} {path}: {error.words}", *error.hints, path=path) from error
    except (OSError, ValueError) as exc:
        words, *hints = errors.reason(exc, _REASONS)
        raise errors.OutputError(f"{called} {path}: {words}", *hints, path=path) from exc


_REASONS = {
    errno.EPERM: ("it, or its folder, is protected from changes", "choose another name or folder"),
    errno.EACCES: ("permission denied", "choose a folder you may write to"),
    errno.EBADF: ("is not open for writing", "redirect it, or name a file"),
    errno.ENOENT: ("no file can be made there", "choose another folder"),
    errno.ENXIO: ("there is no such device", "name a file"),
    errno.EINVAL: ("no file can be called so there", "choose another name"),
    errno.EROFS: ("the file system is read-only", "choose another folder"),
    errno.ENOSPC: ("the disk is full", "make room or choose another folder"),
    errno.EDQUOT: ("your disk quota is used up", "make room or choose another folder"),
    errno.ENOTDIR: ("part of the path is not a folder",),
    errno.ENAMETOOLONG: ("the name is too long",),
    errno.ELOOP: ("is a loop of links",),
}
