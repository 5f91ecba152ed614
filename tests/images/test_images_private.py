"""Nothing private leaves, on either path; and what is kept is kept to the bit."""

import io
import json
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pictures as make
import pytest
from conftest import need
from PIL import Image

from prodia_compose import errors
from prodia_compose.images import plan, prepare
from prodia_compose.images.options import Fitting
from prodia_compose.images.pixels import raster, strips
from prodia_compose.images.probe import probe

KEEP = Fitting(keep_metadata=True)
PHOTO = make.photo((160, 120))


def _talkative_tiff() -> bytes:
    tags = {270: make.SECRET, 271: make.SECRET, 305: make.SECRET, 315: make.SECRET, 700: make.xmp()}
    return make.encoded(PHOTO, "TIFF", tiffinfo=tags)


def _talkative_palette() -> bytes:
    return make.talkative_png(PHOTO.convert("P", palette=Image.Palette.ADAPTIVE))


TALKATIVE: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: make.talkative_jpeg(PHOTO, quality=90),
    "progressive JPEG": lambda: make.talkative_jpeg(PHOTO, progressive=True),
    "grey JPEG": lambda: make.talkative_jpeg(PHOTO.convert("L")),
    "JPEG of RGB": lambda: make.talkative_jpeg(PHOTO, keep_rgb=True),
    "JPEG with restarts": lambda: make.talkative_jpeg(PHOTO, restart_marker_rows=1),
    "JPEG with sRGB's profile": lambda: make.talkative_jpeg(
        PHOTO, icc_profile=make.rgb_profile("sRGB")
    ),
    "PNG": lambda: make.talkative_png(PHOTO),
    "grey PNG": lambda: make.talkative_png(PHOTO.convert("L")),
    "palette PNG": _talkative_palette,
    "bilevel PNG": lambda: make.talkative_png(PHOTO.convert("1")),
    "opaque RGBA PNG": lambda: make.talkative_png(PHOTO.convert("RGBA")),
    "WebP": lambda: make.talkative_webp(PHOTO, quality=80),
    "lossless WebP": lambda: make.talkative_webp(PHOTO, lossless=True),
}
"""Pictures that need no change but the loss of their metadata."""

CHANGED: dict[str, Callable[[], bytes]] = {
    "TIFF": _talkative_tiff,
    "AVIF": lambda: make.encoded(PHOTO, "AVIF", exif=make.exif(), xmp=make.xmp()),
    "GIF": lambda: make.encoded(PHOTO, "GIF", comment=make.SECRET),
    "JPEG 2000": lambda: make.encoded(PHOTO, "JPEG2000", comment=make.SECRET),
    "JPEG on its side": lambda: make.encoded(
        PHOTO, "JPEG", exif=make.exif(6), comment=make.SECRET, xmp=make.xmp()
    ),
    "CMYK JPEG": lambda: make.talkative_jpeg(PHOTO.convert("CMYK")),
}
"""Pictures that have to be encoded anew."""


# --- privacy ----------------------------------------------------------------------------

HARMLESS = {"ExifTool", "System", "File", "Composite", "JFIF", "PNG", "RIFF", "Adobe"}
"""Adobe's is the marker that tells RGB from YCbCr, its twelve bytes and no more."""

PNG_TAGS = {
    *("ImageWidth", "ImageHeight", "BitDepth", "ColorType", "Compression", "Filter"),
    *("Interlace", "Palette", "Transparency"),
}
"""What exiftool reports of any picture at all."""


@pytest.fixture(scope="module")
def exiftool() -> str:
    """Return exiftool's place; without it a test is skipped, but fails in CI."""
    found = shutil.which("exiftool")
    need("exiftool (libimage-exiftool-perl)", is_there=found is not None)
    assert found is not None
    return found


