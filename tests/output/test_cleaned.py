"""What is kept aside, cleaned away."""

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import ledgering as lg
import loopback
import pytest
from conftest import Run
from paying import compose, jobs
from terminals import Running

from prodia_compose.inputs import blob
from prodia_compose.output import keeping, rescue
from prodia_compose.record import entries, ledger


@pytest.fixture
def jpeg(work: Path) -> bytes:
    """Return a whole picture."""
    return (work / "scene.jpg").read_bytes() + b"\0"


@pytest.fixture
def kept(run: Run, work: Path, jpeg: bytes) -> list[Path]:
    """Return two files that were kept aside: one of a job, one that the record does not know."""
    compose(run, loopback.multipart_ok(jpeg), "-o", "out.png", "--strict")
    path = Path(jobs(run)[0]["rescued"][0]["path"])
    stray = path.with_name("20260101-120000-abcdef.bin")
    stray.write_bytes(b"stray")
    os.utime(stray, (0, 0))
    return [stray, path]


def test_cleaning_asks(run: Run, work: Path, kept: list[Path]) -> None:
    """On a terminal what would go is shown, and goes only if that is wanted."""
    (job,) = jobs(run)
    for answer, is_removed in (("n", False), ("", False), ("y", True)):
        with Running(["jobs", "clean"], columns=200, also_stdin=True) as running:
            shown = running.until(lambda screen: "Remove them all? [y/N]" in screen)
            running.type(f"{answer}\n")
            done = running.ended()

        assert f"5 bytes  -             {kept[0]}, not saved elsewhere\n" in shown
        assert f"  {job['id']}  {kept[1]}, not saved elsewhere\n" in shown
        assert [path.exists() for path in kept] == [not is_removed] * 2
        assert done.code == (0 if is_removed else 2)
        assert ("removed 2 files, " if is_removed else "nothing was removed") in done.screen


def test_cleaning_without_a_terminal(run: Run, kept: list[Path]) -> None:
    """Where nobody can be asked, nothing is removed without `-y`; a job's row stays."""
    refused = [run("jobs", "clean"), run("jobs", "clean", "--json")]
    done = run("jobs", "clean", "-y")

    for one in refused:
        assert (one.code, one.out) == (2, b"")
        assert "-y removes without asking" in one.err
    assert (done.code, done.out) == (0, b"")
    assert done.err.startswith("prodia-compose: removed 2 files, ")
    assert not any(path.exists() for path in kept)
    assert len(jobs(run)) == 1
    assert run("jobs", "clean").err == "prodia-compose: nothing is kept aside\n"


def test_cleaning_as_a_document(run: Run, kept: list[Path]) -> None:
    """`--json` tells what was removed, and the jobs that it was of."""
    before = jobs(run)
    document = json.loads(run("jobs", "clean", "-y", "--json").out)
    again = json.loads(run("jobs", "clean", "--json").out)

    assert document["jobs"] == before
    assert [one["path"] for one in document["removed"]] == [str(path) for path in kept]
    assert document["removed"][0]["bytes"] == 5
    assert (again["jobs"], again["removed"]) == ([], [])


def test_cleaning_leaves_what_is_not_ours(run: Run, kept: list[Path], work: Path) -> None:
    """What is called otherwise, or lies elsewhere, stays, whatever the record says; so do folders."""
    temporary = Path(tempfile.gettempdir(), f"{os.getpid()}-of-somebody")
    others = [work / "scene.jpg", work / f"{rescue.PREFIX}elsewhere", temporary]
    for path in others[1:]:
        path.touch()
    lg.sql("UPDATE jobs SET rescued = ?", json.dumps([*map(str, others), str(kept[1])]))
    folder = kept[0].with_name("a-folder")
    folder.mkdir()
    done = run("jobs", "clean", "-y")
    left = [path.exists() for path in others]
    temporary.unlink()

    assert (done.code, left, folder.exists()) == (0, [True, True, True], True)
    assert not any(path.exists() for path in kept)


def test_cleaning_the_temporary_folder(
    run: Run, work: Path, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What found no room in the state folder and was kept with the temporary files goes too."""
    temporary = work / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    ledger.open_record({}).close()
    (lg.path().parent / "rescued").touch()
    compose(run, loopback.multipart_ok(jpeg), "-o", "out.png", "--strict")
    (temporary / "prodia-compose-of-somebody").touch()
    path = Path(jobs(run)[0]["rescued"][0]["path"])

    assert path.parent == temporary
    assert run("jobs", "clean", "-y").code == 0
    assert [file.name for file in temporary.iterdir()] == ["prodia-compose-of-somebody"]


def test_what_is_gone_is_cleaned(work: Path) -> None:
    """A file that somebody else has removed counts as removed; what cannot be removed does not."""
    files = [
        keeping.Kept(path=str(path), byte_count=1, changed_at=datetime.now(UTC), entry=None)
        for path in (work / "gone", work, work / "scene.jpg")
    ]

    assert keeping.remove(files) == [files[0], files[2]]
    assert not (work / "scene.jpg").exists()


def test_nothing_of_a_job_that_runs_is_cleaned(work: Path) -> None:
    """Its files may still be wanted; those of one that has ended are told, the oldest first."""
    paths = {name: rescue.keep_blob(blob.spool([b"x" * 7]), ".bin") for name in "abc"}
    for number, path in enumerate(reversed(paths.values())):
        os.utime(path, (number, number))
    with ledger.open_record({}) as record:
        running = record.begin(lg.claim("runs"))
        running.advance("received", rescued=[paths["a"]])
        ended = record.begin(lg.claim("ended"))
        file = entries.File(path="/out.jpg", sha256=lg.SHA_1)
        ended.advance("received", exit_code=10, rescued=[paths["b"]], outputs=[file])
        found = keeping.kept(record.entries(), is_sandbox=False)
        none = keeping.kept(record.entries(), is_sandbox=True)

    assert [(one.path, one.is_only_copy) for one in found] == [
        (str(paths["c"]), True),
        (str(paths["b"]), False),
    ]
    assert [(one.byte_count, one.changed_at.timestamp()) for one in found] == [(7, 0), (7, 1)]
    assert none == []
