"""Where threads, files and memory are scarce: the limit is named, and nothing is lost."""

import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import loopback
import pytest
from conftest import TOKEN
from PIL import Image

from prodia_compose.record import ledger

_FEW_THREADS = """
import _thread, sys
left = int(sys.argv.pop(1))
def refusing(start):
    def start_if_any(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            raise RuntimeError("can't start new thread")
        return start(*arguments, **options)
    return start_if_any
for name in ("start_new_thread", "start_joinable_thread"):
    if hasattr(_thread, name):
        setattr(_thread, name, refusing(getattr(_thread, name)))
sys.modules.pop("threading", None)
from prodia_compose import cli
cli.entry_point()
"""
"""The program, with so many threads to be had in all, as under `ulimit -u` or a pid limit."""

_LITTLE_MEMORY = """
import resource, sys, tempfile
from pathlib import Path
from prodia_compose import cli
from prodia_compose.client import verdicts
def full(*_, **__):
    raise OSError(28, "No space left on device")
def hear(*arguments, told=verdicts.hear):
    tempfile.TemporaryFile = full
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 40_000_000, used + 40_000_000))
    return told(*arguments)
verdicts.hear = hear
cli.entry_point()
"""
"""The program, with 40 MB left and no room for temporary files from when its job is sent."""

_NO_FILES_LEFT = """
from prodia_compose import cli
from prodia_compose.inputs import blob
def stored(data, told=blob.stored):
    opened = []
    try:
        while True:
            opened.append(open("/dev/null"))
    except OSError:
        return told(data)
    finally:
        for file in opened:
            file.close()
blob.stored = stored
cli.entry_point()
"""
"""The program, with all files open that may be whenever it wants a temporary one."""

_UNLOADABLE = """
import sys
from prodia_compose import cli
words = sys.argv.pop(1)
class Loader:
    def find_spec(name, path, target=None):
        if name == "_sqlite3":
            raise ImportError(words)
sys.meta_path.insert(0, Loader)
cli.entry_point()
"""
"""The program, where the system's loader has these words for a library that it cannot map."""


def _run(
    argv: Sequence[str], url: str, files: int | None = None
) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    env = {**os.environ, "PRODIA_BASE_URL": url, "PRODIA_TOKEN": TOKEN, "MALLOC_ARENA_MAX": "1"}
    return subprocess.run(
        [sys.executable, *argv],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )


def test_a_job_is_sent_without_a_thread(work: Path) -> None:
    """Pictures of every kind are looked at, sent and saved by the main thread alone."""
    names = ["product.jpg", "a.avif", "a.png", "a.webp"]
    for name in names[1:]:
        Image.open(work / "scene.jpg").save(work / name)
    argv = ["-c", _FEW_THREADS, "0", "compose", "-m", "flux-2-pro", "-p", "x", "--no-lint", *names]
    with loopback.serve([loopback.multipart_ok((work / "scene.jpg").read_bytes())]) as service:
        done = _run([*argv, "--max-side", "100"], service.url)

    assert (done.returncode, done.stdout, done.stderr) == (0, "composed.jpg\n", "")


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(("threads", "code"), [(0, 7), (1, 0)])
def test_the_sandbox_does_with_one_thread(threads: int, code: int) -> None:
    """It answers one request after the other; without any thread the limit is named."""
    argv = ["-c", _FEW_THREADS, str(threads), "compose", "--sandbox", "product.jpg", "-p", "x"]
    done = _run(argv, "http://127.0.0.1:9")

    assert done.returncode == code
    assert ("raise the limit (ulimit -u)" in done.stderr) is (threads == 0)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_memory_that_is_spent_by_an_answer_is_named(work: Path, tmp_path: Path) -> None:
    """What had come by then is kept, and the outcome is unknown."""
    picture = (work / "scene.jpg").read_bytes() + bytes(150_000_000)
    argv = ["-c", _LITTLE_MEMORY, "compose", "product.jpg", "-p", "x"]
    with loopback.serve([loopback.ok(picture)]) as service:
        done = _run(argv, service.url)
    assert done.returncode == 9, done.stderr
    (kept,) = (tmp_path / "state/prodia-compose/rescued").iterdir()
    with ledger.open_record(os.environ) as record:
        (entry,) = record.entries()

    assert "there is not enough memory; it may be billed" in done.stderr
    assert kept.read_bytes() == picture[: kept.stat().st_size]
    assert kept.stat().st_size > 10_000_000
    assert (entry.state, entry.exit_code, entry.rescued) == ("unknown", 9, (str(kept),))


