"""The kinds of picture that are read here, each with its names and its first bytes."""

from typing import Final

from prodia_compose.frozen import frozen

_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0")
_JPEG_2000: Final = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")


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


def _kind(name: str, title: str, subtype: str, suffixes: str, *magic: bytes) -> Kind:
    return Kind(
        name=name,
        title=title,
        media_type=f"image/{subtype}",
        suffixes=tuple(suffixes.split()),
        magic=magic,
    )


KINDS: Final = {
    kind.name: kind
    for kind in (
        _kind("JPEG", "JPEG", "jpeg", ".jpg .jpeg .jpe .jfif .mpo", b"\xff\xd8\xff"),
        _kind("PNG", "PNG", "png", ".png", b"\x89PNG\r\n\x1a\n"),
        _kind("WEBP", "WebP", "webp", ".webp"),
        _kind("AVIF", "AVIF", "avif", ".avif"),
        _kind("HEIF", "HEIC", "heic", ".heic .heif"),
        _kind("GIF", "GIF", "gif", ".gif", b"GIF87a", b"GIF89a"),
        _kind("TIFF", "TIFF", "tiff", ".tif .tiff", *_TIFF),
        _kind("BMP", "BMP", "bmp", ".bmp", b"BM"),
        _kind("PPM", "PPM", "x-portable-anymap", ".ppm .pgm .pbm .pnm"),
        _kind("TGA", "TGA", "x-tga", ".tga"),
        _kind("ICO", "ICO", "x-icon", ".ico", b"\0\0\x01\0"),
        _kind("JPEG2000", "JPEG 2000", "jp2", ".jp2", *_JPEG_2000),
        _kind("QOI", "QOI", "qoi", ".qoi", b"qoif"),
        _kind("PSD", "PSD", "vnd.adobe.photoshop", ".psd", b"8BPS\0\x01"),
    )
}
"""All of them by name."""

JPEG, PNG, WEBP, AVIF, GIF = (KINDS[name] for name in ("JPEG", "PNG", "WEBP", "AVIF", "GIF"))


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


def by_media_type(media_type: str) -> Kind | None:
    """Return the kind of a media type, in lower case and without parameters."""
    return next((kind for kind in KINDS.values() if kind.media_type == media_type), None)
