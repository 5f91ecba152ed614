"""Looking at headers: what a file is, how large it is, and why it is refused."""

import importlib.util
import io
import shlex
import struct
import sys
import zlib
from collections.abc import Callable
from typing import BinaryIO

import pictures as make
import pytest
from tables import table

from prodia_compose import errors
from prodia_compose.images.probe import probe
from prodia_compose.inputs import kinds

AS_TEXT = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x02\0\x06\0\0" + bytes(4)
TOO_MANY = b"II*\0\x08\0\0\0\xff\xff" + bytes(20)
NOT_WORTH_A_WORD = {b"", AS_TEXT, TOO_MANY}

FORMATS = ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "PPM", "TGA", "ICO", "JPEG2000"]


def refusal(data: bytes, max_input_pixels: int = 250_000_000) -> str:
    """Return the reason that a file is refused for."""
    with pytest.raises(errors.InputError) as caught:
        probe.probe(make.opener(data), max_input_pixels=max_input_pixels)
    return caught.value.message


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_is_known_by_its_content(name: str) -> None:
    """Format, size and length come out right for every format on the list."""
    options = {"sizes": [(64, 48)]} if name == "ICO" else {}
    data = make.encoded(make.quarters(), name, **options)
    info = probe.probe(make.opener(data))

    assert (info.format, info.width, info.height, info.byte_count) == (name, 64, 48, len(data))


def test_each_kind_is_found_by_its_first_bytes() -> None:
    """Mostly by 16 of them; and what only begins alike is none."""
    for name in set(FORMATS) - {"PPM", "TGA"}:
        assert kinds.by_head(make.encoded(make.quarters(), name)[:16]) is kinds.KINDS[name]
    assert kinds.by_head(b"RIFF\0\0\0\0WAVE") is None


RELATIVES = {
    "MPO": (make.frames("MPO", 2), "JPEG"),
    "QOI": (make.encoded(make.quarters(), "QOI"), "QOI"),
    "PSD": (make.psd(make.quarters()), "PSD"),
    "J2K": (make.encoded(make.quarters(), "JPEG2000", no_jp2=True), "JPEG2000"),
    "BigTIFF": (make.encoded(make.quarters(), "TIFF", big_tiff=True), "TIFF"),
    "plain PPM": (b"P3 1 1 255\n255 0 0\n", "PPM"),
    "old TGA": (make.encoded(make.quarters(), "TGA", rle=True)[:-26], "TGA"),
}


@pytest.mark.parametrize(("data", "name"), RELATIVES.values(), ids=RELATIVES)
def test_relatives_of_the_formats_are_known(data: bytes, name: str) -> None:
    """A format is known in all the forms that it comes in."""
    assert probe.probe(make.opener(data)).format == name


STRANGERS = {
    **{name: (text.encode(), reason) for name, (text, reason) in table("images/strangers").items()},
    "empty": (b"", "is empty"),
    "zeros": (bytes(5000), "holds nothing but zero bytes"),
    "utf-16": ("Grüße".encode("utf-16"), "is plain text, not a picture"),
    "DOS EPS": (b"\xc5\xd0\xd3\xc6" + bytes(26), "is an EPS drawing"),
    "MP4": (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "is a video (MP4"),
    "MOV": (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "is a video (MP4 or Quick"),
    "old MOV": (b"\0\0\0\x08wide\0\0\1\0mdat", "is a video (QuickTime)"),
    "MKV": (b"\x1aE\xdf\xa3" + bytes(30), "is a video (Matroska"),
    "AVI": (b"RIFF\0\1\0\0AVI LIST", "is a video (AVI)"),
    "AppleDouble": (b"\0\x05\x16\x07\0\2\0\0Mac OS X", "is an AppleDouble file"),
    "DS_Store": (b"\0\0\0\x01Bud1", "is a .DS_Store file"),
    "Thumbs.db": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a Thumbs.db"),
    "ZIP": (b"PK\x03\x04" + bytes(30), "is a ZIP archive"),
    "JPEG XL": (b"\xff\x0a\xfa\x1f", "is a JPEG XL picture"),
    "JPEG XL, boxed": (b"\0\0\0\x0cJXL \r\n\x87\n", "is a JPEG XL picture"),
    "EXR": (b"v/1\x01" + bytes(30), "is an OpenEXR picture"),
    "DDS": (b"DDS \x7c" + bytes(30), "is a DDS texture"),
    "DICOM": (bytes(128) + b"DICM", "is a DICOM picture"),
    "stump": (b"\x89PNG\r", "is cut short: only 5 bytes are there"),
    "unknown": (b"\x01\x02\x03\x04\xfe", "is not a picture of a known kind"),
}


