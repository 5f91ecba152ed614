"""Real clients against the sandbox: Prodia's SDK, curl, and requests as the guide uses it."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sandboxing as sb
from conftest import need

from prodia_compose.sandbox import server
from prodia_compose.sandbox.faults import parse_fault
from prodia_compose.sandbox.service import SandboxOptions

CLIENTS = Path(__file__).parent / "clients"
SDK_VERSION = "1.6.0"

GUIDE_JOBS: dict[str, dict[str, object]] = {
    sb.NANO: {
        "prompt": "Place the white ceramic mug from the first image onto the wooden table in the "
        "second image.",
        "images": ["product.jpg", "scene.jpg"],
        "aspect_ratio": "1:1",
    },
    sb.FLEX: {
        "prompt": "Place the white ceramic mug from the first image onto the wooden kitchen table "
        "in the second image.",
        "images": ["product.jpg", "scene.jpg"],
        "aspect_ratio": "1:1",
        "width": 1024,
        "height": 1024,
        "steps": 50,
    },
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[server.Sandbox]:
    """Give a sandbox that the tests of this module share."""
    with server.Sandbox(SandboxOptions(token="right")) as sandbox:
        yield sandbox


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with the guide's two pictures."""
    (tmp_path / "product.jpg").write_bytes(sb.picture("white", (320, 240)))
    (tmp_path / "scene.jpg").write_bytes(sb.picture("brown", (640, 480)))
    return tmp_path


@pytest.fixture
def sdk() -> str:
    """Give the folder of node modules with Prodia's SDK."""
    need("node", is_there=shutil.which("node") is not None)
    modules = Path(os.environ.get("PRODIA_JS_SDK", "nowhere"), "node_modules").absolute()
    manifest = modules / "prodia" / "package.json"
    need(
        f"the SDK (npm install prodia@{SDK_VERSION} in $PRODIA_JS_SDK)", is_there=manifest.exists()
    )
    assert json.loads(manifest.read_text())["version"] == SDK_VERSION
    return str(modules)


