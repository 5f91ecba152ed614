"""`--each`: a row for every entry of a list, a picture or a folder of pictures."""

import os
import shutil
from pathlib import Path

import pytest
from batching import read, refusals, rows

from prodia_compose.pipeline.batch.rows.row import Row
from prodia_compose.prompt import references

EACH = ("--each", "-", "-p", "Put {each} in {room}", "-i", "room=rooms/room.jpg")
OUT = ("-o", "out/{each}.jpg")


def _paths(row: Row) -> list[str]:
    return [path for _, path in row.request.selection.labelled]


@pytest.fixture
def sets(work: Path) -> Path:
    """Return a working folder with folders of pictures, among them one that has none."""
    for name in ("mug/i10.jpg", "mug/i2.JPG", "mug/.hidden.jpg", "v1.2/a.jpg", "empty/x"):
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy("product.jpg", name)
    Path("empty/x").unlink()
    Path("mug/notes.txt").write_text("not a picture")
    Path("mug/page.html").write_text("<!doctype html><html></html>")
    Path("mug/sub").mkdir()
    shutil.copy("product.jpg", "mug/sub/deep.jpg")
    os.mkfifo("mug/pipe.jpg")
    Path("mug/link.jpg").symlink_to("i2.JPG")
    return work


def test_each_entry_has_a_row(sets: Path) -> None:
    """Its pictures come first, then the command line's; `{each}` is what they are called."""
    first, second = rows(*EACH, *OUT, "scene.jpg", "-T", "rooms.txt", stdin=_listed("rooms.txt"))

    assert _paths(first) == ["mug/i2.JPG", "mug/i10.jpg", "mug/link.jpg", *_shared()]
    assert _paths(second) == ["./product.jpg", *_shared()]
    assert first.request.texts == (("each", "the first three images"),)
    assert second.request.texts == (("each", "the first image"),)
    assert first.request.selection.lists == ("rooms.txt",)
    assert {row.request.is_template for row in (first, second)} == {True}
    assert [(row.number, row.line) for row in (first, second)] == [(1, 1), (2, 2)]


def _listed(rooms: str) -> bytes:
    Path(rooms).write_text("rooms/other.jpg\n")
    return b"mug/\n./product.jpg\n"


def _shared() -> list[str]:
    return ["scene.jpg", "rooms/room.jpg"]


@pytest.mark.parametrize(
    ("entry", "id_", "each"),
    [
        ("product.jpg", "../product.jpg", "product"),
        ("./product.jpg", "../product.jpg", "product"),
        (".//mug/i2.JPG", "../mug/i2.JPG", "i2"),
        ("mug", "../mug", "mug"),
        ("mug/", "../mug", "mug"),
        ("v1.2", "../v1.2", "v1.2"),
        ("mug/.", "../mug", "mug"),
        ("-", "../-", "-"),
        ("https://x.org/a/b.jpg", "https://x.org/a/b.jpg", "b"),
        ("gone.tar.gz", "../gone.tar.gz", "gone.tar"),
    ],
)
def test_an_entry_is_called_by_its_path(sets: Path, entry: str, id_: str, each: str) -> None:
    """The id is its path from the results' folder, `{each}` its name; a folder has no suffix."""
    (row,) = rows(*EACH, *OUT, stdin=f"{entry}\n".encode())
    (absolute,) = rows(*EACH, *OUT, stdin=f"{entry if '://' in entry else sets / entry}\n".encode())

    assert (row.id, absolute.id) == (id_, id_)
    assert dict(row.request.fields)["each"] == each


