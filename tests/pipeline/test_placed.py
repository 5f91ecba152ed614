"""Output places that fail: decided before paying, or the picture is rescued after."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Run, disk
from PIL import Image

from prodia_compose.client.send import Sender, Sent
from prodia_compose.sandbox import server

LINE = ("compose", "product.jpg", "-p", "x")


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Return a way to let something happen while the service is at work."""

    def arrange(action: Callable[[], object]) -> None:
        send = Sender.send

        def send_then_act(*args: object, **kwargs: object) -> Sent:
            sent = send(*args, **kwargs)  # type: ignore[arg-type] # passed on as it came
            action()
            return sent

        monkeypatch.setattr(Sender, "send", send_then_act)

    return arrange


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 1.5 MB of its own."""
    with disk(tmp_path / "disk", "1536k") as folder:
        yield folder


def _kept(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "state/prodia-compose").glob("**/rescued/*"))


def _fill(folder: Path) -> None:
    """Leave no room on a disk."""
    with (folder / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(1 << 16)):
                pass
        except OSError:
            return


def test_a_full_disk_is_found_before_paying(
    run: Run, work: Path, sandbox: server.Sandbox, small_disk: Path
) -> None:
    """Where there is no room for a picture, nothing is sent and nothing is left."""
    _fill(small_disk)
    done = run(*LINE, "-o", small_disk / "out.jpg")

    assert (done.code, len(sandbox.jobs)) == (8, 0)
    assert "the disk is full" in done.err
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_disk_that_fills_up_meanwhile_loses_nothing(
    run: Run,
    work: Path,
    sandbox: server.Sandbox,
    small_disk: Path,
    tmp_path: Path,
    meanwhile: Callable[[Callable[[], object]], None],
) -> None:
    """The picture is kept in the state folder, whole, and named; the code is 10."""
    meanwhile(lambda: _fill(small_disk))
    done = run(*LINE, "-o", small_disk / "out.jpg")

    (kept,) = _kept(tmp_path)
    assert done.code == 10
    assert str(kept) in done.err
    assert kept.read_bytes()[-2:] == b"\xff\xd9"
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_folder_that_vanishes_meanwhile_loses_nothing(
    run: Run,
    work: Path,
    sandbox: server.Sandbox,
    tmp_path: Path,
    meanwhile: Callable[[Callable[[], object]], None],
) -> None:
    """The picture is kept and named when its folder is gone."""
    (work / "gone").mkdir()
    meanwhile((work / "gone").rmdir)
    done = run(*LINE, "-o", "gone/out.jpg")

    assert done.code == 10
    assert str(_kept(tmp_path)[0]) in done.err


@pytest.mark.parametrize(
    ("policy", "code", "name"),
    [
        ("fail", 10, None),
        ("skip", 10, None),
        ("number", 0, "out-2.jpg"),
        ("overwrite", 0, "out.jpg"),
    ],
)
def test_a_name_taken_meanwhile_is_never_lost(
    run: Run,
    work: Path,
    sandbox: server.Sandbox,
    tmp_path: Path,
    meanwhile: Callable[[Callable[[], object]], None],
    policy: str,
    code: int,
    name: str | None,
) -> None:
    """Whoever took the name keeps it unless told otherwise, and the picture is kept or numbered."""
    meanwhile(lambda: (work / "out.jpg").write_bytes(b"theirs"))
    done = run(*LINE, "-o", "out.jpg", "--if-exists", policy)

    assert done.code == code
    assert ((work / "out.jpg").read_bytes() == b"theirs") is (policy != "overwrite")
    assert len(_kept(tmp_path)) == (1 if code else 0)
    assert done.out == (b"" if name is None else f"{name}\n".encode())


def test_a_read_only_folder_is_found_before_paying(
    run: Run, work: Path, sandbox: server.Sandbox
) -> None:
    """A folder that may not be written to ends the run before sending."""
    (work / "locked").mkdir(mode=0o555)
    if os.access(work / "locked", os.W_OK):
        pytest.skip("root may write anywhere")
    done = run(*LINE, "-o", "locked/out.jpg")

    assert (done.code, len(sandbox.jobs)) == (8, 0)
    assert "permission denied" in done.err


@pytest.fixture
def waiting(work: Path, sandbox: server.Sandbox) -> Iterator[subprocess.Popen[bytes]]:
    """Return a run that has its picture, and waits for somebody to read the pipe it is for."""
    os.mkfifo(work / "fifo")
    argv = [sys.executable, "-m", "prodia_compose", *LINE, "-o", "fifo"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"prodia-compose: waiting for a reader of fifo\n"
        yield process
        process.kill()


def test_a_pipe_without_a_reader_is_waited_for(
    work: Path, waiting: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """The wait for a reader of `-o FIFO` is told, and ends when one comes."""
    picture = (work / "fifo").read_bytes()
    out, err = waiting.communicate()

    assert (waiting.returncode, out, err) == (0, b"fifo\n", b"")
    assert picture[-2:] == b"\xff\xd9"
    assert _kept(tmp_path) == []


def test_ctrl_c_while_waiting_for_a_reader_loses_nothing(
    waiting: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """The picture that nobody came to read is kept and named."""
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate()

    (kept,) = _kept(tmp_path)
    assert waiting.returncode == -signal.SIGINT
    assert str(kept) in err.decode()
    assert kept.read_bytes()[-2:] == b"\xff\xd9"


def test_no_room_for_temporary_files(
    process: Run, work: Path, sandbox: server.Sandbox, small_disk: Path
) -> None:
    """Without room in TMPDIR the run ends with 8 and says so, whatever needed the room."""
    noise = os.urandom(1 << 21)
    (work / "large.jpg").write_bytes((work / "scene.jpg").read_bytes() + noise)
    Image.frombytes("RGB", (900, 700), noise[: 900 * 700 * 3]).save(work / "large.png")

    for argv, stdin in (
        (["large.png", "--keep-metadata"], b""),
        (["-"], (work / "large.jpg").read_bytes()),
    ):
        done = process("compose", *argv, "-p", "x", stdin=stdin, TMPDIR=str(small_disk))
        assert (done.code, len(sandbox.jobs)) == (8, 0)
        assert "cannot write temporary files: No space left on device" in done.err
        assert "TMPDIR" in done.err
    assert list(small_disk.iterdir()) == []


def test_a_missing_tmpdir_is_made_up_for(process: Run, work: Path) -> None:
    """A TMPDIR that names no folder is passed over, as Python does, for the system's own."""
    done = process(*LINE, "--sandbox", TMPDIR="/no/such/folder")

    assert (done.code, done.text) == (0, "composed.jpg\n")


