"""Files verified: as they were saved, altered, whole, of which job, and with which marks."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import loopback
import origins
import pytest
import readme
import validating
from conftest import TOKEN, Run
from PIL import Image
from readme import Bench

from prodia_compose.sandbox import server

bench = readme.bench

SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
COMMON = ("product.jpg", "scene.jpg", "-p", "the first image in the second image")
COMPOSITE = "compositeWithTrainedAlgorithmicMedia"


def _paid(run: Run, picture: bytes, target: str, *options: str) -> None:
    """Have a picture made by the service, and saved."""
    suffix = Path(target).suffix.replace("jpg", "jpeg")[1:]
    with loopback.serve([loopback.multipart_ok(picture, media_type=f"image/{suffix}")]) as service:
        known = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        done = run("compose", *COMMON, "-o", target, "--again", *options, **known)
    assert done.code == 0, done.err


def _verified(
    run: Run, *argv: str | Path, code: int = 0, stdin: bytes = b""
) -> list[dict[str, Any]]:
    """Return what `verify --json` says of files."""
    done = run("verify", *argv, "--json", stdin=stdin)
    document = validating.read(done.out)
    assert (done.code, done.err, document["ok"]) == (code, "", code == 0)
    return list(document["files"])


def _flipped(data: bytes, at: int) -> bytes:
    """Return data with the lowest bit of one byte the other way round."""
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def _says(run: Run, *argv: str | Path, code: int, stdin: bytes = b"") -> list[str]:
    done = run("verify", *argv, stdin=stdin)
    assert (done.code, done.err) == (code, "")
    return done.text.splitlines()


def _job(run: Run, *argv: str) -> dict[str, Any]:
    """Return the last job of the record."""
    return dict(json.loads(run("jobs", *argv, "--json").out)["jobs"][0])


@pytest.fixture
def made(run: Run, work: Path) -> dict[str, Path]:
    """Return a picture of each format that the service has made, by the format."""
    for name, suffix in SUFFIXES.items():
        _paid(run, origins.plain(name), f"made.{suffix}")
    return {name: work / f"made.{suffix}" for name, suffix in SUFFIXES.items()}


@pytest.mark.parametrize("name", SUFFIXES)
def test_the_one_that_was_saved(run: Run, made: dict[str, Path], name: str) -> None:
    """It is told by its bytes, under whatever name; by which job, when, and for how much."""
    job = next(
        one
        for one in json.loads(run("jobs", "--json").out)["jobs"]
        if one["output"]["path"] == str(made[name])
    )
    shutil.copy(made[name], "other name")
    (there, renamed) = _verified(run, made[name], "other name")
    (line,) = _says(run, "other name", code=0)

    assert there == {**renamed, "path": str(made[name])}
    assert (there["verdict"], there["whole"], there["pixels"]) == ("saved", True, "same")
    assert there["format"] == name
    (answer,) = there["jobs"]
    assert answer.items() <= {**job, "path": str(made[name]), "told_by": None}.items()
    assert line.startswith(f"other name: as it was saved; job {job['id']}, nano-banana, 20")
    assert line.endswith(f", $0.039, {job['host']}; no C2PA")


@pytest.mark.parametrize("name", SUFFIXES)
def test_one_flipped_bit_fails(run: Run, made: dict[str, Path], name: str) -> None:
    """Wherever the bit is, the file is not what was saved, and the exit code is 3."""
    data = made[name].read_bytes()
    for at in range(0, len(data), max(1, len(data) // 40)):
        made[name].write_bytes(_flipped(data, at))
        (found,) = _verified(run, made[name], code=3)

        assert found["verdict"] == "altered"
        assert found["pixels"] in ("same", "other", None)
        assert (found["pixels"] is None) is (found["whole"] is False)
        assert [one["path"] for one in found["jobs"]] == [str(made[name])]


def test_pixels_that_were_changed(run: Run, made: dict[str, Path]) -> None:
    """A picture that was painted over is told by its place; elsewhere nothing is known of it."""
    with Image.open(made["PNG"]) as image:
        image.putpixel((3, 3), (1, 2, 3))
        image.save(made["PNG"])
    shutil.copy(made["PNG"], "copy.png")
    there, copy = _says(run, made["PNG"], "copy.png", code=3)

    assert f"{made['PNG']}: altered since it was saved, pixels not the same; whole; job " in there
    assert copy == "copy.png: unknown: no job on record made it; whole; no C2PA"


def test_pixels_that_were_packed_anew(run: Run, made: dict[str, Path]) -> None:
    """A PNG saved again without a loss, under another name and in another format, is the same."""
    with Image.open(made["PNG"]) as image:
        image.save("smaller.png", compress_level=9)
        image.save("other.webp", lossless=True)
    for found in _verified(run, "smaller.png", "other.webp", code=3):
        assert (found["verdict"], found["pixels"], found["whole"]) == ("altered", "same", True)
        assert [one["path"] for one in found["jobs"]] == [str(made["PNG"])]


@pytest.mark.parametrize("name", SUFFIXES)
def test_after_exiftool_wrote_a_tag(bench: Bench, run: Run, name: str) -> None:
    """README's line writes the source type: the pixels are the same, and the type reads back."""
    readme.need("exiftool")
    path = f"composed.{SUFFIXES[name]}"
    assert run("compose", *COMMON, "-o", path).code == 0
    before = Path(path).read_bytes()
    line = readme.example("XMP-iptcExt").text.replace("composed.jpg", path)
    done = bench.run(line, "sh")
    (found,) = _verified(run, path, code=3)
    (shown,) = _says(run, path, code=3)

    assert (done.code, done.out, done.err) == (0, b"", "")
    assert Path(path).read_bytes() != before
    assert found["provenance"] == {"c2pa": "absent", "digital_source_type": COMPOSITE}
    assert (found["verdict"], found["pixels"], found["whole"]) == ("altered", "same", True)
    assert f"{path}: altered since it was saved, pixels the same; job " in shown
    assert shown.endswith(f"digital source type {COMPOSITE}")
    moved = shutil.move(path, "moved")
    (job,) = json.loads(run("jobs", "show", moved, "--json").out)["jobs"]
    assert job["file"] == {"picture": "pixels", "inputs": [], "kept": False}


