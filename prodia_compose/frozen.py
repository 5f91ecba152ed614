"""Frozen values: dataclasses that cost next to nothing to declare.

`dataclasses` writes the source of six methods for each class and compiles it: 0.7 ms with
Python 3.11, and so 50 ms at the start of each run for the seventy classes that a job needs.
Here the methods are written once, for all. What is declared is a dataclass all the same: to
`dataclasses.fields`, `replace` and `asdict`, and to type checkers.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, NoReturn, TypeVar, dataclass_transform

Declared = TypeVar("Declared")

if TYPE_CHECKING:
    from typing import Any

    class _Value:
        """What the methods here rely on."""

        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
        __blank__: ClassVar[dict[str, object]]  # what can be given, in order, with defaults
        __needed__: ClassVar[frozenset[str]]  # those without a default
        __made__: ClassVar[dict[str, Callable[[], object]]]  # what makes a default anew


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,)
)
def frozen(cls: type[Declared]) -> type[Declared]:
    """Make a class with annotated fields a frozen dataclass, to be called with keywords only.

    As `dataclasses.dataclass(frozen=True, kw_only=True)` does, `__post_init__` included; but
    for `compare` and `hash` of a field, which say nothing here.

    Raises:
        TypeError: It has class variables, which dataclasses tell from fields.
    """
    for name in _METHODS.keys() - vars(cls).keys():  # what a class says of itself counts
        setattr(cls, name, _METHODS[name])
    declared = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=True)(cls)
    fields = vars(declared)["__dataclass_fields__"]
    if len(dataclasses.fields(declared)) != len(fields):  # type: ignore[arg-type] # it is one now
        raise TypeError(f"{cls.__name__}: class variables have no place in a frozen value")
    made, bare = {}, set()
    for name, field in fields.items():
        if field.default_factory is not dataclasses.MISSING:
            made[name] = field.default_factory
        elif field.default is dataclasses.MISSING:
            bare.add(name)
    # Looked at once, not for each value: a batch makes dozens of those for each row.
    for name, found in (
        ("__blank__", {name: field.default for name, field in fields.items() if field.init}),
        ("__needed__", frozenset(bare)),
        ("__made__", made),
    ):
        setattr(declared, name, found)
    return declared


def _init(self: "_Value", **given: object) -> None:
    kind = type(self)
    state = {**kind.__blank__, **given}
    if len(state) > len(kind.__blank__):
        raise TypeError(
            f"{kind.__name__}: has no {', '.join(given.keys() - kind.__blank__.keys())}"
        )
    if not given.keys() >= kind.__needed__:
        raise TypeError(f"{kind.__name__}: {min(kind.__needed__ - given.keys())} is missing")
    for name, make in kind.__made__.items():
        if name not in given:
            state[name] = make()
    own = vars(self)
    # One by one, and not with `update`: so all values of a kind share the table of their names,
    # and one of 22 fields, as a row of a batch has it, takes 340 bytes instead of 890.
    for name, value in state.items():
        own[name] = value
    if hasattr(self, "__post_init__"):
        self.__post_init__()


def _repr(self: "_Value") -> str:
    shown = (
        f"{name}={getattr(self, name)!r}"
        for name, field in self.__dataclass_fields__.items()
        if field.repr
    )
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: "_Value", other: object) -> bool:
    return _fields(self) == _fields(other) if type(other) is type(self) else NotImplemented


def _hash(self: "_Value") -> int:
    return hash(_fields(self))


def _fields(self: "_Value") -> tuple[object, ...]:
    """Return the fields; a value may also hold what a cached property has made of them."""
    return tuple(getattr(self, name) for name in self.__dataclass_fields__)


def _setattr(_self: "_Value", name: str, _value: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(_self: "_Value", name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


_METHODS = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
}
