"""Colours arrive in sRGB, against formulas and profiles made here."""

import io
import itertools
import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

import h273
import heif
import pictures as make
import pytest
from PIL import Image

from prodia_compose.images.colour import srgb
from prodia_compose.images.formats import bmp, boxes
from prodia_compose.images.options import Fitting

SIDE = 16
PATCHES: list[make.Rgb] = [
    *((255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 100, 50)),
    *((60, 140, 90), (90, 80, 160), (220, 200, 120), (150, 60, 70)),
]
"""Colours that stay within sRGB when read in a wider space."""

INKS: list[tuple[int, ...]] = list(itertools.product((0, 1), repeat=4))
BEST = Fitting(quality=100)


def patches(colours: list[make.Rgb]) -> Image.Image:
    """Return squares of colours side by side."""
    image = Image.new("RGB", (SIDE * len(colours), SIDE))
    for at, each in enumerate(colours):
        image.paste(each, (at * SIDE, 0, (at + 1) * SIDE, SIDE))
    return image


def seen(image: Image.Image, count: int = len(PATCHES)) -> list[make.Rgb]:
    """Return the colours in the middle of each square."""
    return [make.rgb_at(image, (at * SIDE + SIDE // 2, SIDE // 2)) for at in range(count)]


def assert_near(found: list[make.Rgb], wanted: list[make.Rgb], tolerance: float = 4) -> None:
    """Check colours one by one."""
    distances = [make.furthest(a, b) for a, b in zip(found, wanted, strict=True)]
    assert max(distances) <= tolerance, list(zip(found, wanted, strict=True))


@pytest.mark.parametrize("space", ["Display P3", "Adobe RGB", "ProPhoto"])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_wide_colours_are_brought_to_srgb(name: str, space: str) -> None:
    """Patches in a wide space look after preparing as they did before."""
    extras: dict[str, dict[str, object]] = {
        "JPEG": {"quality": 100, "subsampling": 0},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    }
    profile = make.rgb_profile(space)
    data = make.encoded(patches(PATCHES), name, icc_profile=profile, **extras.get(name, {}))
    picture = make.prepared(data, wishes=BEST)

    assert_near(seen(make.pixels(picture)), [make.to_srgb(each, space) for each in PATCHES])
    assert f"{space} -> sRGB" in picture.changes
    assert make.pixels(picture).info.get("icc_profile") is None


PRINTED: dict[str, tuple[list[tuple[int, ...]], bytes | None, list[make.Rgb], str]] = {
    "profile": (INKS, make.cmyk_profile(), list(map(make.cmyk_to_rgb, INKS)), "Test press"),
    "none": ([(0, 1, 1, 0)], None, [(255, 0, 0)], "CMYK"),
}


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
@pytest.mark.parametrize("case", PRINTED)
def test_solid_inks_look_as_printed(name: str, case: str) -> None:
    """As their profile has it, or else by the plain formula; not garish and not negative."""
    patches, profile, wanted, shown = PRINTED[case]
    image = Image.new("CMYK", (SIDE * len(patches), SIDE))
    for at, inks in enumerate(patches):
        image.paste(tuple(255 * ink for ink in inks), (at * SIDE, 0, (at + 1) * SIDE, SIDE))
    data = make.encoded(image, name, icc_profile=profile, **_sharp(name))
    picture = make.prepared(data, wishes=BEST)

    assert_near(seen(make.pixels(picture), len(patches)), wanted)
    assert picture.changes[0] == f"{shown} -> sRGB"


def _sharp(name: str) -> dict[str, object]:
    return {"quality": 100, "subsampling": 0} if name == "JPEG" else {}


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_with_a_profile_gets_srgbs_curve(mode: str) -> None:
    """A grey of linear light is shown as bright as it is."""
    image = Image.new("L", (SIDE, SIDE), 55).convert(mode)
    data = make.encoded(image, "PNG", icc_profile=make.grey_profile(1.0))

    assert_near(seen(make.pixels(make.prepared(data, wishes=BEST)), 1), [(128, 128, 128)])


@pytest.mark.parametrize("mode", ["L", "P", "RGBA"])
def test_a_profile_for_rgb_serves_grey_palette_and_alpha(mode: str) -> None:
    """It applies to everything that has colours of its kind."""
    image = Image.new("RGB", (SIDE, SIDE), (128, 128, 128))
    image = image.convert(mode, palette=Image.Palette.ADAPTIVE)
    data = make.encoded(image, "PNG", icc_profile=make.rgb_profile("ProPhoto"))
    found = seen(make.pixels(make.prepared(data, wishes=BEST)), 1)

    assert_near(found, [make.to_srgb((128, 128, 128), "ProPhoto")], tolerance=2)


@pytest.mark.parametrize("colour_given", [(200, 100, 50), (60, 140, 90), (255, 255, 255)])
def test_lab_is_converted(colour_given: make.Rgb) -> None:
    """A Lab TIFF shows the colours that it names."""
    lightness, a, b = make.lab_of(colour_given)
    pixel = struct.pack(">Bbb", round(lightness * 2.55), round(a), round(b))
    data = make.tiff(
        (SIDE, SIDE),
        8,
        pixel * SIDE * SIDE,
        tags={258: (3, [8, 8, 8]), 262: (3, [8]), 277: (3, [3])},
    )
    picture = make.prepared(data, wishes=BEST)

    assert_near(seen(make.pixels(picture), 1), [colour_given])
    assert picture.changes[0] == "Lab -> sRGB"


def test_transparency_survives_the_colours() -> None:
    """Alpha is left alone while colours are converted."""
    image = patches(PATCHES).convert("RGBA")
    image.putalpha(77)
    data = make.encoded(image, "PNG", icc_profile=make.rgb_profile("Display P3"))
    sent = make.pixels(make.prepared(data, wishes=Fitting(keep_alpha=True)))

    assert sent.getchannel("A").getextrema() == (77, 77)
    wanted = [make.to_srgb(each, "Display P3") for each in PATCHES]
    found = seen(sent)
    assert_near(found, wanted, tolerance=2)


def test_a_profile_of_version_4_is_honoured() -> None:
    """As newer phones and programs embed it."""
    profile = h273.profile(h273.PRIMARIES[12], h273.srgb)
    data = make.encoded(patches(PATCHES), "PNG", icc_profile=profile)
    picture = make.prepared(data, wishes=BEST)

    assert_near(seen(make.pixels(picture)), [make.to_srgb(each, "Display P3") for each in PATCHES])
    assert "reference -> sRGB" in picture.changes


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_a_profile_made_of_a_table_is_honoured(name: str) -> None:
    """As scanners have it, with no primaries: here red is called green, and green red."""
    profile = make.table_profile(lambda red, green, blue: (green, red, blue))
    data = make.encoded(patches(PATCHES), name, icc_profile=profile, **_sharp(name))
    picture = make.prepared(data, wishes=BEST)

    assert_near(seen(make.pixels(picture)), [(green, red, blue) for red, green, blue in PATCHES], 5)
    assert "Test scanner -> sRGB" in picture.changes


@pytest.mark.parametrize("made", [heif.bmp, heif.jpeg_2000])
def test_a_profile_that_pillow_passes_over_is_honoured(
    made: Callable[[Image.Image, bytes], bytes],
) -> None:
    """In a BMP and a JPEG 2000; one that is cut is told, and one of sRGB changes nothing."""
    profile = make.rgb_profile("Adobe RGB")
    picture = make.prepared(made(patches(PATCHES), profile), wishes=BEST)
    cut = make.prepared(made(patches(PATCHES), profile[:200]), wishes=BEST)
    plain = make.prepared(made(patches(PATCHES), make.rgb_profile("sRGB")), wishes=BEST)

    assert_near(seen(make.pixels(picture)), [make.to_srgb(each, "Adobe RGB") for each in PATCHES])
    assert "Adobe RGB -> sRGB" in picture.changes
    assert_near(seen(make.pixels(cut)), PATCHES)
    assert srgb.UNUSABLE in cut.changes
    assert_near(seen(make.pixels(plain)), PATCHES)
    assert not any("profile" in shown or "sRGB" in shown for shown in plain.changes)


MISFITS = {
    "garbage": ("RGB", b"not a profile"),
    "cut": ("RGB", make.rgb_profile("Display P3")[:200]),
    "CMYK profile on RGB": ("RGB", make.cmyk_profile()),
    "grey profile on RGB": ("RGB", make.grey_profile(1.0)),
    "CMYK profile on grey": ("L", make.cmyk_profile()),
    "RGB profile on CMYK": ("CMYK", make.rgb_profile("Display P3")),
    "cut CMYK profile": ("CMYK", make.cmyk_profile()[:300]),
}


@pytest.mark.parametrize(("mode", "profile"), MISFITS.values(), ids=MISFITS)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_profile_that_does_not_fit_is_left_out(
    mode: str, profile: bytes, orientation: int
) -> None:
    """Pixels are then read as if it were not there, and the report says so."""
    image = patches(PATCHES).convert(mode)
    data = make.encoded(
        image, "JPEG", icc_profile=profile, exif=make.exif(orientation), **_sharp("JPEG")
    )
    picture = make.prepared(data, wishes=BEST)
    upright = make.pixels(picture).convert("RGB")
    if orientation == 6:
        upright = upright.transpose(Image.Transpose.ROTATE_90)
    found = seen(upright)
    wanted = seen(image.convert("RGB"))

    assert_near(found, wanted)
    shown = "CMYK -> sRGB" if mode == "CMYK" and len(profile) > 300 else srgb.UNUSABLE
    assert shown in picture.changes


def test_an_empty_profile_counts_as_none() -> None:
    """Nothing is said of a profile of no bytes."""
    segment = make.jpeg_segment(0xE2, b"ICC_PROFILE\0\x01\x01")
    data = make.jpeg_with(make.encoded(make.quarters(), "JPEG"), segment)

    assert make.prepared(data).changes == ("metadata removed",)


def test_a_profile_in_many_parts_is_put_together_by_number() -> None:
    """The parts may come in any order."""
    profile = make.rgb_profile("Display P3")
    cut = len(profile) // 2
    parts = [
        make.jpeg_segment(0xE2, b"ICC_PROFILE\0\x02\x02" + profile[cut:]),
        make.jpeg_segment(0xE2, b"ICC_PROFILE\0\x01\x02" + profile[:cut]),
    ]
    data = make.jpeg_with(make.encoded(make.quarters(), "JPEG"), *parts)

    assert "Display P3 -> sRGB" in make.prepared(data).changes


def _gamma(value: int) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", value)


P3 = (b"cICP", b"\x0c\x0d\0\x01")
PROPHOTO = (b"iCCP", b"x\0\0" + zlib.compress(make.rgb_profile("ProPhoto")))
ADOBE = struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
NUMBERED = {
    "cICP": ([P3], "Display P3"),
    "cICP before iCCP": ([P3, PROPHOTO], "Display P3"),
    "gAMA and cHRM": ([_gamma(45470), (b"cHRM", ADOBE)], "Adobe RGB"),
    "sRGB": ([(b"sRGB", b"\0"), _gamma(100_000)], "sRGB"),
    "sRGB's gamma": ([_gamma(45455)], "sRGB"),
    "no gamma at all": ([_gamma(0)], "sRGB"),
    "cut chunks": ([(b"gAMA", bytes(2)), (b"cHRM", bytes(3))], "sRGB"),
    "no colours": ([_gamma(60_000), (b"cHRM", bytes(32))], "sRGB"),
    "garbage": ([(b"iCCP", b"x\0\0garbage")], "sRGB"),
    "unspecified codes": ([(b"cICP", b"\x02\x02\0\x01")], "sRGB"),
}


@pytest.mark.parametrize(("chunks", "space"), NUMBERED.values(), ids=NUMBERED)
def test_colours_that_a_png_names_in_numbers(chunks: list[tuple[bytes, bytes]], space: str) -> None:
    """PNG's other ways to say which colours it means are understood, broken ones ignored."""
    data = make.png_with(make.encoded(patches(PATCHES), "PNG"), *chunks)
    picture = make.prepared(data, wishes=BEST)
    wanted = [make.to_srgb(each, space) for each in PATCHES]

    assert_near(seen(make.pixels(picture)), wanted, 4 if space != "sRGB" else 1)
    assert (picture.suffix == ".png") == (space == "sRGB")


def test_gamma_alone_is_honoured() -> None:
    """A PNG of linear light is shown as bright as it is."""
    image = Image.new("RGB", (SIDE, SIDE), (55, 55, 55))
    data = make.png_with(make.encoded(image, "PNG"), _gamma(100_000))

    assert_near(seen(make.pixels(make.prepared(data, wishes=BEST)), 1), [(128, 128, 128)])


JUDGED = {
    "none": (None, False, "srgb"),
    "empty": (b"", True, "srgb"),
    "sRGB": (make.rgb_profile("sRGB"), False, "srgb"),
    "sRGB on grey": (make.rgb_profile("sRGB"), True, "srgb"),
    "Adobe RGB": (make.rgb_profile("Adobe RGB"), False, "other"),
    "grey": (make.grey_profile(1.8), True, "other"),
    "grey on RGB": (make.grey_profile(1.8), False, "unusable"),
    "CMYK": (make.cmyk_profile(), False, "unusable"),
}


@pytest.mark.parametrize(("profile", "grey", "verdict"), JUDGED.values(), ids=JUDGED)
def test_profiles_are_judged_by_what_they_do(
    profile: bytes | None, *, grey: bool, verdict: str
) -> None:
    """Not a profile's name counts but how far it moves colours."""
    assert srgb.judge(profile, grey=grey) == verdict


@pytest.mark.parametrize(
    ("made", "look"), [(heif.bmp, bmp.profile), (heif.jpeg_2000, boxes.jpeg_2000_profile)]
)
def test_a_broken_place_of_a_profile_says_nothing(
    made: Callable[[Image.Image, bytes], bytes], look: Callable[[BinaryIO], bytes | None]
) -> None:
    """Whatever byte in front of the pixels is broken, looking for the profile raises nothing."""
    whole = made(patches(PATCHES), make.rgb_profile("sRGB"))
    assert look(io.BytesIO(whole)) == make.rgb_profile("sRGB")
    for at in range(150):
        broken = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
        for data in (broken, whole[:at]):
            assert isinstance(look(io.BytesIO(data)), bytes | None)
