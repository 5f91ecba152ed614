"""Options: what a value may be, which of two counts, and by which name a message calls them."""

import json
from pathlib import Path

import pytest
from conftest import Run

LINE = ("validate", "product.jpg", "scene.jpg", "-p", "the first image on the second image")
FLEX = (*LINE, "-m", "flux-2-flex")


def _env(**variables: str) -> dict[str, str]:
    return {f"PRODIA_COMPOSE_{name}": value for name, value in variables.items()}


@pytest.mark.parametrize(
    ("argv", "env"),
    [
        (["-f"], _env(IF_EXISTS="skip")),
        (["-q"], _env(VERBOSE="2")),
        (["-v"], _env(QUIET="1")),
        (["-m", "flux-2-flex", "--width", "1024"], _env(MATCH="1")),
        (["-m", "flux-2-flex", "--match", "1"], _env(WIDTH="1000", HEIGHT="1000")),
        (["--aspect-ratio", "1:1"], _env(MATCH="1")),
        (["--match", "1"], _env(ASPECT_RATIO="wide")),
        (["-o", "out.jpg"], _env(FORMAT="png")),
        (["-m", "flux-2-flex", "--set", "seed=6"], _env(SEED="5")),
        (["-m", "flux-2-flex", "--set", "width=512"], _env(MATCH="1")),
        (["-m", "nano-banana"], _env(MODEL="nope")),
        (["--sort", "none"], _env(SORT="nope")),
        (["--quality", "90"], _env(QUALITY="best")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_was_typed_beats_the_environment(
    run: Run, work: Path, argv: list[str], env: dict[str, str]
) -> None:
    """An option on the line overrules its own variable, and those that contradict it."""
    done = run(*LINE, *argv, **env)

    assert (done.code, "error" in done.err) == (0, False)


def test_a_setting_given_with_set_beats_the_environment(run: Run, work: Path) -> None:
    """`--set` is typed, so its value is sent and not the variable's."""
    done = run(*FLEX, "--set", "seed=6", "--json", **_env(SEED="5", STEPS="9"))
    config = json.loads(done.out)["job"]["config"]

    assert (config["seed"], config["steps"]) == (6, 9)


def test_bytes_on_stdout_beat_the_variable_for_json(run: Run, work: Path) -> None:
    """`-o -` gives the picture's bytes, in the format of the variable, though JSON is usual."""
    line = ("compose", *LINE[1:], "--sandbox", "-o", "-")
    done = run(*line, **_env(JSON="1", FORMAT="png"))

    assert done.code == 0
    assert done.out.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("argv", "env", "made"),
    [
        (["--format", "png"], {}, "composed.png"),
        ([], _env(FORMAT="png"), "composed.png"),
        (["--format", "png"], _env(OUTPUT="a.jpg"), "composed.png"),
        (["--format", "png"], _env(OUTPUT="a"), "a"),
        (["--format", "png"], _env(OUTPUT="a.xyz"), "composed.png"),
        (["--format", "png"], _env(OUTPUT="a.{ext}"), "a.png"),
        (["--format", "jpg"], _env(OUTPUT="a.JPEG"), "a.JPEG"),
        (["--json"], _env(OUTPUT="-", FORMAT="png"), "composed.png"),
        ([], _env(OUTPUT="a.png", FORMAT="\t"), "a.png"),
        ([], _env(OUTPUT=" ", MODEL=" ", STEPS=" ", VERBOSE=" ", SORT=" "), "composed.jpg"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_what_is_typed_beats_a_variable_for_the_output(
    run: Run, work: Path, argv: list[str], env: dict[str, str], made: str
) -> None:
    """One that contradicts is left out, one that does not is heard, and blanks say nothing."""
    done = run("compose", *LINE[1:], "--sandbox", *argv, **env)

    data = (work / made).read_bytes()

    assert (done.code, made in done.text) == (0, True)
    assert data.startswith(b"\x89PNG") == ("png" in (*argv, *env.values(), *made.split(".")))


@pytest.mark.parametrize(
    ("argv", "env", "words"),
    [
        ([], _env(STEPS="many"), "PRODIA_COMPOSE_STEPS many: must be a whole number"),
        ([], _env(STEPS="60"), "PRODIA_COMPOSE_STEPS 60: flux-2-flex takes 1 to 50"),
        ([], _env(QUALITY="101"), "PRODIA_COMPOSE_QUALITY 101: must be 1 to 100"),
        ([], _env(MAX_COST="cheap"), "PRODIA_COMPOSE_MAX_COST cheap: must be a number"),
        ([], _env(SORT="nam"), "PRODIA_COMPOSE_SORT nam: must be none, name or natural; did you"),
        ([], _env(STRICT="maybe"), "PRODIA_COMPOSE_STRICT maybe: must be 1 or 0"),
        ([], _env(VERBOSE="much"), "PRODIA_COMPOSE_VERBOSE much: must be a whole number"),
        ([], _env(VERBOSE="1", QUIET="1"), "PRODIA_COMPOSE_QUIET and PRODIA_COMPOSE_VERBOSE: "),
        ([], _env(MATCH="1", WIDTH="1024"), "PRODIA_COMPOSE_MATCH and PRODIA_COMPOSE_WIDTH: "),
        ([], _env(MATCH="3"), "PRODIA_COMPOSE_MATCH 3: there are only 2 images"),
        ([], _env(BACKGROUND="mauve"), "PRODIA_COMPOSE_BACKGROUND mauve: is no colour; use white"),
        ([], _env(OUTPUT="a/b.jpg"), "PRODIA_COMPOSE_OUTPUT a/b.jpg: there is no folder a"),
        ([], _env(OUTPUT="out.gif"), "PRODIA_COMPOSE_OUTPUT out.gif: no such format as .gif"),
        ([], _env(OUTPUT="a.jpg", FORMAT="png"), "PRODIA_COMPOSE_FORMAT png and PRODIA_COMPOSE_OU"),
        ([], _env(TOKEN_FILE="gone"), "PRODIA_COMPOSE_TOKEN_FILE gone: no such file"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_a_message_names_the_variable(
    run: Run,
    work: Path,
    argv: list[str],
    env: dict[str, str],
    words: str,
    as_json: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A value from the environment is called by its variable: no such option was typed."""
    done = run(*FLEX, *argv, *(["--json"] if as_json else []), **env)
    shown = done.out.decode() + done.messages

    assert done.code in (2, 4, 8)
    if as_json:
        document = json.loads(done.out or done.messages)
        assert any(error["message"].startswith(words) for error in document["errors"])
    else:
        assert f"error: {words}" in shown


def test_warnings_and_the_model_name_the_variable(run: Run, work: Path) -> None:
    """The model's variable is named where it names none; an unknown model's, and a setting's too."""
    wrong = run(*LINE, **_env(MODEL="nano-bananna"))
    odd = run(*LINE, **_env(MODEL="inference.new.img2img.v1"))

    assert (
        "PRODIA_COMPOSE_MODEL nano-bananna: no such model; did you mean nano-banana?"
        in wrong.messages
    )
    assert "PRODIA_COMPOSE_MODEL inference.new.img2img.v1: not in the catalogue" in odd.messages
    assert "error: inference" not in run(*LINE, "--strict", **_env(MODEL="inference.x")).err
    doubtful = run(*LINE, **_env(GUIDANCE="4"))
    assert "PRODIA_COMPOSE_GUIDANCE: nano-banana is not known to take it" in doubtful.messages


def test_a_file_called_as_an_option_keeps_its_name(run: Run, work: Path) -> None:
    """A missing picture `--steps` is not taken for the option of that name."""
    (work / "list.txt").write_text("--steps\n")
    done = run("validate", "-p", "x", "-T", "list.txt", **_env(STEPS="9"))

    assert "error: --steps: no such file" in done.err


@pytest.mark.parametrize("command", [["compose"], ["jobs", "fetch", "3f9c"]])
def test_fetching_reads_its_options_in_the_same_way(run: Run, command: list[str]) -> None:
    """`jobs fetch` and `compose` share the reading of options and their variables."""
    wrong = run(*command, **_env(TIMEOUT="soon", MAX_WAIT="1"))
    both = run(*command, "--if-exists", "skip", "-f")

    assert (wrong.code, both.code) == (2, 2)
    assert "PRODIA_COMPOSE_TIMEOUT soon: must be a number" in wrong.err
    assert "-f and --if-exists: both are given; give one of them" in both.messages


@pytest.mark.parametrize("text", ["0", "false", "off", "no", ""])
def test_json_may_be_switched_off_by_its_variable(run: Run, work: Path, text: str) -> None:
    """A variable that says no leaves errors as lines for people."""
    done = run("compose", "gone.jpg", "-p", "x", **_env(JSON=text))

    assert done.err.startswith("prodia-compose: error: gone.jpg")


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("--width", "\u0661\u0660\u0662\u0664", "must be a whole number"),
        ("--width", "1_024", "must be a whole number"),
        ("--width", " 1024 ", "--width ' 1024 ': must be a whole number"),
        ("--width", "1024.0", "must be a whole number"),
        ("--width", "0x400", "must be a whole number"),
        ("--width", "1e3", "must be a whole number"),
        ("--width", "", "--width '': must be a whole number"),
        ("--width", "wide", "--width wide: must be a whole number"),
        ("--width", "9" * 30, "too large a number"),
        ("--seed", "9" * 5000, f"--seed {'9' * 40}...: too large a number"),
        ("--guidance", "nan", "--guidance nan: must be a number"),
        ("--guidance", "inf", "must be a number"),
        ("--guidance", "1e999", "too large a number"),
        ("--guidance", "1_0", "must be a number"),
        ("--guidance", "4,5", "must be a number"),
        ("--guidance", "\u0664", "must be a number"),
        ("--max-cost", "-1", "--max-cost -1: must be 0 or more"),
        ("--assume-price", "-1", "--assume-price -1: must be 0 or more"),
        ("--timeout", "0", "--timeout 0: must be 0.001 to 86400"),
        ("--match", "0", "--match 0: must be 1 or more"),
        ("--quality", "0", "--quality 0: must be 1 to 100"),
        ("--sort", "natral", "must be none, name or natural; did you mean natural?"),
        ("--if-exists", "owerwrite", "did you mean overwrite?"),
        ("--format", "gif", "--format gif: must be jpg, png or webp"),
        ("--format", "tiff", "must be jpg, png or webp"),
    ],
)
def test_other_values_are_refused(run: Run, work: Path, option: str, text: str, words: str) -> None:
    """What Python alone would read as a number is none; a wrong word is answered with the nearest."""
    typed = run(*FLEX, option, text)
    name = f"PRODIA_COMPOSE_{option.removeprefix('--').replace('-', '_').upper()}"
    shown = run(*FLEX, **{name: text}) if text else typed

    assert (typed.code, shown.code) == (2, 2)
    assert words in typed.messages
    assert words.replace(option, name) in shown.messages or not text


@pytest.mark.parametrize(
    ("option", "text"),
    [
        *(("--guidance", text) for text in ("4.5", "4.", "+4.5", "45e-1", "4")),
        *(("--seed", text) for text in ("007", "+7", "-7")),
    ],
)
def test_usual_spellings_of_numbers_are_taken(run: Run, work: Path, option: str, text: str) -> None:
    """Signs, leading zeros and exponents are what they are everywhere."""
    done = run(*FLEX, option, text, "--json")
    sent = json.loads(done.out)["job"]["config"][option.removeprefix("--")]

    assert sent == float(text)


@pytest.mark.parametrize(
    "option",
    [
        *("--model", "--output", "--aspect-ratio", "--resolution", "--background", "--token-file"),
        *("--save-request", "--prompt-file", "-T", "-i", "--set", "--sort", "--format", "--width"),
    ],
)
def test_empty_values_are_shown_as_such(run: Run, work: Path, option: str) -> None:
    """A value that is empty, as of an unset variable, is a usage error that shows it."""
    done = run("validate", "product.jpg", "-p", "x", option, "")

    assert done.code == 2
    assert f"error: {option} '': " in done.err


def test_an_empty_operand_is_shown_as_such(run: Run, work: Path) -> None:
    """An operand that is empty is a missing input, and so is an empty path of a label."""
    assert "error: '': an empty name" in run("validate", "", "-p", "x").err
    assert "error: -i mug=: names no file" in run("validate", "-i", "mug=", "-p", "x").err
    assert "error: '': no such model" in run("models", "").err


def test_all_bad_values_are_told_together(run: Run, work: Path) -> None:
    """Every option that cannot be read is in one report, in the order of help."""
    done = run(*LINE, "--quality", "high", "--width", "wide", "--sort", "up", "-m", "")

    shown = [line.split()[2] for line in done.messages.splitlines()]
    assert (done.code, shown) == (2, ["--sort", "--quality", "--model", "--width"])


@pytest.mark.parametrize("text", ["jpg", "JPG", "jpeg", "JPEG"])
def test_choices_are_taken_in_any_case(run: Run, work: Path, text: str) -> None:
    """`--format` knows its words in capitals too, and `jpeg` as the suffix does."""
    done = run(*LINE, "--format", text, "--sort", "Natural", "--if-exists", "FAIL")

    assert (done.code, "(jpg)" in done.text) == (0, True)


@pytest.mark.parametrize(
    "argv",
    [
        ("-p", "x", "-p", "y"),
        ("-p", "x", "--prompt", "x"),
        ("--prompt-file", "a.txt", "--prompt-file", "b.txt"),
    ],
)
def test_two_prompts_are_refused(run: Run, work: Path, argv: tuple[str, ...]) -> None:
    """A prompt is never dropped silently: the job that would be paid for is not what was meant."""
    done = run("validate", "product.jpg", *argv)

    assert done.code == 2
    assert "given 2 times; one prompt is sent" in done.messages


def test_the_last_of_other_options_counts(run: Run, work: Path) -> None:
    """A later `-m`, `-o` or setting replaces an earlier one, as aliases rely on."""
    done = run(*LINE, "-m", "nope", "-m", "flux-2-dev", "-o", "a.gif", "-o", "b.png", "--json")

    assert (done.code, json.loads(done.out)["model"]) == (0, "flux-2-dev")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("product.jpg", "-p", "-o", "out.jpg"), "--prompt -o: is an option"),
        (("product.jpg", "-p", "x", "-o", "--force"), "--output --force: is an option"),
        (("product.jpg", "-p", "x", "--width", "--height", "9"), "--width --height: is an option"),
        (("-T", "-0", "-", "-p", "x"), "--files-from -0: is an option"),
    ],
)
def test_an_option_is_no_value(run: Run, work: Path, argv: tuple[str, ...], words: str) -> None:
    """Where a value was forgotten, the option after it is not taken for one."""
    done = run("compose", *argv, "--sandbox")

    assert done.code == 2
    assert words in done.err
    assert not (work / "--force").exists()


def test_short_options_are_joined_as_usual(run: Run, work: Path) -> None:
    """`-oFILE`, `-px`, `--output=FILE`, `-fn` and `-vv` are what they are to other programs."""
    for argv in (["-px", "-fnob.png"], ["--prompt=x", "--output=b.png", "-vv"]):
        done = run("validate", "product.jpg", *argv)
        assert (done.code, "b.png (png)" in done.text) == (0, True)


@pytest.mark.parametrize("token", ["", "two words"])
def test_a_token_that_nobody_could_send_is_refused(run: Run, token: str) -> None:
    """`sandbox --token` takes what a client can put in a header."""
    done = run("sandbox", "--token", token, "--", "true")

    assert (done.code, "error: --token: the token " in done.err) == (2, True)


def test_models_names_no_option(run: Run) -> None:
    """`models nope` is about its argument, and speaks of no `--model`."""
    done = run("models", "nano-bananna")

    assert done.code == 2
    assert done.messages == (
        "prodia-compose: error: nano-bananna: no such model; did you mean nano-banana?\n"
    )


def test_match_names_the_setting_as_it_was_typed(run: Run, work: Path) -> None:
    """`--match` against a size given with `--set` says so."""
    done = run(*FLEX, "--match", "1", "--set", "width=1024")

    assert done.code == 2
    assert "--match and --set width: both are given; give one of them" in done.messages


@pytest.mark.parametrize(
    ("argv", "code", "most", "words"),
    [
        (("--max-cost", "0.05", "--assume-price", "0.04"), 0, 0.04, "at most $0.04"),
        (("--max-cost", "0.04", "--assume-price", "0.04"), 0, 0.04, "at most $0.04"),
        (("--max-cost", "0.03", "--assume-price", "0.04"), 12, 0.04, "a job may cost $0.04"),
        (("--max-cost", "0.05"), 12, None, "--assume-price USD says what it may be"),
        (("--assume-price", "0.04"), 0, 0.04, "at most $0.04"),
        (("--max-cost", "0.05", "--assume-price", "0.9", "-m", "nano-banana"), 0, 0.039, "$0.039"),
    ],
)
def test_a_price_that_nobody_knows_can_be_assumed(
    run: Run, work: Path, argv: tuple[str, ...], code: int, most: float | None, words: str
) -> None:
    """`--assume-price` is the bound where the catalogue has none, and nothing where it has one."""
    line = (*LINE, "-m", "seedream-5-lite", *argv)
    shown, plan = run(*line), json.loads(run(*line, "--json").out)

    assert (shown.code, plan["estimate_usd"]) == (code, most)
    assert words in shown.text + shown.err
    assert (plan["estimate_min_usd"] is None) == ("-m" not in argv)


def test_an_assumed_price_may_be_the_environments(run: Run, work: Path) -> None:
    """What is assumed of all jobs can be said once; a price that is known counts all the same."""
    env = _env(ASSUME_PRICE="0.04", MAX_COST="0.05")

    assert run(*LINE, "-m", "seedream-5-lite", **env).code == 0
    assert "$0.039" in run(*LINE, **env).text
