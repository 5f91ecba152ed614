"""Which pictures, as the options name them."""

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.options import Clash, Option, Options

if TYPE_CHECKING:  # for an annotation; it imports this
    from prodia_compose.inputs.entries import Entry

Sort = Literal["none", "name", "natural"]

LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""What NAME may be in `-i NAME=PATH`."""


def _labelled(text: str, called: str) -> tuple[str | None, str]:
    """Return the label and the path of `NAME=PATH`; what is a path alone has no label."""
    label, equals, path = text.partition("=")
    if not text:
        cure = "name a picture, as NAME=PATH if the prompt shall speak of it as {NAME}"
        raise errors.UsageError(f"{called} '': is empty", cure)
    if not equals or "/" in label or (not LABEL.fullmatch(label) and os.path.lexists(text)):
        return None, text
    if not LABEL.fullmatch(label):
        cure = "write it as -i NAME=PATH; NAME is a letter, then letters, digits, - or _"
        raise errors.UsageError(f"{called} {text}: '{label}' is no label", cure)
    if not path:
        message = f"{called} {text}: names no file"
        raise errors.UsageError(message, "an unset variable in the command line?")
    return label, path


def file_or_stdin(text: str, called: str) -> str:
    """Return the name of a file that is read, or `-`; refuse an empty one."""
    if text:
        return text
    raise errors.UsageError(f"{called} '': is empty", "name a file, or - for standard input")


@frozen
class Selection(Options):
    """Which images, in which order: operands, then labelled ones, then lists.

    Attributes:
        operands: Paths, URLs or `-`, as typed.
        labelled: (label, path) pairs; the label is None where none was given.
        lists: Files, or `-`.
        earlier: Pictures of an earlier job, before all of these.
    """

    operands: Annotated[
        tuple[str, ...],
        Option(
            is_operand=True,
            metavar="IMAGE...",
            help="Pictures in the order the prompt refers to them: files, URLs, or - for stdin",
        ),
    ] = ()
    labelled: Annotated[
        tuple[tuple[str | None, str], ...],
        Option(
            names=("-i", "--input"),
            metavar="NAME=PATH",
            help="A picture with a label: {NAME} in the prompt becomes its position",
            parse=_labelled,
            group="pictures",
            variable=None,
        ),
    ] = ()
    lists: Annotated[
        tuple[str, ...],
        Option(
            names=("-T", "--files-from"),
            metavar="FILE",
            help="Read picture names from a list, one a line, or - for stdin",
            parse=file_or_stdin,
            group="pictures",
            variable=None,
        ),
    ] = ()
    null_separated: Annotated[
        bool,
        Option(
            names=("-0", "--null"),
            help="Names in the lists end in NUL, as `find -print0` writes them",
            group="pictures",
            variable=None,
        ),
    ] = False
    sort: Annotated[
        Sort,
        Option(
            help="Order of the names of a list: as they come, by name, or natural (2 before 10)",
            group="pictures",
        ),
    ] = "none"
    earlier: tuple["Entry", ...] = ()

    def clashes(self) -> Iterator[Clash]:
        """Yield how to read a list where there is none."""
        if self.null_separated and not self.lists:
            message = "-0: tells how to read a list"
            yield Clash("null_separated", "lists", message, "give one with -T")
