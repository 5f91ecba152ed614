"""Sends job.json with product.jpg and scene.jpg through requests, as Prodia's guide does.

Found in the environment: PRODIA_TOKEN and PRODIA_BASE_URL (ends in /v2).
"""
# ruff: noqa: T201 - what it prints is its answer

import json
import os
import sys
from io import BytesIO
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter, Retry

session = requests.Session()
retries = Retry(allowed_methods=None, status_forcelist=Retry.RETRY_AFTER_STATUS_CODES)
session.mount("http://", HTTPAdapter(max_retries=retries))
session.headers.update({"Authorization": f"Bearer {os.environ['PRODIA_TOKEN']}"})

job = json.loads(Path("job.json").read_bytes())
files: list[tuple[str, tuple[str, BytesIO | bytes, str]]] = [
    ("job", ("job.json", BytesIO(json.dumps(job).encode()), "application/json")),
    ("input", ("product.jpg", Path("product.jpg").read_bytes(), "image/jpeg")),
    ("input", ("scene.jpg", Path("scene.jpg").read_bytes(), "image/jpeg")),
]
with session:
    res = session.post(
        f"{os.environ['PRODIA_BASE_URL']}/job", headers={"Accept": "image/jpeg"}, files=files
    )
print(res.headers["x-request-id"])
print(res.status_code)
if res.status_code != 200:
    print(res.text)
    sys.exit(1)
Path("composed.jpg").write_bytes(res.content)