def findings(exiftool: str, folder: Path) -> dict[str, list[str]]:
    """Return by file name what exiftool finds beside the picture itself."""
    command = [exiftool, "-json", "-G1", "-a", "-u", "-U", "-ee3", str(folder)]
    done = subprocess.run(command, capture_output=True, check=False)
    found = {}
    for each in json.loads(done.stdout):
        extra = []
        for name in each:
            group, _, tag = name.rpartition(":")
            if name == "SourceFile" or (group == "PNG" and tag in PNG_TAGS):
                continue
            if group not in HARMLESS or group == "PNG" or tag in {"Comment", "Warning"}:
                extra.append(name)
        found[Path(each["SourceFile"]).name] = extra
    return found


def test_exiftool_finds_nothing_in_what_is_sent(exiftool: str, tmp_path: Path) -> None:
    """No EXIF, XMP, IPTC, maker notes, comments or thumbnails, on either path."""
    names: dict[str, str] = {}
    for title, maker in (TALKATIVE | CHANGED).items():
        data = maker()
        assert make.SECRET.encode() in data
        for side in (None, 100):
            picture = make.prepared(data, side=side)
            sent = picture.blob.read()
            assert "metadata removed" in picture.changes
            assert make.SECRET.encode() not in sent
            name = f"{len(names)}{picture.suffix}"
            names[name] = f"{title}, {'whole' if side is None else 'shrunk'}"
            (tmp_path / name).write_bytes(sent)
    found = findings(exiftool, tmp_path)

    assert len(found) == len(names) == 2 * len(TALKATIVE | CHANGED)
    assert {names[name]: extra for name, extra in found.items() if extra} == {}


def test_exiftool_finds_something_in_what_came(exiftool: str, tmp_path: Path) -> None:
    """The check above is able to fail."""
    for at, (title, maker) in enumerate(TALKATIVE.items()):
        suffix = next(each for each in ("JPEG", "PNG", "WebP") if each in title)
        (tmp_path / f"{at}.{suffix}").write_bytes(maker())

    assert all(findings(exiftool, tmp_path).values())


# --- the untouched path -----------------------------------------------------------------


@pytest.mark.parametrize("title", TALKATIVE)
def test_an_untouched_picture_keeps_its_pixels_and_format(title: str) -> None:
    """What is sent decodes to exactly what came, in the same format, and is smaller."""
    data = TALKATIVE[title]()
    picture = make.prepared(data)
    sent = picture.blob.read()

    assert picture.changes == ("metadata removed",)
    assert len(sent) < len(data)
    before, after = make.decoded(data), make.decoded(sent)
    assert (after.mode, after.size) == (before.mode, before.size)
    assert after.tobytes() == before.tobytes()
    assert after.convert("RGB").tobytes() == before.convert("RGB").tobytes()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_a_bare_picture_is_sent_byte_for_byte(name: str) -> None:
    """Where there is nothing to cut out, nothing changes, and nothing is said."""
    data = make.encoded(PHOTO, name)
    picture = make.prepared(data)

    assert picture.blob.read() == data
    assert picture.changes == ()


def test_the_coded_pixels_are_copied_bit_for_bit() -> None:
    """The scan of a JPEG stands in what is sent as it stood in what came."""
    plain = make.encoded(PHOTO, "JPEG", quality=90)
    scan = plain[plain.index(b"\xff\xda") :]
    sent = make.prepared(make.talkative_jpeg(PHOTO, quality=90)).blob.read()

    assert sent.endswith(scan)


def test_mpo_partners_are_cut_off() -> None:
    """Of a stereo or gain-map file the picture alone is sent, as a JPEG."""
    data = make.frames("MPO", 3)
    picture = make.prepared(data)
    sent = make.decoded(picture.blob.read())

    assert (picture.media_type, sent.format) == ("image/jpeg", "JPEG")
    assert picture.blob.size < len(data) / 2
    assert sent.tobytes() == make.decoded(data).tobytes()


def test_an_mpo_cut_in_its_partner_is_as_good_as_whole() -> None:
    """Only the first picture counts."""
    data = make.frames("MPO", 2)

    assert make.prepared(data[: int(len(data) * 0.7)]).width == 64


