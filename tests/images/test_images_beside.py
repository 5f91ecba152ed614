"""What is said beside a picture's pixels can be wrong in every way, and costs no picture."""

import io
import zlib
from collections.abc import Callable
from typing import Final

import pictures as make
import pytest
from PIL import Image

from prodia_compose.images.probe import received

PHOTO = make.photo((64, 48))
PNG, JPEG, GIF = (make.encoded(PHOTO, name) for name in ("PNG", "JPEG", "GIF"))

_INFLATED = zlib.compress(b"workflow" * 400_000)
_EXIF: Final = b"II*\0" + b"\x08\0\0\0" + b"\1\0" + b"\x1a\1\5\0\1\0\0\0" + b"\x20\0\0\0" + bytes(4)


def _png(name: bytes, data: bytes, *, at: int = 33, crc: bytes | None = None) -> bytes:
    chunk = make.png_chunk(name, data)
    return PNG[:at] + (chunk if crc is None else chunk[:-4] + crc) + PNG[at:]


def _jpeg(marker: int, data: bytes) -> bytes:
    return JPEG[:2] + make.jpeg_segment(marker, data) + JPEG[2:]


def _gif(block: bytes) -> bytes:
    at = 13 + (3 << (GIF[10] & 7) + 1)
    return GIF[:at] + block + GIF[at:]


def _webp(*chunks: tuple[bytes, bytes]) -> bytes:
    return make.webp_with(make.encoded(PHOTO, "WEBP"), *chunks, flags=0x2C)


def _avif(exif: bytes) -> bytes:
    data = make.encoded(PHOTO, "AVIF", exif=_EXIF)
    assert data.count(_EXIF) == 1
    return data.replace(_EXIF, exif.ljust(len(_EXIF), b"\xff")[: len(_EXIF)])


def _last(crc: bytes) -> bytes:
    return PNG[:-4] + crc


MAKERS: dict[str, Callable[[], bytes]] = {
    "png-large-ztxt": lambda: _png(b"zTXt", b"workflow\0\0" + _INFLATED),
    "png-large-itxt": lambda: _png(b"iTXt", b"workflow\0\1\0\0\0" + _INFLATED),
    "png-large-ztxt-behind": lambda: _png(b"zTXt", b"workflow\0\0" + _INFLATED, at=len(PNG) - 12),
    "png-large-profile": lambda: _png(b"iCCP", b"x\0\0" + zlib.compress(bytes(50_000_000))),
    "png-comment-checksum": lambda: _png(b"tEXt", b"a\0b", crc=b"abcd"),
    "png-comment-checksum-behind": lambda: _png(b"tEXt", b"a\0b", at=len(PNG) - 12, crc=b"abcd"),
    "png-end-checksum": lambda: _last(b"abcd"),
    "png-odd-compression": lambda: _png(b"zTXt", b"workflow\0\5xx"),
    "png-exif": lambda: _png(b"eXIf", b"garbage"),
    "png-profile": lambda: _png(b"iCCP", b"x\0\0garbage"),
    "png-short-gama": lambda: _png(b"gAMA", b"\0"),
    "png-short-chrm": lambda: _png(b"cHRM", b"\0"),
    "png-short-phys": lambda: _png(b"pHYs", b"\0"),
    "png-short-time": lambda: _png(b"tIME", b"\0"),
    "png-empty-srgb": lambda: _png(b"sRGB", b""),
    "png-half-an-animation": lambda: _png(b"acTL", b"\0\0"),
    "png-frame-behind": lambda: _png(b"fdAT", b"\0\0\0\0junk", at=len(PNG) - 12),
    "jpeg-exif": lambda: _jpeg(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff"),
    "jpeg-empty-exif": lambda: _jpeg(0xE1, b"Exif\0\0"),
    "jpeg-xmp": lambda: _jpeg(0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe<"),
    "jpeg-profile": lambda: _jpeg(0xE2, b"ICC_PROFILE\0\1\1garbage"),
    "jpeg-profile-without-number": lambda: _jpeg(0xE2, b"ICC_PROFILE\0"),
    "jpeg-profile-with-half-a-number": lambda: _jpeg(0xE2, b"ICC_PROFILE\0\1"),
    "jpeg-mpo": lambda: _jpeg(0xE2, b"MPF\0garbage"),
    "jpeg-mpo-behind": lambda: JPEG + b"\xff\xd8\xff\xe1\0\x10garbage",
    "jpeg-iptc": lambda: _jpeg(0xED, b"Photoshop 3.0\x008BIM\4\4\xff"),
    "jpeg-short-resolution": lambda: _jpeg(0xED, b"Photoshop 3.0\x008BIM\3\xed\0\0\0\0\0\2\0\0"),
    "jpeg-short-adobe": lambda: _jpeg(0xEE, b"Adobe\0"),
    "jpeg-short-jfif": lambda: JPEG[:2] + make.jpeg_segment(0xE0, b"JFIF\0\1") + JPEG[20:],
    "jpeg-empty-comment": lambda: _jpeg(0xFE, b""),
    "gif-comment": lambda: _gif(b"!\xfe\5hello\0"),
    "gif-application-without-data": lambda: _gif(b"!\xff\x0bNETSCAPE2.0\0"),
    "gif-short-control": lambda: _gif(b"!\xf9\1\0\0"),
    "gif-bytes-behind": lambda: GIF + b"\0\0",
    "gif-damaged-comment-behind": lambda: GIF[:-1] + b"!\xfe\xffhe;",
    "webp-all": lambda: _webp((b"ICCP", b"garbage"), (b"EXIF", b"garbage"), (b"XMP ", b"\xff")),
    "webp-large-exif": lambda: _webp((b"EXIF", bytes(20_000_000))),
    "avif-exif": lambda: _avif(b"garbage"),
    "avif-exif-nowhere": lambda: _avif(b"MM\0*\xff\xff\xff\xff"),
    "tiff-profile": lambda: make.encoded(PHOTO, "TIFF", icc_profile=b"garbage"),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKERS)
def test_an_answer_and_an_input_are_judged_by_their_pixels(name: str) -> None:
    """Both are taken, the input whether it is made smaller or not, with the very same pixels."""
    data = MAKERS[name]()
    format_ = name.partition("-")[0].upper()
    found = received.inspect(make.opener(data))
    plain = Image.open(io.BytesIO(make.encoded(PHOTO, format_))).convert("RGB")

    assert (found.format, found.width, found.height, found.slow) == (format_, 64, 48, None)
    assert make.psnr(make.pixels(make.prepared(data)).convert("RGB"), plain) > 35
    assert make.prepared(data, side=32).width == 32


def test_wrong_pixels_are_still_refused() -> None:
    """The data of the picture itself must make sense, and have its end."""
    at = PNG.index(b"IDAT") + 40
    for data in (PNG[:at] + bytes(200) + PNG[at + 200 :], PNG[:-12], GIF[:-1], JPEG[:-2]):
        with pytest.raises(ValueError, match=r"^is cut short"):
            received.inspect(make.opener(data))
