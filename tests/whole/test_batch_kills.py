"""A batch that is killed, and run again: nothing is paid twice, nothing is lost, nothing half."""

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
from conftest import SAMPLES, TOKEN, until
from forking import Forks

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


def require_whole(folder: Path, prompts: list[str]) -> set[str]:
    """Fail if a picture is half or another row's, or missing and not told of; return what lacks."""
    told = Path(f"{folder}.err").read_text()
    lacking = set()
    for number, prompt in enumerate(prompts):
        place = folder / f"out/r{number}.jpg"
        lines = [line for line in told.splitlines() if re.search(rf" r{number}[:,;]", line)]
        if place.exists():
            assert place.read_bytes() == counting.picture(prompt), place
        else:
            assert any("--rerun unknown" in line for line in lines), told
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
    argv = (*BATCH, "-j", "8", "--max-failures", "0")
    with counting.serve(0.05, 0.2) as service:
        env = {
            "PRODIA_BASE_URL": service.url,
            "PRODIA_TOKEN": TOKEN,
            "PRODIA_COMPOSE_RECORD": setting,
            "XDG_STATE_HOME": str(state),
        }
        for _ in range(kills):
            wanted = service.asked.total() + chance.randrange(0, 6)
            pid = forks.start(here, *argv, env=env)
            until(lambda: service.asked.total() >= min(wanted, ROWS))
            time.sleep(chance.uniform(0, 0.3))
            os.kill(pid, signal.SIGKILL)
            forks.status(pid)
            if forgets:
                shutil.rmtree(state, ignore_errors=True)
        code = forks.status(forks.start(here, *argv, env=env))
        assert max(service.asked.values()) == 1
        lacking = require_whole(here, prompts)
        if not forgets and setting == "on":
            assert not copies(here) & {counting.picture(prompt) for prompt in lacking}
        print(code, lacking)

        wishes = ("--rerun", "unknown", "--if-exists", "skip")
        code = forks.status(forks.start(here, *argv, *wishes, env=env))
        assert code == 0, Path(f"{here}.err").read_text()
        assert require_whole(here, prompts) == set()
    twice = {prompt for prompt, count in service.asked.items() if count > 1}
    assert twice <= lacking
    assert set(service.asked) == set(prompts)
    assert max(service.asked.values()) <= 2


@pytest.mark.parametrize("part", [0, 1])
def test_a_kill_at_any_step_of_a_row_pays_nothing_twice(
    tmp_path: Path, forks: Forks, part: int
) -> None:
    """At each line after which something has changed on disk or on the line, and at the one before.

    Whether the record is kept, is off, or is gone when it is run again.
    """
    log = tmp_path / "lines"
    with counting.serve() as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}

        def run(folder: Path, *argv: str, setting: str = "on", **wishes: object) -> int:
            state = {"XDG_STATE_HOME": f"{folder.parent}/state", "PRODIA_COMPOSE_RECORD": setting}
            return forks.status(forks.start(folder, *BATCH, *argv, env=env | state, **wishes))

        first = tmp_path / "first/work"
        manifest(first, ["first"])
        assert run(first, log=str(log)) == 0
        lines = list(dict.fromkeys(log.read_text().splitlines()))
        print(len(lines))
        assert len(lines) > 20
        for number, line in list(enumerate(lines))[part::2]:
            struck = json.loads(line)
            for case, setting in (("kept", "on"), ("gone", "on"), ("off", "off")):
                prompt = f"{number} {case}"
                folder = tmp_path / f"{number}-{case}/work"
                manifest(folder, [prompt])
                status = run(folder, setting=setting, struck=struck)
                assert status == -signal.SIGKILL or (setting, status) == ("off", 0), line
                if case == "gone":
                    shutil.rmtree(folder.parent / "state")
                before = copies(folder)
                code = run(folder, setting=setting)
                told = f"{line} {prompt}: {Path(f'{folder}.err').read_text()}"
                lacking = require_whole(folder, [prompt])
                print(line, case, service.asked[prompt], code, bool(lacking))
                picture = counting.picture(prompt)
                assert service.asked[prompt] <= 1, told
                assert (picture in before) <= (picture in copies(folder)), told
                assert service.asked[prompt] == 1 or lacking, told
                if case == "kept":
                    assert not lacking or picture not in before, told
                if code != 0:
                    assert "r0: it was sent, and its outcome is unknown" in told
                    code = run(folder, "--rerun", "unknown", "--if-exists", "skip", setting=setting)
                told = f"{line} {prompt}: {Path(f'{folder}.err').read_text()}"
                assert code == 0, told
                assert require_whole(folder, [prompt]) == set(), told
                assert service.asked[prompt] <= (2 if lacking else 1), told
