"""`compose`, as its user meets it: a whole run against the sandbox."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import TOKEN, Run
from PIL import Image, ImageChops, ImageStat

from prodia_compose.models import catalogue, lookup
from prodia_compose.sandbox import faults, server
from prodia_compose.sandbox.service import SandboxOptions

PROMPT = "Put the mug from the first image on the table in the second image"


def test_a_run_prints_the_path_and_nothing_else(
    run: Run, work: Path, sandbox: server.Sandbox
) -> None:
    """A successful run writes the picture, its path on stdout, and nothing on stderr."""
    done = run("compose", "product.jpg", "scene.jpg", "-p", PROMPT, "-o", "out.jpg")

    assert done == type(done)(code=0, out=b"out.jpg\n", err="")
    with Image.open(work / "out.jpg") as picture:
        assert picture.format == "JPEG"
    assert sorted(path.name for path in work.iterdir()) == ["out.jpg", "product.jpg", "scene.jpg"]
    assert len(sandbox.jobs) == 1


def test_sandbox_option_needs_no_token(run: Run, work: Path) -> None:
    """`--sandbox` runs without token and network and leaves the default output."""
    done = run("compose", "--sandbox", "product.jpg", "scene.jpg", "-p", PROMPT)

    assert (done.code, done.out) == (0, b"composed.jpg\n")
    assert (work / "composed.jpg").stat().st_size > 1000


@pytest.mark.parametrize(
    "model",
    [*(model.short_name for model in catalogue.CATALOGUE), "inference.novel.thing.img2img.v9"],
)
def test_every_model_makes_a_picture(
    run: Run, work: Path, sandbox: server.Sandbox, model: str
) -> None:
    """Each model of the catalogue, and an unknown job type, runs end to end."""
    done = run("compose", "product.jpg", "scene.jpg", "-p", PROMPT, "-m", model)

    assert (done.code, done.out) == (0, b"composed.jpg\n")
    assert (sandbox.jobs[0].job or {})["type"] == lookup.find(model).job_type
    assert ("unknown-model" in done.err) == model.startswith("inference.")
    assert (work / "composed.jpg").exists()


def test_validate_knows_of_a_job_that_may_have_run(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that `compose` would stop at is told by `validate` and `-n`, and nothing is made."""
    line = ("product.jpg", "scene.jpg", "-p", PROMPT)
    fault = faults.parse_fault("drop-after:1")
    with server.Sandbox(SandboxOptions(token=TOKEN, faults=(fault,))) as started:
        monkeypatch.setenv("PRODIA_BASE_URL", started.url)
        monkeypatch.setenv("PRODIA_TOKEN", TOKEN)
        before = run("validate", *line)
        is_untouched = not (work.parent / "state").exists()
        lost = run("compose", *line)
        stopped = run("validate", *line)
        document = json.loads(run("compose", "-n", "--json", *line).out)
        others = [
            run("validate", *line, "--again"),
            run("validate", *line[:-1], "Put the first image into the second"),
            run("validate", *line, PRODIA_COMPOSE_RECORD="off"),
        ]

    assert (before.code, is_untouched, lost.code, stopped.code) == (0, True, 9, 9)
    assert "the same job was sent" in stopped.err
    assert (document["ok"], document["errors"][0]["kind"]) == (False, "unknown")
    assert [done.code for done in others] == [0, 0, 0]


def test_validate_tells_where_the_record_cannot_be_looked_at(
    run: Run, work: Path, sandbox: server.Sandbox
) -> None:
    """That no earlier job was found is worth nothing then; one turned off is no trouble."""
    record = work.parent / "state" / "prodia-compose" / "jobs.sqlite3"
    record.parent.mkdir(parents=True)
    record.write_bytes(b"no record" * 1000)
    line = ("product.jpg", "scene.jpg", "-p", PROMPT)

    shown = run("validate", *line)
    quiet = run("validate", *line, PRODIA_COMPOSE_RECORD="off")

    assert (shown.code, quiet.code, quiet.err) == (0, 0, "")
    assert "[record-unavailable]" in shown.err


