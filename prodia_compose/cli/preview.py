"""`--preview`: pictures on a terminal, in half blocks. It is written to, and never asked.

Whatever goes wrong is a line under `-v`: what is shown is on its way, or saved, all the same.
"""

import contextlib
import functools
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, NamedTuple

from prodia_compose import errors
from prodia_compose.cli import signals, terminal
from prodia_compose.images import preview, workers
from prodia_compose.images.options import Fitting
from prodia_compose.inputs.blob import Opener
from prodia_compose.pipeline.plan import Plan
from prodia_compose.progress import visible

_HALF = "▀"
_WIDEST, _HIGHEST = 80, 40
"""How many columns and lines a picture takes at most."""
_LEAST, _MOST = 16, 24
"""How many columns each of several takes."""
_GAP = "  "
_PATIENCE_S = 20.0
_LEVELS = (0, 95, 135, 175, 215, 255)
"""Of red, green and blue, in the 216 of xterm's 256 colours that follow on the first 16."""

_Paint = Callable[[bytes], str]
"""Gives what names a colour behind `ESC [ 38;`."""
_Line = tuple[str, int]
"""What is written, and how many columns it takes."""


class Picture(NamedTuple):
    """What is shown, and what stands above it where several are."""

    caption: str
    opener: Opener


def show_inputs(plan: Plan, verbosity: int, patience_s: float) -> None:
    """Show a plan's images, numbered: as they will be sent, or upright where that is not known.

    Those that take longer, all together, are left out: a job may be waiting to be sent.
    """
    pictures = []
    for image in plan.images:
        entry, sent = image.source.entry, image.prepared
        name = f"{{{entry.label}}}" if entry.label else entry.name or image.source.path
        opener = image.source.opener if sent is None else sent.blob.open
        pictures.append(Picture(f"{image.source.position} {visible(name)}", opener))
    _show(pictures, verbosity, plan.request.fitting, patience_s, is_strip=True)


def show_files(paths: Sequence[str], verbosity: int, wishes: Fitting | None = None) -> None:
    """Show the pictures in files; of several also the names."""
    pictures = [Picture(visible(Path(path).name), partial(_opened, path)) for path in paths]
    _show(pictures, verbosity, wishes or Fitting(), _PATIENCE_S, is_strip=len(paths) > 1)


def _opened(path: str) -> BinaryIO:
    if path == "-" or not Path(path).is_file():  # what waits in a pipe is somebody else's
        raise errors.InputError("is no file")
    return Path(path).open("rb")


@contextlib.contextmanager
def _telling(what: str, verbosity: int) -> Iterator[None]:
    """End the block at whatever goes wrong in it, and tell of that under `-v`."""
    try:
        yield
    except Exception as exc:  # noqa: BLE001 - nothing is to come of it
        reason = "it cannot be shown"
        if isinstance(exc, errors.ComposeError):
            reason = exc.message
        elif isinstance(exc, TimeoutError):
            reason = "takes too long to decode"
        if verbosity > 0:
            terminal.tell(f"no preview{what}: {reason}")


