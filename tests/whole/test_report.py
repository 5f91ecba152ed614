"""`report` as its user meets it: the command, and its page in a real Chromium."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import screenshot
from batches import manifest, rows, started
from browsing import Browser, axe, browsing
from conftest import Run, until
from PIL import Image, ImageChops, ImageFilter, ImageStat
from reporting import row, start, written

from prodia_compose import cli

pytestmark = pytest.mark.xdist_group("browser")

MARKUP = "<script>document.title = 'hit'</script><img src=x onerror=\"document.title = 'hit'\">"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser for all tests of this module."""
    with browsing() as opened:
        yield opened


def _varied(here: Path, run: Run) -> str:
    """Make 2 sets x 3 models in the sandbox, of which the first is rejected; return the results."""
    manifest(here, [{**one, "prompt": f"{MARKUP} {one['prompt']}"} for one in rows(2)])
    models = "model=nano-banana,flux-2-pro,flux-2-dev"
    line = (
        "batch",
        "rows.jsonl",
        "--sandbox",
        "-y",
        "-j1",
        "--vary",
        models,
        "--fault",
        "rejected:1",
    )
    assert run(*line, "-o", "out/{id}.jpg", "--create-dirs").code == 11
    return "rows.jsonl.sandbox.results.jsonl"


def test_a_page_of_a_batch(here: Path, run: Run, browser: Browser) -> None:
    """From its file every picture loads, nothing else is asked for, nothing complains, markup is text."""
    results = _varied(here, run)
    done = run("report", results, "-o", "report.html")
    assert (done.code, done.out, done.err) == (0, b"report.html\n", "")
    browser.logs()
    browser.open(here / "report.html")
    browser.show(1600)
    complaints, asked = browser.logs()

    assert complaints == []
    assert asked == [(here / "report.html").as_uri()]
    widths = browser.run("return [...document.images].map(one => one.naturalWidth)")
    assert len(widths) == 2 + 5
    assert min(widths) > 0
    assert browser.run("return document.title") == "What was made"
    text = browser.run("return document.body.innerText")
    assert text.count(MARKUP) == 2
    assert "Compositions\n6: 5 done, 1 failed" in text
    assert "Failed no cost: sandbox" in text
    heads = browser.run(
        "return [...document.querySelectorAll('thead th')].map(one => one.innerText)"
    )
    assert heads == ["Inputs", "nano-banana", "flux-2-pro", "flux-2-dev"]


def test_keys_alone_move_between_pictures(here: Path, run: Run, browser: Browser) -> None:
    """Tab and Enter open a picture, go to the next and the one before, and close it again."""
    run("report", _varied(here, run), "-o", "report.html")
    browser.open(here / "report.html")
    browser.show(1600)

    def part() -> str:
        return browser.address.partition("#")[2]

    def large() -> list[str]:
        shown = "[...document.querySelectorAll('figure')].filter(one => getComputedStyle(one).position == 'fixed')"
        found: list[str] = browser.run(f"return {shown}.map(one => one.id)")
        return found

    browser.press("Tab", "Enter")
    assert (part(), large()) == ("p1", ["p1"])
    # The picture itself and its original come first, then where one can go.
    focused = "return document.activeElement.innerText"
    browser.press("Tab", "Tab", "Tab")
    assert browser.run(focused) == "Next"
    browser.press("Enter")
    assert large() == ["p2"]
    browser.press("Tab", "Tab", "Tab", "Tab")
    assert browser.run(focused) == "Previous"
    lefts = "[...document.querySelectorAll('figure:target nav a')].map(one => [one.innerText, one.getBoundingClientRect().left])"
    places = dict(browser.run(f"return {lefts}"))
    assert sorted(places, key=places.__getitem__) == ["Previous", "Next", "Close"]
    browser.press("Enter")
    assert large() == ["p1"]
    browser.press("Tab", "Tab", "Tab", "Tab")
    assert browser.run(focused) == "Close"
    browser.press("Enter")
    assert (part(), large()) == ("s1", [])


