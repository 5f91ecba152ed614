"""Wrong command lines: one clear line each, the right code, and nothing sent."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import loopback
import mistakes
import pytest
from conftest import TOKEN, Run
from mistakes import BAD_LINES, GOOD

from prodia_compose import errors
from prodia_compose.sandbox import server
from prodia_compose.sandbox.faults import parse_fault
from prodia_compose.sandbox.service import SandboxOptions


@pytest.fixture
def litter(work: Path) -> Path:
    """Return a working folder with good and bad files in it."""
    mistakes.litter(work)
    return work


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[loopback.Server]:
    """Address the program to a server that must not be talked to."""
    with loopback.serve([loopback.ok(b"")]) as server:
        monkeypatch.setenv("PRODIA_BASE_URL", server.url)
        monkeypatch.setenv("PRODIA_TOKEN", TOKEN)
        yield server
        assert server.connections == 0


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [row[1:] for row in BAD_LINES],
    ids=[row[0].replace(" ", "-") for row in BAD_LINES],
)
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_a_wrong_line_is_told_in_one_line(
    run: Run,
    litter: Path,
    nobody: loopback.Server,
    argv: tuple[str, ...],
    code: int,
    words: str,
    as_json: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Each bad line ends with its code and one clear line, opens no connection, leaves no file."""
    before = sorted(litter.iterdir())
    done = run("compose", *argv, *(["--json"] if as_json else []))

    assert done.code == code
    assert done.out == b""
    assert "Traceback" not in done.messages
    assert len(done.messages.splitlines()) == 1
    if as_json or "--json" in argv:
        error = json.loads(done.messages)
        assert (error["schema"], error["exit_code"]) == ("prodia-compose/error@1", code)
        assert error["may_be_billed"] is False
        assert re.search(words, error["message"])
    else:
        assert done.messages.startswith("prodia-compose: error: ")
        assert re.search(words, done.messages)
    assert sorted(litter.iterdir()) == before


def test_validate_answers_as_compose_would(run: Run, litter: Path) -> None:
    """`validate` ends with the code of `compose` for every bad line that is not about sending."""
    for name, argv, code, words in BAD_LINES:
        if name in ("json and bytes", "json and stdout", "empty token file"):
            continue  # validate writes nothing that clashes, and needs no token
        done = run("validate", *argv, PRODIA_TOKEN=TOKEN)
        assert (name, done.code) == (name, code)
        assert re.search(words, done.messages), name


def test_no_token_is_an_error_only_for_sending(run: Run, work: Path) -> None:
    """Without a token `compose` ends with 4 and `validate` warns."""
    sending, checking = run("compose", *GOOD), run("validate", *GOOD)

    assert (sending.code, checking.code) == (4, 0)
    assert "PRODIA_TOKEN" in sending.err
    assert "[no-token]" in checking.err


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "ümlaut"])
def test_a_malformed_token_is_never_shown(run: Run, work: Path, token: str) -> None:
    """A token that cannot stand in a header is refused in both commands, unquoted."""
    for command in ("compose", "validate"):
        done = run(command, *GOOD, PRODIA_TOKEN=token)
        assert done.code == 4
        assert token not in done.err


def test_all_problems_are_told_together(run: Run, litter: Path, nobody: loopback.Server) -> None:
    """Several bad inputs and an unusable output are told at once, the code by precedence."""
    done = run("compose", "gone.jpg", "page.jpg", "cut.jpg", "-p", "x", "-o", "no/out.jpg")

    assert done.code == 3
    lines = done.messages.splitlines()
    assert [re.search(r"error: (?:-o )?(\S+):", line)[1] for line in lines] == [  # type: ignore[index]
        *("gone.jpg", "page.jpg", "cut.jpg", "no/out.jpg"),
    ]


