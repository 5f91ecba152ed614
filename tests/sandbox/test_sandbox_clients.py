"""Real clients against the sandbox: Prodia's SDK, curl, and requests as the guide uses it."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sandboxing as sb
from conftest import need
from tables import table

from prodia_compose.sandbox import server
from prodia_compose.sandbox.faults import parse_fault
from prodia_compose.sandbox.service import SandboxOptions

CLIENTS = {
    "sdk": ("node", "compose.cjs"),
    "curl": ("bash", "compose.sh"),
    "requests": (sys.executable, "compose.py"),
}
SDK_VERSION = "1.6.0"

GUIDE_JOBS = table("guide_jobs")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[server.Sandbox]:
    """Give a sandbox that the tests of this module share."""
    with server.Sandbox(SandboxOptions(token="right")) as sandbox:
        yield sandbox


Ended = subprocess.CompletedProcess[str]
Runner = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """Give what runs a client on a job, in a folder with the guide's two pictures."""
    (tmp_path / "product.jpg").write_bytes(sb.picture("white", (320, 240)))
    (tmp_path / "scene.jpg").write_bytes(sb.picture("brown", (640, 480)))

    def run(
        sandbox: server.Sandbox,
        client: str,
        job: object,
        *options: str,
        token: str = "right",  # noqa: S107 - made up
        **environment: str,
    ) -> Ended:
        program, script = CLIENTS[client]
        need(program, is_there=shutil.which(program) is not None)
        need("curl", is_there=client != "curl" or shutil.which("curl") is not None)
        (tmp_path / "job.json").write_text(json.dumps(job))
        variables = {
            **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
            **({"NODE_PATH": find_sdk()} if client == "sdk" else {}),
            "PRODIA_TOKEN": token,
            "PRODIA_BASE_URL": f"{sandbox.url}/v2",
        }
        return subprocess.run(
            [program, Path(__file__).parent / "clients" / script, *options],
            cwd=tmp_path,
            env={**variables, **environment},
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )

    return run


def find_sdk() -> str:
    """Return the folder of node modules with Prodia's SDK."""
    modules = Path(os.environ.get("PRODIA_JS_SDK", "nowhere"), "node_modules").absolute()
    manifest = modules / "prodia" / "package.json"
    need(
        f"the SDK (npm install prodia@{SDK_VERSION} in $PRODIA_JS_SDK)", is_there=manifest.exists()
    )
    assert json.loads(manifest.read_text())["version"] == SDK_VERSION
    return str(modules)


@pytest.mark.parametrize("job", GUIDE_JOBS, ids=["nano-banana", "flux-2"])
@pytest.mark.parametrize(
    ("client", "options", "status", "names"),
    table("sandbox/guide"),
    ids=["sdk", "curl", "curl-chunked", "curl-expect", "curl-http1.0", "requests"],
)
def test_guide(
    sandbox: server.Sandbox,
    run: Runner,
    tmp_path: Path,
    job: dict[str, object],
    client: str,
    options: tuple[str, ...],
    status: str,
    names: list[str],
) -> None:
    """The guide's jobs work with each client, also with the SDK, which sends every File twice."""
    ran = run(sandbox, client, job, *options)

    assert (ran.returncode, ran.stderr) == (0, "")
    shown = json.loads(ran.stdout) if client == "sdk" else {}
    *ids, reached = [shown["id"], shown["state"]["current"]] if shown else ran.stdout.split()
    assert reached == status
    assert [str(uuid.UUID(each)) for each in ids] == ids
    composed = sb.decoded((tmp_path / "composed.jpg").read_bytes())
    assert (composed.format, composed.size) == ("JPEG", (1024, 1024))
    assert [part.filename for part in sandbox.jobs[-1].inputs] == names


@pytest.mark.parametrize("send_as", ["File", "Blob", "Uint8Array"])
def test_sdk_without_names(
    sandbox: server.Sandbox, run: Runner, tmp_path: Path, send_as: str
) -> None:
    """Left-out `images` mean the uploads, however the SDK sends them."""
    ran = run(sandbox, "sdk", sb.make_job(sb.PRO), SEND_AS=send_as, ACCEPT="image/png")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert sb.decoded((tmp_path / "composed.jpg").read_bytes()).format == "PNG"


@pytest.mark.parametrize(("client", "job", "token", "words"), table("sandbox/errors"))
def test_errors(
    sandbox: server.Sandbox,
    run: Runner,
    tmp_path: Path,
    client: str,
    job: dict[str, object],
    token: str,
    words: str,
) -> None:
    """Each client understands what the sandbox refuses, and tells the reason."""
    client, *nameless = client.split()
    send_as = "Uint8Array" if nameless else "File"
    ran = run(sandbox, client, job, token=token, SEND_AS=send_as)

    status = {"wrong": "401", "right": "400"}[token]
    assert ran.stderr == ""
    if client == "curl":
        assert (ran.returncode, ran.stdout) == (0, f"{status}\n")
        assert words in (tmp_path / "composed.jpg").read_text()
    else:
        assert ran.returncode == 1
        assert words in ran.stdout


@pytest.mark.parametrize("client", ["sdk", "requests"])
def test_waits_for_capacity(run: Runner, client: str) -> None:
    """A client that comes again after a 429 gets its picture."""
    with server.Sandbox(SandboxOptions(faults=(parse_fault("busy"),))) as busy:
        ran = run(busy, client, GUIDE_JOBS[0])
        statuses = [record.status for record in busy.jobs]

    assert (ran.returncode, statuses) == (0, [429, 200])
