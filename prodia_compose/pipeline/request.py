"""What the user asks for: the options of `compose`, not yet checked against a model."""

from collections.abc import Iterator
from typing import Annotated, Literal

from prodia_compose.client.options import Delivery
from prodia_compose.frozen import frozen
from prodia_compose.images.options import Fitting
from prodia_compose.inputs.options import Selection, file_or_stdin
from prodia_compose.models.catalogue import DEFAULT_MODEL
from prodia_compose.models.options import Settings
from prodia_compose.options import Clash, Option, Options, as_text
from prodia_compose.output.options import Placement

IfMade = Literal["tell", "reuse"]


@frozen
class ComposeRequest(Options):
    """One run of `compose` or `validate`.

    Attributes:
        prompt_file: A file, or `-`.
        model: A short name or a job type.
        save_to: A folder, which may hold files already if `placement.force` says so.
        sandbox: Whether the job goes to the stand-in, which needs no token.
        origin: What is made again: a sidecar, RESULTS#ID, or a job's id.
        unset: What of its recipe is left out: options, or `set:KEY`.
        typed: The fields of which the value was typed.
        texts: (name, text) of what braces in the prompt may hold besides labels; an empty text is
            an error where it is asked for.
        is_template: Whether braces count even where nothing has a label.
        fields: (name, text) of more fields of the output's template; they count before the usual
            ones of the same name.
    """

    selection: Selection = Selection()
    prompt: Annotated[
        str | None,
        Option(
            names=("--prompt", "-p"),
            metavar="TEXT",
            help="What to make of the pictures",
            group="prompt",
            parse=as_text,
            variable=None,
            once="one prompt is sent",
        ),
    ] = None
    prompt_file: Annotated[
        str | None,
        Option(
            metavar="FILE",
            help="Read the prompt from a text file in UTF-8, or - for stdin",
            group="prompt",
            parse=file_or_stdin,
            variable=None,
            once="one prompt is sent",
        ),
    ] = None
    origin: Annotated[
        str | None,
        Option(
            names=("--from",),
            metavar="FILE|ID",
            help="Make a picture again, by a sidecar, RESULTS.jsonl#ROW, or the id of a job",
            group="pictures",
            variable=None,
            once="one job is sent",
        ),
    ] = None
    unset: Annotated[
        tuple[str, ...],
        Option(
            metavar="OPTION",
            help="With --from: leave out what the recipe says of an option, such as seed",
            group="pictures",
            variable=None,
        ),
    ] = ()
    model: Annotated[
        str,
        Option(
            names=("--model", "-m"),
            metavar="NAME",
            help="Model; list them with `prodia-compose models`",
            group="model and settings",
        ),
    ] = DEFAULT_MODEL
    settings: Settings = Settings()
    placement: Placement = Placement()
    fitting: Fitting = Fitting()
    max_cost_usd: Annotated[
        float | None,
        Option(
            names=("--max-cost",),
            metavar="USD",
            minimum=0,
            example="0.05",
            help="Refuse a job that may cost more than this, such as 0.05",
            group="money",
            is_limit=True,
        ),
    ] = None
    assume_price_usd: Annotated[
        float | None,
        Option(
            names=("--assume-price",),
            metavar="USD",
            minimum=0,
            example="0.04",
            help="Price to reckon with where none is known, such as 0.04",
            group="money",
        ),
    ] = None
    strict: Annotated[bool, Option(help="Treat warnings as errors", group="money")] = False
    dry_run: Annotated[
        bool,
        Option(
            names=("--dry-run", "-n"),
            help="Show what would be sent, and its price; send nothing",
            group="money",
        ),
    ] = False
    save_to: Annotated[
        str | None,
        Option(
            names=("--save-request",),
            metavar="DIR",
            help="Write the request, and a script that sends it, to a new folder; send nothing",
            group="money",
        ),
    ] = None
    lint: Annotated[
        bool,
        Option(
            names=("--no-lint",),
            help="Do not check the prompt for common mistakes",
            group="prompt",
        ),
    ] = True
    again: Annotated[
        bool,
        Option(
            help="Send again although the same job may already have been billed",
            variable=None,
            group="money",
        ),
    ] = False
    if_made: Annotated[
        IfMade,
        Option(
            help="If the same picture was made before: tell, or reuse it without paying",
            group="money",
        ),
    ] = "tell"
    sandbox: Annotated[
        bool,
        Option(help="Send to a stand-in on this machine: no token, no cost", group="money"),
    ] = False
    delivery: Delivery = Delivery()
    typed: frozenset[str] = frozenset()
    texts: tuple[tuple[str, str], ...] = ()
    is_template: bool = False
    fields: tuple[tuple[str, str], ...] = ()

    def clashes(self) -> Iterator[Clash]:
        """Yield something to leave out where there is nothing."""
        yield from super().clashes()
        if self.unset and self.origin is None:
            words = "--unset: leaves something out of an earlier job"
            yield Clash("unset", "origin", words, "name that with --from")

    @property
    def claims_on_stdin(self) -> list[str]:
        """What asks for standard input, as it was typed; only one can have it."""
        selection = self.selection
        readers = [
            *(("the operand -", path) for path in selection.operands),
            *((f"-i {f'{label}=' if label else ''}-", path) for label, path in selection.labelled),
            *(("-T -", path) for path in selection.lists),
            ("--prompt-file -", self.prompt_file),
            (f"{self.called('--token-file')} -", self.delivery.token_file),
        ]
        return [words for words, path in readers if path == "-"]
