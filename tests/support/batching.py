"""Batches in tests: options as they are typed, and the rows that they make."""

import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer

from prodia_compose.cli.options import reading as typing_
from prodia_compose.cli.options.many import ManyOptions
from prodia_compose.pipeline.batch.options import BatchOptions
from prodia_compose.pipeline.batch.rows import reading
from prodia_compose.pipeline.batch.rows.row import Problem, Row


def typed(*argv: str) -> BatchOptions:
    """Return the options of a batch as the command line reads them.

    Raises:
        errors.UsageError: A value is none, or contradicts another.
    """
    found: BatchOptions = _command().main([*argv], standalone_mode=False)
    return found


@cache
def _command() -> Any:
    def batch(options: ManyOptions) -> Any:
        return options.batch

    app = typer.Typer()
    app.command()(typing_.takes_options(batch))
    return typer.main.get_command(app)


def read(*argv: str, stdin: bytes | None = None) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
    """Return the rows of a batch, and what is wrong with it."""
    return reading.read(typed(*argv), None if stdin is None else io.BytesIO(stdin))


def rows(*argv: str, stdin: bytes | None = None) -> tuple[Row, ...]:
    """Return the rows of a batch with which nothing is wrong."""
    found, problems = read(*argv, stdin=stdin)
    assert [problem.as_error("FILE").message for problem in problems] == []
    return found


def refusals(*argv: str, stdin: bytes | None = None) -> list[str]:
    """Return what is wrong with a batch, each with its exit code and whether it is the whole's."""
    _, problems = read(*argv, stdin=stdin)
    return [
        f"{int(problem.error.code)}{' whole' if problem.is_whole else ''} {problem.as_error('FILE').message}"
        for problem in problems
    ]


def write(path: Path | str, written: Sequence[object]) -> str:
    """Write a manifest of JSON Lines, a text as it is; return its path."""
    lines = [one if isinstance(one, str) else json.dumps(one) for one in written]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(f"{line}\n" for line in lines))
    return str(path)
