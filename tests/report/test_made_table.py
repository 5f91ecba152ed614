"""The table of what was made, as a reader of Markdown sees it."""

import re
from pathlib import Path

import markdown_it
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting import no_record, row, written

from prodia_compose.pipeline import made
from prodia_compose.report.made import writing
from prodia_compose.report.made.table import plain

HOSTILE = [
    "a | b || c",
    "a \\| b \\",
    "`code` ``more``",
    "*bold* **both** _one_ snake_case __two__",
    "[a](https://example.org) ![b](c) <https://example.org> [d]",
    "<script>alert(1)</script> <b>x</b> &amp; &#65; &lt;",
    "see https://example.org/x and www.example.org",
    "~~gone~~ ~gone~ $x$ :smile: @somebody",
    "# no heading\n- no list\n\n1. none",
    "\u202e backwards \x00 \x1b[31m",
]


def _reader() -> markdown_it.MarkdownIt:
    return markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _words(markup: str) -> str:
    """Return what HTML shows."""
    import html

    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_foreign_stays_text(here: Path, text: str) -> None:
    """Nothing in a prompt, an id, a label or a message is taken for Markdown, or ends its cell."""
    rows = [
        row(
            "a~seed=1",
            prompt=text,
            number=1,
            images=[{"position": 1, "path": "in.png", "label": text.replace("\n", " ")}],
        ),
        row(text, "rejected", number=2, errors=[{"message": text}]),
    ]
    name = written(here / "rows.jsonl", rows)
    with no_record() as record:
        documents = made.gathered([name], record)
    writing.write(documents, writing.prove("report.md"))
    markup = _reader().render((here / "report.md").read_text())

    tags = set(re.findall(r"<(/?\w+)", markup)) - {"p", "/p"}
    assert {tag.strip("/") for tag in tags} <= {
        *("h1", "ul", "li", "strong", "table", "thead", "tbody", "tr", "th", "td", "a", "br")
    }
    assert markup.count("<tr>") == 3
    assert markup.count("<td>") == 8
    assert set(re.findall(r'href="([^"]*)"', markup)) == {"in.png", "a~seed%3D1.png"}
    shown = " ".join(
        text.replace("\x00", "\\x00").replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").split()
    )
    assert _words(markup).count(shown) == 4


@given(st.text(max_size=80))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    """Whatever is in it, a text comes back from Markdown as it was, in one line, with its blanks joined."""
    visible = "".join(c for c in text if c.isprintable())
    found = plain(visible)
    assert "\n" not in found
    assert "|" not in found
    assert _words(_reader().renderInline(found)) == " ".join(visible.split())
