"""Pictures that come back: known by content, whole, or refused with a reason."""

import io

import origins
import pictures as make
import pytest
from PIL import Image

from prodia_compose.images.probe import received

PHOTO = make.photo((160, 120))
KINDS = {
    "JPEG": ("image/jpeg", ".jpg"),
    "PNG": ("image/png", ".png"),
    "WEBP": ("image/webp", ".webp"),
    "GIF": ("image/gif", ".gif"),
    "AVIF": ("image/avif", ".avif"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_picture_is_known(name: str) -> None:
    """Format, media type, suffix and size come from the content."""
    data = make.encoded(PHOTO, name)
    found = received.inspect(make.opener(data))

    assert (found.format, found.media_type, found.suffix) == (name, *KINDS[name])
    assert (found.width, found.height) == (160, 120)


@pytest.mark.parametrize("lost", [0.99, 0.9, 0.5, 0.1])
@pytest.mark.parametrize("name", KINDS)
def test_a_picture_cut_short_is_refused(name: str, lost: float) -> None:
    """However little is missing."""
    data = make.encoded(PHOTO, name)

    with pytest.raises(ValueError, match=r"is cut short|is damaged"):
        received.inspect(make.opener(data[: int(len(data) * lost)]))


@pytest.mark.parametrize(
    ("name", "end"), [("JPEG", 2), ("JPEG", 1), ("PNG", 12), ("PNG", 4), ("GIF", 1)]
)
def test_the_last_marker_must_be_there(name: str, end: int) -> None:
    """A file without its end is not whole, though its pixels may be."""
    data = make.encoded(PHOTO, name)

    with pytest.raises(ValueError, match=r"^is cut short"):
        received.inspect(make.opener(data[:-end]))


def test_what_follows_the_end_does_no_harm() -> None:
    """A stray line feed behind the picture is no reason to refuse what was paid for."""
    for name in ("JPEG", "PNG"):
        data = make.encoded(PHOTO, name) + b"\n"
        assert received.inspect(make.opener(data)).format == name


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b'{"error": "no"}', "is JSON text, not a picture"),
        (b"<html>", "is an HTML page, not a picture"),
        (make.encoded(PHOTO, "PNG")[:40], "is cut short"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, reason: str) -> None:
    """An answer that is no picture is told for what it is."""
    with pytest.raises(ValueError, match=f"^{reason}"):
        received.inspect(make.opener(data))


def test_a_damaged_stream_is_refused() -> None:
    """Complete but undecodable is not usable."""
    data = bytearray(make.encoded(PHOTO, "PNG"))
    data[len(data) // 2] ^= 0xFF

    with pytest.raises(ValueError, match=r"^is cut short or damaged"):
        received.inspect(make.opener(bytes(data)))


def _pixels(data: bytes) -> str | None:
    return received.inspect(make.opener(data)).pixels_sha256


@pytest.mark.parametrize("name", origins.FORMATS)
def test_what_is_beside_the_pixels_makes_no_difference(name: str) -> None:
    """Marks, text and profiles put into a file leave the hash of its pixels as it is."""
    plain = origins.plain(name)
    marked = origins.carrying(name, origins.store(), origins.saying(name, origins.xmp()))
    options = {"lossless": True} if name == "WEBP" else {}
    out = io.BytesIO()
    Image.open(io.BytesIO(plain)).save(out, "PNG", **options)

    assert _pixels(marked) == _pixels(plain) == _pixels(out.getvalue())
    assert received.inspect(make.opener(marked)).provenance.c2pa == "present"


def test_how_pixels_are_packed_makes_no_difference() -> None:
    """Grey as RGB, a palette, an alpha channel that is all opaque: the same picture, the same hash."""
    grey = Image.linear_gradient("L")
    opaque = grey.convert("RGBA")
    same = {_pixels(make.encoded(one, "PNG")) for one in (grey, grey.convert("RGB"), opaque)}
    same.add(_pixels(make.encoded(grey.convert("P"), "PNG", optimize=True)))
    same.add(_pixels(make.encoded(grey.convert("RGB"), "WEBP", lossless=True)))

    assert len(same) == 1


def test_one_pixel_makes_a_difference() -> None:
    """So do its alpha, and the shape of a picture of the same pixels."""
    image = Image.new("RGBA", (30, 20), (1, 2, 3, 255))
    found = {
        _pixels(make.encoded(image, "PNG")),
        _pixels(make.encoded(image.resize((20, 30)), "PNG")),
    }
    for last in ((1, 2, 4, 255), (1, 2, 3, 254)):
        image.putpixel((29, 19), last)
        found.add(_pixels(make.encoded(image, "PNG")))
    deep = Image.new("I;16", (30, 20), 258)
    found.add(_pixels(make.encoded(deep, "PNG")))
    deep.putpixel((0, 0), 259)
    found.add(_pixels(make.encoded(deep, "PNG")))

    assert len(found) == 6


def test_pixels_are_hashed_by_strips() -> None:
    """A picture of more than a strip has the hash of all of it, to its last row."""
    tall = Image.new("L", (1500, 1500), 7)
    before = _pixels(make.encoded(tall, "PNG"))
    tall.putpixel((1499, 1499), 8)

    assert _pixels(make.encoded(tall, "PNG")) not in (before, None)
