"""Awkward names: read, told, written and sent, whatever their bytes."""

import base64
import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from conftest import Run
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from prodia_compose.inputs import entries
from prodia_compose.output.names import expand
from prodia_compose.progress import visible
from prodia_compose.sandbox import server

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems refuse some of these names, or change them"
)

NAMES: tuple[bytes, ...] = (
    # What ends a line, and what a terminal obeys.
    *(b"new\nline.jpg", b"at the end\n", b"\nat the start.jpg", b"carriage\rreturn.jpg"),
    *(b"ends in CR\r", b"both\r\n.jpg", b"tab\t.jpg", b"form\ffeed\v.jpg", b"\x01\x02.jpg"),
    *(b"\x1b[31mred.jpg", b"\x1b]0;title\x07.jpg", b"\x1b[2J\x1b[H.jpg", b"bell\x07.jpg"),
    *(b"back\x08\x08.jpg", b"del\x7f.jpg", "csi\x9b31m.jpg".encode(), "nel\x85.jpg".encode()),
    *("line\u2028.jpg".encode(), "paragraph\u2029.jpg".encode()),
    # What a command line reads as something else.
    *(b"-", b"--", b"-rf.jpg", b"--help", b"-o", b"--output=x.jpg", b"@list.jpg", b"~", b"~root"),
    *(b"=", b"a=b.jpg", b"mug=a.jpg", b"a,b=c,d.jpg", b"a;type=x.jpg", b"a;filename=b.jpg"),
    # Spaces and dots.
    *(b" ", b"   ", b" leading.jpg", b"trailing.jpg ", b"inner  space.jpg", b"trailing dot."),
    *(b"...", b"..jpg", b"...jpg", b"....jpg", b"a........b.jpg", "no\u00a0break.jpg".encode()),
    # What a shell reads as something else.
    *(b"'", b'"', b"`touch pwned`.jpg", b'it\'s "it".jpg', b"$HOME.jpg", b"$(touch pwned).jpg"),
    *(b"a;touch pwned.jpg", b"a&b.jpg", b"a|b.jpg", b"a>b<c.jpg", b"!!.jpg", b"#a.jpg", b"*"),
    *(b"?.jpg", b"[a].jpg", b"{a,b}.jpg", b"\\", b"\\\\.jpg", b"\\n.jpg", b"\\x1b[31m.jpg"),
    # What templates, formats and markup read as something else.
    *(b"{stem}.jpg", b"{mug}.jpg", b"{}.jpg", b"{0.__class__}.jpg", b"%s.jpg", b"%0A.jpg", b"%%"),
    *(b"[red]a.jpg", b"[/].jpg", b"[link=x]a[/link].jpg", b":smile:.jpg", b"<b>&amp;.jpg"),
    # Scripts, directions, joiners, marks, and characters nobody sees.
    *("photo\u202egpj.exe".encode(), "\u2066isolated\u2069.jpg".encode(), "صورة.jpg".encode()),
    *("写真.jpg".encode(), "👩‍👩‍👧‍👦.jpg".encode(), "🏴󠁧󠁢󠁥󠁮󠁧󠁿.jpg".encode(), "z̷̢͎a̶l̵g̸o.jpg".encode()),
    *("caf\u00e9.jpg".encode(), "cafe\u0301.jpg".encode(), "zero\u200bwidth.jpg".encode()),
    *("\ufeffbom.jpg".encode(), "in\ufeffside.jpg".encode(), "\ufffd.jpg".encode()),
    *("İ.jpg".encode(), "ﬁ.jpg".encode(), "ß.jpg".encode(), b"SS.jpg", b"A.jpg", b"a.jpg"),
    # As long as a name can be.
    *(b"a" * 251 + b".jpg", "é".encode() * 125 + b"a.jpg", b"\xe9" * 255),
    # Not UTF-8: Latin-1, a lone byte, overlong, half a character, what cannot be.
    *(b"caf\xe9.jpg", b"\x80.jpg", b"\x9b31m.jpg", b"\xc0\xaf.jpg", b"\xed\xa0\x80.jpg"),
    *(b"\xff\xfe.jpg", b"\xf5\x80\x80\x80.jpg", b"half\xe2\x82"),
    # What reads as an address, or as a name of another system.
    *(b"http:x.jpg", b"https:.jpg", b"file:a.jpg", b"a.jpg?x=1", b"a#b.jpg", b"CON.jpg"),
    *(b"a:b.jpg", b"C:\\a.jpg", b"NUL"),
    # What we use ourselves, and suffixes.
    *(b"job.json", b"image-1.jpg", b"IMAGE-2.JPG", b"image-3", b"send.sh", b"composed.jpg"),
    *(b".jpg", b".hidden", b"none", b"a.tar.gz", b"UPPER.JPG", b"lies.png", b"lies.html"),
)

