"""`batch --cluster`: pictures prepared by a real Dask cluster on loopback; jobs are sent from here."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import clustering
import pytest
from conftest import TOKEN, Done, Run, until
from PIL import Image

from prodia_compose.sandbox import server

pytestmark = pytest.mark.xdist_group("cluster")  # one cluster for all

ROWS = 6


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clustering.Cluster]:
    """Return a cluster with two workers."""
    with clustering.Cluster(tmp_path_factory.mktemp("dask") / "main") as started:
        started.work("one")
        started.work("two")
        yield started


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[clustering.Cluster]:
    """Return a cluster without a worker."""
    with clustering.Cluster(tmp_path / "lone") as started:
        yield started


@pytest.fixture
def rows(work: Path) -> Path:
    """Return a manifest of rows that have a picture of their own each, and one together."""
    lines = []
    for number in range(ROWS):
        with Image.open("product.jpg") as image:
            image.rotate(10 * number + 1).save(f"p{number}.png")
        images = [f"p{number}.png", "scene.jpg"]
        prompt = f"Put the mug from the first image on the table in the second image, {number}"
        lines.append(json.dumps({"id": f"r{number}", "images": images, "prompt": prompt}))
    manifest = work / "rows.jsonl"
    manifest.write_text("\n".join(lines))
    return manifest


BATCH = ("batch", "rows.jsonl", "-y", "--max-side", "400")


def ends(results: str = "rows.jsonl.results.jsonl") -> dict[str, dict[str, object]]:
    """Return the last line of each row in a results file."""
    lines = [json.loads(line) for line in Path(results).read_text().splitlines()]
    return {one["id"]: one for one in lines if one["schema"] == "prodia-compose/row@1"}


def statuses() -> set[object]:
    """Return what became of all rows."""
    return {one["status"] for one in ends().values()}


def is_clean(done: Done) -> bool:
    """Return whether no inner word of a library was said."""
    inner = ("Traceback", "distributed", "tornado", "Future", "asyncio", "Warning")
    return not any(word in done.err for word in inner)


@contextlib.contextmanager
def beside(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start the program, to be watched while it runs in the block."""
    command = [sys.executable, "-m", "prodia_compose", *argv]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        try:
            yield started
        finally:
            started.kill()


def waited(process: subprocess.Popen[bytes]) -> Done:
    """Return how a started program ended."""
    out, err = process.communicate(timeout=60)
    return Done(code=process.returncode, out=out, err=err.decode())


def test_a_row_sends_what_it_sends_without_a_cluster(
    rows: Path, cluster: clustering.Cluster, sandbox: server.Sandbox, process: Run
) -> None:
    """Equal digests, each row sent once; and the token is nowhere but here."""
    with clustering.Line(cluster.address) as line:
        far = process(
            *BATCH, "--cluster", line.address, "--token-file", _token_file(), "-o", "a{id}.jpg"
        )
    assert (far.code, len(sandbox.jobs)) == (0, ROWS), far.err
    near = process(*BATCH, "--results", "near.jsonl", "-o", "b{id}.jpg")

    assert near.code == 0
    assert is_clean(far)
    digests = {name: one["digest"] for name, one in ends().items()}
    assert digests == {name: one["digest"] for name, one in ends("near.jsonl").items()}
    assert len(digests) == ROWS
    assert far.text.split() == [f"ar{number}.jpg" for number in range(ROWS)]
    # All that left for the cluster: where pictures are, and neither token, prompt nor model.
    assert str(rows.parent / "p0.png").encode() in line.sent
    environs = [Path(f"/proc/{worker.pid}/environ") for worker in cluster.workers.values()]
    logs = (cluster.log("scheduler").encode(), cluster.log("worker").encode())
    shown = [bytes(line.sent), *logs, *(path.read_bytes() for path in environs)]
    for secret in (TOKEN, "Put the mug", "nano-banana"):
        assert not any(secret.encode() in one for one in shown), secret


def _token_file() -> str:
    Path("token").write_text(TOKEN)
    return "token"


