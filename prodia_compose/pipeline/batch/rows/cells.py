"""What a row says itself, made of its cells as they are written."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.inputs.files import is_descriptor
from prodia_compose.inputs.options import LABEL
from prodia_compose.models.facts import SettingValue
from prodia_compose.output.streams import descriptor
from prodia_compose.pipeline.batch.rows import fields
from prodia_compose.pipeline.batch.rows.manifest import Written

Image = tuple[str | None, str]
"""A picture's label, if it has one, and its path as written."""

_ID_DIGITS = 12

_LONGEST_ID = 200

_NO_CONFIG: Final = ("output", "max_cost", "assume_price")
"""What is read as an option is, and says nothing of the picture."""


@frozen
class Cells:
    """What a row says itself.

    Attributes:
        id: As given.
        prompt: As given; `prompt_file` too, from the manifest's folder.
        values: Of the fields that are read as options are.
        settings: Of `set`.
        texts: Of `vars`, an empty one for nothing.
    """

    id: str | None = None
    images: tuple[Image, ...] = ()
    prompt: str | None = None
    prompt_file: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    settings: tuple[tuple[str, SettingValue], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    meta: object = None

    @property
    def digits(self) -> str:
        """What a row without an id is called: the hash of what it says of its picture.

        Its prompt, with the labels in it, its place and its limit are left out, so that a
        row whose prompt is mended remains the same row.
        """
        values = {name: one for name, one in self.values.items() if name not in _NO_CONFIG}
        pictures = [path for _, path in self.images]
        known = [pictures, sorted(self.texts), values, dict(self.settings)]
        text = json.dumps(known, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:_ID_DIGITS]


def read(written: Written, findings: errors.Findings) -> Cells:
    """Return what a row says; what is wrong is found."""
    cells = {name: one for name, one in written.cells.items() if one is not None}
    by_field: dict[str, object] = {}
    values: dict[str, object] = {}
    for name, one in cells.items():
        with findings.collecting():
            if name in fields.OPTIONS:
                values[name] = fields.value(name, one)
                if name == "output":
                    _check_path(name, str(values[name]))
            elif name in _READERS:
                by_field[_NAMED.get(name, name)] = _READERS[name](one)
            else:
                raise fields.unknown(name, "field")
    if "prompt" in by_field and "prompt_file" in by_field:
        findings.add(
            errors.UsageError("prompt and prompt_file: both are given", "give one of them")
        )
    return Cells(**by_field, values=values)  # type: ignore[arg-type] # each as its reader gives it


def _id(written: object) -> str:
    text = str(written) if type(written) is int else written
    if not isinstance(text, str) or not text.strip():
        raise errors.UsageError(
            f"id {fields.shown(written)}: must be text that is not empty, or a whole number"
        )
    if len(text) > _LONGEST_ID:
        raise errors.UsageError(f"id {fields.shown(text)}: has more than {_LONGEST_ID} characters")
    if any(char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in text):
        raise errors.UsageError(f"id {json.dumps(text)}: holds what is no character", "correct it")
    return text


def _images(written: object) -> tuple[Image, ...]:
    if not isinstance(written, list):
        cure = 'must be a list, such as ["a.jpg", "b.jpg"]'
        raise errors.UsageError(f"images {fields.shown(written)}: {cure}")
    findings = errors.Findings()
    images: list[Image] = []
    for one in written:
        with findings.collecting():
            images.append(_image(one))
    labels = [label for label, _ in images if label is not None]
    for label in dict.fromkeys(labels):
        if labels.count(label) > 1:
            findings.add(errors.UsageError(f"label {label}: is given twice", "labels must differ"))
    findings.raise_if_any()
    return tuple(images)


def _image(written: object) -> Image:
    members = written if isinstance(written, dict) else {"path": written}
    for name in members:
        if name not in ("path", "label"):
            raise fields.unknown(name, "field of a picture", ("path", "label"))
    path, label = members.get("path"), members.get("label")
    if not isinstance(path, str) or not path:
        cure = 'write a path, or {"path": "a.jpg", "label": "NAME"}'
        raise errors.UsageError(f"images {fields.shown(written)}: is no picture", cure)
    _check_path("images", path)
    if label is None:
        return None, path
    if not isinstance(label, str) or not LABEL.fullmatch(label):
        cure = "a label is a letter, then letters, digits, - or _"
        raise errors.UsageError(f"label {fields.shown(label)}: is no label", cure)
    fields.refuse_taken(label, f"label {label}", "choose another")
    return label, path


def _check_path(name: str, path: str) -> None:
    """Refuse what is no path, and what all rows would read from, or write to, at once.

    Raises:
        errors.InputError: It is such a one.
    """
    try:
        is_path = b"\0" not in os.fsencode(path)
    except UnicodeError:  # half a character
        is_path = False
    if not is_path:
        raise errors.InputError(
            f"{name} {json.dumps(path)}: no file can be called so", "correct it"
        )
    if path == "-" or is_descriptor(path) or descriptor(path) is not None:
        raise errors.InputError(f"{name} {path}: a row names files", "write the name of one")


def _prompt(written: object) -> str:
    if not isinstance(written, str):
        raise errors.UsageError(f"prompt {fields.shown(written)}: must be text")
    return written


def _prompt_file(written: object) -> str:
    if not isinstance(written, str) or not written:
        raise errors.UsageError(f"prompt_file {fields.shown(written)}: must name a file")
    _check_path("prompt_file", written)
    return written


def _set(written: object) -> tuple[tuple[str, SettingValue], ...]:
    members = _object("set", written)
    findings = errors.Findings()
    found: list[tuple[str, SettingValue]] = []
    for key, one in members.items():
        with findings.collecting():
            found.append(fields.setting(key, one))
    findings.raise_if_any()
    return tuple(found)


def _texts(written: object) -> tuple[tuple[str, str], ...]:
    findings = errors.Findings()
    texts: list[tuple[str, str]] = []
    for name, text in _object("vars", written).items():
        with findings.collecting():
            fields.check_variable(name)
            if not isinstance(text, str):
                message = f"vars {name} {fields.shown(text)}: must be text, in double quotes"
                raise errors.UsageError(message)
            texts.append((name, text))
    findings.raise_if_any()
    return tuple(texts)


def _object(name: str, written: object) -> Mapping[str, SettingValue]:
    if not isinstance(written, dict):
        message = f'{name} {fields.shown(written)}: must be an object, such as {{"NAME": "x"}}'
        raise errors.UsageError(message)
    return written


def _meta(written: object) -> object:
    return written


_READERS: Final = {
    "id": _id,
    "images": _images,
    "prompt": _prompt,
    "prompt_file": _prompt_file,
    "set": _set,
    "vars": _texts,
    "meta": _meta,
}

_NAMED: Final = {"set": "settings", "vars": "texts"}
