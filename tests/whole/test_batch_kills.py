"""A batch that is killed, and run again: nothing is paid twice, nothing is lost, nothing half."""

import contextlib
import inspect
import json
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import counting
import pytest
from conftest import SAMPLES, TOKEN
from forking import Forks

from prodia_compose.client import wait
from prodia_compose.record import ledger
from prodia_compose.sandbox import server

ROWS = 40
BATCH = ("batch", "rows.jsonl", "--create-dirs", "-y")


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Return a parent for the processes."""
    parent = Forks()
    yield parent
    parent.close()


def manifest(folder: Path, prompts: list[str]) -> None:
    """Write a manifest of rows `r0`, `r1`.., and the picture they need."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(SAMPLES / "product.jpg", folder / "product.jpg")
    rows = [
        {"id": f"r{n}", "images": ["product.jpg"], "prompt": prompt, "output": f"out/r{n}.jpg"}
        for n, prompt in enumerate(prompts)
    ]
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def shown(folder: Path) -> str:
    """Return what the last run in a folder wrote on stderr, each error and its hints in one line."""
    return Path(f"{folder}.err").read_text().replace("\nprodia-compose: hint: ", "; ")


def require_whole(folder: Path, prompts: list[str]) -> set[str]:
    """Fail if a picture is half or another row's, or missing and not told of; return what lacks."""
    words = shown(folder)
    lacking = set()
    for number, prompt in enumerate(prompts):
        place = folder / f"out/r{number}.jpg"
        lines = [line for line in words.splitlines() if re.search(rf" r{number}[:,;]", line)]
        if place.exists():
            assert place.read_bytes() == counting.picture(prompt), place
        else:
            assert any("--rerun unknown" in line for line in lines), words
            lacking.add(prompt)
    return lacking


def copies(folder: Path) -> set[bytes]:
    """Return all that lies in the places of pictures, half-way there, or aside."""
    found = (*folder.glob("out/*"), *folder.glob("out/.*"), *folder.glob("../state/**/rescued/*"))
    return {path.read_bytes() for path in found}


@pytest.mark.parametrize(
    ("kills", "setting", "forgets"),
    [(12, "on", False), (6, "off", False), (6, "on", True)],
    ids=["record", "no-record", "state-gone"],
)
def test_a_kill_at_any_moment_pays_nothing_twice(
    here: Path, forks: Forks, kills: int, setting: str, *, forgets: bool
) -> None:
    """No row is sent twice unless its outcome is unknown and it was asked for."""
    chance = random.Random(f"{setting} {forgets}")
    prompts = [f"make {number}" for number in range(ROWS)]
    manifest(here, prompts)
    state = here.parent / "state"
    argv = (*BATCH, "-j", "3", "--max-failures", "0")
    with counting.serve(0.05, 0.2) as service:
        env = {
            "PRODIA_BASE_URL": service.url,
            "PRODIA_TOKEN": TOKEN,
            "PRODIA_COMPOSE_RECORD": setting,
            "XDG_STATE_HOME": str(state),
        }
        for _ in range(kills):
            wanted = min(service.asked.total() + chance.randrange(0, 6), ROWS)
            pid = forks.start(here, *argv, env=env)
            while service.asked.total() < wanted and not forks.has_ended(pid):
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.3))
            with contextlib.suppress(ProcessLookupError):  # it had nothing left to do
                os.kill(pid, signal.SIGKILL)
            forks.status(pid)
            if forgets:
                shutil.rmtree(state, ignore_errors=True)
        code = forks.status(forks.start(here, *argv, env=env))
        assert max(service.asked.values()) == 1
        lacking = require_whole(here, prompts)
        if not forgets and setting == "on":
            assert not copies(here) & {counting.picture(prompt) for prompt in lacking}
        assert code == (11 if lacking else 0) or forgets or setting == "off"

        wishes = ("--rerun", "unknown", "--if-exists", "skip")
        code = forks.status(forks.start(here, *argv, *wishes, env=env))
        assert code == 0, shown(here)
        assert require_whole(here, prompts) == set()
    twice = {prompt for prompt, count in service.asked.items() if count > 1}
    assert twice <= lacking
    assert set(service.asked) == set(prompts)
    assert max(service.asked.values()) <= 2


