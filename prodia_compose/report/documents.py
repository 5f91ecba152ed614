"""The JSON documents of `--json`: a stable interface, fields are added and never renamed."""

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from prodia_compose import errors
from prodia_compose.addresses import named
from prodia_compose.models.facts import Cap, Fact, Model
from prodia_compose.progress import visible
from prodia_compose.record.entries import stamp
from prodia_compose.report.jsontext import Document, warnings

if TYPE_CHECKING:  # for annotations; an error document must not load requests and Pillow
    from prodia_compose.images import fit
    from prodia_compose.output import placer, places
    from prodia_compose.pipeline.plan import Plan
    from prodia_compose.pipeline.run import Run
    from prodia_compose.record.entries import Entry


def plan(made: "Plan") -> Document:
    """Return `prodia-compose/plan@1`: what would be sent, and what stands in the way."""
    packed = made.packed
    return {
        "schema": "prodia-compose/plan@1",
        "ok": not made.errors,
        "model": made.model.short_name if made.model else made.request.model,
        "job_type": made.model.job_type if made.model else None,
        "job": packed.job.document() if packed else None,
        "images": [_image(image) for image in made.images],
        "prompt": made.prompt,
        "warnings": warnings(made.warnings),
        "errors": problems(made.errors),
        "estimate_usd": made.estimate.maximum_usd,
        "estimate_min_usd": made.estimate.minimum_usd,
        "upload_bytes": packed.body.length if packed else None,
        "digest": packed.digest if packed else None,
        "token": made.token_state,
        "request_key": made.request_key,
        "made": _made(made.made, is_taken=made.is_reuse),
        **_named_if("saved_request", made.request.save_to if made.is_saved else None),
        "skipped": made.is_skipped,
    }


def result(made: "Plan", done: "Run") -> Document:
    """Return `prodia-compose/result@1`: the plan, and what became of it."""
    outputs = [_output(saved) for saved in done.saved]
    planned = {name: value for name, value in plan(made).items() if name != "skipped"}
    return {
        **planned,
        "schema": "prodia-compose/result@1",
        "warnings": warnings(done.warnings),
        "made": _made(done.made, is_taken=made.is_reuse),
        "output": outputs[0] if outputs else made.place and named_path(made.place.path),
        "outputs": outputs,
        "messages": list(done.messages),
        "job_id": done.job_id,
        "request_id": done.request_id,
        "price_usd": done.price_usd,
        "elapsed_s": round(done.elapsed_s, 3),
        "attempts": done.attempts,
        "skipped": not outputs,
        "sandbox": done.is_sandbox,
        "recipe": made.recipe(),
    }


def fetched(done: "Run", place: "places.Place") -> Document:
    """Return what `jobs fetch` adds to `prodia-compose/jobs@1`: what was brought, as in a result."""
    outputs = [_output(saved) for saved in done.saved]
    return {
        "warnings": warnings(done.warnings),
        "output": outputs[0] if outputs else named_path(place.path),
        "outputs": outputs,
        "messages": list(done.messages),
        "skipped": not outputs,
    }


def error(failure: errors.ComposeError) -> Document:
    """Return `prodia-compose/error@1`: why a run ended without its product."""
    parts, run = problems(failure.parts), failure.run
    return {
        **_error(next(part for part in parts if part["exit_code"] == failure.code), run),
        "message": visible(failure.message),
        "errors": parts,
        "request_id": failure.request_id or (run and run.request_id),
        "job_id": failure.job_id or (run and run.job_id),
        "may_be_billed": failure.may_be_billed,
    }


def interruption(signal: errors.Interrupted, message: str) -> Document:
    """Return `prodia-compose/error@1` of a run that a signal stopped; `message` says how far."""
    run = signal.run
    return {
        **_error(_part("interrupted", signal.code, message), run),
        "may_be_billed": run is not None and run.state in ("sent", "answered"),
        "rescued": files((run.pictures or run.kept) if run else ()),
    }


def bug(exception: Exception, *, may_be_billed: bool) -> Document:
    """Return `prodia-compose/error@1` of a run that ended in an exception nobody foresaw."""
    words = " ".join(traceback.format_exception_only(exception)).strip()
    return {
        **_error(_part("bug", errors.ExitCode.BUG, f"{words}; this is a bug; please report it")),
        "may_be_billed": may_be_billed,
        "traceback": "".join(traceback.format_exception(exception)),
    }


