"""Everything that can be known before the first byte leaves.

`validate`, `compose -n` and `compose` all come through here, so what one shows is what
the other sends. All problems are told together, with one exception: while the command
line itself is wrong, no picture is opened and nothing is downloaded.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import BinaryIO

from prodia_compose import blob, errors
from prodia_compose.frozen import frozen
from prodia_compose.images import fit, workers
from prodia_compose.inputs.entries import Entry, files_of, gather, open_input
from prodia_compose.job import folder, pack
from prodia_compose.models import facts, framing, lookup, settings
from prodia_compose.models.facts import SettingValue
from prodia_compose.output import names
from prodia_compose.output.options import OutputFormat
from prodia_compose.pipeline import destination
from prodia_compose.pipeline.plan import Plan
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.progress import Reporter, Stop
from prodia_compose.prompt import template

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
    findings, called = errors.Findings(), request.called
    model = lookup.choose(request.model, called("--model"), findings)
    config = _config(request, model, findings)
    format_: OutputFormat = "jpg"
    with findings.collecting():
        format_ = names.asked_format(request.placement)
    stdin = _owned_stdin(request, surroundings.stdin, findings)
    named, is_complete = gather(request.selection, stdin, findings)
    path = destination.path(request, model, format_, named, findings)
    text = template.read(request.prompt, request.prompt_file, named, model, stdin, findings)
    sketch = Plan(request=request, model=model, prompt=text, format=format_)
    place = destination.left(request, path if is_complete else None, named, findings)
    if place is not None:
        unsent = errors.Findings()  # nothing will be sent, so nothing is missing for that
        known = (surroundings.token, stdin, unsent)
        _, state = request.delivery.token(*known, sending=False, sandbox=request.sandbox)
        return replace(sketch, place=place, token_state=state)
    with findings.collecting():
        if request.save_to is not None:
            inputs = files_of(named)
            folder.prove(request.save_to, request.placement, inputs, called("--save-request"))
    images = _images(request, model, named, surroundings, findings)
    if text is not None and is_complete and request.lint:
        from prodia_compose.prompt import lints  # noqa: PLC0415 - its patterns take time

        flag = template.flag_of(request.prompt_file)
        findings.warnings += lints.check(text, named, request.selection, flag)
    config = {**_framing(request, model, images, len(named), findings), **config}
    known = (surroundings.token, stdin, findings)
    token, state = request.delivery.token(*known, sending=sending, sandbox=request.sandbox)
    limit = (request.max_cost_usd, findings, called("--max-cost"))
    estimate = lookup.estimate(model, config, *limit) if model else facts.Estimate()
    if request.strict:
        findings.errors += [
            errors.InputError(f"{warned.message} (--strict)") for warned in findings.warnings
        ]
    place = destination.proved(request, path, named, findings)
    is_whole = is_complete and len(images) == len(named)
    return replace(
        sketch,
        images=images,
        place=place,
        token=token,
        token_state=state,
        estimate=estimate,
        packed=pack.pack(model, text, config, images if is_whole else ()),
        warnings=tuple(findings.warnings),
        errors=tuple(findings.errors),
    )


def _config(
    request: ComposeRequest, model: facts.Model | None, findings: errors.Findings
) -> dict[str, SettingValue]:
    """Return the settings as they were given."""
    wishes = request.settings
    if model is None:
        return {}
    return settings.check_settings(model, wishes.items(), wishes.extras, findings, wishes.called)


def _framing(
    request: ComposeRequest,
    model: facts.Model | None,
    images: Sequence[fit.FittedImage],
    count: int,
    findings: errors.Findings,
) -> dict[str, SettingValue]:
    """Return the settings that `--match` stands for."""
    position = request.settings.match
    if position is None or model is None:
        return {}
    sizes = {one.source.position: (one.info.width, one.info.height) for one in images}
    return framing.match(model, position, sizes, count, findings, request.called("--match"))


def _owned_stdin(
    request: ComposeRequest, stdin: BinaryIO | None, findings: errors.Findings
) -> BinaryIO | None:
    """Return standard input, unless more than one thing asks for it."""
    called = request.called("--token-file")
    claims = [
        *("the operand -" for path in request.selection.operands if path == "-"),
        *(f"-i {label}=-" for label, path in request.selection.labelled if path == "-"),
        *("-T -" for path in request.selection.lists if path == "-"),
        *("--prompt-file -" for path in [request.prompt_file] if path == "-"),
        *(f"{called} -" for path in [request.delivery.token_file] if path == "-"),
    ]
    if len(claims) < 2:
        return stdin
    message = f"{claims[0]} and {claims[1]} both read standard input; only one can"
    findings.add(errors.UsageError(message))
    return None


def _images(
    request: ComposeRequest,
    model: facts.Model | None,
    named: Sequence[Entry],
    surroundings: Surroundings,
    findings: errors.Findings,
) -> tuple[fit.FittedImage, ...]:
    """Return the images that could be read, prepared if something can come of it."""
    if model is None:
        return ()
    budget = None
    with findings.collecting():
        lookup.check_count(model, len(named), findings)
        budget = surroundings.memory
    if findings.has_usage_error:
        return ()  # the command line has to change; no download and no decoding for that
    return fit.fit(
        named[:_MOST_PROBED],
        model,
        request.fitting,
        partial(open_input, stdin=surroundings.stdin, download=surroundings.download),
        reporter=surroundings.reporter,
        findings=findings,
        budget=budget,
        stop=surroundings.stop,
    )
