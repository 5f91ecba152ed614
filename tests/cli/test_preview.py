"""`--preview`: pictures on a terminal, read back from it, and nothing of them anywhere else."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import loopback
import pytest
from conftest import TOKEN, Run, need
from halfblocks import pictures
from pictures import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    encoded,
    exif,
    furthest,
    png,
    quarters,
    rgb_at,
    scanned_jpeg,
    turned,
)
from PIL import Image
from terminals import Running, Shown, on_a_terminal

from prodia_compose.cli import preview
from prodia_compose.sandbox import server

PROMPT = ("-p", "the first image on the second image")

LINE = ("product.jpg", "scene.jpg", *PROMPT)

REPORT = ("validate", "--sandbox", "--no-lint", "-p", "x", "--preview")

TRUE = {"COLORTERM": "truecolor"}


def show(*argv: str, columns: int = 80, env: Mapping[str, str | None] = TRUE, **how: Any) -> Shown:
    """Run the program on a terminal."""
    return on_a_terminal(argv, columns=columns, env={"COLORTERM": None, **env}, **how)


def corners(image: Image.Image) -> list[tuple[int, int, int]]:
    """Return the colours of the quarters of a picture, row by row."""
    width, height = image.size
    places = [(x, y) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    return [rgb_at(image, place) for place in places]


def captions(screen: str) -> list[str]:
    """Return what stands above pictures, whatever is beside it."""
    return [one for one in re.split(r"\n|  +", screen) if one and "▀" not in one]


def see_through(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Return the quarters, the last of them transparent."""
    image = quarters(size).convert("RGBA")
    image.paste((0, 0, 0, 0), (size[0] // 2, size[1] // 2, *size))
    return image


FOUR = (RED, GREEN, BLUE, YELLOW)
WHITE, MINT = (255, 255, 255), (0, 255, 160)

SEEN: dict[str, tuple[bytes, Sequence[tuple[int, int, int]]]] = {
    "as-it-is": (encoded(quarters(), "PNG"), FOUR),
    **{
        f"turned-{n}": (encoded(turned(quarters(), n), "TIFF", exif=exif(n)), FOUR)
        for n in range(2, 9)
    },
    "small": (encoded(quarters((8, 6)), "PNG"), FOUR),
    "see-through": (encoded(see_through(), "PNG"), (*FOUR[:3], WHITE)),
    "grey": (encoded(Image.new("L", (64, 48), 77), "PNG"), ((77,) * 3,) * 4),
    "palette": (encoded(quarters().quantize(8), "PNG"), FOUR),
    "deep": (png((64, 48), 16, 0, [b"\x4d\x4d" * 64] * 48), ((77,) * 3,) * 4),
    "inks": (
        encoded(Image.new("CMYK", (64, 48), (0, 255, 255, 0)), "TIFF"),
        ((255, 0, 0),) * 4,
    ),
}


def test_pictures_are_shown_as_the_model_sees_them(here: Path) -> None:
    """They are upright, in sRGB, on white, in order, in their own shape, and of the right colours."""
    for name, (data, _) in SEEN.items():
        (here / name).write_bytes(data)
    shown = show(*REPORT, "-m", "gemini-3.1-flash", *SEEN, columns=400)
    seen = [*pictures(shown.raw, 400)]

    assert captions(shown.screen) == [f"{n} {name}" for n, name in enumerate(SEEN, 1)]
    for image, (name, (_, wanted)) in zip(seen, SEEN.items(), strict=True):
        assert image.size == ((8, 6) if name == "small" else (24, 18))
        for found, colour in zip(corners(image), wanted, strict=True):
            assert furthest(found, colour) <= 16, name


@pytest.mark.parametrize("argv", [(), ("--keep-alpha", "--keep-metadata")], ids=str)
def test_the_background_shows_through(here: Path, argv: Sequence[str]) -> None:
    """What is transparent shows the background, also where it is sent so; what is kept turns nothing."""
    (here / "a.png").write_bytes(encoded(see_through(), "PNG"))
    (here / "b.jpg").write_bytes(encoded(turned(quarters(), 6), "JPEG", exif=exif(6), quality=95))
    shown = show(*REPORT, "a.png", "b.jpg", "--background", "#00ffa0", *argv)
    one, other = pictures(shown.raw, 80)

    for image, wanted in ((one, (*FOUR[:3], MINT)), (other, FOUR)):
        for found, colour in zip(corners(image), wanted, strict=True):
            assert furthest(found, colour) <= 16


def test_inputs_then_the_result(work: Path) -> None:
    """Inputs are numbered, in the order sent and by their labels; then comes the path, then the result."""
    with loopback.serve([loopback.multipart_ok(encoded(quarters((640, 480)), "JPEG"))]) as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN, **TRUE}
        argv = ("compose", "product.jpg", "-i", "room=scene.jpg", "-p", "the first image in {room}")
        shown = show(*argv, "--preview", columns=100, env=env, also_stdout=True)
    product, scene, result = pictures(shown.raw, 100)

    assert shown.code == 0
    for seen, name in ((product, "product.jpg"), (scene, "scene.jpg")):
        with Image.open(name) as image:
            small = image.convert("RGB").resize(seen.size, Image.Resampling.LANCZOS)
        pairs = zip(seen.tobytes(), small.tobytes(), strict=True)
        assert max(abs(a - b) for a, b in pairs) <= 16
    for found, colour in zip(corners(result), (RED, GREEN, BLUE, YELLOW), strict=True):
        assert furthest(found, colour) <= 16
    assert (product.size, scene.size, result.size) == ((24, 18), (24, 16), (59, 44))
    lines = [line for line in shown.screen.splitlines() if "▀" not in line]
    assert [line.split()[0] for line in lines] == ["1", "2", "1", "640x480", "composed.jpg"]
    assert re.fullmatch(r"1 product.jpg +2 {room}", lines[2])
    assert "composed.jpg" in shown.screen.splitlines()[-23]


def test_several_results_are_side_by_side(work: Path) -> None:
    """Where the service sends two pictures both are shown, with their names."""
    two = [encoded(Image.new("RGB", (40, 40), colour), "JPEG") for colour in (RED, BLUE)]
    with loopback.serve([loopback.multipart_ok(*two)]) as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN, **TRUE}
        shown = show("compose", *LINE, "--preview", env=env)
    *_, one, other = pictures(shown.raw, 80)

    assert shown.out == b"composed.jpg\n"
    assert captions(shown.screen)[-2:] == ["composed.jpg", "composed-2.jpg"]
    assert furthest(rgb_at(one, (12, 12)), RED) <= 16
    assert furthest(rgb_at(other, (12, 12)), BLUE) <= 16


