"""The config file: what of it counts, by which name messages call it, and what it may not say."""

import json
import os
import re
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import configuring
import pytest
import validating
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st
from mistakes import GOOD
from terminals import on_a_terminal

from prodia_compose import errors
from prodia_compose.cli.options import config
from prodia_compose.cli.options.declared import ComposeOptions, Telling
from prodia_compose.frozen import frozen
from prodia_compose.options import Option

LINE = ("validate", *GOOD)
TOKEN = "sentinel-token-0b5c9e"


@frozen
class Several(Telling):
    """An option that may be given several times."""

    model: Annotated[tuple[str, ...], Option(names=("--model", "-m"), metavar="NAME")] = ()


def _of(options: ComposeOptions | Several, place: str) -> object:
    found: Any = options
    for name in place.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize(
    ("place", "default", "config", "environment", "typed"),
    [
        (
            "request.model",
            "nano-banana",
            ('model = "flux-2-dev"', "flux-2-dev"),
            ("MODEL=flux-2-pro", "flux-2-pro"),
            ("-m flux-2-max", "flux-2-max"),
        ),
        (
            "request.settings.steps",
            None,
            ("steps = 9", 9),
            ("STEPS=8", 8),
            ("--steps 7", 7),
        ),
        (
            "request.settings.guidance",
            None,
            ("guidance = 2.5", 2.5),
            ("GUIDANCE=3", 3.0),
            ("--guidance 4", 4.0),
        ),
        (
            "request.settings.match",
            None,
            ("match = 1", 1),
            ("MATCH=mug", "mug"),
            ("--match 2", 2),
        ),
        (
            "request.fitting.background",
            (255, 255, 255),
            ('background = "black"', (0, 0, 0)),
            ("BACKGROUND=grey", (128, 128, 128)),
            ("--background #010203", (1, 2, 3)),
        ),
        (
            "request.selection.sort",
            "none",
            ('sort = "Name"', "name"),
            ("SORT=natural", "natural"),
            ("--sort none", "none"),
        ),
        ("request.strict", False, ("strict = true", True), ("STRICT=0", False), ("--strict", True)),
        (
            "request.lint",
            True,
            ("no-lint = true", False),
            ("NO_LINT=0", True),
            ("--no-lint", False),
        ),
        ("verbose", 0, ("verbose = 2", 2), ("VERBOSE=1", 1), ("-vvv", 3)),
        (
            "model",
            (),
            ('model = ["a", "b"]', ("a", "b")),
            ("MODEL=c", ("c",)),
            ("-m d -m e", ("d", "e")),
        ),
    ],
    ids=["text", "whole", "number", "either", "colour", "choice", "on", "off", "count", "list"],
)
def test_option_environment_config_default(
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    default: object,
    config: tuple[str, object],
    environment: tuple[str, object],
    typed: tuple[str, object],
) -> None:
    """Of the four the first one that says something counts, for every kind of option."""
    kind: type[ComposeOptions | Several] = Several if place == "model" else ComposeOptions

    def found(*argv: str) -> object:
        return _of(configuring.typed(kind, *argv), place)

    assert found() == default
    configuring.write(f"[compose]\n{config[0]}\n")
    assert found() == config[1]
    name, _, value = environment[0].partition("=")
    monkeypatch.setenv(f"PRODIA_COMPOSE_{name}", value)
    assert found() == environment[1]
    assert found(*typed[0].split()) == typed[1]
    monkeypatch.delenv(f"PRODIA_COMPOSE_{name}")
    assert found(*typed[0].split()) == typed[1]


