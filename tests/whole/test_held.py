"""A picture that has come is held by somebody at each line, whatever signal strikes there."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import loopback
import pytest
import strike
from conftest import SAMPLES, TOKEN

from prodia_compose.record import ledger

PICTURE = (SAMPLES / "product.jpg").read_bytes()


@pytest.fixture
def top() -> Iterator[Path]:
    """Return a folder in memory, where there is one: thousands of files are written to it."""
    memory = Path("/dev/shm")  # noqa: S108 - where Linux has it
    folder = tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None)
    yield Path(folder)
    shutil.rmtree(folder)


def _struck(top: Path, part: str, *argv: str) -> dict[str, list[Any]]:
    """Return how each run ended: one a line, with a signal there."""
    (top / "product.jpg").write_bytes(PICTURE)
    with loopback.serve([loopback.multipart_ok(PICTURE)] * 9999) as service:
        done = subprocess.run(
            [sys.executable, strike.__file__, str(top), part, *argv],
            env={**os.environ, "PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN},
            capture_output=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    ended: dict[str, list[Any]] = json.loads(done.stdout)
    return ended


@pytest.mark.parametrize("part", ["1/4", "2/4", "3/4", "4/4"])
def test_a_signal_at_any_line_loses_no_picture(
    top: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """The picture is in its place or kept, once; the message and the record say which."""
    ended = _struck(top, part, "compose", "product.jpg", "-p", "x", "-o", "out.jpg")

    assert len(ended["lines"]) > 1000
    assert any(name.endswith("run.py") for name, _ in ended["lines"])
    for number, status in ended["done"]:
        line = f"{ended['lines'][number]}, exit status {status}"
        folder = top / str(number)
        kept = list(folder.glob("state/prodia-compose/rescued/*"))
        placed = list(folder.glob("out.jpg"))
        err = Path(f"{folder}.err").read_text()
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        with ledger.open_record(os.environ) as record:
            states = [entry.state for entry in record.entries()]

        assert [path.read_bytes() == PICTURE for path in (*kept, *placed)] == [True], line + err
        assert list(folder.glob(".*")) == [], line
        assert -status in strike.SIGNALS, line + err
        assert states == ["saved" if placed else "received"], line
        if err:
            where = "out.jpg" if placed else kept[0]
            assert err.endswith(
                f"had been answered and is billed; the picture is kept as {where}\n"
            ), line + err
        else:  # it was over when the signal came
            assert Path(f"{folder}.out").read_text() == "out.jpg\n", line