@pytest.mark.parametrize("columns", [20, 37, 80, 200])
def test_pictures_find_room(here: Path, columns: int) -> None:
    """No line fills a terminal of 20 to 200 columns; all pictures are there, in order and shape."""
    sizes = [(300, 200), (200, 300), (1000, 10), (10, 1000), (3, 2)]
    names = [f"{'写' * 12}{number}.png" for number in range(5)]
    for name, size in zip(names, sizes, strict=True):
        Image.new("RGB", size, RED).save(here / name)
    shown = show(*REPORT, "-m", "gemini-3.1-flash", *names, columns=columns)
    seen = {image.size for image in pictures(shown.raw, columns)}
    wide = max(width for width, _ in seen)

    written = re.sub(r"\x1b\[[0-9;]*m", "", shown.raw).splitlines()
    plain = [line for line in written if "▀" in line or re.match("[1-5] 写", line)]
    assert max(len(line) + line.count("写") for line in plain) < columns
    assert [one[:2] for one in captions(shown.screen)] == ["1 ", "2 ", "3 ", "4 ", "5 "]
    assert 16 <= wide <= 24
    assert seen == {(wide, round(wide * 2 / 3)), (16, 24), (wide, 1), (1, 24), (3, 2)}


DUMB, PLAIN = {"TERM": "dumb", **TRUE}, {"NO_COLOR": "1", **TRUE}
LATIN = {"PYTHONIOENCODING": "latin-1:backslashreplace", **TRUE}