@pytest.mark.parametrize(
    ("config", "argv", "env"),
    [
        ('if-exists = "skip"', ["-f"], {}),
        ("verbose = 2", ["-q"], {}),
        ("quiet = true", ["-v"], {}),
        ("quiet = true", [], {"VERBOSE": "1"}),
        ("match = 1", ["-m", "flux-2-flex", "--width", "1024"], {}),
        ("match = 1", ["-m", "flux-2-flex"], {"WIDTH": "1024", "HEIGHT": "1024"}),
        ('format = "png"', ["-o", "out.jpg"], {}),
        ('model = "nope"', ["-m", "nano-banana"], {}),
        ('quality = "best"', [], {"QUALITY": "90"}),
    ],
)
def test_what_is_said_nearer_beats_the_config(
    run: Run, work: Path, config: str, argv: list[str], env: dict[str, str]
) -> None:
    """An option or a variable overrules its own name there, and those that contradict it."""
    configuring.write(f"[compose]\n{config}\n")
    done = run(*LINE, *argv, **{f"PRODIA_COMPOSE_{name}": text for name, text in env.items()})

    assert (done.code, "error" in done.err) == (0, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('steps = "many"', "[compose] steps many: must be a whole number, such as 28"),
        ("steps = 9.5", "[compose] steps 9.5: must be a whole number, such as 28"),
        ("steps = true", "[compose] steps true: must be a number"),
        ("steps = 2026-12-01", "[compose] steps 2026-12-01: must be a number"),
        ("steps = [9]", "[compose] steps [...]: must be a number"),
        ("steps = {a = 9}", "[compose] steps {...}: must be a number"),
        ('model = "flux-2-flex"\nsteps = 60', "[compose] steps 60: flux-2-flex takes 1 to 50"),
        ("guidance = nan", "[compose] guidance nan: must be a number, such as 4.5"),
        ("guidance = -inf", "[compose] guidance -inf: must be a number, such as 4.5"),
        ("seed = 0x7fffffffffffffffff", "[compose] seed 2361183241434822606847: too large"),
        (f"seed = 0x{'f' * 1900}", "[compose] seed 67292559356241028805653915874487939324"),
        ("quality = 101", "[compose] quality 101: must be 1 to 100"),
        ("quality = 0", "[compose] quality 0: must be 1 to 100"),
        ("model = true", "[compose] model true: must be one value, text in quotes"),
        ('model = ["a"]', "[compose] model [...]: must be one value, text in quotes"),
        ('model = ""', "[compose] model '': is empty; give a value"),
        (
            'model = "flux-2-flx"',
            "[compose] model flux-2-flx: no such model; did you mean flux-2-f",
        ),
        ('model = "a\\u0000b"', "[compose] model: holds a NUL"),
        ('sort = "nam"', "[compose] sort nam: must be none, name or natural; did you mean name?"),
        ("no-lint = 1", "[compose] no-lint 1: must be true or false"),
        ('strict = "true"', "[compose] strict true: must be true or false"),
        ("verbose = true", "[compose] verbose true: must be a whole number, such as 1"),
        ("verbose = -1", "[compose] verbose -1: must be a whole number, such as 1"),
        ('background = "mauve"', "[compose] background mauve: is no colour; use white"),
        ('output = "out.gif"', "[compose] output out.gif: no such format as .gif"),
        (
            'output = "a.jpg"\nformat = "png"',
            "[compose] format png and [compose] output a.jpg: the name asks for jpg",
        ),
        ('base-url = "http://example.org"', "[compose] base-url http://example.org: plain http"),
        ("quiet = true\nverbose = 1", "[compose] quiet and [compose] verbose: both are given"),
        ("match = [1]", "[compose] match [...]: must be one value, text in quotes"),
        ("max_cost = 1\nmax-cost = 2", "[compose] max-cost: is given twice, with - and with _"),
    ],
)
def test_a_message_names_the_place(run: Run, work: Path, text: str, words: str) -> None:
    """What is wrong with a value is said as of an option; file, table and name stand before it."""
    path = configuring.write(f"[compose]\n{text}\n")
    answer, document = run(*LINE), run(*LINE, "--json")

    assert (answer.code, document.code) == (2, 2)
    assert f"{path}: {words}" in answer.messages
    errors_ = json.loads(document.out or document.messages)["errors"]
    assert any(f"{path}: {words}" in one["message"] for one in errors_)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[compose", "line 1 is no TOML; write NAME = VALUE there, text in quotes"),
        ("# mine\n[compose]\n\nmodel = flux-2-pro", "line 4 is no TOML"),
        ("[compose]\nsteps 9\n", "line 2 is no TOML"),
        ("[compose]\nsteps = \n", "line 2 is no TOML"),
        ('[compose]\nmodel = "flux', "line 2 is no TOML"),
        (
            "[compose]\nsteps = 9\nsteps = 8\n",
            "line 3 is no TOML: a name or a table is given twice",
        ),
        ("[compose]\n[batch]\n[compose]\n", "line 3 is no TOML: a name or a table is given twice"),
        ("[compose]\rsteps = 9\r", "line 1 is no TOML"),
        ("compose = 1", "compose: must be a table; write [compose] above its options"),
        ("[[batch]]\njobs = 1", "batch: must be a table"),
        (b"\xff\xfe" + "[compose]".encode("utf-16-le"), "is UTF-16; save it as UTF-8"),
        ("[compose]".encode("utf-16-le"), "is UTF-16; save it as UTF-8"),
        (b"[compose]\nmodel = '\xe9'", "is no text in UTF-8; save it as UTF-8"),
        (bytes(range(256)), "is no text in UTF-8"),
        (b"\0" * 200, "line 1 is no TOML"),
        ("#" * 70_000, "is too large for a config; is it the right file?"),
        ("#\n" * 70_000, "is too large for a config"),
        (f"a = {'[' * 990}{']' * 990}", "is nested too deeply"),
        (f"a.{'a.' * 1200}a = 1", "line 1 is too long for a config"),
        (f"[compose]\nseed = {'9' * 1900}{'9' * 3000}", "line 2 is too long for a config"),
    ],
    ids=str,
)
def test_what_is_no_config_is_refused(run: Run, work: Path, text: str | bytes, words: str) -> None:
    """In one line that says where, at once, and in no reader's own words; 2 is the exit code."""
    path = configuring.write(text)
    begun = time.monotonic()
    done = run(*LINE)

    assert done.code == 2
    assert re.search(f"(config )?{path}: ", done.messages)
    assert words in done.messages
    assert "Expected" not in done.messages
    assert "column" not in done.messages
    assert len(done.messages.splitlines()) == 1
    assert time.monotonic() - begun < 5


