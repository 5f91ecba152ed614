"""What the shell is offered for a value at a TAB press, by what help calls the value.

All but the ids of jobs is read from `offers.json`, which `tests/tools/regenerate.py` makes from
the commands' declarations and the catalogue: so a TAB press takes less than half of the
time that loading Typer alone would.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:  # for an annotation
    from prodia_compose.record.entries import Entry

_HERE = os.path.dirname(__file__)  # noqa: PTH120 - pathlib takes 4 ms of 25

IDS_OR_FILES = {"ID|FILE": "IMAGE", "FILE|ID": "RESULTS"}
"""What help calls an operand that is an id, or else a picture."""

_JOBS_OFFERED = 50
_LONGEST_PROMPT = 60
_PATIENCE_S = 0.5

_LATEST_BYTES = 1 << 22  # of results
_ROWS_OFFERED = 1000

Kind = Literal["words", "files", "others", "folders"]

_PICTURES = (
    *("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "webp", "avif", "heic", "heif", "gif"),
    *("tif", "tiff", "bmp", "ppm", "pgm", "pbm", "pnm", "tga", "ico", "jp2", "qoi", "psd"),
)
PATHS: dict[str, tuple[Kind, tuple[str, ...]]] = {
    "IMAGE": ("files", _PICTURES),
    "NAME=PATH": ("files", _PICTURES),
    "MANIFEST": ("files", ("jsonl", "ndjson", "csv", "tsv")),
    "RESULTS": ("files", ("jsonl", "json")),
    "CONFIG": ("files", ("toml",)),
    "LIST": ("others", _PICTURES),
    "FILE": ("others", _PICTURES),  # of text: pictures only where there is nothing else
    "PATH": ("files", ()),
    "CMD": ("files", ()),
    "DIR": ("folders", ()),
    "FOLDER": ("folders", ()),
}
"""Which paths a value names, and the suffixes it is about, by what help calls it."""


class Option(TypedDict):
    """An option: its names, what help calls its value if it takes one, and its help."""

    flags: list[str]
    value: str | None
    is_repeatable: bool
    is_hidden: bool
    help: str


class Command(TypedDict):
    """A command: what help calls its operands, its options, and the commands below it.

    `takes_more` tells whether the last operand may be repeated, `stops_at_operand`
    whether all that follows the first one is an operand too.
    """

    help: str
    options: list[Option]
    operands: list[str]
    takes_more: bool
    stops_at_operand: bool
    commands: dict[str, "Command"]


class Model(TypedDict):
    """A model: its summary, all its names, and what its settings may be: words as in `Offers`."""

    summary: str
    names: list[str]
    values: dict[str, list[str]]


class Offers(TypedDict):
    """All that can be offered without asking anything but the line.

    Each word of `values` may have a tab and a description after it.
    """

    root: Command
    default_model: str
    models: dict[str, Model]
    values: dict[str, list[str]]


def offers() -> Offers:
    """Return what can be offered."""
    with open(os.path.join(_HERE, "offers.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123 - as above
        loaded: Offers = json.load(file)
    return loaded


def words(known: Offers, value: str, typed: str, model: str | None) -> list[tuple[str, str]]:
    """Return what a value may be, each with a description, which may be empty.

    Args:
        known: What can be offered.
        value: What help calls the value, such as `NAME`, `W:H` or `fail|skip`.
        typed: How it begins.
        model: The model that the line names, if it does.
    """
    if value == "ID":
        return job_ids(typed)
    if value == "NAME":
        return [(name, one["summary"]) for name, one in known["models"].items()]
    name = model or os.environ.get("PRODIA_COMPOSE_MODEL", "").strip() or known["default_model"]
    chosen = next((one["values"] for one in known["models"].values() if name in one["names"]), {})
    if value == "KEY=V1,V2" and "=" in typed:
        given = typed[: max(typed.rfind("="), typed.rfind(",")) + 1]
        return [(given + one, about) for one, about in _varied(known, typed, chosen)]
    if value in known["values"]:
        listed = known["values"][value]
    elif "|" in value:
        listed = value.split("|")
    else:
        listed = chosen.get(value, [])
    return [(one, about) for one, _, about in (word.partition("\t") for word in listed)]


def _varied(
    known: Offers, typed: str, chosen: Mapping[str, Sequence[str]]
) -> Sequence[tuple[str, str]]:
    """Return what the setting that is typed may be varied by: models, or what one of them allows."""
    name = typed.partition("=")[0].replace("_", "-")
    if name == "model":
        return [(model, one["summary"]) for model, one in known["models"].items()]
    options = known["root"]["commands"]["compose"]["options"]
    values = [one["value"] for one in options if f"--{name}" in one["flags"]]
    return [(one, "") for one in chosen.get(str(*values), ())]


def job_ids(typed: str) -> list[tuple[str, str]]:
    """Return the ids of the latest jobs of the record that begin so, each with what it is."""
    from prodia_compose.record import home, ledger  # noqa: PLC0415 - for an id only

    is_sandbox = home.is_rehearsing(os.environ)
    with ledger.open_record(os.environ, create=False, patience_s=_PATIENCE_S) as record:
        latest = record.entries(limit=_JOBS_OFFERED, is_sandbox=is_sandbox)
    return [(one.id, _about(one)) for one in latest if one.id.startswith(typed.lower())]


def _about(job: "Entry") -> str:
    """Return what a job is, for those who choose among many: its prompt, too, cut."""
    from prodia_compose.progress import visible  # noqa: PLC0415 - for an id only

    prompt = " ".join(job.prompt.split())
    if len(prompt) > _LONGEST_PROMPT:
        prompt = f"{prompt[: _LONGEST_PROMPT - 1].rstrip()}…"
    when = f"{job.begun_at.astimezone():%Y-%m-%d %H:%M}"
    return visible(f"{job.state}, {job.model}, {when}: {prompt}")


def row_ids(
    typed: str, results: str | None, manifest: str | None, target: str, *, is_sandbox: bool
) -> list[tuple[str, str]]:
    """Return the ids of the rows of a batch that begin so, each with how it ended.

    They are read from the results that there are: no manifest is read.
    """
    import contextlib  # noqa: PLC0415 - for a row only
    import re  # noqa: PLC0415 - as above

    from prodia_compose import errors  # noqa: PLC0415 - as above
    from prodia_compose.pipeline.batch.results import names  # noqa: PLC0415 - as above

    line = re.compile(
        r'^\{"schema":"prodia-compose/row(?:-start)?@1","id":("(?:[^"\\]|\\.)*")(?!,"id_b64")'
        r'(?:,"row":[0-9]+,"status":"([a-z-]+)")?',
        re.MULTILINE,
    )
    path = results or names.default_path(manifest, target, is_sandbox=is_sandbox)
    statuses: dict[str, str] = {}
    with contextlib.suppress(errors.OutputError, OSError):  # where nobody may look
        for one in names.family(os.path.expanduser(path)):  # noqa: PTH111 - as typed
            with open(one, "rb") as file:  # noqa: PTH123 - as above
                file.seek(max(0, os.fstat(file.fileno()).st_size - _LATEST_BYTES))
                text = file.read().decode(errors="replace")
            statuses |= {json.loads(name[1]): name[2] or "unknown" for name in line.finditer(text)}
    known = [one for one in statuses.items() if one[0].startswith(typed) and one[0].isprintable()]
    return known[-_ROWS_OFFERED:]
