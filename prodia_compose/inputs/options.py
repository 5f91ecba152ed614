"""Which pictures, as the options name them."""

from typing import Literal

from prodia_compose.frozen import frozen

Sort = Literal["none", "name", "natural"]


@frozen
class Selection:
    """Which images, in which order: operands, then labelled ones, then lists.

    Attributes:
        operands: Paths, URLs or `-`, as typed.
        labelled: (label, path) pairs of `-i NAME=PATH`.
        lists: Files of `-T`, or `-`.
        null_separated: Whether the lists' entries end in NUL instead of a newline.
        sort: How the entries of each list are ordered.
    """

    operands: tuple[str, ...] = ()
    labelled: tuple[tuple[str, str], ...] = ()
    lists: tuple[str, ...] = ()
    null_separated: bool = False
    sort: Sort = "none"
