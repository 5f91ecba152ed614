"""Examples in messages: a value that is no number is answered with one that the option takes."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial

import pytest
from test_help import _commands

from prodia_compose import errors
from prodia_compose.models import settings
from prodia_compose.models.catalogue import CATALOGUE
from prodia_compose.models.facts import Model, SettingValue
from prodia_compose.options import Declared, Options, declared

SETTINGS = [
    (model, setting.name)
    for model in CATALOGUE
    for setting in model.settings
    if setting.status != "refused" and setting.type in ("integer", "number")
]


def _kinds(of: type[Options] = Options) -> Iterator[type[Options]]:
    """Yield each group of options there is."""
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _read(option: Declared, typed: str) -> object:
    return option.read([typed] if option.is_many else typed, str, ())


def _readers() -> dict[str, Callable[[str], object]]:
    """Return what reads each number of each command, by the option's name."""
    found: dict[str, Callable[[str], object]] = {}
    for names, command in _commands():
        for one in command.params:
            if hasattr(one.type, "func"):
                found[f"{' '.join(names)} {one.opts[0]}"] = one.type.func
    for kind in _kinds():
        for option in declared(kind):
            is_number = option.kind in (int, float, Decimal) and not option.option.is_count
            if is_number and option.name != "match":  # which may be a name
                found[f"{kind.__name__} {option.long}"] = partial(_read, option)
    return found


READERS = _readers()


def _example(read: Callable[[str], object], typed: str) -> str:
    """Return the example of the message for what is no number."""
    with pytest.raises(errors.UsageError) as caught:
        read(typed)
    match = re.search(r"such as (\S+)$", caught.value.message)
    assert match is not None, caught.value.message
    return match[1]


@pytest.mark.parametrize("option", READERS)
def test_an_example_is_one_the_option_takes(option: str) -> None:
    """Whoever follows the message is not told of another mistake."""
    READERS[option](_example(READERS[option], "x"))


def test_all_commands_are_looked_at() -> None:
    """Options of groups, and those that one command alone has, are among them."""
    names = {name.partition(" --")[2] for name in READERS}

    assert {"width", "max-cost", "budget", "jobs", "port", "limit", "stall-timeout"} <= names


@pytest.mark.parametrize(
    ("model", "name"), SETTINGS, ids=[f"{model.short_name} {name}" for model, name in SETTINGS]
)
def test_an_example_is_one_the_model_takes(model: Model, name: str) -> None:
    """A setting that is given with `--set` is answered alike."""

    def read(value: SettingValue) -> None:
        findings = errors.Findings()
        settings.check_settings(model, [], [(name, value)], findings)
        findings.raise_if_any()

    read(float(_example(read, "x")))
