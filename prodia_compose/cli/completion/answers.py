"""What a shell's completion script asks at a TAB press, and what it is answered.

The scripts in `completions/` know nothing of the options. They run the program as one of

    prodia-compose __complete fish|powershell|zsh COUNT WORD...
    prodia-compose __complete bash LEFT RIGHT PART

The words are those of the line without their quotes, the program's name first; COUNT of
them stand before the one at the cursor, which ends there. bash splits words at : and = too,
and so gives the line on both sides of the cursor, and the part of it that it will replace.
The answer begins with what kind of thing is offered:

    words      and which: each in whole, a tab, a description; for bash, the rest to type
    names      and which: files and folders, found here for bash and fish
    default    for bash and fish, to look for files themselves
    files START SUFFIX...    for zsh and PowerShell, which look for them themselves: from
               START on the word is the path of one with such a suffix; without any, of any
    others START SUFFIX...   the same for files with no such suffix, or all if there are none
    folders START            the same for folders

Lines end in a newline; in NUL for bash and fish, as names may hold anything else.
"""

import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from prodia_compose.cli.completion import offers
from prodia_compose.cli.completion.offers import Command, Option

_LABELLED = "NAME=PATH"
_MANIFEST = "MANIFEST"
_ENTRIES = "LIST"  # which stands for a manifest
_URLS = ("http://", "https://")
_SPECIAL = re.compile(r"[^\w@%+=:,./{}-]")  # to bash, in a word without quotes
_MARK = "\0"  # stands for the cursor


class _Place(NamedTuple):
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


class _Answer(NamedTuple):
    """What is offered.

    Attributes:
        kind: Words that are known here, or paths.
        words: (word, description), the words in whole.
        start: Where in the word at the cursor the path begins.
        suffixes: Those of the files wanted, or not, without dots; none for any file.
    """

    kind: offers.Kind = "words"
    words: Sequence[tuple[str, str]] = ()
    start: int = 0
    suffixes: Sequence[str] = ()


def run(arguments: Sequence[str]) -> int:
    """Answer a completion script and return the exit code."""
    shell, *line = arguments
    if shell == "bash":
        lines = _for_bash(*line)
    else:
        count, words = int(line[0]), line[1:]
        current = words[count] if count < len(words) else ""  # PowerShell loses empty ones
        answer = _answer(words[:count], current, words[count + 1 :])
        lines = _found(answer, current) if shell == "fish" else _told(answer)
    end = "\0" if shell in ("bash", "fish") else "\n"
    sys.stdout.buffer.write(os.fsencode("".join(f"{line}{end}" for line in lines)))
    sys.stdout.flush()
    return 0


def _told(answer: _Answer) -> Iterator[str]:
    """Yield the answer to a shell that finds files of some suffixes itself."""
    if answer.kind == "words":
        yield "words"
        yield from map("\t".join, answer.words)
    else:
        yield " ".join((answer.kind, str(answer.start), *answer.suffixes))


def _found(answer: _Answer, current: str) -> Iterator[str]:
    """Yield the answer to a shell for which files of some suffixes are found here."""
    if answer.kind == "words":
        yield from _told(answer)
    elif answer.kind == "folders":
        yield "folders"
    else:
        # fish would take a tab for the end of the name.
        names = [one for one in _names(current[answer.start :], answer) if "\t" not in one]
        yield "names" if names else "default"
        yield from (current[: answer.start] + name for name in names)


def _for_bash(left: str, right: str, part: str) -> Iterator[str]:
    """Yield the answer to bash: what may come in the place of the part that it will replace."""
    *before, current = _split(left)
    kind, *found = _found(_answer(before, current, _split(_MARK + right)[1:]), current)
    is_quoted = _is_quoted(left)
    part = (part if is_quoted else _split(part)[-1]).lstrip(":=")
    typed = len(current) - len(part) if current.endswith(part) else 0
    yield kind
    for one in found:
        # bash marks folders itself, and quotes the names of files, but no words.
        word = one.partition("\t")[0] if kind == "words" else one.removesuffix("/")
        if word.startswith(current):
            is_bare = kind == "words" and not is_quoted
            yield _SPECIAL.sub(r"\\\g<0>", word[typed:]) if is_bare else word[typed:]


def _answer(before: Sequence[str], current: str, after: Sequence[str]) -> _Answer:
    """Return what may stand at the cursor.

    Args:
        before: The words before, the program's name first.
        current: The word at the cursor, up to it.
        after: The words after it, which may name the model.
    """
    known = offers.offers()
    place = _walk(known["root"], before[1:])
    option, start = place.option, 0
    if option is None and not place.is_operand and current.startswith("-"):
        option, start = _attached(place.command, current)
        if option is None:
            return _Answer(words=_flags(place))
    commands = place.command["commands"]
    if option is None and commands and not place.operands:
        return _Answer(words=[(name, command["help"]) for name, command in commands.items()])
    value = _operand(place) if option is None else option["value"]
    if value is None:
        return _Answer()
    if value in offers.IDS_OR_FILES:
        if ids := offers.job_ids(current):
            return _Answer(words=ids)
        value = offers.IDS_OR_FILES[value]
    if value in offers.PATHS:
        return _path(value, current, start)
    whole = _walk(known["root"], [*before[1:], current, *after])
    return _Answer(words=_words(known, value, current, start, whole))


