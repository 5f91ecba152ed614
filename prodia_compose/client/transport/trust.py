"""What the environment says of TLS: which certificates are trusted, and what is wrong with it."""

import functools
import os
import re
import ssl
import threading
from pathlib import Path

from urllib3.util.ssl_ import ALPN_PROTOCOLS, create_urllib3_context

from prodia_compose import errors

_lock = threading.Lock()  # so that one thread reads a bundle, and not all

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")


def context(bundle: str) -> ssl.SSLContext:
    """Return what connections trust that go by a file or folder of certificates, as it is now.

    All share it: to read the usual 140 certificates takes 50 ms of a processor, and they take
    1 MB. So nothing of it may change any more.

    Raises:
        OSError: It cannot be read, or is damaged.
    """
    with _lock:
        found = Path(bundle).stat()
        return _context(bundle, found.st_ino, found.st_size, found.st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _context(bundle: str, *_state: int) -> ssl.SSLContext:
    made = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    kind = "capath" if Path(bundle).is_dir() else "cafile"
    made.load_verify_locations(**{kind: bundle})
    made.set_alpn_protocols(ALPN_PROTOCOLS)
    # urllib3 sets them for each connection, under the hands of a thread that makes another.
    made.set_alpn_protocols = lambda _: None  # type: ignore[assignment, method-assign]
    return made


def fault(verify: bool | str | None) -> str | None:  # noqa: FBT001 - either is requests' way
    """Return which variable keeps TLS from working, as a clause; None if none does.

    Args:
        verify: The file or folder of trusted certificates, if one is named.
    """
    keys = os.path.expandvars(os.environ.get("SSLKEYLOGFILE", ""))
    if keys:
        try:
            with Path(keys).open("ab"):
                pass
        except OSError as exc:
            return (
                f"SSLKEYLOGFILE names {keys}, which cannot be written ({errors.reason(exc, {})[0]})"
            )
    if not isinstance(verify, str):
        return None
    named = [name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name)]
    reason = _bundle_fault(Path(verify))
    return reason and f"{' or '.join(named[:1])} names {verify}, which {reason}"


def _bundle_fault(bundle: Path) -> str | None:
    try:
        if bundle.is_dir():
            named = any(_HASHED.fullmatch(path.name) for path in bundle.iterdir())
            unnamed = "holds no certificate under its hash (`openssl rehash` makes those names)"
            return None if named else unnamed
        if bundle.is_fifo():  # what was in it has been read
            return None
        with bundle.open("rb"):
            pass
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(bundle)
    except FileNotFoundError:
        return "does not exist"
    except ssl.SSLError as exc:
        is_empty = exc.reason == "NO_CERTIFICATE_OR_CRL_FOUND"
        return "holds no certificate in PEM form" if is_empty else "holds a damaged certificate"
    except OSError as exc:
        return f"cannot be read ({errors.reason(exc, {})[0]})"
    return None
