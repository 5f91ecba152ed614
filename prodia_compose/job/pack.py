"""Model, prompt and fitted images, packed into the request's body."""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence

from prodia_compose.client import multipart
from prodia_compose.frozen import frozen
from prodia_compose.images import fit
from prodia_compose.models.facts import Model, SettingValue


@frozen
class Job:
    """A job as the service takes it.

    Its config's fields are in the order they are sent: prompt, images, settings.
    """

    type: str
    config: Mapping[str, SettingValue]

    def document(self) -> dict[str, object]:
        """Return the job as plain JSON values."""
        return {"type": self.type, "config": dict(self.config)}

    def json(self) -> bytes:
        """Return the bytes of `job.json`: ASCII, as Python's `json.dumps` writes it."""
        return json.dumps(self.document(), allow_nan=False).encode("ascii")


def digest(job_json: bytes, parts: Iterable[tuple[str, str, str]]) -> str:
    """Return "sha256:..." over all a job sends, whatever the boundary between its parts.

    Of each input, in order, `parts` has (file name, media type, SHA-256 in hex).
    """
    lines = [("job.json", "application/json", hashlib.sha256(job_json).hexdigest()), *parts]
    text = "".join(f"{name}\0{media_type}\0{sha256}\n" for name, media_type, sha256 in lines)
    return f"sha256:{hashlib.sha256(text.encode('ascii')).hexdigest()}"


@frozen
class Packed:
    """What would be sent, and its digest: "sha256:..." over job and parts."""

    job: Job
    digest: str
    body: multipart.MultipartBody


def pack(
    model: Model | None,
    prompt: str | None,
    config: Mapping[str, SettingValue],
    images: Sequence[fit.FittedImage],
) -> Packed | None:
    """Return the job and its body, the images in order; None if something is missing.

    The boundary is made of the digest, so that two runs send the same bytes.
    """
    inputs = [
        (image.part, image.prepared)
        for image in images
        if image.part is not None and image.prepared is not None
    ]
    if model is None or prompt is None or not inputs or len(inputs) < len(images):
        return None
    names = [part for part, _ in inputs]
    built = Job(type=model.job_type, config={"prompt": prompt, "images": [*names], **config})
    job_json = built.json()
    sums = [(part, prepared.media_type, prepared.blob.sha256) for part, prepared in inputs]
    signed = digest(job_json, sums)
    job_part = multipart.Part(
        name="job",
        filename="job.json",
        media_type="application/json",
        size=len(job_json),
        open=lambda: io.BytesIO(job_json),
    )
    input_parts = [
        multipart.Part(
            name="input",
            filename=part,
            media_type=prepared.media_type,
            size=prepared.blob.size,
            open=prepared.blob.open,
        )
        for part, prepared in inputs
    ]
    body = multipart.MultipartBody([job_part, *input_parts], f"prodia-compose-{signed[-40:]}")
    return Packed(job=built, digest=signed, body=body)
