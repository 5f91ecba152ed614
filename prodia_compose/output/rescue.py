"""What was paid for and could not be placed, kept aside."""

import contextlib
import errno
import os
import secrets
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from prodia_compose import errors
from prodia_compose.images import workers
from prodia_compose.images.probe import received
from prodia_compose.inputs import blob, kinds
from prodia_compose.output import files
from prodia_compose.progress import Stop
from prodia_compose.record import home

if TYPE_CHECKING:  # for annotations; what is wrong before sending is told without it
    from prodia_compose.client.answers import Output

PREFIX = "prodia-compose-"
"""How the name of what is kept in the temporary folder begins."""

_CHUNK_BYTES = 1 << 16

_TEXTS = {"text/html": ".html", "application/json": ".json", "text/plain": ".txt"}


PATIENCE_S = 20.0
"""For decoding: twenty times what the largest picture of a service takes."""


def inspect(opener: blob.Opener, stop: Stop) -> received.ReceivedImage:
    """Return what a picture that came is; `slow` where decoding it is not worth the wait.

    Raises:
        ValueError: It is none, or not a whole one; says why, beginning in lower case.
        errors.Interrupted: Somebody asked to stop.
    """
    with contextlib.suppress(TimeoutError):
        return workers.within(PATIENCE_S, partial(received.inspect, opener), stop=stop)
    with contextlib.suppress(TimeoutError):
        found = workers.within(PATIENCE_S, partial(received.look, opener), stop=stop)
        return replace(found, slow="a picture that takes far too long to decode")
    raise ValueError("takes far too long to read")


def kept_in(state: Path, *, is_sandbox: bool) -> Path:
    """Return the folder in the state folder for what is kept."""
    return state / "sandbox/rescued" if is_sandbox else state / "rescued"


def keep(output: "Output", *, is_sandbox: bool) -> Path:
    """Keep what came under a name with the suffix that its first bytes, or else its type, call for.

    It is not decoded: that may take longer than whoever stopped the run waits, or fail.

    Raises:
        errors.NotPlacedError: As `keep_blob`.
    """
    kind = kinds.by_head(output.blob.read_at(0, 16)) or kinds.by_media_type(output.media_type)
    suffix = _TEXTS.get(output.media_type) or (kind.suffix if kind else ".bin")
    return keep_blob(output.blob, suffix, is_sandbox=is_sandbox)


def keep_blob(data: blob.Blob, suffix: str, *, is_sandbox: bool = False) -> Path:
    """Copy what came into the state folder, or the temporary folder, and return the file.

    Args:
        data: What came from the service.
        suffix: The suffix its content calls for, such as ".jpg".
        is_sandbox: Whether it cost nothing, and so is kept apart from what did.

    Raises:
        errors.NotPlacedError: Neither could take it; the message names the last place tried.
    """
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}{suffix}"
    last, reason, before = "the temporary folder", "", len(data.spares)
    for folder, prefix in (
        (partial(_rescued, is_sandbox=is_sandbox), ""),
        (tempfile.gettempdir, PREFIX),
    ):
        try:
            place = Path(folder()) / f"{prefix}{name}"
            last = str(place)
            files.create(data, place, 0o600)
        except OSError as exc:
            reason = exc.strerror or str(exc)
        else:
            data.drop_spares()
            return place
    if data.spares:  # whole, as far as anybody knows; here rather than beside the output
        return (data.spares[before:] or data.spares)[0]
    raise errors.NotPlacedError(
        f"neither the output place nor the state folder nor {last} could take what "
        f"came ({reason}); it is lost"
    )


def _rescued(*, is_sandbox: bool) -> Path:
    """Return the folder for what is kept, made if missing.

    Raises:
        OSError: There is none to be had.
    """
    state = home.folder()
    if state is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    rescued = kept_in(state, is_sandbox=is_sandbox)
    rescued.mkdir(mode=0o700, parents=True, exist_ok=True)
    return rescued


def fault(path: str) -> str | None:
    """Return what a kept file is instead of a whole picture; None if it is one.

    The words complete a sentence that begins with the file's name.
    """
    try:
        with Path(path).open("rb"):
            pass
        inspect(lambda: Path(path).open("rb"), Stop())  # noqa: SIM115 - whoever calls it does
    except FileNotFoundError:
        return "is gone"
    except OSError as exc:
        return f"cannot be read ({exc.strerror})"
    except ValueError as exc:
        return str(exc)
    return None


def load(paths: Iterable[str]) -> "tuple[tuple[Output, Path], ...]":
    """Return pictures that were kept, each with its file; without those `fault` finds one in."""
    from prodia_compose.client.answers import Output  # noqa: PLC0415 - as above

    found = []
    for path in (Path(path) for path in paths if fault(path) is None):
        with contextlib.suppress(OSError), path.open("rb") as file:
            data = blob.spool(iter(partial(file.read, _CHUNK_BYTES), b""))
            found.append((Output(blob=data, media_type="", filename=path.name), path))
    return tuple(found)
