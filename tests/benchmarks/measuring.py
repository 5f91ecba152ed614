"""Running commands in turns, with their wall time and the memory of their largest process."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


class CommandError(Exception):
    """A command failed; says which and what its last words were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Somebody who does a piece of work.

    Attributes:
        script: What it does, as a shell has it.
        rounds: How often, where that is not as often as the others, and without the first
            time for nothing: for those that take very long, and for memory.
        twice: Whether two of its processes run at a time.
    """

    name: str
    script: str
    folder: Path
    rounds: int | None = None
    twice: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a contender took: the wall time of each round, and the peak of its largest process."""

    contender: Contender
    seconds: tuple[float, ...]
    peak_bytes: int

    @property
    def median_s(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.seconds)

    def times(self, other: "Measured") -> float:
        """Return how many times as long it took as another: the median of round by round."""
        pairs = zip(self.seconds, other.seconds, strict=False)
        return statistics.median(mine / theirs for mine, theirs in pairs)

    def beyond(self, other: "Measured") -> float:
        """Return how many seconds more it took than another: the median of round by round."""
        pairs = zip(self.seconds, other.seconds, strict=False)
        return statistics.median(mine - theirs for mine, theirs in pairs)


def measure(
    contenders: Sequence[Contender], rounds: int, env: Mapping[str, str]
) -> tuple[Measured, ...]:
    """Return what the contenders take, each running once a round, after one for nothing.

    Raises:
        CommandError: One of them failed.
    """
    seconds: dict[str, list[float]] = {each.name: [] for each in contenders}
    peaks = dict.fromkeys(seconds, 0)
    for number in range(-1, rounds):  # at first files and bytecode are read from disk
        for each in contenders:
            if each.rounds is not None and not 0 <= number < each.rounds:
                continue
            taken, peak = _run(each, env)
            peaks[each.name] = max(peaks[each.name], peak)
            if number >= 0:
                seconds[each.name].append(taken)
    return tuple(
        Measured(contender=each, seconds=tuple(seconds[each.name]), peak_bytes=peaks[each.name])
        for each in contenders
    )


def _run(contender: Contender, env: Mapping[str, str]) -> tuple[float, int]:
    """Run a contender once and return its seconds and its peak memory in bytes."""
    # What a process holds counts for what it starts, so a shell stands between us and them.
    script = f"{contender.script}\nexit $?"
    began = time.perf_counter()
    with subprocess.Popen(
        ["/bin/sh", "-euc", script],
        cwd=contender.folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stderr is not None
        words = running.stderr.read().decode(errors="replace").strip().splitlines()
        _, status, usage = os.wait4(running.pid, 0)
        taken = time.perf_counter() - began
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        last = words[-1] if words else "no words"
        raise CommandError(f"{contender.name} ended with {running.returncode}: {last}")
    return taken, usage.ru_maxrss * _UNIT_BYTES
