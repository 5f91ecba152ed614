"""Documents arranged to be looked at: a row for each set of inputs, a column for each variant."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from prodia_compose import addresses
from prodia_compose.frozen import frozen
from prodia_compose.pipeline.batch.results.lines import Document

_SUFFIX = re.compile(r"((?:~[a-z_]+(?:=|:[^~=]+=)[^~]*)*)(?:~#([0-9]+))?", re.DOTALL)
"""What `--vary` and `--repeat` put behind an id."""

_FIRST_VARIED = re.compile(r"~(?:#[0-9]+$|[a-z_]+[=:])")


class Variant(NamedTuple):
    """What the pictures of a column share.

    Attributes:
        model: As the documents call it; None if that is not known.
        varied: The settings that were varied, each with its value.
        turn: Which of several that are alike otherwise it is, from 1.
    """

    model: str | None
    varied: tuple[tuple[str, str], ...] = ()
    turn: int = 1


@frozen
class Set:
    """The compositions of the same inputs.

    Attributes:
        name: What their ids have in common; None of jobs that have none.
        prompt: None where they have none, or not the same.
        images: The inputs in order, as a document lists them.
        cells: What was made in each column, if anything.
    """

    name: str | None
    prompt: str | None
    images: tuple[Document, ...]
    cells: tuple[Document | None, ...]


@frozen
class Grid:
    """All that is shown.

    Attributes:
        columns: One for each variant; none of one where sets have no more than one composition.
        shared: How many of the inputs that come last are the same in all sets.
    """

    columns: tuple[Variant, ...]
    sets: tuple[Set, ...]
    shared: int = 0

    @property
    def common(self) -> tuple[Document, ...]:
        """The inputs that all sets end with."""
        known = next((one.images for one in self.sets if one.images), ())
        return known[len(known) - self.shared :]


def split(name: str) -> tuple[str, tuple[tuple[str, str], ...], int]:
    """Return what an id begins with, what it says was varied, and which repeat it is, from 1."""
    for start in _FIRST_VARIED.finditer(name):
        if found := _SUFFIX.fullmatch(name, start.start()):
            pairs = (one.partition("=") for one in found[1].split("~")[1:])
            varied = tuple((key.removeprefix("set:"), value) for key, _, value in pairs)
            return name[: start.start()], varied, int(found[2] or 1)
    return name, (), 1


def arranged(documents: Iterable[Document]) -> Grid:
    """Return documents in rows and columns, both in the order in which they first come."""
    ordered = _of_compares(_in_order(list(documents)))
    models: dict[object, set[str]] = {}
    for one in ordered:
        if isinstance(model := one.get("model"), str):
            models.setdefault(one.get("results"), set()).add(model)
    groups = list(_grouped(ordered).values())
    placed = [dict(_placed(group, models)) for group in groups]
    columns = list(dict.fromkeys(variant for cells in placed for variant in cells))
    if all(len(cells) == 1 for cells in placed):
        columns, placed = [Variant(None)], [{Variant(None): group[0]} for group in groups]
    sets = tuple(
        Set(
            name=_name(group),
            prompt=_only(one.get("prompt") for one in group),
            images=_images(group),
            cells=tuple(cells.get(column) for column in columns),
        )
        for group, cells in zip(groups, placed, strict=True)
    )
    return Grid(columns=tuple(columns), sets=sets, shared=_shared(sets))


def _in_order(documents: list[Document]) -> list[Document]:
    """Return the rows of each results file in the order of the batch; they are written as they end."""
    files = {made.get("results"): place for place, made in reversed([*enumerate(documents)])}
    numbers: dict[tuple[object, str], float] = {}
    for made in documents:
        row, base = made.get("row"), (made.get("results"), _base(made))
        if isinstance(row, int):
            numbers[base] = max(row + 0.5, numbers.get(base, 0))  # where no number is, after it

    def key(place: int) -> tuple[float, ...]:
        made = documents[place]
        row = made.get("row")
        if made.get("results") is None:
            return (place, 0, 0)
        base = numbers.get((made["results"], _base(made)), float("inf"))
        return (files[made["results"]], row if isinstance(row, int) else base, place)

    return [documents[place] for place in sorted(range(len(documents)), key=key)]


def _of_compares(documents: list[Document]) -> list[Document]:
    """Return documents with what is known of compares, whose ids begin with their models.

    All of one have the same inputs, so those that never got as far as to tell them do too.
    """
    by_results: dict[object, list[Document]] = {}
    for one in documents:
        if one.get("images") and "id" in one:
            by_results.setdefault(one.get("results"), []).append(one)
    first = {
        results: {field: rows[0].get(field) for field in ("images", "prompt")}
        for results, rows in by_results.items()
        if len(set(map(_inputs, rows))) == 1 and all(_base(one) == one.get("model") for one in rows)
    }
    return [
        {**first[results], "model": _base(one), **one}
        if (results := one.get("results")) in first and not one.get("images")
        else one
        for one in documents
    ]


def _base(document: Document) -> str:
    return split(str(document.get("id", "")))[0]


def _grouped(documents: Sequence[Document]) -> dict[object, list[Document]]:
    """Return the documents of each set of inputs.

    One that never got as far as to know its inputs is with others whose id begins as its own.
    """
    bases: dict[tuple[object, str], object] = {}
    for made in documents:
        if made.get("job") is not None and "id" in made:
            bases.setdefault((made.get("results"), _base(made)), _inputs(made))
    groups: dict[object, list[Document]] = {}
    for place, made in enumerate(documents):
        base = (made.get("results"), _base(made))
        own: object = _inputs(made) if made.get("images") else (base if "id" in made else place)
        key = own if made.get("job") is not None else bases.get(base, own)
        groups.setdefault(key, []).append(made)
    return groups


def _inputs(document: Document) -> object:
    """Return what two documents of the same inputs and prompt share."""
    return (document.get("prompt"), tuple(map(_input, _listed(document, "images"))))


def _input(image: Document) -> tuple[object, object]:
    path = str(image["path"])
    is_file = path != "-" and not addresses.is_url(path)
    return image.get("label"), addresses.absolute(path) if is_file else image.get("sha256") or path


def _placed(
    group: Sequence[Document], models: dict[object, set[str]]
) -> Iterator[tuple[Variant, Document]]:
    """Yield the compositions of a set, each with the column it belongs in."""
    taken: set[Variant] = set()
    for made in group:
        _, varied, turn = split(str(made.get("id", "")))
        known = models.get(made.get("results"), set())
        model = made.get("model") or dict(varied).get("model")
        if model is None and len(known) == 1:
            model = next(iter(known))
        settings = tuple(pair for pair in varied if pair[0] != "model")
        variant = Variant(None if model is None else str(model), settings, turn)
        while variant in taken:
            variant = variant._replace(turn=variant.turn + 1)
        taken.add(variant)
        yield variant, made


def _name(group: Sequence[Document]) -> str | None:
    names = [str(one["id"]) for one in group if "id" in one]
    if len(group) == 1:
        return names[0] if names else None
    return _only(map(_base, (one for one in group if "id" in one)))


def _only(values: Iterable[object]) -> str | None:
    """Return the text that all have that are known; None if there is none, or several."""
    known = {value for value in values if isinstance(value, str)}
    return known.pop() if len(known) == 1 else None


def _images(group: Sequence[Document]) -> tuple[Document, ...]:
    """Return the inputs, as that document knows them that knows most."""
    return max((tuple(_listed(one, "images")) for one in group), key=len)


def _listed(document: Document, key: str) -> list[Document]:
    value = document.get(key)
    return value if isinstance(value, list) else []


def _shared(sets: Sequence[Set]) -> int:
    """Return how many inputs all sets have in common, counted from the last one."""
    known = [one.images for one in sets if one.images]
    if len(known) < 2:
        return 0
    count = 0
    for images in zip(*(reversed(one) for one in known), strict=False):
        if len(set(map(_input, images))) > 1:
            break
        count += 1
    return min(count, min(map(len, known)) - 1)