@pytest.mark.parametrize(("data", "reason"), STRANGERS.values(), ids=STRANGERS)
def test_what_is_no_picture_is_named_for_what_it_is(data: bytes, reason: str) -> None:
    """The reason tells what the file is, in lower case and on one line."""
    shown = refusal(data)

    assert shown.startswith(reason)
    assert "\n" not in shown


RAW = {
    "RAF": b"FUJIFILMCCD-RAW 0201",
    "ORF": b"IIRO\x08\0\0\0" + bytes(30),
    "RW2": b"IIU\0\x18\0\0\0" + bytes(30),
    "CR2": b"II*\0\x10\0\0\0CR\x02\0" + bytes(30),
    "CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "X3F": b"FOVb" + bytes(30),
    "NEF": make.tiff((16, 12), 8, bytes(192), tags={254: (4, [1]), 330: (4, [8])}),
    "DNG": make.tiff((16, 12), 8, bytes(192), tags={50706: (1, [1, 4, 0, 0])}),
    "sensor data": make.tiff((16, 12), 16, bytes(384), tags={262: (3, [32803])}),
}


@pytest.mark.parametrize("data", RAW.values(), ids=RAW)
def test_raw_files_are_refused_rather_than_their_thumbnails_sent(data: bytes) -> None:
    """A camera's RAW file is told from the TIFF that it looks like."""
    assert refusal(data).startswith("is a camera RAW file")


