"""One mutated answer through the whole command, and what must be true of it afterwards."""

import io
import os
import sys
from pathlib import Path
from unittest import mock

import loopback
import mutations
import submitting

from prodia_compose import cli
from prodia_compose.record import entries, ledger

_STATES: dict[int, entries.State] = {
    0: "saved", 4: "rejected", 5: "rejected", 6: "busy", 9: "unknown", 10: "received",
}  # fmt: skip


def problems(seed: int, folder: Path, *, tls: bool) -> list[str]:
    """Send a job that is answered with the mutated answer of a seed; return what is wrong.

    Args:
        seed: Of the answer.
        folder: A new one, for all files.
        tls: Whether the answer comes over TLS.
    """
    folder.mkdir()
    picture = folder / "in.jpg"
    picture.write_bytes(mutations.pictures()[0])
    mutated = mutations.answer(seed)
    argv = ["compose", str(picture), "-p", "x", "-o", str(folder / "out" / "out.jpg")]
    argv += ["--create-dirs", "--max-wait", "0", "--timeout", "10"]
    with submitting.serving(loopback.raw(mutated.wire), tls=tls) as server:
        ours = {"PRODIA_BASE_URL": server.url, "PRODIA_TOKEN": submitting.TOKEN}
        state = {"XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder)}
        with mock.patch.dict(os.environ, ours | state):
            code, shown = _called(argv)
            with ledger.open_record(os.environ) as record:
                (entry,) = record.entries()
    saved = [path.read_bytes() for path in (folder / "out").glob("*")]
    kept = sorted((folder / "state").rglob("rescued/*"))
    found = [*saved, *(path.read_bytes() for path in kept)]
    is_refused = code in (4, 5, 6)  # what refuses a job brings no picture
    checks = {
        "a traceback": "Traceback" not in shown and code in _STATES,
        f"{server.submissions} POSTs, {server.connections} connections": (
            server.submissions == server.connections == 1
        ),
        "a picture is lost": is_refused
        or all(any(picture in data for data in found) for picture in mutated.pictures),
        "a legal answer is not taken": not mutated.is_legal
        or (code, sorted(saved), kept) == (0, sorted(mutated.pictures), []),
        f"the row says {entry.state} and {entry.exit_code}": (
            (entry.state, entry.exit_code) == (_STATES.get(code), code)
        ),
        "the row names other files": sorted(entry.rescued) == [str(path) for path in kept],
        "a kept file is not named": all(str(path) in shown for path in kept),
        "saved, and no success": code in (0, 10) or not saved,
    }
    wrong = [name for name, is_right in checks.items() if not is_right]
    scheme = "https" if tls else "http"
    about = f"seed {seed}, {scheme}, exit code {code}, {mutated.oddities}: {shown.strip()}"
    return [f"{name}: {about}" for name in wrong]


def _called(argv: list[str]) -> tuple[int, str]:
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with mock.patch.object(sys, "stdout", out), mock.patch.object(sys, "stderr", err):
        code = cli.main(argv)
    return code, err.buffer.getvalue().decode()
