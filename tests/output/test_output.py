"""Where the picture goes: whole or absent, never over another, nothing left behind."""

import contextlib
import errno
import functools
import io
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO

import pytest
from conftest import at_once
from hypothesis import given
from hypothesis import strategies as st
from tables import rows

from prodia_compose import errors
from prodia_compose.inputs import blob
from prodia_compose.output import files, rescue, streams
from prodia_compose.output import places as out
from prodia_compose.output.names import accept_type, asked_format, expand, fixed_folder
from prodia_compose.output.options import IfExists, OutputFormat, Placement

PICTURE = bytes(range(256)) * 2000

needs_permissions = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
needs_bytes = pytest.mark.skipif(sys.platform == "darwin", reason="names are Unicode here")


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    """Create files under the usual umask."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def data() -> blob.Blob:
    """Return the picture that came."""
    return blob.spool([PICTURE])


@pytest.fixture(params=["hard links", "no hard links"])
def disk(request: pytest.FixtureRequest, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, on a file system with hard links or without."""
    if request.param == "no hard links":
        monkeypatch.setattr(os, "link", no_links)
    return here


def no_links(*_: object, **__: object) -> None:
    """Answer as a file system without hard links does."""
    raise OSError(errno.EPERM, "Operation not permitted")


@contextlib.contextmanager
def drained(opening: Callable[[], IO[bytes]]) -> Iterator[list[bytes]]:
    """Read a pipe meanwhile; all it held is in the list when the block has ended."""
    read: list[bytes] = []

    def drain() -> None:
        with opening() as file:
            read.append(file.read())

    thread = threading.Thread(target=drain, daemon=True)
    thread.start()
    yield read
    thread.join()


def proved_alone(path: str) -> tuple[bytes, bytes]:
    """Prove a place in a process without a terminal; its path, or what failed, is on stderr."""
    code = (
        "import sys; from prodia_compose.output import places; "
        f"sys.stderr.write(places.prove({path!r}, if_exists='fail', create_dirs=False).path)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, start_new_session=True
    )
    return done.stdout, done.stderr