def test_many_small_tables_are_read_in_time(run: Run, work: Path) -> None:
    """Reading takes longer the deeper names are, but never long."""
    configuring.write("\n".join(f"k{n}.{'.'.join('a' * 900)} = 1" for n in range(34)))
    begun = time.monotonic()
    done = run(*LINE)

    assert done.code == 0
    assert done.err.count("[unknown-option]") == 20
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    "name",
    [
        *("image", "images", "input", "files-from", "null", "prompt", "prompt-file", "set"),
        *("again", "force"),
    ],
)
def test_what_belongs_to_one_run_is_in_no_config(run: Run, work: Path, name: str) -> None:
    """Each name is refused as such, whatever its value, and is not only passed over."""
    for value in ("true", '"x"', '["x"]', "{a = 1}"):
        path = configuring.write(f"[compose]\n{name.replace('-', '_')} = {value}\n")
        done = run(*LINE)
        assert done.code == 2
        called = f"{path}: [compose] {name.replace('-', '_')}"
        words = "belongs to one run, and is not read from a config; type it"
        assert done.messages == f"prodia-compose: error: {called}: {words}\n"


@pytest.mark.parametrize(
    "names", [("sidecar = true", "output = '-'"), ("quiet = true", "verbose = 1")]
)
def test_a_configs_path_is_told_once(run: Run, work: Path, names: tuple[str, str]) -> None:
    """Where two of its options contradict each other, the second is told by its name alone."""
    path = configuring.write("\n".join(["[compose]", *names]))
    done = run("compose", *LINE[1:], "--sandbox")

    assert (done.code, done.err.count(str(path))) == (2, 1)
    assert f" and [compose] {names[1].partition(' ')[0]}" in done.err


def test_a_config_names_no_other(run: Run, work: Path) -> None:
    """One file is read, and no chain of them."""
    configuring.write('[compose]\nconfig = "other.toml"\n')

    assert "[compose] config: belongs to one run" in run(*LINE).err


def test_to_overwrite_has_to_be_typed(run: Run, work: Path) -> None:
    """Neither a config nor a variable says that files may be written over, nor in other letters."""
    for word in ("overwrite", "OverWrite"):
        path = configuring.write(f'[compose]\nif-exists = "{word}"\n')
        done = run(*LINE)
        assert (
            done.code,
            f"{path}: [compose] if-exists overwrite: counts only if" in done.err,
        ) == (
            2,
            True,
        )
        path.unlink()
        done = run(*LINE, PRODIA_COMPOSE_IF_EXISTS=word)
        assert done.code == 2
        assert "PRODIA_COMPOSE_IF_EXISTS overwrite: counts only if it is typed" in done.err
        assert run(*LINE, "--if-exists", word).code == 0


