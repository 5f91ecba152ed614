"""The signature that Typer reads, made of groups of options, and the groups made of what was typed.

Typer takes what was typed as text, switches and counts excepted; here it becomes the
field's type, so that all that is wrong is told at once and in our words.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer

from prodia_compose import errors
from prodia_compose.cli.options.declared import IN_HELP
from prodia_compose.options import Declared, Options, declared, make

_Options = TypeVar("_Options", bound=Options)
_Variables = tuple[tuple[str, str], ...]


def _parameter(one: Declared) -> inspect.Parameter:
    """Return an option for the signature."""
    option = one.option
    hint: Any = str | None
    default = option.shown or one.default
    metavar = option.metavar
    if one.kind is bool or option.is_count:
        hint, default = one.kind, one.kind()
    elif one.is_many:
        hint, default = list[str] | None, None
    elif get_origin(one.kind) is Literal:
        metavar = f"<{'|'.join(get_args(one.kind))}>"
    if option.is_operand:
        info: Any = typer.Argument(metavar=metavar, help=option.help, show_default=False)
    else:
        info = typer.Option(
            *one.names,
            metavar=metavar,
            help=option.help,
            count=option.is_count,
            hidden=option.is_hidden,
            envvar=one.variable,
            show_envvar=False,  # one line of the epilog tells the rule
        )
    return inspect.Parameter(
        one.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is MISSING else default,
        annotation=Annotated[hint, info],
    )


def takes_options(command: Callable[[_Options], int]) -> Callable[..., int]:
    """Return a command whose signature Typer sees as the options of its argument's class.

    What was typed overrules what the environment says against it.
    """
    kind: type[_Options] = get_type_hints(command)["options"]
    options = {one.name: one for one in _in_help(declared(kind))}

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


def variables(kind: type[Options]) -> dict[str, str | None]:
    """Return the variable, if there is one, of each option with a name, by its long name."""
    return {one.long: one.variable for one in declared(kind) if not one.option.is_operand}


def _in_help(declared: Iterable[Declared]) -> list[Declared]:
    """Return options in the order that help has them in."""
    ordered = list(declared)
    for first, *rest in IN_HELP:
        if any(one.name == first for one in ordered):
            moved = [one for one in ordered if one.name in rest]
            moved.sort(key=lambda one: rest.index(one.name))
            ordered = [one for one in ordered if one not in moved]
            place = [one.name for one in ordered].index(first) + 1
            ordered[place:place] = moved
    return ordered


def _read(
    kind: type[_Options],
    options: Mapping[str, Declared],
    typed: Mapping[str, Any],
    context: typer.Context,
) -> _Options:
    """Return what was typed and what the environment says.

    Raises:
        errors.UsageError: A value cannot be read, or contradicts another;
            `errors.ProblemsError` if that is so of several.
    """
    sources = {name: str(context.get_parameter_source(name)) for name in options}
    told = {name for name, source in sources.items() if source.endswith("ENVIRONMENT")}
    line = {name for name, source in sources.items() if source.endswith("COMMANDLINE")}
    called = Options(variables=_variables(options, told)).called
    flags = {flag for one in options.values() for flag in one.names}
    findings = errors.Findings()
    given: dict[str, object] = {}
    for name in (name for name in options if name in told | line):
        with findings.collecting():
            given[name] = options[name].read(typed[name], called, flags)
    findings.raise_if_any()
    made = make(kind, given, _variables(options, told))
    pairs = [(clash.one, clash.other) for clash in made.clashes()]
    pairs += [(other, one) for one, other in pairs]
    silent = {loser for winner, loser in pairs if winner in line and loser in told}
    heard = {name: value for name, value in given.items() if name not in silent}
    heard["typed"] = frozenset(line)
    made = make(kind, heard, _variables(options, told - silent))
    errors.Findings(
        errors.UsageError(clash.message) for clash in made.clashes() if clash.message
    ).raise_if_any()
    return made


def _variables(options: Mapping[str, Declared], told: Iterable[str]) -> _Variables:
    """Return the variables of some options, under all the options' names."""
    return tuple(
        (flag, options[name].variable or "") for name in told for flag in options[name].names
    )
