"""SIGINT, SIGTERM and SIGHUP at every stage of a run, sent to a real process."""

import array
import contextlib
import fcntl
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import loopback
import pytest
from conftest import TOKEN, until
from PIL import Image

from prodia_compose import errors
from prodia_compose.cli import boundary, signals
from prodia_compose.record import ledger

PROGRAM = [sys.executable, "-m", "prodia_compose", "compose", "-p", "x", "--json", "-vv"]

signals_to_send = pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])


@dataclass(frozen=True)
class Stage:
    """A run that has come to a stage, by the lines it has told so far, and stays there."""

    argv: Sequence[str] = ("product.jpg",)
    url: str = "http://127.0.0.1:9"
    reached: Callable[[Path], bool] = lambda _log: True
    submissions: Callable[[], int] = lambda: 0


def _preparing(_work: Path) -> contextlib.AbstractContextManager[Stage]:
    """An image on standard input that never ends."""
    return contextlib.nullcontext(Stage(argv=["-"], reached=Path.exists))


@contextlib.contextmanager
def _connecting(_work: Path) -> Iterator[Stage]:
    """A listener whose queue is full, so that a connection is neither made nor refused."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))

        shown = "> POST"
        yield Stage(url=f"http://127.0.0.1:{port}", reached=lambda log: shown in log.read_text())


@contextlib.contextmanager
def _served(
    answer: loopback.Answer, reached: Callable[[loopback.Server, Path], bool], *argv: str
) -> Iterator[Stage]:
    with loopback.serve([answer]) as service:
        yield Stage(
            argv=argv or ("product.jpg",),
            url=service.url,
            reached=lambda log: reached(service, log),
            submissions=lambda: service.submissions,
        )


def _uploading(work: Path) -> contextlib.AbstractContextManager[Stage]:
    """A service that stops reading in the middle of the body."""
    noise = Image.effect_noise((4400, 4000), 120).convert("RGB")
    noise.save(work / "large.jpg", quality=98, subsampling=0)

    def reached(service: loopback.Server, _: Path) -> bool:
        return any(request.size for request in service.requests)

    return _served(loopback.silent(read=1 << 16), reached, "large.jpg", "--no-resize")


def _waiting(_work: Path) -> contextlib.AbstractContextManager[Stage]:
    """A service that takes the job and says nothing."""
    return _served(loopback.silent(), lambda service, _: service.submissions == 1)


def _receiving(work: Path) -> contextlib.AbstractContextManager[Stage]:
    """A service that sends its answer byte by byte."""
    answer = loopback.multipart_ok((work / "scene.jpg").read_bytes())
    return _served(loopback.trickle(answer), lambda _, log: "< " in log.read_text())


STAGES = {
    "preparing": (_preparing, None, False),
    "connecting": (_connecting, "not-delivered", False),
    "uploading": (_uploading, "not-delivered", False),
    "waiting": (_waiting, "unknown", True),
    "receiving": (_receiving, "unknown", True),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@signals_to_send
@pytest.mark.parametrize("stage", STAGES)
def test_a_signal_ends_a_run_with_the_truth(
    work: Path, tmp_path: Path, stage: str, name: str
) -> None:
    """The code is 128 + n, the message tells whether the job may be billed, nothing is left."""
    number = getattr(signal, name)
    entered, state, may_be_billed = STAGES[stage]
    log = tmp_path / "stderr"
    with entered(work) as at, log.open("wb") as stderr:
        before = sorted(path.name for path in work.iterdir())
        env = {**os.environ, "PRODIA_BASE_URL": at.url, "PRODIA_TOKEN": TOKEN}
        argv, pipe = [*PROGRAM, *at.argv], subprocess.PIPE
        with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=stderr, env=env) as running:
            until(lambda: _has_handlers(running.pid) and at.reached(log))
            running.send_signal(number)
            if name == "SIGHUP":  # a terminal closes: the system sends one, and the shell another
                time.sleep(0.002)
                running.send_signal(number)
            assert running.stdout is not None
            out = running.stdout.read()
            running.wait(timeout=30)
        submissions = at.submissions()
    with ledger.open_record(os.environ) as record:
        states = [entry.state for entry in record.entries()]
    error = json.loads(log.read_text().splitlines()[-1])

    assert (running.returncode, error["exit_code"]) == (-number, 128 + number)
    assert (error["kind"], error["may_be_billed"]) == ("interrupted", may_be_billed)
    assert ("may be billed" in error["message"]) is may_be_billed
    assert ("https://app.prodia.com/api" in error["message"]) is may_be_billed
    assert states == ([] if state is None else [state])
    assert submissions == int(may_be_billed)
    assert out == b""
    assert sorted(path.name for path in work.iterdir()) == before
    assert TOKEN not in log.read_text()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that signals")
@pytest.mark.parametrize("depth", [1, 3])
def test_a_signal_in_a_finalizer_stops_the_run_too(
    depth: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Python ignores what is raised there: it is raised once more, until it is somewhere else."""

    class Dying:
        """Is stopped as it goes: the first by a signal, the others by what comes after it."""

        def __init__(self, left: int) -> None:
            self.left = left

        def __del__(self) -> None:
            if self.left == depth:
                signal.raise_signal(signal.SIGTERM)
            elif not waiting.wait(30):
                raise TimeoutError

    waiting = threading.Event()
    before = (sys.unraisablehook, signal.getsignal(signal.SIGALRM))
    with pytest.raises(errors.Interrupted) as stop, signals.handled():  # noqa: PT012
        for left in range(depth, 0, -1):
            Dying(left)
        waiting.wait(30)

    assert stop.value.code == 143
    assert (sys.unraisablehook, signal.getsignal(signal.SIGALRM)) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that signals")
