"""Looking at a picture that the service answered with: what it is, and whether it is whole."""

import io
from typing import BinaryIO

from prodia_compose import errors
from prodia_compose.blob import Opener
from prodia_compose.frozen import frozen
from prodia_compose.images.formats import jpeg, kinds, png
from prodia_compose.images.pixels import decoder
from prodia_compose.images.probe import probe


@frozen
class ReceivedImage:
    """A whole picture, as it came.

    Attributes:
        format: Pillow's name of the format, such as "JPEG".
        media_type: By its content, such as "image/jpeg".
        suffix: The usual one, such as ".jpg".
        width: In pixels, upright.
        height: In pixels, upright.
    """

    format: str
    media_type: str
    suffix: str
    width: int
    height: int


def inspect(opener: Opener) -> ReceivedImage:
    """Return what a received picture is, having decoded all of it.

    Args:
        opener: Gives a fresh reader of the answer each time.

    Raises:
        ValueError: It is no picture, or not a whole one; says why, beginning in lower case.
    """
    try:
        info = probe.probe(opener)
        with decoder.quiet(info.width * info.height), decoder.reading():
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
    """Refuse a picture whose last marker is missing, though its pixels may all be there.

    Raises:
        errors.InputError: It ends too early.
    """
    if name == "JPEG":
        for _ in jpeg.stripped(file):
            pass
    elif name == "PNG" and not png.has_end(file):
        raise errors.InputError("is cut short: the end of the PNG data is missing")
    elif name == "GIF":
        file.seek(-min(1, file.seek(0, io.SEEK_END)), io.SEEK_END)
        if file.read(1) != b";":
            raise errors.InputError("is cut short: the end of the GIF data is missing")
