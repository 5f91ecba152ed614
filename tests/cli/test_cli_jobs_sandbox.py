"""Jobs of the sandbox: known by its answer, recorded as such, free, and kept apart."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import loopback
import pytest
from conftest import TOKEN, Run, until
from paying import LINE, jobs
from terminals import PROGRAM

from prodia_compose.sandbox import server
from prodia_compose.sandbox.faults import parse_fault
from prodia_compose.sandbox.service import SandboxOptions

COMPOSE = 'prodia-compose compose product.jpg scene.jpg -p "the first image on the second image"'


def _rehearse(process: Run, script: str, *options: str) -> Any:
    """Run a script under `sandbox -- sh -c`, in which `prodia-compose` is this program."""
    own = script.replace("prodia-compose", f"'{sys.executable}' -m prodia_compose")
    return process("sandbox", *options, "--", "sh", "-c", own)


@pytest.mark.parametrize("token", [TOKEN, "sandbox"])
def test_jobs_of_the_sandbox_are_no_dollars(
    run: Run, work: Path, sandbox: server.Sandbox, token: str
) -> None:
    """Whatever its token is, a job of the sandbox is listed as such, and costs nothing."""
    if token == "sandbox":
        with server.Sandbox(SandboxOptions()) as free:
            env = {"PRODIA_BASE_URL": free.url, "PRODIA_TOKEN": token}
            made = run("compose", *LINE, "--json", **env)
    else:
        made = run("compose", *LINE, "--json")
    (job,) = jobs(run, "--sandbox")
    plain = run("jobs")

    assert json.loads(made.out)["sandbox"] is True
    assert (job["sandbox"], job["state"], job["may_be_billed"]) == (True, "saved", False)
    assert (plain.out, plain.err) == (
        b"",
        "prodia-compose: no jobs are in the record; --sandbox lists those of the sandbox\n",
    )
    assert json.loads(run("jobs", "spend", "--json").out)["total"]["jobs"] == 0
    assert "  no cost  " in run("jobs", "list", "--sandbox").text.splitlines()[1]
    shown = run("jobs", "show", job["id"]).text
    assert "no cost: sandbox" in shown
    assert "\nbilled       no\n" in shown


def test_an_earlier_picture_of_the_sandbox_cost_nothing(
    run: Run, work: Path, sandbox: server.Sandbox
) -> None:
    """Where the same picture was made at the sandbox already, that is told without a price."""
    run("compose", *LINE, "-o", "one.jpg")
    done = run("compose", *LINE, "-o", "two.jpg")

    assert "in a sandbox: " in done.err
    assert "$" not in done.err


def test_others_on_this_machine_are_dollars(run: Run, work: Path) -> None:
    """A service on this machine that does not say that it is the sandbox is none, whatever its token."""
    answer = loopback.multipart_ok((work / "scene.jpg").read_bytes())
    with loopback.serve([answer]) as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": "sandbox"}
        done = run("compose", *LINE, "-v", **env, PRODIA_COMPOSE_RECORD="sandbox")
    (job,) = jobs(run)

    assert done.err.endswith(", $0.039\n")
    assert (job["sandbox"], job["may_be_billed"]) == (False, True)
    assert jobs(run, "--sandbox") == []
    assert json.loads(run("jobs", "spend", "--json").out)["total"]["actual_usd"] == 0.039


@pytest.mark.parametrize(
    ("fault", "code", "state"),
    [("server-error", 9, "unknown"), ("rejected", 5, "rejected"), ("unauthorised", 4, "rejected")],
)
def test_errors_of_the_sandbox_are_its_own(
    run: Run, work: Path, fault: str, code: int, state: str
) -> None:
    """A job that fails at the sandbox is the sandbox's too."""
    options = SandboxOptions(token=TOKEN, faults=(parse_fault(fault),))
    with server.Sandbox(options) as failing:
        env = {"PRODIA_BASE_URL": failing.url, "PRODIA_TOKEN": TOKEN}
        done = run("compose", *LINE, **env)
    (job,) = jobs(run, "--sandbox")

    assert (done.code, job["state"], job["may_be_billed"]) == (code, state, False)
    assert jobs(run) == []


