"""What a picture's file is called: templates, and the suffix that says its format."""

import re
from collections.abc import Mapping
from pathlib import Path

from prodia_compose import addresses, errors, values
from prodia_compose.output.options import KINDS, SUFFIXES, OutputFormat, Placement


def asked_format(placement: Placement) -> OutputFormat:
    """Return the format to ask the service for: the suffix's, `--format`'s, else JPEG.

    Raises:
        errors.UsageError: The suffix is of no such format, `--format` contradicts it, or it
            lies in a home that the shell has not filled in.
    """
    named = f"{placement.called('-o')} {placement.target}"
    refuse_unexpanded(placement.target, named)
    target = placement.target.replace("{ext}", placement.format or "jpg")
    is_name = target != "-" and addresses.scheme(target) is None  # an address is told elsewhere
    suffix = Path(target).suffix if is_name else ""
    if not suffix.strip(".") or "}" in suffix:
        return placement.format or "jpg"
    format_ = SUFFIXES.get(suffix.lower())
    if format_ is None:
        *most, last = (kind.suffix for kind in KINDS.values())
        cure = f"use {', '.join(most)} or {last}"
        raise errors.UsageError(f"{named}: no such format as {suffix}", cure)
    if placement.format is not None and placement.format != format_:
        first = f"{placement.called('--format')} {placement.format}"
        both = f"{first} and {placement.called('-o', first)} {placement.target}"
        raise errors.UsageError(f"{both}: the name asks for {format_}", "give one of them")
    return format_


def is_unexpanded(target: str) -> bool:
    """Return whether a place lies in a home that the shell has not filled in."""
    return target.startswith("~/") and not Path("~").exists()


def refuse_unexpanded(target: str, named: str) -> None:
    """Raise for such a place, which a message calls as `named`.

    Raises:
        errors.UsageError: It is one.
    """
    if is_unexpanded(target):
        words = f"{named}: ~ is not expanded here"
        raise errors.UsageError(words, "write the whole path, or $HOME")


def accept_type(format_: OutputFormat) -> str:
    """Return the media type of a format, as the service's Accept values spell it."""
    return KINDS[format_].media_type


def fixed_folder(template: str) -> str:
    """Return the folder that all paths of a template lie in: up to its first `{field}`."""
    folder = []
    for part in template.split("/")[:-1]:
        if re.search(r"[{}]", re.sub(r"\{\{|\}\}", "", part)):
            break
        folder.append(part.replace("{{", "{").replace("}}", "}"))
    return "/".join(folder) or ("/" if template.startswith("/") else ".")


def expand(template: str, fields: Mapping[str, str | None], called: str = "-o") -> str:
    """Return an output template with its `{field}`s filled in; `{{` and `}}` are literal braces.

    A field's value cannot leave the folder: a slash in it becomes a dash, and so do the
    dots of a `..` that was not typed. Nor does it lead to standard output, or read as an
    option to who is given the path: only a dash as typed does.

    Args:
        template: As typed.
        fields: Their values; None for one that has none in this run.
        called: What the template came from, for messages.

    Raises:
        errors.UsageError: There is no such field, or it has no value; says which are near.
    """
    known = f"there are {', '.join(f'{{{field}}}' for field in fields)}"
    inside = {name: value and value.replace("/", "-") for name, value in fields.items()}
    option = f"{called} {template}"
    typed = template.split("/")
    parts = [values.filled(one, inside, option, kind="field", otherwise=known) for one in typed]
    path = "/".join(
        "--" if one == ".." != raw else one for one, raw in zip(parts, typed, strict=True)
    )
    return f"./{path}" if path.startswith("-") and not template.startswith("-") else path