@pytest.mark.usefixtures("work")
def test_spent_files_are_named() -> None:
    """Wherever they are spent, the message names the limit, and never the network."""
    codes = set()
    for files in (6, 9, 12):
        argv = ["-m", "prodia_compose", "compose", "product.jpg", "scene.jpg", "-p", "x"]
        done = _run([*argv, "--no-lint", "--max-wait", "0"], "https://nowhere.invalid", files)
        if "nowhere.invalid cannot be found" in done.stderr:
            continue  # there were enough
        codes.add(done.returncode)
        assert "raise the limit (ulimit -n)" in done.stderr, files
        assert "check the network" not in done.stderr, files
        assert "Traceback" not in done.stderr, files
    assert 7 in codes


def test_a_batch_does_with_few_files(work: Path) -> None:
    """It has fewer rows on their way then than it could have, says so, and none fails."""
    rows = []
    for number in range(24):
        shutil.copyfile("product.jpg", f"{number}.jpg")
        images = [f"{number}.jpg", "scene.jpg"]
        rows.append({"images": images, "prompt": "x", "output": f"made-{number}.jpg"})
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "JPEG")
    slow = replace(loopback.multipart_ok(picture.getvalue()), pause_s=0.0005)
    with loopback.serve([slow]) as server:
        argv = ["-m", "prodia_compose", "batch", "rows.jsonl", "-y", "-j", "24", "-v"]
        done = _run(argv, server.url, 56)

    assert (done.returncode, len(done.stdout.splitlines())) == (0, 24), done.stderr
    assert server.submissions == 24
    assert len(list(work.glob("made-*.jpg"))) == 24
    (shown,) = [line for line in done.stderr.splitlines() if "ulimit -n" in line]
    assert re.search(r"so [4-9] rows at a time are prepared and sent", shown)


@pytest.mark.usefixtures("work")
def test_files_that_are_spent_by_pictures_are_named() -> None:
    """The folder for temporary files is not said to be missing for want of a file."""
    argv = ["-c", _NO_FILES_LEFT, "validate", "product.jpg", "-p", "x", "--max-side", "100"]
    done = _run(argv, "http://127.0.0.1:9", 64)

    words = "cannot write temporary files: no more files can be opened; raise the limit (ulimit -n)"
    shown = done.stderr.replace("\nprodia-compose: hint: ", "; ")
    assert (done.returncode, words in shown) == (8, True), done.stderr


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("failed to map segment from shared object", "there is not enough memory"),
        ("cannot open shared object file: Too many open files", "raise the limit (ulimit -n)"),
        ("cannot open shared object file: Error 24", "raise the limit (ulimit -n)"),
    ],
)
def test_what_a_library_lacked_is_named(words: str, shown: str) -> None:
    """A library that is loaded only when it is needed, and then cannot be, is no bug."""
    argv = ["-c", _UNLOADABLE, f"libsqlite3.so.0: {words}", "compose", "product.jpg", "-p", "x"]
    with loopback.serve([loopback.status(400)]) as service:
        done = _run(argv, service.url)

    assert (done.returncode, service.submissions) == (8, 0), done.stderr
    assert shown in done.stderr
    assert "Traceback" not in done.stderr
