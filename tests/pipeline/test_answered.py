"""Answers that are not quite what was asked for, through the whole command."""

import base64
import io
import json
import zlib
from pathlib import Path

import loopback
import pictures
import pytest
from conftest import TOKEN, Done, Run
from PIL import Image

from prodia_compose.client import answers, verdicts

LINE = ("compose", "product.jpg", "-p", "x")


def _picture(format_: str, colour: str = "red") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (32, 24), colour).save(data, format_)
    return data.getvalue()


def _answered(run: Run, answer: loopback.Answer, *argv: str) -> Done:
    with loopback.serve([answer]) as service:
        return run(*LINE, *argv, PRODIA_BASE_URL=service.url, PRODIA_TOKEN=TOKEN)


def test_another_format_gets_its_true_suffix(run: Run, work: Path) -> None:
    """A PNG where a JPEG was asked for is saved as .png, byte for byte, with a warning."""
    png = _picture("PNG")
    (work / "out.png").write_bytes(b"mine")
    done = _answered(run, loopback.multipart_ok(png, media_type="image/png"), "-o", "out.jpg")

    assert (done.code, done.out) == (0, b"out-2.png\n")
    assert "[wrong-format]" in done.err
    assert (work / "out-2.png").read_bytes() == png
    assert (work / "out.png").read_bytes() == b"mine"
    assert not (work / "out.jpg").exists()


def test_another_format_is_an_error_under_strict(run: Run, work: Path, tmp_path: Path) -> None:
    """Under `--strict` the picture is kept aside and the code is 10."""
    png = _picture("PNG")
    done = _answered(run, loopback.ok(png, "image/png"), "-o", "out.jpg", "--strict")

    (kept,) = (tmp_path / "state/prodia-compose/rescued").iterdir()
    assert done.code == 10
    assert kept.suffix == ".png"
    assert kept.read_bytes() == png
    assert not (work / "out.png").exists()


def test_a_picture_for_minutes_of_decoding_is_saved_unseen(run: Run, work: Path) -> None:
    """It is placed as it came, at once, with a warning, whatever `--timeout` says."""
    picture = pictures.scanned_jpeg((4000, 3000), 20_000)
    done = _answered(run, loopback.multipart_ok(picture), "-o", "out.jpg", "--timeout", "5")

    assert (done.code, done.out) == (0, b"out.jpg\n")
    assert (work / "out.jpg").read_bytes() == picture
    assert done.err == (
        "prodia-compose: warning: out.jpg is a JPEG of more than 100 scans, which takes minutes "
        "to decode; it is saved as it came, and may be broken [not-checked]\n"
    )


def test_a_workflow_beside_the_pixels_costs_no_picture(run: Run, work: Path) -> None:
    """What a program put into a comment, however large, is no reason to doubt the picture."""
    workflow = zlib.compress(b"node" * 500_000)
    picture = pictures.png_with(_picture("PNG"), (b"zTXt", b"workflow\0\0" + workflow))
    done = _answered(run, loopback.ok(picture, "image/png"), "-o", "out.png")

    assert (done.code, done.out, done.err) == (0, b"out.png\n", "")
    assert (work / "out.png").read_bytes() == picture


@pytest.mark.parametrize("is_strict", [True, False])
def test_of_several_pictures_each_is_kept_or_saved(
    run: Run, work: Path, tmp_path: Path, *, is_strict: bool
) -> None:
    """When the first is refused, or cannot be decoded, the others are told as well."""
    first = _picture("PNG") if is_strict else b"\xff\xd8\xff and nothing more"
    red, blue = _picture("JPEG"), _picture("JPEG", "blue")
    argv = ("-o", "out.jpg", *(["--strict"] if is_strict else []))
    done = _answered(run, loopback.multipart_ok(first, red, blue), *argv)
    kept = list((tmp_path / "state/prodia-compose/rescued").iterdir())
    placed = [path for path in work.iterdir() if path.name.startswith("out")]

    assert done.code == 10
    assert sorted(path.read_bytes() for path in (*kept, *placed)) == sorted((first, red, blue))
    assert len(placed) == (0 if is_strict else 2)
    assert [path for path in (*kept, *placed) if path.name not in done.err] == []
    assert "may be billed" in done.err


