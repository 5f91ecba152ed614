"""The pipelines, loops, make rule and CI script of `help` where things are not as smooth as there."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import clustering
import loopback
import pytest
import readme
from conftest import Done, Run, until
from PIL import Image
from readme import Bench

FIND = "compose -0 -T - -m seedream"
LOOP = "while IFS= read -r"
XARGS = "xargs -0 -n 2"

MADE = {"out/one.jpg", "out/two.jpg"}


bench = readme.bench


# Lists


def test_a_find_that_finds_nothing_sends_nothing(bench: Bench) -> None:
    """An empty list is told in a line, and is no job."""
    for shot in (bench.folder / "shots").iterdir():
        shot.unlink()
    done = bench.run(readme.example(FIND).text, "sh")

    shown = "prodia-compose: error: -T -: the list is empty; it names no image\n"
    assert done == Done(code=3, out=b"", err=shown)
    assert bench.sent() == []


def test_a_find_may_find_any_name(bench: Bench) -> None:
    """Names with newlines, quotes, blanks and bytes that are no text come through `-print0`."""
    names = ["-0", "a\nb", " c ", "d'\"$(e)*", "{f}", "\udcff"]
    for number, name in enumerate(names):
        readme.draw(bench.folder / f"shots/{name}.jpg", 100 + number)
    done = bench.run(readme.example(FIND).text, "sh")

    assert done == Done(code=0, out=b"composed.jpg\n", err="")
    found = sorted([*names, "one", "three", "two"], key=os.fsencode)
    assert bench.sent() == [[f"shots/{name}.jpg" for name in found]]


def test_a_loop_keeps_its_list(bench: Bench) -> None:
    """`compose` in a loop leaves standard input alone, a pipe as well as a file."""
    loop = readme.example(LOOP).text.replace(" < shots.txt", "")
    done = bench.run(loop, "sh", stdin=b"shots/two.jpg\nshots/one.jpg\n")

    assert done == Done(code=0, out=b"out/two.jpg\nout/one.jpg\n", err="")
    assert bench.sent() == [["product.jpg", "shots/two.jpg"], ["product.jpg", "shots/one.jpg"]]


def test_a_loop_goes_on_where_it_stopped(bench: Bench) -> None:
    """A run again prints all paths and makes only what is missing."""
    loop = readme.example(LOOP).text
    broken = bench.folder / "shots/two.jpg"
    picture = broken.read_bytes()
    broken.write_bytes(picture[:200])
    first = bench.run(loop, "sh")
    broken.write_bytes(picture)
    before = (bench.folder / "out/one.jpg").stat()
    again = bench.run(loop, "sh")

    assert (first.code, first.out) == (3, b"out/one.jpg\n")  # sh -e ends it there
    assert "shots/two.jpg" in first.err
    assert again == Done(code=0, out=b"out/one.jpg\nout/two.jpg\n", err="")
    assert (bench.folder / "out/one.jpg").stat().st_mtime_ns == before.st_mtime_ns
    assert bench.sent() == [["product.jpg", "shots/one.jpg"], ["product.jpg", "shots/two.jpg"]]


def test_ctrl_c_ends_a_loop(bench: Bench) -> None:
    """After Ctrl-C at a terminal, bash begins no other job of the loop, even without `set -e`."""
    picture = loopback.multipart_ok((bench.folder / "scene.jpg").read_bytes())
    with (
        loopback.serve([loopback.silent(), picture]) as service,
        subprocess.Popen(
            ["bash", "-c", readme.example(LOOP).text],
            env={**os.environ, "PRODIA_BASE_URL": service.url},
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # all in it get the signal, as from a terminal
        ) as looping,
    ):
        until(lambda: service.submissions == 1)
        os.killpg(looping.pid, signal.SIGINT)
        looping.wait(timeout=30)

    assert service.submissions == 1


def test_xargs_tells_that_one_job_failed(bench: Bench) -> None:
    """An odd picture is refused, the other pair is made, and `xargs` tells."""
    (bench.folder / "pairs/2b.jpg").unlink()
    done = bench.run(readme.example(XARGS).text, "sh")

    assert done.code in (123, 1)  # GNU's xargs and others
    assert done.out == b"out/1b.jpg\n"
    assert "there is only 1" in done.err
    assert bench.sent() == [["pairs/1a.jpg", "pairs/1b.jpg"]]


def test_names_of_xargs_are_no_options(bench: Bench) -> None:
    """After `--` a name may begin with a dash."""
    command = readme.example(XARGS).text.partition("|\n")[2]
    for name in ("-f.jpg", "-q.jpg"):
        readme.draw(bench.folder / name, 40)
    done = bench.run(command, "sh", stdin=b"-f.jpg\0-q.jpg\0")

    assert done == Done(code=0, out=b"out/-q.jpg\n", err="")
    assert len(bench.sent()) == 1


def test_a_failing_first_step_is_not_sent_on(bench: Bench) -> None:
    """Where the first of two jobs fails, the second has no picture and is not sent."""
    (bench.folder / "scene.jpg").unlink()
    done = bench.run(readme.example("compose - a.jpg").text)

    assert (done.code, done.out) == (3, b"")
    assert "scene.jpg: no such file" in done.err
    assert "-: " in done.err
    assert bench.sent() == []


# make


@pytest.fixture
def makefile(bench: Bench) -> Bench:
    """Give a folder that the Makefile of `help scripts` is in, all of it an hour old."""
    readme.need("make")
    (bench.folder / "shots/three.jpg").unlink()
    (bench.folder / "Makefile").write_text(readme.example("patsubst").text)
    hour_ago = time.time() - 3600
    for name in bench.files():
        os.utime(bench.folder / name, (hour_ago, hour_ago))
    return bench


def test_make_makes_what_is_missing_or_old(makefile: Bench) -> None:
    """Two jobs run at a time; a second run makes nothing; a changed picture is made anew."""
    before = makefile.files()
    first = makefile.start(["make", "-s", "-j2"])
    second = makefile.start(["make", "-s", "-j2"])
    sent = makefile.sent()
    os.utime(makefile.folder / "shots/two.jpg")
    third = makefile.start(["make", "-s", "-j2"])
    fourth = makefile.start(["make", "-s", "-j2"])

    assert (first.code, first.err) == (0, "")
    assert set(first.text.splitlines()) == MADE
    assert second == fourth == Done(code=0, out=b"", err="")
    assert sorted(sent) == [["product.jpg", "shots/one.jpg"], ["product.jpg", "shots/two.jpg"]]
    assert (third.code, third.out) == (0, b"out/two.jpg\n")
    assert third.err.count("\n") == 1  # its bytes are as they were, so what it made is told
    assert "the same picture was made on" in third.err
    assert makefile.sent()[2:] == [["product.jpg", "shots/two.jpg"]]
    assert makefile.files() - before == MADE
    assert {makefile.kind(name) for name in MADE} == {"JPEG"}


def test_make_needs_no_delete_on_error(makefile: Bench) -> None:
    """A job that fails leaves its old picture as it was, or none, and is made the next time."""
    before = makefile.files()
    one = makefile.folder / "out/one.jpg"
    one.parent.mkdir()
    one.write_bytes(b"made from what shots/one.jpg was")
    os.utime(one, (0, 0))
    targets = ["make", "-s", "-k", "out/one.jpg", "out/two.jpg"]
    failed = makefile.start(["prodia-compose", "sandbox", "--fault", "rejected", "--", *targets])
    left = makefile.files() - before, one.read_bytes()
    again = makefile.start(targets)

    assert (failed.code, failed.out) == (2, b"")
    assert failed.err.count("Error 5") == 2
    assert left == ({"out/one.jpg"}, b"made from what shots/one.jpg was")
    assert again == Done(code=0, out=b"out/one.jpg\nout/two.jpg\n", err="")


# The script for CI


@pytest.fixture
def script(bench: Bench) -> Bench:
    """Give a folder that the script for CI is in."""
    path = bench.folder / "make-pictures.sh"
    path.write_text(readme.example("# make-pictures.sh").text)
    path.chmod(0o755)
    return bench


AGAIN = "it did not run: try again later\n"
LOOK = "it may have run and be billed: look before you try again\n"
MEND = "fix the command or the pictures first\n"


@pytest.mark.parametrize(
    ("fault", "settings", "code", "said"),
    [
        ("busy-forever", ["PRODIA_COMPOSE_MAX_WAIT=0"], 6, AGAIN),
        ("cut", ["PRODIA_BASE_URL=http://127.0.0.1:9", "PRODIA_COMPOSE_MAX_WAIT=0"], 7, AGAIN),
        ("server-error", [], 9, LOOK),
        ("rejected", [], 5, MEND),
        ("unauthorised", [], 4, MEND),
    ],
)
def test_the_script_tells_exit_codes_apart(
    script: Bench, fault: str, settings: list[str], code: int, said: str
) -> None:
    """Whatever goes wrong, the script says what is to be done, and exits as the job did."""
    rehearsed = ["env", *settings, "./make-pictures.sh"]
    done = script.start(["prodia-compose", "sandbox", "--fault", fault, "--", *rehearsed])

    assert (done.code, done.text) == (code, said)
    assert not (script.folder / "out.jpg").exists()


def test_the_script_finds_out_before_it_pays(script: Bench) -> None:
    """A price over the limit, a place that is taken, a picture that is missing: nothing is sent."""
    costly = script.start(["env", "PRODIA_COMPOSE_MODEL=gemini-3-pro", "./make-pictures.sh"])
    (script.folder / "out.jpg").mkdir()
    taken = script.start(["./make-pictures.sh"])
    (script.folder / "scene.jpg").unlink()
    missing = script.start(["./make-pictures.sh"])

    assert [done.code for done in (costly, taken, missing)] == [12, 8, 3]
    assert {done.text for done in (costly, taken, missing)} == {MEND}
    assert script.sent() == []


def test_the_script_tells_where_the_picture_is(script: Bench, run: Run) -> None:
    """A picture that came and was not placed is fetched as the script says."""
    Image.new("RGB", (64, 64)).save(script.folder / "answer.png")
    png = (script.folder / "answer.png").read_bytes()
    with loopback.serve([loopback.multipart_ok(png, media_type="image/png")]) as service:
        argv = ["env", "PRODIA_COMPOSE_STRICT=1", "./make-pictures.sh"]
        done = script.start(argv, PRODIA_BASE_URL=service.url)
    (job,) = json.loads(run("jobs", "--json").out)["jobs"]
    fetched = run("jobs", "fetch", job["id"], "-o", "-")

    assert done.code == 10
    assert done.text == "a picture came: prodia-compose jobs show says where it is\n"
    assert fetched.out == png


def test_the_script_is_rehearsed(script: Bench, run: Run) -> None:
    """The two rehearsals run the script without a job for the service, or for the record."""
    good = script.run(readme.example("sandbox -- ./make").text)
    picture = (script.folder / "out.jpg").read_bytes()
    bad = script.run(readme.example("--fault drop-after").text)

    assert good == Done(code=0, out=b"out.jpg\n", err="")
    assert (bad.code, bad.text) == (9, LOOK)
    assert "may be billed" in bad.err
    assert (script.folder / "out.jpg").read_bytes() == picture
    assert script.sent() == []
    assert json.loads(run("jobs", "--json").out)["jobs"] == []


# Many machines


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("parallel -k", [{}]),
        (
            "SLURM_ARRAY",
            [{"SLURM_ARRAY_TASK_ID": part, "SLURM_ARRAY_TASK_COUNT": "3"} for part in "123"],
        ),
        ("JOB_COMPLETION_INDEX", [{"JOB_COMPLETION_INDEX": part} for part in "012"]),
    ],
)
def test_parts_of_a_batch_are_the_whole(
    bench: Bench, words: str, parts: list[dict[str, str]]
) -> None:
    """Each row is sent by one of them, once; a run of all rows finds it all done."""
    if words.startswith("parallel"):
        readme.need("parallel")
    text = readme.example(words).text
    ends = [bench.run(text, "sh", b"", **part) for part in parts]
    whole = bench.run("prodia-compose batch rows.jsonl --prompt-file prompt.txt")

    assert {(end.code, end.err) for end in ends} == {(0, "")}
    assert sorted("".join(end.text for end in ends).split()) == ["cup.jpg", "jug.jpg"]
    assert sorted(bench.sent()) == [["shots/one.jpg", "scene.jpg"], ["shots/two.jpg", "scene.jpg"]]
    assert (whole.code, sorted(whole.text.split())) == (0, ["cup.jpg", "jug.jpg"])


def test_a_cluster_prepares_the_pictures_of_a_table(bench: Bench, tmp_path: Path) -> None:
    """The pictures are as they are without it."""
    text = readme.example("--cluster tls://").text
    with clustering.Cluster(tmp_path / "dask") as cluster:
        cluster.work("one")
        done = bench.run(text.replace("tls://dask.example.com:8786", cluster.address))

    assert (done.code, done.text) == (0, "out/mug.jpg\nout/lamp.jpg\n"), done.err
    assert sorted(bench.sent()) == [["shots/one.jpg", "scene.jpg"], ["shots/two.jpg", "scene.jpg"]]
    assert cluster.log("worker")
