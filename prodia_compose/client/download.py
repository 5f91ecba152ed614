"""Inputs named by a URL, brought to disk."""

import base64
import re
import string
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from prodia_compose import errors, progress
from prodia_compose.client import answers
from prodia_compose.client.send import headers
from prodia_compose.client.service import NOBODY, SHORTEST_SECRET, Service
from prodia_compose.client.transport.exchange import Exchange, Reply
from prodia_compose.client.transport.failures import Lost
from prodia_compose.client.transport.passage import Request, TraceOnly
from prodia_compose.inputs import blob

_REDIRECTS = 10
_REDIRECT_STATUSES = (301, 302, 303, 307, 308)


def download(
    url: str,
    *,
    reporter: progress.Reporter | None = None,
    max_bytes: int = 50_000_000,
    connect_timeout_s: float = 10,
    timeout_s: float = 300,
) -> blob.Blob:
    """Return the bytes at an http or https URL, redirects followed.

    No token is sent, and no user or password but one written in the URL itself
    (netrc is not read): an input should not identify its user unasked.

    It is accepted up to `max_bytes`, and within `timeout_s` for everything, redirects
    included. The reporter is told of the phase `download`, in bytes.

    Raises:
        InputError: What is there is no use: 4xx, empty, too large, a bad URL.
        NotDeliveredError: It could not be had this time: no connection, 5xx, too slow.
            The message of either is a clause such as "the server answered 404
            Not Found"; the URL is for the caller to put in front.
        OutputError: There is no room for temporary files.
    """
    reporter = reporter or progress.Reporter()
    deadline = time.monotonic() + timeout_s
    try:
        for _ in range(_REDIRECTS + 1):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise errors.NotDeliveredError(f"took longer than {timeout_s:g} s")
            request = _request(url, connect_timeout_s, left_s)
            hide = _hiding(urlsplit(url).query)
            # The request hides nothing itself: a `location` has to stay as it came.
            trace = TraceOnly(reporter, hide=hide)
            with Exchange(request, reporter=trace, stop=progress.Stop()) as exchange:
                reply = exchange.perform()
                location = reply.headers.get("location")
                if reply.status in _REDIRECT_STATUSES and location:
                    url = _followed(url, location)
                    continue
                answered = f"the server answered {reply.status} {hide(reply.reason)}".rstrip()
                return _body(exchange, reply, answered, reporter, max_bytes)
    except Lost as lost:
        raise _lost(lost, timeout_s) from lost
    finally:
        reporter.finish()
    raise errors.InputError(f"leads through more than {_REDIRECTS} redirects")


def _request(url: str, connect_timeout_s: float, left_s: float) -> Request:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not host or " " in host:
        raise errors.InputError("is not an http or https address")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    ours = headers("image/*, */*;q=0.5")
    if user or password:
        basic = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        ours["Authorization"] = f"Basic {basic}"
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
    return Request(
        service=Service(
            token=NOBODY,
            connect_timeout_s=connect_timeout_s,
            stall_timeout_s=left_s,
            timeout_s=left_s,
        ),
        url=urlunsplit(bare),
        headers=ours,
    )


def _hiding(query: str) -> Callable[[str], str]:
    """Return a function that takes what can be a key to a picture out of a text.

    That is the query of its address, wherever it stands, and the user, password and query
    of any address: a redirect can name another.
    """

    def hide(text: str) -> str:
        bare = re.sub(r"(?<=//)[^/?#\s]*@", "", text)
        bare = re.sub(r"(//[^?#\s]*)\?[^#\s]+", r"\1?...", bare)
        return bare.replace(query, "...") if len(query) >= SHORTEST_SECRET else bare

    return hide


def _followed(url: str, location: str) -> str:
    """Return where a redirect leads; a header's characters stand for bytes.

    They are UTF-8 in practice. In a host's name they have to be; elsewhere what is not is
    asked for byte by byte, as it came.
    """
    came = location.encode("latin-1")
    try:
        place = came.decode("utf-8")
    except UnicodeDecodeError:
        place = quote(came, safe=string.printable)
    try:
        return urljoin(url, place)
    except ValueError:
        raise errors.InputError("redirects to something that is no address") from None


def _body(
    exchange: Exchange, reply: Reply, answered: str, reporter: progress.Reporter, max_bytes: int
) -> blob.Blob:
    if reply.status >= 500:
        raise errors.NotDeliveredError(answered)
    if not 200 <= reply.status < 300:
        raise errors.InputError(answered)
    reporter.start("download", reply.length)
    if (reply.length or 0) > max_bytes:
        raise _too_large(max_bytes)
    body = blob.stored(_capped(exchange.chunks(), reporter, max_bytes))
    body, is_whole, _ = answers.plain(body, reply.codings, max_bytes + 1)
    if body.size > max_bytes:
        raise _too_large(max_bytes)
    if not is_whole:
        raise errors.NotDeliveredError("the answer's compression is damaged")
    if not body.size:
        raise errors.InputError("is empty")
    return body


def _capped(
    chunks: Iterator[bytes], reporter: progress.Reporter, max_bytes: int
) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        reporter.advance(len(chunk))
        yield chunk


def _too_large(max_bytes: int) -> errors.InputError:
    return errors.InputError(f"is over {max_bytes / 1_000_000:g} MB")


def _lost(lost: Lost, timeout_s: float) -> errors.ComposeError:
    if lost.stage == "connect" and lost.kind == "setting":
        return errors.InputError(lost.words)
    if lost.kind == "environment":
        return errors.NotDeliveredError(lost.words, "correct it, or unset it")
    if lost.stage == "answer" and lost.kind == "timeout":
        return errors.NotDeliveredError(f"took longer than {timeout_s:g} s")
    return errors.NotDeliveredError(lost.words)
