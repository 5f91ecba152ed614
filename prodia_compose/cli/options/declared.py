"""What `compose`, `validate` and `jobs fetch` take: the rooms' options, and how to tell of it.

What `batch` takes is in `many`, which the others do not load.
"""

from collections.abc import Iterator
from typing import Annotated

from prodia_compose.client.options import Delivery
from prodia_compose.errors import Warned
from prodia_compose.frozen import frozen
from prodia_compose.options import Clash, Option, Options
from prodia_compose.output.options import Placement
from prodia_compose.pipeline.request import ComposeRequest

IN_HELP = (
    ("operands", "prompt", "prompt_file", "target", "model"),
    ("again", "is_async"),
    ("create_dirs", "json", "quiet", "verbose", "config"),
    ("sandbox", "fault", "preview", "json", "quiet", "verbose", "config"),
    ("operands", "each", "manifest_format", "vary", "repeat", "only", "shard", "budget_usd"),
    ("budget_usd", "yes", "dry_run", "jobs", "rate", "max_failures", "skip_invalid"),
    ("skip_invalid", "rerun", "results", "cluster"),
    ("operands", "models"),
    ("models", "prompt", "prompt_file", "folder", "vary", "repeat", "only", "rerun", "budget_usd"),
)
"""Options that follow on each other in help although they are of several groups; a later row
counts more, if the command has its first one."""


@frozen
class Telling(Options):
    """What is told of a run, and how; where its options are also read from.

    Attributes:
        configured: The fields of which a config alone says the value.
        limits: What a config has as the most of fields that it may only lower.
        warnings: What is odd about the config.
    """

    json: Annotated[bool, Option(help="Print one JSON object")] = False
    quiet: Annotated[bool, Option(names=("-q", "--quiet"), help="Tell errors only")] = False
    verbose: Annotated[
        int, Option(names=("-v", "--verbose"), is_count=True, help="Tell more; -vv also headers")
    ] = 0
    config: Annotated[
        str | None,
        Option(metavar="FILE", help="Read options from this file, not the usual one; off: none"),
    ] = None
    configured: frozenset[str] = frozenset()
    limits: tuple[tuple[str, float], ...] = ()
    warnings: tuple[Warned, ...] = ()

    def clashes(self) -> Iterator[Clash]:
        """Yield what is told and not told."""
        yield from super().clashes()
        if self.quiet and self.verbose > 0:
            yield self.clash("quiet", "verbose", "-q", "-v")


@frozen
class ComposeOptions(Telling):
    """What `compose` and `validate` take."""

    preview: Annotated[bool, Option(help="Show the pictures on a terminal, on standard error")] = (
        False
    )
    request: ComposeRequest = ComposeRequest()

    def clashes(self) -> Iterator[Clash]:
        """Yield a document on standard output where the picture goes."""
        yield from super().clashes()
        if self.json and self.request.placement.target == "-":
            yield Clash("json", "target")  # `terminal.refuse_stdout` tells it


@frozen
class FetchOptions(Telling):
    """What `jobs fetch` takes."""

    job: Annotated[
        str, Option(is_operand=True, metavar="ID", help="The id of a job, or how it begins")
    ]
    output: Annotated[
        str | None,
        Option(
            names=("-o", "--output"),
            metavar="PATH",
            help="Where the picture goes, - for stdout; by default where it was meant to",
            variable=None,
        ),
    ] = None
    placement: Annotated[Placement, ("if_exists", "force", "create_dirs")] = Placement()
    delivery: Annotated[Delivery, ("token_file", "connect_timeout_s", "timeout_s", "base_url")] = (
        Delivery()
    )
