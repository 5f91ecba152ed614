"""The works that are measured: who does them how, and what is wanted of us."""

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import bench
import peers
from bench import COMPOSE, MANY, Bench, Goal, Row, shell
from measuring import Contender

_CLIENTS: Final = Path(__file__).parent.parent / "sandbox" / "clients"
_MB: Final = 1_000_000
_VIPS: Final = "vips x2 + curl"
_EIGHT: Final = ("-m", "flux-2-max")
_TO_2048: Final = (*COMPOSE, *MANY, "--max-side", "2048")


# --- start-up ------------------------------------------------------------------------------


def start(place: Bench) -> Iterator[Row]:
    """What a command costs that does nothing yet."""
    room = place.room("start", "1mp.jpg", 1)
    yardstick = Contender(
        name="import typer", script=shell(sys.executable, "-c", "import typer"), folder=room
    )
    line = "prodia-compose compose --mod"
    calls = {
        "--version": (("--version",), 1.3),
        "models": (("models",), 1.3),
        "a TAB press": (("__complete", "bash", line, "", "--mod"), 1.3),
        "--help": (("--help",), 1.5),
    }
    found = place.measure(
        yardstick, *(place.ours(room, *argv, name=name) for name, (argv, _) in calls.items())
    )
    yield bench.row("start-up", found[0])
    for each in found[1:]:
        goal = Goal(kind="at most", limit=calls[each.contender.name][1])
        value = each.times(found[0])
        yield bench.row("start-up", each, value=value, unit="x import typer", goal=goal)


# --- files that fit ------------------------------------------------------------------------


def untouched(place: Bench) -> Iterator[Row]:
    """Two JPEGs of 12 MP sent as they are: the cost beside the guide's own clients."""
    work = "2 JPEGs of 12 MP, as they are"
    room = place.room("untouched", "12mp.jpg", 2)
    for number, name in enumerate(("product.jpg", "scene.jpg")):
        (room / f"in-{number:02}.jpg").rename(room / name)
    _write_job(room, "inference.seedream-5-0.lite.img2img.v1", ["product.jpg", "scene.jpg"])
    guide = shell(sys.executable, str(_CLIENTS / "compose.py"))
    contenders = [
        place.ours(room, *COMPOSE, *MANY, "product.jpg", "scene.jpg"),
        Contender(name="the guide's Python", script=guide, folder=room),
    ]
    modules, node = place.peers.sdk(), place.peers.path(peers.NODE)
    if modules is not None and node is not None:
        script = f"NODE_PATH={shell(modules)} {shell(node, str(_CLIENTS / 'compose.cjs'))}"
        contenders.append(Contender(name="JavaScript SDK", script=script, folder=room))
    mine, *others = place.measure(*contenders)
    limits = {"the guide's Python": 1.7, "JavaScript SDK": 1.0}
    yield bench.row(work, mine)
    for other in others:
        goal = Goal(kind="at most", limit=limits[other.contender.name])
        yield bench.row(work, other, value=mine.times(other), unit="x its time (ours)", goal=goal)


def _write_job(room: Path, job_type: str, names: list[str]) -> None:
    """Write the job for those who send it as they find it."""
    job = {"type": job_type, "config": {"prompt": "all of them", "images": names}}
    (room / "job.json").write_text(json.dumps(job))


# --- files to be made smaller --------------------------------------------------------------


def jpeg(place: Bench) -> Iterator[Row]:
    """Eight JPEGs of 12, 24 and 48 MP, against what people script."""
    yield from _shrinking(place, "12mp.jpg", {_VIPS: 1.1})
    yield from _shrinking(place, "24mp.jpg", {_VIPS: 1.3})
    goals = {_VIPS: 1.25, "ImageMagick + curl": 5}
    yield from _shrinking(place, "48mp.jpg", goals, others=(_vips, _imagemagick, _gm))


def one(place: Bench) -> Iterator[Row]:
    """One JPEG alone, start-up and all."""
    for picture in ("12mp.jpg", "24mp.jpg", "48mp.jpg"):
        yield from _shrinking(place, picture, {}, count=1)


def png(place: Bench) -> Iterator[Row]:
    """Eight PNGs."""
    for picture in ("12mp.png", "48mp.png"):
        yield from _shrinking(place, picture, {_VIPS: 1.1})


