"""What results files, sidecars and the record say of what was made, read again."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import resulting
from ledgering import claim

from prodia_compose import errors
from prodia_compose.pipeline import made
from prodia_compose.record import entries, ledger

RESULT = {
    "schema": "prodia-compose/result@1",
    "model": "nano-banana",
    "images": [{"position": 1, "path": "in/a.jpg", "label": "mug"}],
    "prompt": "the mug",
    "outputs": [{"path": "composed.jpg", "sha256": "0" * 64}],
    "output": {"path": "composed.jpg", "sha256": "0" * 64},
    "price_usd": 0.039,
}


def _written(path: Path, *steps: Any) -> str:
    """Write a results file: a name is a start, a document an end."""
    path.parent.mkdir(exist_ok=True)
    ids = [one if isinstance(one, str) else one["id"] for one in steps]
    with resulting.opened(path, *ids) as results:
        for one in steps:
            if isinstance(one, str):
                resulting.begin(results, one)
            else:
                results.end(one)
    return str(path)


def _statuses(found: list[Any]) -> list[tuple[object, object]]:
    return [(one.get("id"), one["status"]) for one in found]


def test_the_latest_line_of_a_row_counts(here: Path) -> None:
    """Rows come as they first appear, with their latest line; a start without an end is unknown."""
    (here / "out").mkdir()
    (here / "out/a.jpg").write_bytes(b"picture")
    steps = ("a", "b", resulting.end("a", path="out/a.jpg"), "c", resulting.end("b", "rejected"))
    path = _written(here / "out/rows.results.jsonl", *steps, "b")

    found = made.documents("out/rows.results.jsonl")

    assert _statuses(found) == [("a", "done"), ("b", "unknown"), ("c", "unknown")]
    assert found[0]["outputs"][0]["path"] == "out/a.jpg"  # type: ignore[index]
    assert made.documents(path)[0]["outputs"][0]["path"] == f"{here}/out/a.jpg"  # type: ignore[index]
    before: Any = found[1]["before"]
    assert [one["status"] for one in before] == ["rejected"]
    assert found[1]["images"] == [{"position": 1, "path": "/in/a.jpg"}], "of the same picture"
    assert "images" not in found[2]
    assert "before" not in found[0]


def test_names_of_any_bytes_come_back(here: Path) -> None:
    """A path that is not UTF-8 is usable again, and so is an id."""
    name = os.fsdecode(b"\xff#1.jpg")
    (here / name).write_bytes(b"picture")
    _written(here / "rows.results.jsonl", resulting.end(name, path=name))

    (found,) = made.documents("rows.results.jsonl")
    assert (found["id"], found["outputs"][0]) == (name, {**found["outputs"][0], "path": name})  # type: ignore[index]
    with ledger.open_record({"PRODIA_COMPOSE_RECORD": "off"}) as record:
        assert made.find(f"rows.results.jsonl#{name}", record) == found


def test_results_of_compose_are_read(here: Path) -> None:
    """A sidecar, laid out or not, and lines that `--json` printed, with paths from its folder on."""
    (here / "out").mkdir()
    (here / "out/one.json").write_text(json.dumps(RESULT, indent=2))
    rows = [resulting.end("a"), {**resulting.end("b"), "status": "not-started"}]
    printed = [RESULT, RESULT, *rows, {"schema": "prodia-compose/batch@1"}]
    (here / "printed.jsonl").write_text("\n".join(map(json.dumps, printed)))

    (one,) = made.documents("out/one.json")
    assert one["status"] == "done"
    assert one["images"] == [{"position": 1, "path": "out/in/a.jpg", "label": "mug"}]
    assert one["output"]["path"] == "out/composed.jpg"  # type: ignore[index]
    assert _statuses(made.documents("printed.jsonl")) == [
        (None, "done"),
        (None, "done"),
        ("a", "done"),
        ("b", "not-started"),
    ]


def test_jobs_of_the_record(here: Path) -> None:
    """An id is a job's, unless a file is called so; its document has what the record knows."""
    with ledger.open_record({}) as record:
        entry = record.begin(claim(names=("/in/mug.jpg", "/in/room.jpg")))
        entry.advance("sending")
        entry.advance(
            "saved",
            outputs=[entries.File(path="/out/a.jpg", sha256="0" * 64)],
            price_usd=0.039,
            exit_code=0,
        )
        name = str(entry.id)
        found = made.find(name[:6], record)

        assert (found["status"], found["record_id"]) == ("done", name)
        assert [one["path"] for one in found["images"]] == ["/in/mug.jpg", "/in/room.jpg"]  # type: ignore[attr-defined]
        assert found["prompt"] == "Put the mug on the table"
        assert found["price_usd"] == 0.039
        Path(name).write_text(json.dumps(RESULT))
        assert made.find(name, record)["prompt"] == "the mug"
        assert len(made.gathered([name, name[:6]], record)) == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "gone.jsonl",
            "no such file, and no job of the record has an id that begins so; check the name",
        ),
        ("beef", "no job of the record has an id that begins so; `prodia-compose jobs` lists them"),
        ("folder", "cannot be read: is a folder; name a results file in it, or a sidecar"),
        ("pipe", "is a named pipe, which could wait for ever; use <(...)"),
        ("/dev/null", "/dev/null: is a device, not a file"),
        ("empty", "holds no row and no result; name a results file of a batch, or a sidecar"),
        ("photo", ":1: is no line of a batch's results, and no result of compose --json"),
        ("other", ":2: is prodia-compose/plan@1, and no row or result"),
        ("newer", ":1: is prodia-compose/result@2, which this version does not know; update"),
        ("bytes", ":1: is no line of a batch's results, and no result of compose --json"),
        ("wide", "wide: is UTF-16; save it as UTF-8"),
        *(
            (f"cut{at}", f"cut{at}:{2 if at == 2 else 1}: is cut short; name an undamaged one")
            for at in range(5)
        ),
        (
            "price",
            ":1: is no line of a batch's results; mend it, or go on with a copy of the file from before",
        ),
        (
            "images",
            ":1: is no line of a batch's results; mend it, or go on with a copy of the file from before",
        ),
        ("rows", "holds 2 rows; name one of them: rows#a"),
        ("rows#aa", "rows: has no row aa; did you mean rows#a?"),
        ("two", "holds 2 results; name one of them: two#one"),
    ],
)
def test_what_names_nothing_is_told(here: Path, name: str, words: str) -> None:
    """One line names the file and what is wrong, as an input that cannot be used."""
    (here / "folder").mkdir()
    (here / "empty").write_text("\n")
    os.mkfifo(here / "pipe")
    (here / "photo").write_text("GIF89a")
    (here / "other").write_text(f'{json.dumps(RESULT)}\n{{"schema": "prodia-compose/plan@1"}}')
    (here / "bytes").write_bytes(b'{"schema": "\xff')
    (here / "wide").write_bytes(json.dumps(RESULT).encode("utf-16"))
    (here / "newer").write_text(json.dumps({**RESULT, "schema": "prodia-compose/result@2"}))
    for at, text in enumerate(
        ('{"a": {', '{"a": "b', f'{json.dumps(RESULT)}\n{{"a', '{"a": [1, tr', '{"a"')
    ):
        (here / f"cut{at}").write_text(text)
    (here / "price").write_text(json.dumps({**RESULT, "price_usd": "free"}))
    (here / "images").write_text(json.dumps({**RESULT, "images": [{"position": 1}]}))
    _written(here / "rows", "a", "b")
    two = [json.dumps({**RESULT, "job_id": name}) for name in ("one", "other")]
    (here / "two").write_text("".join(two))

    with ledger.open_record({}) as record, pytest.raises(errors.InputError) as raised:
        made.find(name, record)

    assert raised.value.message.startswith(name.partition("#")[0])
    assert words in raised.value.message
    assert "\n" not in raised.value.message


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: 10**400} for name in ("elapsed_s", "reserved_usd", "estimate_usd", "row")),
        *({"elapsed_s": float(text)} for text in ("nan", "inf", "-1")),
        {"estimate_usd": -0.01},
        {"row": "first"},
        *({name: [{"path": None}]} for name in ("images", "outputs", "rescued")),
        {"output": {"path": 5}},
        {"output": {"sha256": "0"}},
    ],
    ids=repr,
)
def test_values_that_nothing_can_be_made_of_are_damage(here: Path, wrong: dict[str, Any]) -> None:
    """Numbers no report can show, and pictures that are nowhere, are told as what they are."""
    (here / "x.jsonl").write_text(json.dumps({**RESULT, **wrong}))
    with pytest.raises(errors.InputError) as raised:
        made.documents("x.jsonl")
    assert raised.value.message.startswith("x.jsonl:1: is no line of a batch's results; mend it")


