"""The signature that Typer reads, made of the fields of an options' class.

Typer takes what was typed as text, switches and counts excepted; here it becomes the
field's type, so that all that is wrong is told at once and in our words.
"""

import copy
import functools
import inspect
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from prodia_compose import errors
from prodia_compose.cli.options import values
from prodia_compose.cli.options.declared import NOT_FROM_ENVIRONMENT, ComposeOptions, FetchOptions
from prodia_compose.frozen import frozen
from prodia_compose.output import names
from prodia_compose.pipeline.variables import Variable, name_in_error

_Options = TypeVar("_Options", ComposeOptions, FetchOptions)

_Read = Callable[[str], object]


def _always(_winner: object, _loser: object) -> bool:
    return True


def _is_to_stdout(target: str, _loser: object) -> bool:
    return target == "-"


def _is_from_stdout(_winner: object, target: str) -> bool:
    return target == "-"


def _has_suffix(target: str, _loser: object) -> bool:
    return re.search(r"\.\w+\Z", target) is not None


def _has_other_suffix(wanted: str, target: str) -> bool:
    suffix = Path(target).suffix.lower()
    return bool(suffix.strip(".")) and "}" not in suffix and names.SUFFIXES.get(suffix) != wanted


_OVERRULED: tuple[tuple[str, str, Callable[[Any, Any], bool]], ...] = (
    ("force", "if_exists", _always),
    ("quiet", "verbose", _always),
    ("verbose", "quiet", _always),
    *(("match", name, _always) for name in ("aspect_ratio", "width", "height")),
    *((name, "match", _always) for name in ("aspect_ratio", "width", "height")),
    ("output", "format", _has_suffix),
    ("format", "output", _has_other_suffix),
    ("output", "json", _is_to_stdout),
    ("json", "output", _is_from_stdout),
)
"""(an option, another, when they contradict): the first, typed, beats the other's variable."""


@frozen
class _Option:
    """One option, as Typer is to see it and as the command is to get it.

    Attributes:
        parameter: For the signature.
        default: What the command gets where nothing was typed.
        read: Makes a value of what was typed; None where Typer does.
    """

    parameter: inspect.Parameter
    default: object
    read: _Read | None


def takes_options(command: Callable[[_Options], int]) -> Callable[..., int]:
    """Return a command whose signature Typer sees as the fields of its options' class.

    What was typed overrules what the environment says against it, and an error about a
    value from the environment names the variable.
    """
    kind: type[_Options] = get_type_hints(command)["options"]
    own = get_type_hints(kind, include_extras=True)
    shared = get_type_hints(ComposeOptions, include_extras=True)
    options: dict[str, _Option] = {
        field.name: _option(field, own[field.name], shared.get(field.name))
        for field in fields(kind)
        if field.name != "variables"
    }

    def run(context: typer.Context, **typed: Any) -> int:
        variables = _variables(context)
        try:
            given = _overruled(options, _read(options, typed, context), context)
            return command(kind(**given, variables=tuple(variables.values())))
        except errors.ComposeError as error:
            name_in_error(error, tuple(variables.values()))
            raise

    parameters = [
        inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
        *(option.parameter for option in options.values()),
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what PEP 362 says to set
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__name__ = command.__name__
    run.__doc__ = command.__doc__
    return run


def _option(field: Field[Any], own: Any, shared: Any) -> _Option:
    """Return an option as its own class declares it, or as `compose` does."""
    is_own = get_origin(own) is Annotated and own != shared
    hint, declaration = get_args(own if is_own else shared)
    declaration = copy.copy(declaration)
    if not is_own and field.name not in NOT_FROM_ENVIRONMENT:
        declaration.envvar = f"PRODIA_COMPOSE_{field.name.rstrip('_').upper()}"
        declaration.show_envvar = False  # one line of the epilog tells the rule
    read = _reader(hint, declaration)
    if read is not None:
        hint = str if field.default is not None else str | None
    return _Option(
        parameter=inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=Annotated[hint, declaration],
        ),
        default=field.default,
        read=read,
    )


def _reader(hint: Any, declaration: Any) -> _Read | None:
    """Return what makes a value of the type of what was typed; None where Typer does."""
    bare = [one for one in get_args(hint) if one is not NoneType]
    kind = bare[0] if NoneType in get_args(hint) else hint
    if get_origin(kind) is Literal:
        allowed = get_args(kind)
        declaration.metavar = f"<{'|'.join(allowed)}>"
        return functools.partial(values.choice, allowed=allowed)
    if kind in (int, float) and not declaration.count:
        return functools.partial(
            values.number, kind=kind, minimum=declaration.min, maximum=declaration.max
        )
    return values.text if kind is str and isinstance(declaration, OptionInfo) else None


def _variables(context: typer.Context) -> dict[str, Variable]:
    """Return the options that were read from the environment, by their field's name."""
    return {
        parameter.name: Variable(name=str(parameter.envvar), flags=tuple(parameter.opts))
        for parameter in context.command.params
        if parameter.name and _source(context, parameter.name) == "ENVIRONMENT"
    }


def _source(context: typer.Context, name: str) -> str:
    source = context.get_parameter_source(name)
    return "DEFAULT" if source is None else source.name


def _read(
    options: Mapping[str, _Option], typed: Mapping[str, Any], context: typer.Context
) -> dict[str, Any]:
    """Return the options' values.

    Raises:
        errors.UsageError: One cannot be read; `errors.ProblemsError` if that is so of several.
    """
    findings = errors.Findings()
    named = {parameter.name: parameter.opts for parameter in context.command.params}
    flags = {flag for opts in named.values() for flag in opts if flag.startswith("-")}
    given = dict(typed)
    for name, option in options.items():
        value = given[name]
        if _source(context, name) == "DEFAULT":
            given[name] = value if option.read is None else option.default
            continue
        flag = next((flag for flag in named[name] if flag.startswith("--")), None)
        if flag is None:
            continue  # an operand
        try:
            _refuse_flags(value, flags)
            given[name] = value if option.read is None else option.read(value)
        except errors.UsageError as error:
            findings.add(errors.UsageError(f"{flag} {error.message}"))
    findings.raise_if_any()
    return given


def _refuse_flags(value: object, flags: Container[str]) -> None:
    """Refuse an option where a value belongs: in `-p -o out.jpg` the prompt was forgotten."""
    for text in value if isinstance(value, list) else [value]:
        if text in flags:
            raise errors.UsageError(f"{text}: is an option; write the value before it")


def _overruled(
    options: Mapping[str, _Option],
    given: Mapping[str, Any],
    context: typer.Context,
) -> dict[str, Any]:
    """Return the values without those of the environment that what was typed contradicts."""
    lost = {
        loser
        for winner, loser, contradicts in _OVERRULED
        if _source(context, winner) == "COMMANDLINE"
        and _source(context, loser) == "ENVIRONMENT"
        and contradicts(given[winner], given[loser])
    }
    return {name: options[name].default if name in lost else given[name] for name in given}
