"""What is reported, and where to, as the options say it."""

from typing import Annotated, Literal

from prodia_compose.frozen import frozen
from prodia_compose.options import Option, Options
from prodia_compose.output.options import Placement

Kind = Literal["html", "md", "jpg", "png"]

SUFFIXES: dict[str, Kind] = {
    ".html": "html",
    ".htm": "html",
    ".md": "md",
    ".markdown": "md",
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".png": "png",
}
"""The suffixes, in lower case, that ask for a kind."""


@frozen
class ReportOptions(Options):
    """What `report` takes.

    Attributes:
        names: Results files, sidecars, `RESULTS#ID`, or ids of jobs; a file comes first.
    """

    names: Annotated[
        tuple[str, ...],
        Option(
            is_operand=True,
            metavar="RESULTS...",
            help="Results files, sidecars, RESULTS#ID, or ids of jobs",
        ),
    ] = ()
    output: Annotated[
        str,
        Option(
            names=("-o", "--output"),
            metavar="PATH",
            help="Where the report goes: .html, .md, .jpg or .png; - for stdout",
            group="result",
            variable=None,
        ),
    ]
    format: Annotated[
        Kind | None,
        Option(
            help="Format of the report, if -o has no suffix or is -", variable=None, group="result"
        ),
    ] = None
    prompts: Annotated[
        bool,
        Option(
            names=("--no-prompts",), help="Leave the prompts out", variable=None, group="result"
        ),
    ] = True
    placement: Annotated[Placement, ("if_exists", "force", "create_dirs")] = Placement()
