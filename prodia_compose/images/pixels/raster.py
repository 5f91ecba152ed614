"""Pixels out of a file: at the smallest scale that will do, once, and wholly.

A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size, for a fraction of the time and
memory. Measured on 45 camera photos of 8 to 22 megapixels, against a full decode and
Lanczos from there (PSNR over RGB; the worst photo and the median):

========  ======  ===============  =======================
scale     margin  4:4:4 and 4:2:0  others (margin x 1.5)
========  ======  ===============  =======================
1/2       1.9     47.9, 52.6 dB    48.0, 53.7 dB
1/4       3       50.7, 53.3 dB    49.4, 54.8 dB
1/8       4       51.8, 54.0 dB    49.4, 55.3 dB
========  ======  ===============  =======================

The margin is how many times larger than wanted the decoded picture is; with 1 it would
cost up to 15 dB. Of colour stored at half the width but full height (4:2:2), libjpeg
loses half at any reduced scale, so such files get half as much margin again. What it makes of
lines and text is told, and mended, by `lines`.
"""

import functools
import sys
import threading
from typing import BinaryIO, Final

from PIL import Image, ImageFile, JpegImagePlugin

from prodia_compose import errors
from prodia_compose.images.formats import jpeg, png
from prodia_compose.images.pixels import decoder, depth, resample, spare, strips
from prodia_compose.images.plan import Size
from prodia_compose.images.probe.probe import ImageInfo
from prodia_compose.inputs.blob import Opener

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGE_BYTES: Final = 8 << 20  # above the bands that are worked through, below most pictures
_SPARE_BYTES: Final = 32 << 20  # what a heap keeps at its end: no band is asked for again

_MARGINS: Final = {8: 4.0, 4: 3.0, 2: 1.9}
_ROUGHLY: Final = dict.fromkeys(_MARGINS, 1.0)
_UNEVEN_FACTOR = 1.5

# Bytes a pixel: of a decoded one, whatever its mode (greys take 1, but seldom come in large
# numbers); beside it, of a progressive JPEG (libjpeg holds 16 bits for each of its 1.5
# samples).
PIXEL_BYTES, _COEFFICIENT_BYTES = 4, 3

_at_full_size = threading.Lock()
"""For pictures that turn out to need more room than `peak_bytes` foretold: one at a time."""

_HANDED_BYTES: Final = {"HEIF": 6, "AVIF": 8}
"""The same while a decoder hands over all pixels: as it has them, as RGB, and AVIF's as bytes too.
A HEIC of 10 bits takes 8 as well."""


def decode(opener: Opener, info: ImageInfo, size: Size, *, is_rough: bool = False) -> Image.Image:
    """Return a picture made as small as wanted, not yet turned; `size` is of the upright one.

    It is in mode L, LA, RGB, RGBA, CMYK or LAB. One to be looked at only may be `is_rough`:
    decoded at the smallest scale that is no smaller than wanted.

    Raises:
        errors.InputError: It is damaged.
        errors.OutputError: There is no room for temporary files.
    """
    _settle_allocator()
    stored = _as_stored(size, info)
    if info.format == "PNG":
        if strips.can_read(info.header):
            with decoder.reading(), opener() as file:
                rows = strips.Strips(file, info.header)
                image = resample.shrunk(rows, stored)
                rows.finish()
            return image
        opener = decoder.copied(opener, png.stripped).open
    with decoder.reading():
        scale = _scale(info, stored, is_rough=is_rough)
        return _whole(opener, info, stored, scale, is_rough=is_rough)


def _as_stored(size: Size, info: ImageInfo) -> Size:
    """Return the size, before the picture is turned, of one that will be as wide and high upright."""
    return size if info.orientation < 5 else (size[1], size[0])


def check(opener: Opener, info: ImageInfo) -> Image.Image:
    """Return a picture decoded to see whether it is whole; errors are those of `decode`.

    A JPEG has its end, or it would not have come here. So a decoder is shown its structure
    and the start of its data, at 1/8 of the size: a tenth of the time of all of it. What is
    returned for one is opaque, and nothing else.
    """
    if info.format != "JPEG":
        with decoder.reading():
            return _whole(opener, info, (info.header.width, info.header.height), 1)
    skimmed = decoder.copied(opener, jpeg.skimmed)
    with decoder.reading(), skimmed.open() as file:
        loaded(file, info, _smallest_scale(info))
    return Image.new("L", (1, 1))


def peak_bytes(info: ImageInfo, size: Size) -> int:
    """Return about how much memory `decode` takes at its peak, its result included."""
    before, after = info.width * info.height, size[0] * size[1]
    if info.format == "JPEG":
        return jpeg_bytes(info, _scale(info, _as_stored(size, info))) + PIXEL_BYTES * after
    if info.format == "PNG" and strips.can_read(info.header):
        return PIXEL_BYTES * after
    return _HANDED_BYTES.get(info.format, info.header.pixel_bytes) * before


def jpeg_bytes(info: ImageInfo, scale: int | None = None) -> int:
    """Return about how much memory a JPEG takes at 1/scale; None is for `check`."""
    scale = scale or _smallest_scale(info)
    coefficients = _COEFFICIENT_BYTES if info.header.is_interlaced else 0
    return info.width * info.height * (coefficients * scale**2 + PIXEL_BYTES) // scale**2


