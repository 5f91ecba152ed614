"""The one place that turns what went wrong into words and an exit code."""

import errno
import os
import signal
import traceback
from collections.abc import Sequence

import typer

from prodia_compose import errors
from prodia_compose.cli import console, signals
from prodia_compose.cli.app import app

__all__ = ["run"]

_STREAM_TROUBLE = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT)


def run(argv: Sequence[str]) -> int:
    """Run the application on some arguments and return the exit code."""
    options = argv[: argv.index("--")] if "--" in argv else argv
    as_json = "--json" in options or bool(os.environ.get("PRODIA_COMPOSE_JSON"))
    try:
        with signals.as_exceptions():
            code = _call(argv)
    except errors.ComposeError as error:
        console.tell_error(error, as_json=as_json)
        code = int(error.code)
    except errors.Interrupted as interruption:
        console.tell_interruption(interruption, as_json=as_json)
        code = int(interruption.code)
    except KeyboardInterrupt:
        console.tell_interruption(errors.Interrupted(signal.SIGINT), as_json=as_json)
        code = int(errors.ExitCode.SIGINT)
    except Exception:  # noqa: BLE001 - the last boundary: a bug is shown whole, with its own code
        console.tell(traceback.format_exc() + "prodia-compose: this is a bug; please report it")
        code = int(errors.ExitCode.BUG)
    return console.flush(code)


def _call(argv: Sequence[str]) -> int:
    """Let Typer parse and run; its own errors become ours."""
    try:
        code = app(args=list(argv), prog_name="prodia-compose", standalone_mode=False)
    except typer.TyperException as exc:
        raise errors.UsageError(_words(exc)) from exc
    except typer.Abort:
        return int(errors.ExitCode.SIGINT)
    except OSError as exc:
        if exc.errno not in _STREAM_TROUBLE:
            raise
        # Help, which Typer prints itself, into a full disk.
        raise errors.OutputError(f"standard output: {exc.strerror}; redirect it") from exc
    except SystemExit as exc:
        if isinstance(exc.__context__, BrokenPipeError):  # Typer's way to say that nobody reads
            return 0
        raise
    return code if isinstance(code, int) else 0


def _words(exc: typer.TyperException) -> str:
    """Return the parser's message as one line in the house's voice, with where help is."""
    message = " ".join(exc.format_message().split())
    context = getattr(exc, "ctx", None)  # only some of the parser's errors have one
    command = context.command_path if context is not None else "prodia-compose"
    return f"{message[:1].lower()}{message[1:].rstrip('.')}; see {command} --help"
