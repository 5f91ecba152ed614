"""Where the picture goes, as the options say it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from prodia_compose.frozen import frozen
from prodia_compose.inputs import kinds
from prodia_compose.options import Clash, Option, Options

IfExists = Literal["fail", "skip", "number", "overwrite"]

OutputFormat = Literal["jpg", "png", "webp"]

KINDS: Mapping[OutputFormat, kinds.Kind] = {"jpg": kinds.JPEG, "png": kinds.PNG, "webp": kinds.WEBP}
"""What can be asked for."""

SUFFIXES: Mapping[str, OutputFormat] = {
    ".jpeg": "jpg",
    **{kind.suffix: format_ for format_, kind in KINDS.items()},
}
"""The suffixes, in lower case, that ask for a format."""


DEFAULT_TARGET = "composed.{ext}"


@frozen
class Placement(Options):
    """Where the picture goes.

    Attributes:
        target: A path or template, or `-` for standard output.
    """

    target: Annotated[
        str,
        Option(
            names=("-o", "--output"),
            metavar="PATH",
            help="Where the result goes: .jpg, .png or .webp; - for stdout  "
            "[default: composed.jpg, numbered if taken]",
            group="result",
        ),
    ] = DEFAULT_TARGET
    format: Annotated[
        OutputFormat | None,
        Option(help="Format of the result, if -o has no suffix or is -", group="result"),
    ] = None
    if_exists: Annotated[
        IfExists | None,
        Option(
            help="If the file exists: fail, skip (keep it, make none), number the name (-2), or overwrite  "
            "[default: fail]",
            typed_only=("overwrite",),
            group="result",
        ),
    ] = None
    force: Annotated[
        bool,
        Option(
            names=("-f", "--force"),
            help="Same as --if-exists overwrite",
            variable=None,
            group="result",
        ),
    ] = False
    create_dirs: Annotated[bool, Option(help="Make the missing folders of -o", group="result")] = (
        False
    )
    sidecar: Annotated[
        bool,
        Option(
            help="Write what makes the picture again beside it, as PICTURE.json", group="result"
        ),
    ] = False

    @property
    def policy(self) -> IfExists:
        """What to do when the target exists: a name that nobody gave gives way."""
        usual: IfExists = "number" if self.target == DEFAULT_TARGET else "fail"
        return "overwrite" if self.force else self.if_exists or usual

    def clashes(self) -> Iterator[Clash]:
        """Yield two policies, and a suffix of another format."""
        if self.force and self.if_exists not in (None, "overwrite"):
            yield self.clash("force", "if_exists", "-f", "--if-exists")
        suffix = Path(self.target).suffix.lower()
        is_suffix = suffix.strip(".") and "}" not in suffix
        if self.format is not None and is_suffix and SUFFIXES.get(suffix) != self.format:
            yield Clash("format", "target")  # `names.asked_format` tells it
        if self.sidecar and self.target == "-":
            first = self.called("--sidecar")
            both = f"{first} and {self.called('-o', first)} -"
            message = f"{both}: nothing lies beside standard output"
            yield Clash("sidecar", "target", message, "name a file with -o")
