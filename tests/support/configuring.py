"""Config files in tests, and what a command makes of one."""

from pathlib import Path
from typing import Any, TypeVar

import typer

from prodia_compose.cli.options import reading
from prodia_compose.cli.options.declared import Telling

Options = TypeVar("Options", bound=Telling)


def write(text: str | bytes) -> Path:
    """Write the config where the platform has it; return its path."""
    place = reading.config_place()
    assert place is not None
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def typed(kind: type[Options], *argv: str, command: str = "compose") -> Options:
    """Return the options of a command as its line, the environment and the config have them.

    Raises:
        errors.UsageError: A value is none, or contradicts another.
    """

    def run(options: Any) -> Any:
        return options

    run.__annotations__["options"] = kind
    app = typer.Typer()
    app.command(command)(reading.takes_options(run))
    found: Options = typer.main.get_command(app).main(
        [*argv], prog_name=command, standalone_mode=False
    )
    return found
