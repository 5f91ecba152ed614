"""The bytes of a TIFF's rows, whatever they mean, by the decoders that Pillow has.

To these a file is shown with a directory of its own, which says that each byte is a grey pixel.
"""

import io
import shutil
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Final

from PIL import Image, TiffImagePlugin

from prodia_compose.images.formats import tiff

_BLOCK_BYTES: Final = 1 << 20
_LONG, _LONG8 = 4, 16
_START: Final = {"Q": b"II+\0" + bytes(12), "I": b"II*\0" + bytes(4)}


class _Bytes(TiffImagePlugin.TiffImageFile):
    """A TIFF with a directory that is already read."""

    def __init__(self, file: IO[bytes], tags: TiffImagePlugin.ImageFileDirectory_v2) -> None:
        self._tags = tags
        super().__init__(file)

    def _open(self) -> None:
        self.tag_v2 = self._tags
        self.is_animated = False
        self._setup()

    def load_prepare(self) -> None:
        """Make room; the limit on pixels, which are not what is counted here, was kept before."""
        self.im = Image.new("L", self.size, None).im
        super().load_prepare()

    def load_end(self) -> None:
        """Leave the bytes as they are."""


def planes(file: IO[bytes], stored: tiff.Layout) -> Iterator[Image.Image]:
    """Yield the rows of each plane, up to the right edge of the last tile, as bytes in mode L."""
    count = stored.channels if stored.is_planar else 1
    prefix = b"II" if stored.order == "<" else b"MM"
    source: IO[bytes] = file
    copied = io.BytesIO()
    if stored.compression != tiff.NONE:  # libtiff looks for directory and pixels in one file
        file.seek(0)
        shutil.copyfileobj(file, copied, _BLOCK_BYTES)
        copied.write(bytes(copied.tell() % 2))
        source = copied
    for plane in range(count):
        place = copied.seek(0, io.SEEK_END)
        code = "Q" if stored.is_big else "I"
        copied.write(_directory(_entries(stored, plane, count), stored.order, code, place))
        directory = TiffImagePlugin.ImageFileDirectory_v2(_START[code], prefix=prefix)
        copied.seek(place)
        directory.load(copied)
        image = _Bytes(source, directory)
        image.load()
        yield image


def _entries(stored: tiff.Layout, plane: int, count: int) -> dict[int, Sequence[int]]:
    """Return the directory of one of `count` planes: the values of each tag."""
    per_plane = len(stored.offsets) // count
    own = slice(plane * per_plane, (plane + 1) * per_plane)
    offsets, lengths = stored.offsets[own], stored.lengths[own]
    across = -(-stored.width // stored.tile[0])
    entries: dict[int, Sequence[int]] = {
        tiff.WIDTH: [across * stored.row_bytes],
        tiff.HEIGHT: [stored.height],
        tiff.BITS: [8],
        tiff.COMPRESSION: [stored.compression],
        tiff.PHOTOMETRIC: [tiff.BLACK_IS_ZERO],
        tiff.FILL_ORDER: [stored.fill_order],
        tiff.CHANNELS: [1],
        tiff.PREDICTOR: [2 if stored.has_byte_differences else 1],
    }
    if stored.is_tiled:
        entries |= {tiff.TILE_WIDTH: [stored.row_bytes], tiff.TILE_HEIGHT: [stored.tile[1]]}
        return entries | {tiff.TILE_OFFSETS: offsets, tiff.TILE_BYTES: lengths}
    entries |= {tiff.STRIP_OFFSETS: offsets, tiff.ROWS_PER_STRIP: [stored.tile[1]]}
    return entries | {tiff.STRIP_BYTES: lengths}


def _directory(entries: Mapping[int, Sequence[int]], order: str, code: str, place: int) -> bytes:
    """Return a directory that will be at that place; `code` is `struct`'s, of an offset."""
    kept = {tag: values for tag, values in sorted(entries.items()) if values}
    inline = struct.calcsize(code)
    counter, kind = ("Q", _LONG8) if code == "Q" else ("H", _LONG)
    table = struct.pack(order + counter, len(kept))
    behind = place + len(table) + len(kept) * (4 + 2 * inline) + inline
    more = b""
    for tag, values in kept.items():
        value = struct.pack(f"{order}{len(values)}{code}", *values)
        if len(value) > inline:
            more += value
            value = struct.pack(order + code, behind + len(more) - len(value))
        table += struct.pack(f"{order}HH{code}", tag, kind, len(values)) + value
    return table + bytes(inline) + more
