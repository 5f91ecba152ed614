"""Compares from their line to their pictures: the service, the folder, and running it again."""

import json
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Collection
from pathlib import Path

import loopback
import pytest
from batches import TOKEN, Choose, documents, serving, started, statuses
from conftest import Done, Run, until
from sandboxing import picture
from terminals import Running

PROMPT = "Put the mug from the first image on the table in the second image"
LINE = ("compare", "product.jpg", "scene.jpg", "-p", PROMPT)
THREE = ("-m", "nano-banana", "-m", "flux-2-pro", "-m", "flux-2-dev")

REFUSAL = "config: the prompt is not allowed"

CENT = loopback.multipart_ok(
    picture(), job=loopback.job_record(price={"product": "any", "dollars": 0.01})
)


def _refusing(names: Collection[str] = ()) -> Choose:
    """Return a service that refuses the jobs of some models, while it is told to."""

    def choose(_number: int, request: loopback.Received) -> loopback.Answer:
        kind = str(request.job()["type"])
        is_refused = any(name.replace("flux-2-", "flux-2.") in kind for name in names)
        return loopback.text(REFUSAL, 400) if is_refused else CENT

    return choose


def _pictures(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.jpg"))


def _sum(done: Done) -> str:
    return next(line for line in done.err.splitlines() if " variants done" in line)


def test_one_of_three_models_is_refused_by_the_service(work: Path, run: Run) -> None:
    """The other two pictures come, the refusal is told in words, and the sum; it ends with 11."""
    with serving(_refusing(["flux-2-pro"])) as server:
        done = run(*LINE, *THREE, "-o", "tried", "-y")

    assert done.code == 11
    assert done.text.splitlines() == ["tried/nano-banana.jpg", "tried/flux-2-dev.jpg"]
    assert _pictures(work / "tried") == ["flux-2-dev.jpg", "nano-banana.jpg"]
    assert statuses(work / "tried", "results.jsonl") == {
        "nano-banana": "done",
        "flux-2-pro": "rejected",
        "flux-2-dev": "done",
    }
    assert (
        f"error: flux-2-pro: the service rejected the job (400 Bad Request: {REFUSAL}" in done.err
    )
    assert _sum(done) == "prodia-compose: 2 of 3 variants done, 1 rejected, $0.02 spent"
    assert done.err.endswith("prodia-compose: the pictures are shown in tried/report.html\n")
    assert server.submissions == 3
    page = (work / "tried/report.html").read_text()
    assert re.findall(r'<th scope="col"[^>]*>(.*?)</th>', page)[-3:] == [*THREE[1::2]]
    assert (page.count('href="nano-banana.jpg"'), page.count('href="flux-2-pro.jpg"')) == (1, 0)
    assert REFUSAL in page
    assert "$0.02" in page


def test_prices_are_told_before_it_asks(work: Path, run: Run) -> None:
    """Each variant with its price, the sum, then the question; nothing is sent without a yes."""
    line = (*LINE, "-m", "nano-banana", "-m", "seedream-5-lite", "-o", "tried")
    with serving() as server:
        nobody = run(*line)
        with Running([*line], also_stdin=True) as asked:
            question = asked.until(lambda screen: "[y/N]" in screen)
            asked.type("n\n")
            refused = asked.ended()
        assert (server.connections, (work / "tried").exists()) == (0, False)
        with Running([*line], also_stdin=True) as asked:
            asked.until(lambda screen: "[y/N]" in screen)
            asked.type("y\n")
            agreed = asked.ended()

    assert (nobody.code, refused.code, agreed.code, server.submissions) == (2, 2, 0, 2)
    for text in (nobody.err, question):
        assert [one.split() for one in text.splitlines()[:2]] == [
            ["nano-banana", "at", "most", "$0.039"],
            ["seedream-5-lite", "unknown", "price"],
        ]
        assert "2 variants to send; at least $0.039, at most unknown" in text
    assert "-y sends without asking" in nobody.err


def test_what_a_model_does_not_take_is_told_before_and_the_others_are_sent(
    work: Path, run: Run
) -> None:
    """Too many pictures, a setting out of its range, no price under a budget: each in words."""
    four = ("nano-banana", "flux-2-flex", "flux-2-max", "seedream-5-lite")
    models = [word for name in four for word in ("-m", name)]
    line = [*LINE, "product.jpg", "scene.jpg", "--no-lint", *models, "--steps", "60", "-o", "tried"]
    with serving(_refusing()) as server:
        plan = run(*line, "-n", "--budget", "1")
        assert (server.connections, (work / "tried").exists()) == (0, False)
        done = run(*line, "--budget", "1")
        again = run(*line, "--budget", "1")

    assert (plan.code, done.code, again.code, server.submissions) == (11, 11, 11, 1), plan.err
    rows = {row.split()[0]: " ".join(row.split()[1:]) for row in plan.text.splitlines()}
    assert rows["flux-2-max"] == "at most $0.04"
    reasons = {
        "nano-banana": "4 images; nano-banana takes at most 3",
        "flux-2-flex": "--steps 60: flux-2-flex takes 1 to 50",
        "seedream-5-lite": "--budget 1: the price of seedream-5-lite is unknown",
    }
    for name, why in reasons.items():
        assert rows[name].startswith(f"refused {why}")
        assert f"error: {name}: {why}" in done.err
    assert plan.text.splitlines()[-1] == "1 variant would be sent, 3 not; $0.04"
    assert "1 of 4 variants done, 3 refused" in _sum(done)
    assert "to go on" not in done.err
    page = (work / "tried/report.html").read_text()
    assert all(why in page for why in reasons.values())
    found = statuses(work / "tried", "results.jsonl")
    assert found == {**dict.fromkeys(reasons, "refused"), "flux-2-max": "done"}
    assert len(documents((work / "tried/results.jsonl").read_text())) == 1 + 3 + 2


def test_where_all_are_refused_nothing_is_sent_and_the_code_is_theirs(work: Path, run: Run) -> None:
    """What all have in common is told once, without a name."""
    four = ("product.jpg", "scene.jpg", "--no-lint", "-m", "nano-banana", "-m", "gemini-3-pro")
    dear = ("-m", "nano-banana", "-m", "flux-2-pro", "--max-cost", "0.001")
    with serving() as server:
        many = run(*LINE, *four, "-o", "tried", "-y")
        cost = run(*LINE, *dear, "-o", "tried", "-y")
        gone = run("compare", "gone.jpg", "-p", "x", "--no-lint", *THREE, "-o", "tried", "-y")
        shown = run("compare", "gone.jpg", "-p", "x", *THREE, "-o", "tried", "-y", "--json")

    assert (many.code, cost.code, gone.code, shown.code) == (3, 12, 3, 3)
    assert many.messages.count("images; nano-banana takes at most 3") == 1
    assert many.messages.count("images; gemini-3-pro takes at most 3") == 1
    assert cost.messages.count("a job may cost") == 2
    assert gone.messages.splitlines() == [
        "prodia-compose: error: gone.jpg: no such file; check the name and the folder you are in"
    ]
    assert [one["message"] for one in json.loads(shown.messages)["errors"]] == [
        "gone.jpg: no such file; check the name and the folder you are in"
    ]
    assert (server.connections, (work / "tried").exists()) == (0, False)


def test_running_it_again_sends_what_is_not_done(work: Path, run: Run) -> None:
    """And says what is; models can be added; what was rejected is sent if that is said."""
    two = ("-m", "nano-banana", "-m", "flux-2-pro")
    refused = ["flux-2-pro"]
    with serving(_refusing(refused)) as server:
        run(*LINE, *two, "-o", "tried", "-y")
        again = run(*LINE, *two, "-o", "tried")
        more = run(*LINE, *THREE, "-o", "tried/", "-y")
        assert server.submissions == 3
        refused.clear()
        last = run(*LINE, *THREE, "-o", "tried", "-y", "--rerun", "failed")
        whole = run(*LINE, *THREE, "-o", "tried", PRODIA_TOKEN="")

    assert (again.code, more.code, last.code, whole.code) == (11, 11, 0, 0)
    assert "nano-banana  done    tried/nano-banana.jpg is made already\n" in again.err
    assert (
        f"flux-2-pro   listed  the service rejected the job (400 Bad Request: {REFUSAL})\n"
        in again.err
    )
    assert more.text.splitlines() == ["tried/nano-banana.jpg", "tried/flux-2-dev.jpg"]
    assert server.submissions == 4
    assert _sum(whole) == "prodia-compose: 3 of 3 variants done, $0.03 spent"
    assert whole.text.splitlines() == [
        f"tried/{name}.jpg" for name in ("nano-banana", "flux-2-pro", "flux-2-dev")
    ]


def test_a_folder_of_something_else_is_left_alone(work: Path, run: Run) -> None:
    """Another compare's, a rehearsal's, one that holds files, a file: each is told, nothing sent."""
    two = ("-m", "nano-banana", "-m", "flux-2-pro")
    run(*LINE, *two, "-o", "tried", "--sandbox")
    (work / "shots").mkdir()
    (work / "shots/one.txt").touch()
    (work / "lost").symlink_to("nowhere")
    shown = {
        ("-o", "shots"): (8, "-o shots: holds something else; name a new folder, or let -f use"),
        ("-o", "product.jpg/x"): (8, "-o product.jpg/x: is no folder"),
        ("-o", "a/b"): (8, "-o a/b: there is no folder a; --create-dirs makes it"),
        ("-o", "lost"): (8, "-o lost: is a link to nothing"),
        ("-o", "tried"): (
            2,
            "is of the sandbox, and this run is of the service itself; name another with -o",
        ),
        ("-o", "tried", "--sandbox", "-m", "flux-2-max"): (2, "is of another compare: none of"),
        ("-o", "out.jpg"): (2, "-o out.jpg: reads as a file, and there will be several"),
        ("-o", "~/out"): (2, "-o ~/out: ~ is not expanded here"),
        ("-o", "-"): (2, "-o -: is no folder; name a folder for the pictures"),
        ("-o", ""): (2, "--output '': is empty"),
        (): (2, "no folder for the pictures; name one with -o"),
    }
    with serving() as server:
        for argv, (code, words) in shown.items():
            models = ("--vary", "seed=1,2") if "flux-2-max" in argv else two
            done = run(*LINE, *models, "-y", *argv)
            assert (done.code, len(done.messages.splitlines())) == (code, 1), done.messages
            assert words in done.messages
        assert server.connections == 0
        forced = run(*LINE, *two, "-y", "-o", "shots", "-f")
        made = run(*LINE, *two, "-y", "-o", "a/b", "--create-dirs")

    assert (forced.code, made.code) == (0, 0)
    assert (
        _pictures(work / "shots")
        == _pictures(work / "a/b")
        == ["flux-2-pro.jpg", "nano-banana.jpg"]
    )


def test_another_prompt_is_another_compare_unless_it_is_said(work: Path, run: Run) -> None:
    """What has changed is listed, and no path of an old picture is told; then it is made anew."""
    line = (*LINE[:-1], f"{PROMPT}, please", "-m", "nano-banana", "-m", "flux-2-pro", "-o", "tried")
    with serving(_refusing()) as server:
        run(*LINE, "-m", "nano-banana", "-m", "flux-2-pro", "-o", "tried", "-y")
        listed = run(*line, "-y")
        assert server.submissions == 2
        anew = run(*line, "-y", "--rerun", "changed")

    assert (listed.code, listed.out, anew.code, server.submissions) == (11, b"", 0, 4)
    assert "error: flux-2-pro: it has changed since its picture was made" in listed.err
    assert anew.text.splitlines() == ["tried/nano-banana.jpg", "tried/flux-2-pro.jpg"]
    assert "please" in (work / "tried/report.html").read_text()


def test_a_variant_sends_what_compose_sends(work: Path, run: Run) -> None:
    """Labels, --match, settings, a list and standard input included: the same digest."""
    (work / "list").write_text("scene.jpg\n")
    line = ["-i", "model=product.jpg", "-i", "room=-", "-T", "list", "-p", "Put {model} in {room}"]
    line += ["--no-lint", "--match", "room", "--set", "x=1", "--json"]
    stdin = (work / "product.jpg").read_bytes()
    models = ("-m", "flux-2-pro", "-m", "gemini-3-1-flash", "--vary", "seed=1,2")
    with serving(_refusing()) as server:
        done = run("compare", *line, *models, "-o", "{a}", "-y", stdin=stdin)
        alone = run("compose", *line, "-m", "flux-2-pro", "--seed", "2", "-o", "x", stdin=stdin)

    assert (done.code, alone.code, server.submissions) == (0, 0, 5), done.err
    made = documents(done.out)
    assert [row["id"] for row in made[:-1]] == [
        f"{model}~seed={seed}" for model in ("flux-2-pro", "gemini-3.1-flash") for seed in (1, 2)
    ]
    assert [row["output"]["path"] for row in made[:-1]] == [
        f"{{a}}/{row['id']}.jpg" for row in made[:-1]
    ]
    (compose,) = documents(alone.out)
    assert made[1]["digest"] == compose["digest"]
    assert server.requests[-1].sha256 in {one.sha256 for one in server.requests[:-1]}
    assert (made[-1]["schema"], made[-1]["counts"]) == ("prodia-compose/batch@1", {"done": 4})


def test_the_budget_is_that_of_all_runs(work: Path, run: Run) -> None:
    """The first variant that does not fit ends starting; where none fits it is 12."""
    with serving() as server:
        some = run(*LINE, *THREE, "-o", "tried", "--budget", "0.05", "-j1")
        none = run(*LINE, *THREE, "-o", "tried", "--budget", "0.05")

    assert (some.code, none.code, server.submissions) == (11, 12, 1)
    assert some.text.splitlines() == ["tried/nano-banana.jpg"]
    assert "1 of 3 variants done, 2 not-started, $0.039 spent" in some.err
    why = (
        "no more variants were started: $0.039 of $0.05 spent or set aside, and the next may cost "
    )
    assert f"error: {why}$0.03" in some.err
    assert "$0.039 of $0.05 were spent before" in none.err


@pytest.mark.parametrize("folder", ["tried", "a/b/tried", "empty"])
def test_where_nothing_fits_nothing_is_left(work: Path, run: Run, folder: str) -> None:
    """No page, no warning that there is none, and no folder that was not there."""
    (work / "empty").mkdir()
    before = sorted(work.rglob("*"))
    line = (*LINE, *THREE, "-o", folder, "--create-dirs", "--sandbox", "--budget", "0.001")
    done, shown = run(*line), run(*line, "--json")

    assert (done.code, shown.code) == (12, 12)
    assert ("no-report" in done.err, "report.html" in done.err) == (False, False)
    end = documents(shown.out)[-1]
    assert (end["report"], end["warnings"], end["stopped"]) == (None, [], "cost")
    assert sorted(work.rglob("*")) == before


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_leaves_what_is_known(work: Path, run: Run, times: int) -> None:
    """Once waits for what is sent, twice does not; no other is started, and it can go on."""
    gate, came = threading.Event(), threading.Event()

    def hold(_number: int, _request: loopback.Received) -> loopback.Answer:
        came.set()
        gate.wait(30)
        return CENT

    line = (*LINE, *THREE, "-o", "tried", "-y", "-j1")
    with serving(hold) as server, started(*line, stdin=subprocess.DEVNULL) as running:
        try:
            until(came.is_set)
            running.send_signal(signal.SIGINT)
            shown = next(line for line in map(bytes.decode, running.stderr) if "stopped by" in line)
            if times > 1:
                running.send_signal(signal.SIGINT)
            else:
                gate.set()
            out, err = running.stdout.read().decode(), running.stderr.read().decode()
            running.wait(30)
        finally:
            gate.set()
            running.kill()
        sent, page = server.submissions, (work / "tried/report.html").read_text()
        again = run(*line)

    assert "no more variants are started; waiting for 1 variant on the way" in shown
    assert (running.returncode, sent) == (-signal.SIGINT, 1)
    assert "nano-banana" in page
    if times == 1:
        assert (out, again.code) == ("tried/nano-banana.jpg\n", 0), err + again.err
        assert server.submissions == 3
    else:
        assert (out, again.code) == ("", 11)
        assert statuses(work / "tried", "results.jsonl")["nano-banana"] == "unknown"


def test_what_a_kill_leaves_is_on_the_page(work: Path, run: Run) -> None:
    """A variant whose job was sent, and that nobody saw the end of, stands beside the others."""
    gate, came = threading.Event(), threading.Event()

    def hold(_number: int, _request: loopback.Received) -> loopback.Answer:
        came.set()
        gate.wait(30)
        return CENT

    line = (*LINE, "-m", "nano-banana", "-m", "flux-2-pro", "-o", "tried", "-y", "-j1")
    with serving(hold), started(*line, stdin=subprocess.DEVNULL) as running:
        until(came.is_set)
        running.kill()
        running.wait(30)
        gate.set()
        done = run(*line)

    assert (done.code, done.text) == (11, "tried/flux-2-pro.jpg\n")
    assert "error: nano-banana: it was sent, and its outcome is unknown" in done.err
    page = (work / "tried/report.html").read_text()
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', page)
    assert (sorted(heads[1:]), page.count('scope="rowgroup"')) == (["flux-2-pro", "nano-banana"], 1)
    assert "unknown" in page


def test_a_page_that_cannot_be_written_is_a_warning(work: Path, run: Run) -> None:
    """The pictures are there, and told; the code is as if the page were; `report` makes it later."""
    folder = "-it's tried"
    line = (*LINE, "-m", "nano-banana", "-m", "flux-2-pro", "-o", folder, "--sandbox")
    page = work / folder / "report.html"
    first, before = run(*line), page.read_bytes()
    page.unlink()
    page.mkdir()
    failed, shown = run(*line), run(*line, "--json")
    page.rmdir()
    page.write_text("of an earlier run")
    again = run(
        *shlex.split(failed.err.partition("to make it: prodia-compose ")[2].splitlines()[0])
    )

    assert (first.code, failed.code, shown.code, again.code) == (0, 0, 0, 0)
    assert failed.out == first.out
    assert f"warning: no page was written: -o {folder}/report.html: is a folder" in failed.err
    summed = documents(shown.out)[-1]
    assert (summed["report"], shown.err) == (None, "")
    assert [one["code"] for one in summed["warnings"]] == ["no-report"]
    assert f"-o {folder}/report.html: is a folder" in summed["warnings"][0]["message"]
    assert documents(run(*line, "--json").out)[-1]["warnings"] == []
    assert page.read_bytes() == before


def test_a_rehearsal_needs_nothing(work: Path, run: Run) -> None:
    """No token, no consent; faults are those asked for, repeats have numbers."""
    done = run(*LINE, "--repeat", "2", "-o", "tried", "--sandbox", "--fault", "rejected:1", "-j1")

    assert done.code == 11
    assert done.text.splitlines() == ["tried/nano-banana~#2.jpg"]
    assert "1 of 2 variants done, 1 rejected, no cost: sandbox" in done.err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("-m", "nano-bananna", "-m", "flux-2-dev"), "did you mean nano-banana?"),
        (("--vary", "model=flux-2-dev,fluxx-2-pro"), "--vary model=fluxx-2-pro: no such model"),
        (("-m", "flux-2-dev"), "there is one variant only, flux-2-dev; name models with -m A -m B"),
        ((), "there is one variant only, nano-banana"),
        (
            ("-m", "gemini-3-1-flash", "-m", "gemini-3.1-flash"),
            "--model gemini-3.1-flash: is given twice; --repeat N",
        ),
        (("-m", "flux-2-dev", "--vary", "model=a,b"), "--vary model=a: no such model"),
        (
            ("-m", "flux-2-dev", "--vary", "model=nano-banana,flux-2-pro"),
            "--model and --vary model=...: both are given; give one of them",
        ),
        (
            ("--seed", "1", "--vary", "seed=1,2"),
            "--vary seed=... and --seed: both are given; give one of them",
        ),
        ((*THREE, "--results", "r.jsonl"), "no such option: --results"),
        ((*THREE, "--again"), "--again: is for one job; --rerun unknown sends what ended so"),
        ((*THREE, "--only", "flux-2-max"), "--only flux-2-max: no row has that id"),
    ],
)
def test_lines_that_are_wrong(work: Path, run: Run, argv: tuple[str, ...], words: str) -> None:
    """One line says what to change; nothing is made."""
    done = run(*LINE, *argv, "-o", "tried", PRODIA_TOKEN=TOKEN)

    assert done.code == 2
    assert words in done.messages
    assert not (work / "tried").exists()


