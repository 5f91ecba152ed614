"""The JSON documents: all a schema says of them is so, and it says all there is to say."""

import functools
import json
import operator
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args
from unittest import mock

import jsonschema
import ledgering
import loopback
import mistakes
import pytest
import validating
from conftest import TOKEN, Done, Run
from mistakes import BAD_LINES, GOOD
from PIL import Image
from tables import raw, table
from validating import PACKAGE, SCHEMAS, VALIDATORS

from prodia_compose import errors
from prodia_compose.client.options import TokenState
from prodia_compose.images.probe import marks
from prodia_compose.inputs import kinds
from prodia_compose.models import facts
from prodia_compose.pipeline.verify import verdicts
from prodia_compose.record import entries, ledger
from prodia_compose.report import jsontext
from prodia_compose.sandbox import server


def _result(done: Done) -> dict[str, Any]:
    assert (done.code, done.err) == (0, "")
    document = validating.read(done.out)
    assert document["schema"] == "prodia-compose/result@1"
    return document


def _answered(run: Run, answer: loopback.Answer, *argv: str) -> Done:
    """Run the program against a service that gives one answer."""
    with loopback.serve([answer]) as service:
        return run(*argv, PRODIA_BASE_URL=service.url, PRODIA_TOKEN=TOKEN)


def _error(done: Done, code: int) -> dict[str, Any]:
    assert (done.code, done.out) == (code, b"")
    document = validating.read(done.err)
    assert (document["schema"], document["exit_code"]) == ("prodia-compose/error@1", code)
    return document


