"""What every JSON document is written with: a line that any parser and any terminal takes."""

import json
import re
from collections.abc import Iterable, Mapping

from prodia_compose import errors
from prodia_compose.progress import visible

Document = dict[str, object]
"""A document, or an object in it; its keys come in the order they are written in."""

_NOT_PLAIN = re.compile(r"[^ -~]")


def line(document: Mapping[str, object]) -> str:
    r"""Return a document as one compact line, without the final newline.

    What a terminal would obey, or could not show, is written as JSON's own escape
    (`\u001b`, `\u202e`), so that a parser gives it back as it was. Only half a character,
    which is no text to many parsers, is told in words: `\xff`.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _NOT_PLAIN.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    shown = visible(char)
    if shown == char:
        return char
    if "\ud800" <= char <= "\udfff":
        return f"\\{shown}"
    return json.dumps(char)[1:-1]


def warnings(warned: Iterable[errors.Warned]) -> list[Document]:
    """Return warnings as a document lists them."""
    return [{"code": one.code, "message": visible(one.message)} for one in warned]