def test_the_sandbox_is_told_from_the_service(run: Run, work: Path) -> None:
    """Each picture says where it comes from, in words and in the document."""
    with server.Sandbox() as sandbox:
        known = {"PRODIA_BASE_URL": sandbox.url, "PRODIA_TOKEN": TOKEN}
        assert run("compose", *COMMON, "-o", "tried.jpg", **known).code == 0
    _paid(run, origins.plain("JPEG"), "paid.jpg")
    tried, paid = _says(run, "tried.jpg", "paid.jpg", code=0)

    assert ", sandbox, no cost; " in tried
    assert ", $0.039, 127.0.0.1:" in paid
    answer = _verified(run, "tried.jpg", "paid.jpg")
    assert [one["jobs"][0]["sandbox"] for one in answer] == [True, False]


@pytest.mark.parametrize("state", ["present", "absent", "damaged"])
@pytest.mark.parametrize("name", SUFFIXES)
def test_marks_of_origin(run: Run, work: Path, name: str, state: str) -> None:
    """The result and `verify` say alike what a picture of the service carries; its bytes stay."""
    stores = {"present": origins.store(), "damaged": origins.store()[:-1]}
    picture = origins.plain(name)
    if state in stores:
        picture = origins.carrying(name, stores[state], picture)
    target = f"made.{SUFFIXES[name]}"
    with loopback.serve(
        [loopback.multipart_ok(picture, media_type=f"image/{name.lower()}")]
    ) as service:
        known = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        done = run("compose", *COMMON, "-o", target, "--json", **known)
    output = validating.read(done.out)["output"]
    (found,) = _verified(run, target)
    (line,) = _says(run, target, code=0)

    assert output["provenance"] == {"c2pa": state, "digital_source_type": None}
    assert found["provenance"] == output["provenance"]
    assert Path(target).read_bytes() == picture
    words = {"present": "C2PA present (not verified)", "damaged": "C2PA damaged"}
    assert line.endswith(f"; {words.get(state, 'no C2PA')}")


