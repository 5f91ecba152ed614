"""The order of the steps: plan, send, look at what came, place it.

What was paid for is never dropped: from the moment an answer has come, every way out
of here leaves the picture in its place or in the state folder, and says where.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from prodia_compose import blob, client, errors, ledger, output, planning, recording, state
from prodia_compose.answers import Answer, Output
from prodia_compose.images import received
from prodia_compose.reporting import Reporter
from prodia_compose.service import Service

__all__ = ["Result", "SavedOutput", "run"]


_SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "text/html": ".html",
    "application/json": ".json",
    "text/plain": ".txt",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedOutput:
    """One picture that came back, saved byte for byte.

    Attributes:
        path: Where it is, as typed; `-` is standard output.
        picture: Its format and size in pixels.
        byte_count: Its length.
        sha256: The hash of its bytes, in hex.
    """

    path: str
    picture: received.ReceivedImage
    byte_count: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A run that is done.

    Attributes:
        plan: What was planned, and so was sent.
        outputs: The pictures, the one for `-o` first; empty if skipped.
        messages: The service's words beside the pictures.
        job_id: The service's id for the job.
        request_id: The service's id for the exchange.
        price_usd: What it cost, as the service says.
        elapsed_s: Wall time from sending to saved, in seconds.
        attempts: How often the job was sent, the first included; 0 if skipped.
        warnings: What was found after the answer came.
    """

    plan: planning.Plan
    outputs: tuple[SavedOutput, ...] = ()
    messages: tuple[str, ...] = ()
    job_id: str | None = None
    request_id: str | None = None
    price_usd: float | None = None
    elapsed_s: float = 0.0
    attempts: int = 0
    warnings: tuple[errors.Warned, ...] = ()


