"""Pictures made again by `compose --from`: what is told, what stops it, what is not kept."""

import json
from pathlib import Path

import loopback
import pytest
from conftest import SAMPLES, TOKEN, Run


def test_a_changed_picture_is_told(run: Run, work: Path) -> None:
    """It is sent as it is now, with a warning; under --strict nothing is sent."""
    made = run("compose", "--sandbox", "product.jpg", "-p", "x", "--sidecar")
    (work / "product.jpg").write_bytes((SAMPLES / "scene.jpg").read_bytes())
    again = ("compose", "--sandbox", "--from", "composed.jpg.json")
    found, refused = run(*again), run(*again, "--strict")
    anew = run(*again, "--strict", "scene.jpg")

    assert (made.code, found.code, refused.code, anew.code) == (0, 0, 3, 0), anew.err
    words = "product.jpg: has changed since it was used before"
    assert f"warning: {words} [source-changed]" in found.err
    assert f"error: {words} (--strict)" in refused.err


def test_an_unknown_twin_stops_it(run: Run, work: Path) -> None:
    """A job whose outcome is unknown may be billed: made again it stops with 9, until --again."""
    answers = [loopback.text("oops", 500)]
    with loopback.serve(answers) as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        run("compose", "product.jpg", "-p", "x", **env)
        (job,) = json.loads(run("jobs", "--json").out)["jobs"]
        again = ("compose", "--from", job["id"])
        stopped = run(*again, **env)
        changed = run(*again, "--seed", "4", "-m", "flux-2-pro", **env)
        sent = run(*again, "--again", **env)

    assert [one.code for one in (stopped, changed, sent)] == [9, 9, 9]
    assert "the same job was sent on" in stopped.err
    assert service.submissions == 3, "the first, the changed one, and the one that was asked for"


def test_the_price_is_told_before_it_is_sent(run: Run, work: Path) -> None:
    """One line says what is made again, by which model and at what price; limits hold."""
    run("compose", "--sandbox", "product.jpg", "-p", "x", "--sidecar")
    again = ("compose", "--sandbox", "--from", "composed.jpg.json")
    found, quiet = run(*again), run(*again, "-q")
    over = run(*again, "--max-cost", "0.01")
    with loopback.serve([loopback.ok((SAMPLES / "scene.jpg").read_bytes())]) as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        paid = run("compose", "--from", "composed.jpg.json", **env)

    words = "prodia-compose: composed.jpg.json is made again, by nano-banana: $0.039"
    assert found.err == f"{words}, no cost: sandbox\n"
    assert paid.err == f"{words}\n"
    assert (quiet.code, quiet.err, over.code) == (0, "", 12)


def test_secrets_are_not_kept(run: Run, work: Path) -> None:
    """Of an address, password and query are kept nowhere, so that it has to be named anew."""
    picture = (SAMPLES / "scene.jpg").read_bytes()
    with loopback.serve([loopback.ok(picture)]) as web:
        url = f"{web.url}/a.jpg"
        made = run("compose", "--sandbox", f"{url}?key=SECRET", "-p", "x", "--sidecar")
        plain = run("compose", "--sandbox", url, "-p", "x", "--sidecar", "-o", "b.jpg")
        again = ("compose", "--sandbox", "--from")
        refused = run(*again, "composed.jpg.json")
        named = run(*again, "composed.jpg.json", f"{url}?key=SECRET")
        fetched = run(*again, "b.jpg.json")

    codes = [one.code for one in (made, plain, refused, named, fetched)]
    assert codes == [0, 0, 3, 0, 0], fetched.err
    assert "SECRET" not in (work / "composed.jpg.json").read_text()
    assert "its address is kept without its password and query" in refused.err


def test_what_came_by_standard_input_is_gone(run: Run, work: Path) -> None:
    """A picture that was piped in is not read from standard input again; no line is printed."""
    data = (SAMPLES / "scene.jpg").read_bytes()
    answer = loopback.multipart_ok(data)
    with loopback.serve([answer]) as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        run("compose", "-", "-p", "x", stdin=data, **env)
        (job,) = json.loads(run("jobs", "--json").out)["jobs"]
        again = run("compose", "--from", job["id"], stdin=data, **env)
    shown = run("jobs", "show", job["id"]).text

    assert (again.code, service.submissions) == (3, 1)
    assert "image 1: came from standard input or a pipe, which is gone" in again.err
    assert job["command"] is None
    assert "\nagain " in shown
    assert "cannot be: a picture came from standard input" in shown


@pytest.mark.parametrize("name", ["no.json", "folder", "product.jpg", "plan.json", "rows.jsonl#b"])
def test_what_is_no_result_is_told(run: Run, work: Path, name: str) -> None:
    """What cannot be made again is told in one line that names it."""
    (work / "folder").mkdir()
    (work / "plan.json").write_text('{"schema": "prodia-compose/plan@1"}')
    (work / "rows.jsonl").write_text('{"schema":"prodia-compose/row@1","id":"a","status":"done"}\n')

    done = run("compose", "--from", name, PRODIA_TOKEN=TOKEN)

    assert (done.code, done.out, done.messages.count("\n")) == (3, b"", 1)
    assert done.messages.startswith(f"prodia-compose: error: {name.partition('#')[0]}: ") or (
        done.messages.startswith(f"prodia-compose: error: {name.partition('#')[0]}:1: ")
    )