def test_what_is_no_whole_picture(run: Run, made: dict[str, Path], tmp_path: Path) -> None:
    """Each file has its line, in order, that says what is wrong with it; none hides another."""
    for name, path in made.items():
        path.write_bytes(path.read_bytes()[: -20 if name == "WEBP" else -1])
    for name, data in {"empty": b"", "page.jpg": b"<!DOCTYPE html><html>", "words": b"a"}.items():
        Path(name).write_bytes(data)
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    named = ["empty", "page.jpg", "words", "folder", "none", "loop", "", "https://x.example/a.jpg"]
    lines = _says(run, *made.values(), *named, "product.jpg", code=3)

    listing = "find folder -type f -print0 | sort -z | prodia-compose verify -0 -T -"
    expected = [
        *(f"{path}: altered since it was saved; it is cut short" for path in made.values()),
        "empty: unknown: no job on record made it; it is empty",
        "page.jpg: unknown: no job on record made it; it is an HTML page, not a picture",
        "words: unknown: no job on record made it; it is ",
        f"folder: is a folder; list its pictures: {listing}",
        "none: no such file",
        "loop: is a loop of links",
        "'': an empty name",
        "https://x.example/a.jpg: is an address; download it first",
        "product.jpg: unknown: no job on record made it; whole",
    ]
    assert len(lines) == len(expected)
    for line, begins in zip(lines, expected, strict=True):
        assert line.startswith(begins)
    answer = _verified(run, *made.values(), *named, code=3)
    assert [one["verdict"] for one in answer] == ["altered"] * 3 + ["unknown"] * 3 + [
        "unreadable"
    ] * 5
    assert [one["whole"] for one in answer] == [False] * 6 + [None] * 5


def test_lists_and_standard_input(run: Run, made: dict[str, Path], work: Path) -> None:
    """Names come from lists, of lines or with NULs, and bytes from standard input."""
    paths = [f"made.{suffix}" for suffix in SUFFIXES.values()]
    Path("list").write_text("\n".join(paths))
    nul = "\0".join(paths).encode()

    assert len(_says(run, "-T", "list", code=0)) == 3
    assert len(_says(run, "-0", "-T", "-", code=0, stdin=nul)) == 3
    assert len(_says(run, "made.jpg", "-T", "list", code=0)) == 4
    (line,) = _says(run, "-", code=0, stdin=made["PNG"].read_bytes())
    assert line.startswith("-: as it was saved; job ")
    (line,) = _says(run, "-", code=3, stdin=b"foreign")
    assert line.startswith("-: unknown: no job on record made it; it is ")
    assert _says(run, *paths, "-q", code=0) == []
    assert len(_says(run, *paths, "product.jpg", "-q", code=3)) == 1
    for argv, code in (
        ((), 2),
        (("-", "-T", "-"), 2),
        (("-0", "made.jpg"), 2),
        (("-T", "none"), 3),
        (("made.jpg", "--results", "none"), 3),
    ):
        done = run("verify", *argv)
        assert (done.code, done.out, done.messages.count("\n")) == (code, b"", 1)


def test_names_of_any_bytes(run: Run, made: dict[str, Path]) -> None:
    """A name that is no text, or would steer a terminal, is shown escaped, and kept in JSON."""
    name = b"\xff\x1b[31m.jpg".decode("utf-8", "surrogateescape")
    shutil.copy(made["JPEG"], name)
    (line,) = _says(run, name, code=0)
    (found,) = _verified(run, name)

    assert line.startswith("\\xff\\x1b[31m.jpg: as it was saved; ")
    assert found["path_b64"] == "/xtbMzFtLmpwZw=="


