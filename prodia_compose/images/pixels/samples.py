"""Pixels of a TIFF for whose numbers Pillow has no mode, made of the bytes of its rows.

Numbers of more than 8 bits become Pillow's floating-point ones, and those a byte each, band
by band: so that little memory is needed beside that for the bytes as they are stored.
"""

import itertools
import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from PIL import Image, ImageChops

from prodia_compose.frozen import frozen
from prodia_compose.images.formats import tiff
from prodia_compose.images.pixels import depth, resample
from prodia_compose.images.plan import Size

_MODES: Final = {
    (tiff.UNSIGNED, 1): ("1", "1"),
    (tiff.UNSIGNED, 2): ("L", "L;2"),
    (tiff.UNSIGNED, 4): ("L", "L;4"),
    (tiff.UNSIGNED, 8): ("L", "L"),
    (tiff.UNSIGNED, 12): ("I;16", "I;12"),
    (tiff.UNSIGNED, 16): ("F", "F;16"),
    (tiff.UNSIGNED, 32): ("F", "F;32"),
    (tiff.SIGNED, 8): ("F", "F;8S"),
    (tiff.SIGNED, 16): ("F", "F;16S"),
    (tiff.SIGNED, 32): ("F", "F;32S"),
    (tiff.FLOAT, 32): ("F", "F;32F"),
    (tiff.FLOAT, 64): ("F", "F;64F"),
}
"""Pillow's mode and raw mode for numbers of a format and so many bits."""

_CODES: Final = {8: "B", 16: "H", 32: "I", 64: "Q"}


@frozen
class _Group:
    """Channels with one kind of numbers, as in `tiff`, and which of these are black and white."""

    channels: tuple[int, ...]
    format: int
    meant: tuple[float, float] = (0.0, 255.0)


