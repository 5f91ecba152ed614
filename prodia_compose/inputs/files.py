"""Reading what was named: files, pipes and standard input.

Nothing is opened that could block or that is no file: devices, folders and named
FIFOs are refused by their kind. What can be read only once is spooled to disk.
"""

import contextlib
import errno
import functools
import hashlib
import io
import itertools
import os
import re
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from prodia_compose import addresses, errors, progress, values
from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob

_CHUNK_BYTES = 1 << 18

_NEAR_STEM = 0.4  # of names without their suffix, which are often alike
_NEAR = 0.75  # from 0 to 1, which is the same
_LONGER = 2  # letters, or shorter
_MOST_LISTED = 2000
_MOST_COMPARED = 40

_DESCRIPTOR = re.compile(r"/dev/(fd/\d+|stdin)|/proc/(self|\d+)/fd/\d+")

_HOST = re.compile(r"[A-Za-z0-9.-]+:[0-9]+/|www\.")

_MARKS = (  # UTF-32's little-endian one begins as UTF-16's does
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def read_text(name: str, flag: str, stdin: BinaryIO | None, most_bytes: int = -1) -> bytes:
    """Return the bytes of a list, prompt, token or config file; `-` is standard input."""
    try:
        if name == "-":
            return _checked_stdin(stdin).read()
        refuse_kind(_stat(name), name)
        with _open(name) as file:
            return file.read(most_bytes)
    except errors.InputError as exc:
        raise errors.InputError(f"{flag} {name}: {exc.words}", *exc.hints, path=name) from exc
    except (OSError, ValueError) as exc:
        named = addresses.shown(name)
        words, *hints = reason(name, exc)
        if addresses.is_url(name):
            words, hints = (
                "no such file, and addresses are for pictures only",
                ["download it first"],
            )
        raise errors.InputError(f"{flag} {named}: {words}", *hints, path=named) from exc


def wide_encoding(data: bytes) -> str | None:
    """Return "UTF-16" or "UTF-32" if that is what a text is in, as PowerShell writes it.

    Without a mark at its start it is told by its NUL bytes: those of UTF-16 stand on one
    side of the pairs, but for a few characters, and are more than a list for `-0` has.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    size = len(data) if data.strip(b"\0") else 0
    first, second, third, fourth = (data[place::4].count(0) for place in range(4))
    for outer, inner in ((first, second), (fourth, third)):
        if size % 4 == 0 < size and outer == size // 4 <= 2 * inner:
            return "UTF-32"
    fewer, more = sorted((first + third, second + fourth))
    return "UTF-16" if size >= 4 and 4 * (fewer + more) > size and 8 * fewer < more else None


def opener(path: str) -> blob.Opener:
    """Return what opens a file anew each time; a shell's pipe is spooled for that.

    Raises:
        errors.InputError: It is a folder, or no file.
        OSError: It is missing or not readable.
    """
    status = _stat(path)
    if stat.S_ISDIR(status.st_mode):
        cure = f"list its pictures: {listing(path)} | prodia-compose compose -0 -T - ..."
        raise errors.InputError("is a folder", cure)
    refuse_kind(status, path)
    if stat.S_ISFIFO(status.st_mode):
        with _open(path) as pipe:
            return blob.stored(_chunks(pipe)).open
    _open(path).close()  # permission is found out here, not while preparing
    return lambda: _open(path)


@frozen
class Content:
    """What is in an input.

    Attributes:
        sha256: Of all its bytes, in hex.
        size: Their number.
        mtime_ns: When the file had last changed, in nanoseconds; None of what is no file.
    """

    sha256: str
    size: int
    mtime_ns: int | None


def content(file: BinaryIO) -> Content:
    """Read an input from its first byte to its end, and return what is in it.

    Raises:
        OSError: It cannot be read.
    """
    _, mtime_ns = status(file) or (0, None)
    digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type] # has readinto
    return Content(sha256=digest.hexdigest(), size=file.tell(), mtime_ns=mtime_ns)


def holds(path: str, sha256: str, size: int | None = None) -> bool:
    """Return whether a file holds what has this hash, and this size, if that is known."""
    with contextlib.suppress(OSError):
        if Path(path).is_file() and size in (None, Path(path).stat().st_size):
            with Path(path).open("rb") as file:
                return content(file).sha256 == sha256
    return False


def status(file: BinaryIO) -> tuple[int, int] | None:
    """Return a file's size and when it last changed, in nanoseconds; None of what is no file."""
    try:
        found = os.fstat(file.fileno())
    except io.UnsupportedOperation:  # no descriptor: spooled
        return None
    return found.st_size, found.st_mtime_ns


def spool_stdin(stdin: BinaryIO | None) -> blob.Blob:
    """Return what is on standard input.

    Raises:
        errors.InputError: It is closed, a device, a terminal, or cannot be read.
    """
    checked = _checked_stdin(stdin)
    if checked.isatty():
        raise errors.InputError("standard input is a terminal", "pipe the image in")
    return blob.stored(_chunks(checked))


def _checked_stdin(stdin: BinaryIO | None) -> BinaryIO:
    """Return standard input, unless it is closed or a device, which could be endless."""
    if stdin is None:
        raise errors.InputError("standard input is closed", "pipe something in")
    try:
        mode = os.fstat(stdin.fileno()).st_mode
    except io.UnsupportedOperation:  # no descriptor: bytes in memory
        return stdin
    if (stat.S_ISCHR(mode) and not stdin.isatty()) or stat.S_ISBLK(mode):
        raise errors.InputError("standard input is a device", "pipe something in")
    return stdin


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield what a file holds; failures are told apart from those of the temporary folder."""
    try:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
    except OSError as exc:
        raise errors.InputError(*errors.reason(exc, _REASONS)) from exc


def _stat(path: str) -> os.stat_result:
    if not path:
        raise errors.InputError("an empty name", "an unset variable in the command line?")
    return os.stat(path)  # noqa: PTH116 - pathlib drops a slash at the end, and takes the file


def _open(path: str) -> BinaryIO:
    """Open a file, or a shell's pipe without waiting for a writer that may be gone."""
    if not is_descriptor(path):
        return Path(path).open("rb")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "rb")


