"""The record of jobs, as its user looks at it with `jobs`."""

import contextlib
import json
import os
import re
import sqlite3
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import ledgering
import pytest
from conftest import Run
from paying import LINE, jobs

from prodia_compose.cli.completion import offers
from prodia_compose.record import ledger
from prodia_compose.sandbox import server

pytestmark = pytest.mark.usefixtures("paid")

PROGRAM = [sys.executable, "-m", "prodia_compose"]


def test_jobs_are_listed_the_newest_first(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """`jobs` and `jobs list` show a line for each job, the last one first."""
    for name in ("one.jpg", "two.jpg"):
        run("compose", *LINE, "-o", name)
    done = run("jobs")

    assert done == run("jobs", "list")
    heading, *rows = done.text.splitlines()
    assert heading.split() == ["ID", "BEGUN", "STATE", "MODEL", "PRICE", "PROMPT", "PICTURE"]
    assert [row.split(maxsplit=6)[3:] for row in rows] == [
        ["saved", "nano-banana", "$0.039", f"the first image on the second image  {work}/{name}"]
        for name in ("two.jpg", "one.jpg")
    ]
    assert [job["outputs"] for job in jobs(run)] != [[], []]


def test_the_list_can_be_cut(run: Run, work: Path) -> None:
    """`--limit` and `--since` cut the list, 0 lists all, and what is left out is said."""
    with ledger.open_record(os.environ) as record:
        for number in range(22):
            ledgering.advance_to(record.begin(ledgering.claim(f"run {number}")), "saved")
    tomorrow = (datetime.now().astimezone() + timedelta(days=1)).isoformat()
    today = f"{datetime.now().astimezone():%Y-%m-%d}"
    cut = run("jobs")

    assert len(cut.text.splitlines()) == 21
    assert "--limit 0" in cut.err
    assert len(run("jobs", "list", "--limit", "3").text.splitlines()) == 4
    assert len(jobs(run, "--limit", "0", "--since", today)) == 22
    assert jobs(run, "--since", tomorrow) == []


@pytest.mark.parametrize("command", ["list", "spend"])
def test_a_date_that_is_none_is_refused(run: Run, work: Path, command: str) -> None:
    """`--since` takes dates only."""
    done = run("jobs", command, "--since", "the day before")

    assert done.code == 2
    assert "write YYYY-MM-DD" in done.err


def test_options_before_a_command_are_refused(run: Run, work: Path) -> None:
    """An option between `jobs` and its command is not silently dropped."""
    done = run("jobs", "--limit", "3", "list")

    assert done.code == 2
    assert "write it after: prodia-compose jobs list --limit ..." in done.err


def test_one_job_is_shown(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """`jobs show` tells all of one job, named by either id or how it begins."""
    run("compose", *LINE, "-o", "out.jpg")
    (job,) = jobs(run)
    shown = run("jobs", "show", str(job["id"])[:6])

    assert shown.code == 0
    for words in (job["id"], "saved:", LINE[-1], "product.jpg", "out.jpg", job["job_id"], "$0.039"):
        assert str(words) in shown.text
    assert json.loads(run("jobs", "show", str(job["job_id"]), "--json").out)["jobs"] == [job]
    assert run("jobs", "show", "nothing-like-it").code == 2


@pytest.mark.parametrize(
    ("change", "meaning"),
    [
        (Path.touch, "saved: the picture is in its place"),
        (
            lambda path: path.rename("moved.jpg"),
            "saved: the picture was saved, and is gone from there",
        ),
        (
            lambda path: path.write_bytes(b"x"),
            "saved: the picture was saved, and has changed since",
        ),
        (
            lambda path: (path.unlink(), path.mkdir()),
            "saved: the picture was saved, and is no file now",
        ),
    ],
    ids=["there", "moved", "changed", "folder"],
)
def test_a_saved_picture_is_looked_for(
    run: Run, work: Path, sandbox: server.Sandbox, change: Callable[[Path], object], meaning: str
) -> None:
    """`jobs show` says that it is in its place only if it is, with the bytes that were saved."""
    run("compose", *LINE, "-o", "out.jpg")
    change(work / "out.jpg")
    shown = run("jobs", "show", str(jobs(run)[0]["id"])).text

    assert " ".join(shown.split()).count(meaning) == 1
    fault = meaning.partition(", and ")[2]
    assert ("  which " in shown, f"  which {fault}" in shown) == (bool(fault), bool(fault))


def test_a_picture_down_a_pipe_is_in_no_place(
    run: Run, work: Path, sandbox: server.Sandbox
) -> None:
    """What was written to standard output is not said to lie anywhere."""
    run("compose", *LINE, "-o", "-")

    assert "in its place" not in run("jobs", "show", str(jobs(run)[0]["id"])).text


def test_foreign_names_are_shown_escaped(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """A name that would steer the terminal is shown, not obeyed."""
    run("compose", *LINE, "-o", "a\x1b[31m.jpg")

    for done in (run("jobs"), run("jobs", "show", str(jobs(run)[0]["id"]))):
        assert "\x1b" not in done.text
        assert r"a\x1b[31m.jpg" in done.text


def test_what_was_spent_is_summed_up(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """`jobs spend` sums by day and model what was told and what was listed."""
    for model in ("nano-banana", "nano-banana", "flux-2-pro", "seedream-5-lite"):
        run("compose", *LINE, "-m", model, "--if-exists", "number")
    done = run("jobs", "spend")
    spent = json.loads(run("jobs", "spend", "--json").out)

    rows = [line.split() for line in done.text.splitlines()]
    assert rows[0][:2] == ["DAY", "MODEL"]
    assert [row[1:4] for row in rows[1:-1]] == [
        ["flux-2-pro", "1", "0"],
        ["nano-banana", "2", "0"],
        ["seedream-5-lite", "1", "0"],
    ]
    assert rows[2][4:] == ["$0.078", "$0.078", "$0.078"]
    assert rows[3][4:] == ["-", "unknown", "unknown"]
    assert " ".join(rows[4]) == "total 4 0 $0.108 for 3 of 4 $0.108 unknown"
    assert spent["schema"] == "prodia-compose/spend@1"
    assert spent["total"]["actual_usd"] == 0.108


@pytest.mark.parametrize(
    "argv", [["jobs"], ["jobs", "list", "--json"], ["jobs", "spend"], ["jobs", "show", "a"]]
)
def test_looking_leaves_nothing(run: Run, work: Path, tmp_path: Path, argv: list[str]) -> None:
    """Where there is no record, looking at it makes neither a file nor a folder."""
    done = run(*argv)

    assert done.code == (2 if "show" in argv else 0)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("word", ["off", "0", "No", "FALSE"])
def test_the_record_can_be_off(
    run: Run, work: Path, sandbox: server.Sandbox, tmp_path: Path, word: str
) -> None:
    """With PRODIA_COMPOSE_RECORD=off nothing is recorded, and the list says why it is empty."""
    made = run("compose", *LINE, PRODIA_COMPOSE_RECORD=word)
    listed = run("jobs", "--json", PRODIA_COMPOSE_RECORD=word)

    assert (made.code, made.err) == (0, "")
    assert not (tmp_path / "state").exists()
    assert (listed.code, listed.err, json.loads(listed.out)["jobs"]) == (0, "", [])
    assert "PRODIA_COMPOSE_RECORD" in json.loads(listed.out)["warnings"][0]["message"]
    assert "PRODIA_COMPOSE_RECORD" in run("jobs", PRODIA_COMPOSE_RECORD=word).err
    assert run("jobs", "show", "a", PRODIA_COMPOSE_RECORD=word).code == 2


def test_a_state_folder_that_cannot_be_looked_into(run: Run, tmp_path: Path) -> None:
    """Where the record would be and nobody can look, the list is empty and says why."""
    place = str(tmp_path / ("x" * 300))

    listed = run("jobs", XDG_STATE_HOME=place)

    assert (listed.code, listed.out) == (0, b"")
    assert "[record-unavailable]" in listed.err
    assert "there is no folder for the record" in run("jobs", "show", "a", XDG_STATE_HOME=place).err


def _of_version_minus_one(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = -1")


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text("id,state\n" * 999),
        os.mkfifo,
        Path.mkdir,
        _of_version_minus_one,
    ],
    ids=["text", "fifo", "folder", "minus-one"],
)
def test_a_damaged_record_stops_nothing(
    run: Run, work: Path, sandbox: server.Sandbox, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    """A record that cannot be read is a warning; the job runs, and the list is empty."""
    folder = tmp_path / "state/prodia-compose"
    folder.mkdir(parents=True)
    make(folder / "jobs.sqlite3")
    made = run("compose", *LINE)
    listed = run("jobs")

    assert (made.code, made.out) == (0, b"composed.jpg\n")
    assert made.err.count("[record-unavailable]") == 1
    assert (listed.code, listed.out) == (0, b"")
    assert "[record-unavailable]" in listed.err
    assert len(sandbox.jobs) == 1


@pytest.mark.parametrize(
    "command", ["", "list", "show", "fetch", "spend", "settle", "forget", "clean"]
)
def test_help_is_plain_and_fits(run: Run, command: str) -> None:
    """Help of every command fits 80 columns, begins with examples and has no escape codes."""
    done = run("jobs", *command.split(), "-h", FORCE_COLOR="1")

    assert done.code == 0
    assert "\x1b" not in done.text
    assert max(len(line) for line in done.text.splitlines()) <= 80
    assert re.search(r"(?s)prodia-compose jobs.*\n(Options|Result):", done.text)


def test_ids_complete(run: Run, process: Run, work: Path, sandbox: server.Sandbox) -> None:
    """At a TAB press the ids of the record are offered; without one, nothing is made."""
    assert offers.job_ids("") == []
    run("compose", *LINE)
    name = str(jobs(run)[0]["id"])

    assert [found for found, _ in offers.job_ids(name[:3].upper())] == [name]
    assert offers.job_ids("x") == []
    for command in ("show", "fetch", "settle", "forget"):
        line = f"prodia-compose jobs {command} {name[:4]}"
        assert process("__complete", "bash", line, "", name[:4]).text == f"words\0{name}\0"