def test_a_name_that_is_too_long(work: Path, run: Run) -> None:
    """A folder, or what reads as a file, of a name that no file system takes is a place that is unusable."""
    for name, code in (("l" * 300, 8), (f"{'l' * 300}.jpg", 2)):
        done = run(*LINE, *THREE, "-y", "-o", name, PRODIA_TOKEN=TOKEN)
        assert (done.code, done.out) == (code, b"")
        assert done.err.startswith(f"prodia-compose: error: -o {name}: ")


def test_the_environments_model_counts_where_none_is_typed(work: Path, run: Run) -> None:
    """As in `compose`; what names models on the line silences it."""
    env = {"PRODIA_COMPOSE_MODEL": "flux-2-dev", "PRODIA_COMPOSE_OUTPUT": "x.jpg"}
    seeds = run(*LINE, "--vary", "seed=1,2", "-o", "tried", "-n", PRODIA_TOKEN=TOKEN, **env)
    typed = run(*LINE, *THREE, "-o", "tried", "-n", PRODIA_TOKEN=TOKEN, **env)
    varied = ("--vary", "model=nano-banana,flux-2-pro")
    both = run(*LINE, *varied, "-o", "tried", "-n", PRODIA_TOKEN=TOKEN, **env)

    assert [line.split()[0] for line in seeds.text.splitlines()[:2]] == [
        "flux-2-dev~seed=1",
        "flux-2-dev~seed=2",
    ]
    assert [line.split()[0] for line in typed.text.splitlines()[:3]] == [*THREE[1::2]]
    assert (both.code, both.text.splitlines()[1].split()[0]) == (0, "flux-2-pro")
