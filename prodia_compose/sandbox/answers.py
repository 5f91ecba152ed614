"""Answers: what a client's Accept header asks for, and the bytes it gets."""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Literal

from prodia_compose.frozen import frozen

Format = Literal["JPEG", "PNG", "WEBP"]
Shape = Literal["image", "multipart", "json"]
"""The bare image, the job record and outputs together, or the job record alone."""

MEDIA_TYPES: dict[Format, str] = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
SUFFIXES: dict[Format, str] = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_FORMATS: dict[str, Format] = {media_type: name for name, media_type in MEDIA_TYPES.items()}

Headers = tuple[tuple[str, str], ...]


class RefusedError(Exception):
    """A request is turned down as the service would do it: with a status and a reason."""

    def __init__(self, status: int, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


@frozen
class Answer:
    """An HTTP answer, whole; `headers` are those beside Content-Type and Content-Length."""

    status: int
    content_type: str
    body: bytes
    headers: Headers = ()


@frozen
class Output:
    """One output of a job."""

    filename: str
    content_type: str
    data: bytes


@frozen
class Wanted:
    """What an Accept header asks for."""

    shape: Shape
    format: Format

    @classmethod
    def from_accept(cls, accept: str | None) -> "Wanted":
        """Return what the header asks for; JPEG where it leaves the choice.

        The list is searched in the client's order of preference. An image type beside
        `multipart/form-data` is a bare parameter, as the vendor's SDK writes it.

        Raises:
            RefusedError: It names nothing that can be had (undocumented: 406 is chosen).
        """
        if accept is None or not accept.strip():
            return cls(shape="image", format="JPEG")
        for entry in sorted(accept.lower().split(","), key=_preference):
            wanted = _wanted(*[text.strip() for text in entry.split(";")])
            if wanted is not None:
                return wanted
        raise RefusedError(406, f"nothing in Accept '{accept}' can be had")


def _preference(entry: str) -> float:
    """Return a sort key from the entry's `q`, the most wanted first; an odd one counts 0."""
    found = re.search(r";\s*q\s*=\s*([0-9]*\.?[0-9]+)?", entry)
    return -float(found[1] or 0) if found else -1.0


def _wanted(media_type: str, *parameters: str) -> Wanted | None:
    image_format = "JPEG" if media_type in ("*/*", "image/*") else _FORMATS.get(media_type)
    if image_format:
        return Wanted(shape="image", format=image_format)
    if media_type == "application/json":
        return Wanted(shape="json", format="JPEG")
    if media_type != "multipart/form-data":
        return None
    named = [text for text in parameters if "/" in text and "=" not in text]
    image_format = _FORMATS.get(named[0]) if named else "JPEG"
    return Wanted(shape="multipart", format=image_format) if image_format else None


def as_text(status: int, text: str) -> Answer:
    """Return an answer in plain text."""
    content_type = "text/plain; charset=utf-8"
    return Answer(status=status, content_type=content_type, body=text.encode())


def as_json(status: int, value: object, headers: Headers = ()) -> Answer:
    """Return an answer with a JSON body."""
    body = json.dumps(value).encode()
    return Answer(status=status, content_type="application/json", body=body, headers=headers)


def deliver(
    status: int, shape: Shape, job: Mapping[str, object], outputs: Sequence[Output]
) -> Answer:
    """Return a job's answer in the shape asked for.

    A job without output has only its record to give, whatever shape was asked for
    (undocumented for the bare image).
    """
    if shape == "multipart":
        return _multipart(status, job, outputs)
    if shape == "image" and outputs:
        return Answer(status=status, content_type=outputs[0].content_type, body=outputs[0].data)
    return as_json(status, job)


def refuse(refused: RefusedError, accept: str | None = None) -> Answer:
    """Return an error: multipart with only a `job` part if multipart was asked for, else JSON.

    A 401 is plain text whatever was asked for. What the service sends when a bare image was
    asked for is undocumented.
    """
    if refused.status == 401:
        return as_text(401, f"token is invalid: {refused.message}\n")
    if (accept or "").strip().lower().startswith("multipart/form-data"):
        job = {"id": str(uuid.uuid4()), "error": refused.message}
        return _multipart(refused.status, job, (), refused.headers)
    return as_json(refused.status, {"error": refused.message}, refused.headers)


def _multipart(
    status: int, job: Mapping[str, object], outputs: Sequence[Output], headers: Headers = ()
) -> Answer:
    boundary = f"sandbox-{uuid.uuid4().hex}"
    data = json.dumps(job).encode()
    record = Output(filename="job.json", content_type="application/json", data=data)
    body = bytearray()
    for name, part in (("job", record), *(("output", output) for output in outputs)):
        head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="{name}"; filename="{part.filename}"\r\n'
            f"Content-Type: {part.content_type}\r\n\r\n"
        )
        body += head.encode() + part.data + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    content_type = f"multipart/form-data; boundary={boundary}"
    return Answer(status=status, content_type=content_type, body=bytes(body), headers=headers)