NOTHING: list[tuple[Mapping[str, str | None], str, str]] = [
    (TRUE, "-q", ""),
    (DUMB, "", ""),
    ({**DUMB, "FORCE_COLOR": "1"}, "", ""),
    ({**PLAIN, "FORCE_COLOR": "1"}, "", ""),
    ({"TERM": "no-such-terminal"}, "", ""),
    ({"TERM": "xterm", "COLORTERM": "yes"}, "", ""),
    (LATIN, "", ""),
    (DUMB, "-v", "no preview: standard error is no terminal that shows colours"),
    (PLAIN, "-v", "no preview: NO_COLOR is set"),
    ({"TERM": "linux"}, "-v", "no preview: TERM and COLORTERM tell of no 256 colours"),
    (LATIN, "-v", "no preview: standard error is iso8859-1, which has no half blocks"),
]


@pytest.mark.parametrize(("env", "flag", "answer"), NOTHING, ids=str)
def test_nothing_is_shown(work: Path, env: dict[str, str | None], flag: str, answer: str) -> None:
    """A terminal that takes no such colours gets nothing, and is not told why but by `-v`."""
    shown = show(*REPORT, "product.jpg", *([flag] if flag else []), env=env)

    assert shown.code == 0
    assert shown.screen == answer
    assert shown.out.startswith(b"model    nano-banana")


@pytest.mark.parametrize(
    "argv", [("compose", *LINE, "-f", "--sandbox"), ("validate", *LINE), ("jobs", "show")]
)
def test_a_pipe_gets_nothing(
    work: Path, run: Run, sandbox: server.Sandbox, argv: Sequence[str]
) -> None:
    """Into a pipe nothing is shown, whatever the terminal behind it could do."""
    run("compose", *LINE)
    whole = [*argv, "composed.jpg"] if argv[-1] == "show" else [*argv]
    env = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "24bit"}
    before, after = (run(*whole, *more, **env) for more in ((), ("--preview",)))

    assert (after.code, after.err) == (0, "")
    assert after.out == before.out
    assert "no preview: standard error is no terminal" in run(*whole, "--preview", "-v", **env).err


def test_standard_output_has_the_same(work: Path, sandbox: server.Sandbox) -> None:
    """The report, the document or the bytes on standard output know nothing of the pictures."""
    run = [("validate", *LINE), ("validate", *LINE, "--json"), ("compose", *LINE, "-n")]
    for argv in run:
        shown = show(*argv, "--preview")
        assert shown.out == show(*argv).out
        assert len([*pictures(shown.raw, 80)]) == 2
    with loopback.serve([loopback.multipart_ok(encoded(quarters(), "JPEG"))]) as service:
        env = {"PRODIA_BASE_URL": service.url, **TRUE}
        piped = show("compose", *LINE, "-o", "-", "--preview", "-v", env=env)
    saved = show(
        "compose", *LINE, "--preview", "--json", env={"PRODIA_COMPOSE_PREVIEW": "1", **TRUE}
    )

    assert Image.open(io.BytesIO(piped.out)).format == "JPEG"
    assert len([*pictures(piped.raw, 80)]) == 2
    assert piped.screen.splitlines()[-1] == "no preview of -: is no file"
    assert saved.out.startswith(b'{"schema":"prodia-compose/result@1"')
    assert len([*pictures(saved.raw, 80)]) == 3


def test_there_are_256_colours(here: Path) -> None:
    """Where the terminal says that it has 256, its cube and its greys are used, the nearest one."""
    known = [(175, 0, 95), (128, 128, 128), (8, 8, 8), (255, 255, 255), (0, 0, 0), (95, 215, 255)]
    image = Image.new("RGB", (len(known), 19))
    for number, colour in enumerate(known):
        near = tuple(one + 2 if one < 255 else 253 for one in colour)
        image.paste(near, (number, 0, number + 1, 19))
    image.save("a.png")
    shown = show(*REPORT, "a.png", env={})
    (seen,) = pictures(shown.raw, 80)

    assert "8;2;" not in shown.raw
    assert seen.size == (len(known), 19)
    for number, colour in enumerate(known):
        assert {rgb_at(seen, (number, y)) for y in range(19)} == {colour}


