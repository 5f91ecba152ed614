"""Where the picture goes: a file that is whole or absent.

A place is settled in two steps: `prove` before anything is paid for, `publish` once
the picture is here. Between the two nothing is left on disk.
"""

import contextlib
import errno
import itertools
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from prodia_compose import addresses, blob, errors
from prodia_compose.frozen import frozen
from prodia_compose.output import names, streams
from prodia_compose.output.options import SUFFIXES, IfExists, OutputFormat, Placement

# A JPEG of a few megapixels; a folder that cannot take this cannot take the picture.
PROOF_BYTES = 1 << 20


@frozen
class Place:
    """Where one picture goes.

    Attributes:
        path: As it will be printed; `-` is standard output.
        if_exists: What to do when something stands there at publish time.
        create_dirs: Whether missing folders are made at publish time.
        skipped: Whether it is taken and `--if-exists skip` says to leave it.
        taken: Under `number`, the taken name that `path` is a free variant of.
    """

    path: str
    if_exists: IfExists = "fail"
    create_dirs: bool = False
    skipped: bool = False
    taken: str | None = None

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
        return self.is_stdout or streams.is_stream(self.path)


def expand(placement: Placement, format_: OutputFormat, stems: Sequence[str], model: str) -> str:
    """Return the path that the options name.

    Args:
        placement: The options.
        format_: The format asked for.
        stems: The inputs' base names without suffix, in order; empty where one has none.
        model: The model's name; empty if there is none.
    """
    return names.expand(
        placement.target,
        {
            "stem": (stems[-1] if stems else "") or "image",
            "first": (stems[0] if stems else "") or "image",
            "model": model,
            "date": time.strftime("%Y-%m-%d"),
            "time": time.strftime("%H%M%S"),
            "n": str(len(stems)),
            "ext": format_,
        },
    )


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
) -> Place:
    """Return the place for a picture, once it is certain that it can be written.

    Args:
        path: The target after template expansion; `-` is standard output.
        inputs: (path as typed, file) of the inputs that are files; none may be overwritten
            unless the policy is `overwrite`.
        called: What the target came from, for messages.

    Raises:
        errors.OutputError: It is taken, a folder, an input, or not writable.
    """
    place = Place(path=path, if_exists=if_exists, create_dirs=create_dirs)
    if place.is_stdout:
        return place
    if addresses.scheme(path) is not None:
        shown = addresses.shown(path)
        raise errors.OutputError(f"{called} {shown}: is an address; name a file", path=shown)
    with _as_output_error(path, called):
        if place.is_stream:
            streams.prove(path)
            return replace(place, path="-") if streams.descriptor(path) == 1 else place
        if os.path.basename(path) in ("", ".", ".."):  # noqa: PTH119 - pathlib drops a final / or /.
            raise errors.OutputError("names a folder; name a file")
        if if_exists != "overwrite" and streams.status(path) is not None:
            return _settle_taken(place, inputs)
        _prove_folder(path, create_dirs=create_dirs)
    return place


def _settle_taken(place: Place, inputs: Sequence[tuple[str, Path]]) -> Place:
    """Apply the policies `fail`, `skip` and `number` to a name that is taken."""
    path = place.path
    if place.if_exists == "number":
        free = next(name for name in _numbered(path) if streams.status(name) is None)
        _prove_folder(free, create_dirs=False)
        return replace(place, path=free, taken=path)
    for shown, file in inputs:
        if _same(file, path):
            message = f"is the input {shown}; choose another name, or -f to overwrite it"
            raise errors.OutputError(message)
    if place.if_exists == "skip":
        return replace(place, skipped=True)
    raise errors.OutputError("exists already; -f overwrites it, --if-exists number keeps both")


def _same(file: Path, path: str) -> bool:
    try:
        return file.samefile(path)
    except (OSError, ValueError):  # an input that is missing, or no name, is told elsewhere
        return False


def _prove_folder(path: str, *, create_dirs: bool) -> None:
    """Write and remove a file where the picture will be, or where its folders will be made."""
    folder = Path(os.path.realpath(path)).parent
    if not folder.exists():
        if not create_dirs:
            typed = Path(path).parent
            missing = folder if typed.exists() else typed  # a link leads elsewhere
            raise errors.OutputError(f"there is no folder {missing}; --create-dirs makes it")
        folder = next(parent for parent in folder.parents if parent.exists())
    if any(len(os.fsencode(part)) > 255 for part in Path(path).parts):
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    with _temporary(folder) as (_, file):
        file.write(bytes(PROOF_BYTES))
        file.flush()


