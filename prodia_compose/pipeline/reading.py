"""The files of what was made: opened, and taken apart into the documents that are in them."""

import codecs
import io
import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from prodia_compose import errors
from prodia_compose.inputs import files
from prodia_compose.pipeline.batch.results import lines
from prodia_compose.pipeline.batch.results.lines import Document

RESULT: Final = "prodia-compose/result@1"

_PASSED_OVER = (lines.HEADER, "prodia-compose/batch@1")
_BLANK = re.compile(r"\s*")
_FOREIGN = "is no line of a batch's results, and no result of compose --json"

_OF_PICTURES = "of a picture, `prodia-compose jobs show FILE` tells the id of its job"


def opened(path: str) -> BinaryIO:
    """Return a file to be read; what is none could keep its reader waiting for ever."""
    status = Path(path).stat()
    if not stat.S_ISDIR(status.st_mode):  # opening it says that
        try:
            files.refuse_kind(status, path)
        except errors.InputError as exc:
            raise errors.InputError(f"{path}: {exc.words}", *exc.hints, path=path) from exc
    return Path(path).open("rb")


def documents(path: str, file: BinaryIO) -> Iterator[tuple[int, Document]]:
    """Yield what is in a file: line by line, or, if it is no batch's, any JSON after another."""
    stream = file if file.seekable() else io.BytesIO(file.read())
    is_batch = lines.is_opening(stream.read(64))
    stream.seek(0)
    if is_batch:
        header: Document = {}
        for number, line in lines.read(path, stream):
            if line["schema"] == lines.HEADER:
                header = line
            else:  # a start does not say whether it costs something
                yield number, {"sandbox": header.get("sandbox"), **line}
    else:
        yield from _values(path, stream)


def _values(path: str, file: BinaryIO) -> Iterator[tuple[int, Document]]:
    """Yield the documents of a text, each with the number of its line."""
    data = file.read(4096)
    is_text = data.lstrip().removeprefix(codecs.BOM_UTF8)[:1] in (b"", b"{")
    if is_text:  # else it may be of any size
        data += file.read()
    if encoding := files.wide_encoding(data):
        raise errors.InputError(f"{path}: is {encoding}", "save it as UTF-8", path=path)
    if not is_text:
        beside = f"did you mean {path}.json?" if Path(f"{path}.json").is_file() else _OF_PICTURES
        raise _foreign(path, 1, _FOREIGN, beside)
    try:
        text, decoder, place = data.decode("utf-8-sig"), json.JSONDecoder(), 0
    except UnicodeDecodeError as exc:
        raise _foreign(path, 1) from exc
    while (place := _BLANK.match(text, place).end()) < len(text):  # type: ignore[union-attr] # it always matches
        number = text.count("\n", 0, place) + 1
        try:
            value, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError as exc:
            is_cut = _is_cut(exc, place)
            words = ("is cut short", "name an undamaged one") if is_cut else (_FOREIGN,)
            raise _foreign(path, number, *words) from exc
        except (ValueError, RecursionError) as exc:
            raise _foreign(path, number) from exc
        schema = value.get("schema") if isinstance(value, dict) else None
        if schema in (RESULT, lines.ROW, lines.START):
            yield number, value
        elif schema not in _PASSED_OVER:
            raise _foreign(path, number, *_of_schema(schema))


def _is_cut(exc: json.JSONDecodeError, start: int) -> bool:
    """Return whether an object was whole up to the end of the text; `true` may be cut, too."""
    is_open = exc.msg.startswith("Unterminated string")
    return exc.doc[start] == "{" and (is_open or len(exc.doc.rstrip()) - exc.pos < len("false"))


def _of_schema(schema: object) -> tuple[str, ...]:
    """Return what a document is that nothing was made by, and what to do."""
    if not isinstance(schema, str) or not re.fullmatch(r"prodia-compose/[a-z-]+@[0-9]+", schema):
        return (_FOREIGN,)
    known = {one.partition("@")[0] for one in (RESULT, lines.ROW, lines.START, *_PASSED_OVER)}
    if schema.partition("@")[0] not in known:
        return (f"is {schema}, and no row or result",)
    return f"is {schema}, which this version does not know", "update prodia-compose"


def _foreign(path: str, number: int, words: str = _FOREIGN, *hints: str) -> errors.InputError:
    hints = hints or ("name a results file of a batch, or a sidecar",)
    return errors.InputError(f"{path}:{number}: {words}", *hints, path=path)
