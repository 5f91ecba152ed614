"""What a file is, by its first bytes; never by its name.

Pillow asks dozens of parsers in turn whether a file is theirs, among them some
that start Ghostscript, show a RAW file's thumbnail as the photo, or are hardly
ever fuzzed. Here the first bytes decide, and only the parser of that one format
is then run.

On the list beside what cameras and browsers make: TIFF (scans), GIF, BMP, PPM
and its relatives (what scripts pipe), TGA (games, renders), ICO (favicons),
JPEG 2000 (archives), QOI, and PSD, of which the flat picture is taken. Not on
it: DDS, PCX, SGI, ICNS, XBM, FITS and the rest, which hardly anybody has as
input and which bring parsers of their own; they are named in the refusal.
"""

import io
from typing import BinaryIO, Final

from prodia_compose import errors
from prodia_compose.images.formats import boxes
from prodia_compose.images.probe import text

MEDIA_TYPES: Final = {
    "JPEG": ("image/jpeg", ".jpg"),
    "PNG": ("image/png", ".png"),
    "WEBP": ("image/webp", ".webp"),
    "AVIF": ("image/avif", ".avif"),
    "HEIF": ("image/heic", ".heic"),
    "GIF": ("image/gif", ".gif"),
    "TIFF": ("image/tiff", ".tif"),
    "BMP": ("image/bmp", ".bmp"),
    "PPM": ("image/x-portable-anymap", ".ppm"),
    "TGA": ("image/x-tga", ".tga"),
    "ICO": ("image/x-icon", ".ico"),
    "JPEG2000": ("image/jp2", ".jp2"),
    "QOI": ("image/qoi", ".qoi"),
    "PSD": ("image/vnd.adobe.photoshop", ".psd"),
}
"""The formats on the list, each with its media type and its usual suffix."""

_HEAD_BYTES = 4096

_PICTURES: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"8BPS\0\x01", "PSD"),
    (b"qoif", "QOI"),
    (b"\0\0\x01\0", "ICO"),
    # A RAW file of some makers begins like a TIFF, so these come after their magic numbers.
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0\x08\0\0\0", "TIFF"),
    (b"MM\0+\0\x08\0\0", "TIFF"),
    (b"BM", "BMP"),
)

_RAW: Final = (
    (0, b"FUJIFILMCCD-RAW", "Fujifilm RAF"),
    (0, b"IIRO", "Olympus ORF"),
    (0, b"IIRS", "Olympus ORF"),
    (0, b"MMOR", "Olympus ORF"),
    (0, b"IIU\0", "Panasonic RW2"),
    (0, b"\0MRM", "Minolta MRW"),
    (0, b"FOVb", "Sigma X3F"),
    (6, b"HEAPCCDR", "Canon CRW"),
    (8, b"CR\x02\0", "Canon CR2"),
)