def webp(place: Bench) -> Iterator[Row]:
    """Eight WebPs."""
    yield from _shrinking(place, "12mp.webp", {})


def heic(place: Bench) -> Iterator[Row]:
    """Eight HEICs, where there is what makes one."""
    if importlib.util.find_spec("pillow_heif") is None:
        place.peers.missing.append("HEIC: pip install pillow-heif, which makes the picture")
        return
    others = (_vips,) if place.peers.reads_heic() else ()
    for picture in ("12mp.heic", "48mp.heic"):
        yield from _shrinking(place, picture, {_VIPS: 1}, others=others)


def _shrinking(
    place: Bench,
    picture: str,
    goals: dict[str, float],
    *,
    count: int = 8,
    others: tuple[Callable[[Bench, Path], Contender | None], ...] | None = None,
) -> Iterator[Row]:
    """Yield the rows of a picture made smaller so many times; without `others`, beside vips."""
    room = place.room(f"{picture.replace('.', '-')}-{count}", picture, count)
    inputs = sorted(path.name for path in room.glob("in-*"))
    names = [f"{Path(name).stem}.jpg" for name in inputs]
    _write_job(room, "inference.flux-2.max.img2img.v1", names)
    contenders = [place.ours(room, *COMPOSE, *_EIGHT, *inputs)]
    contenders += place.before(room, *COMPOSE, *_EIGHT, *inputs)
    found = (other(place, room) for other in ((_vips,) if others is None else others))
    contenders += [each for each in found if each is not None]
    mine, *theirs = place.measure(*contenders)
    megapixels, _, kind = picture.partition("mp.")
    work = f"{count} x {megapixels} MP {kind} to 2048 px"
    yield bench.row(work, mine)
    for each in theirs:
        limit = {bench.BEFORE: 0.97, **goals}.get(each.contender.name)
        goal = None if limit is None else Goal(kind="at least", limit=limit)
        yield bench.row(work, each, value=each.times(mine), unit="x our time", goal=goal)


def _vips(place: Bench, room: Path) -> Contender | None:
    """Two at a time, in a quality like ours."""
    vips = place.peers.path(peers.VIPS)
    to = f"{room}/small/%s.jpg[Q=95,subsample_mode=off,strip]"
    into = shell("--size", "2048x2048>", "-o", to)
    each = f"ls in-* | xargs -P 2 -I NAME {vips} NAME {into}"
    return _and_posted(place, room, "vips x2", vips, each, twice=True)


def _imagemagick(place: Bench, room: Path) -> Contender | None:
    convert = place.peers.path(peers.IMAGEMAGICK)
    return _and_posted(place, room, "ImageMagick", convert, _one_by_one(convert, "4:4:4"), rounds=2)


def _gm(place: Bench, room: Path) -> Contender | None:
    gm = place.peers.path(peers.GRAPHICSMAGICK)
    each = _one_by_one(f"{gm} convert", "1x1")
    return _and_posted(place, room, "GraphicsMagick", gm, each, rounds=1)


def _one_by_one(convert: str | None, sampling: str) -> str:
    options = f"-auto-orient -resize '2048x2048>' -strip -quality 95 -sampling-factor {sampling}"
    return f'for name in in-*; do {convert} "$name" {options} "small/${{name%.*}}.jpg"; done'


def _and_posted(
    place: Bench,
    room: Path,
    name: str,
    path: str | None,
    script: str,
    *,
    rounds: int | None = None,
    twice: bool = False,
) -> Contender | None:
    """Return a script that posts with curl what it has made smaller; None where one is missing."""
    curl = place.peers.path(peers.CURL)
    if path is None or curl is None:
        return None
    post = (  # without Expect, as the service here does not tell anybody to go on
        f"{curl} -sS --fail -H 'Authorization: Bearer {bench.TOKEN}' -H Expect: "
        "-H 'Accept: image/jpeg' "
        "-F 'job=@job.json;type=application/json' "
        '$(for name in small/*.jpg; do printf " -F input=@%s" "$name"; done) '
        f"-o out.jpg {place.url}/v2/job"
    )
    script, name = f"rm -f small/*\n{script}\n{post}", f"{name} + curl"
    return Contender(name=name, script=script, folder=room, rounds=rounds, twice=twice)


# --- memory --------------------------------------------------------------------------------


