"""The contact sheet: the cells of the page as one picture, or as several where it would be too large."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.images import contact, lettering
from prodia_compose.images.contact import Area, Copy, Words
from prodia_compose.images.lettering import Block
from prodia_compose.images.plan import Size
from prodia_compose.pipeline.batch.results.lines import Document
from prodia_compose.report.made import pictures, words
from prodia_compose.report.made.grid import Grid, Set, Variant
from prodia_compose.report.made.pictures import Picture

PAPER, _INK, _FAINT, _EDGE = "#f6f5f2", "#1b1f24", "#5b626b", "#dcd9d2"
_COLOURS = {"done": "#17663a", "failed": "#a8201a", "unknown": "#7a4b00", "unsent": "#555b63"}

_MARGIN, _GAP, _CELL, _INPUT = 40, 20, 320, 150
_TITLE, _TEXT, _SMALL = 30, 19, 16

_MOST_PIXELS: Final = 80_000_000
_MOST_COLUMNS: Final = 24
"""How many cells stand side by side; more go on below, set by set."""

Item = Words | Copy | Area


@frozen
class Sheet:
    """One page: its size in pixels, and what is on it."""

    size: Size
    items: tuple[Item, ...]


@frozen
class _Band:
    """A stripe as wide as the page; what is on it is placed as if it were the topmost."""

    height: int
    items: tuple[Item, ...]


def sheets(
    grid: Grid, documents: Sequence[Document], shown: pictures.Shown, *, prompts: bool
) -> Iterator[Sheet]:
    """Yield the pages; arguments are as for `page.page`.

    Raises:
        errors.InputError: A set has too many pictures for any page.
    """
    layout = _Layout(min(len(grid.columns), _MOST_COLUMNS), shown, prompts=prompts)
    most = min(_MOST_PIXELS // layout.width, contact.LONGEST_SIDE) - 2 * _MARGIN
    waiting = [layout.heading(documents)]
    for place, one in enumerate(grid.sets, 1):
        name = words.named(one, place)
        for band in layout.of_set(one, name, grid.columns):
            if band.height > most:
                cure = "ask for a page (.html) or a table (.md)"
                raise errors.InputError(f"{name}: too many pictures for a contact sheet", cure)
            if sum(each.height for each in waiting) + band.height > most:
                yield layout.page(waiting)
                waiting = []
            waiting.append(band)
    yield layout.page(waiting)


class _Layout:
    """Places things on pages of one width."""

    def __init__(self, columns: int, shown: pictures.Shown, *, prompts: bool) -> None:
        self._columns = columns
        self._shown = shown
        self._prompts = prompts
        self._left = _MARGIN + 2 * (_INPUT + _GAP)
        self.width = self._left + max(columns, 2) * (_CELL + _GAP) - _GAP + _MARGIN

    def page(self, bands: Sequence[_Band]) -> Sheet:
        """Return a page with bands below one another."""
        items: list[Item] = []
        top = _MARGIN
        for band in bands:
            items += [_lowered(item, top) for item in band.items]
            top += band.height
        return Sheet(size=(self.width, top + _MARGIN), items=tuple(items))

    def heading(self, documents: Sequence[Document]) -> _Band:
        """Return what stands on top of the first page: what all came to."""
        totals = ";  ".join(f"{what}: {text}" for what, text in words.totals(documents))
        title = self._wide("What was made", 2 * _TITLE, _TITLE)
        below = self._wide(totals, 4 * _TEXT, _TEXT)
        items = (
            Words(x=_MARGIN, y=0, block=title, colour=_INK),
            Words(x=_MARGIN, y=title.height, block=below, colour=_FAINT),
        )
        return _Band(height=title.height + below.height + _GAP, items=items)

    def of_set(self, set_: Set, name: str, columns: Sequence[Variant]) -> Iterator[_Band]:
        """Yield a set: its name and inputs with the first cells, then, if there are more, those."""
        line = Area(box=(_MARGIN, 0, self.width - _MARGIN, 1), colour=_EDGE)
        called = self._wide(name, 2 * _TEXT, _TEXT + 3)
        items: list[Item] = [line, Words(x=_MARGIN, y=_GAP, block=called, colour=_INK)]
        top = _GAP + called.height
        if self._prompts and set_.prompt:
            prompt = self._wide(set_.prompt, 4 * _SMALL, _SMALL)
            items.append(Words(x=_MARGIN, y=top, block=prompt, colour=_FAINT))
            top += prompt.height
        top += _GAP // 2
        inputs = self._inputs(set_.images)
        for start in range(0, len(columns), self._columns):
            cells = [*zip(set_.cells, columns, strict=True)][start : start + self._columns]
            bands = [inputs, *(self._cell(made, variant) for made, variant in cells)]
            lefts = [_MARGIN, *(self._left + at * (_CELL + _GAP) for at in range(len(cells)))]
            for band, left in zip(bands, lefts, strict=True):
                items += [_lowered(item, top, left) for item in band.items]
            yield _Band(height=top + max(band.height for band in bands) + _GAP, items=tuple(items))
            items, top, inputs = [], 0, _Band(height=0, items=())

    def _wide(self, text: str, height: int, largest: int) -> Block:
        return lettering.fit(text, self.width - 2 * _MARGIN, height, largest)

    def _inputs(self, images: Sequence[Document]) -> _Band:
        """Return the inputs, two side by side."""
        items: list[Item] = []
        top = height = 0
        for place, image in enumerate(images):
            if place % 2 == 0:
                top, height = top + height, 0
            left = place % 2 * (_INPUT + _GAP)
            name = f"{place + 1}: {words.image(image)}"
            picture = self._shown[pictures.of_input(image)]
            lines = [(name, _INK), (picture.trouble, _FAINT)]
            band = _captioned(picture, _INPUT, lines)
            items += [_lowered(item, top, left) for item in band.items]
            height = max(height, band.height + _GAP // 2)
        return _Band(height=top + height, items=tuple(items))

    def _cell(self, made: Document | None, variant: Variant) -> _Band:
        """Return what was made in a variant: its pictures, and words below."""
        if made is None:
            return _captioned(None, _CELL, [(words.NOTHING, _FAINT)])
        kind, status = words.kind(made)
        facts = (status, words.price(made), words.seconds(made))
        model = (str(made.get("model") or variant.model or "model unknown"), words.details(variant))
        outcome = words.outcome(made, prompts=self._prompts)
        lines = [
            (", ".join(filter(None, model)), _INK),
            (", ".join(filter(None, facts)), _COLOURS[kind]),
            (words.settings(made, prompts=self._prompts), _FAINT),
            (outcome, _INK),
        ]
        found = [self._shown[each] for each in pictures.named(made)]
        bands = [
            _captioned(one, _CELL, [(f"{one.name}: {one.trouble}", _INK)] if one.trouble else [])
            for one in found
        ]
        items: list[Item] = []
        top = 0
        for band in (*bands, _captioned(None, _CELL, lines)):
            items += [_lowered(item, top) for item in band.items]
            top += band.height
        return _Band(height=top, items=tuple(items))


def _captioned(picture: Picture | None, side: int, lines: Sequence[tuple[str, str]]) -> _Band:
    """Return a picture no longer than a side, if there is one, and lines of some colours below."""
    items: list[Item] = []
    top = 0
    if picture is not None and picture.small is not None:
        small = picture.small
        scale = side / max(small.width, small.height)
        size = (max(1, round(small.width * scale)), max(1, round(small.height * scale)))
        items.append(Copy(x=0, y=0, size=size, small=small))
        top = size[1] + 4
    for text, colour in lines:
        if text:
            block = lettering.fit(text, side, 3 * _SMALL, _SMALL)
            items.append(Words(x=0, y=top, block=block, colour=colour))
            top += block.height
    return _Band(height=top, items=tuple(items))


def _lowered(item: Item, down: int, right: int = 0) -> Item:
    """Return what is placed somewhere, placed so many pixels further down and to the right."""
    if isinstance(item, Area):
        left, top, end, bottom = item.box
        return replace(item, box=(left + right, top + down, end + right, bottom + down))
    return replace(item, x=item.x + right, y=item.y + down)
