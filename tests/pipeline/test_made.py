"""A picture that was made already: told before it is paid again, or taken instead."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import loopback
import pytest
from conftest import TOKEN, Done, Run
from PIL import Image
from tables import rows

LINE = ("product.jpg", "scene.jpg", "-p", "the first image on the second image")
REUSE = ("--if-made", "reuse")


@contextmanager
def _service(*script: loopback.Answer) -> Iterator[tuple[loopback.Server, dict[str, str]]]:
    """Give a server and the environment that addresses the program to it."""
    with loopback.serve(script) as service:
        yield service, {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}


@pytest.fixture
def jpeg(work: Path) -> bytes:
    """Return a whole picture."""
    return (work / "scene.jpg").read_bytes()


@pytest.fixture
def made(run: Run, work: Path, jpeg: bytes) -> Iterator[tuple[loopback.Server, dict[str, str]]]:
    """Give a service that has made `made.jpg`, and what addresses the program to it."""
    other = Image.effect_noise((64, 48), 50).convert("RGB")
    other.save(work / "other.jpg")
    answers = (
        loopback.multipart_ok(jpeg),
        loopback.multipart_ok((work / "other.jpg").read_bytes()),
    )
    with _service(*answers) as (service, env):
        assert run("compose", *LINE, "-o", "made.jpg", **env) == Done(0, b"made.jpg\n", "")
        yield service, env


def _plan(run: Run, *argv: str, **env: str) -> dict[str, Any]:
    """Return the plan of a run, as `validate --json` tells it."""
    done = run("validate", *argv, "--json", **env)
    assert (done.code, done.err) == (0, ""), done
    plan: dict[str, Any] = json.loads(done.out)
    return plan


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


# What is in the inputs


def test_each_source_keeps_its_own_hash(run: Run, work: Path, jpeg: bytes) -> None:
    """Beside the hash of what was sent stands that of the file: in plan, result and record."""
    Image.open(work / "scene.jpg").rotate(90).resize((3000, 2000)).save(work / "large.png")
    piped = (work / "product.jpg").read_bytes() + b"behind the picture"
    line = ("large.png", "-", "-p", "both")
    plan = json.loads(run("validate", *line, "--json", stdin=piped).out)
    with _service(loopback.multipart_ok(jpeg)) as (_, env):
        result = json.loads(run("compose", *line, "--json", stdin=piped, **env).out)
        (job,) = json.loads(run("jobs", "--json").out)["jobs"]

    own = [_sha256(work / "large.png"), hashlib.sha256(piped).hexdigest()]
    assert [one["sha256"] for one in plan["images"]] == own
    assert [one["sha256"] for one in result["images"]] == own
    assert [one["sha256"] for one in job["inputs"]] == own
    sent = [one["sent_sha256"] for one in plan["images"]]
    assert [one["sent_sha256"] for one in job["inputs"]] == sent
    assert not set(sent) & set(own)
    status = (work / "large.png").stat()
    assert [(one["bytes"], one["mtime_ns"]) for one in job["inputs"]] == [
        (status.st_size, status.st_mtime_ns),
        (len(piped), None),
    ]
    assert plan["request_key"] == result["request_key"] == job["request_key"]


@pytest.mark.parametrize(("argv", "is_same"), rows("whole/request_keys"))
def test_what_changes_the_request_key(
    run: Run, work: Path, argv: list[str], *, is_same: bool
) -> None:
    """What decides the picture does; names, labels, places, limits and ways of sending do not."""
    (work / "copy.jpg").write_bytes((work / "product.jpg").read_bytes())
    (work / "tailed.jpg").write_bytes((work / "product.jpg").read_bytes() + b"x")
    (work / "prompt.txt").write_text(f"{LINE[-1]}\n")
    usual = _plan(run, *LINE)["request_key"]

    assert (_plan(run, *argv, "--no-lint")["request_key"] == usual) is is_same


def test_a_plan_that_cannot_be_sent_has_no_key(run: Run, work: Path) -> None:
    """Where an input cannot be read there is no key; an error that is known by then has it."""
    broken = json.loads(run("validate", "gone.jpg", *LINE, "--json").out)
    with _service(loopback.status(400)) as (_, env):
        rejected = json.loads(run("compose", *LINE, "--json", **env).err)
    usage = json.loads(run("compose", *LINE, "--steps", "x", "--json").err)

    assert (broken["request_key"], broken["made"]) == (None, None)
    assert rejected["request_key"] == _plan(run, *LINE)["request_key"]
    assert usage["request_key"] is None


# Told


def test_the_same_job_is_told_before_it_is_paid_again(
    run: Run, work: Path, made: tuple[loopback.Server, dict[str, str]]
) -> None:
    """One line names the earlier picture and its price; the job is sent all the same."""
    service, env = made
    checked = run("validate", *LINE, "-o", "b.jpg", "--strict", **env)
    plan = _plan(run, *LINE, "-o", "b.jpg", **env)
    again = run("compose", *LINE, "-o", "b.jpg", "--strict", **env)

    words = f" for $0.039: {work / 'made.jpg'}; --if-made reuse takes it"
    assert (again.code, again.out, service.submissions) == (0, b"b.jpg\n", 2)
    assert again.err.count("\n") == 1
    assert again.err.startswith("prodia-compose: the same picture was made on 20")
    assert words in again.err
    assert words in checked.text
    assert (plan["made"]["path"], plan["made"]["taken"]) == (str(work / "made.jpg"), False)
    assert (plan["made"]["price_usd"], plan["estimate_usd"]) == (0.039, 0.039)
    assert plan["made"]["sha256"] == _sha256(work / "made.jpg")


@pytest.mark.parametrize("flags", [("-q",), ("--json",)])
def test_a_quiet_run_says_nothing(
    run: Run, made: tuple[loopback.Server, dict[str, str]], flags: tuple[str, ...]
) -> None:
    """`-q` leaves the line out, and `--json` has it in the document."""
    _, env = made
    done = run("compose", *LINE, "-o", "b.jpg", *flags, **env)

    assert (done.code, done.err) == (0, "")
    assert "--json" not in flags or json.loads(done.out)["made"]["taken"] is False


@pytest.mark.parametrize("how", ["gone", "altered", "folder", "fifo"])
def test_a_picture_that_is_not_there_any_more_is_not_told(
    run: Run, work: Path, made: tuple[loopback.Server, dict[str, str]], how: str
) -> None:
    """What lies there now must be what was saved: else nothing is told, and nothing is taken."""
    service, env = made
    (work / "made.jpg").unlink()
    if how == "altered":
        (work / "made.jpg").write_bytes((work / "product.jpg").read_bytes())
    elif how == "folder":
        (work / "made.jpg").mkdir()
    elif how == "fifo":
        os.mkfifo(work / "made.jpg")
    done = run("compose", *LINE, "-o", "b.jpg", *REUSE, **env)

    assert (done, service.submissions) == (Done(0, b"b.jpg\n", ""), 2)


# Taken


def test_the_earlier_picture_is_taken_instead_of_paying(
    run: Run, work: Path, made: tuple[loopback.Server, dict[str, str]], jpeg: bytes
) -> None:
    """Its bytes are put where this run wants them; nothing is sent, and no row is written."""
    service, env = made
    done = run("compose", *LINE, "-o", "new/{model}.jpg", "--create-dirs", *REUSE, **env)

    assert (done.code, done.out) == (0, b"new/nano-banana.jpg\n")
    assert f" for $0.039: {work / 'made.jpg'}; it is taken, and nothing is sent\n" in done.err
    assert (work / "new/nano-banana.jpg").read_bytes() == jpeg
    assert (work / "made.jpg").read_bytes() == jpeg
    assert service.submissions == 1
    assert len(json.loads(run("jobs", "--json").out)["jobs"]) == 1


def test_taking_it_as_documents(
    run: Run, work: Path, made: tuple[loopback.Server, dict[str, str]]
) -> None:
    """Plan and result say that it is taken and costs nothing; in its place it counts as skipped."""
    service, env = made
    plan = _plan(run, *LINE, "-o", "b.jpg", *REUSE, **env)
    result = json.loads(run("compose", *LINE, "-o", "b.jpg", *REUSE, "--json", **env).out)
    there = json.loads(run("compose", *LINE, "-o", "b.jpg", *REUSE, "--json", **env).out)

    assert (plan["made"]["taken"], plan["estimate_usd"], plan["job"]) == (True, 0, None)
    assert (result["output"]["path"], result["output"]["sha256"], result["attempts"]) == (
        *("b.jpg", plan["made"]["sha256"]),
        0,
    )
    assert (result["skipped"], result["price_usd"]) == (False, None)
    assert (there["skipped"], there["outputs"], there["output"]["path"]) == (True, [], "b.jpg")
    assert service.submissions == 1


@pytest.mark.parametrize("place", ["made.jpg", "./made.jpg"])
@pytest.mark.parametrize("policy", [(), ("-f",), ("--if-exists", "number")])
def test_it_is_left_where_it_is_wanted(
    run: Run,
    work: Path,
    made: tuple[loopback.Server, dict[str, str]],
    place: str,
    policy: tuple[str, ...],
) -> None:
    """The same command twice makes one picture, whatever is to be done about a taken name."""
    service, env = made
    before = (work / "made.jpg").stat()
    done = run("compose", *LINE, "-o", place, *policy, *REUSE, **env)

    assert (done.code, done.out) == (0, f"{place}\n".encode())
    assert (work / "made.jpg").stat().st_mtime_ns == before.st_mtime_ns
    assert not (work / "made-2.jpg").exists()
    assert service.submissions == 1


def test_it_is_found_under_a_number_of_the_name(
    run: Run, work: Path, made: tuple[loopback.Server, dict[str, str]]
) -> None:
    """Where the name itself is another's, the numbered one counts."""
    _, env = made
    (work / "out.jpg").write_bytes(b"another's")
    line = ("compose", *LINE, "-o", "out.jpg", "--if-exists", "number", *REUSE)

    assert run(*line, **env).out == run(*line, **env).out == b"out-2.jpg\n"
    assert not (work / "out-3.jpg").exists()
    assert run(*line[:-4], *REUSE, **env).code == 8
    assert (work / "out.jpg").read_bytes() == b"another's"


