"""Lanczos resampling: by the processor's vector instructions, where there is a build of them.

Of cykooz-resizer, which has its numbers from Pillow's own code. On one core, in milliseconds, and
how far the result is from Pillow's, which works along the rows first (PSNR over RGB):

=================  ======  ==============  =========================
to 2048 px         Pillow  cykooz-resizer  the two beside each other
=================  ======  ==============  =========================
12 megapixels      176     46              54.7 dB
24 megapixels      309     73              55.4 dB
=================  ======  ==============  =========================

What was tried before: brightness and halved colours each by itself, 0.9 of the time (49 dB);
bicubic, 0.7 of it, as much as 1.6 dB behind vipsthumbnail once encoded; and decoding at half the
size below a margin of 1.9, which makes bold stripes of lines that are three pixels apart.
"""

import functools
import math
from collections.abc import Callable
from typing import Final

from PIL import Image

from prodia_compose.images.plan import Size

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""

_MODES: Final = {"L", "RGB", "RGBa", "CMYK"}


def resized(image: Image.Image, size: Size, box: Box) -> Image.Image:
    """Return a part of a picture at another size, mixed with what lies around the part."""
    by_vectors = vectors()
    if by_vectors is not None and image.mode in _MODES:
        return by_vectors(image, size, box)
    # Down the columns first: as near to the exact result as Pillow's own way, and a sixth faster.
    left, top, right, bottom = box
    rows = image.width, size[1]
    image = image.resize(rows, Image.Resampling.LANCZOS, (0, top, image.width, bottom))
    return image.resize(size, Image.Resampling.LANCZOS, (left, 0, right, size[1]))


@functools.cache
def vectors() -> Callable[[Image.Image, Size, Box], Image.Image] | None:
    """Return `resized` by vector instructions, for some modes; None where there is none."""
    try:
        import cykooz_resizer as library  # noqa: PLC0415 - 10 ms, for pictures made smaller
    except ImportError:  # there is none for this kind of machine
        return None
    lanczos = library.ResizeAlg.convolution(library.FilterType.lanczos3)

    def resize(image: Image.Image, size: Size, box: Box) -> Image.Image:
        left, top, right, bottom = box
        # Rounded, their sum may be a trifle more than all there is, which is refused.
        width, height = math.nextafter(right - left, 0), math.nextafter(bottom - top, 0)
        part = library.CropBox(left, top, width, height)
        result = Image.new(image.mode, size, None)  # every pixel of it will be written
        library.Resizer().resize_pil(
            image, result, library.ResizeOptions(resize_alg=lanczos, crop_box=part)
        )
        return result

    return resize
