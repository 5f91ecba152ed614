"""Limits on the inputs of a job, each with its kind and its source."""

from typing import Literal

from prodia_compose.frozen import frozen

__all__ = ["Cap", "CapKind", "Caps"]

CapKind = Literal["documented", "upstream", "house", "option"]
"""Who set a limit: Prodia's own pages, the model's vendor, we, or the user's option."""


@frozen
class Cap:
    """One upper limit.

    Attributes:
        limit: The largest allowed number, inclusive; its unit is the field's in `Caps`.
        kind: Who set it. Only a documented cap is refused over under `--no-resize`.
        source: Where it was read, or why we chose it.
    """

    limit: int
    kind: CapKind
    source: str


@frozen
class Caps:
    """The upper limits on a job's input images; None is no limit.

    Attributes:
        side: Width and height of each image, upright, in pixels.
        pixels: Width x height of each image, in pixels.
        combined: The sum of width x height over all images, in pixels.
        image_bytes: Each encoded image, in bytes; 1 MB is 10^6 bytes.
    """

    side: Cap | None = None
    pixels: Cap | None = None
    combined: Cap | None = None
    image_bytes: Cap | None = None
