"""The prompt: checked text, with labels turned into positions."""

import os
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from prodia_compose import addresses, errors, values
from prodia_compose.inputs import files
from prodia_compose.inputs.entries import Entry
from prodia_compose.models import lookup
from prodia_compose.models.facts import Model

_WORDS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh"),
    *("eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth"),
)

_LONGEST_SHOWN = 60


def ordinal(position: int) -> str:
    """Return the English ordinal of a position counted from 1: "first", "15th"."""
    if position <= len(_WORDS):
        return _WORDS[position - 1]
    last_two = position % 100
    suffix = "th" if 10 < last_two < 20 else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position}{suffix}"


def compile_labels(
    prompt: str,
    positions: Mapping[str, int],
    flag: str = "--prompt",
    texts: Mapping[str, str] | None = None,
) -> str:
    """Return the prompt with each `{label}` replaced by "the first image" and so on.

    Prodia's guide: models read the images in order, so anchor each by position.
    Without any labels, braces are plain text; with some, `{{` and `}}` are literal ones.
    Positions are counted from 1.

    Args:
        prompt: As typed.
        positions: The labels' places among the images.
        flag: What the prompt comes from, for messages.
        texts: What other names in braces stand for, an empty one for nothing; unless it is None,
            braces count whether there are labels or not. What they stand for is put in as it is.

    Raises:
        errors.UsageError: A name in braces is no label and none of the others, or is empty.
    """
    if not positions and texts is None:
        return prompt
    names: dict[str, str | None] = {name: text or None for name, text in (texts or {}).items()}
    names |= {name: f"the {ordinal(position)} image" for name, position in positions.items()}
    known = f"the labels are: {', '.join(positions)}"
    if texts is not None:
        known = f"there are {', '.join(f'{{{name}}}' for name in names) or 'no names here'}"
    kind = "label" if texts is None else "label or variable"
    return values.filled(prompt, names, flag, kind=kind, otherwise=known)


def text_of_file(data: bytes, shown: str) -> str:
    """Return the prompt a file holds: UTF-8, without a leading BOM and final newlines.

    Raises:
        errors.UsageError: The bytes are no UTF-8.
    """
    if encoding := files.wide_encoding(data):
        message = f"--prompt-file {shown}: is {encoding}"
        raise errors.UsageError(message, "save it as UTF-8", path=shown)
    try:
        text = data.decode()  # not utf-8-sig, which counts an error's place from behind the BOM
    except UnicodeDecodeError as exc:
        message = f"--prompt-file {shown}: not UTF-8 text (byte {exc.start + 1})"
        raise errors.UsageError(message, "convert it to UTF-8", path=shown) from exc
    return text.removeprefix("\ufeff").rstrip("\r\n")


def to_send(prompt: str, flag: str) -> str:
    """Return the prompt unchanged once it can be sent.

    Raises:
        errors.UsageError: It is empty, or cannot stand in JSON.
    """
    if not prompt.strip():
        raise errors.UsageError(f"{flag}: the prompt is empty", "say what to make of the images")
    if prompt == "-":
        raise errors.UsageError(f"{flag} -: reads no standard input", "write --prompt-file -")
    if any("\ud800" <= char <= "\udfff" for char in prompt):
        raise errors.UsageError(f"{flag}: the prompt is not valid UTF-8", "retype it or convert it")
    if "\0" in prompt:
        raise errors.UsageError(f"{flag}: the prompt holds a NUL byte", "remove it")
    return prompt


def _misplaced(
    prompt: str | None, prompt_file: str | None, named: Sequence[Entry]
) -> tuple[errors.UsageError, tuple[Entry, ...]] | None:
    """Return what was done to the prompt, and the images without words of it; None for nothing.

    It was written without `-p`, or not quoted, so that a shell made operands of its words.
    """
    loose = [entry for entry in named if not entry.list_number and _is_prose(entry)]
    if not loose or prompt_file is not None or prompt == "":
        return None
    is_sentence = any(len(entry.path.split()) > 1 for entry in loose)
    if prompt is not None and not is_sentence:
        # `mug -p x` is rather a picture that is missing, and so is `mug -p "one on the other"`.
        is_one_too_few = len(loose) == 1 and (len(named) == 1 or len(prompt) < 3)
        if is_one_too_few or len(prompt.split()) > 1:
            return None
    text = " ".join(entry.path for entry in loose)
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    if prompt is None:
        hint = f'is "{shown}" the prompt? say it with -p "..."'
        error = errors.UsageError("no prompt", hint)
    else:
        words = f"--prompt {prompt}: no file is called {loose[0].path}"
        error = errors.UsageError(words, f'quote the prompt: -p "{prompt} {shown}"')
    return error, tuple(entry for entry in named if entry not in loose)


def _is_prose(entry: Entry) -> bool:
    """Return whether an operand is rather a word or a sentence than a picture."""
    name = entry.path
    if entry.label or not name or addresses.names_file(name):
        return False
    return name[0] != "-" or len(name.split()) > 4


def _file_named(prompt: str) -> str | None:
    """Return the file that a prompt of one word names, as `@FILE` or by its suffix."""
    name = prompt.removeprefix("@")
    is_name = len(prompt.split()) == 1 and (name != prompt or addresses.names_file(name))
    return name if is_name and os.path.isfile(name) else None  # noqa: PTH113 - pathlib raises at long words


def read(
    prompt: str | None,
    prompt_file: str | None,
    named: tuple[Entry, ...],
    model: Model | None,
    stdin: BinaryIO | None,
    findings: errors.Findings,
    texts: Mapping[str, str] | None = None,
) -> tuple[str | None, tuple[Entry, ...]]:
    """Return the prompt as it is sent, and the images; None where there is no such prompt.

    Labels are turned into positions. Operands that are rather words of the prompt are no images.

    Args:
        prompt: The text, if it was typed.
        prompt_file: The file that holds it, or `-`.
        named: The images, for the positions of their labels.
        model: Whose longest prompt counts, if there is one.
        stdin: Standard input, if it is the prompt's.
        findings: Takes what is wrong.
        texts: What names in braces stand for besides labels, as `compile_labels` takes it.
    """
    if prompt_file == "-" and stdin is None and findings.has_usage_error:
        return None, named  # whose standard input it is has to be settled first
    if texts is None and (misplaced := _misplaced(prompt, prompt_file, named)):
        findings.add(misplaced[0])
        return None, misplaced[1]
    flag = flag_of(prompt_file)
    with findings.collecting():
        if prompt is not None and prompt_file is not None:
            raise errors.UsageError(
                "--prompt and --prompt-file: both are given", "give one of them"
            )
        if prompt_file is not None:
            data = files.read_text(prompt_file, "--prompt-file", stdin)
            prompt = text_of_file(data, prompt_file)
        elif prompt is not None and (name := _file_named(prompt)):
            raise errors.UsageError(f"--prompt {prompt}: is a file", f"write --prompt-file {name}")
        if prompt is None:
            raise errors.UsageError("no prompt", "say what to make with -p, or --prompt-file FILE")
        labelled = {entry.label: place for place, entry in enumerate(named, 1) if entry.label}
        final = to_send(compile_labels(prompt, labelled, flag, texts), flag)
        if model is not None:
            lookup.check_prompt(model, final, flag, findings)
        return final, named
    return None, named


def flag_of(prompt_file: str | None) -> str:
    """Return the option that the prompt comes from, for messages."""
    return "--prompt" if prompt_file is None else f"--prompt-file {prompt_file}"