NOT_APT = {
    "turned": (make.encoded(make.turned(make.quarters(), 3), "JPEG", exif=make.exif(3)), "rotated"),
    "Adobe RGB": (
        make.encoded(make.quarters(), "JPEG", icc_profile=make.rgb_profile("Adobe RGB")),
        "Adobe RGB -> sRGB",
    ),
    "CMYK": (make.encoded(make.quarters().convert("CMYK"), "JPEG"), "CMYK -> sRGB"),
    "16-bit": (
        make.png((9, 9), 16, 2, [bytes(each for each in make.RED for _ in "hl") * 9] * 9),
        "16-bit -> 8-bit",
    ),
    "TIFF": (make.encoded(make.quarters(), "TIFF"), "TIFF -> JPEG"),
    "animated PNG": (make.frames("PNG", 2), "first of 2 frames"),
    "animated WebP": (make.frames("WEBP", 2), "first of 2 frames"),
}


@pytest.mark.parametrize(("data", "change"), NOT_APT.values(), ids=NOT_APT)
def test_everything_else_is_encoded_anew(data: bytes, change: str) -> None:
    """A picture that lacks one of the conditions becomes a plain JPEG, and it is said why."""
    picture = make.prepared(data)
    image = make.pixels(picture)

    assert (picture.media_type, picture.suffix) == ("image/jpeg", ".jpg")
    assert image.mode == "RGB"
    assert change in picture.changes
    assert make.furthest(make.rgb_at(image, (8, 8)), make.RED) < 50


def test_jpeg_header_for_colours_stays() -> None:
    """Without Adobe's marker an RGB JPEG would be taken for YCbCr."""
    data = make.encoded(make.quarters(), "JPEG", keep_rgb=True, subsampling=0, comment="x")
    adobe = make.jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\0" + make.SECRET.encode())
    data = make.jpeg_with(data, adobe)
    sent = make.prepared(data).blob.read()

    assert b"Adobe" in sent
    assert make.SECRET.encode() not in sent
    assert make.furthest(make.rgb_at(make.decoded(sent), (8, 8)), make.RED) < 12


# --- broken ends ------------------------------------------------------------------------


@pytest.mark.parametrize("side", [None, 100])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("title", ["JPEG", "progressive JPEG", "PNG", "WebP", "lossless WebP"])
def test_a_picture_cut_short_is_refused_on_both_paths(
    title: str, part: float, side: int | None
) -> None:
    """A file that lost its end is found out before anything is sent."""
    kind, _, name = title.rpartition(" ")
    data = make.encoded(PHOTO, name.upper(), **({kind: True} if kind else {}))

    with pytest.raises(errors.InputError, match="is cut short"):
        make.prepared(data[: int(len(data) * part)], side=side)


@pytest.mark.parametrize("side", [None, 100])
def test_a_png_that_lacks_only_its_end_chunk_is_sent(side: int | None) -> None:
    """All pixels are there, and checked, so it is sent, with an end."""
    cut = make.encoded(PHOTO, "PNG")[:-12]
    sent = make.prepared(cut, side=side).blob.read()

    assert sent.endswith((b"\xff\xd9", b"IEND\xaeB`\x82"))
    assert make.decoded(sent).width == (side or 160)


@pytest.mark.parametrize("side", [None, 100])
def test_a_jpeg_that_lacks_only_its_end_marker_is_refused(side: int | None) -> None:
    """Nothing in a JPEG tells whether such a file lost more than that."""
    cut = make.encoded(PHOTO, "JPEG")[:-2]

    with pytest.raises(errors.InputError, match="is cut short"):
        make.prepared(cut, side=side)


