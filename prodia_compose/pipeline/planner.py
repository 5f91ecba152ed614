"""Everything that can be known before the first byte leaves.

`validate`, `compose -n` and `compose` all come through here, so what one shows is what
the other sends. All problems are told together, with one exception: while the command
line itself is wrong, no picture is opened and nothing is downloaded.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from prodia_compose import blob, errors
from prodia_compose.frozen import frozen
from prodia_compose.images import fit, workers
from prodia_compose.inputs.entries import Entry, Input, open_input
from prodia_compose.job import folder, pack
from prodia_compose.models import facts, framing, lookup, settings
from prodia_compose.models.facts import SettingValue
from prodia_compose.output import names, places
from prodia_compose.output.options import OutputFormat
from prodia_compose.pipeline import gather
from prodia_compose.pipeline.plan import Plan
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.progress import Reporter, Stop

# With more than this, what is wrong is the command line, and not one picture or another.
_MOST_PROBED = 100


@frozen
class Surroundings:
    """What the process was given from outside, and who watches it.

    Attributes:
        stdin: Standard input, or None where it is closed.
        token: The text of `PRODIA_TOKEN`, or None.
        reporter: Who is told of progress.
        download: Fetches a URL that was named as an input.
        memory: What pictures that are prepared at one time may take, whichever plan they are of.
        stop: Whether to end early.
    """

    stdin: BinaryIO | None
    token: str | None
    reporter: Reporter
    download: Callable[[str], blob.Blob]
    memory: workers.Budget
    stop: Stop


def make(request: ComposeRequest, surroundings: Surroundings, *, sending: bool) -> Plan:
    """Return the plan of a run: checks made, images prepared, job built.

    Args:
        request: What the user asks for.
        surroundings: Standard input, the token's text, and so on.
        sending: Whether the job is to be sent; if not, a missing token is a warning.
    """
    findings = errors.Findings()
    model = _model(request, findings)
    wishes = request.settings
    asked = (wishes.items(), wishes.extras, findings, wishes.called)
    config = {} if model is None else settings.check_settings(model, *asked)
    format_ = _format(request, findings)
    stdin = gather.owned_stdin(request, surroundings.stdin, findings)
    named, is_complete = gather.entries(request, stdin, findings)
    text = gather.prompt_text(request, model, named, stdin, findings)
    _prove_folder(request, named, findings)
    images = _images(request, model, named, surroundings, findings)
    if text is not None and is_complete and request.lint:
        findings.warnings += _slips(request, text, named)
    config = {**_framing(request, model, images, len(named), findings), **config}
    token, token_state = gather.token(
        request.delivery,
        surroundings.token,
        stdin,
        findings,
        sending=sending,
        sandbox=request.sandbox,
    )
    place = _place(request, format_, model, named, findings)
    estimate = _estimate(request, model, config, findings)
    if request.strict:
        findings.errors += [
            errors.InputError(f"{warned.message} (--strict)") for warned in findings.warnings
        ]
    is_whole = is_complete and len(images) == len(named)
    return Plan(
        request=request,
        model=model,
        prompt=text,
        images=images,
        format=format_,
        place=place,
        token=token,
        token_state=token_state,
        estimate=estimate,
        packed=pack.pack(model, text, config, images if is_whole else ()),
        warnings=tuple(findings.warnings),
        errors=tuple(findings.errors),
    )


def _model(request: ComposeRequest, findings: errors.Findings) -> facts.Model | None:
    with findings.collecting():
        called = request.called("--model")
        model = lookup.find(request.model, flag=f"{called} ")
        if not model.listed:
            message = (
                f"{called} {request.model}: not in the catalogue, its limits are unknown; "
                f"at most {model.max_images.value:g} images and our own caps apply"
            )
            findings.warn("unknown-model", message)
        return model
    return None


def _format(request: ComposeRequest, findings: errors.Findings) -> OutputFormat:
    with findings.collecting():
        return names.asked_format(request.placement)
    return "jpg"


def _images(
    request: ComposeRequest,
    model: facts.Model | None,
    named: Sequence[Entry],
    surroundings: Surroundings,
    findings: errors.Findings,
) -> tuple[fit.FittedImage, ...]:
    if model is None:
        return ()
    is_too_many = True
    with findings.collecting():
        lookup.check_count(model, len(named), findings)
        is_too_many = False
    if findings.has_usage_error:
        return ()  # the command line has to change; no download and no decoding for that

    def opening(entry: Entry, position: int) -> Input:
        return open_input(entry, position, stdin=surroundings.stdin, download=surroundings.download)

    return fit.fit(
        named[:_MOST_PROBED],
        model,
        request.fitting,
        opening,
        reporter=surroundings.reporter,
        findings=findings,
        budget=None if is_too_many else surroundings.memory,
        stop=surroundings.stop,
    )


def _slips(request: ComposeRequest, text: str, named: Sequence[Entry]) -> Iterator[errors.Warned]:
    """Return the slips in a prompt."""
    from prodia_compose.prompt import lints  # noqa: PLC0415 - 8 ms for its patterns

    return lints.check(text, named, request.selection, gather.prompt_flag(request))


def _framing(
    request: ComposeRequest,
    model: facts.Model | None,
    images: Sequence[fit.FittedImage],
    count: int,
    findings: errors.Findings,
) -> dict[str, SettingValue]:
    """Return the settings that `--match` stands for."""
    position, called = request.settings.match, request.called("--match")
    if position is None or model is None:
        return {}
    with findings.collecting():
        if position > count > 0:
            there = "is only 1 image" if count == 1 else f"are only {count} images"
            raise errors.UsageError(f"{called} {position}: there {there}")
        for image in images:
            if image.source.position == position:
                framed = framing.like(model, image.info.width, image.info.height, called=called)
                return settings.check_settings(model, framed.items(), (), findings)
    return {}


def _place(
    request: ComposeRequest,
    format_: OutputFormat,
    model: facts.Model | None,
    named: Sequence[Entry],
    findings: errors.Findings,
) -> places.Place | None:
    stems = [entry.stem or "image" for entry in named]
    path = names.expand(
        request.placement.target,
        {
            "stem": stems[-1] if stems else "image",
            "first": stems[0] if stems else "image",
            "model": model.short_name if model else "",
            "date": time.strftime("%Y-%m-%d"),
            "time": time.strftime("%H%M%S"),
            "n": str(len(named)),
            "ext": format_,
        },
    )
    with findings.collecting():
        return places.prove(
            path,
            if_exists=request.placement.policy,
            create_dirs=request.placement.create_dirs,
            inputs=_files(named),
            called=request.called("-o"),
        )
    return None


def _prove_folder(
    request: ComposeRequest, named: Sequence[Entry], findings: errors.Findings
) -> None:
    """Check that the request can be written down where `--save-request` wants it."""
    if request.save_to is not None:
        with findings.collecting():
            folder.prove(
                request.save_to,
                over=request.placement.force,
                create_dirs=request.placement.create_dirs,
                inputs=_files(named),
                called=request.called("--save-request"),
            )


def _files(named: Sequence[Entry]) -> list[tuple[str, Path]]:
    """Return the inputs that are files: as typed, and where they are."""
    return [
        (entry.path, Path(entry.path)) for entry in named if not entry.is_stdin and not entry.is_url
    ]


def _estimate(
    request: ComposeRequest,
    model: facts.Model | None,
    config: dict[str, SettingValue],
    findings: errors.Findings,
) -> facts.Estimate:
    if model is None:
        return facts.Estimate()
    resolution = config.get("resolution")
    estimate = model.estimate(resolution if isinstance(resolution, str) else None)
    limit, most = request.max_cost_usd, estimate.maximum_usd
    called = request.called("--max-cost")
    if limit is not None and most is None:
        message = f"{called} {limit:g}: the price of {model.short_name} is unknown; nothing sent"
        findings.add(errors.CostError(message))
    elif limit is not None and most is not None and most > limit:
        message = f"{called} {limit:g}: a job may cost ${most:g}; nothing sent"
        findings.add(errors.CostError(message))
    return estimate
