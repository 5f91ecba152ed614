"""Colours that are named, not described: by numbers in PNG, AVIF and HEIC, by words in EXIF."""

import functools
import io
import itertools
import struct
import zlib
from collections.abc import Callable, Sequence

import h273
import heif
import pictures as make
import pytest
from PIL import Image

from prodia_compose.images.colour import icc
from prodia_compose.images.formats import exif as exif_data
from prodia_compose.images.options import Fitting
from prodia_compose.images.prepare import PreparedImage
from prodia_compose.images.probe import probe

BEST = Fitting(quality=100)
Codes = tuple[int, int]
Chunk = tuple[bytes, bytes]


def spots(data: bytes) -> list[make.Rgb]:
    """Return the colours of the four patches in a file that was made here."""
    image = make.decoded(data)
    return [make.rgb_at(image, spot) for spot in heif.SPOTS]


def sent(data: bytes) -> tuple[PreparedImage, list[make.Rgb]]:
    """Return a picture as prepared, and the colours of its four patches."""
    picture = make.prepared(data, wishes=BEST)
    return picture, spots(picture.blob.read())


def distance(one: Sequence[make.Rgb], other: Sequence[make.Rgb]) -> float:
    """Return by how much, of 255, the colours differ at most."""
    return max(map(make.furthest, one, other))


def png(*chunks: Chunk) -> bytes:
    """Return a PNG of the patches with some chunks."""
    return make.png_with(make.encoded(heif.patches(), "PNG"), *chunks)


def cicp(primaries: int, transfer: int, matrix: int = 0, full_range: int = 1) -> Chunk:
    """Return PNG's chunk for codes."""
    return b"cICP", bytes((primaries, transfer, matrix, full_range))


def _png(codes: Codes) -> bytes:
    return png(cicp(*codes))


def _avif(codes: Codes) -> bytes:
    return heif.recoded(_plain_avif(), *codes)


@functools.cache
def _plain_avif() -> bytes:
    return heif.avif(heif.patches())


def _heic(codes: Codes) -> bytes:
    return heif.heic(heif.nclx(*codes))


CARRIERS: dict[str, Callable[[Codes], bytes]] = {"PNG": _png, "AVIF": _avif, "HEIC": _heic}


def stored(carrier: str) -> Sequence[make.Rgb]:
    """Return the numbers that a carrier has of the patches; AVIF is not quite without loss."""
    return spots(_plain_avif()) if carrier == "AVIF" else heif.PATCHES


@pytest.mark.parametrize("transfer", [13, 4, 5, 8, 9, 10, 16, 17, 18])
def test_codes_of_colours_are_what_littlecms_makes_of_them(transfer: int) -> None:
    """Every curve with all primaries that the standard knows, in every format; and named."""
    curve = h273.TRANSFERS[transfer]
    for primaries, colours in h273.PRIMARIES.items():
        for carrier, made in CARRIERS.items():
            picture, found = sent(made((primaries, transfer)))
            wanted = h273.seen(stored(carrier), colours, curve)

            assert distance(found, wanted) <= 3, (primaries, carrier, found, wanted)
            is_srgb = primaries == 1 and curve is h273.srgb
            assert any(shown.endswith("-> sRGB") for shown in picture.changes) != is_srgb


def test_the_curves_of_cameras_are_shown_as_srgbs() -> None:
    """All that the standard has for light as cameras take it, as every viewer does."""
    kin = [transfer for transfer, curve in h273.TRANSFERS.items() if curve is h273.srgb]
    assert kin == [1, 6, 7, 11, 12, 13, 14, 15]
    for primaries, transfer, made in itertools.product(h273.PRIMARIES, kin, CARRIERS.values()):
        found = probe.probe(make.opener(made((primaries, transfer)))).header
        assert found.profile == icc.from_codes(primaries, 13)


