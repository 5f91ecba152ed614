"""The headers of the formats that are left to Pillow: all but JPEG, PNG and WebP.

Where it keeps silent, counts too long, or takes half a file for a whole one, a look at the
structure goes before.
"""

import itertools
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO, Final

from PIL import ImageFile

from prodia_compose import errors
from prodia_compose.images.colour import icc
from prodia_compose.images.formats import boxes, exif, gif
from prodia_compose.images.pixels import decoder
from prodia_compose.images.probe import tiff
from prodia_compose.images.probe.header import MAX_COUNTED, Colour, Header

_PIXELS_PER_BYTE: Final = {
    "GIF": 2600,
    "TIFF": 100_000,
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

# TIFF's tags, and what matters of their values.
_DNG_VERSION, _SUB_DIRECTORIES, _BITS_PER_SAMPLE = 50706, 330, 258
_SUBFILE_TYPE, _REDUCED, _MASK = 254, 1, 4
_PHOTOMETRIC, _SENSOR_DATA = 262, {32803, 34892}  # colour filter array, linear raw

_VERSION_INFO: Final = 1057  # of Photoshop's resources
_MAX_BOXES = 10_000


def read_header(name: str, file: BinaryIO) -> Header:
    """Return what Pillow's reader of the format of that name finds, without decoding.

    Raises:
        errors.InputError: There is no picture in it, or its end is missing; or it is a
            camera's RAW file, of which only a thumbnail could be had.
    """
    frames, orientation, has_comment = 1, None, False
    properties: list[boxes.Property] = []
    if name in {"AVIF", "HEIF"}:
        if not boxes.is_whole(file):
            raise errors.InputError("is cut short: the end of its data is missing")
        properties = boxes.properties(file)
    elif name == "TIFF":
        frames, orientation = _inspect_tiff(file)
    elif name == "GIF":
        frames, has_comment = gif.inspect(file)
    file.seek(0)
    with decoder.reading(f"is damaged, or a kind of {name} file that cannot be read"):
        header = _by_pillow(decoder.opened(name, file), frames, orientation, properties)
        if has_comment:
            header = replace(header, has_metadata=True)
        if name != "PSD":
            return header
        has_clear_alpha, may_be_blank = _inspect_psd(file)
        has_alpha = header.has_alpha and has_clear_alpha
        return replace(header, has_alpha=has_alpha, may_be_blank=may_be_blank)


def _by_pillow(
    image: ImageFile.ImageFile,
    frames: int,
    orientation: int | None,
    properties: list[boxes.Property],
) -> Header:
    exif_data, profile = image.info.get("exif"), image.info.get("icc_profile")
    xmp = image.info.get("xmp")
    has_metadata = bool(exif_data or xmp or image.info.get("comment"))
    bits = _BITS.get(image.mode, 8)
    width, height = image.size
    if isinstance(image, tiff.StoredTiffFile):
        has_metadata = image.has_metadata
        exif_data = image.carried_exif()
        stored = image.tag_v2.get(_BITS_PER_SAMPLE)
        if isinstance(stored, tuple) and stored and isinstance(stored[0], int):
            bits = stored[0]
    elif image.format == "AVIF":
        # Its decoder tells of a turned picture through EXIF, and does not turn it.
        orientation = exif.orientation(exif_data)
    if image.format in {"AVIF", "HEIF"}:
        frames = int(getattr(image, "n_frames", 1))
        crop = boxes.crop(properties, turned=image.format == "HEIF")
        width, height = crop[2:] if crop else image.size
        if not profile and (codes := boxes.colours(properties)):
            profile = icc.from_codes(*codes)
    return Header(
        width=width,
        height=height,
        colour=_COLOURS.get(image.mode, "other"),
        bits=bits,
        least_bytes=width * height // _PIXELS_PER_BYTE.get(image.format or "", 1 << 20),
        has_alpha=image.has_transparency_data,
        orientation=orientation,
        was_turned=image.format == "HEIF" and boxes.is_turned(properties),
        frames=frames,
        profile=profile if isinstance(profile, bytes) else None,
        exif=exif_data.removeprefix(exif.MARK) if isinstance(exif_data, bytes) else None,
        xmp=xmp if isinstance(xmp, bytes) else None,
        has_metadata=has_metadata,
    )


def _inspect_tiff(file: BinaryIO) -> tuple[int, int | None]:
    """Return the number of pages, without reduced copies and masks, and the first's orientation."""
    found = list(itertools.islice(exif.directories(file), MAX_COUNTED))
    if not found:
        return 1, None
    _refuse_raw(found)
    pages = sum(not page.values.get(_SUBFILE_TYPE, 0) & (_REDUCED | _MASK) for page in found)
    return max(1, pages), found[0].orientation


def _refuse_raw(found: Sequence[exif.Directory]) -> None:
    first = found[0].values
    is_dng = _DNG_VERSION in first
    is_preview = first.get(_SUBFILE_TYPE, 0) & _REDUCED and _SUB_DIRECTORIES in first
    is_sensor = any(page.values.get(_PHOTOMETRIC) in _SENSOR_DATA for page in found)
    if is_dng or is_preview or is_sensor:
        name = "DNG" if is_dng else "TIFF-based, such as NEF, ARW or PEF"
        raise errors.InputError(f"is a camera RAW file ({name}): develop it to JPEG or TIFF first")


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