class Samples:
    """The rows of a picture, as `resample.Rows`, in mode L, LA, RGB, RGBA, CMYK or LAB."""

    def __init__(self, planes: Sequence[Image.Image], stored: tiff.Layout) -> None:
        self.size: Size = stored.width, stored.height
        self._planes = planes
        self._stored = stored
        colours = list(range(stored.colours))
        self._groups = [self._group(colours, stored.format)]
        if stored.photometric in {tiff.LAB, tiff.ICC_LAB}:
            self._groups = _lab_groups(stored)
        if stored.alpha is not None:
            self._groups.append(self._group([stored.alpha], stored.format))

    def read(self, first: int, last: int) -> tuple[Image.Image, int]:
        """As `resample.Rows` says."""
        stored = self._stored
        bands = [
            band if band.mode == "L" else depth.in_bytes(band, group.meant)
            for group in self._groups
            for band in self._numbers(group, first, last)
        ]
        if stored.photometric == tiff.WHITE_IS_ZERO:
            bands[0] = ImageChops.invert(bands[0])
        if stored.photometric == tiff.INDEXES:
            bands[:1] = _looked_up(bands[0], stored).split()
        mode = stored.mode
        if not stored.is_weighed:
            return Image.merge(mode, bands), first
        return Image.merge(mode.replace("A", "a"), bands).convert(mode), first

    def _group(self, channels: Sequence[int], kind: int) -> _Group:
        """Return channels with what is black and white in them, in all of the picture."""
        group = _Group(channels=tuple(channels), format=kind)
        bits = self._stored.bits
        steps = 1 << bits - (kind == tiff.SIGNED)
        # In Pillow's floating-point numbers the greatest of 32 bits is the next higher one.
        most = float(steps if bits == 32 else steps - 1)
        if kind == tiff.UNSIGNED and bits <= 16:
            return replace(group, meant=(0.0, most))
        step = max(1, resample.BAND_PIXELS // self.size[0])
        extremes = [
            band.getextrema()
            for top in range(0, self.size[1], step)
            for band in self._numbers(group, top, min(self.size[1], top + step))
        ]
        whites = {white: white for white in sorted({255.0, min(depth.WIDEST, most), most})}
        if kind == tiff.FLOAT:
            whites = depth.FLOAT_WHITES
        return replace(group, meant=depth.meant_range(extremes, whites))

    def _numbers(self, group: _Group, first: int, last: int) -> list[Image.Image]:
        """Return some rows of each channel, in mode L or F."""
        if self._stored.is_planar:
            planes = [self._planes[channel] for channel in group.channels]
            return [self._rows(plane, group.format, first, last) for plane in planes]
        row = self._rows(self._planes[0], group.format, first, last)
        return [_every(row, self._stored.channels, channel) for channel in group.channels]

    def _rows(self, plane: Image.Image, kind: int, first: int, last: int) -> Image.Image:
        """Return some rows of a plane, the numbers of a pixel side by side, in mode L or F."""
        width = self._stored.row_bytes
        count = self.size[0] * self._stored.row_channels
        pieces = [
            _unpacked(plane.crop((left, first, left + width, last)), kind, self._stored)
            for left in range(0, plane.width, width)
        ]
        if len(pieces) == 1 and pieces[0].width == count:
            return pieces[0]
        wide = Image.new(pieces[0].mode, (count, last - first))
        for at, piece in enumerate(pieces):
            wide.paste(piece, (at * piece.width, 0))
        return wide


def _lab_groups(stored: tiff.Layout) -> list[_Group]:
    """Return Lab's channels with what is 0 and 255 in Pillow's: L's 0 and 100, and -128 and 127."""
    scale = 1 << stored.bits - 8
    if stored.photometric == tiff.ICC_LAB:
        return [_Group(channels=(0, 1, 2), format=tiff.UNSIGNED, meant=(0, 255 * scale))]
    lightness = _Group(channels=(0,), format=tiff.UNSIGNED, meant=(0, 256 * scale - 1))
    meant = -128 * scale, 127 * scale
    return [lightness, _Group(channels=(1, 2), format=tiff.SIGNED, meant=meant)]


def _looked_up(indexes: Image.Image, stored: tiff.Layout) -> Image.Image:
    """Return the colours for indexes, which were spread over all of 8 bits."""
    most = (1 << stored.bits) - 1
    table = Image.frombytes(
        "P", indexes.size, indexes.point(lambda value: value * most // 255).tobytes()
    )
    table.putpalette(stored.palette, "RGB;L")
    return table.convert("RGB")


def _unpacked(piece: Image.Image, kind: int, stored: tiff.Layout) -> Image.Image:
    """Return the numbers in some rows of a tile, in mode L or F."""
    order = stored.order
    if stored.has_byte_differences or stored.predictor == 1:
        data = piece.tobytes()
    elif stored.predictor == 2:
        data = _summed(piece.tobytes(), stored)
    else:
        data, order = _gathered(piece, stored), ">"
    size = stored.tile[0] * stored.row_channels, piece.height
    if (kind, stored.bits) == (tiff.FLOAT, 16):
        halves = struct.unpack(f"{order}{len(data) // 2}e", data)
        return Image.frombytes("F", size, array("f", halves).tobytes())
    mode, raw = _MODES[kind, stored.bits]
    if order == ">" and stored.bits > 12:
        raw = raw.replace(";16", ";16B").replace(";32", ";32B").replace(";64", ";64B")
    image = Image.frombytes(mode, size, data, "raw", raw)
    return image.convert({"1": "L", "I;16": "F"}.get(mode, mode))


def _every(row: Image.Image, step: int, start: int) -> Image.Image:
    """Return a picture of every so manieth pixel of a wide one, from one on."""
    if step == 1:
        return row
    size = row.width // step, row.height
    # A pixel's middle is half a pixel from its left edge; the nearest one is taken.
    matrix = step, 0, start + 0.5 - step / 2, 0, 1, 0
    return row.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST)


def _summed(data: bytes, stored: tiff.Layout) -> bytes:
    """Return rows whose numbers are differences to the pixel before with the numbers themselves."""
    numbers = array(_CODES[stored.bits], data)
    is_foreign = (stored.order == "<") != (sys.byteorder == "little")
    if is_foreign:
        numbers.byteswap()
    most = (1 << stored.bits) - 1
    step = stored.row_channels
    length = stored.tile[0] * step
    for start in range(0, len(numbers), length):
        for channel in range(start, start + step):
            own = slice(channel, start + length, step)
            sums = itertools.accumulate(numbers[own])
            numbers[own] = array(numbers.typecode, map(most.__and__, sums))
    if is_foreign:
        numbers.byteswap()
    return numbers.tobytes()


def _gathered(piece: Image.Image, stored: tiff.Layout) -> bytes:
    """Return floating-point numbers, big end first, from rows by Adobe's predictor for them.

    Such a row has the first bytes of all numbers, then all second ones and so on, each as
    the difference to the one before in its channel.
    """
    step = stored.row_channels
    while step < piece.width:  # each time twice as many differences are summed up
        before = Image.new("L", piece.size)
        before.paste(piece.crop((0, 0, piece.width - step, piece.height)), (step, 0))
        piece = ImageChops.add_modulo(piece, before)
        step *= 2
    count = stored.bits // 8
    data = bytearray(piece.width * piece.height)
    length = piece.width // count
    for at in range(count):
        data[at::count] = piece.crop((at * length, 0, (at + 1) * length, piece.height)).tobytes()
    return bytes(data)
