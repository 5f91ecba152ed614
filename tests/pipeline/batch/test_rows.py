"""Rows: what a manifest and the command line say together, their ids, and their places."""

import gc
import json
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from batching import read, refusals, rows, write
from conftest import Run
from planning import plan

from prodia_compose import errors
from prodia_compose.inputs.entries import Entry
from prodia_compose.models.options import Settings
from prodia_compose.pipeline import destination
from prodia_compose.pipeline.batch.rows import fields
from prodia_compose.pipeline.batch.rows.row import Row
from prodia_compose.pipeline.request import ComposeRequest

LINE = ("m.jsonl", "-p", "x")


def _fields(row: Row) -> dict[str, str]:
    return {name: text for name, text in row.request.fields if name not in ("date", "time")}


def _paths(row: Row) -> list[str]:
    return [path for _, path in row.request.selection.labelled]


def _target(row: Row, count: int = 1) -> str | None:
    """Return where a row's picture goes, its template filled in as its plan does."""
    named = [Entry(path=path) for path in _paths(row)] or [Entry(path="x.jpg")] * count
    findings = errors.Findings()
    path = destination.path(row.request, None, "jpg", named, findings)
    return path or findings.errors[0].message


def test_a_row_says_what_the_command_line_does_not(work: Path) -> None:
    """Options are defaults of all rows; a row's own field wins, and its pictures come first."""
    own = {"id": "a", "images": ["a.jpg"], "prompt": "own", "model": "flux-2-pro", "seed": 5}
    write("m.jsonl", [own | {"max_cost": 0.5, "assume_price": "0.4"}, {"id": "b"}])
    argv = ("room.jpg", "-i", "mug=mug.jpg", "-m", "flux-2-dev", "--seed", "1", "--steps", "9")
    first, second = rows(*LINE, *argv, "--max-cost", "1", "--quality", "80", "--if-exists", "skip")

    assert _paths(first) == ["a.jpg", "room.jpg", "mug.jpg"]
    assert (first.request.prompt, first.request.model) == ("own", "flux-2-pro")
    assert (first.request.settings.seed, first.request.settings.steps) == (5, 9)
    assert (first.request.max_cost_usd, first.request.assume_price_usd) == (0.5, 0.4)
    assert _paths(second) == ["room.jpg", "mug.jpg"]
    assert (second.request.prompt, second.request.model) == ("x", "flux-2-dev")
    assert (second.request.settings.seed, second.request.max_cost_usd) == (1, 1)
    for row in (first, second):
        assert row.request.fitting.quality == 80
        assert row.request.placement.policy == "skip"


def test_a_prompt_may_come_from_a_file(work: Path) -> None:
    """A row's file is from the manifest's folder, and either of its prompts overrules any other."""
    write("d/m.jsonl", [{"id": "a", "prompt_file": "p.txt"}, {"id": "b", "prompt": "own"}])
    first, second = rows("d/m.jsonl", "-p", "x")
    third, fourth = rows("d/m.jsonl", "--prompt-file", "q.txt")

    for row in (first, third):
        assert (row.request.prompt, row.request.prompt_file) == (None, "d/p.txt")
    for row in (second, fourth):
        assert (row.request.prompt, row.request.prompt_file) == ("own", None)


@pytest.mark.parametrize(
    ("argv", "own", "settings", "extras"),
    [
        (("--match", "1"), {"width": 512}, {"width": 512}, {}),
        (("--width", "512", "--steps", "9"), {"match": 2}, {"match": 2, "steps": 9}, {}),
        (("--set", "width=512", "--set", "q=1"), {"match": "a.jpg"}, {"match": "a.jpg"}, {"q": 1}),
        (("--match", "1"), {"set": {"height": 512}}, {}, {"height": 512}),
        (("--seed", "5"), {"set": {"seed": 6}}, {}, {"seed": 6}),
        (("--set", "seed=5"), {"seed": 6}, {"seed": 6}, {}),
        (("--set", "q=1", "--set", "r=2"), {"set": {"q": [3]}}, {}, {"r": 2, "q": [3]}),
        (("--set", "q=1"), {"set": {"q": "2"}}, {}, {"q": "2"}),
        (("--seed", "5"), {"seed": None}, {"seed": 5}, {}),
        (("--guidance", "5"), {"guidance": "2.50"}, {"guidance": 2.5}, {}),
    ],
)
def test_what_a_row_sets_overrules_what_contradicts_it(
    work: Path,
    argv: tuple[str, ...],
    own: dict[str, object],
    settings: dict[str, object],
    extras: dict[str, object],
) -> None:
    """A setting of a row silences the command line's where both cannot be."""
    write("m.jsonl", [{"id": "a", **own}])
    (row,) = rows(*LINE, *argv)
    found = row.request.settings

    assert replace(found, variables=(), extras=()) == replace(Settings(), **settings)  # type: ignore[arg-type] # as above
    assert dict(found.extras) == extras


