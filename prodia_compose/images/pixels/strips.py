"""The pixels of a PNG from the top down, a strip at a time.

Pillow decodes a PNG as a whole: four bytes for each pixel, 192 MB for 48 megapixels. Here
the data is inflated as far as the rows that are asked for, and these are given to Pillow's
decoder in blocks that are stored, not compressed. A row can depend on the one above it, so
that one goes in front, as it came out. What the rows mean, Pillow says of the same PNG
without its pixels.
"""

import functools
import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from types import ModuleType
from typing import BinaryIO, Final

from PIL import Image

from prodia_compose.images.formats import png, stream
from prodia_compose.images.pixels import decoder, depth
from prodia_compose.images.probe.header import Header

_STORED_BYTES: Final = 65_535
"""The most that a stored block of deflate holds (RFC 1951, section 3.2.4)."""

_ZLIB_START: Final = b"\x78\x01"
_LAST_BLOCK: Final = b"\x01\0\0\xff\xff"
_MAX_TABLE_BYTES: Final = 1 << 16
"""Above what a palette and its transparency can take."""


def can_read(header: Header) -> bool:
    """Tell whether a PNG's rows come one after the other, a byte for each channel."""
    return header.bits == 8 and not header.is_interlaced


@functools.cache
def inflating() -> ModuleType:
    """Return ISA-L's inflating, or zlib's, which takes three times as long."""
    try:
        from isal import isal_zlib  # noqa: PLC0415 - only for PNGs
    except ImportError:  # there is none for this kind of machine
        return zlib
    return isal_zlib


class Strips:
    """The rows of a PNG, as `resample.Rows`; each is decoded once.

    Whatever is damaged raises what `decoder.reading` translates. The file has to stay open;
    for its header, `can_read` has to hold.
    """

    def __init__(self, file: BinaryIO, header: Header) -> None:
        self.size = header.width, header.height
        self._start = b""
        self._tables: list[bytes] = []
        self._blank: Image.Image | None = None  # the PNG without its pixels
        self._convert: depth.Convert = depth.as_it_is
        self._deflated: Iterator[bytes] = self._blocks(file)
        self._inflater = inflating().decompressobj()
        self._above = b""
        self._held: Image.Image | None = None
        self._top = 0

    def read(self, first: int, last: int) -> tuple[Image.Image, int]:
        """Return a picture that has some rows, and which row its first one is."""
        held, bottom = self._held, self._top + (self._held.height if self._held else 0)
        if held is None or last > bottom:
            top = bottom - 1 if self._above else bottom
            fresh = self._decoded(last - bottom)
            if held is None or first >= top:
                held, self._top = fresh, top
            else:
                kept = held.crop((0, first - self._top, held.width, held.height))
                held = Image.new(fresh.mode, (fresh.width, last - first))
                held.paste(kept, (0, 0))
                held.paste(fresh, (0, top - first))
                self._top = first
            self._held = held
        return held, self._top

    def finish(self) -> None:
        """Read on to the checksum behind the last row, which tells of damage."""
        while not self._inflater.eof:
            data = self._inflater.unconsumed_tail or next(self._deflated, b"")
            if not data or self._inflater.decompress(data, 1):
                return  # no checksum, or more than the picture: not what decoders mind

    def _decoded(self, count: int) -> Image.Image:
        """Return the next rows, and before them the one above, as 8-bit pixels."""
        blank = self._blank = self._blank or self._begin()
        row_bytes = 1 + self.size[0] * png.CHANNELS[self._start[9]]  # with its filter's number
        rows = self._inflated(count * row_bytes)
        if self._above:
            rows.insert(0, b"\0" + self._above)
            count += 1
        data = b"".join((_ZLIB_START, *_stored(rows), _LAST_BLOCK))
        image = Image.new(
            blank.mode, (self.size[0], count), None
        )  # black first would cost 1 % more
        image.frombytes(data, "zip", blank.mode)
        image.info = blank.info
        if blank.palette is not None:
            image.putpalette(blank.palette)
        self._above = image.crop((0, count - 1, image.width, count)).tobytes()
        return self._convert(image)

    def _begin(self) -> Image.Image:
        """Read what stands in front of the pixels."""
        first = next(self._deflated, b"")
        if len(self._start) < 13:
            raise stream.cut_short("PNG")
        self._deflated = chain((first,), self._deflated)
        start = _chunk(b"IHDR", self._start)
        head = b"".join((png.SIGNATURE, start, *self._tables, _chunk(b"IDAT", b""), png.END))
        blank = decoder.opened("PNG", io.BytesIO(head))
        self._convert = depth.conversion(blank, 8)
        return blank

    def _blocks(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the compressed data, having kept the chunks in front of it."""
        for name, length in png.chunks(file):
            if name == b"IHDR":
                self._start = self._start or file.read(length)
            elif name in {b"PLTE", b"tRNS"} and length <= _MAX_TABLE_BYTES:
                self._tables.append(_chunk(name, file.read(length)))
            elif name == b"IDAT":
                yield from stream.copy_exactly(file, length, "PNG")

    def _inflated(self, count: int) -> list[bytes]:
        """Return the next bytes of the rows, in pieces."""
        pieces = []
        while count:
            if self._inflater.eof:  # what follows would only pile up in it
                raise stream.cut_short("PNG")
            data = self._inflater.unconsumed_tail or next(self._deflated, b"")
            piece = self._inflater.decompress(data, count)
            if not piece and not data:
                raise stream.cut_short("PNG")
            pieces.append(piece)
            count -= len(piece)
        return pieces


def _stored(pieces: Iterable[bytes]) -> Iterator[bytes | memoryview]:
    """Yield bytes as blocks of deflate that are not compressed."""
    for piece in pieces:
        view = memoryview(piece)
        for at in range(0, len(piece), _STORED_BYTES):
            block = view[at : at + _STORED_BYTES]
            yield struct.pack("<BHH", 0, len(block), len(block) ^ 0xFFFF)
            yield block


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), name) + data + struct.pack(">I", zlib.crc32(name + data))