def test_what_only_the_reader_tells_is_not_taken_from_a_file(here: Path) -> None:
    """Earlier jobs, and the file a row is of, are what was read: not what a line says of them."""
    (here / "x.jsonl").write_text(json.dumps({**RESULT, "before": [5], "results": "other.jsonl"}))
    (found,) = made.documents("x.jsonl")
    assert not found.keys() & {"before", "results"}


def test_results_that_hold_no_row_have_their_jobs_name(here: Path) -> None:
    """One of several results is named by its job's id; a mark of the byte order is passed over."""
    two = [json.dumps({**RESULT, "job_id": name, "prompt": name}) for name in ("one", "other")]
    Path("two.json").write_text("\ufeff" + "\n".join(two))

    with ledger.open_record({}) as record:
        assert made.find("two.json#other", record)["prompt"] == "other"


def test_what_a_start_was_asked_for_is_in_the_record(here: Path) -> None:
    """A row that was killed has the inputs, prompt and model of its job, and stays unknown."""
    with ledger.open_record({}) as record:
        name = record.begin(claim()).id
        with resulting.opened(here / "x.jsonl", "a", "b") as results:
            for row, record_id in (("a", name), ("b", "nobody")):
                results.start(row, request_key="k", record_id=record_id, reserved_usd=None)
        known, other = made.gathered(["x.jsonl"], record)
        job = made.find(str(name), record)

    assert job["images"]
    assert job["prompt"]
    for key in ("images", "prompt", "model", "job"):
        assert known[key] == job[key]
        assert key not in other
    assert [(one["id"], one["status"]) for one in (known, other)] == [
        ("a", "unknown"),
        ("b", "unknown"),
    ]
    assert [one.get("images") for one in made.documents("x.jsonl")] == [None, None]


