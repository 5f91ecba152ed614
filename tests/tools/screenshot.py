"""Take the picture of a report that README shows: a batch of the sandbox in headless Chromium.

Run it from the top folder: `PYTHONPATH=tests:tests/support python tests/tools/screenshot.py`.
A test takes it anew and looks whether it is one. The folder it works in is a new one.
"""

import base64
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).parent.parent.parent
KEPT = TOP / "tests/data/report/report.png"
WIDTH, HEIGHT = 1200, 780

PROMPTS = {
    "mug-on-the-table": "Put the mug from the first image on the table in the second image",
    "mug-by-the-window": "The mug from the first image stands by the window of the second image",
}


def make(folder: Path) -> Path:
    """Make two sets of three models in an empty folder, and return the page that shows them."""
    samples = [str(TOP / "tests/images" / name) for name in ("product.jpg", "scene.jpg")]
    rows = [{"id": name, "images": samples, "prompt": text} for name, text in PROMPTS.items()]
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    program = [sys.executable, "-m", "prodia_compose"]
    models = "model=nano-banana,flux-2-pro,flux-2-dev"
    batch = ["batch", "rows.jsonl", "--sandbox", "-y", "-q", "-j1", "--fault", "rejected:1"]
    environ = {**os.environ, "PYTHONPATH": str(TOP), "XDG_STATE_HOME": str(folder / "state")}
    target = ["-o", "out/{id}.jpg", "--create-dirs"]
    done = subprocess.run(
        [*program, *batch, "--vary", models, *target],
        cwd=folder,
        env=environ,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 11, done.stderr
    report = ["report", "rows.jsonl.sandbox.results.jsonl", "-o", "report.html"]
    subprocess.run([*program, *report], cwd=folder, env=environ, capture_output=True, check=True)
    return folder / "report.html"


def take(folder: Path) -> bytes:
    """Return the picture, a PNG of few colours."""
    from browsing import browsing
    from PIL import Image

    page = make(folder)
    with browsing() as browser:
        browser.open(page)
        browser.show(WIDTH, HEIGHT)
        data = base64.b64decode(browser.tell("Page.captureScreenshot")["data"])
    few = Image.open(io.BytesIO(data)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    few.save(stream, "PNG", optimize=True)
    return stream.getvalue()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        KEPT.write_bytes(take(Path(scratch)))