def test_where_the_record_is_gone(run: Run, work: Path) -> None:
    """A sidecar beside a file tells the same, wherever both were moved, or a results file."""
    picture = origins.plain("PNG")
    with loopback.serve([loopback.multipart_ok(picture, media_type="image/png")]) as service:
        known = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        done = run("compose", *COMMON, "-o", "made.png", "--json", **known)
    Path("away").mkdir()
    Path("away/made.png.json").write_bytes(done.out)
    shutil.move("made.png", "away/made.png")
    result = json.loads(done.out)
    off = {"PRODIA_COMPOSE_RECORD": "off"}
    beside = run("verify", "away/made.png", **off)
    Path("away/made.png").write_bytes(_flipped(picture, len(picture) - 1))
    altered = run("verify", "away/made.png", **off)
    Path("away/made.png").write_bytes(picture)
    shutil.move("away/made.png.json", "results")
    alone = run("verify", "away/made.png", **off)
    answer = run("verify", "away/made.png", "--results", "results", "--json", **off)

    assert (beside.code, altered.code, alone.code, answer.code) == (0, 3, 3, 0)
    assert beside.text.startswith(
        f"away/made.png: as it was saved; job {result['job_id']}, nano-banana, $0.039, service, "
        "says away/made.png.json; no C2PA"
    )
    assert beside.err.count("record-unavailable") == 1
    assert "altered since it was saved" in altered.text
    assert "unknown: no job on record made it" in alone.text
    (job,) = validating.read(answer.out)["files"][0]["jobs"]
    assert (job["told_by"], job["job_id"]) == ("results", result["job_id"])
    (once,) = _verified(run, "away/made.png", "--results", "results")
    assert [one["told_by"] for one in once["jobs"]] == [None]  # the record knows it as well


def test_a_sidecar_that_is_none(run: Run, made: dict[str, Path]) -> None:
    """Whatever lies beside a file under that name is passed over."""
    shutil.copy("product.jpg", "x.jpg")
    for data in (
        b"",
        b"[1]",
        b'{"schema": "other"}',
        b"\xff",
        b'{"schema":"prodia-compose/result@1"}',
    ):
        Path("x.jpg.json").write_bytes(data)
        (line,) = _says(run, "x.jpg", code=3)
        assert line == "x.jpg: unknown: no job on record made it; whole; no C2PA"


def test_a_picture_that_was_kept_aside(run: Run, work: Path) -> None:
    """What came and found no place is told to be what came, wherever it is copied to."""
    picture = origins.plain("JPEG")
    with loopback.serve([loopback.multipart_ok(picture)]) as service:
        known = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        assert run("compose", *COMMON, "-o", "out.png", "--strict", **known).code == 10
    kept = _job(run)["rescued"][0]["path"]
    shutil.copy(kept, "copy.jpg")
    for found in _verified(run, kept, "copy.jpg"):
        assert (found["verdict"], found["whole"]) == ("saved", True)
        assert found["jobs"][0]["path"] == kept


def test_a_place_that_was_never_filled(run: Run, work: Path) -> None:
    """A file where a picture was only meant to go is not told to be that picture, altered."""
    with loopback.serve([loopback.multipart_ok(origins.plain("JPEG"))]) as service:
        known = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        assert run("compose", *COMMON, "-o", "out.png", "--strict", **known).code == 10
    shutil.copy("product.jpg", "out.png")
    (found,) = _verified(run, "out.png", code=3)

    assert (found["verdict"], found["jobs"]) == ("unknown", [])


