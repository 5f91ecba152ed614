"""The options of `compose` and `validate`, and of `jobs fetch`, declared once.

Typer reads a command's signature. The first two take the same options, so these are
the fields of one dataclass, of which `signature` makes a signature.
"""

from typing import Annotated

import typer

from prodia_compose.client.options import Delivery
from prodia_compose.frozen import frozen
from prodia_compose.images.options import Fitting
from prodia_compose.inputs.options import Sort
from prodia_compose.models.catalogue import DEFAULT_MODEL
from prodia_compose.output.options import IfExists, OutputFormat, Placement
from prodia_compose.pipeline.variables import Variable

_DELIVERY = Delivery()
_FITTING = Fitting()
_PLACEMENT = Placement()

NOT_FROM_ENVIRONMENT = (
    *("images", "labelled", "files_from", "null", "set_"),
    *("prompt", "prompt_file", "force", "again", "base_url"),
)
"""Options that belong to one run; all others are also read from PRODIA_COMPOSE_<OPTION>."""


@frozen
class ComposeOptions:
    """What was typed, parsed by Typer and not yet looked at."""

    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE...",
            help="Pictures in the order the prompt refers to them: files, URLs, or - for stdin",
            show_default=False,
        ),
    ] = None
    prompt: Annotated[
        list[str] | None,
        typer.Option("--prompt", "-p", metavar="TEXT", help="What to make of the images"),
    ] = None
    prompt_file: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Read the prompt from a file, or - for stdin"),
    ] = None
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where the picture goes: .jpg, .png or .webp; - for stdout",
        ),
    ] = _PLACEMENT.target
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            help="A model's name or job type; see the command models",
        ),
    ] = DEFAULT_MODEL
    labelled: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            metavar="NAME=PATH",
            help="A picture with a label: {NAME} in the prompt becomes its position",
        ),
    ] = None
    files_from: Annotated[
        list[str] | None,
        typer.Option(
            "--files-from",
            "-T",
            metavar="FILE",
            help="Read picture names from a list, one a line, or - for stdin",
        ),
    ] = None
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Names in lists end in NUL, as of find -print0")
    ] = False
    sort: Annotated[Sort, typer.Option(help="How to order the names of a list")] = "none"

    aspect_ratio: Annotated[
        str | None,
        typer.Option(
            metavar="W:H",
            help="The picture's ratio, such as 16:9",
        ),
    ] = None
    width: Annotated[int | None, typer.Option(metavar="PX", help="Its width")] = None
    height: Annotated[int | None, typer.Option(metavar="PX", help="Its height")] = None
    match: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Frame the result like the Nth image"),
    ] = None
    steps: Annotated[int | None, typer.Option(metavar="N", help="Diffusion steps")] = None
    guidance: Annotated[
        float | None,
        typer.Option(metavar="X", help="How closely to follow it"),
    ] = None
    seed: Annotated[int | None, typer.Option(metavar="N", help="The random seed")] = None
    resolution: Annotated[
        str | None,
        typer.Option(
            metavar="TIER",
            help="1K, 2K or 4K, for the Gemini models",
        ),
    ] = None
    safety_tolerance: Annotated[
        int | None,
        typer.Option(metavar="N", help="0 is strictest"),
    ] = None
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Any other setting; VALUE is JSON or plain text"
        ),
    ] = None

    format: Annotated[
        OutputFormat | None,
        typer.Option(help="The format, where the name does not tell"),
    ] = None
    if_exists: Annotated[
        IfExists | None,
        typer.Option(help="What to do when FILE exists: fail is the default"),
    ] = None
    force: Annotated[bool, typer.Option("--force", "-f", help="Same as --if-exists overwrite")] = (
        False
    )
    create_dirs: Annotated[bool, typer.Option("--create-dirs", help="Make missing folders")] = False

    max_side: Annotated[
        int | None,
        typer.Option(
            metavar="PX",
            min=1,
            help="Cap each side instead of the model's",
        ),
    ] = None
    max_pixels: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Cap width x height of each image"),
    ] = None
    max_input_pixels: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Refuse larger files undecoded",
        ),
    ] = _FITTING.max_input_pixels
    no_resize: Annotated[
        bool,
        typer.Option("--no-resize", help="Send images at full size"),
    ] = False
    quality: Annotated[
        int,
        typer.Option(
            metavar="1-100",
            min=1,
            max=100,
            help="JPEG quality of what is re-encoded",
        ),
    ] = _FITTING.quality
    background: Annotated[
        str,
        typer.Option(metavar="COLOUR", help="What shows through: white, #RRGGBB"),
    ] = "white"
    keep_alpha: Annotated[
        bool,
        typer.Option("--keep-alpha", help="Send transparency, as PNG, instead"),
    ] = False
    keep_metadata: Annotated[
        bool,
        typer.Option(
            "--keep-metadata",
            help="Let EXIF (place, camera) leave with the picture",
        ),
    ] = False

    max_cost: Annotated[
        float | None,
        typer.Option(metavar="USD", min=0, help="Refuse a job that may cost more"),
    ] = None
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors")] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Show what would be sent, and send nothing")
    ] = False
    save_request: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Write the request, and a script that sends it, to a folder; send nothing",
        ),
    ] = None
    no_lint: Annotated[
        bool, typer.Option("--no-lint", help="Do not look over the prompt for slips")
    ] = False
    again: Annotated[
        bool,
        typer.Option("--again", help="Send even if the same job's outcome is unknown"),
    ] = False
    async_: Annotated[
        bool,
        typer.Option("--async", help="Create the job, ask after it, then fetch the picture"),
    ] = _DELIVERY.is_async
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox",
            help="Send to a stand-in on this machine: no token, no cost",
        ),
    ] = False
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Tell errors only")] = False
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Tell more; -vv also headers")
    ] = 0

    token_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Read the token from a file instead of PRODIA_TOKEN",
        ),
    ] = None
    connect_timeout: Annotated[
        float,
        typer.Option(metavar="S", min=0.001, max=86400, help="For a connection"),
    ] = _DELIVERY.connect_timeout_s
    stall_timeout: Annotated[
        float,
        typer.Option(metavar="S", min=0.001, max=86400, help="Without upload progress"),
    ] = _DELIVERY.stall_timeout_s
    timeout: Annotated[
        float,
        typer.Option(metavar="S", min=0.001, max=86400, help="For the answer, once all is sent"),
    ] = _DELIVERY.timeout_s
    max_wait: Annotated[
        float,
        typer.Option(metavar="S", min=0, max=86400, help="In all, while the service is busy"),
    ] = _DELIVERY.max_wait_s
    base_url: Annotated[
        str, typer.Option(hidden=True, envvar="PRODIA_BASE_URL", show_envvar=False)
    ] = _DELIVERY.base_url
    variables: tuple[Variable, ...] = ()


@frozen
class FetchOptions:
    """What was typed for `jobs fetch`; what is not declared here is as in `ComposeOptions`."""

    job: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="The id of a job, or how it begins",
        ),
    ]
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where the picture goes, - for stdout; by default the name it was meant for",
        ),
    ] = None
    if_exists: IfExists | None = None
    force: bool = False
    create_dirs: bool = False
    json: bool = False
    quiet: bool = False
    verbose: int = 0
    token_file: str | None = None
    connect_timeout: float = _DELIVERY.connect_timeout_s
    timeout: float = _DELIVERY.timeout_s
    base_url: str = _DELIVERY.base_url
    variables: tuple[Variable, ...] = ()
