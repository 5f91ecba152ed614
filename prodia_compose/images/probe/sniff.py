"""What a file is, by its first bytes; never by its name.

Pillow asks dozens of parsers in turn whether a file is theirs, among them some
that start Ghostscript, show a RAW file's thumbnail as the photo, or are hardly
ever fuzzed. Here the first bytes decide, and only the parser of that one format
is then run. What is not in `kinds`, hardly anybody has as input; it is named in the refusal.
"""

import io
import re
from typing import BinaryIO, Final

from prodia_compose import errors
from prodia_compose.inputs import kinds

_HEAD_BYTES = 4096

_RAW = "camera RAW file"
_DEVELOP = "develop it to JPEG or TIFF first"
_UNREAD = "a kind this tool does not read"
_CONVERT = "convert it to JPEG or PNG"
_NONE = "not a picture"
_DOUBLE = "AppleDouble file (macOS metadata, not the picture itself)"

_CANON_CR2 = (8, b"CR\x02\0")  # the one RAW file that begins like a TIFF and can be told here
_OTHERS: Final[tuple[tuple[int, bytes | tuple[bytes, ...], *tuple[str, ...]], ...]] = (
    (0, b"FUJIFILMCCD-RAW", f"a {_RAW} (Fujifilm RAF)", _DEVELOP),
    (0, (b"IIRO", b"IIRS", b"MMOR"), f"a {_RAW} (Olympus ORF)", _DEVELOP),
    (0, b"IIU\0", f"a {_RAW} (Panasonic RW2)", _DEVELOP),
    (0, b"\0MRM", f"a {_RAW} (Minolta MRW)", _DEVELOP),
    (0, b"FOVb", f"a {_RAW} (Sigma X3F)", _DEVELOP),
    (6, b"HEAPCCDR", f"a {_RAW} (Canon CRW)", _DEVELOP),
    (*_CANON_CR2, f"a {_RAW} (Canon CR2)", _DEVELOP),
    (0, (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"), f"a JPEG XL picture, {_UNREAD}", _CONVERT),
    (0, b"II\xbc\x01", f"a JPEG XR picture, {_UNREAD}", _CONVERT),
    (0, b"8BPS\0\x02", f"a large Photoshop document (PSB), {_UNREAD}", _CONVERT),
    (0, b"gimp xcf", f"a GIMP document, {_UNREAD}", _CONVERT),
    (0, b"v/1\x01", f"an OpenEXR picture, {_UNREAD}", _CONVERT),
    (0, b"#?RADIANCE", f"a Radiance HDR picture, {_UNREAD}", _CONVERT),
    (0, b"SIMPLE  =", f"a FITS picture, {_UNREAD}", _CONVERT),
    (0, b"DDS ", f"a DDS texture, {_UNREAD}", _CONVERT),
    (0, b"icns", f"an Apple icon, {_UNREAD}", _CONVERT),
    (0, b"AT&TFORM", f"a DjVu document, {_UNREAD}", _CONVERT),
    (0, b"\xd7\xcd\xc6\x9a", f"a Windows metafile, {_UNREAD}", _CONVERT),
    (0, b"\x01\xda", f"an SGI picture, {_UNREAD}", _CONVERT),
    (0, b"\x0a\x05\x01", f"a PCX picture, {_UNREAD}", _CONVERT),
    (128, b"DICM", f"a DICOM picture, {_UNREAD}", _CONVERT),
    (0, b"\xc5\xd0\xd3\xc6", f"an EPS drawing, {_UNREAD}", _CONVERT),
    (0, b"%!PS", f"a PostScript drawing, {_UNREAD}", _CONVERT),
    (0, b"\0\x05\x16\x07", f"an {_DOUBLE}, {_NONE}"),
    (0, b"\0\x05\x16\0", f"an AppleSingle file, {_NONE}"),
    (0, b"\0\0\0\x01Bud1", f"a .DS_Store file, {_NONE}"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"a Thumbs.db or an old Office document, {_NONE}"),
    (0, b"PK\x03\x04", f"a ZIP archive or an Office document, {_NONE}"),
    (0, b"\x1f\x8b", f"a gzip archive, {_NONE}"),
    (0, b"BZh", f"a bzip2 archive, {_NONE}"),
    (0, b"\xfd7zXZ\0", f"an xz archive, {_NONE}"),
    (0, b"\x28\xb5\x2f\xfd", f"a zstd archive, {_NONE}"),
    (0, b"7z\xbc\xaf\x27\x1c", f"a 7z archive, {_NONE}"),
    (0, b"Rar!", f"a RAR archive, {_NONE}"),
    (257, b"ustar", f"a tar archive, {_NONE}"),
    (0, b"\x1aE\xdf\xa3", f"a video (Matroska or WebM), {_NONE}"),
    (0, (b"\0\0\x01\xba", b"\0\0\x01\xb3"), f"a video (MPEG), {_NONE}"),
    (0, b"FLV\x01", f"a video (FLV), {_NONE}"),
    (4, (b"moov", b"mdat", b"wide"), f"a video (QuickTime), {_NONE}"),
    (0, b"RIFF\0\0\0\0AVI ", f"a video (AVI), {_NONE}"),
    (0, b"RIFF\0\0\0\0WAVE", f"a sound file (WAV), {_NONE}"),
    (0, b"OggS", f"an Ogg audio or video file, {_NONE}"),
    (0, b"ID3", f"an MP3 file, {_NONE}"),
    (0, b"\x7fELF", f"a program, {_NONE}"),
    (0, b"SQLite format 3\0", f"an SQLite database, {_NONE}"),
)
"""What is not on the list: where its marks stand, the marks, what it is, and what to do if known."""

_TEXTS: Final[tuple[tuple[str, *tuple[str, ...]], ...]] = (
    (r"(?=<).*<svg[\s>]", "an SVG drawing", "export it as PNG first"),
    (r"(?=<).*<(!doctype\s+html|(html|head|body|script)[\s>])", f"an HTML page, {_NONE}"),
    (r"version https://git-lfs.github.com/spec/", "a Git LFS pointer", "run git lfs pull"),
    (r"data:image/", f"a data: URI, {_NONE}", "decode its base64 text first"),
    (r"<", f"an XML document, {_NONE}"),
    (r"[{[]", f"JSON text, {_NONE}"),
    (r".{0,185}/annex/objects/", "a git-annex pointer", "run git annex get"),
    (r"", f"plain text, {_NONE}"),
)
"""What a text may be, by what it begins with; the first pattern that matches counts."""

_FLAGS = re.IGNORECASE | re.DOTALL
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")

_AVIF: Final = {b"avif", b"avis"}
_HEIF: Final = {
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
    *(b"mif1", b"mif2", b"miaf", b"msf1"),
}


def identify(file: BinaryIO) -> str:
    """Return the name of the picture format that a file is in, as in `kinds`.

    Raises:
        errors.InputError: It is empty, or no picture of a format on the list; says what it is.
        OSError: It cannot be read.
    """
    byte_count = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if not head:
        raise errors.InputError("is empty")
    if not head.strip(b"\0"):
        raise errors.InputError(
            "holds nothing but zero bytes", "copy it anew: it did not come whole"
        )
    kind = kinds.by_head(head)
    if kind is not None and not head.startswith(_CANON_CR2[1], _CANON_CR2[0]):
        return kind.name
    if kind is None and (name := _by_structure(file, head, byte_count)) is not None:
        return name
    words, *hints = _refusal(head, byte_count)
    raise errors.InputError(f"is {words}", *hints)


def is_foreign(file: BinaryIO) -> bool:
    """Return whether a file is surely meant for no picture: not even one that is not read here.

    Raises:
        OSError: It cannot be read.
    """
    try:
        identify(file)
    except errors.InputError as exc:
        return _NONE in exc.message
    return False


def _by_structure(file: BinaryIO, head: bytes, byte_count: int) -> str | None:
    """Return the format of a file that more than its first bytes tell of."""
    # One letter and one digit are little: white space must follow.
    if re.match(rb"P[1-6fF][ \t\r\n]", head):
        return "PPM"
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    return "TGA" if _is_tga(file, head, byte_count) else None


def _by_brands(head: bytes) -> str:
    """Return "AVIF" or "HEIF" for a file of boxes (ISO/IEC 14496-12), or refuse another kind.

    The first brand alone does not tell: many writers put the neutral `mif1` there.
    """
    size = int.from_bytes(head[:4], "big")
    listed = head[16 : min(size, len(head))]
    major = head[8:12]
    brands = {major} | {listed[at : at + 4] for at in range(0, len(listed), 4)}
    if major in {b"crx ", b"crx\0"}:
        raise errors.InputError(f"is a {_RAW} (Canon CR3)", _DEVELOP)
    if brands & _AVIF:
        return "AVIF"
    if brands & _HEIF:
        return "HEIF"
    if major == b"jxl ":
        raise errors.InputError(f"is a JPEG XL picture, {_UNREAD}", _CONVERT)
    raise errors.InputError(f"is a video (MP4 or QuickTime), {_NONE}")


def _is_tga(file: BinaryIO, head: bytes, byte_count: int) -> bool:
    """Tell whether a file is a TGA, by the mark at a newer one's end.

    Of the older ones every field of the header with few legal values must hold one of them.
    """
    if len(head) < 18 or head[1] > 1 or head[2] not in {1, 2, 3, 9, 10, 11}:
        return False
    file.seek(max(0, byte_count - 18))
    if file.read(18) == b"TRUEVISION-XFILE.\0":
        return True
    width, height = head[12] | head[13] << 8, head[14] | head[15] << 8
    kind = head[2] & 7
    depths = {1: {8}, 2: {15, 16, 24, 32}, 3: {8, 16}}[kind]
    if kind == 1:
        table = head[1] == 1 and head[7] in {15, 16, 24, 32}
    else:
        table = head[1] == 1 or not any(head[3:8])
    return table and head[16] in depths and head[17] & 0xC0 == 0 and width > 0 and height > 0


def _refusal(head: bytes, byte_count: int) -> tuple[str, ...]:
    """Return what a file is that is no picture on the list, or that it is unknown; and what to do."""
    start = b"RIFF\0\0\0\0" + head[8:] if head[:4] == b"RIFF" else head  # without its length
    for offset, mark, *lines in _OTHERS:
        if start.startswith(mark, offset):
            return tuple(lines)
    if b"%PDF-" in head[:1024]:
        return f"a PDF document, {_NONE}", "export the page as JPEG or PNG"
    if byte_count < 12 and any(
        magic.startswith(head) for kind in kinds.KINDS.values() for magic in kind.magic
    ):
        return (f"cut short: only {byte_count} bytes are there",)
    text = _as_text(head)
    if text is None:
        return (f"not a picture of a known kind (it begins with the bytes {head[:8].hex(' ')})",)
    return next(tuple(lines) for pattern, *lines in _TEXTS if re.match(pattern, text, _FLAGS))


def _as_text(head: bytes) -> str | None:
    """Return bytes as text from its first word on, or None if they hold what text does not."""
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        decoded = head.decode(encoding)
    except UnicodeDecodeError as exc:
        # The last character may have been cut in two.
        if exc.start < len(head) - 4:
            return None
        decoded = head[: exc.start].decode(encoding, errors="ignore")
    return None if _CONTROL.search(decoded) else decoded.lstrip()
