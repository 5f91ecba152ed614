"""What a shell's completion script asks at a TAB press, and what it is answered.

The scripts in `completions/` know nothing of the options. They run the program as one of

    prodia-compose __complete fish|powershell|zsh COUNT WORD...
    prodia-compose __complete bash LEFT RIGHT PART [TYPE COLUMNS]

The words are those of the line without their quotes, the program's name first; COUNT of
them stand before the one at the cursor, which ends there. bash splits words at : and = too,
and so gives the line on both sides of the cursor, the part of it that it will replace, its
COMP_TYPE, and how wide the terminal is: where words are listed, each has its description.
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
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from prodia_compose.cli.completion import offers, places
from prodia_compose.cli.completion.offers import Command

_LABELLED = "NAME=PATH"
_URLS = ("http://", "https://")
_SPECIAL = re.compile(r"[^\w@%+=:,./{}-]")  # to bash, in a word without quotes
_LISTED = ("33", "63", "64")  # TAB pressed to see what there is: `!`, `?`, `@`
_TOPICS = "COMMAND|TOPIC"
_MARK = "\0"  # stands for the cursor


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
        lines = _found(answer, current) if shell == "fish" else _lines(answer)
    end = "\0" if shell in ("bash", "fish") else "\n"
    sys.stdout.buffer.write(os.fsencode("".join(f"{line}{end}" for line in lines)))
    sys.stdout.flush()
    return 0


def _lines(answer: _Answer) -> Iterator[str]:
    """Yield the answer to a shell that finds files of some suffixes itself."""
    if answer.kind == "words":
        yield "words"
        yield from map("\t".join, answer.words)
    else:
        yield " ".join((answer.kind, str(answer.start), *answer.suffixes))


def _found(answer: _Answer, current: str) -> Iterator[str]:
    """Yield the answer to a shell for which files of some suffixes are found here."""
    if answer.kind == "words":
        yield from _lines(answer)
    elif answer.kind == "folders":
        yield "folders"
    else:
        # fish would take a tab for the end of the name.
        names = [one for one in _names(current[answer.start :], answer) if "\t" not in one]
        yield "names" if names else "default"
        yield from (current[: answer.start] + name for name in names)


def _for_bash(
    left: str, right: str, part: str, type_: str = "", columns: str = ""
) -> Iterator[str]:
    """Yield the answer to bash: what may come in the place of the part that it will replace."""
    *before, current = _split(left)
    kind, *lines = _found(_answer(before, current, _split(_MARK + right)[1:]), current)
    is_quoted = _is_quoted(left)
    part = (part if is_quoted else _split(part)[-1]).lstrip(":=")
    typed = len(current) - len(part) if current.endswith(part) else 0
    yield kind
    words: list[tuple[str, str]] = []
    for one in lines:
        # bash marks folders itself, and quotes the names of files, but no words.
        word, _, about = one.partition("\t") if kind == "words" else (one.removesuffix("/"), "", "")
        if word.startswith(current):
            is_bare = kind == "words" and not is_quoted
            shown = _SPECIAL.sub(r"\\\g<0>", word[typed:]) if is_bare else word[typed:]
            words.append((shown, "" if word.startswith("-") else about))
    is_list = type_ in _LISTED and len(words) > 1
    yield from _described(words, int(columns or 80)) if is_list else (word for word, _ in words)


def _described(words: Sequence[tuple[str, str]], columns: int) -> Iterator[str]:
    """Yield words as a list shows them; what they begin with alike is typed, and no more."""
    widest = max(len(word) for word, _ in words)
    for word, about in words:
        room = columns - widest - len("  ()") - 1  # bash folds a line that fills the terminal
        cut = about if len(about) <= room else f"{about[: max(0, room - 1)]}…"
        yield f"{word:{widest}}  ({cut})" if about and room > 0 else word


def _answer(before: Sequence[str], current: str, after: Sequence[str]) -> _Answer:
    """Return what may stand at the cursor.

    Args:
        before: The words before, the program's name first.
        current: The word at the cursor, up to it.
        after: The words after it, which may name the model.
    """
    known = offers.offers()
    place = places.walk(known["root"], before[1:])
    option, start = place.option, 0
    if option is None and not place.is_operand and current.startswith("-"):
        option, start = places.attached(place.command, current)
        if option is None:
            return _Answer(words=places.flags(place))
    commands = place.command["commands"]
    if option is None and commands and not place.operands:
        return _Answer(words=_below(place.command))
    value = places.operand(place) if option is None else option["value"]
    if value is None:
        return _Answer()
    if value in offers.IDS_OR_FILES:
        typed = current[start:]
        file, hash_, row = typed.partition("#")
        is_row = hash_ and offers.IDS_OR_FILES[value] == "RESULTS"
        ids = offers.row_ids(row, file, None, "", is_sandbox=False) if is_row else ()
        found = [(f"{file}#{one}", about) for one, about in ids] or offers.job_ids(typed)
        if found:
            return _Answer(words=[(current[:start] + one, about) for one, about in found])
        value = offers.IDS_OR_FILES[value]
    if value in offers.PATHS:
        return _path(value, current, start)
    whole = places.walk(known["root"], [*before[1:], current, *after])
    return _Answer(words=_words(known, value, current, start, place, whole))


def _words(
    known: offers.Offers,
    value: str,
    current: str,
    start: int,
    place: places.Place,
    whole: places.Place,
) -> list[tuple[str, str]]:
    """Return what the word at the cursor may become, for a value that is no path."""
    typed = current[start:]
    if value == "TEXT":
        offered = _labels_in(typed, whole)
    elif value == "WHICH":
        offered = _images(whole)
    elif value == "ROW":
        offered = _rows(whole, typed)
    elif value == _TOPICS and place.operands:
        offered = _below(known["root"], place.operands)
    else:
        model = {one["value"]: given for one, given in whole.given}.get("NAME")
        offered = offers.words(known, value, typed, model)
    return [(current[:start] + word, about) for word, about in offered]


def _below(command: Command, names: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return the commands below one, or below that of it which some names lead to."""
    for name in names:
        if name not in command["commands"]:
            return []
        command = command["commands"][name]
    return [(name, one["help"]) for name, one in command["commands"].items()]


