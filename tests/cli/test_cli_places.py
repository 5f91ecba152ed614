"""Output places that fail: decided before paying, or the picture is rescued after."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Run, disk
from PIL import Image

from prodia_compose.client.send import Sender, Sent
from prodia_compose.sandbox import server

LINE = ("compose", "product.jpg", "-p", "x")


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Return a way to let something happen while the service is at work."""

    def arrange(action: Callable[[], object]) -> None:
        send = Sender.send

        def send_then_act(*args: object, **kwargs: object) -> Sent:
            sent = send(*args, **kwargs)  # type: ignore[arg-type] # passed on as it came
            action()
            return sent

        monkeypatch.setattr(Sender, "send", send_then_act)

    return arrange


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 1.5 MB of its own."""
    with disk(tmp_path / "disk", "1536k") as folder:
        yield folder


def _kept(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "state/prodia-compose/rescued").glob("*"))


def _fill(folder: Path) -> None:
    """Leave no room on a disk."""
    with (folder / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(1 << 16)):
                pass
        except OSError:
            return


def test_a_full_disk_is_found_before_paying(
    run: Run, work: Path, sandbox: server.Sandbox, small_disk: Path
) -> None:
    """Where there is no room for a picture, nothing is sent and nothing is left."""
    _fill(small_disk)
    done = run(*LINE, "-o", small_disk / "out.jpg")

    assert (done.code, len(sandbox.jobs)) == (8, 0)
    assert "the disk is full" in done.err
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_disk_that_fills_up_meanwhile_loses_nothing(
    run: Run,
    work: Path,
    sandbox: server.Sandbox,
    small_disk: Path,
    tmp_path: Path,
    meanwhile: Callable[[Callable[[], object]], None],
) -> None:
    """The picture is kept in the state folder, whole, and named; the code is 10."""
    meanwhile(lambda: _fill(small_disk))
    done = run(*LINE, "-o", small_disk / "out.jpg")

    (kept,) = _kept(tmp_path)
    assert done.code == 10
    assert str(kept) in done.err
    assert kept.read_bytes()[-2:] == b"\xff\xd9"
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_folder_that_vanishes_meanwhile_loses_nothing(
    run: Run,
    work: Path,
    sandbox: server.Sandbox,
    tmp_path: Path,
    meanwhile: Callable[[Callable[[], object]], None],
) -> None:
    """The picture is kept and named when its folder is gone."""
    (work / "gone").mkdir()
    meanwhile((work / "gone").rmdir)
    done = run(*LINE, "-o", "gone/out.jpg")

    assert done.code == 10
    assert str(_kept(tmp_path)[0]) in done.err


@pytest.mark.parametrize(
    ("policy", "code", "name"),
    [
        ("fail", 10, None),
        ("skip", 10, None),
        ("number", 0, "out-2.jpg"),
        ("overwrite", 0, "out.jpg"),
    ],
)
def test_a_name_taken_meanwhile_is_never_lost(
    run: Run,
    work: Path,
    sandbox: server.Sandbox,
    tmp_path: Path,
    meanwhile: Callable[[Callable[[], object]], None],
    policy: str,
    code: int,
    name: str | None,
) -> None:
    """Whoever took the name keeps it unless told otherwise, and the picture is kept or numbered."""
    meanwhile(lambda: (work / "out.jpg").write_bytes(b"theirs"))
    done = run(*LINE, "-o", "out.jpg", "--if-exists", policy)

    assert done.code == code
    assert ((work / "out.jpg").read_bytes() == b"theirs") is (policy != "overwrite")
    assert len(_kept(tmp_path)) == (1 if code else 0)
    assert done.out == (b"" if name is None else f"{name}\n".encode())


def test_a_read_only_folder_is_found_before_paying(
    run: Run, work: Path, sandbox: server.Sandbox
) -> None:
    """A folder that may not be written to ends the run before sending."""
    (work / "locked").mkdir(mode=0o555)
    if os.access(work / "locked", os.W_OK):
        pytest.skip("root may write anywhere")
    done = run(*LINE, "-o", "locked/out.jpg")

    assert (done.code, len(sandbox.jobs)) == (8, 0)
    assert "permission denied" in done.err


@pytest.fixture
def waiting(work: Path, sandbox: server.Sandbox) -> Iterator[subprocess.Popen[bytes]]:
    """Return a run that has its picture, and waits for somebody to read the pipe it is for."""
    os.mkfifo(work / "fifo")
    argv = [sys.executable, "-m", "prodia_compose", *LINE, "-o", "fifo"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"prodia-compose: waiting for a reader of fifo\n"
        yield process
        process.kill()


def test_a_pipe_without_a_reader_is_waited_for(
    work: Path, waiting: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """The wait for a reader of `-o FIFO` is told, and ends when one comes."""
    picture = (work / "fifo").read_bytes()
    out, err = waiting.communicate()

    assert (waiting.returncode, out, err) == (0, b"fifo\n", b"")
    assert picture[-2:] == b"\xff\xd9"
    assert _kept(tmp_path) == []


def test_ctrl_c_while_waiting_for_a_reader_loses_nothing(
    waiting: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """The picture that nobody came to read is kept and named."""
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate()

    (kept,) = _kept(tmp_path)
    assert waiting.returncode == -signal.SIGINT
    assert str(kept) in err.decode()
    assert kept.read_bytes()[-2:] == b"\xff\xd9"


def test_no_room_for_temporary_files(
    process: Run, work: Path, sandbox: server.Sandbox, small_disk: Path
) -> None:
    """Without room in TMPDIR the run ends with 8 and says so, whatever needed the room."""
    noise = os.urandom(1 << 21)
    (work / "large.jpg").write_bytes((work / "scene.jpg").read_bytes() + noise)
    Image.frombytes("RGB", (900, 700), noise[: 900 * 700 * 3]).save(work / "large.png")

    for argv, stdin in (
        (["large.png", "--keep-metadata"], b""),
        (["-"], (work / "large.jpg").read_bytes()),
    ):
        done = process("compose", *argv, "-p", "x", stdin=stdin, TMPDIR=str(small_disk))
        assert (done.code, len(sandbox.jobs)) == (8, 0)
        assert "cannot write temporary files: No space left on device" in done.err
        assert "TMPDIR" in done.err
    assert list(small_disk.iterdir()) == []


def test_a_missing_tmpdir_is_made_up_for(process: Run, work: Path) -> None:
    """A TMPDIR that names no folder is passed over, as Python does, for the system's own."""
    done = process(*LINE, "--sandbox", TMPDIR="/no/such/folder")

    assert (done.code, done.text) == (0, "composed.jpg\n")


