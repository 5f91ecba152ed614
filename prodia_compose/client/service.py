"""Which service a job goes to, with which token, and how long to wait for it."""

import base64
import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import field
from urllib.parse import urlsplit

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.inputs import blob

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
_SEARCHED_BYTES = 1 << 18
_URL_SAFE = str.maketrans("+/", "-_")

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
            raise errors.AuthError(f"the token {words}", "leave that out")
        if not all("!" <= char <= "~" for char in value):
            raise errors.AuthError(f"the token {_UNPRINTABLE}")
        return cls(value=value)

    def hide(self, text: str) -> str:
        """Return a text that came from outside with the token, however written, made `***`."""
        for form in self._forms():
            text = text.replace(form, "***")
        return text

    def clean(self, body: blob.Blob) -> blob.Blob:
        """Return bytes that came from outside with stars in place of the token, however written.

        They stay as many, so that what is a picture remains one.
        """
        forms = [form.encode("ascii") for form in self._forms()]
        if not forms:
            return body
        most = max(map(len, forms))
        for offset in range(0, body.size, _SEARCHED_BYTES):
            block = body.read_at(offset, _SEARCHED_BYTES + most)
            if any(form in block for form in forms):
                return blob.spool(_starred(body, forms, most), or_memory=True)
        return body

    def _forms(self) -> Iterator[str]:
        """Yield the token as it is, as UTF-16 and UTF-32 have it, and inside of base64."""
        if self.value == SANDBOX_TOKEN or len(self.value) < SHORTEST_SECRET:
            return
        yield self.value
        yield "\0".join(self.value)
        yield "\0\0\0".join(self.value)
        for shift in range(3):  # how many bytes before it share a group of three with its first
            bits = base64.b64encode(bytes(shift) + self.value.encode("ascii"))
            # Only characters that no byte before or behind it has a share in.
            form = bits[(0, 2, 3)[shift] : (shift + len(self.value)) * 8 // 6].decode("ascii")
            yield form
            if (safe := form.translate(_URL_SAFE)) != form:
                yield safe


def _starred(body: blob.Blob, forms: Sequence[bytes], most: int) -> Iterator[bytes]:
    """Yield bytes with stars in place of some forms, none of which is longer than `most`."""
    text = b""
    for piece in body.pieces():
        text += piece
        for form in forms:
            text = text.replace(form, b"*" * len(form))
        # The start of one may be at the end of the piece.
        yield text[:-most]
        text = text[-most:]
    yield text


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
        again: What sends a job of unknown outcome once more, as it is typed.
    """

    base_url: str = DEFAULT_BASE_URL
    token: Token
    connect_timeout_s: float = 10
    stall_timeout_s: float = 30
    timeout_s: float = 300
    max_wait_s: float = 120
    again: str = "--again"


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def normalise_base_url(text: str, called: str = "PRODIA_BASE_URL") -> str:
    """Return a base URL without a trailing `/` or `/v2`.

    Raises:
        errors.UsageError: It is not https (loopback excepted), or holds more than a place.
    """
    url = text.strip()
    if "@" in url:  # before all else: no other message may repeat a password
        message = f"{called}: holds a user name"
        raise errors.UsageError(message, "the token goes in PRODIA_TOKEN")
    if not all("!" <= char <= "~" for char in url):  # urlsplit would drop a line break silently
        raise errors.UsageError(f"{called} {url}: {_UNPRINTABLE}", "correct it")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise errors.UsageError(f"{called}: {exc}", "write https://HOST") from exc
    if host is not None and not _HOST.fullmatch(host):
        raise errors.UsageError(f"{called} {url}: {host} is no host's name", "correct it")
    if parts.scheme not in ("http", "https") or not host:
        shown = url or "''"
        raise errors.UsageError(f"{called} {shown}: not a URL", "write https://HOST")
    if parts.query or parts.fragment:
        raise errors.UsageError(f"{called}: holds a query", "write https://HOST")
    if parts.scheme == "http" and not is_loopback(host):
        cure = "use https (http is for loopback only)"
        raise errors.UsageError(f"{called} {url}: plain http would show the token", cure)
    path = parts.path.rstrip("/").removesuffix("/v2").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"
