"""HTTP: requests in, replies out, one connection a thread."""

import http.server
import socket
import struct
import urllib.parse
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from prodia_compose.sandbox import answers, incoming
from prodia_compose.sandbox.answers import Answer
from prodia_compose.sandbox.incoming import BrokenBodyError, Submission
from prodia_compose.sandbox.refusal import RefusedError
from prodia_compose.sandbox.service import JobRequest, Reply, Service

_JOB = "/v2/job"
_ASYNC = "/v2/job/async"
_STALL_STEP_S = 0.05


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one connection, which may carry several requests.

    Args:
        service: Does the work.
        connection: What `socketserver` hands over: socket, address, server.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes

    def __init__(self, service: Service, *connection: Any) -> None:
        self._service = service
        self._request_id = ""
        super().__init__(*connection)

    def setup(self) -> None:
        """Prepare the connection, with the time limit on reads and writes."""
        super().setup()
        self.connection.settimeout(self._service.options.read_timeout_s)

    def version_string(self) -> str:
        """Return the Server header."""
        return "prodia-compose-sandbox"

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request line that cannot be served; called by the base class."""
        del explain
        status = 405 if code == HTTPStatus.NOT_IMPLEMENTED else code
        text = message or HTTPStatus(status).phrase.lower()
        self._request_id = str(uuid.uuid4())
        self._send(Reply(answer=answers.as_json(status, {"error": text})), close=True)

    def do_POST(self) -> None:
        """Create a job."""
        self._serve(self._post)

    def do_GET(self) -> None:
        """Tell of an async job."""
        self._serve(self._get)

    def _other(self) -> None:
        self._serve(self._refuse_method)

    do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _other  # noqa: N815 - the base class calls them so

    def _serve(self, work: Callable[[], Reply]) -> None:
        """Do the work of one request, and send what comes of it."""
        self._request_id = str(uuid.uuid4())
        try:
            reply, close = work(), False
        except RefusedError as refused:
            answer = answers.as_json(refused.status, {"error": refused.message})
            reply, close = Reply(answer=answer), False
        except BrokenBodyError as broken:
            answer = answers.as_json(broken.status, {"error": broken.message})
            reply, close = Reply(answer=answer), True
        except Exception as error:  # noqa: BLE001 - a quiet server tells its bugs in the answer
            text = f"the sandbox itself failed: {type(error).__name__}: {error}"
            reply, close = Reply(answer=answers.as_json(500, {"error": text})), True
        self._send(reply, close=close)

    def _send(self, reply: Reply, *, close: bool) -> None:
        """Send a reply; a client that has gone is no error."""
        try:
            if reply.answer is None:
                self._hang_up(stall=reply.stall)
            else:
                self._write(reply.answer, cut=reply.cut, close=close)
        except OSError:
            self.close_connection = True

    def _write(self, answer: Answer, *, cut: bool, close: bool) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("x-request-id", self._request_id)
        for name, value in answer.headers:
            self.send_header(name, value)
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        if cut:
            self.close_connection = True

    def _hang_up(self, *, stall: bool) -> None:
        """End the connection without an answer, at once or when somebody else does."""
        self.close_connection = True
        self.connection.settimeout(_STALL_STEP_S)
        while stall and not self._service.closing.wait(_STALL_STEP_S):
            try:
                if not self.connection.recv(1, socket.MSG_PEEK):
                    return
            except TimeoutError:
                continue

    def _post(self) -> Reply:
        path, with_price = self._target()
        pieces = incoming.body_pieces(self.rfile, self.headers)
        if path not in (_JOB, _ASYNC):
            return self._refuse_path(path, pieces)
        unauthorised = self._service.check_token(self.headers.get("Authorization"))
        if unauthorised is not None:
            _drain(pieces)
            return Reply(answer=unauthorised)
        fault = self._service.faults.take()
        if fault == "drop-before":
            self._reset_on_close()
            return Reply(answer=None)
        submission: Submission | RefusedError
        try:
            submission = incoming.read_submission(self.headers.get("Content-Type", ""), pieces)
        except RefusedError as refused:
            # Afresh: the traceback of the one caught holds the inputs read so far.
            submission = RefusedError(refused.status, refused.message)
        _drain(pieces)
        return self._service.create(
            JobRequest(
                submission=submission,
                accept=self.headers.get("Accept"),
                is_async=path == _ASYNC,
                with_price=with_price,
                fault=fault,
                request_id=self._request_id,
            )
        )

    def _get(self) -> Reply:
        path, with_price = self._target()
        _drain(incoming.body_pieces(self.rfile, self.headers))
        if path in (_JOB, _ASYNC):
            return self._method_not_allowed("POST")
        unauthorised = self._service.check_token(self.headers.get("Authorization"))
        if unauthorised is not None:
            return Reply(answer=unauthorised)
        return Reply(answer=self._service.look_up(path, with_price=with_price))

    def _refuse_method(self) -> Reply:
        path, _ = self._target()
        return self._refuse_path(path, incoming.body_pieces(self.rfile, self.headers))

    def _refuse_path(self, path: str, pieces: incoming.Pieces) -> Reply:
        """Answer 405 where another method would do, else 404."""
        _drain(pieces)
        if path in (_JOB, _ASYNC):
            return self._method_not_allowed("POST")
        if path.startswith(f"{_ASYNC}/"):
            return self._method_not_allowed("GET")
        raise RefusedError(404, "not found")

    def _method_not_allowed(self, allowed: str) -> Reply:
        text = {"error": f"{self.command} is not allowed here"}
        return Reply(answer=answers.as_json(405, text, (("Allow", allowed),)))

    def _target(self) -> tuple[str, bool]:
        """Return the path, and whether the query asks for the price."""
        path, _, query = self.path.partition("?")
        return path, urllib.parse.parse_qs(query).get("price") == ["true"]

    def _reset_on_close(self) -> None:
        """Let the client see a reset, as from a server that crashed."""
        at_once = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)


def _drain(pieces: incoming.Pieces) -> None:
    """Read the rest of a body, so that the client gets to read the answer."""
    for _ in pieces:
        pass
