"""Operands, labelled paths and lists: order, raw names, and what cannot be read."""

import contextlib
import errno
import io
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import BinaryIO

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tables import table

from prodia_compose import errors, progress
from prodia_compose.inputs import blob, entries, files
from prodia_compose.inputs.options import Selection, Sort

needs_permissions = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """Turn a read that waits for ever into a failure."""

    def give_up(_signum: int, _frame: FrameType | None) -> None:
        raise AssertionError("waited for something that never comes")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def no_download(url: str) -> blob.Blob:
    """Fail where nothing is to be downloaded."""
    raise AssertionError(url)


def opened(entry: entries.Entry | str, stdin: BinaryIO | None = None) -> entries.Input:
    """Open an entry, or the operand of this name."""
    named = entry if isinstance(entry, entries.Entry) else entries.Entry(path=entry)
    return entries.open_input(named, 1, stdin=stdin, download=no_download)


def listed(data: bytes, *, null: bool = False, sort: Sort = "none") -> list[bytes]:
    """Return the raw names in a list that comes on standard input."""
    selection = Selection(lists=("-",), null_separated=null, sort=sort)
    found = entries.list_entries(selection, io.BytesIO(data))
    assert all(entry.list_number == 1 and entry.label is None for entry in found)
    return [os.fsencode(entry.path) for entry in found]


def content(source: entries.Input) -> bytes:
    """Return what an input holds."""
    with source.opener() as file:
        return file.read()


# --- order ------------------------------------------------------------------------------


def test_order_is_operands_labels_lists(here: Path) -> None:
    """Images stand in the documented order, whatever the order of the options."""
    (here / "one.txt").write_text("l1\nl2\n")
    (here / "two.txt").write_text("l3\n-\n")
    selection = Selection(
        operands=("b", "a", "b"),
        labelled=(("mug", "m"), ("room", "r")),
        lists=("two.txt", "one.txt"),
    )
    found = entries.list_entries(selection, None)

    assert [entry.path for entry in found] == ["b", "a", "b", "m", "r", "l3", "-", "l1", "l2"]
    assert [entry.label for entry in found][3:5] == ["mug", "room"]
    assert [entry.list_number for entry in found] == [0] * 5 + [1] * 2 + [2] * 2


def test_no_input_is_a_usage_error() -> None:
    """Nothing named is told at once, and standard input is not read for it."""
    with pytest.raises(errors.UsageError, match="no images"):
        entries.list_entries(Selection(), io.BytesIO(b"never read"))


def test_labels_differ() -> None:
    """A label given twice is told, once for each."""
    labelled = (("a", "1"), ("b", "2"), ("a", "3"), ("b", "4"), ("a", "5"), ("A", "6"))
    with pytest.raises(errors.ProblemsError) as caught:
        entries.list_entries(Selection(labelled=labelled), None)

    assert [part.message.partition("=")[0] for part in caught.value.parts] == ["-i a", "-i b"]
    assert caught.value.code == errors.ExitCode.USAGE


def test_all_bad_lists_are_told_together(here: Path) -> None:
    """Every list that cannot be used is in the same report, with a doubled label."""
    (here / "empty").touch()
    selection = Selection(labelled=(("a", "1"), ("a", "2")), lists=("missing", "empty", "."))
    with pytest.raises(errors.ProblemsError) as caught:
        entries.list_entries(selection, None)

    assert [part.path for part in caught.value.parts] == [None, "missing", "empty", "."]
    assert caught.value.code == errors.ExitCode.USAGE


@pytest.mark.parametrize(("path", "list_number", "stdin", "url"), table("inputs/kinds_of_entries"))
def test_kinds_of_entries(*, path: str, list_number: int, stdin: bool, url: bool) -> None:
    """Only an operand `-` is standard input, and only http and https are addresses."""
    entry = entries.Entry(path=path, list_number=list_number)

    assert (entry.is_stdin, entry.is_url) == (stdin, url)


# --- lists ------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "null", "names"), table("inputs/names_are_raw"))
def test_names_are_raw(*, data: str, null: bool, names: list[str]) -> None:
    """A line is a path but for a BOM at the start and a CR; under `-0` every byte but NUL counts."""
    found = listed(data.encode("latin-1"), null=null)  # each letter of the table is a byte

    assert found == [name.encode("latin-1") for name in names]


NAMES = st.lists(st.binary(min_size=1).filter(lambda name: b"\0" not in name), min_size=1)


