"""A plan as it stands before sending: what goes into it, and all that is wrong at once."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ledgering as lg
import pytest
from PIL import Image

import prodia_compose
from prodia_compose import addresses, errors
from prodia_compose.client.options import Delivery
from prodia_compose.images import fit
from prodia_compose.images.workers import Budget
from prodia_compose.inputs import blob
from prodia_compose.inputs.options import Selection
from prodia_compose.models.options import Settings
from prodia_compose.output.options import Placement
from prodia_compose.pipeline import planner, reuse, twins
from prodia_compose.pipeline.plan import Plan
from prodia_compose.pipeline.request import ComposeRequest
from prodia_compose.pipeline.run import Run
from prodia_compose.progress import Reporter, Stop
from prodia_compose.record import entries, ledger

TOKEN = "sentinel-token-0b5c9e"
PROMPT = "Put the first image on the second image"

LATE = ("client.answers", "client.send", "client.transport.exchange", "record.ledger")
"""What a plan does not need."""

REQUEST = ComposeRequest(
    selection=Selection(operands=("product.jpg", "scene.jpg")),
    prompt=PROMPT,
    placement=Placement(target="out.jpg"),
)


def _no_download(url: str) -> blob.Blob:
    raise AssertionError(url)


def _plan(
    request: ComposeRequest = REQUEST,
    *,
    stdin: bytes | None = None,
    token: str | None = TOKEN,
    sending: bool = True,
    record: Callable[[], ledger.Ledger] | None = None,
    warnings: tuple[errors.Warned, ...] = (),
    **changes: Any,
) -> Plan:
    """Return the plan of a request, with other fields where given."""
    around = planner.Surroundings(
        stdin=None if stdin is None else io.BytesIO(stdin),
        token=token,
        reporter=Reporter(),
        download=_no_download,
        means=fit.Means(budget=Budget(100_000_000)),
        stop=Stop(),
        record=record,
        warnings=warnings,
    )
    return planner.make(replace(request, **changes), around, sending=sending)


def _wrong(plan: Plan) -> list[tuple[type[errors.ComposeError], str]]:
    return [(type(error), error.message) for error in plan.errors]


def test_what_is_claimed_of_a_job(work: Path) -> None:
    """All that the record is told before the first byte leaves, and what is sent."""
    plan = _plan()
    ready = plan.sendable()
    claim, packed = ready.claim, ready.packed

    assert (claim.host, claim.model, claim.tool_version) == (
        *("inference.prodia.com", "nano-banana"),
        prodia_compose.__version__,
    )
    assert (claim.output, claim.digest, claim.request_key) == (
        *(str(work / "out.jpg"), packed.digest),
        plan.request_key,
    )
    assert (claim.estimate_min_usd, claim.estimate_usd) == (0.039, 0.039)
    assert claim.job_json == packed.job.json()
    for source, image in zip(claim.inputs, plan.images, strict=True):
        status = Path(source.path).stat()
        assert image.prepared is not None
        assert (source.size, source.mtime_ns) == (status.st_size, status.st_mtime_ns)
        assert source.sent_sha256 == image.prepared.blob.sha256
    assert [Path(one.path).name for one in claim.inputs] == ["product.jpg", "scene.jpg"]
    assert (ready.plan, ready.model, ready.place) == (plan, plan.model, plan.place)
    assert (plan.token_state, plan.target(), plan.is_skipped, plan.is_reuse) == (
        *("present", plan.place),
        *(False, False),
    )


def test_what_is_not_asked_for_is_not_done(work: Path) -> None:
    """Without options a job is sent, once, for real, looked over, and no warning stops it."""
    usual = ComposeRequest()

    assert not any((usual.strict, usual.dry_run, usual.again, usual.sandbox, not usual.lint))
    assert not any((usual.delivery.is_async, usual.save_to, usual.max_cost_usd))
    assert not any((usual.placement.force, usual.placement.create_dirs))
    assert (_plan().is_saved, _plan().made) == (False, None)


@pytest.mark.parametrize(
    ("target", "is_async", "accept"),
    [
        ("out.jpg", False, "multipart/form-data; image/jpeg"),
        ("out.webp", False, "multipart/form-data; image/webp"),
        ("out.webp", True, "application/json"),
    ],
)
def test_what_the_service_is_asked_for(
    work: Path, target: str, accept: str, *, is_async: bool
) -> None:
    """The picture's format; of an --async job its record only."""
    plan = _plan(placement=Placement(target=target), delivery=Delivery(is_async=is_async))

    assert plan.accept == accept


