"""Looking at a picture's header: what it is, how large, and what preparing it will take."""

import io
from dataclasses import replace
from typing import Final

from prodia_compose import errors
from prodia_compose.frozen import frozen
from prodia_compose.images.colour import icc
from prodia_compose.images.formats import exif, jpeg, png, webp
from prodia_compose.images.pixels import decoder
from prodia_compose.images.probe import marks, sniff
from prodia_compose.images.probe.header import Header
from prodia_compose.inputs.blob import Opener

_MAX_SIDE: Final = 200_000  # above any scan; an area within the limit can hide a longer one
_MAX_WHOLE_BYTES: Final = 500_000_000  # of formats that decoders read into memory as a whole

_READERS: Final = {"JPEG": jpeg.read_header, "PNG": png.read_header, "WEBP": webp.read_header}


@frozen
class ImageInfo:
    """What was found in a file of a format of `kinds`; the size is upright, in pixels.

    `has_c2pa` is whether it carries C2PA that is whole.
    """

    format: str
    width: int
    height: int
    byte_count: int
    header: Header
    has_c2pa: bool = False

    @property
    def orientation(self) -> int:
        """How the stored picture lies, 1 to 8 as in EXIF; 1 is upright."""
        return self.header.orientation or 1


def probe(
    opener: Opener, *, max_input_pixels: int = 250_000_000, may_be_slow: bool = False
) -> ImageInfo:
    """Return what a picture's header says, without decoding a pixel.

    What would take minutes to decode is refused, unless it `may_be_slow`.

    Raises:
        errors.InputError: It is no picture, damaged, or too large; the caller names the file.
    """
    decoder.allow(max_input_pixels)
    with decoder.reading(), opener() as file:
        name = sniff.identify(file)
        byte_count = file.seek(0, io.SEEK_END)
        if name in {"WEBP", "AVIF", "HEIF"} and byte_count > _MAX_WHOLE_BYTES:
            raise errors.InputError(
                f"has {byte_count // 1_000_000} MB, too much for a {name} picture to be read",
                "save it as JPEG or PNG",
            )
        if name in _READERS:
            header = _READERS[name](file)
        else:
            from prodia_compose.images.probe import foreign  # noqa: PLC0415 - seldom needed

            header = foreign.read_header(name, file)
        has_c2pa = header.has_metadata and marks.look_at(file, name).c2pa == "present"
        if header.profile is None:
            stored = file if name == "TIFF" else io.BytesIO(header.exif or b"")
            if exif.is_adobe_rgb(stored):
                header = replace(header, profile=icc.adobe_rgb())
    _check_size(header, max_input_pixels)
    if header.slow is not None and not may_be_slow:
        raise errors.InputError(f"is {header.slow}", "save it anew, not progressive")
    if byte_count < header.least_bytes:
        raise errors.InputError(
            f"is cut short or damaged: {byte_count} bytes cannot hold "
            f"{header.width}x{header.height} pixels"
        )
    width, height = header.width, header.height
    if (header.orientation or 1) >= 5:
        width, height = height, width
    return ImageInfo(
        format=name,
        width=width,
        height=height,
        byte_count=byte_count,
        header=header,
        has_c2pa=has_c2pa,
    )


def _check_size(header: Header, max_input_pixels: int) -> None:
    """Refuse what cannot be a picture, or would cost too much to decode."""
    width, height = header.width, header.height
    if width < 1 or height < 1:
        raise errors.InputError(f"is damaged: its header says {width}x{height} pixels")
    longest, pixels = max(width, height), width * height
    if longest > _MAX_SIDE:
        raise errors.InputError(
            f"has a side of {longest} pixels; the limit is {_MAX_SIDE}", "make it smaller"
        )
    if pixels > max_input_pixels:
        raise errors.InputError(
            f"has {_megapixels(pixels, max_input_pixels)} megapixels; the limit is "
            f"{max_input_pixels / 1e6:.9g}",
            "raise --max-input-pixels if you trust it",
        )


def _megapixels(pixels: int, limit: int) -> str:
    """Return a number of megapixels, rounded unless it would then look like the limit."""
    rounded = f"{pixels / 1e6:.4g}"
    return rounded if float(rounded) * 1e6 > limit else f"{pixels / 1e6:.9g}"
