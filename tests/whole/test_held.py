"""A picture that has come is never held by nobody: a signal at every line from its first byte on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import loopback
import pytest
from conftest import TOKEN

from prodia_compose.record import ledger

_DRIVER = """
import http.client, importlib, json, os, signal, sys
from pathlib import Path

from prodia_compose import cli

top, argv = Path(sys.argv[1]), sys.argv[2:]


def child(folder, act):
    # Run the program once in a folder of its own; `act` is called at each line from the first
    # byte of the answer on, the first time that line is reached.
    folder.mkdir()
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    (folder / "product.jpg").write_bytes((top / "product.jpg").read_bytes())
    os.chdir(folder)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(top / f"{folder.name}.{name}", os.O_CREAT | os.O_WRONLY), number)
    seen, has_begun = set(), False

    def trace(frame, event, argument):
        nonlocal has_begun
        code = frame.f_code
        if event == "return" and code.co_name == "readinto" and argument and not has_begun:
            has_begun = "connection" in code.co_filename
            if has_begun and not (top / "modules").exists():
                (top / "modules").write_text("\\n".join(sys.modules))
        place = (code.co_filename, frame.f_lineno)
        if has_begun and event == "line" and place not in seen:
            seen.add(place)
            act(place)
        return trace

    begin = http.client.HTTPResponse.begin

    def begin_traced(response):
        # Nothing of an answer has come before; to trace all that would take far longer.
        frame = sys._getframe()
        while frame is not None:
            frame.f_trace, frame = trace, frame.f_back
        sys.settrace(trace)
        return begin(response)

    http.client.HTTPResponse.begin = begin_traced
    sys.argv = ["prodia-compose", *argv]
    cli.entry_point()


def forked(folder, act):
    pid = os.fork()
    if not pid:
        child(folder, act)
    return pid


def log(place):
    with open(top / "lines", "a") as file:
        file.write(json.dumps(place) + "\\n")


def struck(number, signum):
    left = iter(range(number, -1, -1))

    def act(_place):
        if next(left) == 0:
            sys.settrace(None)
            signal.raise_signal(signum)

    return act


os.waitpid(forked(top / "log", log), 0)
for name in (top / "modules").read_text().split():  # what is loaded by then, for all at once
    if name.startswith(("prodia_compose", "requests", "urllib3", "PIL.")):
        importlib.import_module(name)
lines = [json.loads(line) for line in (top / "lines").read_text().splitlines()]
running, done = {}, []
for number in range(len(lines)):
    signum = (signal.SIGINT, signal.SIGTERM)[number % 2]
    running[forked(top / str(number), struck(number, signum))] = number
    while len(running) >= (2 if number < len(lines) - 1 else 1):
        pid, status = os.wait()
        done.append((running.pop(pid), os.waitstatus_to_exitcode(status)))
json.dump({"lines": lines, "done": done}, sys.stdout)
"""


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[Any]]]:
    """Return the folders of a run for each line, and how each ended."""
    top = tmp_path_factory.mktemp("held")
    picture = (Path(__file__).parent.parent / "images/product.jpg").read_bytes()
    (top / "product.jpg").write_bytes(picture)
    with loopback.serve([loopback.multipart_ok(picture)] * 5000) as service:
        done = subprocess.run(
            [sys.executable, "-c", _DRIVER, str(top), *_ARGV],
            env={**os.environ, "PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN},
            capture_output=True,
            check=True,
        )
    return top, json.loads(done.stdout)


_ARGV = ("compose", "product.jpg", "-p", "x", "-o", "out.jpg")


def test_a_signal_at_every_line_loses_no_picture(
    struck: tuple[Path, dict[str, list[Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture is in its place or kept, once; the message and the record say where."""
    top, told = struck
    picture = (top / "product.jpg").read_bytes()
    assert len(told["lines"]) > 500
    for number, status in told["done"]:
        folder = top / str(number)
        line = f"{told['lines'][number]}, exit status {status}"
        kept = list((folder / "state/prodia-compose").glob("rescued/*"))
        placed = list(folder.glob("out.jpg"))
        whole = [path for path in (*kept, *placed) if path.read_bytes() == picture]
        err = (top / f"{number}.err").read_text()

        assert len(kept) + len(placed) == len(whole) == 1, f"{line}: {kept} {placed}\n{err}"
        assert [path.name for path in folder.glob(".*")] == [], line
        assert status in (-signal.SIGINT, -signal.SIGTERM), f"{line}: {err}"
        if err:
            name = "out.jpg" if placed else str(kept[0])
            says = f"had been answered and is billed; the picture is kept as {name}\n"
            assert err.endswith(says), f"{line}: {err}"
        else:
            assert (top / f"{number}.out").read_text() == "out.jpg\n", line
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        with ledger.open_record(os.environ) as record:
            (entry,) = record.entries()
        assert entry.state == ("saved" if placed else "received"), line
