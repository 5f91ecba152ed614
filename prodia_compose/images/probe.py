"""Looking at a picture's header: what it is, how large, and what preparing it will take."""

import io
from dataclasses import dataclass
from typing import BinaryIO, Final

from PIL import ImageFile

from prodia_compose import errors
from prodia_compose.blob import Opener
from prodia_compose.images import (
    boxes,
    decoder,
    exif,
    icc,
    jpeg,
    pages,
    png,
    psd,
    sniff,
    tiff,
    webp,
)
from prodia_compose.images.header import Colour, Header

__all__ = ["ImageInfo", "probe"]

_MAX_SIDE: Final = 200_000
"""Above any scan or panorama; an area within the limit can hide a side beyond all measure."""

_MAX_WHOLE_BYTES: Final = 500_000_000
"""For the formats that their decoders read into memory as a whole."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """What was found in a file.

    Attributes:
        format: Pillow's name of the format; "JPEG" for MPO, "HEIF" for HEIC.
        width: In pixels, upright.
        height: In pixels, upright.
        byte_count: The file's length.
        header: What the header says of the picture as stored.
    """

    format: str
    width: int
    height: int
    byte_count: int
    header: Header

    @property
    def orientation(self) -> int:
        """How the stored picture lies, 1 to 8 as in EXIF; 1 is upright."""
        return self.header.orientation or 1


def probe(opener: Opener, *, max_input_pixels: int = 250_000_000) -> ImageInfo:
    """Return what a picture's header says, without decoding a pixel.

    Args:
        opener: Gives a fresh reader of the file each time.
        max_input_pixels: The largest width x height to accept.

    Raises:
        errors.InputError: It is no picture, damaged, or too large. The message is the
            reason alone, beginning in lower case; the caller puts the file in front.
    """
    with decoder.quiet(max_input_pixels), decoder.reading(), opener() as file:
        name = sniff.identify(file)
        byte_count = file.seek(0, io.SEEK_END)
        if name in {"WEBP", "AVIF", "HEIF"} and byte_count > _MAX_WHOLE_BYTES:
            raise errors.InputError(
                f"has {byte_count // 1_000_000} MB, too much for a {name} picture to be read"
            )
        header = _read_header(name, file)
    _check_size(header, max_input_pixels)
    if byte_count < header.least_bytes:
        raise errors.InputError(
            f"is cut short or damaged: {byte_count} bytes cannot hold "
            f"{header.width}x{header.height} pixels"
        )
    width, height = header.width, header.height
    if (header.orientation or 1) >= 5:
        width, height = height, width
    return ImageInfo(format=name, width=width, height=height, byte_count=byte_count, header=header)


def _read_header(name: str, file: BinaryIO) -> Header:
    if name == "JPEG":
        return jpeg.read_header(file)
    if name == "PNG":
        return png.read_header(file)
    if name == "WEBP":
        return webp.read_header(file)
    if name in {"AVIF", "HEIF"} and not boxes.is_whole(file):
        raise errors.InputError("is cut short: the end of its data is missing")
    frames, orientation, flat = 1, None, psd.FlatPicture()
    if name == "TIFF":
        frames, orientation = pages.inspect_tiff(file)
    elif name == "GIF":
        frames = pages.count_gif(file)
    elif name == "PSD":
        flat = psd.inspect(file)
    file.seek(0)
    with decoder.reading(f"is damaged, or a kind of {name} file that cannot be read"):
        image = decoder.opened(name, file)
        return _by_pillow(image, frames=frames, orientation=orientation, flat=flat)


def _by_pillow(
    image: ImageFile.ImageFile, *, frames: int, orientation: int | None, flat: psd.FlatPicture
) -> Header:
    """Return what Pillow found in the header of a format that is not read here."""
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
        has_alpha=flat.alpha_is_transparency and image.has_transparency_data,
        may_be_blank=flat.may_be_blank,
        orientation=orientation,
        was_turned=image.info.get("original_orientation") not in {None, 1},
        frames=frames,
        profile=profile if isinstance(profile, bytes) and profile else None,
        exif=exif_data.removeprefix(b"Exif\0\0") if isinstance(exif_data, bytes) else None,
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
    return icc.from_codes(int(primaries), int(transfer))


def _bits(image: ImageFile.ImageFile) -> int:
    """Return the bits of one channel as stored."""
    stored = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE)
    if isinstance(stored, tuple) and stored and isinstance(stored[0], int):
        return stored[0]
    return _BITS.get(image.mode, 8)


def _check_size(header: Header, max_input_pixels: int) -> None:
    """Refuse what cannot be a picture, or would cost too much to decode.

    Raises:
        errors.InputError: A side is 0 or absurd, or there are too many pixels.
    """
    if header.width < 1 or header.height < 1:
        raise errors.InputError(
            f"is damaged: its header says {header.width}x{header.height} pixels"
        )
    if max(header.width, header.height) > _MAX_SIDE:
        raise errors.InputError(
            f"has a side of {max(header.width, header.height)} pixels; the limit is {_MAX_SIDE}"
        )
    pixels = header.width * header.height
    if pixels > max_input_pixels:
        raise errors.InputError(
            f"has {_megapixels(pixels, max_input_pixels)} megapixels; the limit is "
            f"{max_input_pixels / 1e6:.9g} (--max-input-pixels)"
        )


def _megapixels(pixels: int, limit: int) -> str:
    """Return a number of megapixels, rounded unless it would then look like the limit."""
    rounded = f"{pixels / 1e6:.4g}"
    return rounded if float(rounded) * 1e6 > limit else f"{pixels / 1e6:.9g}"
