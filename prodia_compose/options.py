"""How a room declares its options: groups of values that know which of them are variables'.

A group is a frozen value with fields of `Annotated[..., Option(...)]`, or groups itself.
The command line gathers them; rooms know no parser.
"""

import os
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import Field, fields, replace
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin

from prodia_compose import errors, values
from prodia_compose.frozen import frozen

Group = Literal[
    "rows",
    "pictures",
    "prompt",
    "model and settings",
    "result",
    "money",
    "pace",
    "network",
    "talk",
]
"""What an option is about; help has them in this order, each under its heading."""


@frozen
class Option:
    """How an option is written and told.

    Attributes:
        names: As it is typed, the first one in messages; by default the field's with dashes.
            The long one also names the variable. Where a switch is on by default, it turns it off.
        group: What it is about; operands have a heading of their own.
        metavar: What help calls its value; an operand is called so too.
        minimum: The least number that is taken; `maximum` is the largest.
        example: A number that a message proposes; each option that is one has it.
        parse: Makes the value of what was typed and of what a message is to call the option;
            by default its type decides.
        write: Makes of the value what JSON has of it, where it is none itself.
        shown: The default as it is typed, where that is not what the field holds.
        variable: Where it is also read from; "" for PRODIA_COMPOSE_ and its long name, None for
            nowhere.
        once: Why it may not be typed twice; where it says nothing, the last one counts.
        typed_only: The values that count only if they are typed.
        is_limit: Whether a config only lowers it: of its value and another, the lower one counts.
        is_operand: Whether it is typed without a name.
        is_count: Whether it is a switch whose value is how often it was typed.
        is_hidden: Whether help leaves it out.
    """

    names: tuple[str, ...] = ()
    help: str | None = None
    group: Group | None = None
    metavar: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    example: str = ""
    parse: Callable[[str, str], object] | None = None
    write: Callable[[Any], object] | None = None
    shown: str | None = None
    variable: str | None = ""
    once: str | None = None
    typed_only: tuple[str, ...] = ()
    is_limit: bool = False
    is_operand: bool = False
    is_count: bool = False
    is_hidden: bool = False


class Overrides(NamedTuple):
    """What a command says otherwise of options of a group, by their fields: an `Option`'s fields.

    One that is None is left out.
    """

    options: Mapping[str, Mapping[str, Any] | None]


class Clash(NamedTuple):
    """Two options that contradict each other as they were given.

    Where one was typed and the other is a variable's, the variable is silent; else it is an error.

    Attributes:
        one: A field; `other` may be one of another group.
        message: The error; None where whoever uses the values tells it.
        hint: What to do about it.
    """

    one: str
    other: str
    message: str | None = None
    hint: str | None = None


@frozen
class Options:
    """A group of options.

    Attributes:
        variables: (option, variable) of those whose value came from the environment, or from a
            config, as a message calls it there, in all groups of the command; each under all its
            names.
    """

    variables: tuple[tuple[str, str], ...] = ()

    def called(self, name: str, first: str = "") -> str:
        """Return what a message calls an option: its variable or place, if nobody typed it.

        Args:
            name: One of its names.
            first: What the message begins with; if that names the same config, its path is left
                out.
        """
        found = dict(self.variables).get(name, name)
        path, mark, place = found.partition(": [")
        return f"[{place}" if mark and first.startswith(f"{path}{mark}") else found

    def clashes(self) -> Iterator[Clash]:
        """Yield what contradicts what, here and in the groups below."""
        for value in vars(self).values():
            if isinstance(value, Options):
                yield from value.clashes()

    def clash(self, one: str, other: str, flag: str, other_flag: str) -> Clash:
        """Return the clash of two fields of which only one can be given; messages have the flags."""
        first = self.called(flag)
        both = f"{first} and {self.called(other_flag, first)}"
        return Clash(one, other, f"{both}: both are given", "give one of them")


def as_text(argument: str, _called: str = "") -> str:
    """Return an argument as text even where the locale, as LC_ALL=C, made bytes of it."""
    try:
        return os.fsencode(argument).decode()
    except UnicodeError:
        return argument  # no UTF-8; whoever sends it says so


_Group = TypeVar("_Group", bound=Options)


