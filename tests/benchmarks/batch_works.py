"""The works of `batch`: who sends many compositions how, and what many rows cost."""

import hashlib
import json
import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import bench
import growing
import peers
import slow
from bench import Bench, Goal, Row, shell
from measuring import Contender, Measured

_PHOTOS: Final = 80
_SMALL: Final = Path(__file__).parent.parent / "images/product.jpg"
_MB: Final = 1_000_000
_ROWS: Final = "rows.jsonl"
_RESULTS: Final = f"{_ROWS}.results.jsonl"
_ANEW: Final = f"rm -rf out {_RESULTS}"
_MODEL: Final = ("-m", "flux-2-max", "--max-side", "2048")


# --- beside what people script -------------------------------------------------------------


def batch48(place: Bench) -> Iterator[Row]:
    """80 photos of 48 MP, each into one room of 24 MP, 8 at a time."""
    yield from _beside(place, 48, 1.2)


def batch12(place: Bench) -> Iterator[Row]:
    """The same with photos of 12 MP."""
    yield from _beside(place, 12, 1.0)


def _beside(place: Bench, megapixels: int, limit: float) -> Iterator[Row]:
    count = _PHOTOS
    room = place.room(f"batch{megapixels}", f"{megapixels}mp.jpg", count)
    place.pictures("24mp.jpg")
    shared = "../24mp.jpg"
    _write_rows(room, [[f"in-{number:02}.jpg", shared] for number in range(count)])
    numbers = f"{_ANEW}; mkdir out; seq -w 00 {count - 1}"
    each = shell(*bench.program(), "compose", "-q", "-p", "put N there", *_MODEL, "-o", "out/N.jpg")
    with slow.serve(0.4) as url:
        place = replace(place, url=url)
        contenders = [
            _batch(place, room, "-j", "8", *_MODEL),
            Contender(
                name="xargs -P8 compose",
                script=f"{numbers} | xargs -P 8 -I N {each} in-N.jpg {shared}",
                folder=room,
            ),
        ]
        contenders += filter(None, [_vips(place, room, numbers)])
        mine, *others = place.measure(*contenders)
    work = f"{count} photos of {megapixels} MP into one room"
    limits = {"xargs -P8 compose": 1.5}
    yield bench.row(work, mine)
    for other in others:
        goal = Goal(kind="at least", limit=limits.get(other.contender.name, limit))
        yield bench.row(work, other, value=other.times(mine), unit="x our time", goal=goal)


def _vips(place: Bench, room: Path, numbers: str) -> Contender | None:
    """The room made smaller once, then each photo made smaller and posted, eight at a time."""
    vips, curl = place.peers.path(peers.VIPS), place.peers.path(peers.CURL)
    if vips is None or curl is None:
        return None
    to = "[Q=95,subsample_mode=off,strip]"
    job = {"type": "inference.flux-2.max.img2img.v1", "config": {"prompt": "put it there"}}
    (room / "job.json").write_text(json.dumps(job))
    one = (
        f'{vips} in-N.jpg --size "2048x2048>" -o "{room}/small/N.jpg{to}" && '
        f"{curl} -sS --fail -H 'Authorization: Bearer {bench.TOKEN}' -H Expect: "
        "-F 'job=@job.json;type=application/json' -F input=@small/N.jpg -F input=@small/room.jpg "
        f"-o out/N.jpg {place.url}/v2/job"
    )
    shrunk = f'{vips} ../24mp.jpg --size "2048x2048>" -o "{room}/small/room.jpg{to}"'
    script = f"{shrunk}\n{numbers} | xargs -P 8 -I N sh -c {shell(one)}"
    return Contender(name="xargs -P8 vips + curl", script=script, folder=room, twice=True)


# --- many rows of small pictures -----------------------------------------------------------


def plan(place: Bench) -> Iterator[Row]:
    """3,000 rows of two small pictures, planned."""
    work, room = "3,000 rows planned", _many(place, 3000)
    found = _alone(place, place.url, room, "-n")
    yield _row(work, found, found.median_s, "s", _most(12))
    yield _row(work, found, found.peak_bytes / _MB, "MB", _most(300))


def flight(place: Bench) -> Iterator[Row]:
    """256 jobs at one time, against a service that takes 2 s."""
    count = 3000
    work, room = "256 jobs at a time", _many(place, count)
    with slow.serve(2) as url:
        found = _alone(place, url, room, "-j", "256")
    goal = Goal(kind="at least", limit=30)
    yield _row(work, found, count / found.median_s, "jobs a second", goal)
    yield _row(work, found, found.peak_bytes / _MB, "MB", _most(400))


