"""A service on loopback that reads a job and answers at once, whatever it was."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_BOUNDARY: Final = "benchmark-0123456789abcdef0123"
_PICTURE: Final = Path(__file__).parent.parent / "images" / "scene.jpg"
_JOB: Final = {
    "type": "inference.flux-2.max.img2img.v1",
    "id": "6c1f2a3e-0b4d-4c5e-8f90-123456789abc",
    "created_at": "2026-08-01T10:00:00.000Z",
    "updated_at": "2026-08-01T10:00:08.000Z",
    "expires_at": "2026-08-01T10:05:00.000Z",
    "state": {"current": "completed", "history": None},
    "config": {},
    "metrics": {"elapsed": 7.5},
    "price": {"product": "inference-flux-2-max", "dollars": 0.04},
}


@contextlib.contextmanager
def service() -> Iterator[str]:
    """Serve in a thread for the block, and give the base URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read a job and answer with a picture, in the form that was asked for."""
        left = int(self.headers["Content-Length"])
        buffer = memoryview(bytearray(1 << 20))
        while left:
            count = self.rfile.readinto(buffer[: min(left, len(buffer))])
            if not count:
                return
            left -= count
        picture = _PICTURE.read_bytes()
        if "multipart" in self.headers.get("Accept", ""):
            kind, body = f"multipart/form-data; boundary={_BOUNDARY}", _multipart(picture)
        else:
            kind, body = "image/jpeg", picture
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-request-id", "benchmark")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _multipart(picture: bytes) -> bytes:
    """Return the record of a job and its picture as the service sends them."""
    parts = (
        ("job", "job.json", "application/json", json.dumps(_JOB).encode()),
        ("output", "output.jpg", "image/jpeg", picture),
    )
    return b"".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        f"Content-Type: {kind}\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, filename, kind, data in parts
    ) + (f"--{_BOUNDARY}--\r\n".encode())
