"""A file that is whole or absent: proved before, created, synced, and given its name.

What `prove_folder` does to a file that nobody sees, `create` does to the picture; so what
the one finds no fault with, the other can do.
"""

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from prodia_compose.inputs import blob

# A JPEG of a few megapixels; a folder that cannot take this cannot take the picture.
PROOF_BYTES = 1 << 20

# What fsync answers where there is nothing to sync to, as some FUSE and network disks do.
_NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)

_LONGEST_NAME = 255  # bytes


def prove_name(file: Path) -> None:
    """Find out whether a path can be a file's, by its length.

    Raises:
        OSError: It cannot.
    """
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in file.parts):
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))


def prove_folder(file: Path, *, create_dirs: bool) -> None:
    """Find out whether a new file can be made, in folders that are still to be made if so asked.

    Leaves no trace, not even if it is killed: the file that it writes has no name.

    Raises:
        OSError: It cannot.
    """
    folder, missing = file.parent, file.name
    while create_dirs and not folder.exists():
        folder, missing = folder.parent, folder.name
    if folder != file.parent:
        made = folder / _unused(missing)
        made.mkdir()
        made.rmdir()
    with _nameless(folder, file.name) as scratch:
        scratch.write(bytes(PROOF_BYTES))
        scratch.flush()
        sync(scratch.fileno())


def prove_replaceable(file: Path) -> None:
    """Find out whether an existing file can be replaced, or else be written as it stands.

    Raises:
        OSError: Neither is possible.
    """
    try:
        descriptor = _opened(file)
    except PermissionError as exc:
        # Where only its permission bits are in the way, another file can take its name.
        if exc.errno != errno.EACCES or _is_held(file):
            raise
        return
    os.close(descriptor)
    status = file.stat()
    if status.st_dev != file.parent.stat().st_dev:  # mounted from a disk that is not proved yet
        disk = shutil.disk_usage(file)
        if disk.total and disk.free + status.st_size < PROOF_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def create(data: blob.Blob, path: Path, mode: int, *, keeps_mode: bool = False) -> None:
    """Write what came to a new file, whole and synced, or leave none.

    A copy that is whole and perhaps not on disk stays: it is noted as a spare of the data.
    Made by `os.open` with a mode, so that the umask decides as for any file.

    Args:
        data: What is written.
        path: No file yet.
        mode: The permission bits, less what the umask takes.
        keeps_mode: Whether the umask takes nothing, as far as the system lets us.

    Raises:
        OSError: It could not be written, or there is one.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    is_whole = False
    try:
        with os.fdopen(descriptor, "wb") as file:
            with data.open() as source:
                shutil.copyfileobj(source, file)
            file.flush()
            is_whole = True
            if keeps_mode:
                with contextlib.suppress(OSError):  # another owner's disk: CIFS, exFAT
                    path.chmod(mode)
            sync(file.fileno())
        # Closed by now: a network disk may fail only there, and Windows renames no open file.
    except BaseException:
        if is_whole:
            data.spares.append(path)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
        raise


def link(temporary: Path, final: Path, data: blob.Blob) -> None:
    """Name a finished file without ever overwriting another.

    Raises:
        FileExistsError: The name is taken.
        OSError: No file can be called so.
    """
    try:
        os.link(temporary, final)
    except FileExistsError:
        raise
    except OSError:  # no hard links here (FAT, some network file systems)
        os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            replace(temporary, final, data)
        except BaseException:
            with contextlib.suppress(OSError):
                final.unlink()  # ours, and not whole
            raise


def replace(temporary: Path, final: Path, data: blob.Blob) -> None:
    """Put a finished file in another's place; where that cannot be, write its bytes there.

    It cannot be where something holds the other: a mount, a sticky folder, a disk that
    cannot rename.

    Raises:
        FileExistsError: It is no file any more.
        OSError: Neither could be done.
    """
    try:
        temporary.replace(final)
    except OSError:
        with os.fdopen(_opened(final), "wb") as file, data.open() as source:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), final) from None
            shutil.copyfileobj(source, file)
            file.truncate()
            file.flush()
            sync(file.fileno())


def sync(descriptor: int) -> None:
    """Bring a file's bytes to disk, where its file system knows how.

    Raises:
        OSError: They did not get there.
    """
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _NO_SYNC:
            raise


def sync_folder(folder: Path) -> None:
    """Make a new name survive a power cut, where the system lets us."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _opened(file: Path) -> int:
    """Return a descriptor to write an existing file by, as it stands; a pipe is not waited for."""
    own = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    return os.open(file, os.O_WRONLY | own)


def _is_held(file: Path) -> bool:
    """Return whether no other file can take the name of one that we may not write."""
    folder, owner = file.parent.stat(), file.stat().st_uid
    if folder.st_mode & stat.S_ISVTX and os.geteuid() not in (folder.st_uid, owner):
        return True
    escaped = re.sub(rb"[\\ \t\n]", lambda found: b"\\%03o" % found[0][0], os.fsencode(file))
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:  # not Linux: there files are no places to mount on
        return False
    return any(line.split(b" ")[4] == escaped for line in mounts)


@contextlib.contextmanager
def _nameless(folder: Path, name: str) -> Iterator[IO[bytes]]:
    """Open a new file without a name, as good as one of a name like this."""
    path: Path | None = None
    try:
        # By a path that ends in a slash: as everything in the folder is called.
        flags = getattr(os, "O_TMPFILE", 0) | os.O_WRONLY
        descriptor = os.open(os.path.join(folder, ""), flags, 0o666)  # noqa: PTH118 - as above
    except OSError:  # not Linux, or no such files here; else the same goes wrong again
        path = folder / _unused(name)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        with contextlib.suppress(OSError):
            path.unlink()
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    finally:
        if path is not None:
            path.unlink(missing_ok=True)  # where an open file keeps its name, as on Windows


def _unused(name: str) -> str:
    """Return a hidden name of the same characters: a disk may not take them all."""
    ending = f".{secrets.token_hex(6)}.part"
    while len(os.fsencode(name)) > _LONGEST_NAME - len(ending) - 1:
        name = name[:-1]
    return f".{name}{ending}"
