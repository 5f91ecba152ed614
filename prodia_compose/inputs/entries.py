"""Operands, labelled paths and lists, turned into inputs in order."""

import functools
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote

from prodia_compose import addresses, errors, progress, values
from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob, files, kinds
from prodia_compose.inputs.options import Selection, Sort


@frozen
class Entry:
    """One image as it was named.

    Attributes:
        path: A path, a URL or `-`, as typed.
        label: Its label, for `-i NAME=PATH`.
        list_number: Which of the lists it stands in, counted from 1; 0 for none. In a list,
            `-` is a file of that name.
        sha256: What was in it when it was used before, in hex, if that is known.
        is_gone: Whether it was used before and cannot be had again.
        origin: What its job is named by, if it is one of an earlier job's recipe.
    """

    path: str
    label: str | None = None
    list_number: int = 0
    sha256: str | None = None
    is_gone: bool = False
    origin: str | None = None

    @property
    def is_stdin(self) -> bool:
        """Whether this is the image on standard input."""
        return self.path == "-" and not self.list_number

    @property
    def shown(self) -> str:
        """The path as it may be told: a URL without its password and query, which can be keys."""
        return addresses.shown(self.path) if self.is_url else self.path

    @functools.cached_property
    def place(self) -> str:
        """Where it is: a path from the root, a URL as `shown`, or `-`."""
        return self.shown if self.is_url or self.is_stdin else addresses.absolute(self.path)

    @functools.cached_property
    def name(self) -> str:
        """Its base name, decoded if it is a URL; empty where it has none."""
        if self.is_stdin or files.is_descriptor(self.path):
            return ""
        if not self.is_url:
            return PurePosixPath(self.path).name
        path = re.sub(r"^[^/]*//[^/?#]*|[?#].*", "", self.path, flags=re.DOTALL)
        return PurePosixPath(unquote(path)).name

    @functools.cached_property
    def stem(self) -> str:
        """Its base name without suffix; empty where it has none to show."""
        stem = PurePosixPath(self.name).stem
        return "" if self.is_url and progress.visible(stem) != stem else stem

    @functools.cached_property
    def is_url(self) -> bool:
        """Whether this is to be downloaded."""
        return addresses.is_url(self.path)


@frozen
class Input:
    """One image that can be read.

    Attributes:
        position: Its place among the images, counted from 1.
        opener: Gives a reader at the first byte, as often as asked.
        content: What is in it, if that is known already.
    """

    entry: Entry
    position: int
    opener: blob.Opener
    content: files.Content | None = None

    @property
    def key(self) -> str | None:
        """What a request key has of it: its address, or the hash of what is in it, if known."""
        if self.entry.is_url:
            return self.entry.path
        return None if self.content is None else self.content.sha256

    @property
    def path(self) -> str:
        """As typed; of a URL, what may be told."""
        return self.entry.shown


def gather(
    selection: Selection, stdin: BinaryIO | None, findings: errors.Findings
) -> tuple[tuple[Entry, ...], bool]:
    """Return what was named, in order, and whether that is all of it."""
    if stdin is None and "-" in selection.lists and findings.has_usage_error:
        return (), False  # whose standard input it is has to be settled first
    with findings.collecting():
        return list_entries(selection, stdin), True
    if not findings.has_usage_error and (selection.operands or selection.labelled):
        # A list cannot be read; what is wrong with the other images is told all the same.
        with findings.collecting():
            return list_entries(replace(selection, lists=()), stdin), False
    return (), False


def files_of(named: Sequence[Entry]) -> list[tuple[str, Path]]:
    """Return the inputs that may be files: as typed, and where they are."""
    return [
        (entry.path, Path("/dev/fd/0" if entry.is_stdin else entry.path))
        for entry in named
        if not entry.is_url
    ]


def position_of(which: int | str, named: Sequence[Entry], called: str) -> int:
    """Return the position of an image that is named by it, by its label, or as a file.

    Raises:
        errors.UsageError: None is called so, or several are.
    """
    if isinstance(which, int):
        return which
    for names in zip(*((entry.label, entry.path, entry.name) for entry in named), strict=True):
        found = [place for place, name in enumerate(names, 1) if name == which]
        if len({named[place - 1].path for place in found}) > 1:
            places = " and ".join(map(str, found))
            raise errors.UsageError(f"{called} {which}: images {places} are called so", "say which")
        if found:
            return found[0]
    known = [name for entry in named for name in (entry.label, entry.name) if name]
    cure = values.hint(which, known, otherwise="give a position, a label or a file's name")
    raise errors.UsageError(f"{called} {which}: no image is called so", cure)


