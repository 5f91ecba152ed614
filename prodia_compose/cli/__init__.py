"""The command line: options in, words and exit code out. The only package that knows Typer."""

import contextlib
import errno
import gc
import os
import signal
import sys
from collections.abc import Sequence

_SIGNALLED = (129, 130, 143)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        argv: The arguments after the program's name; None takes the process's own.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments[:1] == ["__complete"]:  # a shell, at a TAB press; no person types this
        from prodia_compose.cli.completion import answers  # noqa: PLC0415 - without Typer

        return answers.run(arguments[1:])
    from prodia_compose.cli import boundary  # noqa: PLC0415

    return boundary.run(arguments)


def entry_point() -> None:
    """Run the process's command line and exit with its code."""
    # Modules are loaded in a row and all stay: to look for garbage among them takes a quarter of a
    # TAB press's time. Those of a job that is sent make some 60,000 objects, so that nobody looks.
    gc.set_threshold(100_000)
    # A thread that decodes pictures waits so long for one that runs Python to make way; ten times
    # as long by default, at each block that is read.
    sys.setswitchinterval(0.0005)
    _occupy_standard_descriptors()
    try:
        code = main()
    except OSError as exc:  # as modules are loaded, ours that tell of errors among them
        if exc.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        os.write(2, b"prodia-compose: error: no more files can be opened: raise the limit\n")
        os._exit(8)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, AttributeError):
            stream.flush()
    if code in _SIGNALLED and os.name == "posix":
        _end_by_signal(code - 128)
    # All is written and closed by now. To take every module apart would cost 40 ms.
    os._exit(code)


def _end_by_signal(number: int) -> None:
    """End the process by the signal that ended its work, for which a shell shows 128 more.

    Bash goes on with a loop, and so to the next paid job, unless the signal itself ended us.
    """
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _occupy_standard_descriptors() -> None:
    """Open nothing in place of closed standard streams (`2>&-`).

    Else a file of ours would get the number of one, and what a library of C writes to
    stderr would land in it. To Python such a stream stays closed.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
