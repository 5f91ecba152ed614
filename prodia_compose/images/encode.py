"""Pixels to the bytes that are sent."""

import io
import math
from collections.abc import Callable
from typing import Final

from PIL import Image

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.images.formats import exif, jpeg
from prodia_compose.images.pixels import resample
from prodia_compose.images.probe.header import Header

_FLOOR: Final = 80  # the quality that a byte cap may bring a JPEG down to; below, artefacts show
_SMALL_QUALITIES: Final = (80, 65, 50, 35, 20)
_LONGEST_SIDE: Final = 65_500  # JPEG_MAX_DIMENSION in libjpeg's jmorecfg.h
_ROOM: Final = 0.97  # how far below a byte cap to aim: bytes do not quite follow pixels


class _Stream(io.BytesIO):
    """A stream whose name says the format. Told it in words, Pillow 13 loads four more; 12 always does."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


@frozen
class Encoded:
    """An encoded picture; size and a JPEG's quality are lower than asked for under a byte cap."""

    data: bytes
    width: int
    height: int
    quality: int = 100


def as_jpeg(
    image: Image.Image, quality: int, max_bytes: int | None, metadata: Header | None
) -> Encoded:
    """Return a picture as a JPEG with full colour resolution (4:4:4).

    A byte cap is met by the best quality that fits, not below 80 (or below the
    quality asked for, if that is lower still), and only then by fewer pixels. The picture
    is in mode L or RGB; the EXIF, XMP and IPTC of `metadata` are put in.

    Raises:
        errors.InputError: It is too long for a JPEG, or not even one pixel keeps the cap.
    """

    def encode(picture: Image.Image, level: int) -> bytes:
        stream = _Stream("picture.jpg")
        picture.save(stream, quality=level, subsampling=0)
        data = stream.getvalue()
        return data if metadata is None else jpeg.with_metadata(data, metadata)

    if max(image.size) > _LONGEST_SIDE:
        raise errors.InputError(
            f"would be a JPEG of {image.width}x{image.height} pixels, and none is longer than "
            f"{_LONGEST_SIDE}",
            f"let it be resized, with --max-side {_LONGEST_SIDE} or less",
        )
    image.info = {}  # or Pillow writes comments back by itself
    data = encode(image, quality)
    if max_bytes is None or len(data) <= max_bytes:
        return Encoded(data=data, width=image.width, height=image.height, quality=quality)
    floor = min(_FLOOR, quality)
    data = encode(image, floor)
    if len(data) > max_bytes:
        smaller = _shrunk_to(image, data, max_bytes, lambda picture: encode(picture, floor))
        return Encoded(data=smaller.data, width=smaller.width, height=smaller.height, quality=floor)
    best, low, high = data, floor, quality
    while high - low > 1:
        middle = (low + high) // 2
        data = encode(image, middle)
        if len(data) <= max_bytes:
            best, low = data, middle
        else:
            high = middle
    return Encoded(data=best, width=image.width, height=image.height, quality=low)


def as_png(image: Image.Image, max_bytes: int | None, metadata: Header | None) -> Encoded:
    """Return a picture as a PNG, with EXIF and XMP put in; a byte cap is met by fewer pixels.

    Raises:
        errors.InputError: Not even one pixel keeps the cap.
    """
    from PIL import PngImagePlugin  # noqa: PLC0415 - seldom needed, and 5 ms to load

    text = PngImagePlugin.PngInfo()
    exif_data = exif.as_sent(metadata.exif) if metadata and metadata.exif else b""
    if metadata and metadata.xmp:
        xmp = exif.xmp_upright(metadata.xmp).decode("utf-8", "replace")
        text.add_itxt("XML:com.adobe.xmp", xmp)

    def encode(picture: Image.Image) -> bytes:
        stream = _Stream("picture.png")
        picture.save(stream, pnginfo=text, exif=exif_data)
        return stream.getvalue()

    image.info = {}  # or Pillow writes comments back by itself
    data = encode(image)
    if max_bytes is None or len(data) <= max_bytes:
        return Encoded(data=data, width=image.width, height=image.height)
    return _shrunk_to(image, data, max_bytes, encode)


def small_jpeg(image: Image.Image, max_bytes: int) -> bytes:
    """Return a picture in mode RGB as a JPEG for the eye; a byte cap lowers its quality, down to a floor."""
    data = b""
    for quality in _SMALL_QUALITIES:
        stream = _Stream("picture.jpg")
        image.save(stream, quality=quality)
        data = stream.getvalue()
        if len(data) <= max_bytes:
            break
    return data


def _shrunk_to(
    image: Image.Image, data: bytes, max_bytes: int, encode: Callable[[Image.Image], bytes]
) -> Encoded:
    """Return a picture made smaller until it keeps a byte cap, which it passes as `data`."""
    scale, size = 1.0, image.size
    while size != (1, 1):
        scale *= min(0.98, math.sqrt(max_bytes / len(data)) * _ROOM)
        size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
        data = encode(resample.shrunk(resample.Whole(image=image), size))
        if len(data) <= max_bytes:
            return Encoded(data=data, width=size[0], height=size[1])
    raise errors.InputError(f"cannot be brought under {max_bytes} bytes")
