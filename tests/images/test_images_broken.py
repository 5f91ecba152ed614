"""Broken files: one reason each, no traceback, no noise, no memory, no hanging."""

import functools
import gc
import io
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pictures as make
import pytest
from PIL import Image

from prodia_compose import errors
from prodia_compose.images import plan, prepare
from prodia_compose.images.formats import jpeg
from prodia_compose.images.options import Fitting
from prodia_compose.images.pixels import raster
from prodia_compose.images.probe import probe

LIMIT_BYTES = 300_000_000
BOMBS = make.bombs()


def attempt(data: bytes, side: int | None) -> str | None:
    """Prepare a picture; return the reason where it is refused."""
    return _refusal(functools.partial(make.prepared, data, side=side))


def _refusal(work: Callable[[], object]) -> str | None:
    try:
        work()
    except errors.InputError as error:
        return error.message
    return None


@pytest.mark.parametrize("side", [None, 100])
@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_with_a_huge_header_is_refused(name: str, side: int | None) -> None:
    """What cannot hold the pixels that it promises is damaged."""
    reason = attempt(BOMBS[name], side)

    assert reason is not None
    assert reason.startswith("is cut short or damaged")


def test_broken_files_cost_hardly_any_memory() -> None:
    """None of them makes the process grow to what its header promises."""
    program = (
        "import sys\n"
        f"sys.path[:0] = {[str(Path(make.__file__).parent), str(Path(__file__).parent)]!r}\n"
        "import pictures as make\n"
        "import test_images_broken as broken\n"
        "for data in make.bombs().values():\n"
        "    print(broken.attempt(data, None) is not None)\n"
    )
    out, err, peak = make.run_apart(program)

    assert out.split() == ["True"] * len(BOMBS)
    assert err == ""
    assert peak < LIMIT_BYTES


def _sources() -> Iterator[tuple[str, bytes]]:
    """Yield one small picture of each kind that has a structure to break."""
    image = make.quarters((40, 30))
    for name in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "TGA", "JPEG2000", "QOI"):
        yield name, make.encoded(image, name)
    yield "talkative JPEG", make.talkative_jpeg(image, icc_profile=make.rgb_profile("Adobe RGB"))
    yield "talkative PNG", make.talkative_png(image)
    yield "talkative WebP", make.talkative_webp(image)
    yield "LZW TIFF", make.encoded(image, "TIFF", compression="tiff_lzw")
    yield "JPEG in TIFF", make.encoded(image, "TIFF", compression="jpeg")
    yield "animated WebP", make.encoded(image, "WEBP", save_all=True, append_images=[image] * 2)
    yield "MPO", make.frames("MPO", 2)
    yield "PSD", make.psd(image, layers=-1)
    yield "ICO", make.encoded(image, "ICO")
    yield "PGM", b"P5 40 30 255\n" + bytes(1200)


SOURCES = dict(_sources())