def test_all_that_is_wrong_is_told_at_once(work: Path) -> None:
    """Nothing of such a plan can be sent or placed, and it claims nothing."""
    (work / "out.jpg").touch()
    plan = _plan(
        selection=Selection(operands=("gone.jpg", "scene.jpg")), token=None, max_cost_usd=0.01
    )

    assert [kind for kind, _ in _wrong(plan)] == [
        errors.InputError,
        errors.AuthError,
        errors.CostError,
    ]
    assert (plan.claim(), plan.request_key, plan.token_state) == (None, None, "missing")
    assert plan.estimate.maximum_usd == 0.039
    for ask in (plan.sendable, plan.target):
        with pytest.raises(errors.ProblemsError) as caught:
            ask()
        assert caught.value.code == errors.ExitCode.INPUT


@pytest.mark.parametrize("sending", [True, False])
def test_a_missing_token(work: Path, *, sending: bool) -> None:
    """It is an error of what is sent; of what is looked at a warning, unless that is strict."""
    plan = _plan(token=None, sending=sending)
    strict = _plan(token=None, sending=sending, strict=True)

    assert [kind for kind, _ in _wrong(plan)] == ([errors.AuthError] if sending else [])
    assert [warned.code for warned in plan.warnings] == ([] if sending else ["no-token"])
    ((kind, words),) = _wrong(strict)
    assert kind is errors.AuthError
    assert ("no token (--strict)" in words) is not sending


def test_strict_makes_errors_of_warnings(work: Path) -> None:
    """What is odd about a picture, or the model, stops a strict run; the words stay."""
    request = replace(REQUEST, model="inference.novel.thing.img2img.v9")
    odd = (errors.Warned(code="unknown-variable", words="something around is odd"),)
    usual, strict = _plan(request, warnings=odd), _plan(request, strict=True, warnings=odd)

    assert usual.errors == ()
    assert [warned.code for warned in usual.warnings] == ["unknown-variable", "unknown-model"]
    assert _wrong(strict) == [
        (errors.InputError, f"{warned.words} (--strict)") for warned in usual.warnings
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"selection": Selection(operands=("-", "scene.jpg")), "prompt_file": "-"},
            "the operand - and --prompt-file -",
        ),
        (
            {"selection": Selection(operands=("-",), labelled=(("mug", "-"), (None, "-")))},
            "the operand - and -i mug=-",
        ),
        (
            {"selection": Selection(labelled=((None, "-"),), lists=("-",))},
            "-i - and -T -",
        ),
        (
            {"selection": Selection(lists=("-",)), "delivery": Delivery(token_file="-")},
            "-T - and --token-file -",
        ),
    ],
)
def test_standard_input_serves_one(work: Path, changes: dict[str, Any], words: str) -> None:
    """The first two that ask for it are named, and nobody reads it."""
    if "prompt_file" in changes:
        changes["prompt"] = None
    plan = _plan(stdin=b"scene.jpg\n", **changes)

    usage = [text for kind, text in _wrong(plan) if kind is errors.UsageError]
    assert f"{words} both read standard input; only one can" in usage
    assert plan.images == ()


def test_one_reader_of_standard_input_is_fine(work: Path) -> None:
    """A list on standard input is read, and its pictures come after the operands."""
    plan = _plan(stdin=b"scene.jpg\n", selection=Selection(operands=("product.jpg",), lists=("-",)))

    assert plan.errors == ()
    assert [image.source.entry.path for image in plan.images] == ["product.jpg", "scene.jpg"]


@pytest.mark.parametrize("which", [2, "wide.png"])
def test_a_result_framed_like_an_input(work: Path, which: int | str) -> None:
    """`--match` takes the shape of the image it names, and is part of what is asked for."""
    Image.new("RGB", (1600, 900)).save("wide.png")
    request = replace(REQUEST, selection=Selection(operands=("product.jpg", "wide.png")))
    plain, first = _plan(request), _plan(request, settings=Settings(match=1))
    framed = _plan(request, settings=Settings(match=which))

    assert plain.packed is not None
    assert framed.packed is not None
    assert b'"aspect_ratio":"16:9"' in framed.packed.job.json().replace(b'": "', b'":"')
    assert b"aspect_ratio" not in plain.packed.job.json()
    assert len({plan.request_key for plan in (plain, first, framed)}) == 3


@pytest.mark.parametrize("which", [3, "gone.png"])
def test_a_result_framed_like_nothing(work: Path, which: int | str) -> None:
    """An image that is not there is told once, whatever names it."""
    plan = _plan(settings=Settings(match=which))

    ((kind, words),) = _wrong(plan)
    assert kind is errors.UsageError
    assert words.startswith(f"--match {which}: ")