def test_the_results_of_a_batch(run: Run, work: Path) -> None:
    """Each picture that they tell of is known by them, one that was replaced since included."""
    Path("rows").mkdir()
    row = {"images": ["../product.jpg"], "output": "a.png"}
    for number in (1, 2):
        line = json.dumps({**row, "id": "one", "prompt": f"image {number}"})
        Path("rows/r.jsonl").write_text(line)
        done = run("batch", "rows/r.jsonl", "--sandbox", "--rerun", "changed", "-f", "--no-lint")
        assert done.code == 0, done.err
        shutil.copy("rows/a.png", f"{number}.png")
    results = "rows/r.jsonl.sandbox.results.jsonl"
    first, second, there = _verified(run, "1.png", "2.png", "rows/a.png", "--results", results)

    assert first["sha256"] != second["sha256"] == there["sha256"]
    for one in (first, second, there):
        (job,) = one["jobs"]
        assert (job["sandbox"], job["told_by"]) == (True, results)
        assert job["path"] == str(work / "rows/a.png")
        assert job["begun_at"]
    assert [one["verdict"] for one in _verified(run, "1.png", "rows/a.png", code=3)] == [
        "unknown"
    ] * 2


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_it_can_be_stopped(work: Path, name: str) -> None:
    """A signal ends it at once, as it ends any program, while it still waits for its input."""
    number = getattr(signal, name)
    argv = [sys.executable, "-m", "prodia_compose", "verify", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdin is not None
        running.stdin.write("x" * 1_000_000)  # more than a pipe holds: somebody is reading
        running.stdin.flush()
        running.send_signal(number)
        code = running.wait(20)
        assert running.stdout is not None
        assert running.stderr is not None
        answer = running.stdout.read(), running.stderr.read()

    assert (code, answer) == (-number, ("", f"prodia-compose: stopped by {name}\n"))


def test_two_hundred_files(run: Run, work: Path) -> None:
    """They are read at one time, each once, and told in the order of their names."""
    picture = origins.plain("PNG", (600, 600))
    _paid(run, picture, "made.png")
    names = [f"copies/{number:03}.png" for number in range(200)]
    Path("copies").mkdir()
    for number, name in enumerate(names):
        Path(name).write_bytes(picture if number % 10 else origins.saying("PNG", "x", picture))
    started = time.monotonic()
    found = _verified(run, *names, code=3)

    assert [one["path"] for one in found] == names
    assert [one["verdict"] for one in found] == ["altered", *["saved"] * 9] * 20
    assert {one["pixels"] for one in found} == {"same"}
    assert time.monotonic() - started < 20


def test_readmes_lines(bench: Bench, run: Run) -> None:
    """They tell of a picture, of those that are not as they were, and whether all of a list are."""
    readme.need("jq")
    Path("out").mkdir()
    for path in ("composed.jpg", "out/a.jpg", "b.webp"):
        assert run("compose", *COMMON, "-o", path).code == 0
    Path("out/b.jpg").write_bytes(Path("out/a.jpg").read_bytes()[:-1])
    text = readme.example("verify out/*.jpg -q").text.replace("-q  ", "-q || test $? -eq 3  ")
    done = bench.run(text)
    first, second, third = done.text.splitlines()

    assert (done.code, done.err) == (0, "")
    assert first.startswith("composed.jpg: as it was saved; ")
    assert second.startswith("out/b.jpg: unknown: ")
    assert third == "true"


def test_jobs_that_used_a_file_are_listed(run: Run, work: Path) -> None:
    """More than three are a table, each with what the file is to it, from the service or not."""
    for number in range(3):
        _paid(run, origins.plain("PNG", (40 + number, 40)), f"{number}.png")
    with server.Sandbox() as sandbox:
        known = {"PRODIA_BASE_URL": sandbox.url, "PRODIA_TOKEN": TOKEN}
        assert run("compose", "scene.jpg", *COMMON, "-o", "tried.jpg", **known).code == 0
    done = run("jobs", "show", "scene.jpg")
    heading, *rows = done.text.splitlines()

    assert (done.code, len(rows)) == (0, 4)
    assert heading.split("  ")[0] == "ID"
    assert "no cost" in rows[0]
    assert "input 1 and input 3" in rows[0]
    for row in rows[1:]:
        assert "$0.039" in row
        assert "input 2" in row
    assert done.err == (
        "prodia-compose: scene.jpg has to do with 4 jobs; `prodia-compose jobs show ID` tells all "
        "of one\n"
    )
    document = validating.read(run("jobs", "show", "scene.jpg", "--json").out)
    assert [one["file"]["inputs"] for one in document["jobs"]] == [[1, 3], [2], [2], [2]]
    assert [one["sandbox"] for one in document["jobs"]] == [True, False, False, False]