def test_it_can_go_to_standard_output(
    run: Run, made: tuple[loopback.Server, dict[str, str]], jpeg: bytes
) -> None:
    """`-o -` gives the earlier picture's bytes."""
    service, env = made
    done = run("compose", *LINE, "-o", "-", *REUSE, **env)

    assert (done.code, done.out, service.submissions) == (0, jpeg, 1)


def test_several_pictures_are_taken_together(run: Run, work: Path, jpeg: bytes) -> None:
    """A job that brought two gives two again, or none if one of them is gone."""
    answers = (loopback.multipart_ok(jpeg, jpeg), loopback.multipart_ok(jpeg))
    with _service(*answers) as (service, env):
        run("compose", *LINE, "-o", "a.jpg", **env)
        run("compose", *LINE, "-o", "b.jpg", *REUSE, **env)
        assert (work / "b.jpg").read_bytes() == (work / "b-2.jpg").read_bytes() == jpeg
        (work / "a-2.jpg").unlink()
        run("compose", *LINE, "-o", "c.jpg", *REUSE, **env)

    assert service.submissions == 2


def test_it_needs_no_token_no_price_and_no_picture_that_decodes(
    run: Run, work: Path, made: tuple[loopback.Server, dict[str, str]]
) -> None:
    """Nothing is paid, and inputs are hashed only: of one as recorded not a byte is read."""
    service, env = made
    status = (work / "scene.jpg").stat()
    (work / "scene.jpg").write_bytes(b"x" * status.st_size)
    os.utime(work / "scene.jpg", ns=(status.st_atime_ns, status.st_mtime_ns))
    url = {"PRODIA_BASE_URL": env["PRODIA_BASE_URL"]}
    done = run("compose", *LINE, "-o", "b.jpg", "--max-cost", "0", *REUSE, **url)
    os.utime(work / "scene.jpg", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    changed = run("compose", *LINE, "-o", "c.jpg", *REUSE, **env)

    assert (done.code, done.out) == (0, b"b.jpg\n")
    assert changed.code == 3
    assert "scene.jpg: " in changed.err
    assert service.submissions == 1


def test_a_url_counts_by_its_address(run: Run, work: Path, jpeg: bytes) -> None:
    """A picture at an address that was sent before is not even downloaded."""
    with (
        loopback.serve([loopback.ok(jpeg)]) as web,
        _service(loopback.multipart_ok(jpeg)) as (service, env),
    ):
        line = ("compose", f"{web.url}/a.jpg?v=1", "-p", "x")
        run(*line, "-o", "a.jpg", **env)
        loads = web.connections
        again = run(*line, "-o", "b.jpg", *REUSE, **env)
        loads_again = web.connections
        run("compose", f"{web.url}/a.jpg?v=2", "-p", "x", "-o", "c.jpg", *REUSE, **env)

    assert (again.code, again.out, loads, loads_again) == (0, b"b.jpg\n", 1, 1)
    assert (web.connections, service.submissions) == (2, 2)


def test_standard_input_is_read_once(
    run: Run, work: Path, made: tuple[loopback.Server, dict[str, str]], jpeg: bytes
) -> None:
    """A piped picture counts by its bytes, and is sent if it was not sent before."""
    service, env = made
    line = ("compose", "-", *LINE[1:], *REUSE)
    product = (work / "product.jpg").read_bytes()
    taken = run(*line, "-o", "b.jpg", stdin=product, **env)
    sent = run(*line, "-o", "c.jpg", stdin=jpeg, **env)

    assert [taken.out, sent.out] == [b"b.jpg\n", b"c.jpg\n"]
    assert service.submissions == 2


def test_what_is_wrong_is_told_as_ever(
    run: Run, work: Path, made: tuple[loopback.Server, dict[str, str]]
) -> None:
    """A missing input, a wrong setting, a taken place: nothing is taken, and the code is usual."""
    service, env = made
    (work / "mine.jpg").write_bytes(b"mine")
    lines = (
        (("gone.jpg", *LINE), 3),
        ((*LINE, "-m", "nano-bananna"), 2),
        ((*LINE, "-o", "mine.jpg"), 8),
        ((*LINE, "-o", "no/folder.jpg"), 8),
        ((*LINE, "--if-made", "perhaps"), 2),
    )

    for line, code in lines:
        assert run("compose", *REUSE, *line, **env).code == code, line
    assert (work / "mine.jpg").read_bytes() == b"mine"
    assert service.submissions == 1


def test_another_service_is_another_matter(
    run: Run, made: tuple[loopback.Server, dict[str, str]], jpeg: bytes
) -> None:
    """Only what the same service made is told and taken."""
    with _service(loopback.multipart_ok(jpeg)) as (service, env):
        done = run("compose", *LINE, "-o", "b.jpg", *REUSE, **env)

    assert (done, service.submissions) == (Done(0, b"b.jpg\n", ""), 1)


def test_a_full_disk_is_no_lost_picture(
    process: Run, work: Path, made: tuple[loopback.Server, dict[str, str]]
) -> None:
    """If the copy cannot be placed, that is told as a place that cannot be used, unbilled."""
    _, env = made
    done = process("compose", *LINE, "-o", "/dev/full", "--format", "jpg", *REUSE, **env)
    as_json = process("compose", *LINE, "-o", "/dev/full", "--json", *REUSE, **env)

    assert (done.code, done.out) == (8, b"")
    assert f"kept as {work / 'made.jpg'}" in done.err
    assert "billed" not in done.err + as_json.err.replace('"may_be_billed"', "")
    assert json.loads(as_json.err)["may_be_billed"] is False


def test_no_record_means_no_reuse(run: Run, made: tuple[loopback.Server, dict[str, str]]) -> None:
    """Without a record every job is sent."""
    service, env = made
    done = run("compose", *LINE, "-o", "b.jpg", *REUSE, PRODIA_COMPOSE_RECORD="off", **env)

    assert (done, service.submissions) == (Done(0, b"b.jpg\n", ""), 2)


def test_the_variable(run: Run, made: tuple[loopback.Server, dict[str, str]]) -> None:
    """`PRODIA_COMPOSE_IF_MADE` says it for every run."""
    service, env = made
    done = run("compose", *LINE, "-o", "b.jpg", PRODIA_COMPOSE_IF_MADE="reuse", **env)

    assert (done.code, service.submissions) == (0, 1)


# Twins of unknown outcome


def test_an_unknown_twin_is_known_by_what_was_asked(run: Run, work: Path, jpeg: bytes) -> None:
    """What is asked for decides, or what was sent: not the names of the inputs, nor the place."""
    answers = (loopback.drop("after"), loopback.multipart_ok(jpeg))
    with _service(*answers) as (service, env):
        assert run("compose", *LINE, **env).code == 9
        same_bytes = run("compose", *LINE, "--quality", "90", **env)
        (work / "product.jpg").rename(work / "mug.jpg")
        line = ("mug.jpg", *LINE[1:], "-o", "b.jpg")
        renamed = run("compose", *line, **env)
        checked = run("validate", *line, **env)
        submissions = service.submissions
        other = run("compose", *line, "--aspect-ratio", "1:1", **env)
        again = run("compose", *line, "-f", "--again", **env)

    assert [done.code for done in (renamed, checked, same_bytes)] == [9, 9, 9]
    assert "--again sends it once more" in renamed.err
    assert (submissions, other.code, again.code, service.submissions) == (1, 0, 0, 3)
