"""What every work needs: a folder, pictures, ourselves, the peers; and what it gives: rows."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import measuring
from peers import Peers

OURS: Final = "prodia-compose"
BEFORE: Final = "before"
TOKEN: Final = "benchmark"
COMPOSE: Final = ("compose", "-q", "-f", "-p", "all of them", "-o", "out.jpg")
MANY: Final = ("-m", "seedream-5-lite")
"""A model that takes up to 14 images."""

_LEFT_OUT: Final = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONDEVMODE", "PRODIA_")
"""Settings of the shell that would change what is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is wanted of a value, in its unit."""

    kind: Literal["at least", "at most"]
    limit: float

    def is_met(self, value: float) -> bool:
        """Tell whether a value is as wanted."""
        return value >= self.limit if self.kind == "at least" else value <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table.

    Attributes:
        seconds: The median time; None where only memory was looked at.
        peak_bytes: The memory of the largest process.
        twice: Whether two such processes ran at a time.
        value: What is compared; None where there is nothing to compare with.
    """

    work: str
    who: str
    seconds: float | None = None
    peak_bytes: int | None = None
    twice: bool = False
    value: float | None = None
    unit: str = ""
    goal: Goal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The place where the works are done: a folder for them, and a service on loopback.

    Attributes:
        earlier: A checkout to compare with, if any.
    """

    folder: Path
    url: str
    rounds: int
    peers: Peers
    earlier: Path | None = None

    @property
    def env(self) -> Mapping[str, str]:
        """What all contenders find in their environment."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_LEFT_OUT) and not name.lower().endswith("_proxy")
        }
        return {
            **kept,
            "PRODIA_TOKEN": TOKEN,
            "PRODIA_BASE_URL": f"{self.url}/v2",
            "XDG_STATE_HOME": str(self.folder / "state"),
        }

    def pictures(self, *names: str) -> None:
        """Make pictures that are not there yet, in a process of their own.

        Raises:
            measuring.CommandError: They cannot be made.
        """
        program = str(Path(__file__).with_name("photos.py"))
        done = subprocess.run(
            [sys.executable, program, str(self.folder), *names],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise measuring.CommandError(f"making {names}: {done.stderr.strip()[-300:]}")

    def room(self, name: str, picture: str, count: int) -> Path:
        """Return a folder for a work, with a picture in it under so many names."""
        self.pictures(picture)
        room = self.folder / name
        (room / "small").mkdir(parents=True, exist_ok=True)
        for number in range(count):
            path = room / f"in-{number:02}{Path(picture).suffix}"
            path.unlink(missing_ok=True)
            os.link(self.folder / picture, path)
        return room

    def ours(self, room: Path, *argv: str, name: str = OURS) -> measuring.Contender:
        """Return ourselves with some arguments."""
        return measuring.Contender(name=name, script=shell(*program(), *argv), folder=room)

    def before(self, room: Path, *argv: str) -> list[measuring.Contender]:
        """Return the earlier checkout with some arguments, if there is one."""
        if self.earlier is None:
            return []
        script = f"PYTHONPATH={shell(str(self.earlier))} {shell(*program(), *argv)}"
        return [measuring.Contender(name=BEFORE, script=script, folder=room)]

    def measure(self, *contenders: measuring.Contender) -> tuple[measuring.Measured, ...]:
        """Run contenders in turns."""
        return measuring.measure(contenders, self.rounds, self.env)


def program() -> tuple[str, ...]:
    """Return how this program is called: by its script, where it is installed."""
    script = Path(sys.executable).with_name(OURS)
    return (str(script),) if script.exists() else (sys.executable, "-m", "prodia_compose")


def shell(*argv: str) -> str:
    """Return a command as a shell has it."""
    return shlex.join(argv)


def row(work: str, measured: measuring.Measured, **more: object) -> Row:
    """Return the row of something measured."""
    return Row(
        work=work,
        who=measured.contender.name,
        seconds=measured.median_s,
        peak_bytes=measured.peak_bytes,
        twice=measured.contender.twice,
        **more,  # type: ignore[arg-type] # the fields that are left
    )
