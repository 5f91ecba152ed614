"""What the header of a picture tells, in the same words for every format."""

from dataclasses import field
from typing import Literal

from prodia_compose.frozen import frozen

Colour = Literal["grey", "palette", "rgb", "cmyk", "other"]
"""How the pixels are stored; "rgb" includes YCbCr, "other" is Lab and what Pillow knows alone."""


@frozen
class Header:
    """A picture as stored, before any rotation; sizes in pixels.

    Attributes:
        bits: Bits of one channel, or of a palette index.
        least_bytes: The fewest bytes that this format can hold so many pixels in.
        has_uneven_chroma: Whether a JPEG stores colour beside brightness at neither its full
            nor half its size, such as at half of one side only.
        has_alpha: Whether some pixel could be transparent.
        is_interlaced: Whether the pixels come in several passes, as in a progressive JPEG,
            so that a decoder has to hold all of them.
        orientation: EXIF's, 1 to 8; None where it says nothing usable.
        was_turned: Whether the decoder itself turns the picture upright.
        may_be_blank: Whether it is said to hold a blank sheet in place of the picture.
        frames: How many pictures the file holds one after the other; of very many,
            only the first thousand are counted.
        exif: EXIF data without the word "Exif" in front, where it can be carried over.
        xmp: XMP data, where it can be carried over.
        iptc: Photoshop's resources with the IPTC data, where they can be carried over.
        has_metadata: Whether there is anything beside the picture and its colours.
        note: What was wrong and did not matter, in words; None if nothing was.
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
    note: str | None = None
