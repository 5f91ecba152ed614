"""Pictures whose decoder hands over all of their pixels at once, as bytes: HEIC and AVIF.

Pillow's own copy of them would take four bytes a pixel beside these three, 192 MB for 48
megapixels; so it is given a band at a time.
"""

from typing import Any, BinaryIO

from PIL import Image

from prodia_compose.frozen import frozen
from prodia_compose.images.formats import boxes
from prodia_compose.images.pixels import decoder, depth
from prodia_compose.images.plan import Size


@frozen
class Interleaved:
    """The rows of a picture, as `resample.Rows`.

    Attributes:
        mode: Of what the bytes hold, one of Pillow's modes.
        stride: Bytes from one row to the next.
        owner: What the bytes belong to; without it they are gone.
    """

    size: Size
    mode: str
    data: memoryview
    stride: int
    owner: object
    convert: depth.Convert

    def read(self, first: int, last: int) -> tuple[Image.Image, int]:
        """As `Rows` says."""
        rows = self.data[first * self.stride : last * self.stride]
        size = self.size[0], last - first
        band = Image.frombytes(self.mode, size, rows, "raw", self.mode, self.stride)
        return self.convert(band), first


def decoded(format_name: str, file: BinaryIO, bits: int) -> Interleaved:
    """Return the first picture of a file of one of the formats; use within `decoder.reading`."""
    crop = boxes.crop(boxes.properties(file), turned=format_name == "HEIF")
    file.seek(0)
    image: Any = decoder.opened(format_name, file)
    # With Pillow's own ways to these bytes there would be a copy of them.
    if format_name == "HEIF":
        owner = image._heif_file[image.tell()]  # noqa: SLF001
        size, mode, data, stride = owner.size, owner.mode, owner.data, owner.stride
    else:
        data = owner = image._decoder.get_frame(0)[0]  # noqa: SLF001
        size, mode, stride = image.size, image.mode, len(data) // image.height
    left, top, width, height = crop or (0, 0, *size)
    blank = Image.new(mode, (1, 1))
    return Interleaved(
        size=(width, height),
        mode=mode,
        data=memoryview(data)[top * stride + left * len(blank.tobytes()) :],
        stride=stride,
        owner=owner,
        convert=depth.conversion(blank, bits),
    )
