"""What people mistype: what is wrong in one line, and what to do in a line of its own."""

import json
from typing import Any

import pytest
from conftest import Run
from tables import table

from prodia_compose import addresses

MISTAKES = table("cli/mistakes")


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_told_with_what_to_do(run: Run, work: Any, line: str) -> None:
    """Nothing is printed but these lines, and the exit code is the one of the first kind."""
    expected = MISTAKES[line]
    done = run(*expected["argv"], **expected.get("env", {}))

    told = [one.replace("prodia-compose: ", "", 1) for one in done.err.splitlines()]
    assert told == [one.replace("DASHBOARD", addresses.DASHBOARD) for one in expected["err"]]
    assert done.code == expected["code"]


def test_a_document_has_all_of_it_in_its_message(run: Run, work: Any) -> None:
    """With `--json` what to do goes on the message, as there are no lines."""
    done = run("compose", "--sandbox", "scnee.jpg", "-p", "x", "--json")

    assert json.loads(done.err)["message"] == "scnee.jpg: no such file; did you mean scene.jpg?"