def test_what_is_kept_of_the_sandbox_is_kept_apart(
    run: Run, work: Path, sandbox: server.Sandbox, tmp_path: Path
) -> None:
    """A picture of the sandbox's that finds no place is not among those that were paid for."""
    state = tmp_path / "state/prodia-compose"
    with server.Sandbox(SandboxOptions(faults=(parse_fault("cut"),))) as cutting:
        env = {"PRODIA_BASE_URL": cutting.url, "PRODIA_TOKEN": TOKEN}
        done = run("compose", *LINE, **env)
    (job,) = jobs(run, "--sandbox")

    assert done.code == 9
    assert not (state / "rescued").exists()
    assert {Path(one["path"]).parent for one in job["rescued"]} == {state / "sandbox/rescued"}
    assert run("jobs", "clean", "-y").err == "prodia-compose: nothing is kept aside\n"
    assert run("jobs", "clean", "-y", "--sandbox").err.startswith("prodia-compose: removed ")


def test_trying_it_leaves_nothing_among_what_was_paid(run: Run, work: Path, tmp_path: Path) -> None:
    """What `--sandbox` cannot place is kept apart too, and there is no row of it."""
    state = tmp_path / "state/prodia-compose"
    done = run("compose", *LINE, "--sandbox", "-o", "/dev/full")

    assert done.code == 10
    assert f"it is kept as {state}/sandbox/rescued/" in done.err
    assert not (state / "rescued").exists()
    assert jobs(run) == jobs(run, "--sandbox") == []


def test_jobs_can_be_tried_in_the_sandbox(process: Run, run: Run, work: Path) -> None:
    """Under `sandbox -- CMD` the commands of `jobs` are about the jobs that are rehearsed."""
    script = f"{COMPOSE} -v && prodia-compose jobs && prodia-compose jobs spend"
    done = _rehearse(process, script, "--token", "any-token")
    path, heading, row = done.text.splitlines()

    assert (done.code, path) == (0, "composed.jpg")
    assert "$" not in done.err
    assert done.err.endswith(
        ", no cost: sandbox\nprodia-compose: the record holds no job that may be billed\n"
    )
    assert heading.startswith("ID ")
    assert row.endswith(f"saved  nano-banana  no cost  {LINE[-1]}  {work}/composed.jpg")
    assert jobs(run) == []
    assert [job["state"] for job in jobs(run, "--sandbox")] == ["saved"]


def test_a_rehearsal_of_an_unknown_outcome(process: Run, run: Run, work: Path) -> None:
    """What no answer settles is the sandbox's as well, is refused a second time, and can be settled."""
    settle = "prodia-compose jobs settle $(prodia-compose jobs --json | jq -r '.jobs[0].id') billed"
    script = (
        f"{COMPOSE}; echo $?; {COMPOSE}; echo $?; {settle}; {COMPOSE}; prodia-compose jobs spend"
    )
    done = _rehearse(process, script, "--fault", "drop-after:1", "--token", "any-token")

    assert done.text.splitlines() == ["9", "9", "composed.jpg"]
    assert done.err.endswith("prodia-compose: the record holds no job that may be billed\n")
    assert jobs(run) == []
    assert [job["state"] for job in jobs(run, "--sandbox")] == ["saved", "rejected"]


def test_a_rehearsal_without_a_record(process: Run, work: Path, tmp_path: Path) -> None:
    """Who wants no record has none of the rehearsal either."""
    done = process("sandbox", "--", *PROGRAM, "compose", *LINE, PRODIA_COMPOSE_RECORD="off")

    assert (done.code, done.out) == (0, b"composed.jpg\n")
    assert not (tmp_path / "state").exists()


def test_an_async_job_goes_with_its_sandbox(run: Run, work: Path) -> None:
    """What is said of an interrupted async job promises no longer than the sandbox lives."""
    options = SandboxOptions(token=TOKEN, latency_s=60)
    with server.Sandbox(options) as slow:
        env = {"PRODIA_BASE_URL": slow.url, "PRODIA_TOKEN": TOKEN}
        with subprocess.Popen(
            [*PROGRAM, "compose", *LINE, "--async"],
            stderr=subprocess.PIPE,
            env={**os.environ, **env},
        ) as started:
            until(lambda: [job["job_id"] for job in jobs(run, "--sandbox")] not in ([], [None]))
            started.send_signal(signal.SIGTERM)
            found = started.communicate(timeout=30)[1].decode()
        checked = run("validate", *LINE, "--async", **env)
        (job,) = jobs(run, "--sandbox")
        shown = run("jobs", "show", job["id"]).text
    gone = run("jobs", "fetch", job["id"])

    assert f"the job {job['job_id']} runs on as long as its sandbox does; `prodia" in found
    assert found.endswith("brings its picture until then\n")
    assert checked.code == 9
    assert (
        f"`prodia-compose jobs fetch {job['id']}` brings its picture while its san" in checked.err
    )
    assert "brings its picture if that sandbox still runs" in shown
    assert gone.code == 2
    assert "there is nothing to fetch: its sandbox has ended" in gone.err
    assert "billed" not in gone.err
