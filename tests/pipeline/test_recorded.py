"""What a run writes of its job into the record, and what brings its picture later."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ledgering
import loopback
import pytest
from conftest import TOKEN, Done, Run, until
from paying import LINE, jobs
from PIL import Image

from prodia_compose import progress
from prodia_compose.record import ledger
from prodia_compose.sandbox import server
from prodia_compose.sandbox.service import SandboxOptions

pytestmark = pytest.mark.usefixtures("paid")

PROGRAM = [sys.executable, "-m", "prodia_compose"]

CREATED = loopback.json_answer(
    loopback.job_record(state={"current": "processing"}, price=None), 201
)
PROCESSING = loopback.text("processing")
FAILED = loopback.json_answer(
    loopback.job_record(state={"current": "failed"}, error="no face found", price=None)
)


@pytest.fixture
def jpeg(work: Path) -> bytes:
    """Return a whole picture."""
    return (work / "scene.jpg").read_bytes()


@contextmanager
def _service(*script: loopback.Answer) -> Iterator[tuple[loopback.Server, dict[str, str]]]:
    """Give a server and the environment that addresses the program to it."""
    with loopback.serve(script) as service:
        yield service, {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}


@contextmanager
def _running(*argv: str, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """Give a process of the program; it is killed at the end of the block."""
    with subprocess.Popen(
        [*PROGRAM, *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **env},
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def _record_bytes(tmp_path: Path) -> bytes:
    """Return every byte of the record's files."""
    folder = tmp_path / "state/prodia-compose"
    return b"".join(path.read_bytes() for path in folder.glob("jobs.sqlite3*"))


def _rescue(run: Run, jpeg: bytes) -> Done:
    """Run `compose` so that its picture comes, and has to be kept aside."""
    with _service(loopback.multipart_ok(jpeg)) as (_, env):
        return run("compose", *LINE, "-o", "out.png", "--strict", **env)


# What is written


ENDS: dict[str, tuple[list[loopback.Answer], int, str, bool, str]] = {
    "auth": ([loopback.status(401)], 4, "rejected", False, "refused the token"),
    "rejected": ([loopback.json_answer({"error": "config: no"}, 400)], 5, "rejected", False, "no"),
    "failed": ([FAILED], 5, "rejected", True, "no face found"),
    "busy": ([loopback.busy("100000")], 6, "busy", False, "did not run"),
    "dropped": ([loopback.drop("after")], 9, "unknown", True, "may have run"),
    "text": ([loopback.text("hello")], 9, "unknown", True, "text"),
    "undecodable": (
        [loopback.multipart_ok(b"\xff\xd8\xff\xe0 no picture \xff\xd9")],
        *(10, "received", True, "cannot be decoded"),
    ),
    "async-not-permitted": (
        [loopback.json_answer({"error": "async not permitted"}, 400)],
        *(5, "rejected", False, "async not permitted"),
    ),
    "async-failed": ([CREATED, loopback.text("failed"), FAILED], 5, "rejected", True, "no face"),
    "async-refused": ([CREATED, loopback.status(401)], 9, "unknown", True, "401"),
    "async-unknown-there": ([CREATED, loopback.status(404)], 9, "unknown", True, "not known there"),
}


@pytest.mark.parametrize("end", ENDS)
def test_each_end_is_written(run: Run, work: Path, end: str) -> None:
    """However a run ends, its row tells the exit code, the state, and whether it may be billed."""
    answers, code, state, billed, words = ENDS[end]
    is_async = end.startswith("async")
    with _service(*answers) as (service, env):
        done = run("compose", *LINE, *(["--async"] if is_async else []), **env)
        sent = service.submissions
    (job,) = jobs(run)

    assert (done.code, sent) == (code, 1), done.err
    assert words in done.err
    assert ("try without --async" in done.err) == (end == "async-not-permitted")
    assert (job["exit_code"], job["state"], job["may_be_billed"]) == (code, state, billed)
    assert job["running"] is False
    if CREATED in answers:
        assert job["job_id"] == loopback.JOB_ID


def test_an_upload_that_breaks_off_is_written(run: Run, work: Path) -> None:
    """When the connection ends within the upload, the row says that the job did not run."""
    # More than the system takes in on both sides of a connection that nobody reads from.
    Image.effect_noise((2048, 2048), 100).save("noise.jpg", quality=95)
    with _service(loopback.drop("within")) as (_, env):
        done = run("compose", *["noise.jpg"] * 3, "-p", "all of these images as one", **env)
    (job,) = jobs(run)

    assert done.code == 7, done.err
    assert (job["exit_code"], job["state"], job["may_be_billed"]) == (7, "not-delivered", False)
    assert job["running"] is False


