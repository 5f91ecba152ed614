"""Looking at a picture that the service answered with: what it is, and whether it is whole."""

import io
from typing import BinaryIO

from prodia_compose import errors
from prodia_compose.blob import Opener
from prodia_compose.frozen import frozen
from prodia_compose.images.formats import jpeg, kinds, png, stream
from prodia_compose.images.pixels import decoder
from prodia_compose.images.probe import probe


@frozen
class ReceivedImage:
    """A whole picture, as it came: what it is by its content, and its size upright, in pixels."""

    format: str
    media_type: str
    suffix: str
    width: int
    height: int


def inspect(opener: Opener) -> ReceivedImage:
    """Return what a received picture is, having decoded all of it.

    Raises:
        ValueError: It is no picture, or not a whole one; says why, beginning in lower case.
    """
    try:
        info = probe.probe(opener)
        with decoder.reading():
            with opener() as file:
                _refuse_open_end(info.format, file)
            with opener() as file:
                decoder.opened(info.format, file).load()
    except errors.InputError as exc:
        raise ValueError(exc.message) from exc
    kind = kinds.KINDS[info.format]
    return ReceivedImage(
        format=kind.name,
        media_type=kind.media_type,
        suffix=kind.suffix,
        width=info.width,
        height=info.height,
    )


def _refuse_open_end(name: str, file: BinaryIO) -> None:
    """Refuse a picture whose last marker is missing, though its pixels may all be there."""
    if name == "JPEG":
        for _ in jpeg.stripped(file):
            pass
    elif name == "PNG" and not png.has_end(file):
        raise stream.cut_short("PNG")
    elif name == "GIF":
        file.seek(-min(1, file.seek(0, io.SEEK_END)), io.SEEK_END)
        if file.read(1) != b";":
            raise stream.cut_short("GIF")