def test_what_a_finalizer_swallowed_is_not_raised_where_signals_are_deferred() -> None:
    """The timer that raises it once more finds the run holding a picture: the flag must do."""

    class Dying:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    with signals.handled() as stop:
        Dying()
        stop.defer()
        until(lambda: signal.getitimer(signal.ITIMER_REAL) == (0, 0))

    assert stop.signum == signal.SIGTERM


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_a_signal_ends_a_run_whose_reader_is_stuck(work: Path, tmp_path: Path) -> None:
    """The end of a picture that a full pipe did not take is not waited for again at the end."""
    picture = (work / "scene.jpg").read_bytes().ljust((1 << 16) + 500, b"\0")
    reader, writer = os.pipe()
    log = tmp_path / "stderr"
    env = {**os.environ, "PRODIA_TOKEN": TOKEN, "PYTHONUNBUFFERED": ""}
    try:
        with (
            loopback.serve([loopback.ok(picture)]) as service,
            log.open("wb") as stderr,
            subprocess.Popen(
                [*PROGRAM[:3], "compose", "product.jpg", "-p", "x", "-o", "-"],
                stdout=writer,
                stderr=stderr,
                env={**env, "PRODIA_BASE_URL": service.url},
            ) as running,
        ):
            until(lambda: _bytes_in(reader) == 1 << 16)
            running.send_signal(signal.SIGINT)
            try:
                running.wait(timeout=10)
            finally:
                running.kill()
    finally:
        os.close(reader)
        os.close(writer)
    kept = log.read_text().rpartition("the picture is kept as ")[2].strip()

    assert running.returncode == -signal.SIGINT
    assert Path(kept).read_bytes() == picture


def _bytes_in(pipe: int) -> int:
    waiting = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    return waiting[0]


_STRUCK = """
import runpy, signal, sys
left = int(sys.argv.pop(1))
def strike(event, arguments):
    global left
    if event == "import" and "prodia_compose.cli" in (arguments[0], *sys.modules):
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGINT)
sys.addaudithook(strike)
runpy.run_module("prodia_compose", run_name="__main__", alter_sys=True)
"""
"""The program, with Ctrl-C at one of the modules that it loads, counted from 1."""