def test_a_working_folder_that_is_gone(process: Run, work: Path) -> None:
    """In a folder that was removed, absolute paths work and relative ones are told."""
    program = f"{sys.executable} -m prodia_compose"
    picture = work / "product.jpg"
    line = f"compose --sandbox {picture} -p x"
    gone = work / "gone"

    def there(*argv: str) -> subprocess.CompletedProcess[str]:
        gone.mkdir()
        command = f"cd {gone} && rmdir {gone} && {program} {' '.join(argv)}"
        return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    relative, saved, absolute, missing = (
        there(line),
        there(line, "-o", f"{work}/out.jpg", "--save-request", "request"),
        there(line, "-o", f"{work}/out.jpg"),
        there("validate", "product.jpg", "-p", "x"),
    )

    assert (relative.returncode, absolute.returncode, missing.returncode) == (8, 0, 3)
    assert saved.returncode == 8
    assert "--save-request request: " in saved.stderr
    assert "-o composed.jpg: no file can be made there\n" in relative.stderr
    assert absolute.stdout == f"{work}/out.jpg\n"
    assert "product.jpg: no such file" in missing.stderr


def test_without_a_home(work: Path, sandbox: server.Sandbox) -> None:
    """Without HOME and XDG_STATE_HOME the job runs all the same."""
    environ = {
        name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_STATE_HOME")
    }
    done = subprocess.run(
        [sys.executable, "-m", "prodia_compose", *LINE],
        capture_output=True,
        env={**environ, "PRODIA_COMPOSE_RECORD": "off"},
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, b"composed.jpg\n")


