"""`sandbox`: serve the stand-in until stopped, or for as long as a command runs."""

import contextlib
import os
import queue
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence

from prodia_compose import errors
from prodia_compose.cli import signals, terminal
from prodia_compose.client.service import SANDBOX_TOKEN, Token
from prodia_compose.sandbox import server
from prodia_compose.sandbox.faults import parse_fault
from prodia_compose.sandbox.service import SandboxOptions

_GRACE_S = 3.0
"""How long a command may take to end by a signal that it may have got as well. More than
`compose` takes to stop and to say where its job is; less than those who cancel (docker stop,
CI) wait before they kill, so that one they sent to us alone is passed on in time."""


def serve(
    command: Sequence[str], *, port: int, token: str | None, latency_s: float, faults: Sequence[str]
) -> int:
    """Serve on loopback; with a command, run it against the sandbox and return its status."""
    if token is not None:
        try:
            Token.parse(token)  # one that no client could send is a mistake
        except errors.AuthError as exc:
            raise errors.UsageError(f"--token: {exc.message}; choose another") from exc
    options = SandboxOptions(
        token=token,
        latency_s=latency_s,
        faults=tuple(parse_fault(fault) for fault in faults),
    )
    with server.Sandbox(options, port=port) as sandbox:
        variables = {"PRODIA_BASE_URL": sandbox.url, "PRODIA_TOKEN": token or SANDBOX_TOKEN}
        if command:
            # Rehearsals do not belong in the record, whatever their token.
            return _run(command, {**variables, "PRODIA_COMPOSE_RECORD": "off"})
        for name, value in variables.items():
            terminal.print_text(f"export {name}={shlex.quote(value)}")
        if terminal.is_terminal(sys.stderr):
            terminal.tell("serving; paste the lines above into another shell, Ctrl-C stops")
        try:
            sandbox.serve_forever()
        except errors.Interrupted as interruption:
            return int(interruption.code)
    return 0


def _run(command: Sequence[str], variables: dict[str, str]) -> int:
    """Run a command with the sandbox's variables and return its status, whatever ended it.

    A terminal, `timeout` and whoever else signals our group signals the command with it. So
    it is given time to end: the same signal again would break off its cleaning up. One that
    comes several times meanwhile tells nothing new.
    """
    happened: queue.SimpleQueue[int] = queue.SimpleQueue()  # signals' numbers; 0: it has ended
    # Told, not raised: one raised as the command ends would lose its status.
    with signals.handled_by(lambda number, _frame: happened.put(number)):
        try:
            process = subprocess.Popen(command, env={**os.environ, **variables})  # noqa: S603 - the user's own command
        except OSError as exc:
            raise errors.UsageError(f"-- {command[0]}: cannot be run: {exc.strerror}") from exc

        def wait() -> None:
            process.wait()
            happened.put(0)

        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        while number := happened.get():
            waiting.join(_GRACE_S)
            for each in sorted({number, *_come(happened)}):
                if waiting.is_alive():
                    process.send_signal(each)
        waiting.join()
    status = process.returncode
    return status if status >= 0 else 128 - status


def _come(happened: "queue.SimpleQueue[int]") -> Iterator[int]:
    """Yield the signals that have come since; that the command has ended is left there."""
    with contextlib.suppress(queue.Empty):
        while number := happened.get_nowait():
            yield number
        happened.put(0)
