"""Looking at a picture that the service answered with: what it is, and whether it is whole."""

import hashlib
from dataclasses import replace
from typing import BinaryIO, Final

from PIL import Image

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.images.formats import jpeg, png, stream
from prodia_compose.images.pixels import decoder
from prodia_compose.images.probe import marks, probe
from prodia_compose.inputs import blob, kinds
from prodia_compose.inputs.blob import Opener


@frozen
class ReceivedImage:
    """A picture, as it came: what it is by its content, and its size upright, in pixels.

    Attributes:
        slow: What it is, if it would take minutes to decode, as in `Header`.
        provenance: What it says of where it comes from.
        pixels_sha256: The SHA-256 of its size and of its first frame's pixels, as stored and as
            RGBA, in hex: what is written beside them, or how they are packed, makes no
            difference. None of what was not decoded.
    """

    format: str
    media_type: str
    suffix: str
    width: int
    height: int
    slow: str | None = None
    provenance: marks.Marks = marks.Marks()
    pixels_sha256: str | None = None


_STRIP_PIXELS: Final = 1 << 20
_ALIKE: Final = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}
"""What Pillow makes RGBA of without a loss, or always the same; deeper ones count as they are."""


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
        provenance=marks.look(opener, info.format),
    )


def inspect(opener: Opener) -> ReceivedImage:
    """Return what a received picture is, having decoded all of it, unless it is `slow`.

    Only its pixels and its end count, not what is said beside them.

    Raises:
        ValueError: It is no picture, or not a whole one; says why, beginning in lower case.
    """
    received = look(opener)
    if received.slow is not None:
        return received
    try:
        with decoder.reading():
            with opener() as file:
                _refuse_open_end(received.format, file)
            with opener() as file:
                bare = _without_words(file) if received.format == "PNG" else file
                image = decoder.opened(received.format, bare)
                image.load()
            return replace(received, pixels_sha256=_hash(image))
    except errors.InputError as exc:
        raise ValueError(exc.message) from exc


def _hash(image: Image.Image) -> str:
    """Return the hash of a decoded picture, a strip at a time, so that no copy is made of it."""
    width, height = image.size
    digest = hashlib.sha256(f"{width}x{height}\n".encode())
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(height, top + rows)))
        if strip.mode in _ALIKE:
            strip = strip.convert("RGBA")
        digest.update(strip.tobytes())
    return digest.hexdigest()


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