def test_heic_where_its_decoder_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a system for which there is none: what to do is in the reason, by what is installed."""
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    shown = refusal(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic")

    cure = f"{shlex.quote(sys.executable)} -m pip install pi-heif, or convert it to JPEG"
    assert shown == f"is a HEIC picture, whose decoder is missing; {cure}"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    uv = f"uv pip install --python {shlex.quote(sys.executable)} pi-heif"
    assert uv in refusal(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_size_is_that_of_the_upright_picture(name: str, orientation: int) -> None:
    """Width and height are swapped where the picture lies on its side."""
    image = make.turned(make.quarters(), orientation)
    data = make.encoded(image, name, exif=make.exif(orientation))
    info = probe.probe(make.opener(data))

    assert (info.width, info.height) == (64, 48)
    assert info.orientation == orientation


BROKEN_EXIF = {
    "empty": b"",
    "garbage": b"garbage garbage garbage",
    "cut in the header": b"II*\0",
    "offset beyond the end": b"II*\0\xff\xff\xff\x7f" + bytes(20),
    "count beyond the end": TOO_MANY,
    "orientation 9, in a circle": b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0"
    b"\0\0\0\x08",
    "orientation as text": AS_TEXT,
}


@pytest.mark.parametrize("exif", BROKEN_EXIF.values(), ids=BROKEN_EXIF)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_counts_as_upright(name: str, exif: bytes) -> None:
    """Damaged EXIF data never stops a picture that can be seen."""
    plain = make.encoded(make.quarters(), name)
    if name == "JPEG":
        data = make.jpeg_with(plain, make.jpeg_segment(0xE1, b"Exif\0\0" + exif))
    elif name == "PNG":
        data = make.png_with(plain, (b"eXIf", exif))
    else:
        data = make.webp_with(plain, (b"EXIF", exif), flags=0x08)
    info = probe.probe(make.opener(data))

    assert (info.orientation, info.width) == (1, 64)
    for side in (None, 32):
        shown = [
            each for each in make.prepared(data, side=side).changes if "taken as upright" in each
        ]
        assert shown == [] if exif in NOT_WORTH_A_WORD else len(shown) == 1


def test_orientation_as_a_byte_counts() -> None:
    """Some writers store it as a byte; it is understood all the same."""
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x01\0\0\0\x01\x08\0\0\0" + bytes(4)
    data = make.jpeg_with(
        make.encoded(make.quarters(), "JPEG"), make.jpeg_segment(0xE1, b"Exif\0\0" + exif)
    )

    assert probe.probe(make.opener(data)).orientation == 8


@pytest.mark.parametrize("compressed", [False, True])
def test_exif_as_imagemagick_wrote_it_into_png_counts(compressed: bool) -> None:  # noqa: FBT001 - a case
    """Before PNG had a chunk for it, EXIF data went into a text as hex digits."""
    exif = make.exif(6)
    text = f"\nexif\n{len(exif):8}\n{exif.hex()}\n".encode()
    chunk = (b"tEXt", b"Raw profile type exif\0" + text)
    if compressed:
        chunk = (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
    data = make.png_with(make.encoded(make.quarters(), "PNG"), chunk)

    assert probe.probe(make.opener(data)).orientation == 6


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (
            3000,
            "has 0.003072 megapixels; the limit is 0.003; raise --max-input-pixels if you trust it",
        ),
        (
            3071,
            "has 0.003072 megapixels; the limit is 0.003071; raise --max-input-pixels if you trust it",
        ),
    ],
)
@pytest.mark.parametrize("name", ["JPEG", "GIF"])
def test_too_many_pixels_are_refused_with_the_option(name: str, limit: int, reason: str) -> None:
    """The reason has the number found, the limit, and the option that moves it."""
    data = make.encoded(make.quarters(), name)

    assert refusal(data, limit) == reason
    assert probe.probe(make.opener(data), max_input_pixels=3072).width == 64


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (
            (20_000, 15_000),
            "has 300 megapixels; the limit is 250; raise --max-input-pixels if you trust it",
        ),
        ((1, 16_777_217), "has a side of 16777217 pixels; the limit is 200000; make it smaller"),
        ((0, 40), "is damaged: its header says 0x40 pixels"),
    ],
)
def test_sizes_beyond_reason_are_refused_by_the_header(size: tuple[int, int], reason: str) -> None:
    """Neither an area, nor a side, nor nothing at all gets as far as the decoder."""
    assert refusal(make.png(size, 8, 2, [b""])) == reason


def test_pillows_own_limit_gives_way_to_ours() -> None:
    """A picture that Pillow calls a bomb is fine below our limit."""
    head = make.encoded(make.quarters(), "BMP")
    data = head[:18] + struct.pack("<ii", 15_000, 14_000) + head[26:]

    assert probe.probe(make.opener(data)).width == 15_000


def test_an_icon_is_not_decoded_beyond_the_limit() -> None:
    """What lies in it may be far larger than it says, and is decoded to be looked at."""
    inner = make.png((20_000, 20_000), 8, 2, [b""])
    entry = struct.pack("<4BHHII", 64, 64, 0, 0, 1, 32, len(inner), 22)

    assert "--max-input-pixels" in refusal(b"\0\0\1\0\1\0" + entry + inner)


DAMAGED = {
    "JPEG in its header": (
        make.encoded(make.quarters(), "JPEG")[:100],
        "is cut short: the end of the JPEG",
    ),
    "no frame": (b"\xff\xd8\xff\xda\0\x08abcdef", "is cut short or damaged: no picture"),
    "12-bit JPEG": (
        b"\xff\xd8\xff\xc0\0\x0b\x0c\0\x08\0\x08\x01\x01\x11\0\xff\xda\0\x08abcdef",
        "is a JPEG of 12 bits",
    ),
    **{
        f"{kind} by 0x{marker:x}": (
            b"\xff\xd8\xff" + bytes((marker,)) + b"\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0"
            b"\xff\xda\0\x08abcdef",
            f"is a {kind}, which cannot be read; convert it to PNG",
        )
        for marker, kind in (
            (0xC3, "lossless JPEG"),
            (0xC5, "hierarchical JPEG"),
            (0xC7, "hierarchical JPEG"),
            (0xCB, "lossless JPEG"),
            (0xCF, "hierarchical JPEG"),
            (0xF7, "JPEG-LS picture"),
        )
    },
    "iOS PNG": (
        make.png_with(make.encoded(make.quarters(), "PNG"), (b"CgBI", bytes(4))),
        "is a PNG made for iOS apps (CgBI), which cannot be read; convert it",
    ),
    "junk for ever": (b"\xff\xd8\xff" + bytes(70_000) * 2, "is cut short"),
    "PNG": (make.encoded(make.quarters(), "PNG")[:20], "is cut short or damaged"),
    "odd PNG": (make.png((4, 4), 5, 2, []), "is damaged: no PNG has 5 bits"),
    "WebP": (make.encoded(make.quarters(), "WEBP")[:60], "is cut short"),
    "AVIF": (make.encoded(make.quarters(), "AVIF")[:-9], "is cut short"),
    "TIFF": (make.encoded(make.quarters(), "TIFF")[:20], "is cut short or damaged: no picture"),
    "64-bit TIFF": (
        make.tiff((4, 4), 64, bytes(128)),
        "is a TIFF of 64-bit grey",
    ),
    "GIF": (make.encoded(make.quarters(), "GIF")[:12], "is damaged, or a kind of GIF"),
    "BMP": (b"BM" + bytes(60), "is damaged, or a kind of BMP"),
    "PSD": (b"8BPS\0\x01" + bytes(30), "is damaged, or a kind of PSD"),
    "QOI": (b"qoif", "is damaged, or a kind of QOI"),
}


@pytest.mark.parametrize(("data", "reason"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_header_has_a_reason(data: bytes, reason: str) -> None:
    """Whatever a parser raises comes out as one reason."""
    assert refusal(data).startswith(reason)


def test_metadata_without_end_is_refused() -> None:
    """A JPEG cannot make the tool read without end for its picture."""
    segment = make.jpeg_segment(0xEF, bytes(65_000))
    data = make.jpeg_with(make.encoded(make.quarters(), "JPEG"), segment * 1000)

    assert refusal(data) == "carries more than 64 MB of metadata in front of its picture"


class _Failing(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, _offset: int, _whence: int = 0) -> int:
        return 100

    def readinto(self, _buffer: object) -> int:
        raise OSError(5, "Input/output error")


def test_a_failing_disk_is_told_apart_from_a_damaged_file() -> None:
    """An error in reading is passed on in the system's words."""
    opening: Callable[[], BinaryIO] = lambda: io.BufferedReader(_Failing())  # noqa: E731 - short

    with pytest.raises(errors.InputError, match=r"^cannot be read: Input/output error$"):
        probe.probe(opening)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_frames_and_pages_are_counted(name: str, count: int) -> None:
    """Animations and files of several pages tell how many pictures they hold."""
    assert probe.probe(make.opener(make.frames(name, count))).header.frames == count


def test_partners_of_a_picture_are_no_frames() -> None:
    """An MPO is a JPEG, whatever follows it."""
    assert probe.probe(make.opener(make.frames("MPO", 3))).header.frames == 1


def test_counting_frames_stops_at_a_thousand() -> None:
    """A file of a million tiny frames costs no more than one of a thousand."""
    frame = b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0"
    data = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff" + frame * 5000 + b";"

    assert probe.probe(make.opener(data)).header.frames == 1000
    assert "first of 1000 or more frames" in make.prepared(data).changes