@pytest.mark.parametrize(
    ("setting", "forgets"),
    [("on", False), ("off", False), ("on", True)],
    ids=["record", "no-record", "state-gone"],
)
def test_a_kill_at_any_step_of_a_row_pays_nothing_twice(
    tmp_path: Path, forks: Forks, setting: str, *, forgets: bool
) -> None:
    """At each line before which something has changed on disk or on the line to the service.

    A whole picture of it is found and placed if the record can tell; it is never removed.
    """
    log = tmp_path / "lines"
    with counting.serve() as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}

        def run(folder: Path, *argv: str, **wishes: object) -> int:
            state = {"XDG_STATE_HOME": f"{folder.parent}/state", "PRODIA_COMPOSE_RECORD": setting}
            return forks.status(forks.start(folder, *BATCH, *argv, env=env | state, **wishes))

        manifest(tmp_path / "first/work", ["first"])
        assert run(tmp_path / "first/work", log=str(log)) == 0
        lines = list(dict.fromkeys(log.read_text().splitlines()))
        assert len(lines) > (7 if setting == "off" else 10)
        for number, line in enumerate(lines):
            prompt, folder = f"make {number}", tmp_path / f"{number}/work"
            picture = counting.picture(prompt)
            manifest(folder, [prompt])
            assert run(folder, struck=json.loads(line)) == -signal.SIGKILL, line
            if forgets:
                shutil.rmtree(folder.parent / "state")
            before = copies(folder)
            code = run(folder)
            words = line + shown(folder)
            lacking = require_whole(folder, [prompt])
            assert service.asked[prompt] == 1 or (lacking and not service.asked[prompt]), words
            assert code == 0 or "r0: it was sent, and its outcome is unknown" in words
            assert picture not in before or picture in copies(folder), words
            if setting == "on" and not forgets:
                assert bool(lacking) == bool(code), words
                assert not lacking or picture not in before, words
                assert lacking or not list(folder.glob("out/.*")), words
            if setting == "on" and not code:
                shutil.rmtree(folder.parent / "state")  # the results know it by now
                assert run(folder) == 0, line
                assert service.asked[prompt] == 1, line

            code = code and run(folder, "--rerun", "unknown", "--if-exists", "skip")
            words = line + shown(folder)
            assert code == 0, words
            assert require_whole(folder, [prompt]) == set(), words
            assert service.asked[prompt] <= (2 if lacking else 1), words


def test_a_kill_at_any_step_of_placing_loses_nothing(tmp_path: Path, forks: Forks) -> None:
    """A kept picture is in its place, or still kept, at each step; the next run puts it there."""
    log = tmp_path / "lines"
    with counting.serve() as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}

        def run(folder: Path, **wishes: object) -> int:
            state = {"XDG_STATE_HOME": f"{folder.parent}/state"}
            return forks.status(forks.start(folder, *BATCH, env=env | state, **wishes))

        def taken(name: str) -> tuple[Path, bytes]:
            folder = tmp_path / f"{name}/work"
            manifest(folder, [name])
            (folder / "out").mkdir()
            place = folder / "out/r0.jpg"
            service.meanwhile = lambda _prompt: place.write_text("mine")
            assert run(folder) == 11
            place.unlink()
            return folder, counting.picture(name)

        where = "prodia_compose.pipeline.batch.placing:_placed"
        folder, _ = taken("first")
        assert run(folder, log=str(log), place=where) == 0
        lines = list(dict.fromkeys(log.read_text().splitlines()))
        assert len(lines) > 4
        for number, line in enumerate(lines):
            folder, picture = taken(f"make {number}")
            assert run(folder, struck=json.loads(line), place=where) == -signal.SIGKILL, line
            assert picture in copies(folder), line
            assert run(folder) == 0, line + shown(folder)
            assert (folder / "out/r0.jpg").read_bytes() == picture, line
            assert service.asked[f"make {number}"] == 1, line
            shutil.rmtree(folder.parent / "state")
            assert run(folder) == 0, line


def test_a_job_that_runs_on_is_fetched_and_then_done(
    here: Path, forks: Forks, sandbox: server.Sandbox
) -> None:
    """Killed while it is waited for, an `--async` row is told with what brings its picture."""
    manifest(here, ["red"])
    state = str(here.parent / "state")
    env = {"PRODIA_BASE_URL": sandbox.url, "PRODIA_TOKEN": TOKEN, "XDG_STATE_HOME": state}

    def run(*argv: str, **wishes: object) -> int:
        return forks.status(forks.start(here, *argv, env=env, **wishes))

    waiting = inspect.getsource(wait.AsyncJob.wait).splitlines()
    begins = wait.AsyncJob.wait.__code__.co_firstlineno
    struck = begins + next(at for at, line in enumerate(waiting) if "shown = " in line)
    place = "prodia_compose.client.wait:AsyncJob.wait"
    status = run(*BATCH, "--async", struck=[wait.__file__, struck], place=place)
    assert status == -signal.SIGKILL
    assert run(*BATCH, "--async") == 11
    found = re.search(r"r0: .*`prodia-compose jobs fetch (\w+)` brings its picture", shown(here))
    assert found is not None
    assert run("jobs", "fetch", found[1], "-o", "out.jpg") == 0
    assert run(*BATCH) == 0
    assert Path(f"{here}.out").read_text() == f"{here}/out.jpg\n"
    with ledger.open_record(os.environ) as record:
        assert [entry.state for entry in record.entries()] == ["saved"]
