"""The command line: options in, words and exit code out. The only package that knows Typer."""

import sys
from collections.abc import Sequence

__all__ = ["entry_point", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        argv: The arguments after the program's name; None takes the process's own.
    """
    try:
        from prodia_compose.cli import boundary  # noqa: PLC0415 - 60 ms in which Ctrl-C may come
    except KeyboardInterrupt:
        return 130
    return boundary.run(sys.argv[1:] if argv is None else argv)


def entry_point() -> None:
    """Run the process's command line and exit with its code."""
    sys.exit(main())
