"""The request that makes a picture again, of what was written down of it and of what is typed."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from prodia_compose import addresses, errors, values
from prodia_compose.inputs.entries import Entry
from prodia_compose.inputs.options import LABEL
from prodia_compose.models.options import Settings, overruled
from prodia_compose.options import flat, make
from prodia_compose.output import streams
from prodia_compose.output.options import DEFAULT_TARGET, SUFFIXES, Placement
from prodia_compose.pipeline import made
from prodia_compose.pipeline.again import recipe
from prodia_compose.pipeline.again.recipe import Document
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.prompt import template
from prodia_compose.record.ledger import Ledger

_PICTURES = frozenset(("operands", "labelled", "lists"))
_PROMPTS = frozenset(("prompt", "prompt_file"))


def request(asked: ComposeRequest, record: Ledger) -> ComposeRequest:
    """Return the request that makes again what `asked.origin` names; what was typed comes first.

    After that comes the recipe, whole: what it does not say is as by default, whatever the
    environment says of options that it could have said. Without `-o` the picture goes beside the
    earlier one, numbered.

    Raises:
        errors.InputError: There is nothing that can be made again.
        errors.UsageError: What was typed contradicts itself.
    """
    name = str(asked.origin)
    document = made.find(name, record)
    known = _without(_recipe(name, document, record), asked.unset, name)
    keys = [key for key in known if key not in ("prompt", "sources")]
    before = dict(_read(key, known[key], name) for key in keys)
    variables = _variables(asked, before, name)
    ours = {one.name for one in recipe.carried().values()} - asked.typed
    kept = {field: value for field, value in flat(asked).items() if field not in ours}
    del kept["variables"]
    anew = make(ComposeRequest, {**before, **kept}, variables)
    entries: tuple[Entry, ...] = ()
    if not asked.typed & _PICTURES:
        entries = _entries(name, known["sources"])
    prompt = anew.prompt
    if not asked.typed & _PROMPTS:
        prompt = _prompt(name, known["prompt"])
        labels = [one.label for one in entries] + [label for label, _ in anew.selection.labelled]
        prompt = values.literal(prompt) if any(labels) else prompt
    return replace(
        anew,
        selection=replace(anew.selection, earlier=entries),
        prompt=prompt,
        settings=_settings(asked, before, variables),
        placement=_placement(anew.placement, asked.typed, document, name),
    )


def _variables(
    asked: ComposeRequest, before: Mapping[str, object], name: str
) -> tuple[tuple[str, str], ...]:
    """Return what messages call the options: those of the recipe are called as there."""
    called = dict(asked.variables)
    for one in recipe.carried().values():
        for flag in one.names if one.name not in asked.typed else ():
            called.pop(flag, None)
            if one.name in before:
                called[flag] = f"{one.key} of {name}"
    return tuple(called.items())


def _recipe(name: str, document: Document, record: Ledger) -> Mapping[str, object]:
    """Return the recipe that is in a document, or in the record of its job.

    Raises:
        errors.InputError: There is none.
    """
    known, record_id = document.get("recipe"), document.get("record_id")
    if known is None and isinstance(record_id, str):
        entry = record.entry(record_id)
        known = None if entry is None else entry.recipe
    if known is None:
        words = "holds no recipe: an older version wrote it, or it did not come to sending"
        raise errors.InputError(f"{name}: {words}", "compose it from its pictures", path=name)
    if not isinstance(known, dict) or not recipe.is_whole(known):
        raise _damaged(name, "recipe")
    return known


def _without(known: Mapping[str, object], unset: Iterable[str], name: str) -> Document:
    """Return a recipe without some of its options, or of its fields of `--set`.

    Raises:
        errors.UsageError: There is no such option, or field.
    """
    left = dict(known)
    for typed in unset:
        key, _, field = typed.lstrip("-").replace("-", "_").partition(":")
        extras = left.get("set")
        extras = extras if isinstance(extras, dict) else {}
        if key == "set" and field:
            field = typed.partition(":")[2]
            if field not in extras:
                words = f"--unset {typed}: the recipe of {name} has no such field"
                raise errors.UsageError(words, values.hint(field, extras, "did you mean set:{}?"))
            left["set"] = {one: extras[one] for one in extras if one != field}
        elif key in recipe.carried():
            left.pop(key, None)
        else:
            cure = values.hint(key, recipe.carried(), otherwise="name one as in its recipe")
            cure = "type another one with -p" if key == "prompt" else cure
            words = f"--unset {values.shown(typed)}: no option of a recipe is called so"
            raise errors.UsageError(words, cure)
    return left


def _damaged(name: str, what: str) -> errors.InputError:
    words = f"its {what} cannot be read, so it is not sure what it was made of"
    return errors.InputError(f"{name}: {words}", "name an undamaged one", path=name)


def _read(key: str, written: object, name: str) -> tuple[str, object]:
    """Return the field of an option that a recipe has, and its value.

    Raises:
        errors.InputError: There is no such option, or value.
    """
    field = recipe.carried().get(key)
    if field is None:
        words = f"was made with {key}, which this version does not know"
        raise errors.InputError(f"{name}: {words}", "update prodia-compose", path=name)
    called = f"{key} of {name}"
    try:
        return field.name, recipe.read(field, written, called)
    except errors.UsageError as exc:
        words = exc.words if exc.words.startswith(called) else f"{called}: {exc.words}"
        raise errors.InputError(words, *exc.hints, path=name) from exc
    except errors.ProblemsError as exc:
        raise _damaged(name, key) from exc


def _prompt(name: str, written: object) -> str:
    try:
        return template.to_send(str(written), f"prompt of {name}")
    except errors.UsageError as exc:
        raise errors.InputError(exc.words, *exc.hints, path=name) from exc


def _entries(name: str, written: object) -> tuple[Entry, ...]:
    """Return the pictures of a recipe.

    Raises:
        errors.InputError: They cannot be read.
    """
    sources = written if isinstance(written, list) else []
    try:
        entries = tuple(replace(_entry(one), origin=name) for one in sources)
    except (ValueError, TypeError) as exc:
        raise _damaged(name, "list of pictures") from exc
    labels = [one.label for one in entries if one.label]
    if not entries or len({*labels}) < len(labels):
        raise _damaged(name, "list of pictures")
    return entries


def _entry(source: Mapping[str, object]) -> Entry:
    """Return a picture of a recipe; it is named as in a list: a file, or an address.

    Raises:
        ValueError: It is none.
    """
    label, sha256, is_gone = (source.get(field) for field in ("label", "sha256", "gone"))
    path = addresses.name_in(source, "path")
    is_right = label is None or (isinstance(label, str) and LABEL.fullmatch(label))
    is_right = is_right and isinstance(sha256, str | None) and isinstance(is_gone, bool)
    if not is_right or not path or "\0" in path:
        raise ValueError("no picture")
    return Entry(
        path=path,
        label=label if isinstance(label, str) else None,
        list_number=1,
        sha256=sha256 if isinstance(sha256, str) else None,
        is_gone=is_gone is True or path == "-",
    )


def _settings(
    asked: ComposeRequest, before: Mapping[str, object], variables: tuple[tuple[str, str], ...]
) -> Settings:
    """Return the recipe's settings, overruled by what was typed."""
    base = make(Settings, before, variables)
    typed = {field: value for field, value in vars(asked.settings).items() if field in asked.typed}
    extras = asked.settings.extras if typed.pop("extras", None) else ()
    return overruled(base, typed, extras, variables)


def _placement(
    anew: Placement, typed: frozenset[str], document: Mapping[str, object], name: str
) -> Placement:
    """Return where the picture goes: as typed, or beside the earlier one, whatever that was called."""
    if "target" in typed:
        is_named = any(one.one == "format" for one in anew.clashes())
        return replace(anew, format=None) if is_named and "format" not in typed else anew
    output = document.get("output")
    place = addresses.name_in(output, "path") if isinstance(output, dict) else "-"
    target = DEFAULT_TARGET
    if place != "-" and streams.kind(place) is None:
        plain = PurePosixPath(place)
        stem = plain.stem if plain.suffix.lower() in SUFFIXES else plain.name
        stem = re.sub(r"^composed-[0-9]+$", "composed", stem)
        suffix = ".{ext}" if plain.suffix.lower() in SUFFIXES else ""
        folder = os.path.dirname(place)  # noqa: PTH120 - as it is written
        target = os.path.join(values.literal(folder), values.literal(stem) + suffix)  # noqa: PTH118
    policy = anew.if_exists if "if_exists" in typed else "number"
    called = {**dict(anew.variables), "-o": f"--from {name}:"}
    return replace(anew, target=target, if_exists=policy, variables=tuple(called.items()))
