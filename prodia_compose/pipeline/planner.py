"""Everything that can be known before the first byte leaves.

`validate`, `compose -n` and `compose` all come through here, so what one shows is what
the other sends. All problems are told together, with one exception: while the command
line itself is wrong, no picture is opened and nothing is downloaded.
"""

import functools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from prodia_compose import errors
from prodia_compose.client.options import TokenState
from prodia_compose.frozen import frozen
from prodia_compose.images import fit
from prodia_compose.inputs import blob
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
from prodia_compose.pipeline.again import sources
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
        means: What pictures are prepared with, whichever plan they are of.
        stop: Whether to end early.
        proven: The folders that were found to take a picture a moment ago; None to look anew.
        record: Opens the record, where earlier pictures may be taken from it.
        warnings: What is odd about the surroundings.
    """

    stdin: BinaryIO | None
    token: str | None
    reporter: Reporter
    download: Callable[[str], blob.Blob]
    means: fit.Means
    stop: Stop
    proven: set[Path] | None = None
    record: "Callable[[], AbstractContextManager[Ledger]] | None" = None
    warnings: tuple[errors.Warned, ...] = ()


@frozen
class Draft:
    """What a request says by itself, before a picture is opened.

    Attributes:
        given: The settings, as they were given.
        format: The format that is asked for.
        named: The images, in order; all of them if `is_complete`.
        path: Where the picture goes, if that can be told.
        text: The final prompt, if it can be sent.
        position: That of the image which the result is framed like, from 1.
        asked: What is asked for, but for what is in the images; None if that is not settled.
    """

    given: Mapping[str, SettingValue]
    format: OutputFormat
    named: tuple[Entry, ...]
    is_complete: bool
    path: str | None
    text: str | None
    position: int | None
    asked: key.Asked | None


def make(
    request: ComposeRequest, surroundings: Surroundings, *, sending: bool, decoding: bool = True
) -> Plan:
    """Return the plan of a run: checks made, images prepared, job built.

    Args:
        request: What the user asks for.
        surroundings: Standard input, the token's text, and so on.
        sending: Whether the job is to be sent; if not, a missing token is a warning.
        decoding: Whether the images are prepared; else the plan goes as far as their headers
            tell, there is no job, and what is to be downloaded is left for later.
    """
    return Planner(request, surroundings).plan(sending=sending, decoding=decoding)


class Planner:
    """One plan in the making; whatever is wrong goes to its findings."""

    def __init__(self, request: ComposeRequest, surroundings: Surroundings) -> None:
        self._request = request
        self._surroundings = surroundings
        self._open = partial(open_input, stdin=surroundings.stdin, download=surroundings.download)
        self._findings = errors.Findings()
        self._findings.warnings += surroundings.warnings
        self._model = lookup.choose(request.model, request.called("--model"), self._findings)
        self._stdin = self._owned_stdin()
        with suppress(OSError):
            # Looked for later, when all files that may be open are, it would be said to be missing.
            tempfile.gettempdir()

    @functools.cached_property
    def said(self) -> Draft:
        """What the request says by itself; what is wrong with it, `plan` tells."""
        request, model, findings = self._request, self._model, self._findings
        given = self._config()
        format_: OutputFormat = "jpg"
        with findings.collecting():
            format_ = names.asked_format(request.placement)
        named, is_complete = gather(request.selection, self._stdin, findings)
        path = destination.path(request, model, format_, named, findings)
        typed = (request.prompt, request.prompt_file)
        texts = dict(request.texts) if request.is_template or request.texts else None
        text, named = template.read(*typed, named, model, self._stdin, findings, texts)
        position = self._position(named) if is_complete else None
        return Draft(
            given=given,
            format=format_,
            named=named,
            is_complete=is_complete,
            path=path,
            text=text,
            position=position,
            asked=self._asked(text, given, position, format_),
        )

    def plan(self, *, sending: bool, decoding: bool) -> Plan:
        """Return the plan, as `make` does; once."""
        request, model, findings = self._request, self._model, self._findings
        said = self.said
        named, path, text = said.named, said.path, said.text
        sketch = Plan(
            request=request, model=model, prompt=text, format=said.format, match=said.position
        )
        place = destination.left(request, path if said.is_complete else None, named, findings)
        if place is not None:
            return replace(sketch, place=place, token_state=self._token_state())
        earlier = self._found(said.asked, named) if said.is_complete else reuse.Found()
        if earlier.made is not None and path is not None:
            place = destination.taken(request, path, named, earlier.made, findings)
            read = sources.known(named, earlier.opened.values())
            return self._reused(replace(sketch, place=place, sources=read), earlier)
        with findings.collecting():
            if request.save_to is not None:
                flag = request.called("--save-request")
                folder.prove(request.save_to, request.placement, files_of(named), flag)
        before = len(findings.errors)
        images = self._images(named, earlier.opened, decoding=decoding)
        is_list_right = said.is_complete and len(findings.errors) == before
        if text is not None and is_list_right:  # else positions are not what they will be
            self._lint(text, named)
        self._findings.warnings += sources.changed(one.source for one in images)
        config = {**self._framing(said.position, images, len(named)), **said.given}
        known = (self._surroundings.token, self._stdin, findings)
        token, state = request.delivery.token(*known, sending=sending, sandbox=request.sandbox)
        estimate = self._estimate(config)
        if request.strict:
            findings.errors += map(_as_error, findings.warnings)
        place = destination.proved(request, path, named, findings, self._surroundings.proven)
        is_whole = said.is_complete and len(images) == len(named)
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
            request_key=_key(said.asked, images) if is_whole else None,
            sources=sources.known(named, (one.source for one in images))
            if said.is_complete
            else (),
        )

    def _asked(
        self,
        text: str | None,
        given: Mapping[str, SettingValue],
        position: int | None,
        format_: OutputFormat,
    ) -> key.Asked | None:
        """Return what is asked for, but for the inputs; None if that is not settled."""
        if self._model is None or text is None:
            return None
        return key.Asked(
            job_type=self._model.job_type,
            prompt=text,
            settings=given,
            match=position,
            fitting=self._request.fitting,
            format=format_,
        )

    def _found(self, asked: key.Asked | None, named: Sequence[Entry]) -> reuse.Found:
        """Return the earlier picture that may be taken, if there is one and nothing is wrong."""
        request, around = self._request, self._surroundings
        is_wished = request.if_made == "reuse" and request.save_to is None
        if around.record is None or asked is None or not is_wished or self._findings.errors:
            return reuse.Found()
        with around.record() as record:
            return reuse.find(asked, request.delivery.host, named, self._open, record)

    def _reused(self, sketch: Plan, earlier: reuse.Found) -> Plan:
        """Return the plan of a run that sends nothing, as an earlier one made its picture."""
        return replace(
            sketch,
            token_state=self._token_state(),
            estimate=facts.Estimate(minimum_usd=0, maximum_usd=0),
            warnings=tuple(self._findings.warnings),
            errors=tuple(self._findings.errors),
            request_key=earlier.key,
            made=earlier.made,
        )

    def _token_state(self) -> TokenState:
        """Return how it stands with the token where nothing is sent, so that none is missed."""
        known = (self._surroundings.token, None, errors.Findings())
        sandbox = self._request.sandbox
        return self._request.delivery.token(*known, sending=False, sandbox=sandbox)[1]

    def _estimate(self, config: Mapping[str, SettingValue]) -> facts.Estimate:
        """Return what the job may cost, if there is a model."""
        if self._model is None:
            return facts.Estimate()
        request, flag = self._request, self._request.called("--max-cost")
        known = (request.assume_price_usd, request.max_cost_usd, self._findings, flag)
        return lookup.estimate(self._model, config, *known)

    def _lint(self, text: str, named: Sequence[Entry]) -> None:
        """Look the prompt over for slips."""
        request = self._request
        if request.lint:
            from prodia_compose.prompt import lints  # noqa: PLC0415 - its patterns take time

            flag = template.flag_of(request.prompt_file)
            is_template = request.is_template or bool(request.texts)
            self._findings.warnings += lints.check(
                text, named, request.selection, flag, is_template=is_template
            )

    def _config(self) -> dict[str, SettingValue]:
        """Return the settings as they were given."""
        wishes = self._request.settings
        if self._model is None:
            return {}
        known = (wishes.items(), wishes.extras, self._findings, wishes.called)
        return settings.check_settings(self._model, *known, self._request.origin)

    def _position(self, named: Sequence[Entry]) -> int | None:
        """Return the position of the image that `--match` names, from 1."""
        which = self._request.settings.match
        with self._findings.collecting():
            if which is not None and named:
                return position_of(which, named, self._request.called("--match"))
        return None

    def _framing(
        self, position: int | None, images: Sequence[fit.FittedImage], count: int
    ) -> dict[str, SettingValue]:
        """Return the settings that `--match` stands for."""
        if position is None or self._model is None:
            return {}
        sizes = {one.source.position: (one.info.width, one.info.height) for one in images}
        flag = self._request.called("--match")
        return framing.match(self._model, position, sizes, count, self._findings, flag)

    def _owned_stdin(self) -> BinaryIO | None:
        """Return standard input, unless more than one thing asks for it."""
        claims = self._request.claims_on_stdin
        if len(claims) < 2:
            return self._surroundings.stdin
        message = f"{claims[0]} and {claims[1]} both read standard input"
        self._findings.add(errors.UsageError(message, "only one can"))
        return None

    def _images(
        self, named: Sequence[Entry], opened: Mapping[int, Input], *, decoding: bool
    ) -> tuple[fit.FittedImage, ...]:
        """Return the images that could be read, prepared if something can come of it.

        Some may be open already, by position.
        """
        around = self._surroundings
        if self._model is None:
            return ()
        means = None
        with self._findings.collecting():
            lookup.check_count(self._model, len(named), self._findings)
            means = around.means if decoding else None
        if self._findings.has_usage_error:
            return ()  # the command line has to change; no download and no decoding for that

        def opening(entry: Entry, position: int) -> Input | None:
            if entry.is_url and not decoding:
                return None
            return opened.get(position) or self._open(entry, position)

        return fit.fit(
            named[:_MOST_PROBED],
            self._model,
            self._request.fitting,
            opening,
            reporter=around.reporter,
            findings=self._findings,
            means=means,
            stop=around.stop,
        )


def _key(asked: key.Asked | None, images: Sequence[fit.FittedImage]) -> str | None:
    """Return the request key; None unless it is known what is in all images."""
    sources = [image.source.key for image in images]
    known = [source for source in sources if source is not None]
    return asked.key(known) if asked and len(known) == len(sources) else None


def _as_error(warned: errors.Warned) -> errors.ComposeError:
    """Return a warning as the error that it is under `--strict`."""
    kind = errors.AuthError if warned.code == "no-token" else errors.InputError
    return kind(f"{warned.words} (--strict)", *warned.hints)
