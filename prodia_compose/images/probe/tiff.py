"""TIFF files: which of their pictures counts, and who reads it.

Pillow's own class has no eyes for several pages, turns what it reads upright, looks at the
wrong byte for a BigTIFF's mark, and reads some kinds of pixel wrongly, without a word. It is
left those that it reads right; the samples of all others are read as bytes, for
`pixels.samples` to make sense of them.
"""

import itertools
from typing import IO, Any, Final

from PIL import Image, ImagePalette, TiffImagePlugin

from prodia_compose import errors
from prodia_compose.images.formats import exif, tiff
from prodia_compose.images.pixels import tiffbytes
from prodia_compose.images.probe.header import MAX_COUNTED

_DESCRIPTIVE: Final = (
    *(270, 271, 272, 305, 306, 315, 316, 700, 33432, 33723),
    *(34377, 34665, 34853, 37724, 40091, 40092, 40093, 40094, 40095),
)
"""Tags about the picture rather than of it: maker, software, time, author, XMP, IPTC, GPS..."""

_EXIF_DIRECTORY = 0x8769
_GPS_DIRECTORY = 0x8825
_PLAIN: Final = (270, 271, 272, 305, 306, 315, 33432)
_XMP, _ICC = 700, 34675

_DNG_VERSION = 50706
_SUBFILE_TYPE, _REDUCED, _MASK = 254, 1, 4
_OLD_SUBFILE_TYPE, _OLD_REDUCED = 255, 2
_SENSOR_DATA: Final = {32803, 34892}  # colour filter array, linear raw

_DEPTHS: Final = {
    tiff.UNSIGNED: {1, 2, 4, 8, 12, 16, 32},
    tiff.SIGNED: {8, 16, 32},
    tiff.FLOAT: {16, 32, 64},
}
"""Bits of a number that can be read as bytes and made sense of, by its format."""


class StoredTiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF's main picture as stored: not turned, and never stopped by broken EXIF data.

    Pillow's own class turns the picture while loading, from a copy of all the EXIF
    data that it parses and writes anew; each of these steps can fail on a picture
    that can be seen.

    Attributes:
        stored: How the picture is stored.
        samples: Once it is loaded, the bytes of its rows as a grey picture, for each plane
            one; None where Pillow makes the pixels.
        frames: How many pictures there are, without reduced copies and masks.
        orientation: As EXIF's, 1 to 8; None where it says nothing usable.
        note: What was passed over or left out, in words.
    """

    stored: tiff.Layout
    samples: tuple[Image.Image, ...] | None = None
    frames: int
    orientation: int | None
    note: str | None

    def _open(self) -> None:
        assert self.fp is not None  # noqa: S101 - ImageFile has set it
        head = self.fp.read(4)
        is_big = 43 in head[2:4]
        start = b"II+\0" + bytes(12) if is_big else b"II*\0" + bytes(4)
        self.tag_v2 = TiffImagePlugin.ImageFileDirectory_v2(start, prefix=head[:2])
        page, self.frames, passed = _chosen(self.fp)
        self.orientation = page.orientation
        self.fp.seek(page.offset)
        self.tag_v2.load(self.fp)
        self.is_animated = False
        self._n_frames = 1
        self._fp = self.fp
        self.stored = tiff.read(self.tag_v2, page.order, is_big=is_big)
        self.note = ", ".join(filter(None, (passed, self.stored.note))) or None
        if _is_read_by_pillow(self.stored):
            self._setup()
        elif _is_readable(self.stored):
            self._mode = self.stored.mode
            self._size = self.stored.width, self.stored.height
            self.samples = ()
        else:
            raise tiff.unreadable(self.stored)
        self.info["xmp"] = self.tag_v2.get(_XMP)
        self.info["icc_profile"] = self.tag_v2.get(_ICC)

    def _setup(self) -> None:
        """Have Pillow prepare for the pixels, and set right what it gets wrong."""
        stored = self.stored
        name = tiff.TILE_OFFSETS if tiff.TILE_OFFSETS in self.tag_v2 else tiff.STRIP_OFFSETS
        if stored.offsets:
            self.tag_v2[name] = stored.offsets  # those too many would be drawn over the others
        self.tag_v2[tiff.EXTRA], self.tag_v2[tiff.FORMAT] = stored.extra, (stored.format,)
        self.tag_v2[tiff.PLANAR] = 2 if stored.is_planar else 1
        self.tag_v2[tiff.FILL_ORDER] = 1  # libtiff, which alone reads the others, sees to it
        if (stored.photometric, stored.compression) == (tiff.YCBCR, tiff.NONE):
            # Only libtiff knows what to do where several pixels share their colour. It is left
            # whatever is compressed, and finds out from the file that this is not.
            self.tag_v2[tiff.COMPRESSION] = tiff.DEFLATE
        super()._setup()
        self._size = stored.width, stored.height
        if self.palette is not None:
            self.palette = ImagePalette.raw("RGB;L", stored.palette)

    def load(self) -> Any:
        """Read the pixels, or the samples that they are to be made of."""
        if self.samples is None:
            return super().load()
        assert self.fp is not None  # noqa: S101 - it is open
        self.samples = tuple(tiffbytes.planes(self.fp, self.stored))
        return None

    def load_end(self) -> None:
        """Leave the pixels as they are."""

    @property
    def has_metadata(self) -> bool:
        """Whether there is anything beside the picture and its colours."""
        return any(tag in self.tag_v2 for tag in _DESCRIPTIVE)

    def carried_exif(self) -> bytes | None:
        """Return what it says about its picture as EXIF data; None if it cannot be read.

        The file's own directory describes its strips as well, and must not be carried over.
        """
        kept = Image.Exif()
        try:
            found = self.getexif()
            for tag in _PLAIN:
                if tag in found:
                    kept[tag] = found[tag]
            for directory in (_EXIF_DIRECTORY, _GPS_DIRECTORY):
                if values := found.get_ifd(directory):
                    kept.get_ifd(directory).update(values)
            has_any = len(kept) or any(map(kept.get_ifd, (_EXIF_DIRECTORY, _GPS_DIRECTORY)))
            return kept.tobytes().removeprefix(exif.MARK) if has_any else None
        except Exception:  # noqa: BLE001 - EXIF fails in every way, and never stops a picture
            return None


def _chosen(file: IO[bytes]) -> tuple[exif.Directory, int, str | None]:
    """Return the page that counts, how many like it there are, and what was passed over for it.

    A page can be marked as a reduced copy, or a mask, of another one, which may hang on it
    and not be in the row of pages.

    Raises:
        errors.InputError: It is a camera's RAW file, of which only a thumbnail could be had.
    """
    pages = list(itertools.islice(exif.directories(file), MAX_COUNTED))
    if not pages:
        raise errors.InputError("is cut short or damaged: no picture in the TIFF file")
    first = pages[0]
    below: list[exif.Directory] = []
    if _is_copy(first):
        for place in first.subs:
            below += itertools.islice(exif.directories(file, place), 1)
    full = [page for page in (*pages, *below) if not _is_copy(page)]
    is_dng = _DNG_VERSION in first.values
    is_sensor = any(page.values.get(tiff.PHOTOMETRIC) in _SENSOR_DATA for page in pages + below)
    if is_dng or is_sensor or (first.subs and not full):
        name = "DNG" if is_dng else "TIFF-based, such as NEF, ARW or PEF"
        raise errors.InputError(
            f"is a camera RAW file ({name})", "develop it to JPEG or TIFF first"
        )
    if not full or full[0] is first:
        return first, max(1, len(full)), None
    width, height = (first.values.get(tag, 0) for tag in (tiff.WIDTH, tiff.HEIGHT))
    kind = "mask" if first.values.get(_SUBFILE_TYPE, 0) & _MASK else "reduced copy"
    return full[0], len(full), f"{kind} of {width}x{height} passed over"


def _is_copy(page: exif.Directory) -> bool:
    kind = page.values.get(_SUBFILE_TYPE, 0)
    return bool(kind & (_REDUCED | _MASK)) or page.values.get(_OLD_SUBFILE_TYPE) == _OLD_REDUCED


def _is_read_by_pillow(stored: tiff.Layout) -> bool:
    """Tell whether what Pillow makes of a picture stored like this is right, and 8 bits will do."""
    prefix = b"II" if stored.order == "<" else b"MM"
    depths = (stored.bits,) * stored.channels
    key = (prefix, stored.photometric, (tiff.UNSIGNED,), 1, depths, stored.extra)
    if stored.format != tiff.UNSIGNED or key not in TiffImagePlugin.OPEN_INFO:
        return False
    if stored.compression in tiff.FAX:
        return stored.bits == 1
    if stored.photometric == tiff.YCBCR:
        return not stored.is_planar
    if stored.compression not in tiff.BYTEWISE:
        is_spread = stored.photometric in {tiff.RGB, tiff.CMYK}
        is_known = is_spread or (not stored.is_planar and stored.photometric != tiff.INDEXES)
        return stored.bits == 8 and is_known
    if stored.is_planar or stored.fill_order != 1 or stored.predictor > 2:
        return False
    return stored.bits <= 8 or (stored.bits == 16 and stored.photometric != tiff.WHITE_IS_ZERO)


def _is_readable(stored: tiff.Layout) -> bool:
    """Tell whether the samples can be made sense of once they are there."""
    differences = {1: True, 2: stored.bits in {8, 16, 32, 64}, 3: stored.format == tiff.FLOAT}
    depths = _DEPTHS[stored.format]
    if stored.photometric in {tiff.LAB, tiff.ICC_LAB}:
        depths = {8, 16}
    elif stored.photometric == tiff.INDEXES:
        depths = {1, 2, 4, 8} if stored.format == tiff.UNSIGNED else set()
    return (
        stored.compression in tiff.BYTEWISE
        and stored.photometric != tiff.YCBCR
        and stored.bits in depths
        and differences.get(stored.predictor, False)
    )
