"""HEIC pictures, and what the boxes of HEIC and AVIF say."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import heif
import pictures as make
import pytest
from PIL import Image

from prodia_compose import errors
from prodia_compose.images.formats import boxes
from prodia_compose.images.options import Fitting
from prodia_compose.images.probe import probe, received

Flip = Image.Transpose
BEST = Fitting(quality=100)


def orientation_of(data: bytes) -> int | None:
    """Return the orientation in the EXIF data of a JPEG."""
    found = make.decoded(data).getexif().get(0x0112)
    assert found is None or isinstance(found, int)
    return found


TURNS: dict[str, tuple[list[heif.Property], list[Flip]]] = {
    "as it is": ([], []),
    "by nothing": ([heif.rotation(0)], []),
    "quarter": ([heif.rotation(1)], [Flip.ROTATE_90]),
    "half": ([heif.rotation(2)], [Flip.ROTATE_180]),
    "three quarters": ([heif.rotation(3)], [Flip.ROTATE_270]),
    "upside down": ([heif.mirror(0)], [Flip.FLIP_TOP_BOTTOM]),
    "left for right": ([heif.mirror(1)], [Flip.FLIP_LEFT_RIGHT]),
    "both": ([heif.rotation(1), heif.mirror(1)], [Flip.ROTATE_90, Flip.FLIP_LEFT_RIGHT]),
    "both, the other way": (
        [heif.rotation(3), heif.mirror(0)],
        [Flip.ROTATE_270, Flip.FLIP_TOP_BOTTOM],
    ),
}


@pytest.mark.parametrize("orientation", [None, 1, 6])
@pytest.mark.parametrize(("properties", "flips"), TURNS.values(), ids=TURNS)
def test_a_heic_is_turned_as_its_boxes_say(
    properties: list[heif.Property], flips: list[Flip], orientation: int | None
) -> None:
    """And never as its EXIF data says; what is told is what was done."""
    upright = heif.patches()
    for flip in flips:
        upright = upright.transpose(flip)
    exif = None if orientation is None else make.exif(orientation)
    data = heif.heic(*properties, exif=exif)
    info = probe.probe(make.opener(data))
    picture = make.prepared(data, wishes=BEST)
    sent = make.pixels(picture)

    assert (info.format, info.width, info.height) == ("HEIF", *upright.size)
    assert sent.size == upright.size
    for place in ((16, 16), (sent.width - 16, 16), (16, sent.height - 16)):
        assert make.furthest(make.rgb_at(sent, place), make.rgb_at(upright, place)) <= 3
    assert ("rotated" in picture.changes) == bool(flips)
    assert "HEIC -> JPEG" in picture.changes
    assert make.SECRET.encode() not in picture.blob.read()


@pytest.mark.parametrize("orientation", [1, 6])
def test_what_is_carried_over_of_a_heic_says_upright(orientation: int) -> None:
    """With its metadata kept, nobody turns it a second time."""
    data = heif.heic(heif.rotation(3), exif=make.exif(orientation))
    sent = make.prepared(data, wishes=Fitting(keep_metadata=True)).blob.read()

    assert orientation_of(sent) == 1
    assert make.SECRET.encode() in sent


CROPS = {"little": (120, 60, 4, 2), "half": (64, 32, 32, 16), "hard": (12, 10, 58, 27)}


@pytest.mark.parametrize("rectangle", CROPS.values(), ids=CROPS)
@pytest.mark.parametrize(("properties", "flips"), TURNS.values(), ids=TURNS)
def test_what_was_cropped_away_is_not_shown(
    properties: list[heif.Property], flips: list[Flip], rectangle: tuple[int, int, int, int]
) -> None:
    """However little is left, and then turned; an AVIF's too, turned as HEIC is."""
    width, height, left, top = rectangle
    wanted = heif.patches().crop((left, top, left + width, top + height))
    for flip in flips:
        wanted = wanted.transpose(flip)
    for data in (
        heif.heic(heif.crop(*rectangle), *properties),
        heif.avif(heif.patches(), heif.crop(*rectangle), *properties),
    ):
        picture = make.prepared(data, wishes=BEST)
        info = probe.probe(make.opener(data))
        shown = make.pixels(picture)

        assert (info.width, info.height) == shown.size == wanted.size
        assert make.psnr(shown, wanted) > 40
        assert ("rotated" in picture.changes) == bool(flips)


def test_a_crop_that_makes_no_sense_cuts_nothing_off() -> None:
    """Beyond the picture, of no size, or divided by nothing."""
    nothing = b"clap", struct.pack(">8I", 9, 0, 9, 0, 0, 0, 0, 0)
    for broken in (heif.crop(64, 32, 100, 0), heif.crop(0, 0), heif.crop(999, 9), nothing):
        assert make.pixels(make.prepared(heif.heic(broken))).size == heif.SIZE


