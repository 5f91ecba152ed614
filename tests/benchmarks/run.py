"""How fast prodia-compose is, and how little memory it takes, beside what people use instead.

    python tests/benchmarks/run.py [WORK ...] [--rounds N] [--folder DIR] [--before DIR] [--list]

Prints one table. Nothing is installed, and nothing leaves the machine: the pictures are made,
and the service they are posted to is a thread here that answers at once. Contenders run in
turns, so that whatever else the machine does falls on all of them alike; times are medians,
ratios the medians of the ratio in each round. `profile` shows where our own time goes.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import batch_works
import measuring
import profiling
import works
from bench import Bench, Row
from peers import Peers

_ROUNDS: Final = {
    "start": 11,
    "untouched": 11,
    "jpeg": 7,
    "one": 11,
    "png": 3,
    "webp": 3,
    "heic": 2,
    "memory": 1,
    "images": 3,
    "pixels": 3,
    "record": 11,
    "batch48": 1,
    "batch12": 2,
    "plan": 1,
    "flight": 1,
    "grown": 1,
    "resume": 1,
    "report": 3,
}
"""How often each contender runs, for twenty minutes in all on two cores."""

WORKS: Final = {**works.WORKS, **batch_works.WORKS}

_PROFILE: Final = "profile"

_TESTS: Final = Path(__file__).parent.parent

sys.path.append(str(_TESTS / "support"))


def main(argv: Sequence[str]) -> int:
    """Do the works and print the table; return 1 if something wanted was missed."""
    options = _options(argv)
    if options.list:
        for name, work in WORKS.items():
            _say(f"{name:10} {(work.__doc__ or '').splitlines()[0]}")
        return 0
    peers = Peers()
    earlier = options.before and options.before.absolute()
    rows: list[Row] = []
    with _folder(options.folder) as folder, _service() as url:
        place = Bench(folder=folder, url=url, rounds=1, peers=peers, earlier=earlier)
        if _PROFILE in options.works:
            _say(profiling.report(place))
        for name, work in WORKS.items():
            if name not in (options.works or WORKS):
                continue
            rounds = options.rounds or _ROUNDS[name]
            sys.stderr.write(f"{name}...\n")
            try:
                rows += work(replace(place, rounds=rounds))
            except measuring.CommandError as exc:
                rows.append(Row(work=name, who=f"failed: {exc}"))
    if rows:
        _say("\n".join((_machine(), "", *_table(rows))))
    if peers.missing:
        _say("\n".join(("", "not found:", *(f"  {line}" for line in peers.missing))))
    return int(any(_is_missed(row) for row in rows))


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0], epilog=f"works: {', '.join(WORKS)}"
    )
    parser.add_argument(
        "works", nargs="*", metavar="WORK", help=f"what to do; all but {_PROFILE} if not given"
    )
    parser.add_argument("--rounds", type=int, help="how often each contender runs")
    parser.add_argument("--folder", type=Path, help="where pictures are made, and kept")
    parser.add_argument("--before", type=Path, help="a checkout to compare pictures' works with")
    parser.add_argument("--list", action="store_true", help="say what the works are")
    options = parser.parse_args(argv)
    for name in options.works:
        if name not in WORKS and name != _PROFILE:
            parser.error(f"{name}: no such work; there are {', '.join((*WORKS, _PROFILE))}")
    return options


@contextmanager
def _service() -> Iterator[str]:
    """Give the address of a service that answers each job with a picture at once."""
    import loopback

    answer = loopback.multipart_ok((_TESTS / "images/scene.jpg").read_bytes())
    with loopback.serve([answer], keep_bytes=0) as server:
        yield server.url


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """Give the folder that was asked for, or one that lives as long as the block."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        yield Path(name)


def _machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.system()}, Python {platform.python_version()}"


def _table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the table."""
    cells = [("work", "who", "time", "peak memory", "result", "wanted")]
    before = ""
    for row in rows:
        cells.append((row.work if row.work != before else "", *_cells(row)))
        before = row.work
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        yield "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    seconds = "" if row.seconds is None else f"{row.seconds:.3f} s"
    peak = "" if row.peak_bytes is None else f"{row.peak_bytes / 1e6:.0f} MB"
    if row.twice:
        peak = f"2 x {peak}"
    digits = 0 if row.unit == "MB" else 2
    result = "" if row.value is None else f"{row.value:.{digits}f} {row.unit}"
    wanted = "" if row.goal is None else f"{row.goal.kind} {row.goal.limit:g}"
    return row.who, seconds, peak, result, f"{wanted}{' MISSED' if _is_missed(row) else ''}"


def _is_missed(row: Row) -> bool:
    return row.goal is not None and row.value is not None and not row.goal.is_met(row.value)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