def test_a_damaged_stream_is_refused_and_not_retried() -> None:
    """A flipped bit in a PNG is an error, though a second try would hide it."""
    data = bytearray(make.encoded(PHOTO, "PNG"))
    data[len(data) // 2] ^= 0xFF
    for side in (None, 100):
        with pytest.raises(errors.InputError, match="is cut short or damaged"):
            make.prepared(bytes(data), side=side)


def test_broken_text_in_a_png_stops_nothing() -> None:
    """A text bomb, a bad checksum and nonsense beside the picture are simply left out."""
    plain = make.encoded(PHOTO, "PNG")
    bomb = zlib.compress(bytes(80_000_000), 9)
    data = make.png_with(plain, (b"zTXt", b"Comment\0\0" + bomb), (b"iCCP", b"x\0\0" + bomb))
    at = data.index(b"zTXt") - 4
    length = int.from_bytes(data[at : at + 4], "big")
    data = data[: at + 8 + length] + b"\0\0\0\0" + data[at + 12 + length :]
    picture = make.prepared(data)

    assert picture.blob.read() == plain
    assert picture.changes[-1] == "metadata removed"


def test_a_lie_about_the_size_is_found_out() -> None:
    """A WebP whose canvas is not its picture's size is damaged."""
    data = bytearray(make.webp_with(make.encoded(PHOTO, "WEBP"), flags=0))
    data[24:27] = (300).to_bytes(3, "little")

    with pytest.raises(errors.InputError):
        make.prepared(bytes(data))


# --- metadata on request ----------------------------------------------------------------


@pytest.mark.parametrize("title", ["JPEG", "PNG", "WebP", "lossless WebP"])
def test_kept_metadata_keeps_the_file_as_it_is(title: str) -> None:
    """With keep_metadata an untouched picture is sent byte for byte."""
    data = TALKATIVE[title]()
    picture = make.prepared(data, wishes=KEEP)

    assert picture.blob.read() == data
    assert picture.changes == ()


def test_kept_metadata_goes_into_a_jpeg_encoded_anew() -> None:
    """EXIF, turned upright, XMP and IPTC are carried over."""
    plain = make.encoded(make.turned(PHOTO, 6), "JPEG")
    data = make.jpeg_with(
        plain,
        make.jpeg_segment(0xE1, make.exif(6, thumbnail=True)),
        make.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + make.xmp()),
        make.jpeg_segment(0xED, make.iptc()),
    )
    picture = make.prepared(data, side=100, wishes=KEEP)
    sent = picture.blob.read()
    image = make.decoded(sent)

    assert image.getexif()[0x0112] == 1
    assert image.getexif()[0x010F] == make.SECRET
    assert image.getexif().get_ifd(0x8825)[1] == "N"
    assert image.info["xmp"] == make.xmp()
    assert make.iptc() in sent
    assert (image.width, image.height) == (100, 75)
    assert picture.changes == ("160x120 -> 100x75 (limit: 100 px a side)", "rotated")


@pytest.mark.parametrize("name", ["PNG", "WEBP", "AVIF", "TIFF"])
def test_kept_metadata_comes_from_other_formats_too(name: str) -> None:
    """EXIF data moves over from any format that has it."""
    stored = make.turned(PHOTO, 6)
    if name == "TIFF":
        data = make.encoded(stored, name, tiffinfo={274: 6, 271: make.SECRET})
    else:
        data = make.encoded(stored, name, exif=make.exif(6))
    image = make.decoded(make.prepared(data, side=100, wishes=KEEP).blob.read())

    assert image.getexif()[0x010F] == make.SECRET
    assert image.getexif().get(0x0112, 1) == 1
    assert image.size == (100, 75)


def test_kept_metadata_goes_into_a_png_with_transparency() -> None:
    """EXIF and XMP are carried over where transparency makes it a PNG."""
    image = PHOTO.convert("RGBA")
    image.putalpha(100)
    data = make.talkative_png(image)
    options = Fitting(keep_metadata=True, keep_alpha=True)
    sent = make.decoded(make.prepared(data, side=100, wishes=options).blob.read())

    assert sent.getexif()[0x010F] == make.SECRET
    assert make.SECRET in sent.info["XML:com.adobe.xmp"]


