"""Paid pictures made again, by whole processes against a service that keeps what it got."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import loopback
import pytest
import readme
import validating
from conftest import SAMPLES, TOKEN, Done, Run
from PIL import Image

from prodia_compose.sandbox import server

NAMES = ("it's a mug.jpg", "-room=1.jpg", "日本 {x}.jpg", os.fsdecode(b"\xff.jpg"))

LINES = {
    "plain": (
        "it's a mug.jpg",
        "./-room=1.jpg",
        "-p",
        "the first image, $HOME `x` {y} \"z\" \\ 'it'",
    ),
    "labels": (
        *("-i", "mug=it's a mug.jpg", "-i", "room=./-room=1.jpg", "-i", "日本 {x}.jpg"),
        *("-p", "{mug} in {room}, and the third image: {{mug}}", "--match", "room"),
        *("-m", "gemini-3.1-flash", "--set", 'odd={"a": [1, "é\'"]}', "--set", "text=plain"),
    ),
    "lines": ("it's a mug.jpg", "-p", "line one\nthe first image\t\u202e\n", "-o", "b.png"),
    "bytes": (
        *("it's a mug.jpg", NAMES[-1], "-p", "the first image on the second image"),
        *("--quality", "60", "--background", "#ff0010", "--max-side", "40", "--keep-metadata"),
        *("-o", "b.webp", "-m", "flux-2-flex", "--width", "512", "--height", "512"),
    ),
}


@pytest.fixture
def shop(here: Path) -> Path:
    """Return a folder in the working folder, with pictures of odd names."""
    for number, name in enumerate(NAMES):
        (here / "shop").mkdir(exist_ok=True)
        shutil.copy(SAMPLES / ("scene.jpg" if number % 2 else "product.jpg"), here / "shop" / name)
    return here / "shop"


def _shell(line: str, cwd: Path, **env: str) -> Done:
    program = cwd / "bin/prodia-compose"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m prodia_compose "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, **env, "PATH": path}
    argv = ["sh", "-c", line]
    done = subprocess.run(argv, capture_output=True, env=variables, cwd=cwd, check=False)
    return Done(code=done.returncode, out=done.stdout, err=done.stderr.decode())


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_each_place_makes_the_same_again(
    process: Run, shop: Path, tmp_path: Path, line: tuple[str, ...]
) -> None:
    """A sidecar, an id and the line that `jobs show` prints send the same bytes, from elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    answer = loopback.multipart_ok((SAMPLES / "scene.jpg").read_bytes())
    with loopback.serve([answer]) as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        first = process("compose", *line, "--sidecar", cwd=shop, **env)
        (job,) = json.loads(process("jobs", "--json").out)["jobs"]
        sidecar = f"{shop}/{first.text.strip()}.json"
        shown = process("jobs", "show", job["id"]).text
        command = next(one for one in shown.splitlines() if one.startswith("again "))
        by_sidecar = process("compose", "--from", sidecar, cwd=elsewhere, **env)
        by_id = process("compose", "--from", job["id"][:6], cwd=elsewhere, **env)
        by_line = _shell(command.removeprefix("again").strip(), elsewhere, **env)
        by_words = process(*job["command"][1:], cwd=elsewhere, **env)

    done = (first, by_sidecar, by_id, by_line, by_words)
    assert [one.code for one in done] == [0] * 5, [one.err for one in done]
    assert len({request.sha256 for request in service.requests}) == 1
    assert len(service.requests) == 5
    assert len({one.text for one in (first, by_sidecar, by_id)}) == 3, "none was written over"
    document = json.loads(Path(sidecar).read_bytes())
    validating.VALIDATORS["result@1"].validate(document)
    assert not Path(document["output"]["path"]).is_absolute()
    assert TOKEN not in Path(sidecar).read_text()


def test_the_line_of_a_rehearsed_job_costs_nothing(
    run: Run, work: Path, sandbox: server.Sandbox
) -> None:
    """The line that makes a job of the sandbox again goes to a sandbox, however it names the job."""
    for number, prompt in enumerate(("x", "two\nlines")):
        run("compose", "product.jpg", "-p", prompt, "-o", f"{number}.jpg")
        (job, *_) = json.loads(run("jobs", "--sandbox", "--json").out)["jobs"]
        again = _shell(
            run("jobs", "show", job["id"]).text.rpartition("\nagain ")[2].strip(),
            work,
            PRODIA_BASE_URL="https://127.0.0.1:1",
        )
        assert job["command"][-1] == "--sandbox"
        assert (again.code, len(sandbox.jobs)) == (0, number + 1), again.err