def test_nobody_is_left_out(here: Path, run: Run, browser: Browser) -> None:
    """No rule of WCAG's levels A and AA is broken, light and dark, narrow and wide, small and large."""
    source = axe()
    run("report", _varied(here, run), "-o", "report.html")
    written(here / "odd.jsonl", [row("a"), row("b", "unknown", prompt="other"), start("c")])
    run("report", "odd.jsonl", "-o", "odd.html")
    levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    script = f"{source}; return axe.run({{runOnly: {json.dumps(levels)}}})"
    for page, part in (("report.html", ""), ("report.html", "#p2"), ("odd.html", "")):
        browser.open(here / page, part)
        for width, scheme in ((400, "light"), (1600, "light"), (400, "dark"), (1600, "dark")):
            browser.show(width, scheme=scheme)
            found = browser.run(script)
            broken = [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]]
            assert broken == [], (page, part, width, scheme)
            assert len(found["passes"]) > 15


def test_one_set_of_many_is_wrapped(here: Path, run: Run, browser: Browser) -> None:
    """Of 60 seeds of one set the page is no wider than its window, each named in its cell."""
    Image.new("RGB", (300, 200), "teal").save(here / "r.png")
    seeds = [f"r~seed={seed}" for seed in range(60)]
    written(here / "x.jsonl", [row(one, outputs=[{"path": "r.png"}]) for one in seeds])
    run("report", "x.jsonl", "-o", "report.html")
    browser.open(here / "report.html")
    place = (
        "const a = [...document.querySelectorAll('.cell')].map(one => one.getBoundingClientRect());"
    )
    first = "return a.filter(one => one.top === a[0].top).length"
    for width, least, most in ((400, 1, 2), (1200, 4, 6), (1600, 5, 8)):
        browser.show(width)
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        assert least <= browser.run(place + first) <= most
        assert browser.run("return document.querySelector('.model').checkVisibility()")
    browser.show(800, kind="print")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    text = (here / "report.html").read_text()
    assert text.count("<small>seed ") == 120  # in the heads that stand there for readers, and cells


def test_narrow_and_printed(here: Path, run: Run, browser: Browser) -> None:
    """At 400 pixels, and on paper, nothing is wider than the page; on paper nothing is large."""
    run("report", _varied(here, run), "-o", "report.html")
    browser.open(here / "report.html", "#p2")
    fits = "return document.documentElement.scrollWidth <= innerWidth"
    browser.show(400)
    assert browser.run(fits)
    browser.show(800, kind="print")
    assert browser.run(fits)
    assert (
        browser.run("return getComputedStyle(document.querySelector('#p2')).position") == "static"
    )
    assert (
        browser.run("return getComputedStyle(document.querySelector('#p2 nav')).display") == "none"
    )
    names = "return [...document.querySelectorAll('.original')].every(one => one.scrollWidth <= one.clientWidth)"
    browser.show(500, kind="print")
    assert browser.run(names)  # nobody can look at the rest of one that is cut on paper
    pdf = browser.tell("Page.printToPDF")["data"]
    assert len(pdf) > 10_000
    browser.show(1600)


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (
            ["-o", "a.html"],
            2,
            "nothing to report; name results files, sidecars, or the ids of jobs",
        ),
        (["x.jsonl"], 2, "report: -o is missing; write -o PATH (where the report goes"),
        (
            ["x.jsonl", "-o", "a.gif"],
            2,
            "-o a.gif: no such report as .gif; use .html, .md, .jpg or .png",
        ),
        (
            ["x.jsonl", "-o", "a.md", "--format", "html"],
            2,
            "--format html and -o a.md: the name asks for md",
        ),
        (
            ["x.jsonl", "-o", "-", "--format", "jpg"],
            2,
            "-o -: a contact sheet can be several files",
        ),
        (
            ["gone.jsonl", "-o", "a.html"],
            3,
            "gone.jsonl: no such file, and no job of the record",
        ),
        (["x.jsonl", "in.png", "-o", "a.html"], 3, "in.png:1: is no line of a batch"),
        (["x.jsonl", "-o", "taken.html"], 8, "-o taken.html: exists already; -f overwrites it"),
        (
            ["x.jsonl", "-o", "no/a.html"],
            8,
            "-o no/a.html: there is no folder no; --create-dirs makes it",
        ),
        (["x.jsonl", "-o", ".", "--format", "md"], 8, "-o .: is a folder; name a file in it"),
        (
            ["x.jsonl", "-f", "-o", "r1.png"],
            8,
            "-o r1.png: is the input r1.png; choose another name",
        ),
        (
            ["x.jsonl", "-f", "-o", "in.png"],
            8,
            "-o in.png: is the input in.png; choose another name",
        ),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    here: Path, run: Run, argv: list[str], code: int, words: str
) -> None:
    """Each mistake has its code and one line; nothing is written, and nothing written over."""
    written(here / "x.jsonl", [row("r1")])
    (here / "taken.html").write_text("mine")
    before = {path: path.read_bytes() for path in here.iterdir()}
    done = run("report", *argv)

    assert (done.code, done.out) == (code, b"")
    assert done.messages.startswith(f"prodia-compose: error: {words}")
    assert done.messages.count("\n") == 1
    assert {path: path.read_bytes() for path in here.iterdir()} == before


