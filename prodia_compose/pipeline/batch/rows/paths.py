"""Where a batch's pictures go: no two to one place, and none to where the next run would read it."""

import os
from collections.abc import Sequence
from functools import lru_cache

from prodia_compose import addresses, errors
from prodia_compose.inputs.entries import Entry
from prodia_compose.models import lookup
from prodia_compose.models.facts import Model
from prodia_compose.output import names
from prodia_compose.pipeline import destination
from prodia_compose.pipeline.batch.rows.row import Problem, Row


def joined(folder: str, path: str) -> str:
    """Return a path that is written from a folder as one from the working directory.

    An address stays one, and so does what only reads as one or begins with a ~, so that
    it is told by its own name that it cannot be used; unless there is such a file.
    """
    whole = os.path.join(folder, path)  # noqa: PTH118 - a ./ and a // are as typed
    is_odd = addresses.scheme(path) is not None or path.startswith("~")
    if addresses.is_url(path) or (is_odd and not os.path.lexists(whole)):
        return path
    return whole


class Places:
    """The places of the rows so far, and what the rows read."""

    def __init__(self, shared: Sequence[Entry]) -> None:
        self._shared = shared
        self._rows: dict[str, Row] = {}
        self._inputs: dict[str, int] = {}
        self._folders: set[str] = set()
        self._reported: set[tuple[int, int]] = set()

    def take(self, row: Row, count: int, folder: str | None) -> Problem | None:
        """Return what is wrong with a row's place, if another row has it.

        What cannot be filled in is told where the row is planned.

        Args:
            row: A row whose own pictures come first.
            count: How many they are.
            folder: Where they lie, if all that lies there will be the next run's entries.
        """
        pairs = row.request.selection.labelled[:count]
        own = [Entry(path=path, label=label) for label, path in pairs]
        for entry in own:
            if not entry.is_url and (file := _real(entry.path)) is not None:
                self._inputs.setdefault(file, row.line)
        self._folders |= {folder} if folder else set()
        place = self._place(row, own)
        first = row if place is None else self._rows.setdefault(place, row)
        pair = (first.line, row.line)
        if first is row or pair in self._reported:
            return None
        self._reported.add(pair)
        where = f"line {first.line}" if first.line != row.line else f"row {first.id}"
        cure = "give each its own, with {id} in -o for example"
        error = errors.InputError(f"the picture of {where} goes to {place} too", cure)
        return Problem(error=error, line=row.line, id=row.id, is_whole=True)

    def spoilt(self) -> dict[int, Problem]:
        """Return what is wrong with rows that would write over another row's input.

        By the rows' numbers; its own inputs are looked at where a row is planned.
        """
        problems: dict[int, Problem] = {}
        for place, row in self._rows.items():
            line = self._inputs.get(place, row.line)
            if line != row.line:
                message = f"its place {place} is an input of line {line}"
                error = errors.OutputError(message, "choose another name")
                problems[row.number] = Problem(error=error, line=row.line, id=row.id)
        return problems

    def inside(self) -> Problem | None:
        """Return what is wrong with a place that lies among the entries of a list."""
        for place in self._rows:
            folder = os.path.dirname(place)  # noqa: PTH120 - it is text, and so are the others
            if folder in self._folders:
                cure = "write them elsewhere, as with -o 'out/{each}.jpg' --create-dirs"
                message = f"{place}: entries lie in {folder}, so the next run would take it for one"
                return Problem(error=errors.UsageError(message, cure), is_whole=True)
        return None

    def _place(self, row: Row, own: Sequence[Entry]) -> str | None:
        findings = errors.Findings()
        request = row.request
        with findings.collecting():
            format_ = names.asked_format(request.placement)
            model = _model(request.model)
            named = (*own, *self._shared)
            path = destination.path(request, model, format_, named, findings)
            return None if path is None or addresses.scheme(path) else _real(path)
        return None


@lru_cache(maxsize=64)
def _model(name: str) -> Model | None:
    return lookup.choose(name, "--model", errors.Findings())


def _real(path: str) -> str | None:
    """Return a path from the root with links followed; None of what is no path."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return None