def corrected(place: Place, suffix: str) -> Place:
    """Return the place for a picture of another format than asked: its true suffix.

    The other name was never proved free, so it is numbered if it is taken. Devices and
    the like keep their name.
    """
    if place.is_stream:
        return place
    plain = Path(place.path)
    stem = plain.stem if plain.suffix.lower() in SUFFIXES else plain.name
    path = _beside(place.path, stem + suffix)
    return Place(path=path, if_exists="number", create_dirs=place.create_dirs)


def numbered(place: Place, number: int) -> Place:
    """Return the place of the `number`th picture of one job: `NAME-2.EXT` for the second.

    All pictures go down the same stream where the place is one.
    """
    if number == 1 or place.is_stream:
        return place
    plain = Path(place.path)
    path = _beside(place.path, f"{plain.stem}-{number}{plain.suffix}")
    policy: IfExists = "overwrite" if place.if_exists == "overwrite" else "number"
    return Place(path=path, if_exists=policy, create_dirs=place.create_dirs)


def publish(data: blob.Blob, place: Place, waiting: Callable[[], None] = lambda: None) -> str:
    """Write a picture to its place and return the path it stands under.

    The file appears under its name whole and synced to disk, or not at all. The place is as
    `prove` returned it, or derived from that; `waiting` is as for `streams.open_stream`.

    Raises:
        OSError: It could not be written, or the name was taken meanwhile (FileExistsError).
    """
    if place.is_stream:
        with data.open() as source, streams.open_stream(place.path, waiting) as stream:
            streams.write_stream(source, stream)
        return place.path
    final = Path(os.path.realpath(place.path))  # a symlink stays, and what it names is written
    status = streams.status(place.path) if place.if_exists == "overwrite" else None
    if place.create_dirs:
        final.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(final.parent) as (temporary, file):
        with data.open() as source:
            shutil.copyfileobj(source, file)
        file.flush()
        if status is not None:
            temporary.chmod(stat.S_IMODE(status.st_mode))
        os.fsync(file.fileno())
        file.close()  # a network disk may fail only now, and Windows renames no open file
        published = _name(temporary, final, place)
    _sync_folder(final.parent)
    return published


def _name(temporary: Path, final: Path, place: Place) -> str:
    """Give a finished file its name, by the place's policy; return the path as typed."""
    if place.if_exists == "overwrite":
        temporary.replace(final)
        return place.path
    try:
        _link(temporary, final)
    except FileExistsError:
        if place.if_exists != "number":
            raise
    else:
        return place.path
    for name in _numbered(place.taken or place.path):
        with contextlib.suppress(FileExistsError):
            _link(temporary, Path(name))
            return name
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place.path)


def _link(temporary: Path, final: Path) -> None:
    """Name a file without ever overwriting another.

    Raises:
        FileExistsError: The name is taken.
    """
    try:
        os.link(temporary, final)
    except FileExistsError:
        raise
    except OSError:  # no hard links here (FAT, some network file systems)
        os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            temporary.replace(final)
        except BaseException:
            final.unlink()  # ours, and empty
            raise


def _numbered(path: str) -> Iterator[str]:
    """Yield `composed-2.jpg`, `composed-3.jpg` and so on."""
    plain = Path(path)
    for number in range(2, 1_000_000):
        yield _beside(path, f"{plain.stem}-{number}{plain.suffix}")


def _beside(path: str, name: str) -> str:
    """Return a path with another last part, all before it as typed."""
    return path[: len(path) - len(Path(path).name)] + name


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Open a new file with a short name in a folder, gone when the block ends.

    Made by `os.open` with mode 0666, so that the umask decides as for any file;
    `mkstemp` would leave the picture readable by its owner only.
    """
    path = folder / f".{secrets.token_hex(6)}.part"
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            yield path, file
    finally:
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a new name survive a power cut, where the system lets us."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _as_output_error(path: str, called: str) -> Iterator[None]:
    """Put what the block raises into an error that names the option and the path."""
    try:
        yield
    except errors.OutputError as error:
        raise errors.OutputError(f"{called} {path}: {error.message}", path=path) from error
    except (OSError, ValueError) as exc:
        words = errors.reason(exc, _REASONS)
        raise errors.OutputError(f"{called} {path}: {words}", path=path) from exc


_REASONS = {
    errno.EACCES: "permission denied; choose a folder you may write to",
    errno.EBADF: "is not open for writing; redirect it, or name a file",
    errno.ENOENT: "no file can be made there; choose another folder",
    errno.ENXIO: "there is no such device; name a file",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOSPC: "the disk is full; make room or choose another folder",
    errno.EDQUOT: "your disk quota is used up; make room or choose another folder",
    errno.ENOTDIR: "part of the path is not a folder",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "is a loop of links",
}
