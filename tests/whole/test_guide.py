"""The two jobs of Prodia's guide go out as the guide sends them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import loopback
import pytest
from conftest import TOKEN, Run
from tables import table

CLIENT = Path(__file__).parent.parent / "sandbox/clients/compose.py"
"""The guide's Python variant."""

JOBS = table("whole/guide")
"""The guide's jobs by our names of their models: type, prompt and settings."""


@pytest.mark.parametrize("model", JOBS)
def test_a_guide_job_goes_out_as_the_guide_sends_it(run: Run, work: Path, model: str) -> None:
    """Part names, their order and headers, the job's bytes, length and bearer are the guide's."""
    job_type, prompt, settings = JOBS[model].values()
    names = ["product.jpg", "scene.jpg"]
    job = {"type": job_type, "config": {"prompt": prompt, "images": names, **settings}}
    (work / "job.json").write_text(json.dumps(job))
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    image = (work / "scene.jpg").read_bytes()
    with loopback.serve([loopback.multipart_ok(image)]) as service:
        argv = ("compose", *names, "-m", model, *options, "-p", prompt, "-o", "out.jpg")
        done = run(*argv, PRODIA_BASE_URL=service.url, PRODIA_TOKEN=TOKEN)
        env = {**os.environ, "PRODIA_BASE_URL": f"{service.url}/v2", "PRODIA_TOKEN": TOKEN}
        subprocess.run([sys.executable, CLIENT], env=env, stdout=subprocess.DEVNULL, check=True)
    ours, guides = service.requests

    assert (done.code, done.err) == (0, "")
    assert (work / "out.jpg").read_bytes() == image
    assert json.loads(ours.parts()[0].data) == job
    assert ours.parts()[0].data == guides.parts()[0].data
    shown = [(part.name, part.filename) for part in ours.parts()]
    assert shown == [("job", "job.json"), *(("input", name) for name in names)]
    assert [part.header for part in ours.parts()] == [part.header for part in guides.parts()]
    assert ours.headers["Authorization"] == guides.headers["Authorization"] == f"Bearer {TOKEN}"
    assert int(ours.headers["Content-Length"]) == len(ours.body)
    assert "Transfer-Encoding" not in ours.headers