# The schemas themselves


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_whole(name: str) -> None:
    """A schema is valid, is named by its documents, and describes every field."""
    schema = SCHEMAS[name]
    jsonschema.Draft202012Validator.check_schema(schema)

    assert schema["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"urn:prodia-compose:{name}"
    assert schema["title"] == schema["properties"]["schema"]["const"] == f"prodia-compose/{name}"
    for each in _objects(schema):
        assert each["description"]
        assert set(each["required"]) <= set(each["properties"])
        for field, described in each["properties"].items():
            assert validating.target(described, schema)["description"], field


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every part of a schema that describes an object's fields."""
    if isinstance(schema, dict):
        if "properties" in schema and "object" in schema.get("type", ()):
            yield schema
        for each in schema.values():
            yield from _objects(each)


def test_every_document_has_a_schema() -> None:
    """The files are those that the program's documents name, and no others."""
    source = "".join(path.read_text() for path in Path(str(PACKAGE)).rglob("*.py"))

    assert set(re.findall(r'"prodia-compose/([a-z-]+@\d+)"', source)) == set(SCHEMAS)


def test_what_is_repeated_is_the_same() -> None:
    """Each file stands alone; a definition that several of them have is one and the same."""
    seen: dict[str, object] = {}
    for schema in SCHEMAS.values():
        for name, definition in schema.get("$defs", {}).items():
            assert seen.setdefault(name, definition) == definition, name

    plan, result, row = (SCHEMAS[f"{name}@1"]["properties"] for name in ("plan", "result", "row"))
    own = ["id", "id_b64", "row", "status"]
    assert [name for name in plan if result.get(name) != plan[name]] == ["schema", *own, "ok"]
    other = ["schema", "ok", "errors", "output", "outputs", "attempts", "skipped"]
    assert [name for name in result if row[name] != result[name]] == other
    start = SCHEMAS["row-start@1"]["properties"]
    assert [name for name in start if row[name] != start[name]] == [
        *("schema", "request_key", "record_id", "at")
    ]


def test_enumerations_are_the_programs() -> None:
    """Kinds, codes, states, formats and warnings are those that the program has."""
    problem, image = (_described("plan@1", name) for name in ("problem", "image"))
    job, output = _described("jobs@1", "job"), _described("result@1", "output")
    cap, setting = (_described("models@1", name) for name in ("cap", "setting"))
    leaves = [leaf for leaf in errors.ComposeError.__subclasses__() if leaf.kind != "bug"]
    codes = sorted(set(errors.ExitCode) - {errors.ExitCode.OK, errors.ExitCode.INCOMPLETE})

    assert set(problem["kind"]) == {leaf.kind for leaf in leaves} | {"bug", "interrupted"}
    assert problem["exit_code"] == codes
    assert job["exit_code"] == [None, 0, *codes]
    assert problem.items() <= _described("error@1").items()
    assert job["state"] == job["reached"] == list(get_args(entries.State))
    assert image["format"] == list(kinds.KINDS)
    assert output["format"] == [*kinds.KINDS, None]
    assert _described("plan@1")["token"] == list(get_args(TokenState))
    assert [*cap["kind"], "option"] == list(get_args(facts.CapKind))
    assert setting["type"] == list(get_args(facts.SettingType))
    assert setting["status"] == list(get_args(facts.SettingStatus))
    found = _described("verify@1", "verified")
    assert found["verdict"] == list(get_args(verdicts.Verdict))
    assert found["format"] == output["format"]
    assert _described("verify@1", "provenance")["c2pa"] == [*get_args(marks.State), None]
    codes_told = map(str, _described("plan@1", "warning")["code"])
    assert sorted(codes_told) == sorted(get_args(errors.WarningCode))


def _described(document: str, definition: str | None = None) -> dict[str, list[object]]:
    """Return what each enumerated field of a document, or of a definition in it, may be."""
    schema = SCHEMAS[document]
    fields = (schema["$defs"][definition] if definition else schema)["properties"]
    return {name: field["enum"] for name, field in fields.items() if "enum" in field}


# Plans


@pytest.fixture
def scenery(work: Path) -> Path:
    """Return a working folder with good and bad files in it, as `BAD_LINES` needs them."""
    mistakes.litter(work)
    Image.new("RGBA", (40, 50), (9, 9, 9, 99)).save(work / "clear.webp", lossless=True)
    Image.new("L", (30, 20)).save(work / "grey.tif")
    Image.new("RGB", (5000, 30), (9, 99, 199)).save(work / "large.png")
    return work


@pytest.mark.parametrize("argv", table("report/plans").values(), ids=table("report/plans"))
def test_plans(run: Run, scenery: Path, argv: list[str]) -> None:
    """A plan, good or bad, is one document on stdout, and nothing on stderr."""
    for dry, token, state in (
        (["validate"], "", "missing"),
        (["compose", "-n"], TOKEN, "present"),
        (["validate"], "two words", "invalid"),
    ):
        done = run(*dry, *argv, "--json", PRODIA_TOKEN=token)
        plan = validating.read(done.out)

        assert (done.err, plan["schema"]) == ("", "prodia-compose/plan@1")
        assert plan["ok"] is (done.code == 0)
        assert plan["ok"] or done.code in [error["exit_code"] for error in plan["errors"]]
        assert plan["token"] == state


def test_a_plans_fields_keep_their_order(run: Run, work: Path) -> None:
    """People read these documents too: what was asked comes first, then what became of it."""
    plan = list(validating.read(run("validate", *GOOD, "--json").out))
    result = list(_result(run("compose", "--sandbox", *GOOD, "--json")))

    order = table("report/order")
    assert plan[:14] == order["plan"]
    assert plan[-1] == "skipped"
    assert result == [*plan[:-1], *order["result"]]


@pytest.mark.parametrize("row", BAD_LINES, ids=[row[0].replace(" ", "-") for row in BAD_LINES])
def test_wrong_lines(run: Run, scenery: Path, row: tuple[str, tuple[str, ...], int, str]) -> None:
    """A wrong line is an error document of `compose`, and of `validate` one or a plan."""
    _, argv, code, _ = row
    error = _error(run("compose", *argv, "--json", PRODIA_TOKEN=TOKEN), code)
    checked = run("validate", *argv, "--json", PRODIA_TOKEN=TOKEN)

    assert error["may_be_billed"] is False
    assert code in [each["exit_code"] for each in error["errors"]]
    validating.read(checked.out or checked.err)
    assert not (checked.out and checked.err)


@pytest.mark.parametrize("line", table("report/usage"))
def test_the_parsers_errors_are_documents(run: Run, work: Path, line: str) -> None:
    """What the parser refuses, and what each command does, is an error document under `--json`."""
    error = _error(run(*line.split()), 2)

    assert error["kind"] == "usage"
    assert len(error["errors"]) == 1


@pytest.mark.parametrize(("value", "as_json"), [("1", True), ("on", True), ("0", False)])
def test_json_from_the_environment(run: Run, work: Path, value: str, *, as_json: bool) -> None:
    """PRODIA_COMPOSE_JSON decides about errors as it does about plans."""
    done = run("compose", "--bad", PRODIA_COMPOSE_JSON=value)

    assert done.err.startswith("{" if as_json else "prodia-compose: error: ")


@pytest.mark.parametrize("option", ["--resolution=\udcff", "--set=a=\udcff", "--prompt=\udcff"])
def test_what_no_document_can_show_is_not_sent(run: Run, work: Path, option: str) -> None:
    """Bytes that are no text are refused wherever they would be sent, so `job` is what is sent."""
    prompt = () if "--prompt" in option else ("-p", "x")
    done = run("validate", "product.jpg", "-m", "inference.novel.v1", *prompt, option, "--json")
    (problem,) = validating.read(done.out or done.err)["errors"]

    assert problem["exit_code"] == done.code == 2
    assert "not valid UTF-8" in problem["message"]


# Results


def test_results(run: Run, scenery: Path, sandbox: server.Sandbox) -> None:
    """Results of all kinds of runs are as their schema says."""
    picture = (scenery / "scene.jpg").read_bytes()
    with loopback.serve([loopback.ok(picture)]) as web:
        from_web = _result(run("compose", f"{web.url}/a.jpg?key=secret", *GOOD, "--json"))
    later = _result(run("compose", *GOOD, "--json", "-f", "--async"))

    assert from_web["images"][0]["path"].endswith("/a.jpg?...")
    assert later["job_id"]
    for argv, keys, value in table("report/results"):
        result = _result(run("compose", *argv, "--json", stdin=picture))
        assert functools.reduce(operator.getitem, keys, result) == value


@pytest.mark.parametrize(
    "answer",
    [
        loopback.ok,
        lambda jpeg: loopback.multipart_ok(jpeg, jpeg, message="two\x1b[1m\n\u202e for you"),
        lambda jpeg: loopback.multipart_ok(jpeg, job={"id": "\ud800", "price": {"dollars": 0}}),
        lambda jpeg: loopback.multipart_ok(jpeg, job={"id": 7, "price": {"dollars": "1"}}),
    ],
    ids=["bare", "several", "half-a-character", "odd-record"],
)
def test_results_of_odd_answers(
    run: Run, work: Path, answer: Callable[[bytes], loopback.Answer]
) -> None:
    """Whatever a service answers, the document is whole, and says where it differs from the ask."""
    given = answer((work / "scene.jpg").read_bytes())
    result = _result(_answered(run, given, "compose", *GOOD, "--json", "-o", "out.png"))

    assert result["output"]["path"] == "out.jpg"
    assert result["warnings"][-1]["code"] == "wrong-format"
    assert len(result["outputs"]) == (2 if result["messages"] else 1)


def test_an_unusable_record_is_told_in_thedocument(
    run: Run, work: Path, sandbox: server.Sandbox, tmp_path: Path
) -> None:
    """Under `--json` the warning about the record is in the document, and stderr is empty."""
    run("compose", *GOOD)
    (tmp_path / "state/prodia-compose/jobs.sqlite3").write_bytes(b"no database" * 1000)
    result = _result(run("compose", *GOOD, "--json", "-f"))
    listed, spent = run("jobs", "--json"), run("jobs", "spend", "--json")

    assert (listed.code, listed.err, spent.code, spent.err) == (0, "", 0, "")
    for document in (result, validating.read(listed.out), validating.read(spent.out)):
        assert [warned["code"] for warned in document["warnings"]] == ["record-unavailable"]


# Errors


def test_warnings_outlast_an_error(
    run: Run, work: Path, sandbox: server.Sandbox, tmp_path: Path
) -> None:
    """What was warned of before a run ended is in its error document, and told once."""
    run("compose", *GOOD)
    (tmp_path / "state/prodia-compose/jobs.sqlite3").write_bytes(b"no database" * 1000)
    argv = ("compose", *GOOD, "--json", "-m", "inference.novel.v1", "-o", "out.jpg")
    unknown = _error(_answered(run, loopback.text("oops", 500), *argv), 9)
    unsent = _error(run(*argv, PRODIA_TOKEN=""), 4)
    strict = _error(run(*argv, "--strict"), 3)

    codes = [[each["code"] for each in error["warnings"]] for error in (unknown, unsent, strict)]
    assert codes == [["unknown-model", "record-unavailable"], ["unknown-model"], []]


@pytest.mark.parametrize(
    ("answer", "code", "is_billed"),
    [
        (loopback.text("token is invalid", 401), 4, False),
        (loopback.json_answer({"error": "a\x1b[31m\n\u202e \ud800"}, 400), 5, False),
        (loopback.multipart_ok(job=loopback.job_record(state={"current": "failed"})), 5, True),
        (loopback.busy("9999"), 6, False),
        (loopback.text("oops", 500), 9, True),
        (loopback.multipart_ok(b"\xff\xd8\xff\xe0 no picture \xff\xd9"), 10, True),
    ],
    ids=["auth", "rejected", "failed", "busy", "unknown", "not-placed"],
)
def test_errors_after_sending(
    run: Run, work: Path, answer: loopback.Answer, code: int, *, is_billed: bool
) -> None:
    """What the service does ends as an error document that tells about the money and the rest."""
    error = _error(_answered(run, answer, "compose", *GOOD, "--json"), code)

    assert error["may_be_billed"] is is_billed
    assert error["request_id"] == loopback.REQUEST_ID
    assert all(Path(kept["path"]).exists() for kept in error["rescued"])
    assert error["rescued"] or code != 10


def test_nobody_there_is_adocument(run: Run, work: Path) -> None:
    """A service that cannot be reached is an error document too."""
    url = f"http://127.0.0.1:{loopback.closed_port()}"
    argv = ("compose", *GOOD, "--json", "--max-wait", "0")

    assert _error(run(*argv, PRODIA_BASE_URL=url, PRODIA_TOKEN=TOKEN), 7)["errors"]


@pytest.mark.parametrize("code", [129, 130, 143])
@pytest.mark.parametrize("state", get_args(errors.JobState))
def test_interruptions(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch, code: int, state: errors.JobState
) -> None:
    """A signal ends a run with an error document that says how far the job was."""
    stopped = errors.Interrupted(code - 128)
    kept = os.fsdecode(b"/state/caf\xe9.jpg")
    ids = {"job_id": "job-1", "request_id": None, "request_key": None}
    printed = {"state": state, **ids, "warnings": ()}
    stopped.run = SimpleNamespace(**printed, is_sandbox=False, kept=(kept,), pictures=(kept,))
    interrupted = mock.Mock(side_effect=stopped)
    monkeypatch.setattr("prodia_compose.images.prepare.prepare", interrupted)
    error = _error(run("compose", "--sandbox", *GOOD, "--json"), code)

    assert (error["kind"], error["job_id"]) == ("interrupted", "job-1")
    assert error["may_be_billed"] is (state in ("sent", "answered"))
    assert raw(error["rescued"][0]) == b"/state/caf\xe9.jpg"


@pytest.mark.parametrize(
    ("argv", "place"),
    [
        (("compose", "--sandbox", *GOOD), "prodia_compose.client.send.Sender.send"),
        (("models", "flux-2-pro"), "prodia_compose.models.lookup.find"),
    ],
    ids=["compose", "models"],
)
def test_a_bug_is_adocument(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], place: str
) -> None:
    """A bug is one error document with its traceback; that a job ran is then not ruled out."""

    def broken(*_: object, **__: object) -> int:
        raise KeyError("unforeseen \x1b \ud800")

    monkeypatch.setattr(place, broken)
    error = _error(run(*argv, "--json"), 1)

    assert (error["kind"], error["may_be_billed"]) == ("bug", "compose" in argv)
    assert "KeyError" in error["message"]
    assert "in broken" in error["traceback"]