def grown(place: Bench) -> Iterator[Row]:
    """2,000 rows, by what the last ones take beyond the first."""
    few, many = 200, 2000
    work, room = "2,000 rows, small pictures", _many(place, many)
    shutil.rmtree(room / "out", ignore_errors=True)
    (room / _RESULTS).unlink(missing_ok=True)
    with slow.serve(0) as url:
        here = replace(place, url=url)
        argv = (*bench.program(), *_line("-j", "8"))
        samples = growing.watched(argv, room / _RESULTS, b'/row@1"', here.env)
    more = growing.slope(samples, few, many) / 1000
    peak = max(held for _, held in samples)
    ends = _ends(room)
    windows = [
        (ends[at + few // 4] - ends[at]).total_seconds()
        for at in range(few, many - few // 4, few // 4)
    ]
    third = len(windows) // 3
    first, last = (statistics.median(part) for part in (windows[:third], windows[-third:]))
    known: Any = {"work": work, "who": bench.OURS, "peak_bytes": peak}
    unit = "x the time of the first third"
    yield Row(**known, value=last / first, unit=unit, goal=_most(1.1))
    yield Row(**known, value=more, unit="kB a row more", goal=_most(4))


def resume(place: Bench) -> Iterator[Row]:
    """10,000 rows, all done, run again."""
    room = _many(place, 10_000)
    with slow.serve(0) as url:
        done = _alone(place, url, room, "-j", "32")
        (found,) = replace(place, url=url).measure(replace(_ours(place, room), rounds=1))
    yield bench.row("10,000 rows sent", done)
    yield _row("10,000 rows, all done", found, found.median_s, "s", _most(15))


def report(place: Bench) -> Iterator[Row]:
    """A page of 500 rows, each of a photo and a picture of 1 MP; and of photos of 6 MP."""
    for megapixels, limit in ((1, 5.0), (6, None)):
        room = _made(place, 500, f"{megapixels}mp.jpg")
        work = f"a page of 500 rows, photos of {megapixels} MP"
        (found,) = place.measure(place.ours(room, "report", "x.jsonl", "-f", "-o", "report.html"))
        size = (room / "report.html").stat().st_size
        goal = None if limit is None else _most(limit)
        yield _row(work, found, found.median_s, "s", goal)
        yield _row(work, found, size / _MB, "MB", _most(15))
        yield _row(work, found, found.peak_bytes / _MB, "MB", _most(300))


def _made(place: Bench, count: int, photo: str) -> Path:
    """Return a folder with results of so many rows, each of a photo, of which 1 MP came."""
    import reporting

    result = "1mp.jpg"
    place.pictures(result)
    room = place.room(f"report-{photo}", photo, count)
    given, came = (
        hashlib.sha256((place.folder / name).read_bytes()).hexdigest() for name in (photo, result)
    )
    rows = []
    for number in range(count):
        (room / f"out-{number}.jpg").unlink(missing_ok=True)
        (room / f"out-{number}.jpg").hardlink_to(place.folder / result)
        images = [{"position": 1, "path": f"in-{number:02}.jpg", "sha256": given}]
        outputs = [{"path": f"out-{number}.jpg", "sha256": came}]
        name, prompt = f"row-{number}", f"put {number} there"
        rows.append(
            reporting.row(name, number=number, prompt=prompt, images=images, outputs=outputs)
        )
    reporting.written(room / "x.jsonl", rows)
    return room


def _alone(place: Bench, url: str, room: Path, *argv: str) -> Measured:
    """Return what one run takes with a service."""
    ours = replace(_batch(place, room, *argv), rounds=1)
    return replace(place, url=url).measure(ours)[0]


def _ours(place: Bench, room: Path, *argv: str) -> Contender:
    return place.ours(room, *_line(*argv))


def _line(*argv: str) -> tuple[str, ...]:
    return ("batch", _ROWS, "-y", "-q", "--create-dirs", *argv)


def _batch(place: Bench, room: Path, *argv: str) -> Contender:
    """Return ourselves, at a batch of which nothing is done."""
    ours = _ours(place, room, *argv)
    return replace(ours, script=f"{_ANEW}\n{ours.script}")


def _many(place: Bench, count: int) -> Path:
    """Return a folder with so many small pictures, each another, and rows of them and one more."""
    room = place.folder / f"many{count}"
    room.mkdir(exist_ok=True)
    data = _SMALL.read_bytes()
    for number in range(count):
        text = b"%08d" % number
        comment = b"\xff\xfe" + (2 + len(text)).to_bytes(2, "big") + text
        (room / f"in-{number}.jpg").write_bytes(data[:2] + comment + data[2:])
    _write_rows(room, [[f"in-{number}.jpg", str(_SMALL)] for number in range(count)])
    return room


def _write_rows(room: Path, rows: Sequence[Sequence[str]]) -> None:
    with (room / _ROWS).open("w") as file:
        for number, images in enumerate(rows):
            known = {"id": f"row-{number}", "images": images, "prompt": f"put {number} there"}
            file.write(json.dumps({**known, "output": f"out/row-{number}.jpg"}) + "\n")


def _ends(room: Path) -> list[datetime]:
    """Return when the rows of the last run ended, in that order."""
    lines = (room / _RESULTS).read_text().splitlines()
    rows = [found for found in map(json.loads, lines) if found["schema"].endswith("/row@1")]
    return [datetime.fromisoformat(found["at"]) for found in rows]


def _row(work: str, found: Measured, value: float, unit: str, goal: Goal | None) -> Row:
    return bench.row(work, found, value=value, unit=unit, goal=goal)


def _most(limit: float) -> Goal:
    return Goal(kind="at most", limit=limit)


WORKS: Final[dict[str, Callable[[Bench], Iterator[Row]]]] = {
    work.__name__: work for work in (batch48, batch12, plan, flight, grown, resume, report)
}
"""The works by name, in the order they are done."""
