"""Jobs found by a picture or a time, settled, forgotten."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import ledgering as lg
import loopback
import pytest
from conftest import TOKEN, Run
from paying import LINE, compose, jobs
from terminals import on_a_terminal

from prodia_compose.record import entries, ledger


@pytest.fixture
def jpeg(work: Path) -> bytes:
    """Return a whole picture."""
    return (work / "scene.jpg").read_bytes() + b"\0"


def _unknown(run: Run) -> str:
    """Have a job whose outcome is unknown; return its id."""
    assert compose(run, loopback.drop("after"), "-o", "gone.jpg").code == 9
    return str(jobs(run)[0]["id"])


# Found


def test_a_picture_finds_the_jobs_it_was_in(run: Run, work: Path, jpeg: bytes) -> None:
    """`jobs show FILE` tells of the job that made it and of those that used it, by content alone."""
    compose(run, loopback.multipart_ok(jpeg), "-o", "made.jpg")
    (made,) = jobs(run)
    shutil.copy("made.jpg", "renamed.png")
    Path("made.jpg").write_bytes(b"another picture")
    with ledger.open_record({}) as record:
        inputs = (entries.Source(path="/x/a.jpg", sent_sha256=lg.SHA_1, sha256=_sha256(jpeg)),)
        used = record.begin(lg.claim(inputs=inputs))
    shown = run("jobs", "show", "renamed.png")

    assert [job["id"] for job in jobs(run, "show", "./renamed.png")] == [used.id, made["id"]]
    assert [job["id"] for job in jobs(run, "show", str(work / "scene.jpg"))] == [made["id"]]
    one, other = shown.text.split("\n\n")
    assert one.startswith("file         renamed.png is input 1 of this job\n")
    assert other.startswith("file         renamed.png is the picture of this job\n")
    assert "input 2 of this job" in run("jobs", "show", "scene.jpg").text


def test_a_kept_picture_finds_its_job(run: Run, work: Path, jpeg: bytes) -> None:
    """What was kept of a job, or a copy of that, finds it, even once the kept one is gone."""
    compose(run, loopback.multipart_ok(jpeg), "-o", "out.png", "--strict")
    (job,) = jobs(run)
    kept = job["rescued"][0]["path"]
    shutil.copy(kept, "copy.jpg")

    for name in (kept, "copy.jpg"):
        assert "is what was kept of this job" in run("jobs", "show", name).text
    Path(kept).unlink()
    assert "is what was kept of this job" in run("jobs", "show", "copy.jpg").text


NONE = ", and no job's id begins so"
ODD: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "odd.jpg": (lambda path: path.write_bytes(b"of nobody"), 2, "no job of the record made this"),
    "empty.jpg": (lambda path: path.touch(), 2, "no job of the record made this"),
    "no.jpg": (lambda _: None, 2, f"no such file{NONE}; check the name and the folder you are in"),
    "scene.jpeg": (lambda _: None, 2, f"no such file{NONE}; did you mean scene.jpg?"),
    "scene.jpg/": (lambda _: None, 2, f"no such file: part of the path is not a folder{NONE}"),
    "https://x.example/a.jpg": (lambda _: None, 2, f"is an address{NONE}; download it first"),
    "l" * 300: (lambda _: None, 2, "no job of the record has an id that begins so"),
    f"{'l' * 300}.jpg": (lambda _: None, 2, f"no such file: the name is too long{NONE}"),
    "dangling.jpg": (lambda path: path.symlink_to("x"), 2, "is a link to a file that is not there"),
    "loop.jpg": (lambda path: path.symlink_to("loop.jpg"), 2, f"is a loop of links{NONE}"),
    "pipe": (os.mkfifo, 3, f"is a named pipe, which could wait for ever{NONE}; use <(...)"),
    "folder": (lambda path: path.mkdir(), 3, f"is a folder{NONE}; name a picture in it"),
    "/dev/null": (lambda _: None, 3, f"is a device, not a file{NONE}"),
}


@pytest.mark.parametrize("name", ODD, ids=lambda name: name[:20])
def test_a_file_of_no_job(run: Run, work: Path, name: str) -> None:
    """What no job made or used is told for what it is, in one line."""
    ledger.open_record({}).close()
    make, code, words = ODD[name]
    make(work / name)
    done = run("jobs", "show", name)

    assert (done.code, done.out) == (code, b"")
    assert done.messages.count("\n") == 1
    assert done.messages.startswith(f"prodia-compose: error: {name}: {words}")


def test_a_shells_pipe_is_read(run: Run, work: Path, jpeg: bytes) -> None:
    """`jobs show <(...)` tells of what comes down the pipe, by its bytes or its pixels."""
    compose(run, loopback.multipart_ok(jpeg))
    for more, words in ((b"", "is the picture of"), (b"more", "altered since, pixels the same")):
        ours, theirs = os.pipe()
        os.write(theirs, jpeg + more)  # finds room in it
        os.close(theirs)
        done = run("jobs", "show", f"/dev/fd/{ours}")
        os.close(ours)

        assert (done.code, done.err) == (0, "")
        assert words in done.text


def test_an_id_can_be_a_name(run: Run, work: Path, jpeg: bytes) -> None:
    """Where a file that no job knows has the name of an id, the id counts."""
    compose(run, loopback.multipart_ok(jpeg))
    (job,) = jobs(run)
    Path(job["id"]).write_bytes(b"by chance")

    assert jobs(run, "show", job["id"]) == [job]


def test_jobs_of_a_time(run: Run, work: Path) -> None:
    """`--since` and `--until` bound the list and the sums, months and days with all of them."""
    with ledger.open_record({}) as record:
        for month in range(1, 7):
            entry = record.begin(lg.claim(f"month {month}"))
            entry.advance("saved", exit_code=0, price_usd=1.0)
            moment = f"2026-{month:02}-15T12:00:00.000Z"
            lg.sql("UPDATE jobs SET begun_at = ? WHERE id = ?", moment, entry.id)

    def found(*argv: str) -> list[str]:
        return [job["config"]["prompt"][-1] for job in jobs(run, *argv)]

    assert found("--since", "2026-05") == ["6", "5"]
    assert found("--until", "2026-02") == ["2", "1"]
    assert found("list", "--since", "2026-02", "--until", "2026-03") == ["3", "2"]
    assert found("--since", "2026-04-15", "--until", "2026-04-15") == ["4"]
    assert found("--since", "2026-04-16", "--until", "2026-05-14") == []
    assert found("--until", "2026-01-15T11:59Z") == []
    spent = json.loads(run("jobs", "spend", "--since", "2026-02", "--until", "2026", "--json").out)
    assert spent["total"]["actual_usd"] == 5.0
    assert spent["until"] is not None
    none = run("jobs", "--since", "2025", "--until", "2025-12")
    assert none.err == "prodia-compose: no jobs are in the record since 2025 until 2025-12\n"


def test_an_id_that_was_tampered_with_is_shown_harmless(run: Run, work: Path) -> None:
    """What a damaged record holds of ids cannot steer the terminal."""
    with ledger.open_record({}) as record:
        record.begin(lg.claim("x"))
    (file,) = work.parent.rglob("jobs.sqlite3")
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE jobs SET id = ?", ("\x1b[31mid",))

    for command in (["jobs"], ["jobs", "show", "\x1b"]):
        done = run(*command)
        assert (done.code, "\x1b" in done.text) == (0, False), command
        assert r"\x1b[31mid" in done.text


def test_prompts_are_cut_to_fit(run: Run, work: Path) -> None:
    """A long prompt is in one line: whole in a pipe, cut on a terminal to what finds room."""
    with ledger.open_record({}) as record:
        lg.advance_to(record.begin(lg.claim(f"one\ntwo\t\x1b[31m {'long ' * 40}")), "saved")
    piped = run("jobs").text.splitlines()
    wide = on_a_terminal(["jobs"], also_stdout=True, columns=200).screen.splitlines()
    narrow = on_a_terminal(["jobs"], also_stdout=True, columns=60).screen.splitlines()

    assert len(piped) == len(wide) == 2
    assert r"  one two \x1b[31m " + " ".join(["long"] * 40) + "  " in piped[1]
    assert r"  one two \x1b[31m long long long long lo…  " in wide[1]
    assert narrow[1].split()[:1] == piped[1].split()[:1]
    assert re.fullmatch(r"  PROMPT one two \\x1b\[31m( long)+( l?o?n?g?)?…  PICTURE -", narrow[2])
    assert len(narrow) == 3
    assert max(map(len, narrow)) <= 60


# Settled


@pytest.mark.parametrize(
    ("outcome", "state", "is_billed"),
    [("billed", "rejected", True), ("not-billed", "not-delivered", False)],
)
def test_an_unknown_job_is_settled(
    run: Run, work: Path, jpeg: bytes, outcome: str, state: str, *, is_billed: bool
) -> None:
    """What the user found out is recorded, counts, and stops no other run; it can be corrected."""
    answers = [loopback.drop("after"), loopback.multipart_ok(jpeg)]
    with loopback.serve(answers) as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        codes = [run("compose", *LINE, **env).code for _ in range(2)]
        name = jobs(run)[0]["id"]
        run("jobs", "settle", name, "billed" if outcome == "not-billed" else "not-billed")
        done = run("jobs", "settle", name[:6], outcome)
        (job,) = jobs(run)
        spent = json.loads(run("jobs", "spend", "--json").out)["total"]
        codes.append(run("compose", *LINE, **env).code)

    assert codes == [9, 9, 0]
    assert (done.code, done.out) == (0, b"")
    assert done.err == f"prodia-compose: {name} is settled: {outcome}\n"
    assert (job["settled"], job["state"], job["may_be_billed"]) == (outcome, state, is_billed)
    assert (spent["jobs"], spent["unknown"]) == (int(is_billed), 0)
    assert "you settled it: it was " in run("jobs", "show", name).text


def test_settling_as_a_document(run: Run, work: Path) -> None:
    """`--json` tells the job as it counts now."""
    name = _unknown(run)
    (found,) = jobs(run, "settle", name, "billed")

    assert found == jobs(run)[0]
    assert found["settled"] == "billed"


def test_what_cannot_be_settled(run: Run, work: Path, jpeg: bytes) -> None:
    """A job whose outcome is known, or that runs, is not settled; nor is one with an odd word."""
    compose(run, loopback.multipart_ok(jpeg))
    name = str(jobs(run)[0]["id"])
    odd = run("jobs", "settle", name, "biled")
    known = run("jobs", "settle", name, "billed")
    with lg.process("reach", "sending") as started:
        running = lg.line(started)
        busy = run("jobs", "settle", running, "billed")
        kept = run("jobs", "forget", running)

    assert (odd.code, known.code, busy.code, kept.code) == (2, 2, 2, 2)
    assert "must be billed or not-billed; did you mean billed?" in odd.messages
    assert f"{name}: its outcome is known (saved)" in known.messages
    for done in (busy, kept):
        assert "is still at it" in done.messages
    assert run("jobs", "settle", "nobody", "billed").code == 2
    assert run("jobs", "settle", name).code == 2


# Forgotten


def test_a_job_is_forgotten(run: Run, work: Path, jpeg: bytes) -> None:
    """What is forgotten leaves no prompt and no name in the record; the pictures stay."""
    compose(run, loopback.multipart_ok(jpeg), "-o", "out.png", "--strict")
    compose(run, loopback.multipart_ok(jpeg), "-o", "made.jpg")
    made, kept = jobs(run)
    path = kept["rescued"][0]["path"]
    first = run("jobs", "forget", made["id"][:8])
    second = run("jobs", "forget", kept["id"])

    assert (first.code, first.out, first.err) == (
        *(0, b""),
        f"prodia-compose: {made['id']} is forgotten\n",
    )
    assert second.err.endswith(f"is forgotten; what was kept of it stays: {path}\n")
    assert jobs(run) == []
    assert (work / "made.jpg").read_bytes() == Path(path).read_bytes() == jpeg
    folder = lg.path().parent
    left = b"".join(file.read_bytes() for file in folder.glob("jobs.sqlite3*"))
    for word in (LINE[-1], made["id"], "made.jpg", "scene.jpg"):
        assert word.encode() not in left
    assert run("jobs", "forget", made["id"]).code == 2


def test_forgetting_as_a_document(run: Run, work: Path) -> None:
    """`--json` tells the job as it was."""
    name = _unknown(run)
    before = jobs(run)

    assert jobs(run, "forget", name) == before
    assert jobs(run) == []


def test_forgetting_an_unknown_outcome(run: Run, work: Path) -> None:
    """It is told that nothing stops the same job from being sent again."""
    name = _unknown(run)
    short = run("jobs", "forget", name[:3])
    done = run("jobs", "forget", name[:4])

    assert (short.code, f"write more of its id, {name}" in short.err) == (2, True)
    assert done.code == 0
    assert "its outcome was unknown, and nothing stops the same job from" in done.err


@pytest.mark.parametrize("argv", [("settle", "billed"), ("forget",)], ids=["settle", "forget"])
def test_a_record_that_cannot_be_written(run: Run, work: Path, argv: tuple[str, ...]) -> None:
    """Where the record is locked nothing is changed, which is told (8)."""
    name = _unknown(run)
    with lg.process("hold_lock") as holder:
        assert lg.line(holder) == "locked"
        done = run("jobs", argv[0], name, *argv[1:])

    assert done.code == 8
    assert f"{name}: nothing was changed: " in done.err
    assert "another process keeps it locked" in done.err
    assert jobs(run)[0]["settled"] is None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