class Breaking(blob.Blob):
    """A picture whose reading breaks off in the middle."""

    def __init__(self, error: BaseException) -> None:
        inner = blob.spool([PICTURE])
        super().__init__(inner.open(), inner.size, inner.sha256)
        self._error = error
        self._calls = 0

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Give bytes the first time only."""
        self._calls += 1
        if self._calls > 1:
            raise self._error
        return super().read_into(offset, buffer)


def prove(
    path: str,
    if_exists: IfExists = "fail",
    *,
    create_dirs: bool = False,
    inputs: tuple[str, ...] = (),
) -> out.Place:
    """Prove a place; inputs are named by their paths."""
    files = [(name, Path(name)) for name in inputs]
    return out.prove(path, if_exists=if_exists, create_dirs=create_dirs, inputs=files)


def names(folder: Path) -> list[str]:
    """Return all that is in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    """Return a file's permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


# --- format and templates -----------------------------------------------------------------


@pytest.mark.parametrize(("target", "format_", "asked"), rows("output/suffix_chooses_the_format"))
def test_suffix_chooses_the_format(
    target: str, format_: OutputFormat | None, asked: OutputFormat
) -> None:
    """The suffix, whatever its case, says what is asked for; without one it is JPEG."""
    assert asked_format(Placement(target=target, format=format_)) == asked


@pytest.mark.parametrize(("target", "format_", "words"), rows("output/other_suffixes_are_refused"))
def test_other_suffixes_are_refused(target: str, format_: OutputFormat | None, words: str) -> None:
    """Another suffix, or `--format` against the suffix, is a usage error."""
    with pytest.raises(errors.UsageError) as caught:
        asked_format(Placement(target=target, format=format_))

    assert words in caught.value.message


def test_accept_types() -> None:
    """Each format has the media type that the service spells so."""
    types = [accept_type(name) for name in ("jpg", "png", "webp")]
    assert types == ["image/jpeg", "image/png", "image/webp"]


FIELDS = {"stem": "scene", "n": "2", "first": "a/../b", "model": "{stem}", "ext": "-"}


@pytest.mark.parametrize(("template", "path"), rows("output/templates"))
def test_templates(template: str, path: str) -> None:
    """Fields are filled in once, without leaving the folder; doubled braces are literal."""
    assert expand(template, FIELDS) == path


@pytest.mark.parametrize(("template", "words"), rows("output/wrong_templates"))
def test_wrong_templates(template: str, words: str) -> None:
    """A field that is none, or is empty, is a usage error that names the nearest."""
    with pytest.raises(errors.UsageError) as caught:
        expand(template, {**FIELDS, "seed": None})

    assert caught.value.message == f"-o {template}: {words}"


@given(st.text())
def test_templates_without_fields_stay(path: str) -> None:
    """Any path can be typed: with its braces doubled it is used as it is."""
    assert expand(path.replace("{", "{{").replace("}", "}}"), {}) == path


# --- proving --------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["fail", "skip", "number", "overwrite"])
def test_a_free_name_is_proved_without_a_trace(here: Path, policy: IfExists) -> None:
    """A free name is fine under every policy, and the proof leaves nothing behind."""
    place = prove("out.jpg", policy)

    assert (place.path, place.skipped, place.is_stdout) == ("out.jpg", False, False)
    assert names(here) == []


def test_standard_output_needs_no_proof() -> None:
    """`-` is standard output."""
    assert prove("-").is_stdout


def test_a_taken_name(here: Path) -> None:
    """A name that is taken fails, is skipped, numbered or overwritten, as asked."""
    (here / "out.jpg").write_bytes(b"old")
    (here / "out-2.jpg").write_bytes(b"older")
    with pytest.raises(errors.OutputError, match=r"^-o out\.jpg: exists already; -f overwrites"):
        prove("out.jpg")

    assert prove("out.jpg", "skip").skipped
    assert prove("out.jpg", "skip").path == "out.jpg"
    assert prove("./out.jpg", "number").path == "./out-3.jpg"
    assert prove("out.jpg", "overwrite").path == "out.jpg"
    assert names(here) == ["out-2.jpg", "out.jpg"]
    assert (here / "out.jpg").read_bytes() == b"old"


@pytest.mark.parametrize(("path", "words"), rows("output/unusable_places"))
def test_unusable_places(here: Path, path: str, words: str) -> None:
    """What cannot become a file is refused with the reason, before anything is sent."""
    (here / "folder").mkdir()
    (here / "out.jpg").touch()
    (here / "dangling").symlink_to("nowhere")
    (here / "to-missing.png").symlink_to("nowhere/out.png")
    (here / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(errors.OutputError, match=words) as caught:
            prove(path)

    assert caught.value.path == path
    assert caught.value.message.startswith(f"-o {path}: ")
    assert not (here / "missing").exists()


@pytest.mark.parametrize("end", [".jpg", ".gif", ".jpg?key=secret", ""])
def test_an_address_is_told_without_its_password(here: Path, end: str) -> None:
    """An output that is an address is refused as one, whatever its suffix, and no secret is told."""
    typed = f"https://me:p@secret@h/out{end}"
    assert asked_format(Placement(target=typed, format="png")) == "png"
    with pytest.raises(errors.OutputError, match="is an address; name a file") as caught:
        prove(typed)

    assert caught.value.message.startswith("-o https://h/out")
    assert "secret" not in f"{caught.value.message}{caught.value.path}"


@pytest.mark.parametrize("path", ["new/" + "x" * 256, "new/" + "x" * 256 + "/out.jpg"])
def test_names_too_long_in_new_folders(here: Path, path: str) -> None:
    """A name too long is found although its folder is still to be made."""
    with pytest.raises(errors.OutputError, match="the name is too long"):
        prove(path, create_dirs=True)


def test_no_folder_is_called_tilde_by_mistake(here: Path) -> None:
    """A `~` that no shell has filled in is refused; one that is there, or meant so, is used."""
    with pytest.raises(errors.UsageError, match=r"^-o ~/a.png: ~ is not expanded here; write"):
        asked_format(Placement(target="~/a.png"))

    assert asked_format(Placement(target="./~/a.png")) == "png"
    (here / "~").mkdir()
    assert asked_format(Placement(target="~/a.png")) == "png"


def test_create_dirs_waits_for_the_picture(here: Path, data: blob.Blob) -> None:
    """Missing folders are made when the picture is there, and not by the proof."""
    place = prove("a/b/out.jpg", create_dirs=True)
    assert names(here) == []

    assert out.publish(data, place) == "a/b/out.jpg"
    assert (here / "a/b/out.jpg").read_bytes() == PICTURE
    assert names(here / "a/b") == ["out.jpg"]


@needs_permissions
@pytest.mark.parametrize("path", ["closed/out.jpg", "closed/old.jpg", "closed/new/out.jpg"])
def test_folders_without_permission(here: Path, path: str) -> None:
    """A folder that takes no file is found by trying, under every policy."""
    (here / "closed").mkdir()
    (here / "closed/old.jpg").touch()
    (here / "closed").chmod(0o555)
    try:
        with pytest.raises(errors.OutputError, match="permission denied; choose a folder"):
            prove(path, "overwrite", create_dirs=True)
    finally:
        (here / "closed").chmod(0o755)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no file system that takes no files")
def test_a_folder_that_takes_no_file(here: Path) -> None:
    """Even root cannot write everywhere, and that too is found before sending."""
    with pytest.raises(errors.OutputError, match=r"^-o /proc/self/out\.jpg: "):
        prove("/proc/self/out.jpg")


def test_a_full_disk_is_found_before_sending(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk without room for a picture is told with the cure, and the proof is removed."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(errors.OutputError, match="the disk is full; make room"):
        prove("out.jpg")

    assert names(here) == []


def test_a_signal_during_the_proof(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal in the middle of the proof leaves nothing behind."""

    class Stop:
        def __bytes__(self) -> bytes:
            raise errors.Interrupted(signal.SIGTERM)

    monkeypatch.setattr(files, "PROOF_BYTES", Stop())
    with pytest.raises(errors.Interrupted):
        prove("out.jpg")

    assert names(here) == []


