"""What the header of a picture tells, in the same words for every format."""

from dataclasses import field
from typing import Final, Literal

from prodia_compose.frozen import frozen

MAX_COUNTED: Final = 1000
"""Frames; to visit each of a million tiny ones would keep a reader busy for minutes."""

Colour = Literal["grey", "palette", "rgb", "cmyk", "other"]
"""How the pixels are stored; "rgb" includes YCbCr, "other" is Lab and what Pillow knows alone."""


@frozen
class Header:
    """A picture as stored, before any rotation; sizes in pixels.

    Attributes:
        bits: Bits of one channel, or of a palette index.
        least_bytes: The fewest bytes that this format can hold so many pixels in.
        has_uneven_chroma: A JPEG stores colour at neither the full nor half the size of
            brightness, such as at half of one side only.
        has_alpha: Some pixel could be transparent.
        is_interlaced: The pixels come in several passes, as in a progressive JPEG, so that a
            decoder has to hold all of them.
        orientation: EXIF's, 1 to 8; None where it says nothing usable.
        was_turned: The decoder itself turns the picture upright.
        may_be_blank: It is said to hold a blank sheet in place of the picture.
        frames: How many pictures the file holds one after the other, up to `MAX_COUNTED`.
        profile: Of its colours, in ICC's form; empty where it says that they are sRGB, None where
            it says nothing.
        exif: Without the word "Exif" in front; this and the next two where they can be carried over.
        iptc: Photoshop's resources with the IPTC data.
        has_metadata: There is something beside the picture and its colours.
        covered: Which part of its canvas the first frame covers, from left and top to right and
            bottom, where it is not all of it; the rest is transparent.
        pixel_bytes: How much memory a decoder takes for a pixel, where it holds all of them.
        note: What was wrong and did not matter, or left out, in words; None if nothing was.
        slow: What it is, if decoding it would take minutes, in words that follow "is".
    """

    width: int
    height: int
    colour: Colour
    bits: int = 8
    least_bytes: int = 0
    has_uneven_chroma: bool = False
    has_alpha: bool = False
    is_interlaced: bool = False
    orientation: int | None = None
    was_turned: bool = False
    may_be_blank: bool = False
    frames: int = 1
    profile: bytes | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    iptc: bytes | None = field(default=None, repr=False)
    has_metadata: bool = False
    covered: tuple[int, int, int, int] | None = None
    pixel_bytes: int = 4
    note: str | None = None
    slow: str | None = None
