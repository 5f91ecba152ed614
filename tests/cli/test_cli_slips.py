"""Slips of the hand: what was most likely meant is told in one line, or just done."""

import json
from pathlib import Path

import pytest
from conftest import Run
from PIL import Image
from tables import rows

GOOD = ("product.jpg", "scene.jpg", "-p", "the first image on the second image")

# --- texts as Windows writes them -------------------------------------------------------

WIDE = [
    (bom + text.encode(encoding), name)
    for name, encodings in {
        "UTF-16": {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"},
        "UTF-32": {"utf-32-le": b"\xff\xfe\0\0", "utf-32-be": b"\0\0\xfe\xff"},
    }.items()
    for encoding, mark in encodings.items()
    for bom in (mark, b"")
    for text in ("product.jpg\r\nscene.jpg\r\n", "product.jpg", "Фото/一 café 🙂.jpg\nscene.jpg\n")
]


@pytest.mark.parametrize(("data", "name"), WIDE)
def test_a_text_in_a_wide_encoding_is_named(run: Run, work: Path, data: bytes, name: str) -> None:
    """A list, prompt or token in UTF-16 or UTF-32, marked or not, is called so, with the cure."""
    (work / "text").write_bytes(data)
    lines = {
        ("-T", "text", "-p", "x"): 3,
        ("-0", "-T", "text", "-p", "x"): 3,
        ("product.jpg", "--prompt-file", "text"): 2,
        (*GOOD, "--token-file", "text"): 4,
    }
    if data == "product.jpg".encode("utf-16-le"):
        del lines["-0", "-T", "text", "-p", "x"]  # as good as names of a letter each

    for argv, code in lines.items():
        done = run("validate", *argv, PRODIA_TOKEN="t")
        flag = argv[-4] if argv[-2] == "-p" else argv[-2]
        assert done.code == code
        assert done.messages == f"prodia-compose: error: {flag} text: is {name}; save it as UTF-8\n"


@pytest.mark.parametrize(
    "data",
    [b"product.jpg\0scene.jpg\0", b"product.jpg\0", b"abc\0def\0", b"\0", b"\0\0\0\0", b"a\0\n"],
)
def test_names_that_end_in_nul_are_told_from_it(run: Run, work: Path, data: bytes) -> None:
    """A list for `-0` is called one, however short its names are."""
    (work / "list").write_bytes(data)

    assert (
        "-T list: holds NUL bytes; did you mean -0?"
        in run("validate", "-T", "list", *GOOD).messages
    )


@pytest.mark.parametrize("flags", [(), ("-0",)], ids=["lines", "nul"])
@pytest.mark.parametrize(
    "suffix", ["jpg", "png", "webp", "gif", "tif", "bmp", "avif", "jp2", "ico", "heic", "psd"]
)
def test_a_picture_is_no_list(run: Run, work: Path, suffix: str, flags: tuple[str, ...]) -> None:
    """One that is given with -T is told to be an operand, whatever its kind."""
    name = f"a.{suffix}"
    heads = {"heic": b"\0\0\0\x18ftypheic\0\0\0\0", "psd": b"8BPS\0\x01" + bytes(6)}
    if suffix in heads:
        (work / name).write_bytes(heads[suffix] + bytes(range(256)))
    else:
        Image.new("RGB", (32, 20), "teal").save(work / name)
    done = run("validate", "-T", name, *flags, "-p", "x", PRODIA_TOKEN="t")

    shown = f"-T {name}: is a picture, not a list; give it as an operand, without -T"
    assert (done.code, done.messages) == (3, f"prodia-compose: error: {shown}\n")


@pytest.mark.parametrize("name", ["BM.jpg", "BM\u00fc.jpg", "GIF89a.gif", "qoif.jpg", "RIFF.webp"])
def test_names_that_begin_as_pictures_do_are_names(run: Run, work: Path, name: str) -> None:
    """A list is not taken for a picture for the letters that it begins with."""
    (work / "list").write_text(f"{name}\n", encoding="utf-8")

    assert f"{name}: no such file" in run("validate", "-T", "list", "-p", "x").err


def test_short_names_that_end_in_nul_are_names(run: Run, work: Path) -> None:
    """With `-0`, names of one letter are names."""
    (work / "list").write_bytes(b"a\0b\0c\0")

    assert "error: a: no such file" in run("validate", "-0", "-T", "list", "-p", "x").err


def test_the_mark_of_utf_8_is_no_part_of_a_token(run: Run, work: Path) -> None:
    """A token that PowerShell wrote as UTF-8 is taken."""
    (work / "token").write_bytes(b"\xef\xbb\xbfsecret\r\n")

    assert run("validate", "--strict", *GOOD, "--token-file", "token").code == 0


# --- commands ---------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("config",), ("completion",)], ids=" ".join)
def test_without_a_command_it_shows_help(run: Run, words: tuple[str, ...]) -> None:
    """Nothing was done, so that the code is 2 and standard output, where a path is read, empty."""
    done = run(*words)

    assert (done.code, done.out) == (2, b"")
    assert done.err == run(*words, "--help").text


def test_without_a_command_json_is_an_error(run: Run) -> None:
    """Where all is JSON, a script that forgot the command gets a document."""
    done = run(PRODIA_COMPOSE_JSON="1")
    document = json.loads(done.err)

    assert (done.code, done.out) == (2, b"")
    assert document["message"] == "no command; see prodia-compose --help"


@pytest.mark.parametrize(("line", "words"), rows("cli/commands_mistyped"))
def test_a_mistyped_command_is_answered_with_what_was_meant(
    run: Run, work: Path, line: list[str], words: str
) -> None:
    """A picture, a sentence, an option in place of the command: one line says how to write it."""
    done = run(*line)

    assert (done.code, done.out) == (2, b"")
    assert done.messages == f"prodia-compose: error: {words}\n"


# --- the prompt -------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["compose", "validate"])
@pytest.mark.parametrize(("line", "words"), rows("cli/prompts_misplaced"))
def test_a_misplaced_prompt_is_told_in_one_line(
    run: Run, work: Path, command: str, line: list[str], words: str
) -> None:
    """A prompt without `-p`, or without quotes, is known by its words, which are no pictures."""
    done = run(command, *line, PRODIA_TOKEN="t")

    assert done.code == 2
    assert done.messages == f"prodia-compose: error: {words}\n"


@pytest.mark.parametrize(("line", "words"), rows("cli/prompts_in_their_place"))
def test_a_picture_is_not_taken_for_a_prompt(
    run: Run, work: Path, line: list[str], words: str
) -> None:
    """What may be a picture's name, or is one, stays one."""
    (work / "put the mug on the table").write_bytes((work / "scene.jpg").read_bytes())
    done = run("validate", *line, PRODIA_TOKEN="t")

    assert words in done.messages + done.text
    assert "quote the prompt" not in done.messages
    assert "say it with" not in done.messages


# --- pictures ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "path", "label"),
    [
        ("product.jpg", "product.jpg", None),
        ("mug=product.jpg", "product.jpg", "mug"),
        ("./a=b.jpg", "./a=b.jpg", None),
        ("1=b.jpg", "1=b.jpg", None),
        ("-", "-", None),
        ("mug=-", "-", "mug"),
    ],
)
def test_a_picture_of_i_needs_no_label(
    run: Run, work: Path, typed: str, path: str, label: str | None
) -> None:
    """`-i PATH` is a picture without a label, even if there is a `=` in its path."""
    data = (work / "product.jpg").read_bytes()
    for name in ("a=b.jpg", "1=b.jpg"):
        (work / name).write_bytes(data)
    done = run("validate", "scene.jpg", "-i", typed, "-p", "x", "--json", stdin=data)
    image = json.loads(done.out)["images"][1]

    assert (image["path"], image["label"]) == (path, label)