BATCHES = [NAMES[start : start + 14] for start in range(0, len(NAMES), 14)]
"""As many at a time as the model with the most images takes."""

MANY = ("-m", "seedream-5-lite", "-p", "all of them")

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


def _bytes_of(shown: Mapping[str, object]) -> bytes:
    """Return the path that a JSON document tells."""
    escaped = shown.get("path_b64")
    return str(shown["path"]).encode() if escaped is None else base64.b64decode(str(escaped))


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
        done = run("validate", *MANY, "-o", "../out.jpg", "--json", *argv, stdin=stdin)
        document = json.loads(done.out)

        assert (done.code, done.err, document["errors"]) == (0, "", [])
        assert [_bytes_of(image) for image in document["images"]] == names


def test_every_name_is_sent_under_a_safe_one(
    pictures: Path, run: Run, sandbox: server.Sandbox
) -> None:
    """The service gets plain names that differ, those that `config.images` lists; `-v` tells all."""
    for batch in BATCHES:
        argv, stdin, names = _in_a_null_list(batch)
        done = run("compose", *MANY, "-f", "-o", "../out.jpg", "-v", *argv, stdin=stdin)
        sent = sandbox.jobs[-1]
        parts = [one.filename for one in sent.inputs]
        told = _lines(done.err)[: len(names)]

        assert (done.code, done.out) == (0, b"../out.jpg\n")
        assert sent.job is not None
        assert sent.job["config"] == {"prompt": "all of them", "images": parts}
        assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*\.jpg", part) for part in parts)
        assert len({part.casefold() for part in parts}) == len(names)
        for number, (line, name) in enumerate(zip(told, names, strict=True), 1):
            assert line.startswith(f"{number} {_shown(name)} 24x18 JPEG: ")


def test_the_report_is_plain_text(pictures: Path, run: Run) -> None:
    """The report of `validate` has a line for each image, with nothing in it to obey."""
    for batch in BATCHES:
        argv, stdin, names = _in_a_null_list(batch)
        done = run("validate", *MANY, "-o", "../out.jpg", *argv, stdin=stdin)
        lines = _lines(done.out)

        for number, name in enumerate(names, 1):
            line = lines[number]  # after that of the model
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
            line = (*MANY, "-o", "../out.jpg", *argv)
            told = run("compose", *line, stdin=stdin, PRODIA_TOKEN="t")
            as_json = run("compose", *line, "--json", stdin=stdin, PRODIA_TOKEN="t")
        document = json.loads(as_json.err)

        assert (told.code, told.out, as_json.code, as_json.out) == (3, b"", 3, b"")
        for problem, name in zip(_lines(told.err), names, strict=True):
            assert problem.startswith(f"prodia-compose: error: {_shown(name)}: ")
            assert words in problem or name.startswith(b"file:")  # which reads as an address
        assert [_bytes_of(problem) for problem in document["errors"]] == names
        assert len(_lines(as_json.err)) == 1


def _is_asked_for(name: bytes) -> bool:
    """Return whether a name, as it is, asks for a picture: it has a format's suffix, or none."""
    suffix = Path(os.fsdecode(name)).suffix.lower()
    return suffix in ("", ".jpg", ".png") and name != b"{stem}.jpg"


def _name_of(shown: Mapping[str, object]) -> bytes:
    """Return the base name that a job of the record tells."""
    escaped = shown.get("name_b64")
    return str(shown["name"]).encode() if escaped is None else base64.b64decode(str(escaped))