@given(NAMES, st.booleans())
@example([b"\xfe", b"\x01"], True)
@example([b"a", b"b", b"c", b"x\n"], False)
def test_any_bytes_survive_null_lists(names: list[bytes], ended: bool) -> None:  # noqa: FBT001 - drawn
    """Any name a system may have comes through, but for those that make the list something else.

    That is text in UTF-16, a picture's first bytes, or lines.
    """
    data = b"\0".join(names) + b"\0" * ended
    assume(b"\n" not in names and not names[0].startswith((b"\xff\xfe", b"\xfe\xff")))
    assume(not entries.begins_a_picture(data[:16]) and (b"\0" in data or b"\n" not in data))
    assert listed(data, null=True) == names


@given(NAMES)
def test_any_bytes_survive_line_lists(names: list[bytes]) -> None:
    """Any name without line breaks comes through a list of lines."""
    lines = [name.replace(b"\n", b"").replace(b"\r", b"") or b"x" for name in names]
    lines[0] = b"./" + lines[0]

    assert listed(b"\n".join(lines)) == lines


@pytest.mark.parametrize(("data", "null", "words"), table("inputs/unusable_lists"))
def test_unusable_lists(*, data: str, null: bool, words: str) -> None:
    """A list that names nothing, or not what `-0` says, is an input error."""
    with pytest.raises(errors.InputError, match=words):
        listed(data.encode("latin-1"), null=null)


SHOTS = [b"shot10.jpg", b"Shot3.jpg", b"shot2.jpg", b"shot.jpg", b"shot-2.jpg", b"\xff", b"b/1"]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("none", SHOTS),
        ("name", b"Shot3.jpg b/1 shot-2.jpg shot.jpg shot10.jpg shot2.jpg \xff".split()),
        ("natural", b"b/1 shot-2.jpg shot.jpg shot2.jpg Shot3.jpg shot10.jpg \xff".split()),
    ],
)
def test_sorting(order: Sort, names: list[bytes]) -> None:
    """`name` is the order of the bytes, `natural` counts, and `none` leaves the list alone."""
    assert listed(b"\n".join(SHOTS), sort=order) == names


def test_each_list_is_sorted_for_itself(here: Path) -> None:
    """Sorting does not mix lists, and leaves operands alone."""
    (here / "one").write_text("2\n1\n")
    (here / "two").write_text("b\na\n")
    selection = Selection(operands=("z", "y"), lists=("two", "one"), sort="name")
    found = entries.list_entries(selection, None)

    assert [entry.path for entry in found] == ["z", "y", "a", "b", "1", "2"]


def test_natural_order_counts_any_number() -> None:
    """Leading zeros and numbers of thousands of digits are ordered, not stumbled over."""
    names = ["a" + "9" * 6000, "a10", "a9", "a010", "a9b", "a09", "a", "a9.1"]
    ordered = sorted(names, key=lambda name: (entries.natural_key(name), name))

    assert ordered == ["a", "a09", "a9", "a9.1", "a9b", "a010", "a10", "a" + "9" * 6000]


@pytest.mark.parametrize(("name", "shown", "words"), table("inputs/texts_that_cannot_be_read"))
@pytest.mark.parametrize("flag", ["-T", "--prompt-file", "--token-file"])
def test_texts_that_cannot_be_read(
    here: Path, flag: str, name: str, shown: str, words: str
) -> None:
    """What is wrong with a list, prompt or token file is said of its option, without a secret."""
    os.mkfifo("fifo")
    with pytest.raises(errors.InputError, match=words) as caught:
        files.read_text(name, flag, None)

    assert caught.value.message.startswith(f"{flag} {shown}: ")
    assert caught.value.path == shown
    assert "secret" not in caught.value.message


def test_text_from_standard_input() -> None:
    """`-` is standard input, read to its end."""
    assert files.read_text("-", "-T", io.BytesIO(b"a\nb")) == b"a\nb"


# --- opening ----------------------------------------------------------------------------


def test_files_open_as_often_as_asked(here: Path) -> None:
    """A file is read from its first byte each time, and its stem is kept."""
    (here / "my.first cup.jpeg").write_bytes(b"picture")
    source = opened(entries.Entry(path="./my.first cup.jpeg", label="mug"))

    assert (source.entry.stem, source.entry.label) == ("my.first cup", "mug")
    assert (source.position, source.path) == (1, "./my.first cup.jpeg")
    assert content(source) == content(source) == b"picture"


@pytest.mark.parametrize(
    "raw", [b"-", b"-rf.jpg", b"caf\xe9.jpg", b"new\nline.jpg", b"\x1b[31m.jpg"]
)
def test_odd_names_open(here: Path, raw: bytes) -> None:
    """Any name that a list can hold is opened by its bytes, `-` as a file of that name too."""
    if os.uname().sysname == "Darwin" and raw.startswith(b"caf"):
        pytest.skip("names are Unicode here")
    Path(os.fsdecode(raw)).write_bytes(b"odd")
    (name,) = listed(raw + b"\0", null=True)

    assert content(opened(entries.Entry(path=os.fsdecode(name), list_number=1))) == b"odd"


