"""The config file in whole runs: where it is looked for, and what it does to jobs and batches."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import configuring
import loopback
import platformdirs
import pytest
import readme
from batches import TOKEN, documents, manifest, rows, serving
from conftest import Run
from sandboxing import picture

from prodia_compose import errors
from prodia_compose.cli.options.declared import ComposeOptions

LINE = ("validate", "product.jpg", "scene.jpg", "-p", "the first image on the second image")

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="other platforms have other folders")


@on_linux
def test_the_config_lies_where_the_platform_has_it(
    process: Run, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In XDG_CONFIG_HOME, else in ~/.config; the user database knows a home if HOME does not."""
    named = process("config", "path").text
    for unset in ("", "relative"):
        unnamed = process("config", "path", XDG_CONFIG_HOME=unset)
        if not unset:
            assert unnamed.text == f"{tmp_path}/home/.config/prodia-compose/config.toml\n"
        else:
            assert unnamed.code in (0, 2)
            assert unnamed.text[:1] in ("", "/")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.delenv("HOME")
    homeless = process("config", "path")

    assert named == f"{tmp_path}/config/prodia-compose/config.toml\n"
    assert homeless.text.endswith("/.config/prodia-compose/config.toml\n")
    assert homeless.text.startswith("/")


def test_where_there_is_no_home_there_is_no_config(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All works without; only `config path` has nothing to say."""

    def unknown(*_args: object, **_options: object) -> str:
        raise RuntimeError

    monkeypatch.setattr(platformdirs, "user_config_dir", unknown)
    place = run("config", "path")

    assert run(*LINE).code == 0
    assert json.loads(run("config", "show", "--json").out)["path"] is None
    assert (place.code, "there is no home folder to look in; use --config" in place.messages) == (
        2,
        True,
    )
    assert run("config", "path", "--config", "own.toml").text == "own.toml\n"


@contextlib.contextmanager
def _nobodys(mode: int, name: str) -> Iterator[Path]:
    """Have a config, of which a part has permissions that do for its owner at most."""
    with tempfile.TemporaryDirectory(dir="/tmp") as top:
        Path(top).chmod(0o755)
        os.environ["XDG_CONFIG_HOME"] = top  # which the fixture of all tests sets back
        path = configuring.write("[compose]\nmax-cost = 0.01\n")
        configuring.typed(ComposeOptions)  # loads what nobody else may be able to
        barred = path if name == "config.toml" else path.parent
        barred.chmod(mode)
        if is_root := os.geteuid() == 0:
            os.seteuid(65534)
        try:
            yield path
        finally:
            if is_root:
                os.seteuid(0)
            barred.chmod(0o755)


def test_a_folder_that_nobody_may_look_into_is_warned_of() -> None:
    """As of another user's home, in which there may be no config at all: that stops nothing."""
    with _nobodys(0o700 if os.geteuid() == 0 else 0, "prodia-compose") as path:
        (warning,) = configuring.typed(ComposeOptions).warnings
        off = configuring.typed(ComposeOptions, "--config", "off")

    words = "is not read: nobody may look into its folder; --config off does without"
    assert (warning.code, warning.message) == ("config-unavailable", f"config {path}: {words}")
    assert off.warnings == ()


def test_a_folder_that_is_a_loop_of_links_is_warned_of(
    run: Run, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In our words, not the system's, which count levels."""
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "loop"))
    done = run(*LINE)

    assert done.code == 0
    place = tmp_path / "loop" / "prodia-compose" / "config.toml"
    assert f"config {place}: is not read: its folder is a loop of links [" in done.err


def test_a_config_that_cannot_be_read_stops_the_run() -> None:
    """It is there, and may say how much a job may cost."""
    with (
        _nobodys(0o600 if os.geteuid() == 0 else 0, "config.toml") as path,
        pytest.raises(errors.UsageError) as caught,
    ):
        configuring.typed(ComposeOptions)

    assert (
        caught.value.message
        == f"config {path}: permission denied; mend it; --config off does without"
    )


