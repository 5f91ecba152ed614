"""The state folder, and what was paid for but could not be placed."""

import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path

import platformdirs

from prodia_compose import blob

__all__ = ["folder", "keep"]


def folder() -> Path | None:
    """Return the platform's state folder for this tool, made with mode 0700 if missing.

    None where there is none to be had: no home, or not writable.
    """
    path = Path(platformdirs.user_state_dir("prodia-compose", appauthor=False))
    if not path.is_absolute():  # no HOME and no entry in the user database: a literal "~"
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
        OSError: Neither folder took it.
    """
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}{suffix}"
    places = [Path(tempfile.gettempdir()) / f"prodia-compose-{name}"]
    state = folder()
    if state is not None:
        places.insert(0, state / "rescued" / name)
    for place in places[:-1]:
        try:
            place.parent.mkdir(mode=0o700, exist_ok=True)
            return _copy(data, place)
        except OSError:
            continue
    return _copy(data, places[-1])


def _copy(data: blob.Blob, place: Path) -> Path:
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as target, data.open() as source:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return place