@pytest.mark.parametrize(
    "text",
    [
        f'[compose]\ntoken = "{TOKEN}"',
        f'token = "{TOKEN}"',
        f'[batch]\nPRODIA_TOKEN = "{TOKEN}"',
        f'[auth]\napi_key = "{TOKEN}"',
        f'[compose]\ntoken-file = "eyJ{TOKEN}aaaaaaaa.b.c"',
        f'[a.b.c]\naccess-token = ["{TOKEN}"]',
        f'compose = {{ token = "{TOKEN}" }}',
        f"[compose]\ntoken = {TOKEN}",
        f'[compose]\ntoken "{TOKEN}"',
        f"[compose]\ntoken = '{TOKEN}",
    ],
)
def test_a_token_is_refused_and_never_shown(run: Run, work: Path, text: str) -> None:
    """Wherever it stands, and even where what stands around it cannot be read."""
    configuring.write(text)
    for argv in (LINE, (*LINE, "--json"), (*LINE, "-vv"), ("config", "show")):
        done = run(*argv)
        assert done.code == 2
        assert TOKEN not in done.text + done.err
        assert "named by token-file" in done.err + done.text or "is no TOML" in done.err + done.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[compose]\nmodle = 1", "[compose] modle: nothing reads it; did you mean model?"),
        ("[compose]\nMAX-COST = 1", "[compose] MAX-COST: nothing reads it; did you mean max-cost?"),
        (
            "[compose]\nmax_cost_usd = 1",
            "[compose] max_cost_usd: nothing reads it; did you mean max",
        ),
        ("[compose]\no = 'a.jpg'", "[compose] o: nothing reads it; did you mean output?"),
        ("[compose]\nxyzzy = 1", "[compose] xyzzy: nothing reads it; remove it"),
        ("[compose]\n'a b' = 1", "[compose] 'a b': nothing reads it; remove it"),
        ("[compose]\nbudget = 1", "[compose] budget: nothing reads it; it belongs in [batch]"),
        ("[compose]\nyes = true", "[compose] yes: nothing reads it; remove it"),
        ("[compose]\nonly = 'a'", "[compose] only: nothing reads it; remove it"),
        ("[validate]\nsteps = 1", "validate: nothing reads it; validate reads [compose]"),
        ("[compare]\njobs = 1", "compare: nothing reads it; compare reads [compose] and [batch]"),
        ("[composse]\nsteps = 1", "composse: nothing reads it; did you mean [compose]?"),
        ("[other]\nsteps = 1", "other: nothing reads it; remove it"),
        ("steps = 1", "steps: nothing reads it; write it below [compose]"),
        ("jobs = 1", "jobs: nothing reads it; write it below [batch]"),
    ],
)
def test_unknown_names_are_only_warned_of(run: Run, work: Path, text: str, words: str) -> None:
    """With the nearest that is known; nothing stops, unless under `--strict`."""
    path = configuring.write(text)
    answer, document = run(*LINE), validating.read(run(*LINE, "--json").out)

    assert answer.code == 0
    assert f"prodia-compose: warning: {path}: {words}" in answer.messages
    assert answer.err.count("[unknown-option]") == 1
    assert [one["code"] for one in document["warnings"]] == ["unknown-option", "no-token"]
    assert run(*LINE, "--strict").code == 3


def test_not_all_of_thousands_of_unknown_names_are_told(run: Run, work: Path) -> None:
    """Twenty, and how many more there are."""
    configuring.write("[compose]\n" + "\n".join(f"n{number} = 1" for number in range(4000)))
    done = run(*LINE)

    assert (done.code, done.err.count("[unknown-option]")) == (0, 21)
    assert "[compose]: nothing reads 3980 more names; remove them" in done.messages


