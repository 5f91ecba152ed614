"""Keeping the token, and what is secret in addresses, out of whatever comes back."""

import re
from collections.abc import Callable, Iterator

from prodia_compose import blob
from prodia_compose.client.service import SANDBOX_TOKEN, Token

# A shorter one stands in ordinary words and ids by chance, and is no secret worth them.
_SHORTEST_SECRET = 6


def _is_secret(token: Token) -> bool:
    return token.value != SANDBOX_TOKEN and len(token.value) >= _SHORTEST_SECRET


def hiding(token: Token) -> Callable[[str], str]:
    """Return a function that replaces the token by `***` wherever it stands in a text."""
    if not _is_secret(token):
        return str
    return lambda text: text.replace(token.value, "***")


def hiding_address(query: str) -> Callable[[str], str]:
    """Return a function that takes what can be a key to a picture out of a text.

    That is the query of its address, wherever it stands, and the user, password and query
    of any address: a redirect can name another.
    """

    def hide(text: str) -> str:
        bare = re.sub(r"(?<=//)[^/?#\s]*@", "", text)
        bare = re.sub(r"(//[^?#\s]*)\?[^#\s]+", r"\1?...", bare)
        return bare.replace(query, "...") if len(query) >= _SHORTEST_SECRET else bare

    return hide


def without(token: Token, kept: blob.Blob) -> Iterator[bytes]:
    """Yield the bytes of a blob with the token replaced by `***`."""
    if not _is_secret(token):
        yield kept.read()
        return
    secret = token.value.encode("ascii")
    rest = b""
    with kept.open() as file:
        while chunk := file.read(1 << 16):
            rest = (rest + chunk).replace(secret, b"***")
            # The start of the token may be at the end of the chunk.
            cut = max(0, len(rest) - len(secret) + 1)
            yield rest[:cut]
            rest = rest[cut:]
    yield rest