UNSPECIFIED: dict[str, tuple[Codes, Codes]] = {
    "primaries": ((2, 8), (1, 8)),
    "curve": ((12, 2), (12, 13)),
    "both": ((2, 2), (1, 13)),
    "reserved primaries": ((3, 8), (1, 13)),
    "reserved curve": ((12, 3), (1, 13)),
    "unknown": ((200, 200), (1, 13)),
}


@pytest.mark.parametrize(("codes", "meant"), UNSPECIFIED.values(), ids=UNSPECIFIED)
@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_codes_leave_open_is_srgb(carrier: str, codes: Codes, meant: Codes) -> None:
    """What is unspecified is sRGB's half; what nobody knows says nothing."""
    wanted = h273.seen(stored(carrier), h273.PRIMARIES[meant[0]], h273.TRANSFERS[meant[1]])

    assert distance(sent(CARRIERS[carrier](codes))[1], wanted) <= 3


@pytest.mark.parametrize(
    ("transfer", "white"), [pytest.param(16, 148, id="PQ"), pytest.param(18, 191, id="HLG")]
)
def test_hdr_keeps_its_ordinary_white(transfer: int, white: int) -> None:
    """203 nits arrive white, what is brighter is cut off there, and black stays black."""
    image = heif.patches()
    for grey, spot in zip((white, 255, 0, white // 2), heif.SPOTS, strict=True):
        image.paste((grey, grey, grey), (spot[0] - 32, spot[1] - 16, spot[0] + 32, spot[1] + 16))
    chunked = make.png_with(make.encoded(image, "PNG"), cicp(9, transfer))
    for data in (chunked, heif.recoded(heif.avif(image), 9, transfer)):
        bright, brightest, black, middle = sent(data)[1]

        assert make.furthest(bright, (255, 255, 255)) <= 4
        assert brightest == (255, 255, 255)
        assert black == (0, 0, 0)
        assert 20 < middle[0] < 160


def test_a_profile_counts_before_codes_in_boxes() -> None:
    """As decoders have it: the codes then only tell how brightness and colour were split."""
    profile = make.rgb_profile("ProPhoto")
    wanted = [make.to_srgb(each, "ProPhoto") for each in heif.PATCHES]
    both = heif.heic((b"colr", b"prof" + profile), heif.nclx(12, 13))
    alone = heif.avif(heif.patches(), icc_profile=profile)

    assert distance(sent(both)[1], wanted) <= 3
    assert distance(sent(alone)[1], wanted) <= 4


@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_a_picture_of_tiles_has_the_colours_of_the_first(kind: str) -> None:
    """Where it says nothing itself; else its own."""
    tiles, other = heif.nclx(12, 13, 6), heif.nclx(9, 13, 6)
    for data, primaries in (
        (heif.grid(2, 1, kind=kind, of_tile=[tiles]), 12),
        (heif.grid(2, 1, other, kind=kind, of_tile=[tiles]), 9),
    ):
        found = make.rgb_at(make.pixels(make.prepared(data, wishes=BEST)), (128, 128))
        wanted = h273.seen(heif.PATCHES, h273.PRIMARIES[primaries], h273.srgb)[0]
        assert make.furthest(found, wanted) <= 8


# --- PNG's chunks, in their order ----------------------------------------------------------

_PROPHOTO = b"x\0\0" + zlib.compress(make.rgb_profile("ProPhoto"))
_LINEAR, _ADOBE = 100_000, (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
_ADOBE_PRIMARIES = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329)
CHUNKS: dict[str, Chunk] = {
    "cICP": cicp(12, 13),
    "iCCP": (b"iCCP", _PROPHOTO),
    "sRGB": (b"sRGB", b"\0"),
    "gAMA": (b"gAMA", struct.pack(">I", _LINEAR)),
    "cHRM": (b"cHRM", struct.pack(">8I", *_ADOBE)),
}


def winner(names: Sequence[str]) -> list[make.Rgb]:
    """Return the patches in the colours of the first of some chunks by PNG's third edition."""
    if "cICP" in names:
        return h273.seen(heif.PATCHES, h273.PRIMARIES[12], h273.srgb)
    if "iCCP" in names:
        return [make.to_srgb(each, "ProPhoto") for each in heif.PATCHES]
    if "sRGB" in names:
        return list(heif.PATCHES)
    primaries = _ADOBE_PRIMARIES if "cHRM" in names else h273.PRIMARIES[1]
    return h273.seen(heif.PATCHES, primaries, h273.TRANSFERS[8] if "gAMA" in names else h273.srgb)


@pytest.mark.parametrize("count", range(6))
def test_chunks_count_in_the_order_of_the_standard(count: int) -> None:
    """Whichever of the five are there, and not in the order in which they stand."""
    for names in itertools.combinations(CHUNKS, count):
        found = sent(png(*(CHUNKS[name] for name in names[::-1])))[1]

        assert distance(found, winner(names)) <= 3, (names, found)


USELESS: dict[str, tuple[Chunk, str]] = {
    "cICP, cut": ((b"cICP", b"\x0c\x0d\0"), "cICP"),
    "cICP, too long": ((b"cICP", b"\x0c\x0d\0\x01\0"), "cICP"),
    "cICP, not of RGB": (cicp(12, 13, matrix=6), "cICP"),
    "cICP, unspecified": (cicp(2, 2), "cICP"),
    "cICP, unknown": (cicp(12, 99), "cICP"),
    "iCCP, not deflated": ((b"iCCP", b"x\0\0garbage"), "iCCP"),
    "iCCP, cut": ((b"iCCP", _PROPHOTO[:-9]), "iCCP"),
    "gAMA, none": ((b"gAMA", bytes(4)), "gAMA"),
    "gAMA, cut": ((b"gAMA", bytes(2)), "gAMA"),
    "cHRM, cut": ((b"cHRM", bytes(3)), "cHRM"),
}


@pytest.mark.parametrize(("chunk", "name"), USELESS.values(), ids=USELESS)
def test_a_chunk_that_says_nothing_leaves_its_place_to_the_next(chunk: Chunk, name: str) -> None:
    """Broken, unknown or unspecified, it does not hide what the others say."""
    names = list(CHUNKS)
    later = names[names.index(name) + 1 :]
    for others in (later, [each for each in later if each != "sRGB"]):
        data = png(chunk, *(CHUNKS[each] for each in others))
        assert distance(sent(data)[1], winner(others)) <= 3


SAYS_SRGB: dict[str, Chunk] = {"cICP": cicp(1, 13), "camera's curve": cicp(1, 1)}


@pytest.mark.parametrize("chunk", SAYS_SRGB.values(), ids=SAYS_SRGB)
def test_codes_that_say_srgb_beat_all_others(chunk: Chunk) -> None:
    """The pixels go out bit for bit, whatever the other chunks call their colours."""
    data = png(chunk, *(CHUNKS[name] for name in ("iCCP", "gAMA", "cHRM")))
    picture, found = sent(data)

    assert picture.media_type == "image/png"
    assert found == list(heif.PATCHES)


@pytest.mark.parametrize("codes", [(1, 13), (12, 13), (9, 16)])
def test_a_narrow_range_is_widened(codes: Codes) -> None:
    """Black is at 16 and white at 235, as in video."""

    def curve(signal: float) -> float:
        return h273.TRANSFERS[codes[1]](min(1.0, max(0.0, (signal * 255 - 16) / 219)))

    found = sent(png(cicp(*codes, full_range=0)))[1]

    assert distance(found, h273.seen(heif.PATCHES, h273.PRIMARIES[codes[0]], curve)) <= 3


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA"])
def test_codes_serve_every_kind_of_png(mode: str) -> None:
    """Grey, palette and transparency do not change what the codes mean."""
    image = heif.patches().convert("L") if mode in {"L", "LA"} else heif.patches()
    stored = [make.rgb_at(image, spot) for spot in heif.SPOTS]
    image = image.convert(mode, palette=Image.Palette.ADAPTIVE)
    data = make.png_with(make.encoded(image, "PNG"), cicp(12, 8))

    assert distance(sent(data)[1], h273.seen(stored, h273.PRIMARIES[12], h273.TRANSFERS[8])) <= 3


# --- Adobe RGB by EXIF ------------------------------------------------------------------------


Dcf = tuple[int | None, bytes | None]
"""A colour space of EXIF, and DCF's index for it."""


def exif(said: Dcf, order: str = "<") -> bytes:
    """Return EXIF data that says something of its colours."""
    start = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8)
    main = struct.pack(order + "HHHIII", 1, 0x8769, 4, 1, len(start) + 18, 0)
    return b"Exif\0\0" + start + main + _said(said, len(start) + len(main), order)


def tiff(said: Dcf, order: str) -> bytes:
    """Return a TIFF of the patches that says it in EXIF's directory."""
    pixels = heif.patches().tobytes()

    def made(place: int) -> bytes:
        tags: dict[int, tuple[int, list[int]]] = {258: (3, [8, 8, 8]), 262: (3, [2]), 277: (3, [3])}
        return make.tiff(heif.SIZE, 8, pixels, order=order, tags=tags | {0x8769: (4, [place])})

    place = len(made(0))
    return made(place) + _said(said, place, order)


def _said(said: Dcf, place: int, order: str) -> bytes:
    """Return EXIF's own directory at a place, and the one that it points to."""
    space, index = said
    entries = []
    if space is not None:
        entries.append(struct.pack(order + "HHIHH", 0xA001, 3, 1, space, 0))
    if index is not None:
        below = place + 2 + 12 * (len(entries) + 1) + 4
        entries.append(struct.pack(order + "HHII", 0xA005, 4, 1, below))
    own = struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
    return own + struct.pack(order + "HHHI", 1, 1, 2, 4) + (index or b"").ljust(4, b"\0") + bytes(4)


WITH_EXIF: dict[str, Callable[[bytes], bytes]] = {
    "JPEG": lambda data: make.encoded(
        heif.patches(), "JPEG", quality=100, subsampling=0, exif=data
    ),
    "PNG": lambda data: png((b"eXIf", data[6:])),
    "PNG, as ImageMagick": lambda data: png(
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(_digits(data)))
    ),
    "WebP": lambda data: make.encoded(heif.patches(), "WEBP", lossless=True, exif=data),
    "AVIF": lambda data: heif.recoded(heif.avif(heif.patches(), exif=data), 2, 2),
    "HEIC": lambda data: heif.heic(exif=data),
}