@pytest.mark.parametrize("share", range(4))
def test_every_name_can_be_written(
    picture: Callable[..., Path], tmp_path: Path, run: Run, sandbox: server.Sandbox, share: int
) -> None:
    """`-o` takes any name of a format; stdout has its very bytes, and the record shows it."""
    folder = tmp_path / "written"
    folder.mkdir()
    source = picture(size=(64, 64))
    names = [name for name in NAMES if _is_asked_for(name)][share::4]
    small = ("-p", "x", "-m", "flux-2-pro", "--width", "64", "--height", "64", "--no-lint")
    with contextlib.chdir(folder):
        for name in names:
            path = _typed_behind_an_option(name)
            done = run("compose", source, *small, "-o", path, "--create-dirs")
            assert (done.code, done.out, done.err) == (0, os.fsencode(path) + b"\n", "")
    written = [path for path in folder.rglob("*") if path.is_file()]
    listed = _lines(run("jobs", "--limit", "0").out)
    jobs = json.loads(run("jobs", "--limit", "0", "--json").out)["jobs"]

    assert sorted(os.fsencode(path.relative_to(folder)) for path in written) == sorted(names)
    assert len(listed) == 1 + len(names)
    told = [_name_of(one["outputs"][0]) for one in reversed(jobs)]
    assert told == [name.rpartition(b"/")[2] for name in names]


NASTY = "\x1b]0;[/red]\u202e\udcff\n"


@pytest.mark.parametrize(
    "argv",
    [
        ("--prompt-file", NASTY),
        ("-T", NASTY),
        ("--token-file", NASTY),
        ("-i", NASTY),
        ("-i", f"mug={NASTY}"),
        ("-m", NASTY),
        ("--set", NASTY),
        ("--set", f"{NASTY}=1"),
        ("--set", f"seed={NASTY}"),
        ("--aspect-ratio", NASTY),
        ("--background", NASTY),
        ("--seed", NASTY),
        ("--if-exists", NASTY),
        ("-o", f"{NASTY}.gif"),
        ("-o", f"{NASTY}/a.jpg"),
        (f"--{NASTY}",),
        (f"-p{NASTY}", "-p", "{mug}"),
        ("--prompt", "{" + NASTY + "}", "-i", "mug=a.jpg"),
    ],
    ids=repr,
)
def test_a_nasty_value_is_shown_escaped(work: Path, run: Run, argv: tuple[str, ...]) -> None:
    """Whatever an option holds, the error about it is lines of text, and one line of JSON."""
    for prefix in (("compose",), ("validate",)):
        done = run(*prefix, "product.jpg", *argv)
        as_json = run(*prefix, "product.jpg", *argv, "--json")

        assert (done.code, as_json.code) in {(2, 2), (3, 3), (4, 4), (8, 8)}
        _lines(done.err)
        _lines(as_json.err or as_json.out)
        json.loads(as_json.err or as_json.out)


