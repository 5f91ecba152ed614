"""How pictures are made to fit, as the options say it."""

import re
from typing import Annotated

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.options import Option, Options

COLOURS = {"white": "ffffff", "black": "000000", "grey": "808080", "gray": "808080"}


def _colour(text: str, called: str) -> tuple[int, int, int]:
    digits = COLOURS.get(text.lower(), text.removeprefix("#"))
    if not re.fullmatch(r"[0-9a-fA-F]{6}", digits):
        raise errors.UsageError(
            f"{called} {text}: is no colour", "use white, black, grey or #RRGGBB"
        )
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


@frozen
class Fitting(Options):
    """How the images are made to fit; None keeps the model's cap."""

    max_side: Annotated[
        int | None,
        Option(
            metavar="PX",
            minimum=1,
            example="2048",
            help="Longest side sent, in pixels  [default: the model's limit]",
            group="pictures",
        ),
    ] = None
    max_pixels: Annotated[
        int | None,
        Option(
            metavar="N",
            minimum=1,
            example="4000000",
            help="Most pixels (width x height) of each picture sent  [default: the model's limit]",
            group="pictures",
        ),
    ] = None
    max_input_pixels: Annotated[
        int,
        Option(
            metavar="N",
            minimum=1,
            example="100000000",
            help="Refuse input files with more than N pixels (guards against bombs)",
            group="pictures",
        ),
    ] = 250_000_000
    resize: Annotated[
        bool,
        Option(
            names=("--no-resize",),
            help="Send pictures at full size, or refuse those over a documented limit",
            group="pictures",
        ),
    ] = True
    quality: Annotated[
        int,
        Option(
            metavar="N",
            minimum=1,
            maximum=100,
            example="90",
            help="JPEG quality of pictures that are encoded anew",
            group="pictures",
        ),
    ] = 95
    background: Annotated[
        tuple[int, int, int],
        Option(
            metavar="COLOUR",
            help="Colour behind transparent areas: white, black, grey or #RRGGBB",
            group="pictures",
            parse=_colour,
            write=lambda colour: f"#{bytes(colour).hex()}",
            shown="white",
        ),
    ] = (255, 255, 255)
    keep_alpha: Annotated[
        bool,
        Option(help="Keep transparency (sent as PNG) instead of flattening it", group="pictures"),
    ] = False
    keep_metadata: Annotated[
        bool,
        Option(
            help="Send EXIF too (GPS position, camera); it is removed by default",
            group="pictures",
        ),
    ] = False
