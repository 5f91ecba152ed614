"""What the user asks for: the options of `compose`, typed but not yet checked against a model."""

from typing import Literal

from prodia_compose.frozen import frozen
from prodia_compose.service import DEFAULT_BASE_URL
from prodia_compose.variables import Variable

__all__ = [
    "ComposeRequest",
    "Delivery",
    "Fitting",
    "IfExists",
    "OutputFormat",
    "Placement",
    "Selection",
    "SettingValue",
    "Sort",
]

IfExists = Literal["fail", "skip", "number", "overwrite"]
OutputFormat = Literal["jpg", "png", "webp"]
Sort = Literal["none", "name", "natural"]
SettingValue = str | int | float | bool | None | list[object] | dict[str, object]
"""A value of a config field: whatever JSON can hold."""


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


@frozen
class Fitting:
    """How the images are made to fit.

    Attributes:
        resize: False under `--no-resize`.
        max_side: A cap on each side in pixels, instead of the model's; None keeps it.
        max_pixels: A cap on width x height of each image, in pixels.
        max_input_pixels: Larger inputs are refused undecoded, in pixels.
        quality: JPEG quality, 1 to 100.
        background: The colour under transparency, (red, green, blue), 0 to 255.
        keep_alpha: Send transparency as PNG instead.
        keep_metadata: Let EXIF and the like leave the house.
    """

    resize: bool = True
    max_side: int | None = None
    max_pixels: int | None = None
    max_input_pixels: int = 250_000_000
    quality: int = 95
    background: tuple[int, int, int] = (255, 255, 255)
    keep_alpha: bool = False
    keep_metadata: bool = False


@frozen
class Placement:
    """Where the picture goes.

    Attributes:
        target: The path or template of `-o`, or `-` for standard output.
        format: `--format`, if given.
        if_exists: What to do when the target exists.
        create_dirs: Make missing folders.
    """

    target: str = "composed.{ext}"
    format: OutputFormat | None = None
    if_exists: IfExists = "fail"
    create_dirs: bool = False


@frozen
class Delivery:
    """How the job is sent; times in seconds.

    Attributes:
        base_url: The service, without `/v2`.
        connect_timeout_s: For each connection attempt.
        stall_timeout_s: Without any progress of the upload.
        timeout_s: From the last byte sent to the complete answer.
        max_wait_s: For capacity, over all attempts.
        is_async: Whether the job is created, asked after and fetched, rather than waited
            for on one connection.
    """

    base_url: str = DEFAULT_BASE_URL
    connect_timeout_s: float = 10
    stall_timeout_s: float = 30
    timeout_s: float = 300
    max_wait_s: float = 120
    is_async: bool = False


@frozen
class ComposeRequest:
    """One run of `compose` or `validate`.

    Attributes:
        selection: Which images.
        prompt: The text of `-p`, if given.
        prompt_file: The file of `--prompt-file`, or `-`, if given.
        model: A short name or a job type.
        settings: (name, value) of the config fields given as options, in the order they
            are sent; the flag is the name with dashes.
        extras: (name, value) of the config fields given with `--set`.
        match: The position of the image whose shape the result shall have, from 1.
        fitting: How the images are made to fit.
        placement: Where the picture goes.
        delivery: How the job is sent.
        token_file: The file of `--token-file`, if given.
        max_cost_usd: The limit of `--max-cost`, if given.
        strict: Whether warnings are errors.
        lint: Whether the prompt is looked over for slips; False under `--no-lint`.
        save_to: The folder of `--save-request`, if given.
        save_over: Whether that folder may hold files already.
        sandbox: Whether the job goes to the stand-in, which needs no token.
        variables: The options that were read from the environment, for messages.
    """

    selection: Selection
    prompt: str | None = None
    prompt_file: str | None = None
    model: str = "nano-banana"
    settings: tuple[tuple[str, SettingValue], ...] = ()
    extras: tuple[tuple[str, SettingValue], ...] = ()
    match: int | None = None
    fitting: Fitting = Fitting()
    placement: Placement = Placement()
    delivery: Delivery = Delivery()
    token_file: str | None = None
    max_cost_usd: float | None = None
    strict: bool = False
    lint: bool = True
    save_to: str | None = None
    save_over: bool = False
    sandbox: bool = False
    variables: tuple[Variable, ...] = ()
