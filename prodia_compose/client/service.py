"""Which service a job goes to, with which token, and how long to wait for it."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import field
from urllib.parse import urlsplit

from prodia_compose import blob, errors
from prodia_compose.frozen import frozen

DEFAULT_BASE_URL = "https://inference.prodia.com"

JOB_PATH = "/v2/job?price=true"
"""With `price=true` a successful job's record says what it cost. Source: /reference/price."""

ASYNC_JOB_PATH = "/v2/job/async?price=true"
"""Where a job is created that nobody waits for on the line. Source: /reference/async."""

SANDBOX_TOKEN = "sandbox"  # noqa: S105 - no secret: it opens nothing
"""What stands for a token where none is needed."""

SHORTEST_SECRET = 6
"""A shorter one stands in ordinary words and ids by chance, and is no secret worth them."""

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?|[0-9A-Fa-f:.]+(?:%.+)?")
"""A name of DNS labels, or an address; a name in another script is written in punycode."""

_AROUND = re.compile(
    r"(?:(?:export\s+)?PRODIA_TOKEN\s*=|Authorization\s*:(?:\s*Bearer\b)?|Bearer(?:[\s:]|$))"
    r"|(?P<quote>[\"'`]).*(?P=quote)$",
    re.IGNORECASE | re.DOTALL,
)
"""What is pasted along with a token: from a header, from an assignment."""

_UNPRINTABLE = "holds a space, a line break or a character outside ASCII"


@frozen
class Token:
    """A bearer token, printable ASCII; its value shows in no repr, message or traceback."""

    value: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "Token":
        """Return the token in a text, white space around it ignored.

        A line break or a non-ASCII character would fail inside the HTTP library with
        an error that quotes the token, so it is refused here.

        Raises:
            errors.AuthError: It is empty, holds anything but printable ASCII, or more than the
                token; the message is the reason alone, for the caller to say where the token
                came from.
        """
        value = text.strip()
        if not value:
            raise errors.AuthError("the token is empty")
        if around := _AROUND.match(value):
            words = (
                "stands in quotes"
                if around["quote"]
                else f'begins with "{" ".join(around[0].split())}"'
            )
            raise errors.AuthError(f"the token {words}; leave that out")
        if not all("!" <= char <= "~" for char in value):
            raise errors.AuthError(f"the token {_UNPRINTABLE}")
        return cls(value=value)

    @property
    def _is_secret(self) -> bool:
        return self.value != SANDBOX_TOKEN and len(self.value) >= SHORTEST_SECRET

    def hide(self, text: str) -> str:
        """Return a text that came from outside with the token replaced by `***`."""
        return text.replace(self.value, "***") if self._is_secret else text

    def clean(self, came: blob.Blob) -> blob.Blob:
        """Return bytes that came from outside with the token replaced by `***`."""
        return blob.spool(self._cleaned(came), or_memory=True) if self._is_secret else came

    def _cleaned(self, came: blob.Blob) -> Iterator[bytes]:
        secret = self.value.encode("ascii")
        rest = b""
        with came.open() as file:
            while chunk := file.read(1 << 16):
                rest = (rest + chunk).replace(secret, b"***")
                # The start of the token may be at the end of the chunk.
                cut = max(0, len(rest) - len(secret) + 1)
                yield rest[:cut]
                rest = rest[cut:]
        yield rest


NOBODY = Token(value="")
"""For requests that carry no token."""


@frozen
class Service:
    """Where jobs are sent, as whom, and how patiently; times in seconds.

    Attributes:
        base_url: As `normalise_base_url` returns it.
        connect_timeout_s: For each connection attempt.
        stall_timeout_s: Without any progress of the upload.
        timeout_s: From the last byte sent to the complete answer.
        max_wait_s: For capacity, over all attempts.
    """

    base_url: str = DEFAULT_BASE_URL
    token: Token
    connect_timeout_s: float = 10
    stall_timeout_s: float = 30
    timeout_s: float = 300
    max_wait_s: float = 120


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def normalise_base_url(text: str) -> str:
    """Return a base URL without a trailing `/` or `/v2`.

    Raises:
        errors.UsageError: It is not https (loopback excepted), or holds more than a place.
    """
    url = text.strip()
    if "@" in url:  # before all else: no other message may repeat a password
        message = "PRODIA_BASE_URL: holds a user name; the token goes in PRODIA_TOKEN"
        raise errors.UsageError(message)
    if not all("!" <= char <= "~" for char in url):  # urlsplit would drop a line break silently
        raise errors.UsageError(f"PRODIA_BASE_URL {url}: {_UNPRINTABLE}; correct it")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise errors.UsageError(f"PRODIA_BASE_URL: {exc}; write https://HOST") from exc
    if host is not None and not _HOST.fullmatch(host):
        raise errors.UsageError(f"PRODIA_BASE_URL {url}: {host} is no host's name; correct it")
    if parts.scheme not in ("http", "https") or not host:
        shown = url or "''"
        raise errors.UsageError(f"PRODIA_BASE_URL {shown}: not a URL; write https://HOST")
    if parts.query or parts.fragment:
        raise errors.UsageError("PRODIA_BASE_URL: holds a query; write https://HOST")
    if parts.scheme == "http" and not is_loopback(host):
        cure = "use https (http is for loopback only)"
        raise errors.UsageError(f"PRODIA_BASE_URL {url}: plain http would show the token; {cure}")
    path = parts.path.rstrip("/").removesuffix("/v2").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"
