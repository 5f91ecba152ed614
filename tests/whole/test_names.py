"""Awkward names: read, told, written and sent, whatever their bytes."""

import contextlib
import itertools
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import Run
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tables import raw, table
from terminals import PROGRAM

from prodia_compose.inputs import entries
from prodia_compose.output.names import expand
from prodia_compose.progress import visible
from prodia_compose.sandbox import server

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems refuse some of these names, or change them"
)

LONGEST = ("a" * 251 + ".jpg", "é" * 125 + "a.jpg", "\udce9" * 255)

NAMES = tuple(map(os.fsencode, (*itertools.chain(*table("whole/names").values()), *LONGEST)))

BATCHES = [NAMES[start : start + 14] for start in range(0, len(NAMES), 14)]
"""As many at a time as the model with the most images takes."""

MANY = ("-m", "seedream-5-lite", "-p", "all of them", "-o", "../out.jpg")

Typed = tuple[list[str], bytes, list[bytes]]
"""The arguments, standard input, and the names these stand for."""


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, which holds a picture under each of the names."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    one = tmp_path / "one.jpg"
    Image.new("RGB", (24, 18), "red").save(one)
    for name in NAMES:
        path = folder / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        os.link(one, path)
    monkeypatch.chdir(folder)
    return folder


def _typed(name: bytes) -> str:
    """Return a name as it is typed where `-` alone would be a stream."""
    return "./-" if name == b"-" else os.fsdecode(name)


def _typed_behind_an_option(name: bytes) -> str:
    """Return a name as an option takes it: not as another option, nor as an address."""
    return os.fsdecode(b"./" + name if re.match(rb"-|\w+:", name) else name)


def _as_operands(names: Sequence[bytes]) -> Typed:
    return ["--", *map(_typed, names)], b"", [os.fsencode(_typed(name)) for name in names]


def _with_labels(names: Sequence[bytes]) -> Typed:
    pairs = [("-i", f"n{number}={_typed(name)}") for number, name in enumerate(names)]
    return [word for pair in pairs for word in pair], b"", _as_operands(names)[2]


def _in_a_list(names: Sequence[bytes]) -> Typed:
    kept = [name for name in names if b"\n" not in name and not name.endswith(b"\r")]
    return ["-T", "-"], b"\xef\xbb\xbf" + b"\r\n".join(kept), kept


def _in_a_null_list(names: Sequence[bytes]) -> Typed:
    return ["-0", "-T", "-"], b"\0".join(names), list(names)


def _lines(text: str | bytes) -> list[str]:
    """Return text as lines, once it is certain that a terminal takes it for nothing else."""
    decoded = text.decode() if isinstance(text, bytes) else text
    lines = decoded.removesuffix("\n").split("\n")
    assert [visible(line) for line in lines] == lines
    return lines


def _shown(name: bytes) -> str:
    return visible(os.fsdecode(name))


def test_there_are_enough_of_them() -> None:
    """Each name is one of a kind, none is longer than a name can be, and they are many."""
    assert len(NAMES) == len(set(NAMES)) > 100
    assert max(map(len, NAMES)) == 255


@pytest.mark.parametrize("way", [_as_operands, _with_labels, _in_a_list, _in_a_null_list])
def test_every_name_can_be_read(
    pictures: Path, run: Run, way: Callable[[Sequence[bytes]], Typed]
) -> None:
    """Operands, labelled paths and lists take any name, in order, and JSON tells its bytes."""
    for batch in BATCHES:
        argv, stdin, names = way(batch)
        done = run("validate", *MANY, "--json", *argv, stdin=stdin)
        document = json.loads(done.out)

        assert (done.code, done.err, document["errors"]) == (0, "", [])
        assert [raw(image) for image in document["images"]] == names


def test_every_name_is_sent_under_a_safe_one(
    pictures: Path, run: Run, sandbox: server.Sandbox
) -> None:
    """The service gets plain names that differ, those that `config.images` lists; `-v` tells all."""
    for batch in BATCHES:
        argv, stdin, names = _in_a_null_list(batch)
        done = run("compose", *MANY, "-f", "-v", *argv, stdin=stdin)
        sent = sandbox.jobs[-1]
        parts = [one.filename for one in sent.inputs]
        found, width = _lines(done.err)[: len(names)], len(str(len(names)))

        assert (done.code, done.out) == (0, b"../out.jpg\n")
        assert sent.job is not None
        assert sent.job["config"] == {"prompt": "all of them", "images": parts}
        assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*\.jpg", part) for part in parts)
        assert len({part.casefold() for part in parts}) == len(names)
        for number, (line, name) in enumerate(zip(found, names, strict=True), 1):
            assert line.startswith(f"{number:<{width}} {_shown(name)} 24x18 JPEG: ")


