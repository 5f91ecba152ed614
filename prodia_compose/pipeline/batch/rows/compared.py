"""What a compare is asked for: a batch whose rows are the command line's own, one for each model."""

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from prodia_compose import addresses, errors, values
from prodia_compose.frozen import frozen
from prodia_compose.models import lookup
from prodia_compose.models.catalogue import DEFAULT_MODEL
from prodia_compose.options import Clash, Option
from prodia_compose.output.names import refuse_unexpanded
from prodia_compose.output.options import SUFFIXES
from prodia_compose.pipeline.batch.options import BatchOptions
from prodia_compose.pipeline.batch.rows import variants
from prodia_compose.pipeline.batch.rows.row import Problem, Row

RESULTS = "results.jsonl"
PAGE = "report.html"

_FILES = (*SUFFIXES, Path(PAGE).suffix, Path(RESULTS).suffix)


def _model(text: str, called: str) -> str:
    return lookup.find(text, flag=f"{called} ").short_name


def _folder(text: str, called: str) -> str:
    """Return a folder's name; refuse what is meant for one picture."""
    cure = "name a folder for the pictures, such as -o tried"
    refuse_unexpanded(text, f"{called} {text}")
    if text == "-" or addresses.scheme(text) is not None:
        raise errors.UsageError(f"{called} {addresses.shown(text)}: is no folder", cure)
    is_there = os.path.isdir(text)  # noqa: PTH112 - pathlib raises at long names
    if Path(text).suffix.lower() in _FILES and not is_there:
        raise errors.UsageError(
            f"{called} {text}: reads as a file, and there will be several", cure
        )
    return text


@frozen
class CompareOptions(BatchOptions):
    """What a compare is asked for.

    Attributes:
        models: Short names, or job types that are not listed.
        folder: Where the pictures go, what is known of them, and a page that shows them.
        makes_all: Whether folders that lead to it are made, too.
    """

    models: Annotated[
        tuple[str, ...],
        Option(
            names=("--model", "-m"),
            metavar="NAME",
            help="A model to compare; repeat it for several",
            group="model and settings",
            parse=_model,
            shown=DEFAULT_MODEL,
        ),
    ] = ()
    folder: Annotated[
        str | None,
        Option(
            names=("-o", "--output"),
            metavar="FOLDER",
            help="Folder of the pictures, report.html and results.jsonl: a new one, or that of "
            "an earlier run, which then goes on",
            group="result",
            parse=_folder,
            variable=None,
        ),
    ] = None
    makes_all: bool = False

    @property
    def compared(self) -> tuple[str, ...]:
        """The models, each once, as they are called in names of files."""
        return self._varied or self.models or (DEFAULT_MODEL,)

    @property
    def _varied(self) -> tuple[str, ...]:
        """Those that `--vary model=A,B` names."""
        named = map(str, dict(self.vary).get("model", ()))
        return tuple(lookup.find(one, flag="--vary model=").short_name for one in named)

    @property
    def manifest(self) -> str | None:
        """There is none."""
        return None

    @property
    def shared(self) -> tuple[str, ...]:
        """The operands: all are pictures."""
        return self.request.selection.operands

    @property
    def source(self) -> str | None:
        """Rows stand in no file."""
        return None

    @property
    def what(self) -> str:
        """What a row is called."""
        return "variant"

    @property
    def is_compare(self) -> bool:
        """They are."""
        return True

    def as_batch(self) -> "CompareOptions":
        """Return the compare with all that a batch has to know of it.

        A variant that is wrong is passed over; only this command's caller knows whether all are.
        """
        folder = self.folder or ""
        target = os.path.join(values.literal(folder), "{id}.{ext}")  # noqa: PTH118 - as typed
        placement = replace(self.request.placement, target=target, create_dirs=True)
        return replace(
            self,
            request=replace(self.request, placement=placement),
            vary=tuple(one for one in self.vary if one[0] != "model"),
            models=self.compared,
            makes_all=self.request.placement.create_dirs,
            results=os.path.join(folder, RESULTS),  # noqa: PTH118 - as typed
            skip_invalid=True,
            variables=(*self.variables, ("--results", "-o FOLDER")),
        )

    def check_folder(self) -> None:
        """Refuse a folder that cannot be made, or that has something else in it.

        Raises:
            errors.OutputError: It is such a one.
        """
        folder = self.folder or ""
        why: tuple[str, ...]
        try:
            held = [name for name in os.listdir(folder) if not name.startswith(".")]  # noqa: PTH208 - as typed
            why = "holds something else", "name a new folder, or let -f use this one"
            is_wrong = bool(held) and RESULTS not in held and not self.request.placement.force
        except FileNotFoundError:
            parent = Path(folder).parent
            why = f"there is no folder {parent}", "--create-dirs makes it"
            is_wrong = not (self.makes_all or parent.exists())
            if os.path.islink(folder):  # noqa: PTH114 - as typed
                why, is_wrong = ("is a link to nothing", "name another folder"), True
        except (OSError, ValueError) as exc:
            why, is_wrong = errors.reason(exc, _REASONS), True
        if is_wrong:
            words, *hints = why
            raise errors.OutputError(f"-o {folder}: {words}", *hints, path=folder)

    def clashes(self) -> Iterator[Clash]:
        """Yield what makes no compare."""
        try:
            names = self.compared
        except errors.UsageError as exc:
            yield Clash("vary", "vary", exc.words, *exc.hints)
            return
        yield from super().clashes()
        if self.models and self._varied:
            yield self.clash("models", "vary", "--model", "--vary model=...")
        for name in dict.fromkeys(names):
            if names.count(name) > 1:
                message = f"{self.called('--model')} {name}: is given twice"
                yield Clash(
                    "models", "models", message, "--repeat N makes several pictures of each"
                )
        ways = variants.all_of([one for one in self.vary if one[0] != "model"], self.repeat)
        if len(names) * len(ways) < 2:
            cure = "name models with -m A -m B, or values that it takes with --vary KEY=A,B"
            yield Clash("models", "vary", f"there is one variant only, {names[0]}", cure)

    def _rowless(self) -> Iterator[Clash]:
        """Yield that there is no place for what is made."""
        if self.folder is None:
            yield Clash("folder", "folder", "no folder for the pictures", "name one with -o")


def is_nowhere(problems: Sequence[Problem]) -> bool:
    """Return whether the folder is wrong, so that nothing can be in it."""
    return any(one.is_whole and isinstance(one.error, errors.OutputError) for one in problems)


def merged(problems: Sequence[Problem], rows: Sequence[Row]) -> list[Problem]:
    """Return problems, with each that all rows have told once, as of the whole.

    Where the folder is wrong, nothing is said of the places in it.

    Args:
        problems: Of the variants and of the whole.
        rows: The variants.
    """
    names = {row.id for row in rows}
    having: dict[str, set[str | None]] = {}
    for one in problems:
        having.setdefault(one.error.message, set()).add(one.id)
    shared = {words for words, ids in having.items() if len(names) > 1 and names <= ids}
    by_message = {one.error.message: one for one in problems if one.error.message in shared}
    whole = [Problem(error=one.error, is_whole=True) for one in by_message.values()]
    own = [one for one in problems if one.error.message not in shared]
    if is_nowhere(own):
        own = [one for one in own if one.is_whole or not isinstance(one.error, errors.OutputError)]
    return [*whole, *own]


_REASONS = {
    errno.ENOTDIR: ("is no folder", "name another"),
    errno.EACCES: ("permission denied", "choose a folder you may write to"),
    errno.ENAMETOOLONG: ("the name is too long",),
    errno.ELOOP: ("is a loop of links",),
}
