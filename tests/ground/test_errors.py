"""The tree of errors, their exit codes, and the gathering of several."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prodia_compose import errors

ROWS = [
    (errors.UsageError, 2, "usage"),
    (errors.InputError, 3, "input"),
    (errors.AuthError, 4, "auth"),
    (errors.RejectedError, 5, "rejected"),
    (errors.BusyError, 6, "busy"),
    (errors.NotDeliveredError, 7, "not-delivered"),
    (errors.OutputError, 8, "output"),
    (errors.UnknownError, 9, "unknown"),
    (errors.NotPlacedError, 10, "not-placed"),
    (errors.CostError, 12, "cost"),
]

PRECEDENCE = [2, 3, 4, 8, 12]


@pytest.mark.parametrize(("kind", "code", "word"), ROWS)
def test_each_error_owns_its_code(kind: type[errors.ComposeError], code: int, word: str) -> None:
    """Each class has the exit code and the word of the stable interface."""
    error = kind("what happened", path="a.jpg", request_id="r", job_id="j", may_be_billed=True)

    assert (error.code, error.kind) == (code, word)
    assert (str(error), error.message, error.path) == ("what happened", "what happened", "a.jpg")
    assert (error.request_id, error.job_id, error.may_be_billed) == ("r", "j", True)
    assert error.parts == (error,)


def test_no_class_is_without_a_row() -> None:
    """A new class has to say its exit code here."""
    assert {*errors.ComposeError.__subclasses__()} == {
        *(kind for kind, _, _ in ROWS),
        errors.ProblemsError,
    }


@given(st.lists(st.sampled_from([kind for kind, _, _ in ROWS]), min_size=1, max_size=6))
def test_problems_take_the_first_code_by_precedence(
    kinds: list[type[errors.ComposeError]],
) -> None:
    """Usage goes before input, auth, output and cost, whatever was found first."""
    problems = errors.ProblemsError([kind("x") for kind in kinds])
    codes = [int(kind.exit_code) for kind in kinds]
    expected = next((code for code in PRECEDENCE if code in codes), codes[0])

    assert problems.code == expected


def test_problems_keep_their_parts_in_order() -> None:
    """The single errors are told in the order they were found, however they came together."""
    first, second, third = errors.CostError("a"), errors.UsageError("b"), errors.InputError("c")
    problems = errors.ProblemsError([errors.ProblemsError([first, second]), third])

    assert problems.parts == (first, second, third)
    assert str(problems) == "a; b; c"
    assert problems.code == errors.ExitCode.USAGE


def test_findings_collect_and_go_on() -> None:
    """A check that fails does not keep the next one from running."""
    findings = errors.Findings()
    findings.raise_if_any()
    ran = []
    with findings.collecting():
        raise errors.InputError("first")
    with findings.collecting():
        ran.append("second")
    with findings.collecting():
        raise errors.ProblemsError([errors.CostError("third"), errors.AuthError("fourth")])

    assert ran == ["second"]
    assert [error.message for error in findings.errors] == ["first", "third", "fourth"]
    with pytest.raises(errors.ProblemsError) as caught:
        findings.raise_if_any()
    assert caught.value.code == errors.ExitCode.INPUT


def test_one_finding_is_raised_as_itself() -> None:
    """A single error keeps its class and what it carries."""
    found = errors.AuthError("no token", request_id="r")
    with pytest.raises(errors.AuthError) as caught:
        errors.Findings([found]).raise_if_any()

    assert caught.value is found


@pytest.mark.parametrize("error", [KeyError("bug"), errors.Interrupted(signal.SIGINT)])
def test_findings_let_all_else_pass(error: BaseException) -> None:
    """Bugs and signals are no findings."""
    findings = errors.Findings()
    with pytest.raises(type(error)), findings.collecting():
        raise error

    assert findings.errors == []


@pytest.mark.parametrize(
    ("signum", "code", "name"),
    [
        (signal.SIGHUP, 129, "SIGHUP"),
        (signal.SIGINT, 130, "SIGINT"),
        (signal.SIGTERM, 143, "SIGTERM"),
    ],
)
def test_interruption_has_the_shells_code(signum: int, code: int, name: str) -> None:
    """A signal's exit code is 128 and its number, and the error says which it was."""
    stop = errors.Interrupted(signum)

    assert (stop.code, str(stop), stop.run) == (code, name, None)


def test_interruption_is_no_exception() -> None:
    """No handler for broken pictures or connections can swallow a signal."""
    assert not issubclass(errors.Interrupted, Exception)