def test_messages_call_a_setting_as_the_row_does(work: Path) -> None:
    """What a plan says of a value names the field, if the row has it, and else the option."""
    write("m.jsonl", [{"id": "a", "steps": 99, "model": "flux-2-flex", "output": "a.jpg"}])
    (row,) = rows(*LINE, "--width", "512")
    request = row.request

    assert request.settings.called("--steps") == "steps"
    assert request.settings.called("--width") == "--width"
    assert (request.called("-m"), request.called("--model")) == ("model", "model")
    assert (request.placement.called("-o"), request.called("--max-cost")) == (
        "output",
        "--max-cost",
    )


@pytest.mark.parametrize(
    ("manifest", "path", "found"),
    [
        ("d/m.jsonl", "a.jpg", "d/a.jpg"),
        ("d/m.jsonl", "../a.jpg", "d/../a.jpg"),
        ("d/m.jsonl", "./a.jpg", "d/./a.jpg"),
        ("d/m.jsonl", "/abs/a.jpg", "/abs/a.jpg"),
        ("d/m.jsonl", "https://x.org/a.jpg", "https://x.org/a.jpg"),
        ("d/m.jsonl", "~/a.jpg", "~/a.jpg"),
        ("d/m.jsonl", "~b.jpg", "d/~b.jpg"),
        ("d/m.jsonl", "data:b", "d/data:b"),
        ("d/m.jsonl", "data:c", "data:c"),
        ("d/m.jsonl", "-a.jpg", "d/-a.jpg"),
        ("d/m.jsonl", "./-", "d/./-"),
        ("m.jsonl", "a.jpg", "a.jpg"),
        ("./m.jsonl", "a.jpg", "./a.jpg"),
        ("d{x}/m.jsonl", "a.jpg", "d{x}/a.jpg"),
        ("-", "a.jpg", "a.jpg"),
    ],
)
def test_paths_are_from_the_manifests_folder(
    work: Path, manifest: str, path: str, found: str
) -> None:
    """A row's paths are usable from the working directory; what is no path of a file stays."""
    lines = [{"id": "a", "images": [path], "prompt": "x"}]
    for name in ("d/~b.jpg", "d/data:b"):
        write(name, [])
    write("stdin" if manifest == "-" else manifest, lines)
    (row,) = rows(
        manifest, "room.jpg", stdin=Path("stdin").read_bytes() if manifest == "-" else b""
    )

    assert _paths(row) == [found, "room.jpg"]


@pytest.mark.parametrize(
    ("manifest", "argv", "own", "path"),
    [
        ("m.jsonl", (), {"id": "a"}, "a.jpg"),
        ("m.jsonl", (), {"id": "a/b"}, "a-b.jpg"),
        ("d/m.jsonl", (), {"id": "a"}, "a.jpg"),
        ("d/m.jsonl", ("-o", "o/{row}-{id}.png"), {"id": "a"}, "o/1-a.png"),
        ("d/m.jsonl", ("-o", "o/{id}.png"), {"id": "a", "output": "{id}.jpg"}, "d/a.jpg"),
        ("d{x}/m.jsonl", (), {"id": "a", "output": "{id}{{y}}.jpg"}, "d{x}/a{y}.jpg"),
        ("d/m.jsonl", (), {"id": "a", "output": "/abs/{id}.jpg"}, "/abs/a.jpg"),
        ("m.jsonl", ("-o", "{c}.jpg"), {"id": "a", "vars": {"c": "{id} {x}"}}, "{id} {x}.jpg"),
        ("m.jsonl", ("-o", "{c}.jpg"), {"id": "a", "vars": {"c": "../.."}}, "..-...jpg"),
        (
            "m.jsonl",
            ("-o", "{c}.jpg"),
            {"id": "a"},
            "-o {c}.jpg: {c} is no field; there are {stem}",
        ),
        ("m.jsonl", ("-o", "{c}.jpg"), {"id": "a", "vars": {"c": ""}}, "-o {c}.jpg: {c} is empty"),
        ("m.jsonl", ("-o", "{each}.jpg"), {"id": "a"}, "{each} is no field"),
        ("m.jsonl", (), {"id": "a", "output": "{x}.jpg"}, "output {x}.jpg: {x} is no field"),
    ],
)
def test_where_pictures_go(
    work: Path, manifest: str, argv: tuple[str, ...], own: dict[str, object], path: str
) -> None:
    """By the id in the working directory, or as the template says; a row's own is from its folder."""
    (row,) = rows(write(manifest, [own]), "-p", "x", *argv)

    assert (_target(row) or "")[: len(path)] == path or path in (_target(row) or "")