def run(
    sandbox: server.Sandbox,
    folder: Path,
    *command: str | Path,
    job: object,
    token: str = "right",  # noqa: S107 - made up
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run a client script on a job, and return how it ended."""
    (folder / "job.json").write_text(json.dumps(job))
    proxies = {name for name in os.environ if name.lower().endswith("_proxy")}
    return subprocess.run(
        command,
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name not in proxies},
            "PRODIA_TOKEN": token,
            "PRODIA_BASE_URL": f"{sandbox.url}/v2",
            **environment,
        },
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


def guide_job(job_type: str) -> dict[str, object]:
    """Return one of the guide's two jobs."""
    return {"type": job_type, "config": GUIDE_JOBS[job_type]}


# --- the official SDK -----------------------------------------------------------------


@pytest.mark.parametrize("job_type", GUIDE_JOBS)
def test_sdk_guide(sandbox: server.Sandbox, folder: Path, sdk: str, job_type: str) -> None:
    """The guide's jobs work with the SDK, which sends every File twice."""
    ran = run(
        sandbox, folder, "node", CLIENTS / "compose.cjs", job=guide_job(job_type), NODE_PATH=sdk
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    job = json.loads(ran.stdout)
    uuid.UUID(job["id"])
    assert job["state"]["current"] == "completed"
    composed = sb.decoded((folder / "composed.jpg").read_bytes())
    assert (composed.format, composed.size) == ("JPEG", (1024, 1024))
    assert [part.filename for part in sandbox.jobs[-1].inputs] == [
        "product.jpg",
        "image.jpg",
        "scene.jpg",
        "image.jpg",
    ]


@pytest.mark.parametrize("send_as", ["File", "Blob", "Uint8Array"])
def test_sdk_without_names(sandbox: server.Sandbox, folder: Path, sdk: str, send_as: str) -> None:
    """Left-out `images` mean the uploads, however the SDK sends them."""
    ran = run(
        sandbox,
        folder,
        "node",
        CLIENTS / "compose.cjs",
        job=sb.make_job("inference.flux-2.pro.img2img.v1"),
        NODE_PATH=sdk,
        SEND_AS=send_as,
        ACCEPT="image/png",
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert sb.decoded((folder / "composed.jpg").read_bytes()).format == "PNG"


@pytest.mark.parametrize(
    ("job", "send_as", "token", "told"),
    [
        (
            sb.make_job(images=["mug.jpg"]),
            "File",
            "right",
            "ProdiaUserError: filename 'mug.jpg' not found in request (id: ",
        ),
        (
            guide_job(sb.NANO),
            "Uint8Array",
            "right",
            "ProdiaUserError: filename 'product.jpg' not found in request (id: ",
        ),
        (
            sb.make_job(sb.FLEX, images=["scene.jpg"], width=5000),
            "File",
            "right",
            "ProdiaUserError: config.width: maximum: got 5,000, want 4,096 (id: ",
        ),
        (guide_job(sb.NANO), "File", "wrong", "ProdiaBadResponseError: 401 token is invalid"),
    ],
)
def test_sdk_errors(
    sandbox: server.Sandbox,
    folder: Path,
    sdk: str,
    job: dict[str, object],
    send_as: str,
    token: str,
    told: str,
) -> None:
    """The SDK understands what the sandbox refuses."""
    ran = run(
        sandbox,
        folder,
        "node",
        CLIENTS / "compose.cjs",
        job=job,
        token=token,
        NODE_PATH=sdk,
        SEND_AS=send_as,
    )

    assert ran.returncode == 1
    assert ran.stdout.startswith(told)


def test_sdk_waits_for_capacity(folder: Path, sdk: str) -> None:
    """The SDK comes again after a 429, and the job then runs."""
    with server.Sandbox(SandboxOptions(faults=(parse_fault("busy"),))) as busy:
        ran = run(
            busy, folder, "node", CLIENTS / "compose.cjs", job=guide_job(sb.NANO), NODE_PATH=sdk
        )
        statuses = [record.status for record in busy.jobs]

    assert (ran.returncode, statuses) == (0, [429, 200])


# --- curl -----------------------------------------------------------------------------


@pytest.fixture
def shell() -> tuple[str, str]:
    """Give the command that runs the curl script."""
    need("curl", is_there=shutil.which("curl") is not None)
    need("bash", is_there=shutil.which("bash") is not None)
    return "bash", str(CLIENTS / "compose.sh")


@pytest.mark.parametrize("job_type", GUIDE_JOBS)
@pytest.mark.parametrize(
    "options",
    [(), ("-H", "Transfer-Encoding: chunked"), ("-H", "Expect: 100-continue"), ("--http1.0",)],
    ids=["plain", "chunked", "expect", "http1.0"],
)
def test_curl_guide(
    sandbox: server.Sandbox,
    folder: Path,
    shell: tuple[str, str],
    job_type: str,
    options: tuple[str, ...],
) -> None:
    """The guide's jobs work with curl, however it sends the body."""
    ran = run(sandbox, folder, *shell, *options, job=guide_job(job_type))

    assert (ran.returncode, ran.stdout) == (0, "200\n")
    composed = sb.decoded((folder / "composed.jpg").read_bytes())
    assert (composed.format, composed.size) == ("JPEG", (1024, 1024))
    assert [part.filename for part in sandbox.jobs[-1].inputs] == ["product.jpg", "scene.jpg"]


@pytest.mark.parametrize(
    ("job", "token", "status", "words"),
    [
        (
            sb.make_job(images=["mug.jpg"]),
            "right",
            "400",
            "filename 'mug.jpg' not found in request",
        ),
        (sb.make_job(images=["scene.jpg"] * 4), "right", "400", "config: too many images"),
        (guide_job(sb.NANO), "wrong", "401", "token is invalid"),
    ],
)
def test_curl_errors(
    sandbox: server.Sandbox,
    folder: Path,
    shell: tuple[str, str],
    job: dict[str, object],
    token: str,
    status: str,
    words: str,
) -> None:
    """Curl is told what is wrong."""
    ran = run(sandbox, folder, *shell, job=job, token=token)

    assert (ran.returncode, ran.stdout) == (0, f"{status}\n")
    assert words in (folder / "composed.jpg").read_text()


# --- requests, as the guide uses it ---------------------------------------------------


@pytest.mark.parametrize("job_type", GUIDE_JOBS)
def test_requests_guide(sandbox: server.Sandbox, folder: Path, job_type: str) -> None:
    """The guide's jobs work with requests' own multipart encoding."""
    ran = run(sandbox, folder, sys.executable, CLIENTS / "compose.py", job=guide_job(job_type))

    assert (ran.returncode, ran.stderr) == (0, "")
    request_id, status = ran.stdout.split()
    assert (str(uuid.UUID(request_id)), status) == (request_id, "200")
    composed = sb.decoded((folder / "composed.jpg").read_bytes())
    assert (composed.format, composed.size) == ("JPEG", (1024, 1024))


@pytest.mark.parametrize(
    ("job", "token", "told"),
    [
        (sb.make_job(images=["mug.jpg"]), "right", "filename 'mug.jpg' not found in request"),
        (guide_job(sb.NANO), "wrong", "token is invalid"),
    ],
)
def test_requests_errors(
    sandbox: server.Sandbox, folder: Path, job: dict[str, object], token: str, told: str
) -> None:
    """The guide's script prints what is wrong."""
    ran = run(sandbox, folder, sys.executable, CLIENTS / "compose.py", job=job, token=token)

    assert (ran.returncode, ran.stderr) == (1, "")
    assert told in ran.stdout


def test_requests_waits_for_capacity(folder: Path) -> None:
    """The guide's script comes again after a 429, and the job then runs."""
    with server.Sandbox(SandboxOptions(faults=(parse_fault("busy"),))) as busy:
        ran = run(busy, folder, sys.executable, CLIENTS / "compose.py", job=guide_job(sb.NANO))
        statuses = [record.status for record in busy.jobs]

    assert (ran.returncode, statuses) == (0, [429, 200])
