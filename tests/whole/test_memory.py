"""Memory while sending does not grow with what is sent."""

import os
import subprocess
import sys
from pathlib import Path

import loopback
import pytest
from conftest import TOKEN
from PIL import Image

# VmHWM, since the maximum of getrusage begins with what the forking process held.
_PROGRAM = """
import sys
from prodia_compose.cli import main
code = main(sys.argv[1:])
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
sys.exit(code)
"""


def _peak_kib(argv: list[str], **env: str) -> int:
    """Run the program as a process of its own and return its peak memory in KiB."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *argv],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        check=True,
    )
    return int(done.stderr.split()[-1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_fourteen_images_take_no_more_memory_than_two(work: Path) -> None:
    """A body seven times as large adds less than 16 MiB to the peak of the whole run."""
    noise = Image.effect_noise((3200, 2400), 90).convert("RGB")
    noise.save(work / "noise.jpg", quality=97, subsampling=0)
    size = (work / "noise.jpg").stat().st_size
    answer = loopback.multipart_ok((work / "scene.jpg").read_bytes())
    common = ["-p", "all of them", "--no-resize", "-m", "seedream-5-lite", "-f", "-q"]
    with loopback.serve([answer], keep_bytes=1 << 10) as service:
        env = {"PRODIA_BASE_URL": service.url, "PRODIA_TOKEN": TOKEN}
        few = _peak_kib(["compose", *["noise.jpg"] * 2, *common], **env)
        many = _peak_kib(["compose", *["noise.jpg"] * 14, *common], **env)
        sizes = [request.size for request in service.requests]

    assert size > 5_000_000
    assert sizes[1] > 13 * size
    assert many - few < 16 * 1024
