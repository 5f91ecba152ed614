"""What the user asks for: the options of `compose`, not yet checked against a model."""

from typing import Annotated, Literal

from prodia_compose.client.options import Delivery
from prodia_compose.frozen import frozen
from prodia_compose.images.options import Fitting
from prodia_compose.inputs.options import Selection, file_or_stdin
from prodia_compose.models.catalogue import DEFAULT_MODEL
from prodia_compose.models.options import Settings
from prodia_compose.options import Option, Options, as_text
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
            help="What to make of the images",
            parse=as_text,
            variable=None,
            once="one prompt is sent",
        ),
    ] = None
    prompt_file: Annotated[
        str | None,
        Option(
            metavar="FILE",
            help="Read the prompt from a file, or - for stdin",
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
            help="Make it again: a sidecar, RESULTS.jsonl#ROW, or the id of a job",
            variable=None,
            once="one job is sent",
        ),
    ] = None
    model: Annotated[
        str,
        Option(
            names=("--model", "-m"),
            metavar="NAME",
            help="A model's name or job type; see the command models",
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
            help="Refuse a job that may cost more",
            is_limit=True,
        ),
    ] = None
    assume_price_usd: Annotated[
        float | None,
        Option(
            names=("--assume-price",),
            metavar="USD",
            minimum=0,
            help="What a job may cost at most, where no price is known",
        ),
    ] = None
    strict: Annotated[bool, Option(help="Treat warnings as errors")] = False
    dry_run: Annotated[
        bool, Option(names=("--dry-run", "-n"), help="Show what would be sent, and send nothing")
    ] = False
    save_to: Annotated[
        str | None,
        Option(
            names=("--save-request",),
            metavar="DIR",
            help="Write the request, and a script that sends it, to a folder; send nothing",
        ),
    ] = None
    lint: Annotated[
        bool, Option(names=("--no-lint",), help="Do not look over the prompt for slips")
    ] = True
    again: Annotated[
        bool, Option(help="Send even if the same job's outcome is unknown", variable=None)
    ] = False
    if_made: Annotated[
        IfMade, Option(help="Tell of a picture that was made already, or take it unpaid")
    ] = "tell"
    sandbox: Annotated[
        bool, Option(help="Send to a stand-in on this machine: no token, no cost")
    ] = False
    delivery: Delivery = Delivery()
    typed: frozenset[str] = frozenset()
    texts: tuple[tuple[str, str], ...] = ()
    is_template: bool = False
    fields: tuple[tuple[str, str], ...] = ()

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
