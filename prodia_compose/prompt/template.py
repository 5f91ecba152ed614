"""The prompt: checked text, with labels turned into positions."""

import difflib
import re
from collections.abc import Mapping

from prodia_compose import errors

_WORDS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh"),
    *("eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth"),
)

_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|\{|\}")


def ordinal(position: int) -> str:
    """Return the English ordinal of a position counted from 1: "first", "15th"."""
    if position <= len(_WORDS):
        return _WORDS[position - 1]
    last_two = position % 100
    suffix = "th" if 10 < last_two < 20 else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position}{suffix}"


def compile_labels(prompt: str, positions: Mapping[str, int], flag: str = "--prompt") -> str:
    """Return the prompt with each `{label}` replaced by "the first image" and so on.

    Prodia's guide: models read the images in order, so anchor each by position.
    Without any labels, braces are plain text; with some, `{{` and `}}` are literal ones.
    Positions are counted from 1.

    Raises:
        errors.UsageError: A name in braces is no label.
    """
    if not positions:
        return prompt

    def replace(match: re.Match[str]) -> str:
        found = match[0]
        if found in ("{{", "}}"):
            return found[0]
        name = match[1]
        if name in positions:
            return f"the {ordinal(positions[name])} image"
        known = ", ".join(positions)
        nearest = difflib.get_close_matches(name or "", positions, n=1)
        cure = f"did you mean {{{nearest[0]}}}?" if nearest else f"the labels are: {known}"
        note = "a literal brace is written twice"
        raise errors.UsageError(f"{flag}: {found} is no label; {cure} ({note})")

    return _BRACES.sub(replace, prompt)


def text_of_file(data: bytes, shown: str) -> str:
    """Return the prompt a file holds: UTF-8, without a leading BOM and final newlines.

    Raises:
        errors.UsageError: The bytes are no UTF-8.
    """
    try:
        text = data.decode()  # not utf-8-sig, which counts an error's place from behind the BOM
    except UnicodeDecodeError as exc:
        reason = f"not UTF-8 text (byte {exc.start + 1}); convert it to UTF-8"
        raise errors.UsageError(f"--prompt-file {shown}: {reason}", path=shown) from exc
    return text.removeprefix("\ufeff").rstrip("\r\n")


def to_send(prompt: str, flag: str) -> str:
    """Return the prompt unchanged once it can be sent.

    Raises:
        errors.UsageError: It is empty, or cannot stand in JSON.
    """
    if not prompt.strip():
        raise errors.UsageError(f"{flag}: the prompt is empty; say what to make of the images")
    if any("\ud800" <= char <= "\udfff" for char in prompt):
        raise errors.UsageError(f"{flag}: the prompt is not valid UTF-8; retype it or convert it")
    if "\0" in prompt:
        raise errors.UsageError(f"{flag}: the prompt holds a NUL byte; remove it")
    return prompt
