"""Inputs as the sandbox sees them: their size, and small upright copies to draw.

Pillow's own way in, `Image.open`, warns or raises by the pixel count and looks at
rotation through code that can warn; a server that shares a process with its client
must do neither. So the file's first bytes choose the decoder here.
"""

import contextlib
import re
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from prodia_compose.inputs.blob import Blob
from prodia_compose.sandbox.answers import RefusedError

# Guards the machine, not a fact of the service: a small file can hold a vast picture.
_MAX_PIXELS = 250_000_000

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)


# What the service takes is undocumented; these three all the models' vendors take.
_DECODERS: dict[bytes, Callable[[BinaryIO], ImageFile.ImageFile]] = {
    rb"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
    rb"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
    rb"(?s:RIFF....WEBP)": WebPImagePlugin.WebPImageFile,
}


def measure(name: str, content: Blob) -> tuple[int, int]:
    """Return an input's upright (width, height) in pixels, from its header alone."""
    with _opened(name, content) as image:
        if _orientation(image.info.get("exif")) in _SIDEWAYS:
            return image.height, image.width
        return image.size


def thumbnail(name: str, content: Blob, box: tuple[int, int], paper: str) -> Image.Image:
    """Return an upright RGB copy of an input, as large as fits the (width, height) in pixels.

    Small images are enlarged. What is transparent shows the paper, a colour.
    """
    with _opened(name, content) as image:
        return _shrink(image, box, paper)


@contextlib.contextmanager
def _opened(name: str, content: Blob) -> Iterator[ImageFile.ImageFile]:
    """Give an input to a block; what goes wrong in it with the input is a refusal.

    So is one that is no JPEG, PNG or WebP, or has an absurd size.
    """
    with content.open() as stream:
        head = stream.read(16)
        stream.seek(0)
        try:
            decoder = next(found for magic, found in _DECODERS.items() if re.match(magic, head))
            image = decoder(stream)
            if image.width * image.height <= _MAX_PIXELS:
                yield image
                return
        except Exception as error:  # decoders raise whatever a broken file makes them raise
            words = "could not be decoded as a JPEG, PNG or WebP image"  # undocumented
            raise RefusedError(400, f"input '{name}' {words}") from error
        size = f"{image.width:,} x {image.height:,}"
        raise RefusedError(400, f"input '{name}': {size} pixels are too many to decode")


def _shrink(image: Image.Image, box: tuple[int, int], paper: str) -> Image.Image:
    turn = _orientation(image.info.get("exif"))
    if turn in _SIDEWAYS:
        box = (box[1], box[0])
    scale = min(box[0] / image.width, box[1] / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image.draft("RGB", (size[0] * 2, size[1] * 2))
    small = _scalable(image).resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    flat = Image.new("RGB", size, paper)
    flat.paste(small, mask=small.getchannel("A") if small.mode == "RGBA" else None)
    return flat.transpose(_TURNS[turn]) if turn in _TURNS else flat


def _scalable(image: Image.Image) -> Image.Image:
    """Return the image in a mode whose pixels can be averaged."""
    if image.mode.startswith("I"):  # 16-bit grey: scaled, as converting would clip it
        return image.convert("I").point(lambda level: level / 257).convert("L")
    if image.has_transparency_data:  # a channel, a colour, or entries of the palette
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode in ("1", "P") else image


def _orientation(exif: object) -> int:
    """Return the orientation tag of an EXIF block, 1 where there is none to be read."""
    if not isinstance(exif, bytes):
        return 1
    tiff = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(count):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return int(value) if kind == 3 and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
