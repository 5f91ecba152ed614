"""Very large pictures in little memory, measured in a process of their own."""

from pathlib import Path

import pictures as make
import pytest
from PIL import Image

MB = 1_000_000

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import pictures as make
from prodia_compose.caps import Caps
from prodia_compose.images import plan, prepare, probe
path, count, side = make.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
opener = make.file_opener(path)
infos = [probe.probe(opener) for _ in range(count)]
fits = plan.plan([(info.width, info.height) for info in infos], Caps(side=make.cap(side)))
kept = [
    prepare.prepare(opener, info, fit, prepare.PrepareOptions())
    for info, fit in zip(infos, fits, strict=True)
]
print(kept[0].width, kept[0].height, len({each.blob.sha256 for each in kept}))
"""


@pytest.fixture(scope="module")
def large() -> Image.Image:
    """Return a picture of 48 megapixels."""
    return make.photo((1000, 750)).resize((8000, 6000), Image.Resampling.BICUBIC)


def peak(path: Path, count: int, side: int) -> int:
    """Return the peak memory of preparing a picture `count` times, in bytes."""
    tests = str(Path(__file__).parent)
    out, err, peak_bytes = make.run_apart(PROGRAM, tests, str(path), str(count), str(side))
    assert out.split() == [str(side), str(side * 3 // 4), "1"]
    assert err == ""
    return peak_bytes


def test_baseline_jpegs_of_48_megapixels(large: Image.Image, tmp_path: Path) -> None:
    """Fourteen of them stay under 250 MB, and so do those only halved."""
    path = tmp_path / "large.jpg"
    large.save(path, quality=90)

    assert peak(path, 14, 2048) < 250 * MB
    assert peak(path, 2, 4096) < 250 * MB


def test_a_progressive_jpeg_of_48_megapixels(large: Image.Image, tmp_path: Path) -> None:
    """Its coefficients have to be held whole; it stays under 350 MB."""
    path = tmp_path / "large.jpg"
    large.save(path, quality=90, progressive=True)

    assert peak(path, 1, 4096) < 350 * MB


def test_a_png_of_48_megapixels(large: Image.Image, tmp_path: Path) -> None:
    """Its pixels have to be held whole; it stays under 350 MB."""
    path = tmp_path / "large.png"
    large.save(path, compress_level=1)

    assert peak(path, 1, 2048) < 350 * MB
