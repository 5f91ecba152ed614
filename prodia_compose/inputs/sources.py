"""Operands, labelled paths and lists, turned into inputs in order.

Nothing is opened that could block or that is no file: devices, folders and named
FIFOs are refused by their kind. What can be read only once (standard input, a pipe,
a download) is spooled to disk.
"""

import errno
import io
import os
import re
import shlex
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal
from urllib.parse import unquote

from prodia_compose import addresses, blob, errors, progress
from prodia_compose.frozen import frozen
from prodia_compose.inputs.options import Selection, Sort

Origin = Literal["file", "pipe", "stdin", "url"]

_CHUNK_BYTES = 1 << 18


@frozen
class Entry:
    """One image as it was named.

    Attributes:
        path: A path, a URL or `-`, as typed.
        label: Its label, for `-i NAME=PATH`.
        list_number: Which of the lists it stands in, counted from 1; 0 for none. In a list,
            `-` is a file of that name.
    """

    path: str
    label: str | None = None
    list_number: int = 0

    @property
    def is_stdin(self) -> bool:
        """Whether this is the image on standard input."""
        return self.path == "-" and not self.list_number

    @property
    def shown(self) -> str:
        """The path as it may be told: a URL without its password and query, which can be keys."""
        return addresses.shown(self.path) if self.is_url else self.path

    @property
    def name(self) -> str:
        """Its base name, decoded if it is a URL; empty where it has none."""
        if self.is_stdin or _is_descriptor(self.path):
            return ""
        if not self.is_url:
            return PurePosixPath(self.path).name
        path = re.sub(r"^[^/]*//[^/?#]*|[?#].*", "", self.path, flags=re.DOTALL)
        return PurePosixPath(unquote(path)).name

    @property
    def stem(self) -> str:
        """Its base name without suffix; empty where it has none to show."""
        stem = PurePosixPath(self.name).stem
        return "" if self.is_url and progress.visible(stem) != stem else stem

    @property
    def is_url(self) -> bool:
        """Whether this is to be downloaded."""
        return addresses.is_url(self.path)


@frozen
class Input:
    """One image that can be read.

    Attributes:
        position: Its place among the images, counted from 1.
        path: As typed; of a URL, what may be told.
        label: Its label, or None.
        origin: What it is read from.
        stem: Its base name without suffix; empty where it has none.
        opener: Gives a reader at the first byte, as often as asked.
    """

    position: int
    path: str
    label: str | None
    origin: Origin
    stem: str
    opener: blob.Opener


def entries(selection: Selection, stdin: BinaryIO | None) -> tuple[Entry, ...]:
    """Return what was named, in order: operands, labelled paths, lists.

    Raises:
        errors.UsageError: Nothing was named, or a label is given twice.
        errors.InputError: A list is missing, empty, or not what `-0` says.
    """
    labels = [label for label, _ in selection.labelled]
    findings = errors.Findings()
    findings.errors += [
        errors.UsageError(f"-i {label}=...: the label is given twice; labels must differ")
        for label in dict.fromkeys(labels)
        if labels.count(label) > 1
    ]
    found = [Entry(path=path) for path in selection.operands]
    found += [Entry(path=path, label=label) for label, path in selection.labelled]
    for number, name in enumerate(selection.lists, 1):
        with findings.collecting():
            data = read_text_source(name, "-T", stdin)
            names = _split(data, name, null_separated=selection.null_separated)
            ordered = _sorted(names, selection.sort)
            found += [Entry(path=path, list_number=number) for path in ordered]
    findings.raise_if_any()
    if not found:
        raise errors.UsageError(
            "no images; name some files, -i NAME=PATH, or a list with -T (- for standard input)"
        )
    return tuple(found)


def read_text_source(name: str, flag: str, stdin: BinaryIO | None) -> bytes:
    """Return all bytes of a list, prompt or token file; `-` is standard input.

    Raises:
        errors.InputError: It cannot be read.
    """
    try:
        if name == "-":
            return _checked_stdin(stdin).read()
        _refuse_kind(_stat(name), name)
        with _open(name) as file:
            return file.read()
    except errors.InputError as exc:
        raise errors.InputError(f"{flag} {name}: {exc.message}", path=name) from exc
    except (OSError, ValueError) as exc:
        named = addresses.shown(name)
        words = addresses.why_unreadable(name) or _reason(exc)
        if addresses.is_url(name):
            words = "no such file, and addresses are for pictures only; download it first"
        raise errors.InputError(f"{flag} {named}: {words}", path=named) from exc


def _split(data: bytes, name: str, *, null_separated: bool) -> list[str]:
    """Return a list's entries: raw, but for a BOM and CRs in line mode."""
    if null_separated:
        fields = data.removesuffix(b"\0").split(b"\0") if data else []
        if b"" in fields:
            message = f"-T {name}: entry {fields.index(b'') + 1} is empty; remove the NUL after it"
            raise errors.InputError(message, path=name)
    else:
        if b"\0" in data:
            raise errors.InputError(f"-T {name}: holds NUL bytes; did you mean -0?", path=name)
        lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        fields = [line for line in (line.removesuffix(b"\r") for line in lines) if line]
    if not fields:
        raise errors.InputError(f"-T {name}: the list is empty; it names no image", path=name)
    return [os.fsdecode(field) for field in fields]