def test_a_job_is_told_once(here: Path) -> None:
    """Whichever of its names, copies, results and sidecar are given, it is one, and paid once."""
    ends = [resulting.end("a", job_id="j-1", record_id="1234"), resulting.end("b", record_id="56")]
    _written(here / "rows.jsonl", *ends)
    (here / "copy.jsonl").write_bytes((here / "rows.jsonl").read_bytes())
    (here / "link.jsonl").symlink_to("rows.jsonl")
    (here / "a.jpg.json").write_text(json.dumps({**RESULT, "job_id": "j-1"}))
    (here / "other.json").write_text(json.dumps(RESULT))
    names = ["rows.jsonl", "./rows.jsonl", "copy.jsonl", "link.jsonl", "a.jpg.json", "other.json"]
    with ledger.open_record({"PRODIA_COMPOSE_RECORD": "off"}) as record:
        found = made.gathered([*names, "rows.jsonl#b"], record)
        assert [one.get("id") for one in found] == ["a", "b", None]
        assert len(made.gathered(names[-2:], record)) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"output": {"format": "JPEG"}},
        {"output": {"path": 1}},
        {"outputs": [{"path": None}]},
        {"images": [{"path": "a.jpg", "sha256": {"a": 1}}]},
        {"images": [{"path": "a.jpg", "label": ["mug"]}]},
        {"price_usd": 10**400},
        {"elapsed_s": float("inf")},
        {"row": [1]},
    ],
    ids=str,
)
def test_fields_of_other_kinds_are_damage(here: Path, change: dict[str, object]) -> None:
    """What readers go by is a text, a number or a path, or the line is told to be damaged."""
    Path("x.json").write_text(json.dumps({**RESULT, **change}))

    with pytest.raises(
        errors.InputError, match=r"^x\.json:1: is no line of a batch's results; mend"
    ):
        made.documents("x.json")


def test_a_large_file_of_something_else_is_not_read(here: Path) -> None:
    """What does not begin as JSON is told at once, and takes no memory."""
    with Path("junk").open("wb") as file:
        file.write(b"x" * 5000)
        file.truncate(1 << 40)

    with pytest.raises(errors.InputError, match=r"^junk:1: is no line of .*, and no"):
        made.documents("junk")