def test_names_that_are_not_utf8_and_what_has_no_path(
    work: Path, cluster: clustering.Cluster, sandbox: server.Sandbox, process: Run
) -> None:
    """A picture's name is passed on as bytes; standard input is prepared here."""
    odd = os.fsencode(work) + b"/odd-\xff.jpg"
    shutil.copyfile(work / "product.jpg", odd)
    (work / "list").write_bytes(b"odd-\xff.jpg\nscene.jpg\n")
    prompt = ("-p", "Put {each} in the second image", "-m", "flux-2-pro", "--max-side", "300")
    argv = ("batch", "--each", "list", "-", "-y", "-o", "made/{each}.jpg", "--create-dirs", *prompt)
    done = process(*argv, "--cluster", cluster.address, stdin=(work / "product.jpg").read_bytes())

    assert (done.code, len(sandbox.jobs)) == (0, 2), done.err
    assert is_clean(done)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says where a process is")
def test_a_worker_that_sees_another_file_is_named(
    work: Path, cluster: clustering.Cluster, sandbox: server.Sandbox, process: Run
) -> None:
    """No file, a picture of another size, and one that only its pixels tell apart: none is sent."""
    for number, name in enumerate(("gone.bmp", "size.bmp", "same.bmp", "well.bmp")):
        Image.new("RGB", (40, 30), (9, 9, number)).save(name)
    Image.new("RGB", (41, 30)).save(cluster.folder / "size.bmp")
    Image.new("RGB", (40, 30), "red").save(cluster.folder / "same.bmp")
    shutil.copyfile("well.bmp", cluster.folder / "well.bmp")
    lines = [
        {"id": name, "images": [f"/proc/self/cwd/{name}.bmp", "scene.jpg"]}
        for name in ("gone", "size", "same", "well")
    ]
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    prompt = "Put the first image into the second image"
    done = process(*BATCH, "-p", prompt, "--cluster", cluster.address)

    assert (done.code, len(sandbox.jobs)) == (11, 1)
    assert {name: one["status"] for name, one in ends().items()} == {
        "gone": "refused",
        "size": "refused",
        "same": "refused",
        "well": "done",
    }
    shown = {
        name: next(line for line in done.err.splitlines() if f": {name}: " in line)
        for name in ("gone", "size", "same")
    }
    assert "gone.bmp: worker " in shown["gone"]
    assert "no such file" in shown["gone"]
    assert "size.bmp: worker " in shown["size"]
    assert "another file there" in shown["size"]
    assert "have changed since the batch began" in shown["same"]
    assert is_clean(done)


def test_what_comes_over_damaged_is_not_sent(
    rows: Path, cluster: clustering.Cluster, sandbox: server.Sandbox, process: Run
) -> None:
    """The bytes are compared with their hash; the rows are due again."""
    with clustering.Line(cluster.address, lambda data: data.replace(b"JFIF", b"JFIX")) as line:
        done = process(*BATCH, "--cluster", line.address)

    assert (done.code, len(sandbox.jobs)) == (11, 0)
    assert "came over damaged; run it again" in done.err
    assert statuses() == {"not-delivered"}
    assert is_clean(done)


def test_a_worker_killed_in_the_middle_loses_nothing(
    rows: Path, cluster: clustering.Cluster, sandbox: server.Sandbox
) -> None:
    """Another worker prepares what it had before it; one that comes back is used. No job twice."""
    cluster.work("third", cluster.waiting())
    with beside(*BATCH, "--cluster", cluster.address) as running:
        until(lambda: cluster.begun() > 0)
        cluster.kill("third")
        cluster.work("third")
        done = waited(running)

    assert (done.code, len(sandbox.jobs)) == (0, ROWS), done.err
    assert statuses() == {"done"}
    assert is_clean(done)
    cluster.kill("third")


def test_a_scheduler_that_goes_is_told_and_its_rows_are_due_again(
    rows: Path, lone: clustering.Cluster, sandbox: server.Sandbox, process: Run
) -> None:
    """What was prepared is sent, the rest is not; then all is done without a cluster, nothing twice."""
    lone.work("one", lone.waiting(free=4))
    argv = (*BATCH, "-j", "1", "--cluster", lone.address, "--connect-timeout", "2")
    with beside(*argv) as running:
        until(lambda: lone.begun() == 5 and len(sandbox.jobs) >= 1)
        lone.kill_scheduler()
        done = waited(running)

    before = len(sandbox.jobs)
    assert done.code == 11
    assert 1 <= before < ROWS
    assert "the scheduler is gone; this was not sent" in done.err
    assert is_clean(done)
    assert statuses() == {"done", "not-delivered"}
    again = process(*BATCH)
    assert (again.code, len(sandbox.jobs)) == (0, ROWS), again.err
    assert len({str(one["output"]) for one in ends().values()}) == ROWS


