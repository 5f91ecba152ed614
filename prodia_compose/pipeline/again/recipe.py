"""The recipe of a picture: all that a job is made again of, as documents and the record have it."""

import functools
import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from prodia_compose import addresses, errors, values
from prodia_compose.inputs import files
from prodia_compose.inputs.entries import Entry
from prodia_compose.options import Declared, declared, flat
from prodia_compose.output.options import OutputFormat
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.progress import visible

Document = dict[str, object]

NOT_SHAPING: Final = frozenset(
    (
        *("operands", "labelled", "lists", "null_separated", "sort"),  # its `sources` say which
        *("prompt", "prompt_file", "origin", "unset"),  # its `prompt` is the final text
        *("target", "if_exists", "force", "create_dirs", "sidecar", "save_to"),
        *("max_cost_usd", "assume_price_usd", "strict", "lint", "dry_run", "again", "if_made"),
        *("sandbox", "token_file", "base_url", "is_async"),
        *("connect_timeout_s", "stall_timeout_s", "timeout_s", "max_wait_s"),
    )
)
"""The fields of options that neither the job nor the pictures depend on, or that are kept otherwise.

Any other option is carried by itself, as it is declared.
"""


@functools.cache
def carried() -> Mapping[str, Declared]:
    """Return the options that a recipe has, by their names in it."""
    options = (one for one in declared(ComposeRequest) if one.names)
    return {one.key: one for one in options if one.name not in NOT_SHAPING}


def document(
    request: ComposeRequest,
    *,
    prompt: str,
    format_: OutputFormat,
    match: int | None,
    sources: Sequence[tuple[Entry, str | None]],
    is_absolute: bool = False,
) -> Document:
    """Return a recipe: the model, the prompt as it is sent, options that are not as by default, inputs.

    Args:
        request: What was asked for.
        prompt: The final text.
        format_: The format that was asked for.
        match: The position of the image that the result is framed like, whatever it was named by.
        sources: The inputs, in order, each with the SHA-256 of its bytes as they lay there, in hex,
            if that is known.
        is_absolute: Whether paths are from the root, and not as typed.
    """
    known = {**flat(request), "match": match, "format": None if format_ == "jpg" else format_}
    changed = {
        key: _written(one, known[one.name])
        for key, one in carried().items()
        if key != "model" and known[one.name] != one.default
    }
    inputs = [_source(entry, sha256, is_absolute=is_absolute) for entry, sha256 in sources]
    return {"model": request.model, "prompt": prompt, **changed, "sources": inputs}


def _written(field: Declared, value: object) -> object:
    """Return a value that is not the default as JSON has it; a switch is true."""
    if field.kind is bool:
        return True
    return value if field.option.write is None else field.option.write(value)


def read(field: Declared, written: object, called: str) -> object:
    """Return the value of an option of a recipe.

    Args:
        field: The option.
        written: What the recipe says.
        called: What a message calls it.

    Raises:
        errors.UsageError: It is no value of it; `errors.ProblemsError` if several are none.
    """
    if field.kind is bool and written is True:
        return not field.default
    is_number = isinstance(written, int | float) and not isinstance(written, bool)
    if isinstance(written, dict) and field.is_many:
        pairs = [f"{name}={json.dumps(value)}" for name, value in written.items()]
        return field.read(pairs, lambda _: called, ())
    if field.kind is not bool and not field.is_many and (isinstance(written, str) or is_number):
        return field.read(str(written), lambda _: called, ())
    raise errors.UsageError(f"{called} {json.dumps(written)[:40]}: is no value of it")


def _source(entry: Entry, sha256: str | None, *, is_absolute: bool) -> Document:
    """Return an input; one that cannot be had again is `gone`."""
    is_stream = entry.is_stdin or files.is_descriptor(entry.path)
    path = entry.place if is_absolute else entry.shown
    if path == "-" and not entry.is_stdin:
        path = "./-"  # a file of that name
    return {
        **addresses.named("path", path),
        "label": entry.label,
        "sha256": sha256,
        "gone": entry.is_gone or is_stream or (entry.is_url and entry.shown != entry.path),
    }


def is_whole(recipe: object) -> bool:
    """Return whether something is a recipe, whatever its options may be."""
    if not isinstance(recipe, dict):
        return False
    sources = recipe.get("sources")
    if not isinstance(sources, list) or not all(isinstance(one, dict) for one in sources):
        return False
    texts = (recipe.get("model"), recipe.get("prompt"), *(one.get("path") for one in sources))
    labels = [one.get("label") for one in sources]
    is_right = all(isinstance(one, str) and one for one in texts)
    is_right = is_right and all(isinstance(one, str | None) for one in labels)
    return is_right and all(isinstance(one.get("gone"), bool) for one in sources)


def command(recipe: Mapping[str, object], record_id: str) -> list[str] | None:
    """Return the command line that makes a job of the record again, from any folder.

    Where a line of a terminal cannot hold that as it is, the job is named by its id.

    Args:
        recipe: That of the record, with paths from the root.
        record_id: The job's id in the record.

    Returns:
        None where an input cannot be had again.
    """
    sources = recipe["sources"]
    if not isinstance(sources, list) or not is_whole(recipe) or any(one["gone"] for one in sources):
        return None
    line = ["prodia-compose", "compose", *_pictures(sources), *_options(recipe, sources)]
    shown = shlex.join(line)
    is_plain = visible(shown) == shown and not any("path_b64" in one for one in sources)
    # A value that reads as an option is taken for one.
    is_plain = is_plain and str(recipe["prompt"])[:1] != "-"
    return line if is_plain else ["prodia-compose", "compose", "--from", record_id]


def _pictures(sources: Sequence[Mapping[str, str]]) -> list[str]:
    if not any(one["label"] for one in sources):
        return [one["path"] for one in sources]
    named = (f"{one['label']}={one['path']}" if one["label"] else one["path"] for one in sources)
    return [word for name in named for word in ("-i", name)]


def _options(recipe: Mapping[str, object], sources: Sequence[Mapping[str, str]]) -> list[str]:
    prompt = str(recipe["prompt"])
    is_template = any(source["label"] for source in sources)
    line = ["-p", values.literal(prompt) if is_template else prompt]
    for key, field in carried().items():
        value = recipe.get(key)
        if isinstance(value, dict):
            for name, setting in value.items():
                line += [field.long, f"{name}={json.dumps(setting)}"]
        elif value is True:
            line.append(field.long)
        elif value is not None:
            line += [field.long, str(value)]
    return line
