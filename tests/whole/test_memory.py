"""Memory while sending does not grow with what is sent."""

from pathlib import Path

import loopback
import pictures as make
import pytest
from conftest import TOKEN
from PIL import Image

PROGRAM = "import sys\nfrom prodia_compose.cli import main\nassert main(sys.argv[1:]) == 0"


@pytest.mark.xdist_group("memory")
def test_fourteen_images_take_no_more_memory_than_two(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body seven times as large adds less than 16 MiB to the peak of the whole run."""
    noise = Image.effect_noise((3200, 2400), 90).convert("RGB")
    noise.save(work / "noise.jpg", quality=97, subsampling=0)
    size = (work / "noise.jpg").stat().st_size
    answer = loopback.multipart_ok((work / "scene.jpg").read_bytes())
    line = ("-p", "all of them", "--no-resize", "-m", "seedream-5-lite", "-f", "-q")
    with loopback.serve([answer], keep_bytes=1 << 10) as service:
        monkeypatch.setenv("PRODIA_BASE_URL", service.url)
        monkeypatch.setenv("PRODIA_TOKEN", TOKEN)
        few, many = (
            make.run_apart(PROGRAM, "compose", *["noise.jpg"] * count, *line)[2]
            for count in (2, 14)
        )
        sizes = [request.size for request in service.requests]

    assert size > 5_000_000
    assert sizes[1] > 13 * size
    assert many - few < 16 << 20
