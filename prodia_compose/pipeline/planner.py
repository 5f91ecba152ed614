"""Everything that can be known before the first byte leaves.

`validate`, `compose -n` and `compose` all come through here, so what one shows is what
the other sends. All problems are told together, with one exception: while the command
line itself is wrong, no picture is opened and nothing is downloaded.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from prodia_compose import blob, errors
from prodia_compose.client.options import TokenState
from prodia_compose.frozen import frozen
from prodia_compose.images import fit, workers
from prodia_compose.inputs.entries import (
    Entry,
    Input,
    files_of,
    gather,
    open_input,
    position_of,
)
from prodia_compose.job import folder, key, pack
from prodia_compose.models import facts, framing, lookup, settings
from prodia_compose.models.facts import SettingValue
from prodia_compose.output import names
from prodia_compose.output.options import OutputFormat
from prodia_compose.pipeline import destination, reuse
from prodia_compose.pipeline.plan import Plan
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.progress import Reporter, Stop
from prodia_compose.prompt import template

if TYPE_CHECKING:  # for an annotation; a plan must not load sqlite3
    from prodia_compose.record.ledger import Ledger

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
        record: Opens the record, where earlier pictures may be taken from it.
        warnings: What is odd about the surroundings.
    """

    stdin: BinaryIO | None
    token: str | None
    reporter: Reporter
    download: Callable[[str], blob.Blob]
    memory: workers.Budget
    stop: Stop
    record: "Callable[[], AbstractContextManager[Ledger]] | None" = None
    warnings: tuple[errors.Warned, ...] = ()


def make(request: ComposeRequest, surroundings: Surroundings, *, sending: bool) -> Plan:
    """Return the plan of a run: checks made, images prepared, job built.

    Args:
        request: What the user asks for.
        surroundings: Standard input, the token's text, and so on.
        sending: Whether the job is to be sent; if not, a missing token is a warning.
    """
    findings, called = errors.Findings(), request.called
    findings.warnings += surroundings.warnings
    model = lookup.choose(request.model, called("--model"), findings)
    given = _config(request, model, findings)
    format_: OutputFormat = "jpg"
    with findings.collecting():
        format_ = names.asked_format(request.placement)
    stdin = _owned_stdin(request, surroundings.stdin, findings)
    named, is_complete = gather(request.selection, stdin, findings)
    path = destination.path(request, model, format_, named, findings)
    typed = (request.prompt, request.prompt_file)
    text, named = template.read(*typed, named, model, stdin, findings)
    position = _position(request, named if is_complete else (), findings)
    sketch = Plan(request=request, model=model, prompt=text, format=format_)
    place = destination.left(request, path if is_complete else None, named, findings)
    if place is not None:
        return replace(sketch, place=place, token_state=_token_state(request, surroundings))
    asked = _asked(request, model, text, given, position, format_)
    found = _found(request, asked, named if is_complete else (), surroundings, findings)
    if found.made is not None and path is not None:
        place = destination.taken(request, path, named, found.made, findings)
        return _reused(replace(sketch, place=place), found, surroundings, findings)
    with findings.collecting():
        if request.save_to is not None:
            inputs = files_of(named)
            folder.prove(request.save_to, request.placement, inputs, called("--save-request"))
    images = _images(request, model, named, found.opened, surroundings, findings)
    if text is not None and is_complete:
        _lint(request, text, named, findings)
    config = {**_framing(request, model, position, images, len(named), findings), **given}
    known = (surroundings.token, stdin, findings)
    token, state = request.delivery.token(*known, sending=sending, sandbox=request.sandbox)
    limit = (request.max_cost_usd, findings, called("--max-cost"))
    estimate = lookup.estimate(model, config, *limit) if model else facts.Estimate()
    if request.strict:
        findings.errors += map(_as_error, findings.warnings)
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
        request_key=_key(asked, images) if is_whole else None,
    )


def _asked(
    request: ComposeRequest,
    model: facts.Model | None,
    text: str | None,
    given: Mapping[str, SettingValue],
    position: int | None,
    format_: OutputFormat,
) -> key.Asked | None:
    """Return what is asked for, but for the inputs; None if that is not settled."""
    if model is None or text is None:
        return None
    return key.Asked(
        job_type=model.job_type,
        prompt=text,
        settings=given,
        match=position,
        fitting=request.fitting,
        format=format_,
    )


def _key(asked: key.Asked | None, images: Sequence[fit.FittedImage]) -> str | None:
    """Return the request key; None unless it is known what is in all images."""
    sources = [image.source.key for image in images]
    known = [source for source in sources if source is not None]
    return asked.key(known) if asked and len(known) == len(sources) else None


