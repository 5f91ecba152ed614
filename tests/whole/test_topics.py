"""The pages of `help`: their commands run, their links lead somewhere, their facts are the program's."""

import importlib.resources
import re
from typing import get_args

import pytest
import readme
from conftest import Run
from readme import Bench
from tables import table
from terminals import on_a_terminal

from prodia_compose import errors
from prodia_compose.cli.app import COMMANDS
from prodia_compose.cli.commands.help import TOPICS
from prodia_compose.cli.options import variables
from prodia_compose.cli.options.many import ManyOptions
from prodia_compose.cli.options.reading import variables as variables_of
from prodia_compose.output.options import IfExists
from prodia_compose.pipeline.batch.rows import fields
from prodia_compose.sandbox.faults import FAULT_KINDS

PAGES = readme.PAGES

ELSEWHERE = {
    readme.example(words).text
    for words in (
        *(row["holds"] for row in table("whole/examples")),
        *table("whole/other-examples"),
    )
}
"""The examples that test_readme.py or others run, and look at closer than is done here."""

MADE = "prodia-compose compose product.jpg scene.jpg --prompt-file prompt.txt -q"
"""What some pages take to have been done."""

TOLD = re.compile(
    r"prodia-compose: (there is no such file yet|the record holds no job that may be billed"
    r"|no jobs are in the record|.* is made again, .*|\d+ of \d+ rows done.*|\S+ is forgotten|.* busy.*"
    r"|with a token it would stop here, .*)"
)
"""The lines that commands of a page may print on standard error; all others are silent."""

bench = readme.bench


def blocks(page: str) -> list[str]:
    """Return the commands of a page, as a reader would paste them."""
    return [one.text for one in readme.examples_of(page)]


def _prose(page: str) -> str:
    return re.sub(r"^    .*$", "", PAGES[page], flags=re.MULTILINE)


@pytest.mark.parametrize("page", TOPICS)
def test_the_commands_of_a_page_run(bench: Bench, page: str) -> None:
    """Each does its work in a shell, against a sandbox, in the order of the page."""
    readme.need("jq")
    if page in ("marks", "privacy"):
        assert bench.run(MADE).code == 0
    for text in blocks(page):
        if text in ELSEWHERE:
            continue
        job = "$(prodia-compose jobs --sandbox --json | jq -r '.jobs[0].id')"
        done = bench.run(text.replace("3f9c", job))

        assert done.code == 0, (text, done.err)
        assert [line for line in done.err.splitlines() if not TOLD.fullmatch(line)] == [], text


def test_commands_are_found() -> None:
    """Every page but those of facts alone has commands, and most have several."""
    assert all(blocks(page) for page in TOPICS)
    assert sum(len(blocks(page)) for page in TOPICS) >= 25


@pytest.mark.parametrize("page", TOPICS)
def test_a_page_in_a_pipe_is_what_was_written(run: Run, page: str) -> None:
    """Without a terminal it is plain text that fits most screens, whatever FORCE_COLOR says."""
    done = run("help", page, FORCE_COLOR="1")

    assert (done.code, done.err, done.text) == (0, "", PAGES[page])
    assert [line for line in done.text.splitlines() if len(line) > 80] == []
    assert not re.search(r"[^\n -~]", done.text)


def test_no_command_in_a_line_of_text_is_broken() -> None:
    """What stands in a sentence as code is on one line, so that it can be copied."""
    texts = {"README": readme.TEXT, **{page: _prose(page) for page in PAGES}}
    for name, text in texts.items():
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        assert [code for code in re.findall(r"`[^`]+`", prose) if "\n" in code] == [], name


def test_the_pages_are_those_that_are_listed(run: Run) -> None:
    """`help` alone lists all commands and pages, and so does the program's own help the pages."""
    listed = run("help").text
    own = " ".join(run("--help").text.split())

    assert set(PAGES) == set(TOPICS)
    for name in (*COMMANDS, *TOPICS):
        assert re.search(rf"^  {name} +[A-Z]", listed, re.MULTILINE)
    named = own.split("Topics of `help`: ")[1].split(".")[0].split(", ")
    assert named == list(TOPICS)


def test_help_of_a_command_is_its_own(run: Run) -> None:
    """`help jobs show` is `jobs show --help`; a page that is called like a command comes first."""
    for words in (["compose"], ["jobs"], ["jobs", "show"], ["help"]):
        assert run("help", *words).text == run(*words, "--help").text
    assert run("help", "exit", "codes") == run("help", "exit-codes")
    assert "prodia-compose batch --help" in run("help", "batch").text


def test_no_link_leads_nowhere(run: Run) -> None:
    """What `help NAME` names, in pages, README and the help of commands, is there; each page has links."""
    below = [("jobs", "fetch"), ("jobs", "clean"), ("config", "show"), ("completion", "install")]
    for words in [(), *((name,) for name in COMMANDS), *below]:
        for found in re.findall(r"(?:`|prodia-compose )help ([a-z][\w-]+)", run(*words, "-h").text):
            assert found in (*TOPICS, *COMMANDS), words
    for page, text in {**PAGES, "README": readme.TEXT}.items():
        links = re.findall(r"`(?:prodia-compose )?help ([a-z][\w-]+)", " ".join(text.split()))
        assert links, page
        assert set(links) <= {*TOPICS, *COMMANDS}, page


@pytest.mark.parametrize("page", TOPICS)
def test_no_option_is_made_up(run: Run, page: str) -> None:
    """Each long option of a page is one of some command."""
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", _prose(page)))
    groups = [name for name in COMMANDS if name not in ("jobs", "config")]
    below = [("jobs", one) for one in ("list", "spend", "clean", "show", "fetch")]
    texts = [run(*words, "-h").text for words in [(), *((name,) for name in groups), *below]]

    assert named <= set(re.findall(r"(?<![\w-])--[a-z][\w-]*", "".join(texts)))