def test_the_report_is_plain_text(pictures: Path, run: Run) -> None:
    """The report of `validate` has a line for each image, with nothing in it to obey."""
    for batch in BATCHES:
        argv, stdin, _ = _in_a_null_list(batch)
        _, *lines = _lines(run("validate", *MANY, *argv, stdin=stdin).out)

        for number, (line, name) in enumerate(zip(lines, batch, strict=False), 1):
            assert line.removeprefix("images").lstrip().startswith(f"{number} {_shown(name)} 24x18")


@pytest.mark.parametrize("content", [None, b"<html>"], ids=["missing", "broken"])
def test_errors_name_every_name(tmp_path: Path, run: Run, content: bytes | None) -> None:
    """A missing or broken file is told in one line, escaped; JSON tells its bytes."""
    folder = tmp_path / "empty"
    folder.mkdir()
    words = "no such file" if content is None else "is an HTML page"
    for batch in BATCHES:
        for name in batch if content is not None else ():
            path = folder / os.fsdecode(name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content or b"")
        with contextlib.chdir(folder):
            argv, stdin, names = _in_a_null_list(batch)
            found = run("compose", *MANY, *argv, stdin=stdin, PRODIA_TOKEN="t")
            as_json = run("compose", *MANY, *argv, "--json", stdin=stdin, PRODIA_TOKEN="t")
        document = json.loads(as_json.messages)

        assert (found.code, found.out, as_json.code, as_json.out) == (3, b"", 3, b"")
        for problem, name in zip(_lines(found.messages), names, strict=True):
            assert problem.startswith(f"prodia-compose: error: {_shown(name)}: ")
            assert words in problem or name.startswith(b"file:")  # which reads as an address
        assert [raw(problem) for problem in document["errors"]] == names
        assert len(_lines(as_json.messages)) == 1


def _is_asked_for(name: bytes) -> bool:
    """Return whether a name, as it is, asks for a picture: it has a format's suffix, or none."""
    suffix = Path(os.fsdecode(name)).suffix.lower()
    return suffix in ("", ".jpg", ".png")


@pytest.mark.usefixtures("sandbox", "paid")
@pytest.mark.parametrize("share", range(4))
def test_every_name_can_be_written(
    picture: Callable[..., Path], tmp_path: Path, run: Run, share: int
) -> None:
    """`-o` takes any name of a format; stdout has its very bytes, and the record shows it."""
    folder = tmp_path / "written"
    folder.mkdir()
    source = picture(size=(64, 64))
    names = [name for name in NAMES if _is_asked_for(name)][share::4]
    small = ("-m", "flux-2-pro", "--width", "64", "--height", "64", "--no-lint")
    with contextlib.chdir(folder):
        for number, name in enumerate(names):
            path = _typed_behind_an_option(name)
            template = path.replace("{", "{{").replace("}", "}}")
            done = run(
                "compose", source, *small, "-p", f"x{number}", "-o", template, "--create-dirs"
            )
            assert (done.code, done.out, done.err) == (0, os.fsencode(path) + b"\n", "")
    written = [path for path in folder.rglob("*") if path.is_file()]
    listed = _lines(run("jobs", "--limit", "0").out)
    jobs = json.loads(run("jobs", "--limit", "0", "--json").out)["jobs"]

    assert sorted(os.fsencode(path.relative_to(folder)) for path in written) == sorted(names)
    assert len(listed) == 1 + len(names)
    found = [raw(one["outputs"][0], "name") for one in reversed(jobs)]
    assert found == [name.rpartition(b"/")[2] for name in names]


@pytest.mark.parametrize("argv", table("whole/nasty"), ids=repr)
def test_a_nasty_value_is_shown_escaped(work: Path, run: Run, argv: list[str]) -> None:
    """Whatever an option holds, the error about it is lines of text, and one line of JSON."""
    argv = [word.replace("NASTY", "\x1b]0;[/red]\u202e\udcff\n") for word in argv]
    for command in ("compose", "validate"):
        done = run(command, "product.jpg", *argv)
        as_json = run(command, "product.jpg", *argv, "--json")

        assert (done.code, as_json.code) in {(2, 2), (3, 3), (4, 4), (8, 8)}
        _lines(done.err)
        _lines(as_json.err or as_json.out)
        json.loads(as_json.err or as_json.out)