def test_with_few_descriptors(work: Path, sandbox: server.Sandbox) -> None:
    """Twenty open files are enough to make a picture."""
    command = f"ulimit -n 20; exec {sys.executable} -m prodia_compose {' '.join(LINE)}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "composed.jpg\n")


def test_a_changed_place_keeps_what_it_is_and_the_picture_is_kept(
    run: Run,
    work: Path,
    sandbox: server.Sandbox,
    tmp_path: Path,
    meanwhile: Callable[[Callable[[], object]], None],
) -> None:
    """A free name that became a link to /dev/null takes no picture: 10, and it is kept."""
    meanwhile(lambda: (work / "out.jpg").symlink_to("/dev/null"))
    done = run(*LINE, "-o", "out.jpg", "-f")

    (kept,) = _kept(tmp_path)
    assert (done.code, done.out) == (10, b"")
    assert "the name was taken meanwhile" in done.err
    assert kept.read_bytes()[-2:] == b"\xff\xd9"


# --- an input is never the output ---------------------------------------------------------


@pytest.mark.parametrize("policy", [("-f",), ("--if-exists", "overwrite"), ()])
@pytest.mark.parametrize(
    "inputs",
    [
        ("a.jpg",),
        ("hard.jpg",),
        ("soft.jpg",),
        ("scene.jpg", "-i", "mug=a.jpg"),
        ("-T", "list.txt"),
        ("-T", "-"),
        ("up/a.jpg",),
    ],
)
def test_no_input_is_written_over(
    run: Run, work: Path, sandbox: server.Sandbox, inputs: tuple[str, ...], policy: tuple[str, ...]
) -> None:
    """An input that is also the output is refused (8), by whatever name, also with `-f`."""
    (work / "product.jpg").rename("a.jpg")
    (work / "hard.jpg").hardlink_to("a.jpg")
    (work / "soft.jpg").symlink_to("a.jpg")
    (work / "up").symlink_to(work)
    (work / "list.txt").write_text("./a.jpg\n")
    before = (work / "a.jpg").read_bytes()
    line = (*inputs, "-p", "x", "-o", "a.jpg", *policy)
    made = run("compose", *line, stdin=b"a.jpg\n")
    checked = run("validate", *line, stdin=b"a.jpg\n")

    assert (made.code, checked.code, len(sandbox.jobs)) == (8, 8, 0)
    assert "-o a.jpg: is the input " in made.err
    assert "choose another name" in made.err
    assert (work / "a.jpg").read_bytes() == before


def test_no_input_on_stdin_is_written_over(work: Path, process: Run) -> None:
    """Also where the shell opened it."""
    program = f"{sys.executable} -m prodia_compose compose --sandbox - -p x -f -o scene.jpg"
    before = (work / "scene.jpg").read_bytes()
    done = subprocess.run(["sh", "-c", f"{program} < scene.jpg"], capture_output=True, check=False)

    assert (done.returncode, (work / "scene.jpg").read_bytes()) == (8, before)
    assert b"-o scene.jpg: is the input -" in done.stderr


@pytest.mark.parametrize("text", [("-T", "out"), ("product.jpg", "--prompt-file", "out")])
def test_no_text_that_is_read_is_written_over(run: Run, work: Path, text: tuple[str, ...]) -> None:
    """A list and a prompt are inputs too."""
    (work / "out").write_text("product.jpg\n")
    prompt = () if "--prompt-file" in text else ("-p", "x")
    done = run("compose", "--sandbox", *text, *prompt, "-o", "out", "-f")

    assert (done.code, (work / "out").read_text()) == (8, "product.jpg\n")
    assert "is the input out; choose another name" in done.messages


