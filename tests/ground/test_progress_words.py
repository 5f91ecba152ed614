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
