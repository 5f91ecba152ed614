"""Memory kept from one picture for the next never shows, whatever the two are."""

import itertools
import threading
from collections.abc import Callable

import pictures as make
import pytest
from PIL import Image, WebPImagePlugin

from prodia_compose import errors
from prodia_compose.images import memory, probe, raster

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
    """Return what is sent of a picture that is the first of its thread."""
    sent: list[bytes] = []
    thread = threading.Thread(
        target=lambda: sent.append(make.prepared(data, side=side).blob.read())
    )
    thread.start()
    thread.join()
    return sent[0]


@pytest.mark.parametrize("side", [320, 160, 60])
def test_a_picture_is_the_same_after_any_other(side: int) -> None:
    """At every scale, what is sent is that of the same picture alone."""
    files = {(name, seed): made(seed) for name, made in MADE.items() for seed in (1, 2)}
    expected = {key: alone(data, side) for key, data in files.items()}

    for pair in itertools.permutations(files, 2):
        for key in pair:
            assert make.prepared(files[key], side=side).blob.read() == expected[key], pair


@pytest.mark.parametrize("size", [SIZE, (160, 120), (75, 56)])
def test_a_decoded_picture_stays_what_it_is(size: tuple[int, int]) -> None:
    """Even while others of its size are decoded after it."""
    decoded, copies = [], []
    for made in MADE.values():
        for seed in (1, 2):
            data = made(seed)
            info = probe.probe(make.opener(data))
            decoded.append(raster.decode(make.opener(data), info, size).image)
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


def test_what_is_kept_is_used_once_and_where_it_fits() -> None:
    """A picture that was taken is nobody else's, and one that does not fit is let go."""
    kept = Image.new("RGB", SIZE)
    memory.keep(kept)

    assert memory.canvas("RGB", SIZE) is kept
    assert memory.canvas("RGB", SIZE) is not kept

    for mode, size in (("L", SIZE), ("RGB", (SIZE[0], SIZE[1] - 1))):
        memory.keep(kept)
        found = memory.canvas(mode, size)
        assert (found.mode, found.size) == (mode, size)
        assert memory.canvas("RGB", SIZE) is not kept


def test_what_is_kept_is_let_go_before_what_cannot_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that brings its own memory finds no other's still there."""
    memory.keep(Image.new("RGB", SIZE))
    data = MADE["WebP"](1)
    info = probe.probe(make.opener(data))
    left: list[object] = []
    load = WebPImagePlugin.WebPImageFile.load

    def watched(image: WebPImagePlugin.WebPImageFile) -> object:
        left.append(memory._kept.image)
        return load(image)

    monkeypatch.setattr(WebPImagePlugin.WebPImageFile, "load", watched)

    raster.decode(make.opener(data), info, SIZE)

    assert left[0] is None


def test_each_thread_has_its_own() -> None:
    """Pictures decoded side by side do not share memory."""
    kept = Image.new("RGB", SIZE)
    memory.keep(kept)
    taken: list[Image.Image] = []
    thread = threading.Thread(target=lambda: taken.append(memory.canvas("RGB", SIZE)))
    thread.start()
    thread.join()

    assert taken[0] is not kept
    assert memory.canvas("RGB", SIZE) is kept
