"""What is said of what was made: outcomes, money, and nothing of this machine."""

from typing import Any, get_args

import pytest
from reporting import row, start

from prodia_compose.pipeline.batch.results import lines
from prodia_compose.report.made import words

KINDS = {
    "done": "done",
    "skipped": "done",
    "rejected": "failed",
    "not-placed": "failed",
    "unknown": "unknown",
    "running": "unknown",
    "busy": "unsent",
    "not-delivered": "unsent",
    "cancelled": "unsent",
    "refused": "unsent",
    "listed": "unsent",
    "not-started": "unsent",
}


def test_every_status_has_words() -> None:
    """What became of a composition is told in words, whatever it is, with or without a reason."""
    assert KINDS.keys() >= set(get_args(lines.Status))
    for status, kind in KINDS.items():
        document = row("a", status, errors=[])
        assert words.kind(document)[0] == kind
        assert words.kind(document)[1] in ("done", "failed", "unknown", "running", "not sent")
        assert (words.outcome(document, prompts=True) == "") == (status == "done")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("it is too dark", "it is too dark"),
        ("/home/me/my/a.jpg: cannot be read", "a.jpg: cannot be read"),
        ("cannot read '/home/me/a.jpg'; see (/tmp/b/c.txt)", "cannot read 'a.jpg'; see (c.txt)"),
        ("/home/me/my own/b.jpg: gone", "b.jpg: gone"),
        ("pictures/a.jpg and ../a.jpg: gone", "pictures/a.jpg and ../a.jpg: gone"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("two\nlines \x1b[31m", "two lines \\x1b[31m"),
    ],
)
def test_messages_name_no_place_on_this_machine(message: str, shown: str) -> None:
    """Of a path from the root only its last step is told; what is foreign is in one line."""
    errors = [{"message": message, "path": "/home/me/my own/b.jpg"}]
    assert words.outcome(row("a", "rejected", errors=errors), prompts=True) == shown


def test_a_message_may_quote_the_prompt() -> None:
    """Where no prompts are to be seen, none is in what the service said."""
    document = row("a", "rejected", errors=[{"message": "refused: a red wall is no wall"}])
    assert words.outcome(document, prompts=True) == "refused: a red wall is no wall"
    assert words.outcome(document, prompts=False) == "refused: … is no wall"


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        (row("a"), "$0.03"),
        (row("a", price_usd=0.039), "$0.039"),
        (row("a", price_usd=0), "$0.00"),
        (row("a", price_usd=None), "at most $0.04"),
        (row("a", price_usd=None, reserved_usd=None), "price unknown"),
        (row("a", price_usd=None, reserved_usd=None, estimate_usd=0.15), "at most $0.15"),
        (row("a", sandbox=True), "no cost: sandbox"),
        (row("a", "unknown"), "at most $0.04"),
        (row("a", "refused"), "not billed"),
        (row("a", "rejected"), "not billed"),
        (row("a", "rejected", may_be_billed=True), "at most $0.04"),
        (row("a", price_usd=None, made={"taken": True}), "not billed"),
    ],
)
def test_prices(document: dict[str, Any], shown: str) -> None:
    """A price is what the service said, else the most it can be; nothing is taken for free."""
    assert words.price(document) == shown


@pytest.mark.parametrize(
    ("documents", "shown"),
    [
        (
            [
                *(row(f"d{n}", price_usd=0.039) for n in range(3)),
                row("f", "rejected"),
                row("u", "unknown"),
                {**start("s", reserved_usd=None), "status": "unknown"},
                row("n", "not-started"),
            ],
            [
                ("Charged", "$0.117"),
                ("May be charged", "at most $0.04 for 1 job, and 1 job of unknown price"),
                ("Compositions", "7: 3 done, 1 failed, 2 unknown, 1 not sent"),
            ],
        ),
        (
            [{**row("a"), "before": [row("a", "unknown"), row("a", price_usd=0.5)]}],
            [
                ("Charged", "$0.53"),
                ("May be charged", "at most $0.04 for 1 job"),
                ("Compositions", "1: 1 done"),
            ],
        ),
        (
            [row("a", sandbox=True), row("b", "unknown", sandbox=True)],
            [("Charged", "nothing: sandbox"), ("Compositions", "2: 1 done, 1 unknown")],
        ),
    ],
    ids=["stopped", "again", "sandbox"],
)
def test_totals(documents: list[dict[str, Any]], shown: list[tuple[str, str]]) -> None:
    """All that was charged is summed up, earlier jobs of a row too; and what is undecided."""
    assert words.totals(documents) == shown
    # The sum is exact however many there are.
    assert dict(words.totals([row(str(n), price_usd=0.1) for n in range(30)]))["Charged"] == "$3.00"


def test_settings_are_told_as_they_were_sent() -> None:
    """All but prompt and images; and nothing that is another prompt, where none is to be seen."""
    config = {"prompt": "p", "images": [], "seed": 7, "aspect_ratio": "16:9", "raw": True}
    document = row("a", job={"config": {**config, "negative_prompt": "fog"}})
    assert words.settings(document, prompts=True) == (
        "seed 7, aspect ratio 16:9, raw true, negative prompt fog"
    )
    assert words.settings(document, prompts=False) == "seed 7, aspect ratio 16:9, raw true"
    assert words.settings(row("a", job=None), prompts=True) == ""
