"""`completion`: what lets a shell complete command lines, printed or put where the shell looks."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from prodia_compose import errors, values
from prodia_compose.cli import terminal
from prodia_compose.cli.completion import folders
from prodia_compose.progress import visible

FILES: dict[str, str] = {
    "bash": "prodia-compose.bash",
    "zsh": "_prodia-compose",
    "fish": "prodia-compose.fish",
    "powershell": "prodia-compose.ps1",
}
"""The scripts of `cli/completion`, by the shell they are for."""

_OURS = b"# Completion of prodia-compose "  # in the first lines of all of them, of any version
_SCRIPTS = Path(__file__).parent.parent / "completion"
_PROFILE = "prodia-compose completion powershell >> $PROFILE"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Let a shell complete command lines at a TAB press.

    \b
    prodia-compose completion install     for your shell; it asks first
    prodia-compose completion install zsh -y
    prodia-compose completion bash        prints the script
    """  # noqa: D301


@app.command("install", short_help="Put the script where a shell looks for it")
def install(
    shell: Annotated[
        str | None,
        typer.Argument(metavar="[bash|zsh|fish]", help="The shell; without it, that of SHELL"),
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Write it without asking")] = False,
) -> int:
    """Put the script where a shell looks for it, and say what is left to do.

    \b
    prodia-compose completion install
    prodia-compose completion install fish -y

    It makes the folder if there is none, and writes this one file: start-up files
    such as ~/.zshrc stay as they are. Its path is printed; to undo it, remove it.
    """  # noqa: D301
    name = folders.shell(os.environ) if shell is None else _named(shell)
    path = folders.file(name, os.environ)
    script = (_SCRIPTS / FILES[name]).read_bytes()
    found = _standing(path)
    if found != script:
        _agree(path, is_there=found is not None, yes=yes, shell=name)
        _write(path, script, name)
    terminal.print_path(path)
    if found == script:
        terminal.tell("prodia-compose: already there")
    for line in folders.following(name, path, os.environ):
        terminal.tell(f"{'' if line.startswith(' ') else 'prodia-compose: '}{visible(line)}")
    return 0


def _named(typed: str) -> str:
    """Return the shell that was typed, perhaps as the path that SHELL has.

    Raises:
        errors.UsageError: Nothing is installed for it.
    """
    name = values.choice(os.path.basename(typed), "completion install", allowed=list(FILES))  # noqa: PTH119 - as typed
    if name == "powershell":
        why = "PowerShell looks into no folder"
        raise errors.UsageError(f"completion install: {why}", f"add it to your profile: {_PROFILE}")
    return name


def _standing(path: str) -> bytes | None:
    """Return a script of ours that stands there, of whatever version.

    Raises:
        errors.OutputError: Something else stands there.
    """
    if not os.path.lexists(path):
        return None
    try:
        data = Path(path).read_bytes() if os.path.isfile(path) else b""  # noqa: PTH113 - any path
    except OSError as exc:
        raise errors.OutputError(
            f"{visible(path)}: {errors.reason(exc, {})[0]}", path=path
        ) from exc
    if _OURS not in data[:200]:
        message = f"{visible(path)}: is there and not of prodia-compose"
        raise errors.OutputError(message, "move it away, and run this again", path=path)
    return data


def _agree(path: str, *, is_there: bool, yes: bool, shell: str) -> None:
    """Ask whether to write, unless that is settled.

    Raises:
        errors.UsageError: There is nobody to ask, or the answer is no.
    """
    if yes:
        return
    if not (terminal.is_terminal(sys.stdin) and terminal.is_terminal(sys.stderr)):
        cure = f"-y writes {visible(path)} without asking"
        raise errors.UsageError("completion install: there is nobody to ask", cure)
    what = "replace the one of another version" if is_there else "write"
    if not terminal.is_agreed(f"prodia-compose: for {shell}, {what}: {visible(path)}? [y/N] "):
        raise errors.UsageError("completion install: nothing was written")


def _write(path: str, script: bytes, shell: str) -> None:
    """Write a file that is whole or absent, links followed, and its folder if there is none.

    Raises:
        errors.OutputError: It cannot be.
    """
    from prodia_compose.inputs import blob  # noqa: PLC0415 - only to write
    from prodia_compose.output import places  # noqa: PLC0415 - as above

    place = places.Place(path=path, if_exists="overwrite", create_dirs=True)
    try:
        places.publish(blob.stored([script]), place)
    except OSError as exc:
        cure = f"`prodia-compose completion {shell}` prints what belongs there"
        message = f"{visible(path)}: {errors.reason(exc, {})[0]}"
        raise errors.OutputError(message, cure, path=path) from exc


def _printing(shell: str) -> Callable[[], int]:
    """Return the command that prints a shell's script."""

    def show() -> int:
        script = _SCRIPTS / FILES[shell]
        terminal.print_text(script.read_text(encoding="utf-8").removesuffix("\n"))
        return 0

    return show


_EXAMPLES: dict[str, str] = {
    "bash": 'eval "$(prodia-compose completion bash)"    in ~/.bashrc',
    "zsh": "prodia-compose completion zsh > ~/.zfunc/_prodia-compose",
    "fish": "prodia-compose completion fish | source    in config.fish",
    "powershell": _PROFILE,
}

for _shell, _example in _EXAMPLES.items():
    app.command(
        _shell,
        short_help=f"Print the script for {_shell}",
        help=f"Print the script for {_shell}, to be put in place by hand.\n\n\b\n{_example}",
    )(_printing(_shell))
