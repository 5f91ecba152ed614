"""The lines of a results file: JSON, each one a step of a row, with paths that can be moved."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Literal

from prodia_compose import addresses, errors
from prodia_compose.frozen import frozen
from prodia_compose.pipeline.batch.results.names import Shard

Document = dict[str, object]

HEADER = "prodia-compose/batch-header@1"
START = "prodia-compose/row-start@1"
ROW = "prodia-compose/row@1"

Status = Literal[
    "done",
    "rejected",
    "busy",
    "not-delivered",
    "unknown",
    "not-placed",
    "cancelled",
    "refused",
]
"""How a row can have ended; `busy` and the last two before the service took anything of it."""

_OPENING = b'{"schema":"' + HEADER.encode()
_LONGEST_OPENING = 1 << 16
_PLACES = ("images", "output", "outputs", "rescued", "errors", "made")
"""The fields of a row's document that are objects with a path, or lists of such."""


@frozen
class Header:
    """What all rows of a results file share.

    Attributes:
        host: The service, with its port if one was given.
        is_sandbox: Whether the rows cost nothing.
        shard: Which part of the batch it is; None if all of it.
        version: This tool's, when the file was begun.
    """

    host: str
    is_sandbox: bool
    shard: Shard | None
    version: str

    @property
    def part(self) -> str | None:
        """The shard as it is typed: `2/8`."""
        return None if self.shard is None else f"{self.shard[0]}/{self.shard[1]}"

    def document(self) -> Document:
        """Return the first line."""
        known: Document = {"schema": HEADER, "host": self.host, "sandbox": self.is_sandbox}
        return {**known, "shard": self.part, "version": self.version}


def written(document: Mapping[str, object]) -> bytes:
    r"""Return a line of the file; what a terminal would obey is `\u001b` in it, as JSON has it."""
    text = json.dumps(
        document, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_amount
    )
    return (re.sub(r"[^ -~]", _escaped, text) + "\n").encode()


def _amount(value: object) -> float:
    """Return an amount as JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def _escaped(match: re.Match[str]) -> str:
    return match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1]


def read(path: str, file: BinaryIO, called: str = "--results") -> Iterator[tuple[int, Document]]:
    """Yield the lines of a results file, each with its number, the header first.

    One at the end that was cut short is passed over: it was not on disk before what came next.
    `called` is what names the file, for messages.

    Raises:
        errors.UsageError: It is no results file, or of a newer version.
        errors.InputError: A line is damaged; what it says may have been paid for.
    """
    is_first = True
    # Another's file may be one line of any length; of ours each line is as it was written.
    found_lines = iter(lambda: file.readline(_LONGEST_OPENING if is_first else -1), b"")
    for number, data in enumerate(found_lines, 1):
        if not data.strip():
            continue
        document = _object(data)
        if is_first and (document is None or document.get("schema") != HEADER):
            if not data.endswith(b"\n") and is_opening(data):
                return
            words = f"{path}: is no results file of this version's batches"
            raise errors.UsageError(words, f"name another with {called}", path=path)
        if document is None and not data.endswith(b"\n"):
            return
        if document is None or document.get("schema") not in (HEADER, START, ROW):
            raise damaged(path, number)
        is_first = False
        yield number, document


def _object(data: bytes) -> Document | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def is_whole(data: bytes) -> bool:
    """Return whether the last bytes of a file lack nothing but the end of their line."""
    return _object(data) is not None


def is_opening(data: bytes) -> bool:
    """Return whether bytes can be a first line of ours that was cut short."""
    return data.startswith(_OPENING) or _OPENING.startswith(data)


def damaged(path: str, number: int) -> errors.InputError:
    """Return the error for a line that cannot be understood."""
    cure = "mend it, or go on with a copy of the file from before"
    words = f"{path}:{number}: is no line of a batch's results"
    return errors.InputError(words, cure, path=path)


def require_same(
    path: str, document: Document, header: Header, *, is_own: bool, called: str = "--results"
) -> None:
    """Refuse a results file of another service; and, for one to be gone on with, of another part.

    `called` is what names the file, for messages.

    Raises:
        errors.UsageError: It is of one.
    """
    mine = header.document()
    for field, words in _DIFFERENT.items():
        theirs, ours = f"{document.get(field)}".lower(), f"{mine[field]}".lower()
        if theirs != ours and (is_own or field != "shard"):
            what = words.get(theirs) or words[""].format(theirs)
            mine_is = words.get(ours) or words[""].format(ours)
            message = f"{path}: is of {what}, and this run is of {mine_is}"
            raise errors.UsageError(message, f"name another with {called}", path=path)


_DIFFERENT: dict[str, dict[str, str]] = {
    "sandbox": {"true": "the sandbox", "": "the service itself"},
    "host": {"": "{}"},
    "shard": {"none": "the whole batch", "": "its shard {}"},
}
"""What the fields of a header must agree in, and what their values are called."""


def movable(document: Document, folder: Path) -> Document:
    """Return a row's document with its paths as they are written: from the file's folder on."""
    return _with_places(
        document, lambda one: addresses.named("path", below(addresses.name_in(one, "path"), folder))
    )


def usable(document: Document, folder: str) -> Document:
    """Return a line's document with its paths usable from the working directory, of any bytes.

    Raises:
        ValueError: One is damaged.
    """
    return _with_places(document, lambda one: {"path": found_at(one, folder)})


def _with_places(document: Document, place: Callable[[Document], Document]) -> Document:
    """Return a row's document with another path in each object that has one."""

    def placed(item: object) -> object:
        if not isinstance(item, dict) or not isinstance(item.get("path"), str):
            return item
        moved = place(item)
        return {
            name: value
            for field, known in item.items()
            if field != "path_b64"
            for name, value in (moved if field == "path" else {field: known}).items()
        }

    changed = dict(document)
    for field in _PLACES:
        value = document.get(field)
        if isinstance(value, list):
            changed[field] = [placed(one) for one in value]
        elif value is not None:
            changed[field] = placed(value)
    recipe = document.get("recipe")
    if isinstance(recipe, dict) and isinstance(recipe.get("sources"), list):
        changed["recipe"] = {**recipe, "sources": [placed(one) for one in recipe["sources"]]}
    return changed


def below(path: str, folder: Path) -> str:
    """Return a path from a folder on where it lies below it, else from the root.

    Standard input and addresses are what they are.
    """
    if path == "-" or addresses.is_url(path):
        return path
    absolute = Path(addresses.absolute(path))
    real = Path(os.path.realpath(absolute.parent)) / absolute.name
    for place, start in ((absolute, folder), (real, Path(os.path.realpath(folder)))):
        if place.is_relative_to(start):
            short = place.relative_to(start)
            if ".." not in short.parts and short.parts:
                plain = str(short) != "-" and addresses.scheme(str(short)) is None
                return str(short) if plain else f"./{short}"
    return str(absolute)


def found_at(document: Mapping[str, object], folder: str) -> str:
    """Return the path in an object of a line, usable from the working directory.

    Raises:
        ValueError: It has none.
    """
    path = addresses.name_in(document, "path")
    if b"\0" in os.fsencode(path):
        raise ValueError("no file is called so")
    if path == "-" or addresses.is_url(path):
        return path
    return os.path.join(folder, path)  # noqa: PTH118 - as typed