def test_compose_and_its_rehearsal_obey_the_config(process: Run, work: Path) -> None:
    """Under `--sandbox` too, but for the token, whose file may be gone."""
    configuring.write(
        '[compose]\nmodel = "flux-2-dev"\noutput = "{stem}-{model}.png"\ntoken-file = "gone"\n'
        "create-dirs = true\njson = true\n"
    )
    done = process("compose", *LINE[1:], "--sandbox")

    assert (done.code, done.err) == (0, "")
    document = json.loads(done.out)
    assert document["output"]["path"] == "scene-flux-2-dev.png"
    assert (work / "scene-flux-2-dev.png").is_file()


def test_a_rehearsal_never_sees_the_configs_token(process: Run, work: Path) -> None:
    """Under `sandbox -- CMD` its own token is the variable's; `jobs fetch` needs none for its jobs."""
    path = configuring.write('[compose]\ntoken-file = "token"\n')
    path.with_name("token").write_text(TOKEN)
    own = f"'{sys.executable}' -m prodia_compose"
    script = f"{own} compose {' '.join(LINE[1:3])} -p 'first image, second image' --json"
    done = process("sandbox", "--token", "only-this", "--", "sh", "-c", script)

    assert (done.code, json.loads(done.out)["sandbox"]) == (0, True)


def test_the_configs_token_is_sent_to_the_service(process: Run, work: Path) -> None:
    """`--token-file` need not be typed each time; so it is for `jobs fetch`."""
    path = configuring.write('[compose]\ntoken-file = "token"\n')
    path.with_name("token").write_text(f"{TOKEN}\n")
    with loopback.serve([loopback.multipart_ok(picture())]) as service:
        done = process("compose", *LINE[1:], PRODIA_BASE_URL=service.url)

    assert (done.code, done.text) == (0, "composed.jpg\n")
    assert service.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_the_config_of_readme_is_read(run: Run, work: Path) -> None:
    """All that it says counts, and its token's file lies beside it."""
    path = configuring.write(readme.example("token-file = ").text)
    path.with_name("token").write_text(TOKEN)
    plan = json.loads(run(*LINE, "--json").out)
    shown = json.loads(run("config", "show", "--json").out)

    assert (plan["model"], plan["token"], plan["warnings"]) == ("flux-2-pro", "present", [])
    assert re.search(r"scene-[0-9]{4}-[0-9]{2}-[0-9]{2}\.png", run(*LINE).text)
    said = {one["where"]: one["value"] for one in shown["batch"] if one["from"] == "config"}
    assert (said["[batch] jobs"], said["[batch] budget"], len(said)) == (8, 5, 6)


def test_what_a_batch_has_of_its_own_counts_more(here: Path, run: Run) -> None:
    """[compose] is the default of every row, [batch] counts before it, the line before both."""
    manifest(here, rows(2))
    configuring.write(
        '[compose]\nmodel = "flux-2-dev"\nformat = "png"\nsave-request = "x"\noutput = "-"\n'
        "[batch]\nmodel = 'flux-2-pro'\noutput = 'out-{id}.png'\njobs = 1\nyes-no = 1\n"
    )
    plans = documents(run("batch", "rows.jsonl", "-n", "--json").out)
    typed = documents(run("batch", "rows.jsonl", "-n", "--json", "-m", "flux-2-max").out)
    done = run("batch", "rows.jsonl", "--sandbox")

    assert [plan["model"] for plan in plans[:2]] == ["flux-2-pro"] * 2
    assert [plan["model"] for plan in typed[:2]] == ["flux-2-max"] * 2
    assert (done.code, done.text) == (0, "out-r01.png\nout-r02.png\n")
    assert done.err.count("[batch] yes-no: nothing reads it") == 1


