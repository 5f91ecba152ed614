"""HTTP: requests in, answers out, one connection a thread."""

import http.server
import socket
import struct
import urllib.parse
import uuid
from http import HTTPStatus
from typing import Any

from prodia_compose.sandbox import answers, incoming
from prodia_compose.sandbox.answers import Answer, RefusedError
from prodia_compose.sandbox.faults import FaultKind
from prodia_compose.sandbox.incoming import BrokenBodyError, Pieces, Submission
from prodia_compose.sandbox.service import JobRequest, Service

_JOB = "/v2/job"
_ASYNC = "/v2/job/async"
_STALL_STEP_S = 0.05


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one connection, which may carry several requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes

    def __init__(self, service: Service, *connection: Any) -> None:
        self._service = service
        self._request_id = ""
        self._fault: FaultKind | None = None  # one that spoils the sending
        super().__init__(*connection)  # socket, address, server

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
        self._send(answers.as_json(status, {"error": text}, incoming.CLOSE))

    def _serve(self) -> None:
        """Do the work of one request, and send what comes of it."""
        self._request_id = str(uuid.uuid4())
        try:
            answer = self._answer()
        except RefusedError as refused:
            answer = answers.refuse(refused)
        except Exception as error:  # noqa: BLE001 - a quiet server tells its bugs in the answer
            text = f"the sandbox itself failed: {type(error).__name__}: {error}"
            answer = answers.as_json(500, {"error": text}, incoming.CLOSE)
        self._send(answer)

    do_GET = do_POST = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815 - the base class calls them so

    def _answer(self) -> Answer | None:
        """Return the answer to the request; None to close the connection without one."""
        path, _, query = self.path.partition("?")
        with_price = urllib.parse.parse_qs(query).get("price") == ["true"]
        pieces = incoming.body_pieces(self.rfile, self.headers)
        creates = path in (_JOB, _ASYNC)
        if creates and self.command == "POST":
            return self._create(pieces, is_async=path == _ASYNC, with_price=with_price)
        _drain(pieces)
        if self.command == "GET" and not creates:
            self._service.check_token(self.headers.get("Authorization"))
            return self._service.look_up(path, with_price=with_price)
        if not creates and not path.startswith(f"{_ASYNC}/"):
            raise RefusedError(404, "not found")
        allowed = (("Allow", "POST" if creates else "GET"),)
        raise RefusedError(405, f"{self.command} is not allowed here", allowed)

    def _create(self, pieces: Pieces, *, is_async: bool, with_price: bool) -> Answer | None:
        try:
            self._service.check_token(self.headers.get("Authorization"))
        except RefusedError:
            _drain(pieces)
            raise
        fault = self._service.faults.take()
        if fault == "drop-before":  # the client sees a reset, as from a server that crashed
            at_once = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            return None
        submission: Submission | RefusedError
        try:
            submission = incoming.read_submission(self.headers.get("Content-Type", ""), pieces)
        except BrokenBodyError:
            raise
        except RefusedError as refused:
            # Afresh: the traceback of the one caught holds the inputs read so far.
            submission = RefusedError(refused.status, refused.message)
        _drain(pieces)
        request = JobRequest(
            submission=submission,
            accept=self.headers.get("Accept"),
            is_async=is_async,
            with_price=with_price,
            fault=fault,
            request_id=self._request_id,
        )
        answer = self._service.create(request)
        self._fault = fault  # only now, as it does not spoil what the sandbox itself refuses
        return answer

    def _send(self, answer: Answer | None) -> None:
        """Send an answer, spoilt as the fault tells; a client that has gone is no error."""
        try:
            if answer is None:
                self._hang_up()
            else:
                self._write(answer)
        except OSError:
            self.close_connection = True

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("x-request-id", self._request_id)
        self.send_header("x-sandbox", "prodia-compose")  # whoever pays may ask whom
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if self._fault == "cut":
            self.wfile.write(answer.body[: len(answer.body) // 2])
            self.close_connection = True
        elif self.command != "HEAD":
            self.wfile.write(answer.body)

    def _hang_up(self) -> None:
        """End the connection without an answer; a stalled one when somebody else does."""
        self.close_connection = True
        self.connection.settimeout(_STALL_STEP_S)
        while self._fault == "stall" and not self._service.closing.wait(_STALL_STEP_S):
            try:
                if not self.connection.recv(1, socket.MSG_PEEK):
                    return
            except TimeoutError:
                continue


def _drain(pieces: Pieces) -> None:
    """Read the rest of a body, so that the client gets to read the answer."""
    for _ in pieces:
        pass