@pytest.mark.parametrize(
    ("argv", "own", "format_", "asked"),
    [
        (("--format", "png"), {}, "png", "jpg"),
        (("--format", "png"), {"output": "a.jpg"}, None, "a.jpg"),
        (("--format", "png"), {"output": "a.png"}, "png", "a.png"),
        (("--format", "png"), {"output": "a"}, "png", "a"),
    ],
)
def test_an_output_of_a_row_tells_its_format(
    work: Path, argv: tuple[str, ...], own: dict[str, object], format_: str | None, asked: str
) -> None:
    """`--format` is for the names that tell none."""
    write("m.jsonl", [{"id": "a", **own}])
    (row,) = rows(*LINE, *argv)

    assert row.request.placement.format == format_
    assert (_target(row) or "").endswith(asked)


@pytest.mark.parametrize(
    ("alone", "defaults", "own"),
    [
        (("-i", "m=product.jpg", "-i", "r=scene.jpg", "-p", "{m} in {r}"), ("=",), {}),
        (
            ("scene.jpg", "product.jpg", "-p", "the first image"),
            ("-p", "the first image"),
            {"images": [{"path": "scene.jpg"}, {"path": "product.jpg", "label": "m"}]},
        ),
        (
            ("product.jpg", "-T", "list", "-p", "red", "-m", "flux-2-dev", "--set", "seed=1"),
            ("-T", "list", "-m", "flux-2-dev", "-p", "a {c} one"),
            {"images": ["product.jpg"], "prompt": "{c}", "vars": {"c": "red"}, "set": {"seed": 1}},
        ),
        (
            ("product.jpg", "scene.jpg", "-p", "x", "-m", "flux-2-flex", "--match", "2"),
            ("-p", "x", "--width", "512"),
            {"images": ["product.jpg", "scene.jpg"], "model": "flux-2-flex", "match": "scene.jpg"},
        ),
        (
            ("product.jpg", "-p", "x", "--steps", "9", "-m", "flux-2-flex", "-o", "a.webp"),
            ("-p", "x", "--steps", "5", "--format", "png"),
            {"images": ["product.jpg"], "steps": 9.0, "model": "flux-2-flex", "output": "a.webp"},
        ),
    ],
)
def test_a_row_sends_what_compose_sends(
    run: Run,
    work: Path,
    alone: tuple[str, ...],
    defaults: tuple[str, ...],
    own: dict[str, object],
) -> None:
    """The same pictures, words and settings are the same bytes, and the same request."""
    Path("list").write_text("scene.jpg\n")
    known = json.loads(run("validate", *alone, "--no-lint", "--json").out)
    line = alone if defaults == ("=",) else defaults
    (row,) = rows(write("m.jsonl", [own]), *line, "--no-lint")
    made = plan(row.request)

    assert made.packed is not None
    assert (made.packed.digest, made.request_key) == (known["digest"], known["request_key"])


def test_times_are_one_for_all(work: Path) -> None:
    """`{date}` and `{time}` are of the batch, whenever a row is planned."""
    write("m.jsonl", [{"id": str(number)} for number in range(3)])
    found = rows(*LINE, "-o", "{date}-{time}-{id}.jpg")

    assert len({row.request.fields[-2:] for row in found}) == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-\d{6}-0\.jpg", _target(found[0]) or "")


def test_names_of_fields_are_known() -> None:
    """What a template holds anyway, no label and no variable may be called."""
    findings = errors.Findings()
    request = ComposeRequest()
    placement = replace(request.placement, target="{?}")
    destination.path(replace(request, placement=placement), None, "jpg", (), findings)
    named = re.findall(r"\{(\w+)\}", findings.errors[0].message)

    assert {*named, "id", "row", "each"} == {*fields.TEMPLATE_NAMES}