def memory(place: Bench) -> Iterator[Row]:
    """The peak of the whole process, one run each."""
    runs = (
        ("8 JPEGs of 48 MP to 2048 px", "48mp.jpg", 8, "2048", 230),
        ("14 JPEGs of 48 MP to 2048 px", "48mp.jpg", 14, "2048", 230),
        ("8 JPEGs of 24 MP to 2048 px", "24mp.jpg", 8, "2048", 280),
        ("8 JPEGs of 48 MP to 4096 px", "48mp.jpg", 8, "4096", 230),
        ("8 progressive JPEGs to 2048 px", "progressive.jpg", 8, "2048", 350),
        ("8 PNGs of 48 MP to 2048 px", "48mp.png", 8, "2048", 350),
    )
    for work, picture, count, side, limit in runs:
        room = place.room("memory", picture, count)
        inputs = [f"in-{number:02}{Path(picture).suffix}" for number in range(count)]
        peak = _peak(place, room, *MANY, "--max-side", side, *inputs)
        goal = Goal(kind="at most", limit=limit)
        yield Row(work=work, who=bench.OURS, value=peak / _MB, unit="MB", goal=goal)
    room = place.room("memory", "48mp.jpg", 12)
    few, many = (
        _peak(place, room, *MANY, "--no-resize", *["in-00.jpg"] * count) for count in (1, 12)
    )
    size = 11 * (room / "in-00.jpg").stat().st_size / _MB
    work = f"a body larger by {size:.0f} MB adds"
    goal = Goal(kind="at most", limit=16)
    yield Row(work=work, who=bench.OURS, value=(many - few) / _MB, unit="MB", goal=goal)


def _peak(place: Bench, room: Path, *argv: str) -> int:
    ours = replace(place.ours(room, *COMPOSE, *argv), rounds=1)
    return place.measure(ours)[0].peak_bytes


# --- how the cost grows --------------------------------------------------------------------


def images(place: Bench) -> Iterator[Row]:
    """From 1 to 14 pictures."""
    room = place.room("images", "12mp.jpg", 14)
    counts = (1, 2, 4, 7, 10, 14)
    inputs = sorted(path.name for path in room.glob("in-*"))
    calls = [
        place.ours(room, *_TO_2048, *inputs[:count], name=f"{count} of 12 MP") for count in counts
    ]
    yield from _grown(place, "images, each 12 MP to 2048 px", counts, calls, "ms an image")


def pixels(place: Bench) -> Iterator[Row]:
    """From 1 to 100 megapixels."""
    sizes = (1, 3, 6, 12, 24, 48, 100)
    names = [f"{size}mp.jpg" for size in sizes]
    place.pictures(*names)
    calls = [
        place.ours(place.folder, *_TO_2048, name, name=f"1 of {size} MP")
        for size, name in zip(sizes, names, strict=True)
    ]
    yield from _grown(place, "pixels, one JPEG to 2048 px", sizes, calls, "ms a megapixel")


def _grown(
    place: Bench, work: str, amounts: Sequence[int], calls: Sequence[Contender], unit: str
) -> Iterator[Row]:
    """Yield what each call takes beyond a run with next to no picture, by its amount."""
    sample = Path(__file__).parent.parent / "images/product.jpg"
    small = place.ours(place.folder, *COMPOSE, str(sample), name="a small one")
    base, *found = place.measure(small, *calls)
    for amount, each in zip(amounts, found, strict=True):
        value = (each.median_s - base.median_s) * 1000 / amount
        yield bench.row(work, each, value=value, unit=unit)


# --- the record ----------------------------------------------------------------------------


def record(place: Bench) -> Iterator[Row]:
    """What writing the job down costs."""
    room = place.room("record", "1mp.jpg", 1)
    command = place.ours(room, *COMPOSE, "in-00.jpg", name="with the record")
    without = Contender(
        name="without", script=f"PRODIA_COMPOSE_RECORD=off {command.script}", folder=room
    )
    found = place.measure(command, without)
    yield bench.row("a small job", found[1])
    value = found[0].beyond(found[1]) * 1000
    goal = Goal(kind="at most", limit=10)
    yield bench.row("a small job", found[0], value=value, unit="ms more", goal=goal)


WORKS: Final[dict[str, Callable[[Bench], Iterator[Row]]]] = {
    work.__name__: work
    for work in (start, untouched, jpeg, one, png, webp, heic, memory, images, pixels, record)
}
"""The works by name, in the order they are done."""
