"""The fault matrix through the client: what must come of each fault, HTTP and TLS alike.

Every row is also held to the rules that no fault may break: never a second complete
submission unless the first surely did not run, and the token in nothing that anybody
gets to see.
"""

import pytest
import submitting
from faults import BUSY, FAULTS, Fault
from submitting import TOKEN, both


@both
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_fault(fault: Fault, *, tls: bool) -> None:
    """Each fault ends in the one outcome that is true of it, and sends the job no more than it may."""
    body = submitting.job_body(fault.size)
    server, outcome = submitting.served(*fault.script, body=body, tls=tls, limits=fault.limits)

    assert TOKEN not in outcome.texts()
    assert server.submissions == fault.submissions
    # Every attempt sent the same job, byte for byte.
    assert len({(each.head, each.sha256) for each in server.requests if each.complete}) <= 1
    if fault.error is None:
        assert outcome.error is None
        assert outcome.answer.outputs
        assert outcome.states[-3:] in (["sending", "sent", "answered"], ["sending", "answered"])
        return
    error = outcome.failure
    assert type(error) is fault.error
    assert [words for words in fault.words if words not in error.message] == []
    assert error.may_be_billed is fault.billed
    assert (outcome.kept is not None) is fault.keeps
    assert ("sent" in outcome.states) is (fault.submissions > 0)


def test_the_matrix_is_wide() -> None:
    """The matrix holds at least 45 faults beside the rows that end well."""
    assert sum(fault.error is not None for fault in FAULTS.values()) >= 45


def test_no_row_submits_twice_what_may_have_run() -> None:
    """Only rows that begin with a busy service have more than one submission."""
    repeated = {name for name, fault in FAULTS.items() if fault.submissions > 1}

    assert repeated <= BUSY.keys()
