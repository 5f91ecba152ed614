"""How the options say where a job goes, as whom, and how long to wait for it."""

import io
from pathlib import Path

import pytest
from conftest import Run

from prodia_compose import addresses, errors
from prodia_compose.client.options import Delivery
from prodia_compose.client.service import DEFAULT_BASE_URL, SANDBOX_TOKEN, Service, Token

ABC = Token(value="abc-123")


@pytest.mark.parametrize(
    ("flag", "least"),
    [("--connect-timeout", 0.001), ("--stall-timeout", 0.001), ("--timeout", 0.001), ("--max-wait", 0)],
)  # fmt: skip
def test_each_time_is_at_most_a_day(run: Run, work: Path, flag: str, least: float) -> None:
    """From a millisecond (or, of patience, from none) up to a day is taken, and nothing beyond."""
    given = ("validate", "product.jpg", "scene.jpg", "-p", "x", flag)
    taken = [run(*given, text).code for text in (f"{least:g}", "86400")]
    refused = [run(*given, text) for text in ("-1", "86400.5")]

    assert taken == [0, 0]
    assert [done.code for done in refused] == [2, 2]
    assert all(f"must be {least:g} to 86400" in done.err for done in refused)


def test_what_is_not_said_is_usual() -> None:
    """Without an option: Prodia's own address, and the times that help tells."""
    delivery = Delivery()

    assert delivery.service(ABC) == Service(
        base_url=DEFAULT_BASE_URL,
        token=ABC,
        connect_timeout_s=10,
        stall_timeout_s=30,
        timeout_s=300,
        max_wait_s=120,
    )
    assert delivery.service(ABC) == Service(token=ABC)
    assert (delivery.host, delivery.is_async) == ("inference.prodia.com", False)


def test_what_is_said_reaches_the_service() -> None:
    """Each of the options is one limit of the service, and none is another's."""
    delivery = Delivery(
        base_url="http://127.0.0.1:8080",
        connect_timeout_s=1,
        stall_timeout_s=2,
        timeout_s=3,
        max_wait_s=4,
    )

    assert delivery.service(ABC) == Service(
        base_url="http://127.0.0.1:8080",
        token=ABC,
        connect_timeout_s=1,
        stall_timeout_s=2,
        timeout_s=3,
        max_wait_s=4,
    )
    assert delivery.host == "127.0.0.1:8080"


NONE = f"no token; make one at {addresses.DASHBOARD}; set PRODIA_TOKEN or give --token-file FILE (--sandbox needs none)"
QUOTED = 'the token begins with "Bearer"; leave that out'
UNPRINTABLE = (
    "the token holds a space, a line break or a character outside ASCII; put the token alone there"
)


@pytest.mark.parametrize(
    ("variable", "file", "expected", "words"),
    [
        ("abc-123", None, (ABC, "present"), None),
        (" abc-123\n", None, (ABC, "present"), None),
        ("other", b"abc-123\n", (ABC, "present"), None),
        (None, b"\xef\xbb\xbfabc-123\r\n", (ABC, "present"), None),
        (None, None, (None, "missing"), NONE),
        (" \n", None, (None, "missing"), NONE),
        ("other", b" \n", (None, "missing"), "--token-file {file}: holds no token; put it alone there"),
        ("Bearer x", None, (None, "invalid"), f"PRODIA_TOKEN: {QUOTED}"),
        ("other", b"Bearer x", (None, "invalid"), f"--token-file: {QUOTED}"),
        (
            *("other", "abc-123".encode("utf-16"), (None, "missing")),
            "--token-file {file}: is UTF-16; save it as UTF-8",
        ),
        (
            *("other", b"abc\xff12", (None, "invalid")),
            f"--token-file: {UNPRINTABLE}",
        ),
    ],
    ids=[
        "variable", "variable-with-blanks", "file-before-variable", "file-with-a-mark", "neither",
        "blank-variable", "blank-file", "header", "header-in-a-file", "utf-16", "no-text",
    ],
)  # fmt: skip
@pytest.mark.parametrize("via", ["file", "stdin"])
def test_the_token_is_found_or_missed(
    variable: str | None,
    file: bytes | None,
    expected: tuple[Token | None, str],
    words: str | None,
    via: str,
    tmp_path: Path,
) -> None:
    """A file comes before the variable; what is there and no token is told with where it is."""
    name = None if file is None else str(tmp_path / "token") if via == "file" else "-"
    (tmp_path / "token").write_bytes(file or b"")
    findings = errors.Findings()
    stdin = io.BytesIO(file or b"") if name == "-" else None

    found = Delivery(token_file=name).token(variable, stdin, findings, sending=True)

    assert found == expected
    shown = [error.message for error in findings.errors]
    assert shown == ([] if words is None else [words.format(file=name)])
    assert all(isinstance(error, errors.AuthError) for error in findings.errors)
    assert findings.warnings == []
    if expected[1] == "invalid" or "is UTF-16" in (words or ""):
        assert [error.path for error in findings.errors] == [name]


@pytest.mark.parametrize("name", [None, "empty"])
def test_a_token_is_only_missed_where_it_is_needed(name: str | None, tmp_path: Path) -> None:
    """Where nothing is sent, that there is none is worth a warning."""
    Path("empty").touch()
    findings = errors.Findings()

    found = Delivery(token_file=name).token(None, None, findings, sending=False)

    assert found == (None, "missing")
    assert findings.errors == []
    shown = NONE if name is None else "--token-file empty: holds no token; put it alone there"
    assert [(one.code, one.message) for one in findings.warnings] == [("no-token", shown)]


def test_a_file_that_is_not_there_is_told_of_the_token() -> None:
    """It is an error of the token's, and names the option and the file."""
    findings = errors.Findings()

    found = Delivery(token_file="gone").token("abc-123", None, findings, sending=False)

    assert found == (None, "missing")
    (error,) = findings.errors
    assert isinstance(error, errors.AuthError)
    assert error.message.startswith("--token-file gone: ")
    assert error.path == "gone"


@pytest.mark.parametrize(
    ("error", "count"),
    [(errors.UsageError("who else reads it?"), 1), (errors.InputError("another matter"), 2)],
)
def test_a_closed_standard_input_is_told_once(error: errors.ComposeError, count: int) -> None:
    """Where the command line claims it twice, that is told already and nobody has read it."""
    findings = errors.Findings([error])

    found = Delivery(token_file="-").token("abc-123", None, findings, sending=True)

    assert found == (None, "missing")
    assert len(findings.errors) == count


def test_a_sandbox_takes_any_token() -> None:
    """Nothing is read and nothing missed where a stand-in answers."""
    findings = errors.Findings()

    found = Delivery(token_file="gone").token(
        "Bearer x", None, findings, sending=True, sandbox=True
    )

    assert found == (Token(value=SANDBOX_TOKEN), "present")
    assert (findings.errors, findings.warnings) == ([], [])
