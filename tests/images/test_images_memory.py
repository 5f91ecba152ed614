"""Very large pictures in little memory: the whole program, measured as a process of its own."""

import json
from pathlib import Path

import pictures as make
import pytest
from PIL import Image

MB = 1_000_000

pytestmark = pytest.mark.xdist_group("memory")  # large pictures: one test at a time

PROGRAM = "import sys\nfrom prodia_compose.cli import main\nmain(sys.argv[1:])"


@pytest.fixture(scope="module")
def large() -> Image.Image:
    """Return a picture of 48 megapixels."""
    return make.photo((1000, 750)).resize((8000, 6000), Image.Resampling.BICUBIC)


@pytest.fixture
def half(large: Image.Image) -> Image.Image:
    """Return a picture of 24 megapixels, for the formats that take long."""
    return large.resize((5656, 4242))


def peak(path: Path, count: int, side: int) -> int:
    """Return the peak memory of a run that prepares a picture `count` times, in bytes."""
    options = ("-m", "seedream-5-lite", "--max-side", str(side), "-p", "all of them", "--json")
    out, _, peak_bytes = make.run_apart(PROGRAM, "validate", *[str(path)] * count, *options)
    sizes = [(image["sent_width"], image["sent_height"]) for image in json.loads(out)["images"]]
    assert sizes == [(side, side * 3 // 4)] * count
    return peak_bytes


def test_baseline_jpegs(large: Image.Image, tmp_path: Path) -> None:
    """Eight stay under 230 MB, two at a time, and fourteen take no more."""
    path = tmp_path / "large.jpg"
    large.save(path, quality=90)

    eight = peak(path, 8, 2048)

    assert eight < 230 * MB
    assert peak(path, 14, 2048) < eight + 8 * MB


def test_baseline_jpegs_only_halved(large: Image.Image, tmp_path: Path) -> None:
    """Each is held whole; they go one by one and stay under 350 MB."""
    path = tmp_path / "large.jpg"
    large.save(path, quality=90)

    assert peak(path, 2, 4096) < 350 * MB


def test_progressive_jpegs(large: Image.Image, tmp_path: Path) -> None:
    """Their coefficients have to be held whole as well; they stay under 450 MB."""
    path = tmp_path / "large.jpg"
    large.save(path, quality=90, progressive=True)

    assert peak(path, 2, 4096) < 450 * MB


def test_pngs(half: Image.Image, tmp_path: Path) -> None:
    """They are read in strips: two at a time take less than one of them held whole."""
    path = tmp_path / "half.png"
    half.save(path, compress_level=1)

    assert peak(path, 2, 2048) < 135 * MB


def test_a_png_that_no_strips_can_be_made_of(half: Image.Image, tmp_path: Path) -> None:
    """One with 16 bits is held whole, and takes no more than its share of 350 MB."""
    path = tmp_path / "half.png"
    half.convert("I").point(lambda value: value * 257).convert("I;16").save(path, compress_level=1)

    assert peak(path, 1, 2048) < 210 * MB