def _rows(place: places.Place, typed: str) -> list[tuple[str, str]]:
    """Return the ids of rows that begin so, of the batch on the line, each with how it ended."""
    given = {option["flags"][0]: value for option, value in place.given}
    manifest = None if "--each" in given else next(iter(place.operands), None)
    results, target = given.get("--results"), given.get("--output", "")
    if places.MANIFEST not in place.command["operands"]:  # all are pictures, to compare models with
        results = os.path.join(target, "results.jsonl")  # noqa: PTH118 - as typed
    elif manifest is None and not {"--each", "--results"} & given.keys():
        return []
    return offers.row_ids(typed, results, manifest, target, is_sandbox="--sandbox" in given)


def _images(place: places.Place) -> list[tuple[str, str]]:
    """Return what may stand for an image of the line: its position, its label, each with its path.

    Of a batch only labels are known: the pictures of each row come first.
    """
    is_batch = places.MANIFEST in place.command["operands"]
    named = [] if is_batch else [("", path) for path in place.operands]
    for option, typed in place.given:
        if option["value"] == _LABELLED:
            label, equals, path = typed.partition("=")
            named.append((label, path) if equals else ("", typed))
    positions = [
        (str(position), path) for position, (_, path) in enumerate(named, 1) if not is_batch
    ]
    return [*positions, *((label, path) for label, path in named if label)]


def _labels_in(text: str, place: places.Place) -> list[tuple[str, str]]:
    """Return a prompt with each label that may come in the brace that is open at its end."""
    before, brace, begun = text.rpartition("{")
    if not brace or "}" in begun or before.endswith("{"):  # closed, or a literal brace
        return []
    listed = [("each", path) for option, path in place.given if option["value"] == places.ENTRIES]
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
            names = [
                entry.name + ("/" if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(name) and (name or not entry.name.startswith("."))
            ]
    except OSError:
        return []
    is_other = wanted.kind == "others"
    listed = [
        one
        for one in names
        if not endings or one.endswith("/") or one.lower().endswith(endings) != is_other
    ]
    if is_other and all(one.endswith("/") for one in listed):
        listed = names
    return [folder + slash + one for one in sorted(listed)]
