"""What lies beside a picture: its place goes by the picture's rules, and it harms no picture."""

import json
import shutil
from pathlib import Path
from typing import Any

import loopback
import pytest
import validating
from conftest import SAMPLES, TOKEN, Done, Run, mode
from tables import table

LINE = ("compose", "product.jpg", "scene.jpg", "-p", "the first image on the second image")


def _lay(work: Path, there: list[str]) -> None:
    """Have files, folders and links where they are named."""
    for name in there:
        path = work / name.rstrip("/")
        path.parent.mkdir(exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_bytes(b"old")


def _names(folder: Path, begin: str = "") -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.name.startswith(begin))


@pytest.mark.parametrize("row", table("output/sidecars"), ids=lambda row: row["id"])
def test_places(run: Run, work: Path, row: dict[str, Any]) -> None:
    """Picture and sidecar are proved together before anything is sent, and are named together."""
    _lay(work, row.get("there", []))
    before = {str(path.relative_to(work)) for path in work.rglob("*")}

    done = run(*LINE, "--sandbox", "--sidecar", *row["argv"], **row.get("env", {}))

    after = {str(path.relative_to(work)) for path in work.rglob("*")}
    assert done.code == row.get("code", 0), done.messages
    assert row.get("says", "") in done.messages
    assert sorted(after - before) == row.get("makes", [])
    for name in row.get("replaces", []):
        assert (work / name).read_bytes() != b"old"
    for name in {*row.get("there", [])} - {*row.get("replaces", [])}:
        assert name.endswith("/") or (work / name).read_bytes() == b"old"
    if not row.get("code") and row.get("picture", True):
        assert [f"{done.text.strip()}.json"] == [
            name for name in (*row.get("makes", []), *row.get("replaces", [])) if "json" in name
        ]


def test_no_input_is_written_over(run: Run, work: Path) -> None:
    """A picture that is called like the sidecar stays, forced or not."""
    shutil.copy("product.jpg", "a.jpg.json")
    done = run(*LINE, "--sandbox", "--sidecar", "a.jpg.json", "--no-lint", "-o", "a.jpg", "-f")

    assert (done.code, done.out) == (8, b"")
    assert "--sidecar a.jpg.json: is the input a.jpg.json; choose another name" in done.messages
    assert Path("a.jpg.json").read_bytes() == Path("product.jpg").read_bytes()


def test_all_of_the_result_is_in_it(run: Run, work: Path) -> None:
    """It is the very document of --json, with paths that go with its folder."""
    (work / "out").mkdir()
    (work / "out/below").mkdir()
    (work / "scene.jpg").rename(work / "out/below/scene.jpg")
    argv = ("compose", "product.jpg", "out/below/scene.jpg", "-p", "the first image on the second")
    done = run(*argv, "--sandbox", "--sidecar", "--json", "-o", "out/a.jpg")

    printed, kept = json.loads(done.out), json.loads((work / "out/a.jpg.json").read_bytes())
    validating.read((work / "out/a.jpg.json").read_bytes())
    assert [one["path"] for one in kept["images"]] == [f"{work}/product.jpg", "below/scene.jpg"]
    assert [one["path"] for one in kept["recipe"]["sources"]] == [
        f"{work}/product.jpg",
        "below/scene.jpg",
    ]
    assert kept["output"]["path"] == "a.jpg"
    for document in (printed, kept):
        for name in ("images", "output", "outputs", "recipe"):
            del document[name]
    assert kept == printed
    assert mode(work / "out/a.jpg.json") == mode(work / "out/a.jpg")


def _answered(run: Run, answer: loopback.Answer, *argv: str) -> Done:
    with loopback.serve([answer]) as service:
        return run(*LINE, "--sidecar", *argv, PRODIA_BASE_URL=service.url, PRODIA_TOKEN=TOKEN)


def test_one_that_cannot_be_written_any_more_is_warned_of(run: Run, work: Path) -> None:
    """What takes its name while the job runs stays; the picture is saved, and the code is 0."""
    picture = (SAMPLES / "scene.jpg").read_bytes()

    def choose(_: loopback.Received) -> loopback.Answer:
        Path("out.jpg.json").write_text("mine")
        return loopback.multipart_ok(picture)

    done = _answered(run, loopback.by(choose), "-o", "out.jpg")
    Path("out.jpg.json").unlink()
    Path("out.jpg").unlink()
    as_json = _answered(run, loopback.by(choose), "-o", "out.jpg", "--json")

    assert (done.code, done.text) == (0, "out.jpg\n")
    assert "warning: out.jpg.json: could not be written (" in done.err
    assert done.err.endswith("the picture is there, and paid for [sidecar-not-written]\n")
    assert (as_json.code, as_json.err) == (0, "")
    assert [one["code"] for one in json.loads(as_json.out)["warnings"]] == ["sidecar-not-written"]
    assert Path("out.jpg.json").read_text() == "mine"
    assert Path("out.jpg").read_bytes() == picture
    assert _names(work, ".") == []


def test_a_number_that_is_taken_meanwhile(run: Run, work: Path) -> None:
    """A picture that is numbered takes a name of which the sidecar's is free too."""

    def choose(_: loopback.Received) -> loopback.Answer:
        Path("composed.jpg").write_bytes(b"mine")
        Path("composed-2.jpg.json").write_bytes(b"mine")
        return loopback.multipart_ok((SAMPLES / "scene.jpg").read_bytes())

    done = _answered(run, loopback.by(choose))

    assert (done.code, done.text) == (0, "composed-3.jpg\n"), done.err
    assert Path("composed-3.jpg.json").exists()


def test_other_formats_and_several_pictures(run: Run, work: Path) -> None:
    """It is called as the first picture is, whatever that was meant to be called."""
    Path("out.jpg.json").write_bytes(b"mine")
    picture = (SAMPLES / "scene.jpg").read_bytes()
    done = _answered(run, loopback.multipart_ok(picture, picture), "-o", "out.png")

    assert (done.code, done.text) == (0, "out-2.jpg\n"), done.err
    assert _names(work, "out") == [*("out-2-2.jpg", "out-2.jpg", "out-2.jpg.json", "out.jpg.json")]


def test_a_link_is_followed_by_the_picture_alone(run: Run, work: Path) -> None:
    """The sidecar lies beside the name that was asked for."""
    (work / "real").mkdir()
    (work / "real/a.jpg").write_bytes(b"old")
    (work / "link.jpg").symlink_to("real/a.jpg")

    done = run(*LINE, "--sandbox", "--sidecar", "-o", "link.jpg", "-f")

    assert (done.code, done.text) == (0, "link.jpg\n")
    assert (work / "real/a.jpg").read_bytes() != b"old"
    assert _names(work / "real") == ["a.jpg"]
    assert json.loads((work / "link.jpg.json").read_bytes())["output"]["path"] == "link.jpg"