@pytest.mark.parametrize("encoding", ["ascii", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("head", ["", "\xff\xd8\xff\xe0 a picture?"])
@pytest.mark.usefixtures("work")
def test_the_token_is_in_nothing_that_is_kept_or_told(
    run: Run, tmp_path: Path, head: str, encoding: str
) -> None:
    """A service that echoes it may call that a picture, in any spelling."""
    coded = base64.b64encode(f"Bearer {TOKEN}".encode())
    body = head.encode("latin-1") + f"sorry, {TOKEN}".encode(encoding) + b" " + coded
    done = _answered(run, loopback.ok(body, "image/jpeg"), "-vv", "--json")
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    (kept,) = (path for path in files if path.parent.name == "rescued")

    assert done.code == 10
    assert len(kept.read_bytes()) == len(body)
    for data in (done.err.encode(), done.out, *(path.read_bytes() for path in files)):
        assert TOKEN.encode() not in data.replace(b"\0", b"").replace(b"\\x00", b"")
        assert coded not in data


@pytest.mark.usefixtures("work")
def test_an_endless_answer_has_a_bound(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more is taken of it than the message says, and that much is kept."""
    monkeypatch.setattr(verdicts, "ANSWER_BYTES", 3_000_000)
    done = _answered(run, loopback.ok(b"\xff\xd8\xff" + bytes(4_000_000)))
    (kept,) = (tmp_path / "state/prodia-compose/rescued").iterdir()

    assert done.code == 9
    assert "the answer is over 3 MB, and no more of it was taken" in done.err
    assert "may be billed" in done.err
    assert kept.stat().st_size == 3_000_000


def test_several_pictures_are_numbered(run: Run, work: Path) -> None:
    """The first goes to `-o`, the others beside it; text parts are the service's messages."""
    red, blue = _picture("JPEG"), _picture("JPEG", "blue")
    answer = loopback.multipart_ok(red, blue, message="done as you asked")
    done = _answered(run, answer, "-o", "out.jpg", "--json")
    result = json.loads(done.out)

    assert done.code == 0
    assert (work / "out.jpg").read_bytes() == red
    assert (work / "out-2.jpg").read_bytes() == blue
    assert [output["path"] for output in result["outputs"]] == ["out.jpg", "out-2.jpg"]
    assert result["output"] == result["outputs"][0]
    assert result["messages"] == ["done as you asked"]


def test_a_failed_job_is_told_and_may_be_billed(run: Run, work: Path) -> None:
    """A 200 whose record says failed ends with 5, the service's words, and its id."""
    record = loopback.job_record(state={"current": "failed"}, error="no face found")
    done = _answered(run, loopback.multipart_ok(job=record), "--json")
    error = json.loads(done.err)

    assert done.code == 5
    assert "no face found" in error["message"]
    assert (error["job_id"], error["may_be_billed"]) == (loopback.JOB_ID, True)
    assert error["request_id"] == loopback.REQUEST_ID


def test_a_picture_that_comes_at_once_is_taken(run: Run, work: Path) -> None:
    """A service that answers the creation of a job with its picture need not be asked after it."""
    picture = _picture("JPEG")
    done = _answered(run, loopback.multipart_ok(picture), "-o", "out.jpg", "--async")

    assert (done.code, done.out) == (0, b"out.jpg\n")
    assert (work / "out.jpg").read_bytes() == picture


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_cut_answer_is_kept(run: Run, work: Path, tmp_path: Path, framing: str) -> None:
    """What came of an answer that broke off is kept and named; the outcome is unknown."""
    answer = loopback.cut(loopback.ok(_picture("PNG") * 50, "image/png"), framing)  # type: ignore[arg-type] # a literal
    done = _answered(run, answer)

    (kept,) = (tmp_path / "state/prodia-compose/rescued").iterdir()
    assert done.code == 9
    assert str(kept) in done.err
    assert not (work / "composed.jpg").exists()


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_all_pieces_of_a_cut_answer_are_kept(
    run: Run, work: Path, tmp_path: Path, framing: loopback.Framing
) -> None:
    """Of three pictures of which the third is cut: two whole ones, a piece, and all bytes."""
    pictures = [_picture("PNG"), _picture("JPEG"), _picture("PNG", "blue")]
    whole = loopback.multipart_ok(*pictures)
    keep = whole.body.index(pictures[2]) + 50
    done = _answered(run, loopback.cut(whole, framing, keep), "-o", "out.jpg")

    kept = list((tmp_path / "state/prodia-compose/rescued").iterdir())
    assert done.code == 9
    assert not list(work.glob("out*"))
    assert [str(path) for path in kept if str(path) not in done.err] == []
    assert sorted(path.read_bytes() for path in kept) == sorted(
        [*pictures[:2], pictures[2][:50], whole.body[:keep]]
    )


def test_a_bug_in_reading_an_answer_loses_nothing(
    run: Run, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as the bug that it is, with the file that all of the answer's bytes are kept in."""

    def stumble(*_args: object, **_options: object) -> answers.Answer:
        raise ZeroDivisionError

    monkeypatch.setattr(answers, "read", stumble)
    answer = loopback.multipart_ok(_picture("JPEG"))
    done = _answered(run, answer, "-o", "out.jpg")

    (kept,) = (tmp_path / "state/prodia-compose/rescued").iterdir()
    assert done.code == 1
    assert "ZeroDivisionError" in done.err
    assert str(kept) in done.err
    assert kept.read_bytes() == answer.body


def test_words_of_the_service_cannot_move_the_cursor(run: Run, work: Path) -> None:
    """Control characters and markup in what the service says are shown, not obeyed."""
    answer = loopback.json_answer({"error": "a\x1b[31m [/red] \u202e b"}, 400)
    done = _answered(run, answer)

    assert done.code == 5
    assert "\x1b" not in done.err
    assert "\u202e" not in done.err
    assert r"a\x1b[31m [/red] \u202e b" in done.err