@pytest.mark.parametrize(
    ("which", "ratio"),
    [("1", "4:3"), ("room", "3:2"), ("b.jpg", "4:3"), ("sub/b.jpg", "4:3"), ("scene.jpg", "3:2")],
)
def test_match_takes_labels_and_names(run: Run, work: Path, which: str, ratio: str) -> None:
    """`--match` finds an image by its position, its label, its path or its name."""
    (work / "sub").mkdir()
    (work / "product.jpg").rename(work / "sub/b.jpg")
    line = ("validate", "sub/b.jpg", "-i", "room=scene.jpg", "-p", "x", "--json")
    done = run(*line, "--match", which)

    assert json.loads(done.out)["job"]["config"]["aspect_ratio"] == ratio


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("rom", "--match rom: no image is called so; did you mean room?"),
        ("prodct.jpg", "--match prodct.jpg: no image is called so; did you mean product.jpg?"),
        ("wide", "--match wide: no image is called so; give a position, a label or a file's name"),
        ("1.5", "--match 1.5: no image is called so; give a position, a label or a file's name"),
        ("9999999999", "--match 9999999999: no image is called so; give a position, a label"),
        ("-1", "--match -1: must be 1 or more, a label, or a file's name"),
        ("4", "--match 4: there are only 3 images"),
        ("product.jpg", "--match product.jpg: images 1 and 2 are called so; say which"),
    ],
)
def test_match_names_what_is_nearest(run: Run, work: Path, which: str, words: str) -> None:
    """An image that is not there, or that two are called, is a usage error with the cure."""
    (work / "sub").mkdir()
    (work / "sub/product.jpg").write_bytes((work / "product.jpg").read_bytes())
    line = ("validate", "./product.jpg", "sub/product.jpg", "-i", "room=scene.jpg", "-p", "x")
    done = run(*line, "--match", which, PRODIA_TOKEN="t")

    assert done.code == 2
    assert f"error: {words}" in done.messages
    assert len(done.messages.splitlines()) == 1


