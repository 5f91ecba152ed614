"""Mistyped command lines: what was most likely meant. Loaded only for those who mistyped."""

import itertools
import os
import re
import shlex
from collections.abc import Collection, Sequence

from prodia_compose import addresses, values
from prodia_compose.cli.completion import offers
from prodia_compose.cli.completion.offers import Command

_ID = re.compile(r"[0-9a-f]{2,}(-[0-9a-f]*)*", re.IGNORECASE)
_SWITCHES = ("version",)  # which other programs have as commands
_MANIFESTS = tuple(f".{suffix}" for suffix in offers.PATHS["MANIFEST"][1])
_LONGEST_SHOWN = 60
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"  # which word processors and pages have
_MOST_COMMANDS = 4

_NAMED = re.compile(r"'([^']+)'")  # the first name in a message of the parser's


def command(typed: str, arguments: Sequence[str], group: str) -> str:
    """Return what a word that is no command of a group was meant for; "" if nobody knows.

    Args:
        typed: The word.
        arguments: What follows it.
        group: The group of commands; "" for all.
    """
    root = offers.offers()["root"]
    known = root["commands"][group]["commands"] if group else root["commands"]
    name = shown(typed)
    if group:
        meant = nearest(typed.lower(), known)
        meant = meant or (f"show {name}" if group == "jobs" and _ID.fullmatch(typed) else None)
        return f"did you mean: {group} {meant}?" if meant else f"there are {', '.join(known)}"
    if typed in _SWITCHES:
        after = f"{arguments[0]} " if arguments and arguments[0] in known else ""
        return f"did you mean: {after}--{typed}?"
    if typed.lower().endswith(_MANIFESTS):
        return f"did you mean: batch {name} ...?"
    if addresses.names_file(typed):
        return f"did you mean: compose {name} ...?"
    if len(typed.split()) > 1:
        return f"did you mean: compose IMAGE... -p {name}?"
    meant = nearest(typed.lower(), known)
    above = [one for one in known if typed in known[one]["commands"]]
    if above:
        meant = f"{above[0]} {typed}"
    return f"did you mean: {meant}?" if meant else ""


def early(flag: str, argv: Sequence[str], group: str = "") -> str:
    """Return where an option before the command belongs; "" if no command has it.

    Args:
        flag: The option.
        argv: The whole line.
        group: The group of commands that the command is of; "" for all.
    """
    root = offers.offers()["root"]
    commands = (root["commands"][group] if group else root)["commands"]
    named = [word for word in argv if word in commands]
    for name in (*named[:1], *(() if group else ("compose",)), *commands):
        if flag in _flags(commands[name]):
            line = " ".join(filter(None, ("prodia-compose", group, name, flag)))
            return f"write it after: {line} ..."
    return ""


def misspelt(argv: Sequence[str]) -> tuple[str, str] | None:
    """Return the first option written otherwise than options are, and how to write it.

    That is `-output`, which the parser takes for `-o utput`; `-p=x`, of which the value would be
    `=x`; and one with a dash that a word processor made of `--`.
    """
    command, before = _called(argv)[1], ""
    if command["stops_at_operand"]:
        return None  # what follows may be another program's
    known = {flag: one for one in command["options"] for flag in one["flags"]}
    for word in itertools.takewhile(lambda word: word != "--", argv):
        name = word.lstrip(f"-{_DASHES}").partition("=")[0]
        flag = f"-{name}" if len(name) == 1 else f"--{name}"
        is_value = before in known and known[before]["value"] is not None
        before = word
        if is_value or flag not in known or word.startswith("--"):
            continue
        if word[0] in _DASHES:
            return f"{word}: begins with another dash than options do", f"write {flag}"
        if word.startswith("-") and len(name) > 1:
            return f"{word}: one dash is for options of one letter", f"write {flag}"
        if word.startswith(f"{flag}=") and known[flag]["value"] is not None:
            return f"{word}: the value would begin with =", f"write {flag} {shown(word[3:])}"
    return None


def behind(argv: Sequence[str]) -> str | None:
    """Return the first option behind `--`, where all words are names; None if there is none."""
    place = argv.index("--") + 1
    command = _called(argv[:place])[1]
    flags = set() if command["stops_at_operand"] else _flags(command)
    named = (word for word in argv[place:] if word.partition("=")[0] in flags)
    return next((word for word in named if not os.path.lexists(word)), None)


def elsewhere(flag: str) -> str:
    """Return which commands take an option that this one does not; "" if none or most do."""
    left: list[tuple[tuple[str, ...], Command]] = [((), offers.offers()["root"])]
    names: list[str] = []
    while left:
        path, one = left.pop(0)
        names += [" ".join(path)] if path and flag in _flags(one, hidden=False) else []
        left += [((*path, name), below) for name, below in one["commands"].items()]
    if len(names) > _MOST_COMMANDS:
        return ""
    if len(names) < 2:
        return f"only `{names[0]}` takes it" if names else ""
    return f"`{'`, `'.join(names[:-1])}` and `{names[-1]}` take it"


def lacking(message: str, argv: Sequence[str]) -> tuple[str, ...]:
    """Return what a line has too little or too much of, in our words, and what to do; else ().

    Args:
        message: The parser's.
        argv: The whole line.
    """
    path, command = _called(argv)
    called = " ".join(path)
    line = f"write: {' '.join(('prodia-compose', *path, *command['operands']))}"
    named = _NAMED.search(message)
    name = "" if named is None else named[1]
    option = next((one for one in command["options"] if name in one["flags"]), None)
    value, about = "VALUE", "see its --help"
    if option is not None:
        value, about = option["value"] or value, option["help"][:1].lower() + option["help"][1:]
    more = shown(message.partition("(s) (")[2].rstrip(")."))
    ids = "`prodia-compose jobs` lists the ids" if name.startswith("ID") else ""
    known = {
        "Missing command": ("no command", "see prodia-compose --help"),
        "Got unexpected extra argument": (f"{more}: is more than {called} takes", line),
        "Missing argument": (f"{called}: {name} is missing", line, ids),
        "Missing option": (f"{called}: {name} is missing", f"write {name} {value} ({about})"),
        "requires an argument": (f"{name}: has no value", f"write {name} {value}"),
        "does not take a value": (f"{name}: takes no value", f"write {name} alone"),
    }
    return next((lines for words, lines in known.items() if words in message), ())


def _called(argv: Sequence[str]) -> tuple[list[str], Command]:
    """Return the words of a line that name a command, and that."""
    path, command = [], offers.offers()["root"]
    for word in argv:
        if word in command["commands"]:
            path.append(word)
            command = command["commands"][word]
        elif not word.startswith("-"):
            break
    return path, command


def nearest(typed: str, known: Collection[str]) -> str | None:
    """Return the word that one mistyped is nearest to, if one begins so or is near."""
    found = [word for word in known if typed and word.startswith(typed)]
    return found[0] if found else values.nearest(typed, known)


def shown(word: str) -> str:
    """Return a word as a shell would want it, if it is not too long, and without a password."""
    word = addresses.shown(word)
    return shlex.quote(word if len(word) <= _LONGEST_SHOWN else f"{word[:_LONGEST_SHOWN]}...")


def _flags(command: Command, *, hidden: bool = True) -> set[str]:
    """Return the names of a command's options, of hidden ones if they are wanted."""
    shown = [one for one in command["options"] if hidden or not one["is_hidden"]]
    return {flag for option in shown for flag in option["flags"]}
