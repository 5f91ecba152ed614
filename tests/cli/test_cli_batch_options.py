"""`batch` as it is typed: its help, and its options in the environment."""

import json
import re
from pathlib import Path

import batching
import pytest
from conftest import Run

from prodia_compose import errors

PROMPT = "Put the mug from the first image on the table in the second image"
ROWS = [{"id": "mug", "images": ["product.jpg", "scene.jpg"], "prompt": PROMPT}]


def _lines(text: str) -> list[str]:
    """Return the options of a help text, each with all that is said of it in one line."""
    listed = re.findall(
        r"^  -.*\n(?: {6,}.*\n)*", text.rsplit("Rows:\n", maxsplit=1)[-1], re.MULTILINE
    )
    return [" ".join(one.split()) for one in listed]


def _option(line: str) -> str:
    return next(word for word in line.replace(",", "").split() if word.startswith("--"))


def test_help_begins_with_examples(run: Run) -> None:
    """Examples stand before the options, each a command of its own; then what the operands are."""
    text = run("batch", "--help").text
    before = text.split("Rows:")[0]

    assert text.startswith("Usage: prodia-compose batch [OPTIONS] [MANIFEST] [IMAGE...]\n")
    assert before.index("prodia-compose batch rows.jsonl --budget 5") < before.index("Arguments:")
    assert max(map(len, text.splitlines())) < 100
    for words in ("MANIFEST has the rows: .jsonl, .csv or .tsv", "picture of every row"):
        assert words in " ".join(before.split())


def test_help_has_what_batches_take_in_groups(run: Run) -> None:
    """First come the rows; of money the budget comes first; what `compose` takes keeps its order."""
    text = run("batch", "--help").text
    names = [_option(line) for line in _lines(text)]
    of_compose = [_option(line) for line in _lines(run("compose", "--help").text)]

    assert names[:2] == ["--each", "--manifest-format"]
    assert names.index("--rerun") < names.index("--results") < names.index("--prompt")
    assert re.search(r"^Money:\n  --budget USD ", text, re.MULTILINE)
    assert re.search(r"^Pace:\n  -j, --jobs N ", text, re.MULTILINE)
    single = ("--again", "--from", "--unset", "--save-request", "--preview")
    assert [one for one in of_compose if one not in single] == [
        one for one in names if one in of_compose
    ]


def test_help_of_a_compare_begins_with_examples_and_has_its_own_first(run: Run) -> None:
    """What is compared and where to comes first; what is about manifests and machines is not there."""
    text = run("compare", "--help").text
    names = [_option(line) for line in _lines(text)]

    assert text.startswith("Usage: prodia-compose compare [OPTIONS] [IMAGE...]\n")
    assert text.index("-m nano-banana -m flux-2-pro \\\n") < text.index("Arguments:")
    assert max(map(len, text.splitlines())) < 100
    assert names[:2] == ["--vary", "--repeat"]
    assert names.index("--prompt") < names.index("--model") < names.index("--output")
    assert names.index("--output") < names.index("--budget")
    gone = {"--each", "--manifest-format", "--skip-invalid", "--shard", "--results", "--cluster"}
    assert not {*gone, "--if-exists", "--again", "--save-request"} & {*names}
    assert "some are not" in text.split("Exit codes:")[1]
    assert re.search(r"^  batch .*\n  compare +Make one", run("--help").text, re.MULTILINE)


@pytest.mark.parametrize("command", ["batch", "compare"])
def test_each_option_is_told_in_a_line_that_stands_alone(run: Run, command: str) -> None:
    """No option's words need those of the line before."""
    for line in _lines(run(command, "--help").text):
        assert not re.search(r"  ?Its ", line), line
        assert command == "batch" or not re.search(r" (row|manifest)s?\b", line), line


def test_the_defaults_are_those_of_a_batch(run: Run) -> None:
    """They are not those of `compose`."""
    lines = {_option(line): line for line in _lines(run("batch", "--help").text)}

    assert "{id}.jpg" in lines["--output"]
    assert "stdout" not in lines["--output"]
    assert "[1 to 1000; default: 1]" in lines["--repeat"]
    assert "object for each row" in lines["--json"]


