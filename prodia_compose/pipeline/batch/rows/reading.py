"""What a batch was given, turned into rows, and all that is wrong with it told at once.

What `compose` would tell of a row's request (its prompt, its pictures, its settings and
its place) is not looked at here: it is told where the row is planned.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

from prodia_compose import errors, values
from prodia_compose.inputs.entries import Entry, list_entries
from prodia_compose.pipeline.batch.options import BatchOptions
from prodia_compose.pipeline.batch.rows import fields, sources, variants
from prodia_compose.pipeline.batch.rows.compared import CompareOptions
from prodia_compose.pipeline.batch.rows.paths import Places
from prodia_compose.pipeline.batch.rows.requests import Requests
from prodia_compose.pipeline.batch.rows.row import Problem, Row
from prodia_compose.pipeline.batch.rows.sources import Source


def read(
    options: BatchOptions, stdin: BinaryIO | None
) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
    """Return the rows that are right so far, and what is wrong with the others.

    Args:
        options: What was asked for.
        stdin: Standard input at its first byte, or None where it is closed.
    """
    return _Reader(options).read(stdin)


class _Reader:
    """Rows in the making; whatever is wrong goes to its problems."""

    def __init__(self, options: BatchOptions) -> None:
        self._options = options
        self._problems: list[Problem] = []
        self._rows: list[Row] = []
        self._lines: dict[str, int] = {}
        self._reported: set[tuple[int, int]] = set()

    def read(self, stdin: BinaryIO | None) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
        """Return the rows, and what is wrong."""
        shared = self._shared(stdin)
        given: list[Source] = []
        try:
            if not self._problems:
                given += sources.read(self._options, stdin, self._problems)
        except errors.ComposeError as exc:
            self._whole(exc)
        is_template = self._options.each is not None or any(
            label is not None for label, _ in self._options.request.selection.labelled
        )
        is_template = is_template or any(
            source.cells.texts or any(label for label, _ in source.cells.images) for source in given
        )
        self._make(given, Requests(self._options, is_template=is_template), Places(shared))
        if given:
            self._check_only()
        if isinstance(self._options, CompareOptions):
            try:
                self._options.check_folder()
            except errors.OutputError as exc:
                self._whole(exc)
        return tuple(self._rows), tuple(self._problems)

    def _whole(self, error: errors.ComposeError) -> None:
        self._problems += [Problem(error=one, is_whole=True) for one in error.parts]

    def _shared(self, stdin: BinaryIO | None) -> tuple[Entry, ...]:
        """Return the pictures of the command line; what is wrong with it is found."""
        options, selection = self._options, self._options.request.selection
        is_named = not isinstance(options, CompareOptions)  # by a template that the user wrote
        for label in [one for one, _ in selection.labelled if one and is_named]:
            try:
                fields.refuse_taken(label, f"-i {label}=...", "choose another label")
            except errors.UsageError as exc:
                self._whole(exc)
        bare = replace(selection, operands=options.shared)
        first = "--each -" if options.each == "-" else "the manifest -"
        claims = [first] if "-" in (options.each, options.manifest) else []
        claims += options.claims_on_stdin
        if len(claims) > 1:
            message = f"{claims[0]} and {claims[1]} both read standard input"
            self._whole(errors.UsageError(message, "only one can"))
        try:
            is_any = bare.operands or bare.labelled or bare.lists
            return list_entries(bare, stdin) if is_any and not self._problems else ()
        except errors.ComposeError as exc:
            self._whole(exc)
            return ()

    def _make(self, given: Sequence[Source], requests: Requests, places: Places) -> None:
        """Make the rows of what was found."""
        ways = variants.all_of(self._options.vary, self._options.repeat)
        for index, source in enumerate(given):
            wrong = errors.Findings(source.errors)
            with wrong.collecting():
                selection = requests.selection(source)
            # Of what could not be read nobody knows whether another row says the same.
            own = source.cells.id or (None if wrong.errors else source.cells.digits)
            for number, way in enumerate(ways, index * len(ways) + 1):
                id_ = f"{own}{way.suffix}"
                is_free = own is None or self._take_id(id_, source)
                if wrong.errors:
                    break
                with wrong.collecting():
                    row = Row(
                        id=id_,
                        number=number,
                        line=source.line,
                        request=requests.request(source, way, selection, id_, number),
                        meta=source.cells.meta,
                        repeat=way.repeat,
                    )
                    self._rows.append(row)
                    if is_free:  # else its place is another row's for that alone
                        self._find(places.take(row, len(source.cells.images), source.folder))
            self._problems += [Problem(error=one, line=source.line, id=own) for one in wrong.errors]
        spoilt = places.spoilt()
        self._problems += spoilt.values()
        self._rows = [row for row in self._rows if row.number not in spoilt]
        self._find(places.inside())

    def _find(self, problem: Problem | None) -> None:
        if problem is not None:
            self._problems.append(problem)

    def _take_id(self, id_: str, source: Source) -> bool:
        """Return whether an id is free; find one that another row has."""
        first = self._lines.setdefault(id_, source.line)
        pair = (first, source.line)
        if first == source.line:
            return True
        if pair in self._reported:
            return False
        self._reported.add(pair)
        lines = (f"line {first} has that id too", "ids must differ")
        if source.each is not None:
            lines = (f"entry {first} is the same", "name it once")
        elif source.cells.id is None:
            words = f"line {first} has the same pictures, variables, model and settings"
            lines = (words, "give each an id of its own")
        error = errors.InputError(*lines)
        self._problems.append(Problem(error=error, line=source.line, id=id_, is_whole=True))
        return False

    def _check_only(self) -> None:
        """Find ids that were asked for and that no row has."""
        for id_ in self._options.only:
            if id_ not in self._lines:
                cure = values.hint(id_, self._lines, otherwise="look at the ids with -n")
                self._whole(errors.UsageError(f"--only {id_}: no row has that id", cure))
