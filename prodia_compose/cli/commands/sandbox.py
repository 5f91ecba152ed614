"""`sandbox`: serve the stand-in until stopped, or for as long as a command runs."""

import contextlib
import errno
import os
import queue
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from prodia_compose import errors, values
from prodia_compose.cli import signals, terminal
from prodia_compose.client.service import SANDBOX_TOKEN, Token
from prodia_compose.record import home

if TYPE_CHECKING:  # for an annotation; it loads Pillow
    from prodia_compose.sandbox.service import SandboxOptions

GRACE_S = 3.0
"""How long a command may take to end by a signal that it may have got as well. More than
`compose` takes to stop and to say where its job is; less than those who cancel (docker stop,
CI) wait before they kill, so that one they sent to us alone is passed on in time."""

_LOOK_EVERY_S = 0.02

_FAULTS = """\
\b
Faults:
busy           429 with Retry-After, once
busy-forever   the same, always
too-large      413: the upload is too large
server-error   500: the service broke
rejected       400: the job is refused
unauthorised   401: the token is refused
failed         the job ran, and failed
wrong-type     an HTML page in place of a picture
cut            the answer breaks off half-way
stall          all is read, and no answer comes
drop-before    the connection is closed before the upload is read
drop-after     the connection is closed once all was read
"""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=_FAULTS, context_settings={"allow_interspersed_args": False})
def sandbox(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- CMD...]", help="Run this with the sandbox set up, then stop"),
    ] = None,
    *,
    port: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=values.parsing("--port", int, "8080", maximum=65535),
            help="Port to listen on; 0 takes any free one",
        ),
    ] = 0,
    token: Annotated[
        str | None,
        typer.Option(metavar="T", help="Accept this token only; without it, any will do"),
    ] = None,
    latency: Annotated[
        float,
        typer.Option(
            metavar="S",
            parser=values.parsing("--latency", float, "0.5"),
            help="Wait S seconds before each answer",
        ),
    ] = 0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[:N]", help="Rehearse a fault of the first N jobs; without N, of all"
        ),
    ] = None,
) -> int:
    """Serve a stand-in for the service on this machine: no token, no cost.

    \b
    prodia-compose sandbox                     prints two exports, then serves
    prodia-compose sandbox -- ./nightly.sh     runs a script against it
    prodia-compose sandbox --fault busy:2 -- ./nightly.sh
    """  # noqa: D301
    from prodia_compose.sandbox.faults import parse_fault  # noqa: PLC0415 - loads Pillow
    from prodia_compose.sandbox.service import SandboxOptions  # noqa: PLC0415 - loads Pillow

    if token is not None:
        try:
            Token.parse(token)  # one that no client could send is a mistake
        except errors.AuthError as exc:
            raise errors.UsageError(
                f"--token: {exc.words}", *exc.hints or ("choose another",)
            ) from exc
    faults = tuple(parse_fault(kind) for kind in fault or [])
    options = SandboxOptions(token=token, latency_s=latency, faults=faults)
    return _serve(options, port, command or [])


def _serve(options: "SandboxOptions", port: int, command: Sequence[str]) -> int:
    """Serve on loopback; with a command, run it against the sandbox and return its status."""
    from prodia_compose.sandbox import server  # noqa: PLC0415 - loads Pillow

    with server.Sandbox(options, port=port) as served:
        token = options.token or SANDBOX_TOKEN
        variables = {"PRODIA_BASE_URL": served.url, "PRODIA_TOKEN": token}
        if command:
            # `jobs` tells of the jobs that are rehearsed, unless there is to be no record.
            if not home.is_off(os.environ):
                variables["PRODIA_COMPOSE_RECORD"] = "sandbox"
            return _run(command, variables)
        for name, value in variables.items():
            terminal.print_text(f"export {name}={shlex.quote(value)}")
        if terminal.is_terminal(sys.stderr):
            terminal.tell("serving; paste the lines above into another shell, Ctrl-C stops")
        try:
            served.serve_forever()
        except errors.Interrupted as interruption:
            return int(interruption.code)
    return 0


def _run(command: Sequence[str], variables: dict[str, str]) -> int:
    """Run a command with the sandbox's variables and return its status, whatever ended it.

    A terminal, `timeout` and whoever else signals our group signals the command with it. So
    it is given time to end: the same signal again would break off its cleaning up. One that
    comes several times meanwhile tells nothing new.
    """
    numbers: queue.SimpleQueue[int] = queue.SimpleQueue()
    # Told, not raised: one raised as the command ends would lose its status.
    with signals.handled_by(lambda number, _frame: numbers.put(number)):
        try:
            process = subprocess.Popen(command, env={**os.environ, **variables})  # noqa: S603 - the user's own command
        except OSError as exc:
            why, cure = exc.strerror or str(exc), None
            if exc.errno == errno.EAGAIN:
                why, cure = "no more processes can be started", errors.NO_THREADS[1]
            raise errors.UsageError(f"-- {command[0]}: cannot be run: {why}", cure) from exc
        while process.poll() is None:  # by no thread, which might not be had
            for number in _come(numbers, _LOOK_EVERY_S):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(GRACE_S)
                for each in sorted({number, *_come(numbers, 0)}):
                    process.send_signal(each)  # nothing happens once it has ended
    status = process.returncode
    return status if status >= 0 else 128 - status


def _come(numbers: "queue.SimpleQueue[int]", wait_s: float) -> Iterator[int]:
    """Yield the signals that have come, or come within some seconds."""
    with contextlib.suppress(queue.Empty):
        yield numbers.get(timeout=wait_s)
        while True:
            yield numbers.get_nowait()
