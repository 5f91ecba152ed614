"""The documents of batches: rows, their plans, the whole, and the lines of results files."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import batches
import loopback
import pytest
import validating
from batches import manifest, number_of, rows, serving
from conftest import Done, Run
from sandboxing import picture
from tables import raw
from validating import SCHEMAS

from prodia_compose.pipeline.batch import outcomes
from prodia_compose.pipeline.batch.results import lines
from prodia_compose.progress import usd
from prodia_compose.sandbox import server

RESULTS = "rows.jsonl.results.jsonl"
LINE = ("batch", "rows.jsonl", "-y", "--json")


def _read(done: Done) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the documents of the rows, and that of the whole."""
    *found, whole = map(validating.read, done.out.splitlines(keepends=True))
    assert done.err == ""
    assert {one["schema"] for one in found} <= {"prodia-compose/row@1", "prodia-compose/plan@1"}
    assert whole["schema"] == "prodia-compose/batch@1"
    assert sum(whole["counts"].values()) == len(found)
    return found, whole


def _results(name: str = RESULTS) -> list[dict[str, Any]]:
    """Return the lines of a results file."""
    with Path(name).open("rb") as file:
        return [validating.read(line) for line in file]


def test_enumerations_are_the_programs() -> None:
    """Statuses and reasons are those that the program has; rows are counted by their status."""
    row, whole = (SCHEMAS[name]["properties"] for name in ("row@1", "batch@1"))
    ended = list(get_args(lines.Status))
    counted = whole["counts"]["properties"]

    assert row["status"]["enum"] == [*ended, "skipped", "listed", "not-started"]
    assert [*counted] == ["due", *row["status"]["enum"]]
    assert sorted(map(str, whole["stopped"]["enum"])) == sorted(
        [*get_args(outcomes.Reason), "None"]
    )
    failure = SCHEMAS["batch@1"]["$defs"]["failure"]["properties"]
    problem = SCHEMAS["error@1"]["$defs"]["problem"]["properties"]
    for name in ("kind", "exit_code"):
        assert failure[name]["enum"] == problem[name]["enum"]


def test_rows_that_are_done_and_skipped(here: Path, run: Run) -> None:
    """What is made has all that a result has; what lies there already has its path alone."""
    manifest(here, [{**one, "meta": {"a": [1, None, "\u202e"]}} for one in rows(3)])
    with serving():
        made, whole = _read(run(*LINE, "-o", "out/{id}.jpg", "--create-dirs"))
        skipped, again = _read(run(*LINE, "-o", "out/{id}.jpg"))
        one = validating.read(
            run("compose", "p01.png", "-p", rows(1)[0]["prompt"], "--json", "-o", "x.jpg").out
        )
    header, *written = _results()

    assert [(row["status"], row["ok"]) for row in made] == [("done", True)] * 3
    assert {name for name in one if name != "schema"} <= made[0].keys()
    assert made[0]["digest"] == one["digest"]
    assert made[0]["meta"] == {"a": [1, None, "\u202e"]}
    assert [row["status"] for row in skipped] == ["skipped"] * 3
    assert [row["output"]["path"] for row in skipped] == [f"out/r0{n}.jpg" for n in (1, 2, 3)]
    assert (whole["counts"], again["counts"]) == ({"done": 3}, {"skipped": 3})
    assert header["shard"] is None
    assert header["sandbox"] is False
    kinds = [line["schema"].partition("/")[2] for line in written]
    assert sorted(kinds) == ["row-start@1"] * 3 + ["row@1"] * 3
    for line in (line for line in written if "outputs" in line):
        (picture,) = line.pop("outputs")
        assert picture.pop("mtime_ns") == Path(picture["path"]).stat().st_mtime_ns
        (row,) = (row for row in made if row["id"] == line["id"])
        assert picture == row["outputs"][0]
        assert {name: row[name] for name in line if name != "output"} == {
            name: value for name, value in line.items() if name != "output"
        }


ENDS: dict[str, tuple[loopback.Answer, int, bool]] = {
    "rejected": (loopback.json_answer({"error": "a\x1b[31m\n\u202e"}, 400), 5, False),
    "busy": (loopback.busy("9999"), 6, False),
    "unknown": (loopback.text("oops", 500), 9, True),
    "not-placed": (loopback.multipart_ok(b"\xff\xd8\xff\xe0 no picture \xff\xd9"), 10, True),
    "cancelled": (loopback.text("token is invalid", 401), 4, False),
}


