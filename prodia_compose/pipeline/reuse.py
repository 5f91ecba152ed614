"""An earlier picture, taken instead of paying for the same again (`--if-made reuse`)."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import IO, TYPE_CHECKING

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.inputs import files
from prodia_compose.inputs.entries import Entry, Input
from prodia_compose.job.key import Asked
from prodia_compose.output import rescue
from prodia_compose.output.placer import Placer
from prodia_compose.pipeline import twins
from prodia_compose.pipeline.plan import Plan
from prodia_compose.pipeline.run import BILLED, Run
from prodia_compose.progress import Reporter
from prodia_compose.record import entries

if TYPE_CHECKING:  # for an annotation; a plan must not load sqlite3
    from prodia_compose.record.ledger import Ledger


@frozen
class Found:
    """What was found without looking at a picture.

    Attributes:
        key: The request key; None where an input could not be read.
        made: The job whose picture can be taken.
        opened: The inputs that were opened for it, by position; what is in them is known.
    """

    key: str | None = None
    made: entries.Entry | None = None
    opened: Mapping[int, Input] = field(default_factory=dict)


def find(
    asked: Asked,
    host: str,
    named: Sequence[Entry],
    opening: Callable[[Entry, int], Input],
    record: "Ledger",
) -> Found:
    """Return what a service was asked for before; inputs are hashed, URLs not even downloaded.

    What is wrong with an input is for whoever looks at it then.
    """
    sources: list[str] = []
    opened: dict[int, Input] = {}
    with contextlib.suppress(errors.ComposeError, OSError):
        for position, entry in enumerate(named, 1):
            if entry.is_url:
                sources.append(entry.path)
                continue
            found = opening(entry, position)
            opened[position] = found  # standard input can be read once
            known = content(found, partial(record.known_sha256, entry.place))
            opened[position] = replace(found, content=known)
            sources.append(known.sha256)
        key = asked.key(sources)
        return Found(key=key, made=twins.made(host, key, record), opened=opened)
    return Found(opened=opened)


def content(source: Input, known: Callable[[int, int], str | None]) -> files.Content:
    """Return what is in an input: as it is known, if it is as it was then, else read.

    Args:
        source: The input.
        known: Gives its hash, in hex, by its size and when it last changed, in nanoseconds.

    Raises:
        OSError: It cannot be read.
    """
    with source.opener() as file:
        status = None if files.is_descriptor(source.path) else files.status(file)
        sha256 = known(*status) if status else None
        if status is None or sha256 is None:
            return files.content(file)
        return files.Content(sha256=sha256, size=status[0], mtime_ns=status[1])


def take(plan: Plan, run: Run, *, stdout: Callable[[], IO[bytes]], reporter: Reporter) -> None:
    """Put a copy of the plan's earlier picture in its place, unless it lies there already.

    Raises:
        errors.ComposeError: What stops the plan; or it could not be put there.
        errors.Interrupted: Somebody asked to stop.
    """
    made, place = plan.made, plan.target()
    if made is None:
        return
    run.made = made
    reporter.say(f"{twins.message(made)}; it is taken, and nothing is sent")
    if place.skipped:
        return
    placer = Placer(
        place=place,
        format=plan.format,
        strict=plan.request.strict,
        stdout=stdout,
        stop=run.stop,
        reporter=reporter,
    )
    kept = rescue.load(one.path for one in made.outputs)
    if len(kept) < len(made.outputs):
        raise errors.OutputError(f"{made.outputs[0].path}: changed meanwhile", "run it again")
    run.fetches(None, None, kept)
    try:
        with run.to_its_end():
            run.place(placer)
    except errors.NotPlacedError as exc:  # nothing was paid now, and nothing is lost
        raise errors.OutputError(exc.words.removesuffix(BILLED), *exc.hints) from exc
