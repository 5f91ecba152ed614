"""What is encoded anew: its quality, its byte cap, its scale, and what is said of it."""

import pictures as make
import pytest
from PIL import Image, JpegImagePlugin

from prodia_compose import errors
from prodia_compose.images import plan, prepare
from prodia_compose.images.options import Fitting
from prodia_compose.images.pixels import raster
from prodia_compose.images.probe import probe

PHOTO = make.photo((400, 300))
PLAIN = make.encoded(PHOTO, "TIFF")


def quantization(image: Image.Image) -> dict[int, list[int]]:
    """Return a JPEG's tables, which its quality decides."""
    assert isinstance(image, JpegImagePlugin.JpegImageFile)
    return image.quantization


def expected_quantization(quality: int) -> dict[int, list[int]]:
    """Return the tables of a quality."""
    return quantization(make.decoded(make.encoded(PHOTO, "JPEG", quality=quality)))


@pytest.mark.parametrize("quality", [95, 100, 60, 1])
def test_quality_is_as_asked_and_colour_is_whole(quality: int) -> None:
    """JPEGs have the quality asked for and colour at full resolution."""
    picture = make.prepared(PLAIN, wishes=Fitting(quality=quality))

    assert quantization(make.pixels(picture)) == expected_quantization(quality)
    assert JpegImagePlugin.get_sampling(make.pixels(picture)) == 0
    assert picture.changes == ("TIFF -> JPEG",)


def test_a_byte_cap_is_met_by_quality_first() -> None:
    """The best quality that fits is taken, and the report has both numbers."""
    at_95 = make.prepared(PLAIN).blob.size
    picture = make.prepared(PLAIN, max_bytes=int(at_95 * 0.8))

    assert picture.blob.size <= int(at_95 * 0.8)
    assert (picture.width, picture.height) == (400, 300)
    chosen = next(
        q
        for q in range(94, 79, -1)
        if quantization(make.pixels(picture)) == expected_quantization(q)
    )
    better = make.prepared(PLAIN, wishes=Fitting(quality=chosen + 1))
    assert better.blob.size > int(at_95 * 0.8)
    assert picture.changes[0] == f"quality 95 -> {chosen} ({at_95 * 0.8 / 1e6:.3g} MB per image)"


