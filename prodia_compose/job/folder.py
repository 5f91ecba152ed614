"""A request written down in a folder: its parts, and a script that sends them with curl.

The folder is proved before any picture is prepared, and is filled whole or not at all.
"""

import errno
import os
import re
import shlex
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import prodia_compose
from prodia_compose import addresses, errors
from prodia_compose.client import multipart, service
from prodia_compose.client.options import Delivery
from prodia_compose.output import streams
from prodia_compose.output.options import Placement

SCRIPT_NAME = "send.sh"
"""The script's name in the folder; no part is called so, by its suffix."""


def prove(
    folder: str, placement: Placement, inputs: Sequence[tuple[str, Path]], called: str
) -> None:
    """Find out whether a request can be written to a folder, and leave no trace of it.

    Args:
        folder: As typed; new or empty, unless `placement.force`.
        placement: Also says whether it may be in folders that are still to be made.
        inputs: (path as typed, file) of the inputs that are files; a folder that holds one
            is refused, since a part goes by its input's name and would replace it.
        called: What the folder came from, for messages.

    Raises:
        errors.UsageError: It is no name for a folder.
        errors.OutputError: It is taken, not writable, an address, or no folder.
    """
    if folder == "-":
        raise errors.UsageError(f"{called} -: standard output is no folder", "./- is one")
    if addresses.scheme(folder) is not None:
        shown = addresses.shown(folder)
        raise errors.OutputError(f"{called} {shown}: is an address", "name a folder", path=shown)
    with _as_output_error(folder, called):
        real = Path(os.path.realpath(folder))  # fails where the working folder is gone
        if streams.status(str(real)) is not None:
            _refuse_full(real, over=placement.force)
            _refuse_inputs(real, inputs)
            place = real
        else:
            if not placement.create_dirs and streams.status(str(real.parent)) is None:
                message = "there is no folder to make it in"
                raise errors.OutputError(message, "--create-dirs makes that too")
            place = next(parent for parent in real.parents if parent.exists())
        if not os.access(place, os.W_OK | os.X_OK):
            raise errors.OutputError("not writable", "choose another folder")


def _refuse_full(real: Path, *, over: bool) -> None:
    if not real.is_dir():
        raise errors.OutputError("is no folder", "name one")
    if not over and any(real.iterdir()):
        raise errors.OutputError("holds files already", "-f replaces those of the same names")


def _refuse_inputs(real: Path, inputs: Sequence[tuple[str, Path]]) -> None:
    """Refuse a folder that holds an input, under whatever name it has there."""
    held = [file.stat() for file in real.iterdir() if file.is_file()]
    for shown, file in inputs:
        with suppress(OSError, ValueError):  # missing, or no name for a file: told elsewhere
            if any(os.path.samestat(file.stat(), one) for one in held):
                raise errors.OutputError(f"holds the input {shown}", "choose another folder")


def write(
    folder: str,
    parts: Iterable[multipart.Part],
    script: str,
    *,
    over: bool,
    called: str = "--save-request",
) -> None:
    """Write the parts of a request under their file names, and the script beside them.

    Files of other names stay. Whatever stops it leaves the folder as it was, or without a
    script: never one that would send the parts of another request.

    Raises:
        errors.OutputError: The folder was taken meanwhile, or the disk is full.
    """
    real = Path(os.path.realpath(folder))
    with _as_output_error(folder, called), _made(real):
        _refuse_full(real, over=over)
        with tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=real) as staged:
            names = []
            for part in parts:
                names.append(part.filename)
                with Path(staged, part.filename).open("xb") as file:
                    file.writelines(part.read())
            names.append(SCRIPT_NAME)
            Path(staged, SCRIPT_NAME).touch(0o777)  # less what the umask takes
            Path(staged, SCRIPT_NAME).write_bytes(os.fsencode(script))
            _publish(Path(staged), real, names)


def _publish(staged: Path, real: Path, names: Sequence[str]) -> None:
    """Move finished files to their places, the last one, the script, when all others are there."""
    for name in names:
        if (real / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{name} in it is a folder itself")
    new = [real / name for name in names if not os.path.lexists(real / name)]
    try:
        (real / SCRIPT_NAME).unlink(missing_ok=True)
        for name in names:
            (staged / name).replace(real / name)
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        raise


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and those it is in, where missing; unmake them if the block fails."""
    made: list[Path] = []
    try:
        for path in (*reversed(folder.parents), folder):
            if not path.exists():
                path.mkdir()
                made.append(path)
        yield
    except BaseException:
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir()
        raise


@contextmanager
def _as_output_error(folder: str, called: str) -> Iterator[None]:
    """Put what the block raises into an error that names the option and the folder."""
    try:
        yield
    except errors.OutputError as error:
        words = f"{called} {folder}: {error.words}"
        raise errors.OutputError(words, *error.hints, path=folder) from error
    except OSError as exc:
        message = f"{called} {folder}: {exc.strerror}"
        raise errors.OutputError(message, "choose another folder", path=folder) from exc


def script(body: multipart.MultipartBody, *, delivery: Delivery, accept: str, digest: str) -> str:
    """Return a script for any POSIX shell that sends the parts beside it with curl.

    When the script runs, `PRODIA_BASE_URL` comes before where the delivery says.
    """
    values = {
        "VERSION": prodia_compose.__version__,
        "DIGEST": digest,
        "ABOUT": _ABOUT_ASYNC if delivery.is_async else _about(accept.rpartition(" ")[2]),
        "FILE": "answer.json" if delivery.is_async else "answer.multipart",
        "BASE_URL": shlex.quote(delivery.base_url),
        "CONNECT_TIMEOUT": f"{delivery.connect_timeout_s:g}",
        "ACCEPT": accept,
        "PATH": service.ASYNC_JOB_PATH if delivery.is_async else service.JOB_PATH,
        "NAMES": " ".join(part.filename for part in body.parts),
        "PARTS": "".join(
            f"            -F '{part.name}=@{part.filename};type={part.media_type}' \\\n"
            for part in body.parts
        ),
    }
    marked = Path(__file__).with_name(SCRIPT_NAME).read_text("utf-8")
    return re.sub("@([A-Z_]+)@", lambda match: values[match[1]], marked)


def _about(picture: str) -> str:
    return rf"""# The answer is multipart: the job's record with its price, then the picture, which this prints:
#   perl -0777 -ne 'print $2 if /^(\S+)\r\n.*?\r\nContent-Type: image.*?\r\n\r\n(.*?)\r\n\1/si' FILE
# PRODIA_ACCEPT={picture} asks for the bare picture instead."""


_ABOUT_ASYNC = """# The answer is the job's record; `prodia-compose jobs fetch` and its id bring the picture, once
# it is done and as long as the service has it; a sandbox has it until it ends."""
