"""How help is laid out: no line ends inside a switch, a name or a range."""

import re
from collections.abc import Iterable

import typer

_HYPHEN, _SPACE = "\ue000", "\ue001"  # for private use: here, what no line is folded at
_PAIR = re.compile(r"(?<=\d) (?=\w)|(?<=\bto) (?=\d)")  # 5 seconds, 1 to 10


class _Formatter(typer.Context.formatter_class):  # type: ignore[valid-type,misc] # the parser's own
    """What lays help out; by itself it folds `--max-cost` after a hyphen."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(_glued(text))

    def write_dl(self, rows: Iterable[tuple[str, str]], *sizes: int, **named: int) -> None:
        """Write terms and what is said of each."""
        glued = [(term, _glued(said)) for term, said in rows]
        super().write_dl(glued, *sizes, **named)

    def getvalue(self) -> str:
        """Return all that was written."""
        text: str = super().getvalue()
        return text.replace(_HYPHEN, "-").replace(_SPACE, " ")


class Context(typer.Context):
    """The context of a command whose help tears nothing apart."""

    formatter_class = _Formatter


def _glued(text: str) -> str:
    return _PAIR.sub(_SPACE, text.replace("-", _HYPHEN))