@pytest.mark.parametrize(("path", "words"), table("inputs/what_is_no_file_is_refused"))
def test_what_is_no_file_is_refused(here: Path, path: str, words: str) -> None:
    """Each thing that is no readable file is named for what it is, and nothing waits."""
    (here / "file.jpg").touch()
    (here / "dangling").symlink_to("nowhere")
    (here / "loop").symlink_to("loop")
    os.mkfifo("fifo")
    (here / "link-to-fifo").symlink_to("fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(errors.InputError, match=words) as caught:
            opened(path)

    assert caught.value.path == path
    assert caught.value.message.startswith("'': " if not path else f"{path}: ")


@pytest.mark.parametrize(("path", "message"), table("inputs/other_addresses"))
def test_other_addresses_are_told_apart_from_missing_files(
    here: Path, path: str, message: str
) -> None:
    """What reads as an address of another kind is named as one, without what may be a secret."""
    with pytest.raises(errors.InputError) as caught:
        opened(path)

    assert message in caught.value.message
    assert "secret" not in f"{caught.value.message}{caught.value.path}"


def test_a_file_may_be_called_as_an_address(here: Path) -> None:
    """A file that is there is read, whatever its name resembles."""
    (here / "s3:").mkdir()
    (here / "s3:/a.jpg").write_bytes(b"mine")

    assert content(opened("s3://a.jpg")) == b"mine"


@needs_permissions
def test_unreadable_files_are_found_at_once(here: Path) -> None:
    """A file without read permission is refused when it is opened, not while preparing."""
    (here / "secret.jpg").touch(mode=0o000)
    with pytest.raises(errors.InputError, match="permission denied; make it readable"):
        opened("secret.jpg")


@pytest.mark.parametrize("name", table("inputs/a_folder_shows_a_find_line_that_works"))
def test_a_folder_shows_a_find_line_that_works(here: Path, name: str) -> None:
    """The line shown for a folder, pasted into a shell, lists that folder's pictures."""
    real = here / ("real" if name == "link" else name)
    try:
        real.mkdir(parents=True)
    except OSError:
        pytest.skip("no such names here")
    (real / "a.jpg").touch()
    if name == "link":
        (here / "link").symlink_to("real")
    with pytest.raises(errors.InputError, match="is a folder") as caught:
        opened(name)
    shown = progress.visible(caught.value.message)
    line = r"(find .* -type f -print0 \| sort -z) \| prodia-compose compose -0 -T -"
    match = re.search(line, shown)
    assert match
    found = subprocess.run(["bash", "-c", match[1]], capture_output=True, check=True, timeout=30)

    (path,) = found.stdout.split(b"\0")[:-1]
    assert Path(os.fsdecode(path)).resolve() == (real / "a.jpg").resolve()


@contextlib.contextmanager
def pipe_with(data: bytes) -> Iterator[str]:
    """Give the name of a pipe's end, as the shell's `<(...)` does."""
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb") as file:
            file.write(data)

    with os.fdopen(reader, "rb"), ThreadPoolExecutor(1) as pool:
        pool.submit(write)
        yield f"/dev/fd/{reader}"


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        (errno.ENOSPC, "No space left on device; free some space, or point TMPDIR elsewhere"),
        (errno.EMFILE, "no more files can be opened; raise the limit (ulimit -n)"),
    ],
)
def test_no_room_for_temporary_files(
    monkeypatch: pytest.MonkeyPatch, number: int, answer: str
) -> None:
    """Where standard input or a pipe cannot be spooled, the input is not to blame."""

    def full(_chunks: object) -> blob.Blob:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(blob, "spool", full)
    words = re.escape(f"cannot write temporary files: {answer}")
    with pytest.raises(errors.OutputError, match=words):
        opened("-", io.BytesIO(b"picture"))
    with pipe_with(b"picture") as name, pytest.raises(errors.OutputError, match=words):
        opened(name)


def test_broken_standard_input_is_no_fault_of_the_disk() -> None:
    """What fails in reading is said of the input."""

    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(errors.InputError, match=r"^-: Input/output error"):
        opened("-", Broken())


def test_pipes_of_the_shell_are_read_once() -> None:
    """An image from `<(...)` is spooled, so that it can be read again."""
    with pipe_with(b"picture" * 9) as name:
        source = opened(name)

    assert source.entry.stem == ""
    assert content(source) == content(source) == b"picture" * 9


def test_lists_come_from_pipes_of_the_shell() -> None:
    """A list from `<(...)` is read."""
    with pipe_with(b"a\nb\n") as name:
        found = entries.list_entries(Selection(lists=(name,)), None)

    assert [entry.path for entry in found] == ["a", "b"]


