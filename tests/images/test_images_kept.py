"""Memory kept from one picture for the next never shows, whatever the two are."""

import itertools
from collections.abc import Callable

import pictures as make
import pytest
from conftest import at_once
from PIL import Image

from prodia_compose import errors
from prodia_compose.images.pixels import raster, spare
from prodia_compose.images.probe import probe

SIZE = (320, 240)


def picture(seed: int, mode: str, name: str, **options: object) -> bytes:
    """Return one of several pictures of a size."""
    return make.encoded(make.photo(SIZE, seed).convert(mode), name, **options)


MADE: dict[str, Callable[[int], bytes]] = {
    "JPEG": lambda seed: picture(seed, "RGB", "JPEG", quality=90),
    "grey JPEG": lambda seed: picture(seed, "L", "JPEG", quality=90),
    "CMYK JPEG": lambda seed: picture(seed, "CMYK", "JPEG", quality=90),
    "progressive JPEG": lambda seed: picture(seed, "RGB", "JPEG", progressive=True),
    "JPEG upside down": lambda seed: picture(seed, "RGB", "JPEG", exif=make.exif(3)),
    "PNG": lambda seed: picture(seed, "RGB", "PNG"),
    "RGBA PNG": lambda seed: picture(seed, "RGBA", "PNG"),
    "WebP": lambda seed: picture(seed, "RGB", "WEBP", quality=90),
}


def alone(data: bytes, side: int) -> bytes:
    """Return what is sent of a picture before which none was kept."""
    spare.drop()
    return make.prepared(data, side=side).blob.read()


@pytest.mark.parametrize("side", [320, 160, 60])
def test_a_picture_is_the_same_after_any_other(side: int) -> None:
    """At every scale, what is sent is that of the same picture alone."""
    files = {(name, seed): made(seed) for name, made in MADE.items() for seed in (1, 2)}
    expected = {key: alone(data, side) for key, data in files.items()}

    for one, other in itertools.product(MADE, repeat=2):
        for key in ((one, 1), (other, 2)):
            assert make.prepared(files[key], side=side).blob.read() == expected[key], (one, other)


def test_decoded_pictures_stay_what_they_are() -> None:
    """Even while others are decoded after them, in whose memory they could lie."""
    halves = (SIZE[0] // 2, SIZE[1] // 2)  # what is decoded on the way to the quarters
    quarters = (SIZE[0] // 4, SIZE[1] // 4)
    decoded, copies = [], []
    for size, name, seed in itertools.product((quarters, halves, SIZE, quarters), MADE, (1, 2)):
        data = MADE[name](seed)
        info = probe.probe(make.opener(data))
        decoded.append(raster.decode(make.opener(data), info, size))
        copies.append(decoded[-1].copy())

    assert [image.tobytes() for image in decoded] == [copy.tobytes() for copy in copies]


def test_a_jpeg_without_data_is_not_the_one_before_it() -> None:
    """It is refused, and the picture in memory is not sent in its place."""
    data = MADE["JPEG"](1)
    info = probe.probe(make.opener(data))
    header, _, _ = data.partition(b"\xff\xda")
    raster.decode(make.opener(data), info, SIZE)

    with pytest.raises(errors.InputError):
        raster.decode(make.opener(header + b"\xff\xd9"), info, SIZE)


@pytest.mark.parametrize("name", ["JPEG", "grey JPEG", "progressive JPEG"])
def test_the_second_of_a_size_takes_the_memory_of_the_first(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is what it is kept for."""
    taken: list[object] = []
    take = spare.take

    def watched(mode: str, size: tuple[int, int]) -> Image.Image:
        image = take(mode, size)
        taken.append(image.im)
        return image

    monkeypatch.setattr(spare, "take", watched)
    for seed in (1, 2):
        make.prepared(MADE[name](seed), side=80)
    first, second = taken
    assert first is second


def test_nothing_but_pixels_is_kept() -> None:
    """A picture in another's memory has none of its metadata."""
    talkative = make.talkative_jpeg(make.photo(SIZE))
    plain = MADE["PNG"](2)
    info = probe.probe(make.opener(talkative))
    raster.decode(make.opener(talkative), info, (SIZE[0] - 1, SIZE[1] - 1))
    info = probe.probe(make.opener(plain))
    image = raster.decode(make.opener(plain), info, SIZE)

    assert type(image) is Image.Image
    assert image.info == {}


def _taken(image: Image.Image) -> bool:
    """Tell whether a picture's memory is kept, and take it if so."""
    return spare.take(image.mode, image.size).im is image.im


@pytest.mark.parametrize(
    ("size", "between", "is_kept"),
    [
        pytest.param(SIZE, lambda _: None, True, id="the same"),
        pytest.param(SIZE, _taken, False, id="taken by another"),
        pytest.param(SIZE, lambda _: spare.take("L", SIZE), False, id="another mode"),
        pytest.param(SIZE, lambda _: spare.take("RGB", (1, 1)), False, id="another size"),
        pytest.param((5001, 5000), lambda _: None, False, id="large: it counts in no budget"),
        pytest.param(
            SIZE, lambda kept: at_once(lambda: _taken(kept)), False, id="taken by another thread"
        ),
        # Copies of the picture follow, or strips, or a decoder with memory of its own.
        pytest.param(SIZE, lambda _: _prepared("JPEG upside down"), False, id="turned"),
        pytest.param(SIZE, lambda _: _prepared("CMYK JPEG"), False, id="converted"),
        pytest.param(SIZE, lambda _: _prepared("PNG", side=200), False, id="strips"),
        pytest.param(SIZE, lambda _: _prepared("WebP"), False, id="other decoders"),
    ],
)
def test_what_is_kept_is_taken_once_or_let_go(
    size: tuple[int, int],
    between: Callable[[Image.Image], object],
    is_kept: bool,  # noqa: FBT001 - a case
) -> None:
    """What was taken, does not fit or is in the way is nobody's any more."""
    kept = Image.new("RGB", size)
    spare.keep(kept)
    between(kept)

    assert _taken(kept) is is_kept


def _prepared(name: str, side: int = 80) -> None:
    make.prepared(MADE[name](1), side=side)
