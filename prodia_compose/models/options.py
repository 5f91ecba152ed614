"""What the model is told besides the prompt, as the options say it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Annotated

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.models.facts import SettingValue
from prodia_compose.models.settings import flag_of, parse_set
from prodia_compose.options import Clash, Option, Options

FRAMES = ("aspect_ratio", "width", "height")
"""The settings that `match` stands for."""


def _position_or_name(text: str, called: str) -> int | str:
    if not re.fullmatch("[+-]?[0-9]{1,9}", text):
        return text
    if int(text) < 1:
        raise errors.UsageError(f"{called} {text}: must be 1 or more, a label, or a file's name")
    return int(text)


def _setting(metavar: str, help_text: str, example: str = "") -> Option:
    return Option(metavar=metavar, help=help_text, group="model and settings", example=example)


@frozen
class Settings(Options):
    """The fields of the job's config; all but `match` and `extras` are called as they are there.

    Attributes:
        match: The image whose shape the result shall have: its position from 1, label or name.
        extras: (name, value) of the fields given with `--set`.
    """

    aspect_ratio: Annotated[
        str | None,
        _setting("W:H", "Shape of the result, such as 16:9; `models NAME` lists the ratios"),
    ] = None
    width: Annotated[
        int | None,
        _setting("PX", "Width of the result, in pixels; `models NAME` has the range", "1024"),
    ] = None
    height: Annotated[
        int | None,
        _setting("PX", "Height of the result, in pixels; `models NAME` has the range", "1024"),
    ] = None
    match: Annotated[
        int | str | None,
        Option(
            metavar="WHICH",
            help="Give the result the shape of this image: its position, label or name",
            group="model and settings",
            parse=_position_or_name,
        ),
    ] = None
    steps: Annotated[
        int | None, _setting("N", "Diffusion steps, 1 to 50, for flux-2-dev and flux-2-flex", "28")
    ] = None
    guidance: Annotated[
        float | None,
        _setting("X", "How closely to follow the prompt (guidance scale), 1 to 10", "4.5"),
    ] = None
    seed: Annotated[
        int | None, _setting("N", "Random seed: another number, another result (FLUX models)", "42")
    ] = None
    resolution: Annotated[
        str | None, _setting("TIER", "Size of the result: 1K, 2K or 4K, for the Gemini models")
    ] = None
    safety_tolerance: Annotated[
        int | None, _setting("N", "Safety filter of the service: 0 (strictest) to 5", "2")
    ] = None
    extras: Annotated[
        tuple[tuple[str, SettingValue], ...],
        Option(
            names=("--set",),
            metavar="KEY=VALUE",
            help="Any other setting of the model; VALUE is JSON or plain text",
            group="model and settings",
            parse=parse_set,
            write=dict,
            variable=None,
        ),
    ] = ()

    def items(self) -> Iterator[tuple[str, SettingValue]]:
        """Yield the (name, value) of the fields with an option of their own, in the order sent."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in ("variables", "match", "extras") and value is not None:
                yield field.name, value

    def clashes(self) -> Iterator[Clash]:
        """Yield settings given twice, and those that frame the result otherwise than `--match`."""
        given = dict(self.items())
        for name, _ in self.extras:
            if name in given:
                yield Clash("extras", name)  # `settings.check_settings` tells it
        named = {name: (name, flag_of(name)) for name in given}
        named |= {name: ("extras", f"--set {name}") for name, _ in self.extras}
        for name in FRAMES:
            if self.match is not None and name in named:
                other, flag = named[name]
                yield self.clash("match", other, "--match", flag)


def overruled(
    base: Settings,
    own: Mapping[str, object],
    extras: tuple[tuple[str, SettingValue], ...],
    variables: tuple[tuple[str, str], ...],
) -> Settings:
    """Return settings of which some are given anew, which overrule all that contradict them.

    Args:
        base: The settings from before.
        own: What is given anew, by the fields' names; `extras` are those given with `--set`.
        variables: What messages call the options now.

    Raises:
        errors.UsageError: What is given anew contradicts itself.
    """
    if not own and not extras:
        return base
    anew = {*own, *(name for name, _ in extras), *(FRAMES if "match" in own else ())}
    kept = tuple(pair for pair in base.extras if pair[0] not in anew)
    made = replace(base, **own, extras=(*kept, *extras), variables=variables)  # type: ignore[arg-type] # each as its option reads it
    given = {*own, "extras"}
    pairs = [(clash.one, clash.other) for clash in made.clashes()]
    pairs += [(other, one) for one, other in pairs]
    silent = {loser for winner, loser in pairs if winner in given and loser not in given}
    made = replace(made, **dict.fromkeys(silent))  # type: ignore[arg-type] # all are optional
    errors.Findings(
        errors.UsageError(clash.message, clash.hint) for clash in made.clashes() if clash.message
    ).raise_if_any()
    return made