def test_a_name_taken_for_an_option_says_how_to_write_it(pictures: Path, run: Run) -> None:
    """Where a file is called as what was typed, the error tells how to name it."""
    taken, unknown = (run("compose", word, "-p", "x") for word in ("-rf.jpg", "-rx.jpg"))

    assert (taken.code, unknown.code) == (2, 2)
    assert taken.err.endswith("-r; for the file, write ./-rf.jpg\n")
    assert unknown.err.endswith("-r; see prodia-compose compose --help\n")


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_names_survive_any_locale(pictures: Path, process: Run, locale: str) -> None:
    """Also where Python takes arguments and names for ASCII, they are found, told and written."""
    bare = {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    name = "café \xff".encode("latin-1") + "é.jpg".encode()
    (pictures / os.fsdecode(name)).write_bytes((pictures / "a.jpg").read_bytes())
    done = process(
        "compose", "--sandbox", "-p", "x", os.fsdecode(name), "-o", "{stem}é.jpg", **bare
    )
    plan = process("validate", "--json", "-p", "x", "--", "写真.jpg", os.fsdecode(name), **bare)
    images = json.loads(plan.out)["images"]

    assert (done.code, done.out, done.err) == (
        0,
        name.replace(b".jpg", "é.jpg".encode()) + b"\n",
        "",
    )
    assert (pictures / os.fsdecode(done.out[:-1])).exists()
    assert images[0]["path"] == "写真.jpg"
    assert _bytes_of(images[1]) == name


TEMPLATES = [
    (b"-rf.jpg", "{stem}.jpg", b"./-rf.jpg"),
    (b"-.jpg", "{stem}", b"./-"),
    (b"...jpg", "{stem}/{stem}.jpg", b"./--/...jpg"),
    (b"...jpg", "up/{stem}/x.jpg", b"up/--/x.jpg"),
    (b"..jpg", "{stem}{first}/x.jpg", b"./--/x.jpg"),
    (b"a/b.jpg", "{stem}.png", b"b.png"),
    (b".jpg", "{stem}.jpg", b".jpg.jpg"),
    (b"new\nline.jpg", "{stem}.jpg", b"new\nline.jpg"),
    (b"\x1b[31m.jpg", "{stem}-2.jpg", b"\x1b[31m-2.jpg"),
    (b"caf\xe9.jpg", "{stem}.webp", b"caf\xe9.webp"),
    (b"{first}.jpg", "{stem}.jpg", b"{first}.jpg"),
    (b"~.jpg", "{stem}/x.jpg", b"~/x.jpg"),
    (b"a" * 251 + b".jpg", "{stem}.png", b"a" * 251 + b".png"),
]


@pytest.mark.parametrize(("source", "template", "path"), TEMPLATES)
def test_templates_with_awkward_stems(
    work: Path, run: Run, source: bytes, template: str, path: bytes
) -> None:
    """An input's stem names the output, byte for byte, but leaves no folder and is no option."""
    (work / "from").mkdir()
    file = work / "from" / os.fsdecode(source)
    file.parent.mkdir(exist_ok=True)
    (work / "product.jpg").rename(file)
    argv = ("--sandbox", "-p", "x", "--create-dirs", "-o", template)
    done = run("compose", *argv, "from/" + os.fsdecode(source))

    assert (done.code, done.out) == (0, path + b"\n")
    assert (work / os.fsdecode(path)).is_file()


def test_a_template_that_grows_too_long_is_refused(work: Path, run: Run) -> None:
    """A name that no file can have is told before anything is sent, and leaves nothing."""
    long = "a" * 251
    (work / "product.jpg").rename(work / f"{long}.jpg")
    done = run("compose", "--sandbox", f"{long}.jpg", "-p", "x", "-o", "{stem}-made.jpg")

    assert (done.code, done.out) == (8, b"")
    assert done.err == f"prodia-compose: error: -o {long}-made.jpg: the name is too long\n"
    assert sorted(path.name for path in work.iterdir()) == [f"{long}.jpg", "scene.jpg"]


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("https://h/a/cat.jpg?file=../dog.jpg#x", "cat"),
        ("https://user:secret@h/?token=s3cret.key", ""),
        ("https://user:secret@h", ""),
        ("https://h/my%20cup.png", "my cup"),
        ("https://h/..%2F..%2Fetc.jpg", "etc"),
        ("https://h/%1B%5D0;x%07.jpg", ""),
        ("https://h/%00.jpg", ""),
        ("https://[h/a.jpg", "a"),
        ("-", ""),
        ("/dev/fd/63", ""),
        ("/dev/stdin", ""),
    ],
)
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
    program = [sys.executable, "-m", "prodia_compose", "compose", "--sandbox", "product.jpg"]
    name = "\x1b[31mé\udcff.jpg"
    with open(theirs, "wb") as terminal:  # noqa: PTH123 - a descriptor
        subprocess.run([*program, "-p", "x", "-q", "-o", name], stdout=terminal, check=True)
    with open(ours, "rb", buffering=0) as shown:  # noqa: PTH123
        assert shown.read(100) == "\\x1b[31mé\\xff.jpg\r\n".encode()
    assert (work / name).exists()
