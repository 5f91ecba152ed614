"""The table: Markdown for the summary of a CI run, without pictures, with links to them."""

import re
from collections.abc import Iterable, Iterator, Sequence

from prodia_compose.pipeline.batch.results.lines import Document
from prodia_compose.report.made import pictures, words
from prodia_compose.report.made.grid import Grid, Set, Variant
from prodia_compose.report.made.pictures import Picture

_MARKS = re.compile(r"[\\`*\[\]<>|~&@$]|(?<![^\W_])_|_(?![^\W_])|:(?=//|[\w+-]+:)|(?<=www)\.")


def table(
    grid: Grid, documents: Sequence[Document], shown: pictures.Shown, *, prompts: bool
) -> bytes:
    """Return the table; arguments are as for `page.page`."""
    lines = [
        "# What was made",
        "",
        *(f"- {what}: **{amount}**" for what, amount in words.totals(documents)),
        "",
    ]
    titles = ["Set", "Inputs", *(["Prompt"] if prompts else [])]
    titles += ["Result"] if len(grid.columns) == 1 else map(_title, grid.columns)
    lines += [_line(titles), _line(["---"] * len(titles))]
    for place, one in enumerate(grid.sets, 1):
        lines.append(_line(_cells(one, place, grid, shown, prompts=prompts)))
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _title(variant: Variant) -> str:
    return plain(", ".join(filter(None, (words.model(variant), words.details(variant)))))


def _cells(
    set_: Set, place: int, grid: Grid, shown: pictures.Shown, *, prompts: bool
) -> Iterator[str]:
    yield plain(words.named(set_, place))
    yield "<br>".join(
        _linked(shown[pictures.of_input(image)], words.image(image)) for image in set_.images
    )
    if prompts:
        yield plain(words.lines(set_.prompt)) if set_.prompt else ""
    for made in set_.cells:
        yield _cell(made, grid, shown, prompts=prompts) if made else words.NOTHING


def _cell(made: Document, grid: Grid, shown: pictures.Shown, *, prompts: bool) -> str:
    _, status = words.kind(made)
    parts = [
        _linked(picture, picture.name) for each in pictures.named(made) if (picture := shown[each])
    ]
    facts = [f"**{status}**", words.price(made), words.seconds(made)]
    if len(grid.columns) == 1 and isinstance(made.get("model"), str):
        facts.insert(1, plain(str(made["model"])))
    facts.append(plain(words.settings(made, prompts=prompts)))
    parts.append(", ".join(filter(None, facts)))
    if outcome := words.outcome(made, prompts=prompts):
        parts.append(plain(outcome))
    return "<br>".join(parts)


def _linked(picture: Picture, name: str) -> str:
    trouble = f" ({plain(picture.trouble)})" if picture.trouble else ""
    text = plain(name)
    return f"[{text}]({picture.href}){trouble}" if picture.href else f"{text}{trouble}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def plain(text: str) -> str:
    """Return a text of which no reader of Markdown takes anything for markup, in one line."""
    return _MARKS.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))
