"""The rows of a compare: one for each model, varied as those of a batch, and what is wrong with all."""

from pathlib import Path

import pytest

from prodia_compose import errors
from prodia_compose.pipeline.batch.options import BatchOptions
from prodia_compose.pipeline.batch.rows import compared, reading
from prodia_compose.pipeline.batch.rows.compared import CompareOptions
from prodia_compose.pipeline.batch.rows.row import Problem
from prodia_compose.pipeline.request import ComposeRequest


def _options(**fields: object) -> CompareOptions:
    found = CompareOptions(request=ComposeRequest(prompt="x"), folder="{o}", **fields)  # type: ignore[arg-type] # as they are declared
    return found.as_batch()


def test_rows_are_models_and_what_is_varied(here: Path) -> None:
    """Models change last; a name says what is its own, and the folder is no template."""
    options = _options(models=("flux-2-dev", "flux-2-pro"), vary=(("seed", (1, 2)),), repeat=2)
    rows, problems = reading.read(options, None)

    assert problems == ()
    assert [row.id for row in rows] == [
        f"{model}~seed={seed}~#{turn}"
        for model in ("flux-2-dev", "flux-2-pro")
        for seed in (1, 2)
        for turn in (1, 2)
    ]
    assert [row.number for row in rows] == [*range(1, 9)]
    assert (rows[7].request.model, rows[7].request.settings.seed) == ("flux-2-pro", 2)
    assert {row.request.placement.target for row in rows} == {"{{o}}/{id}.{ext}"}
    assert (options.results, options.is_compare) == ("{o}/results.jsonl", True)
    assert not [*here.iterdir()]


def test_a_batch_is_no_compare() -> None:
    """Only of a compare there is a page by itself."""
    assert (BatchOptions().is_compare, BatchOptions().what) == (False, "row")


@pytest.mark.parametrize(
    ("ids", "merged"),
    [
        (("a", "b", "c"), [(None, True)]),
        (("a", "b"), [("a", False), ("b", False)]),
        (("a",), [("a", False)]),
    ],
)
def test_what_is_wrong_with_all_is_told_once(
    here: Path, ids: tuple[str, ...], merged: list[tuple[str | None, bool]]
) -> None:
    """What only some have stays theirs, even if it is the same words."""
    models = ("flux-2-dev", "flux-2-pro", "flux-2-max")
    rows, _ = reading.read(_options(models=models), None)
    names = dict(zip("abc", models, strict=True))
    problems = [Problem(error=errors.InputError("gone"), id=names[one], line=1) for one in ids]
    found = compared.merged(problems, rows)

    assert [(one.id, one.is_whole) for one in found] == [
        (name and names[name], whole) for name, whole in merged
    ]
    assert {one.error.message for one in found} == {"gone"}