def test_kept_xmp_does_not_turn_the_picture_again() -> None:
    """Its copy of the orientation is brought in line with the pixels."""
    xmp = b'<x:xmpmeta tiff:Orientation="6"><tiff:Orientation>8</tiff:Orientation>'
    data = make.encoded(make.turned(PHOTO, 6), "JPEG", exif=make.exif(6), xmp=xmp)
    sent = make.prepared(data, wishes=KEEP).blob.read()

    assert b'tiff:Orientation="1"><tiff:Orientation>1<' in sent


def test_metadata_too_long_for_a_segment_stays_out() -> None:
    """What a JPEG cannot hold is no reason to fail."""
    exif = Image.Exif()
    exif[0x010F] = "x" * 70_000
    data = make.encoded(PHOTO, "WEBP", exif=exif.tobytes())
    sent = make.decoded(make.prepared(data, side=100, wishes=KEEP).blob.read())

    assert "exif" not in sent.info


# --- the same bytes, read no more than needed -------------------------------------------


@pytest.mark.parametrize("title", [*TALKATIVE, *CHANGED])
@pytest.mark.parametrize("side", [None, 100])
def test_two_runs_give_the_same_bytes(title: str, side: int | None) -> None:
    """Preparing is deterministic."""
    data = (TALKATIVE | CHANGED)[title]()
    first, second = make.prepared(data, side=side), make.prepared(data, side=side)

    assert first.blob.sha256 == second.blob.sha256
    assert first.changes == second.changes


def test_no_reader_is_left_open() -> None:
    """Every reader that is opened is closed again, also when the picture is refused."""
    whole = make.encoded(PHOTO, "JPEG", exif=make.exif(6))
    makers = (whole, make.encoded(PHOTO, "PNG"), make.encoded(PHOTO, "TIFF"))
    for data, is_cut in [*((each, False) for each in makers), (whole[:-400], True)]:
        readers: list[io.BytesIO] = []

        def opening(content: bytes = data, kept: list[io.BytesIO] = readers) -> io.BytesIO:
            kept.append(io.BytesIO(content))
            return kept[-1]

        info = probe.probe(opening)
        fit = plan.Fit(size=(80, 60), reason=None)
        if is_cut:
            with pytest.raises(errors.InputError):
                prepare.prepare(opening, info, fit, Fitting())
        else:
            prepare.prepare(opening, info, fit, Fitting())

        assert readers
        assert all(reader.closed for reader in readers)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
@pytest.mark.parametrize("side", [None, 100])
def test_no_picture_is_decoded_twice(
    name: str, side: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pixels are decoded once, whatever comes of it."""
    image = PHOTO.convert("RGBA")
    image.putalpha(100)
    data = make.encoded(PHOTO if name in {"JPEG", "GIF"} else image, name)
    decoded: list[str] = []

    def count(owner: object, name: str) -> None:
        original = getattr(owner, name)

        def counting(*args: object) -> object:
            decoded.append(name)
            return original(*args)

        monkeypatch.setattr(owner, name, counting)

    count(raster, "loaded")
    count(strips.Strips, "__init__")
    make.prepared(data, side=side)

    assert len(decoded) == 1


def test_no_room_for_temporary_files_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full temporary folder is not the picture's fault."""

    def full(_chunks: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("prodia_compose.inputs.blob.spool", full)
    for side in (None, 100):
        with pytest.raises(errors.OutputError, match="No space left on device; free some"):
            make.prepared(make.encoded(PHOTO, "JPEG"), side=side)


def test_jfif_thumbnail_is_cut_out_of_its_header() -> None:
    """JFIF's header stays, without the little picture that it may carry."""
    sent = make.prepared(make.talkative_jpeg(PHOTO)).blob.read()

    assert sent[2:4] == b"\xff\xe0"
    assert struct.unpack(">H", sent[4:6]) == (16,)
    assert sent[6:11] == b"JFIF\0"
    assert sent[18:20] == b"\0\0"
