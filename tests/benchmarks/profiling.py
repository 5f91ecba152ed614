"""Where our own time goes: imports, steps, and the work on a picture."""

import collections
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench import COMPOSE, MANY, Bench

_STEPS: Final = """
import cProfile, pstats, sys
from prodia_compose.cli import main
profile = cProfile.Profile()
profile.enable()
main(sys.argv[1:])
profile.disable()
pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(12)
"""

_PICTURE: Final = """
import cProfile, functools, pathlib, pstats, sys
from prodia_compose.models.facts import Cap, Caps
from prodia_compose.images import plan, prepare
from prodia_compose.images.options import Fitting
from prodia_compose.images.probe import probe
opener = functools.partial(pathlib.Path(sys.argv[1]).open, "rb")
info = probe.probe(opener)
caps = Caps(side=Cap(limit=2048, kind="house", source="a benchmark"))
(fit,) = plan.plan([(info.width, info.height)], caps)
profile = cProfile.Profile()
profile.runcall(prepare.prepare, opener, info, fit, Fitting())
pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(8)
"""


def report(place: Bench) -> str:
    """Return the profile of sending two JPEGs of 12 MP, and of making pictures smaller."""
    room = place.room("profile", "12mp.jpg", 2)
    place.pictures("48mp.jpg", "48mp.png")
    argv = (*COMPOSE, *MANY, "in-00.jpg", "in-01.jpg")
    sections = [
        "2 JPEGs of 12 MP as they are: imports by library",
        *_imports(_run(place, room, "-X", "importtime", "-m", "prodia_compose", *argv)[1]),
        "2 JPEGs of 12 MP as they are: the main thread, without imports at start-up",
        *_functions(_run(place, room, "-c", _STEPS, *argv)[0]),
    ]
    for name in ("48mp.jpg", "48mp.png"):
        sections += [f"{name} to 2048 px, one thread"]
        sections += _functions(_run(place, room, "-c", _PICTURE, str(place.folder / name))[0])
    return "\n".join(sections)


def _run(place: Bench, room: Path, *argv: str) -> tuple[str, str]:
    """Run Python twice, the first time for the bytecode, and return what it printed."""
    command, env = [sys.executable, *argv], dict(place.env)
    subprocess.run(command, cwd=room, env=env, capture_output=True, check=True)
    done = subprocess.run(command, cwd=room, env=env, capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def _imports(trace: str) -> Iterator[str]:
    """Yield what each library takes to import, the standard library as one."""
    taken: collections.Counter[str] = collections.Counter()
    modules: collections.Counter[str] = collections.Counter()
    for line in trace.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        if not line.startswith("import time:") or not own.strip().isdigit():
            continue
        name = rest.rpartition("|")[2].strip().split(".")[0].lstrip("_")
        library = "standard library" if name in sys.stdlib_module_names else name
        taken[library] += int(own)
        modules[library] += 1
    for library, microseconds in taken.most_common(9):
        yield f"  {microseconds / 1000:7.1f} ms  {library}, {modules[library]} modules"


def _functions(stats: str) -> Iterator[str]:
    """Yield the lines of a profile, without where Python is installed."""
    _, _, table = stats.partition("ncalls")
    for line in table.splitlines()[1:]:
        fields = line.split(None, 5)
        if len(fields) == 6:
            yield f"  {float(fields[1]) * 1000:7.1f} ms  {Path(fields[5]).name}"
