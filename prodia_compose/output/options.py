"""Where the picture goes, as the options say it."""

from typing import Literal

from prodia_compose.frozen import frozen

IfExists = Literal["fail", "skip", "number", "overwrite"]
OutputFormat = Literal["jpg", "png", "webp"]


@frozen
class Placement:
    """Where the picture goes.

    Attributes:
        target: The path or template of `-o`, or `-` for standard output.
    """

    target: str = "composed.{ext}"
    format: OutputFormat | None = None
    if_exists: IfExists = "fail"
    create_dirs: bool = False