def _words(
    known: offers.Offers, value: str, current: str, start: int, whole: _Place
) -> list[tuple[str, str]]:
    """Return what the word at the cursor may become, for a value that is no path."""
    typed = current[start:]
    if value == "TEXT":
        offered = _labels_in(typed, whole)
    elif value == "WHICH":
        offered = _images(whole)
    elif value == "ROW":
        offered = _rows(whole, typed)
    else:
        model = {one["value"]: given for one, given in whole.given}.get("NAME")
        offered = offers.words(known, value, typed, model)
    return [(current[:start] + word, about) for word, about in offered]


def _rows(place: _Place, typed: str) -> list[tuple[str, str]]:
    """Return the ids of rows that begin so, of the batch on the line, each with how it ended."""
    given = {option["flags"][0]: value for option, value in place.given}
    manifest = None if "--each" in given else next(iter(place.operands), None)
    results, target = given.get("--results"), given.get("--output", "")
    if _MANIFEST not in place.command["operands"]:  # all are pictures, to compare models with
        results = os.path.join(target, "results.jsonl")  # noqa: PTH118 - as typed
    elif manifest is None and not {"--each", "--results"} & given.keys():
        return []
    return offers.row_ids(typed, results, manifest, target, is_sandbox="--sandbox" in given)


def _images(place: _Place) -> list[tuple[str, str]]:
    """Return what may stand for an image of the line: its position, its label, each with its path.

    Of a batch only labels are known: the pictures of each row come first.
    """
    is_batch = _MANIFEST in place.command["operands"]
    named = [] if is_batch else [("", path) for path in place.operands]
    for option, typed in place.given:
        if option["value"] == _LABELLED:
            label, equals, path = typed.partition("=")
            named.append((label, path) if equals else ("", typed))
    positions = [
        (str(position), path) for position, (_, path) in enumerate(named, 1) if not is_batch
    ]
    return [*positions, *((label, path) for label, path in named if label)]


def _labels_in(text: str, place: _Place) -> list[tuple[str, str]]:
    """Return a prompt with each label that may come in the brace that is open at its end."""
    before, brace, begun = text.rpartition("{")
    if not brace or "}" in begun or before.endswith("{"):  # closed, or a literal brace
        return []
    listed = [("each", path) for option, path in place.given if option["value"] == _ENTRIES]
    return [
        (f"{before}{{{label}}}", path)
        for label, path in (*listed, *_images(place))
        if not label.isdigit() and label.startswith(begun)
    ]


def _path(value: str, current: str, start: int) -> _Answer:
    """Return that a path is wanted, unless what is typed is an address."""
    kind, suffixes = offers.PATHS[value]
    if value == _LABELLED:
        start = current.find("=", start) + 1 or start
    if current.startswith(_URLS, start):
        return _Answer()
    return _Answer(kind, (), start, suffixes)


def _walk(root: Command, words: Iterable[str]) -> _Place:
    """Return what would come after some words, the program's name not among them."""
    place = _Place(root)
    for word in words:
        place = _after(place, word)
    return place


def _after(place: _Place, word: str) -> _Place:
    """Return what comes after one more word, read as the parser would read it."""
    command = place.command
    if place.option is not None:
        return place._replace(option=None, given=(*place.given, (place.option, word)))
    if not place.is_operand and word == "--":
        return place._replace(is_operand=True)
    if place.is_operand or not word.startswith("-") or word == "-":
        if word in command["commands"] and not place.operands:
            return _Place(command["commands"][word])
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


def _attached(command: Command, word: str) -> tuple[Option | None, int]:
    """Return the option whose value is being typed in its own word, and where that begins."""
    options, start = _options(command, word)
    return (options[-1], start) if options and start is not None else (None, 0)


def _flags(place: _Place) -> list[tuple[str, str]]:
    """Return the options that may come, without those that came and may not come again."""
    given = [option for option, _ in place.given if not option["is_repeatable"]]
    return [
        (flag, option["help"])
        for option in place.command["options"]
        if not option["is_hidden"] and option not in given
        for flag in option["flags"]
    ]


def _operand(place: _Place) -> str | None:
    """Return what help calls the next operand; None if there is none."""
    operands = place.command["operands"]
    if _ENTRIES in (option["value"] for option, _ in place.given):
        operands = [one for one in operands if one != _MANIFEST]
    if len(place.operands) < len(operands):
        return operands[len(place.operands)]
    return operands[-1] if operands and place.command["takes_more"] else None


def _split(text: str) -> list[str]:
    """Return the words of a line, split as a shell does; the last one is the one at its end.

    That one may be empty, or its quotes still open.
    """
    lexer = shlex.shlex(text + _MARK, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:  # an open quote
        words.append(lexer.token)
    return [*words[:-1], words[-1].removesuffix(_MARK)]


def _is_quoted(text: str) -> bool:
    """Return whether a quote is open at the end of a line."""
    try:
        shlex.split(text)
    except ValueError:
        return True
    return False


def _names(path: str, wanted: _Answer) -> list[str]:
    """Return the folders, with a slash, and the files wanted, whose paths begin so."""
    folder, slash, name = path.rpartition("/")
    endings = tuple(f".{suffix}" for suffix in wanted.suffixes)
    try:
        with os.scandir(os.path.expanduser(folder + slash) or ".") as entries:  # noqa: PTH111 - as pathlib would lose the final slash
            found = [
                entry.name + ("/" if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(name) and (name or not entry.name.startswith("."))
            ]
    except OSError:
        return []
    is_other = wanted.kind == "others"
    listed = [
        one
        for one in found
        if not endings or one.endswith("/") or one.lower().endswith(endings) != is_other
    ]
    if is_other and all(one.endswith("/") for one in listed):
        listed = found
    return [folder + slash + one for one in sorted(listed)]
