"""Help: options in groups, each told in a line that stands alone, with ranges, units and defaults."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import readme
import regenerate
import typer
from conftest import Run

from prodia_compose import errors
from prodia_compose.cli.app import app
from prodia_compose.models.catalogue import CATALOGUE
from prodia_compose.options import Group
from prodia_compose.pipeline.batch.rows import fields

OF_COMPOSE = ["Pictures", "Prompt", "Model and settings", "Result", "Money", "Network", "Talk"]

HEADINGS = {
    "compose": OF_COMPOSE,
    "validate": OF_COMPOSE,
    "batch": ["Rows", *OF_COMPOSE[:5], "Pace", *OF_COMPOSE[5:]],
    "compare": ["Rows", *OF_COMPOSE[:5], "Pace", *OF_COMPOSE[5:]],
    "jobs fetch": ["Result", "Network", "Talk"],
}

OLD = (
    *("Its width", "Its height", "How closely to follow it", "0 is strictest", "For a connection"),
    *("Without upload progress", "For the answer", "In all, while", "Tell errors only"),
    *("Tell more", "-vv also headers", "Cap each side", "instead of the model's", "Cap width"),
    *("larger files undecoded", "What shows through", "as PNG, instead", "Let EXIF"),
    *("leave with the picture", "where the name does not tell", "What to do when FILE"),
    *(
        "fail is the default",
        "Do not look over",
        "over the prompt for slips",
        "Create the job, ask",
    ),
    *(
        "then fetch the picture",
        "Send even if",
        "job's outcome is unknown",
        "see the command models",
    ),
    *("At most so many", "Only from then on", "From then on", "Up to then", "alone, it lists"),
    *("TOLD", "UNKNOWN", "AT MOST", "copy that was kept aside", "you need it no more"),
    *("house", "busy, server-error, drop-after, ..."),
)
"""Words that could not be read alone, of help, of the headings of `jobs spend`, and of plans."""


def _commands(command: Any = None, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each command, declared in full, with the words that call it."""
    command = command or typer.main.get_command(app)
    yield names, command
    context = typer.Context(command, **command.context_settings)
    for name in getattr(command, "commands", {}):
        yield from _commands(command.resolve_command(context, [name])[1], *names, name)


COMMANDS = [" ".join(names) for names, _ in _commands()]


def _text(run: Run, command: str, **env: str) -> str:
    done = run(*command.split(), "--help", **env)
    assert (done.code, done.err) == (0, "")
    return done.text


def _listed(text: str) -> dict[str, str]:
    """Return what is said of each option, in one line, by its long name."""
    listed = re.findall(r"^  -.*\n(?: {6,}.*\n)*", f"{text}\n", re.MULTILINE)
    lines = [" ".join(one.split()) for one in listed]
    return {re.findall(r"--[\w-]+", line)[0]: line for line in lines}


def test_every_option_of_a_grouped_command_is_in_a_group() -> None:
    """An option that is declared without a group is found here."""
    known = set(get_args(Group))
    for names, command in _commands():
        groups = {
            one.name: getattr(one, "rich_help_panel", None)
            for one in command.params
            if one.param_type_name == "option" and not one.hidden
        }
        if any(groups.values()):
            assert {name for name, group in groups.items() if group not in known} == set(), names


@pytest.mark.parametrize("command", HEADINGS)
def test_options_stand_under_headings(run: Run, command: str) -> None:
    """Those of one subject stand together, in an order that is the same for all commands."""
    found = re.findall(r"^([A-Z][a-z ]+):$", _text(run, command), re.MULTILINE)

    assert found == ["Arguments", *HEADINGS[command]]


@pytest.mark.parametrize("columns", [80, 100, 120, 200])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_as_wide_as_the_terminal(run: Run, command: str, columns: int) -> None:
    """Help fits 80 columns, and has up to 120 where there are as many."""
    text = _text(run, command, COLUMNS=str(columns), FORCE_COLOR="1")
    widest = max(map(len, text.splitlines()))

    assert widest <= min(columns, 120)
    assert "\x1b" not in text
    if command in HEADINGS and columns > 80:
        assert widest > columns - 20 or widest > 100


