"""What was paid for, kept in the state folder or with the temporary files."""

import os
import re
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import mode

from prodia_compose import errors
from prodia_compose.inputs import blob
from prodia_compose.output import rescue

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the state folder lies elsewhere"),
    pytest.mark.usefixtures("open_umask"),
]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that temporary files go to."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_keep_copies_into_the_state_folder(xdg: Path, temporary: Path) -> None:
    """A picture is kept whole, for its owner only, under a name that says when."""
    kept = rescue.keep_blob(blob.spool([b"picture"]), ".webp")

    assert kept.parent == xdg / "prodia-compose" / "rescued"
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}\.webp", kept.name)
    assert kept.read_bytes() == b"picture"
    assert (mode(kept), mode(kept.parent), mode(kept.parent.parent)) == (0o600, 0o700, 0o700)
    assert list(temporary.iterdir()) == []


def test_keep_never_overwrites(xdg: Path) -> None:
    """Pictures rescued in the same second stand side by side."""
    kept = {rescue.keep_blob(blob.spool([b"%d" % number]), ".jpg") for number in range(5)}

    assert {path.read_bytes() for path in kept} == {b"%d" % number for number in range(5)}


@pytest.mark.parametrize("place", ["", "prodia-compose", "prodia-compose/rescued"])
def test_keep_falls_back_to_the_temporary_folder(xdg: Path, temporary: Path, place: str) -> None:
    """Without a state folder that takes it, a picture is kept with the temporary files."""
    blocked = xdg / place
    blocked.parent.mkdir(parents=True)
    blocked.touch()
    kept = rescue.keep_blob(blob.spool([b"picture"]), ".jpg")

    assert kept.parent == temporary
    assert kept.name.startswith("prodia-compose-")
    assert kept.read_bytes() == b"picture"
    assert mode(kept) == 0o600


def test_keep_needs_no_temporary_folder(xdg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the state folder works, a temporary folder that does not is no obstacle."""
    data = blob.spool([b"picture"])

    def none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)

    assert rescue.keep_blob(data, ".jpg").read_bytes() == b"picture"


@pytest.mark.parametrize(
    ("how", "last", "reason"),
    [
        ("gone", re.escape(f"{os.sep}prodia-compose-") + r"\S+\.jpg", "No such file or directory"),
        ("none", "", "No usable temporary directory found"),
    ],
)
def test_keep_says_when_nothing_takes_it(
    xdg: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, how: str, last: str, reason: str
) -> None:
    """Where neither folder takes it, the error names the last place tried, and why."""
    data = blob.spool([b"picture"])
    xdg.parent.mkdir(parents=True)
    xdg.touch()
    temporary.rmdir()

    def none() -> str:
        raise FileNotFoundError(reason)

    if how == "none":
        monkeypatch.setattr(tempfile, "gettempdir", none)
    place = f"{re.escape(str(temporary))}{last}" if last else "the temporary folder"
    words = rf"nor the state folder nor {place} could take what came \({reason}\); it is lost"
    with pytest.raises(errors.NotPlacedError, match=f"{words}$"):
        rescue.keep_blob(data, ".jpg")


class Breaking(blob.Blob):
    """Bytes that cannot be read any more."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(blob.spool([b"x"]).open(), 1, "")
        self._error = error

    def read_into(self, offset: int, buffer: memoryview) -> int:  # noqa: ARG002 - it fails anyway
        """Fail."""
        raise self._error


@pytest.mark.parametrize(
    "error", [OSError("No space left on device"), errors.Interrupted(signal.SIGINT)]
)
def test_a_failed_copy_is_removed(xdg: Path, temporary: Path, error: BaseException) -> None:
    """No half of a picture stays behind, and an error names the place that failed."""
    with pytest.raises((errors.NotPlacedError, errors.Interrupted)) as caught:
        rescue.keep_blob(Breaking(error), ".jpg")

    assert list((xdg / "prodia-compose/rescued").iterdir()) == []
    assert list(temporary.iterdir()) == []
    if isinstance(caught.value, errors.NotPlacedError):
        assert f"nor {temporary}{os.sep}" in caught.value.message
