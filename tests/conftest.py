"""What all tests share: a clean environment, pictures, and ways to call the program."""

import contextlib
import http.server
import io
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

import prodia_compose.pipeline.send  # noqa: F401 - else a thread loads it under a test's filters
from prodia_compose import cli
from prodia_compose.sandbox import handler, server
from prodia_compose.sandbox.service import SandboxOptions

SAMPLES = Path(__file__).parent / "images"

TOKEN = "sentinel-token-0b5c9e"

_CLEARED = ("PRODIA_", "NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "TERMINAL_WIDTH")

# While others run beside it, how long an example takes says nothing.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("patient", _patient)
settings.load_profile("patient")

for _number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
    if signal.getsignal(_number) == signal.SIG_IGN:
        # Whoever runs the tests ignores it (nohup); the processes that they start must not.
        signal.signal(_number, signal.SIG_DFL)


@dataclass(frozen=True)
class Done:
    """What a run of the program left: its exit code and all it wrote."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.out.decode()

    @property
    def messages(self) -> str:
        """What it wrote on stderr, what is wrong and the hints below it in one line."""
        text = self.err
        while (more := _HINT.sub(r"; \2\1", text)) != text:  # a warning's code stays at its end
            text = more
        return text


Run = Callable[..., Done]
_HINT = re.compile(r"( \[[a-z0-9-]+\])?\nprodia-compose: hint: (.*)")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give each test a folder of its own, and none of our variables, proxies, colours, or home."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name == "PRODIA_JS_SDK":
            continue  # where the tests find the vendor's client
        if name.startswith(_CLEARED) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, which is empty."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def work(here: Path) -> Path:
    """Return an own working folder that holds the two sample pictures."""
    for name in ("product.jpg", "scene.jpg"):
        shutil.copyfile(SAMPLES / name, here / name)
    return here


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a way to call the program in this process, streams and exit code caught."""

    def call(*argv: str | os.PathLike[str], stdin: bytes | None = b"", **env: str) -> Done:
        with monkeypatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            out, err = io.BytesIO(), io.BytesIO()
            streams = {
                "stdout": io.TextIOWrapper(out, encoding="utf-8", write_through=True),
                "stderr": io.TextIOWrapper(
                    err, encoding="utf-8", errors="backslashreplace", write_through=True
                ),
            }
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            patch.setattr(
                sys, "stdin", None if stdin is None else io.TextIOWrapper(io.BytesIO(stdin))
            )
            code = cli.main([os.fspath(argument) for argument in argv])
            return Done(code=code, out=out.getvalue(), err=err.getvalue().decode())

    return call


@pytest.fixture
def process() -> Run:
    """Return a way to call the program as a process of its own."""

    def call(*argv: str, stdin: bytes = b"", cwd: Path | None = None, **env: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "prodia_compose", *argv],
            input=stdin,
            capture_output=True,
            env={**os.environ, **env},
            cwd=cwd,
            check=False,
        )
        return Done(code=done.returncode, out=done.stdout, err=done.stderr.decode())

    return call


def need(what: str, *, is_there: bool) -> None:
    """Skip a test that lacks something, or fail it in CI, where nothing may be lacking."""
    if is_there:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI is set")
    pytest.skip(f"{what} is missing")


def until(condition: Callable[[], bool], *, patience_s: float = 30) -> None:
    """Wait for something another process or thread does; fail if it never does."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.01)


def at_once(*work: Callable[[], object]) -> None:
    """Do each piece of work in a thread of its own, all at one time, and wait for their ends."""
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Create files under a umask that hides nothing, so that modes are ours."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of XDG_STATE_HOME, which does not exist yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "deep" / "state"))
    return tmp_path / "deep" / "state"


def mode(path: Path) -> int:
    """Return the permission bits of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


@contextlib.contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small disk on a new folder for a while; skip the test where that cannot be done.

    Args:
        folder: What it is mounted on.
        size: As `mount` takes it: 24k.
    """
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def nolock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library that makes a file system one that cannot lock."""
    need("gcc", is_there=shutil.which("gcc") is not None and sys.platform == "linux")
    source = Path(__file__).parent / "support/nolock.c"
    library = tmp_path_factory.mktemp("nolock") / "nolock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[server.Sandbox]:
    """Start a sandbox and address the program to it, with a token."""
    with server.Sandbox(SandboxOptions(token=TOKEN)) as started:
        monkeypatch.setenv("PRODIA_BASE_URL", started.url)
        monkeypatch.setenv("PRODIA_TOKEN", TOKEN)
        yield started


@pytest.fixture
def paid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have sandboxes not say that they are some, so that their jobs count as paid for."""

    def send_header(self: handler.Handler, keyword: str, value: str) -> None:
        if keyword != "x-sandbox":
            http.server.BaseHTTPRequestHandler.send_header(self, keyword, value)

    monkeypatch.setattr(handler.Handler, "send_header", send_header)


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Return a way to make a picture file of any size, format and colour."""

    def make(
        name: str = "made.jpg",
        size: tuple[int, int] = (64, 48),
        colour: tuple[int, ...] | str = (200, 30, 30),
        mode: str = "RGB",
    ) -> Path:
        path = tmp_path / name
        Image.new(mode, size, colour).save(path)
        return path

    return make