@pytest.mark.parametrize("link", [Path.hardlink_to, Path.symlink_to])
def test_no_saved_request_lies_on_an_input(
    run: Run, work: Path, link: Callable[[Path, Path], None]
) -> None:
    """A folder that holds an input by another name is refused, also with `-f`."""
    (work / "request").mkdir()
    link(work / "request" / "product.jpg", work / "product.jpg")
    done = run("compose", "product.jpg", "-p", "x", "--save-request", "request", "-f")

    assert done.code == 8
    assert "--save-request request: holds the input product.jpg" in done.err
    assert [path.name for path in (work / "request").iterdir()] == ["product.jpg"]


# --- skipping -------------------------------------------------------------------------------

SKIP = ("-o", "out.jpg", "--if-exists", "skip")


def test_a_taken_place_is_skipped_without_its_inputs(
    run: Run, work: Path, sandbox: server.Sandbox
) -> None:
    """No picture is opened, no token needed: the path is printed, and nothing else is wrong."""
    (work / "out.jpg").write_bytes(b"mine")
    for line in (
        ("gone.jpg", "http://127.0.0.1:9/gone.jpg", "-p", "the first image", *SKIP),
        ("gone/out.jpg", "-p", "x", "-o", "{first}.jpg", *SKIP[2:], "--max-cost", "0"),
        ("gone.jpg", "-p", "x", "-m", "workflow.x", "--strict", *SKIP),
    ):
        done = run("compose", *line, PRODIA_TOKEN="")
        assert (done.code, done.out, done.err) == (0, b"out.jpg\n", "")

    assert (len(sandbox.jobs), (work / "out.jpg").read_bytes()) == (0, b"mine")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (("-m", "nano-bananna"), 2),
        (("--set", "prompt=x"), 2),
        (("-m", "flux-2-flex", "--steps", "99"), 2),
        (("-T", "gone.txt"), 3),
        (("-i", "mug=a.jpg", "-i", "mug=b.jpg"), 2),
    ],
)
def test_a_wrong_command_line_is_told_before_skipping(
    run: Run, work: Path, wrong: tuple[str, ...], code: int
) -> None:
    """What is wrong with the line would be wrong with the next one, where nothing is skipped."""
    (work / "out.jpg").write_bytes(b"mine")
    done = run("compose", "product.jpg", "-p", "x", *SKIP, *wrong)

    assert (done.code, done.out) == (code, b"")


def test_a_check_says_that_it_would_skip(run: Run, work: Path) -> None:
    """`validate` and `-n` say "skipped", in words and in JSON."""
    (work / "out.jpg").write_bytes(b"mine")
    for command in (("validate",), ("compose", "-n")):
        words, document = (
            run(*command, "gone.jpg", "-p", "x", *SKIP, *form) for form in ((), ("--json",))
        )
        plan = json.loads(document.text)

        assert (words.code, document.code, words.err, document.err) == (0, 0, "", "")
        assert "output   out.jpg (jpg); exists already\n" in words.text
        assert words.text.endswith("result   skipped; nothing would be sent\n")
        assert (plan["ok"], plan["skipped"], plan["images"], plan["job"]) == (True, True, [], None)


def test_a_request_is_written_down_though_its_place_is_taken(run: Run, work: Path) -> None:
    """Who asks for the request gets it; only the job would not be sent."""
    (work / "out.jpg").write_bytes(b"mine")
    done = run("compose", "product.jpg", "-p", "x", *SKIP, "--save-request", "request")

    assert done.code == 0
    assert (work / "request/send.sh").exists()
    assert "result   skipped" in done.text


