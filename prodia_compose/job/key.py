"""What two runs share that ask for the same picture, known before a pixel is decoded."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields

from prodia_compose.frozen import frozen
from prodia_compose.images.options import Fitting
from prodia_compose.models.facts import SettingValue
from prodia_compose.output.options import OutputFormat

_NO_PREPARING = ("variables", "max_input_pixels")  # the latter refuses, and changes nothing


@frozen
class Asked:
    """All that decides what picture is asked for, but for what is in the inputs.

    What is left out does not: the inputs' names and labels, the place, the service, the token,
    limits of time and money, and this tool's version.

    Attributes:
        job_type: The service's name for the model.
        settings: As they were given, by the service's names.
        match: The position of the image that the result is framed like; None for none.
        fitting: How the pictures are prepared; what is as by default does not count.
    """

    job_type: str
    prompt: str
    settings: Mapping[str, SettingValue]
    match: int | None
    fitting: Fitting
    format: OutputFormat

    def key(self, sources: Iterable[str]) -> str:
        """Return the request key, the SHA-256 in hex over this as canonical JSON.

        Canonical is sorted by key, without blanks, in ASCII.

        Args:
            sources: Of each input, in order, the SHA-256 of its bytes as they lie there, in
                hex; of a URL, its address.
        """
        preparing = {
            field.name: getattr(self.fitting, field.name)
            for field in fields(self.fitting)
            if field.name not in _NO_PREPARING
            and getattr(self.fitting, field.name) != field.default
        }
        known = {**vars(self), "settings": dict(self.settings), "sources": list(sources)}
        del known["fitting"]
        text = json.dumps(
            {**known, "preparing": preparing},
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )
        return hashlib.sha256(text.encode("ascii")).hexdigest()