MADE: dict[str, Callable[[], bytes]] = {
    "plain": heif.heic,
    "neutral brand": lambda: heif.heic(brand=b"mif1"),
    "wide tables": lambda: heif.heic(heif.nclx(1, 13), heif.rotation(0), wide_tables=True),
    "cropped": lambda: heif.heic(heif.crop(128, 62)),
}


@pytest.mark.parametrize("make_it", MADE.values(), ids=MADE)
def test_a_heic_needs_nothing_that_is_not_there(make_it: Callable[[], bytes]) -> None:
    """It is read, and made smaller, by what was installed with the program."""
    picture = make.prepared(make_it(), side=64)

    assert (picture.width, picture.height) in {(64, 32), (64, 31)}
    assert make.furthest(make.rgb_at(make.pixels(picture), (8, 8)), heif.PATCHES[0]) <= 6
    assert make.prepared(make_it(), side=64).blob.sha256 == picture.blob.sha256


@pytest.mark.parametrize("kind", ["heic", "avif"])
@pytest.mark.parametrize("side", [None, 100])
def test_many_tiles_are_one_picture(side: int | None, kind: str) -> None:
    """As phones write them; each tile shows the same here."""
    picture = make.prepared(heif.grid(3, 2, heif.nclx(1, 13, 6), kind=kind), side=side)
    sent = make.pixels(picture)

    assert sent.size == ((1536, 1024) if side is None else (100, 67))
    for column in range(3):
        left = (2 * column + 0.5) * sent.width / 6
        for number, down in enumerate((1, 3)):
            place = (int(left), sent.height * down // 8)
            wanted = heif.PATCHES[0 if number == 0 else 2]
            assert make.furthest(make.rgb_at(sent, place), wanted) <= 8


def test_a_heic_cut_in_half_is_refused() -> None:
    """Its decoder would accept it and make up the rest."""
    data = heif.heic()
    for length in (len(data) // 2, len(data) - 1):
        with pytest.raises(errors.InputError, match="is cut short"):
            make.prepared(data[:length])


def test_a_heic_can_be_received() -> None:
    """An answer in HEIC is known and decoded as well."""
    found = received.inspect(make.opener(heif.heic()))

    assert (found.media_type, found.suffix, found.width) == ("image/heic", ".heic", 128)


def test_a_heic_with_a_huge_header_is_refused() -> None:
    """What cannot hold the pixels that it promises is damaged."""
    data = bytearray(heif.heic())
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", *make.HUGE)

    with pytest.raises(errors.InputError):
        make.prepared(bytes(data))


def test_boxes_that_make_no_sense_say_nothing() -> None:
    """Whatever byte of a file is broken or missing, looking for properties raises nothing."""
    whole = heif.heic(heif.nclx(12, 13), heif.rotation(1), wide_tables=True)
    assert boxes.colours(boxes.properties(io.BytesIO(whole))) == (12, 13)
    for at in range(len(whole)):
        broken = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
        for data in (broken, whole[:at]):
            found = boxes.properties(io.BytesIO(data))
            assert boxes.is_turned(found) in {True, False}
            assert boxes.is_whole(io.BytesIO(data)) in {True, False}


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_what_is_deeper_than_8_bits_is_told(bits: int) -> None:
    """As the boxes have it; decoders here give 8 of them."""
    depth = (b"pixi", bytes((0, 0, 0, 0, 3, bits, bits, bits)))
    picture = make.prepared(heif.heic(depth))

    assert (f"{bits}-bit -> 8-bit" in picture.changes) == (bits > 8)


FLIPPING = """
import io, sys
from prodia_compose import errors
from prodia_compose.images.probe import probe
whole = open(sys.argv[1], "rb").read()
for at in range(whole.index(b"mdat")):
    broken = whole[:at] + bytes([whole[at] ^ 0x80]) + whole[at + 1 :]
    try:
        probe.probe(lambda: io.BytesIO(broken))
    except errors.InputError:
        pass
print("alive")
"""


def test_no_broken_byte_kills_the_process(tmp_path: Path) -> None:
    """A HEIC's decoder died of letters that are none, and with it whatever else was at work."""
    path = tmp_path / "whole.heic"
    path.write_bytes(heif.heic(heif.nclx(12, 13), heif.crop(64, 32), exif=make.exif(6)))

    assert make.run_apart(FLIPPING, str(path))[0].strip() == "alive"
