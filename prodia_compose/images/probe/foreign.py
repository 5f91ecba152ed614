"""The headers of the formats that are left to Pillow: all but JPEG, PNG and WebP.

Where it keeps silent, counts too long, or takes half a file for a whole one, a look at the
structure goes before.
"""

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, Final

from PIL import ImageFile

from prodia_compose import errors
from prodia_compose.images.colour import icc
from prodia_compose.images.formats import bmp, boxes, exif, gif
from prodia_compose.images.pixels import decoder
from prodia_compose.images.probe import tiff
from prodia_compose.images.probe.header import Colour, Header
from prodia_compose.inputs import kinds

_PIXELS_PER_BYTE: Final = {
    "GIF": 2600,
    "AVIF": 131_072,
    "HEIF": 131_072,
    "JPEG2000": 250_000,
}
"""More than fit into a byte on average, by far; a header that asks for more is a lie.

What decoders set aside for the size that a header names would be gigabytes otherwise.
For GIF it is the longest string of LZW, 3838 pixels in 12 bits.
"""

_COLOURS: Final[dict[str, Colour]] = {
    **dict.fromkeys(("1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B"), "grey"),
    **dict.fromkeys(("P", "PA"), "palette"),
    **dict.fromkeys(("RGB", "RGBA", "RGBa", "RGBX", "YCbCr"), "rgb"),
    "CMYK": "cmyk",
}
_BITS: Final = {"1": 1, "I;16": 16, "I;16L": 16, "I;16B": 16, "I": 32, "F": 32}

_PROFILES: Final[dict[str, Callable[[BinaryIO], bytes | None]]] = {
    "BMP": bmp.profile,
    "JPEG2000": boxes.jpeg_2000_profile,
}
"""Where Pillow does not look for a profile."""

_VERSION_INFO: Final = 1057  # of Photoshop's resources
_MAX_BOXES = 10_000


def read_header(name: str, file: BinaryIO) -> Header:
    """Return what Pillow's reader of the format of that name finds, without decoding.

    Raises:
        errors.InputError: There is no picture in it, or its end is missing; or it is a
            camera's RAW file, of which only a thumbnail could be had.
    """
    frames, has_comment = 1, False
    properties: list[boxes.Property] = []
    if name in {"AVIF", "HEIF"}:
        if not boxes.is_whole(file):
            raise errors.InputError("is cut short: the end of its data is missing")
        properties = boxes.properties(file)
    elif name == "GIF":
        frames, has_comment = gif.inspect(file)
    file.seek(0)
    title = kinds.KINDS[name].title
    kind = f"is damaged, or a kind of {title} picture that cannot be read"
    with decoder.reading(kind, "convert it to PNG or JPEG"):
        header = _by_pillow(decoder.opened(name, file), frames, properties)
        if name in _PROFILES:
            header = replace(header, profile=_PROFILES[name](file))
        if has_comment:
            header = replace(header, has_metadata=True)
        if name != "PSD":
            return header
        has_clear_alpha, may_be_blank = _inspect_psd(file)
        has_alpha = header.has_alpha and has_clear_alpha
        return replace(header, has_alpha=has_alpha, may_be_blank=may_be_blank)


def _by_pillow(image: ImageFile.ImageFile, frames: int, properties: list[boxes.Property]) -> Header:
    orientation = note = least_bytes = None
    pixel_bytes = 4
    exif_data, profile = image.info.get("exif"), image.info.get("icc_profile") or None
    xmp = image.info.get("xmp")
    has_metadata = bool(exif_data or xmp or image.info.get("comment"))
    bits = _BITS.get(image.mode, 8)
    width, height = image.size
    if isinstance(image, tiff.StoredTiffFile):
        has_metadata = image.has_metadata
        exif_data = image.carried_exif()
        frames, orientation, note = image.frames, image.orientation, image.note
        bits = image.stored.bits
        if image.samples is not None:
            pixel_bytes = max(4, image.stored.pixel_bytes)
        least_bytes = image.stored.least_bytes
    elif image.format == "AVIF":
        # Its decoder tells of a turned picture through EXIF, and does not turn it.
        orientation = exif.orientation(exif_data)
    if image.format in {"AVIF", "HEIF"}:
        frames = int(getattr(image, "n_frames", 1))
        bits = boxes.depth(properties) or bits
        crop = boxes.crop(properties, turned=image.format == "HEIF")
        width, height = crop[2:] if crop else image.size
        if not profile and (codes := boxes.colours(properties)):
            profile = icc.from_codes(*codes)
    per_byte = _PIXELS_PER_BYTE.get(image.format or "", 1 << 20)
    box = getattr(image, "dispose_extent", None)  # a GIF's
    covered = None if box == (0, 0, *image.size) else box
    return Header(
        width=width,
        height=height,
        colour=_COLOURS.get(image.mode, "other"),
        bits=bits,
        least_bytes=width * height // per_byte if least_bytes is None else least_bytes,
        has_alpha=image.has_transparency_data or covered is not None,
        orientation=orientation,
        was_turned=image.format == "HEIF" and boxes.is_turned(properties),
        frames=frames,
        profile=profile if isinstance(profile, bytes) else None,
        exif=exif_data.removeprefix(exif.MARK) if isinstance(exif_data, bytes) else None,
        xmp=xmp if isinstance(xmp, bytes) else None,
        has_metadata=has_metadata,
        covered=covered,
        pixel_bytes=pixel_bytes,
        note=note,
    )


def _inspect_psd(file: BinaryIO) -> tuple[bool, bool]:
    """Return what a document says in front of the flat picture of all its layers together.

    Returns:
        Whether a fourth channel is transparency; if not, it is a selection that somebody
        saved, which no viewer shows. And whether the document says that it was saved without
        such a picture; some programs say so and save it all the same.
    """
    file.seek(26)
    file.seek(_number(file, ">I"), 1)  # past the colour table
    length = _number(file, ">I")
    end = file.tell() + length
    may_be_blank = _has_layers_only(file, end)
    file.seek(end)
    has_layers = _number(file, ">I") > 0 and _number(file, ">I") > 0
    # Photoshop makes the count of layers negative to say that alpha is transparency.
    return has_layers and _number(file, ">h") < 0, may_be_blank


def _has_layers_only(file: BinaryIO, end: int) -> bool:
    for _ in range(_MAX_BOXES):
        if file.tell() >= end or file.read(4) != b"8BIM":
            break
        resource = _number(file, ">H")
        name_length = _number(file, ">B")
        file.seek(name_length + (name_length + 1) % 2, 1)
        length = _number(file, ">I")
        start = file.tell()
        if resource == _VERSION_INFO:
            return file.read(5)[4:] == b"\0"
        file.seek(start + length + length % 2)
    return False


def _number(file: BinaryIO, layout: str) -> int:
    """Return the next number; 0 where the file ends."""
    size = struct.calcsize(layout)
    data = file.read(size)
    return int(struct.unpack(layout, data)[0]) if len(data) == size else 0
