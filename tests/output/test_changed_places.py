"""Places that are held, or that change while the job runs: found before, or never fallen for."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest
from conftest import disk, need

from prodia_compose import errors
from prodia_compose.inputs import blob
from prodia_compose.output import places, rescue
from prodia_compose.output.options import IfExists

PICTURE = b"\xff\xd8picture"


@pytest.fixture
def data() -> blob.Blob:
    """Return the picture that came."""
    return blob.spool([PICTURE])


def prove(path: str, if_exists: IfExists = "overwrite") -> places.Place:
    """Prove a place."""
    return places.prove(path, if_exists=if_exists, create_dirs=False)


def _dangle(path: Path) -> None:
    path.symlink_to("nowhere")


def _lead_to_null(path: Path) -> None:
    path.symlink_to("/dev/null")


def _lead_to_a_file(path: Path) -> None:
    path.with_name("other.jpg").write_bytes(b"other")
    path.symlink_to("other.jpg")


CHANGES: dict[str, Callable[[Path], None]] = {
    "a link to /dev/null": _lead_to_null,
    "a link to a file": _lead_to_a_file,
    "a link to nowhere": _dangle,
    "a named pipe": os.mkfifo,
    "a folder": Path.mkdir,
}


@pytest.mark.parametrize("policy", ["fail", "skip", "number", "overwrite"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_free_name_that_became_something_else(
    here: Path, data: blob.Blob, change: str, policy: IfExists
) -> None:
    """The picture goes nowhere but to the place that was found, and nobody is waited for."""
    place = prove("out.jpg", policy)
    CHANGES[change](here / "out.jpg")
    if policy == "number":
        assert places.publish(data, place) == "out-2.jpg"
        assert (here / "out-2.jpg").read_bytes() == PICTURE
    else:
        with pytest.raises(FileExistsError):
            places.publish(data, place)
        assert rescue.keep_blob(data, ".jpg").read_bytes() == PICTURE

    assert {path.name for path in here.iterdir()} <= {"out.jpg", "other.jpg", "out-2.jpg"}
    assert not (here / "other.jpg").exists() or (here / "other.jpg").read_bytes() == b"other"


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_became_something_else(here: Path, data: blob.Blob, change: str) -> None:
    """`-f` was said of the file that was there, and of no other thing."""
    (here / "out.jpg").write_bytes(b"old")
    place = prove("out.jpg")
    (here / "out.jpg").unlink()
    CHANGES[change](here / "out.jpg")
    with pytest.raises(FileExistsError):
        places.publish(data, place)
    (spare,) = data.spares

    assert spare.read_bytes() == PICTURE
    assert not (here / "other.jpg").exists() or (here / "other.jpg").read_bytes() == b"other"


@pytest.mark.parametrize("policy", ["fail", "overwrite"])
def test_a_link_that_leads_elsewhere(here: Path, data: blob.Blob, policy: IfExists) -> None:
    """A link that names another file than it did is not followed there."""
    for name in ("there", "elsewhere"):
        (here / name).mkdir()
        if policy == "overwrite":
            (here / name / "out.jpg").write_bytes(b"old")
    (here / "link.jpg").symlink_to("there/out.jpg")
    place = prove("link.jpg", policy)
    (here / "link.jpg").unlink()
    (here / "link.jpg").symlink_to("elsewhere/out.jpg")
    with pytest.raises(FileExistsError):
        places.publish(data, place)
    data.drop_spares()

    for name in ("there", "elsewhere"):
        assert [file.read_bytes() for file in (here / name).iterdir()] in ([], [b"old"])


def test_a_pipe_that_became_a_file(here: Path, data: blob.Blob) -> None:
    """What takes the place of a pipe is not written over."""
    os.mkfifo("fifo")
    place = prove("fifo", "fail")
    (here / "fifo").unlink()
    (here / "fifo").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        places.publish(data, place)

    assert (here / "fifo").read_bytes() == b"theirs"


def test_a_device_that_became_another(here: Path, data: blob.Blob) -> None:
    """A link from one device to another is no longer the place."""
    (here / "link").symlink_to("/dev/null")
    place = prove("link", "fail")
    (here / "link").unlink()
    (here / "link").symlink_to("/dev/zero")
    with pytest.raises(FileExistsError):
        places.publish(data, place)


def test_other_names_stand_in_the_folder_that_was_proved(here: Path, data: blob.Blob) -> None:
    """Where `-o` is a link, names for other formats and pictures are beside what it leads to."""
    (here / "real").mkdir()
    (here / "link.jpg").symlink_to("real/out.jpg")
    place = prove("link.jpg", "fail")
    saved = [
        places.publish(data, places.corrected(place, ".png")),
        places.publish(data, places.numbered(place, 2)),
    ]

    assert saved == [f"{here}/real/link.png", f"{here}/real/link-2.jpg"]
    assert sorted(path.name for path in here.iterdir()) == ["link.jpg", "real"]


@pytest.mark.parametrize("what", ["an input", "a folder", "a link"])
def test_further_pictures_write_over_pictures_only(here: Path, data: blob.Blob, what: str) -> None:
    """Under `-f` the second picture replaces NAME-2, unless that is an input or no file."""
    for name in ("out.jpg", "in.jpg"):
        (here / name).write_bytes(name.encode())
    two = here / "out-2.jpg"
    {"an input": lambda: two.hardlink_to("in.jpg"), "a folder": two.mkdir}.get(
        what, lambda: two.symlink_to("in.jpg")
    )()
    inputs = [("in.jpg", here / "in.jpg")]
    place = places.prove("out.jpg", if_exists="overwrite", create_dirs=False, inputs=inputs)

    assert places.publish(data, places.numbered(place, 2)) == "out-2-2.jpg"
    assert places.publish(data, places.numbered(place, 3)) == "out-3.jpg"
    assert places.publish(data, places.numbered(place, 3)) == "out-3.jpg"
    assert (here / "in.jpg").read_bytes() == b"in.jpg"


def test_an_input_that_comes_to_the_place_is_not_written_over(here: Path, data: blob.Blob) -> None:
    """Not even where it got the name only while the job ran."""
    (here / "in.jpg").write_bytes(b"input")
    inputs = [("in.jpg", here / "in.jpg")]
    place = places.prove("out.jpg", if_exists="overwrite", create_dirs=False, inputs=inputs)
    (here / "in.jpg").rename("out.jpg")
    (here / "in.jpg").symlink_to("out.jpg")
    with pytest.raises(FileExistsError):
        places.publish(data, place)

    assert (here / "out.jpg").read_bytes() == b"input"


# --- what cannot be replaced ----------------------------------------------------------------


@contextmanager
def bound(file: Path, over: Path, *options: str) -> Iterator[None]:
    """Mount a file on another for a while, as containers do; skip where that cannot be done."""
    over.touch()
    mounts = [["mount", "--bind", str(file), str(over)]]
    mounts += [["mount", "-o", f"remount,bind,{option}", str(over)] for option in options]
    if any(subprocess.run(mount, check=False).returncode for mount in mounts):
        pytest.skip("no file can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(over)], check=True)


def test_a_mounted_file_is_written_in_place(here: Path, data: blob.Blob) -> None:
    """A file that is mounted, as `docker -v FILE:FILE` does, keeps its place and is whole."""
    file = here / "host.jpg"
    file.write_bytes(b"old" * 1000)
    with bound(file, here / "out\\ t.jpg"):
        assert places.publish(data, prove("out\\ t.jpg")) == "out\\ t.jpg"

    assert file.read_bytes() == PICTURE
    assert sorted(path.name for path in here.iterdir()) == ["host.jpg", "out\\ t.jpg"]


def test_a_file_that_is_mounted_for_reading_is_refused(here: Path) -> None:
    """It can be neither replaced nor written."""
    (here / "host.jpg").touch()
    with (
        bound(here / "host.jpg", here / "out.jpg", "ro"),
        pytest.raises(errors.OutputError, match="read-only"),
    ):
        prove("out.jpg")


def test_a_mounted_file_on_a_full_disk_is_refused(here: Path, tmp_path: Path) -> None:
    """Where it is written in place, there has to be room."""
    with disk(tmp_path / "disk", "24k") as full:
        (full / "host.jpg").write_bytes(bytes(16000))
        with (
            bound(full / "host.jpg", here / "out.jpg"),
            pytest.raises(errors.OutputError, match="the disk is full"),
        ):
            prove("out.jpg")


def test_a_protected_file_is_refused(here: Path) -> None:
    """A file that nobody may change is found before anything is sent."""
    (here / "out.jpg").touch()
    need("chattr", is_there=sys.platform != "linux" or shutil.which("chattr") is not None)
    if subprocess.run(["chattr", "+i", "out.jpg"], check=False).returncode:
        pytest.skip("no file can be protected here")
    try:
        with pytest.raises(errors.OutputError, match="is protected from changes; choose another"):
            prove("out.jpg")
    finally:
        subprocess.run(["chattr", "-i", "out.jpg"], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize(("mode", "folder", "is_fine"), [
    (0o666, 0o1777, True),
    (0o644, 0o1777, False),
    (0o644, 0o777, True),
])  # fmt: skip
def test_anothers_file(data: blob.Blob, mode: int, folder: int, is_fine: bool) -> None:  # noqa: FBT001 - a row
    """In a sticky folder it cannot be replaced: it is written as it stands, or refused."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name, chdir(name):
        Path().chmod(folder)
        Path("out.jpg").write_bytes(b"old")
        Path("out.jpg").chmod(mode)
        os.seteuid(65534)
        try:
            if is_fine:
                places.publish(data, prove("out.jpg"))
            else:
                with pytest.raises(errors.OutputError, match="permission denied"):
                    prove("out.jpg")
        finally:
            os.seteuid(0)
        assert Path("out.jpg").read_bytes() == (PICTURE if is_fine else b"old")
        assert stat.S_IMODE(Path("out.jpg").stat().st_mode) == mode
        assert list(Path().iterdir()) == [Path("out.jpg")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_mounted_file_that_may_not_be_written_is_refused(here: Path) -> None:
    """Not to be written, and not to be replaced for being mounted: told before paying."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name, chdir(name):
        Path().chmod(0o777)
        Path("host.jpg").touch(0o644)
        with bound(Path("host.jpg"), Path("out \\.jpg")):
            os.seteuid(65534)
            try:
                with pytest.raises(errors.OutputError, match="permission denied"):
                    prove("out \\.jpg")
            finally:
                os.seteuid(0)


@pytest.mark.parametrize("setting", ["pass", "del os.O_TMPFILE"])
@pytest.mark.parametrize("target", ["out.jpg", "new/out.jpg"])
def test_a_kill_during_the_proof_leaves_nothing(here: Path, setting: str, target: str) -> None:
    """While the proof is written its file has no name, whatever the file system can do."""
    code = f"""
import os, signal
from prodia_compose.output import files, places
class Kill:
    def __bytes__(self):
        os.kill(os.getpid(), signal.SIGKILL)
files.PROOF_BYTES = Kill()
{setting}
places.prove({target!r}, if_exists="fail", create_dirs=True)
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)

    assert killed.returncode == -signal.SIGKILL
    assert list(here.iterdir()) == []
