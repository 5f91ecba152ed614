"""The page: one file of HTML that shows all of it, and asks nothing of anybody."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import prodia_compose
from prodia_compose.frozen import frozen
from prodia_compose.images import thumbnails
from prodia_compose.pipeline.batch.results.lines import Document
from prodia_compose.progress import visible
from prodia_compose.report.made import pictures, words
from prodia_compose.report.made.grid import Grid, Set, Variant
from prodia_compose.report.made.pictures import Named, Picture

_HERE = Path(__file__).parent

_MOST_BESIDE: Final = 24
_MOST_ALONE: Final = 8
"""How many columns stand side by side, and those of a single set; the cells of more are wrapped."""


@frozen
class Figure:
    """A picture on the page.

    Attributes:
        number: Its place among all that can be shown large, from 1; 0 of one that cannot be shown.
        alt: What it is, for those who do not see it.
        caption: What stands beside it when it is large.
        name: What the original is called.
        position: Of an input, from 1; 0 of a result.
    """

    number: int
    picture: Picture
    alt: str
    caption: str
    name: str
    position: int = 0

    @property
    def source(self) -> str:
        """The small copy as an address that holds it."""
        small = self.picture.small
        data = base64.b64encode(small.data).decode() if small else ""
        return f"data:{thumbnails.MEDIA_TYPE};base64,{data}"


@frozen
class Cell:
    """What was made of a set of inputs in a variant, in words.

    Attributes:
        kind: What it counts as, as `words.kind` tells.
        prompt: Its own, if those of its set are not the same.
    """

    model: str
    details: str
    kind: str
    status: str
    outcome: str
    figures: tuple[Figure, ...]
    facts: tuple[str, ...]
    prompt: str | None


@frozen
class Row:
    """A set of inputs, and what was made of it."""

    name: str
    prompt: str | None
    inputs: tuple[Figure, ...]
    cells: tuple[Cell | None, ...]


class _Figures:
    """Gives pictures their figures, each with its number; `count` is how many have one."""

    def __init__(self, shown: pictures.Shown) -> None:
        self._shown = shown
        self.count = 0

    def figure(
        self, named: Named, alt: str, caption: str, name: str = "", position: int = 0
    ) -> Figure:
        """Return the figure of a picture; its name is that of its file if it has no other."""
        picture = self._shown[named]
        self.count += picture.small is not None
        return Figure(
            number=self.count if picture.small is not None else 0,
            picture=picture,
            alt=alt,
            caption=caption,
            name=name or picture.name,
            position=position,
        )

    def of_inputs(self, images: Sequence[Document], first: int = 1) -> tuple[Figure, ...]:
        """Return the figures of inputs, the first one of them at a position."""
        figures = []
        for place, one in enumerate(images, first):
            name = words.image(one)
            called = f"Image {place}: {name}"
            figures.append(self.figure(pictures.of_input(one), called, called, name, place))
        return tuple(figures)


def page(
    grid: Grid,
    documents: Sequence[Document],
    shown: pictures.Shown,
    *,
    prompts: bool,
) -> bytes:
    """Return the page.

    Args:
        grid: What is shown where.
        documents: All that the grid was made of.
        shown: The pictures that the grid names.
        prompts: Whether the prompts are on it.
    """
    import jinja2  # noqa: PLC0415 - loaded for a page only

    is_wrapped = len(grid.columns) > (_MOST_ALONE if len(grid.sets) == 1 else _MOST_BESIDE)
    width = 0 if is_wrapped else 10 + 12 * len(grid.columns)
    room = f"@media screen {{ table {{ min-width: {width}rem; }} }}\n"
    style = room + (_HERE / "page.css").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((_HERE / "page.html").read_text(encoding="utf-8"))
    figures = _Figures(shown)
    fewest = min((len(one.images) for one in grid.sets if one.images), default=0)
    common = figures.of_inputs(grid.common, fewest - grid.shared + 1)
    rows = [_row(one, place, grid, figures, prompts) for place, one in enumerate(grid.sets, 1)]
    text = template.render(
        version=prodia_compose.__version__,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        totals=words.totals(documents),
        common=common,
        columns=[(words.model(one), words.details(one)) for one in grid.columns],
        is_single=len(grid.columns) == 1,
        is_wrapped=is_wrapped,
        rows=rows,
        count=figures.count,
        nothing=words.NOTHING,
    )
    return text.encode("utf-8", "backslashreplace")


def _row(set_: Set, place: int, grid: Grid, figures: _Figures, prompts: bool) -> Row:  # noqa: FBT001 - as in `page`
    name = words.named(set_, place)
    inputs = figures.of_inputs(set_.images[: len(set_.images) - grid.shared] if set_.images else ())
    return Row(
        name=name,
        prompt=words.lines(set_.prompt) if prompts and set_.prompt else None,
        inputs=inputs,
        cells=tuple(
            None if made is None else _cell(set_, made, variant, name, figures, prompts)
            for made, variant in zip(set_.cells, grid.columns, strict=True)
        ),
    )


def _cell(
    set_: Set,
    made: Document,
    variant: Variant,
    name: str,
    figures: _Figures,
    prompts: bool,  # noqa: FBT001 - as in `page`
) -> Cell:
    kind, status = words.kind(made)
    details = words.details(variant)
    model = visible(str(made.get("model") or variant.model or "model unknown"))
    caption = ", ".join(filter(None, (name, model, details)))
    alt = words.alt(set_, made, name, prompts=prompts)
    own, set_prompt = made.get("prompt"), set_.prompt
    facts = (words.price(made), words.seconds(made), words.settings(made, prompts=prompts))
    return Cell(
        model=model,
        details=details,
        kind=kind,
        status=status,
        outcome=words.outcome(made, prompts=prompts),
        figures=tuple(figures.figure(each, alt, caption) for each in pictures.named(made)),
        facts=tuple(filter(None, facts)),
        prompt=words.lines(own) if prompts and isinstance(own, str) and own != set_prompt else None,
    )