def test_plan_document_holds_the_problems(run: Run, litter: Path) -> None:
    """`validate --json` prints one object with every problem and the inputs that could be read."""
    done = run("validate", "gone.jpg", "product.jpg", "-p", "x", "-o", "no/out.jpg", "--json")
    plan = json.loads(done.out)

    assert (done.code, done.err) == (3, "")
    assert plan["ok"] is False
    assert [(error["kind"], error["exit_code"]) for error in plan["errors"]] == [
        ("input", 3),
        ("output", 8),
    ]
    assert [image["path"] for image in plan["images"]] == ["product.jpg"]
    assert plan["job"] is None


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (loopback.text("token is invalid", 401), 4),
        (loopback.text("no", 403), 4),
        (loopback.json_answer({"error": "config: nope"}, 400), 5),
        (loopback.redirect(307, "https://elsewhere.example/"), 5),
        (loopback.text("too large", 413), 5),
        (loopback.busy("9999"), 6),
        (loopback.text("oops", 500), 9),
        (loopback.text("this is no picture"), 9),
    ],
    ids=["401", "403", "400", "307", "413", "busy", "500", "no-picture"],
)
def test_refusals_of_the_service_end_with_their_code(
    run: Run, work: Path, answer: loopback.Answer, code: int
) -> None:
    """What the service answers decides the exit code, and no output appears."""
    with loopback.serve([answer]) as service:
        done = run("compose", *GOOD, PRODIA_BASE_URL=service.url, PRODIA_TOKEN=TOKEN)

    assert done.code == code
    assert service.submissions == 1
    assert not (work / "composed.jpg").exists()
    assert TOKEN not in done.err


def test_nobody_there_is_not_delivered(run: Run, work: Path) -> None:
    """A service that cannot be reached ends with 7: the job did not run."""
    done = run(
        "compose",
        *GOOD,
        PRODIA_BASE_URL=f"http://127.0.0.1:{loopback.closed_port()}",
        PRODIA_TOKEN=TOKEN,
    )

    assert done.code == 7
    assert "did not run" in done.err


def test_a_bug_is_shown_whole(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception nobody foresaw ends with 1 and its traceback."""

    def broken(*_: object, **__: object) -> int:
        raise KeyError("unforeseen")

    monkeypatch.setattr("prodia_compose.models.lookup.find", broken)
    done = run("models", "flux-2-pro")

    assert done.code == 1
    assert "Traceback" in done.err
    assert "bug" in done.err


def test_readme_has_the_table_of_the_code(readme_text: str) -> None:
    """README's exit codes are those of `errors`, with the same kinds."""
    rows = re.findall(r"^\| ([\d, ]+) \| ?([\w-]*) ?\|", readme_text, re.MULTILINE)
    shown = {int(code): kind for codes, kind in rows for code in codes.split(",")}
    kinds = {int(cls.exit_code): cls.kind for cls in _leaves(errors.ComposeError)}

    assert set(shown) == {int(code) for code in errors.ExitCode}
    for code, kind in kinds.items():
        assert shown[code] == kind


def _leaves(cls: type[errors.ComposeError]) -> list[type[errors.ComposeError]]:
    return [one for one in cls.__subclasses__() if one is not errors.ProblemsError]


@pytest.fixture
def readme_text() -> str:
    """Return README."""
    return (Path(__file__).parent.parent.parent / "README.md").read_text()


def test_interrupt_before_sending_says_so(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal while preparing ends with 128 + its number and says that the job did not run."""

    def interrupted(*_: object, **__: object) -> Callable[..., None]:
        raise errors.Interrupted(15)

    monkeypatch.setattr("prodia_compose.images.prepare.prepare", interrupted)
    done = run("compose", *GOOD, "--sandbox")

    assert done.code == 143
    assert "did not run" in done.err


def test_sandbox_faults_reach_the_command(run: Run, work: Path) -> None:
    """A fault asked of the sandbox comes out as the exit code that a script must handle."""
    options = SandboxOptions(faults=(parse_fault("server-error"),))
    with server.Sandbox(options) as sandbox:
        done = run("compose", *GOOD, PRODIA_BASE_URL=sandbox.url, PRODIA_TOKEN="any")

    assert done.code == 9
    assert json.loads(run("validate", *GOOD, "--json").out)["token"] == "missing"
