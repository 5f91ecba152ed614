"""What the environment says of TLS, looked at once a connection has failed."""

import os
import re
import ssl
from pathlib import Path

from prodia_compose import errors

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")


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
            return f"SSLKEYLOGFILE names {keys}, which cannot be written ({errors.reason(exc, {})})"
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
        return f"cannot be read ({errors.reason(exc, {})})"
    return None
