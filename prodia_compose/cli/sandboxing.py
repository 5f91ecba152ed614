"""`sandbox`: serve the stand-in until stopped, or for as long as a command runs."""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence

from prodia_compose import errors
from prodia_compose.cli import console
from prodia_compose.sandbox import server
from prodia_compose.service import SANDBOX_TOKEN, Token

__all__ = ["serve"]


def serve(
    command: Sequence[str], *, port: int, token: str | None, latency_s: float, faults: Sequence[str]
) -> int:
    """Serve on loopback; with a command, run it against the sandbox and return its status."""
    if token is not None:
        try:
            Token.parse(token)  # one that no client could send is a mistake
        except errors.AuthError as exc:
            raise errors.UsageError(f"--token: {exc.message}; choose another") from exc
    options = server.SandboxOptions(
        token=token,
        latency_s=latency_s,
        faults=tuple(server.parse_fault(fault) for fault in faults),
    )
    with server.Sandbox(options, port=port) as sandbox:
        variables = {"PRODIA_BASE_URL": sandbox.url, "PRODIA_TOKEN": token or SANDBOX_TOKEN}
        if command:
            # Rehearsals do not belong in the record, whatever their token.
            return _run(command, {**variables, "PRODIA_COMPOSE_RECORD": "off"})
        for name, value in variables.items():
            console.print_text(f"export {name}={shlex.quote(value)}")
        if console.is_terminal(sys.stderr):
            console.tell("serving; paste the lines above into another shell, Ctrl-C stops")
        try:
            sandbox.serve_forever()
        except errors.Interrupted as interruption:
            return int(interruption.code)
    return 0


def _run(command: Sequence[str], variables: dict[str, str]) -> int:
    """Run a command with the sandbox's variables; a signal reaches it first, then us."""
    try:
        process = subprocess.Popen(command, env={**os.environ, **variables})  # noqa: S603 - the user's own command
    except OSError as exc:
        raise errors.UsageError(f"-- {command[0]}: cannot be run: {exc.strerror}") from exc
    try:
        status = process.wait()
    except errors.Interrupted as interruption:
        process.send_signal(interruption.signum)
        process.wait()
        return int(interruption.code)
    return status if status >= 0 else 128 - status