@pytest.mark.parametrize(("colours", "found"), [(256, "38;5;"), (1 << 24, "38;2;"), (88, "")])
def test_a_terminal_is_known_by_its_description(
    here: Path, tmp_path: Path, colours: int, found: str
) -> None:
    """What neither COLORTERM nor the name tells, the system's description of the terminal does."""
    need(
        "tic",
        is_there=subprocess.run(["tic", "-V"], capture_output=True, check=False).returncode == 0,
    )
    (tmp_path / "made").write_text(f"painter|made for a test,\n\tcolors#{colours},\n")
    subprocess.run(["tic", "-x", "-o", tmp_path / "known", tmp_path / "made"], check=True)
    Image.new("RGB", (20, 20), RED).save("a.png")
    shown = show(*REPORT, "a.png", env={"TERM": "painter", "TERMINFO": str(tmp_path / "known")})

    assert len([*pictures(shown.raw, 80)]) == bool(found)
    assert found in shown.raw


def test_what_can_be_read_is_shown(work: Path) -> None:
    """Beside an input that is no picture the others are shown with their numbers, not prepared."""
    Path("notes.jpg").write_text("no picture")
    Path("turned.jpg").write_bytes(encoded(turned(quarters(), 6), "JPEG", exif=exif(6)))
    shown = show(*REPORT, "product.jpg", "notes.jpg", "turned.jpg", env=TRUE)
    _, seen = pictures(shown.raw, 80)

    assert shown.code == 3
    assert captions(shown.screen)[:2] == ["1 product.jpg", "3 turned.jpg"]
    assert furthest(corners(seen)[1], GREEN) <= 16


def test_a_job_is_looked_at(work: Path, run: Run, sandbox: server.Sandbox) -> None:
    """`jobs show` shows the picture of a job, or the file it was asked for; not another in its place."""
    run("compose", *LINE)
    (job,) = (one["id"] for one in json.loads(run("jobs", "--sandbox", "--json").out)["jobs"])
    of_job, of_file = (
        show("jobs", "show", job, "--preview"),
        show("jobs", "show", "scene.jpg", "--preview"),
    )
    plain = run("jobs", "show", job).out
    Image.new("RGB", (64, 48)).save("composed.jpg")
    of_none = show("jobs", "show", job, "--preview", "-v", "--json")

    assert (of_job.code, of_file.code, of_none.code) == (0, 0, 0)
    (result,), (scene,) = pictures(of_job.raw, 80), pictures(of_file.raw, 80)
    assert result.width > 24
    with Image.open("scene.jpg") as image:
        assert furthest(rgb_at(scene, (2, 2)), rgb_at(image.resize(scene.size), (2, 2))) <= 16
    assert of_job.out == plain
    assert of_none.screen == "no preview: there is no picture to show"


def _broken(folder: Path) -> dict[str, Path]:
    """Return files that cannot be shown, by what is wrong."""
    whole = encoded(quarters((640, 480)), "PNG")
    made = {
        "is empty": b"",
        "is cut short: the end": whole[: len(whole) // 2],
        "is plain text, not a picture": b"not a picture",
        "is a JPEG of more than": scanned_jpeg((9000, 9000), 2000),
    }
    files = {}
    for number, (words, data) in enumerate(made.items()):
        files[words] = folder / f"{number}.jpg"
        files[words].write_bytes(data)
    os.mkfifo(folder / "pipe")
    return {**files, "is no file": folder / "pipe", "is no file\n": folder / "gone"}


def test_a_failure_is_a_line(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is gone, broken, or would take minutes raises nothing, and only `-v` says so."""
    ours, theirs = pty.openpty()
    answer = os.fdopen(theirs, "w", encoding="utf-8")
    with answer, os.fdopen(ours, "rb", buffering=0) as screen:
        monkeypatch.setattr(sys, "stderr", answer)
        monkeypatch.setenv("TERM", "xterm-256color")
        for words, path in _broken(here).items():
            preview.show_files([str(path)], 0)
            preview.show_files([str(path)], 1)
            line = screen.read(4096).decode()
            assert line.startswith(f"no preview of {path.name}: {words.strip()}"), line
            assert line.endswith("\r\n")
            assert line.count("\n") == 1


def test_a_terminal_that_goes_away_costs_nothing(work: Path, sandbox: server.Sandbox) -> None:
    """A job whose terminal takes nothing more is made, and its path printed."""
    with Running(["compose", *LINE, "--preview"], env=TRUE) as running:
        running.until(lambda screen: "1 product.jpg" in screen)
        running.hang_up()
        shown = running.ended()

    assert shown.out == b"composed.jpg\n"
