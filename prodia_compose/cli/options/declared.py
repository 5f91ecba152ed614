"""What `compose`, `validate` and `jobs fetch` take: the rooms' options, and how to tell of it.

What `batch` takes is in `many`, which the others do not load.
"""

from collections.abc import Iterator
from typing import Annotated

from prodia_compose.client.options import Delivery
from prodia_compose.errors import Warned
from prodia_compose.frozen import frozen
from prodia_compose.options import Clash, Option, Options, Overrides
from prodia_compose.output.options import Placement
from prodia_compose.pipeline.request import ComposeRequest


@frozen
class Telling(Options):
    """What is told of a run, and how; where its options are also read from.

    Attributes:
        configured: The fields of which a config alone says the value.
        limits: What a config has as the most of fields that it may only lower.
        warnings: What is odd about the config.
    """

    json: Annotated[bool, Option(help="Print one JSON object on stdout", group="talk")] = False
    quiet: Annotated[
        bool, Option(names=("-q", "--quiet"), help="Print errors only", group="talk")
    ] = False
    verbose: Annotated[
        int,
        Option(
            names=("-v", "--verbose"),
            is_count=True,
            help="Print more; -vv also prints HTTP headers",
            group="talk",
        ),
    ] = 0
    config: Annotated[
        str | None,
        Option(
            metavar="FILE",
            help="Read options from this config file, not the usual one; off: from none",
            group="talk",
        ),
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

    preview: Annotated[
        bool, Option(help="Show the pictures on the terminal, on stderr", group="talk")
    ] = False
    request: ComposeRequest = ComposeRequest()

    def clashes(self) -> Iterator[Clash]:
        """Yield a document on standard output where the picture goes."""
        yield from super().clashes()
        if self.json and self.request.placement.target == "-":
            yield Clash("json", "target")  # `terminal.refuse_stdout` tells it


_SENDING = ("dry_run", "stall_timeout_s", "max_wait_s", "is_async")
"""What changes nothing that `validate` prints or ends with."""


@frozen
class ValidateOptions(ComposeOptions):
    """What `validate` takes: the same, so that a command line needs one word changed.

    Its help leaves out what says only how a job is sent.
    """

    quiet: Annotated[
        bool,
        Option(names=("-q", "--quiet"), help="Print the report and errors only", group="talk"),
    ] = False
    verbose: Annotated[
        int,
        Option(
            names=("-v", "--verbose"),
            is_count=True,
            help="Print exact sizes; -vv also prints HTTP headers of downloads",
            group="talk",
        ),
    ] = 0
    preview: Annotated[
        bool, Option(help="Show the pictures, as they would be sent, on the terminal", group="talk")
    ] = False
    request: Annotated[
        ComposeRequest,
        Overrides(
            {
                **{name: {"is_hidden": True} for name in _SENDING},
                "connect_timeout_s": {
                    "help": "Give up connecting to a picture's server after S seconds"
                },
                "timeout_s": {"help": "Give up a picture that is not downloaded after S seconds"},
                "origin": {
                    "help": "Check what makes a picture again: a sidecar, RESULTS.jsonl#ROW, "
                    "or the id of a job"
                },
                "again": {
                    "help": "Do not stop at the same job, which may have been billed already"
                },
                "sidecar": {"help": "Check that PICTURE.json can be written beside the picture"},
                "target": {
                    "help": "Where the result would go: it is checked, and not made  "
                    "[default: composed.jpg, numbered if taken]"
                },
                "sandbox": {"help": "Check a rehearsal: no token is needed"},
                "if_made": {
                    "help": "If the same picture was made before: tell, or plan to reuse it"
                },
                "create_dirs": {"help": "Take missing folders of -o as good: they would be made"},
                "max_cost_usd": {"help": "Report a job that may cost more than this, such as 0.05"},
            }
        ),
    ] = ComposeRequest()


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
            help="Where the picture goes, - for stdout  [default: where it was meant to go]",
            group="result",
            variable=None,
        ),
    ] = None
    placement: Annotated[Placement, ("if_exists", "force", "create_dirs")] = Placement()
    delivery: Annotated[
        Delivery,
        Overrides(
            {
                **dict.fromkeys(("stall_timeout_s", "max_wait_s", "is_async")),
                "timeout_s": {"help": "Wait at most S seconds for the picture"},
            }
        ),
    ] = Delivery()