def test_help_tells_a_batchs_exit_codes(run: Run) -> None:
    """Of a batch 11 is told; of one job it is not, as that never ends so."""
    ends = [run(command, "--help").text.split("Exit codes:")[1] for command in ("batch", "compose")]

    assert [f"{int(errors.ExitCode.INCOMPLETE)} some are not" in one for one in ends] == [
        True,
        False,
    ]
    assert ["11" in one for one in ends] == [True, False]


def test_help_of_all_commands_has_it(run: Run) -> None:
    """`batch` stands among the commands, with what it does."""
    assert re.search(r"^  batch +Make many pictures", run("--help").text, re.MULTILINE)


@pytest.mark.parametrize("option", ["--again", "--save-request=d"])
def test_what_is_for_single_jobs_is_told_so(run: Run, work: Path, option: str) -> None:
    """An option that help leaves out is answered with what to use instead."""
    batching.write("rows.jsonl", ROWS)
    done = run("batch", "rows.jsonl", option)

    assert (done.code, done.out) == (2, b"")
    assert option.partition("=")[0] in done.err
    assert "no such option" not in done.err


OURS = {"JOBS": "2", "RATE": "10/s", "BUDGET": "1", "MAX_FAILURES": "4", "MANIFEST_FORMAT": "jsonl"}


@pytest.mark.parametrize("command", ["batch", "compose"])
def test_variables_of_a_batch_are_known_to_all(run: Run, work: Path, command: str) -> None:
    """What is set once for batches is read by them, and is no slip to other commands."""
    batching.write("rows", ROWS)
    line = ("rows",) if command == "batch" else ("product.jpg", "scene.jpg", "-p", PROMPT)
    variables = {f"PRODIA_COMPOSE_{name}": value for name, value in OURS.items()}
    done = run(command, *line, "--sandbox", **variables)

    assert done.code == 0
    assert "unknown-variable" not in done.err


@pytest.mark.parametrize(
    "name",
    ["EACH", "YES", "RERUN", "ONLY", "SHARD", "SKIP_INVALID", "RESULTS", "VARY", "REPEAT"],
)
def test_what_belongs_to_one_run_is_no_variable(run: Run, work: Path, name: str) -> None:
    """Which rows are sent, and that they may be, is typed: a variable for it is warned of."""
    batching.write("rows.jsonl", ROWS)
    done = run("batch", "rows.jsonl", "--sandbox", **{f"PRODIA_COMPOSE_{name}": "1"})
    flag = f"--{name.lower().replace('_', '-')}"

    assert done.code == 0
    assert f"PRODIA_COMPOSE_{name}: {flag} is not read from the environment" in done.err


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("JOBS", "many", 2), ("RATE", "10", 2), ("BUDGET", "much", 2), ("BUDGET", "0.01", 12)],
)
def test_a_variable_of_a_batch_is_named(
    run: Run, work: Path, name: str, value: str, code: int
) -> None:
    """A value from the environment counts, and is called by its variable where it is none."""
    batching.write("rows.jsonl", ROWS)
    done = run("batch", "rows.jsonl", "--sandbox", **{f"PRODIA_COMPOSE_{name}": value})

    assert done.code == code
    assert code == 12 or f"PRODIA_COMPOSE_{name} {value}: " in done.err


def test_json_of_the_environment_is_a_batchs_too(run: Run, work: Path) -> None:
    """PRODIA_COMPOSE_JSON makes lines of JSON of its rows."""
    batching.write("rows.jsonl", ROWS)
    done = run("batch", "rows.jsonl", "--sandbox", PRODIA_COMPOSE_JSON="1")
    row, whole = map(json.loads, done.text.splitlines())

    assert (done.code, row["status"], whole["schema"]) == (0, "done", "prodia-compose/batch@1")
