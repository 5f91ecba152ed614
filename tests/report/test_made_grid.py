"""What was made, in rows and columns."""

from typing import Any

import pytest
from reporting import row, start

from prodia_compose.report.made import grid
from prodia_compose.report.made.grid import Variant

PRO: dict[str, Any] = {"model": "flux-2-pro"}
DEV: dict[str, Any] = {"model": "flux-2-dev"}


def _images(*names: str) -> list[dict[str, Any]]:
    return [{"position": place, "path": name} for place, name in enumerate(names, 1)]


def _seen(found: grid.Grid) -> list[tuple[str | None, list[object]]]:
    """Return the name of each set with the ids in its cells."""
    return [(one.name, [cell and cell["id"] for cell in one.cells]) for one in found.sets]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a", ("a", (), 1)),
        ("a~#3", ("a", (), 3)),
        ("a~model=flux-2-pro~seed=2~#2", ("a", (("model", "flux-2-pro"), ("seed", "2")), 2)),
        ("a~set:own=x=y", ("a", (("own", "x=y"),), 1)),
        ("a~b", ("a~b", (), 1)),
        ("photos/a~1.jpg~seed=2", ("photos/a~1.jpg", (("seed", "2"),), 1)),
        ("a~aspect_ratio=16:9", ("a", (("aspect_ratio", "16:9"),), 1)),
    ],
)
def test_an_id_says_what_was_varied(name: str, parts: tuple[object, ...]) -> None:
    """What `--vary` and `--repeat` put behind an id is no part of what sets are called by."""
    assert grid.split(name) == parts


def test_variants_are_columns() -> None:
    """Each set of inputs has a row, each variant a column, in the order of the batch."""
    documents = [
        row(f"{base}~model={model}", number=number, model=model, images=_images(f"{base}.png"))
        for number, (base, model) in enumerate(
            [
                (base, model)
                for base in "ab"
                for model in ("flux-2-pro", "flux-2-dev", "nano-banana")
            ],
            1,
        )
    ]
    found = grid.arranged(reversed([{**one, "results": "x"} for one in documents]))

    assert [one.model for one in found.columns] == ["flux-2-pro", "flux-2-dev", "nano-banana"]
    assert _seen(found) == [
        (base, [f"{base}~model={one.model}" for one in found.columns]) for base in "ab"
    ]


def test_what_was_varied_is_told() -> None:
    """Settings and repeats that an id names are their column's."""
    documents = [
        row(f"a~seed={seed}~#{turn}", number=2 * seed + turn) for seed in (1, 2) for turn in (1, 2)
    ]
    assert grid.arranged(documents).columns == tuple(
        Variant("flux-2-pro", (("seed", str(seed)),), turn) for seed in (1, 2) for turn in (1, 2)
    )


def test_the_same_composition_twice_has_two_columns() -> None:
    """Of two that differ in nothing that is known, none hides the other."""
    found = grid.arranged([row("a"), row("b")])
    assert found.columns == (Variant("flux-2-pro"), Variant("flux-2-pro", (), 2))
    assert _seen(found) == [(None, ["a", "b"])]


def test_rows_that_differ_in_all_have_one_column() -> None:
    """Where no set has two compositions, they stand below each other, whatever their models."""
    documents = [row("a", **PRO), row("b", **DEV, prompt="a blue wall")]
    assert _seen(grid.arranged(documents)) == [("a", ["a"]), ("b", ["b"])]
    assert grid.arranged(documents).columns == (Variant(None),)


def test_what_never_got_so_far_has_its_place() -> None:
    """One that is refused, or only begun, is with others of its base, in the column of its variant."""
    refused: dict[str, Any] = {"job": None, "images": [], "prompt": None}
    documents = [
        {**one, "results": "x"}
        for one in (
            row("a~model=flux-2-pro", number=1),
            row("a~model=flux-2-dev", "refused", number=2, **DEV, **refused),
            {**start("a~model=nano-banana"), "status": "unknown"},
            {**start("b~model=nano-banana"), "status": "unknown"},
            row("b~model=flux-2-pro", number=4, images=_images("b.png")),
        )
    ]
    found = grid.arranged(documents)
    assert _seen(found) == [
        ("a", ["a~model=flux-2-pro", "a~model=flux-2-dev", "a~model=nano-banana"]),
        ("b", ["b~model=flux-2-pro", None, "b~model=nano-banana"]),
    ]


def test_batches_that_know_nothing_of_each_other() -> None:
    """The same id in two files, with other inputs, is another set; with the same ones it is not."""
    other = row("a", images=_images("b.png"))
    first, second = ({**row("a"), "results": "x"}, {**other, "results": "y"})
    assert len(grid.arranged([first, second]).sets) == 2
    assert len(grid.arranged([first, {**first, "results": "y"}]).sets) == 1


@pytest.mark.parametrize(
    ("sets", "shared"),
    [
        ([("a", "room"), ("b", "room"), ("c", "d", "room")], 1),
        ([("a", "x", "y"), ("b", "x", "y")], 2),
        ([("room",), ("b", "room")], 0),
        ([("a", "b")], 0),
        ([("a", "b"), ("b", "a")], 0),
        ([("a", "room"), (), ("b", "room")], 1),
    ],
)
def test_inputs_of_all_sets(sets: list[tuple[str, ...]], shared: int) -> None:
    """What all sets end with is shown once, and each set keeps at least one of its own."""
    documents = [
        row(f"r{number}", images=_images(*names), prompt=f"{number}")
        for number, names in enumerate(sets)
    ]
    found = grid.arranged(documents)
    assert found.shared == shared
    assert [one["path"] for one in found.common] == list(sets[0][len(sets[0]) - shared :])