def _digits(data: bytes) -> bytes:
    return b"\nexif\n%8d\n" % len(data) + data.hex().encode()


def shown(name: str, said: Dcf, order: str) -> bytes:
    """Return a picture of the patches in a format, that says something of its colours in EXIF."""
    return tiff(said, order) if name == "TIFF" else WITH_EXIF[name](exif(said, order))


R03: Dcf = (0xFFFF, b"R03")
TELLING: dict[str, tuple[Dcf, bool]] = {
    "as DCF has it": (R03, True),
    "index alone": ((None, b"R03"), True),
    "number alone": ((2, None), True),
    "sRGB": ((1, b"R98"), False),
    "number of sRGB": ((1, b"R03"), False),
    "uncalibrated": ((0xFFFF, None), False),
    "uncalibrated, index of sRGB": ((0xFFFF, b"R98"), False),
    "thumbnail's": ((0xFFFF, b"THM"), False),
    "nothing": ((None, None), False),
}


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("name", [*WITH_EXIF, "TIFF"])
def test_adobe_rgb_told_by_exif_alone(name: str, order: str) -> None:
    """Cameras say so without a profile; in every format that has EXIF data."""
    for case, (said, is_adobe) in TELLING.items():
        picture, found = sent(shown(name, said, order))
        wanted = [make.to_srgb(each, "Adobe RGB") if is_adobe else each for each in heif.PATCHES]

        assert distance(found, wanted) <= 4, case
        assert ("Adobe RGB -> sRGB" in picture.changes) == is_adobe


