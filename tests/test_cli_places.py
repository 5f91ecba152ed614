"""Output places that fail: decided before paying, or the picture is rescued after."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Run

from prodia_compose import client
from prodia_compose.sandbox import server

LINE = ("compose", "product.jpg", "-p", "x")


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Return a way to let something happen while the service is at work."""

    def arrange(action: Callable[[], object]) -> None:
        submit = client.submit

        def submit_then_act(*args: object, **kwargs: object) -> client.Delivered:
            delivered = submit(*args, **kwargs)  # type: ignore[arg-type] # passed on as it came
            action()
            return delivered

        monkeypatch.setattr("prodia_compose.client.submit", submit_then_act)

    return arrange


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 1.5 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1536k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


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
