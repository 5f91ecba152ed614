"""A job as the service takes it: its JSON, and the digest of all that is sent."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from prodia_compose.frozen import frozen
from prodia_compose.models.facts import SettingValue


@frozen
class Job:
    """A job as the service takes it.

    Attributes:
        type: The job type.
        config: Its fields, in the order they are sent: prompt, images, settings.
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

    Args:
        job_json: The bytes of `job.json`.
        parts: (file name, media type, SHA-256 in hex) of each input, in order.
    """
    lines = [("job.json", "application/json", hashlib.sha256(job_json).hexdigest()), *parts]
    text = "".join(f"{name}\0{media_type}\0{sha256}\n" for name, media_type, sha256 in lines)
    return f"sha256:{hashlib.sha256(text.encode('ascii')).hexdigest()}"
