"""The state folder, and what was paid for but could not be placed."""

import contextlib
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path

import platformdirs

from prodia_compose import blob

__all__ = ["folder", "keep", "place"]


def place() -> Path | None:
    """Return where the platform's state folder for this tool is, be it there or not.

    None where there is no such place: no home.
    """
    try:
        path = Path(platformdirs.user_state_dir("prodia-compose", appauthor=False))
    except RuntimeError:  # no HOME and no entry in the user database, as in some containers
        return None
    return path if path.is_absolute() else None  # older platformdirs, then: a literal "~"


def folder() -> Path | None:
    """Return the platform's state folder for this tool, made with mode 0700 if missing.

    None where there is none to be had: no home, or not writable.
    """
    path = place()
    if path is None:
        return None
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return path if os.access(path, os.W_OK | os.X_OK) else None


def keep(data: blob.Blob, suffix: str) -> Path:
    """Copy bytes into the state folder, or the temporary folder, and return the file.

    Args:
        data: What came from the service.
        suffix: The suffix its content calls for, such as ".jpg".

    Raises:
        OSError: Neither folder took it; `filename` is the last place tried.
    """
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}{suffix}"
    state = folder()
    if state is not None:
        with contextlib.suppress(OSError):
            rescued = state / "rescued"
            rescued.mkdir(mode=0o700, exist_ok=True)
            return _copy(data, rescued / name)
    return _copy(data, Path(tempfile.gettempdir()) / f"prodia-compose-{name}")


def _copy(data: blob.Blob, place: Path) -> Path:
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as target, data.open() as source:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
    except BaseException as exc:
        place.unlink(missing_ok=True)
        if isinstance(exc, OSError):
            exc.filename = str(place)  # a full disk says only that it is full
        raise
    return place