@pytest.mark.parametrize("columns", [80, 90, 97, 104, 120])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_word_and_no_number_is_torn(run: Run, command: str, columns: int) -> None:
    """No line ends after a hyphen of a switch or name, or between a number and what it counts."""
    text = _text(run, command, COLUMNS=str(columns))
    codes = text.partition("Exit codes:")[2]
    ranges, named = r"\d to \d", r"\b\d+ [a-z]"

    assert re.findall(r".*\w-$", text, re.MULTILINE) == []
    assert re.findall(ranges, text) == re.findall(ranges, " ".join(text.split()))
    assert re.findall(named, codes) == re.findall(named, " ".join(codes.split()))


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_come_first(run: Run, command: str) -> None:
    """The paragraph below what a command does is of lines that can be typed."""
    paragraphs = _text(run, command).split("\n\n")

    assert paragraphs[0].startswith("Usage: prodia-compose")
    assert re.search(r"^  .*\bprodia-compose \w", paragraphs[2], re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_line_stands_alone(run: Run, command: str) -> None:
    """No line of help needs the one above, and all begin like a sentence."""
    text = _text(run, command)

    for line in re.findall(r"(?:^  -.*?|^ {20,40})  +(\S.*)", text, re.MULTILINE):
        assert not re.match("(Its|His|The same|Also|Instead) ", line), line


def test_no_riddle_is_left(run: Run, work: object) -> None:
    """Nothing that people read has the words that could not be read alone."""
    texts = {
        **{name: _text(run, name) for name in COMMANDS},
        **readme.PAGES,
        "README": readme.TEXT,
        "the record": run("jobs", "spend").text,
        "a plan": run("validate", "product.jpg", "-p", "x", "--max-side", "90").text,
        **{one.short_name: run("models", one.short_name).text for one in CATALOGUE},
        "no known model": run("models", "inference.new.img2img.v1").text,
    }
    for name, text in texts.items():
        line = " ".join(text.split())
        assert [words for words in OLD if words in line] == [], name


def test_who_set_a_limit_is_told_in_plain_words(run: Run) -> None:
    """A model's page tells its vendor's limits, Prodia's and this tool's own apart."""
    text = run("models", "flux-2-pro").text

    assert re.search(r"largest side +4,096 px +\[our own limit: ", text)
    assert re.search(r"all images +9,000,000 px +\[documented: ", text)
    assert re.search(r"each file +20 MB +\[the model's vendor: ", text)
    assert re.search(r"smallest side +64 px +\[the model's vendor: ", text)


def test_each_line_begins_like_a_sentence() -> None:
    """What is said of an option or operand begins with a large letter or a number, without a stop."""
    for names, command in _commands():
        for one in command.params:
            assert re.match("[A-Z0-9]", one.help or "X"), (names, one.help)
            assert not (one.help or "").endswith("."), (names, one.help)


def test_ranges_units_and_defaults_are_told(run: Run) -> None:
    """What a number may be and what it counts is said where it is asked for."""
    listed = _listed(_text(run, "compose"))

    for option, words in {
        "--quality": "[1 to 100; default: 95]",
        "--timeout": "at most S seconds for the result, once all is sent [0.001 to 86400; default: 300]",
        "--max-wait": "[0 to 86400; default: 120]",
        "--width": "in pixels",
        "--max-side": "in pixels [default: the model's limit]",
        "--max-input-pixels": "[default: 250000000]",
        "--background": "[default: white]",
        "--output": "[default: composed.jpg, numbered if taken]",
        "--if-exists": "[default: fail]",
        "--model": "[default: nano-banana]",
    }.items():
        assert words in listed[option]


def test_what_help_says_of_settings_is_so(run: Run) -> None:
    """Ranges, and which models take a setting, are those of the catalogue."""
    listed = _listed(_text(run, "compose"))
    taken = {
        name: {
            model.short_name: one
            for model in CATALOGUE
            for one in model.settings
            if one.name == name and one.status != "refused"
        }
        for name in ("steps", "guidance", "seed", "resolution", "safety_tolerance")
    }

    assert set(taken["steps"]) == {"flux-2-dev", "flux-2-flex"}
    assert {(one.minimum, one.maximum) for one in taken["steps"].values()} == {(1, 50)}
    assert "1 to 50, for flux-2-dev and flux-2-flex" in listed["--steps"]
    assert min(one.minimum or 0 for one in taken["guidance"].values()) == 1
    assert {one.maximum for one in taken["guidance"].values()} == {10}
    assert "1 to 10" in listed["--guidance"]
    assert set(taken["seed"]) == {one.short_name for one in CATALOGUE if "flux" in one.short_name}
    assert {one.choices for one in taken["resolution"].values()} == {("1K", "2K", "4K")}
    assert all("gemini" in name for name in taken["resolution"])
    tolerances = {(one.minimum, one.maximum) for one in taken["safety_tolerance"].values()}
    assert tolerances == {(0, 5), (None, None)}  # of one model it is not known
    assert "0 (strictest) to 5" in listed["--safety-tolerance"]


def test_the_fields_of_o_are_told(run: Run, work: object) -> None:
    """Help names each field that an output's name can have, and none that it cannot."""
    refused = run("validate", "product.jpg", "-p", "x", "-o", "{}.jpg", PRODIA_TOKEN="t").err
    known = set(re.findall(r"{(\w+)}", refused.split("there are")[1]))
    ends = [
        _text(run, name).split("Fields of -o:")[1].split("Token:")[0]
        for name in ("compose", "batch")
    ]

    assert set(re.findall(r"{(\w+)}", ends[0])) == known
    assert set(re.findall(r"{(\w+)}", ends[1])) == {*fields.TEMPLATE_NAMES}


@pytest.mark.parametrize("command", ["compose", "validate", "batch", "compare"])
def test_help_tells_where_a_token_comes_from(run: Run, command: str) -> None:
    """Its address, and the variable that it belongs into."""
    text = " ".join(_text(run, command).split())

    assert "https://app.prodia.com/api" in text
    assert "PRODIA_TOKEN" in text.split("Token:")[1]


def test_codes_in_help_are_those_of_the_program(run: Run) -> None:
    """Help names no exit code that there is not."""
    for command in ("compose", "validate", "batch", "compare"):
        end = " ".join(_text(run, command).split("Exit codes:")[1].split())
        codes = {int(code) for code in re.findall(r"\b(\d+) [a-z]", end)}
        assert codes <= {int(one) for one in errors.ExitCode}


def test_codes_of_a_batch_are_told(run: Run, work: Path) -> None:
    """Help of `batch` has the codes of what stops it before anything is sent."""
    (work / "rows.jsonl").write_text('{"id": "a", "images": ["product.jpg"], "prompt": "x"}\n')
    lines = {
        2: ["--quality", "0"],
        3: ["gone.jpg"],
        4: ["--token-file", "rows.jsonl"],
        7: ["--sandbox", "--cluster", "tcp://127.0.0.1:9", "--connect-timeout", "0.5"],
        8: ["--sandbox", "-o", "product.jpg"],
        12: ["--sandbox", "--max-cost", "0.001"],
    }
    end = " ".join(_text(run, "batch").split()).split("before anything is sent")[1]

    for code, words in lines.items():
        assert run("batch", "rows.jsonl", *words).code == code, words
    assert {int(code) for code in re.findall(r"\b(\d+) [a-z]", end)} == {*lines}


def test_the_spelling_of_all_help_is_checked() -> None:
    """CI's check of spelling asks each command below another for its help; the others are listed."""
    asked = re.findall(r"(\w+)\\ {([\w,]+)}", (regenerate.TOP / ".ci/run").read_text())
    found = {f"{name} {below}" for name, listed in asked for below in listed.split(",")}

    assert {name for name in COMMANDS if " " in name} == found