@pytest.mark.parametrize(("status", "end"), ENDS.items(), ids=ENDS)
def test_rows_that_fail(
    here: Path, run: Run, status: str, end: tuple[loopback.Answer, int, bool]
) -> None:
    """A row that is not done says why, and whether it may be billed; so do its line and the whole."""
    answer, code, is_billed = end
    manifest(here, rows(2))
    with serving(lambda _, request: answer if number_of(request) == 1 else batches.ANSWER):
        done = run(*LINE, "-j1")
        again = run(*LINE, "-j1")
    (row, _), whole = _read(done)
    _read(again)
    written = [line for line in _results() if line.get("status") == status]

    assert (done.code, row["status"], row["ok"]) == (11, status, False)
    assert (row["may_be_billed"], row["skipped"]) == (is_billed, False)
    assert [error["exit_code"] for error in row["errors"]] == [code]
    assert [failed["exit_code"] for failed in whole["failed"]][:1] == [code]
    assert written[0]["errors"] == row["errors"]
    assert written[0]["may_be_billed"] is is_billed
    assert bool(row["rescued"]) is (status == "not-placed")
    assert whole["next"] == ("run-again" if status in ("busy", "cancelled") else "look")


@pytest.mark.parametrize(
    ("amount", "words"),
    [("0", "$0.00"), ("0.1", "$0.10"), ("0.039", "$0.039"), ("1e-30", "$0.000"), ("1e30", "$1")],
)
def test_amounts_of_any_size_can_be_told(amount: str, words: str) -> None:
    """To a tenth of a cent; a limit that is absurd, or prices that are, end no run."""
    zeros = "0" * 30 + ".00" if amount == "1e30" else ""
    assert usd(Decimal(amount)) == f"{words}{zeros}"


def test_rows_that_are_never_sent(here: Path, run: Run) -> None:
    """A broken picture, nobody there, and a batch that was ended are told by rows of all kinds."""
    manifest(here, rows(3))
    Path("p01.png").write_bytes(Path("p01.png").read_bytes()[:-30])
    url = f"http://127.0.0.1:{loopback.closed_port()}"
    away = {"PRODIA_BASE_URL": url, "PRODIA_TOKEN": "t"}
    nobody, _ = _read(run(*LINE, "-j1", "--max-wait", "0", **away))
    with serving(lambda *_: ENDS["cancelled"][0]):
        refused, whole = _read(run(*LINE, "-j1", "--results", "other.jsonl"))

    assert [row["status"] for row in nobody] == ["refused", "not-delivered", "not-delivered"]
    assert [row["errors"][0]["exit_code"] for row in nobody] == [3, 7, 7]
    assert [row["status"] for row in refused] == ["refused", "cancelled", "not-started"]
    assert (whole["stopped"], whole["counts"]["not-started"]) == ("auth", 1)
    assert [line.get("status") for line in _results("other.jsonl")][-1] == "cancelled"


def test_rows_that_wait_for_a_word(here: Path, run: Run) -> None:
    """What is listed, and what is refused for its like, says why and what to type."""
    manifest(here, rows(3))

    def answer(_: int, request: loopback.Received) -> loopback.Answer:
        return loopback.text("oops", 500) if number_of(request) == 3 else batches.ANSWER

    with serving(answer):
        _read(run(*LINE, "-j1"))
        Path("r01.jpg").unlink()
        twin = {**rows(3)[2], "id": "twin"}
        manifest(here, [rows(1)[0], {**rows(2)[1], "prompt": "other"}, rows(3)[2], twin])
        listed, whole = _read(run(*LINE))

    assert [row["status"] for row in listed] == ["listed", "listed", "listed", "refused"]
    assert all(row["why"] for row in listed)
    assert whole["failed"][-1]["id"] == "twin"
    assert whole["next"] == "look"


def test_the_plan_of_a_batch(here: Path, run: Run) -> None:
    """`-n` gives a plan for each row that is due, and what all of it would cost."""
    manifest(here, [*rows(2), {**rows(1)[0], "id": "like-r01"}, {**rows(3)[2], "seed": 1}])
    with serving():
        _read(run(*LINE, "--only", "r02"))
        plans, whole = _read(run("batch", "rows.jsonl", "-n", "--json", "--skip-invalid"))

    assert [plan["status"] for plan in plans] == ["due", "skipped", "due", "refused"]
    assert [plan["digest"] for plan in plans if plan["status"] == "due"] == [None] * 2
    assert "seed" in plans[3]["why"]
    assert [warned["code"] for warned in plans[2]["warnings"]] == ["duplicate-row"]
    assert whole["estimate_usd"] == whole["estimate_min_usd"] == pytest.approx(0.078)
    assert (whole["unpriced"], whole["spent_usd"]) == (0, 0.039)
    assert whole["counts"] == {"due": 2, "refused": 1, "skipped": 1}


