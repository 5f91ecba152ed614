"""Looking at a picture that the service answered with: what it is, and whether it is whole."""

from typing import BinaryIO

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.images.formats import jpeg, png, stream
from prodia_compose.images.pixels import decoder
from prodia_compose.images.probe import probe
from prodia_compose.inputs import blob, kinds
from prodia_compose.inputs.blob import Opener


@frozen
class ReceivedImage:
    """A picture, as it came: what it is by its content, and its size upright, in pixels.

    Attributes:
        slow: What it is, if it would take minutes to decode, as in `Header`.
    """

    format: str
    media_type: str
    suffix: str
    width: int
    height: int
    slow: str | None = None


def look(opener: Opener) -> ReceivedImage:
    """Return what a received picture is, by its header.

    Raises:
        ValueError: It is no picture; says why, beginning in lower case.
    """
    try:
        info = probe.probe(opener, may_be_slow=True)
    except errors.InputError as exc:
        raise ValueError(exc.message) from exc
    kind = kinds.KINDS[info.format]
    return ReceivedImage(
        format=kind.name,
        media_type=kind.media_type,
        suffix=kind.suffix,
        width=info.width,
        height=info.height,
        slow=info.header.slow,
    )


def inspect(opener: Opener) -> ReceivedImage:
    """Return what a received picture is, having decoded all of it, unless it is `slow`.

    Only its pixels and its end count, not what is said beside them.

    Raises:
        ValueError: It is no picture, or not a whole one; says why, beginning in lower case.
    """
    found = look(opener)
    if found.slow is not None:
        return found
    try:
        with decoder.reading():
            with opener() as file:
                _refuse_open_end(found.format, file)
            with opener() as file:
                bare = _without_words(file) if found.format == "PNG" else file
                decoder.opened(found.format, bare).load()
    except errors.InputError as exc:
        raise ValueError(exc.message) from exc
    return found


def _without_words(file: BinaryIO) -> BinaryIO:
    """Return a reader of a PNG without what is said in front of its pixels and behind them."""
    return blob.spool(png.stripped(file), or_memory=True).open()


def _refuse_open_end(name: str, file: BinaryIO) -> None:
    """Refuse a picture whose last marker is missing, though its pixels may all be there."""
    if name == "JPEG":
        for _ in jpeg.stripped(file, 0):
            pass
    elif name == "PNG" and not png.has_end(file):
        raise stream.cut_short(name)
    elif name == "GIF":
        from prodia_compose.images.formats import gif  # noqa: PLC0415 - seldom needed

        if not gif.has_end(file):
            raise stream.cut_short(name)