def listing(folder: str) -> str:
    """Return the line of a shell that lists a folder's files in order, for `-0`."""
    return f"find {_for_find(folder)} -type f -print0 | sort -z"


def _for_find(path: str) -> str:
    """Return a folder's name as `find` needs it in a shell.

    A slash makes `find` follow a link to a folder. A name that is escaped when it is
    shown is written so that bash and zsh read the escapes.
    """
    folder = f"{path}/" if Path(path).is_symlink() else path
    if folder[0] in "-(),!":  # else part of an expression
        folder = f"./{folder}"
    if progress.visible(folder) == folder:
        return shlex.quote(folder)
    escaped = folder.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{progress.visible(escaped)}'"


def refuse_kind(status: os.stat_result, path: str) -> None:
    """Refuse what is no file; the pipe of a shell's `<(...)` is fine.

    Raises:
        errors.InputError: It is none; the caller names it.
    """
    mode = status.st_mode
    if stat.S_ISFIFO(mode) and not is_descriptor(path):
        raise errors.InputError("is a named pipe, which could wait for ever", "use <(...)")
    if stat.S_ISDIR(mode):
        raise errors.InputError("is a folder, not a file")
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        kind = "socket" if stat.S_ISSOCK(mode) else "device"
        raise errors.InputError(f"is a {kind}, not a file")


def is_descriptor(path: str) -> bool:
    """Return whether a path is one of the process's open files, such as the pipe of `<(...)`."""
    return _DESCRIPTOR.fullmatch(path) is not None


_REASONS = {
    errno.ENOTDIR: ("no such file: part of the path is not a folder",),
    errno.EACCES: ("permission denied", "make it readable"),
    errno.EPERM: ("permission denied", "make it readable"),
    errno.ELOOP: ("is a loop of links",),
    errno.ENAMETOOLONG: ("no such file: the name is too long",),
    errno.EISDIR: ("is a folder, not a file",),
}


def reason(path: str, exc: OSError | ValueError) -> tuple[str, ...]:
    """Return why a path cannot be read, and what to do about it."""
    if why := addresses.why_unreadable(path):
        return why
    if getattr(exc, "errno", None) != errno.ENOENT:
        return errors.reason(exc, _REASONS)
    if os.path.islink(path):  # noqa: PTH114 - as typed
        return ("is a link to a file that is not there",)
    return "no such file", f"did you mean {near}?" if (near := nearest(path)) else to_check(path)


def to_check(path: str) -> str:
    """Return what to do about a file that is missing, where none is near."""
    folder = os.path.dirname(path)  # noqa: PTH120 - as typed
    what = "check the name"
    if re.search(r"[*?\[]", path):
        what = "the pattern matched nothing; check it"
    elif not os.path.isdir(folder or "."):  # noqa: PTH112 - pathlib raises at long words
        if _HOST.match(path):
            return "an address begins with http:// or https://"
        return f"there is no folder {folder}"
    return what if os.path.isabs(path) else f"{what} and the folder you are in"  # noqa: PTH117 - as above


def nearest(path: str) -> str | None:
    """Return the file beside a missing one that is most likely meant; None if none is near.

    Of a folder so many names are looked at, and so few compared, that it does not matter how
    many files are missing.
    """
    folder, name = os.path.split(path)
    try:
        names = _names(os.path.abspath(folder), os.stat(folder or ".").st_mtime_ns)  # noqa: PTH100, PTH116 - as in `_stat`
    except (OSError, ValueError):
        return None
    wanted = name.casefold()
    stem = _stem(wanted)
    alike = [one for one in names if one.casefold() == wanted] or [
        one for one in names if _stem(one.casefold()) == stem
    ]
    if not alike:
        close = [one for one in names if abs(len(one) - len(name)) <= _LONGER]
        if len(close) > _MOST_COMPARED:
            close = [one for one in close if one[:1].casefold() == wanted[:1]]
        found = values.nearest(name, close, _NEAR) if len(close) <= _MOST_COMPARED else None
        if found and not values.nearest(stem, [_stem(found)], _NEAR_STEM):
            found = None  # like b.jsonl, of which only the suffix is that of a.jsonl
        alike = [found] if found else []
    return os.path.join(folder, alike[0]) if alike else None  # noqa: PTH118 - as typed


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]  # noqa: PTH122 - of a name only


@functools.lru_cache(maxsize=8)
def _names(folder: str, _changed: int) -> tuple[str, ...]:
    """Return the names of the first files of a folder, which are the same until it changes."""
    with os.scandir(folder) as found:
        listed = itertools.islice(found, _MOST_LISTED)
        return tuple(sorted(one.name for one in listed if not one.is_dir()))
