"""What shells offer at a TAB press: real ones in a terminal, and what they are answered."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import ledgering
import pytest
import regenerate
from conftest import Run
from shells import LEFT, Shell

from prodia_compose.cli.completion import offers
from prodia_compose.inputs import kinds
from prodia_compose.record import ledger

STRICT = {
    "bash": "set -o nounset -o errexit -o noglob -o noclobber -o vi; IFS=:pc; shopt -s nocasematch",
    "zsh": "setopt ksh_arrays sh_word_split no_unset no_clobber no_nomatch warn_create_global",
    "fish": "fish_vi_key_bindings",
}

COMPLAINTS = ("rror", "not found", "unbound", "Traceback", "prodia-compose: ")

PICTURES = (
    "blank here.jpg",
    'quote".jpg',
    "apostrophe's.png",
    "tick`touch pwned`.jpg",
    "expand$(touch pwned).JPG",
    "new\nline.jpg",
    "upper.JPEG",
    "größe.heic",
    "semicolon;touch pwned;.webp",
    "glob*[a]?.gif",
    "same.jpg",
)

ENDED = """\
{"schema":"prodia-compose/batch-header@1","host":"h","sandbox":false,"shard":null,"version":"1"}
{"schema":"prodia-compose/row-start@1","id":"mug 1","request_key":"k"}
{"schema":"prodia-compose/row-start@1","id":"cup","request_key":"k"}
{"schema":"prodia-compose/row@1","id":"mug 1","row":1,"status":"done","ok":true}
{"schema":"prodia-compose/row-start@1","id":"caf\\\\xe9","id_b64":"Y2Fm6Q==","request_key":"k"}
{"schema":"prodia-compose/row-start@1","id":"a\\tb","request_key":"k"}
{"schema":"prodia-compose/row-start@1","id":"to"""
"""Results of a batch, the last line torn."""

LINES = {
    "subcommand": ("comple\t", ["completion"]),
    "subcommand-of-jobs": ("jobs spe\t", ["jobs", "spend"]),
    "outcome-of-a-job": ("jobs settle 3f9c not\t", ["jobs", "settle", "3f9c", "not-billed"]),
    "time": ("jobs --since y\t", ["jobs", "--since", "yesterday"]),
    "option": ("compose --saf\t", ["compose", "--safety-tolerance"]),
    "option-of-another": ("sandbox --lat\t", ["sandbox", "--latency"]),
    "model": ("compose -m flux-2-d\t", ["compose", "-m", "flux-2-dev"]),
    "model-with-equals": ("validate --model=see\t", ["validate", "--model=seedream-5-lite"]),
    "model-attached": ("compose -msee\t", ["compose", "-mseedream-5-lite"]),
    "model-as-operand": ("models nano\t", ["models", "nano-banana"]),
    "ratio": ("compose --aspect-ratio 16:\t", ["compose", "--aspect-ratio", "16:9"]),
    "ratio-with-equals": ("compose --aspect-ratio=16:\t", ["compose", "--aspect-ratio=16:9"]),
    "ratio-in-quotes": ('compose --aspect-ratio "16:\t', ["compose", "--aspect-ratio", "16:9"]),
    "model-of-the-environment": ("compose --resolution 4\t", ["compose", "--resolution", "4K"]),
    "model-of-the-line": (
        "compose -m nano-banana --resolution 4\t",
        ["compose", "-m", "nano-banana", "--resolution", "4"],
    ),
    "choice": ("compose --if-exists=num\t", ["compose", "--if-exists=number"]),
    "fault": ("sandbox --fault drop-a\t", ["sandbox", "--fault", "drop-after"]),
    "colour": ("compose --background bl\t", ["compose", "--background", "black"]),
    "picture-first": ("compose same\t", ["compose", "same.jpg"]),
    "label": ("compose -i mug=bla\t", ["compose", "-i", "mug=blank here.jpg"]),
    "label-in-quotes": ('compose -i "mug=bla\t', ["compose", "-i", "mug=blank here.jpg"]),
    "list": ("compose -T same\t", ["compose", "-T", "same.txt"]),
    "prompt-file": ("compose --prompt-file=same\t", ["compose", "--prompt-file=same.txt"]),
    "picture-where-text-is-wanted": ("compose -T blan\t", ["compose", "-T", "blank here.jpg"]),
    "setting": (
        "compose -m flux-2-pro --set wid\t9",
        ["compose", "-m", "flux-2-pro", "--set", "width=9"],
    ),
    "position": ("compose same.jpg --match \t", ["compose", "same.jpg", "--match", "1"]),
    "label-to-match": (
        "compose -i mug=same.jpg same.jpg --match=m\t",
        ["compose", "-i", "mug=same.jpg", "same.jpg", "--match=mug"],
    ),
    "below-a-folder": ("compose fol\tins\t", ["compose", "folder/inside.jpg"]),
    "home": ("compose ~/pho\t", ["compose", "HOME/photo.jpg"]),
    "variable": ("compose $HOME/pho\t", ["compose", "HOME/photo.jpg"]),
    "address": ("compose https://same\t", ["compose", "https://same"]),
    "after-dashes": ("compose -- --s\t", ["compose", "--", "--s"]),
    "label-without-equals": ("compose -i same\t", ["compose", "-i", "same.jpg"]),
    "text": ("compose -p sam\t", ["compose", "-p", "sam"]),
    "manifest": ("batch sho\t", ["batch", "shop.tsv"]),
    "entries": ("batch --each sam\t", ["batch", "--each", "same.txt"]),
    "picture-after-a-manifest": ("batch shop.tsv same\t", ["batch", "shop.tsv", "same.jpg"]),
    "picture-of-every-entry": ("batch --each list same\t", ["batch", "--each", "list", "same.jpg"]),
    "once-more": ("batch --rerun miss\t", ["batch", "--rerun", "missing"]),
    "format-of-a-manifest": ("batch --manifest-format t\t", ["batch", "--manifest-format", "tsv"]),
    "varied": ("batch shop.tsv --vary aspe\t1", ["batch", "shop.tsv", "--vary", "aspect_ratio=1"]),
    "row": ("batch shop.tsv --only mu\t", ["batch", "shop.tsv", "--only", "mug 1"]),
    "row-to-make-again": (
        "compose --from shop.tsv.results.jsonl#cu\t",
        ["compose", "--from", "shop.tsv.results.jsonl#cup"],
    ),
    "results": ("report sho\t", ["report", "shop.tsv.results.jsonl"]),
    "format-of-a-report": (
        "report x -o y --format h\t",
        ["report", "x", "-o", "y", "--format", "html"],
    ),
    "picture-to-verify": ("verify same\t", ["verify", "same.jpg"]),
    "model-to-compare": (
        "compare same.jpg -m see\t",
        ["compare", "same.jpg", "-m", "seedream-5-lite"],
    ),
    "topic": ("help exit\t", ["help", "exit-codes"]),
    "command-below-another": ("help jobs spe\t", ["help", "jobs", "spend"]),
    "subcommand-of-config": ("config sh\t", ["config", "show"]),
    "config": (
        "config show --config fol\tsa\t",
        ["config", "show", "--config", "folder/same.toml"],
    ),
    "shell-to-install-for": ("completion install fi\t", ["completion", "install", "fish"]),
    "unknown-command": ("nothing sam\t", ["nothing", "sam"]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with pictures of odd names, and what is no picture."""
    made = tmp_path_factory.mktemp("work")
    (made / "folder").mkdir()
    for name in (*PICTURES, "same.txt", "folder/inside.jpg", "folder/same.toml"):
        (made / name).touch()
    (made / "shop.tsv").touch()
    (made / "shop.tsv.results.jsonl").write_text(ENDED)
    return made


@pytest.fixture(scope="module", params=STRICT)
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, folder: Path
) -> Iterator[Shell]:
    """Start a shell, and at its end look for complaints and for what a TAB press has made."""
    home = tmp_path_factory.mktemp("home")
    (home / "photo.jpg").touch()
    before = sorted(folder.rglob("*"))
    env = {"PRODIA_COMPOSE_MODEL": "gemini-3-pro", "XDG_STATE_HOME": str(home / "state")}
    with Shell(request.param, home, folder, env=env) as started:
        yield started
        for complaint in COMPLAINTS:
            assert complaint not in started.output
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(("keys", "arguments"), LINES.values(), ids=LINES)
def test_tab_completes(shell: Shell, keys: str, arguments: list[str]) -> None:
    """A TAB press completes what is to come, or leaves the line as it is."""
    home = str(shell.program.parent.parent)
    expected = [argument.replace("HOME", home) for argument in arguments]

    assert shell.run(f"prodia-compose {keys}") == expected


@pytest.mark.parametrize("shell", ["bash", "zsh"], indirect=True)
def test_tab_looks_for_the_model_behind_the_cursor(shell: Shell) -> None:
    """The model may be named anywhere on the line; fish does not tell what comes later."""
    keys = f"prodia-compose compose --set style_preset=an -m flux-2-dev{LEFT * 14}i\t"

    assert shell.run(keys) == ["compose", "--set", "style_preset=anime", "-m", "flux-2-dev"]


@pytest.mark.parametrize("quote", ["", '"'], ids=["bare", "quoted"])
@pytest.mark.parametrize("name", PICTURES)
def test_tab_completes_odd_names(shell: Shell, name: str, quote: str) -> None:
    """Whatever a picture is called, it arrives as it is, and nothing in its name is executed."""
    assert shell.run(f"prodia-compose compose {quote}{name[:3]}\t") == ["compose", name]


def test_tab_completes_labels_in_a_prompt(shell: Shell) -> None:
    """A brace in a quoted prompt becomes a label; zsh leaves the quote open for what follows."""
    end = '"' if shell.name == "zsh" else ""
    found = shell.run(f'prodia-compose compose -i mug=same.jpg -p "Put {{m\t{end}')

    assert found == ["compose", "-i", "mug=same.jpg", "-p", "Put {mug}"]


def test_tab_lists_models_with_descriptions(shell: Shell) -> None:
    """Where several models may come, all are shown, with what each is good for."""
    shown = shell.list("prodia-compose compose -m \t", "seedream-5-lite")

    assert all(name in shown for name in offers.offers()["models"])
    assert "plain-language edits" in shown


@pytest.mark.parametrize("shell", ["bash", "zsh"], indirect=True)
def test_what_is_listed_alike_is_typed(shell: Shell) -> None:
    """Of descriptions nothing gets into the line."""
    keys = "prodia-compose compose -m fl\tpro"

    assert shell.run(keys) == ["compose", "-m", "flux-2-pro"]


def test_tab_completes_ids(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ids of jobs come from the record."""
    monkeypatch.setenv("XDG_STATE_HOME", str(shell.program.parent.parent / "state"))
    with ledger.open_record(os.environ) as record:
        entry = record.begin(ledgering.claim())
    assert entry.id is not None
    name = entry.id

    for command in ("show", "fetch", "settle", "forget"):
        assert shell.run(f"prodia-compose jobs {command} {name[:3]}\t") == ["jobs", command, name]


@pytest.mark.parametrize(("name", "settings"), STRICT.items())
def test_tab_completes_under_the_users_settings(
    tmp_path: Path, folder: Path, name: str, settings: str
) -> None:
    """Neither strict settings matter, nor that the program is called by its path."""
    with Shell(name, tmp_path, folder, settings=settings, is_on_path=False) as shell:
        ratio = shell.run("~/bin/prodia-compose compose --aspect-ratio=16:\t")
        picture = shell.run(f"{shell.program} compose same\t")

        assert ratio == ["compose", "--aspect-ratio=16:9"]
        assert picture == ["compose", "same.jpg"]
        for complaint in COMPLAINTS:
            assert complaint not in shell.output


def test_fish_looks_for_files_where_no_program_is_found(tmp_path: Path, folder: Path) -> None:
    """Completions are not told what a variable in the program's path stands for."""
    with Shell("fish", tmp_path, folder, is_on_path=False) as shell:
        assert shell.run("$HOME/bin/prodia-compose compose bla\t") == ["compose", "blank here.jpg"]
        for complaint in (*COMPLAINTS, "Unknown command"):
            assert complaint not in shell.output


# What the scripts are answered


def answered(run: Run, *before: str, at: str = "", after: tuple[str, ...] = ()) -> list[str]:
    """Return the answer for a word, descriptions left out."""
    words = ["prodia-compose", *before]
    done = run("__complete", "zsh", str(len(words)), *words, at, *after)
    assert (done.code, done.err) == (0, "")
    return [line.partition("\t")[0] for line in os.fsdecode(done.out).splitlines()]


OFFERED = {
    "cluster": (("compose", "-fqm"), "", "flux-2-pro"),
    "cluster-attached": (("compose",), "-fqmflux", "-fqmflux-2-pro"),
    "value-like-an-option": (("compose", "-p", "--model"), "--qu", "--quality"),
    "unknown-option": (("compose", "--nothing"), "--see", "--seed"),
    "options-of-a-group": (("jobs", "--limit", "5"), "", "spend"),
    "option-with-commands-below": (("jobs",), "--", "--since"),
    "job-type": (("compose", "-m", "inference.gemini-3-pro.img2img.v1", "--resolution"), "", "2K"),
    "alias": (("compose", "--model=gemini-3-1-flash", "--aspect-ratio"), "", "8:1"),
    "last-model-counts": (
        ("compose", "-mflux-2-pro", "-m", "gemini-3-pro", "--resolution"),
        "",
        "1K",
    ),
    "boolean": (("compose", "-m", "gemini-3.1-flash", "--set"), "", "google_search=true"),
    "short-help": (("models",), "-", "-h"),
    "shells": (("completion",), "", "powershell"),
    "rate": (("batch", "--rate"), "", "10/m"),
    "varied-model": (("batch", "--vary"), "model=fl", "model=flux-2-dev"),
    "second-varied-model": (("batch",), "--vary=model=x,fl", "--vary=model=x,flux-2-max"),
    "twice": (("batch", "--rerun", "failed", "--rerun"), "", "changed"),
    "varied-ratio": (("batch", "--vary"), "aspect_ratio=16", "aspect_ratio=16:9"),
    "second-varied-ratio": (
        ("compare", "-m", "gemini-3-pro", "--vary"),
        "resolution=1K,",
        "resolution=1K,2K",
    ),
    "command-of-a-group": (("help", "config"), "", "path"),
    "entry": (("batch", "--each", "list", "-p"), "Put {ea", "Put {each}"),
}


@pytest.mark.parametrize(("before", "at", "word"), OFFERED.values(), ids=OFFERED)
def test_words_are_offered(run: Run, before: tuple[str, ...], at: str, word: str) -> None:
    """The line is read as the parser would read it."""
    kind, *words = answered(run, *before, at=at)

    assert kind == "words"
    assert word in words


LABELLED = ("compose", "a.jpg", "-i", "mug=m.jpg", "-i", "b.jpg", "-imap=p.jpg")

IMAGES = {
    "positions": ((*LABELLED, "--match"), "", ["1", "2", "3", "4", "mug", "map"]),
    "no-images": (("compose", "--match"), "", []),
    "label": ((*LABELLED, "-p"), "Put {m", ["Put {mug}", "Put {map}"]),
    "second-label": ((*LABELLED, "-p"), "{mug} in {ma", ["{mug} in {map}"]),
    "attached": (LABELLED, "--prompt={", ["--prompt={mug}", "--prompt={map}"]),
    "closed": ((*LABELLED, "-p"), "Put {mug}", []),
    "literal-brace": ((*LABELLED, "-p"), "Put {{m", []),
    "no-labels": (("compose", "a.jpg", "-p"), "Put {", []),
    "settings": (
        ("compose", "-m", "flux-2-pro", "--set"),
        "",
        ["width=", "height=", "seed=", "safety_tolerance="],
    ),
}


@pytest.mark.parametrize(("before", "at", "words"), IMAGES.values(), ids=IMAGES)
def test_images_labels_and_settings_are_offered(
    run: Run, before: tuple[str, ...], at: str, words: list[str]
) -> None:
    """`--match` and braces in prompts are offered what the line names, `--set` the model's keys."""
    assert answered(run, *before, at=at) == ["words", *words]


BATCHES: tuple[tuple[tuple[str, ...], list[str]], ...] = (
    (("shop.tsv",), ["mug 1", "cup"]),
    (("shop.tsv", "--shard", "1/2"), ["mug 1", "cup"]),
    (("shop.tsv", "--sandbox"), []),
    (("--results", "shop.tsv.results.jsonl"), ["mug 1", "cup"]),
    (("--each", "list", "-o", "out/{each}.jpg"), ["mug 1", "cup"]),
    (("other.tsv",), []),
    (("gone/shop.tsv",), []),
    ((), []),
)


@pytest.mark.parametrize(("before", "rows"), BATCHES)
def test_rows_are_offered(run: Run, work: Path, before: tuple[str, ...], rows: list[str]) -> None:
    """`--only` is offered the ids of rows that the results of the batch on the line know."""
    (work / "out").mkdir()
    for name in ("shop.tsv.results.jsonl", "out/batch.results.jsonl"):
        (work / name).write_text(ENDED)

    assert answered(run, "batch", *before, "--only") == ["words", *rows]
    assert answered(run, "batch", *before, "--only", at="c") == ["words", *rows[1:]]


def test_variants_of_a_compare_are_offered(run: Run, work: Path) -> None:
    """By the results in its folder, whatever pictures are on the line; models as often as wanted."""
    (work / "tried").mkdir()
    (work / "tried/results.jsonl").write_text(ENDED.replace("cup", "flux-2-dev"))
    line = ("compare", "product.jpg", "-m", "flux-2-dev", "-o", "tried")

    assert answered(run, *line, "--only", at="flux") == ["words", "flux-2-dev"]
    assert "flux-2-max" in answered(run, *line, "-m")
    assert "--model" in answered(run, *line, at="-")
    assert answered(run, "compare", "-o") == ["folders 0"]


def test_rows_are_told_with_how_they_ended(run: Run, work: Path) -> None:
    """Of each row the last that is known counts; one that only began is unknown."""
    (work / "shop.tsv.2-of-3.results.jsonl").write_text(ENDED)
    done = run("__complete", "zsh", "4", "x", "batch", "shop.tsv", "--only", "")

    assert done.text.splitlines() == ["words", "mug 1\tdone", "cup\tunknown"]


def test_what_a_setting_may_be_is_told(run: Run) -> None:
    """Beside each key of `--set` stands what its value may be for the model on the line."""
    done = run("__complete", "zsh", "5", "x", "compose", "-m", "flux-2-flex", "--set", "")
    printed = dict(line.split("\t") for line in done.text.splitlines()[1:])

    assert printed["width="] == "64 to 4096 in steps of 16"
    assert printed["steps="] == "1 to 50"
    assert printed["seed="] == "integer"


def test_topics_are_told_with_what_they_are_about(run: Run) -> None:
    """Each once, and no page without a word on it."""
    printed = [
        line.split("\t")
        for line in run("__complete", "zsh", "2", "x", "help").text.splitlines()[1:]
    ]

    assert ["exit-codes", "What each exit code means, and whether to run it again"] in printed
    assert len({name for name, _ in printed}) == len(printed)
    assert all(about for _, about in printed)


@pytest.mark.parametrize(
    "line",
    [
        ("jobs", "show"),
        ("jobs", "fetch"),
        ("jobs", "settle"),
        ("jobs", "forget"),
        ("compose", "--from"),
        ("compare", "--from"),
    ],
)
def test_jobs_are_told_with_their_prompts(run: Run, work: Path, line: tuple[str, ...]) -> None:
    """Cut, in one line, and safe to show: many jobs of one model are told apart by them."""
    with ledger.open_record(os.environ) as record:
        long = record.begin(ledgering.claim("Put\x1b the mug\n" + "on the table " * 9))
        short = record.begin(ledgering.claim("a cup"))
    done = run("__complete", "zsh", str(1 + len(line)), "x", *line, "")
    printed = dict(one.split("\t") for one in done.text.splitlines()[1:])

    assert re.fullmatch(r"[a-z-]+, nano-banana, [\d-]+ [\d:]+: a cup", printed[str(short.id)])
    assert printed[str(long.id)].partition(": ")[2].startswith(r"Put\x1b the mug on the table")
    assert len(printed[str(long.id)]) < 110
    assert printed[str(long.id)].endswith("…")


NOT_OFFERED = {
    "hidden": (("compose",), "--b", "--base-url"),
    "given": (("compose", "--force"), "-", "-f"),
    "given-by-its-short-name": (("compose", "-f"), "--f", "--force"),
    "ratio-of-another-model": (("compose", "-mgemini-3-pro", "--aspect-ratio"), "", "8:1"),
    "ratio-of-an-unknown-model": (("compose", "-minference.x.v1", "--aspect-ratio"), "", "1:1"),
    "second-name": (("models", "flux-2-pro"), "", "flux-2-dev"),
    "value-of-a-switch": (("compose",), "--json=", "--json=true"),
    "number": (("compose", "--steps"), "", "50"),
    "below-a-topic": (("help", "money"), "", "compose"),
    "varied-number": (("batch", "--vary"), "steps=", "steps="),
    "for-single-jobs": (("batch",), "--", "--save-request"),
    "sent-again-by-name": (("batch",), "--", "--again"),
    "second-list": (("batch", "--each", "list"), "--", "--each"),
    "position-among-unknown": (("batch", "rows.csv", "room.jpg", "--match"), "", "1"),
}


@pytest.mark.parametrize(("before", "at", "word"), NOT_OFFERED.values(), ids=NOT_OFFERED)
def test_words_are_not_offered(run: Run, before: tuple[str, ...], at: str, word: str) -> None:
    """What the parser would refuse, or nobody should type, is not offered."""
    kind, *words = answered(run, *before, at=at)

    assert kind == "words"
    assert word not in words


@pytest.mark.parametrize(
    ("before", "at", "start"),
    [
        (("compose",), "sce", "files 0 jpg jpeg"),
        (("compose", "--"), "--x", "files 0 jpg jpeg"),
        (("compose", "-p", "x", "-"), "", "files 0 jpg jpeg"),
        (("compose", "-i"), "mug=a", "files 4 jpg jpeg"),
        (("compose",), "--input=mug=a", "files 12 jpg jpeg"),
        (("compose",), "-Tlist", "others 2 jpg"),
        (("compose", "--token-file"), "", "others 0 jpg"),
        (("compose", "-o"), "", "files 0"),
        (("compose", "-i"), "a", "files 0 jpg jpeg"),
        (("compose",), "--save-request=", "folders 15"),
        (("sandbox", "--", "./run.sh"), "--x", "files 0"),
        (("sandbox", "./run.sh"), "-m", "files 0"),
        (("batch",), "", "files 0 jsonl ndjson csv tsv"),
        (("batch", "rows.csv"), "", "files 0 jpg jpeg"),
        (("batch", "--each", "list"), "", "files 0 jpg jpeg"),
        (("batch",), "--each=", "others 7 jpg"),
        (("batch", "--results"), "", "files 0 jsonl json"),
        (("verify", "--results"), "", "files 0 jsonl json"),
        (("report",), "", "files 0 jsonl json"),
        (("verify",), "", "files 0 jpg jpeg"),
        (("compose",), "--config=", "files 9 toml"),
        (("compose", "--from"), "x.json", "files 0 jsonl json"),
        (("compose",), "--prompt-file=", "others 14 jpg"),
    ],
)
def test_paths_are_left_to_zsh_and_powershell(
    run: Run, before: tuple[str, ...], at: str, start: str
) -> None:
    """They are told where in the word a path begins, and which files are wanted."""
    (answer,) = answered(run, *before, at=at)

    assert answer == start or answer.startswith(f"{start} ")


def test_options_that_may_come_again_are_offered_again(run: Run) -> None:
    """`--set`, `-i` and `-v` may be given several times."""
    words = answered(run, "compose", "--set", "a=b", "-i", "x=y", "-v", at="-")

    assert {"--set", "--input", "--verbose"} <= set(words)


def test_without_a_model_the_default_counts(run: Run) -> None:
    """A variable that is blank counts as none."""
    assert "--aspect-ratio=auto" in answered(run, "compose", at="--aspect-ratio=")
    for blank in ("", " "):
        done = run(
            "__complete", "zsh", "2", "x", "compose", "--aspect-ratio=", PRODIA_COMPOSE_MODEL=blank
        )
        assert "--aspect-ratio=auto" in done.text


def test_a_missing_word_is_an_empty_one(run: Run) -> None:
    """PowerShell loses an empty word on the way to a program."""
    assert run("__complete", "powershell", "1", "prodia-compose").text.startswith(
        "words\ncompose\t"
    )


BASH = {
    "colon": ("x compose --aspect-ratio 16:", "", "", ["words", "9"]),
    "colon-is-no-break": ("x compose --aspect-ratio 16:", "", "16:", ["words", "16:9"]),
    "wrapped-by-another-function": ("x compose --aspect-ratio=16:", "", ":", ["words", "9"]),
    "open-quote": ('x compose --aspect-ratio "16:', "", "16:", ["words", "16:9"]),
    "model-behind": (
        "x compose --resolution ",
        " -m gemini-3-pro",
        "",
        ["words", "1K", "2K", "4K"],
    ),
    "within-a-word": ("x compose --resolution 2", "K -m gemini-3-pro", "2", ["words", "2K"]),
    "path": ("x compose prod", "", "prod", ["names", "product.jpg"]),
    "path-escaped": ("x compose pro\\d", "", "pro\\d", ["names", "product.jpg"]),
    "label": ("x compose -i a=prod", "", "prod", ["names", "product.jpg"]),
    "label-no-break": ("x compose -i a=prod", "", "a=prod", ["names", "a=product.jpg"]),
    "text-before-pictures": ("x compose -T ", "", "", ["names", "list"]),
    "picture-where-there-is-no-text": ("x compose -T sc", "", "sc", ["names", "scene.jpg"]),
    "label-in-quotes": (
        'x compose -i a=b -p "Put {',
        "",
        "Put {",
        ["words", "Put {a}"],
    ),
    "label-after-a-backslash": (
        "x compose -i a=b -p Put\\ {",
        "",
        "Put\\ {",
        ["words", "Put\\ {a}"],
    ),
    "no-such-file": ("x compose nothing", "", "nothing", ["default"]),
    "folder": ("x compose --save-request ", "", "", ["folders"]),
    "open-quote-only": ("x compose '", "", "", ["names", "product.jpg", "scene.jpg"]),
    "unreadable": ("x compose /nowhere/", "", "/nowhere/", ["default"]),
    "only-the-name": ("x ", "", "", ["words", *offers.offers()["root"]["commands"]]),
}


@pytest.mark.parametrize(("left", "right", "part", "answer"), BASH.values(), ids=BASH)
def test_bash_is_told_the_rest(
    run: Run, work: Path, left: str, right: str, part: str, answer: list[str]
) -> None:
    """To bash is told what comes in the place of the part that it will replace."""
    if "-T" in left:
        (work / "list").touch()
    done = run("__complete", "bash", left, right, part)

    assert (done.code, done.err) == (0, "")
    assert done.text.split("\0")[:-1] == answer


LISTS = {
    "listed": ("x compose a.jpg b.jpg --match ", "", "63", "", ["1  (a.jpg)", "2  (b.jpg)"]),
    "at-once": ("x compose a.jpg b.jpg --match ", "", "33", "", ["1  (a.jpg)", "2  (b.jpg)"]),
    "typed": ("x compose a.jpg b.jpg --match ", "", "9", "", ["1", "2"]),
    "menu": ("x compose a.jpg b.jpg --match ", "", "37", "", ["1", "2"]),
    "one": ("x models flux-2-d", "flux-2-d", "63", "", ["flux-2-dev"]),
    "narrow": ("x compose a.jpg bed.jpg --match ", "", "63", "12", ["1  (a.jpg)", "2  (bed.j…)"]),
    "narrower": ("x compose a.jpg b.jpg --match ", "", "63", "5", ["1", "2"]),
    "options": ("x compose --max-s", "--max-s", "63", "", ["--max-side"]),
    "switches": ("x compose --no-", "--no-", "63", "", ["--no-resize", "--no-lint"]),
    "in-a-prompt": (
        'x compose -i mug=a -i map=b -p "{m',
        "{m",
        "63",
        "",
        ["{mug}  (a)", "{map}  (b)"],
    ),
    "files": ("x compose ", "", "63", "", ["product.jpg", "scene.jpg"]),
}


@pytest.mark.parametrize(("left", "part", "type_", "columns", "words"), LISTS.values(), ids=LISTS)
def test_bash_lists_words_with_descriptions(
    run: Run, work: Path, left: str, part: str, type_: str, columns: str, words: list[str]
) -> None:
    """Where several are listed and none is put in, cut to the terminal; options without."""
    done = run("__complete", "bash", left, "", part, type_, columns)

    assert done.text.split("\0")[1:-1] == words


@pytest.mark.parametrize(
    "line", ['"', "'\"", "\\", "$(", "`", "a\\", "-i 'a=", "--x='", "\ud800", "> ", "$'"]
)
def test_half_a_line_is_no_error(run: Run, work: Path, line: str) -> None:
    """Whatever is typed so far, the answer is one, and nothing is told on stderr."""
    for shell in (("bash", f"x compose {line}", "", line), ("fish", "2", "x", "compose", line)):
        done = run("__complete", *shell)

        assert (done.code, done.err) == (0, "")


def test_undecodable_names_pass(run: Run, work: Path) -> None:
    """Names that are not UTF-8 come back as the bytes they are."""
    name = b"caf\xe9.jpg"
    Path(os.fsdecode(name)).touch()

    assert run("__complete", "fish", "2", "x", "compose", "caf").out == b"names\0" + name + b"\0"
    assert run(
        "__complete", "bash", os.fsdecode(b"x compose caf\xe9"), "", os.fsdecode(b"caf\xe9")
    ).out == (b"names\0" + name + b"\0")


def test_ids_come_without_making_a_record(run: Run, tmp_path: Path) -> None:
    """Without a record there are no ids, and none is made by asking."""
    assert answered(run, "jobs", "fetch") == ["words"]
    assert answered(run, "jobs", "show")[0].startswith("files 0 jpg ")
    assert not (tmp_path / "state").exists()


NOTHING_TO_OFFER = {"1-100", "ADDRESS", "I/N", "N", "PX", "S", "T", "USD", "X"}


def test_every_kind_of_value_is_known() -> None:
    """What help calls a value decides what is offered; a new word needs a decision."""
    known = offers.offers()
    offered = {"ID", "NAME", "ROW", "TEXT", "WHICH", *known["values"]}
    for model in known["models"].values():
        offered |= set(model["values"])

    for value in _values(known["root"]) - offered - NOTHING_TO_OFFER:
        assert "|" in value or value in offers.PATHS, value


def test_every_format_is_offered_by_its_suffix() -> None:
    """Pictures of all formats that can be read are offered, by their usual suffixes."""
    _, offered = offers.PATHS["IMAGE"]

    assert {suffix for kind in kinds.KINDS.values() for suffix in kind.suffixes} <= {
        f".{one}" for one in offered
    }


def _values(command: offers.Command) -> set[str]:
    values = {option["value"] for option in command["options"] if not option["is_hidden"]}
    found = {value for value in values if value} | set(command["operands"])
    return found.union(*map(_values, command["commands"].values()))


# The scripts


@pytest.mark.parametrize("shell", regenerate.COMPLETIONS)
def test_scripts_are_printed(run: Run, shell: str) -> None:
    """`completion` prints a shell's script, to any file and whatever shell it runs in."""
    done = run("completion", shell, SHELL="/nowhere")

    assert (done.code, done.err) == (0, "")
    assert "__complete" in done.text


def test_another_shell_is_a_usage_error(run: Run) -> None:
    """A shell without a script is refused, and those that have one are named."""
    done = run("completion", "tcsh")

    assert (done.code, done.text) == (2, "")
    assert "no such command tcsh; there are install, bash, zsh, fish, powershell\n" in done.messages


def test_the_powershell_script_is_whole() -> None:
    """What can be told of it where there is no PowerShell: it asks, offers, and evaluates nothing."""
    script = regenerate.COMPLETIONS["powershell"].read_text(encoding="ascii")

    for opening, closing in ("()", "{}", "[]"):
        assert script.count(opening) == script.count(closing)
    assert "Register-ArgumentCompleter -Native -CommandName prodia-compose" in script
    assert "& $program __complete powershell $before.Count @line 2> $null" in script
    assert not {"Invoke-Expression", "iex"} & set(script.split())