def test_match_finds_the_same_picture_given_twice(run: Run, work: Path) -> None:
    """Two positions of one file have one shape, and standard input is called `-`."""
    data = (work / "product.jpg").read_bytes()
    for line in (["scene.jpg", "scene.jpg"], ["scene.jpg", "-"]):
        argv = ("validate", *line, "-p", "x", "--json", "--match", line[1])
        ratio = json.loads(run(*argv, stdin=data).out)["job"]["config"]["aspect_ratio"]
        assert ratio == ("4:3" if line[1] == "-" else "3:2")


# --- variables --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "words"), rows("cli/variables_mistyped"))
def test_a_mistyped_variable_is_warned_of(run: Run, work: Path, name: str, words: str) -> None:
    """What reads like a variable of ours and is none is told, with the nearest, not its value."""
    done = run("validate", *GOOD, "--sandbox", **{name: "s3cret"})
    strict = run("validate", *GOOD, "--sandbox", "--strict", **{name: ""})

    assert done.code == 0
    assert done.messages == f"prodia-compose: warning: {name}: {words} [unknown-variable]\n"
    assert strict.code == 3


@pytest.mark.parametrize("name", ["PRODIA_JS_SDK", "PRODIA_WORKSPACE", "PRODIA_API_KEY"])
def test_variables_of_other_programs_are_theirs(run: Run, work: Path, name: str) -> None:
    """A name that is like none of ours, or like one that is set, is nobody's business."""
    assert run("validate", *GOOD, PRODIA_TOKEN="t", **{name: "x"}).err == ""


@pytest.mark.parametrize("token", ["Bearer s3cret", '"s3cret"', "PRODIA_TOKEN=s3cret"])
def test_what_is_pasted_with_the_token_is_told(run: Run, work: Path, token: str) -> None:
    """What does not belong to the token is named, whether the token comes from a file or not."""
    (work / "token").write_text(token)
    for line, env in (((), {"PRODIA_TOKEN": token}), (("--token-file", "token"), {})):
        done = run("validate", *GOOD, *line, **env)
        assert done.code == 4
        assert "; leave that out" in done.messages
        assert "s3cret" not in done.messages


# --- no token ---------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("validate",), ("compose", "-n")])
def test_what_is_missing_is_said(run: Run, work: Path, command: tuple[str, ...]) -> None:
    """Without a token a plan is not simply ready; under `--strict` it ends as `compose` does."""
    done, strict = run(*command, *GOOD), run(*command, *GOOD, "--strict")
    both = run(*command, *GOOD[:3], "Put the mug on the table", "--strict")
    sandbox = run(*command, *GOOD, "--strict", "--sandbox")
    (work / "token").write_text("\n")
    empty = run(*command, *GOOD, "--strict", "--token-file", "token")

    assert done.code == 0
    assert done.text.endswith("result   ready but for the token, which is missing\n")
    assert (strict.code, run("compose", *GOOD).code, both.code, empty.code) == (4, 4, 3, 4)
    assert (sandbox.code, sandbox.err) == (0, "")
    assert sandbox.text.endswith("result   ready\n")
