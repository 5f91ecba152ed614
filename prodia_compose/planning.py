"""Everything that can be known before the first byte leaves.

`validate`, `compose -n` and `compose` all come through here, so what one shows is what
the other sends. Every check runs even when an early one fails, and all problems are
told together.
"""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from prodia_compose import blob, errors, fitting, job, models, multipart, output, prompt, sources
from prodia_compose.reporting import Reporter
from prodia_compose.request import ComposeRequest, OutputFormat, SettingValue
from prodia_compose.service import SANDBOX_TOKEN, Token

__all__ = ["Plan", "Sendable", "Surroundings", "TokenState", "make"]

TokenState = Literal["present", "missing", "invalid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the process was given from outside, and who watches it.

    Attributes:
        stdin: Standard input, or None where it is closed.
        token: The text of `PRODIA_TOKEN`, or None.
        reporter: Who is told of progress.
        download: Fetches a URL that was named as an input.
    """

    stdin: BinaryIO | None
    token: str | None
    reporter: Reporter
    download: Callable[[str], blob.Blob]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run as it stands before sending; complete only if `errors` is empty.

    Attributes:
        request: What was asked for.
        model: The model, if the name found one.
        prompt: The final text, if it can be sent.
        job: The job JSON, if it could be built.
        images: The inputs that could be read, in order.
        format: The format the service is asked for.
        place: Where the picture goes, if that is settled.
        token: The token, if there is a usable one.
        token_state: Whether there is one.
        estimate: The listed price.
        digest: "sha256:..." over job and parts, if all of them are there.
        body: The request's body, likewise.
        warnings: What stops nothing.
        errors: What stops the run, in the order found.
    """

    request: ComposeRequest
    model: models.Model | None
    prompt: str | None
    job: job.Job | None
    images: tuple[fitting.FittedImage, ...]
    format: OutputFormat
    place: output.Place | None
    token: Token | None
    token_state: TokenState
    estimate: models.Estimate
    digest: str | None
    body: multipart.MultipartBody | None
    warnings: tuple[errors.Warned, ...]
    errors: tuple[errors.ComposeError, ...]

    def sendable(self) -> "Sendable":
        """Return what is to be sent.

        Raises:
            errors.ComposeError: What stops the run, if anything does.
        """
        errors.Findings(errors=list(self.errors)).raise_if_any()
        model, built, body = self.model, self.job, self.body
        token, place = self.token, self.place
        if model is None or built is None or body is None or token is None or place is None:
            raise AssertionError("a plan without errors is complete")
        return Sendable(plan=self, model=model, job=built, body=body, token=token, place=place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sendable:
    """A plan with nothing wrong and nothing missing.

    Attributes:
        plan: The plan.
        model: Its model.
        job: Its job JSON.
        body: The request's body.
        token: The token to send it with.
        place: Where the picture goes.
    """

    plan: Plan
    model: models.Model
    job: job.Job
    body: multipart.MultipartBody
    token: Token
    place: output.Place


def make(request: ComposeRequest, surroundings: Surroundings, *, sending: bool) -> Plan:
    """Return the plan of a run: checks made, images prepared, job built.

    Args:
        request: What the user asks for.
        surroundings: Standard input, the token's text, and so on.
        sending: Whether the job is to be sent; if not, a missing token is a warning.
    """
    findings = errors.Findings()
    model = _model(request, findings)
    config = job.check_settings(model, request.settings, request.extras, findings) if model else {}
    format_ = _format(request, findings)
    stdin = _owned_stdin(request, surroundings.stdin, findings)
    named, is_complete = _entries(request, stdin, findings)
    text = _prompt(request, model, named, stdin, findings)
    images = _images(request, model, named, surroundings, findings)
    token, token_state = _token(request, surroundings.token, stdin, findings, sending=sending)
    place = _place(request, format_, model, named, findings)
    estimate = _estimate(request, model, config, findings)
    if request.strict:
        findings.errors += [
            errors.InputError(f"{warned.message} (--strict)") for warned in findings.warnings
        ]
    built = _job(model, text, config, images if is_complete and len(images) == len(named) else ())
    digest, body = _body(built, images)
    return Plan(
        request=request,
        model=model,
        prompt=text,
        job=built,
        images=images,
        format=format_,
        place=place,
        token=token,
        token_state=token_state,
        estimate=estimate,
        digest=digest,
        body=body,
        warnings=tuple(findings.warnings),
        errors=tuple(findings.errors),
    )


def _model(request: ComposeRequest, findings: errors.Findings) -> models.Model | None:
    with findings.collecting():
        model = models.find(request.model)
        if not model.listed:
            message = (
                f"--model {request.model}: not in the catalogue, its limits are unknown; "
                f"at most {model.max_images.value:g} images and our own caps apply"
            )
            findings.warnings.append(errors.Warned(code="unknown-model", message=message))
        return model
    return None


def _format(request: ComposeRequest, findings: errors.Findings) -> OutputFormat:
    with findings.collecting():
        return output.asked_format(request.placement)
    return "jpg"


def _owned_stdin(
    request: ComposeRequest, stdin: BinaryIO | None, findings: errors.Findings
) -> BinaryIO | None:
    """Return standard input if at most one thing asks for it."""
    claims = [
        *("the operand -" for path in request.selection.operands if path == "-"),
        *(f"-i {label}=-" for label, path in request.selection.labelled if path == "-"),
        *("-T -" for path in request.selection.lists if path == "-"),
        *("--prompt-file -" for path in [request.prompt_file] if path == "-"),
        *("--token-file -" for path in [request.token_file] if path == "-"),
    ]
    if len(claims) < 2:
        return stdin
    message = f"{claims[0]} and {claims[1]} both read standard input; only one can"
    findings.errors.append(errors.UsageError(message))
    return None


def _has_usage_error(findings: errors.Findings) -> bool:
    return any(error.code == errors.ExitCode.USAGE for error in findings.errors)


def _entries(
    request: ComposeRequest, stdin: BinaryIO | None, findings: errors.Findings
) -> tuple[tuple[sources.Entry, ...], bool]:
    """Return what was named, and whether that is all of it."""
    selection = request.selection
    if stdin is None and "-" in selection.lists and _has_usage_error(findings):
        return (), False  # whose standard input it is has to be settled first
    with findings.collecting():
        return sources.entries(selection, stdin), True
    if not _has_usage_error(findings) and (selection.operands or selection.labelled):
        # A list cannot be read; what is wrong with the other images is told all the same.
        with findings.collecting():
            return sources.entries(replace(selection, lists=()), stdin), False
    return (), False


def _prompt(
    request: ComposeRequest,
    model: models.Model | None,
    named: Sequence[sources.Entry],
    stdin: BinaryIO | None,
    findings: errors.Findings,
) -> str | None:
    with findings.collecting():
        text, flag = _typed_prompt(request, stdin)
        positions = {entry.label: place for place, entry in enumerate(named, 1) if entry.label}
        final = prompt.to_send(prompt.compile_labels(text, positions), flag)
        if model is not None:
            models.check_prompt(model, final, flag, findings)
        return final
    return None


def _typed_prompt(request: ComposeRequest, stdin: BinaryIO | None) -> tuple[str, str]:
    """Return the prompt's text and the option it came from."""
    if request.prompt is not None and request.prompt_file is not None:
        raise errors.UsageError("--prompt and --prompt-file: give one of them")
    if request.prompt is not None:
        return request.prompt, "--prompt"
    if request.prompt_file is None:
        raise errors.UsageError("no prompt; say what to make with -p, or --prompt-file FILE")
    data = sources.read_text_source(request.prompt_file, "--prompt-file", stdin)
    text = prompt.text_of_file(data, request.prompt_file)
    return text, f"--prompt-file {request.prompt_file}"


def _images(
    request: ComposeRequest,
    model: models.Model | None,
    named: Sequence[sources.Entry],
    surroundings: Surroundings,
    findings: errors.Findings,
) -> tuple[fitting.FittedImage, ...]:
    if model is None:
        return ()
    with findings.collecting():
        models.check_count(model, len(named), findings)
    if _has_usage_error(findings):
        return ()  # the command line has to change; no download and no decoding for that

    def opening(entry: sources.Entry, position: int) -> sources.Input:
        return sources.open_input(
            entry, position, stdin=surroundings.stdin, download=surroundings.download
        )

    return fitting.fit(
        # More than the model takes are an error already; the others need no reading.
        named[: int(model.max_images.value)],
        model,
        request.fitting,
        opening,
        reporter=surroundings.reporter,
        findings=findings,
    )


def _token(
    request: ComposeRequest,
    text: str | None,
    stdin: BinaryIO | None,
    findings: errors.Findings,
    *,
    sending: bool,
) -> tuple[Token | None, TokenState]:
    if request.sandbox:
        return Token.parse(SANDBOX_TOKEN), "present"
    if request.token_file is not None:
        text = None
        try:
            data = sources.read_text_source(request.token_file, "--token-file", stdin)
            text = data.decode("utf-8", errors="replace")
        except errors.InputError as exc:
            findings.errors.append(errors.AuthError(exc.message, path=request.token_file))
            return None, "missing"
    if text is not None and text.strip():
        with findings.collecting():
            return Token.parse(text), "present"
        return None, "invalid"
    message = "no token; set PRODIA_TOKEN or give --token-file FILE (--sandbox needs none)"
    if request.token_file is not None:
        message = f"--token-file {request.token_file}: holds no token"
    if sending:
        findings.errors.append(errors.AuthError(message))
    else:
        findings.warnings.append(errors.Warned(code="no-token", message=message))
    return None, "missing"


def _place(
    request: ComposeRequest,
    format_: OutputFormat,
    model: models.Model | None,
    named: Sequence[sources.Entry],
    findings: errors.Findings,
) -> output.Place | None:
    if _has_usage_error(findings):
        return None
    stems = [PurePosixPath(entry.path).stem or "image" for entry in named]
    path = output.expand(
        request.placement.target,
        {
            "stem": stems[-1] if stems else "image",
            "first": stems[0] if stems else "image",
            "model": model.short_name if model else "",
            "date": time.strftime("%Y-%m-%d"),
            "time": time.strftime("%H%M%S"),
            "n": str(len(named)),
            "ext": format_,
        },
    )
    files = [
        (entry.path, Path(entry.path)) for entry in named if not entry.is_stdin and not entry.is_url
    ]
    with findings.collecting():
        return output.prove(
            path,
            if_exists=request.placement.if_exists,
            create_dirs=request.placement.create_dirs,
            inputs=files,
        )
    return None


def _estimate(
    request: ComposeRequest,
    model: models.Model | None,
    config: dict[str, SettingValue],
    findings: errors.Findings,
) -> models.Estimate:
    if model is None:
        return models.Estimate()
    resolution = config.get("resolution")
    estimate = model.estimate(resolution if isinstance(resolution, str) else None)
    limit, most = request.max_cost_usd, estimate.maximum_usd
    if limit is not None and most is None:
        message = f"--max-cost {limit:g}: the price of {model.short_name} is unknown; nothing sent"
        findings.errors.append(errors.CostError(message))
    elif limit is not None and most is not None and most > limit:
        message = f"--max-cost {limit:g}: a job may cost ${most:g}; nothing sent"
        findings.errors.append(errors.CostError(message))
    return estimate


def _job(
    model: models.Model | None,
    text: str | None,
    config: dict[str, SettingValue],
    images: Sequence[fitting.FittedImage],
) -> job.Job | None:
    parts = [image.part for image in images if image.part is not None]
    if model is None or text is None or not parts or len(parts) < len(images):
        return None
    return job.Job(type=model.job_type, config={"prompt": text, "images": list(parts), **config})


def _body(
    built: job.Job | None, images: Sequence[fitting.FittedImage]
) -> tuple[str | None, multipart.MultipartBody | None]:
    """Return the request's digest and its body: the job first, then the images in order.

    The boundary is made of the digest, so that two runs send the same bytes.
    """
    if built is None:
        return None, None
    job_json = built.json()
    inputs = [
        (image.part, image.prepared)
        for image in images
        if image.part is not None and image.prepared is not None
    ]
    digest = job.digest(
        job_json,
        [(part, prepared.media_type, prepared.blob.sha256) for part, prepared in inputs],
    )
    parts = [
        multipart.Part(
            name="job",
            filename="job.json",
            media_type="application/json",
            size=len(job_json),
            open=lambda: io.BytesIO(job_json),
        )
    ]
    parts += [
        multipart.Part(
            name="input",
            filename=part,
            media_type=prepared.media_type,
            size=prepared.blob.size,
            open=prepared.blob.open,
        )
        for part, prepared in inputs
    ]
    return digest, multipart.MultipartBody(parts, f"prodia-compose-{digest[-40:]}")
