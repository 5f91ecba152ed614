"""What a row may say: the fields of a manifest, and those that are read as options are."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from prodia_compose import errors, values
from prodia_compose.inputs.options import LABEL
from prodia_compose.models import settings
from prodia_compose.models.facts import SettingValue
from prodia_compose.models.options import Settings
from prodia_compose.options import Declared, declared
from prodia_compose.pipeline.request import ComposeRequest

_ALL: Final = {one.key: one for one in declared(ComposeRequest) if one.names}

SETTINGS: Final[Mapping[str, Declared]] = {
    name: option
    for name, option in _ALL.items()
    if option.name in {field.name for field in fields(Settings)} - {"extras"}
}
"""The settings that have an option of their own, by their names in a manifest."""

OPTIONS: Final[Mapping[str, Declared]] = {
    "model": _ALL["model"],
    "output": _ALL["output"],
    **SETTINGS,
    **{name: _ALL[name] for name in ("max_cost", "assume_price")},
}
"""The fields that are read as the option of that name is."""

NAMES: Final = ("id", "images", "prompt", "prompt_file", *OPTIONS, "set", "vars", "meta")
"""The fields of a row."""

TEMPLATE_NAMES: Final = (
    *("stem", "first", "model", "date", "time", "n", "ext", "seed"),
    *("id", "row", "each"),
)
"""What braces in `-o` stand for in a batch, so that nothing else may be called so."""


def value(name: str, written: object) -> object:
    """Return the value of a field that is read as an option is, from text or a number.

    Raises:
        errors.UsageError: It is no such value.
    """
    option = OPTIONS[name]
    text = written
    is_whole = isinstance(written, float) and written.is_integer()
    if is_whole and option.kind not in (float, str):
        text = f"{written:.0f}"  # as tables write whole numbers where some are missing
    elif isinstance(written, int | float) and not isinstance(written, bool):
        if option.kind is str:
            raise errors.UsageError(f"{name} {written}: must be text, in double quotes")
        text = str(written)
    if not isinstance(text, str):
        kind = "text" if option.kind is str else "text or a number"
        raise errors.UsageError(f"{name} {shown(written)}: must be {kind}")
    return option.read([text] if option.is_many else text, lambda _: name, ())


def setting(key: str, written: SettingValue) -> tuple[str, SettingValue]:
    """Return the (name, value) of a member of `set`, looked at as `--set` does.

    Raises:
        errors.UsageError: It cannot be sent.
    """
    return parsed(key, json.dumps(written))


def parsed(key: str, text: str) -> tuple[str, SettingValue]:
    """Return the (name, value) of a setting that is written as text: JSON, if it is any.

    Raises:
        errors.UsageError: It cannot be sent.
    """
    if "=" in key:
        raise errors.UsageError(f"set {key}: a KEY has no = in it", "correct it")
    return settings.parse_set(f"{key}={text}")


def check_variable(name: str) -> None:
    """Refuse a name that a variable cannot have.

    Raises:
        errors.UsageError: It cannot stand in braces, or stands for something else there.
    """
    if not LABEL.fullmatch(name):
        cure = "a name is a letter, then letters, digits, - or _"
        raise errors.UsageError(f"vars: {shown(name)} is no name for a variable", cure)
    refuse_taken(name, f"vars {name}", "choose another name")


def refuse_taken(name: str, called: str, cure: str) -> None:
    """Refuse a name that every row of a batch has in braces.

    Raises:
        errors.UsageError: It is one of `TEMPLATE_NAMES`.
    """
    if name in TEMPLATE_NAMES:
        words = f"{called}: {{{name}}} stands for something else in a batch"
        raise errors.UsageError(words, cure)


def unknown(name: str, kind: str, known: tuple[str, ...] = NAMES) -> errors.InputError:
    """Return the error for a field or column that is none."""
    option = _ALL.get(name.replace("-", "_"))
    if option is not None and option.key not in OPTIONS and option.name != "operands":
        cure = f"{option.long} is for the whole batch; give it on the command line"
    else:
        cure = values.hint(name, known, otherwise=f"there are {', '.join(known)}")
    return errors.InputError(f"{shown(name)}: no such {kind}", cure)


def shown(written: object, most: int = 40) -> str:
    """Return a value as a manifest has it, cut if it is long."""
    text = written if isinstance(written, str) and written else json.dumps(written)
    return text if len(text) <= most else f"{text[:most]}..."