# The record


def test_jobs_in_every_state(run: Run, work: Path) -> None:
    """A job in each state, running and not, is told as the schema says."""
    with ledger.open_record(os.environ) as record:
        for state in get_args(entries.State):
            ledgering.advance_to(record.begin(ledgering.claim(state)), state)
        kept = record.begin(ledgering.claim(model="seedream-5-lite", estimate_usd=None))
        kept.advance("received", exit_code=10, rescued=["/a.jpg"], job_id="a", request_id="b")
        jobs = validating.read(run("jobs", "--json").out)["jobs"]
        shown = validating.read(run("jobs", "show", jobs[0]["id"], "--json").out)
    tomorrow = f"{datetime.now().astimezone() + timedelta(days=1):%Y-%m-%d}"
    spent = validating.read(run("jobs", "spend", "--json").out)
    since = validating.read(run("jobs", "spend", "--json", "--since", tomorrow).out)

    assert {job["reached"] for job in jobs} == set(get_args(entries.State))
    assert {job["running"] for job in jobs} == {True, False}
    assert shown["jobs"] == [jobs[0]]
    assert spent["total"]["at_most_usd"] is None
    assert since["spend"] == []
    assert since["since"]
    assert validating.read(run("jobs", "list", "--json", "--since", tomorrow).out)["jobs"] == []


