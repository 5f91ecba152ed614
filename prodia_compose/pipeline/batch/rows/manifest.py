"""A manifest's bytes, turned into rows as they are written: JSON Lines, CSV or TSV."""

import codecs
import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import PurePath
from typing import Final, Literal, NoReturn

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.inputs import files
from prodia_compose.pipeline.batch.rows import fields
from prodia_compose.pipeline.batch.rows.row import Problem

Format = Literal["jsonl", "csv", "tsv"]

SUFFIXES: Final[Mapping[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
}

_OBJECT = 'write an object a line, such as {"images": ["a.jpg"], "prompt": "..."}'
_TEXT_FIELDS = tuple(name for name in fields.NAMES if name not in ("images", "set", "vars", "meta"))
_COLUMNS = (*_TEXT_FIELDS, "image1", "label1", "set:KEY", "var:NAME", "meta:NAME")
_NUMBERED = re.compile(r"(image|label)([1-9][0-9]{0,3})")
_GROUPS: Final = {"var": "vars", "set": "set", "meta": "meta"}


@frozen
class Written:
    """One row as it is written.

    Attributes:
        line: Where it begins, from 1.
        cells: Its fields, as an object of JSON Lines has them; what is left empty is not there.
        errors: What kept something of it from being read.
    """

    line: int
    cells: Mapping[str, object] = field(default_factory=dict)
    errors: "tuple[errors.ComposeError, ...]" = ()  # the default would hide the module


def format_of(name: str, asked: Format | None) -> Format:
    """Return the format of a manifest: the one asked for, else its suffix's; of `-` JSON Lines.

    Raises:
        errors.UsageError: Nothing tells it.
    """
    found = asked or SUFFIXES.get(PurePath(name).suffix.lower())
    if found is None and name != "-":
        cure = "say which it has: --manifest-format jsonl, csv or tsv"
        raise errors.UsageError(f"{name}: the name tells no format", cure)
    return found or "jsonl"


def rows(data: bytes, name: str, format_: Format, problems: list[Problem]) -> Iterator[Written]:
    """Yield the rows; what is wrong with the whole goes to the problems."""
    if encoding := files.wide_encoding(data):
        error = errors.InputError(f"{name}: is {encoding}", "save it as UTF-8", path=name)
        problems.append(Problem(error=error, is_whole=True))
        return
    bare = data.removeprefix(codecs.BOM_UTF8)
    found = _of_lines(bare) if format_ == "jsonl" else _of_table(bare, format_, problems)
    count = 0
    for count, row in enumerate(found, 1):  # noqa: B007 - how many there were
        yield row
    if count == 0 and not problems:
        error = errors.InputError(f"{name}: holds no row", path=name)
        problems.append(Problem(error=error, is_whole=True))


def _of_lines(data: bytes) -> Iterator[Written]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                yield Written(line=number, cells=_object(line.rstrip(b"\r")))
            except errors.ComposeError as exc:
                yield Written(line=number, errors=(exc,))


def _object(line: bytes) -> dict[str, object]:
    """Return the object that a line holds.

    Raises:
        errors.InputError: It holds none.
    """
    try:
        value = json.loads(
            line.decode(),
            object_pairs_hook=_members,
            parse_constant=_refuse_constant,
            parse_float=_decimal,
        )
    except UnicodeDecodeError as exc:
        raise _no_utf8(exc.start) from exc
    except json.JSONDecodeError as exc:
        raise errors.InputError(f"is no JSON from column {exc.colno} on", _OBJECT) from exc
    except RecursionError as exc:
        raise errors.InputError("the JSON is nested too deeply", "simplify it") from exc
    except ValueError as exc:  # an integer of thousands of digits
        raise errors.InputError("holds too large a number", "use a smaller one") from exc
    if not isinstance(value, dict):
        cure = "of an array, jq -c '.[]' makes JSON Lines" if isinstance(value, list) else None
        raise errors.InputError(f"{fields.shown(value)}: is no object", _OBJECT, cure)
    return value


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise errors.InputError(f"{fields.shown(twice)}: is given twice", "keep one of them")
    return members


def _refuse_constant(word: str) -> NoReturn:
    raise errors.InputError(f"{word} is not JSON", "write null, or leave it out")


def _decimal(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        raise errors.InputError(f"{digits}: too large a number", "use a smaller one")
    return value


def _no_utf8(start: int) -> errors.InputError:
    return errors.InputError(f"is not UTF-8 text (byte {start + 1})", "save it as UTF-8")


def _of_table(data: bytes, format_: Format, problems: list[Problem]) -> Iterator[Written]:
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        start = exc.start - (data.rfind(b"\n", 0, exc.start) + 1)
        error = _no_utf8(start)
        problems.append(Problem(error=error, line=line, is_whole=True))
        return
    delimiter = "\t" if format_ == "tsv" else _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    line = 1
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):  # a blank line, or one of delimiters
                pass
            elif not columns:
                columns = [cell.strip() for cell in cells]
                if wrong := _wrong(columns):  # its rows would be told to lack what it holds
                    problems += (Problem(error=one, line=line, is_whole=True) for one in wrong)
                    return
            else:
                yield _row(columns, cells, line)
            line = reader.line_num + 1
    except csv.Error as exc:
        problems.append(Problem(error=_broken(str(exc)), line=line, is_whole=True))


def _delimiter(text: str) -> str:
    """Return what stands between the cells: a semicolon where the header has no other."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    header = re.sub('"[^"]*"', "", header)
    return ";" if ";" in header and "," not in header else ","


def _broken(words: str) -> errors.InputError:
    """Return the error for a table that cannot be taken apart from here on."""
    if "field larger" in words:
        most = f"{csv.field_size_limit():,}"
        return errors.InputError(f"a cell has more than {most} characters", "is a quote missing?")
    if "end of data" in words:
        return errors.InputError('a quote (") is opened and never closed', "close or double it")
    return errors.InputError('text follows a closing quote (")', "double quotes inside a cell")


def _wrong(columns: Sequence[str]) -> list[errors.ComposeError]:
    """Return what is wrong with columns."""
    wrong: list[errors.ComposeError] = []
    for name in dict.fromkeys(filter(None, columns)):
        group, colon, member = name.partition(":")
        if columns.count(name) > 1:
            wrong.append(
                errors.InputError(f"{name}: there are two columns of this name", "keep one")
            )
        elif colon and group in _GROUPS and member:
            try:
                if group == "var":
                    fields.check_variable(member)
                if group == "set":
                    fields.setting(member, None)
            except errors.UsageError as exc:
                wrong.append(exc)
        elif not _NUMBERED.fullmatch(name) and name not in _TEXT_FIELDS:
            error = fields.unknown(name, "column", _COLUMNS)
            if "\t" in name:
                cure = "of cells between tabs, say --manifest-format tsv"
                error = errors.InputError(f"{name}: no such column", cure)
            wrong.append(error)
    return wrong


def _row(columns: Sequence[str], cells: Sequence[str], line: int) -> Written:
    """Return a row of a table as an object of JSON Lines would have it."""
    if len(cells) != len(columns):
        words = f"has {len(cells)} cells, the header {len(columns)}"
        return Written(line=line, errors=(errors.InputError(words, "is a quote missing?"),))
    findings = errors.Findings()
    row: dict[str, object] = {}
    grouped: dict[str, dict[str, object]] = {}
    numbered: dict[str, dict[int, str]] = {"image": {}, "label": {}}
    for column, (name, cell) in enumerate(zip(columns, cells, strict=True), 1):
        group, _, member = name.partition(":")
        match = _NUMBERED.fullmatch(name)
        is_empty = not cell.strip()
        if group == "var" and member:  # a variable without a text, which is told where it is used
            grouped.setdefault("vars", {})[member] = "" if is_empty else cell
        elif is_empty:
            continue
        elif not name:
            findings.add(errors.InputError(f"{fields.shown(cell)}: column {column} has no name"))
        elif match:
            numbered[match[1]][int(match[2])] = cell
        elif group in _GROUPS and member:
            with findings.collecting():
                value = fields.parsed(member, cell)[1] if group == "set" else cell
                grouped.setdefault(_GROUPS[group], {})[member] = value
        elif name in _TEXT_FIELDS:
            row[name] = cell
    for number in numbered["label"].keys() - numbered["image"].keys():
        findings.add(errors.UsageError(f"label{number}: there is no image{number} to call so"))
    images = [
        {"path": path, "label": numbered["label"].get(number)}
        for number, path in sorted(numbered["image"].items())
    ]
    row |= grouped | ({"images": images} if images else {})
    return Written(line=line, cells=row, errors=tuple(findings.errors))
