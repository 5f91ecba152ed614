"""What people mistype: what is wrong in one line, and what to do in a line of its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from tables import table

from prodia_compose import addresses
from prodia_compose.cli.completion import offers
from prodia_compose.cli.completion.offers import Command

MISTAKES = table("cli/mistakes")


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_told_with_what_to_do(run: Run, work: Any, line: str) -> None:
    """Nothing is printed but these lines, and the exit code is the one of the first kind."""
    expected = MISTAKES[line]
    for name, text in expected.get("files", {}).items():
        Path(name).write_text(text)
    for before in expected.get("before", ()):
        assert run(*before).code == 0
    done = run(*expected["argv"], **expected.get("env", {}))

    shown = [one.replace("prodia-compose: ", "", 1) for one in done.err.splitlines()]
    assert shown == [one.replace("DASHBOARD", addresses.DASHBOARD) for one in expected["err"]]
    assert done.code == expected["code"]


def test_a_document_has_all_of_it_in_its_message(run: Run, work: Any) -> None:
    """With `--json` what to do goes on the message, as there are no lines."""
    done = run("compose", "--sandbox", "scnee.jpg", "-p", "x", "--json")

    assert json.loads(done.err)["message"] == "scnee.jpg: no such file; did you mean scene.jpg?"


def _commands(command: Command, *path: str) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Yield all commands that take something themselves, each with the words that call it."""
    if not command["commands"] or path == ("jobs",):
        yield path, command
    for name, below in command["commands"].items():
        yield from _commands(below, *path, name)


COMMANDS = dict(_commands(offers.offers()["root"]))
FLAGS = [
    (path, flag, option["value"])
    for path, command in COMMANDS.items()
    for option in command["options"]
    for flag in option["flags"]
]


@pytest.mark.parametrize(("path", "flag", "value"), FLAGS, ids=str)
def test_an_option_has_a_value_or_none(
    run: Run, work: Any, path: tuple[str, ...], flag: str, value: str | None
) -> None:
    """One that lacks its value, and a switch that has one, is told in our words."""
    if value is None and not flag.startswith("--"):
        return  # what follows its letter is other switches
    done = run(*path, f"{flag}=1" if value is None else flag)
    cure = f"write {flag} alone" if value is None else f"write {flag} {value}"
    wrong = "takes no value" if value is None else "has no value"

    assert done.code == 2
    assert done.messages == f"prodia-compose: error: {flag}: {wrong}; {cure}\n"


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_command_has_its_operands(run: Run, work: Any, path: tuple[str, ...]) -> None:
    """One too many, and each that is missing, is told with how the command is written."""
    command = COMMANDS[path]
    line = " ".join(("prodia-compose", *path, *command["operands"]))
    named = ("a", *command["operands"][1:])
    if not command["takes_more"] and path != ("jobs",):
        done = run(*path, *named, "more", "x y") if command["operands"] else run(*path, "more x y")
        shown = f"error: 'more x y': is more than {' '.join(path)} takes; write: {line}\n"
        assert (done.code, done.messages) == (2, f"prodia-compose: {shown}")
    needs_id = "".join(command["operands"]).startswith("ID")  # all others do without operands
    for count, missing in enumerate(command["operands"] if needs_id else ()):
        done = run(*path, *named[:count])
        assert done.code == 2
        assert f"error: {' '.join(path)}: {missing} is missing; write: {line}" in done.messages


def test_a_report_without_a_place_is_told_where_it_could_go(run: Run, work: Any) -> None:
    """The option that no report does without is named with what it takes."""
    done = run("report", "x.jsonl")

    assert done.code == 2
    assert "error: report: -o is missing; write -o PATH (where the report goes: " in done.messages