def test_swapping_inputs_swaps_them_in_the_picture(
    run: Run, work: Path, picture: Callable[..., Path]
) -> None:
    """The order of the operands is the order in the picture."""
    red = picture("red.jpg", (300, 300), (220, 20, 20))
    blue = picture("blue.jpg", (300, 300), (20, 20, 220))
    common = ("-p", "Blend the first image and the second image", "--sandbox")
    run("compose", red, blue, "-o", "one.png", *common)
    run("compose", blue, red, "-o", "two.png", *common)

    with Image.open(work / "one.png") as one, Image.open(work / "two.png") as two:
        difference = ImageChops.difference(one.convert("RGB"), two.convert("RGB"))
        means = [
            ImageStat.Stat(image.convert("RGB").crop((0, 0, image.width // 2, image.height))).mean
            for image in (one, two)
        ]
    assert difference.getbbox() is not None
    assert means[0][0] > means[0][2] + 20  # the left half of the first is reddish
    assert means[1][2] > means[1][0] + 20  # that of the second bluish


@pytest.mark.parametrize("dry", [("validate",), ("compose", "-n")], ids=["validate", "dry-run"])
def test_the_plan_is_what_is_sent(
    run: Run, work: Path, sandbox: server.Sandbox, dry: tuple[str, ...]
) -> None:
    """`validate` and `compose -n` show the sizes, bytes, hashes and digest that `compose` sends."""
    Image.new("RGB", (5000, 3000), (9, 99, 199)).save(work / "large.png")
    common = ("product.jpg", "large.png", "-p", PROMPT, "--json", "-m", "flux-2-pro")
    planned = run(*dry, *common)
    sent_by_planning = len(sandbox.jobs)

    sent = run("compose", *common)
    plan, result = json.loads(planned.out), json.loads(sent.out)

    assert (planned.code, sent.code, sent_by_planning) == (0, 0, 0)
    shared = set(plan) - {"schema"}
    assert {name: plan[name] for name in shared} == {name: result[name] for name in shared}
    got = sandbox.jobs[0]
    assert got.job == plan["job"]
    assert [
        (image["part"], image["media_type"], image["sent_bytes"], image["sent_sha256"])
        for image in plan["images"]
    ] == [(one.filename, one.content_type, one.size, one.sha256) for one in got.inputs]


def test_result_names_what_came(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """`--json` tells the output's size and hash, the ids, the price and the attempts."""
    done = run("compose", "product.jpg", "scene.jpg", "-p", PROMPT, "--json", "-o", "out.webp")
    result = json.loads(done.out)
    data = (work / "out.webp").read_bytes()

    assert done.out.count(b"\n") == 1
    assert result["schema"] == "prodia-compose/result@1"
    assert result["output"]["path"] == "out.webp"
    assert result["output"]["format"] == "WEBP"
    assert result["output"]["bytes"] == len(data)
    assert result["output"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert result["price_usd"] == result["estimate_usd"] == 0.039
    assert result["attempts"] == 1
    assert result["request_id"] == sandbox.jobs[0].request_id
    assert result["job_id"]


def test_two_runs_send_the_same(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """Two runs of one command give equal hashes and digests."""
    Image.effect_noise((3000, 2000), 60).save(work / "noise.png")
    argv = ("compose", "noise.png", "scene.jpg", "-p", PROMPT, "--json", "-f")
    one, two = (json.loads(run(*argv).out) for _ in range(2))

    assert one["digest"] == two["digest"]
    assert [image["sent_sha256"] for image in one["images"]] == [
        image["sent_sha256"] for image in two["images"]
    ]
    assert len(sandbox.jobs) == 2


def test_labels_become_positions(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """`{NAME}` in the prompt is sent as the position of the image labelled so."""
    done = run(
        *("compose", "-i", "mug=product.jpg", "-i", "room=scene.jpg"),
        *("-p", "Put {mug} on the table in {room}"),
    )

    assert done.code == 0
    assert _config(sandbox) == {
        "prompt": "Put the first image on the table in the second image",
        "images": ["product.jpg", "scene.jpg"],
    }


def test_lists_follow_operands_and_labels(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """Inputs are ordered operands, labelled, lists, whatever their place on the command line."""
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (work / name).write_bytes((work / "scene.jpg").read_bytes())
    done = run(
        *("compose", "-0", "-T", "-", "-i", "label=b.jpg", "a.jpg", "-p", PROMPT),
        stdin=b"c.jpg\0",
    )

    assert done.code == 0
    assert _config(sandbox)["images"] == ["a.jpg", "b.jpg", "c.jpg"]


def test_an_image_can_come_from_stdin(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """`-` is one image's bytes, named by its position."""
    done = run("compose", "scene.jpg", "-", "-p", PROMPT, stdin=(work / "product.jpg").read_bytes())

    assert done.code == 0
    assert _config(sandbox)["images"] == ["scene.jpg", "image-2.jpg"]


def test_bytes_go_to_stdout(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """`-o -` writes the picture's bytes to stdout and no file."""
    done = run("compose", "product.jpg", "-p", PROMPT, "-o", "-", "--format", "png")

    assert done.code == 0
    with Image.open(io.BytesIO(done.out)) as picture:
        assert picture.format == "PNG"
    assert not (work / "composed.jpg").exists()


@pytest.mark.parametrize(
    ("policy", "code", "path", "sent"),
    [
        (("--if-exists", "fail"), 8, b"", 0),
        (("--if-exists", "skip"), 0, b"out.jpg\n", 0),
        (("--if-exists", "number"), 0, b"out-2.jpg\n", 1),
        (("--if-exists", "overwrite"), 0, b"out.jpg\n", 1),
        (("-f",), 0, b"out.jpg\n", 1),
    ],
    ids=["fail", "skip", "number", "overwrite", "force"],
)
def test_what_happens_to_an_existing_output(
    run: Run,
    work: Path,
    sandbox: server.Sandbox,
    policy: tuple[str, ...],
    code: int,
    path: bytes,
    sent: int,
) -> None:
    """`--if-exists` decides before sending whether a taken name is an error, kept or replaced."""
    (work / "out.jpg").write_bytes(b"mine")
    done = run("compose", "product.jpg", "-p", PROMPT, "-o", "out.jpg", *policy)

    assert (done.code, done.out, len(sandbox.jobs)) == (code, path, sent)
    replaced = policy[-1] in ("overwrite", "-f")
    assert ((work / "out.jpg").read_bytes() == b"mine") is not replaced


def test_nothing_secret_is_told(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """The token stands in no output, however much is asked for."""
    done = run("compose", "product.jpg", "-p", PROMPT, "-vv")

    assert done.code == 0
    assert "x-request-id" in done.err.lower()
    assert TOKEN not in done.err + done.text


def test_inputs_are_numbered_on_request(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """`-v` tells each input, numbered, with what was changed."""
    Image.new("RGB", (4096, 1024), (1, 2, 3)).save(work / "wide.png")
    done = run("compose", "product.jpg", "wide.png", "-p", PROMPT, "-v")

    assert "1 product.jpg 640x480 JPEG" in done.err
    assert "2 wide.png 4096x1024 -> 2048x512" in done.err


def test_guides_flex_job_raises_no_warning(run: Run, work: Path, sandbox: server.Sandbox) -> None:
    """The guide's FLUX.2 [flex] job goes out as the guide writes it, without a warning."""
    done = run(
        *("compose", "product.jpg", "scene.jpg", "-m", "flux-2-flex", "-p", PROMPT),
        *("--steps", "50", "--height", "1024", "--width", "1024", "--aspect-ratio", "1:1"),
    )

    assert (done.code, done.err) == (0, "")
    assert list(_config(sandbox)) == [
        *("prompt", "images", "aspect_ratio", "width", "height", "steps"),
    ]


def _config(sandbox: server.Sandbox) -> dict[str, object]:
    """Return the config of the first job that the sandbox got."""
    job = sandbox.jobs[0].job
    assert job is not None
    config = job["config"]
    assert isinstance(config, dict)
    return config