def list_entries(selection: Selection, stdin: BinaryIO | None) -> tuple[Entry, ...]:
    """Return what was named, in order: operands, labelled paths, lists.

    Raises:
        errors.UsageError: Nothing was named, or a label is given twice.
        errors.InputError: A list is missing, empty, or not what `-0` says.
    """
    labels = [label for label, _ in selection.labelled if label is not None]
    findings = errors.Findings(
        errors.UsageError(f"-i {label}=...: the label is given twice", "labels must differ")
        for label in dict.fromkeys(labels)
        if labels.count(label) > 1
    )
    entries = [*selection.earlier, *(Entry(path=path) for path in selection.operands)]
    entries += [Entry(path=path, label=label) for label, path in selection.labelled]
    for number, name in enumerate(selection.lists, 1):
        with findings.collecting():
            names = names_in(name, "-T", selection, stdin)
            entries += [Entry(path=path, list_number=number) for path in names]
    findings.raise_if_any()
    if not entries:
        cure = "name some files, -i NAME=PATH, or a list with -T (- for standard input)"
        raise errors.UsageError("no images", cure)
    return tuple(entries)


def names_in(name: str, flag: str, selection: Selection, stdin: BinaryIO | None) -> Sequence[str]:
    """Return the names in a list, read and ordered as the options say.

    Args:
        name: A file, or `-` for standard input.
        flag: The option that names it, for messages.
        selection: How lists are read.
        stdin: Standard input, if it is the list's.

    Raises:
        errors.InputError: The list is missing, empty, or not what `-0` says.
    """
    data = files.read_text(name, flag, stdin)
    names = _split(data, name, flag, null_separated=selection.null_separated)
    return _sorted(names, selection.sort)


def _split(data: bytes, name: str, flag: str, *, null_separated: bool) -> list[str]:
    """Return a list's entries: raw, but for a BOM and CRs in line mode."""
    if begins_a_picture(data[:16]):
        cure = "give it as an operand, without -T" if flag == "-T" else "name it in a list"
        raise errors.InputError(f"{flag} {name}: is a picture, not a list", cure, path=name)
    # Names of a letter each, each with its NUL, are as UTF-16 without a mark is; but in one line.
    is_text = not null_separated or data.startswith((b"\0", b"\xff\xfe", b"\xfe\xff"))
    pairs = (data[at : at + 2] for at in range(0, len(data), 2))
    is_text = is_text or (len(data) % 2 == 0 and any(two in (b"\n\0", b"\0\n") for two in pairs))
    is_text = is_text or b"\0\0" in data
    if b"\0" in data and is_text and (encoding := files.wide_encoding(data)):
        raise errors.InputError(f"{flag} {name}: is {encoding}", "save it as UTF-8", path=name)
    if null_separated:
        fields = data.removesuffix(b"\0").split(b"\0") if data else []
        if b"" in fields:
            message = f"{flag} {name}: entry {fields.index(b'') + 1} is empty"
            raise errors.InputError(message, "remove the NUL after it", path=name)
        if b"\n" in data and b"\0" not in data and not os.path.lexists(data):
            words = f"{flag} {name}: holds lines, and no NUL bytes"
            raise errors.InputError(words, "leave out -0, or use find -print0", path=name)
    else:
        if b"\0" in data:
            raise errors.InputError(
                f"{flag} {name}: holds NUL bytes", "did you mean -0?", path=name
            )
        lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        fields = [line for line in (line.removesuffix(b"\r") for line in lines) if line]
    if not fields:
        message = f"{flag} {name}: the list is empty; it names no image"
        raise errors.InputError(message, path=name)
    return [os.fsdecode(field) for field in fields]


def begins_a_picture(head: bytes) -> bool:
    """Return whether a file's first 16 bytes are a picture's, and not a name such as BM.jpg."""
    is_binary = head[:1] > b"\x7f" or b"\0\0" in head or head[8:12] == b"WEBP"
    return is_binary and (head[4:8] == b"ftyp" or kinds.by_head(head) is not None)


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
    entry: Entry, position: int, *, stdin: BinaryIO | None, download: Callable[[str], blob.Blob]
) -> Input:
    """Return the input an entry names, spooled to disk if it can be read only once.

    Raises:
        errors.InputError: It is missing, not readable, or no file; the message names it.
        errors.NotDeliveredError: A download got no answer.
    """
    cure = "name all pictures anew, as operands or with -i or -T"
    named_there = () if entry.origin is None else (f"the recipe of {entry.origin} names it", cure)
    if entry.is_gone:
        named = f"image {position}" if entry.path == "-" else entry.shown
        message = f"{named}: {_why_gone(entry)}"
        raise errors.InputError(message, cure, path=entry.shown)
    if entry.is_url:
        try:
            return Input(entry=entry, position=position, opener=download(entry.path).open)
        except errors.ComposeError as exc:
            raise type(exc)(f"{entry.shown}: {exc.words}", *exc.hints, path=entry.shown) from exc
    try:
        opener = files.spool_stdin(stdin).open if entry.is_stdin else files.opener(entry.path)
        return Input(entry=entry, position=position, opener=opener)
    except errors.InputError as exc:
        named = entry.path or "''"
        lines = (f"{named}: {exc.words}", *exc.hints, *named_there)
        raise errors.InputError(*lines, path=entry.path) from exc
    except (OSError, ValueError) as exc:
        named = addresses.shown(entry.path)
        words, *hints = files.reason(entry.path, exc)
        raise errors.InputError(f"{named}: {words}", *hints, *named_there, path=named) from exc


def _why_gone(entry: Entry) -> str:
    if entry.is_url:
        return "its address is kept without its password and query, which can be keys"
    return "came from standard input or a pipe, which is gone"
