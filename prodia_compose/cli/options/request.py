"""The options as typed, turned into the request they ask for."""

import os
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import urlsplit

from prodia_compose import errors
from prodia_compose.cli.options.declared import ComposeOptions, FetchOptions
from prodia_compose.client.options import Delivery
from prodia_compose.client.service import Service, is_loopback, normalise_base_url
from prodia_compose.images.options import Fitting
from prodia_compose.inputs.options import Selection
from prodia_compose.models import settings
from prodia_compose.models.facts import SettingValue
from prodia_compose.output.options import Placement
from prodia_compose.pipeline import gather
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.prompt import template

_SETTINGS = (
    "aspect_ratio",
    "width",
    "height",
    "steps",
    "guidance",
    "seed",
    "resolution",
    "safety_tolerance",
)
"""The options that are config fields, in the order they are sent."""


def to_request(options: ComposeOptions) -> ComposeRequest:
    """Return the request that the options ask for.

    Raises:
        errors.UsageError: Two options contradict each other, or one cannot be parsed;
            `errors.ProblemsError` if that is so of several.
    """
    findings = errors.Findings()
    labelled: list[tuple[str, str]] = []
    for argument in options.labelled or ():
        with findings.collecting():
            labelled.append(_labelled(argument))
    extras: list[tuple[str, SettingValue]] = []
    for argument in options.set_ or ():
        with findings.collecting():
            extras.append(settings.parse_set(_text(argument)))
    background = Fitting().background
    with findings.collecting():
        background = _colour(options.background)
    base_url = options.base_url
    with findings.collecting():
        base_url = normalise_base_url(options.base_url)
    with findings.collecting():
        refuse_conflicts(options)
    findings.errors += _misuses(options)
    findings.raise_if_any()
    overruled = _overruled(options, [name for name, _ in extras])
    return ComposeRequest(
        selection=_selection(options, labelled),
        prompt=_text(options.prompt[0]) if options.prompt else None,
        prompt_file=options.prompt_file[0] if options.prompt_file else None,
        model=options.model,
        settings=tuple(
            (name, value)
            for name in _SETTINGS
            if (value := getattr(options, name)) is not None and name not in overruled
        ),
        extras=tuple(extras),
        match=None if "match" in overruled else options.match,
        fitting=_fitting(options, background),
        placement=_placement(options),
        delivery=_delivery(options, base_url),
        token_file=options.token_file,
        max_cost_usd=options.max_cost,
        strict=options.strict,
        lint=not options.no_lint,
        save_to=options.save_request,
        save_over=options.force,
        sandbox=options.sandbox,
        variables=options.variables,
    )


def _overruled(options: ComposeOptions, given: Collection[str]) -> set[str]:
    """Return the options read from the environment that `--set` speaks against.

    Args:
        options: All of them.
        given: The fields that `--set` gives a value.
    """
    flags = {flag for variable in options.variables for flag in variable.flags}
    against = {name: (name,) for name in _SETTINGS} | {"match": ("aspect_ratio", "width", "height")}
    return {
        name
        for name, fields in against.items()
        if settings.flag_of(name) in flags and any(field in given for field in fields)
    }


def _misuses(options: ComposeOptions) -> Iterator[errors.UsageError]:
    """Yield what is wrong with options that are given too often, empty, or for nothing."""
    for flag, given in (("--prompt", options.prompt), ("--prompt-file", options.prompt_file)):
        if given and len(given) > 1:
            yield errors.UsageError(f"{flag}: given {len(given)} times; one prompt is sent")
    for flag, given in (("-T", options.files_from), ("--prompt-file", options.prompt_file)):
        if given and "" in given:
            yield errors.UsageError(f"{flag} '': is empty; name a file, or - for standard input")
    if options.null and not options.files_from:
        yield errors.UsageError("-0: tells how to read a list; give one with -T")


