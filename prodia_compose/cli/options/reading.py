"""The signature that Typer reads, made of groups of options, and the groups made of what was typed.

Typer takes what was typed as text, switches and counts excepted; here it becomes the
field's type, so that all that is wrong is told at once and in our words.
"""

import inspect
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from types import NoneType
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
from prodia_compose.cli.options import values
from prodia_compose.cli.options.declared import IN_HELP
from prodia_compose.options import Option, Options

_Options = TypeVar("_Options", bound=Options)
_Variables = tuple[tuple[str, str], ...]


class _Declared(NamedTuple):
    """One option of a command: its field's name, type and default, and how it is written."""

    name: str
    kind: Any
    default: object
    option: Option

    @property
    def names(self) -> tuple[str, ...]:
        if self.option.is_operand:
            return ()
        return self.option.names or (f"--{self.name.replace('_', '-')}",)

    @property
    def long(self) -> str:
        """Its name in messages about how it was typed, and in its variable's."""
        return next(name for name in self.names if name.startswith("--"))

    @property
    def is_many(self) -> bool:
        """Whether it may be typed several times; one of a `once` may be, to be told of it."""
        return Ellipsis in get_args(self.kind) or self.option.once is not None

    @property
    def variable(self) -> str | None:
        if self.option.variable != "":
            return self.option.variable
        return f"PRODIA_COMPOSE_{self.long.removeprefix('--').replace('-', '_').upper()}"

    def parameter(self) -> inspect.Parameter:
        """Return it for the signature."""
        option = self.option
        hint: Any = str | None
        default = option.shown or self.default
        metavar = option.metavar
        if self.kind is bool or option.is_count:
            hint, default = self.kind, self.kind()
        elif self.is_many:
            hint, default = list[str] | None, None
        elif get_origin(self.kind) is Literal:
            metavar = f"<{'|'.join(get_args(self.kind))}>"
        if option.is_operand:
            info: Any = typer.Argument(metavar=metavar, help=option.help, show_default=False)
        else:
            info = typer.Option(
                *self.names,
                metavar=metavar,
                help=option.help,
                count=option.is_count,
                hidden=option.is_hidden,
                envvar=self.variable,
                show_envvar=False,  # one line of the epilog tells the rule
            )
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if default is MISSING else default,
            annotation=Annotated[hint, info],
        )

    def read(self, typed: Any, called: Callable[[str], str], flags: Container[str]) -> object:
        """Return the value of what was typed.

        Raises:
            errors.UsageError: It is no such value; `errors.ProblemsError` if several are not.
        """
        if self.kind is bool:
            return typed != self.default  # one that is on by default is turned off
        if self.option.is_count or self.option.is_operand:
            return tuple(typed) if self.is_many else typed
        findings = errors.Findings()
        found: list[object] = []
        for one in typed if self.is_many else [typed]:
            with findings.collecting():
                if one in flags:  # in `-p -o out.jpg` the prompt was forgotten
                    message = f"{called(self.long)} {one}: is an option; write the value before it"
                    raise errors.UsageError(message)
                found.append(self._parse(one, called))
        if self.option.once is not None and len(typed) > 1:
            message = f"{called(self.long)}: given {len(typed)} times; {self.option.once}"
            findings.errors.append(errors.UsageError(message))
        findings.raise_if_any()
        return tuple(found) if self.option.once is None and self.is_many else found[0]

    def _parse(self, typed: str, called: Callable[[str], str]) -> object:
        name, low, high = called(self.long), self.option.minimum, self.option.maximum
        if self.option.parse is not None:
            known = typed if self.is_many else values.text(typed, name)
            return self.option.parse(known, called(self.names[0]))
        if get_origin(self.kind) is Literal:
            return values.choice(typed, name, allowed=get_args(self.kind))
        if self.kind in (int, float):
            return values.number(typed, name, kind=self.kind, minimum=low, maximum=high)
        return values.text(typed, name)


def takes_options(command: Callable[[_Options], int]) -> Callable[..., int]:
    """Return a command whose signature Typer sees as the options of its argument's class.

    What was typed overrules what the environment says against it.
    """
    kind: type[_Options] = get_type_hints(command)["options"]
    options = {one.name: one for one in _in_help(_declared(kind))}

    def run(context: typer.Context, **typed: Any) -> int:
        return command(_read(kind, options, typed, context))

    parameters = [
        inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context),
        *(option.parameter() for option in options.values()),
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what PEP 362 says to set
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__name__ = command.__name__
    run.__doc__ = command.__doc__
    return run


def variables(kind: type[Options]) -> dict[str, str | None]:
    """Return the variable, if there is one, of each option with a name, by its long name."""
    return {one.long: one.variable for one in _declared(kind) if not one.option.is_operand}


def _fields(group: type[Options]) -> list[tuple[Field[Any], Any, Any]]:
    """Return each field of a group with its type, None apart, and what is noted at it."""
    found = []
    for field in fields(group):
        hint: Any = field.type
        kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if NoneType in get_args(kind):
            kind = next(one for one in get_args(kind) if one is not NoneType)
        found.append((field, kind, notes[0] if notes else None))
    return found


def _declared(group: type[Options]) -> Iterator[_Declared]:
    """Yield the options of a group and of those in it, of which only some may be noted."""
    for field, kind, note in _fields(group):
        if isinstance(note, Option):
            yield _Declared(field.name, kind, field.default, note)
        elif _is_group(kind):
            yield from (one for one in _declared(kind) if note is None or one.name in note)


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Options)


def _in_help(declared: Iterable[_Declared]) -> list[_Declared]:
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
    options: Mapping[str, _Declared],
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
    made = _made(kind, given, _variables(options, told))
    pairs = [(clash.one, clash.other) for clash in made.clashes()]
    pairs += [(other, one) for one, other in pairs]
    silent = {loser for winner, loser in pairs if winner in line and loser in told}
    heard = {name: value for name, value in given.items() if name not in silent}
    made = _made(kind, heard, _variables(options, told - silent))
    errors.Findings(
        errors.UsageError(clash.message) for clash in made.clashes() if clash.message
    ).raise_if_any()
    return made


def _variables(options: Mapping[str, _Declared], told: Iterable[str]) -> _Variables:
    """Return the variables of some options, under all the options' names."""
    return tuple(
        (flag, options[name].variable or "") for name in told for flag in options[name].names
    )


def _made(kind: type[_Options], given: Mapping[str, object], variables: _Variables) -> _Options:
    """Return a group, and those in it, with the values given; all else as by default."""
    found: dict[str, Any] = {"variables": variables}
    for field, below, _ in _fields(kind):
        if _is_group(below):
            found[field.name] = _made(below, given, variables)
        elif field.name in given:
            found[field.name] = given[field.name]
    return kind(**found)