def test_a_row_is_made_again(process: Run, shop: Path) -> None:
    """A row of a batch, its variables and the results' folder included, is made again by its id."""
    rows = [
        {"id": "a", "images": ["it's a mug.jpg"], "vars": {"thing": "{cup}"}, "seed": 3},
        {"id": "b", "images": [{"path": "-room=1.jpg", "label": "room"}], "vars": {"thing": "jug"}},
    ]
    manifest = shop / "rows.jsonl"
    manifest.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    record = loopback.job_record(price={"dollars": 0.03})
    answer = loopback.multipart_ok((SAMPLES / "scene.jpg").read_bytes(), job=record)
    with loopback.serve([answer]) as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        argv = ("batch", "shop/rows.jsonl", "-p", "a {thing} {{x}}", "-m", "flux-2-pro", "-y")
        made = process(*argv, "-j", "1", "--sidecar", "-o", "shop/{id}.jpg", **env)
        results = f"{manifest}.results.jsonl"
        by_row = process("compose", "--from", f"{results}#a", cwd=shop.parent, **env)
        by_sidecar = process("compose", "--from", "shop/b.jpg.json", **env)
        many = process("compose", "--from", results, **env)

    assert (made.code, by_row.code, by_sidecar.code, many.code) == (0, 0, 0, 3), made.messages
    assert "holds 2 rows; name one of them" in many.messages
    first, second, third, fourth = (request.sha256 for request in service.requests)
    assert [first, second] == [third, fourth]
    assert Path(by_row.text.strip()).name == "a-2.jpg"
    for name in ("a", "b"):
        document = json.loads((shop / f"{name}.jpg.json").read_bytes())
        validating.VALIDATORS["result@1"].validate(document)
        assert document["output"]["path"] == f"{name}.jpg"


def test_a_row_that_was_placed_later_is_made_again(run: Run, work: Path) -> None:
    """What a row was made of outlasts its picture's way through the state folder."""
    (work / "rows.jsonl").write_text('{"id": "a", "images": ["product.jpg"], "prompt": "x"}\n')
    data = io.BytesIO()
    Image.new("RGB", (64, 48)).save(data, "PNG")
    answer = loopback.multipart_ok(data.getvalue(), media_type="image/png")
    argv = ("batch", "rows.jsonl", "-y", "--sidecar", "-o", "{id}.jpg")
    with loopback.serve([answer]) as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        refused = run(*argv, "--strict", **env)
        placed = run(*argv, **env)
        origins = ("rows.jsonl.results.jsonl#a", "a.png.json")
        again = [run("compose", "--from", one, **env) for one in origins]

    assert (refused.code, placed.code, placed.text) == (11, 0, "a.png\n"), placed.err
    assert [one.code for one in again] == [0, 0], [one.err for one in again]
    assert len({request.sha256 for request in service.requests}) == 1
    rows = [json.loads(line) for line in Path(origins[0][:-2]).read_text().splitlines()]
    sidecar = json.loads(Path("a.png.json").read_bytes())
    product = hashlib.sha256(Path("product.jpg").read_bytes()).hexdigest()
    for document in (rows[-1], sidecar):
        (source,) = document["recipe"]["sources"]
        assert (source["path"], source["sha256"]) == ("product.jpg", product)


def test_the_line_of_help_again_is_run(bench: readme.Bench) -> None:
    """The line that `help again` prints is one that a shell runs."""
    made = bench.run(readme.example("--seed 9").text)
    shown = bench.run(
        readme.example("sed -n 's/^again").text, "sh", PRODIA_COMPOSE_RECORD="sandbox"
    )
    ran = bench.run(shown.text, "sh")

    assert (made.code, shown.code, ran.code) == (0, 0, 0), shown.err
    assert bench.sent() == [["product.jpg", "scene.jpg"]] * 2, "the line has a sandbox of its own"


bench = readme.bench