def test_a_limit_is_only_lowered(run: Run, work: Path) -> None:
    """Of the config's `max-cost` and another, the lower one counts, and that is told."""
    path = configuring.write("[compose]\nmax-cost = 0.02\n")
    alone, higher = run(*LINE), run(*LINE, "--max-cost", "0.5", "--json")
    variable = run(*LINE, PRODIA_COMPOSE_MAX_COST="1")
    lower = run(*LINE, "--max-cost", "0.01")
    enough = run(*LINE, "--max-cost", "0.5", "--config", "off")

    assert [one.code for one in (alone, higher, variable, lower, enough)] == [12, 12, 12, 12, 0]
    assert f"{path}: [compose] max-cost 0.02: a job may cost $0.039" in alone.err
    (warning,) = [
        one for one in json.loads(higher.out)["warnings"] if one["code"] == "limit-lowered"
    ]
    words = f"is lowered to 0.02 by {path}: [compose] max-cost"
    assert warning["message"] == f"--max-cost 0.5: {words}"
    assert f"PRODIA_COMPOSE_MAX_COST 1: {words}" in variable.err
    assert "--max-cost 0.01: a job may cost $0.039" in lower.err
    assert "limit-lowered" not in alone.err + lower.err


def test_a_limit_that_cannot_be_read_is_not_passed_over(run: Run, work: Path) -> None:
    """Not even where another is typed: it may have been the lower one."""
    configuring.write('[compose]\nmax-cost = "0,02"\n')
    done = run(*LINE, "--max-cost", "0.5")

    assert (done.code, "[compose] max-cost 0,02: must be a number" in done.err) == (2, True)


def test_what_is_read_lies_beside_the_config(
    run: Run, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token's file is looked for there or, with ~, at home; what is made lies in the folder of the run."""
    path = configuring.write('[compose]\ntoken-file = "token"\noutput = "made.png"\n')
    path.with_name("token").write_text(TOKEN)
    beside = json.loads(run(*LINE, "--json").out)
    home = tmp_path / "a home"
    home.mkdir()
    (home / "key").write_text(TOKEN)
    monkeypatch.setenv("HOME", str(home))
    configuring.write('[compose]\ntoken-file = "~/key"\noutput = "~/made.png"\n')
    at_home = json.loads(run(*LINE, "--json").out)
    (work / "own").mkdir()
    (work / "own/c.toml").write_text('[compose]\ntoken-file = "no token"\n')
    gone = run(*LINE, "--config", "own/c.toml")

    assert (beside["token"], at_home["token"]) == ("present", "present")
    assert "made.png (png)" in run(*LINE).text
    assert gone.code == 4
    assert "own/c.toml: [compose] token-file own/no token: no such file" in gone.err


def test_a_variables_token_beats_a_configs_file(run: Run, work: Path) -> None:
    """`PRODIA_TOKEN` is the environment, and counts before the config's file, which may be gone."""
    configuring.write('[compose]\ntoken-file = "gone"\n')

    assert run(*LINE).code == 4
    assert json.loads(run(*LINE, "--json", PRODIA_TOKEN=TOKEN).out)["token"] == "present"
    assert run(*LINE, PRODIA_TOKEN=" ").code == 4
    assert run(*LINE, "--sandbox").code == 0


def test_another_config_is_named(run: Run, work: Path) -> None:
    """`--config FILE` or its variable take the place of the usual one; `off` is none."""
    configuring.write('[compose]\nmodel = "flux-2-dev"\n')
    (work / "own.toml").write_text('[compose]\nmodel = "flux-2-max"\n')
    (work / "off").write_text('[compose]\nmodel = "flux-2-pro"\n')

    def model(*argv: str, **env: str) -> str:
        found: str = json.loads(run(*LINE, "--json", *argv, **env).out)["model"]
        return found

    assert model() == "flux-2-dev"
    assert model("--config", "own.toml") == "flux-2-max"
    assert model(PRODIA_COMPOSE_CONFIG="own.toml") == "flux-2-max"
    assert model(PRODIA_COMPOSE_CONFIG="") == "flux-2-dev"
    assert model("--config", "off", PRODIA_COMPOSE_CONFIG="own.toml") == "nano-banana"
    assert model(PRODIA_COMPOSE_CONFIG="Off") == "nano-banana"
    assert model("--config", "./off") == "flux-2-pro"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gone.toml", "--config gone.toml: no such file"),
        ("", "--config '': is empty; give a value, or leave the option out"),
        (".", "--config .: is a folder, not a file"),
        ("-", "--config -: standard input is no config; name a file"),
        ("/dev/zero", "--config /dev/zero: is a device, not a file"),
        ("pipe", "--config pipe: is a named pipe"),
        ("https://example.org/c.toml", "--config https://example.org/c.toml: no such file"),
        ("loop", "--config loop: is a loop of links"),
        ("product.jpg", "--config product.jpg: is no text in UTF-8"),
    ],
)
def test_a_config_that_is_named_has_to_be_a_file(
    run: Run, work: Path, name: str, words: str
) -> None:
    """One line says what it is instead; nothing waits for it."""
    os.mkfifo("pipe")
    Path("loop").symlink_to("loop")
    done = run(*LINE, "--config", name)

    assert (done.code, len(done.messages.splitlines())) == (2, 1)
    assert words in done.messages


