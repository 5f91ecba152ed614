"""The job and the fitted images, packed into the request's body."""

import io
from collections.abc import Mapping, Sequence

from prodia_compose.client import multipart
from prodia_compose.frozen import frozen
from prodia_compose.images import fit
from prodia_compose.job.job import Job, digest
from prodia_compose.models import facts
from prodia_compose.models.facts import SettingValue


@frozen
class Packed:
    """What would be sent, and its digest: "sha256:..." over job and parts."""

    job: Job
    digest: str
    body: multipart.MultipartBody


def pack(
    model: facts.Model | None,
    prompt: str | None,
    config: Mapping[str, SettingValue],
    images: Sequence[fit.FittedImage],
) -> Packed | None:
    """Return the job and its body, the images in order; None if something is missing.

    The boundary is made of the digest, so that two runs send the same bytes.

    Args:
        model: The model, if the name found one.
        prompt: The final text, if it can be sent.
        config: The settings.
        images: All of the images; none if one is missing.
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
