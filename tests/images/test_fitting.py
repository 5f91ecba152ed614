"""Pictures prepared side by side: the same bytes, the same words, in the same order."""

import functools
import os
import random
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import heif
import pictures as make
import pytest
from conftest import Run, until
from PIL import Image

from prodia_compose import errors
from prodia_compose.images import fit as fits
from prodia_compose.images import prepare, workers
from prodia_compose.images.options import Fitting
from prodia_compose.inputs import blob, entries
from prodia_compose.models import lookup
from prodia_compose.progress import Phase, Reporter, Stop


class Watching(Reporter):
    """Remembers the phases, the advances, and who told of them."""

    def __init__(self) -> None:
        self.phases: list[tuple[Phase, int | None]] = []
        self.advanced = 0
        self.threads: set[threading.Thread] = set()

    def start(self, phase: Phase, total: int | None = None) -> None:
        """Note a phase."""
        self.phases.append((phase, total))
        self.threads.add(threading.current_thread())

    def advance(self, amount: int) -> None:
        """Note an advance."""
        self.advanced += amount
        self.threads.add(threading.current_thread())


def fit(
    paths: list[Path],
    wishes: Fitting | None = None,
    *,
    reporter: Watching | None = None,
    findings: errors.Findings | None = None,
    stop: Stop | None = None,
) -> tuple[fits.FittedImage, ...]:
    """Return pictures fitted to a model that takes fourteen of them, at 4096 px."""

    def no_download(url: str) -> blob.Blob:
        raise AssertionError(url)

    return fits.fit(
        [entries.Entry(path=str(path)) for path in paths],
        lookup.find("seedream-5-lite"),
        wishes or Fitting(max_side=300),
        functools.partial(entries.open_input, stdin=None, download=no_download),
        reporter=reporter or Watching(),
        findings=findings or errors.Findings(),
        means=fits.Means(budget=workers.Budget(fits.BUDGET_BYTES)),
        stop=stop,
    )