@pytest.mark.parametrize(
    "name",
    ["each", "vary", "repeat", "yes", "skip-invalid", "rerun", "only", "shard", "results", "fault"],
)
def test_what_belongs_to_one_batch_is_in_no_config(here: Path, run: Run, name: str) -> None:
    """Which rows are sent, again or unasked, is typed each time; that of a variable is warned of."""
    manifest(here, rows(1))
    path = configuring.write(f"[batch]\n{name.replace('-', '_')} = true\n")
    done = run("batch", "rows.jsonl", "-y")

    assert done.code == 2
    called = f"{path}: [batch] {name.replace('-', '_')}"
    assert f"{called}: belongs to one run, and is not read from a config; type it" in done.messages


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("jobs = 0", "[batch] jobs 0: must be 1 to 256"),
        ('rate = "fast"', "[batch] rate fast: is no rate; write it as N/s, N/m or N/h"),
        ("rate = 10", "[batch] rate 10: is no rate; write it as N/s"),
        ('budget = "5 USD"', "[batch] budget '5 USD': must be a number"),
        ('cluster = "tcp://example.org:1"', "[batch] cluster tcp://example.org:1: tcp:// is for"),
        ('model = "nope"', "[batch] model nope: no such model"),
    ],
)
def test_a_message_of_a_batch_names_the_place(here: Path, run: Run, text: str, words: str) -> None:
    """As of `compose`, and before anything is sent."""
    manifest(here, rows(1))
    path = configuring.write(f"[batch]\n{text}\n")
    with serving() as server:
        done = run("batch", "rows.jsonl", "--budget", "1")

    assert done.code == 2
    assert f"{path}: {words}" in done.messages
    assert server.requests == []


def test_a_configs_budget_is_no_consent(here: Path, run: Run, process: Run) -> None:
    """It caps each batch, and each is agreed to all the same; of two budgets the lower counts."""
    manifest(here, rows(3))
    path = configuring.write("[batch]\nbudget = 0.05\n")
    with serving() as server:
        unasked = run("batch", "rows.jsonl")
        assert server.submissions == 0
        agreed = process("batch", "rows.jsonl", "-y")
        higher = process("batch", "rows.jsonl", "--budget", "0.09")
        lower = process("batch", "rows.jsonl", "--budget", "0.01")

    assert (unasked.code, "nobody has agreed to that" in unasked.err) == (2, True)
    assert (agreed.code, server.submissions) == (11, 1)
    words = f"--budget 0.09: is lowered to 0.05 by {path}: [batch] budget"
    assert (higher.code, words in higher.err) == (12, True)
    assert (lower.code, "limit-lowered" in lower.err) == (12, False)
    going_on = "to go on, once the config's budget of 0.05 is 0.12 (config show tells where it stands), or with --config off; "
    paid = "what is done is not paid again: prodia-compose batch rows.jsonl"
    assert f"{going_on}{paid} -y\n" in agreed.err
    assert f"{going_on}{paid} --budget 0.12\n" in higher.err
    assert f"{going_on}{paid} --budget 0.12\n" in lower.err


def test_a_row_costs_no_more_than_the_config_says(here: Path, run: Run) -> None:
    """A row's own `max_cost` may be lower than the config's, and is lowered to it, aloud."""
    manifest(here, [{**row, "max_cost": 1} for row in rows(2)])
    configuring.write("[compose]\nmax-cost = 0.02\n")
    with serving() as server:
        done = run("batch", "rows.jsonl", "-y")

    assert (done.code, server.submissions) == (12, 0)
    words = "max_cost: that of 2 rows with a higher max_cost is lowered to 0.02 by the config"
    dry = run("batch", "rows.jsonl", "-n", "--skip-invalid")
    assert words in dry.err + dry.text
    assert done.err.count("a job may cost $0.039") == 2


def test_starting_costs_nothing_more_without_a_config(process: Run, work: Path) -> None:
    """Python's reader of TOML is loaded only where there is something to read."""
    program = (
        "import sys; from prodia_compose.cli import main; main(sys.argv[1:]);"
        " print('tomllib' in sys.modules, 'prodia_compose.cli.options.config' in sys.modules)"
    )

    def loads() -> str:
        argv = [sys.executable, "-c", program, *LINE, "--save-request", f"r{time.monotonic_ns()}"]
        done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.splitlines()[-1]

    absent = loads()
    configuring.write('[compose]\nmodel = "nano-banana"  # cheap\n')
    plain = loads()
    configuring.write("[compose]\nmodel = 'nano-banana'\nverbose = +0\n")

    assert (absent, plain, loads()) == ("False False", "False True", "True True")