def models(listed: Sequence[Model]) -> Document:
    """Return `prodia-compose/models@1`: every fact of the catalogue, with its source."""
    return {"schema": "prodia-compose/models@1", "models": [_model(model) for model in listed]}


def _error(part: Document, run: errors.Status | None = None) -> Document:
    """Return an error document about one thing; it is not billed."""
    return {
        "schema": "prodia-compose/error@1",
        "exit_code": part["exit_code"],
        "kind": part["kind"],
        "message": part["message"],
        "errors": [part],
        "request_id": None,
        "job_id": run and run.job_id,
        "request_key": run and run.request_key,
        "may_be_billed": False,
        "rescued": files(run.kept if run else ()),
        "warnings": warnings(run.warnings if run else ()),
    }


def problems(wrong: Iterable[errors.ComposeError]) -> list[Document]:
    """Return what stands in the way as a document lists it; of a batch, with the row that it is in."""
    return [
        {
            **_part(one.kind, one.code, one.message, one.path),
            **({} if one.line is None else {"line": one.line, **_named_if("id", one.row_id)}),
        }
        for one in wrong
    ]


def _part(kind: str, code: errors.ExitCode, message: str, path: str | None = None) -> Document:
    return {
        "kind": kind,
        "exit_code": int(code),
        "message": visible(message),
        **_named_if("path", path),
    }


def _named_if(key: str, path: str | None) -> Document:
    return {key: None} if path is None else named(key, path)


def files(paths: Sequence[str]) -> list[Document]:
    """Return where things are kept."""
    return [named("path", path) for path in paths]


def _image(image: "fit.FittedImage") -> Document:
    sent = image.prepared
    return {
        "position": image.source.position,
        **named("path", image.source.path),
        "label": image.source.entry.label,
        "part": image.part,
        "media_type": sent.media_type if sent else None,
        "format": image.info.format,
        "width": image.info.width,
        "height": image.info.height,
        "bytes": image.info.byte_count,
        "sha256": image.source.content.sha256 if image.source.content else None,
        "sent_width": sent.width if sent else None,
        "sent_height": sent.height if sent else None,
        "sent_bytes": sent.blob.size if sent else None,
        "sent_sha256": sent.blob.sha256 if sent else None,
        "changes": list(sent.changes) if sent else [],
    }


def _made(twin: "Entry | None", *, is_taken: bool) -> Document | None:
    """Return an earlier job for the same picture, and whether that is taken instead of paying."""
    if twin is None:
        return None
    return {
        "id": twin.id,
        **named("path", twin.outputs[0].path),
        "sha256": twin.outputs[0].sha256,
        "price_usd": twin.price_usd,
        "begun_at": stamp(twin.begun_at),
        "taken": is_taken,
    }


def _output(saved: "placer.SavedOutput") -> Document:
    return {
        **named("path", saved.path),
        "format": saved.picture.format,
        "width": saved.picture.width,
        "height": saved.picture.height,
        "bytes": saved.byte_count,
        "sha256": saved.sha256,
        "pixels_sha256": saved.picture.pixels_sha256,
        "provenance": asdict(saved.picture.provenance),
    }


def named_path(path: str) -> Document:
    """Return an output of which only the path is known: an existing file that was left alone."""
    names = ("format", "width", "height", "bytes", "sha256", "pixels_sha256", "provenance")
    unknown = dict.fromkeys(names)
    return {**named("path", path), **unknown}


def _model(model: Model) -> Document:
    caps = {
        "side_px": model.caps.side,
        "pixels": model.caps.pixels,
        "combined_pixels": model.caps.combined,
        "image_bytes": model.caps.image_bytes,
    }
    return {
        "name": model.short_name,
        "aliases": list(model.aliases),
        "job_type": model.job_type,
        "summary": model.summary,
        "listed": model.listed,
        "max_images": asdict(model.max_images),
        "max_images_doubtful_above": _fact(model.doubtful_above),
        "caps": {name: _fact(cap) for name, cap in caps.items()},
        "minimum_side_px": _fact(model.minimum_side),
        "max_prompt_characters": _fact(model.max_prompt),
        "max_prompt_confirmed": model.is_max_prompt_sure if model.max_prompt else None,
        "settings": [asdict(setting) for setting in model.settings],
        "prices": [asdict(price) for price in model.prices],
        "usual_seconds": _fact(model.usual_seconds),
        "notes": list(model.notes),
    }


def _fact(known: Cap | Fact | None) -> Document | None:
    return None if known is None else asdict(known)
