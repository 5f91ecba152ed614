"""The state folder, and what the environment says of the record in it."""

import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
from conftest import mode

from prodia_compose.record import home, ledger

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the state folder lies elsewhere"),
    pytest.mark.usefixtures("open_umask"),
]


def test_the_folder_is_private(xdg: Path) -> None:
    """The folder is made, with its parents, for its owner only, and found again."""
    found = home.folder()

    assert found == xdg / "prodia-compose"
    assert mode(found) == 0o700
    assert home.folder() == found


def test_without_xdg_it_lies_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without XDG_STATE_HOME the folder lies where the standard says."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert home.folder() == tmp_path / ".local/state/prodia-compose"


@pytest.mark.parametrize("user", ["~", "relative/home"])
def test_no_home_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    """A home that is unknown, or no absolute path, makes no folder where we happen to stand."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace("~", user))
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())

    assert home.folder() is None
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("place", ["", "prodia-compose"])
def test_a_file_in_the_way_is_no_folder(xdg: Path, place: str) -> None:
    """Where something else stands in the folder's place there is none to be had."""
    blocked = xdg / place
    blocked.parent.mkdir(parents=True)
    blocked.touch()

    assert home.folder() is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("place", ["", "prodia-compose"])
def test_a_folder_that_cannot_be_written(xdg: Path, place: str) -> None:
    """A folder that takes no file, or cannot be made, counts as none."""
    (xdg / place).mkdir(parents=True, mode=0o500)

    assert home.folder() is None


def test_a_folder_that_is_not_ours(xdg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that its permissions let nobody write to counts as none, as where there is no record."""
    monkeypatch.setattr(os, "access", lambda _path, bits: bits == os.R_OK)

    assert home.folder() is None
    with ledger.open_record({}) as opened:
        assert opened.trouble is not None
        assert opened.trouble.message.startswith("there is no folder for the record of jobs; let")


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody knows of a home there is no place, which is no bug; nor is one relative to us."""

    def unknown(*_args: object, **_options: object) -> str:
        raise RuntimeError

    monkeypatch.setattr(platformdirs, "user_state_dir", unknown)
    assert (home.place(), home.folder()) == (None, None)
    with ledger.open_record({}, create=False) as opened:
        assert opened.trouble is not None


@pytest.mark.parametrize(
    ("value", "is_off", "is_rehearsing"),
    [
        *((word, True, False) for word in ("off", " Off ", "0", "no", "FALSE")),
        *((word, False, True) for word in ("sandbox", " Sandbox\n")),
        *((word, False, False) for word in ("", "on", "1", "off sandbox")),
        (None, False, False),
    ],
)
def test_what_the_environment_says(value: str | None, *, is_off: bool, is_rehearsing: bool) -> None:
    """The record is kept, turned off, or that of the sandbox."""
    environ = {} if value is None else {"PRODIA_COMPOSE_RECORD": value}

    assert (home.is_off(environ), home.is_rehearsing(environ)) == (is_off, is_rehearsing)


def test_values_of_the_record_load_no_database() -> None:
    """A plan, which only claims, does not wait for SQLite to be loaded."""
    words = "import sys; from prodia_compose.record import open_entry; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", words], capture_output=True, check=True).stdout

    assert b"prodia_compose.record.entries" in loaded
    assert b"sqlite3" not in loaded