@pytest.mark.parametrize(("columns", "colour"), [(60, None), (100, "1"), (200, None)])
def test_a_page_on_a_terminal_is_as_wide_as_that(columns: int, colour: str | None) -> None:
    """Tables and lines fit, headings stand at the left, and NO_COLOR is obeyed."""
    env = {"NO_COLOR": colour, "FORCE_COLOR": None}
    done = on_a_terminal(["help", "exit-codes"], columns=columns, also_stdout=True, env=env)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.raw).replace("\r\n", "\n")

    assert done.code == 0
    assert ("\x1b[" in done.raw) == (colour is None)
    answer = [line for line in plain.splitlines() if not line.startswith("    ")]
    assert max(map(len, answer)) <= min(columns, 120)
    assert all(f"    {line}" in plain.splitlines() for line in blocks("exit-codes")[0].splitlines())
    assert plain.lstrip("\n").startswith("Exit codes\n")
    assert "not-delivered" in plain
    assert "|---" not in plain


@pytest.mark.parametrize("page", TOPICS)
def test_a_page_fits_a_terminal_of_80_columns(page: str) -> None:
    """Nothing is wider, and each line of a command is one line there too."""
    shown = on_a_terminal(["help", page], also_stdout=True, env={"NO_COLOR": "1"})
    lines = shown.raw.replace("\r\n", "\n").splitlines()
    code = [line for text in blocks(page) for line in text.splitlines()]

    assert shown.code == 0
    assert [line for line in lines if len(line) > 80] == []
    assert {line.strip() for line in code} <= {line.strip() for line in lines}


# --- facts ------------------------------------------------------------------------------


def _cells(page: str) -> set[str]:
    """Return what stands in code in the first columns of a page's tables."""
    return {
        name
        for cell in re.findall(r"^\| ([^|]+)", PAGES[page], re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", cell)
    }


def test_exit_codes_are_those_of_the_program() -> None:
    """The page has every code, by its kind."""
    rows = re.findall(r"^\| (\d+) +\| ([\w-]*) +\|", PAGES["exit-codes"], re.MULTILINE)
    known = {int(one.exit_code): one.kind for one in errors.ComposeError.__subclasses__()}
    known |= {int(one): "interrupted" for one in errors.ExitCode if one > 128}

    assert {int(code): kind for code, kind in rows} == {0: "", 1: "bug", 11: "incomplete", **known}


def test_warnings_and_documents_are_all_there() -> None:
    """The page on JSON has the code of every warning, and each document that has a schema."""
    schemas = importlib.resources.files("prodia_compose").joinpath("report", "schemas").iterdir()
    documents = {f"prodia-compose/{file.name.removesuffix('.json')}" for file in schemas}

    assert _cells("json") == {*get_args(errors.WarningCode), *documents}


def test_fields_and_policies_of_o_are_all_there() -> None:
    """The page on names has each field of -o, and what may become of a file that exists."""
    assert _cells("names") - {"--if-exists"} == {
        *(f"{{{name}}}" for name in fields.TEMPLATE_NAMES),
        *get_args(IfExists),
    }


def test_fields_of_a_row_are_all_there() -> None:
    """The page on batches has each field of a manifest, the settings as one."""
    named = {name.rstrip(".,") for name in _cells("batch")}

    assert {*fields.NAMES} - {*fields.SETTINGS} <= named
    assert named & {*fields.SETTINGS} == {"match", "aspect_ratio", "width"}


def test_variables_are_all_there() -> None:
    """The page on the environment has each variable that is no option's, and which options have none."""
    page = PAGES["environment"]
    ours = {name for name in _cells("environment") if re.fullmatch(r"PRODIA_\w+", name)}
    without = page.split("have no variable:")[1].split("\n\n")[0]
    named = set(re.findall(r"(?<!\w)--?[\w-]+", without))
    long = {"-i": "--input", "-T": "--files-from", "-0": "--null", "-f": "--force", "-y": "--yes"}
    found = {long.get(name, name) for name in named} | {"--prompt", "--prompt-file"}

    assert ours - {"PRODIA_COMPOSE_CONFIG"} == {*variables.OTHERS}
    assert found == {flag for flag, name in variables_of(ManyOptions).items() if name is None}


def test_faults_are_all_there(run: Run) -> None:
    """The page on rehearsals and the help of `sandbox` have each kind of fault, with what it is."""
    assert _cells("rehearsal") == {*FAULT_KINDS}
    listed = re.findall(
        r"^  ([a-z-]+)  +\S", run("sandbox", "-h").text.split("Faults:")[1], re.MULTILINE
    )

    assert listed == sorted(listed, key=listed.index)
    assert set(listed) == set(FAULT_KINDS)


def test_version_tells_what_a_report_needs(run: Run) -> None:
    """`-V` is `--version`; with `-v`, wherever it stands, it is told what reads pictures, and where."""
    short = run("--version")
    long = run("--version", "-v")

    assert run("-V") == short
    assert run("-v", "--version") == run("-Vv") == long
    assert long.text.startswith(short.text)
    names = [line.partition(": ")[0] for line in long.text.splitlines()[1:]]
    assert names == [
        *("Python", "platform", "Pillow", "JPEG", "WebP", "AVIF", "HEIC", "resizer"),
        *("state folder", "config"),
    ]
    assert all(line.partition(": ")[2].strip() for line in long.text.splitlines()[1:])
    off = run("-V", "-v", PRODIA_COMPOSE_RECORD="off").text
    assert "(no record is kept)" in off