def _show(
    pictures: Sequence[Picture],
    verbosity: int,
    wishes: Fitting,
    patience_s: float,
    *,
    is_strip: bool,
) -> None:
    """Show pictures, small and side by side if they are a strip.

    Raises:
        errors.Interrupted: Somebody asked to stop.
    """
    with _telling("", verbosity):
        if not pictures:
            raise errors.OutputError("there is no picture to show")
        paint, (columns, lines) = _paint(), _room()
        wide, high = min(columns, _WIDEST), min(lines, _HIGHEST)
        if is_strip:
            share = (columns + len(_GAP)) // len(pictures) - len(_GAP)
            wide, high = min(max(share, _LEAST), _MOST, columns), min(lines, _MOST // 2)
        blocks, deadline = [], time.monotonic() + patience_s
        for one in pictures:
            block = [_cut(one.caption, wide)] if is_strip else []
            with _telling(f" of {one.caption}", verbosity):
                if (left_s := deadline - time.monotonic()) <= 0:
                    raise TimeoutError
                shrink = partial(preview.cells, one.opener, wide, high, wishes)
                cells = workers.within(left_s, shrink, stop=signals.current())
                block += [(_painted(row, paint), len(row)) for row in cells]
            blocks.append(block)
        many = (columns + len(_GAP)) // (wide + len(_GAP))
        if text := "\n".join(_beside(blocks, many, wide)):
            terminal.tell(text)


def _beside(blocks: Sequence[Sequence[_Line]], many: int, wide: int) -> Iterator[str]:
    """Yield the lines of blocks, so many of them side by side."""
    for at in range(0, len(blocks), many):
        for pieces in zip_longest(*blocks[at : at + many], fillvalue=("", 0)):
            yield _GAP.join(text + " " * (wide - taken) for text, taken in pieces).rstrip()


def _cut(text: str, wide: int) -> _Line:
    """Return as much of a text as finds room."""
    kept, taken = "", 0
    for char in text:
        columns = 0 if unicodedata.combining(char) else 1
        columns += unicodedata.east_asian_width(char) in ("W", "F")
        if taken + columns > wide:
            break
        kept, taken = kept + char, taken + columns
    return kept, taken


def _painted(row: Sequence[preview.Cell], paint: _Paint) -> str:
    text, before = "", ""
    for upper, lower in row:
        style = f"38;{paint(upper)};{'49' if lower is None else f'48;{paint(lower)}'}"
        text += _HALF if style == before else f"\x1b[{style}m{_HALF}"
        before = style
    return f"{text}\x1b[0m"


def _room() -> tuple[int, int]:
    """Return the columns and lines a picture may fill; a terminal may fold what fills all columns."""
    columns, lines = terminal.layout(sys.stderr).columns or _WIDEST, 0
    with contextlib.suppress(OSError):
        lines = os.get_terminal_size(sys.stderr.fileno()).lines
    return columns - 1, max((lines or 24) - 2, 2)


def _paint() -> _Paint:
    """Return how colours are named, by what the environment says of the terminal.

    Raises:
        errors.OutputError: None can be shown, or too few.
    """
    if not terminal.obeys(sys.stderr):
        raise errors.OutputError("standard error is no terminal that shows colours")
    if os.environ.get("NO_COLOR"):
        raise errors.OutputError("NO_COLOR is set")
    try:
        _HALF.encode(sys.stderr.encoding)
    except UnicodeError as exc:
        words = f"standard error is {sys.stderr.encoding}, which has no half blocks"
        raise errors.OutputError(words) from exc
    colours = _colours(os.environ.get("TERM", ""))
    if colours < 256:
        raise errors.OutputError("TERM and COLORTERM tell of no 256 colours")
    return _as_one_of_256 if colours < 1 << 24 else _as_it_is


def _colours(kind: str) -> int:
    """Return how many colours a kind of terminal has, as far as is known here."""
    if os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return 1 << 24
    if "256color" in kind:
        return 256
    try:
        import curses  # noqa: PLC0415 - 2 ms, and Windows has none

        curses.setupterm(kind, sys.stderr.fileno())
        return curses.tigetnum("colors")
    except Exception:  # noqa: BLE001 - whose error there is only where it is
        return 0


def _as_it_is(colour: bytes) -> str:
    return "2;{};{};{}".format(*colour)


@functools.cache
def _as_one_of_256(colour: bytes) -> str:
    """Return the nearest of the 216 colours, or of the 24 greys that follow on them."""
    steps = [min(range(6), key=lambda step: abs(_LEVELS[step] - one)) for one in colour]
    grey = min(max(round((sum(colour) / 3 - 8) / 10), 0), 23)
    red, green, blue = steps
    near = [_LEVELS[step] for step in steps]
    by_grey, by_cube = (
        sum((a - b) ** 2 for a, b in zip(colour, found, strict=True))
        for found in ([8 + 10 * grey] * 3, near)
    )
    return f"5;{232 + grey if by_grey < by_cube else 16 + 36 * red + 6 * green + blue}"
