"""Where on a command line its next word would stand: read as the parser would read it."""

from collections.abc import Iterable
from typing import NamedTuple

from prodia_compose.cli.completion.offers import Command, Option

MANIFEST = "MANIFEST"
ENTRIES = "LIST"  # which stands for a manifest


class Place(NamedTuple):
    """Where the next word of a line would stand.

    Attributes:
        command: The command it belongs to.
        option: The option it is the value of, if it is.
        operands: The operands of the command that come before it.
        is_operand: Whether it is one even if it begins with a dash.
        given: The options before it, each with its value, "" for switches.
    """

    command: Command
    option: Option | None = None
    operands: tuple[str, ...] = ()
    is_operand: bool = False
    given: tuple[tuple[Option, str], ...] = ()


def walk(root: Command, words: Iterable[str]) -> Place:
    """Return what would come after some words, the program's name not among them."""
    place = Place(root)
    for word in words:
        place = _after(place, word)
    return place


def _after(place: Place, word: str) -> Place:
    """Return what comes after one more word, read as the parser would read it."""
    command = place.command
    if place.option is not None:
        return place._replace(option=None, given=(*place.given, (place.option, word)))
    if not place.is_operand and word == "--":
        return place._replace(is_operand=True)
    if place.is_operand or not word.startswith("-") or word == "-":
        if word in command["commands"] and not place.operands:
            return Place(command["commands"][word])
        is_operand = place.is_operand or command["stops_at_operand"]
        return place._replace(operands=(*place.operands, word), is_operand=is_operand)
    options, start = _options(command, word)
    if start is None and options and options[-1]["value"]:
        switches = ((option, "") for option in options[:-1])
        return place._replace(option=options[-1], given=(*place.given, *switches))
    value = "" if start is None else word[start:]
    return place._replace(given=(*place.given, *((option, value) for option in options)))


def _options(command: Command, word: str) -> tuple[list[Option], int | None]:
    """Return the options that a word gives, and where in it the value of the last one begins."""
    known = {flag: option for option in command["options"] for flag in option["flags"]}
    if word.startswith("--"):
        flag, equals, _ = word.partition("=")
        return [known[flag]] if flag in known else [], len(flag) + 1 if equals else None
    options = []
    for end, letter in enumerate(word[1:], 2):
        if f"-{letter}" not in known:
            break
        options.append(known[f"-{letter}"])
        if options[-1]["value"]:
            return options, end if end < len(word) else None
    return options, None


def attached(command: Command, word: str) -> tuple[Option | None, int]:
    """Return the option whose value is being typed in its own word, and where that begins."""
    options, start = _options(command, word)
    return (options[-1], start) if options and start is not None else (None, 0)


def flags(place: Place) -> list[tuple[str, str]]:
    """Return the options that may come, without those that came and may not come again."""
    given = [option for option, _ in place.given if not option["is_repeatable"]]
    return [
        (flag, option["help"])
        for option in place.command["options"]
        if not option["is_hidden"] and option not in given
        for flag in option["flags"]
    ]


def operand(place: Place) -> str | None:
    """Return what help calls the next operand; None if there is none."""
    operands = place.command["operands"]
    if ENTRIES in (option["value"] for option, _ in place.given):
        operands = [one for one in operands if one != MANIFEST]
    if len(place.operands) < len(operands):
        return operands[len(place.operands)]
    return operands[-1] if operands and place.command["takes_more"] else None