def _found(
    request: ComposeRequest,
    asked: key.Asked | None,
    named: Sequence[Entry],
    surroundings: Surroundings,
    findings: errors.Findings,
) -> reuse.Found:
    """Return the earlier picture that may be taken, if there is one and nothing is wrong."""
    is_wished = request.if_made == "reuse" and request.save_to is None and not findings.errors
    if surroundings.record is None or asked is None or not named or not is_wished:
        return reuse.Found()
    with surroundings.record() as record:
        return reuse.find(asked, request.delivery.host, named, surroundings.stdin, record)


def _reused(
    sketch: Plan, found: reuse.Found, surroundings: Surroundings, findings: errors.Findings
) -> Plan:
    """Return the plan of a run that sends nothing, as an earlier one made its picture."""
    return replace(
        sketch,
        token_state=_token_state(sketch.request, surroundings),
        estimate=facts.Estimate(minimum_usd=0, maximum_usd=0),
        warnings=tuple(findings.warnings),
        errors=tuple(findings.errors),
        request_key=found.key,
        made=found.made,
    )


def _token_state(request: ComposeRequest, surroundings: Surroundings) -> TokenState:
    """Return how it stands with the token where nothing is sent, so that none is missed."""
    unsent = errors.Findings()
    known = (surroundings.token, None, unsent)
    return request.delivery.token(*known, sending=False, sandbox=request.sandbox)[1]


def _lint(
    request: ComposeRequest, text: str, named: Sequence[Entry], findings: errors.Findings
) -> None:
    """Look the prompt over for slips."""
    if request.lint:
        from prodia_compose.prompt import lints  # noqa: PLC0415 - its patterns take time

        flag = template.flag_of(request.prompt_file)
        findings.warnings += lints.check(text, named, request.selection, flag)


def _as_error(warned: errors.Warned) -> errors.ComposeError:
    """Return a warning as the error that it is under `--strict`."""
    kind = errors.AuthError if warned.code == "no-token" else errors.InputError
    return kind(f"{warned.message} (--strict)")


def _config(
    request: ComposeRequest, model: facts.Model | None, findings: errors.Findings
) -> dict[str, SettingValue]:
    """Return the settings as they were given."""
    wishes = request.settings
    if model is None:
        return {}
    return settings.check_settings(model, wishes.items(), wishes.extras, findings, wishes.called)


def _position(
    request: ComposeRequest, named: Sequence[Entry], findings: errors.Findings
) -> int | None:
    """Return the position of the image that `--match` names, from 1."""
    which = request.settings.match
    with findings.collecting():
        if which is not None and named:
            return position_of(which, named, request.called("--match"))
    return None


def _framing(
    request: ComposeRequest,
    model: facts.Model | None,
    position: int | None,
    images: Sequence[fit.FittedImage],
    count: int,
    findings: errors.Findings,
) -> dict[str, SettingValue]:
    """Return the settings that `--match` stands for."""
    if position is None or model is None:
        return {}
    sizes = {one.source.position: (one.info.width, one.info.height) for one in images}
    return framing.match(model, position, sizes, count, findings, request.called("--match"))


def _owned_stdin(
    request: ComposeRequest, stdin: BinaryIO | None, findings: errors.Findings
) -> BinaryIO | None:
    """Return standard input, unless more than one thing asks for it."""
    called, labelled = request.called("--token-file"), request.selection.labelled
    claims = [
        *("the operand -" for path in request.selection.operands if path == "-"),
        *(f"-i {f'{label}=' if label else ''}-" for label, path in labelled if path == "-"),
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
    opened: Mapping[int, Input],
    surroundings: Surroundings,
    findings: errors.Findings,
) -> tuple[fit.FittedImage, ...]:
    """Return the images that could be read, prepared if something can come of it.

    Some may be open already, by position.
    """
    if model is None:
        return ()
    budget = None
    with findings.collecting():
        lookup.check_count(model, len(named), findings)
        budget = surroundings.memory
    if findings.has_usage_error:
        return ()  # the command line has to change; no download and no decoding for that

    def opening(entry: Entry, position: int) -> Input:
        return opened.get(position) or open_input(
            entry, position, stdin=surroundings.stdin, download=surroundings.download
        )

    return fit.fit(
        named[:_MOST_PROBED],
        model,
        request.fitting,
        opening,
        reporter=surroundings.reporter,
        findings=findings,
        budget=budget,
        stop=surroundings.stop,
    )