def processors(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let as many pictures be prepared at one time as there is room for on a machine."""
    monkeypatch.setattr(workers, "processors", lambda: count)


@functools.cache
def kinds() -> dict[str, bytes]:
    """Return pictures of many kinds and sizes by name."""
    photo = make.photo((600, 450))
    clear = photo.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(photo.size))
    return {
        "plain.jpg": make.encoded(photo, "JPEG"),
        "turned.jpg": make.encoded(make.turned(photo, 6), "JPEG", exif=make.exif(6)),
        "progressive.jpg": make.encoded(photo, "JPEG", progressive=True),
        "small.jpg": make.encoded(photo.resize((200, 150)), "JPEG"),
        "ink.jpg": make.encoded(photo.convert("CMYK"), "JPEG"),
        "profiled.jpg": make.encoded(photo, "JPEG", icc_profile=make.rgb_profile("Display P3")),
        "large.jpg": make.encoded(photo.resize((3000, 2000)), "JPEG"),
        "plain.png": make.encoded(photo, "PNG"),
        "clear.png": make.encoded(clear, "PNG"),
        "palette.png": make.encoded(photo.convert("P"), "PNG"),
        "photo.webp": make.encoded(photo, "WEBP"),
        "scan.tif": make.encoded(photo.convert("L"), "TIFF", compression="tiff_lzw"),
    }


@pytest.fixture
def mixed(tmp_path: Path) -> list[Path]:
    """Return the files of many kinds, in an order that has nothing to do with them."""
    names = sorted(kinds())
    random.Random(3).shuffle(names)
    for name in names:
        (tmp_path / name).write_bytes(kinds()[name])
    return [tmp_path / name for name in names]


def test_the_bytes_do_not_depend_on_how_many_run_at_one_time(
    mixed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by one or eight at a time, every picture and every word about it is the same."""
    seen = []
    for count in (1, 8, 8):
        processors(monkeypatch, count)
        images = fit(mixed)
        seen.append(
            [
                (image.source.path, image.part, image.prepared.blob.sha256, image.prepared.changes)
                for image in images
                if image.prepared is not None
            ]
        )

    assert len(seen[0]) == len(mixed)
    assert [path for path, *_ in seen[0]] == [str(path) for path in mixed]
    assert seen[0] == seen[1] == seen[2]


def test_heics_do_not_mind_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their decoder gives the same pixels in four threads as in one."""
    paths = [tmp_path / f"{number}.heic" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(heif.grid(number + 1, 2, heif.rotation(number)))
    hashes = []
    for count in (1, 4):
        processors(monkeypatch, count)
        images = fit(paths)
        hashes.append([image.prepared.blob.sha256 for image in images if image.prepared])

    assert len(hashes[0]) == 4
    assert hashes[0] == hashes[1]


def test_errors_are_told_by_position(mixed: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A small broken picture that fails at once is told after a large one in front of it."""
    processors(monkeypatch, 8)
    whole = kinds()["large.jpg"]
    slow, quick = mixed[1], mixed[4]
    slow.write_bytes(whole[: len(whole) * 9 // 10])
    quick.write_bytes(kinds()["plain.jpg"][:3000])
    findings = errors.Findings()
    reporter = Watching()
    images = fit(mixed, reporter=reporter, findings=findings)

    assert [error.path for error in findings.errors] == [str(slow), str(quick)]
    assert [image.prepared is None for image in images].count(True) == 2
    assert reporter.advanced == len(mixed)


def test_progress_is_told_by_the_one_who_asked(
    mixed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is drawn on a terminal is drawn by one thread."""
    processors(monkeypatch, 8)
    reporter = Watching()
    fit(mixed, reporter=reporter)

    assert reporter.phases == [("prepare", len(mixed))]
    assert reporter.advanced == len(mixed)
    assert reporter.threads == {threading.current_thread()}


def test_a_bug_in_a_thread_is_not_lost(mixed: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw comes out with its traceback, not as a missing picture."""

    def broken(*_: object) -> prepare.PreparedImage:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(prepare, "prepare", broken)

    with pytest.raises(ZeroDivisionError, match="a bug"):
        fit(mixed)


def test_a_job_can_be_stopped(mixed: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever prepares pictures in a thread, where no signal comes, sees the flag."""
    gate = threading.Event()
    stop = Stop()

    def waiting(*_: object) -> prepare.PreparedImage:
        stop.request(signal.SIGTERM)
        gate.wait(30)
        raise errors.InputError("is damaged")

    monkeypatch.setattr(prepare, "prepare", waiting)

    with pytest.raises(errors.Interrupted):
        fit(mixed, stop=stop)
    gate.set()


def test_pictures_one_after_the_other_are_each_read_twice_at_most(
    mixed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for the header and once for the picture: what is sent is hashed as it is written."""
    opened: list[str] = []
    open_input = entries.open_input

    def counting(entry: entries.Entry, position: int, **rest: object) -> entries.Input:
        found = open_input(entry, position, **rest)  # type: ignore[arg-type] # as they came

        def opener() -> BinaryIO:
            opened.append(entry.path)
            return found.opener()

        return replace(found, opener=opener)

    monkeypatch.setattr(entries, "open_input", counting)
    fit(mixed)

    assert {path: opened.count(path) for path in opened} == {str(path): 2 for path in mixed}


_SLEEPING = """
import sys, time
from prodia_compose.images import prepare
from prodia_compose.cli import main

def decode(*_):
    print("decoding", file=sys.stderr, flush=True)
    time.sleep(600)

prepare.prepare = decode
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_does_not_wait_for_a_decoder(work: Path, tmp_path: Path, name: str) -> None:
    """The process ends though its threads are in the middle of something long."""
    log = tmp_path / "stderr"
    before = sorted(path.name for path in work.iterdir())
    argv = ["compose", "product.jpg", "scene.jpg", "-p", "x", "--sandbox"]
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", _SLEEPING, *argv], stdout=subprocess.PIPE, stderr=stderr
        ) as running,
    ):
        until(lambda: "decoding" in log.read_text())
        running.send_signal(getattr(signal, name))
        out, _ = running.communicate(timeout=30)

    assert running.returncode == 128 + getattr(signal, name)
    assert out == b""
    assert f"stopped by {name}: the job did not run" in log.read_text()
    assert sorted(path.name for path in work.iterdir()) == before


def test_many_broken_pictures_are_told_in_one_run(run: Run, work: Path) -> None:
    """Each with its name, in order, however they were shared among threads."""
    names = [f"{number:02}.jpg" for number in range(12)]
    whole = (work / "scene.jpg").read_bytes()
    for name in names:
        (work / name).write_bytes(whole[: len(whole) // 2])
    done = run("validate", *names, "-m", "seedream-5-lite", "-p", "all of them")
    shown = [line.split(": ")[2] for line in done.err.splitlines() if "cut short" in line]

    assert done.code == 3
    assert shown == names