_EXIF = (b"eXIf", exif(R03)[6:])
SAID_OTHERWISE: dict[str, tuple[bytes, str]] = {
    "profile": (png(_EXIF, CHUNKS["iCCP"]), "ProPhoto"),
    "sRGB chunk": (png(_EXIF, CHUNKS["sRGB"]), "sRGB"),
    "cICP": (png(_EXIF, cicp(1, 13)), "sRGB"),
    "gAMA": (png(_EXIF, (b"gAMA", struct.pack(">I", 45455))), "sRGB"),
    "nclx": (heif.heic(heif.nclx(1, 13), exif=exif(R03)), "sRGB"),
    "nclx of P3": (heif.heic(heif.nclx(12, 13), exif=exif(R03)), "Display P3"),
}


@pytest.mark.parametrize(("data", "space"), SAID_OTHERWISE.values(), ids=SAID_OTHERWISE)
def test_exif_is_asked_last(data: bytes, space: str) -> None:
    """What a format says of its own colours counts before what EXIF says."""
    assert distance(sent(data)[1], [make.to_srgb(each, space) for each in heif.PATCHES]) <= 3


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("name", [*WITH_EXIF, "TIFF"])
def test_exif_that_is_kept_says_srgb(name: str, order: str) -> None:
    """Whoever reads what was sent does not convert it a second time."""
    wishes = Fitting(quality=100, keep_metadata=True)
    once = make.prepared(shown(name, R03, order), wishes=wishes)
    again, found = sent(once.blob.read())

    assert "Adobe RGB -> sRGB" in once.changes
    assert "Adobe RGB -> sRGB" not in again.changes
    assert distance(found, [make.to_srgb(each, "Adobe RGB") for each in heif.PATCHES]) <= 4
    assert b"R03" not in once.blob.read()