def _selection(options: ComposeOptions, labelled: Sequence[tuple[str, str]]) -> Selection:
    return Selection(
        operands=tuple(options.images or ()),
        labelled=tuple(labelled),
        lists=tuple(options.files_from or ()),
        null_separated=options.null,
        sort=options.sort,
    )


def _placement(options: ComposeOptions) -> Placement:
    return Placement(
        target=options.output,
        format=options.format,
        if_exists="overwrite" if options.force else options.if_exists or "fail",
        create_dirs=options.create_dirs,
    )


def _fitting(options: ComposeOptions, background: tuple[int, int, int]) -> Fitting:
    return Fitting(
        resize=not options.no_resize,
        max_side=options.max_side,
        max_pixels=options.max_pixels,
        max_input_pixels=options.max_input_pixels,
        quality=options.quality,
        background=background,
        keep_alpha=options.keep_alpha,
        keep_metadata=options.keep_metadata,
    )


def _delivery(options: ComposeOptions, base_url: str) -> Delivery:
    return Delivery(
        base_url=base_url,
        connect_timeout_s=options.connect_timeout,
        stall_timeout_s=options.stall_timeout,
        timeout_s=options.timeout,
        max_wait_s=options.max_wait,
        is_async=options.async_,
    )


def _text(argument: str) -> str:
    """Return an argument as text even where the locale, as LC_ALL=C, made bytes of it."""
    try:
        return os.fsencode(argument).decode()
    except UnicodeError:
        return argument  # no UTF-8; whoever sends it says so


def _labelled(argument: str) -> tuple[str, str]:
    label, equals, path = argument.partition("=")
    if not equals or not template.LABEL.fullmatch(label):
        shown = argument or "''"
        raise errors.UsageError(
            f"-i {shown}: write it as -i NAME=PATH; NAME is a letter, then letters, digits, - or _"
        )
    if not path:
        raise errors.UsageError(
            f"-i {argument}: names no file; an unset variable in the command line?"
        )
    return label, path


_COLOURS = {"white": "ffffff", "black": "000000", "grey": "808080", "gray": "808080"}


def _colour(text: str) -> tuple[int, int, int]:
    digits = _COLOURS.get(text.lower(), text.removeprefix("#"))
    if not re.fullmatch(r"[0-9a-fA-F]{6}", digits):
        raise errors.UsageError(f"--background {text}: use white, black, grey or #RRGGBB")
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def refuse_conflicts(options: ComposeOptions | FetchOptions) -> None:
    """Refuse options that contradict each other.

    Raises:
        errors.UsageError: As `to_request`.
    """
    conflicts = (
        (options.force and options.if_exists not in (None, "overwrite"), "-f and --if-exists"),
        (options.quiet and options.verbose > 0, "-q and -v"),
    )
    errors.Findings(
        errors.UsageError(f"{pair}: give one of them") for clash, pair in conflicts if clash
    ).raise_if_any()


def service_of(options: FetchOptions, host: str | None) -> Service:
    """Return the service that an earlier job went to, with the token for it.

    Args:
        options: Of `jobs fetch`.
        host: The service's, with its port if it has one, as the record has it.

    Raises:
        errors.UsageError: The base URL is none.
        errors.AuthError: There is no token, or it is malformed.
    """
    base_url = normalise_base_url(options.base_url)
    if host is not None and urlsplit(base_url).netloc != host:
        scheme = "http" if is_loopback(urlsplit(f"//{host}").hostname or "") else "https"
        base_url = normalise_base_url(f"{scheme}://{host}")
    findings = errors.Findings()
    token, _ = gather.token(
        ComposeRequest(selection=Selection(), token_file=options.token_file),
        os.environ.get("PRODIA_TOKEN"),
        sys.stdin.buffer if sys.stdin is not None else None,
        findings,
        sending=True,
    )
    findings.raise_if_any()
    if token is None:
        raise AssertionError("without a token there is an error")
    return Service(
        base_url=base_url,
        token=token,
        connect_timeout_s=options.connect_timeout,
        timeout_s=options.timeout,
    )
