"""Temporary files, and the blame where there is no room for them."""

import errno
from collections.abc import Iterable

from prodia_compose import blob, errors

__all__ = ["stored"]


def stored(data: Iterable[bytes]) -> blob.Blob:
    """Return bytes in a temporary file.

    Args:
        data: The bytes; what goes wrong in reading them must be no `OSError` any more.

    Raises:
        errors.OutputError: There is no room for temporary files.
    """
    try:
        return blob.spool(data)
    except OSError as exc:
        cure = "free some space, or point TMPDIR elsewhere"
        if exc.errno in (errno.EMFILE, errno.ENFILE):
            cure = "raise the limit (ulimit -n)"
        raise errors.OutputError(
            f"cannot write temporary files: {exc.strerror or exc}; {cure}"
        ) from exc
