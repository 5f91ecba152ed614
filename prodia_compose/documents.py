"""The JSON documents of `--json`: a stable interface, fields are added and never renamed."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from prodia_compose import errors, reporting
from prodia_compose.caps import Cap
from prodia_compose.model import Model

if TYPE_CHECKING:  # for annotations; an error document must not load requests and Pillow
    from prodia_compose import compose, fitting, planning

__all__ = ["error", "line", "models", "plan", "result"]

Document = dict[str, object]


def line(document: Mapping[str, object]) -> str:
    """Return a document as one compact line, without the final newline."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def plan(made: "planning.Plan") -> Document:
    """Return `prodia-compose/plan@1`: what would be sent, and what stands in the way."""
    return {
        "schema": "prodia-compose/plan@1",
        "ok": not made.errors,
        "model": made.model.short_name if made.model else made.request.model,
        "job_type": made.model.job_type if made.model else None,
        "job": made.job.document() if made.job else None,
        "images": [_image(image) for image in made.images],
        "prompt": made.prompt,
        "warnings": _warnings(made.warnings),
        "errors": [_problem(error) for error in made.errors],
        "estimate_usd": made.estimate.maximum_usd,
        "estimate_min_usd": made.estimate.minimum_usd,
        "upload_bytes": made.body.length if made.body else None,
        "digest": made.digest,
        "token": made.token_state,
    }


def result(done: "compose.Result") -> Document:
    """Return `prodia-compose/result@1`: the plan, and what became of it."""
    outputs = [_output(saved) for saved in done.outputs]
    return {
        **plan(done.plan),
        "schema": "prodia-compose/result@1",
        "warnings": _warnings((*done.plan.warnings, *done.warnings)),
        "output": outputs[0] if outputs else _skipped(done.plan),
        "outputs": outputs,
        "messages": list(done.messages),
        "job_id": done.job_id,
        "request_id": done.request_id,
        "price_usd": done.price_usd,
        "elapsed_s": round(done.elapsed_s, 3),
        "attempts": done.attempts,
        "skipped": done.attempts == 0,
        "sandbox": done.plan.request.sandbox,
    }


def error(failure: errors.ComposeError) -> Document:
    """Return `prodia-compose/error@1`: why a run ended without its product."""
    return {
        "schema": "prodia-compose/error@1",
        "exit_code": int(failure.code),
        "kind": next(part.kind for part in failure.parts if part.code == failure.code),
        "message": reporting.visible(failure.message),
        "errors": [_problem(part) for part in failure.parts],
        "request_id": failure.request_id,
        "job_id": failure.job_id,
        "may_be_billed": failure.may_be_billed,
    }


def models(listed: Sequence[Model]) -> Document:
    """Return `prodia-compose/models@1`: every fact of the catalogue, with its source."""
    return {"schema": "prodia-compose/models@1", "models": [_model(model) for model in listed]}


def _path(path: str) -> Document:
    """Return a path's fields: shown, and its bytes if they are not UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raw = path.encode("utf-8", "surrogateescape")
        return {
            "path": reporting.visible(path),
            "path_b64": base64.b64encode(raw).decode("ascii"),
        }
    return {"path": path}


def _warnings(warned: Sequence[errors.Warned]) -> list[Document]:
    return [{"code": one.code, "message": reporting.visible(one.message)} for one in warned]


def _problem(failure: errors.ComposeError) -> Document:
    return {
        "kind": failure.kind,
        "exit_code": int(failure.code),
        "message": reporting.visible(failure.message),
        **({"path": None} if failure.path is None else _path(failure.path)),
    }


def _image(image: "fitting.FittedImage") -> Document:
    sent = image.prepared
    return {
        "position": image.source.position,
        **_path(image.source.path),
        "label": image.source.label,
        "part": image.part,
        "media_type": sent.media_type if sent else None,
        "format": image.info.format,
        "width": image.info.width,
        "height": image.info.height,
        "bytes": image.info.byte_count,
        "sent_width": sent.width if sent else None,
        "sent_height": sent.height if sent else None,
        "sent_bytes": sent.blob.size if sent else None,
        "sent_sha256": sent.blob.sha256 if sent else None,
        "changes": list(sent.changes) if sent else [],
    }


def _output(saved: "compose.SavedOutput") -> Document:
    return {
        **_path(saved.path),
        "format": saved.picture.format,
        "width": saved.picture.width,
        "height": saved.picture.height,
        "bytes": saved.byte_count,
        "sha256": saved.sha256,
    }


def _skipped(made: "planning.Plan") -> Document | None:
    """Return the output of a run that left an existing file alone: its path only."""
    if made.place is None or not made.place.skipped:
        return None
    blank = dict.fromkeys(("format", "width", "height", "bytes", "sha256"))
    return {**_path(made.place.path), **blank}


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
        "max_images_doubtful_above": asdict(model.doubtful_above) if model.doubtful_above else None,
        "caps": {name: _cap(cap) for name, cap in caps.items()},
        "minimum_side_px": asdict(model.minimum_side) if model.minimum_side else None,
        "max_prompt_characters": asdict(model.max_prompt) if model.max_prompt else None,
        "max_prompt_confirmed": model.is_max_prompt_sure if model.max_prompt else None,
        "settings": [asdict(setting) for setting in model.settings],
        "prices": [asdict(price) for price in model.prices],
        "usual_seconds": asdict(model.usual_seconds) if model.usual_seconds else None,
        "notes": list(model.notes),
    }


def _cap(cap: Cap | None) -> Document | None:
    return None if cap is None else asdict(cap)
