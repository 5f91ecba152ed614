"""The kinds of picture that are read here, each with its names and its first bytes."""

from typing import Final

from prodia_compose.frozen import frozen


@frozen
class Kind:
    """A kind of picture.

    Attributes:
        name: Pillow's name, and the one in JSON, such as "WEBP".
        title: As it is written for people, such as "WebP".
        suffixes: In lower case with the dot; the first is the one that is written.
        magic: What its files begin with; empty where that takes more than a comparison.
    """

    name: str
    title: str
    media_type: str
    suffixes: tuple[str, ...]
    magic: tuple[bytes, ...] = ()

    @property
    def suffix(self) -> str:
        """The suffix that is written."""
        return self.suffixes[0]


def _kind(
    name: str, media_type: str, suffixes: str, *magic: bytes, title: str | None = None
) -> Kind:
    return Kind(
        name=name,
        title=title or name,
        media_type=media_type,
        suffixes=tuple(suffixes.split()),
        magic=magic,
    )


JPEG = _kind("JPEG", "image/jpeg", ".jpg .jpeg .jpe .jfif .mpo", b"\xff\xd8\xff")
PNG = _kind("PNG", "image/png", ".png", b"\x89PNG\r\n\x1a\n")
WEBP = _kind("WEBP", "image/webp", ".webp", title="WebP")
AVIF = _kind("AVIF", "image/avif", ".avif")
HEIF = _kind("HEIF", "image/heic", ".heic .heif", title="HEIC")
GIF = _kind("GIF", "image/gif", ".gif", b"GIF87a", b"GIF89a")
TIFF = _kind(
    "TIFF",
    "image/tiff",
    ".tif .tiff",
    *(b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"),
)
BMP = _kind("BMP", "image/bmp", ".bmp", b"BM")
PPM = _kind("PPM", "image/x-portable-anymap", ".ppm .pgm .pbm .pnm")
TGA = _kind("TGA", "image/x-tga", ".tga")
ICO = _kind("ICO", "image/x-icon", ".ico", b"\0\0\x01\0")
JPEG2000 = _kind(
    "JPEG2000",
    "image/jp2",
    ".jp2",
    *(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    title="JPEG 2000",
)
QOI = _kind("QOI", "image/qoi", ".qoi", b"qoif")
PSD = _kind("PSD", "image/vnd.adobe.photoshop", ".psd", b"8BPS\0\x01")

KINDS: Final = {
    kind.name: kind
    for kind in (
        *(JPEG, PNG, WEBP, AVIF, HEIF, GIF, TIFF),
        *(BMP, PPM, TGA, ICO, JPEG2000, QOI, PSD),
    )
}
"""All of them by name."""


def by_media_type(media_type: str) -> Kind | None:
    """Return the kind of a media type, in lower case and without parameters."""
    return next((kind for kind in KINDS.values() if kind.media_type == media_type), None)


def by_suffix(suffix: str) -> Kind | None:
    """Return the kind of a file name's suffix, such as ".JPG"."""
    return next((kind for kind in KINDS.values() if suffix.lower() in kind.suffixes), None)


def by_head(head: bytes) -> Kind | None:
    """Return the kind that a file's first 16 bytes show.

    None for what takes a longer look (`probe.sniff`): HEIC, an AVIF whose first brand is a
    neutral one, PPM and TGA.
    """
    if head[:4] == b"RIFF":
        return WEBP if head[8:12] == b"WEBP" else None
    if head[4:12] in {b"ftypavif", b"ftypavis"}:
        return AVIF
    return next((kind for kind in KINDS.values() if head.startswith(kind.magic)), None)