@pytest.mark.parametrize("policy", ["fail", "skip", "overwrite"])
@pytest.mark.parametrize("target", ["in.jpg", "./in.jpg", "hard.jpg", "soft.jpg", "sub/soft.jpg"])
def test_an_input_is_no_place(here: Path, target: str, policy: IfExists) -> None:
    """An input under any of its names is neither overwritten nor passed off as the result."""
    (here / "in.jpg").write_bytes(b"input")
    (here / "hard.jpg").hardlink_to("in.jpg")
    (here / "soft.jpg").symlink_to("in.jpg")
    (here / "sub").symlink_to(here)
    with pytest.raises(errors.OutputError, match=r"is the input in\.jpg; choose another name$"):
        prove(target, policy, inputs=("gone.jpg", "x" * 300, "nul\0", "in.jpg"))

    assert (here / "in.jpg").read_bytes() == b"input"
    assert prove("hard.jpg", "number", inputs=("hard.jpg",)).path == "hard-2.jpg"


@pytest.mark.parametrize("path", ["-", "/dev/fd/{}", "/dev/stdout"])
def test_no_stream_leads_into_an_input(here: Path, path: str) -> None:
    """A descriptor that is open on an input, to append to it, is no place either."""
    code = (
        "from pathlib import Path; from prodia_compose.output import places; "
        "inputs = [('in.jpg', Path('in.jpg'))]; "
        f"places.prove({path!r}.format(3), if_exists='overwrite', create_dirs=False, inputs=inputs)"
    )
    command = f'exec {sys.executable} -c "{code}" 3>> in.jpg >> in.jpg'
    (here / "in.jpg").write_bytes(b"input")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    assert done.stderr.endswith(": is the input in.jpg; choose another name\n")
    assert (here / "in.jpg").read_bytes() == b"input"