def test_a_link_to_nowhere_is_told(run: Run, work: Path) -> None:
    """The usual config may be a link; one that leads nowhere is not as good as none."""
    path = configuring.write("")
    path.unlink()
    path.symlink_to(work / "gone")

    assert f"config {path}: is a link to a file that is not there" in run(*LINE).err


@pytest.mark.parametrize(("make", "words"), [(os.mkdir, "a folder"), (os.mkfifo, "a named pipe")])
def test_a_usual_config_that_is_no_file_can_be_done_without(
    run: Run, work: Path, make: Callable[[Path], None], words: str
) -> None:
    """What to do is told: a run with `--config off` reads none."""
    path = configuring.write("")
    path.unlink()
    make(path)
    done = run(*LINE)

    assert (done.code, run(*LINE, "--config", "off").code) == (2, 0)
    assert f"error: config {path}: is {words}" in done.err
    assert "hint: mend it; --config off does without\n" in done.err


def test_no_config_is_read_from_the_working_folder(run: Run, work: Path) -> None:
    """Whoever gives you a folder of pictures does not choose your model."""
    for name in ("config.toml", "prodia-compose.toml", ".prodia-compose.toml", "pyproject.toml"):
        Path(name).write_text('[compose]\nmodel = "flux-2-max"\n')

    assert json.loads(run(*LINE, "--json").out)["model"] == "nano-banana"


def test_a_config_may_want_json(run: Run, work: Path) -> None:
    """Errors are documents then too, those of the parser among them, unless a variable says no."""
    configuring.write("[compose]\njson = true\n")
    document = validating.read(run(*LINE).out)
    failed = run("validate", "gone.jpg", "-p", "x")

    assert document["schema"] == "prodia-compose/plan@1"
    assert validating.read(failed.out)["errors"][0]["path"] == "gone.jpg"
    assert validating.read(run("validate", "--bogus").err)["exit_code"] == 2
    assert validating.read(run("compose", "gone.jpg", "-p", "x").err)["exit_code"] == 3
    assert validating.read(run("jobs", "fetch", "3f9c").err)["exit_code"] == 2
    assert "error: no such option" in run("validate", "--bogus", PRODIA_COMPOSE_JSON="0").err
    assert "error: no such option" in run("validate", "--bogus", "--config", "off").err
    assert "error: no such option" in run("models", "--bogus").err


# `config show` and `config path`


def _shown(run: Run, *argv: str, **env: str) -> dict[str, dict[str, Any]]:
    document = validating.read(run("config", "show", "--json", *argv, **env).out)
    return {
        table: {one["name"]: (one["value"], one["where"]) for one in document[table]}
        for table in ("compose", "batch")
    }