def test_all_that_is_wrong_is_told_together(here: Path, run: Run) -> None:
    """Several names that mean nothing have a line each."""
    written(here / "x.jsonl", [row("r1")])
    done = run("report", "x.jsonl", "a.json", "b.json", "-o", "a.html")
    assert done.code == 3
    answer = [line.split(": ")[2] for line in done.err.splitlines() if ": error: " in line]
    assert answer == ["a.json", "b.json"]


def test_a_single_row_and_nothing_twice(here: Path, run: Run) -> None:
    """A row is named by its id behind the file's name; who names a file twice sees it once."""
    written(here / "x.jsonl", [row("r1"), row("r2~#2", prompt="other")])
    one = run("report", "x.jsonl#r2~#2", "-o", "-", "--format", "md").text
    twice = run("report", "x.jsonl", "x.jsonl", "-o", "-", "--format", "md").text
    assert "Compositions: **1: 1 done**" in one
    assert "r2" in one
    assert "Compositions: **2: 2 done**" in twice
    missing = run("report", "x.jsonl#r3", "-o", "-")
    assert (missing.code, missing.messages) == (
        3,
        "prodia-compose: error: x.jsonl: has no row r3; there are r1, r2~#2\n",
    )


def test_where_a_report_goes(here: Path, run: Run) -> None:
    """Standard output, a new folder, a number, in another's place, or nowhere if one is there."""
    written(here / "x.jsonl", [row("r1")])
    page = run("report", "x.jsonl", "-o", "-").out
    table = run("report", "x.jsonl", "-o", "-", "--format", "md").out
    assert page.startswith(b"<!doctype html>")
    assert table.startswith(b"# What was made\n")
    for argv, path in (
        (["-o", "new/a.html", "--create-dirs"], "new/a.html"),
        (["-o", "b", "--format", "md"], "b"),
        (["-o", "b", "--format", "md", "--if-exists", "number"], "b-2"),
        (["-o", "b", "-f"], "b"),
        (["-o", "b", "--if-exists", "skip", "--format", "md"], "b"),
    ):
        done = run("report", "x.jsonl", *argv)
        assert (done.code, done.out, done.err) == (0, f"{path}\n".encode(), "")
    assert (here / "b").read_bytes() == page
    assert (here / "b-2").read_bytes() == table


def test_a_batch_that_was_stopped(here: Path) -> None:
    """Of a batch that was killed the report tells what is done, and what may be billed."""
    manifest(here, rows(6))
    line = ("batch", "rows.jsonl", "--sandbox", "-y", "-j2", "-q", "--fault", "stall")
    process = started(*line, "-o", "{id}.jpg")
    results = here / "rows.jsonl.sandbox.results.jsonl"
    until(lambda: results.exists() and results.read_bytes().count(b"row-start") >= 2)
    process.kill()
    process.communicate()
    begun = results.read_bytes().count(b"row-start")
    assert cli.main(["report", results.name, "-o", "report.md"]) == 0
    text = (here / "report.md").read_text()
    assert f"Compositions: **{begun}: {begun} unknown**" in text
    assert text.count("outcome unknown") == begun


def _peak_bytes(*argv: str) -> int:
    """Run the program and return the most memory it took, in bytes; 0 on macOS, which does not tell."""
    program = (
        "import sys; from pathlib import Path; from prodia_compose.cli import main;"
        "code = main(sys.argv[1:]); status = Path('/proc/self/status');"
        "known = status.read_text() if status.exists() else 'VmHWM: 0 kB';"
        "print(code, known.partition('VmHWM:')[2].split()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *argv], capture_output=True, text=True, check=True
    )
    code, peak = map(int, done.stdout.split()[-2:])
    assert code == 0
    return peak * 1024


