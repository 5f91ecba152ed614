"""A picture made again, with something changed, or of something that is no longer there."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from tables import table

from prodia_compose import options
from prodia_compose.models.options import Settings
from prodia_compose.options import Declared, flat
from prodia_compose.pipeline.again import anew, recipe
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.record import ledger

RECIPE: Any = {
    "model": "flux-2-flex",
    "prompt": "the first image {x} in the second image",
    "steps": 20,
    "guidance": 2.5,
    "set": {"a": 1, "b": [None]},
    "quality": 80,
    "no_resize": True,
    "background": "#010203",
    "sources": [
        {"path": "product.jpg", "label": "mug", "sha256": "0" * 64, "gone": False},
        {"path": "scene.jpg", "label": None, "sha256": None, "gone": False},
    ],
}


def _written(found: object, name: str = "x.json", **others: object) -> str:
    known = {"schema": "prodia-compose/result@1", "outputs": [], "output": None, **others}
    Path(name).write_text(json.dumps({**known, "recipe": found}))
    return name


def _again(request: ComposeRequest, *typed: str) -> ComposeRequest:
    with ledger.open_record({}) as record:
        return anew.request(replace(request, typed=frozenset(typed)), record)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", "flux-2-pro"),
        ("aspect_ratio", "1:1"),
        ("width", 512),
        ("height", 512),
        ("match", 1),
        ("steps", 30),
        ("guidance", 1.5),
        ("seed", 9),
        ("resolution", "2K"),
        ("safety_tolerance", 1),
        ("format", "webp"),
        ("max_side", 99),
        ("max_pixels", 99),
        ("max_input_pixels", 99),
        ("resize", True),
        ("quality", 95),
        ("background", (255, 255, 255)),
        ("keep_alpha", True),
        ("keep_metadata", True),
    ],
)
def test_one_option_changed_changes_only_that(here: Path, field: str, value: object) -> None:
    """What is typed counts, a default too, and all else is as it was."""
    origin = _written(RECIPE)
    asked = options.make(ComposeRequest, {"origin": origin, field: value}, ())

    before, after = flat(_again(replace(asked, origin=origin))), flat(_again(asked, field))

    others = {"typed", "variables"}
    changed = {name for name in after if after[name] != before[name]} - others
    assert changed <= {field}
    assert after[field] == value
    assert {one.name for one in recipe.carried().values()} - {"extras"} == {
        *_parameters(test_one_option_changed_changes_only_that)
    }


def _parameters(test: Any) -> list[str]:
    return [row[0] for mark in test.pytestmark for row in mark.args[1]]


@pytest.mark.parametrize(
    ("before", "typed", "after"),
    [
        ({"set": {"a": 1, "b": 2}}, {"extras": (("b", 3),)}, {"extras": (("a", 1), ("b", 3))}),
        ({"set": {"seed": 1, "b": 2}}, {"seed": 3}, {"seed": 3, "extras": (("b", 2),)}),
        ({"seed": 1, "steps": 2}, {"extras": (("seed", 3),)}, {"steps": 2, "extras": (("seed", 3),)}),
        ({"match": 1}, {"width": 64}, {"width": 64}),
        ({"width": 64, "steps": 2, "set": {"height": 64, "a": 1}}, {"match": 2}, {"match": 2, "steps": 2, "extras": (("a", 1),)}),
    ],
)  # fmt: skip
def test_settings_that_contradict_what_is_typed_go(
    here: Path, before: Any, typed: dict[str, Any], after: dict[str, Any]
) -> None:
    """A setting that is typed overrules those of the recipe that say otherwise, and no others."""
    plain = {name: RECIPE[name] for name in ("model", "prompt", "sources")}
    asked = options.make(ComposeRequest, {"origin": _written(plain | before), **typed}, ())

    found = _again(asked, *typed).settings

    assert found == replace(Settings(**after), variables=found.variables)


@pytest.mark.parametrize(
    ("unset", "gone"),
    [
        (["steps"], {"steps"}),
        (["--no-resize", "quality", "no_resize"], {"resize", "quality"}),
        (["set:a"], {"extras"}),
        (["set"], {"extras"}),
        (["model"], {"model"}),
        (["seed"], set()),
    ],
)
def test_what_is_unset_is_as_by_default(here: Path, unset: list[str], gone: set[str]) -> None:
    """What the recipe says of an option, or of a field of --set, can be left out."""
    origin = _written(RECIPE)
    before = flat(_again(options.make(ComposeRequest, {"origin": origin}, ())))
    asked = options.make(ComposeRequest, {"origin": origin, "unset": tuple(unset)}, ())
    after = flat(_again(asked, "unset"))

    assert {one for one in after if after[one] != before[one]} - {
        "typed",
        "unset",
        "variables",
    } == gone
    for name in gone:
        known = (("b", [None]),) if unset == ["set:a"] else _declared()[name].default
        assert after[name] == known


def test_unset_and_typed(work: Path, run: Run) -> None:
    """What is typed counts; no name of an option, or no --from, is a usage error with the nearest."""
    again = ("validate", "--from", _written(RECIPE), "--json")
    typed = json.loads(run(*again, "--unset", "steps", "--steps", "9").out)
    odd = {
        "step": "no option of a recipe is called so; did you mean steps?",
        "prompt": "no option of a recipe is called so; type another one with -p",
        "set:x": "the recipe of x.json has no such field",
        "": "is empty",
    }
    shown = {name: run(*again[:-1], "--unset", name) for name in odd}
    alone = run("validate", "product.jpg", "-p", "x", "--unset", "seed")

    assert typed["job"]["config"]["steps"] == 9
    for name, words in odd.items():
        assert shown[name].code == 2
        assert words in shown[name].messages
    assert alone.code == 2
    assert (
        "--unset: leaves something out of an earlier job; name that with --from" in alone.messages
    )


def _declared() -> dict[str, Declared]:
    return {one.name: one for one in recipe.carried().values()}


def test_the_environment_says_nothing_of_what_a_recipe_could_say(work: Path, run: Run) -> None:
    """Of an option that shapes the job, what the recipe leaves out is as by default."""
    origin = _written(RECIPE)
    plain = run("validate", "--from", origin, "--json", "-o", "a.jpg")
    env = {
        "PRODIA_COMPOSE_QUALITY": "10",
        "PRODIA_COMPOSE_SEED": "7",
        "PRODIA_COMPOSE_MODEL": "flux-2-max",
        "PRODIA_COMPOSE_MATCH": "1",
        "PRODIA_COMPOSE_KEEP_METADATA": "1",
        "PRODIA_COMPOSE_MAX_COST": "0.01",
    }
    shown = run("validate", "--from", origin, "--json", "-o", "a.jpg", **env)

    first, second = json.loads(plain.out), json.loads(shown.out)
    assert (plain.code, shown.code) == (0, 12), "a limit of money counts"
    assert first["digest"] == second["digest"]


@pytest.mark.parametrize(
    ("output", "argv", "path"),
    [
        ("out/pot.jpg", [], "out/pot.jpg"),
        ("out/taken.jpg", [], "out/taken-2.jpg"),
        ("out/taken.jpg", ["--format", "png"], "out/taken.png"),
        ("out/taken.jpg", ["-f"], "out/taken.jpg"),
        ("out/{x} y.jpeg", [], "out/{x} y.jpg"),
        ("out/plain", [], "out/plain"),
        ("out/composed-7.jpg", [], "out/composed.jpg"),
        ("out/pot.jpg", ["-o", "new.png"], "new.png"),
        ("-", [], "composed.jpg"),
        (None, [], "composed.jpg"),
    ],
)
def test_where_it_goes(
    work: Path, run: Run, output: str | None, argv: list[str], path: str
) -> None:
    """Without -o it goes beside the earlier picture, and never over one unasked."""
    (work / "out").mkdir()
    (work / "out/taken.jpg").write_bytes(b"taken")
    origin = _written(RECIPE, output=None if output is None else {"path": output})

    done = run("compose", "--sandbox", "--from", origin, *argv, PRODIA_COMPOSE_OUTPUT="env.jpg")

    assert (done.code, done.text) == (0, f"{path}\n")


def test_pictures_and_prompts_are_replaced(work: Path, run: Run) -> None:
    """Pictures that are named replace all of them; labels hold in a prompt that is typed."""
    origin = _written(RECIPE)
    dry = ("validate", "--from", origin, "--json")
    labelled = json.loads(run(*dry, "-p", "Put {mug} into the second image").out)
    other = json.loads(run(*dry, "-i", "one=scene.jpg").out)
    Path("list").write_text("product.jpg\n")
    listed = json.loads(run(*dry, "-T", "list").out)

    assert labelled["prompt"] == "Put the first image into the second image"
    assert [one["label"] for one in labelled["images"]] == ["mug", None]
    assert [one["path"] for one in other["images"]] == ["scene.jpg"]
    assert other["prompt"] == listed["prompt"] == RECIPE["prompt"]
    assert [one["path"] for one in listed["images"]] == ["product.jpg"]


@pytest.mark.parametrize(("change", "words"), table("pipeline/damaged-recipes"))
def test_what_is_no_recipe_is_told(work: Path, run: Run, change: Any, words: str) -> None:
    """A damaged or foreign recipe is an input that cannot be used, told in one line that names it."""
    found = {**RECIPE, **change} if isinstance(change, dict) else change
    done = run("compose", "--from", _written(found), PRODIA_TOKEN="t")

    assert (done.code, done.out) == (3, b"")
    assert done.messages.startswith("prodia-compose: error: ")
    assert done.messages.count("\n") == 1
    assert "x.json" in done.messages
    assert words in done.messages


def test_all_that_is_gone_is_told(work: Path, run: Run) -> None:
    """Each picture that cannot be had again is named, and why; new ones make up for them."""
    sources = [
        {"path": "gone one of several words.jpg", "label": None, "sha256": None, "gone": False},
        {"path": "-", "label": "mug", "sha256": None, "gone": True},
        {"path": "https://host/a.jpg?...", "label": None, "sha256": None, "gone": True},
        {"path": "product.jpg", "label": None, "sha256": None, "gone": False},
    ]
    origin = _written({**RECIPE, "sources": sources})

    done = run("compose", "--from", origin, PRODIA_TOKEN="t", stdin=b"no picture")
    anyway = run("compose", "--sandbox", "--from", origin, "product.jpg", "scene.jpg")

    assert (done.code, anyway.code) == (3, 0)
    shown = [line for line in done.messages.splitlines() if ": error: " in line]
    anew_ = "name all pictures anew, as operands or with -i or -T"
    kept = "its address is kept without its password and query, which can be keys"
    missing = "no such file; check the name and the folder you are in"
    assert [line.removeprefix("prodia-compose: error: ") for line in shown] == [
        f"gone one of several words.jpg: {missing}; the recipe of x.json names it",
        "image 2: came from standard input or a pipe, which is gone",  # as the last
        f"https://host/a.jpg?...: {kept}; {anew_}",
    ]


def test_what_the_recipe_says_is_called_so(work: Path, run: Run) -> None:
    """A value that the model no longer takes is told by where it stands, and not as if it was typed."""
    done = run("validate", "--from", _written({**RECIPE, "steps": 60}))

    assert done.code == 2
    assert "steps of x.json 60: flux-2-flex takes 1 to 50" in done.err


def test_one_job_only(work: Path, run: Run) -> None:
    """A batch makes nothing again, and one job is made again at a time."""
    twice = run("compose", "--from", "a", "--from", "b")
    many = run("batch", "--from", "a", "rows.jsonl")

    assert (twice.code, many.code) == (2, 2)
    assert "--from: given 2 times; one job is sent" in twice.messages
    assert "--from: is for one job; use it with compose" in many.messages
