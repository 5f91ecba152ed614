"""What the options of the output come to."""

import pytest

from prodia_compose.output.options import IfExists, Placement


@pytest.mark.parametrize(
    ("placement", "policy"),
    [
        (Placement(), "number"),
        (Placement(target="a.jpg"), "fail"),
        (Placement(if_exists="skip"), "skip"),
        (Placement(target="a.jpg", if_exists="number"), "number"),
        (Placement(force=True), "overwrite"),
        (Placement(target="a.jpg", force=True, if_exists="overwrite"), "overwrite"),
    ],
)
def test_what_is_done_about_a_taken_name(placement: Placement, policy: IfExists) -> None:
    """A name that nobody gave gives way to a file; one that was given does not."""
    assert placement.policy == policy


@pytest.mark.parametrize(
    ("placement", "shown"),
    [
        (Placement(), []),
        (Placement(target="a.jpg", format="jpg"), []),
        (Placement(target="a.JPEG", format="jpg"), []),
        (Placement(target="a", format="png"), []),
        (Placement(target="a.", format="png"), []),
        (Placement(target="a.{ext}", format="png"), []),
        (Placement(target="a.png"), []),
        (Placement(target="a.jpg", format="png"), [("format", "target")]),
        (Placement(target="a.gif", format="png"), [("format", "target")]),
        (Placement(if_exists="skip"), []),
        (Placement(force=True), []),
        (Placement(force=True, if_exists="overwrite"), []),
        (
            Placement(force=True, if_exists="fail"),
            [("force", "if_exists", "-f and --if-exists: both are given", "give one of them")],
        ),
    ],
)
def test_options_that_contradict_each_other(
    placement: Placement, shown: list[tuple[str, ...]]
) -> None:
    """Two policies, and a format that is not the suffix's; a suffix that is none says nothing."""
    found = [(one.one, one.other, *filter(None, one[2:])) for one in placement.clashes()]

    assert found == shown