_OTHERS: Final = (
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (0, b"II\xbc\x01", "a JPEG XR picture"),
    (0, b"8BPS\0\x02", "a large Photoshop document (PSB)"),
    (0, b"gimp xcf", "a GIMP document"),
    (0, b"v/1\x01", "an OpenEXR picture"),
    (0, b"#?RADIANCE", "a Radiance HDR picture"),
    (0, b"SIMPLE  =", "a FITS picture"),
    (0, b"DDS ", "a DDS texture"),
    (0, b"icns", "an Apple icon"),
    (0, b"AT&TFORM", "a DjVu document"),
    (0, b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (0, b"\x01\xda", "an SGI picture"),
    (0, b"\x0a\x05\x01", "a PCX picture"),
    (128, b"DICM", "a DICOM picture"),
    (0, b"\xc5\xd0\xd3\xc6", "an EPS drawing"),
    (0, b"%!PS", "a PostScript drawing"),
)
"""Pictures of kinds that are not on the list: converting helps."""

_STRANGERS: Final = (
    (0, b"\0\x05\x16\x07", "an AppleDouble file (macOS metadata, not the picture itself)"),
    (0, b"\0\x05\x16\0", "an AppleSingle file"),
    (0, b"\0\0\0\x01Bud1", "a .DS_Store file"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a Thumbs.db or an old Office document"),
    (0, b"PK\x03\x04", "a ZIP archive or an Office document"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\0", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska or WebM)"),
    (0, b"\0\0\x01\xba", "a video (MPEG)"),
    (0, b"\0\0\x01\xb3", "a video (MPEG)"),
    (0, b"FLV\x01", "a video (FLV)"),
    (0, b"OggS", "an Ogg audio or video file"),
    (0, b"ID3", "an MP3 file"),
    (0, b"\x7fELF", "a program"),
    (0, b"SQLite format 3\0", "an SQLite database"),
)

_RIFF: Final = {b"AVI ": "a video (AVI)", b"WAVE": "a sound file (WAV)"}


def identify(file: BinaryIO) -> str:
    """Return Pillow's name of the picture format that a file is in.

    Args:
        file: A seekable reader; its position afterwards is undefined.

    Raises:
        errors.InputError: It is empty, or no picture of a format on the list; the
            message says what it is, without naming the file.
        OSError: It cannot be read.
    """
    byte_count = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if not head:
        raise errors.InputError("is empty")
    if not head.strip(b"\0"):
        raise errors.InputError("holds nothing but zero bytes: it was not copied whole")
    _refuse_raw(head)
    for magic, name in _PICTURES:
        if head.startswith(magic):
            return name
    structured = _by_structure(file, head, byte_count)
    if structured is not None:
        return structured
    _refuse_stranger(head, byte_count)
    raise errors.InputError(
        f"is not a picture of a known kind (it begins with the bytes {head[:8].hex(' ')})"
    )


def _by_structure(file: BinaryIO, head: bytes, byte_count: int) -> str | None:
    """Return the format of a file that more than its first bytes tell of."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    # One letter and one digit are little: white space must follow.
    if head[:1] == b"P" and head[1:2] in b"123456fF" and head[2:3] in b" \t\r\n" and head[2:3]:
        return "PPM"
    if head[4:8] == b"ftyp":
        return boxes.identify(head)
    return "TGA" if _is_tga(file, head, byte_count) else None


def _is_tga(file: BinaryIO, head: bytes, byte_count: int) -> bool:
    """Tell whether a file is a TGA, which has no magic number at its start.

    Newer ones have one at their end; of the older ones every field of the header
    with few legal values must hold one of them.
    """
    if len(head) < 18 or head[1] > 1 or head[2] not in {1, 2, 3, 9, 10, 11}:
        return False
    file.seek(max(0, byte_count - 18))
    if file.read(18) == b"TRUEVISION-XFILE.\0":
        return True
    width, height = head[12] | head[13] << 8, head[14] | head[15] << 8
    depths = {1: {8}, 2: {15, 16, 24, 32}, 3: {8, 16}}[head[2] & 7]
    if head[2] & 7 == 1:
        table = head[1] == 1 and head[7] in {15, 16, 24, 32}
    else:
        table = head[1] == 1 or not any(head[3:8])
    return table and head[16] in depths and head[17] & 0xC0 == 0 and width > 0 and height > 0


def _refuse_raw(head: bytes) -> None:
    for offset, magic, name in _RAW:
        if head.startswith(magic, offset):
            raise errors.InputError(
                f"is a camera RAW file ({name}): develop it to JPEG or TIFF first"
            )


def _refuse_stranger(head: bytes, byte_count: int) -> None:
    """Say what a file is that is no picture of a format on the list, if it can be told."""
    for offset, magic, name in _OTHERS:
        if head.startswith(magic, offset):
            raise errors.InputError(
                f"is {name}, a kind this tool does not read: convert it to JPEG or PNG"
            )
    for offset, magic, name in _STRANGERS:
        if head.startswith(magic, offset):
            raise errors.InputError(f"is {name}, not a picture")
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        raise errors.InputError(f"is {_RIFF[head[8:12]]}, not a picture")
    if head[4:8] in {b"moov", b"mdat", b"wide"}:
        raise errors.InputError("is a video (QuickTime), not a picture")
    if b"%PDF-" in head[:1024]:
        raise errors.InputError("is a PDF document, not a picture: export the page as JPEG or PNG")
    if byte_count < 12 and any(magic.startswith(head) for magic, _ in _PICTURES):
        raise errors.InputError(f"is cut short: only {byte_count} bytes are there")
    reason = text.describe(head)
    if reason is not None:
        raise errors.InputError(reason)