def test_five_hundred_rows(here: Path) -> None:
    """A page of 500 rows, each of a photo and a picture of its own, has less than 15 MB."""
    noise = Image.effect_noise((256, 256), 60).resize((1024, 1024)).filter(ImageFilter.BoxBlur(2))
    pictures = []
    for number in range(500):
        given, came = here / f"in{number}.jpg", here / f"r{number}.jpg"
        if number < 10:
            tint = Image.new("RGB", noise.size, (25 * number, 120, 255 - 25 * number))
            picture = Image.blend(tint, noise.convert("RGB"), 0.35)
            picture.save(came, quality=90)
            picture.resize((1200, 800)).save(given, quality=85)
        else:
            given.hardlink_to(here / f"in{number % 10}.jpg")
            came.hardlink_to(here / f"r{number % 10}.jpg")
        pictures.append((given.name, came.name))
    statuses = {3: "rejected", 4: "unknown", 5: "refused"}
    documents = [
        row(f"r{n}", statuses.get(n, "done"), number=n, prompt=f"number {n}",
            images=[{"position": 1, "path": given}],
            outputs=[] if n in statuses else [{"path": came}])
        for n, (given, came) in enumerate(pictures)
    ]  # fmt: skip
    written(here / "x.jsonl", documents)
    peak_bytes = _peak_bytes("report", "x.jsonl", "-o", "report.html")

    assert (here / "report.html").stat().st_size < 15_000_000
    assert peak_bytes < 300_000_000
    assert "500: 497 done, 1 failed, 1 unknown, 1 not sent" in (here / "report.html").read_text()


@pytest.mark.parametrize(
    ("name", "count", "words"),
    [
        ("page.html", 510, "page.html: has 5[0-9].[0-9] MB; browsers are slow to show so much"),
        ("page.html", 30, None),
        ("page.md", 30, "page.md: has 3.0 MB; GitHub shows no summary above 1 MiB"),
        ("-", 30, "-: has 3.0 MB; GitHub shows no summary above 1 MiB"),
        ("page.md", 9, None),
    ],
)
def test_what_is_too_large_is_told(
    here: Path, run: Run, name: str, count: int, words: str | None
) -> None:
    """A page above 50 MB, and a table above what GitHub shows, are written, and warned of."""
    prompts = [f"{n} {'a red wall ' * 9000}" for n in range(count)]
    many = [row(f"r{n}", "busy", prompt=text, images=[]) for n, text in enumerate(prompts)]
    written(here / "x.jsonl", many)
    kind = () if name != "-" else ("--format", "md")
    done = run("report", "x.jsonl", "-o", name, *kind)

    assert done.code == 0
    assert "a red wall" in (done.text if name == "-" else (here / name).read_text())
    if words is None:
        assert done.err == ""
    else:
        assert re.fullmatch(
            f"prodia-compose: warning: {words}.*; report fewer rows at a time \\[large-report\\]\n",
            done.messages,
        )


@pytest.mark.parametrize("name", ["sheet.jpg", "sheet.png"])
def test_large_sheets_are_made_one_after_the_other(here: Path, name: str) -> None:
    """A page of 80 megapixels takes 320 MB while it is painted, and nothing of the one before is left."""
    Image.new("RGB", (400, 400), (200, 30, 30)).save(here / "r.png")
    many = [
        row(f"r{n}~seed={seed}", number=n, prompt=f"{n}", outputs=[{"path": "r.png"}], images=[])
        for n in range(150)
        for seed in range(3)
    ]
    written(here / "x.jsonl", many)

    assert _peak_bytes("report", "x.jsonl", "-o", name) < 380_000_000
    sizes = [Image.open(io.BytesIO(path.read_bytes())).size for path in here.glob("sheet*")]
    assert len(sizes) == 2
    assert max(width * height for width, height in sizes) > 79_000_000


def test_the_picture_of_readme_is_one_of_a_report(here: Path) -> None:
    """README's picture is kept small, and as `tests/tools/screenshot.py` takes it now."""
    kept = screenshot.KEPT.read_bytes()
    assert len(kept) < 150_000
    assert (
        f"]({screenshot.KEPT.relative_to(screenshot.TOP)})"
        in (screenshot.TOP / "README.md").read_text()
    )
    found = [Image.open(io.BytesIO(data)) for data in (kept, screenshot.take(here))]
    assert {one.size for one in found} == {(screenshot.WIDTH, screenshot.HEIGHT)}
    small = [one.convert("RGB").resize((60, 39), Image.Resampling.BOX) for one in found]
    # Fonts differ between machines: only the pictures are where they were.
    apart = ImageChops.difference(*small).convert("L")
    assert ImageStat.Stat(apart).mean[0] < 8