def test_show_tells_each_value_and_its_source(run: Run, work: Path) -> None:
    """Of `compose` and of `batch`, which may have another; nothing is left out."""
    configuring.write(
        '[compose]\nmodel = "flux-2-dev"\nsteps = 9\nno_lint = true\nmax-cost = 0.05\n'
        '[batch]\nmodel = "flux-2-pro"\njobs = 8\nbudget = 2.50\nrate = "10/m"\n'
    )
    env = {
        "PRODIA_COMPOSE_STEPS": "8",
        "PRODIA_COMPOSE_BUDGET": "9",
        "PRODIA_COMPOSE_MAX_COST": "1",
    }
    shown = _shown(run, **env)
    table = run("config", "show", **env)

    compose, batch = shown["compose"], shown["batch"]
    assert compose["model"] == ("flux-2-dev", "[compose] model")
    assert compose["steps"] == batch["steps"] == (8, "PRODIA_COMPOSE_STEPS")
    assert compose["no-lint"] == batch["no-lint"] == (True, "[compose] no_lint")
    assert compose["max-cost"] == (0.05, "[compose] max-cost")
    assert compose["strict"] == (False, None)
    assert compose["background"] == ("white", None)
    assert (batch["model"], batch["jobs"]) == (
        ("flux-2-pro", "[batch] model"),
        (8, "[batch] jobs"),
    )
    assert (batch["budget"], batch["rate"]) == (
        (2.5, "[batch] budget"),
        ("10/m", "[batch] rate"),
    )
    assert {"jobs", "budget", "rate"} < {*batch} - {*compose}
    assert not {"prompt", "config", "yes", "force"} & {*batch}
    lines = [re.split(r"  +", line) for line in table.text.splitlines()]
    assert ["[compose] steps", "8", "PRODIA_COMPOSE_STEPS"] in lines
    assert ["[batch] model", "flux-2-pro", "[batch] model"] in lines
    assert not any(line[0] == "[batch] steps" for line in lines)
    assert "limit-lowered" in table.err


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_show_is_made_for_terminals_of_any_width(work: Path, run: Run, columns: int) -> None:
    """What is set is told with its source, what is not by its value alone; no word is broken."""
    place = configuring.write("[compose]\nmodel = 'flux-2-dev'\n[batch]\njobs = 8\n")
    env = {"PRODIA_COMPOSE_STEPS": "8", "TERM": "xterm"}
    document = json.loads(run("config", "show", "--json", PRODIA_COMPOSE_STEPS="8").out)
    coloured = on_a_terminal(["config", "show"], columns=columns, also_stdout=True, env=env).raw
    plain = on_a_terminal(
        ["config", "show"], columns=columns, also_stdout=True, env={**env, "NO_COLOR": "1"}
    ).raw
    shown = " ".join(plain.split())

    assert re.sub(r"\x1b\[[0-9]*m", "", coloured) == plain
    assert "\x1b[1m[compose]\x1b[0m" in coloured
    assert [one for one in plain.splitlines() if len(one) > columns and one != str(place)] == []
    assert "model flux-2-dev from [compose] model" in shown
    assert "steps 8 from PRODIA_COMPOSE_STEPS" in shown
    assert "jobs 8 from [batch] jobs" in shown
    assert shown.count(" from ") == 3
    for one in document["compose"]:
        assert f"{one['name']} " in shown
    assert plain.count("\n\r\n") == 3  # before the tables, and the last line
    assert shown.endswith("All else is the default.")


def test_show_tells_all_that_is_wrong_once(run: Run, work: Path) -> None:
    """With both tables' values, each in a line; the exit code is 2."""
    configuring.write("[compose]\nquality = 0\nprompt = 'x'\n[batch]\njobs = 0\nyes = true\n")
    done = run("config", "show")

    assert (done.code, done.out) == (2, b"")
    assert len(done.messages.splitlines()) == 4


def test_show_tells_no_token_given_for_its_file(run: Run, work: Path) -> None:
    """A token that was given as the file's name is not printed."""
    token = f"eyJ{'a' * 20}.b.c"
    answer = run("config", "show", PRODIA_COMPOSE_TOKEN_FILE=token)
    document = run("config", "show", "--json", PRODIA_COMPOSE_TOKEN_FILE=token)

    assert (answer.code, document.code) == (0, 0)
    assert token not in answer.text + document.text
    assert "(a token)" in answer.text


def test_show_warns_of_a_mistyped_variable(run: Run, work: Path) -> None:
    """Which is why a value is not what its user expects."""
    done = run("config", "show", PRODIA_COMPOSE_MODLE="flux-2-pro")
    document = json.loads(run("config", "show", "--json", PRODIA_COMPOSE_MODLE="x").out)

    words = "PRODIA_COMPOSE_MODLE: nothing reads it; did you mean PRODIA_COMPOSE_MODEL?"
    assert (done.code, f"prodia-compose: warning: {words}") == (0, done.messages.split(" [")[0])
    assert [one["message"] for one in document["warnings"]] == [words]