def test_a_wrong_command_line_opens_no_picture(work: Path) -> None:
    """While that has to change, not even a missing picture is told."""
    plan = _plan(selection=Selection(operands=("gone.jpg",)), placement=Placement(target="out.gif"))

    ((kind, words),) = _wrong(plan)
    assert kind is errors.UsageError
    assert "no such format as .gif" in words
    assert (plan.images, plan.packed and plan.packed.body) == ((), None)


def test_too_many_pictures_are_told_without_more(work: Path) -> None:
    """Their number is wrong, and each that is missing is told as well, up to a hundred."""
    names = tuple(f"gone-{number}.jpg" for number in range(150))
    plan = _plan(selection=Selection(operands=names))

    kinds = [kind for kind, _ in _wrong(plan)]
    assert kinds == [errors.InputError] * 101
    assert plan.errors[0].message.startswith("150 images; nano-banana takes at most ")
    assert [error.path for error in plan.errors[1:]] == list(names[:100])


@pytest.mark.parametrize(("lint", "count"), [(True, 2), (False, 0)])
def test_a_prompt_is_looked_over(work: Path, count: int, *, lint: bool) -> None:
    """What may be a slip is a warning, unless that is not wanted."""
    plan = _plan(prompt="Put the third image on the second image", lint=lint)

    assert len(plan.warnings) == count
    assert plan.errors == ()


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("names", "prompt"),
    [
        (("product.jpg", "gone.jpg"), "Put the first image on the third image"),
        (("product.jpg", "gone.jpg"), "Put the first image in a room"),
        (("product.jpg", "notes.txt"), "Put the first image in a room"),
        (("product.jpg", "folder"), "Put product.jpg in a room"),
        (("product.jpg",) * 15, "Put the first image in a room"),
    ],
    ids=["beyond", "missing", "no picture", "folder", "too many"],
)
def test_nothing_second_hand_is_told(
    work: Path, names: tuple[str, ...], prompt: str, *, strict: bool
) -> None:
    """Where the pictures themselves are wrong, nothing is said of how the prompt refers to them."""
    (work / "notes.txt").write_text("no picture")
    (work / "folder").mkdir()
    plan = _plan(prompt=prompt, selection=Selection(operands=names), strict=strict)

    assert [warned.code for warned in plan.warnings] == []
    (error,) = plan.errors
    assert error.code == errors.ExitCode.INPUT


@pytest.mark.parametrize(("token", "state"), [(TOKEN, "present"), (None, "missing")])
def test_a_place_that_is_left_alone(work: Path, token: str | None, state: str) -> None:
    """No picture is looked at, no token is missed, and nothing is wrong."""
    (work / "out.jpg").touch()
    plan = _plan(
        selection=Selection(operands=("gone.jpg",)),
        placement=Placement(target="out.jpg", if_exists="skip"),
        token=token,
    )

    assert (plan.is_skipped, plan.token_state, plan.errors, plan.images) == (True, state, (), ())


def _made(work: Path) -> str:
    """Write down that the request was sent and its picture saved as `made.jpg`; return its key."""
    sent = _plan().sendable()
    (work / "made.jpg").write_bytes((work / "scene.jpg").read_bytes())
    sha256 = blob.spool([(work / "made.jpg").read_bytes()]).sha256
    with ledger.open_record(os.environ) as record:
        file = entries.File(path=str(work / "made.jpg"), sha256=sha256)
        record.begin(sent.claim).advance("saved", exit_code=0, outputs=[file])
    return sent.claim.request_key


def _record() -> ledger.Ledger:
    return ledger.open_record(os.environ)