def test_what_is_odd_about_a_row_is_in_its_document(here: Path, run: Run) -> None:
    """A row that asks for the same as another, and a price that is too high, are warned of there."""
    manifest(here, [*rows(1), {**rows(1)[0], "id": "like-r01"}])
    dear = loopback.multipart_ok(picture(), job=loopback.job_record(price={"dollars": 0.5}))
    elsewhere = ("--results", "new.jsonl", "-o", "new-{id}.jpg")
    with serving(lambda number, _: dear if number == 2 else batches.ANSWER):
        found, whole = _read(run(*LINE, "-j1"))
        strict = run(*LINE, *elsewhere, "--strict")

    codes = [[one["code"] for one in row["warnings"]] for row in found]
    assert codes == [[], ["duplicate-row", "price-above-bound"]]
    assert whole["spent_usd"] == pytest.approx(0.539)
    error = validating.read(strict.err)
    assert [(one["line"], one["id"]) for one in error["errors"]] == [(2, "like-r01")]
    assert (strict.code, error["errors"][0]["message"][-9:]) == (3, "(--strict)"[-9:])


def test_what_is_wrong_has_its_line_and_row(here: Path, run: Run) -> None:
    """An error document of a batch says of each problem in which row it is."""
    manifest(here, rows(2))
    with Path("rows.jsonl").open("a") as file:
        file.write('{"id": "a\\u202e", "images": ["gone.png"], "prompt": "x"}\n{\n')
    done = run(*LINE, PRODIA_TOKEN="")
    error = validating.read(done.err)

    shown = [(one.get("line"), one.get("id", ""), one["exit_code"]) for one in error["errors"]]
    assert (done.out, error["exit_code"]) == (b"", done.code)
    assert sorted(shown, key=str) == [(3, "a\u202e", 3), (4, None, 3), (None, "", 4)]


def test_names_come_back_as_they_were(here: Path, run: Run) -> None:
    """From rows, lines, plans and errors the true bytes of ids and paths can be had."""
    name = b"caf\xe9"
    batches.pictures(here, 1)
    Path("p01.png").rename(os.fsdecode(name + b".png"))
    Path("list").write_bytes(name + b".png\n")
    Path("out").mkdir()
    line = ("batch", "--each", "list", "-p", "x", "-y", "--json", "-o", "out/{each}.jpg")
    with serving():
        plans, _ = _read(run(*line, "-n"))
        made, _ = _read(run(*line))
        skipped, _ = _read(run(*line))
        refused = validating.read(run(*line, "--results", "new.jsonl").err)
    _, start, end = _results("out/batch.results.jsonl")

    for row in (*plans, *made, *skipped, start, end):
        assert raw(row, "id") == b"../" + name + b".png"
    assert raw(made[0]["output"]) == raw(skipped[0]["output"]) == b"out/" + name + b".jpg"
    assert raw(end["outputs"][0]) == name + b".jpg"
    assert raw(refused["errors"][0], "id") == name + b".png"


def test_rehearsals_are_told_so(here: Path, run: Run, sandbox: server.Sandbox) -> None:
    """Rows of the sandbox, given by `--sandbox` or not, say so; and so does the header."""
    manifest(here, rows(1))
    alone, _ = _read(run("batch", "rows.jsonl", "--sandbox", "--json"))
    (header, *_) = _results("rows.jsonl.sandbox.results.jsonl")

    assert (alone[0]["sandbox"], header["sandbox"]) == (True, True)


def test_rows_that_cost_nothing_more(here: Path, run: Run) -> None:
    """A picture that was made before is taken, and one that was kept is placed, in rows as any."""
    manifest(here, rows(2))
    odd = loopback.multipart_ok(picture(image_format="PNG"), media_type="image/png")
    with serving(lambda number, _: odd if number == 2 else batches.ANSWER) as service:
        run("compose", "p01.png", "-p", rows(1)[0]["prompt"], "-o", "made.jpg")
        first, _ = _read(run(*LINE, "-j1", "--if-made", "reuse", "--strict"))
        again, whole = _read(run(*LINE, "-j1"))

    assert [row["status"] for row in first] == ["done", "not-placed"]
    assert (first[0]["made"]["taken"], first[0]["attempts"], service.submissions) == (True, 0, 2)
    assert [row["status"] for row in again] == ["skipped", "done"]
    assert again[1]["rescued"] == []
    assert whole["spent_usd"] == pytest.approx(0.039)
    assert len(_results()) == 5


def test_rows_that_are_run_several_times(here: Path, run: Run) -> None:
    """Each has an id of its own, and is told in the order of the values; the shard is in the header."""
    manifest(here, rows(2))
    with serving():
        made, _ = _read(run(*LINE, "--vary", "aspect-ratio=1:1,16:9", "--repeat", "2"))
        for part in ("1/2", "2/2"):
            found, _ = _read(run(*LINE, "--shard", part, "--results", "s.jsonl", "-f"))
            if found:
                assert _results(f"s.{part.replace('/', '-of-')}.jsonl")[0]["shard"] == part

    assert [row["id"] for row in made[:4]] == [
        f"r01~aspect_ratio={ratio}~#{number}" for ratio in ("1:1", "16:9") for number in (1, 2)
    ]
    assert {warned["code"] for row in made for warned in row["warnings"]} == set()