def natural_key(text: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key under which `img2` comes before `img10`.

    A number stands where its first digit would: `img.jpg`, `img2.jpg`, `imgs.jpg`.
    """
    return tuple(_natural(run) for run in re.findall(r"[0-9]+|[^0-9]", text.casefold()))


def _natural(run: str) -> tuple[int, str]:
    """Return the key of one number or one other character."""
    if not "0" <= run[0] <= "9":
        return ord(run), ""
    number = run.lstrip("0")  # the longer is the larger; int() refuses thousands of digits
    return ord("0"), f"{len(number):09}{number}"


def _sorted(names: Sequence[str], order: Sort) -> Sequence[str]:
    if order == "name":
        return sorted(names, key=os.fsencode)
    if order == "natural":
        return sorted(names, key=lambda name: (natural_key(name), os.fsencode(name)))
    return names


def open_input(
    entry: Entry,
    position: int,
    *,
    stdin: BinaryIO | None,
    download: Callable[[str], blob.Blob],
) -> Input:
    """Return the input an entry names, spooled to disk if it can be read only once.

    Raises:
        errors.InputError: It is missing, not readable, or no file; the message names it.
        errors.NotDeliveredError: A download got no answer.
    """
    if entry.is_url:
        try:
            data = download(entry.path)
        except errors.ComposeError as exc:
            raise type(exc)(f"{entry.shown}: {exc.message}", path=entry.shown) from exc
        return _input(entry, position, "url", data.open)
    try:
        if entry.is_stdin:
            return _input(entry, position, "stdin", _spool_stdin(stdin).open)
        return _open_path(entry, position)
    except errors.InputError as exc:
        named = entry.path or "''"
        raise errors.InputError(f"{named}: {exc.message}", path=entry.path) from exc
    except (OSError, ValueError) as exc:
        named = addresses.shown(entry.path)
        reason = addresses.why_unreadable(entry.path) or _reason(exc)
        raise errors.InputError(f"{named}: {reason}", path=named) from exc


def _input(entry: Entry, position: int, origin: Origin, opener: blob.Opener) -> Input:
    return Input(
        position=position,
        path=entry.shown,
        label=entry.label,
        origin=origin,
        stem=entry.stem,
        opener=opener,
    )


def _spool_stdin(stdin: BinaryIO | None) -> blob.Blob:
    checked = _checked_stdin(stdin)
    if checked.isatty():
        raise errors.InputError("standard input is a terminal; pipe the image in")
    return blob.stored(_chunks(checked))


def _checked_stdin(stdin: BinaryIO | None) -> BinaryIO:
    """Return standard input, unless it is closed or a device, which could be endless."""
    if stdin is None:
        raise errors.InputError("standard input is closed; pipe something in")
    try:
        mode = os.fstat(stdin.fileno()).st_mode
    except io.UnsupportedOperation:  # no descriptor: bytes in memory
        return stdin
    if (stat.S_ISCHR(mode) and not stdin.isatty()) or stat.S_ISBLK(mode):
        raise errors.InputError("standard input is a device; pipe something in")
    return stdin


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield what a file holds; failures are told apart from those of the temporary folder."""
    try:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
    except OSError as exc:
        raise errors.InputError(_reason(exc)) from exc


def _open_path(entry: Entry, position: int) -> Input:
    path = entry.path
    status = _stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise errors.InputError(
            f"is a folder; list its pictures: find {_for_find(path)} -type f -print0 | sort -z |"
            " prodia-compose compose -0 -T - ..."
        )
    _refuse_kind(status, path)
    if stat.S_ISFIFO(status.st_mode):
        with _open(path) as pipe:
            return _input(entry, position, "pipe", blob.stored(_chunks(pipe)).open)
    _open(path).close()  # permission is found out here, not while preparing
    return _input(entry, position, "file", lambda: _open(path))


def _stat(path: str) -> os.stat_result:
    if not path:
        raise errors.InputError("an empty name; an unset variable in the command line?")
    return os.stat(path)  # noqa: PTH116 - pathlib drops a slash at the end, and takes the file


def _open(path: str) -> BinaryIO:
    """Open a file, or a shell's pipe without waiting for a writer that may be gone."""
    if not _is_descriptor(path):
        return Path(path).open("rb")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "rb")


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


def _refuse_kind(status: os.stat_result, path: str) -> None:
    """Refuse what is no file; the pipe of a shell's `<(...)` is fine."""
    mode = status.st_mode
    if stat.S_ISFIFO(mode) and not _is_descriptor(path):
        raise errors.InputError("is a named pipe, which could wait for ever; use - or <(...)")
    if stat.S_ISDIR(mode):
        raise errors.InputError("is a folder, not a file")
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        kind = "socket" if stat.S_ISSOCK(mode) else "device"
        raise errors.InputError(f"is a {kind}, not a file")


def _is_descriptor(path: str) -> bool:
    return re.fullmatch(r"/dev/(fd/\d+|stdin)|/proc/(self|\d+)/fd/\d+", path) is not None


_REASONS = {
    errno.ENOENT: "no such file; check the name and the folder you are in",
    errno.ENOTDIR: "no such file; part of the path is not a folder",
    errno.EACCES: "permission denied; make it readable",
    errno.EPERM: "permission denied; make it readable",
    errno.ELOOP: "is a loop of links",
    errno.ENAMETOOLONG: "no such file; the name is too long",
    errno.EISDIR: "is a folder, not a file",
}


def _reason(exc: OSError | ValueError) -> str:
    if isinstance(exc, OSError) and exc.errno is not None:
        return _REASONS.get(exc.errno, os.strerror(exc.errno))
    return str(exc)  # a NUL inside the name
