"""Requests to the sandbox and its answers, by code that is neither the client's nor its own."""

import email
import email.message
import http.client
import io
import json
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from prodia_compose.sandbox import server

NANO = "inference.nano-banana.img2img.v2"
FLEX = "inference.flux-2.flex.img2img.v1"
PRO = "inference.flux-2.pro.img2img.v1"
TOKEN = "any-token-passes"
BOUNDARY = "a-boundary-of-thirty-characters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a multipart body, as sent."""

    name: str
    data: bytes
    filename: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """An answer."""

    status: int
    headers: email.message.Message
    body: bytes

    @property
    def content_type(self) -> str:
        """The media type without parameters."""
        return self.headers.get_content_type()

    @property
    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    @property
    def parts(self) -> list[tuple[str, str, str, bytes]]:
        """The parts of a multipart body: name, file name, media type, bytes."""
        assert self.content_type == "multipart/form-data"
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.message_from_bytes(head + self.body)
        assert message.is_multipart()
        assert not message.defects
        return [
            (
                str(part.get_param("name", header="Content-Disposition")),
                str(part.get_filename()),
                part.get_content_type(),
                _payload(part),
            )
            for part in message.get_payload()
            if isinstance(part, email.message.Message)
        ]

    @property
    def job(self) -> dict[str, object]:
        """The `job` part of a multipart body."""
        (job,) = (data for name, _, _, data in self.parts if name == "job")
        value = json.loads(job)
        assert isinstance(value, dict)
        return value

    @property
    def error(self) -> str:
        """The words of an error, whatever its shape."""
        if self.content_type.startswith("text/"):
            return self.body.decode()
        job = self.job if self.content_type == "multipart/form-data" else self.json
        return str(job["error"])

    @property
    def image(self) -> Image.Image:
        """The body as a decoded image."""
        return decoded(self.body)


def _payload(part: email.message.Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def decoded(data: bytes) -> Image.Image:
    """Return a decoded image, its file closed."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def picture(
    colour: str = "red", size: tuple[int, int] = (60, 40), image_format: str = "JPEG"
) -> bytes:
    """Return the bytes of a picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, image_format)
    return buffer.getvalue()


def make_job(job_type: str = NANO, **config: object) -> dict[str, object]:
    """Return a job JSON with a prompt."""
    return {"type": job_type, "config": {"prompt": "put the first into the second"} | config}


def job_part(job: object) -> Part:
    """Return the `job` part of a body."""
    data = json.dumps(job).encode()
    return Part(name="job", data=data, filename="job.json", content_type="application/json")


def input_part(filename: str, data: bytes | None = None) -> Part:
    """Return an `input` part; a small red picture unless told otherwise."""
    data = picture() if data is None else data
    return Part(name="input", data=data, filename=filename, content_type="image/jpeg")


def encode(parts: Sequence[Part], boundary: str = BOUNDARY) -> bytes:
    """Return a multipart body."""
    body = bytearray()
    for part in parts:
        filename = "" if part.filename is None else f'; filename="{part.filename}"'
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{part.name}"'.encode()
        body += f"{filename}\r\n".encode()
        if part.content_type:
            body += f"Content-Type: {part.content_type}\r\n".encode()
        body += b"\r\n" + part.data + b"\r\n"
    return bytes(body + f"--{boundary}--\r\n".encode())


def ask(
    sandbox: server.Sandbox,
    method: str,
    path: str,
    *,
    body: bytes | Iterator[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    token: str | None = TOKEN,
) -> Got:
    """Send one request over a connection of its own."""
    place = urllib.parse.urlsplit(sandbox.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=20)
    sent = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        connection.request(method, path, body=body, headers={**sent, **(headers or {})})
        with connection.getresponse() as response:
            return Got(status=response.status, headers=response.headers, body=response.read())
    finally:
        connection.close()


def send(
    sandbox: server.Sandbox,
    *parts: Part,
    accept: str | None = None,
    path: str = "/v2/job",
    token: str | None = TOKEN,
) -> Got:
    """Post a multipart job."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    if accept is not None:
        headers["Accept"] = accept
    return ask(sandbox, "POST", path, body=encode(parts), headers=headers, token=token)


def send_job(
    sandbox: server.Sandbox,
    job: object,
    names: Sequence[str] = ("a.jpg", "b.jpg"),
    accept: str | None = None,
    path: str = "/v2/job",
) -> Got:
    """Post a job with small red inputs of these names."""
    return send(
        sandbox, job_part(job), *(input_part(name) for name in names), accept=accept, path=path
    )