def test_skipping_costs_little(work: Path) -> None:
    """On two photos of 24 megapixels it takes at most a third of the work of making."""
    with Image.open("scene.jpg") as scene:
        scene.resize((6000, 4000)).save("a.jpg", quality=90)
    line = ("compose", "--sandbox", "a.jpg", "a.jpg", "-p", "the first image, the second image")

    def seconds(*options: str) -> float:
        before = os.times()
        argv = [sys.executable, "-m", "prodia_compose", *line, *options]
        subprocess.run(argv, check=True, capture_output=True)
        after = os.times()
        return after.children_user + after.children_system - before[2] - before[3]

    making = seconds(*SKIP)
    skipping = min(seconds(*SKIP) for _ in range(3))  # whatever else runs only adds to it
    assert skipping < making / 3


# --- names ----------------------------------------------------------------------------------


def test_without_a_name_pictures_are_numbered(run: Run, work: Path) -> None:
    """Without `-o` nothing is in the way; with it, or if asked to, a taken name is an error."""
    names = [run(*LINE, "--sandbox", "--format", "png").text for _ in range(3)]
    one = run(*LINE, "--sandbox", "--format", "png", "--if-exists", "fail")
    two = run(*LINE, "--sandbox", "-o", "composed.png")
    left = run(*LINE, "--sandbox", "--format", "png", "--if-exists", "skip")

    assert names == ["composed.png\n", "composed-2.png\n", "composed-3.png\n"]
    assert (one.code, two.code, left.text) == (8, 8, "composed.png\n")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (("gone.jpg",), 3),
        (("-m", "flux-2-flex", "--steps", "99"), 2),
        (("--max-cost", "0.001"), 12),
        (("-m", "workflow.x", "--strict"), 3),
    ],
)
def test_a_taken_name_is_told_alone(
    run: Run, work: Path, wrong: tuple[str, ...], code: int
) -> None:
    """What is really wrong is not told beside it; it is told when nothing else is wrong."""
    (work / "out.jpg").write_bytes(b"mine")
    done = run(*LINE, "--sandbox", "-o", "out.jpg", *wrong)
    alone = run(*LINE, "--sandbox", "-o", "out.jpg")
    unusable = run(*LINE, "--sandbox", "-o", "nowhere/out.jpg", *wrong)

    assert (done.code, alone.code, unusable.code) == (code, 8, min(code, 8))
    assert "exists already" not in done.err
    assert "-o out.jpg: exists already" in alone.err
    assert "there is no folder nowhere" in unusable.err


def test_a_wrong_template_is_told_before_pictures_are_looked_at(run: Run, work: Path) -> None:
    """A field that is none is paid for by nobody."""
    done = run("compose", "--sandbox", "gone.jpg", "-p", "x", "-o", "{steem}-{seed}.jpg")
    empty = run(*LINE, "--sandbox", "-o", "{seed}.jpg")
    variable = run(*LINE, "--sandbox", PRODIA_COMPOSE_OUTPUT="{stam}.jpg")

    assert (done.code, empty.code, variable.code) == (2, 2, 2)
    assert done.messages == (
        "prodia-compose: error: -o {steem}-{seed}.jpg: {steem} is no field; did you mean {stem}?;"
        " a literal brace is written twice\n"
    )
    assert "{seed} is empty" in empty.messages
    assert "PRODIA_COMPOSE_OUTPUT {stam}.jpg: {stam} is no field" in variable.messages


@pytest.mark.parametrize("seed", [("--seed", "7"), ("--set", "seed=7")])
def test_the_seed_can_be_in_the_name(run: Run, work: Path, seed: tuple[str, ...]) -> None:
    """`{seed}` is the seed that is sent."""
    line = ("-m", "workflow.x" if "--set" in seed else "flux-2-flex", *seed)
    done = run(*LINE, "--sandbox", *line, "-o", "{stem}-{seed}-{{n}}.jpg")

    assert (done.code, done.text) == (0, "product-7-{n}.jpg\n")