@pytest.mark.parametrize("name", SOURCES)
def test_random_damage_gives_a_picture_or_a_reason(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Flipped, overwritten, lost and cut bytes lead to nothing but `InputError`."""
    rng = random.Random(name)
    for _ in range(60):
        data = bytearray(SOURCES[name])
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(min(len(data), rng.choice([64, 400, 100_000])))
            kind = rng.randrange(4)
            if kind == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                data[at : at + 4] = rng.choice([b"\xff" * 4, bytes(4), rng.randbytes(4)])
            elif kind == 2:
                del data[at : at + rng.randint(1, 20)]
            elif rng.random() < 0.3:
                del data[at:]
            data = data or bytearray(b"\0")
        reason = attempt(bytes(data), rng.choice([None, 20]))

        assert reason is None or (reason and "\n" not in reason and reason[0].islower())
    assert capfd.readouterr() == ("", "")


JPEGS = {
    "4:2:0": make.encoded(make.photo((300, 220)), "JPEG", quality=92, subsampling=2),
    "4:4:4": make.encoded(make.photo((300, 220)), "JPEG", quality=92, subsampling=0),
    "progressive": make.encoded(make.photo((300, 220)), "JPEG", quality=92, progressive=True),
    "grey": make.encoded(make.photo((300, 220)).convert("L"), "JPEG", quality=92),
    "CMYK": make.encoded(make.photo((300, 220)).convert("CMYK"), "JPEG", quality=92),
    "restarting": make.encoded(make.photo((300, 220)), "JPEG", restart_marker_rows=1),
}


@pytest.mark.parametrize("name", JPEGS)
def test_the_start_of_a_jpegs_data_tells_as_much_as_all_of_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is damaged in one that has its end, all of its data is refused just as often."""
    monkeypatch.setattr(jpeg, "SKIMMED_BYTES", 300)
    rng = random.Random(name)
    structure = JPEGS[name].index(b"\xff\xda") + 20
    verdicts = []
    for _ in range(200):
        data = bytearray(JPEGS[name])
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(rng.choice([structure, len(data) - 20]))
            data[at : at + rng.randrange(5)] = rng.choice([b"\xff" * 4, bytes(4), rng.randbytes(4)])
        try:
            info = probe.probe(make.opener(bytes(data)))
            bare = b"".join(jpeg.stripped(io.BytesIO(data)))
        except errors.InputError:
            continue
        found = [
            _refusal(functools.partial(raster.check, make.opener(bare), info)),
            _refusal(functools.partial(raster.decode, make.opener(bare), info, _size(info))),
        ]
        verdicts.append(tuple(reason is None for reason in found))

    assert set(verdicts) == {(True, True), (False, False)}


def _size(info: probe.ImageInfo) -> tuple[int, int]:
    return info.width, info.height


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "talkative JPEG"])
def test_a_file_cut_anywhere_gives_a_picture_or_a_reason(name: str) -> None:
    """Every length from nothing to all but one byte is survived."""
    data = SOURCES[name]
    for length in range(0, len(data), max(1, len(data) // 150)):
        reason = attempt(data[:length], None)

        assert reason is None or "\n" not in reason


def test_a_file_that_changes_between_looking_and_preparing_is_refused() -> None:
    """What was planned for one picture is not made from another."""
    info = probe.probe(make.opener(make.encoded(make.quarters(), "TIFF")))
    other = make.encoded(make.quarters((32, 32)), "TIFF")
    fit = plan.Fit(size=(20, 15), reason=None)

    with pytest.raises(errors.InputError, match="32x32 pixels where the header says 64x48"):
        prepare.prepare(make.opener(other), info, fit, Fitting())


@pytest.mark.parametrize("step", ["PIL.ImageFile.ImageFile.load", "PIL.Image.Image.save"])
def test_a_lack_of_memory_is_a_reason_too(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running out of memory on one picture does not end the run."""
    data = make.encoded(make.quarters(), "JPEG")

    def exhausted(*_: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(step, exhausted)

    assert attempt(data, 20) == "needs more memory than there is"


def test_an_error_that_is_kept_keeps_no_pixels() -> None:
    """Errors are told together at the end; the pictures do not wait in memory till then."""
    before = sum(isinstance(each, Image.Image) for each in gc.get_objects())
    kept = []
    for _ in range(5):
        with pytest.raises(errors.InputError) as caught:
            make.prepared(SOURCES["LZW TIFF"][:-40] + bytes(20))
        kept.append(caught.value)
    gc.collect()

    assert len(kept) == 5
    assert sum(isinstance(each, Image.Image) for each in gc.get_objects()) <= before


def test_threads_do_not_disturb_each_other() -> None:
    """Pictures prepared at once come out as one by one."""
    jobs = [SOURCES[name] for name in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF")] * 4

    def sent(data: bytes) -> str:
        return make.prepared(data, side=20).blob.sha256

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(sent, jobs))

    assert found == [sent(data) for data in jobs]
