"""The signature that Typer reads, made of groups of options, and the groups made of what was typed.

Typer takes what was typed as text, switches and counts excepted; here it becomes the
field's type, so that all that is wrong is told at once and in our words.
"""

import errno
import functools
import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, replace
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

import typer

from prodia_compose import errors
from prodia_compose.cli.options.declared import Telling
from prodia_compose.options import Declared, Group, Options, declared, make

_Options = TypeVar("_Options", bound=Options)
_Variables = tuple[tuple[str, str], ...]

TYPED, VARIABLE = 4, 3
"""What counts against what was said elsewhere; of a config, each table has a lower number."""


_UNSEEN = {
    errno.EACCES: ("nobody may look into its folder",),
    errno.EPERM: ("nobody may look into its folder",),
    errno.ELOOP: ("its folder is a loop of links",),
}


class Given(NamedTuple):
    """How an option was given.

    Attributes:
        typed: As text, several texts, or what a switch is.
        called: What a message calls it; None as it was typed.
        rank: The higher one counts.
    """

    typed: Any
    called: str | None
    rank: int

    def name(self, flag: str) -> str:
        """Return what a message calls an option of this name."""
        return self.called or flag


def _parameter(field: Declared) -> inspect.Parameter:
    """Return an option for the signature."""
    option = field.option
    hint: Any = str | None
    default = option.shown or field.default
    metavar = option.metavar
    if field.kind is bool or option.is_count:
        hint, default = field.kind, field.kind()
    elif field.is_many:
        hint, default = list[str] | None, None
    elif get_origin(field.kind) is Literal:
        metavar = f"<{'|'.join(get_args(field.kind))}>"
    if option.is_operand:
        info: Any = typer.Argument(metavar=metavar, help=option.help, show_default=False)
    else:
        info = typer.Option(
            *field.names,
            metavar=metavar,
            help=f"{option.help}{_limits(field)}",
            show_default=False,
            rich_help_panel=option.group,
            count=option.is_count,
            hidden=option.is_hidden,
            envvar=field.variable,
            show_envvar=False,  # one line of the epilog tells the rule
        )
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is MISSING else default,
        annotation=Annotated[hint, info],
    )


def _limits(field: Declared) -> str:
    """Return what help says of an option's range and default, unless its words have it already."""
    option, default = field.option, field.option.shown
    if (option.help or "").endswith("]"):
        return ""
    if default is None and field.kind is not bool and not option.is_count and not field.is_many:
        default = None if field.default in (None, MISSING) else f"{field.default}"
    limits = [] if option.maximum is None else [f"{option.minimum:g} to {option.maximum:g}"]
    limits += [] if default is None else [f"default: {default}"]
    return f"  [{'; '.join(limits)}]" if limits else ""


