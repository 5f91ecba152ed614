"""Frozen values: dataclasses that cost next to nothing to declare.

`dataclasses` writes the source of six methods for each class and compiles it: 0.7 ms with
Python 3.11, and so 50 ms at the start of each run for the seventy classes that a job needs.
Here the methods are written once, for all. What is declared is a dataclass all the same: to
`dataclasses.fields`, `replace` and `asdict`, and to type checkers.
"""

import dataclasses
from typing import TYPE_CHECKING, ClassVar, NoReturn, TypeVar, dataclass_transform

Declared = TypeVar("Declared")

if TYPE_CHECKING:
    from typing import Any

    class _Value:
        """What the methods here rely on."""

        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


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
    return declared


def _init(self: "_Value", **given: object) -> None:
    state: dict[str, object] = {}
    for name, field in self.__dataclass_fields__.items():
        if field.init and name in given:
            state[name] = given.pop(name)
        elif field.default is not dataclasses.MISSING:
            state[name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            state[name] = field.default_factory()
        else:
            raise TypeError(f"{type(self).__name__}: {name} is missing")
    if given:
        raise TypeError(f"{type(self).__name__}: has no {', '.join(given)}")
    vars(self).update(state)
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
    return vars(self) == vars(other) if type(other) is type(self) else NotImplemented


def _hash(self: "_Value") -> int:
    return hash(tuple(getattr(self, name) for name in self.__dataclass_fields__))


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
