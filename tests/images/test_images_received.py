"""Pictures that come back: known by content, whole, or refused with a reason."""

import pictures as make
import pytest

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