# --- publishing -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("out.jpg", "./out.jpg", "out", "o" * 255, "-rf.jpg", "new\nline.jpg", "sub//out.jpg"),
        pytest.param(os.fsdecode(b"caf\xe9.jpg"), marks=needs_bytes),
    ],
)
def test_publish_saves_the_bytes(disk: Path, data: blob.Blob, path: str) -> None:
    """The bytes are saved exactly, alone in their folder, and the path comes back as typed."""
    (disk / "sub").mkdir()
    assert out.publish(data, prove(path)) == path

    assert Path(path).read_bytes() == PICTURE
    assert names(disk) == sorted({"sub", Path(path).parts[0]})
    assert names(disk / "sub") in ([], ["out.jpg"])


@pytest.mark.parametrize(("umask", "bits"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_decides_the_mode(here: Path, data: blob.Blob, umask: int, bits: int) -> None:
    """A new picture has the mode that any new file has."""
    os.umask(umask)
    out.publish(data, prove("out.jpg"))

    assert mode(here / "out.jpg") == bits


@pytest.mark.parametrize("bits", [0o640, 0o666, 0o755])
def test_overwriting_keeps_the_mode(here: Path, data: blob.Blob, bits: int) -> None:
    """A file that is overwritten keeps its mode, also what the umask would take."""
    (here / "out.jpg").touch()
    (here / "out.jpg").chmod(bits)
    out.publish(data, prove("out.jpg", "overwrite"))

    assert mode(here / "out.jpg") == bits
    assert (here / "out.jpg").read_bytes() == PICTURE


@pytest.mark.parametrize("policy", ["fail", "overwrite"])
def test_links_are_followed_and_kept(here: Path, data: blob.Blob, policy: IfExists) -> None:
    """A symbolic link stays a link, and what it names is written."""
    (here / "real").mkdir()
    (here / "link.jpg").symlink_to("real/out.jpg")
    if policy == "overwrite":
        (here / "real/out.jpg").write_bytes(b"old")
    assert out.publish(data, prove("link.jpg", policy)) == "link.jpg"

    assert (here / "link.jpg").is_symlink()
    assert (here / "real/out.jpg").read_bytes() == PICTURE
    assert names(here / "real") == ["out.jpg"]


@pytest.mark.parametrize("policy", ["fail", "skip"])
def test_a_name_taken_meanwhile_stays(disk: Path, data: blob.Blob, policy: IfExists) -> None:
    """Who took the name while the job ran keeps it."""
    place = prove("out.jpg", policy)
    (disk / "out.jpg").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        out.publish(data, place)
    rescue.keep_blob(data, ".jpg")

    assert (disk / "out.jpg").read_bytes() == b"theirs"
    assert names(disk) == ["out.jpg"]


def test_numbers_taken_meanwhile_are_passed_over(disk: Path, data: blob.Blob) -> None:
    """Under `number` a name lost to somebody else is the next one in the row."""
    free = prove("out.jpg", "number")
    (disk / "out.jpg").write_bytes(b"first")
    place = prove("out.jpg", "number")
    assert (free.path, place.path) == ("out.jpg", "out-2.jpg")
    (disk / "out-2.jpg").touch(mode=0o600)
    (disk / "out-3.jpg").symlink_to("nowhere")

    assert out.publish(data, place) == "out-4.jpg"
    assert out.publish(data, free) == "out-5.jpg"
    assert (disk / "out-4.jpg").read_bytes() == PICTURE
    assert mode(disk / "out-4.jpg") == 0o644
    assert (disk / "out-2.jpg").read_bytes() == b""
    assert (disk / "out.jpg").read_bytes() == b"first"
    assert names(disk) == sorted(["out.jpg", *(f"out-{number}.jpg" for number in range(2, 6))])


def test_many_runs_share_a_name(here: Path) -> None:
    """Runs that end at once under `number` each keep their own picture."""
    places = [(prove("out.jpg", "number"), blob.spool([PICTURE])) for _ in range(8)]
    published: list[str] = []

    def end(place: out.Place, own: blob.Blob) -> None:
        published.append(out.publish(own, place))

    at_once(*(functools.partial(end, place, own) for place, own in places))

    assert sorted(published) == names(here)
    assert len(set(published)) == 8


@pytest.mark.parametrize("error", [OSError("broken"), errors.Interrupted(signal.SIGINT)])
@pytest.mark.parametrize("policy", ["fail", "number", "overwrite"])
def test_a_failure_in_the_middle_leaves_nothing(
    here: Path, error: BaseException, policy: IfExists
) -> None:
    """An error or a signal while writing leaves the folder as it was."""
    if policy == "overwrite":
        (here / "out.jpg").write_bytes(b"old")
    before = names(here)
    with pytest.raises(type(error)):
        out.publish(Breaking(error), prove("out.jpg", policy))

    assert names(here) == before
    assert all(path.read_bytes() == b"old" for path in here.iterdir())


@pytest.mark.parametrize("step", ["link", "replace", "fsync"])
def test_a_signal_at_the_end_leaves_nothing(
    here: Path, data: blob.Blob, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal while the name is given leaves no half of a file, once the picture is kept."""

    def stop(*_: object, **__: object) -> None:
        raise errors.Interrupted(signal.SIGINT)

    place = prove("out.jpg")
    with monkeypatch.context() as patch:
        if step != "fsync":
            patch.setattr(os, "link", stop if step == "link" else no_links)
        patch.setattr(
            os if step == "fsync" else Path,
            "replace" if step == "replace" else "fsync",
            stop,
            raising=False,
        )
        with pytest.raises(errors.Interrupted):
            out.publish(data, place)

    assert rescue.keep_blob(data, ".jpg").read_bytes() == PICTURE
    assert names(here) == []


def test_the_file_is_closed_before_it_is_named(
    here: Path, data: blob.Blob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late errors of a network disk come before the name, and Windows can rename at all."""
    opened: list[BinaryIO] = []
    fdopen = os.fdopen

    def keep(descriptor: int, *args: str) -> object:
        opened.append(fdopen(descriptor, "wb"))
        return opened[-1]

    link = os.link

    def check(source: Path, target: Path) -> None:
        assert opened[-1].closed
        link(source, target)

    place = prove("out.jpg")
    monkeypatch.setattr(os, "fdopen", keep)
    monkeypatch.setattr(os, "link", check)
    out.publish(data, place)

    assert names(here) == ["out.jpg"]


@pytest.mark.parametrize("way", ["new", "over", "in place"])
def test_all_of_it_is_on_disk_before_it_has_its_name(
    here: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte is with the system when the file is synced; the folder is, once it has its name."""
    data = blob.spool([PICTURE, b"too few to be written by themselves"])
    if way != "new":
        (here / "out.jpg").write_bytes(b"old" * 300_000)
    synced: list[tuple[bool, int, bool]] = []

    def sync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        is_there = Path("out.jpg").exists() and Path("out.jpg").stat().st_size == data.size
        synced.append((stat.S_ISDIR(status.st_mode), status.st_size, is_there))

    def refuse(_source: Path, _target: Path) -> None:
        raise PermissionError

    place = prove("out.jpg", "overwrite")
    monkeypatch.setattr(os, "fsync", sync)
    if way == "in place":
        monkeypatch.setattr(Path, "replace", refuse)
    out.publish(data, place)
    folder = synced.pop()

    assert (folder[0], folder[2]) == (True, True)
    assert synced[0] == (False, data.size, False)
    assert synced[1:] == ([(False, data.size, True)] if way == "in place" else [])
    assert (here / "out.jpg").read_bytes() == data.read()


def test_a_disk_that_neither_links_nor_renames(
    here: Path, data: blob.Blob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new file is written under its name, as any file is made, and nothing is left beside it."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    place = prove("out.jpg")
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(Path, "replace", refuse)

    assert out.publish(data, place) == "out.jpg"
    assert names(here) == ["out.jpg"]
    assert (here / "out.jpg").read_bytes() == PICTURE
    assert stat.S_IMODE((here / "out.jpg").stat().st_mode) == 0o644


def test_a_folder_that_went_away(here: Path, data: blob.Blob) -> None:
    """A folder removed while the job ran is an error of the system, for the caller to rescue."""
    (here / "sub").mkdir()
    place = prove("sub/out.jpg")
    (here / "sub").rmdir()
    with pytest.raises(FileNotFoundError):
        out.publish(data, place)


# --- streams --------------------------------------------------------------------------------


def test_devices_are_written_directly(here: Path, data: blob.Blob) -> None:
    """`/dev/null` takes the picture and stays what it is, under any policy."""
    for policy in ("fail", "skip", "number", "overwrite"):
        place = prove("/dev/null", policy)
        assert not place.skipped
        assert place.is_stream
        assert out.publish(data, place) == "/dev/null"

    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_a_full_device(here: Path, data: blob.Blob) -> None:
    """A device that takes nothing is an error of the system."""
    with pytest.raises(OSError, match="No space left"):
        out.publish(data, prove("/dev/full"))


def test_named_pipes_are_written_directly(here: Path, data: blob.Blob) -> None:
    """A FIFO carries the picture to its reader and is still a FIFO afterwards."""
    os.mkfifo("fifo")
    (here / "link").symlink_to("fifo")
    with drained(lambda: (here / "fifo").open("rb")) as read:
        out.publish(data, prove("link"))

    assert read == [PICTURE]
    assert stat.S_ISFIFO((here / "fifo").stat().st_mode)
    assert names(here) == ["fifo", "link"]


def test_a_named_pipe_without_a_reader_is_waited_for(here: Path, data: blob.Blob) -> None:
    """That somebody has to come first and read a FIFO is told, once."""
    os.mkfifo("fifo")
    shown: list[str] = []
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((here / "fifo").read_bytes()))

    def waiting() -> None:
        shown.append("waiting")
        reader.start()

    out.publish(data, prove("fifo"), waiting)
    reader.join()

    assert (read, shown) == ([PICTURE], ["waiting"])


def test_a_named_pipe_that_is_read_is_not_waited_for(here: Path, data: blob.Blob) -> None:
    """Where a reader is there already, nothing is told."""
    os.mkfifo("fifo")
    descriptor = os.open("fifo", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    shown: list[str] = []
    writer = threading.Thread(
        target=lambda: out.publish(data, prove("fifo"), lambda: shown.append("waiting"))
    )
    with os.fdopen(descriptor, "rb") as file:
        writer.start()
        select.select([file], [], [])  # until something is there: before, it reads as ended
        read = file.read()
        writer.join()

    assert (read, shown) == (PICTURE, [])


def test_terminals_are_no_place(here: Path) -> None:
    """A terminal takes no picture, by its own name or by a descriptor's."""
    leader, terminal = os.openpty()
    try:
        os.set_inheritable(terminal, True)
        for name in (os.ttyname(terminal), f"/dev/fd/{terminal}"):
            with pytest.raises(errors.OutputError, match="is a terminal; name a file"):
                prove(name)
    finally:
        os.close(leader)
        os.close(terminal)


def test_a_device_that_is_not_there(here: Path) -> None:
    """`/dev/tty` of a process without a terminal is found before sending."""
    _, err = proved_alone("/dev/tty")

    assert b"OutputError: -o /dev/tty: there is no such device; name a file" in err


def test_descriptors_that_are_pipes(here: Path, data: blob.Blob) -> None:
    """`/dev/fd/N` of a `>(...)` carries the picture."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    with drained(lambda: os.fdopen(reader, "rb")) as read:
        try:
            out.publish(data, prove(f"/dev/fd/{writer}"))
        finally:
            os.close(writer)

    assert read == [PICTURE]


def test_descriptors_that_are_files(here: Path, data: blob.Blob) -> None:
    """`/dev/fd/N` of a file is written where the descriptor stands, not replaced."""
    with (here / "log").open("wb", buffering=0) as file:
        file.write(b"head ")
        os.set_inheritable(file.fileno(), True)
        place = prove(f"/dev/fd/{file.fileno()}")
        assert out.publish(data, place) == place.path
        file.write(b" tail")

    assert (here / "log").read_bytes() == b"head " + PICTURE + b" tail"
    assert names(here) == ["log"]


@pytest.mark.parametrize(("opened", "inheritable"), [("rb", True), ("wb", False)])
def test_unusable_descriptors(here: Path, opened: str, inheritable: bool) -> None:  # noqa: FBT001 - a row
    """A descriptor that is for reading, or a file of our own, is found before sending."""
    (here / "file").touch()
    with (here / "file").open(opened) as file:
        os.set_inheritable(file.fileno(), inheritable)
        with pytest.raises(errors.OutputError, match="is not open for writing; redirect it"):
            prove(f"/dev/fd/{file.fileno()}")


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_other_names_of_standard_output(name: str) -> None:
    """`/dev/stdout` is what `-` is, whatever it leads to: no path is printed after the bytes."""
    assert proved_alone(name) == (b"", b"-")


class Short(io.RawIOBase):
    """A raw stream that takes a few bytes at a time, as a pipe under `python -u` does."""

    def __init__(self) -> None:
        self.taken = bytearray()
        self.flushed = False

    def writable(self) -> bool:
        """Return whether it can be written."""
        return True

    def write(self, view: memoryview) -> int:  # type: ignore[override] # typeshed: ReadableBuffer
        """Take at most 7,000 bytes."""
        self.taken += view[:7000]
        return min(len(view), 7000)

    def flush(self) -> None:
        """Remember that it was asked for."""
        self.flushed = True


def test_short_writes_are_continued() -> None:
    """All bytes arrive in a stream that takes only some of them at a time."""
    target = Short()
    streams.write_stream(io.BytesIO(PICTURE), target)  # type: ignore[arg-type] # a raw stream is one of bytes

    assert bytes(target.taken) == PICTURE
    assert target.flushed


def test_a_full_pipe_is_waited_for(data: blob.Blob) -> None:
    """A stream that must not block is waited for until all bytes are through."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with (
        drained(lambda: os.fdopen(reader, "rb")) as read,
        os.fdopen(writer, "wb", buffering=0) as target,
        data.open() as source,
    ):
        streams.write_stream(source, target)

    assert read == [PICTURE]


def test_a_reader_that_went_away(data: blob.Blob) -> None:
    """A pipe nobody reads any more is an error of the system, not a silent end."""
    reader, writer = os.pipe()
    os.close(reader)
    with (
        os.fdopen(writer, "wb", buffering=0) as target,
        data.open() as source,
        pytest.raises(BrokenPipeError),
    ):
        streams.write_stream(source, target)


# --- other places for what came ---------------------------------------------------------------


@pytest.mark.parametrize(("path", "suffix", "expected"), rows("output/corrected"))
def test_another_format_gets_its_suffix(here: Path, path: str, suffix: str, expected: str) -> None:
    """A picture of another format than asked has the suffix of what it is."""
    stream = (0, 0) if path.startswith("/dev/") else None
    place = out.corrected(out.Place(path=path, if_exists="overwrite", stream=stream), suffix)

    assert place.path == expected
    assert place.if_exists == ("overwrite" if expected == path else "number")


def test_a_corrected_name_overwrites_nothing(here: Path, data: blob.Blob) -> None:
    """The corrected name was never proved free, so it is numbered where it is taken."""
    (here / "out.png").write_bytes(b"theirs")
    place = out.corrected(prove("out.jpg", "overwrite"), ".png")

    assert out.publish(data, place) == "out-2.png"
    assert (here / "out.png").read_bytes() == b"theirs"


@pytest.mark.parametrize(("path", "policy", "number", "new", "then"), rows("output/numbered"))
def test_further_pictures_are_numbered(
    here: Path, path: str, policy: IfExists, number: int, new: str, then: IfExists
) -> None:
    """The second picture of a job is `NAME-2.EXT`; a stream keeps its name."""
    stream = (0, 0) if path.startswith("/dev/") else None
    place = out.numbered(out.Place(path=path, if_exists=policy, stream=stream), number)

    assert (place.path, place.if_exists) == (new, then)


@pytest.mark.parametrize(
    ("template", "folder"),
    [
        ("a.jpg", "."),
        ("{id}.jpg", "."),
        ("out/{id}.jpg", "out"),
        ("out/{date}/x/{id}.jpg", "out"),
        ("out/x-{date}/{id}.jpg", "out"),
        ("{date}/out/a.jpg", "."),
        ("/a.jpg", "/"),
        ("/{id}.jpg", "/"),
        ("/out//x/a.jpg", "/out//x"),
        ("./out/a.jpg", "./out"),
        ("../a.jpg", ".."),
        ("o{{u}}t/{id}.jpg", "o{u}t"),
        ("{{{id}}}/a.jpg", "."),
    ],
)
def test_the_folder_of_all_pictures_of_a_template(template: str, folder: str) -> None:
    """It goes as far as the template is the same for all, its doubled braces made single."""
    assert fixed_folder(template) == folder


@given(st.text(alphabet="ab{}/.", max_size=12))
def test_the_fixed_folder_is_what_is_filled_in_begins_with(template: str) -> None:
    """Whatever the template, each path that it gives lies in its fixed folder."""
    with contextlib.suppress(errors.UsageError):
        path = expand(template, {"a": "x", "b": "y"})
        folder = fixed_folder(template)
        assert folder == "." or path.removeprefix("./").startswith(folder.removeprefix("./"))


def test_a_stream_that_is_full_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked when it takes more, and gets each byte once."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    read, waits = bytearray(), []

    def wait(*streams: list[IO[bytes]]) -> None:
        waits.append(streams)
        read.extend(os.read(reader, 1 << 20))

    monkeypatch.setattr(select, "select", wait)
    with os.fdopen(writer, "wb", buffering=0) as target:
        streams.write_stream(io.BytesIO(PICTURE), target)
        assert waits[0] == ([], [target], [])
    with os.fdopen(reader, "rb") as rest:
        read.extend(rest.read())

    assert bytes(read) == PICTURE
    assert len(waits) < 20


def test_a_pipe_that_cannot_be_opened(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error at once: nobody is asked to come and read."""
    os.mkfifo("pipe")
    found = streams.kind("pipe")
    assert found is not None

    def refuse(path: str, *_: int) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError):
        streams.open_stream("pipe", found, lambda: pytest.fail("a reader is waited for"))


def test_a_device_that_is_replaced_as_it_is_opened(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was opened is looked at again, closed, and left as it is."""
    Path("place").symlink_to("/dev/null")
    found = streams.kind("place")
    assert found is not None
    opened: list[int] = []
    opening = os.open

    def replaced(path: str, flags: int) -> int:
        Path(path).unlink()
        Path(path).write_bytes(b"mine")
        opened.append(opening(path, flags))
        return opened[-1]

    monkeypatch.setattr(os, "open", replaced)
    with pytest.raises(FileExistsError):
        streams.open_stream("place", found)

    assert Path("place").read_bytes() == b"mine"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/null")])
def test_a_stream_that_is_not_ours(
    here: Path, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe or a device that its permissions do not let us write to is refused unopened."""
    make(here / "place")
    assert prove("place").stream is not None
    monkeypatch.setattr(os, "access", lambda _path, bits: bits != os.W_OK)
    with pytest.raises(errors.OutputError, match=r"^-o place: not writable; name a file$"):
        prove("place")
