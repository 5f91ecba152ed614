"""What was paid for and could not be placed, kept aside."""

import contextlib
import errno
import os
import secrets
import tempfile
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from prodia_compose import blob, errors
from prodia_compose.client.answers import Output
from prodia_compose.images.formats import kinds
from prodia_compose.images.probe import received
from prodia_compose.output import files
from prodia_compose.record import home

_CHUNK_BYTES = 1 << 16

_TEXTS = {"text/html": ".html", "application/json": ".json", "text/plain": ".txt"}


def inspect(output: Output) -> received.ReceivedImage | None:
    """Return what a picture that came is; None if it cannot be decoded."""
    try:
        return received.inspect(output.blob.open)
    except ValueError:
        return None


def keep(output: Output) -> Path:
    """Keep what came under a name with the suffix that its first bytes, or else its type, call for.

    It is not decoded: that may take longer than whoever stopped the run waits, or fail.

    Raises:
        errors.NotPlacedError: As `keep_blob`.
    """
    kind = kinds.by_head(output.blob.read_at(0, 16)) or kinds.by_media_type(output.media_type)
    suffix = _TEXTS.get(output.media_type) or (kind.suffix if kind else ".bin")
    return keep_blob(output.blob, suffix)


def keep_blob(data: blob.Blob, suffix: str) -> Path:
    """Copy what came into the state folder, or the temporary folder, and return the file.

    Args:
        data: What came from the service.
        suffix: The suffix its content calls for, such as ".jpg".

    Raises:
        errors.NotPlacedError: Neither could take it; the message names the last place tried.
    """
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}{suffix}"
    last, reason, before = "the temporary folder", "", len(data.spares)
    for folder, prefix in ((_rescued, ""), (tempfile.gettempdir, "prodia-compose-")):
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
        f"came ({reason}); it is lost",
        may_be_billed=True,
    )


def _rescued() -> Path:
    """Return the folder for what is kept, made if missing.

    Raises:
        OSError: There is none to be had.
    """
    state = home.folder()
    if state is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    rescued = state / "rescued"
    rescued.mkdir(mode=0o700, exist_ok=True)
    return rescued


def fault(path: str) -> str | None:
    """Return what a kept file is instead of a whole picture; None if it is one.

    The words complete a sentence that begins with the file's name.
    """
    try:
        with Path(path).open("rb"):
            pass
        received.inspect(lambda: Path(path).open("rb"))  # noqa: SIM115 - whoever calls it does
    except FileNotFoundError:
        return "is gone"
    except OSError as exc:
        return f"cannot be read ({exc.strerror})"
    except ValueError as exc:
        return str(exc)
    return None


def load(paths: Iterable[str]) -> tuple[tuple[Output, Path], ...]:
    """Return pictures that were kept, each with its file; without those `fault` finds one in."""
    found = []
    for path in (Path(path) for path in paths if fault(path) is None):
        with contextlib.suppress(OSError), path.open("rb") as file:
            data = blob.spool(iter(partial(file.read, _CHUNK_BYTES), b""))
            found.append((Output(blob=data, media_type="", filename=path.name), path))
    return tuple(found)