def test_no_connection_is_written(run: Run, work: Path) -> None:
    """A job that met nobody is recorded as not delivered."""
    url = f"http://127.0.0.1:{loopback.closed_port()}"
    done = run("compose", *LINE, "--max-wait", "0", PRODIA_BASE_URL=url, PRODIA_TOKEN=TOKEN)

    assert done.code == 7
    assert jobs(run)[0]["state"] == "not-delivered"


def test_a_signal_is_written(run: Run, work: Path) -> None:
    """A run that SIGTERM ends while it waits is recorded, its outcome unknown."""
    with _service(loopback.silent()) as (service, env), _running("compose", *LINE, **env) as one:
        until(lambda: service.submissions == 1)
        one.terminate()
        one.communicate(timeout=30)
    (job,) = jobs(run)

    assert one.returncode == -signal.SIGTERM
    assert (job["exit_code"], job["state"], job["may_be_billed"]) == (143, "unknown", True)


@pytest.mark.parametrize(
    "argv", [("validate",), ("compose", "-n"), ("compose", "--sandbox")], ids=lambda argv: argv[-1]
)
def test_what_costs_nothing_is_not_written(
    run: Run, work: Path, tmp_path: Path, argv: tuple[str, ...]
) -> None:
    """`validate`, `-n` and `--sandbox` write no row, and make no state folder."""
    done = run(*argv, *LINE, PRODIA_TOKEN=TOKEN)

    assert done.code == 0
    assert not (tmp_path / "state").exists()


def test_the_record_holds_whole_paths_and_no_secret(
    run: Run, work: Path, sandbox: server.Sandbox, tmp_path: Path
) -> None:
    """Paths are recorded from the root, URLs without password and query, the token nowhere."""
    (work / "in").mkdir()
    (work / "in/scene.jpg").write_bytes((work / "scene.jpg").read_bytes())
    (work / "token").write_text(TOKEN)
    with loopback.serve([loopback.ok((work / "product.jpg").read_bytes())]) as web:
        address = f"{web.url}/room.jpg".replace("http://", "http://ann:hush@")
        done = run(
            *("compose", "./in/scene.jpg", f"{address}?sig=abc", "-p", LINE[-1]),
            *("-o", "out/deep/out.jpg", "--create-dirs", "--token-file", "token"),
        )
    data = _record_bytes(tmp_path)
    (job,) = jobs(run)

    assert (done.code, done.out) == (0, b"out/deep/out.jpg\n")
    assert [one["path"] for one in job["inputs"]] == [
        str(work / "in/scene.jpg"),
        f"{web.url}/room.jpg?...",
    ]
    assert job["output"] == {"name": "out.jpg", "path": str(work / "out/deep/out.jpg")}
    assert job["outputs"][0]["path"] == str(work / "out/deep/out.jpg")
    for unwanted in (TOKEN, "hush", "sig=abc"):
        assert unwanted.encode() not in data


# An unknown outcome


def test_a_killed_run_is_not_sent_twice(run: Run, work: Path, jpeg: bytes) -> None:
    """After kill -9 while waiting, the same command stops with 9; `--again` sends it."""
    answers = (loopback.silent(), loopback.multipart_ok(jpeg))
    with _service(*answers) as (service, env):
        with _running("compose", *LINE, **env) as killed:
            until(lambda: service.submissions == 1)
            running = jobs(run)[0]
            killed.kill()
            killed.communicate(timeout=30)
        stopped = run("compose", *LINE, **env)
        sent_by_stopped = service.submissions
        other = run("compose", *LINE[:-1], "both images", "-o", "other.jpg", **env)
        again = run("compose", *LINE, "--again", **env)
        sent = service.submissions

    assert (running["state"], running["running"]) == ("sending", True)
    assert stopped.code == 9
    assert f"jobs show {running['id']}" in stopped.err
    assert "nothing was sent now" in stopped.err
    assert (sent_by_stopped, other.code, again.code, sent) == (1, 0, 0, 3)
    newest, _, oldest = jobs(run)
    assert (newest["state"], oldest["state"], oldest["id"]) == ("saved", "unknown", running["id"])


# Fetching


