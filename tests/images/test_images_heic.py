"""HEIC pictures, where their decoder is installed."""

import io
import struct

import pictures as make
import pytest

from prodia_compose import errors
from prodia_compose.images.options import Fitting
from prodia_compose.images.probe import probe, received

pillow_heif = pytest.importorskip("pillow_heif", reason="the extra `heic` is not installed")


def heic(orientation: int | None = None, **options: object) -> bytes:
    """Return a HEIC picture; turned, it is stored as a phone would."""
    image = make.turned(make.quarters((128, 96)), orientation or 1)
    if orientation is not None:
        options["exif"] = make.exif(orientation)
    heif = pillow_heif.from_pillow(image)
    stream = io.BytesIO()
    heif.save(stream, quality=90, **options)
    return stream.getvalue()


@pytest.mark.parametrize("orientation", [None, *range(1, 9)])
def test_a_heic_arrives_upright(orientation: int | None) -> None:
    """Whatever way the phone was held."""
    data = heic(orientation)
    info = probe.probe(make.opener(data))
    picture = make.prepared(data, side=64)

    assert (info.format, info.width, info.height) == ("HEIF", 128, 96)
    image = make.pixels(picture)
    assert image.size == (64, 48)
    for place, colour in {(12, 9): make.RED, (52, 9): make.GREEN, (12, 39): make.BLUE}.items():
        assert make.furthest(make.rgb_at(image, place), colour) < 40
    assert "HEIC -> JPEG" in picture.changes
    assert make.SECRET.encode() not in picture.blob.read()


def test_a_heic_in_display_p3_is_brought_to_srgb() -> None:
    """The profile that iPhones embed is honoured."""
    data = heic(icc_profile=make.rgb_profile("Display P3"))
    picture = make.prepared(data, wishes=Fitting(quality=100))
    wanted = make.to_srgb(make.RED, "Display P3")

    assert make.furthest(make.rgb_at(make.pixels(picture), (12, 9)), wanted) < 12
    assert "Display P3 -> sRGB" in picture.changes


def test_a_heic_cut_in_half_is_refused() -> None:
    """Its decoder would accept it and make up the rest."""
    data = heic()
    for length in (len(data) // 2, len(data) - 1):
        with pytest.raises(errors.InputError, match="is cut short"):
            make.prepared(data[:length])


def test_a_heic_can_be_received() -> None:
    """An answer in HEIC is known and decoded as well."""
    found = received.inspect(make.opener(heic()))

    assert (found.media_type, found.suffix, found.width) == ("image/heic", ".heic", 128)


def test_a_heic_with_a_huge_header_is_refused() -> None:
    """What cannot hold the pixels that it promises is damaged."""
    data = bytearray(heic())
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", *make.HUGE)

    with pytest.raises(errors.InputError):
        make.prepared(bytes(data))