class Declared(NamedTuple):
    """One option of a command: its field's name, type and default, and how it is written."""

    name: str
    kind: Any
    default: object
    option: Option

    @property
    def names(self) -> tuple[str, ...]:
        """How it is typed; an operand has none."""
        if self.option.is_operand:
            return ()
        return self.option.names or (f"--{self.name.replace('_', '-')}",)

    @property
    def long(self) -> str:
        """Its name in messages about how it was typed, and in its variable's."""
        return next(name for name in self.names if name.startswith("--"))

    @property
    def key(self) -> str:
        """Its name in documents and manifests."""
        return self.long.removeprefix("--").replace("-", "_")

    @property
    def is_many(self) -> bool:
        """Whether it may be typed several times; one of a `once` may be, to be told of it."""
        return Ellipsis in get_args(self.kind) or self.option.once is not None

    @property
    def variable(self) -> str | None:
        """Where it is also read from."""
        if self.option.variable != "":
            return self.option.variable
        return f"PRODIA_COMPOSE_{self.key.upper()}"

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
        parsed: list[object] = []
        for text in typed if self.is_many else [typed]:
            with findings.collecting():
                if text in flags:  # in `-p -o out.jpg` the prompt was forgotten
                    message = f"{called(self.long)} {text}: is an option"
                    raise errors.UsageError(message, "write the value before it")
                parsed.append(self._parse(text, called))
        if self.option.once is not None and len(typed) > 1:
            words = f"{called(self.long)}: given {len(typed)} times; {self.option.once}"
            findings.errors.append(errors.UsageError(words, "keep one of them"))
        findings.raise_if_any()
        if called(self.long) != self.long and any(one in self.option.typed_only for one in parsed):
            message = f"{called(self.long)} {parsed[0]}: counts only if it is typed"
            raise errors.UsageError(message, "leave it out")
        return tuple(parsed) if self.option.once is None and self.is_many else parsed[0]

    def _parse(self, typed: str, called: Callable[[str], str]) -> object:
        name, low, high = called(self.long), self.option.minimum, self.option.maximum
        if self.option.parse is not None:
            known = typed if self.is_many else values.text(typed, name)
            return self.option.parse(known, called(self.names[0]))
        if get_origin(self.kind) is Literal:
            return values.choice(typed, name, allowed=get_args(self.kind))
        if self.kind in (int, float):
            example = self.option.example
            return values.number(
                typed, name, kind=self.kind, minimum=low, maximum=high, example=example
            )
        return values.text(typed, name)


def fields_of(group: type[Options]) -> list[tuple[Field[Any], Any, Any]]:
    """Return each field of a group with its type, None apart, and what is noted at it."""
    noted = []
    for field in fields(group):
        hint: Any = field.type
        kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if NoneType in get_args(kind):
            kind = next(one for one in get_args(kind) if one is not NoneType)
        noted.append((field, kind, notes[0] if notes else None))
    return noted


def declared(group: type[Options]) -> Iterator[Declared]:
    """Yield the options of a group and of those in it, of which only some may be noted, or some be told otherwise."""
    for field, kind, note in fields_of(group):
        if isinstance(note, Option):
            yield Declared(field.name, kind, field.default, note)
        elif is_group(kind):
            otherwise = note.options if isinstance(note, Overrides) else {}
            for one in declared(kind):
                changes = otherwise.get(one.name, {})
                if changes is not None and (note is None or otherwise or one.name in note):
                    yield one._replace(option=replace(one.option, **changes))


def flat(group: Options) -> dict[str, object]:
    """Return the values of a group and of those in it, by their fields."""
    found: dict[str, object] = {}
    for name, value in vars(group).items():
        found |= flat(value) if isinstance(value, Options) else {name: value}
    return found


def is_group(kind: Any) -> bool:
    """Return whether a field's type is a group of options."""
    return isinstance(kind, type) and issubclass(kind, Options)


def make(
    kind: type[_Group], given: Mapping[str, object], variables: tuple[tuple[str, str], ...]
) -> _Group:
    """Return a group, and those in it, with the values given; all else as by default."""
    by_name: dict[str, Any] = {"variables": variables}
    for field, below, _ in fields_of(kind):
        if is_group(below):
            by_name[field.name] = make(below, given, variables)
        elif field.name in given:
            by_name[field.name] = given[field.name]
    return kind(**by_name)