def test_a_kept_picture_is_fetched(run: Run, work: Path, jpeg: bytes) -> None:
    """`jobs fetch` brings a picture that was kept aside, byte for byte; the copy stays."""
    kept = _rescue(run, jpeg)
    (job,) = jobs(run)
    listed = run("jobs").text.splitlines()[1]
    fetched = run("jobs", "fetch", str(job["id"])[:5], "-o", "there/out.jpg", "--create-dirs")
    (after,) = jobs(run)

    assert (kept.code, job["state"], job["exit_code"]) == (10, "received", 10)
    assert listed.endswith("to fetch")
    assert fetched == Done(code=0, out=b"there/out.jpg\n", err="")
    assert (work / "there/out.jpg").read_bytes() == jpeg
    assert (after["state"], after["exit_code"]) == ("saved", 0)
    assert after["outputs"][0]["name"] == "out.jpg"
    assert after["rescued"] == job["rescued"]
    again = run("jobs", "fetch", str(job["id"]), "--json")
    assert json.loads(again.out)["output"]["path"] == str(work / "out.jpg")  # asked for as out.png
    assert json.loads(again.out)["warnings"][0]["code"] == "wrong-format"
    assert (work / "out.jpg").read_bytes() == jpeg


def test_a_kept_picture_can_go_to_stdout(run: Run, work: Path, jpeg: bytes) -> None:
    """`-o -` writes the kept bytes to stdout, where no JSON goes too."""
    _rescue(run, jpeg)
    name = str(jobs(run)[0]["id"])

    assert run("jobs", "fetch", name, "-o", "-").out == jpeg
    assert run("jobs", "fetch", name, "-o", "-", "--json").code == 2


@pytest.mark.parametrize(
    ("options", "code", "out", "words"),
    [
        ((), 8, b"", "exists already"),
        (("--if-exists", "skip"), 0, b"mine.jpg\n", ""),
        (("--if-exists", "number"), 0, b"mine-2.jpg\n", ""),
        (("-f",), 0, b"mine.jpg\n", ""),
        (("-f", "--if-exists", "skip"), 2, b"", "give one of them"),
        (("-o", "gone/x.jpg"), 8, b"", "--create-dirs"),
        (("-o", "x.gif"), 2, b"", "no such format"),
    ],
)
def test_fetching_minds_what_is_there(
    run: Run, work: Path, jpeg: bytes, options: tuple[str, ...], code: int, out: bytes, words: str
) -> None:
    """The place of a fetched picture follows the rules of `compose`."""
    _rescue(run, jpeg)
    (work / "mine.jpg").write_bytes(b"mine")
    done = run("jobs", "fetch", str(jobs(run)[0]["id"]), "-o", "mine.jpg", *options)

    assert (done.code, done.out) == (code, out)
    assert words in done.err
    if "-f" not in options:
        assert (work / "mine.jpg").read_bytes() == b"mine"


def test_a_kept_picture_that_finds_no_place_stays(run: Run, work: Path, jpeg: bytes) -> None:
    """When a kept picture cannot be placed, no second copy is made and the old one named."""
    _rescue(run, jpeg)
    (job,) = jobs(run)
    path = Path(job["rescued"][0]["path"])
    done = _fetch_into_nothing(job["id"])

    assert done.returncode == 10
    assert str(path).encode() in done.stderr
    assert list(path.parent.iterdir()) == [path]
    assert jobs(run) == [job]