def takes_options(command: Callable[[_Options], int]) -> Callable[..., int]:
    """Return a command whose signature Typer sees as the options of its argument's class.

    What was typed overrules what the environment says against it, and that the config.
    """
    kind: type[_Options] = get_type_hints(command)["options"]
    options = {one.name: one for one in _in_help(options_of(kind))}  # type: ignore[arg-type] # a class can be hashed

    def run(context: typer.Context, **typed: Any) -> int:
        return command(_read(kind, options, typed, context))

    parameters = [
        inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
        *(_parameter(option) for option in options.values()),
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what PEP 362 says to set
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__name__ = command.__name__
    run.__doc__ = command.__doc__
    return run


@functools.cache
def options_of(kind: type[Options]) -> tuple[Declared, ...]:
    """Return the options of a class of `Options`; they are looked for once."""
    return tuple(declared(kind))


def variables(kind: type[Options]) -> dict[str, str | None]:
    """Return the variable, if there is one, of each option with a name, by its long name."""
    declared = options_of(kind)  # type: ignore[arg-type] # a class can be hashed
    return {one.long: one.variable for one in declared if not one.option.is_operand}


def _in_help(declared: Iterable[Declared]) -> list[Declared]:
    """Return options in the order that help has them in: operands, then group by group."""
    order = (None, *get_args(Group))
    return sorted(declared, key=lambda one: order.index(one.option.group))


def _read(
    kind: type[_Options],
    options: Mapping[str, Declared],
    typed: Mapping[str, Any],
    context: typer.Context,
) -> _Options:
    """Return what was typed, and what the environment and the config say.

    Raises:
        errors.UsageError: A value cannot be read, or contradicts another;
            `errors.ProblemsError` if that is so of several.
    """
    findings = errors.Findings()
    given, configured = given_by(options, typed, context, findings)
    all_values = values_of(options, given, configured, findings)
    findings.raise_if_any()
    made = make(kind, all_values, _variables(options, given))
    pairs = [(clash.one, clash.other) for clash in made.clashes()]
    pairs += [(other, one) for one, other in pairs]
    silent = {
        loser
        for winner, loser in pairs
        if winner in given and loser in given and given[winner].rank > given[loser].rank
    }
    heard = {name: one for name, one in given.items() if name not in silent}
    typed_now = frozenset(name for name, one in heard.items() if one.rank == TYPED)
    values = {**{name: all_values[name] for name in heard}, "typed": typed_now}
    made = make(kind, values, _variables(options, heard))
    errors.Findings(
        errors.UsageError(clash.message, clash.hint) for clash in made.clashes() if clash.message
    ).raise_if_any()
    if not isinstance(made, Telling):
        return made
    alone = frozenset(name for name, one in heard.items() if one.rank < VARIABLE)
    limits: dict[str, Any] = {
        name: options[name].read(one.typed, one.name, ())
        for name, one in configured.items()
        if options[name].option.is_limit
    }
    warnings = tuple(findings.warnings)
    return replace(made, configured=alone, limits=tuple(limits.items()), warnings=warnings)


def given_by(
    options: Mapping[str, Declared],
    typed: Mapping[str, Any],
    context: typer.Context,
    findings: errors.Findings,
) -> tuple[dict[str, Given], dict[str, Given]]:
    """Return how each option was given, by what counts most, and all that the config says.

    Args:
        options: Those of the command, by field.
        typed: What the parser found, the environment's included.
        context: The parser's, which tells the two apart.
        findings: Takes what is odd, or wrong, about the config.
    """
    given: dict[str, Given] = {}
    for name, one in options.items():
        source = str(context.get_parameter_source(name))
        if source.endswith("COMMANDLINE"):
            given[name] = Given(typed[name], None, TYPED)
        elif source.endswith("ENVIRONMENT"):
            given[name] = Given(typed[name], one.variable, VARIABLE)
    configured: dict[str, Given] = {}
    with findings.collecting():
        named = config_file(given.get("config"), findings) if "config" in options else None
        if named is not None:
            from prodia_compose.cli.options import config  # noqa: PLC0415 - where there is one

            found = config.load(*named)
            findings.warnings += found.warnings
            configured = found.given(options, context.info_name or "", findings)
    if os.environ.get("PRODIA_TOKEN"):
        configured.pop("token_file", None)  # as a variable it counts more; a rehearsal has it
    return {**configured, **given}, configured


def values_of(
    options: Mapping[str, Declared],
    given: dict[str, Given],
    configured: Mapping[str, Given],
    findings: errors.Findings,
) -> dict[str, Any]:
    """Return the value of each option that was given; a limit of the config lowers a higher one."""
    flags = {flag for one in options.values() for flag in one.names}
    values: dict[str, Any] = {}
    for name in [name for name in options if name in given]:
        one, limit = given[name], configured.get(name)
        with findings.collecting():
            values[name] = options[name].read(one.typed, one.name, flags)
            if not options[name].option.is_limit or limit in (None, one):
                continue
            most = options[name].read(limit.typed, limit.name, flags)
            if most < values[name]:
                words = f"is lowered to {most:g} by {limit.called}"
                findings.warn(
                    "limit-lowered", f"{one.name(options[name].long)} {values[name]:g}: {words}"
                )
                values[name], given[name] = most, one._replace(called=limit.called)
    return values


def config_file(named: Given | None, findings: errors.Findings) -> tuple[str, str] | None:
    """Return where the config is, and what a message calls it; None if there is none.

    Args:
        named: How the option was given, if it was.
        findings: Takes that nobody may look where it would be.
    """
    if named is not None:
        is_none = named.typed.lower() in ("off", "")  # an empty name is told as the option's value
        return None if is_none else (named.typed, named.name("--config"))
    place = config_place()
    try:
        if place is not None:
            os.lstat(place)
            return place, "config"
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as exc:
        words = f"config {place}: is not read: {errors.reason(exc, _UNSEEN)[0]}"
        findings.warn("config-unavailable", words, "--config off does without")
    return None


def says_json(argv: Sequence[str]) -> bool:
    """Return whether the config of a command line wants JSON, as far as it can be read."""
    named, findings = os.environ.get("PRODIA_COMPOSE_CONFIG"), errors.Findings()
    for word, after in zip(argv, [*argv[1:], ""], strict=True):
        if word.startswith("--config"):
            named = after if word == "--config" else word.removeprefix("--config=")
    with findings.collecting():
        if path := config_file(Given(named, None, TYPED) if named else None, findings):
            from prodia_compose.cli.options import config  # noqa: PLC0415 - where there is one

            return config.load(*path).says_json(argv[0])
    return False


def config_place() -> str | None:
    """Return where the platform has the config, be it there or not; None where there is no home."""
    import platformdirs  # noqa: PLC0415 - help does without

    try:
        folder = platformdirs.user_config_dir("prodia-compose", appauthor=False)
    except RuntimeError:  # no HOME and no entry in the user database, as in some containers
        return None
    return os.path.join(folder, "config.toml") if os.path.isabs(folder) else None  # noqa: PTH117, PTH118 - a text, as messages have it


def _variables(options: Mapping[str, Declared], given: Mapping[str, Given]) -> _Variables:
    """Return what messages call options that nobody typed, under all the options' names."""
    return tuple(
        (flag, one.called)
        for name, one in given.items()
        if one.called is not None
        for flag in options[name].names
    )