def _whole(
    opener: Opener, info: ImageInfo, size: Size, scale: int, *, is_rough: bool = False
) -> Image.Image:
    """Return a picture decoded at 1/scale, converted and shrunk to a stored size."""
    if info.format in _HANDED_BYTES:
        from prodia_compose.images.pixels import interleaved  # noqa: PLC0415 - seldom needed

        spare.drop()
        with opener() as file:
            pixels = interleaved.decoded(info.format, file, info.header.bits)
        _check_size(pixels.size, info, scale)
        return resample.shrunk(pixels, size)
    with opener() as file:
        image = loaded(file, info, scale)
    if info.header.may_be_blank and all(
        least == most for least, most in (channel.getextrema() for channel in image.split())
    ):
        raise errors.InputError(
            "is a Photoshop document without a flat picture",
            "save it with 'Maximize Compatibility', or as PNG",
        )
    extent = (info.header.width / scale, info.header.height / scale) if scale > 1 else None
    result = resample.shrunk(_rows(image, opener, info), size, extent)
    if scale > 1 and not is_rough and _has_lines(image):
        del image
        with _at_full_size:
            spare.drop()
            return _whole(opener, info, size, 1)
    if info.format == "JPEG" and result is not image:
        spare.keep(image)
    if not info.header.has_alpha and result.mode in {"LA", "RGBA"}:
        # A channel that is no transparency, such as a selection saved in a PSD.
        result = result.convert("RGB")
    return result


def _has_lines(image: Image.Image) -> bool:
    from prodia_compose.images.pixels import lines  # noqa: PLC0415 - seldom needed

    return lines.are_in(image)


def _rows(image: ImageFile.ImageFile, opener: Opener, info: ImageInfo) -> resample.Rows:
    """Return the rows of a loaded picture, to be given in 8 bits."""
    planes, stored = getattr(image, "samples", None), getattr(image, "stored", None)
    if planes and stored is not None:
        from prodia_compose.images.pixels import samples  # noqa: PLC0415 - seldom needed

        return samples.Samples(planes, stored)
    whole: Image.Image = image
    key = image.info.get("transparency")
    if (box := info.header.covered) is not None:
        whole = Image.new("RGBA", image.size)
        whole.paste(image.crop(box).convert("RGBA"), box)
    elif isinstance(key, tuple) and info.header.bits > 8:
        with opener() as file:
            whole = depth.with_wide_key(image, _lower_halves(file), key)
    return resample.Whole(image=whole, convert=depth.conversion(whole, info.header.bits))


def _lower_halves(file: BinaryIO) -> Image.Image:
    """Return the lower 8 bits of a PNG's 16-bit colours, of which Pillow gives the upper ones."""
    image = decoder.opened("PNG", file)
    image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]  # it has the big end first
    image.load()
    return image


def loaded(file: BinaryIO, info: ImageInfo, scale: int) -> ImageFile.ImageFile:
    """Return a picture decoded at 1/scale; use within `decoder.reading`."""
    width, height = info.header.width, info.header.height
    image = decoder.opened(info.format, file)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        if scale > 1:
            image.draft(None, (max(1, width // scale), max(1, height // scale)))
        if image.tile:  # or what is decoded into is taken for what was decoded
            image.im = spare.take(image.mode, image.size).im
    else:
        spare.drop()
    image.load()
    _check_size(image.size, info, scale)
    if scale > 1:
        _mend_edges(image, right=width % scale != 0, bottom=height % scale != 0)
    return image


def _check_size(size: Size, info: ImageInfo, scale: int) -> None:
    width, height = info.header.width, info.header.height
    if size != (-(-width // scale), -(-height // scale)):
        sizes = f"{size[0]}x{size[1]} pixels where the header says {width}x{height}"
        raise errors.InputError(f"is damaged: {sizes}")


def _mend_edges(image: Image.Image, *, right: bool, bottom: bool) -> None:
    """Put neighbours in place of a last column and row averaged from beyond the picture.

    What encoders write there, to fill up the last block, is theirs to choose.
    """
    if right and image.width > 1:
        box = (image.width - 2, 0, image.width - 1, image.height)
        image.paste(image.crop(box), (image.width - 1, 0))
    if bottom and image.height > 1:
        box = (0, image.height - 2, image.width, image.height - 1)
        image.paste(image.crop(box), (0, image.height - 1))


def _smallest_scale(info: ImageInfo) -> int:
    return next(each for each in (8, 4, 2, 1) if each <= min(info.width, info.height))


def _scale(info: ImageInfo, size: Size, *, is_rough: bool = False) -> int:
    if info.format != "JPEG":
        return 1
    room = min(info.header.width / size[0], info.header.height / size[1])
    if info.header.has_uneven_chroma:
        room /= _UNEVEN_FACTOR
    margins = _ROUGHLY if is_rough else _MARGINS
    return next((scale for scale, margin in margins.items() if room >= scale * margin), 1)


@functools.cache
def _settle_allocator() -> None:
    """Have the C library give large pieces back to the system at once, where it is glibc.

    By itself it keeps large pieces once the first have been freed, in a heap for each
    thread, with holes that the next picture does not quite fit in: fourteen pictures of 48
    megapixels then take 224 MB, not 160, and twice the time in the kernel.
    """
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - 2 ms, for pictures that are decoded

    try:
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, _SPARE_BYTES)
    except (OSError, AttributeError):  # another C library
        return
