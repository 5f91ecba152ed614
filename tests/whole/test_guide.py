"""The two jobs of Prodia's guide go out as the guide sends them."""

import json
from pathlib import Path

import loopback
import pytest
import requests
from conftest import TOKEN, Run

MUG = (
    "Place the white ceramic mug from the first image onto the wooden table in the second image. "
    "Match the warm morning lighting and the shallow depth of field of the kitchen scene. Keep "
    "the mug's matte finish and proportions exactly the same."
)
FLEX = (
    "Place the white ceramic mug from the first image onto the wooden kitchen table in the second "
    "image. Match the warm morning lighting, scale the mug realistically for a kitchen table, and "
    "preserve the matte finish. Photorealistic."
)

JOBS: dict[str, tuple[tuple[str, ...], str, dict[str, object]]] = {
    "nano-banana": (
        ("--aspect-ratio", "1:1"),
        MUG,
        {
            "type": "inference.nano-banana.img2img.v2",
            "config": {
                "prompt": MUG,
                "images": ["product.jpg", "scene.jpg"],
                "aspect_ratio": "1:1",
            },
        },
    ),
    "flux-2-flex": (
        ("--aspect-ratio", "1:1", "--width", "1024", "--height", "1024", "--steps", "50"),
        FLEX,
        {
            "type": "inference.flux-2.flex.img2img.v1",
            "config": {
                "prompt": FLEX,
                "images": ["product.jpg", "scene.jpg"],
                "aspect_ratio": "1:1",
                "width": 1024,
                "height": 1024,
                "steps": 50,
            },
        },
    ),
}


@pytest.mark.parametrize("model", JOBS)
def test_a_guide_job_goes_out_as_the_guide_sends_it(run: Run, work: Path, model: str) -> None:
    """Part names, their order and headers, the job's bytes, length and bearer are the guide's."""
    options, prompt, job = JOBS[model]
    image = (work / "scene.jpg").read_bytes()
    with loopback.serve([loopback.multipart_ok(image)]) as service:
        done = run(
            *("compose", "product.jpg", "scene.jpg", "-m", model, *options),
            *("-p", prompt, "-o", "out.jpg"),
            PRODIA_BASE_URL=service.url,
            PRODIA_TOKEN=TOKEN,
        )
        _send_as_the_guide(service.url, job, work)
    ours, guides = service.requests

    assert (done.code, done.err) == (0, "")
    assert (work / "out.jpg").read_bytes() == image
    assert json.loads(ours.parts()[0].data) == job
    assert ours.parts()[0].data == guides.parts()[0].data
    assert [(part.name, part.filename) for part in ours.parts()] == [
        ("job", "job.json"),
        ("input", "product.jpg"),
        ("input", "scene.jpg"),
    ]
    assert [part.header for part in ours.parts()] == [part.header for part in guides.parts()]
    assert int(ours.headers["Content-Length"]) == len(ours.body)
    assert "Transfer-Encoding" not in ours.headers
    assert ours.headers["Authorization"] == f"Bearer {TOKEN}"


def _send_as_the_guide(url: str, job: dict[str, object], folder: Path) -> None:
    """Send the job with the calls of the guide's Python variant."""
    inputs = {name: (folder / name).read_bytes() for name in ("product.jpg", "scene.jpg")}
    files = [
        ("job", ("job.json", json.dumps(job).encode(), "application/json")),
        *(("input", (name, data, "image/jpeg")) for name, data in inputs.items()),
    ]
    requests.post(
        f"{url}/v2/job", headers={"Accept": "image/jpeg"}, files=files, timeout=10
    ).raise_for_status()
