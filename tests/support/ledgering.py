"""Claims and entries for the tests of the record, and the processes that write them.

Run as a program, it is one of those processes: it does what its first argument names,
and tells on standard output how far it is.
"""

import contextlib
import hashlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from prodia_compose.record import entries, home, ledger, open_entry

STEPS: tuple[entries.State, ...] = ("prepared", "sending", "accepted", "received", "saved")
OTHER_ENDS: tuple[entries.State, ...] = ("rejected", "busy", "not-delivered", "unknown")

SHA_1 = "1" * 64
SHA_2 = "2" * 64


def claim(
    prompt: str = "Put the mug on the table",
    *,
    model: str = "nano-banana",
    names: tuple[str, ...] = ("mug.jpg", "room.jpg"),
    hashes: tuple[str, ...] = (SHA_1, SHA_2),
    **others: Any,
) -> entries.Claim:
    """Return a claim, with other fields where given; two of the same arguments are twins."""
    config = {"prompt": prompt, "images": ["mug.jpg", "room.jpg"]}
    fields: dict[str, Any] = {
        "host": "inference.prodia.com",
        "digest": "sha256:" + "d" * 64,
        "request_key": hashlib.sha256(repr((prompt, model, hashes)).encode()).hexdigest(),
        "inputs": tuple(
            entries.Source(path=n, sent_sha256=h) for n, h in zip(names, hashes, strict=True)
        ),
        "output": "composed.jpg",
        "estimate_min_usd": 0.039,
        "estimate_usd": 0.039,
        "tool_version": "0.1.0",
        **others,
    }
    job = json.dumps({"type": f"inference.{model}.v2", "config": config})
    return entries.Claim(model=model, job_json=job.encode(), **fields)


def path() -> Path:
    """Return where the record of the environment is."""
    return (home.folder() or Path()) / ledger.FILE_NAME


def sql(statement: str, *values: str | float | None) -> list[tuple[object, ...]]:
    """Run a statement on the record behind its back."""
    with contextlib.closing(sqlite3.connect(path(), isolation_level=None)) as connection:
        return connection.execute(statement, values).fetchall()


def trouble(opened: ledger.Ledger) -> str:
    """Return what is said of a record that cannot be used."""
    return opened.trouble.message if opened.trouble else ""


def advance_to(entry: open_entry.OpenEntry, reached: entries.State) -> None:
    """Take a job that has begun to a state, by the way it would go."""
    is_step = reached in STEPS
    for step in STEPS[1 : STEPS.index(reached) + 1] if is_step else ("sending", reached):
        entry.advance(step)


@contextlib.contextmanager
def process(*argv: str, under: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """Give one of the processes below, started by a command; it is killed at the end of the block."""
    command, pipe = [*under, sys.executable, __file__, *argv], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def line(started: subprocess.Popen[str]) -> str:
    """Wait for the next line a process tells, and return it."""
    assert started.stdout is not None
    return started.stdout.readline().strip()


def go_on(started: subprocess.Popen[str]) -> None:
    """Have a process go on that waits."""
    print("go on", file=started.stdin, flush=True)


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def reach(reached: entries.State) -> None:
    """Take a job to a state, tell its id, and wait."""
    with ledger.open_record(os.environ) as opened:
        entry = opened.begin(claim())
        advance_to(entry, reached)
        _tell(f"{entry.id}")
        sys.stdin.readline()


def run_one(number: str) -> None:
    """Wait for the start, then record a whole run; tell what trouble there was."""
    _tell("ready")
    sys.stdin.readline()
    with ledger.open_record(os.environ, patience_s=120) as opened:
        entry = opened.begin(claim(prompt=f"run {number}"))
        advance_to(entry, "saved")
        _tell(f"{opened.trouble}")


def run_many() -> None:
    """Record runs without end, and tell the id of each once it has begun."""
    with ledger.open_record(os.environ) as opened:
        while True:
            entry = opened.begin(claim())
            _tell(f"{entry.id}")
            advance_to(entry, "saved")


def hold_lock(mode: str = "NORMAL", kind: str = "IMMEDIATE") -> None:
    """Keep the record locked for writers, or for readers too, until told to let go."""
    with contextlib.closing(sqlite3.connect(path(), isolation_level=None)) as connection:
        connection.execute(f"PRAGMA locking_mode = {mode}")
        connection.execute(f"BEGIN {kind}")
        _tell("locked")
        sys.stdin.readline()
    _tell("released")


def start_on_full_disk() -> None:
    """Record a whole run where no file may grow beyond 1 kB; tell what trouble there was."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    run_whole()


def run_whole() -> None:
    """Record a whole run; tell what trouble there was."""
    with ledger.open_record(os.environ) as opened:
        advance_to(opened.begin(claim()), "saved")
        _tell(f"{opened.trouble}")


def meet_full_disk() -> None:
    """Record a run during which the disk fills up; tell the trouble, then make room again."""
    room = resource.getrlimit(resource.RLIMIT_FSIZE)
    with ledger.open_record(os.environ) as opened:
        entry = opened.begin(claim())
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, room[1]))
        entry.advance("sending")
        _tell(f"{opened.trouble}")
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
        entry.advance("saved")


ROLES = (reach, run_one, run_many, run_whole, hold_lock, start_on_full_disk, meet_full_disk)

if __name__ == "__main__":
    roles: dict[str, Callable[..., None]] = {role.__name__: role for role in ROLES}
    roles[sys.argv[1]](*sys.argv[2:])