def run(
    ready: planning.Sendable,
    *,
    record: ledger.Ledger,
    again: bool,
    reporter: Reporter,
    stdout: Callable[[], IO[bytes]],
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Send a plan's job and return the result, its pictures saved.

    Args:
        ready: A plan with nothing wrong and nothing missing.
        record: Where the job is written down before the first byte leaves.
        again: Whether to send even if an identical job's outcome is unknown.
        reporter: Who is told of progress.
        stdout: Opens standard output for bytes, for a place that is `-`.
        clock: Tells seconds.

    Raises:
        errors.ComposeError: As section "Exit codes" of README says; whatever came is kept.
        errors.Interrupted: A signal came; its state says how far the job was.
    """
    if ready.place.skipped:
        return Result(plan=ready.plan)
    started = clock()
    with recording.of(ready, record, again=again) as recorded:
        delivered = _deliver(ready, reporter, recorded.on_state)
        answer = delivered.answer
        job_id = answer.job.id if answer.job is not None else None
        recorded.received(job_id=job_id, request_id=delivered.request_id, price_usd=_price(answer))
        with _identified(delivered.request_id, job_id):
            outputs, warnings = _place_all(ready, answer.outputs, stdout)
        recorded.saved([(saved.path, saved.sha256) for saved in outputs])
    reporter.finish()
    return Result(
        plan=ready.plan,
        outputs=outputs,
        messages=answer.messages,
        job_id=job_id,
        request_id=delivered.request_id,
        price_usd=_price(answer),
        elapsed_s=clock() - started,
        attempts=delivered.attempts,
        warnings=warnings,
    )


def _price(answer: Answer) -> float | None:
    return answer.job.price_usd if answer.job is not None else None


def _deliver(
    ready: planning.Sendable, reporter: Reporter, on_state: Callable[[errors.JobState], None]
) -> client.Delivered:
    """Send the job; keep what an answer without a usable picture left behind."""
    wishes = ready.plan.request.delivery
    service = Service(
        base_url=wishes.base_url,
        token=ready.token,
        connect_timeout_s=wishes.connect_timeout_s,
        stall_timeout_s=wishes.stall_timeout_s,
        timeout_s=wishes.timeout_s,
        max_wait_s=wishes.max_wait_s,
    )
    usual = ready.model.usual_seconds
    try:
        return client.submit(
            service,
            ready.body,
            accept=f"multipart/form-data; {output.accept_type(ready.plan.format)}",
            reporter=reporter,
            on_state=on_state,
            usual_seconds=usual.value if usual is not None else None,
        )
    except errors.ComposeError as error:
        remains = client.kept(error)
        if remains is not None:
            suffix = _SUFFIXES.get(remains.media_type, ".bin")
            error.rescued = str(_keep(remains.blob, suffix))
            error.message += f"; what came is kept as {error.rescued}"
        raise


def _place_all(
    ready: planning.Sendable, outputs: tuple[Output, ...], stdout: Callable[[], IO[bytes]]
) -> tuple[tuple[SavedOutput, ...], tuple[errors.Warned, ...]]:
    """Save every usable picture: the first to its place, the others numbered after it."""
    pictures = [(found.blob, _inspect(found)) for found in outputs]
    usable = [(data, picture) for data, picture in pictures if picture is not None]
    if not usable:
        raise _not_placed(
            "the service sent a picture that cannot be decoded", _keep(outputs[0].blob, ".bin")
        )
    warnings: list[errors.Warned] = []
    saved: list[SavedOutput] = []
    for number, (data, picture) in enumerate(usable, 1):
        with _rescuing(data, picture):
            path = _place(ready, data, picture, number, stdout, warnings)
        saved.append(
            SavedOutput(path=path, picture=picture, byte_count=data.size, sha256=data.sha256)
        )
    return tuple(saved), tuple(warnings)


def _inspect(found: Output) -> received.ReceivedImage | None:
    try:
        return received.inspect(found.blob.open)
    except ValueError:
        return None


def _place(
    ready: planning.Sendable,
    data: blob.Blob,
    picture: received.ReceivedImage,
    number: int,
    stdout: Callable[[], IO[bytes]],
    warnings: list[errors.Warned],
) -> str:
    """Save one picture and return its path; `number` counts the pictures from 1."""
    place = ready.place
    asked = output.accept_type(ready.plan.format)
    if number > 1 and place.is_stream:
        return str(_keep(data, picture.suffix))
    if picture.media_type != asked:
        message = f"asked for {asked}, the service sent {picture.media_type}"
        if ready.plan.request.strict:
            raise errors.NotPlacedError(f"{message} (--strict)")
        warnings.append(errors.Warned(code="wrong-format", message=message))
        place = output.corrected(place, picture.suffix)
    if place.is_stdout:
        with data.open() as source:
            output.write_stream(source, stdout())
        return place.path
    return output.publish(data, output.numbered(place, number))


@contextmanager
def _rescuing(data: blob.Blob, picture: received.ReceivedImage) -> Iterator[None]:
    """Keep a picture in the state folder when the block that places it does not end well."""
    try:
        yield
    except errors.NotPlacedError as error:
        raise _not_placed(error.message, _keep(data, picture.suffix)) from error
    except errors.Interrupted as signal:
        signal.state = "answered"
        signal.rescued = str(_keep(data, picture.suffix))
        raise
    except OSError as exc:
        taken = isinstance(exc, FileExistsError)
        reason = "the name was taken meanwhile" if taken else exc.strerror
        raise _not_placed(
            f"the picture came but could not be saved: {reason}", _keep(data, picture.suffix)
        ) from exc


def _not_placed(message: str, rescued: Path) -> errors.NotPlacedError:
    error = errors.NotPlacedError(f"{message}; it is kept as {rescued}", may_be_billed=True)
    error.rescued = str(rescued)
    return error


def _keep(data: blob.Blob, suffix: str) -> Path:
    try:
        return state.keep(data, suffix)
    except OSError as exc:
        last = exc.filename or "the temporary folder"
        raise errors.NotPlacedError(
            f"neither the output place nor the state folder nor {last} could take what "
            f"came ({exc.strerror}); it is lost",
            may_be_billed=True,
        ) from exc


@contextmanager
def _identified(request_id: str | None, job_id: str | None) -> Iterator[None]:
    """Put the ids an answer carried into any error of the block."""
    try:
        yield
    except errors.ComposeError as error:
        error.request_id = error.request_id or request_id
        error.job_id = error.job_id or job_id
        raise