@pytest.mark.parametrize("order", "<>")
def test_broken_exif_says_nothing_of_colours(order: str) -> None:
    """Whatever byte of it is broken or missing, it is looked at without an error."""
    whole = exif(R03, order)[6:]
    assert exif_data.is_adobe_rgb(io.BytesIO(whole))
    for at in range(len(whole)):
        for data in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            assert exif_data.is_adobe_rgb(io.BytesIO(data)) in {True, False}
            assert len(exif_data.as_sent(data)) == len(data)


P3_IN_SRGB = ((250, 31, 35), (0, 204, 11), (57, 69, 229), (194, 169, 113))
ADOBE_IN_SRGB = ((255, 57, 46), (0, 201, 37), (52, 68, 225), (199, 172, 117))
IN_NUMBERS: dict[str, tuple[bytes, tuple[make.Rgb, ...]]] = {
    "AVIF in Display P3": (_avif((12, 13)), P3_IN_SRGB),
    "HEIC in Display P3": (_heic((12, 13)), P3_IN_SRGB),
    "PNG in Display P3": (_png((12, 13)), P3_IN_SRGB),
    "JPEG in Adobe RGB": (shown("JPEG", R03, "<"), ADOBE_IN_SRGB),
    "PNG in sRGB, also called ProPhoto": (png(CHUNKS["iCCP"], cicp(1, 13)), heif.PATCHES),
}


@pytest.mark.parametrize(("data", "wanted"), IN_NUMBERS.values(), ids=IN_NUMBERS)
def test_what_is_sent_in_numbers(data: bytes, wanted: tuple[make.Rgb, ...]) -> None:
    """The same as other programs make of them."""
    assert distance(sent(data)[1], wanted) <= 3


def test_srgb_has_no_profile_of_its_own() -> None:
    """Codes that mean sRGB ask for no conversion; those that nobody knows say nothing."""
    assert icc.from_codes(1, 13) == icc.from_codes(1, 1) == icc.SRGB
    assert icc.from_gamma(45455, None) == icc.from_gamma(None, None) == icc.SRGB
    assert icc.from_codes(23, 13) is icc.from_codes(9, 99) is icc.from_codes(2, 2) is None