def test_a_run_from_elsewhere_has_the_same_ids(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is where the results lie, not where the command is typed."""
    one = rows(*EACH, "-o", "out/{each}.jpg", stdin=b"mug\nproduct.jpg\n")
    two = rows(*EACH, "-o", "x/{id}.jpg", "--results", "out/r.jsonl", stdin=b"mug\nproduct.jpg\n")
    monkeypatch.chdir("mug")
    three = rows(*EACH, "-o", "../out/{each}.jpg", stdin=b".\n../product.jpg\n")

    assert [row.id for row in one] == [row.id for row in two] == [row.id for row in three]


def test_what_can_be_a_key_is_not_in_an_id(sets: Path) -> None:
    """Two addresses that differ in their query are two rows, and neither tells it."""
    found = rows(
        *EACH, "-o", "{row}.jpg", stdin=b"https://x.org/a.jpg?key=s1\nhttps://u:s2@x.org/a.jpg\n"
    )

    assert len({row.id for row in found}) == 2
    assert not any(secret in row.id for row in found for secret in ("s1", "s2"))
    assert _paths(found[0])[0] == "https://x.org/a.jpg?key=s1"


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        *((name, False) for name in ("notes", "notes.txt", "_SUCCESS", "a.json", "b.tar.gz")),
        *((name, True) for name in ("z.jpg", "z.JPEG", "z.cr3", "z.part", "z.heic")),
    ],
)
def test_an_empty_file_is_a_picture_if_it_is_called_like_one(
    sets: Path, name: str, *, is_told: bool
) -> None:
    """Others are passed over, like all files of a folder that are no pictures."""
    Path("v1.2", name).write_bytes(b"")
    (row,) = rows(*EACH, *OUT, stdin=b"v1.2\n")

    assert (f"v1.2/{name}" in _paths(row)) is is_told


def test_pictures_that_may_be_meant_are_not_passed_over(sets: Path) -> None:
    """A camera's raw file, an empty one and one that cannot be read are told where they are sent."""
    Path("v1.2/raw.raf").write_bytes(b"FUJIFILMCCD-RAW 0201" + bytes(4096))
    Path("v1.2/empty.jpg").write_bytes(b"")
    Path("v1.2/x.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    (row,) = rows(*EACH, *OUT, stdin=b"v1.2\n")

    assert _paths(row)[:3] == ["v1.2/a.jpg", "v1.2/empty.jpg", "v1.2/raw.raf"]


def test_a_folder_without_pictures_is_told(sets: Path) -> None:
    """It is its row's error, and the others are run."""
    found, _ = read(*EACH, *OUT, stdin=b"empty\nmug\n")

    assert [row.number for row in found] == [2]
    assert refusals(*EACH, *OUT, stdin=b"empty\nmug\n") == [
        "3 FILE:1: ../empty: empty: is a folder without pictures"
    ]


@pytest.mark.parametrize(
    ("argv", "list_", "words"),
    [
        ((), b"product.jpg\n", "entries lie in"),
        (("-o", "{each}.jpg"), b"product.jpg\nmug\n", "entries lie in"),
        (("-o", "mug/new-{each}.jpg"), b"mug/i2.JPG\n", "entries lie in"),
        (("-o", "mug/new-{each}.jpg"), b"mug\n", "entries lie in"),
        (("-o", "link/{each}.jpg"), b"mug/\n", "entries lie in"),
        ((), b"mug/i2.JPG\n", None),
        ((), b"mug\n", None),
        (("-o", "mug/out/{each}.jpg"), b"mug\n", None),
        (("-o", "{each}.jpg"), b"https://x.org/a.jpg\n", None),
    ],
)
def test_a_picture_is_no_entry_of_the_next_run(
    sets: Path, argv: tuple[str, ...], list_: bytes, words: str | None
) -> None:
    """An output beside an entry, or in a folder that is one, is refused with where else."""
    Path("link").symlink_to("mug")
    messages = refusals(*EACH, *argv, stdin=list_)

    if words is None:
        assert messages == []
    else:
        assert len(messages) == 1
        assert messages[0].startswith("2 whole ")
        assert words in messages[0]
        assert "-o 'out/{each}.jpg' --create-dirs" in messages[0]


@pytest.mark.parametrize(
    ("list_", "argv", "ids"),
    [
        (b"b.jpg\0a b.jpg\0", ("-0",), ["b.jpg", "a b.jpg"]),
        (b"\xef\xbb\xbfb.jpg\r\n\r\na b.jpg", (), ["b.jpg", "a b.jpg"]),
        (b"i10.jpg\ni2.jpg\n", ("--sort", "natural"), ["i2.jpg", "i10.jpg"]),
        (b"b\xfc.jpg\0", ("-0",), [os.fsdecode(b"b\xfc.jpg")]),
        (b"b\n.jpg\0", ("-0",), ["b\n.jpg"]),
    ],
)
def test_a_list_is_read_as_others_are(
    work: Path, list_: bytes, argv: tuple[str, ...], ids: list[str]
) -> None:
    """NUL or lines, sorted or not, and names of any bytes."""
    found = rows("--each", "-", "-p", "x", "--results", "r.jsonl", *OUT, *argv, stdin=list_)

    assert [row.id for row in found] == ids


@pytest.mark.parametrize(
    ("argv", "stdin", "words"),
    [
        (("--each", "-"), b"", "3 whole --each -: the list is empty; it names no image"),
        (
            ("--each", "product.jpg"),
            None,
            "3 whole --each product.jpg: is a picture, not a list; name it in a list",
        ),
        (("--each", "gone"), None, "3 whole --each gone: no such file"),
        (("--each", "x" * 300), None, f"3 whole --each {'x' * 300}: no such file: the name is too"),
        (
            ("--each", "-"),
            b"aa.jpg\0bb.jpg\0",
            "3 whole --each -: holds NUL bytes; did you mean -0?",
        ),
        (("--each", "-"), None, "3 whole --each -: standard input is closed"),
        (
            ("--each", "mug"),
            None,
            "3 whole --each mug: is a folder; list its pictures: find mug -t",
        ),
        (
            ("--each", "-"),
            b"a.jpg\nb.jpg\n./a.jpg\n",
            "3 whole FILE:3: ../a.jpg: entry 1 is the sam",
        ),
        (("--each", "-"), b"a/x.jpg\nb/x.jpg\n", "goes to"),
    ],
)
def test_what_is_wrong_with_a_list_is_told(
    sets: Path, argv: tuple[str, ...], stdin: bytes | None, words: str
) -> None:
    """One line says what and where; for a folder, the line that lists it."""
    messages = refusals(*argv, "-p", "x", *OUT, stdin=stdin)

    assert any(words in message for message in messages)


def test_default_places_tell_variants_apart(sets: Path) -> None:
    """Without `-o` the entry's name and what is varied make the picture's."""
    found = rows(*EACH, "--vary", "seed=1..2", "--repeat", "2", stdin=b"mug\n")

    assert [row.request.placement.target for row in found] == [
        f"{{each}}~seed={seed}~#{repeat}.{{ext}}" for seed in (1, 2) for repeat in (1, 2)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 9, 10, 11])
def test_how_an_entry_is_spoken_of_raises_no_warning(work: Path, count: int) -> None:
    """The words for several pictures are no slip to those that look for slips in prompts."""
    Path("d").mkdir()
    for number in range(count):
        shutil.copy("product.jpg", f"d/{number}.jpg")
    (row,) = rows("--each", "-", "-p", "x", *OUT, stdin=b"d\n")
    spoken = dict(row.request.texts)["each"]
    found = references.find(f"Put {spoken} on the table", [f"{n}.jpg" for n in range(count)])

    assert spoken.startswith("the first ")
    assert found.beyond == ()
    assert len(found.certain) == count or not found.is_understood
