"""Where rows come from: the lines of a manifest, the entries of a list, or models to compare."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.inputs import files
from prodia_compose.inputs.entries import begins_a_picture
from prodia_compose.pipeline.batch.options import BatchOptions
from prodia_compose.pipeline.batch.rows import cells, each, manifest
from prodia_compose.pipeline.batch.rows.cells import Cells
from prodia_compose.pipeline.batch.rows.compared import CompareOptions
from prodia_compose.pipeline.batch.rows.row import Problem


@frozen
class Source:
    """What one row is made of.

    Attributes:
        line: Where it begins in the manifest, or its entry's number, from 1.
        cells: What it says itself; its paths are from the working directory, but for `output`.
        each: What `{each}` stands for in `-o`, and in the prompt; None in a manifest.
        folder: Where the entry's pictures lie, links followed; None for an address.
        errors: What is wrong with it.
    """

    line: int
    cells: Cells
    each: tuple[str, str] | None = None
    folder: str | None = None
    errors: "tuple[errors.ComposeError, ...]" = ()  # the default would hide the module


def read(
    options: BatchOptions, stdin: BinaryIO | None, problems: list[Problem]
) -> Iterator[Source]:
    """Yield what rows are made of; what is wrong with the whole goes to the problems.

    Raises:
        errors.InputError: The manifest or the list cannot be read.
        errors.UsageError: It is not known what the manifest is.
    """
    name = options.manifest
    if isinstance(options, CompareOptions):
        for number, model in enumerate(options.compared, 1):
            yield Source(line=number, cells=Cells(id=model, values={"model": model}))
        return
    if name is None:
        for entry in each.named(options, stdin):
            yield Source(
                line=entry.number,
                cells=Cells(id=entry.id, images=tuple((None, path) for path in entry.paths)),
                each=(entry.name, entry.spoken),
                folder=entry.folder,
                errors=() if entry.error is None else (entry.error,),
            )
        return
    try:
        data = files.read_text(name, "MANIFEST", stdin)
    except errors.InputError as exc:
        words = exc.words.removeprefix("MANIFEST ")
        raise errors.InputError(words, *exc.hints, path=name) from exc
    if begins_a_picture(data[:16]):
        cure = "name a manifest before the pictures, or a list with --each LIST"
        raise errors.InputError(f"{name}: is a picture, not a manifest", cure, path=name)
    format_ = manifest.format_of(name, options.manifest_format)
    for written in manifest.rows(data, name, format_, problems):
        findings = errors.Findings(written.errors)
        found = cells.read(written, findings)
        yield Source(line=written.line, cells=found, errors=tuple(findings.errors))


def folder_of(options: BatchOptions) -> str:
    """Return the folder that a manifest's paths are from; "" for the working directory."""
    name = options.manifest
    if name is None or name == "-" or files.is_descriptor(name):
        return ""
    return os.path.dirname(name)  # noqa: PTH120 - as typed
