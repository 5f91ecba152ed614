"""What was found out about files: for people a line each, and the JSON document of `verify`."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from prodia_compose import errors
from prodia_compose.addresses import named
from prodia_compose.progress import visible
from prodia_compose.record.entries import stamp
from prodia_compose.report.jsontext import Document, warnings

if TYPE_CHECKING:  # for annotations; it loads Pillow
    from prodia_compose.images.probe.marks import Marks
    from prodia_compose.pipeline.verify.origins import Origin
    from prodia_compose.pipeline.verify.verdicts import Verified

NO_NAME = "''"  # what a file is called whose name is empty
_PIXELS = {"same": ", pixels the same", "other": ", pixels not the same", None: ""}


def line(file: "Verified") -> str:
    """Return what was found out about a file, in one line."""
    parts = [_verdict(file)]
    if file.origins:
        parts.append(_origin(file.origins[0], len(file.origins) - 1))
    if file.picture is not None:
        parts += _marks(file.picture.provenance)
    return visible(f"{file.path or NO_NAME}: {'; '.join(parts)}")


def _verdict(file: "Verified") -> str:
    if file.verdict == "unreadable":
        return file.fault or ""
    words = {
        "saved": "as it was saved",
        "altered": f"altered since it was saved{_PIXELS[file.pixels]}",
        "unknown": "unknown: no job on record made it",
    }[file.verdict]
    if file.fault is not None:
        return f"{words}; it {file.fault}"
    if file.is_whole is None:
        return f"{words}; not checked whether it is whole"
    return words if file.pixels == "same" else f"{words}; whole"


def _origin(origin: "Origin", others: int) -> str:
    """Return which job made a picture, when, and for how much, and what tells so."""
    name = origin.id or origin.job_id
    parts = [f"job {name}" if name else "a job", origin.model or "model unknown"]
    if origin.begun_at is not None:
        parts.append(f"{origin.begun_at.astimezone():%Y-%m-%d %H:%M}")
    if origin.is_sandbox:
        parts.append("sandbox, no cost")
    else:
        price = origin.price_usd
        parts += ["price not told" if price is None else f"${price:g}", origin.host or "service"]
    words = ", ".join(parts)
    if others:
        words += f" (and {others} more)"
    return words if origin.told_by is None else f"{words}, says {origin.told_by}"


def _marks(marks: "Marks") -> Iterable[str]:
    if marks.c2pa in ("present", "damaged"):
        yield f"C2PA {marks.c2pa}{' (not verified)' if marks.c2pa == 'present' else ''}"
    elif marks.c2pa == "absent":
        yield "no C2PA"
    if marks.digital_source_type is not None:
        yield f"digital source type {marks.digital_source_type}"


def document(files: "Sequence[Verified]", warned: Iterable[errors.Warned] = ()) -> Document:
    """Return `prodia-compose/verify@1`: what was found out about each file, in order."""
    return {
        "schema": "prodia-compose/verify@1",
        "ok": all(one.is_good for one in files),
        "files": [_file(one) for one in files],
        "warnings": warnings(warned),
    }


def _file(file: "Verified") -> Document:
    picture, content = file.picture, file.content
    return {
        **named("path", file.path),
        "verdict": file.verdict,
        "whole": None if file.verdict == "unreadable" else file.is_whole,
        "pixels": file.pixels,
        "why": None if file.fault is None else visible(file.fault),
        "format": picture and picture.format,
        "width": picture and picture.width,
        "height": picture and picture.height,
        "bytes": content and content.size,
        "sha256": content and content.sha256,
        "provenance": asdict(picture.provenance) if picture else None,
        "jobs": [_job(origin) for origin in file.origins],
    }


def _job(origin: "Origin") -> Document:
    return {
        "id": origin.id,
        "job_id": origin.job_id,
        "model": origin.model,
        "price_usd": origin.price_usd,
        "begun_at": None if origin.begun_at is None else stamp(origin.begun_at),
        "host": origin.host,
        "sandbox": origin.is_sandbox,
        **named("path", origin.path),
        **({"told_by": None} if origin.told_by is None else named("told_by", origin.told_by)),
    }