def test_shell_pipes_really_work() -> None:
    """Bash's own `<(...)` reaches the program as an image and as a list."""
    code = (
        "import sys; from prodia_compose.inputs import entries, files; "
        "print(files.read_text(sys.argv[1], '-T', None)); "
        "entry = entries.Entry(path=sys.argv[2]); "
        "print(entries.open_input(entry, 1, stdin=None, download=print).opener().read())"
    )
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "{code}" <(printf list) <(printf image)'],
        capture_output=True,
        check=True,
        timeout=30,
        cwd=Path(__file__).parent.parent.parent,
    )

    assert done.stdout.decode().split() == ["b'list'", "b'image'"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors open differently here")
def test_a_named_pipe_on_a_descriptor_does_not_wait(here: Path) -> None:
    """A pipe that a shell opened on a descriptor is read though its writer has gone."""
    os.mkfifo("fifo")
    reader = os.open("fifo", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open("fifo", os.O_WRONLY)
    os.write(writer, b"late")
    os.close(writer)
    with os.fdopen(reader, "rb"):
        assert content(opened(f"/dev/fd/{reader}")) == b"late"


@pytest.mark.parametrize("path", ["/dev/fd/7\n", "x/dev/fd/7", "/dev/fd/x"])
def test_only_descriptors_are_descriptors(path: str) -> None:
    """A name that merely resembles a descriptor's is a file like any other."""
    with pytest.raises(errors.InputError, match="no such file"):
        opened(path)


# --- standard input and downloads ---------------------------------------------------------


def test_an_image_on_standard_input_is_spooled() -> None:
    """The image on standard input can be read again, and has no stem."""
    source = opened("-", io.BytesIO(b"picture"))

    assert (source.entry.stem, source.path) == ("", "-")
    assert content(source) == content(source) == b"picture"


def test_closed_standard_input() -> None:
    """`-` with a closed standard input is told, for an image and for a list."""
    with pytest.raises(errors.InputError, match=r"^-: standard input is closed"):
        opened("-")
    with pytest.raises(errors.InputError, match=r"^-T -: standard input is closed"):
        files.read_text("-", "-T", None)


def test_an_image_is_not_typed() -> None:
    """`-` on a terminal is refused at once instead of waiting for bytes nobody types."""
    controller, terminal = os.openpty()
    with (
        os.fdopen(controller, "rb", buffering=0),
        os.fdopen(terminal, "rb", buffering=0) as stdin,
        pytest.raises(errors.InputError, match=r"^-: standard input is a terminal"),
    ):
        opened("-", stdin)


@pytest.mark.parametrize(
    ("path", "flags", "words"),
    [
        ("/dev/zero", os.O_RDONLY, "standard input is a device"),
        ("/dev/null", os.O_RDONLY, "standard input is a device"),
        ("out", os.O_WRONLY | os.O_CREAT, "Bad file descriptor"),
    ],
)
def test_unusable_standard_input(here: Path, path: str, flags: int, words: str) -> None:
    """A device could be endless, so it is not read; an error while reading is the input's."""
    with os.fdopen(os.open(path, flags), "rb") as stdin:
        with pytest.raises(errors.InputError, match=rf"^-: {words}"):
            opened("-", stdin)
        with pytest.raises(errors.InputError, match=rf"^-T -: {words}"):
            files.read_text("-", "-T", stdin)


@pytest.mark.parametrize(("url", "stem"), table("inputs/downloads"))
def test_downloads(url: str, stem: str) -> None:
    """An address is downloaded once, and its path gives the stem."""
    asked = []

    def download(address: str) -> blob.Blob:
        asked.append(address)
        return blob.spool([b"from afar"])

    source = entries.open_input(entries.Entry(path=url), 3, stdin=None, download=download)

    assert (source.entry.stem, source.position) == (stem, 3)
    assert content(source) == content(source) == b"from afar"
    assert asked == [url]


@pytest.mark.parametrize("kind", [errors.InputError, errors.NotDeliveredError])
def test_failed_downloads_name_the_address(kind: type[errors.ComposeError]) -> None:
    """A download that fails keeps its exit code, and its address stands in front."""

    def download(_url: str) -> blob.Blob:
        raise kind("the server answered 404 Not Found")

    with pytest.raises(kind, match=r"^https://h/a\.jpg: the server answered 404") as caught:
        entries.open_input(entries.Entry(path="https://h/a.jpg"), 1, stdin=None, download=download)

    assert caught.value.path == "https://h/a.jpg"


@pytest.mark.parametrize(("path", "shown"), table("inputs/an_address_is_told_without_its_password"))
def test_an_address_is_told_without_its_password(path: str, shown: str) -> None:
    """All before the last `@` of the host is hidden, and what is in the path stays."""
    assert entries.Entry(path=path).shown == shown
