"""Disks that fail, one system call and one errno at a time: refused before paying, or placed."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import failing
import pytest
from conftest import SAMPLES, Run, need

SUPPORT = Path(failing.__file__).parent

NO_SYNC = ("EINVAL", "ENOSYS", "ENOTSUP")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a library to preload, whose system calls fail as they are told to."""
    need("gcc on Linux", is_there=sys.platform == "linux" and shutil.which("gcc") is not None)
    built = tmp_path_factory.mktemp("failing") / "failing.so"
    source = SUPPORT / "failing.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", built, source, "-ldl"], check=True)
    return str(built)


def tried(what: str, library: str, top: Path) -> Mapping[str, str]:
    """Return what came of each fault."""
    paths = (SUPPORT / "failing.py", top, SAMPLES / "product.jpg")
    program = [sys.executable, *map(str, paths), what]
    imports = os.pathsep.join(path for path in sys.path if path)
    environ = {"LD_PRELOAD": library, "PYTHONPATH": imports, "XDG_STATE_HOME": str(top / "state")}
    done = subprocess.run(
        program, env={**os.environ, **environ}, stdout=subprocess.PIPE, check=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def wrong(found: Mapping[str, str], expected: Mapping[str, str]) -> Mapping[str, tuple[str, str]]:
    """Return what is otherwise than expected, and what was."""
    return {case: (found[case], due) for case, due in expected.items() if found[case] != due}


def placed_or_refused(case: str) -> str:
    """Return what has to come of a fault that was there before the job was paid for."""
    way, call, name = re.match(
        r"(.+): (.+) (\w+)", case.removesuffix(" without O_TMPFILE")
    ).groups()  # type: ignore[union-attr]
    if call in ("open", "write", "close") or (call == "fsync" and name not in NO_SYNC):
        return "refused"
    if call in ("mkdir", "rmdir") and way == "in a new folder":
        return "refused, leaving something" if call == "rmdir" else "refused"
    if call == "unlink" and name != "ENOENT" and case.endswith("without O_TMPFILE"):
        return "refused, leaving something"  # what cannot be removed
    return "placed"


def test_nothing_is_paid_for_and_then_refused(library: str, tmp_path: Path) -> None:
    """Whatever fails all the time at the output place, a job is refused, or its picture placed."""
    found = tried("place", library, tmp_path)

    assert len(found) > 1000
    assert wrong(found, {case: placed_or_refused(case) for case in found}) == {}


def kept_where(case: str) -> str:
    """Return where a picture has to be kept whose place was taken meanwhile."""
    call, name, _, folders = case.split(" ", 3)
    bad = folders.split(" and ")
    if call == "mkdir" and "state" in bad:
        return "kept in tmp"
    is_unproved = call == "close" or (call == "fsync" and name not in NO_SYNC)
    if call not in ("open", "write") and not is_unproved:
        return "kept in state"
    if "state" not in bad or "tmp" not in bad:
        return "kept in tmp" if "state" in bad else "kept in state"
    if is_unproved:
        return "kept in state"  # whole as far as anybody knows
    return "lost" if "out" in bad else "kept in out"  # where it lay already


def test_no_whole_copy_is_removed_before_another_is_proved(library: str, tmp_path: Path) -> None:
    """Whatever fails in the state folder, in TMPDIR or in both, a picture is kept if it can be."""
    found = tried("keeping", library, tmp_path)

    assert len(found) > 500
    assert wrong(found, {case: kept_where(case) for case in found}) == {}


FAILING = {
    "fsync here": ("fsync:EINVAL:/work/", "new.jpg", 0),
    "fsync everywhere": ("fsync:ENOTSUP:/", "old.jpg", 0),
    "fsync with an error": ("fsync:EIO:/work/", "old.jpg", 8),
    "chmod": ("chmod:EPERM:/work/", "old.jpg", 0),
    "a name it does not take": ("tmpfile:EOPNOTSUPP:/work/,open:EINVAL:what?", "what?.jpg", 8),
    "link and rename": ("link:EPERM:/work/,rename:EXDEV:/work/", "new.jpg", 0),
}


@pytest.mark.parametrize("name", FAILING)
def test_what_fails_all_the_time(process: Run, work: Path, library: str, name: str) -> None:
    """`validate` tells what `compose` does: both refuse, or the picture is saved."""
    faults, target, code = FAILING[name]
    faults = re.sub(r"E[A-Z]+", lambda found: str(getattr(errno, found[0])), faults)
    (work / "old.jpg").write_bytes(b"old")
    (work / "old.jpg").chmod(0o600)
    environ = {"LD_PRELOAD": library, "FAILING": faults, "PRODIA_TOKEN": "t"}
    line = ("product.jpg", "-p", "x", "-f", "-o", target)
    checked = process("validate", *line, **environ)
    made = process("compose", "--sandbox", *line, **environ)

    assert (checked.code, made.code) == (code, code)
    assert code or (work / target).read_bytes()[:2] == b"\xff\xd8"
    assert (work / "old.jpg").stat().st_mode & 0o777 == 0o600
    assert not list(work.glob(".*"))
