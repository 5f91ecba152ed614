"""Who is still at a job: the lock that each process holds, and what shows where there is none."""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from unittest import mock

import ledgering as lg
import pytest
from conftest import need, until

from prodia_compose.record import database, entries, ledger
from prodia_compose.record.lease import Lease, is_running

UNSHARE = ("unshare", "--pid", "--fork", "--kill-child")

KILLED: dict[entries.State, entries.State] = {
    "prepared": "not-delivered",
    **dict.fromkeys(lg.STEPS[1:4], "unknown"),
}
"""What a job counts as once its process has been killed in a state that is no end."""

ENDS = (*lg.STEPS[1:], *lg.OTHER_ENDS)


def locks() -> set[str]:
    """Return the names of the lock files there are."""
    return {file.stem for file in (lg.path().parent / "running").glob("*")}


@pytest.mark.skipif(sys.platform != "linux", reason="containers are Linux's")
def test_a_process_of_another_container_is_seen_alive_and_dead() -> None:
    """Where process numbers are others, a job counts as running until its process is killed."""
    ways = [UNSHARE, (*UNSHARE, "--user", "--map-root-user")] if shutil.which("unshare") else []
    way = next((way for way in ways if subprocess.call([*way, "true"]) == 0), None)
    need("the right to unshare process numbers", is_there=way is not None)
    assert way is not None

    there = lg.process("reach", "sending", under=way)
    with there as started, ledger.open_record({}) as opened:
        name = lg.line(started)
        alive = opened.find(name)
        started.kill()
        until(lambda: not opened.find(name).is_running)

        assert (alive.state, alive.is_running, alive.pid) == ("sending", True, 1)
        assert opened.find(name).state == "unknown"


@pytest.mark.parametrize("reached", [*lg.STEPS, *lg.OTHER_ENDS])
def test_kill_at_each_state(reached: entries.State) -> None:
    """A job counts as running until its process is killed, and then as what it must be."""
    with lg.process("reach", reached) as started, ledger.open_record({}) as opened:
        name = lg.line(started)
        before, twin_before = opened.find(name), opened.unknown_twin(lg.claim())
        os.kill(started.pid, signal.SIGKILL)
        os.waitid(os.P_PID, started.pid, os.WEXITED | os.WNOWAIT)  # and leave it a zombie
        after, twin = opened.find(name), opened.unknown_twin(lg.claim())

    state = KILLED.get(reached, reached)
    assert (before.state, before.is_running) == (reached, reached in KILLED)
    assert (twin_before is not None) == (reached == "unknown")
    assert (after.state, after.reached, after.is_running) == (state, reached, False)
    assert (twin.id if twin else None) == (name if state == "unknown" else None)


def test_what_the_dead_have_left_is_removed() -> None:
    """A run leaves no lock file behind, and takes those of killed ones away with it."""
    with lg.process("reach", "saved") as killed, lg.process("reach", "saved") as running:
        lg.line(killed), lg.line(running)
        assert len(locks()) == 2
        killed.kill()
        killed.wait()
        with ledger.open_record({}) as opened:
            for number in range(3):
                opened.begin(lg.claim(prompt=f"run {number}"))
            assert len(locks()) == 2
        assert len(locks()) == 1


@pytest.mark.parametrize("start", ["", "/12345", "another-boot/12345", "../jobs", "f" * 16])
def test_what_names_no_living_process(start: str) -> None:
    """A row of 0.1.0, a damaged and an old one are nobody's, though a process has their number."""
    with ledger.open_record({}) as opened:
        entry = opened.begin(lg.claim())
        entry.advance("sending")
        lg.sql("UPDATE jobs SET process = ?", start)

        found = opened.find(str(entry.id))
        assert (found.state, found.is_running) == ("unknown", False)
        entry.advance("accepted")
        assert opened.find(str(entry.id)).is_running


def _fails_with(number: int) -> Callable[[pytest.MonkeyPatch], None]:
    flock = mock.Mock(side_effect=OSError(number, os.strerror(number)))
    return lambda patch: patch.setattr(fcntl, "flock", flock)


