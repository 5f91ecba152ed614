"""One composition of a batch, and what is wrong with one."""

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.pipeline.request import ComposeRequest


@frozen
class Row:
    """One composition of a batch.

    Attributes:
        id: Its name in the results; no other row has it.
        number: Its place among all rows, those that are wrong included, from 1.
        line: Where it begins in the manifest, or the number of its entry in the list, from 1.
        request: What `compose` would be asked for; its paths are from the working directory.
        meta: What the manifest wants to find in the result; None for nothing.
        repeat: Which one of its repeats it is, from 1; 0 where nothing is repeated.
    """

    id: str
    number: int
    line: int
    request: ComposeRequest
    meta: object = None
    repeat: int = 0


@frozen
class Problem:
    """Something that is wrong with a manifest, a list, or a row of it.

    Attributes:
        error: What is wrong; where there is a line, its message does not name the file.
        line: Where; None where it is about a file, or the command line.
        id: Of the row, if it is known.
        is_whole: Whether it concerns all of it, so that no row can be passed over for it.
    """

    error: errors.ComposeError
    line: int | None = None
    id: str | None = None
    is_whole: bool = False

    def as_error(self, file: str | None) -> errors.ComposeError:
        """Return it as it is reported: FILE:LINE: ID: words; rows of no file have no line."""
        place = f"{file}:{self.line}" if file is not None and self.line is not None else None
        words = ": ".join(filter(None, (place, self.id, self.error.words)))
        return type(self.error)(words, *self.error.hints, path=self.error.path)
