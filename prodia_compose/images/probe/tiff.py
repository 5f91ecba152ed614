"""Pillow's TIFF reader, without the parts that reach for EXIF while loading."""

from typing import Final

from PIL import Image, TiffImagePlugin

from prodia_compose.images.formats import exif

_DESCRIPTIVE: Final = (
    *(270, 271, 272, 305, 306, 315, 316, 700, 33432, 33723),
    *(34377, 34665, 34853, 37724, 40091, 40092, 40093, 40094, 40095),
)
"""Tags about the picture rather than of it: maker, software, time, author, XMP, IPTC, GPS..."""

_EXIF_DIRECTORY = 0x8769
_GPS_DIRECTORY = 0x8825
_PLAIN: Final = (270, 271, 272, 305, 306, 315, 33432)


class StoredTiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF as stored: not turned upright, and never stopped by broken EXIF data.

    Pillow's own class turns the picture while loading, from a copy of all the EXIF
    data that it parses and writes anew; each of these steps can fail on a picture
    that can be seen.
    """

    def _setup(self) -> None:
        super()._setup()
        self._size = self._tile_size

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
            has_any = any((len(kept), *map(kept.get_ifd, (_EXIF_DIRECTORY, _GPS_DIRECTORY))))
            return kept.tobytes().removeprefix(exif.MARK) if has_any else None
        except Exception:  # noqa: BLE001 - EXIF fails in every way, and never stops a picture
            return None