@pytest.mark.parametrize(("asked", "lowest"), [(95, 80), (80, 80), (50, 50)])
def test_below_the_lowest_quality_pixels_go(asked: int, lowest: int) -> None:
    """What does not fit at 80, or at a lower quality asked for, is made smaller, of one shape."""
    least = make.prepared(PLAIN, wishes=Fitting(quality=lowest)).blob.size
    picture = make.prepared(PLAIN, wishes=Fitting(quality=asked), max_bytes=least // 2)

    assert least * 0.35 < picture.blob.size <= least // 2
    assert quantization(make.pixels(picture)) == expected_quantization(lowest)
    assert abs(picture.width * 3 / 4 - picture.height) <= 1
    assert make.pixels(picture).size == (picture.width, picture.height)
    assert picture.changes[0].startswith(f"400x300 -> {picture.width}x{picture.height} (")


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_a_picture_over_the_byte_cap_does_not_stay_untouched(name: str) -> None:
    """The cap counts for files that need no other change as well."""
    data = make.encoded(PHOTO, name, **({"lossless": True} if name == "WEBP" else {"quality": 100}))
    picture = make.prepared(data, max_bytes=len(data) // 3)

    assert picture.blob.size <= len(data) // 3
    assert picture.media_type == "image/jpeg"


def test_a_cap_that_only_metadata_passes_costs_no_pixel() -> None:
    """The bytes that are sent count, not those that were found."""
    plain = make.encoded(PHOTO, "JPEG")
    data = make.jpeg_with(plain, make.jpeg_segment(0xEF, bytes(60_000)))
    picture = make.prepared(data, max_bytes=len(plain))

    assert picture.blob.read() == plain


def test_a_transparent_png_meets_its_cap_by_size() -> None:
    """PNG knows no quality, so pixels go."""
    image = PHOTO.convert("RGBA")
    image.putalpha(make.photo((400, 300), 2).convert("L"))
    data = make.encoded(image, "PNG")
    picture = make.prepared(data, wishes=Fitting(keep_alpha=True), max_bytes=len(data) // 4)

    assert picture.media_type == "image/png"
    assert picture.blob.size <= len(data) // 4
    assert make.pixels(picture).mode == "RGBA"


def test_an_impossible_cap_is_an_error() -> None:
    """No picture has ten bytes."""
    with pytest.raises(errors.InputError, match=r"^cannot be brought under 10 bytes$"):
        make.prepared(PLAIN, max_bytes=10)


def _frames(name: str, count: int) -> bytes:
    others = [make.quarters().rotate(90 * at) for at in range(1, count)]
    return make.encoded(make.quarters(), name, save_all=True, append_images=others)


ON_ITS_SIDE = make.turned(make.quarters(), 6).convert("CMYK")
TOLD = {
    "format only": (_frames("GIF", 1), ["GIF -> JPEG"]),
    "animation": (_frames("GIF", 2), ["first of 2 frames", "GIF -> JPEG"]),
    "pages": (_frames("TIFF", 12), ["first of 12 frames", "TIFF -> JPEG"]),
    "several": (
        make.encoded(ON_ITS_SIDE, "TIFF", tiffinfo={274: 6}),
        ["rotated", "CMYK -> sRGB", "TIFF -> JPEG"],
    ),
}


@pytest.mark.parametrize(("data", "changes"), TOLD.values(), ids=TOLD)
def test_every_change_is_told(data: bytes, changes: list[str]) -> None:
    """The report names each thing that was done, in the order of its weight."""
    assert list(make.prepared(data).changes) == changes


def test_a_blob_serves_as_the_source() -> None:
    """What was downloaded or piped is read from its temporary file like any other."""
    first = make.prepared(make.encoded(PHOTO, "JPEG"))
    info = probe.probe(first.blob.open)
    fit = plan.Fit(size=(200, 150), reason="a test")
    second = prepare.prepare(first.blob.open, info, fit, Fitting())

    assert (second.width, second.height) == (200, 150)


# --- reduced scale ----------------------------------------------------------------------

SAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


def reduced_quality(size: tuple[int, int], target: tuple[int, int], sampling: str) -> float:
    """Return how close a JPEG's decode for a target is to a full decode and Lanczos."""
    photo = make.photo(size, 5)
    data = make.encoded(photo, "JPEG", quality=92, subsampling=SAMPLING[sampling])
    info = probe.probe(make.opener(data))
    expected = make.decoded(data).resize(target, Image.Resampling.LANCZOS)
    found = raster.decode(make.opener(data), info, target)
    assert found.size == target
    return make.psnr(expected, found)


@pytest.mark.parametrize("sampling", SAMPLING)
@pytest.mark.parametrize(("target", "scale"), [((500, 375), 2), ((130, 97), 4), ((60, 45), 8)])
def test_reduced_scale_is_as_good_as_full(
    target: tuple[int, int], scale: int, sampling: str
) -> None:
    """Decoding at a reduced scale is within 45 dB of a full decode and Lanczos."""
    size = (2001, 1502)
    if sampling == "4:2:2":
        target = (target[0] * 2 // 3, target[1] * 2 // 3)
    data = make.encoded(Image.new("RGB", size), "JPEG", subsampling=SAMPLING[sampling])
    info = probe.probe(make.opener(data))

    assert raster._scale(info, target) == scale
    assert reduced_quality(size, target, sampling) >= 45


def test_what_fills_up_the_last_block_does_not_show() -> None:
    """A reduced last row is not mixed with what the encoder put beyond the picture."""
    image = Image.new("RGB", (1600, 1208), make.RED)
    image.paste((0, 255, 255), (0, 1202, 1600, 1208))
    data = bytearray(make.encoded(image, "JPEG", subsampling=0))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 2] = (1202).to_bytes(2, "big")
    sent = make.pixels(make.prepared(bytes(data), side=160))

    assert make.furthest(make.rgb_at(sent, (80, sent.height - 1)), make.RED) < 30


@pytest.mark.parametrize(
    ("name", "options", "least", "most"),
    [
        ("JPEG", {}, 0, 0.5),
        ("JPEG", {"progressive": True}, 3, 4),
        ("PNG", {}, 0, 0.5),
        ("TIFF", {}, 4, 5),
    ],
    ids=["JPEG at 1/8", "its coefficients", "PNG in strips", "TIFF whole"],
)
def test_the_budget_follows_what_is_decoded(
    name: str, options: dict[str, object], least: float, most: float
) -> None:
    """What a picture takes, in bytes for each of its pixels, depends on how it is read."""
    info = probe.probe(make.opener(make.encoded(Image.new("RGB", (1600, 1200)), name, **options)))
    fit = plan.Fit(size=(100, 75), reason=None)
    found = prepare.peak_bytes(info, fit) / (1600 * 1200)

    assert least <= found <= most


def test_an_untouched_jpeg_counts_as_its_check() -> None:
    """One that is only looked through leaves room for many others."""
    info = probe.probe(make.opener(make.encoded(Image.new("RGB", (1600, 1200)), "JPEG")))
    fit = plan.Fit(size=(1600, 1200), reason=None)

    assert prepare.peak_bytes(info, fit) < 1600 * 1200 / 8
    assert prepare.peak_bytes(info, fit, max_bytes=100) > 1600 * 1200 * 4


def test_nothing_is_said_on_any_stream(capfd: pytest.CaptureFixture[str]) -> None:
    """Pillow's warnings, its log and libtiff's own writing stay unheard."""
    damaged = bytearray(make.encoded(make.quarters((500, 500)), "TIFF", compression="tiff_lzw"))
    damaged[20:400] = bytes(380)

    with pytest.raises(errors.InputError):
        make.prepared(bytes(damaged))

    assert capfd.readouterr() == ("", "")
