"""Foreign text made safe to show."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import rows

from prodia_compose import progress


@pytest.mark.parametrize(("text", "shown"), rows("ground/what_a_terminal_would_obey_is_escaped"))
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    """Control, direction, invisible and undecodable characters show as escapes."""
    assert progress.visible(text) == shown


SIZES = {
    0: "0 bytes",
    1: "1 byte",
    999: "999 bytes",
    1000: "1 kB",
    1449: "1.4 kB",
    9_949: "9.9 kB",
    9_951: "10 kB",
    52_954: "53 kB",
    999_499: "999 kB",
    999_500: "1 MB",
    1_412_008: "1.4 MB",
    7_000_000: "7 MB",
    258_432_000: "258 MB",
    2_500_000_000: "2.5 GB",
    5_000_000_000_000: "5000 GB",
}


@pytest.mark.parametrize(("count", "shown"), SIZES.items())
def test_sizes_are_told_as_people_read_them(count: int, shown: str) -> None:
    """Two figures or three, and a unit of a thousand bytes, or a million of them."""
    assert progress.size(count) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("", "plain name (1).jpg", "Grüße an Zoë.png", "写真の合成.jpg", r"back\slash"),
        *("no\u00a0break\u3000wide", "👩‍👩‍👧‍👦 👍🏽 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "[bold]markup[/bold] :smile:"),
        "می‌خواهم",  # a zero width non-joiner, which Persian spells with
    ],
)
def test_normal_text_is_untouched(text: str) -> None:
    """Names and prompts in any script stay as they are."""
    assert progress.visible(text) == text


@given(st.text(st.characters()))
def test_result_is_safe_anywhere(text: str) -> None:
    """Whatever comes in, what goes out is valid UTF-8, one line, and shown as it is again."""
    shown = progress.visible(text)

    assert shown.encode().decode() == shown
    assert progress.visible(shown) == shown
    assert not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in shown)


def test_nobody_is_a_reporter() -> None:
    """Library use may pass a reporter that ignores everything."""
    reporter = progress.Reporter()
    reporter.start("upload", 10)
    reporter.advance(1)
    reporter.finish()
    reporter.say("x")
    reporter.detail("x")
    reporter.trace("x")
