"""How a room declares its options: groups of values that know which of them are variables'.

A group is a frozen value with fields of `Annotated[..., Option(...)]`, or groups itself.
The command line gathers them; rooms know no parser.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from prodia_compose.frozen import frozen


@frozen
class Option:
    """How an option is written and told.

    Attributes:
        names: As it is typed, the first one in messages; by default the field's with dashes.
            The long one also names the variable. Where a switch is on by default, it turns it off.
        metavar: What help calls its value; an operand is called so too.
        minimum: The least number that is taken; `maximum` is the largest.
        parse: Makes the value of what was typed and of what a message is to call the option;
            by default its type decides.
        shown: The default as it is typed, where that is not what the field holds.
        variable: Where it is also read from; "" for PRODIA_COMPOSE_ and its long name, None for
            nowhere.
        once: Why it may not be typed twice; where it says nothing, the last one counts.
        is_operand: Whether it is typed without a name.
        is_count: Whether it is a switch whose value is how often it was typed.
        is_hidden: Whether help leaves it out.
    """

    names: tuple[str, ...] = ()
    help: str | None = None
    metavar: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    parse: Callable[[str, str], object] | None = None
    shown: str | None = None
    variable: str | None = ""
    once: str | None = None
    is_operand: bool = False
    is_count: bool = False
    is_hidden: bool = False


class Retold(NamedTuple):
    """What a command says otherwise of options of a group, by their fields: an `Option`'s fields."""

    options: Mapping[str, Mapping[str, Any]]


class Clash(NamedTuple):
    """Two options that contradict each other as they were given.

    Where one was typed and the other is a variable's, the variable is silent; else it is an error.

    Attributes:
        one: A field; `other` may be one of another group.
        message: The error; None where whoever uses the values tells it.
    """

    one: str
    other: str
    message: str | None = None


@frozen
class Options:
    """A group of options.

    Attributes:
        variables: (option, variable) of those whose value came from the environment, in all
            groups of the command; each under all its names.
    """

    variables: tuple[tuple[str, str], ...] = ()

    def called(self, name: str) -> str:
        """Return what a message calls an option: its variable, if nobody typed it."""
        return dict(self.variables).get(name, name)

    def clashes(self) -> Iterator[Clash]:
        """Yield what contradicts what, here and in the groups below."""
        for value in vars(self).values():
            if isinstance(value, Options):
                yield from value.clashes()

    def clash(self, one: str, other: str, *names: str) -> Clash:
        """Return the clash of two fields, of which one can be given only."""
        first, second = map(self.called, names)
        return Clash(one, other, f"{first} and {second}: give one of them")


def as_text(argument: str, _called: str = "") -> str:
    """Return an argument as text even where the locale, as LC_ALL=C, made bytes of it."""
    try:
        return os.fsencode(argument).decode()
    except UnicodeError:
        return argument  # no UTF-8; whoever sends it says so