def test_path_tells_where_the_config_is(run: Run, work: Path, tmp_path: Path) -> None:
    """Be it there or not; with the one that is named, too."""
    place = tmp_path / "config/prodia-compose/config.toml"
    absent = run("config", "path")
    configuring.write("")
    there = run("config", "path")

    assert (absent.code, absent.text) == (0, f"{place}\n")
    assert absent.err == "prodia-compose: there is no such file yet\n"
    assert (there.code, there.text, there.err) == (0, f"{place}\n", "")
    assert run("config", "path", "--config", "own.toml").text == "own.toml\n"
    assert run("config", "path", PRODIA_COMPOSE_CONFIG="off").text == "off\n"
    assert "--config '': is empty" in run("config", "path", "--config", "").err


def test_show_knows_where_nothing_is(run: Run, work: Path) -> None:
    """Without a file all is a default; the document says that none is read."""
    document = validating.read(run("config", "show", "--json").out)

    assert document["is_read"] is False
    assert {one["from"] for table in ("compose", "batch") for one in document[table]} == {"default"}
    assert "config  off\n" in re.sub(r"  +", "  ", run("config", "show", "--config", "off").text)


def test_a_config_is_not_read_by_what_takes_no_options_of_it(run: Run, work: Path) -> None:
    """A broken one stops neither help nor the catalogue nor the record."""
    configuring.write("[compose")

    for argv in (("models",), ("--version",), ("compose", "--help"), ("jobs",), ("config", "path")):
        assert run(*argv).code == 0
    with pytest.raises(errors.UsageError):
        configuring.typed(ComposeOptions)


_PIECES = st.sampled_from(
    [
        *(
            "[compose]",
            "[a-b]",
            "[a.b]",
            "[[a]]",
            "[ a ]",
            "[]",
            "a",
            "b_c",
            "-",
            "a.b",
            '"a"',
            "=",
            " = ",
        ),
        *(
            "#",
            " # x",
            " ",
            "\t",
            "\n",
            "\r\n",
            "\r",
            "\n\n",
            "é",
            "\x01",
            "\x7f",
            "\0",
            "\\",
            "\\n",
        ),
        *(
            '""',
            '"x"',
            '"x y"',
            '"#"',
            '"""',
            "'x'",
            "''",
            "'a\\b'",
            '"a=b"',
            '"',
            "true",
            "false",
            "True",
            "inf",
        ),
        *(
            "0",
            "1",
            "-1",
            "+1",
            "01",
            "1_0",
            "0.5",
            "00.5",
            ".5",
            "5.",
            "1e3",
            "1.5e3",
            "0x1f",
            "9" * 20,
        ),
        *("2026-12-01", "[1]", "{a = 1}", "x"),
        *(
            "é",
            "٣",
            "1٣",
            "²",
            "\u00a0",
            "\u3000",
            "'ü'",
            "# für",
            "\x7f",
            "\ufeff",
            "[ä]",
            "ä = 1",
        ),
    ]
)


@given(
    st.one_of(
        st.lists(_PIECES, max_size=12).map("".join),
        st.lists(
            st.tuples(st.sampled_from(["a", "b", "max-cost", "c_d"]), _PIECES, _PIECES).map(
                lambda one: f"{one[0]} = {one[1]}{one[2]}"
            ),
            max_size=4,
        ).map("\n".join),
    )
)
@settings(max_examples=1500)
def test_what_is_read_plainly_is_what_toml_says(text: str) -> None:
    """The quick way gives what Python's reader gives, or gives way to it."""
    found = config.plainly(text)

    assert found is None or found == tomllib.loads(text, parse_float=str)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only words\n",
        "a = 'b\\c'\nd = '#'  # e\n",
        'output = "für/{stem}.jpg"  # für alle\n',
        '[compose]\r\nmodel = "a#b" # c\r\nmax-cost = 0.05\nsteps=9\nno_lint = true',
    ],
)
def test_usual_configs_are_read_plainly(text: str) -> None:
    """The quick way is the one that is taken."""
    assert config.plainly(text) == tomllib.loads(text, parse_float=str)
