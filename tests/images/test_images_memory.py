"""Very large pictures in little memory: the whole program, measured as a process of its own."""

import json
from pathlib import Path

import heif
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
    # That both are at their largest at one moment, encoded and not yet let go, is chance.
    assert peak(path, 14, 2048) < eight + 13 * MB


@pytest.mark.parametrize(
    ("name", "count", "side", "limit"),
    [
        pytest.param("baseline.jpg", 2, 4096, 350, id="JPEG only halved: held whole, one by one"),
        pytest.param("progressive.jpg", 2, 4096, 450, id="its coefficients are held whole as well"),
        pytest.param("half.png", 2, 2048, 135, id="PNG in strips: two take less than one whole"),
        pytest.param("tiles.heic", 1, 2048, 300, id="HEIC of 50 MP: as decoded, but no copy of it"),
        pytest.param("tiles.avif", 1, 2048, 450, id="AVIF of 50 MP: the same, and once as bytes"),
        pytest.param("deep.png", 1, 2048, 210, id="PNG of 16 bits: whole, its share of 350"),
    ],
)
def test_the_peak_of_a_run(
    large: Image.Image, tmp_path: Path, name: str, count: int, side: int, limit: int
) -> None:
    """Whatever is read, in strips or whole, stays under its number of megabytes."""
    path = tmp_path / name
    if name.startswith("tiles."):
        path.write_bytes(heif.grid(16, 12, heif.nclx(1, 13, 6), kind=path.suffix[1:]))
    elif name.endswith(".jpg"):
        large.save(path, quality=90, progressive=name == "progressive.jpg")
    else:
        half = large.resize((5656, 4242))  # 24 megapixels, as PNG takes long
        if name == "deep.png":
            half = half.convert("I").point(lambda value: value * 257).convert("I;16")
        half.save(path, compress_level=1)

    assert peak(path, count, side) < limit * MB