def test_what_cannot_be_fetched_is_told(run: Run, work: Path, jpeg: bytes) -> None:
    """Where there is nothing to fetch, the reason is told, and nobody is asked."""
    answers = (
        loopback.multipart_ok(jpeg),
        loopback.status(401),
        loopback.drop("after"),
        loopback.multipart_ok(jpeg),
    )
    with _service(*answers) as (service, env):
        run("compose", *LINE, **env)
        run("compose", *LINE, "-o", "refused.jpg", **env)
        run("compose", *LINE, "-o", "dropped.jpg", **env)
        run("compose", *LINE, "-o", "out.png", "--strict", "--again", **env)
        kept, dropped, refused, saved = (str(job["id"]) for job in jobs(run))
        path = Path(jobs(run)[0]["rescued"][0]["path"])
        path.unlink()
        connections = service.connections
        for name, words in (
            (kept, f"{path} is gone"),
            (saved, f"saved as {work / 'composed.jpg'}"),
            (refused, "rejected"),
            (dropped, "had not named it"),
            ("no-such-id", "no job of the record"),
        ):
            done = run("jobs", "fetch", name, **env)
            assert (done.code, done.out) == (2, b""), name
            assert words in done.err
        assert service.connections == connections


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("page", 9, "is an HTML page, not a picture"),
        ("damaged", 10, "is cut short"),
        ("cut", 9, "is cut short"),
        ("record", 9, "is JSON text, not a picture"),
    ],
)
def test_what_was_kept_and_is_no_picture_is_not_promised(
    run: Run, work: Path, jpeg: bytes, fault: str, code: int, words: str
) -> None:
    """List, `show` and `fetch` agree on what was kept: no whole picture, and nobody is asked."""
    answer = {
        "page": loopback.text("<html><body>Sorry</body></html>", media_type="text/html"),
        "damaged": loopback.multipart_ok(jpeg[: len(jpeg) // 2]),
        "cut": loopback.cut(loopback.multipart_ok(jpeg), "length"),
        "record": loopback.json_answer(loopback.job_record()),
    }[fault]
    with _service(answer) as (service, env):
        made = run("compose", *LINE, **env)
        (job,) = jobs(run)
        path = job["rescued"][0]["path"]
        listed = run("jobs").text.splitlines()[1]
        shown = run("jobs", "show", str(job["id"])).text
        fetched = run("jobs", "fetch", str(job["id"]), **env)
        connections = service.connections

    assert made.code == code, made.err
    assert listed.endswith(" -")
    assert "jobs fetch" not in shown
    assert f"{path}, which {words}" in shown
    assert fetched.code == 2
    assert f"there is nothing to fetch: {path} {words}" in fetched.err
    assert connections == 1


def test_a_job_that_failed_says_so_before_what_was_kept(run: Run, work: Path) -> None:
    """Of a job that the service failed, that is the reason; what was kept of it is named after."""
    with _service(FAILED) as (_, env):
        run("compose", *LINE, **env)
        fetched = run("jobs", "fetch", str(jobs(run)[0]["id"]), **env)

    assert fetched.code == 2
    assert "nothing to fetch: it brought no picture (rejected)" in fetched.err


def test_a_job_that_never_was_async_is_not_asked_for(run: Run, work: Path) -> None:
    """That the service named a job is no reason to ask it for the picture."""
    with ledger.open_record(os.environ) as record:
        host = f"127.0.0.1:{loopback.closed_port()}"
        entry = record.begin(ledgering.claim(host=host))
        entry.advance("accepted")
        entry.advance("unknown", job_id=loopback.JOB_ID, exit_code=9)
    fetched = run("jobs", "fetch", str(entry.id), PRODIA_TOKEN=TOKEN)

    assert fetched.code == 2
    assert "the picture of an --async job only" in fetched.err
    assert run("jobs").text.splitlines()[1].endswith(" -")


def test_an_async_picture_whose_copy_is_gone_is_asked_for_again(
    run: Run, work: Path, sandbox: server.Sandbox
) -> None:
    """An --async job stays one after its picture has come: the service may have it still."""
    job_id = _finished(run)
    with ledger.open_record(os.environ) as record:
        entry = record.begin(ledgering.claim(host=sandbox.url.removeprefix("http://")))
        entry.advance("accepted", job_id=job_id)
        entry.advance("received", exit_code=10, rescued=[str(work / "gone.jpg")])
    shown = run("jobs", "show", str(entry.id)).text
    fetched = run("jobs", "fetch", str(entry.id), "-o", "again.jpg")

    assert "brings its picture if the service still has it" in shown
    assert "gone.jpg, which is gone" in shown
    assert fetched == Done(code=0, out=b"again.jpg\n", err="")
    assert (work / "again.jpg").read_bytes() == (work / "direct.jpg").read_bytes()


def test_a_service_that_is_gone_is_told(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fetching from a service that is not there ends soon, told aloud and with the reason."""
    waits: list[float] = []
    monkeypatch.setattr(progress.Stop, "sleep", lambda _stop, seconds: waits.append(seconds))
    host = f"127.0.0.1:{loopback.closed_port()}"
    with ledger.open_record(os.environ) as record:
        entry = record.begin(ledgering.claim(host=host))
        entry.advance("accepted", job_id=loopback.JOB_ID, exit_code=130)
    done = run("jobs", "fetch", str(entry.id), PRODIA_TOKEN=TOKEN)
    quiet = run("jobs", "fetch", str(entry.id), "-q", PRODIA_TOKEN=TOKEN)

    assert (done.code, done.out) == (9, b"")
    assert done.err.count("asking again") == 1
    assert min(waits) > 0.1
    assert f"cannot be asked after: {host} refused the connection" in done.err
    assert "asking again" not in quiet.err


def test_a_sandbox_that_is_gone_is_told(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture of a job of the sandbox went with it, which is told soon, and costs nothing."""
    with ledger.open_record(os.environ) as record:
        host = f"127.0.0.1:{loopback.closed_port()}"
        entry = record.begin(ledgering.claim(host=host), is_sandbox=True)
        entry.advance("accepted", job_id=loopback.JOB_ID, exit_code=130)
    waits: list[float] = []
    monkeypatch.setattr(progress.Stop, "sleep", lambda _stop, seconds: waits.append(seconds))
    done = run("jobs", "fetch", str(entry.id), PRODIA_TOKEN=TOKEN)

    assert (done.code, done.out) == (2, b"")
    words = "its sandbox has ended, or knows it no more, and the picture went with it\n"
    assert f"there is nothing to fetch: {words}" in done.err
    assert set(waits) == {0.1}


def test_a_job_that_is_being_waited_for_is_left_alone(run: Run, work: Path) -> None:
    """`jobs fetch` does not interfere with a process that is still at it."""
    with (
        _service(CREATED, PROCESSING) as (service, env),
        _running("compose", *LINE, "--async", **env),
    ):
        until(lambda: len(service.requests) >= 2)
        done = run("jobs", "fetch", str(jobs(run)[0]["id"]), **env)

    assert done.code == 2
    assert "still at it" in done.err


# Jobs that run by themselves


@pytest.mark.parametrize("how", ["option", "environment"])
def test_an_async_run_is_a_run(run: Run, work: Path, sandbox: server.Sandbox, how: str) -> None:
    """`--async` creates, asks, fetches, and ends as any run does."""
    if how == "option":
        done = run("compose", *LINE, "--async", "--json")
    else:
        done = run("compose", *LINE, "--json", PRODIA_COMPOSE_ASYNC="1")
    result = json.loads(done.out)
    (job,) = jobs(run)

    assert (done.code, done.err) == (0, "")
    assert sandbox.jobs[0].is_async
    assert result["job_id"] == job["job_id"]
    assert result["price_usd"] == job["price_usd"] == 0.039
    assert result["attempts"] == 1
    assert result["request_id"] == sandbox.jobs[0].request_id
    assert job["state"] == "saved"
    assert (work / "composed.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_async_works_without_token(run: Run, work: Path) -> None:
    """`--sandbox --async` runs the whole way against the stand-in."""
    done = run("compose", *LINE, "--async", "--sandbox")

    assert (done.code, done.out, done.err) == (0, b"composed.jpg\n", "")


def test_a_killed_async_job_is_fetched(run: Run, work: Path) -> None:
    """An async job whose client was killed is fetched later, byte for byte."""
    options = SandboxOptions(token=TOKEN, latency_s=4)
    with server.Sandbox(options) as sandbox:
        env = {"PRODIA_BASE_URL": sandbox.url, "PRODIA_TOKEN": TOKEN}
        with _running("compose", *LINE, "--async", "-o", "away.jpg", **env) as killed:
            until(lambda: bool(sandbox.jobs) and jobs(run)[0]["job_id"] is not None)
            killed.kill()
            killed.communicate(timeout=30)
        (job,) = jobs(run)
        stopped = run("compose", *LINE, "--async", **env)
        # The service is the record's, whatever the environment says by then.
        fetched = run("jobs", "fetch", str(job["id"]), PRODIA_TOKEN=TOKEN)
        (after,) = jobs(run)
        sent = len(sandbox.jobs)
        request = urllib.request.Request(
            f"{sandbox.url}/v2/job/async/{job['job_id']}/output/output.jpg",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(request) as answer:
            picture = answer.read()

    assert (job["state"], job["reached"], job["may_be_billed"]) == ("unknown", "accepted", True)
    assert stopped.code == 9
    assert f"jobs fetch {job['id']}" in stopped.err
    assert fetched == Done(code=0, out=os.fsencode(f"{work / 'away.jpg'}\n"), err="")
    assert (work / "away.jpg").read_bytes() == picture
    assert (after["state"], after["price_usd"], sent) == ("saved", 0.039, 1)


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=["text", "json"])
def test_an_interrupted_wait_tells_how_to_go_on(
    run: Run, work: Path, flags: tuple[str, ...]
) -> None:
    """Ctrl-C while an async job runs says that it runs on and what brings its picture."""
    with (
        _service(CREATED, PROCESSING) as (service, env),
        _running("compose", *LINE, "--async", *flags, **env) as one,
    ):
        until(lambda: len(service.requests) >= 2)
        one.send_signal(signal.SIGINT)
        _, err = one.communicate(timeout=30)
    (job,) = jobs(run)

    assert one.returncode == -signal.SIGINT
    assert f"jobs fetch {loopback.JOB_ID}".encode() in err
    assert b"runs on" in err
    assert (job["reached"], job["exit_code"], job["job_id"]) == ("accepted", 130, loopback.JOB_ID)
    assert (job["state"], job["may_be_billed"]) == ("unknown", True)
    if flags:
        error = json.loads(err)
        assert (error["job_id"], error["may_be_billed"]) == (loopback.JOB_ID, True)


def test_fetching_settles_before_it_connects(run: Run, work: Path, jpeg: bytes) -> None:
    """The output place and the token are looked at before the service is asked."""
    with _service(CREATED, loopback.status(404)) as (service, env):
        run("compose", *LINE, "--async", **env)
        name = str(jobs(run)[0]["id"])
        before = service.connections
        (work / "composed.jpg").write_bytes(b"mine")
        taken = run("jobs", "fetch", name, **env)
        tokenless = run("jobs", "fetch", name, "-f", PRODIA_BASE_URL=service.url)
        both = run("jobs", "fetch", name, PRODIA_BASE_URL=service.url)
        after = service.connections

    assert (taken.code, tokenless.code, both.code) == (8, 4, 4)
    assert "no token" in both.err
    assert "exists already" in both.err
    assert before == after


def test_a_fetch_that_fails_leaves_the_record(run: Run, work: Path) -> None:
    """Asking in vain changes nothing of what is known, unless the job itself has failed."""
    answers = (CREATED, loopback.status(404), loopback.status(401), loopback.text("failed"), FAILED)
    with _service(*answers) as (_, env):
        run("compose", *LINE, "--async", **env)
        (before,) = jobs(run)
        refused = run("jobs", "fetch", str(before["id"]), **env)
        (between,) = jobs(run)
        failed = run("jobs", "fetch", str(before["id"]), **env)
        (after,) = jobs(run)

    assert (refused.code, failed.code) == (4, 5)
    assert between == before
    assert (after["state"], after["may_be_billed"]) == ("rejected", True)


def test_a_fetched_picture_that_finds_no_place_is_kept(
    run: Run, work: Path, sandbox: server.Sandbox
) -> None:
    """What a fetch has brought from the service is never dropped either."""
    job_id = _finished(run)
    with ledger.open_record(os.environ) as record:
        entry = record.begin(ledgering.claim(host=sandbox.url.removeprefix("http://")))
        entry.advance("accepted", job_id=job_id, exit_code=130)
    done = _fetch_into_nothing(entry.id)
    (job,) = jobs(run)
    path = Path(job["rescued"][0]["path"])

    assert done.returncode == 10
    assert (job["state"], job["exit_code"], job["price_usd"]) == ("received", 10, 0.039)
    assert path.read_bytes() == (work / "direct.jpg").read_bytes()


def test_a_job_the_record_does_not_know_is_fetched(
    run: Run, work: Path, sandbox: server.Sandbox, tmp_path: Path
) -> None:
    """The service's own id is enough, so that an interrupted run can go unrecorded."""
    done = run("jobs", "fetch", _finished(run), PRODIA_COMPOSE_RECORD="off")

    assert done == Done(code=0, out=b"composed.jpg\n", err="")
    assert (work / "composed.jpg").read_bytes() == (work / "direct.jpg").read_bytes()
    assert not (tmp_path / "state").exists()


def _fetch_into_nothing(name: object) -> "subprocess.CompletedProcess[bytes]":
    """Fetch a job's picture to a standard output that takes no byte."""
    argv = [*PROGRAM, "jobs", "fetch", str(name), "-o", "-"]
    with Path("/dev/full").open("wb") as full:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, check=False
        )


def _finished(run: Run) -> str:
    """Have a job done at the sandbox, unrecorded; return its id. Its picture is direct.jpg."""
    line = ("compose", *LINE, "--async", "--json", "-o", "direct.jpg")
    return str(json.loads(run(*line, PRODIA_COMPOSE_RECORD="off").out)["job_id"])