def test_without_workers_and_with_a_worker_of_another_version(
    rows: Path, lone: clustering.Cluster, sandbox: server.Sandbox, process: Run
) -> None:
    """The one is waited for as long as was said, the other is refused by its name; nothing is sent."""
    argv = (*BATCH, "--cluster", lone.address, "--connect-timeout", "1")
    none = process(*argv)
    assert (none.code, is_clean(none)) == (7, True)
    assert (
        f"--cluster {lone.address}: no worker is there, after 1 s; start some: dask worker"
        in none.messages
    )

    lone.work("right")
    lone.work("older", "import PIL.features, PIL.Image\nPIL.__version__ = '1.2.3'\n")
    other = process(*argv)

    assert (other.code, is_clean(other)) == (2, True)
    assert "worker older (tcp://127.0.0.1:" in other.messages
    assert "has Pillow 1.2.3 (here " in other.messages
    assert "right" not in other.messages
    lone.kill("older")
    lone.work("bare", "import sys\nsys.modules['prodia_compose.images.cluster'] = None\n")
    bare = process(*argv)

    assert (bare.code, is_clean(bare)) == (2, True)
    assert "worker bare (tcp://127.0.0.1:" in bare.messages
    assert "has prodia-compose none (here " in bare.messages
    assert sandbox.jobs == ()


def test_a_signal_while_pictures_are_prepared_elsewhere(
    rows: Path, lone: clustering.Cluster, sandbox: server.Sandbox
) -> None:
    """It ends preparing at once, whatever the workers do; what was sent is saved."""
    lone.work("one", lone.waiting(free=4))  # three rows run ahead, and share a picture
    with beside(*BATCH, "-j", "1", "--cluster", lone.address) as running:
        until(lambda: lone.begun() == 5 and len(sandbox.jobs) == 3)
        running.send_signal(signal.SIGINT)
        done = waited(running)

    assert (done.code, len(sandbox.jobs)) == (-signal.SIGINT, 3)
    assert "3 of 6 rows done" in done.err
    assert is_clean(done)


NO_DASK = "import sys; sys.modules['distributed'] = None; from prodia_compose.__main__ import entry_point; entry_point()"


@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        ("tls://127.0.0.1:1", 2, "DASK_DISTRIBUTED__COMM__TLS__"),
        ("tcp://127.0.0.1:1", 7, "no Dask scheduler answers there"),
        ("the silent", 7, "no Dask scheduler answers there"),
        ("the sandbox", 7, "no Dask scheduler answers there"),
    ],
)
def test_where_no_cluster_is(
    rows: Path, sandbox: server.Sandbox, process: Run, address: str, code: int, words: str
) -> None:
    """It is said in one line, which names the address and says what to do; nothing is sent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        known = {
            "the sandbox": sandbox.url.replace("http", "tcp"),
            "the silent": f"tcp://127.0.0.1:{silent.getsockname()[1]}",
        }
        address = known.get(address, address)
        done = process(*BATCH, "--cluster", address, "--connect-timeout", "1")

    assert (done.code, done.out) == (code, b""), done.err
    assert f"--cluster {address}: " in done.err
    assert words in done.err
    assert is_clean(done)
    assert sandbox.jobs == ()


def test_without_dask(rows: Path, sandbox: server.Sandbox) -> None:
    """What to install is said."""
    argv = [*BATCH, "--cluster", "tcp://127.0.0.1:1"]
    cure = shlex.quote(sys.executable).encode()
    done = subprocess.run([sys.executable, "-c", NO_DASK, *argv], capture_output=True, check=False)

    assert done.returncode == 2
    assert b"Dask is not installed\n" in done.stderr
    assert done.stderr.endswith(b": hint: %s -m pip install distributed\n" % cure)
    assert done.stderr.count(b"\n") == 2