@pytest.mark.parametrize(
    ("argv", "lines", "is_template"),
    [
        ((), [{"id": "a"}], False),
        (("-i", "b.jpg"), [{"id": "a"}], False),
        (("-i", "b=b.jpg"), [{"id": "a"}], True),
        ((), [{"id": "a"}, {"id": "b", "vars": {"c": "d"}}], True),
        ((), [{"id": "a"}, {"id": "b", "images": [{"path": "p.jpg", "label": "c"}]}], True),
    ],
)
def test_one_name_makes_templates_of_all_prompts(
    work: Path,
    argv: tuple[str, ...],
    lines: list[object],
    is_template: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Braces mean the same in all rows: text, or names if any row has labels or variables."""
    found = rows(write("m.jsonl", lines), "-p", "x", *argv)

    assert {row.request.is_template for row in found} == {is_template}


def test_a_label_is_one_pictures(work: Path) -> None:
    """A row cannot have the label of a picture that all have, nor call a variable so."""
    lines = [
        {"id": "a", "images": [{"path": "p.jpg", "label": "room"}]},
        {"id": "b", "vars": {"room": "x"}},
    ]
    write("m.jsonl", lines)

    assert refusals(*LINE, "-i", "room=room.jpg") == [
        "2 FILE:1: a: label room: -i has a picture of that label too; labels must differ",
        "2 FILE:2: b: vars room: a picture has that label; call one of them otherwise",
    ]
    assert refusals(*LINE, "-i", "row=room.jpg") == [
        "2 whole -i row=...: {row} stands for something else in a batch; choose another label"
    ]


SAME = {"images": ["a.jpg"], "vars": {"c": "red"}, "model": "flux-2-dev", "seed": 5, "match": 1}


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"prompt": "another"}, True),
        ({"prompt_file": "p.txt"}, True),
        ({"output": "b.jpg"}, True),
        ({"meta": {"x": 1}}, True),
        ({"max_cost": 1, "assume_price": 2}, True),
        ({"seed": "5"}, True),
        ({"images": [{"path": "a.jpg", "label": "x"}]}, True),
        ({"images": ["b.jpg"]}, False),
        ({"images": ["a.jpg", "a.jpg"]}, False),
        ({"vars": {"c": "blue"}}, False),
        ({"model": "flux-2-pro"}, False),
        ({"seed": 6}, False),
        ({"match": None}, False),
        ({"set": {"q": 1}}, False),
    ],
)
def test_a_row_without_an_id_is_called_by_what_it_shows(
    work: Path,
    change: dict[str, object],
    is_same: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Mending its prompt, place or limit leaves it the same row; other pictures make another."""
    write("m.jsonl", [SAME])
    write("n.jsonl", ["", {**SAME, **change}])
    (first,) = rows("m.jsonl", "-p", "x")
    (second,) = rows("n.jsonl", "-p", "y", "--quality", "9", "-m", "flux-2-max")

    assert re.fullmatch("[0-9a-f]{12}", first.id)
    assert (first.id == second.id) == is_same


def test_ids_stay_the_same_for_ever(work: Path) -> None:
    """What an id is made of does not change with the tool, or what was paid for is lost."""
    write("m.jsonl", [SAME])

    assert [row.id for row in rows("m.jsonl", "-p", "x")] == ["1a36b688e8be"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([{"id": "a"}, {"id": "b"}, {"id": "a"}], "3: a: line 1 has that id too; ids must differ"),
        ([{"id": 7}, {"id": "7"}], "2: 7: line 1 has that id too"),
        ([SAME, {**SAME, "prompt": "y"}], "line 1 has the same pictures, variables, model and s"),
        ([{"id": "a", "steps": "x"}, {"id": "a"}], "2: a: line 1 has that id too"),
        ([{"id": "a", "output": "o.jpg"}, {"id": "a", "output": "o.jpg"}], "line 1 has that id"),
    ],
)
@pytest.mark.parametrize("target", ["{row}.jpg", "{id}.jpg", "{id}-{row}.jpg"])
def test_two_rows_cannot_have_one_id(
    work: Path, lines: list[object], words: str, target: str
) -> None:
    """Both lines are named, once, whatever place they would have; no row is passed over for it."""
    messages = refusals(write("m.jsonl", lines), "-p", "x", "-o", target)

    assert words in messages[-1]
    assert messages[-1].startswith("3 whole")
    assert sum(f":{len(lines)}: " in one for one in messages) == 1


