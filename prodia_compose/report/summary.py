"""What a plan and a result look like to people."""

import os
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath

from prodia_compose.images.fit import FittedImage
from prodia_compose.job import folder
from prodia_compose.pipeline import twins
from prodia_compose.pipeline.plan import Plan
from prodia_compose.pipeline.run import Run
from prodia_compose.progress import size, visible
from prodia_compose.report import tables
from prodia_compose.report.catalogue import price_text

Row = tuple[str, str]


def rows(plan: Plan, *, exact: bool = False) -> Iterator[Row]:
    """Yield the report of `validate`, a label and a text each: model, images, prompt, cost.

    Args:
        plan: What is reported.
        exact: Whether bytes are counted one by one.
    """
    for label, text in _facts(plan, exact=exact):
        yield f"{label:8}", text


def _facts(plan: Plan, *, exact: bool) -> Iterator[Row]:
    if plan.model is not None:
        yield "model", f"{plan.model.short_name} ({plan.model.job_type})"
    for number, (position, text) in enumerate(image_rows(plan, exact=exact)):
        yield "images" if number == 0 else "", f"{position} {text}"
    if plan.prompt is not None:
        yield "prompt", visible(plan.prompt)
    if plan.packed is not None:
        config = plan.packed.job.config.items()
        settings = [f"{name}={value}" for name, value in config if name not in ("prompt", "images")]
        yield "settings", visible(" ".join(settings)) or "none"
    if plan.place is not None:
        skipped = "; exists already" if plan.place.skipped else ""
        yield "output", f"{visible(plan.place.path)} ({plan.format}){skipped}"
    if plan.packed is not None:
        body = plan.packed.body
        yield "upload", f"{_bytes(body.length, exact=exact)} in {len(body.parts)} parts"
        yield "digest", plan.packed.digest
    if plan.made is not None:
        cure = "it is taken" if plan.is_reuse else "--if-made reuse takes it instead of paying"
        yield "made", f"{visible(twins.message(plan.made))}; {cure}"
    yield "price", price_text(plan.estimate)
    if plan.is_saved and plan.request.save_to is not None:
        command = shlex.quote(os.path.join(plan.request.save_to, folder.SCRIPT_NAME))  # noqa: PTH118 - as typed
        yield "saved", f"{visible(plan.request.save_to)}; send it with {visible(command)}"
    yield "result", _verdict(plan)


def _verdict(plan: Plan) -> tables.Styled:
    if problems := len(plan.errors):
        words = f"{problems} problem{'s' if problems > 1 else ''}; nothing would be sent"
        return tables.styled(words, tables.RED)
    if plan.is_skipped:
        return tables.styled("skipped; nothing would be sent", tables.GREEN)
    if plan.is_reuse:
        return tables.styled("ready; nothing would be sent", tables.GREEN)
    if plan.token is None and plan.request.save_to is None:
        return tables.styled("ready but for the token, which is missing", tables.YELLOW)
    return tables.styled("ready", tables.GREEN)


def image_rows(plan: Plan, *, exact: bool = False) -> Iterator[Row]:
    """Yield the images, numbered in the order the model sees them, with every change."""
    for image in plan.images:
        yield str(image.source.position), visible(_image(image, exact=exact))


def _bytes(count: int, *, exact: bool) -> str:
    return f"{count:,} bytes" if exact else size(count)


def _image(image: FittedImage, *, exact: bool) -> str:
    source, info, sent = image.source, image.info, image.prepared
    label = f" {{{source.entry.label}}}" if source.entry.label else ""
    named = f"{source.path}{label}"
    sides = f"{info.width}x{info.height}"
    if sent is None:
        return f"{named} {sides} {info.format}"
    changes = ", ".join(sent.changes) or "as it is"
    if not changes.startswith(f"{sides} -> "):
        changes = f"{sides} {info.format}: {changes}"
    renamed = image.part is not None and image.part != PurePosixPath(source.path).name
    weight = _bytes(sent.blob.size, exact=exact)
    return f"{named} {changes}; {weight}{f' as {image.part}' if renamed else ''}"


def outcome(plan: Plan, done: Run, *, exact: bool = False) -> str:
    """Return the last line of a run: what came, how long it took, what it cost."""
    if not done.saved:
        return "exists already; nothing was sent"
    saved = done.saved[0]
    price = f"${done.price_usd:g}" if done.price_usd is not None else "price not told"
    if done.is_sandbox:
        price = "no cost: sandbox"
    if plan.is_reuse:
        price = "no cost: made before"
    return (
        f"{saved.picture.width}x{saved.picture.height} {saved.picture.format}, "
        f"{_bytes(saved.byte_count, exact=exact)} in {done.elapsed_s:.1f} s, {price}"
    )
