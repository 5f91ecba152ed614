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
        raise errors.UsageError(f"{called} {text}: use white, black, grey or #RRGGBB")
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


@frozen
class Fitting(Options):
    """How the images are made to fit; None keeps the model's cap."""

    max_side: Annotated[
        int | None, Option(metavar="PX", minimum=1, help="Cap each side instead of the model's")
    ] = None
    max_pixels: Annotated[
        int | None, Option(metavar="N", minimum=1, help="Cap width x height of each image")
    ] = None
    max_input_pixels: Annotated[
        int, Option(metavar="N", minimum=1, help="Refuse larger files undecoded")
    ] = 250_000_000
    resize: Annotated[bool, Option(names=("--no-resize",), help="Send images at full size")] = True
    quality: Annotated[
        int,
        Option(metavar="1-100", minimum=1, maximum=100, help="JPEG quality of what is re-encoded"),
    ] = 95
    background: Annotated[
        tuple[int, int, int],
        Option(
            metavar="COLOUR",
            help="What shows through: white, #RRGGBB",
            parse=_colour,
            write=lambda colour: f"#{bytes(colour).hex()}",
            shown="white",
        ),
    ] = (255, 255, 255)
    keep_alpha: Annotated[bool, Option(help="Send transparency, as PNG, instead")] = False
    keep_metadata: Annotated[
        bool, Option(help="Let EXIF (place, camera) leave with the picture")
    ] = False
