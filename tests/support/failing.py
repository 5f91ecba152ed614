"""Jobs whose disks fail: what each way of failing comes to, for whoever preloads `failing.c`.

Called with a folder to work in, a picture, and what to try: `place` or `keeping`. Prints a JSON
object: by the fault's name, what came of it.
"""

import ctypes
import errno
import io
import itertools
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from prodia_compose import errors, progress
from prodia_compose.client.answers import Answer, Output
from prodia_compose.client.answers.records import JobRecord
from prodia_compose.images.probe import received
from prodia_compose.inputs import blob
from prodia_compose.output import places
from prodia_compose.output.options import IfExists
from prodia_compose.output.placer import Placer
from prodia_compose.pipeline.run import Run

CALLS = ("open", "write", "fsync", "close", "link", "rename", "chmod", "unlink", "mkdir", "rmdir")

ERRNOS = (
    *("EPERM", "EACCES", "EINVAL", "ENOSYS", "ENOTSUP", "EIO", "ENOSPC", "EDQUOT", "EROFS"),
    *("EBUSY", "EXDEV", "ESTALE", "ENOENT"),
)

WAYS: dict[str, tuple[IfExists, bool, str]] = {
    "new": ("fail", False, "out.jpg"),
    "beside another": ("number", True, "out.jpg"),
    "over another": ("overwrite", True, "out.jpg"),
    "over what may come": ("overwrite", False, "out.jpg"),
    "in a new folder": ("fail", False, "new/out.jpg"),
}
"""By its name: the policy, whether the name is taken, and the name."""

NO_TMPFILE = ("tmpfile", errno.EOPNOTSUPP)


class Disks:
    """An output folder, a state folder and a TMPDIR of their own, and the picture that comes."""

    def __init__(self, top: Path, picture: bytes) -> None:
        self._library = ctypes.CDLL(None)
        self._picture = picture
        self.folders = {name: top / name for name in ("out", "state", "tmp")}
        tempfile.tempdir = str(self.folders["tmp"])

    def clear(self) -> None:
        """Empty all of them."""
        for folder in self.folders.values():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()

    def fail(self, call: str, error: int, folder: str) -> None:
        """Let a system call fail from now on, in one of the folders."""
        self._library.fail(call.encode(), error, f"{self.folders[folder]}/".encode())

    def heal(self) -> None:
        """Let all work again."""
        self._library.heal()

    def copies(self) -> set[Path]:
        """Return the files that are the picture, whole."""
        found = (file for folder in self.folders.values() for file in folder.rglob("*"))
        return {file for file in found if file.is_file() and file.read_bytes() == self._picture}

    def run(self, way: str, *faults: tuple[str, int, str], meanwhile: bool = False) -> str:
        """Prove a place, and put a picture there that was paid for; return what came of it.

        `meanwhile` is whether somebody takes the place in between, and the faults begin then.
        """
        self.clear()
        policy, is_taken, name = WAYS[way]
        path = self.folders["out"] / name
        if is_taken:
            path.write_bytes(b"old")
        answer = _answer(self._picture)
        for fault in () if meanwhile else faults:
            self.fail(*fault)
        try:
            place = places.prove(str(path), if_exists=policy, create_dirs=True)
        except errors.OutputError:
            self.heal()
            left = [file.name for file in self.folders["out"].rglob("*") if file.name != name]
            return "refused, leaving something" if left else "refused"
        if meanwhile:
            path.write_bytes(b"theirs")
        for fault in faults if meanwhile else ():
            self.fail(*fault)
        run = Run(progress.Stop())
        run.came(answer)
        stop = progress.Stop()
        placer = Placer(place=place, format=None, strict=False, stdout=io.BytesIO, stop=stop)
        self.watched = True
        try:
            with run.to_its_end():
                run.place(placer)
        except errors.NotPlacedError as error:
            self.heal()
            at = [Path(kept) for kept in run.kept if kept in error.message]
            return f"kept in {_within(at, self)}" if at and set(at) <= self.copies() else "lost"
        finally:
            self.watched = False
            self.heal()
        return "placed" if Path(run.saved[0].path) in self.copies() else "placed, but not whole"

    watched = False

    def watch(self, event: str, arguments: tuple[object, ...]) -> None:
        """Be an audit hook: of what was paid for, the last whole copy is never removed."""
        if self.watched and event == "os.remove":
            self.watched = False
            path = Path(str(arguments[0]))
            copies = self.copies()
            if path in copies and copies == {path}:
                raise AssertionError(f"the last whole copy is removed: {path}")
            self.watched = True


def _within(paths: list[Path], disks: Disks) -> str:
    (path,) = paths
    return next(name for name, folder in disks.folders.items() if path.is_relative_to(folder))


def _answer(data: bytes) -> Answer:
    output = Output(blob=blob.spool([data]), media_type="image/jpeg", filename=None)
    return Answer(media_type="", outputs=(output,), job=JobRecord(), raw=blob.spool([data]))


def _place(disks: Disks) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield each system call failing with each errno in the output folder, all the time."""
    for way, call, name in itertools.product(WAYS, CALLS, ERRNOS):
        fault = (call, getattr(errno, name), "out")
        for others in ((), ((*NO_TMPFILE, "out"),)):
            case = f"{way}: {call} {name}{' without O_TMPFILE' if others else ''}"
            yield case, lambda way=way, faults=(fault, *others): disks.run(way, *faults)  # type: ignore[misc]
    for name, way in itertools.product(ERRNOS, WAYS):
        both = [(call, getattr(errno, name), "out") for call in ("link", "rename", "chmod")]
        yield f"{way}: link, rename, chmod {name}", lambda way=way, both=both: disks.run(way, *both)  # type: ignore[misc]


def _keeping(disks: Disks) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield the same in the state folder, in TMPDIR or in both, when the place was taken."""
    for call, name in itertools.product(CALLS, ERRNOS):
        for folders in (("state",), ("tmp",), ("state", "tmp"), ("out", "state", "tmp")):
            faults = [(call, getattr(errno, name), folder) for folder in folders]
            case = f"{call} {name} in {' and '.join(folders)}"
            yield case, lambda faults=faults: disks.run("new", *faults, meanwhile=True)  # type: ignore[misc]


def main() -> None:
    """Do what the module says."""
    disks = Disks(Path(sys.argv[1]), Path(sys.argv[2]).read_bytes())
    looked = received.inspect(lambda: Path(sys.argv[2]).open("rb"))  # noqa: SIM115
    # Decoding it a thousand times tells nothing.
    received.inspect = lambda opener: looked  # noqa: ARG005 - as it is called
    sys.addaudithook(disks.watch)
    cases = {"place": _place, "keeping": _keeping}[sys.argv[3]](disks)
    json.dump({name: case() for name, case in cases}, sys.stdout)


if __name__ == "__main__":
    main()