def _kept(run: Run, work: Path, name: str = "out.png") -> str:
    """Have a picture kept aside; return the job's id."""
    answer = loopback.multipart_ok((work / "scene.jpg").read_bytes())
    error = _error(_answered(run, answer, "compose", *GOOD, "--json", "-o", name, "--strict"), 10)
    assert Path(error["rescued"][0]["path"]).suffix == ".jpg"
    return str(validating.read(run("jobs", "--json").out)["jobs"][0]["id"])


def test_fetching(run: Run, work: Path) -> None:
    """`jobs fetch` tells the job, what was fetched, and what is odd about it."""
    name = _kept(run, work)
    fetched = validating.read(run("jobs", "fetch", name, "--json").out)
    skipped = run("jobs", "fetch", name, "--json", "-o", "out.jpg", "--if-exists", "skip")
    taken = _error(run("jobs", "fetch", name, "--json", "-o", "out.jpg"), 8)

    assert [job["state"] for job in fetched["jobs"]] == ["saved"]
    assert [warned["code"] for warned in fetched["warnings"]] == ["wrong-format"]
    assert (fetched["output"]["path"], fetched["output"]["width"]) == (str(work / "out.jpg"), 960)
    assert fetched["outputs"] == [fetched["output"]]
    assert fetched["skipped"] is False
    assert validating.read(skipped.out)["skipped"] is True
    assert taken["errors"][0]["path"] == "out.jpg"


