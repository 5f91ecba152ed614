"""Where the picture goes: the request's template filled in, and the place it names."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from prodia_compose import errors
from prodia_compose.inputs.entries import Entry, files_of
from prodia_compose.models.facts import Model
from prodia_compose.output import names, places, sidecar
from prodia_compose.output.options import OutputFormat
from prodia_compose.pipeline import twins
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.record.entries import Entry as JobEntry


def path(
    request: ComposeRequest,
    model: Model | None,
    format_: OutputFormat,
    named: Sequence[Entry],
    findings: errors.Findings,
) -> str | None:
    """Return the path that is asked for, its fields filled in; None if one cannot be."""
    stems = [entry.stem for entry in named] or [""]
    seed = dict(request.settings.extras).get("seed", request.settings.seed)
    fields = {
        "stem": stems[-1] or "image",
        "first": stems[0] or "image",
        "model": model.short_name if model else request.model,
        "date": time.strftime("%Y-%m-%d"),
        "time": time.strftime("%H%M%S"),
        "n": str(len(named)),
        "ext": format_,
        "seed": None if seed is None else str(seed),
        **{name: text or None for name, text in request.fields},
    }
    with findings.collecting():
        return names.expand(request.placement.target, fields, request.called("-o"))
    return None


def left(
    request: ComposeRequest, path: str | None, named: Sequence[Entry], findings: errors.Findings
) -> places.Place | None:
    """Return the place if it is taken and to be left alone: then no picture is looked at.

    A command line that is wrong is told all the same, and a request is written down that is to be.
    """
    if request.placement.policy != "skip" or request.save_to is not None or findings.errors:
        return None
    place = proved(request, path, named, errors.Findings())
    return place if place is not None and place.skipped else None


def taken(
    request: ComposeRequest,
    path: str,
    named: Sequence[Entry],
    made: JobEntry,
    findings: errors.Findings,
) -> places.Place | None:
    """Return the place of an earlier picture: where that lies already, as it is wanted, or proved."""
    is_it = partial(twins.lies, made.outputs[0].sha256)
    there = places.standing(path, request.placement.policy, is_it)
    return there or proved(request, path, named, findings)


def proved(
    request: ComposeRequest,
    path: str | None,
    named: Sequence[Entry],
    findings: errors.Findings,
    proven: set[Path] | None = None,
) -> places.Place | None:
    """Return the place, proved; that it is taken is found only where nothing else is wrong.

    Nothing that the run reads is written over: its pictures, and its texts neither. `proven` is
    as for `places.prove`.
    """
    if path is None or names.is_unexpanded(request.placement.target):
        return None  # `names.asked_format` tells of the second
    texts = (*request.selection.lists, request.prompt_file, request.delivery.token_file)
    inputs = [*files_of(named), *((text, Path(text)) for text in texts if text not in (None, "-"))]
    known = errors.Findings()
    with known.collecting():
        place = places.prove(
            path,
            if_exists=request.placement.policy,
            create_dirs=request.placement.create_dirs,
            inputs=inputs,
            called=request.called("-o"),
            proven=proven,
            has_sidecar=request.placement.sidecar,
        )
        if request.placement.sidecar:
            sidecar.prove(place, inputs, request.called("--sidecar"), proven)
        return place
    if not (findings.errors and isinstance(known.errors[0], places.TakenError)):
        findings.errors += known.errors
    return None
