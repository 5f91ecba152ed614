"""What a power cut must not undo, shown by the order of the program's system calls."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import loopback
import pytest
from conftest import TOKEN

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")

_CALLS = (
    "openat,write,pwrite64,fsync,fdatasync,link,linkat,rename,renameat,renameat2,unlink,unlinkat"
)

_COMPOSE = ("compose", "product.jpg", "-q", "-p", "x")


def _calls(work: Path, *argv: str, command: Sequence[str] = _COMPOSE) -> list[str]:
    """Return the calls of a run that is answered with a picture, files by name (`3</a/b>`)."""
    log = work.parent / "calls"
    tracer = ["strace", "-f", "-y", "-s", "40", "-o", str(log), "-e", f"trace={_CALLS},sendto"]
    program = [*tracer, sys.executable, "-m", "prodia_compose", *command, *argv]
    # Its last bytes are too few to be written by themselves: they wait in a buffer.
    picture = (work / "scene.jpg").read_bytes().ljust((1 << 16) + 500, b"\0")
    answer = loopback.ok(picture)
    with loopback.serve([answer]) as service:
        env = {**os.environ, "PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        subprocess.run(program, env=env, check=False, capture_output=True)
    return log.read_text(errors="replace").splitlines()


def _place(calls: Sequence[str], pattern: str, start: int = 0) -> int:
    """Return where the first call from `start` on is that a pattern finds."""
    found = (at for at, call in enumerate(calls) if at >= start and re.search(pattern, call))
    place = next(found, None)
    assert place is not None, f"no call {pattern} after call {start}"
    return place


def test_a_picture_has_its_name_only_once_it_is_on_disk(work: Path) -> None:
    """All of it is written before the flush, the flush is before the name, the folder's behind."""
    calls = _calls(work, "-o", "out.jpg")
    named = _place(calls, r'(link|rename)\w*\(.*out\.jpg"')
    name = re.search(r"(\.[0-9a-f]+\.part)", calls[named])
    assert name is not None
    part = re.escape(name[1])
    writes = [at for at, call in enumerate(calls) if re.search(rf"write\(\d+<.*{part}>", call)]
    flushed = _place(calls, rf"f(data)?sync\(\d+<.*{part}>")

    assert writes
    assert max(writes) < flushed < named
    assert _place(calls, rf"fsync\(\d+<{re.escape(str(work))}>", named) > named


def test_a_job_is_on_disk_in_the_record_before_its_first_byte_leaves(work: Path) -> None:
    """The record's log is flushed between the row's last change and the request's head."""
    calls = _calls(work, "-o", "out.jpg")
    sent = _place(calls, r"sendto\(.*POST /v2/job")
    written = max(at for at in range(sent) if re.search(r"write\w*\(\d+<.*-wal>", calls[at]))
    flushes = [at for at in range(sent) if re.search(r"f(data)?sync\(\d+<.*-wal>", calls[at])]

    assert flushes
    assert max(flushes) > written


def test_a_kept_picture_is_on_disk_before_its_place_is_told(work: Path) -> None:
    """What found no place is flushed in the state folder, and only then the run goes on."""
    calls = _calls(work, "-o", "/dev/full")
    opened = _place(calls, r"openat\(.*/rescued/.*O_CREAT")
    writes = [at for at, call in enumerate(calls) if re.search(r"write\(\d+<.*/rescued/", call)]

    assert writes
    assert opened < min(writes)
    assert _place(calls, r"f(data)?sync\(\d+<.*/rescued/") > max(writes)


def test_each_step_of_a_row_is_on_disk_before_the_next(work: Path) -> None:
    """Its start before its first byte leaves; its end once its picture is, and before it is told."""
    row = '{"images":["product.jpg"],"prompt":"x","output":"out.jpg"}\n'
    (work / "rows.jsonl").write_text(row)
    calls = _calls(work, command=("batch", "rows.jsonl", "-y"))
    results = r"rows\.jsonl\.results\.jsonl>"
    flush = rf"f(data)?sync\(\d+<.*{results}"

    started = _place(calls, rf"write\(\d+<.*{results}.*batch-header@1")
    flushed = _place(calls, flush, started)
    folder_flushed = _place(calls, rf"fsync\(\d+<{re.escape(str(work))}>", flushed)
    sent = _place(calls, r"sendto\(.*POST /v2/job")
    named = _place(calls, r'(link|rename)\w*\(.*out\.jpg"')
    ended = _place(calls, rf"write\(\d+<.*{results}.*prodia-compose/row@1")
    end_flushed = _place(calls, flush, ended)
    shown = _place(calls, r'write\(1<.*"out\.jpg')
    assert started < flushed < folder_flushed < sent < named < ended < end_flushed < shown