@pytest.mark.parametrize(
    ("argv", "lines", "words"),
    [
        (("-o", "o.jpg"), [{"id": "a"}, {"id": "b"}], "2: b: the picture of line 1 goes to"),
        ((), [{"id": "a", "output": "o.jpg"}, {"id": "o"}], "2: o: the picture of line 1 goes to"),
        ((), [{"id": "a/b"}, {"id": "a-b"}], "a-b.jpg too; give each its own, with {id} in -o"),
        (("-o", "{stem}.jpg"), [{"id": "a"}, {"id": "b"}], "room.jpg too"),
        (("-o", "./x/../o.jpg"), [{"id": "a"}, {"id": "b", "output": "o.jpg"}], "o.jpg too"),
        (
            ("-o", "link/o.jpg"),
            [{"id": "a"}, {"id": "b", "output": "real/o.jpg"}],
            "real/o.jpg too",
        ),
        (("--if-exists", "number", "-o", "o.jpg"), [{"id": "a"}, {"id": "b"}], "o.jpg too"),
    ],
)
def test_two_rows_cannot_have_one_place(
    work: Path, argv: tuple[str, ...], lines: list[object], words: str
) -> None:
    """However the place is spelled, both lines are told, and no row is passed over for it."""
    Path("real").mkdir()
    Path("link").symlink_to("real")
    (message,) = refusals(write("m.jsonl", lines), "rooms/room.jpg", "-p", "x", *argv)

    assert message.startswith("3 whole FILE:2")
    assert words in message


def test_no_row_writes_over_what_another_reads(work: Path) -> None:
    """A place that is another row's picture is refused, there or not; its own its plan tells."""
    lines = [{"id": "a", "images": ["b.jpg"]}, {"id": "b", "images": ["b.jpg"]}, {"id": "c"}]
    found, _ = read(write("m.jsonl", lines), "-p", "x", "--force")

    assert [row.id for row in found] == ["a", "c"]
    assert refusals("m.jsonl", "-p", "x") == [
        f"8 FILE:2: b: its place {work}/b.jpg is an input of line 1; choose another name"
    ]


@pytest.mark.parametrize("name", ["gone.txt", ""])
def test_what_is_wrong_with_the_command_line_is_told_once(work: Path, name: str) -> None:
    """A list that cannot be read is not each row's fault."""
    write("m.jsonl", [{"id": "a"}, {"id": "b"}])
    Path("empty").write_text("")

    assert len(refusals(*LINE, "-T", name or "empty")) == 1
    assert refusals(*LINE, "-T", name or "empty")[0].startswith("3 whole -T ")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("-", "room.jpg", "-i", "x=-"), "the manifest - and -i x=- both read standard input"),
        (("-", "-"), "the manifest - and the operand - both read standard input"),
        (("--each", "-", "-T", "-"), "--each - and -T - both read standard input; only one can"),
        (("--each", "-", "--prompt-file", "-"), "--each - and --prompt-file - both read"),
        (("--each", "-", "--token-file", "-"), "--each - and --token-file - both read"),
        (("m.jsonl", "-", "-T", "-"), "the operand - and -T - both read standard input"),
    ],
)
def test_standard_input_is_one_things(work: Path, argv: tuple[str, ...], words: str) -> None:
    """Two that ask for it are named, as by `compose`."""
    write("m.jsonl", [{"id": "a"}])
    prompt = () if "--prompt-file" in argv else ("-p", "x")
    (message,) = refusals(*argv, *prompt, stdin=b"a.jpg\n")

    assert message.startswith("2 whole")
    assert words in message


def test_rows_that_were_asked_for_are_there(work: Path) -> None:
    """`--only` with an id that no row has is told with the nearest."""
    write("m.jsonl", [{"id": "mug-red"}, {"id": "mug-blue"}])

    assert refusals(*LINE, "--only", "mug-blue") == []
    assert refusals(*LINE, "--only", "mug-blu") == [
        "2 whole --only mug-blu: no row has that id; did you mean mug-blue?"
    ]


def test_many_rows_take_little_memory(work: Path) -> None:
    """Each takes less than 3 kB."""
    count = 500
    lines = [
        {
            "id": f"item-{number:05}",
            "images": [f"photos/p{number}.jpg", {"path": f"photos/q{number}.jpg", "label": "mug"}],
            "prompt": f"Put {{mug}} on the table of the second image, in soft light, for {number}",
            "seed": number,
            "vars": {"name": f"N{number}"},
            "output": "out/{id}.jpg",
        }
        for number in range(count)
    ]
    write("m.jsonl", lines)
    rows("m.jsonl", "room.jpg")  # what is loaded or kept once is no row's
    kept_bytes = []
    for _ in range(3):  # a thread that an earlier test left may take memory meanwhile
        tracemalloc.start()
        found = rows("m.jsonl", "room.jpg")
        gc.collect()  # no row's either, and when it runs hangs on what ran before
        kept_bytes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert len(found) == count

    assert min(kept_bytes) / count < 3000
