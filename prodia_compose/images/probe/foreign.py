"""The headers of the formats that are left to Pillow: all but JPEG, PNG and WebP.

Where it keeps silent, counts too long, or takes half a file for a whole one, a look at the
structure goes before.
"""

import io
import struct
from dataclasses import replace
from typing import BinaryIO, Final

from PIL import ImageFile

from prodia_compose import errors
from prodia_compose.images.colour import icc
from prodia_compose.images.formats import exif, kinds
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

_VERSION_INFO: Final = 1057  # of Photoshop's resources
_MAX_BLOCKS = 1_000_000
_MAX_BOXES = 10_000


def read_header(name: str, file: BinaryIO) -> Header:
    """Return what Pillow's reader of the format of that name finds, without decoding.

    Raises:
        errors.InputError: There is no picture in it, or its end is missing; or it is a
            camera's RAW file, of which only a thumbnail could be had.
    """
    if name in {"AVIF", "HEIF"} and not _has_whole_boxes(file):
        raise errors.InputError("is cut short: the end of its data is missing")
    frames = _count_gif(file) if name == "GIF" else 1
    file.seek(0)
    title = kinds.KINDS[name].title
    kind = f"is damaged, or a kind of {title} picture that cannot be read"
    with decoder.reading(f"{kind}: convert it to PNG or JPEG"):
        header = _by_pillow(decoder.opened(name, file), frames)
        if name != "PSD":
            return header
        has_clear_alpha, may_be_blank = _inspect_psd(file)
        has_alpha = header.has_alpha and has_clear_alpha
        return replace(header, has_alpha=has_alpha, may_be_blank=may_be_blank)


def _by_pillow(image: ImageFile.ImageFile, frames: int) -> Header:
    orientation = note = None
    pixel_bytes = 4
    exif_data, profile = image.info.get("exif"), image.info.get("icc_profile")
    xmp = image.info.get("xmp")
    has_metadata = bool(exif_data or xmp or image.info.get("comment"))
    bits = _BITS.get(image.mode, 8)
    if isinstance(image, tiff.StoredTiffFile):
        has_metadata = image.has_metadata
        exif_data = image.carried_exif()
        frames, orientation, note = image.frames, image.orientation, image.note
        bits = image.stored.bits
        if image.samples is not None:
            pixel_bytes = max(4, bits * image.stored.channels // 8)
    elif image.format == "AVIF":
        # Its decoder tells of a turned picture through EXIF, and does not turn it.
        orientation = exif.orientation(exif_data)
    elif image.format == "HEIF":
        profile = profile or _named_colours(image)
    if image.format in {"AVIF", "HEIF"}:
        frames = int(getattr(image, "n_frames", 1))
    return Header(
        width=image.width,
        height=image.height,
        colour=_COLOURS.get(image.mode, "other"),
        bits=bits,
        least_bytes=image.width * image.height // _PIXELS_PER_BYTE.get(image.format or "", 1 << 20),
        has_alpha=image.has_transparency_data or decoder.frame_box(image) is not None,
        orientation=orientation,
        was_turned=image.info.get("original_orientation") not in {None, 1},
        frames=frames,
        profile=profile if isinstance(profile, bytes) and profile else None,
        exif=exif_data.removeprefix(exif.MARK) if isinstance(exif_data, bytes) else None,
        xmp=xmp if isinstance(xmp, bytes) else None,
        has_metadata=has_metadata,
        pixel_bytes=pixel_bytes,
        note=note,
    )


def _named_colours(image: ImageFile.ImageFile) -> bytes | None:
    """Return a profile for colours that a HEIF file names by numbers, or None."""
    match image.info.get("nclx_profile"):
        case {"color_primaries": int(primaries), "transfer_characteristics": int(transfer)}:
            return icc.from_codes(primaries, transfer)
        case _:
            return None


def _has_whole_boxes(file: BinaryIO) -> bool:
    """Tell whether every box at the top level (ISO/IEC 14496-12) ends within the file.

    The decoders behind Pillow accept a file that was cut in half and fill up the rest.
    """
    end = file.seek(0, io.SEEK_END)
    position = 0
    for _ in range(_MAX_BOXES):
        file.seek(position)
        header = file.read(16)
        if len(header) < 8:
            break  # a few stray bytes after the last box do no harm
        size, large = struct.unpack(">I4xQ", header.ljust(16, b"\0"))
        length = large if size == 1 else size
        # The last box, which goes on to the end of the file, has 0. What else is below 8 is no
        # box: the decoder will have its own opinion.
        if length < 8 or not header[4:8].isascii():
            break
        position += length
        if position > end:
            return False
    return True


def _count_gif(file: BinaryIO) -> int:
    """Return the number of frames; a damaged tail ends the count."""
    file.seek(10)
    _skip_colours(file, file.read(3)[:1])
    frames = 0
    for _ in range(_MAX_BLOCKS):
        kind = file.read(1)
        if kind == b",":
            frames += 1
            _skip_colours(file, file.read(9)[8:])
        if kind not in {b",", b"!"} or frames >= MAX_COUNTED:
            break
        file.seek(1, 1)
        for _ in range(_MAX_BLOCKS):  # a row of data blocks, each behind its length
            length = file.read(1)
            if length in {b"", b"\0"}:
                break
            file.seek(length[0], 1)
    return max(1, frames)


def _skip_colours(file: BinaryIO, flags: bytes) -> None:
    """Move behind a table of colours, if the flags say that there is one."""
    if flags and flags[0] & 0x80:
        file.seek(3 << (flags[0] & 7) + 1, 1)


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
