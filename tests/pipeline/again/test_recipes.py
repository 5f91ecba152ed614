"""What a job is made again of: nothing that shapes it is lost, and nothing else comes into it."""

import io
import json
import os
from collections.abc import Iterator
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from prodia_compose import options
from prodia_compose.images import fit
from prodia_compose.images.workers import Budget
from prodia_compose.inputs.options import Selection
from prodia_compose.models.catalogue import CATALOGUE
from prodia_compose.models.options import Settings
from prodia_compose.options import Declared
from prodia_compose.output import sidecar
from prodia_compose.pipeline import planner
from prodia_compose.pipeline.again import anew, recipe
from prodia_compose.pipeline.batch.outcomes import Outcome
from prodia_compose.pipeline.batch.results import lines
from prodia_compose.pipeline.batch.results.ends import Due, End
from prodia_compose.pipeline.batch.rows.row import Row
from prodia_compose.pipeline.plan import Plan
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.pipeline.run import Run
from prodia_compose.progress import Reporter, Stop
from prodia_compose.record import ledger
from prodia_compose.report import batch, documents

NOVEL = "inference.novel.v1"
"""A job type that no page describes, so that any setting can be sent."""

NAMES = (
    *(
        "a.jpg",
        "A.JPG",
        "two words.jpg",
        "it's.jpg",
        "-f.jpg",
        "~.jpg",
        "a=b.jpg",
        "-",
        "{mug}.jpg",
    ),
    *("Möbel.jpg", "日本.png", "line\nbreak.jpg", "\u202eleft.jpg", "in/one.jpg", "in/.hidden.jpg"),
    *(
        "a very long name of many words.jpg",
        "https:/odd.jpg",
        "$HOME`x`.jpg",
        "no-suffix",
        "x.json",
    ),
    os.fsdecode(b"\xff\xfe.jpg"),
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of small pictures of all kinds of names."""
    folder = tmp_path_factory.mktemp("shelf")
    for number, name in enumerate(NAMES):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        mode = "RGBA" if number % 3 else "RGB"
        Image.new(mode, (20 + number, 16), (9 * number, 90, 160, 99)[: len(mode)]).save(path, "PNG")
    return folder


def _planned(request: ComposeRequest) -> Plan:
    def download(url: str) -> Any:
        raise AssertionError(url)

    around = planner.Surroundings(
        stdin=io.BytesIO(),
        token="t",
        reporter=Reporter(),
        download=download,
        means=fit.Means(budget=Budget(1 << 30)),
        stop=Stop(),
        proven={Path.cwd(), Path("/")},  # nothing is saved
    )
    return planner.make(request, around, sending=True)


def _value(one: Declared) -> st.SearchStrategy[Any]:
    """Return values of an option, as its declaration says; of those that are parsed, such as are."""
    texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
    known: dict[str, st.SearchStrategy[Any]] = {
        "model": st.sampled_from([model.short_name for model in CATALOGUE] + [NOVEL]),
        "match": st.just(1),
        "aspect_ratio": st.sampled_from(["16:9", "auto"]),
        "background": st.tuples(*[st.integers(0, 255)] * 3),
        "max_input_pixels": st.integers(1 << 20, 1 << 40),
        "extras": st.dictionaries(
            st.from_regex(r"x_[!-<>-~]{0,5}", fullmatch=True), _json(), min_size=1, max_size=3
        ).map(lambda found: tuple(found.items())),
    }
    if one.name in known:
        return known[one.name]
    if one.kind is bool:
        return st.just(not one.default)
    if get_origin(one.kind) is Literal:
        return st.sampled_from(get_args(one.kind))
    low, high = one.option.minimum, one.option.maximum
    if one.kind is int:
        return st.integers(int(low or -(10**6)), int(high or 10**6))
    if one.kind is float:
        return st.floats(low or -1e6, high or 1e6, allow_nan=False)
    assert one.kind is str, f"{one.name}: say here what values it has"
    return texts


def _json() -> st.SearchStrategy[Any]:
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    plain: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | text
    plain |= st.floats(-1e9, 1e9, allow_nan=False)
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
        max_leaves=4,
    )


@st.composite
def _requests(draw: st.DrawFn, names: tuple[str, ...] = NAMES) -> ComposeRequest:
    """Return a request of any options, pictures, labels and prompt; all can be sent."""
    chosen = {
        one.name: draw(_value(one))
        for one in recipe.carried().values()
        if one.name not in ("model", "format") and draw(st.integers(0, 3)) == 0
    }
    if "match" in chosen:  # which a model has to be known for, and so what it takes besides
        own = {field.name for field in fields(Settings)} - {"match", "extras"}
        chosen = {name: chosen[name] for name in chosen.keys() - own}
        chosen["model"] = "nano-banana"
    named = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
    labels = draw(st.lists(st.sampled_from([None, "mug", "room-2", "a_b"]), min_size=3, max_size=3))
    free = [label if label not in labels[:place] else None for place, label in enumerate(labels)]
    labelled = tuple(zip(free, (f"./{name}" for name in named), strict=False))
    known = [f"{{{label}}}" for label, _ in labelled if label]
    braces = ["{{", "}}", *known] if known else ["{", "}", "{mug}", "{{x}}"]
    words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0{}"), min_size=1)
    parts = draw(st.lists(words | st.sampled_from(braces), min_size=1, max_size=6))
    suffix = draw(st.sampled_from([".jpg", ".png", ".webp", ""]))
    values = {"selection": None, "prompt": f"it{''.join(parts)}", "model": NOVEL, **chosen}
    request = options.make(ComposeRequest, values, ())
    placement = replace(request.placement, target=f"no{{n}} {{{{}}}}{suffix}", if_exists="number")
    return replace(request, selection=Selection(labelled=labelled), placement=placement, lint=False)


def _ways(plan: Plan, record: ledger.Ledger, folder: Path) -> Iterator[str]:
    """Write a job down in a sidecar, in results, and in the record; yield the name of each."""
    run = Run(Stop(), request_key=plan.request_key)
    result = documents.result(plan, run)
    folder.mkdir(exist_ok=True)
    shown = lines.movable(result, sidecar.folder(str(folder / "x.jpg")))
    (folder / "x.jpg.json").write_bytes(lines.written(shown))
    yield str(folder / "x.jpg.json")
    due = Due(
        row=Row(id="é#1", number=1, line=1, request=plan.request),
        model="m",
        bound=Decimal(1),
        request_key=str(plan.request_key),
        places=(),
    )
    outcome = Outcome(status="done", may_be_billed=True)
    end = End(due=due, plan=plan, run=run, outcome=outcome, error=None, record_id=None)
    header = lines.Header(host="h", is_sandbox=False, shard=None, version="0")
    row = lines.movable(batch.row(end), folder)
    data = lines.written(header.document()) + lines.written(row)
    (folder / "rows.jsonl").write_bytes(data)
    yield f"{folder}/rows.jsonl#é#1"
    claim = plan.claim()
    assert claim is not None
    name = record.begin(claim).id
    assert name is not None
    yield name


def _sent(plan: Plan) -> tuple[str, bytes]:
    """Return the digest and the very bytes of a body."""
    assert [error.message for error in plan.errors] == []
    assert plan.packed is not None
    return plan.packed.digest, b"".join(plan.packed.body)


@given(request=_requests())
@settings(max_examples=200)
def test_any_request_comes_back(shelf: Path, request: ComposeRequest) -> None:
    """Whatever was asked for, what is written down of it in any place makes the same bytes again."""
    before = Path.cwd()
    os.chdir(shelf)
    try:
        with ledger.open_record({}) as record:
            plan = _planned(request)
            sent = _sent(plan)
            for place in _ways(plan, record, before / "kept"):
                os.chdir(before)  # another folder than that of the pictures
                again = anew.request(ComposeRequest(origin=place), record)
                assert _sent(_planned(again)) == sent
                os.chdir(shelf)
    finally:
        os.chdir(before)


def _declared() -> dict[str, Declared]:
    return {one.name: one for one in options.declared(ComposeRequest)}


def test_each_option_is_carried_or_listed() -> None:
    """An option is carried by itself; those that are not are known, and all of them exist."""
    carried = {one.name for one in recipe.carried().values()}

    assert _declared().keys() - carried == recipe.NOT_SHAPING
    assert carried == {
        *("model", "aspect_ratio", "width", "height", "match", "steps", "guidance", "seed"),
        *("resolution", "safety_tolerance", "extras", "format", "max_side", "max_pixels"),
        *("max_input_pixels", "resize", "quality", "background", "keep_alpha", "keep_metadata"),
    }, "one more shapes the job: is it carried as it should be?"


@pytest.mark.parametrize("key", recipe.carried())
@given(data=st.data())
@settings(max_examples=20)
def test_the_values_of_each_option_come_back(key: str, data: st.DataObject) -> None:
    """Each option's values are JSON, by the option's name, and are read again as they were."""
    one = recipe.carried()[key]
    value = data.draw(_value(one))
    request = options.make(ComposeRequest, {one.name: value}, ())
    known: Any = {"prompt": "p", "format_": "jpg", "match": None, "sources": ()}
    if key in ("format", "match"):  # the ones that are settled while planning
        known["format_" if key == "format" else key] = value

    written = json.loads(json.dumps(recipe.document(request, **known)))

    if value in (one.default, "jpg"):
        assert written.keys() - {"model"} == {"prompt", "sources"}
    else:
        assert recipe.read(one, written[key], "it") == value