def test_fetching_what_the_record_does_not_know(
    run: Run, work: Path, sandbox: server.Sandbox
) -> None:
    """A job that is known by the service's id alone leaves `jobs` empty."""
    off = {"PRODIA_COMPOSE_RECORD": "off"}
    made = _result(run("compose", *GOOD, "--async", "--json", "-o", "a.jpg", **off))
    fetched = run("jobs", "fetch", made["job_id"], "--json", **off)

    assert validating.read(fetched.out)["jobs"] == []
    assert validating.read(fetched.out)["output"]["sha256"] == made["output"]["sha256"]


def test_a_fetched_picture_outlasts_a_full_stdout(run: Run, work: Path) -> None:
    """When the document cannot be written, the picture is saved all the same, and named."""
    name = _kept(run, work)
    argv = [sys.executable, "-m", "prodia_compose", "jobs", "fetch", name, "--json"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, check=False)

    assert (done.returncode, (work / "out.jpg").exists()) == (0, True)
    assert os.fsencode(f"saved as {work / 'out.jpg'}") in done.stderr


@pytest.mark.parametrize(
    "name", [None, "gemini-3-1-flash", "inference.novel.thing.v1"], ids=["all", "alias", "unlisted"]
)
def test_models(run: Run, name: str | None) -> None:
    """The catalogue, one of its models, and a job type that is not in it are documents alike."""
    done = run("models", *([] if name is None else [name]), "--json")
    listed = validating.read(done.out)["models"]

    assert (done.code, done.err) == (0, "")
    assert len(listed) == (8 if name is None else 1)
    assert [each["listed"] for each in listed].count(False) == (name == "inference.novel.thing.v1")


# Names