@pytest.mark.parametrize("number", [1, 2, 3, 5, 8, 20, 40])
def test_ctrl_c_while_the_program_starts_just_ends_it(number: int) -> None:
    """From its first line on there is no traceback, whatever is being loaded."""
    argv = [sys.executable, "-c", _STRUCK, str(number), "models", "nano-banana"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (-signal.SIGINT, "")
    assert done.stderr in ("", "prodia-compose: stopped by SIGINT\n")


def test_a_signal_that_python_wraps_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that strikes as a class is made comes out as another exception, or in its context."""

    def load(**_: object) -> None:
        try:
            raise errors.Interrupted(signal.SIGTERM)
        finally:
            del load.nothing  # type: ignore[attr-defined] # on purpose: raises another one

    monkeypatch.setattr(boundary, "app", load)

    assert boundary.run(["models"]) == 143
    assert capsys.readouterr().err == "prodia-compose: stopped by SIGTERM\n"


# Under `sandbox -- CMD`


_COUNTING = """
import signal, sys
wanted = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
print("ready", flush=True)
came = signal.sigwait(wanted)
again = signal.sigtimedwait(wanted, float(sys.argv[1]))
print(came, "alone" if again is None else "and again")
sys.exit(40 + came)
"""
"""A command that tells whether a signal came once, and ends with a status of its own."""

_WITH_GRACE = """
import sys
from prodia_compose import cli
from prodia_compose.cli.commands import sandbox
sandbox.GRACE_S = float(sys.argv.pop(1))
cli.entry_point()
"""


@contextlib.contextmanager
def _rehearsing(
    *command: str, grace_s: float = 60, options: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `sandbox -- COMMAND` in a process group of its own."""
    wrapper = [sys.executable, "-c", _WITH_GRACE, str(grace_s), "sandbox", *options, "--"]
    with subprocess.Popen(
        [*wrapper, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as running:
        try:
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)


def _to_group(wrapper: int, number: int) -> None:
    os.killpg(wrapper, number)


def _as_timeout(wrapper: int, number: int) -> None:
    os.kill(wrapper, number)
    os.killpg(wrapper, number)


def _hear(running: subprocess.Popen[bytes], line: bytes = b"ready\n") -> None:
    assert running.stdout is not None
    assert running.stdout.readline() == line


@signals_to_send
@pytest.mark.parametrize(
    ("send", "grace_s"),
    [(_to_group, 60), (_as_timeout, 60), (os.kill, 0.05)],
    ids=["group", "timeout", "sandbox-alone"],
)
def test_a_signal_reaches_the_command_once(
    send: Callable[[int, int], None], grace_s: float, name: str
) -> None:
    """What was sent to both is not passed on, what was not is, after the grace; the status is its."""
    number = getattr(signal, name)
    with _rehearsing(sys.executable, "-c", _COUNTING, "0.3", grace_s=grace_s) as running:
        _hear(running)
        send(running.pid, number)
        out, err = running.communicate(timeout=30)

    assert (out.decode(), err.decode()) == (f"{int(number)} alone\n", "")
    assert running.returncode == 40 + number


@signals_to_send
def test_a_rehearsed_job_that_is_stopped_is_told(work: Path, name: str) -> None:
    """`compose` says how far its job was as it does without the sandbox around it, every time."""
    number = getattr(signal, name)
    with _rehearsing(*PROGRAM, "product.jpg", options=("--latency", "30")) as running:
        shown = running.stderr or ()
        before = list(itertools.takewhile(lambda line: line != b"> Authorization: ***\n", shown))
        assert any(line.startswith(b"> POST") for line in before)
        _to_group(running.pid, number)
        out, err = running.communicate(timeout=30)
    error = json.loads(err.splitlines()[-1])

    assert (error["kind"], error["exit_code"]) == ("interrupted", 128 + number)
    assert (running.returncode, out) == (-number, b"")
    assert sorted(path.name for path in work.iterdir()) == ["product.jpg", "scene.jpg"]


def test_a_command_that_ends_at_once_by_a_signal_keeps_its_status() -> None:
    """The status is the command's also when it ends in the very moment the signal comes."""
    ending = "trap 'exit 7' TERM; echo ready; while :; do :; done"
    for _ in range(5):
        with _rehearsing("sh", "-c", ending) as running:
            _hear(running)
            _to_group(running.pid, signal.SIGTERM)
            assert running.wait(timeout=30) == 7


def test_a_command_hears_each_signal_until_it_ends() -> None:
    """One that changed nothing can be sent again, and another one too; nothing is orphaned."""
    lasting = "trap 'echo heard' TERM; trap 'exit 7' HUP; echo ready; while :; do :; done"
    with _rehearsing("sh", "-c", lasting, grace_s=0.01) as running:
        _hear(running)
        running.terminate()
        _hear(running, b"heard\n")
        running.terminate()
        _hear(running, b"heard\n")
        running.send_signal(signal.SIGHUP)
        assert running.wait(timeout=30) == 7


def _has_handlers(pid: int) -> bool:
    """Return whether the process has set its own handlers for the three signals."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = int(next(line.split()[1] for line in lines if line.startswith("SigCgt")), 16)
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    return all(caught >> (number - 1) & 1 for number in numbers)
