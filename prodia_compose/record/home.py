"""The state folder, and what the environment says of the record in it."""

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs


def is_off(environ: Mapping[str, str]) -> bool:
    """Return whether the user wants no record."""
    return _said(environ) in ("off", "0", "no", "false")


def is_rehearsing(environ: Mapping[str, str]) -> bool:
    """Return whether all is done in the sandbox, and its jobs are those that are looked at."""
    return _said(environ) == "sandbox"


def _said(environ: Mapping[str, str]) -> str:
    return environ.get("PRODIA_COMPOSE_RECORD", "").strip().lower()


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