@pytest.mark.parametrize("path", table("report/names").values(), ids=table("report/names"))
def test_names_come_back_as_they_were(run: Run, work: Path, path: str) -> None:
    """From every document the true bytes of a name can be had, whatever they are."""
    name = os.fsencode(path)
    Path(path).write_bytes((work / "product.jpg").read_bytes())
    (work / "out").mkdir()
    argv = ("compose", path, "-p", "x", "--json", "-o", f"out/{path}")
    result = _result(_answered(run, loopback.ok((work / "scene.jpg").read_bytes()), *argv))
    refused = _error(run(*argv, PRODIA_TOKEN=TOKEN), 8)
    gone = validating.read(run("validate", f"no/{path}", "-p", "x", "--json").out)
    (job,) = validating.read(run("jobs", "--json").out)["jobs"]
    kept = _kept(run, work, f"out/{path.removesuffix('.jpg')}.png")
    fetched = run("jobs", "fetch", kept, "--json", "-o", f"out/2{path}")

    assert raw(result["images"][0]) == name
    assert raw(result["output"]) == raw(refused["errors"][0]) == b"out/" + name
    assert raw(gone["errors"][0]) == b"no/" + name
    assert [raw(job[key][0], "name") for key in ("inputs", "outputs")] == [name, name]
    assert raw(job["output"], "name") == name
    assert raw(validating.read(fetched.out)["output"]) == b"out/2" + name
    assert ("path_b64" in result["output"]) is (b"\xe9" in name or b"\xed" in name)


def test_documents_are_utf8_in_every_locale(process: Run, work: Path) -> None:
    """Where the locale knows ASCII only, names and documents are UTF-8 all the same."""
    (work / "product.jpg").rename("Bücher.jpg")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    argv = ("compose", "--sandbox", "Bücher.jpg", "-p", "x", "--json", "-o", "Größe.jpg")
    result = _result(process(*argv, **ascii_only))
    error = _error(process(*argv, **ascii_only), 8)

    assert result["images"][0]["path"] == "Bücher.jpg"
    assert result["output"]["path"] == error["errors"][0]["path"] == "Größe.jpg"


def test_half_a_character_is_told_in_words() -> None:
    """What is no text cannot be in a document; all else comes back from it as it was."""
    whole = {"a\x7f\u202e": ['\U000e0001\u0000"\\\n', "🙂é"]}

    assert json.loads(jsontext.line(whole)) == whole
    assert jsontext.line({"a": "\udcff\ud800"}) == r'{"a":"\\xff\\ud800"}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        jsontext.line({"a": float("nan")})


def test_a_wrong_document_is_caught(run: Run, work: Path) -> None:
    """Without a field that is always there, or with one of a wrong type, no document is valid."""
    name = _kept(run, work)
    lines: list[bytes | str] = [
        run("validate", "gone.jpg", *GOOD, "--json", "-m", "inference.novel.v1").out,
        run("compose", "--sandbox", *GOOD, "--json").out,
        run("compose", "gone.jpg", "--json", PRODIA_TOKEN="").err,
        run("models", "flux-2-flex", "--json").out,
        run("jobs", "fetch", name, "--json").out,
        run("jobs", "spend", "--json").out,
    ]
    row = {"id": "a", "images": ["product.jpg"], "prompt": "x", "meta": 1}
    (work / "rows.jsonl").write_text(json.dumps(row))
    batch = ("batch", "rows.jsonl", "--sandbox", "--json")
    for done in (run(*batch, "-n"), run(*batch), run(*batch)):
        lines += done.out.splitlines(keepends=True)
    with (work / "rows.jsonl.sandbox.results.jsonl").open("rb") as results:
        lines += results
    dropped = unknown = 0
    for line in lines:
        document = validating.read(line)
        whole, strict = (
            SCHEMAS[validating.name_of(document)],
            VALIDATORS[validating.name_of(document)],
        )
        validator = jsonschema.Draft202012Validator(whole)
        for holder, schema in validating.holders(document, whole, whole):
            for key in [key for key in holder if key in schema["properties"]]:
                value = holder.pop(key)
                asked = {*schema["required"], *schema.get("dependentRequired", ())}
                assert validator.is_valid(document) is (key not in asked), key
                holder[key] = {"?": 1}
                is_any = key in ("meta", "counts") or (key == "config" and "pid" in holder)
                assert validator.is_valid(document) is is_any, key
                holder[key] = value
                dropped += 1
            holder["later"] = 1
            assert validator.is_valid(document)  # fields may be added
            assert strict.is_valid(document) is ("additionalProperties" in schema)
            del holder["later"]
            unknown += 1
        assert validator.is_valid(document)

    assert min(dropped, unknown) > 40