def test_a_working_folder_that_is_gone(process: Run, work: Path) -> None:
    """In a folder that was removed, absolute paths work and relative ones are told."""
    program = f"{sys.executable} -m prodia_compose"
    picture = work / "product.jpg"
    line = f"compose --sandbox {picture} -p x"
    gone = work / "gone"

    def there(*argv: str) -> subprocess.CompletedProcess[str]:
        gone.mkdir()
        command = f"cd {gone} && rmdir {gone} && {program} {' '.join(argv)}"
        return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    relative, saved, absolute, missing = (
        there(line),
        there(line, "-o", f"{work}/out.jpg", "--save-request", "request"),
        there(line, "-o", f"{work}/out.jpg"),
        there("validate", "product.jpg", "-p", "x"),
    )

    assert (relative.returncode, absolute.returncode, missing.returncode) == (8, 0, 3)
    assert saved.returncode == 8
    assert "--save-request request: " in saved.stderr
    assert "-o composed.jpg: no file can be made there; choose another folder" in relative.stderr
    assert absolute.stdout == f"{work}/out.jpg\n"
    assert "product.jpg: no such file" in missing.stderr


def test_without_a_home(work: Path, sandbox: server.Sandbox) -> None:
    """Without HOME and XDG_STATE_HOME the job runs all the same."""
    environ = {
        name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_STATE_HOME")
    }
    done = subprocess.run(
        [sys.executable, "-m", "prodia_compose", *LINE],
        capture_output=True,
        env={**environ, "PRODIA_COMPOSE_RECORD": "off"},
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, b"composed.jpg\n")


def test_with_few_descriptors(work: Path, sandbox: server.Sandbox) -> None:
    """Twenty open files are enough to make a picture."""
    command = f"ulimit -n 20; exec {sys.executable} -m prodia_compose {' '.join(LINE)}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "composed.jpg\n")