def test_a_name_taken_for_an_option_says_how_to_write_it(pictures: Path, run: Run) -> None:
    """Where a file is called as what was typed, the error tells how to name it."""
    taken, unknown = (run("compose", word, "-p", "x") for word in ("-rf.jpg", "-rx.jpg"))

    assert (taken.code, unknown.code) == (2, 2)
    assert taken.messages.endswith("-r; for the file, write ./-rf.jpg\n")
    assert unknown.messages.endswith("-r; see prodia-compose compose --help\n")


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_names_survive_any_locale(pictures: Path, process: Run, locale: str) -> None:
    """Also where Python takes arguments and names for ASCII, they are found, told and written."""
    bare = {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    name = "café \xff".encode("latin-1") + "é.jpg".encode()
    (pictures / os.fsdecode(name)).write_bytes((pictures / "a.jpg").read_bytes())
    argv = ("compose", "--sandbox", "-p", "x", os.fsdecode(name), "-o", "{stem}é.jpg")
    done = process(*argv, **bare)
    plan = process("validate", "--json", "-p", "x", "--", "写真.jpg", os.fsdecode(name), **bare)
    images = json.loads(plan.out)["images"]
    made = name.replace(b".jpg", "é.jpg".encode())

    assert (done.code, done.out, done.err) == (0, made + b"\n", "")
    assert (pictures / os.fsdecode(made)).exists()
    assert [raw(image) for image in images] == ["写真.jpg".encode(), name]


@pytest.mark.parametrize(
    ("source", "template", "path"),
    [*table("whole/templates"), (LONGEST[0], "{stem}.png", "a" * 251 + ".png")],
)
def test_templates_with_awkward_stems(
    work: Path, run: Run, source: str, template: str, path: str
) -> None:
    """An input's stem names the output, byte for byte, but leaves no folder and is no option."""
    (work / "from").mkdir()
    file = work / "from" / source
    file.parent.mkdir(exist_ok=True)
    (work / "product.jpg").rename(file)
    argv = ("--sandbox", "-p", "x", "--create-dirs", "-o", template)
    done = run("compose", *argv, f"from/{source}")

    assert (done.code, done.out) == (0, os.fsencode(path) + b"\n")
    assert (work / path).is_file()


def test_a_template_that_grows_too_long_is_refused(work: Path, run: Run) -> None:
    """A name that no file can have is told before anything is sent, and leaves nothing."""
    long = "a" * 251
    (work / "product.jpg").rename(work / f"{long}.jpg")
    done = run("compose", "--sandbox", f"{long}.jpg", "-p", "x", "-o", "{stem}-made.jpg")

    assert (done.code, done.out) == (8, b"")
    assert done.err == f"prodia-compose: error: -o {long}-made.jpg: the name is too long\n"
    assert sorted(path.name for path in work.iterdir()) == [f"{long}.jpg", "scene.jpg"]


@pytest.mark.parametrize(("path", "stem"), table("whole/stems").items())
def test_what_has_no_name_lends_none(path: str, stem: str) -> None:
    """Of an address only the path names an output, decoded; streams name none."""
    assert entries.Entry(path=path).stem == stem


@given(st.text(st.characters(exclude_characters="\0")), st.text(st.characters(codec="utf-8")))
def test_no_stem_leaves_the_folder(first: str, last: str) -> None:
    """Whatever the inputs are called, a template's folders are those that were typed."""
    fields = {"stem": last, "first": first}
    for template in ("out/{stem}{first}", "out/{stem}/{first}.jpg", "out/.{stem}/x"):
        path = expand(template, fields)
        assert os.path.normpath(path).split("/")[0] == "out"
        assert path.count("/") == template.count("/")
    assert not expand("{stem}{first}", fields).startswith(("-", "/"))


def test_a_terminal_is_shown_what_a_pipe_is_given(work: Path) -> None:
    """Where stdout is a terminal, the saved path comes escaped, as from `ls`."""
    ours, theirs = pty.openpty()
    program = [*PROGRAM, "compose", "--sandbox", "product.jpg"]
    name = "\x1b[31mé\udcff.jpg"
    with open(theirs, "wb") as terminal:  # noqa: PTH123 - a descriptor
        subprocess.run([*program, "-p", "x", "-q", "-o", name], stdout=terminal, check=True)
    with open(ours, "rb", buffering=0) as shown:  # noqa: PTH123
        assert shown.read(100) == "\\x1b[31mé\\xff.jpg\r\n".encode()
    assert (work / name).exists()
