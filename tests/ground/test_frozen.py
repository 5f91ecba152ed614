"""Frozen values: what they share with dataclasses, and what they cost less."""

import copy
import dataclasses
import functools
import pickle
from dataclasses import field
from typing import ClassVar

import pytest

from prodia_compose.frozen import frozen


@frozen
class Size:
    """A size."""

    width: int
    height: int
    unit: str = "px"
    secret: str = field(default="", repr=False)
    marks: list[str] = field(default_factory=list)


@frozen
class Positive:
    """A number that is checked."""

    number: int

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(self.number)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Declared:
    """The standard library's, to compare with."""

    width: int
    height: int
    unit: str = "px"
    secret: str = field(default="", repr=False)
    marks: list[str] = field(default_factory=list)


def test_fields_and_defaults() -> None:
    """Each value has its own of what a factory makes."""
    one, two = Size(width=4, height=3), Size(width=4, height=3)

    assert (one.width, one.height, one.unit, one.marks) == (4, 3, "px", [])
    assert one.marks is not two.marks


def test_it_is_shown_as_a_dataclass_is() -> None:
    """The fields in their order, those left out that are to be."""
    ours, theirs = Size(height=3, width=4, secret="s"), Declared(width=4, height=3, secret="s")

    assert repr(ours) == repr(theirs).replace("Declared", "Size")
    assert "secret" not in repr(ours)


def test_its_own_words_count() -> None:
    """A class that says how it is shown, such as one with a token, is shown so."""

    @frozen
    class Token:
        """A secret."""

        value: str

        def __repr__(self) -> str:
            return "Token(...)"

    assert repr(Token(value="hush")) == "Token(...)"


def test_equal_by_kind_and_fields() -> None:
    """Equal values have one hash; another kind with the same fields is another value."""
    small = Positive(number=1)
    other: object = Declared(width=4, height=3)

    assert Size(width=4, height=3) == Size(height=3, width=4)
    assert Size(width=4, height=3) != Size(width=4, height=4)
    assert Size(width=4, height=3) != other
    assert {small, Positive(number=1)} == {small}


def test_wrong_fields_are_told() -> None:
    """By the names of class and field; type checkers tell them sooner."""
    with pytest.raises(TypeError, match="Size: height is missing"):
        Size(width=4)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Size: has no depth"):
        Size(width=4, height=3, depth=1)  # type: ignore[call-arg]


def test_nothing_is_changed() -> None:
    """No field can be set, added or taken away."""
    size = Size(width=4, height=3)

    with pytest.raises(dataclasses.FrozenInstanceError):
        size.width = 5  # type: ignore[misc] # frozen, to mypy as well
    with pytest.raises(dataclasses.FrozenInstanceError):
        size.depth = 5  # type: ignore[attr-defined]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del size.width


def test_a_check_of_its_own_is_made() -> None:
    """Also of a changed copy."""
    with pytest.raises(ValueError, match="0"):
        Positive(number=0)
    with pytest.raises(ValueError, match="-1"):
        dataclasses.replace(Positive(number=1), number=-1)


def test_what_is_not_given_is_made() -> None:
    """A field that is none of the caller's business is refused as any unknown one is."""

    @frozen
    class Counted:
        """A value with something of its own."""

        seen: list[int] = field(default_factory=list, init=False)

    assert Counted().seen == []
    with pytest.raises(TypeError, match="has no seen"):
        Counted(seen=[1])  # type: ignore[call-arg]


def test_class_variables_are_refused() -> None:
    """They are no fields, and would be taken for some."""
    with pytest.raises(TypeError, match="Odd: class variables have no place"):

        @frozen
        class Odd:
            """A value with what all of its kind share."""

            shared: ClassVar[int] = 1


def test_dataclasses_knows_it() -> None:
    """`replace`, `fields` and `asdict` serve as for any dataclass; copies are equal."""
    size = Size(width=4, height=3, marks=["a"])

    assert dataclasses.replace(size, width=5) == Size(width=5, height=3, marks=["a"])
    assert [each.name for each in dataclasses.fields(Size)] == [
        each.name for each in dataclasses.fields(Declared)
    ]
    assert dataclasses.asdict(size) == dataclasses.asdict(Declared(width=4, height=3, marks=["a"]))
    assert copy.deepcopy(size) == size
    assert pickle.loads(pickle.dumps(size)) == size  # noqa: S301 - our own


def test_declaring_one_compiles_nothing() -> None:
    """All share the same methods: that is what makes them cheap."""
    shared = ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__")

    assert all(getattr(Size, name) is getattr(Positive, name) for name in shared)


def test_what_was_made_of_the_fields_does_not_count() -> None:
    """A value that has a cached property looked at equals one that has not."""

    @frozen
    class Square:
        """A size."""

        side: int

        @functools.cached_property
        def area(self) -> int:
            """Its area."""
            return self.side**2

    assert Square(side=3).area == 9
    one = Square(side=3)
    assert (one.area, one, hash(one)) == (9, Square(side=3), hash(Square(side=3)))
    assert one != Square(side=4)
