"""A batch from its rows to its pictures, by whole processes and a service of their own."""

import csv
import io
import json
import subprocess
import time
from pathlib import Path

import batches
import loopback
import pytest
from batches import documents, manifest, number_of, pictures, rows, serving
from conftest import Run
from sandboxing import picture
from terminals import Running, on_a_terminal

PRICE = 0.039


def _as_csv(written: list[dict[str, object]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["id", "image1", "prompt"])
    writer.writerows([row["id"], row["images"][0], row["prompt"]] for row in written)  # type: ignore[index] # a list
    return file.getvalue()


# Each row once


@pytest.mark.parametrize("form", ["jsonl", "csv", "each", "stdin", "each-stdin"])
def test_sixty_rows_are_sent_once_each(here: Path, process: Run, run: Run, form: str) -> None:
    """Each is saved under its own name, and told in order, byte for byte as `compose` sends it."""
    written, names = rows(60), pictures(here, 60)
    lines = "".join(f"{json.dumps(row)}\n" for row in written)
    (here / "rows.jsonl").write_text(lines)
    (here / "rows.csv").write_text(_as_csv(written))
    (here / "list").write_text("\n".join(names))
    common = ("--aspect-ratio", "4:3", "--create-dirs", "-o", "out/{id}.jpg")
    each = ("-p", "a red wall around {each}", "-o", "out/{each}.jpg")
    options, stdin = {
        "jsonl": (("rows.jsonl", *common), ""),
        "csv": (("rows.csv", *common), ""),
        "each": (("--each", "list", *common, *each), ""),
        "stdin": (("-", *common), lines),
        "each-stdin": (("--each", "-", "-0", *common, *each), "\0".join(names)),
    }[form]
    stems = [f"p{n:02}" if "each" in form else f"r{n:02}" for n in range(1, 61)]
    with serving() as server:
        done = process("batch", *options, "-y", "-j16", "--json", stdin=stdin.encode())
        sent = {request.sha256 for request in server.requests}
        made = documents(done.out)
        for number in (1, 60):
            prompt = (
                written[number - 1]["prompt"]
                if "each" not in form
                else "a red wall around the first image"
            )
            one = run(
                "compose", names[number - 1], *common, "-p", prompt, "-o", "x.jpg", "-f", "--json"
            )
            assert one.code == 0, one.err
            assert documents(one.out)[0]["digest"] == made[number - 1]["digest"]
            assert server.requests[-1].sha256 in sent

    assert (done.code, done.err) == (0, "")
    assert server.submissions == 62
    assert len(sent) == 60
    assert [row["output"]["path"] for row in made[:-1]] == [f"out/{stem}.jpg" for stem in stems]
    assert sorted(path.stem for path in (here / "out").glob("*.jpg")) == stems
    results = "rows." + form if form in ("jsonl", "csv") else "out/batch"
    assert (here / f"{results}.results.jsonl").is_file()
    assert [row["row"] for row in made[:-1]] == [*range(1, 61)]
    assert made[-1]["counts"] == {"done": 60}
    assert made[-1]["spent_usd"] == pytest.approx(60 * PRICE)
    assert (made[-1]["next"], made[-1]["stopped"]) == ("none", None)


@pytest.mark.parametrize(
    ("argv", "stdin"),
    [
        (("--token-file", "-"), b"sentinel-token-0b5c9e\n"),
        (("--prompt-file", "-"), b"a red wall"),
        (("-T", "-"), b"p01.png\np02.png\n"),
        (("-",), None),
    ],
)
def test_each_row_reads_standard_input_from_its_start(
    here: Path, process: Run, argv: tuple[str, ...], stdin: bytes | None
) -> None:
    """Whatever of all rows it is that lies there: the token, too."""
    manifest(here, [{**row, "prompt": None} for row in rows(3)])
    stdin = (here / "p03.png").read_bytes() if stdin is None else stdin
    prompt = () if "--prompt-file" in argv else ("-p", "a red wall")
    with serving() as server:
        done = process("batch", "rows.jsonl", *argv, *prompt, "--no-lint", "-y", stdin=stdin)

    assert (done.code, server.submissions) == (0, 3), done.err
    assert {one.headers["Authorization"] for one in server.requests} == {
        "Bearer sentinel-token-0b5c9e"
    }


def test_paths_are_told_in_the_order_of_rows_and_skipped_ones_too(
    here: Path, process: Run, run: Run
) -> None:
    """Whichever ends first; and what is done is free the second time, whatever else is wrong."""
    order = ["r01", "r02", "r03", "r04"]
    with serving(lambda _, request: _late(request, {1: 0.4, 2: 0.2})) as server:
        first = process("batch", manifest(here, rows(4)), "-y")
        again = run("batch", "rows.jsonl", PRODIA_TOKEN="")

    assert (first.code, again.code) == (0, 0)
    assert first.text.split() == again.text.split() == [f"{name}.jpg" for name in order]
    assert server.submissions == 4
    assert first.err == "prodia-compose: 4 of 4 rows done, $0.156 spent\n"
    assert again.err == "prodia-compose: 4 of 4 rows done, $0.156 spent\n"


def _late(request: loopback.Received, waits: dict[int, float]) -> loopback.Answer:
    time.sleep(waits.get(number_of(request), 0))
    return batches.ANSWER


# What is wrong before


def test_a_wrong_column_is_told_once(here: Path, run: Run) -> None:
    """It is what the manifest is, and no row is said to lack what stands in it."""
    (here / "rows.csv").write_text("id,image1,promt\na,gone.png,x\nb,gone.png,y\n")
    for wish in ((), ("--skip-invalid",)):
        done = run("batch", "rows.csv", "-y", "--sandbox", *wish)

        assert (done.code, done.out) == (3, b"")
        (line,) = done.messages.splitlines()
        assert "rows.csv:1: promt: no such column; did you mean prompt?" in line


def test_bad_rows_are_told_together_by_row_and_line(here: Path, run: Run) -> None:
    """What the manifest says and what a row's own files say stand side by side; nothing is sent."""
    lines = [json.dumps(row) for row in rows(3)]
    lines += [
        json.dumps({"id": "gone", "images": ["gone.png"], "prompt": "x"}),
        "{",
        json.dumps({"id": "odd", "images": ["p01.png"], "promt": "x"}),
        json.dumps({"id": "model", "images": ["p01.png"], "prompt": "x", "model": "nano-bananna"}),
        json.dumps(
            {
                "id": "seed",
                "images": ["p01.png"],
                "prompt": "x",
                "model": "flux-2-pro",
                "safety_tolerance": 99,
            }
        ),
        json.dumps({"id": "r01", "images": ["p01.png"], "prompt": "y"}),
    ]
    pictures(here, 3)
    (here / "rows.jsonl").write_text("\n".join(lines))
    with serving() as server:
        done = run("batch", "rows.jsonl", "-y")
        answer = run("batch", "rows.jsonl", "-y", "--json")
    places = [line.split("error: ")[1].partition(": ")[0] for line in done.messages.splitlines()]

    assert (done.code, done.out, server.connections) == (2, b"", 0)
    assert [place for place in places if place.startswith("rows.jsonl:")] == places
    assert sorted({int(place.split(":")[1]) for place in places}) == [4, 5, 6, 7, 8, 9]
    assert places == sorted(places)
    assert "did you mean prompt?" in done.messages
    (error,) = documents(answer.messages)
    assert (answer.out, error["schema"], error["exit_code"]) == (b"", "prodia-compose/error@1", 2)
    found = [(one["line"], one["id"]) for one in error["errors"]]
    assert found[0] == (4, "gone")
    assert {line for line, _ in found} == {4, 5, 6, 7, 8, 9}
    assert not (here / "rows.jsonl.results.jsonl").exists()


@pytest.mark.parametrize("wish", [(), ("--skip-invalid",)])
def test_a_missing_folder_is_told_once(here: Path, run: Run, wish: tuple[str, ...]) -> None:
    """By its first row, with how many others want it; each other folder, and a document, by itself."""
    written = rows(30)
    written[3] |= {"output": "other/x.jpg"}
    manifest(here, written)
    line = ("batch", "rows.jsonl", "-o", "out/{id}.jpg", "--sandbox", *wish)
    done, answer = run(*line), run(*line, "--json")
    found = [one for one in done.err.splitlines() if "there is no folder" in one]

    assert [one.partition("rows.jsonl:")[2] for one in found] == [
        "1: r01: -o out/r01.jpg: there is no folder out (as for 28 more rows)",
        "4: r04: output other/x.jpg: there is no folder other",
    ]
    assert done.err.count("hint: --create-dirs makes it") == 1
    assert "more problem" not in done.err
    assert "more row left" not in done.err
    assert done.code == answer.code == (11 if wish else 8)
    (last,) = documents(answer.out)[-1:] if wish else documents(answer.err)
    assert len(last["failed" if wish else "errors"]) == 30


def test_no_more_than_twenty_problems_are_told_in_full(here: Path, run: Run) -> None:
    """The rest is counted, a document has all, and the code is the first of all in its order."""
    written: list[dict[str, object]] = [
        {"id": f"r{n}", "images": [f"gone{n}.png"], "prompt": "x"} for n in range(30)
    ]
    written[-1] |= {"images": ["p01.png"], "model": "flux-2-pro", "safety_tolerance": 99}
    manifest(here, written)
    done = run("batch", "rows.jsonl", "-y", PRODIA_TOKEN="t")
    answer = run("batch", "rows.jsonl", "-y", "--json", PRODIA_TOKEN="t")
    lines = done.messages.splitlines()

    assert (done.code, answer.code) == (2, 2)
    assert len(lines) == 21
    assert lines[-1].endswith("and 10 more problems; --json lists them all")
    assert len(documents(answer.messages)[0]["errors"]) == 30


def test_no_more_than_twenty_warnings_are_told_in_full(here: Path, run: Run) -> None:
    """The others are counted, in a sentence; what to do about all is told once."""
    manifest(here, rows(25, set={"stpes": 3}))
    lines = run("batch", "rows.jsonl", "-n", "--sandbox").err.splitlines()

    assert [line.partition(": ")[2][:12] for line in lines[:20]] == [
        f"warning: r{n:02}" for n in range(1, 21)
    ]
    assert lines[20:] == [
        "prodia-compose: hint: did you mean steps? flux-2-dev takes it",
        "prodia-compose: and 5 more warnings; --json lists them all",
    ]


def test_a_picture_at_an_address_is_fetched_once_for_all_rows(here: Path, run: Run) -> None:
    """Whatever the number of rows that it is in, and at one time."""
    with loopback.serve([loopback.ok(picture(), "image/jpeg")]) as site, serving() as server:
        written = [{**row, "images": [*row["images"], f"{site.url}/room.jpg"]} for row in rows(6)]
        done = run("batch", manifest(here, written), "-y", "-j3")

    assert (done.code, server.submissions) == (0, 6)
    assert len(site.requests) == 1


@pytest.mark.parametrize(("token", "words"), [("", "no token"), ("a b", "the token holds a space")])
def test_the_token_is_told_once(here: Path, run: Run, token: str, words: str) -> None:
    """However many rows need one; and before what it lacks is paid for, all else is told, too."""
    manifest(here, rows(3))
    alone = run("batch", "rows.jsonl", "-y", PRODIA_TOKEN=token)
    dry = run("batch", "rows.jsonl", "-n", PRODIA_TOKEN=token)
    manifest(here, [*rows(3), {"images": ["gone.png"], "prompt": "x"}])
    beside = run("batch", "rows.jsonl", "-y", PRODIA_TOKEN=token)

    assert (alone.code, beside.code) == (4, 3)
    assert alone.messages.count(words) == beside.messages.count(words) == 1
    assert len(alone.messages.splitlines()) == 1
    assert len(beside.messages.splitlines()) == 2
    assert dry.messages.count(words) == 1


def test_single_bad_rows_can_be_passed_over(here: Path, run: Run) -> None:
    """The others are sent; those are told, count as not done, and are due again once mended."""
    written: list[object] = [*rows(3), {"id": "odd", "images": ["p01.png"], "promt": "x"}]
    written[1] = {"id": "r02", "images": ["gone.png"], "prompt": "x"}
    with serving() as server:
        done = run("batch", manifest(here, written), "-y", "--skip-invalid")
        answer = run("batch", "rows.jsonl", "-y", "--skip-invalid", "--json")
        whole = run("batch", manifest(here, [*rows(2), *rows(1)]), "-y", "--skip-invalid")
        mended = run("batch", manifest(here, rows(3)), "-y")

    assert (done.code, done.text.split()) == (11, ["r01.jpg", "r03.jpg"])
    assert "error: rows.jsonl:2: r02: gone.png: no such file" in done.err
    assert "error: rows.jsonl:4: odd: " in done.err
    assert "2 of 4 rows done, 2 refused" in done.err
    *made, end = documents(answer.out)
    assert [(one["id"], one["status"]) for one in made] == [
        ("r01", "skipped"), ("r02", "refused"), ("r03", "skipped")
    ]  # fmt: skip
    assert end["counts"] == {"skipped": 2, "refused": 2}
    assert [one["id"] for one in end["failed"]] == ["r02", "odd"]
    assert (whole.code, whole.out) == (3, b"")
    assert (mended.code, server.submissions) == (0, 3)


# The plan, and consent


def test_the_plan_says_what_would_be_sent_and_sends_nothing(here: Path, run: Run) -> None:
    """With every row's price, and the total; as a document what only decoding tells is null."""
    manifest(here, [*rows(2), {"images": ["p03.png"], "prompt": "x", "model": "seedream-5-lite"}])
    with serving() as server:
        text = run("batch", "rows.jsonl", "-n")
        answer = run("batch", "rows.jsonl", "-n", "--json")
        run("batch", "rows.jsonl", "--only", "r01", "-y")
        later = run("batch", "rows.jsonl", "-n", "--json")
    *plans, end = documents(answer.out)

    assert (text.code, text.err, answer.code, answer.err) == (0, "", 0, "")
    assert [line.split() for line in text.text.splitlines()][:2] == [
        ["r01", "nano-banana", "$0.039"], ["r02", "nano-banana", "$0.039"]
    ]  # fmt: skip
    assert text.text.splitlines()[-1] == "3 rows would be sent; at least $0.078, at most unknown"
    assert [(one["schema"], one["row"], one["status"]) for one in plans] == [
        ("prodia-compose/plan@1", number, "due") for number in (1, 2, 3)
    ]
    assert {one["digest"] for one in plans} == {one["upload_bytes"] for one in plans} == {None}
    assert {one["images"][0]["sent_bytes"] for one in plans} == {None}
    assert (end["schema"], end["counts"]) == ("prodia-compose/batch@1", {"due": 3})
    assert (end["estimate_min_usd"], end["estimate_usd"], end["unpriced"]) == (0.078, None, 1)
    assert [one["status"] for one in documents(later.out)[:-1]] == ["skipped", "due", "due"]
    assert documents(later.out)[-1]["spent_usd"] == PRICE
    assert server.submissions == 1


def test_nothing_is_paid_without_consent(here: Path, process: Run) -> None:
    """Where nobody can be asked it is a mistake, and says what it would cost and what to type."""
    manifest(here, rows(2))
    with serving() as server:
        plain = process("batch", "rows.jsonl")
        as_json = on_a_terminal(["batch", "rows.jsonl", "--json"], also_stdin=True)
        with Running(["batch", "rows.jsonl"], also_stdin=True) as asked:
            question = asked.until(lambda screen: "[y/N]" in screen)
            asked.type("n\n")
            refused = asked.ended()
        assert server.connections == 0
        with Running(["batch", "rows.jsonl"], also_stdin=True) as asked:
            asked.until(lambda screen: "[y/N]" in screen)
            asked.type("yes\n")
            agreed = asked.ended()

    cures = "--budget USD caps it, -y sends without asking"
    assert (plain.code, as_json.code, refused.code, agreed.code) == (2, 2, 2, 0)
    assert (
        f"2 rows (nano-banana), at least $0.078: nobody has agreed to that; {cures}"
        in plain.messages
    )
    assert "send 2 rows (nano-banana), at least $0.078? [y/N]" in question
    assert "nothing was sent" in refused.screen
    assert server.submissions == 2


def test_a_rehearsal_needs_no_consent_and_shows_faults(here: Path, process: Run, run: Run) -> None:
    """The first jobs meet the faults asked for; a real run afterwards takes nothing for done."""
    manifest(here, rows(4))
    line = ("batch", "rows.jsonl", "--sandbox", "-j1")
    failed = process(*line, "--fault", "drop-after:2", "--fault", "rejected:1")
    again = run(*line, "--rerun", "unknown", "--rerun", "failed")
    alone = run("batch", "rows.jsonl", "--fault", "busy", PRODIA_TOKEN="t")
    with serving() as server:
        real = run("batch", "rows.jsonl", "-y", "-f")

    cures = "--budget USD caps it, -y sends without asking"
    assert f"with a token it would stop here, as nobody agrees: {cures}\n" in failed.err
    assert "with a token" not in run(*line, "-y", "--rerun", "missing").err
    assert (failed.code, failed.text.split()) == (11, ["r04.jpg"])
    assert "1 of 4 rows done, 1 rejected, 2 unknown, no cost: sandbox" in failed.messages
    assert "--rerun unknown --only r01 sends it once more" in failed.messages
    typed = "prodia-compose batch rows.jsonl --sandbox -j1"
    assert f"once more: {typed} --rerun failed" in failed.messages
    assert (again.code, len(again.text.split())) == (0, 4)
    assert (alone.code, alone.messages) == (
        2, "prodia-compose: error: --fault busy: is a rehearsal's; add --sandbox\n"
    )  # fmt: skip
    assert (real.code, server.submissions) == (0, 4)


def test_what_to_type_next_needs_the_same_list(here: Path, process: Run) -> None:
    """Where it came through a pipe, that is said before the line."""
    (name,) = pictures(here, 1)
    naming = ("--each", "-", "-p", "a red wall around {each}", "-o", "out/{each}.jpg")
    line = ("batch", "--sandbox", "-y", "--create-dirs", *naming)
    made = process(*line, stdin=f"{name}\n".encode())
    (here / made.text.strip()).unlink()
    again = process(*line, stdin=f"{name}\n".encode())

    assert (made.code, again.code) == (0, 11)
    words = "to make what is missing once more, with the same input: prodia-compose batch"
    assert words in again.err


# What is told


def test_a_closed_stdout_ends_nothing(here: Path) -> None:
    """Each path is told on stderr instead."""
    manifest(here, rows(3))
    with serving() as server:
        program = batches.PROGRAM
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" >&-', "sh", *program, "batch", "rows.jsonl", "-y", "-q"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert (done.returncode, server.submissions) == (0, 3)
    assert [line.split()[3] for line in done.stderr.splitlines()] == [
        f"r0{n}.jpg" for n in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("flags", "lines"),
    [
        (["-q"], ["error: r02: ", "error: no more"]),
        ([], ["error: r02: ", "error: no more", "1 of 4 rows done, ", "to go on, "]),
        (["-v"], ["r01: saved as r01.jpg", "error: r02: ", "error: no more", "1 of 4 rows done, ", "to go on, "]),
    ],
    ids=["quiet", "plain", "verbose"],
)  # fmt: skip
def test_each_row_that_fails_is_a_line(
    here: Path, process: Run, flags: list[str], lines: list[str]
) -> None:
    """With `-v` those that are done are, too; with `-q` there is no more than what went wrong."""

    def choose(number: int, _: loopback.Received) -> loopback.Answer:
        return batches.ANSWER if number == 1 else loopback.json_answer({"error": "no"}, 402)

    manifest(here, rows(4))
    with serving(choose):
        done = process("batch", "rows.jsonl", "-y", "-j1", *flags)
    answer = [line.removeprefix("prodia-compose: ") for line in done.messages.splitlines()]
    answer = [
        line for line in answer if not line.startswith(("r01: wait", "r01: the ", "r02: the"))
    ]

    assert [line[: len(start)] for line, start in zip(answer, lines, strict=True)] == lines
    if not flags:
        assert answer[-1].endswith(
            "what is done is not paid again: prodia-compose batch rows.jsonl -y -j1"
        )


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}], ids=["colour", "plain"])
def test_a_terminal_shows_all_rows_at_once(here: Path, env: dict[str, str]) -> None:
    """One line for the whole, one for each on its way; in the end only what is to be kept."""
    manifest(here, rows(6))

    def choose(_: int, request: loopback.Received) -> loopback.Answer:
        if number_of(request) == 2:
            return loopback.json_answer({"error": "not this one"}, 400)
        return _late(request, {3: 1.2, 4: 1.2})

    with (
        serving(choose),
        Running(["batch", "rows.jsonl", "--budget", "1", "-j2"], env=env) as board,
    ):
        seen = board.until(
            lambda screen: (
                ("2 of 6 rows" in screen and "r04" in screen and "waiting" in screen)
                or ("s of usually" in screen and "2 of 6 rows" in screen)
            )
        )
        shown = board.ended()

    assert "2 on the way, 1 failed, $0.039 of $1.00" in seen
    assert shown.code == 11
    assert shown.out.decode().split() == ["r01.jpg", "r03.jpg", "r04.jpg", "r05.jpg", "r06.jpg"]
    assert shown.screen.splitlines()[0].startswith("prodia-compose: error: r02: ")
    assert "5 of 6 rows done, 1 rejected, $0.195 spent" in shown.screen
    assert "on the way" not in shown.screen
    assert ("\x1b[31m" in shown.raw) is (not env)
