"""Where jobs go, and the token that goes with them."""

import base64
import math
from collections.abc import Callable

import pytest
from tables import table

from prodia_compose import errors
from prodia_compose.client.service import SANDBOX_TOKEN, Token, is_loopback, normalise_base_url
from prodia_compose.inputs import blob


@pytest.mark.parametrize(("text", "expected"), table("client/base_urls_are_tolerated"))
def test_base_urls_are_tolerated(text: str, expected: str) -> None:
    """A final slash or /v2, white space, and plain http on loopback are fine."""
    assert normalise_base_url(text) == expected


@pytest.mark.parametrize("text", table("client/other_base_urls_are_refused"))
def test_other_base_urls_are_refused(text: str) -> None:
    """What is no https place, or holds a secret, is a usage error that does not quote the secret."""
    with pytest.raises(errors.UsageError) as caught:
        normalise_base_url(text)

    assert "PRODIA_BASE_URL" in caught.value.message
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    "text", ["", "  ", "two words", "line\nbreak", "tab\there", "ümlaut", "\0"]
)
def test_tokens_that_cannot_stand_in_a_header_are_refused(text: str) -> None:
    """Only printable ASCII without spaces is a token, and the message does not quote it."""
    with pytest.raises(errors.AuthError) as caught:
        Token.parse(text)

    assert not text.strip() or text not in caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Bearer s3cret", 'begins with "Bearer"; leave that out'),
        ("bearer\ts3cret\n", 'begins with "bearer"; leave that out'),
        ("Bearer:s3cret", 'begins with "Bearer:"; leave that out'),
        ("Authorization: Bearer s3cret", 'begins with "Authorization: Bearer"; leave that out'),
        ("authorization:s3cret", 'begins with "authorization:"; leave that out'),
        ("PRODIA_TOKEN=s3cret", 'begins with "PRODIA_TOKEN="; leave that out'),
        ("export PRODIA_TOKEN=s3cret", 'begins with "export PRODIA_TOKEN="; leave that out'),
        ('"s3cret"', "stands in quotes; leave that out"),
        ("'s3cret'", "stands in quotes; leave that out"),
    ],
)
def test_what_is_pasted_with_a_token_is_named(text: str, words: str) -> None:
    """A scheme, a header, an assignment or quotes around a token are told, and not the token."""
    with pytest.raises(errors.AuthError) as caught:
        Token.parse(text)

    assert caught.value.message == f"the token {words}"


@pytest.mark.parametrize("text", ["Bearer-x", "bearers3cret", "a=b==", 'a"b"', "eyJ.x-y_z", "!x~"])
def test_tokens_of_any_printable_letters(text: str) -> None:
    """What only looks like more than a token is one."""
    assert Token.parse(text).value == text


def test_a_token_does_not_show_itself() -> None:
    """White space around a token is dropped, and its value is in no repr."""
    token = Token.parse(" abc-123\n")

    assert token.value == "abc-123"
    assert "abc" not in repr(token)


@pytest.mark.parametrize("before", [0, 65_530, (1 << 20) - 3, 1 << 20, (2 << 20) - 1])
def test_a_token_is_cleaned_out_of_bytes_wherever_it_stands(before: int) -> None:
    """An echoed token becomes as many stars, across the chunks that are read at a time too."""
    came = blob.spool([b"x" * before, b"abc-123", b"y" * 10, b"abc-123"])

    clean = Token(value="abc-123").clean(came)

    assert clean.read() == b"x" * before + b"*" * 7 + b"y" * 10 + b"*" * 7


@pytest.mark.parametrize("border", [0, 1 << 16, 1 << 18])
@pytest.mark.parametrize("encoding", ["ascii", "utf-32-le"])
@pytest.mark.parametrize("value", ["abc-12", "abc-123"])
def test_a_token_across_any_border_is_cleaned_out(border: int, encoding: str, value: str) -> None:
    """However much of the only one lies before where a reading ends, all of it becomes stars."""
    written = value.encode(encoding).rstrip(b"\0")
    for before in range(max(0, border - len(written) - 1), border + 2):
        came = blob.spool([b"x" * before, written, b"y" * 5])

        clean = Token(value=value).clean(came)

        assert clean.read() == b"x" * before + b"*" * len(written) + b"y" * 5


def test_bytes_without_the_token_are_not_copied() -> None:
    """What holds none is given back itself: it may be large, and the disk full."""
    came = blob.spool([b"x" * 3_000_000])

    assert Token(value="abc-123").clean(came) is came


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_token_is_found_however_a_text_is_written(encoding: str) -> None:
    """Its bytes are made stars, and so is what of them is shown as text."""
    came = blob.spool(["sorry, abc-123!".encode(encoding)])
    token = Token(value="abc-123")
    shown = token.hide(came.read().decode("utf-8", "replace")).replace("\0", "")

    assert "abc-123" not in token.clean(came).read().decode(encoding, "replace")
    assert token.clean(came).size == came.size
    assert "sorry, ***!" in shown


@pytest.mark.parametrize("before", ["", "x", "xx", "Bearer ", "\u00ff\u00fe\u00ff"])
@pytest.mark.parametrize("value", ["abc?>~123", "abc?>~12", "abc?>~1", "abc?>~"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_token_is_found_within_base64(
    before: str, value: str, encode: Callable[[bytes], bytes]
) -> None:
    """Every character is hidden that stands for bits of the token alone: at most two are left."""
    coded = encode(f"{before}{value} and more".encode("latin-1")).decode()
    first = math.ceil(len(before) * 8 / 6)
    behind = (len(before) + len(value)) * 8 // 6

    assert Token(value=value).hide(coded) == f"{coded[:first]}***{coded[behind:]}"


def test_a_token_of_six_characters_is_a_secret() -> None:
    """The shortest that is hidden: it stands in words by chance no more."""
    token = Token(value="abc-12")

    assert token.hide("an abc-12 word") == "an *** word"
    assert token.clean(blob.spool([b"abc-12"])).read() == b"******"


@pytest.mark.parametrize("value", [SANDBOX_TOKEN, "short"])
def test_a_token_that_is_no_secret_hides_nothing(value: str) -> None:
    """The sandbox's, or one so short that it stands in words by chance, stays where it is."""
    came = blob.spool([f"a {value} word".encode()])

    assert Token(value=value).clean(came).read() == came.read()
    assert Token(value=value).hide(f"a {value} word") == f"a {value} word"


def test_loopback_is_this_machine() -> None:
    """Loopback is known by name and by address in both families."""
    assert all(is_loopback(host) for host in ("localhost", "127.8.8.8", "::1", "a.localhost"))
    assert not any(is_loopback(host) for host in ("10.0.0.1", "localhost.example", ""))
