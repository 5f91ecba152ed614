"""A service on 127.0.0.1 that counts what it was asked for, and answers each with a picture of its own."""

import contextlib
import email.parser
import email.policy
import http.server
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import loopback
from conftest import SAMPLES

_SCENE = (SAMPLES / "scene.jpg").read_bytes()


def picture(prompt: str) -> bytes:
    """Return the picture that a prompt gets: a JPEG with the prompt as its comment."""
    words = prompt.encode()
    return _SCENE[:2] + b"\xff\xfe" + (len(words) + 2).to_bytes(2, "big") + words + _SCENE[2:]


class Service(http.server.ThreadingHTTPServer):
    """A running service.

    Attributes:
        asked: How often each prompt was sent, to the last byte.
        answers: What prompts get instead of their pictures, one after the other.
        pauses_s: Between which bounds it takes for a picture.
        meanwhile: Called with a prompt before it is answered.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, pauses_s: tuple[float, float]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[str] = Counter()
        self.answers: dict[str, list[loopback.Answer]] = {}
        self.pauses_s = pauses_s
        self.meanwhile: Callable[[str], object] = lambda _prompt: None
        self.chance = random.Random(7)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that is killed in the middle is what the tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        body = self.rfile.read(size)
        if len(body) < size:
            return
        kind = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(kind + body)
        job: Any = json.loads(next(iter(message.iter_parts())).get_payload(decode=True))  # type: ignore[arg-type]
        prompt = job["config"]["prompt"]
        self.server.asked[prompt] += 1
        script = self.server.answers.get(prompt)
        answer = script.pop(0) if script else loopback.multipart_ok(picture(prompt))
        self.server.meanwhile(prompt)
        time.sleep(self.server.chance.uniform(*self.server.pauses_s))
        if not answer.drop:
            self.wfile.write(answer.head() + answer.framed())
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Log nothing."""


@contextlib.contextmanager
def serve(*pauses_s: float) -> Iterator[Service]:
    """Run a service while the block runs; bounds of how long a picture takes, in seconds."""
    shortest, longest = pauses_s or (0.0, 0.0)
    with Service((shortest, longest)) as service:
        threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05}).start()
        try:
            yield service
        finally:
            service.shutdown()
