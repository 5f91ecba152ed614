"""The headers of the formats that are left to Pillow: all but JPEG, PNG and WebP."""

from dataclasses import replace
from typing import BinaryIO, Final

from PIL import ImageFile

from prodia_compose import errors
from prodia_compose.images.colour import icc
from prodia_compose.images.formats import boxes, exif
from prodia_compose.images.pixels import decoder
from prodia_compose.images.probe import pages, psd, tiff
from prodia_compose.images.probe.header import Colour, Header

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
_BITS_PER_SAMPLE = 258


def read_header(name: str, file: BinaryIO) -> Header:
    """Return what Pillow's reader of the format of that name finds, without decoding.

    Raises:
        errors.InputError: There is no picture in it, or its end is missing.
    """
    if name in {"AVIF", "HEIF"} and not boxes.is_whole(file):
        raise errors.InputError("is cut short: the end of its data is missing")
    frames, orientation = 1, None
    if name == "TIFF":
        frames, orientation = pages.inspect_tiff(file)
    elif name == "GIF":
        frames = pages.count_gif(file)
    file.seek(0)
    with decoder.reading(f"is damaged, or a kind of {name} file that cannot be read"):
        header = _by_pillow(decoder.opened(name, file), frames, orientation)
        if name != "PSD":
            return header
        has_clear_alpha, may_be_blank = psd.inspect(file)
        has_alpha = header.has_alpha and has_clear_alpha
        return replace(header, has_alpha=has_alpha, may_be_blank=may_be_blank)


def _by_pillow(image: ImageFile.ImageFile, frames: int, orientation: int | None) -> Header:
    exif_data, profile = image.info.get("exif"), image.info.get("icc_profile")
    xmp = image.info.get("xmp")
    has_metadata = bool(exif_data or xmp or image.info.get("comment"))
    if isinstance(image, tiff.StoredTiffFile):
        has_metadata = image.has_metadata
        exif_data = image.carried_exif()
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
        bits=_bits(image),
        least_bytes=image.width * image.height // _PIXELS_PER_BYTE.get(image.format or "", 1 << 20),
        has_alpha=image.has_transparency_data,
        orientation=orientation,
        was_turned=image.info.get("original_orientation") not in {None, 1},
        frames=frames,
        profile=profile if isinstance(profile, bytes) and profile else None,
        exif=exif_data.removeprefix(exif.MARK) if isinstance(exif_data, bytes) else None,
        xmp=xmp if isinstance(xmp, bytes) else None,
        has_metadata=has_metadata,
    )


def _named_colours(image: ImageFile.ImageFile) -> bytes | None:
    """Return a profile for colours that a HEIF file names by numbers, or None."""
    named = image.info.get("nclx_profile")
    if not isinstance(named, dict):
        return None
    primaries, transfer = named.get("color_primaries"), named.get("transfer_characteristics")
    if not isinstance(primaries, int) or not isinstance(transfer, int):
        return None
    return icc.from_codes(primaries, transfer)


def _bits(image: ImageFile.ImageFile) -> int:
    stored = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE)
    if isinstance(stored, tuple) and stored and isinstance(stored[0], int):
        return stored[0]
    return _BITS.get(image.mode, 8)