@pytest.mark.parametrize(("token", "state"), [(TOKEN, "present"), (None, "missing")])
@pytest.mark.parametrize("policy", ["reuse", "tell"])
def test_a_picture_that_was_made_already(
    work: Path, policy: Any, token: str | None, state: str
) -> None:
    """It is taken if that is wished, at no price and without a token; else the job is planned."""
    key = _made(work)
    plan = _plan(if_made=policy, token=token, record=_record)

    assert plan.is_reuse is (policy == "reuse")
    assert plan.token_state == state
    assert plan.request_key == key
    if policy == "reuse":
        assert plan.made is not None
        assert plan.errors == ()
        assert (plan.estimate.minimum_usd, plan.estimate.maximum_usd) == (0, 0)
        assert plan.target().absolute == str(work / "out.jpg")
    else:
        assert plan.estimate.maximum_usd == 0.039


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("gone", "made.jpg: changed meanwhile; run it again"),
        ("cut", "made.jpg: changed meanwhile; run it again"),
        ("taken", "the name was taken meanwhile; it is kept as "),
    ],
)
def test_what_changes_before_an_earlier_picture_is_taken(work: Path, how: str, words: str) -> None:
    """It is told as a place that cannot be used: nothing was paid, and nothing is lost."""
    _made(work)
    plan = _plan(if_made="reuse", record=_record)
    if how == "gone":
        (work / "made.jpg").unlink()
    elif how == "cut":
        (work / "made.jpg").write_bytes(b"cut")
    else:
        (work / "out.jpg").write_bytes(b"mine")
    job = Run(Stop())
    with pytest.raises(errors.OutputError) as caught:
        reuse.take(plan, job, stdout=io.BytesIO, reporter=Reporter())

    assert words in caught.value.message
    assert "billed" not in caught.value.message
    assert job.made == plan.made
    assert not (work / "out.jpg").exists() or (work / "out.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("settings", "seed"),
    [(Settings(extras=(("seed", 7),)), "7"), (Settings(seed=8), "8"), (Settings(), None)],
)
def test_fields_of_the_name(work: Path, settings: Settings, seed: str | None) -> None:
    """A template's fields are those of the run; one that it does not have is told."""
    days = {time.strftime("%Y-%m-%d")}
    target = "{stem}_{first}_{model}_{n}_{seed}_{date}.{ext}"
    plan = _plan(
        model="flux-2-pro", settings=settings, placement=Placement(target=target, format="webp")
    )
    days.add(time.strftime("%Y-%m-%d"))

    if seed is None:
        ((kind, words),) = _wrong(plan)
        assert kind is errors.UsageError
        assert "{seed} is empty, as this run has no seed" in words
    else:
        names = {f"scene_product_flux-2-pro_2_{seed}_{day}.webp" for day in days}
        assert plan.target().path in names


def test_a_name_without_an_input(work: Path) -> None:
    """The picture of standard input is called `image`."""
    data = (work / "scene.jpg").read_bytes()
    plan = _plan(
        stdin=data,
        selection=Selection(operands=("-",)),
        placement=Placement(target="{stem}-{first}.jpg"),
    )

    assert plan.target().path == "image-image.jpg"


def test_no_text_is_written_over(work: Path) -> None:
    """What the run reads is no place: its pictures, its lists, its prompt, its token."""
    (work / "a.jpg").write_text("scene.jpg\n")
    (work / "b.jpg").write_text(PROMPT)
    (work / "c.jpg").write_text(TOKEN)
    for name in ("a.jpg", "b.jpg", "c.jpg", "product.jpg"):
        plan = _plan(
            selection=Selection(operands=("product.jpg",), lists=("a.jpg",)),
            prompt=None,
            prompt_file="b.jpg",
            delivery=Delivery(token_file="c.jpg"),
            placement=Placement(target=name, force=True),
        )
        assert _wrong(plan) == [
            (errors.OutputError, f"-o {name}: is the input {name}; choose another name")
        ]


def test_a_taken_name_is_told_where_nothing_else_is_wrong(work: Path) -> None:
    """A place that cannot be used is told beside anything else."""
    (work / "out.jpg").touch()
    taken = _plan()
    both = _plan(token=None)
    useless = _plan(token=None, placement=Placement(target="no/out.jpg"))

    assert [kind.__name__ for kind, _ in _wrong(taken)] == ["TakenError"]
    assert [kind.__name__ for kind, _ in _wrong(both)] == ["AuthError"]
    assert [kind.__name__ for kind, _ in _wrong(useless)] == ["AuthError", "NoFolderError"]


def test_what_is_said_of_an_unknown_twin(work: Path) -> None:
    """When it was sent, how to find out about it, and that nothing was sent now."""
    claim = _plan().sendable().claim
    with ledger.open_record(os.environ) as record:
        entry = record.begin(claim)
        twins.refuse(claim, record)
        lg.advance_to(entry, "unknown")
        entry.advance("unknown", exit_code=9, job_id="job", request_id="request")
        with pytest.raises(errors.UnknownError) as caught:
            twins.refuse(claim, record)

    assert (caught.value.job_id, caught.value.request_id) == ("job", "request")
    assert f"look at `prodia-compose jobs show {entry.id}` and {addresses.DASHBOARD}; once you" in (
        caught.value.message
    )


def test_a_plan_loads_nothing_that_sends() -> None:
    """Neither the record's database nor what talks to the service: they take time to load."""
    words = "import sys; from prodia_compose.pipeline import planner; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, check=True)
    loaded = set(done.stdout.decode().split())

    assert "prodia_compose.pipeline.run" in loaded
    unwanted = {"sqlite3", "requests", *(f"prodia_compose.{name}" for name in LATE)}
    assert loaded & unwanted == set()