@pytest.mark.parametrize(
    "spoil",
    [
        *map(_fails_with, (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL)),
        lambda patch: patch.setitem(sys.modules, "fcntl", None),
        lambda _: (lg.path().parent / "running").touch(),
    ],
    ids=["no-locks", "not-supported", "invalid", "windows", "no-folder"],
)
@pytest.mark.parametrize("is_dead", [False, True])
def test_without_locks_the_process_number_counts(
    monkeypatch: pytest.MonkeyPatch, spoil: Callable[[pytest.MonkeyPatch], None], *, is_dead: bool
) -> None:
    """Where nothing can be locked, a job counts as running while some process has that number."""
    with lg.process("reach", "prepared") as started:
        lg.line(started)
    with monkeypatch.context() as patch, ledger.open_record({}) as opened:
        shutil.rmtree(lg.path().parent / "running")
        spoil(patch)
        entry = opened.begin(lg.claim())
        if is_dead:
            lg.sql("UPDATE jobs SET pid = ?", started.pid)

        assert opened.trouble is None
        assert opened.find(str(entry.id)).is_running == (not is_dead)
    assert list(lg.path().parent.rglob("*.lock")) == []


@pytest.mark.parametrize("pid", [0, -1, 1 << 62])
def test_what_is_no_process_number(pid: int) -> None:
    """What stands for a group of processes, or nothing, is no process."""
    assert is_running(Path(), "no-lock", pid) is False


@pytest.mark.parametrize(
    ("error", "is_there"), [(PermissionError(), True), (ProcessLookupError(), False)]
)
def test_a_process_of_another_user(
    monkeypatch: pytest.MonkeyPatch, error: OSError, *, is_there: bool
) -> None:
    """That we may not signal it shows that it is there."""
    monkeypatch.setattr(os, "kill", mock.Mock(side_effect=error))
    assert is_running(Path(), "no-lock", 4321) is is_there
    assert mock.call(4321, 0) == os.kill.mock_calls[0]  # type: ignore[attr-defined] # it is a mock


def test_leases_taken_while_others_look_for_leftovers(tmp_path: Path) -> None:
    """Whoever has a lease is seen to have it, although each new one takes the leftovers away."""

    def live() -> None:
        for _ in range(100):
            lease = Lease(tmp_path)
            assert is_running(tmp_path, lease.token, 0)
            lease.release()
            assert is_running(tmp_path, lease.token, 0) is False

    with futures.ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(live) for _ in range(4)]:
            done.result()
    assert list((tmp_path / "running").iterdir()) == []


def test_threads_share_a_record() -> None:
    """Jobs of several threads are written by one ledger, each with its own end."""
    start = threading.Barrier(len(ENDS))

    def run(number: int, end: entries.State) -> None:
        start.wait()
        entry = opened.begin(lg.claim(prompt=end))
        lg.advance_to(entry, end)
        entry.advance(end, exit_code=number, job_id=f"job-{number}")

    with ledger.open_record({}) as opened, futures.ThreadPoolExecutor(len(ENDS)) as pool:
        for done in [pool.submit(run, number, end) for number, end in enumerate(ENDS)]:
            done.result()
        found = opened.entries()
        assert len(locks()) == 1

    shown = [(one.exit_code, one.reached, one.config["prompt"], one.job_id) for one in found]
    assert opened.trouble is None
    assert sorted(shown) == [(n, end, end, f"job-{n}") for n, end in enumerate(ENDS)]


def test_a_signal_in_the_middle_of_a_write_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An interrupted write is not done, and other threads go on writing."""
    with ledger.open_record({}) as opened, futures.ThreadPoolExecutor(1) as pool:
        entry = opened.begin(lg.claim())
        with monkeypatch.context() as patch:
            patch.setattr(database.Database, "write", mock.Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                entry.advance("sending")
        pool.submit(entry.advance, "accepted").result(timeout=30)
        assert opened.find(str(entry.id)).reached == "accepted"


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, Path.mkdir, lambda path: path.symlink_to(path.name)],
    ids=["fifo", "folder", "loop"],
)
def test_odd_things_among_the_locks(make: Callable[[Path], object]) -> None:
    """What else lies among the locks is not waited for, and keeps nobody from having one."""
    odd = lg.path().parent / "running/0123456789abcdef.lock"
    odd.parent.mkdir(parents=True)
    make(odd)
    with ledger.open_record({}) as record:
        entry = record.begin(lg.claim())
        entry.advance("sending")

        assert record.find(str(entry.id)).is_running
        assert lg.sql("SELECT process FROM jobs") != [("no-lock",)]
